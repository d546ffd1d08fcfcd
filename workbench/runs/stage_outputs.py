"""The outputs of a stage around a run: what was there before is kept, and put back when the command fails."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.errors import WorkbenchError
from workbench.runs.rows import add_notice, text
from workbench.runs.stage_keys import key

if TYPE_CHECKING:
    from workbench.versions.data import Taken

BEFORE_NAME = "before.json"
UNFINISHED_FOLDER = "unfinished"


class Before(NamedTuple):
    """One declared output before a run: `kind` is "file", "folder" or "", `hash` "" where there was nothing.

    `problem` says why it is not known what was there; such an output is left to the command. `link` is where it points
    if it is itself a link.
    """

    path: str
    kind: str = ""
    hash: str = ""
    size: int = 0
    files: int = 0
    problem: str = ""
    link: str = ""


def of_taken(items: Iterable[Taken]) -> list[Before]:
    """Return outputs as they were found."""
    return [
        Before(
            item.path,
            item.kind,
            item.hash,
            item.size,
            item.files,
            "" if item.problem == "missing" else item.problem,
            item.link,
        )
        for item in items
    ]


def keep(folder: Path, run_folder: Path, launched: Mapping[str, Any]) -> None:
    """Put the outputs that are there into the object store, and write down which; never raises.

    Folders that are kept are emptied then, and what a glob matches is removed, so that nothing of an earlier run is
    taken for this one's. Where nothing can be kept, what becomes of the outputs is left to the command.
    """
    declared = _declared(launched)
    if not launched.get("stage") or not declared or (run_folder / BEFORE_NAME).exists():
        return  # what a start that was cut off wrote down holds
    from workbench.versions import data
    from workbench.versions.objects import Objects

    inner = folder / ".workbench"
    objects = Objects(inner / "objects")
    with contextlib.suppress(OSError, WorkbenchError), objects.held():
        found = data.take(folder, objects, declared, cache=inner / "cache" / "data")
        temporary = run_folder / f".{BEFORE_NAME}.tmp"
        temporary.write_text(json.dumps(of_taken(found)), encoding="ascii")
        temporary.replace(run_folder / BEFORE_NAME)
        if not launched.get("isolation"):
            _clear(folder, launched, found)


def lacking(folder: Path, launched: Mapping[str, Any]) -> list[str]:
    """Return the outputs that a stage names one by one and that are not in the folder where it ran."""
    if not launched.get("stage"):
        return []
    named = (name for name in launched["outputs"] if not set(name) & set("*?["))
    return [name for name in named if not os.path.lexists(folder / name)]


def before(run_folder: Path) -> list[Before]:
    """Return what `keep` wrote down: nothing for a run that is no stage's, or where nothing could be kept."""
    try:
        rows = json.loads((run_folder / BEFORE_NAME).read_text(encoding="ascii"))
        return [Before(*row) for row in rows]
    except (OSError, ValueError, TypeError):
        return []


def save_overwritten(connection: sqlite3.Connection, items: Iterable[Before], now: float) -> list[Before]:
    """Make versions of outputs that no run left so, inside the caller's transaction; return those that were new.

    Their bytes are in the object store; the row lets a user bring them back, and keeps them from being collected.
    """
    from workbench.runs.inputs import save_version

    new = []
    for item in items:
        known = connection.execute(
            "SELECT 1 FROM outputs WHERE path = ?1 AND hash = ?2"
            " UNION ALL SELECT 1 FROM data_versions WHERE path = ?1 AND hash = ?2 AND kept LIMIT 1",
            (text(item.path), item.hash),
        ).fetchone()
        if item.hash and known is None:
            save_version(connection, {**item._asdict(), "rows": None, "kept": True}, {}, now)
            new.append(item)
    return new


def bring_back(item: Before) -> str:
    """Return the sentence that says how to bring back what was overwritten."""
    return (
        f"{item.path} held what no run had left there; it is kept: workbench data restore {item.path}@{item.hash[:12]}"
    )


def put_back(folder: Path, run_folder: Path, launched: Mapping[str, Any]) -> list[str]:
    """Restore what `keep` wrote down, and move what the failed command left unfinished into the folder of the run.

    Returns the paths that hold now what they held before. What cannot be moved or restored stays as it is.
    """
    rows = before(run_folder)
    if not rows:
        return []
    from workbench.versions import data
    from workbench.versions.objects import Objects

    objects = Objects(folder / ".workbench" / "objects")
    old = {row.path: row for row in rows}
    globs = [name for name in _declared(launched) if set(name) & set("*?[")]  # they may match more than before
    changed = []
    for item in of_taken(data.take(folder, objects, [*(escape(path) for path in old), *globs], keep=False)):
        was = old.get(item.path, Before(item.path))
        if item.problem or was.problem or item.hash == was.hash:
            continue
        with contextlib.suppress(WorkbenchError, OSError):
            if item.hash:
                _move_aside(folder, item.path, run_folder / UNFINISHED_FOLDER)
            if was.hash:
                restore(folder, item.path, was.kind, was.hash)
            changed.append(item.path)
    for was in rows:
        if was.path in changed:
            restore_link(folder, was.path, was.hash, was.link)
    return changed


