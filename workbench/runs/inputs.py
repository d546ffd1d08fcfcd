"""What a run reads: versions of its data taken before the command starts, and their rows afterwards."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.runs.rows import text

if TYPE_CHECKING:
    from workbench.versions.data import Progress, Taken
    from workbench.versions.objects import Objects

INPUTS_NAME = "inputs.json"
MOST_INPUTS = 1000
_FACTS = ("owner", "region", "retention_days")


def prepare(folder: Path, run_folder: Path, launched: Mapping[str, Any]) -> None:
    """Take versions of what a run is going to read and write them down in its folder; never raises.

    It comes before the command, so that what is stored is what the command finds.
    """
    if not launched.get("inputs") and not launched.get("data"):
        return
    try:
        rows, problem = _prepared(folder, launched), ""
    except Exception as error:  # data that cannot be versioned is no reason not to train
        rows, problem = [], f"its inputs were not recorded: {error}"
    temporary = run_folder / f".{INPUTS_NAME}.tmp"
    try:
        temporary.write_text(json.dumps({"inputs": rows, "problem": problem}), encoding="ascii")
        temporary.replace(run_folder / INPUTS_NAME)
    except OSError:
        return


def _prepared(folder: Path, launched: Mapping[str, Any]) -> list[dict[str, Any]]:
    from workbench.versions.objects import Objects

    inner = folder / ".workbench"
    sources: Mapping[str, Mapping[str, Any]] = launched.get("data") or {}
    objects = Objects(inner / "objects")
    declared = [name for name in launched.get("inputs", ()) if not is_url(name)]
    implied = [name for name, facts in sources.items() if not is_url(name) and not facts.get("named_only")]
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    for patterns, named in ((declared, True), (implied, False)):
        for item in take_all(folder, objects, patterns, sources, cache=inner / "cache" / "data"):
            if item.path in seen or (not named and item.problem == "missing") or len(rows) >= MOST_INPUTS:
                continue
            seen.add(item.path)
            rows.append({**vars(item), "facts": facts_of(item.path, sources)})
    return rows


def is_url(name: str) -> bool:
    """Return whether `name` is a URL and not a path."""
    return "://" in name


def take_all(
    folder: Path,
    objects: Objects,
    patterns: Sequence[str],
    sources: Mapping[str, Mapping[str, Any]],
    *,
    cache: Path,
    progress: Progress | None = None,
    strict: bool = False,
) -> list[Taken]:
    """Return versions of what `patterns` name; the bytes are kept but for sources that say `copy` is "never".

    Where the store cannot be written, only facts are taken, or with `strict` OSError is raised.
    """
    from workbench.versions import data
    from workbench.versions.matching import Refused, matching

    found: dict[str, Taken] = {}
    with objects.held():
        for pattern in patterns:
            try:
                paths = matching(folder, pattern) or [pattern]
            except Refused:
                paths = [pattern]
            for path in paths:
                if path in found:
                    continue
                keep = facts_of(path, sources).get("copy") != "never"
                try:
                    taken = data.take(folder, objects, [path], keep=keep, cache=cache, progress=progress)
                except OSError as error:
                    if strict or not keep:
                        raise
                    taken = data.take(folder, objects, [path], keep=False, progress=progress)
                    why = f"not kept: {error.strerror or error}"
                    taken = [_with_problem(item, why) for item in taken]
                for item in taken:
                    found.setdefault(item.path, item)
    return list(found.values())


def _with_problem(item: Taken, problem: str) -> Taken:
    from dataclasses import replace

    return replace(item, problem="; ".join(filter(None, (item.problem, problem))))


def facts_of(path: str, sources: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the configuration says of the source that `path` belongs to: itself, its folder, or a glob."""
    for where, facts in sources.items():
        place = os.path.normpath(where)
        if path == place or path.startswith(place + "/") or fnmatchcase(path, place):
            return {key: value for key, value in facts.items() if value}
    return {}


def read(run_folder: Path) -> tuple[list[dict[str, Any]], str]:
    """Return what `prepare` wrote down, and its problem."""
    try:
        found = json.loads((run_folder / INPUTS_NAME).read_text(encoding="ascii"))
        return list(found["inputs"]), str(found["problem"])
    except (OSError, ValueError, KeyError, TypeError):
        return [], ""


def save(connection: sqlite3.Connection, run: int, items: Iterable[Mapping[str, Any]], now: float) -> list[str]:
    """Store the inputs of a run and their versions, inside the caller's transaction; return notices about them."""
    notices = []
    for item in items:
        path, hash = text(item["path"]), item["hash"] or None
        connection.execute(
            "INSERT OR REPLACE INTO inputs (run, path, hash, size, rows, problem) VALUES (?, ?, ?, ?, ?, ?)",
            (run, path, hash, item["size"], item["rows"], text(item["problem"])),
        )
        if item["problem"] and item["problem"] != "missing":
            notices.append(f"{path}: {item['problem']}")
        if hash:
            notices += _changed(connection, path, item)
            save_version(connection, item, item["facts"], now)
    return notices


def _changed(connection: sqlite3.Connection, path: str, item: Mapping[str, Any]) -> list[str]:
    last = connection.execute(
        "SELECT hash, size, rows FROM data_versions WHERE path = ? ORDER BY seen DESC, id DESC LIMIT 1", (path,)
    ).fetchone()
    if last is None or last[0] == item["hash"]:
        return []
    before, after = (
        f"{rows:,} rows" if rows is not None else f"{size:,} bytes"
        for size, rows in ((last[1], last[2]), (item["size"], item["rows"]))
    )
    return [f"data changed: {path} is another version than before ({before} → {after})"]


def save_version(connection: sqlite3.Connection, item: Mapping[str, Any], facts: Mapping[str, Any], now: float) -> None:
    """Store a version of data, or that it was seen again, inside the caller's transaction."""
    if not item["hash"]:
        return
    told = {key: facts[key] for key in _FACTS if facts.get(key)}
    connection.execute(
        "INSERT INTO data_versions (path, hash, kind, size, files, rows, kept, created, seen, facts)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (path, hash) DO UPDATE SET seen = excluded.seen,"
        " kept = max(kept, excluded.kept), rows = coalesce(excluded.rows, rows),"
        " facts = json_patch(facts, excluded.facts)",
        (
            text(item["path"]), item["hash"], item["kind"], item["size"], item["files"], item["rows"],
            int(item["kept"]), now, now, json.dumps(told),
        ),
    )  # fmt: skip
