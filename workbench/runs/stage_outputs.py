"""The outputs of a stage around a run: what was there before is kept, and put back when the command fails."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.runs.rows import add_notice
from workbench.runs.stage_keys import key

BEFORE_NAME = "before.json"


def keep(folder: Path, run_folder: Path, launched: Mapping[str, Any]) -> None:
    """Put the outputs that are there into the object store, and write down which; never raises."""
    declared = [name for name in launched["outputs"] if "://" not in name]
    if not launched.get("stage") or not declared:
        return
    from workbench.versions import data
    from workbench.versions.objects import Objects

    inner = folder / ".workbench"
    with contextlib.suppress(OSError, WorkbenchError):
        found = data.take(folder, Objects(inner / "objects"), declared, cache=inner / "cache" / "data")
        rows = [[item.path, item.kind, item.hash] for item in found if item.hash and not item.problem]
        if rows:
            (run_folder / BEFORE_NAME).write_text(json.dumps(rows), encoding="ascii")


def put_back(folder: Path, run_folder: Path) -> list[str]:
    """Restore what `keep` wrote down; return the paths that were restored, without those that cannot be."""
    try:
        rows = json.loads((run_folder / BEFORE_NAME).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return []
    from workbench.versions import data
    from workbench.versions.objects import Objects

    objects = Objects(folder / ".workbench" / "objects")
    now = {item.path: item.hash for item in data.take(folder, objects, [row[0] for row in rows], keep=False)}
    restored = []
    for path, kind, hash in rows:
        if now.get(path) == hash:
            continue
        with contextlib.suppress(WorkbenchError, OSError):
            restore(folder, path, kind, hash)
            restored.append(path)
    return restored


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
    data.restore(Objects(folder / ".workbench" / "objects"), kind, hash, target)


def key_of(run_folder: Path, launched: Mapping[str, Any]) -> str:
    """Return the key of a stage's run, from the versions taken before its command began; "" for any other run."""
    if not launched.get("stage_base"):
        return ""
    from workbench.runs import inputs

    rows, _ = inputs.read(run_folder)
    return key(launched["stage_base"], [(row["path"], row["hash"]) for row in rows])


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
