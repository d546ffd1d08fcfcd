"""The changes of a run against the last one of the same command, read from the store."""

from __future__ import annotations

import functools
import json
import sqlite3
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from workbench.runs.changes import Change, Made, between, program
from workbench.runs.command import read_json
from workbench.versions import code, environment

_LOOKED_AT = 1000  # so many runs back
_REPEATED = "reproduce"


class Since(NamedTuple):
    """What changed since which run."""

    run: int
    changes: tuple[Change, ...]


class _Row(NamedTuple):
    number: int
    uid: str
    kind: str
    stage: str
    rev: str
    command: str
    code: str
    environment: str | None


_COLUMNS = "id, uid, kind, stage, rev, command, code, environment"


def since_last(connection: sqlite3.Connection, folder: Path, run: int) -> Since | None:
    """Return what changed from the last run of the same command to this one, or None where there is none before it.

    `folder` is the project. A run made again is held against the run that it repeats, by its verdict and not here.
    """
    row = connection.execute(f"SELECT {_COLUMNS} FROM runs WHERE id = ?", (run,)).fetchone()
    if row is None or row[2] == _REPEATED:
        return None
    new = _Row(*row)
    old = _before(connection, new)
    if old is None:
        return None
    changes = between(*(made(connection, row.number, row.environment) for row in (old, new)))
    code = (one for one in _code(folder, old, new) if not _was_read(connection, one.name))
    return Since(old.number, (*code, *changes))


def last_like(connection: sqlite3.Connection, run: int) -> int | None:
    """Return the number of the last run of the same command before this one."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM runs WHERE id = ?", (run,)).fetchone()
    old = _before(connection, _Row(*row)) if row else None
    return old.number if old else None


def _before(connection: sqlite3.Connection, new: _Row) -> _Row | None:
    """Return the last run before this one that started the same program, whatever its flags.

    Of a program of which some run knows its Python, a run that ended before that was known does not count, as one that
    never began does not.
    """
    wanted = program(json.loads(new.command))
    # Of a stage the index gives the few runs there are; all others share one name there, and are walked backwards.
    stage = "stage" if new.stage else "+stage"
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM runs WHERE {stage} = ? AND kind = ? AND id < ? AND id >= ? AND environment IS NOT NULL"
        " ORDER BY id DESC",
        (new.stage, new.kind, new.number, new.number - _LOOKED_AT),
    )
    first, without = None, set[str | None]()
    for old in map(_Row._make, rows):
        if old.environment in without or program(json.loads(old.command)) != wanted:
            continue
        first = first or old
        known = _environment(connection, old.environment)
        if known is not None and known.python:
            return old
        without.add(old.environment)
    return first


def made(
    connection: sqlite3.Connection, run: int, digest: str | None, *, code: Mapping[str, str] | None = None
) -> Made:
    """Return what a run was made of; `digest` names its environment."""
    rows = connection.execute("SELECT path, hash FROM inputs WHERE run = ? AND hash IS NOT NULL", (run,))
    return Made(run, code or {}, dict(rows.fetchall()), _environment(connection, digest))


def _environment(connection: sqlite3.Connection, digest: str | None) -> environment.Environment | None:
    found = connection.execute("SELECT facts FROM environments WHERE digest = ?", (digest,)).fetchone()
    return environment.from_json(json.loads(found[0])) if found else None


def _code(folder: Path, old: _Row, new: _Row) -> tuple[Change, ...]:
    """Return the files of code that changed, without what a run declares as something else; unless asked to differ."""
    first, second = (_version(row.code) for row in (old, new))
    if old.rev != new.rev or not first.tree or not second.tree or first.tree == second.tree:
        return ()
    declared = read_json(folder / ".workbench" / "runs" / new.uid / "launch.json")
    pairs = _files(folder, first.kind, first.tree, second.kind, second.tree)
    return tuple(Change("code", path, before, after) for path, before, after in pairs if not _is_other(path, declared))


def _was_read(connection: sqlite3.Connection, path: str) -> bool:
    """Whether a file is data of some run, committed or not; those that read it have it among their inputs."""
    found = connection.execute(
        "SELECT 1 FROM data_versions WHERE path = ?1 UNION ALL SELECT 1 FROM inputs WHERE path = ?1 LIMIT 1", (path,)
    )
    return found.fetchone() is not None


@functools.lru_cache(maxsize=8)
def _files(folder: Path, kind: str, tree: str, other_kind: str, other_tree: str) -> tuple[tuple[str, str, str], ...]:
    """Return the files in which two versions differ; the stages of a pipeline all ask for the same two."""
    old, new = code.CodeVersion(kind, tree=tree), code.CodeVersion(other_kind, tree=other_tree)
    try:
        return tuple(code.changed(folder, folder / ".workbench" / "objects", old, new))
    except code.CodeUnavailable:
        return ()


def _version(text: str) -> code.CodeVersion:
    return code.CodeVersion.from_json({"kind": "none", **json.loads(text)})


def _is_other(path: str, declared: Mapping[str, Any]) -> bool:
    if path == declared.get("params_file"):
        return True
    names = [name for key in ("inputs", "outputs", "metrics") for name in declared.get(key) or ()]
    return any(path == name or path.startswith(f"{name.rstrip('/')}/") or fnmatchcase(path, name) for name in names)
