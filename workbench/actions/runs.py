"""What a user can do with the runs that there are: list, show, stop, tag, note, delete, pin. starting.py makes them."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Iterable, Sequence
from typing import Any

from workbench.config import Goal
from workbench.errors import UsageError
from workbench.project import Project
from workbench.runs import queries
from workbench.runs.model import Run
from workbench.runs.rows import text
from workbench.store.connection import transaction


def select(
    project: Project,
    connection: sqlite3.Connection,
    *,
    filter_text: str = "",
    sort: str = "run",
    descending: bool = True,
    limit: int | None = None,
    now: float | None = None,
) -> list[int]:
    """Return the numbers of the runs that pass the filter, in order; raises FilterError.

    Checks of data are among them only where the filter names a `kind`.
    """
    where: str = ""
    arguments: tuple[Any, ...] = ()
    if filter_text.strip():
        from workbench.runs.filter import compile_filter

        metric = project.config.metric
        compiled = compile_filter(
            filter_text, goal_metric=metric.name, goals=goals(project), now=time.time() if now is None else now
        )
        where, arguments = compiled.sql, compiled.arguments
    found = queries.numbers(
        connection, where=where, arguments=arguments, sort=sort, descending=descending, limit=limit,
        checks="r.kind" in where,
    )  # fmt: skip
    return list(found)


def goals(project: Project) -> dict[str, Goal]:
    """Return the direction of each metric that the configuration names."""
    metric = project.config.metric
    return {metric.name: metric.goal} if metric.name else {}


def list_runs(project: Project, **options: Any) -> list[Run]:
    """Return the runs that `select` finds; a project without a store has none."""
    connection = _looked_after(project)
    if connection is None:
        return []
    try:
        return queries.load(connection, select(project, connection, **options))
    finally:
        connection.close()


def get(project: Project, name: str) -> Run:
    """Return one run by number, name, prefix of its id, `@latest` or `@best`; raises NotFoundError."""
    connection = _looked_after(project) or project.open_store()
    try:
        return queries.load(connection, [number_of(project, connection, name)])[0]
    finally:
        connection.close()


def number_of(project: Project, connection: sqlite3.Connection, name: str) -> int:
    """Return the number of the run that `name` means; raises NotFoundError."""
    metric = project.config.metric
    return queries.find(connection, name, metric=metric.name, goal=metric.goal)


def recover(project: Project, connection: sqlite3.Connection) -> None:
    """Look after runs that lost their supervisor; what that takes is loaded only where a run goes on or waits."""
    if connection.execute("SELECT 1 FROM runs WHERE status IN ('running', 'queued') LIMIT 1").fetchone():
        from workbench.runs import recovery

        recovery.recover(project, connection)


def _looked_after(project: Project) -> sqlite3.Connection | None:
    """Return a connection after runs that lost their supervisor were seen to."""
    if not project.store_path.exists():
        return None
    connection = project.open_store()
    recover(project, connection)
    return connection


def stop(project: Project, numbers: Iterable[int], *, now: float | None = None) -> list[int]:
    """Ask running runs to stop and take queued ones out of the queue; return those that were going or waiting."""
    now = time.time() if now is None else now
    connection = project.open_store()
    touched = []
    try:
        recover(project, connection)
        with transaction(connection):
            for number in numbers:
                changed = connection.execute(
                    "UPDATE runs SET stop_requested = coalesce(stop_requested, ?1),"
                    " status = CASE status WHEN 'queued' THEN 'stopped' ELSE status END,"
                    " ended = CASE status WHEN 'queued' THEN ?1 ELSE ended END,"
                    " reason = CASE status WHEN 'queued' THEN 'stopped before it began' ELSE reason END"
                    " WHERE id = ?2 AND status IN ('queued', 'running')",
                    (now, number),
                ).rowcount
                if changed:
                    touched.append(number)
    finally:
        connection.close()
    return touched


def tag(project: Project, number: int, add: Sequence[str] = (), remove: Sequence[str] = ()) -> tuple[str, ...]:
    """Add and remove tags of a run; return those it has afterwards."""
    connection = project.open_store()
    try:
        with transaction(connection):
            for word in add:
                if not word.strip():
                    raise UsageError("A tag cannot be empty", "workbench tag RUN baseline")
                connection.execute("INSERT OR IGNORE INTO tags (run, tag) VALUES (?, ?)", (number, text(word, 100)))
            for word in remove:
                connection.execute("DELETE FROM tags WHERE run = ? AND tag = ?", (number, word))
        rows = connection.execute("SELECT tag FROM tags WHERE run = ? ORDER BY tag", (number,)).fetchall()
        return tuple(row[0] for row in rows)
    finally:
        connection.close()


def note(project: Project, number: int, words: str) -> None:
    """Replace the note of a run."""
    _update(project, "UPDATE runs SET note = ? WHERE id = ?", (text(words), number))


def rename(project: Project, number: int, name: str) -> None:
    """Give a run another name."""
    if not name.strip():
        raise UsageError("A name cannot be empty", "")
    _update(project, "UPDATE runs SET name = ? WHERE id = ?", (text(name, 200), number))


def _update(project: Project, sql: str, arguments: tuple[Any, ...]) -> None:
    connection = project.open_store()
    try:
        with transaction(connection):
            connection.execute(sql, arguments)
    finally:
        connection.close()


def delete(project: Project, numbers: Iterable[int]) -> list[int]:
    """Remove ended runs with their points and folders; raises UsageError, and removes none, where one still goes on."""
    wanted = sorted(set(numbers))
    connection = project.open_store()
    try:
        recover(project, connection)
        marks = ",".join("?" * len(wanted))
        with transaction(connection, durable=True):
            rows = connection.execute(
                f"SELECT id, uid, status, code FROM runs WHERE id IN ({marks})", wanted
            ).fetchall()
            going = [row[0] for row in rows if row[2] in ("queued", "running")]
            if going:
                raise UsageError(f"Run {going[0]} is still going", f"workbench stop {going[0]}")
            connection.execute(f"DELETE FROM points WHERE run IN ({marks})", wanted)
            connection.execute(f"DELETE FROM runs WHERE id IN ({marks})", wanted)
            _forget_baseline(connection, wanted)
        for _, uid, _, version in rows:
            if version != "{}":
                _release_code(project, connection, uid, version)
            shutil.rmtree(project.run_folder(uid), ignore_errors=True)
        return [row[0] for row in rows]
    finally:
        connection.close()


def _release_code(project: Project, connection: sqlite3.Connection, uid: str, version: str) -> None:
    """Let git forget the code of a run that is gone; where others ran on the same, it is kept for one of them."""
    from workbench.versions import code
    from workbench.versions.code import CodeVersion

    captured = CodeVersion.from_json(json.loads(version))
    heir = connection.execute("SELECT uid FROM runs WHERE code = ? LIMIT 1", (version,)).fetchone()
    if heir is not None:
        code.keep(project.folder, captured, heir[0])
    code.release(project.folder, captured, uid)


def _forget_baseline(connection: sqlite3.Connection, removed: Sequence[int]) -> None:
    if queries.setting(connection, "baseline") in removed:
        queries.save_setting(connection, "baseline", None)


def size_of(project: Project, numbers: Iterable[int]) -> int:
    """Return how many bytes the folders of these runs take."""
    connection = project.open_store()
    try:
        uids = [run.uid for run in queries.load(connection, numbers)]
    finally:
        connection.close()
    folders = [project.run_folder(uid) for uid in uids]
    return sum(path.lstat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())


def pin_baseline(project: Project, number: int | None) -> None:
    """Make a run the one that others are held against, or None."""
    save_view(project, "baseline", number)


def save_view(project: Project, key: str, value: Any) -> None:
    """Keep a setting of the project: baseline, columns, sort, group."""
    connection = project.open_store()
    try:
        with transaction(connection):
            queries.save_setting(connection, key, value)
    finally:
        connection.close()
