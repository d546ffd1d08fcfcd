"""Runs in a folder of their own: the code of one version, the data they read, and what they made brought back.

launch.json says so under `isolation`: `kind` is "rev" (a commit), "copy" (the code as it is at the start) or "repeat"
(a run again); `home` names the run whose folder it shares; `code` is the version, `data` what is put in place of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import EnvironmentProblem, WorkbenchError

WORK_NAME = "work"
OUTPUTS_NAME = "outputs"
CODE_NAME = "code.json"
LEFT_NAME = "left_out.json"


def folder_of(folder: Path, run_folder: Path, launched: Mapping[str, Any]) -> Path:
    """Return where the command runs: the project, or the run's own copy of it."""
    isolation = launched.get("isolation")
    if not isolation:
        return folder
    return run_folder.with_name(isolation.get("home") or run_folder.name) / WORK_NAME


def prepare(folder: Path, run_folder: Path, launched: Mapping[str, Any]) -> None:
    """Make that folder: code, data, and the folders of the outputs; raises WorkbenchError or OSError."""
    isolation, work = launched["isolation"], folder_of(folder, run_folder, launched)
    objects = folder / ".workbench" / "objects"
    version = _version(folder, run_folder, launched)
    left = [] if work.exists() else _check_out(folder, objects, version, work)
    (run_folder / CODE_NAME).write_text(json.dumps(version), encoding="utf-8")
    _link_environments(folder, work, launched.get("venv") or "")
    (run_folder / LEFT_NAME).write_text(json.dumps(left), encoding="utf-8")
    if isolation["kind"] == "repeat":
        _put_data(objects, run_folder, isolation["data"], work)
    else:
        _copy_inputs(folder, launched, work)
    for name in launched["outputs"]:
        if not set("*?[") & set(name) and "://" not in name:
            (work / name).parent.mkdir(parents=True, exist_ok=True)


def _version(folder: Path, run_folder: Path, launched: Mapping[str, Any]) -> dict[str, Any]:
    from workbench.versions import code

    isolation = launched["isolation"]
    if isolation["kind"] != "copy":
        version = code.CodeVersion.from_json(isolation["code"])
        code.keep(folder, version, run_folder.name)
        return version.to_json()
    objects = folder / ".workbench" / "objects"
    captured = code.capture(folder, objects, label=run_folder.name, ignore=tuple(launched["outputs"]))
    return captured.to_json()


def _check_out(folder: Path, objects: Path, version: Mapping[str, Any], work: Path) -> list[str]:
    from workbench.versions import checkout
    from workbench.versions.code import CodeUnavailable, CodeVersion

    try:
        return checkout.write(folder, objects, CodeVersion.from_json(dict(version)), work)
    except CodeUnavailable as problem:
        raise EnvironmentProblem(f"its code cannot be checked out: {problem}", "workbench doctor") from problem


def _put_data(objects: Path, run_folder: Path, rows: list[dict[str, Any]], work: Path) -> None:
    from workbench.runs import inputs
    from workbench.versions import data
    from workbench.versions.objects import Objects

    store, placed = Objects(objects), []
    for row in rows:
        if inputs.is_url(row["path"]):
            placed.append(inputs.with_copy(dict(row), store, run_folder))
            continue
        place = work / row["path"]
        if not place.resolve().is_relative_to(work.resolve()):
            raise EnvironmentProblem(f"{row['path']} lies outside the project", "Only data inside it can be put back.")
        data.restore(store, row["kind"], row["hash"], place, root=work)
        placed.append(row)
    inputs.write(run_folder, placed, "")


def _copy_inputs(folder: Path, launched: Mapping[str, Any], work: Path) -> None:
    """Copy the data that the code version lacks: a link would let the run change the project's own."""
    from workbench.versions.matching import Refused, matching

    sources: Mapping[str, Any] = launched.get("data") or {}
    for pattern in dict.fromkeys([*launched["inputs"], *sources]):
        if "://" in pattern:
            continue
        try:
            found = matching(folder, pattern)
        except Refused:
            continue
        for path in found:
            if os.path.lexists(folder / path) and not os.path.lexists(work / path):
                _copy(folder / path, work / path)


def _link_environments(folder: Path, work: Path, venv: str) -> None:
    """Let a command find the project's virtual environments where it expects them, or the one that stands for them."""
    for settings in folder.glob("*/pyvenv.cfg"):
        link = work / settings.parent.name
        if not os.path.lexists(link):
            link.symlink_to(venv or settings.parent.absolute(), target_is_directory=True)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target)


def code_of(run_folder: Path) -> str:
    """Return the version that was checked out for the run, as JSON text, "" where it ran in the project itself."""
    try:
        return (run_folder / CODE_NAME).read_text(encoding="utf-8")
    except OSError:
        return ""


def left_out(run_folder: Path) -> list[str]:
    """Return what of the code was not put into the run's folder, and why."""
    try:
        found = json.loads((run_folder / LEFT_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [str(note) for note in found] if isinstance(found, list) else []


def finish(folder: Path, run_folder: Path, launched: Mapping[str, Any], *, good: bool) -> list[str]:
    """Bring the outputs back, into the project for a copy that ended well, else into the run's folder; return problems.

    The folder goes, unless another run of the same start still needs it.
    """
    isolation = launched.get("isolation")
    if not isolation:
        return []
    work = folder_of(folder, run_folder, launched)
    into_project = isolation["kind"] == "copy"
    problems = []
    if good or not into_project:
        problems = _bring(work, folder if into_project else run_folder / OUTPUTS_NAME, launched["outputs"])
    if not good or isolation.get("last", True):
        shutil.rmtree(work, ignore_errors=True)
    return problems


def _bring(work: Path, target: Path, patterns: list[str]) -> list[str]:
    from workbench.versions.matching import Refused, matching

    problems = []
    for pattern in patterns:
        try:
            for path in matching(work, pattern):
                if os.path.lexists(work / path):
                    _refuse_links_out(work, work / path)
                    _replace(work / path, target / path)
        except (Refused, OSError, WorkbenchError) as error:
            problems.append(f"{pattern} could not be brought back: {error}")
    return problems


def _refuse_links_out(work: Path, place: Path) -> None:
    """Raise OSError for a link that leads out of the run's folder, or to it by its whole name, which will be gone."""
    from workbench.versions.restoring import stays_inside

    inside = place.rglob("*") if place.is_dir() and not place.is_symlink() else ()
    for one in (place, *inside):
        if one.is_symlink():
            points_to = os.readlink(one)  # noqa: PTH115 - as it was written
            name = one.relative_to(work).as_posix()
            if points_to.startswith("/") or not stays_inside(name, points_to, str(work)):
                raise OSError(f"{name} is a link that leads elsewhere")


def _replace(source: Path, target: Path) -> None:
    """Put a copy of a file or folder at its place; a crash leaves what was there, or the new one."""
    new = target.with_name(f".{target.name}.{os.urandom(4).hex()}.tmp")
    try:
        if source.is_symlink():
            new.parent.mkdir(parents=True, exist_ok=True)
            new.symlink_to(source.readlink())
        else:
            _copy(source, new)
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        new.replace(target)
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(new) if new.is_dir() and not new.is_symlink() else new.unlink(missing_ok=True)
