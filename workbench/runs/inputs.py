"""What a run reads: versions of its data taken before the command starts, and their rows afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import EnvironmentProblem, WorkbenchError
from workbench.paths import STORE_NAME
from workbench.runs.rows import raw_name, text

if TYPE_CHECKING:
    from workbench.versions.data import Progress, Taken
    from workbench.versions.objects import Objects

INPUTS_NAME = "inputs.json"
MOST_INPUTS = 1000
STOP_SECONDS = 0.5
COPIES_FOLDER = "inputs"
INPUTS_VARIABLE = "WORKBENCH_INPUTS"
_JUST_AFTER = 1e-5  # seconds
_FACTS = ("owner", "region", "retention_days", "copy", "identity", "by")


def prepare(folder: Path, run_folder: Path, launched: Mapping[str, Any]) -> None:
    """Take versions of what a run is going to read and write them down in its folder; never raises.

    It comes before the command, so that what is stored is what the command finds.
    """
    if not launched.get("inputs") and not launched.get("data"):
        return
    if (launched.get("isolation") or {}).get("kind") == "repeat":
        return  # what it reads was put there, and written down, from the store
    try:
        rows, problem = _prepared(folder, run_folder, launched), ""
    except Exception as error:  # data that cannot be versioned is no reason not to train
        rows, problem = [], f"its inputs were not recorded: {error}"
    write(run_folder, rows, problem)


def write(run_folder: Path, rows: Sequence[Mapping[str, Any]], problem: str) -> None:
    """Write down what a run reads, beyond MOST_INPUTS only path and hash; a full disk leaves it unsaid."""
    rest = [[row["path"], row["hash"]] for row in rows[MOST_INPUTS:]]
    found = {"inputs": list(rows[:MOST_INPUTS]), "problem": problem, **({"rest": rest} if rest else {})}
    temporary = run_folder / f".{INPUTS_NAME}.tmp"
    try:
        temporary.write_text(json.dumps(found), encoding="ascii")
        temporary.replace(run_folder / INPUTS_NAME)
    except OSError:
        return


def _prepared(folder: Path, run_folder: Path, launched: Mapping[str, Any]) -> list[dict[str, Any]]:
    from workbench.runs import isolation
    from workbench.versions.objects import Objects

    inner = folder / ".workbench"
    sources: Mapping[str, Mapping[str, Any]] = launched.get("data") or {}
    objects = Objects(inner / "objects")
    isolated = bool(launched.get("isolation"))
    folder = isolation.folder_of(folder, run_folder, launched)
    declared = list(launched.get("inputs", ()))
    implied = [name for name, facts in sources.items() if _lies_in(folder, name) and not facts.get("named_only")]
    cache = None if isolated else inner / "cache" / "data"  # it knows the files of the project itself
    progress = until_stopped(inner, run_folder.name)
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    for patterns, named in ((declared, True), (implied, False)):
        for item in take_all(folder, objects, patterns, sources, cache=cache, progress=progress):
            if item.path in seen or (not named and item.problem == "missing"):
                continue
            seen.add(item.path)
            row = {**vars(item), "facts": all_facts(item, sources)}
            rows.append(with_copy(row, objects, run_folder) if is_url(item.path) else row)
    return rows


def until_stopped(inner: Path, uid: str) -> Progress:
    """Return what ends the taking of versions, now and then asked, when somebody wants the run to stop."""
    asked = time.monotonic()

    def progress(files: int, size: int) -> None:
        nonlocal asked
        if time.monotonic() - asked < STOP_SECONDS:
            return
        asked = time.monotonic()
        with contextlib.closing(sqlite3.connect(inner / STORE_NAME, timeout=5)) as store:
            row = store.execute("SELECT stop_requested FROM runs WHERE uid = ?", (uid,)).fetchone()
        if row is not None and row[0] is not None:
            raise EnvironmentProblem("the run was stopped before it was taken")

    return progress


def _lies_in(folder: Path, name: str) -> bool:
    """Return whether a source of data that no run declares is versioned with each run: what lies elsewhere is not."""
    from workbench.versions.matching import Outside, Refused, inside

    try:
        return not is_url(name) and bool(inside(folder, name))
    except Refused as error:
        return not isinstance(error, Outside)


def is_url(name: str) -> bool:
    """Return whether `name` is a URL and not a path."""
    return "://" in name


def with_copy(row: dict[str, Any], objects: Objects, run_folder: Path) -> dict[str, Any]:
    """Put what was brought from elsewhere into the folder of the run, where its command finds it."""
    if not row["kept"] or not row["hash"]:
        return row
    from workbench.versions import data
    from workbench.versions.sources import key_of

    name = re.sub(r"[^A-Za-z0-9._-]", "_", row["path"].partition("?")[0].rstrip("/").rpartition("/")[2]).lstrip(".")
    place = Path(COPIES_FOLDER, key_of(row["path"])[:8], name or "data")
    try:
        data.restore(objects, row["kind"], row["hash"], run_folder / place)
    except WorkbenchError as error:
        return {**row, "problem": "; ".join(filter(None, (row["problem"], error.message)))}
    return {**row, "copy": place.as_posix()}


def local_paths(run_folder: Path) -> dict[str, str]:
    """Return where the copies are of what the run reads from elsewhere: path by URL, without its credentials."""
    rows, _ = read(run_folder)
    return {row["path"]: str(run_folder / row["copy"]) for row in rows if row.get("copy")}


def remove_copies(run_folder: Path) -> None:
    """Remove these copies; the object store has their content."""
    import shutil  # late: it takes longer than a look at a whole pipeline

    shutil.rmtree(run_folder / COPIES_FOLDER, ignore_errors=True)


def take_all(
    folder: Path,
    objects: Objects,
    patterns: Sequence[str],
    sources: Mapping[str, Mapping[str, Any]],
    *,
    cache: Path | None,
    progress: Progress | None = None,
    strict: bool = False,
) -> list[Taken]:
    """Return versions of what `patterns` name; the bytes are kept but for sources that say `copy` is "never".

    Where the store cannot be written, only facts are taken, or with `strict` OSError is raised.
    """
    from workbench.versions import data
    from workbench.versions.matching import Outside, Refused, matching

    found: dict[str, Taken] = {}
    with objects.held():
        for pattern in patterns:
            if is_url(pattern):
                item = _elsewhere(folder, objects, pattern, sources, cache, progress)
                found.setdefault(item.path, item)
                continue
            try:
                paths = matching(folder, pattern) or [pattern]
            except Outside as error:
                found.setdefault(pattern, data.Taken(pattern, problem=f"{error}: name it as {error.url}"))
                continue
            except Refused:
                paths = [pattern]
            for keep in (True, False):
                chosen = [path for path in paths if (facts_of(path, sources).get("copy") != "never") == keep]
                try:
                    taken = data.take(folder, objects, chosen, keep=keep, cache=cache, progress=progress)
                except OSError as error:
                    if strict or not keep:
                        raise
                    why = f"not kept: {error.strerror or error}"
                    taken = [
                        _with_problem(item, why)
                        for item in data.take(folder, objects, chosen, keep=False, progress=progress)
                    ]
                for item in taken:
                    found.setdefault(item.path, item)
    return list(found.values())


def _elsewhere(
    folder: Path,
    objects: Objects,
    url: str,
    declared: Mapping[str, Mapping[str, Any]],
    cache: Path | None,
    progress: Progress | None,
) -> Taken:
    from workbench.versions import sources

    def tick(pulse: Any) -> None:
        if progress is not None:
            progress(pulse.files, pulse.bytes)

    keep = facts_of(sources.shown(url), declared).get("copy") != "never"
    return sources.take(_with_credentials(folder, url), objects, keep=keep, cache=cache, tick=tick)


def _with_credentials(folder: Path, url: str) -> str:
    """Return a URL as workbench.toml has it; what is kept of it, here and in the folder of a run, has no password."""
    if "***" not in url:
        return url
    from workbench.project import load
    from workbench.versions.sources import shown

    config = load(folder).config
    named = [*(name for step in config.steps for name in step.inputs), *(one.where for one in config.charter.data)]
    return next((name for name in named if shown(name) == url), url)


def _with_problem(item: Taken, problem: str) -> Taken:
    from dataclasses import replace

    return replace(item, problem="; ".join(filter(None, (item.problem, problem))))


def facts_of(path: str, sources: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the configuration says of the source that `path` belongs to: itself, its folder, or a glob."""
    path = path.rstrip("/")
    for where, facts in sources.items():
        place = _shown(where).rstrip("/") if is_url(where) else os.path.normpath(where)
        if path == place or path.startswith(place + "/") or fnmatchcase(path, place):
            return {key: value for key, value in facts.items() if value}
    return {}


