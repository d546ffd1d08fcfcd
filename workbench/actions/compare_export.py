"""Comparisons and lists of runs as charts and tables to export; pure."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from workbench.actions.compare import Compared
from workbench.pictures.model import Across, Cell, Curves, Line, Parallel, Table
from workbench.runs.compare import Comparison, MetricRow, Row
from workbench.runs.model import Curve, Run, why


def cell(value: Any) -> Cell:
    """Return any value of a run as one that a table holds: lists and objects as JSON."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def comparison_table(compared: Compared, *, whole: bool = True) -> Table:
    """Return a comparison as a table: section, name, better, and a column for each run; `whole` keeps what is equal."""
    found = compared.comparison
    rows: list[tuple[Cell, ...]] = []
    rows += [_row("params", row) for row in _wanted(found.params, whole)]
    for metric in [*_wanted_metrics(found.metrics, whole), found.durations]:
        rows += _metric_rows(metric)
    rows += [_row("environment", row) for row in _wanted(found.environment, whole)]
    rows += [_row("packages", row) for row in _wanted(found.packages, whole)]
    rows += _groups(found)
    star = {found.runs[found.baseline]: " (baseline)"}
    names = [f"{run.number} {run.name}{star.get(run.number, '')}" for run in compared.runs]
    return Table("Comparison of runs", ("section", "name", "better", *names), tuple(rows))


def _wanted(rows: Sequence[Row], whole: bool) -> list[Row]:
    return [row for row in rows if whole or row.differs]


def _wanted_metrics(rows: Sequence[MetricRow], whole: bool) -> list[MetricRow]:
    return [row for row in rows if whole or row.differs]


def _row(section: str, row: Row) -> tuple[Cell, ...]:
    return (section, row.name, "", *(cell(one.value) if one.present else None for one in row.cells))


def _metric_rows(row: MetricRow) -> list[tuple[Cell, ...]]:
    """Return the values, and where there is a baseline to hold them against, their differences to it."""
    goal = row.goal or ""
    lines: list[tuple[Cell, ...]] = [("metrics", row.name, goal, *(one.value for one in row.cells))]
    if any(one.delta for one in row.cells):
        lines.append(("difference", row.name, goal, *(one.delta for one in row.cells)))
    return lines


def _groups(found: Comparison) -> list[tuple[Cell, ...]]:
    """Return mean, interval and verdict of each group of repeated runs, in the column of its first run."""
    if not found.repeated:
        return []
    lines: list[tuple[Cell, ...]] = []
    for name in [row.name for row in found.metrics]:
        values: list[Cell] = [None] * len(found.runs)
        for group in found.groups:
            stats, against = group.metrics.get(name), group.against.get(name)
            if stats is None or stats.mean is None:
                continue
            spread = "" if stats.low is None else f" [{stats.low:.5g}, {stats.high:.5g}]"
            verdict = f" {against.verdict}" if against else ""
            values[found.runs.index(group.runs[0])] = f"{stats.mean:.5g}{spread} n={stats.n}{verdict}"
        lines.append(("groups", name, "", *values))
    return lines


def comparison_curves(
    compared: Compared, metric: str, curves: Sequence[Curve], *, axis: str = "step", log: bool = False
) -> Curves:
    """Return the curves of a metric over steps or over seconds; `curves` are those of the runs, in their order."""
    lines = [
        Line(
            f"{run.number} {run.name}", curve.times if axis == "time" else tuple(map(float, curve.steps)), curve.values
        )
        for run, curve in zip(compared.runs, curves, strict=True)
    ]
    return Curves(metric, "seconds" if axis == "time" else "step", metric, tuple(lines), log_y=log)


def smoothed(chart: Curves, drawn: Sequence[Sequence[float]]) -> Curves:
    """Return a chart whose curves are `drawn` as they were smoothed; what they were before stays behind them."""
    lines = tuple(
        line if tuple(ys) == line.ys else replace(line, ys=tuple(ys), raw=line.ys)
        for line, ys in zip(chart.lines, drawn, strict=True)
    )
    return replace(chart, lines=lines)


def _places(curve: Curve, axis: str) -> tuple[float, ...]:
    return curve.times if axis == "time" else tuple(map(float, curve.steps))


def comparison_parallel(compared: Compared, metric: str, others: Sequence[Run] = ()) -> Parallel:
    """Return the runs across the parameters in which they differ, and a metric; `others` stay in the background."""
    axes = [row.name for row in compared.comparison.params if row.differs]
    marked = {run.number for run in compared.runs}
    rest = [run for run in others if run.number not in marked]
    lines = [
        Across(
            f"{run.number} {run.name}",
            (*(cell(run.params.get(name)) for name in axes), *([run.value(metric)] if metric else [])),
            run.number in marked,
        )
        for run in [*compared.runs, *rest]
    ]
    return Parallel("Parallel coordinates", (*axes, *([metric] if metric else [])), tuple(lines))


def runs_table(runs: Sequence[Run], params: Sequence[str] | None = None, metrics: Sequence[str] | None = None) -> Table:
    """Return runs as a table with these parameters and metrics, or with all that any of them has."""
    params = sorted({name for run in runs for name in run.params}) if params is None else params
    metrics = sorted({name for run in runs for name in run.metrics}) if metrics is None else metrics
    names = ("run", "name", "status", "why", "duration_s", "tags", *(f"params.{name}" for name in params), *metrics)
    rows = tuple(
        (
            run.number,
            run.name,
            run.status,
            why(run.trigger),
            None if run.started is None or run.ended is None else round(run.ended - run.started, 3),
            " ".join(run.tags),
            *(cell(run.params.get(name)) for name in params),
            *(_known(run.value(name)) for name in metrics),
        )
        for run in runs
    )
    return Table("Runs", names, rows)


def _known(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value