def was_put_back(paths: Sequence[str]) -> str:
    """Return the sentence that says what became of the outputs of a run that failed."""
    shown = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
    return f"{shown}: as before the run; what it left unfinished is in its folder, {UNFINISHED_FOLDER}/"


def _clear(folder: Path, launched: Mapping[str, Any], found: Iterable[Taken]) -> None:
    """Empty the folders among outputs that are kept, and remove what globs match."""
    named = {os.path.normpath(name) for name in _declared(launched) if not set(name) & set("*?[")}
    for item in found:
        if not item.kept or item.problem:
            continue
        for path in _stale(folder / item.path, by_name=item.path in named):
            with contextlib.suppress(OSError):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _stale(place: Path, *, by_name: bool) -> list[Path]:
    """Return what of an output goes before its command starts: a file that it will write over stays until then."""
    if not by_name:
        return [place]
    return list(place.iterdir()) if place.is_dir() and not place.is_symlink() else []


def _declared(launched: Mapping[str, Any]) -> list[str]:
    return [name for name in launched.get("outputs", ()) if "://" not in name]


def _move_aside(folder: Path, path: str, target: Path) -> None:
    """Move a file or folder of the project away, to a name below `target`; raises OSError."""
    place = target / path
    place.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(place):
        place = place.with_name(f"{place.name}.{os.urandom(4).hex()}")
    (folder / path).rename(place)


def restore(folder: Path, path: str, kind: str, hash: str) -> None:
    """Put an output back at its place; raises WorkbenchError, also where a link leads out of the project."""
    from workbench.errors import EnvironmentProblem
    from workbench.safe import clean
    from workbench.versions import data
    from workbench.versions.objects import Objects

    target = folder / path
    root = os.path.realpath(folder).rstrip("/")
    if not (os.path.realpath(target.parent) + "/").startswith(root + "/"):
        raise EnvironmentProblem(f"{clean(path)} lies behind a link that leads out of the project", "Remove the link.")
    objects = Objects(folder / ".workbench" / "objects")
    with objects.held():
        data.restore(objects, kind, hash, target, root=folder)


def restore_link(folder: Path, path: str, hash: str, points_to: str) -> None:
    """Make an output a link again, as its run left it, where that leads to the same content in the project.

    It comes when all outputs are restored. What cannot be a link stays a file or folder of its own.
    """
    from workbench.versions import data
    from workbench.versions.objects import Objects
    from workbench.versions.restoring import make_link, stays_inside

    if not points_to or not stays_inside(path, points_to, os.path.realpath(folder)):
        return
    leads_to = os.path.join(os.path.realpath((folder / path).parent), points_to)  # noqa: PTH118 - as it is written
    objects = Objects(folder / ".workbench" / "objects")
    (found,) = data.take(Path(os.path.realpath(folder)), objects, [escape(leads_to)], keep=False)
    if found.hash == hash:
        with contextlib.suppress(OSError):
            make_link(folder / path, points_to)


def key_of(run_folder: Path, launched: Mapping[str, Any]) -> str:
    """Return the key of a run, from the versions taken before its command began; "" where it has none."""
    if not launched.get("stage_base"):
        return ""
    from workbench.runs import inputs, scripts

    sources = scripts.read(run_folder)
    if sources is None:
        return ""
    read = [pair for pair in inputs.pairs(run_folder) if not _makes(launched, pair[0])]
    return key(launched["stage_base"], dict([*sources, *read]).items())


def _makes(launched: Mapping[str, Any], path: str) -> bool:
    """Return whether a run reads what it writes itself, which can say nothing of its being out of date."""
    for name in map(os.path.normpath, _declared(launched)):
        if path == name or path.startswith(f"{name}/") or fnmatchcase(path, name):
            return True
    return False


def save_key(connection: sqlite3.Connection, run: int, key: str, *, finished: bool) -> None:
    """Store the key of a run, and say so where an earlier run with the same key left something else."""
    connection.execute("UPDATE runs SET stage_key = ? WHERE id = ?", (key, run))
    if not finished:
        return
    rows = connection.execute(
        "SELECT mine.path, other.run FROM outputs AS mine JOIN outputs AS other ON other.path = mine.path"
        " WHERE mine.run = ?1 AND other.hash != mine.hash AND mine.kind != 'artifact' AND other.run ="
        " (SELECT max(e.id) FROM runs AS e JOIN runs AS r ON r.stage = e.stage AND r.stage_key = e.stage_key"
        "  WHERE r.id = ?1 AND e.id < ?1 AND e.status = 'finished') ORDER BY mine.path",
        (run,),
    ).fetchall()
    for path, other in rows:
        add_notice(
            connection, run, 0, f"not deterministic: {path} differs from run {other}, of the same inputs and parameters"
        )