def all_facts(item: Taken, sources: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what is kept of a version beside its columns: what its source told, and what the configuration says."""
    return {**getattr(item, "facts", {}), **facts_of(item.path, sources)}


def _shown(url: str) -> str:
    from workbench.versions.places import shown

    return shown(url)


def read(run_folder: Path) -> tuple[list[dict[str, Any]], str]:
    """Return what `prepare` wrote down, and its problem."""
    try:
        found = json.loads((run_folder / INPUTS_NAME).read_text(encoding="ascii"))
        return list(found["inputs"]), str(found["problem"])
    except (OSError, ValueError, KeyError, TypeError):
        return [], ""


def pairs(run_folder: Path) -> list[tuple[str, str]]:
    """Return path and hash of everything that `prepare` found, also beyond MOST_INPUTS."""
    try:
        found = json.loads((run_folder / INPUTS_NAME).read_text(encoding="ascii"))
        rows = [(row["path"], row["hash"]) for row in found["inputs"]]
        return rows + [(path, hash) for path, hash in found.get("rest", ())]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def save(connection: sqlite3.Connection, run: int, items: Iterable[Mapping[str, Any]], now: float) -> list[str]:
    """Store the inputs of a run and their versions, inside the caller's transaction; return notices about them."""
    from workbench.runs.noticing import last_like

    notices, before = [], last_like(connection, run)
    for item in items:
        path, hash = text(item["path"]), item["hash"] or None
        connection.execute(
            "INSERT OR REPLACE INTO inputs (run, path, hash, size, rows, problem) VALUES (?, ?, ?, ?, ?, ?)",
            (run, path, hash, item["size"], item["rows"], text(item["problem"])),
        )
        if item["problem"] and item["problem"] != "missing":
            notices.append(f"{path}: {item['problem']}")
        if hash:
            notices += _changed(connection, path, item, before)
            save_version(connection, item, item["facts"], now)
    return notices


def _changed(connection: sqlite3.Connection, path: str, item: Mapping[str, Any], before: int | None) -> list[str]:
    """Hold a version against what the run `before` read, else against the last that was seen."""
    last = (
        connection.execute(
            "SELECT hash, size, rows FROM inputs WHERE run = ? AND path = ? AND hash IS NOT NULL", (before, path)
        ).fetchone()
        or connection.execute(
            "SELECT hash, size, rows FROM data_versions WHERE path = ? ORDER BY seen DESC, id DESC LIMIT 1", (path,)
        ).fetchone()
    )
    if last is None or last[0] == item["hash"]:
        return []
    if is_url(path):
        from workbench.versions.sources import changed

        return [changed(path, last[0], item["hash"])]
    old, new = (
        f"{rows:,} rows" if rows is not None else f"{size:,} bytes"
        for size, rows in ((last[1], last[2]), (item["size"], item["rows"]))
    )
    return [f"data changed: {path} is another version than before ({old} → {new})"]


def save_version(connection: sqlite3.Connection, item: Mapping[str, Any], facts: Mapping[str, Any], now: float) -> None:
    """Store a version of data, or that it was seen again, inside the caller's transaction.

    What is seen last has the greatest `seen` of its path, also when the clock was put back.
    """
    if not item["hash"]:
        return
    path = text(item["path"])
    (before,) = connection.execute(
        "SELECT max(seen) FROM data_versions WHERE path = ? AND hash != ?", (path, item["hash"])
    ).fetchone()
    seen = now if before is None else max(now, before + _JUST_AFTER)
    told = {key: facts[key] for key in _FACTS if facts.get(key)} | raw_name(item["path"])
    connection.execute(
        "INSERT INTO data_versions (path, hash, kind, size, files, rows, kept, created, seen, facts)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (path, hash) DO UPDATE SET seen = max(seen, excluded.seen),"
        " kept = max(kept, excluded.kept), rows = coalesce(excluded.rows, rows),"
        " facts = json_patch(facts, excluded.facts)",
        (
            path, item["hash"], item["kind"], item["size"], item["files"], item["rows"],
            int(item["kept"]), now, seen, json.dumps(told),
        ),
    )  # fmt: skip
