"""Exports from the Runs and the Run screen: the whole table as it is filtered and sorted, the curves of one run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.actions.export import export_as
from workbench.paths import relative_to
from workbench.pictures.model import Curves, Exportable, Line, Table
from workbench.project import Project
from workbench.runs.model import Run, why
from workbench.tui.charts import chart_groups
from workbench.tui.screens.base import Page
from workbench.tui.screens.run_data import RunSnapshot
from workbench.tui.screens.runs_data import details_of
from workbench.tui.widgets.dialog import Choice, Chooser

FORMATS = (("csv", "CSV"), ("md", "Markdown"), ("png", "PNG picture"), ("svg", "SVG picture"))


def runs_table(runs: Sequence[Run], metrics: Sequence[str], params: Sequence[str]) -> Table:
    """Return runs as a table: what they are, their last metrics, their parameters. Pure."""
    columns = ("run", "name", "status", *metrics, *params, "why", "duration_s", "tags")
    rows = tuple(
        (
            run.number,
            run.name,
            run.status,
            *(run.value(name) for name in metrics),
            *(_cell(run.params.get(name)) for name in params),
            why(run.trigger),
            run.duration(run.ended or run.created),
            " ".join(run.tags),
        )
        for run in runs
    )
    return Table("Runs", columns, rows)


def _cell(value: Any) -> str | float | int | bool | None:
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def run_curves(snapshot: RunSnapshot, title: str, *, log: bool = False) -> Curves:
    """Return the chart of a run with this title as lines over steps. Pure."""
    group = next(one for one in chart_groups(list(snapshot.curves), snapshot.metric) if one.title == title)
    lines = [
        Line(label, tuple(map(float, snapshot.curves[name].steps)), snapshot.curves[name].values)
        for label, name in group.members
    ]
    return Curves(f"run {snapshot.number}", "step", title, tuple(lines), log_y=log)


def ask_and_export(page: Page, project: Project, what: Exportable, name: str, kinds: int = 4) -> None:
    """Ask for a format, write the file, and say where it is."""

    def told(path: Any) -> None:
        page.bench.toast(f"Wrote {relative_to(path, project.folder)}")

    def write(kind: str) -> None:
        page.bench.act(f"Drawing {name}.{kind}", export_as, project, what, name, kind, done=told)

    page.bench.ask_for(Chooser("Export", [Choice(kind, words) for kind, words in FORMATS[:kinds]]), write)


def export_runs(
    page: Page, project: Project, numbers: Sequence[int], metrics: Sequence[str], params: Sequence[str]
) -> None:
    """Export runs in this order."""
    page.bench.act(
        "Reading",
        details_of,
        project,
        numbers,
        done=lambda runs: ask_and_export(page, project, runs_table(runs, metrics, params), "runs"),
    )
