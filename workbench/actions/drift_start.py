"""The run that alerts start, where the configuration asks for one."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import replace

from workbench import locks
from workbench.actions import runs, starting
from workbench.drift import records
from workbench.drift.alerts import Alert
from workbench.drift.report import Report
from workbench.errors import EnvironmentProblem, UsageError, WorkbenchError
from workbench.project import Project
from workbench.runs import launch
from workbench.safe import clean
from workbench.store.connection import transaction

LOCK_NAME = "drift-start.lock"


def start(project: Project, connection: sqlite3.Connection, report: Report, now: float) -> Report:
    """Start a run for the open alerts of a stored report's series that have none, and return the report with it.

    What keeps the run from starting is said in the report; the next check tries again.
    """
    if project.config.drift.on_alert != "train" or not _waiting(connection, report.series):
        return report
    try:
        told = replace(report, run=_start_run(project, connection, report.series, now))
    except Exception as error:  # whatever it is, what the check found is shown
        why = error.message if isinstance(error, WorkbenchError) else f"{type(error).__name__}: {error}"
        told = replace(report, not_started=clean(why, 200))
    with transaction(connection):
        records.save_start(connection, told)
    return told


def _waiting(connection: sqlite3.Connection, series: str) -> list[Alert]:
    """Return the open alerts of a series that have started no run, the oldest first."""
    found = [one for one in records.load_alerts(connection) if one.series == series]
    return [one for one in reversed(found) if one.state == "open" and one.run is None]


def _start_run(project: Project, connection: sqlite3.Connection, series: str, now: float) -> int | None:
    """Start one run for all alerts that wait for one; return its number, None where none waits any more.

    Raises UsageError where another check is about to start one, and whatever keeps a run from starting.
    """
    lock = locks.take(project.inner / LOCK_NAME)
    if lock is None:
        raise UsageError("another check is starting one", "workbench drift   (check again)")
    try:
        waiting = _waiting(connection, series)
        if not waiting:
            return None
        alerts, columns = [one.id for one in waiting], [one.column for one in waiting]
        trigger = {"kind": "monitoring", "what": "drift", "alerts": alerts, "columns": columns}
        number = starting.start(project, starting.Request(trigger=trigger), now=now)[0]
        run = runs.get(project, str(number))
        if run.reason.startswith(launch.NO_SUPERVISOR):
            raise EnvironmentProblem(f"run {number}: {run.reason}", f"workbench show {number}")
        with transaction(connection):
            for alert in alerts:
                records.add_event(connection, alert, "started", now, what=str(number))
        return number
    finally:
        os.close(lock)
