"""What the Projects screen reads: of each folder its runs by state, its last run, its best, how it is watched."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from workbench.actions import projects as actions
from workbench.actions import watch
from workbench.errors import WorkbenchError
from workbench.project import Project, load
from workbench.runs import queries
from workbench.runs.model import Run, finite
from workbench.safe import clean
from workbench.watch.status import WatchStatus


@dataclass(frozen=True)
class ProjectRow:
    """One folder; `problem` says why nothing is known of it."""

    folder: Path
    name: str
    project: Project | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    last: Run | None = None
    best: tuple[int, float] | None = None
    watch: WatchStatus = field(default_factory=WatchStatus)
    problem: str = ""


def read_projects(folders: tuple[Path, ...]) -> tuple[ProjectRow, ...]:
    """Read the folders given and those on the user's list, each once."""
    found = list(folders)
    with contextlib.suppress(WorkbenchError, OSError):
        found += [one.folder for one in actions.listed()]
    return tuple(read_project(folder) for folder in dict.fromkeys(found))


def read_project(folder: Path) -> ProjectRow:
    """Read one folder; whatever is wrong with it is told in its row."""
    name = clean(folder.name, 80)
    if not folder.is_dir():
        return ProjectRow(folder, name, problem="the folder is missing")
    try:
        project = load(folder)
        if not project.store_path.exists():
            return ProjectRow(folder, project.name, project)
        connection = project.open_reader()
        try:
            return _read_store(folder, project, connection)
        finally:
            connection.close()
    except WorkbenchError as error:
        return ProjectRow(folder, name, problem=error.message)
    except (sqlite3.Error, OSError) as error:
        return ProjectRow(folder, name, problem=clean(str(error)))


def _read_store(folder: Path, project: Project, connection: sqlite3.Connection) -> ProjectRow:
    last = next(iter(queries.load(connection, queries.numbers(connection, limit=1))), None)
    metric, best = project.config.metric, None
    number = queries.best_run(connection, metric.name, metric.goal) if metric.name else None
    if number is not None:
        value = finite(next(iter(queries.load(connection, [number]))).value(metric.name))
        best = None if value is None else (number, value)
    return ProjectRow(folder, project.name, project, queries.counts(connection), last, best, watch.status(project))
