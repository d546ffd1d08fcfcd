"""What the Run screen reads: the run, its curves, system figures, outputs, notices, environment and log."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.project import Project
from workbench.runs import queries
from workbench.runs.model import Curve, Run
from workbench.tui.logtail import LogFile, LogPart
from workbench.tui.screens.runs_data import main_metric
from workbench.tui.tracks import Tracks


@dataclass(frozen=True)
class RunRequest:
    """Which run, which of its panes, and which lines of its log (None follows the end)."""

    project: Project
    number: int
    pane: str
    log_first: int | None
    log_rows: int


@dataclass(frozen=True)
class RunSnapshot:
    """What is known of the run; parts that the pane in view does not show are empty."""

    number: int = 0
    run: Run | None = None
    metric: str = ""
    goal: str = "max"
    curves: Mapping[str, Curve] = field(default_factory=dict)
    system: Mapping[str, Curve] = field(default_factory=dict)
    baseline: Run | None = None
    notices: tuple[tuple[float, str], ...] = ()
    outputs: tuple[dict[str, Any], ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    log: LogPart = field(default_factory=LogPart)


class RunLoader:
    """Reads for the Run screen on the reader's thread."""

    def __init__(self) -> None:
        self.tracks = Tracks()
        self._log: LogFile | None = None
        self._main: tuple[int, tuple[str, str]] | None = None

    def load(self, connection: sqlite3.Connection | None, request: RunRequest) -> RunSnapshot:
        """Read what the pane in view shows."""
        if connection is None:
            return RunSnapshot(request.number)
        run = next(iter(queries.load(connection, [request.number])), None)
        if run is None:
            return RunSnapshot(request.number)
        pane, project = request.pane, request.project
        metric, goal = main_metric(project, [run])
        baseline = queries.setting(connection, "baseline")
        is_other = isinstance(baseline, int) and baseline != run.number
        return RunSnapshot(
            number=request.number,
            run=run,
            metric=metric,
            goal=goal,
            curves=self._curves(connection, run) if pane == "curves" else {},
            system=self._system(connection, run.number) if pane == "system" else {},
            baseline=next(iter(queries.load(connection, [baseline])), None) if is_other else None,
            notices=tuple(queries.notices(connection, run.number)),
            outputs=tuple(queries.outputs(connection, run.number)),
            environment=_json(queries.environment(connection, run.number)) if pane == "environment" else {},
            log=self._read_log(project, run, request) if pane in ("curves", "log") else LogPart(),
        )

    def _curves(self, connection: sqlite3.Connection, run: Run) -> dict[str, Curve]:
        return {
            name: self.tracks.curve(connection, run.number, name, one.count)
            for name, one in list(run.metrics.items())[:24]
            if one.count > 1
        }

    def _system(self, connection: sqlite3.Connection, run: int) -> dict[str, Curve]:
        rows = connection.execute(
            "SELECT n.name, m.count FROM metrics m JOIN names n ON n.id = m.name"
            " WHERE m.run = ? AND n.space = 'system' ORDER BY n.name",
            (run,),
        ).fetchall()
        return {name: self.tracks.curve(connection, run, name, count, space="system") for name, count in rows}

    def _read_log(self, project: Project, run: Run, request: RunRequest) -> LogPart:
        path = project.run_folder(run.uid) / "output.log"
        if self._log is None or self._log.path != path:
            self._log = LogFile(path)
        return self._log.read(request.log_first, request.log_rows)


def _json(text: str | None) -> Mapping[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
