"""Exports from the screens: asking for a format, the table of runs as it is filtered and sorted, a run's curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.actions.compare_export import runs_table
from workbench.actions.export import export_as
from workbench.paths import relative_to
from workbench.pictures.model import Curves, Exportable, Line
from workbench.project import Project
from workbench.tui.charts import chart_groups
from workbench.tui.screens.base import Page
from workbench.tui.screens.run_data import RunSnapshot
from workbench.tui.screens.runs_data import details_of
from workbench.tui.widgets.dialog import Choice, Chooser

FORMATS = (
    Choice("csv", "CSV", "every number with all its digits"),
    Choice("md", "Markdown", "a table to paste into a text"),
    Choice("png", "PNG", "a picture"),
    Choice("svg", "SVG", "a picture that scales"),
)


def run_curves(snapshot: RunSnapshot, title: str, *, log: bool = False) -> Curves:
    """Return the chart of a run with this title as lines over steps. Pure."""
    group = next(one for one in chart_groups(list(snapshot.curves), snapshot.metric) if one.title == title)
    lines = [
        Line(label, tuple(map(float, snapshot.curves[name].steps)), snapshot.curves[name].values)
        for label, name in group.members
    ]
    return Curves(f"run {snapshot.number}", "step", title, tuple(lines), log_y=log)


def ask_and_export(page: Page, project: Project, what: Exportable, name: str, title: str = "Export") -> None:
    """Ask for a format, write the file, and say where it is."""

    def told(path: Any) -> None:
        page.bench.toast(f"Wrote {relative_to(path, project.folder)}")

    def write(kind: str) -> None:
        page.bench.act(f"Drawing {name}.{kind}", export_as, project, what, name, kind, done=told)

    page.bench.ask_for(Chooser(title, list(FORMATS)), write)


def export_runs(
    page: Page, project: Project, numbers: Sequence[int], metrics: Sequence[str], params: Sequence[str]
) -> None:
    """Export runs in this order."""
    page.bench.act(
        "Reading",
        details_of,
        project,
        numbers,
        done=lambda runs: ask_and_export(page, project, runs_table(runs, params, metrics), "runs"),
    )
