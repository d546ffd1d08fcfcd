"""Running a run again from what is stored of it, and what came of that."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from workbench.actions import runs as run_actions
from workbench.errors import NotFoundError, UsageError
from workbench.project import Project
from workbench.runs import launch, queries, repetition
from workbench.runs.command import PROCESS_NAME, read_json
from workbench.runs.model import CHECKS, Run
from workbench.runs.repetition import Verdict
from workbench.runs.rows import name_on_disk
from workbench.safe import clean
from workbench.tracking import PARAMS_NAME
from workbench.versions import code
from workbench.versions.objects import Objects

KIND = "reproduce"
_VERDICT_SECONDS = 10.0
_LOOK_SECONDS = 0.02


def start(project: Project, name: str, *, environment: bool = False, tell: Callable[[str], None] | None = None) -> int:
    """Queue a run again from its stored code, data and parameters, in a folder of its own; return the new number.

    With `environment` it runs in a virtual environment made of the recorded versions. Raises UsageError for a run that
    goes on or whose command never began, NotFoundError with what is no longer stored, EnvironmentProblem where packages
    cannot be installed.
    """
    run = run_actions.get(project, name)
    if not run.is_over:
        raise UsageError(f"Run {run.number} is still going", f"workbench stop {run.number}")
    if run.kind in CHECKS:
        raise UsageError(f"Run {run.number} is a check of data, which is made anew", launch.words(run.command))
    folder = project.run_folder(run.uid)
    launched = read_json(folder / launch.LAUNCH_NAME)
    if not launched.get("argv"):
        raise NotFoundError(f"How run {run.number} was started is no longer stored", "workbench doctor")
    if not (folder / PROCESS_NAME).exists():
        why = f": {clean(run.reason)}" if run.reason else ""
        raise UsageError(
            f"The command of run {run.number} never began{why}; there is nothing to compare with",
            f"workbench show {run.number}   tells more; workbench run   starts anew.",
        )
    version = _version(project, run)
    wish = _wish(project, run, launched, folder, version)
    if environment:
        wish = _with_environment(project, run, wish, tell or (lambda words: None))
    connection = project.open_store()
    try:
        number = launch.create(project, connection, wish, time.time())
        launch.fill(project, connection)
        return number
    finally:
        connection.close()


def _version(project: Project, run: Run) -> Mapping[str, Any]:
    version = code.CodeVersion.from_json({"kind": "none", "problem": "no code was recorded", **run.code})
    try:
        code.entries(project.folder, project.objects_folder, version)
    except code.CodeUnavailable as problem:
        raise NotFoundError(f"The code of run {run.number} is not stored: {problem}", "workbench doctor") from problem
    return version.to_json()


def _wish(
    project: Project, run: Run, launched: Mapping[str, Any], folder: Path, version: Mapping[str, Any]
) -> launch.Wish:
    params_file = str(launched.get("params_file") or "")
    tolerance = project.config.reproduce
    return launch.Wish(
        command=run.command if isinstance(run.command, str) else tuple(run.command),
        argv=tuple(launched["argv"]),
        shell=bool(launched.get("shell")),
        kind=KIND,
        python=str(launched.get("python") or ""),
        params=read_json(folder / PARAMS_NAME),
        param_sources=dict.fromkeys(read_json(folder / PARAMS_NAME), "file"),
        overrides=run.overrides,
        params_file=params_file,
        params_bytes=(folder / params_file).read_bytes() if params_file else b"",
        inputs=tuple(launched.get("inputs") or ()),
        outputs=tuple(launched.get("outputs") or ()),
        metrics=tuple(launched.get("metrics") or ()),
        tags=("reproduce",),
        trigger={"kind": KIND, "of": run.number},
        fresh=True,
        folder=str(launched.get("folder") or ""),
        rev=run.rev,
        isolation={"kind": "repeat", "code": dict(version), "data": _data(project, run)},
        repeats={"of": run.number, "relative": tolerance.relative, "absolute": tolerance.absolute},
    )


def _data(project: Project, run: Run) -> list[dict[str, Any]]:
    """Return the versions of what a run read, as rows of its inputs; raises NotFoundError where one is not stored."""
    objects, connection, rows = Objects(project.objects_folder), project.open_reader(), []
    try:
        for one in run.data:
            if not one.get("hash"):
                continue
            kept = connection.execute(
                "SELECT kind, files, kept, facts FROM data_versions WHERE path = ? AND hash = ?",
                (one["path"], one["hash"]),
            ).fetchone()
            if kept is not None and not kept[2]:
                raise NotFoundError(
                    f"The data of run {run.number} is never copied: {clean(str(one['path']))}",
                    'Remove copy = "never" in workbench.toml and run it anew.',
                )
            if kept is None or not objects.has(str(one["hash"])):
                raise NotFoundError(
                    f"The data of run {run.number} is not stored: {clean(str(one['path']))}@{str(one['hash'])[:10]}",
                    "workbench data pull",
                )
            row = {name: one.get(name) for name in ("path", "hash", "size", "rows")}
            row["path"] = name_on_disk(str(one["path"]), json.loads(kept[3]))
            rows.append({**row, "kind": kept[0], "files": kept[1], "kept": True, "problem": "", "facts": {}})
    finally:
        connection.close()
    return rows


def _with_environment(project: Project, run: Run, wish: launch.Wish, tell: Callable[[str], None]) -> launch.Wish:
    """Return the wish with the interpreter and the programs of an environment that has the recorded versions."""
    from workbench.versions import rebuilt

    connection = project.open_reader()
    try:
        facts = json.loads(queries.environment(connection, run.number) or "{}")
    finally:
        connection.close()
    packages: dict[str, str] = facts.get("packages") or {}
    if not facts.get("python") or not packages:
        raise UsageError(
            f"Run {run.number} recorded no packages", f"workbench reproduce {run.number}   (without --environment)"
        )
    folder = rebuilt.make(str(facts["python"]), packages, facts.get("imported") or {}, tell)
    python = str(folder / "bin" / "python")
    argv = tuple(python if word == wish.python else word for word in wish.argv) if wish.python else wish.argv
    return dataclasses.replace(wish, python=python if wish.python else "", argv=argv, venv=str(folder))


def verdict_on(project: Project, number: int) -> Verdict | None:
    """Return the verdict on a repeated run that has ended; it comes a moment after the end."""
    deadline = time.monotonic() + _VERDICT_SECONDS
    while True:
        found = next((one for one in verdicts(project, number) if one.run == number), None)
        if found is not None or time.monotonic() > deadline:
            return found
        time.sleep(_LOOK_SECONDS)


def verdicts(project: Project, number: int) -> list[Verdict]:
    """Return the verdicts in which a run has a part."""
    connection = project.open_reader()
    try:
        return repetition.of_run(connection, number)
    finally:
        connection.close()
