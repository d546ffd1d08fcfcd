"""What a run is about to read, checked before its command starts; the supervisor of the run asks for it."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.actions import data_schema, data_tables, validate
from workbench.actions.data_tables import Progress
from workbench.actions.validate import Checked, Report
from workbench.actions.wishes import covers
from workbench.data import policy as policies
from workbench.data.findings import Finding
from workbench.errors import NotFoundError, WorkbenchError
from workbench.project import Project
from workbench.runs import inputs, isolation, precheck
from workbench.runs.command import read_json
from workbench.runs.launch import LAUNCH_NAME
from workbench.runs.rows import add_notice
from workbench.safe import clean
from workbench.store.connection import transaction

MOST_NOTICES = 5
NO_CHECK = "--no-check starts it all the same"


@dataclass(frozen=True)
class _Run:
    number: int
    folder: Path
    launched: dict[str, Any]
    home: Project  # where the store is
    project: Project  # the folder that the command will run in


def for_run(project: Project, number: int, *, progress: Progress | None = None, now: float | None = None) -> int:
    """Check what run `number` will read, store it and its notices, and answer the supervisor; return the exit code.

    1 where errors stop the run, among them a schema that cannot be read. A table that was checked before, by its
    content, is not read again.
    """
    now = time.time() if now is None else now
    connection = project.open_store()
    try:
        run = _load(project, connection, number)
        try:
            refused = _judged(connection, run, progress, now)
        except WorkbenchError as error:
            refused = _unchecked(connection, number, error)
    finally:
        connection.close()
    refused = refused if run.launched["check"].get("mode") == "stop" else ""
    (run.folder / precheck.ANSWER_NAME).write_text(json.dumps({"refused": refused}), encoding="utf-8")
    return precheck.REFUSED if refused else 0


def _judged(connection: sqlite3.Connection, run: _Run, progress: Progress | None, now: float) -> str:
    """Check what a run will read and store what was found; return why it may not start, "" where it may."""
    report = _check(connection, run, progress, now)
    with transaction(connection):
        validate.save(connection, report, run.number)
        for words in [*notices(report), *_unread(run, report)]:
            add_notice(connection, run.number, 0, words)
    return "" if report.ok else refusal_words(report)


def _unchecked(connection: sqlite3.Connection, number: int, error: WorkbenchError) -> str:
    """Note that data could not be checked, as with a broken schema; return why the run may not start."""
    words = f"its data were not checked: {clean(error.message, 300)}"
    with transaction(connection):
        add_notice(connection, number, 0, words)
    return f"{words}; {NO_CHECK}"


def _load(project: Project, connection: sqlite3.Connection, number: int) -> _Run:
    row = connection.execute("SELECT uid FROM runs WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise NotFoundError(f"There is no run {number}", "workbench runs")
    folder = project.run_folder(row[0])
    launched = read_json(folder / LAUNCH_NAME)
    there = Project(isolation.folder_of(project.folder, folder, launched), project.config)
    return _Run(number, folder, launched, project, there)


def _check(connection: sqlite3.Connection, run: _Run, progress: Progress | None, now: float) -> Report:
    present = data_schema.load(run.project)
    digest = validate.digest(present, run.project.config)
    rows, _ = inputs.read(run.folder)
    ages = run.project.config.policy.retention_days > 0  # what was young enough may no longer be
    hashes = {} if ages else {str(row["path"]): str(row.get("hash") or "") for row in rows}
    tables = [
        _known(connection, run, path, hashes.get(path, ""), digest)
        or validate.isolated(project, path, present, progress=progress, now=now, place=copy)
        for path, project, copy in _places(run, rows)
    ]
    by = "" if present is None else present.accepted_by
    accepted = None if present is None or present.accepted is None else present.accepted.timestamp()
    return Report(tuple(tables), now, _of_sources(run, rows), by, accepted, digest, run.number)


def _of_sources(run: _Run, rows: Sequence[Mapping[str, Any]]) -> tuple[Finding, ...]:
    """Return what the policy says of where the data come from that a run reads, or that are checked beside it."""
    asked, config = run.launched["check"], run.project.config
    paths = list(dict.fromkeys([*asked["paths"], *(str(row["path"]) for row in rows)]))
    named = [*paths, *asked.get("beside", ())]
    places = {one: one.where.removeprefix("./").rstrip("/") for one in config.charter.data if one.where}
    read = [one for one, where in places.items() if any(covers([where], path) for path in named)]
    return policies.of_sources(config.policy, read, paths)


def _places(run: _Run, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Project, Path | None]]:
    """Yield what is looked at, the project that it is looked for in, and the copy that the command finds.

    It is all that the command reads, and what else [data] names where it exists. Of what lies elsewhere it is what was
    fetched for the run, else the newest version kept.
    """
    asked = run.launched["check"]
    copies = {str(row["path"]): run.folder / row["copy"] for row in rows if row.get("copy")}
    read = {str(row["path"]) for row in rows}
    for path in (*asked["paths"], *asked.get("beside", ())):
        if "://" not in path:
            if path in asked["paths"] or (run.project.folder / path).exists():
                yield path, run.project, None
        elif path in copies or (path not in read and _is_kept(run.home, path)):
            yield path, run.home, copies.get(path)


def _is_kept(project: Project, url: str) -> bool:
    try:
        return bool(data_tables.newest(project, url))
    except NotFoundError:
        return False


def _unread(run: _Run, report: Report) -> list[str]:
    """Return a sentence for each of the data that could not be looked at: no copy is kept, or there is no file."""
    checked = {one.path for one in report.tables}
    missed = [path for path in run.launched["check"]["paths"] if "://" in path and path not in checked]
    gone = [
        path
        for path in run.launched["check"].get("beside", ())
        if "://" not in path and not (run.project.folder / path).exists()
    ]
    return [
        *(f"{clean(path, 200)} was not checked: no copy of it is kept" for path in missed),
        *(f"{clean(path, 200)} was not checked: [data] names it, and there is no such file" for path in gone),
    ]


def _known(connection: sqlite3.Connection, run: _Run, path: str, hash_: str, digest: str) -> Checked | None:
    """Return what an earlier check of the same content against the same schema and policy has found."""
    if not hash_:
        return None
    row = connection.execute(
        "SELECT path, hash, environment, schema, rows, facts, created, run FROM validations"
        " WHERE hash = ? AND schema = ? AND path = ? AND environment = 'training' ORDER BY id DESC LIMIT 1",
        (hash_, digest, path),
    ).fetchone()
    return None if row is None else validate.loaded(row, run.project.config.policy)


def notices(report: Report) -> list[str]:
    """Return what is worth saying of a run's data: each error and warning in a sentence, as many as are few."""
    serious = [one for one in report.all if one.severity != "note"]
    said = [f"data {one.severity}: {sentence(one)}" for one in serious[:MOST_NOTICES]]
    if len(serious) > MOST_NOTICES:
        said.append(f"{len(serious) - MOST_NOTICES} more about its data: workbench validate")
    return said


def sentence(finding: Any) -> str:
    """Return a finding in one line: file, column, what, and how many rows."""
    column = f"column {clean(finding.column, 60)}: " if finding.column else ""
    rows = f" ({finding.count:,} of {finding.rows:,} rows)" if finding.count and finding.rows else ""
    place = "" if finding.file in finding.words else f"{finding.file}: "
    return clean(f"{place}{column}{finding.words}{rows}", 300)


def refusal_words(report: Report) -> str:
    """Return why a run may not start."""
    errors = [one for one in report.all if one.severity == "error"]
    more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
    return f"its data do not pass: {sentence(errors[0])}{more}; {NO_CHECK}"
