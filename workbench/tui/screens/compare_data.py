"""What Compare shows, read on the reader's thread."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from dataclasses import dataclass

from workbench.actions import compare as actions
from workbench.actions.compare import Compared
from workbench.project import Project
from workbench.runs import queries
from workbench.runs.model import Curve, Run

BACKGROUND = 60
"""How many of the newest other runs stand behind the compared ones in the parallel coordinates."""


@dataclass(frozen=True)
class Wish:
    """What to read: the runs by number, and the metric to draw, "" for the first."""

    project: Project
    numbers: tuple[int, ...]
    metric: str = ""


@dataclass(frozen=True)
class Sight:
    """The comparison, the metric that is drawn with the curve of each run, and other runs for the background."""

    compared: Compared
    metric: str
    metrics: tuple[str, ...]
    goal: str
    curves: tuple[Curve, ...]
    others: tuple[Run, ...] = ()

    @property
    def counts(self) -> tuple[int, ...]:
        """How many points the drawn metric really has in each run."""
        return tuple(run.metrics[self.metric].count if self.metric in run.metrics else 0 for run in self.compared.runs)


class CurveReader:
    """Reads curves, and remembers those of metrics that have not moved since."""

    def __init__(self, most: int = 200) -> None:
        self._kept: OrderedDict[tuple[str, str], tuple[tuple[int, int], Curve]] = OrderedDict()
        self._most = most

    def read(self, connection: sqlite3.Connection, run: Run, metric: str) -> Curve:
        """Return the curve of a metric of a run."""
        summary = run.metrics.get(metric)
        if summary is None:
            return Curve()
        key, state = (run.uid, metric), (summary.count, summary.last_t)
        kept = self._kept.get(key)
        if kept is None or kept[0] != state:
            kept = self._kept[key] = (state, actions.curve(connection, run.number, metric))
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return kept[1]


def read_sight(connection: sqlite3.Connection | None, wish: Wish, reader: CurveReader) -> Sight | None:
    """Read what is wished for; None where none of the runs is left."""
    if connection is None or not wish.numbers:
        return None
    compared = actions.read(wish.project, connection, wish.numbers)
    if compared is None:
        return None
    metrics = tuple(actions.chart_metrics(wish.project, compared.runs))
    metric = wish.metric if wish.metric in metrics else next(iter(metrics), "")
    drawn = tuple(reader.read(connection, run, metric) for run in compared.runs)
    shown = {run.number for run in compared.runs}
    newest = [number for number in queries.numbers(connection, limit=BACKGROUND) if number not in shown]
    others = tuple(queries.load(connection, newest))
    return Sight(compared, metric, metrics, actions.goal_of(compared, metric), drawn, others)
