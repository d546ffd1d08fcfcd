"""Compare: the marked runs side by side, as curves, across parallel axes, and as a table of what differs."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container, Horizontal

from workbench.actions import compare as actions
from workbench.actions import compare_export as exports
from workbench.actions import runs as run_actions
from workbench.pictures.model import Exportable
from workbench.project import Project
from workbench.runs.model import Run
from workbench.safe import clean
from workbench.tui.kit.grid import Grid, Style
from workbench.tui.screens.base import Page
from workbench.tui.screens.compare_code import code_lines
from workbench.tui.screens.compare_data import CurveReader, Sight, Wish, read_sight
from workbench.tui.screens.compare_panels import CodePanel, CurvesPanel, Legend, ParallelPanel
from workbench.tui.screens.compare_rows import rows_of, significance_line
from workbench.tui.screens.compare_table import DiffTable, Head
from workbench.tui.screens.export import ask_and_export
from workbench.tui.widgets.canvas import Canvas, Spans
from workbench.tui.widgets.table import Item, Table
from workbench.versions.code import CodeDiff

GRID_SIZE = (110, 26)
_DIM = Style(fg="dim")
_PANES = {"curves": "Curves", "across": "Parallel coordinates", "table": "Differences"}


class Nothing(Canvas):
    """What is shown without runs."""

    DEFAULT_CSS = "Nothing { width: 1fr; height: 1fr; }"
    words = "Mark two runs with space."

    def draw(self, width: int, height: int) -> Grid:
        """Say what to do."""
        grid = Grid(width, height)
        lines = [self.words, "2 goes to Runs, c compares."]
        for row, text in enumerate(lines):
            grid.put(
                max(0, (width - len(text)) // 2), max(0, height // 2 - 1) + row, text, Style("dim" if row else "text")
            )
        return grid


class ComparePage(Page):
    """The marked runs side by side."""

    screen_id: ClassVar[str] = "compare"
    DEFAULT_CSS = """
    ComparePage #upper { height: 9fr; width: 1fr; }
    ComparePage #panes { height: 1fr; width: 1fr; }
    ComparePage #curves, ComparePage #across { width: 1fr; height: 1fr; }
    ComparePage #table { height: 11fr; width: 1fr; }
    ComparePage #code { height: 1fr; width: 1fr; display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.numbers: tuple[int, ...] = ()
        self.metric = ""
        self.hide_same = True
        self.sight: Sight | None = None
        self.codes: dict[int, CodeDiff] = {}
        self._codes_of: tuple[Any, ...] = ()
        self._reader = CurveReader()
        self._pane = "curves"

    def compose(self) -> ComposeResult:
        """Put up the panels; which are in view depends on the room."""
        yield Nothing(id="nothing")
        yield Legend(id="legend")
        with Container(id="panes"):
            with Horizontal(id="upper"):
                yield CurvesPanel(id="curves")
                yield ParallelPanel(id="across")
            yield DiffTable(id="table")
        yield CodePanel(id="code")

    @property
    def curves(self) -> CurvesPanel:
        """The panel of the curves."""
        return self.query_one("#curves", CurvesPanel)

    @property
    def table(self) -> DiffTable:
        """The table of differences."""
        return self.query_one("#table", DiffTable)

    @property
    def code(self) -> CodePanel:
        """The layer with the code."""
        return self.query_one("#code", CodePanel)

    # --- what is read and shown

    def enter(self, target: Any) -> None:
        """Take the runs given, else those that are marked, else stay with those from before."""
        numbers = tuple(target) if target is not None else tuple(getattr(self.bench, "marked", ()))
        if len(numbers) >= 2 and numbers != self.numbers:
            self.numbers, self.sight, self.codes, self._codes_of = numbers, None, {}, ()
            self.code.display = False
        self._arrange()

    def request(self) -> Wish | None:
        """Ask for the runs and the metric in view."""
        return Wish(self.project, self.numbers, self.metric) if self.project is not None else None

    def load(self, connection: sqlite3.Connection | None, request: Any) -> Sight | None:
        """Read them, on the reader's thread."""
        return None if request is None else read_sight(connection, request, self._reader)

    def show(self, snapshot: Sight | None) -> None:
        """Take what was read; a comparison takes two."""
        self.sight = snapshot if snapshot is not None and len(snapshot.compared.runs) >= 2 else None
        self.every = None
        if self.sight is not None:
            self.metric = self.sight.metric
            self.every = 1.0 if any(run.status == "running" for run in self.sight.compared.runs) else None
            self._look_at_code(self.sight)
        self._arrange()
        self.query_one("#across", ParallelPanel).take(self.sight)
        self.curves.take(self.sight)
        self._show_table()

    def heads(self) -> list[Head]:
        """Return the heads of the columns."""
        if self.sight is None:
            return []
        baseline = self.sight.compared.comparison.baseline
        runs = self.sight.compared.runs
        return [Head(clean(run.name, 60), index, index == baseline) for index, run in enumerate(runs)]

    def _show_table(self) -> None:
        legend, heads = self.query_one("#legend", Legend), self.heads()
        runs = () if self.sight is None else self.sight.compared.runs
        legend.heads, legend.values = heads, [run.value(self.metric) for run in runs]
        legend.redraw()
        rows = [] if self.sight is None else rows_of(self.sight, self.codes, hide_same=self.hide_same)
        words = "same values hidden (d)" if self.hide_same else "all values (d)"
        self.table.facts = [(f"params · metrics · code · environment   {words}", _DIM)]
        self.table.take(heads, rows, plain=bool(self.app.no_color))

    def _look_at_code(self, sight: Sight) -> None:
        """Compare the code of the runs in a thread, once for each set of versions."""
        project, baseline = self.project, sight.compared.baseline
        runs = [run for run in sight.compared.runs if run is not baseline]
        key = tuple((run.number, run.code.get("kind"), run.code.get("tree")) for run in (baseline, *runs))
        if project is None or key == self._codes_of:
            return
        self._codes_of = key

        def take(found: dict[int, CodeDiff]) -> None:
            if self._codes_of == key:
                self.codes = found
                self._show_table()

        self.bench.act("comparing the code", _code_diffs, project, baseline, runs, done=take)

    # --- the room

    def on_resize(self, event: events.Resize) -> None:
        """Show what there is room for."""
        self._arrange()

    @property
    def is_grid(self) -> bool:
        """Whether all panes have room at once."""
        return self.size.width >= GRID_SIZE[0] and self.size.height >= GRID_SIZE[1]

    def _arrange(self) -> None:
        """Show one pane or all of them, or the sentence that says what to do."""
        if not self.is_mounted:
            return
        has, reading = self.sight is not None, bool(self.code.display)
        self.query_one("#nothing").display = not has
        self.query_one("#legend").display = has
        self.query_one("#panes").display = has and not reading
        self.query_one("#upper").display = self.is_grid or self._pane != "table"
        for name in _PANES:
            self.query_one(f"#{name}").display = self.is_grid or self._pane == name
        self.query_one("#upper").styles.height = "9fr" if self.is_grid else "1fr"
        self.table.styles.height = "11fr" if self.is_grid else "1fr"
        focused = self.app.focused
        if has and not reading and (focused is None or not focused.display or focused.id not in _PANES):
            self.query_one(f"#{self._pane}").focus()

    def focus_first(self) -> None:
        """Give the focus to the pane in view."""
        if self.sight is not None:
            (self.code if self.code.display else self.query_one(f"#{self._pane}")).focus()

    def do_next_pane(self) -> None:
        """Go to the next pane."""
        self._turn_pane(1)

    def do_previous_pane(self) -> None:
        """Go to the pane before."""
        self._turn_pane(-1)

    def _turn_pane(self, by: int) -> None:
        if self.sight is None or self.code.display:
            return
        names = list(_PANES)
        focused = self.app.focused.id if self.app.focused is not None else ""
        at = names.index(focused) if focused in names else names.index(self._pane)
        self._pane = names[(at + by) % len(names)]
        self._arrange()
        self.query_one(f"#{self._pane}").focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Remember the pane with the focus."""
        if event.widget.id in _PANES:
            self._pane = event.widget.id
        self.bench.refresh_bars()

    def status(self) -> Spans:
        """Say whether the drawn metric really differs, and which panes there are where only one is in view."""
        if self.sight is None:
            return []
        panes: Spans = []
        if not self.is_grid:
            panes.append(("tab ", Style(fg="key")))
            for name, title in _PANES.items():
                panes.append((f" {title.split()[0]} ", Style("text", "chip") if name == self._pane else _DIM))
            panes.append(("  ", _DIM))
        line = significance_line(self.sight)
        return [*panes, (f"{clean(self.metric, 40)}: ", _DIM), (clean(line, 300), _DIM)]

    # --- keys

    def _can(self) -> str:
        return "" if self.sight is not None else Nothing.words

    def can_next_pane(self) -> str:
        """There must be runs."""
        return self._can()

    def do_back(self) -> None:
        """Close the code, take the cursor away, or go to Runs."""
        if self.code.display:
            self.code.display = False
            self._arrange()
            self.query_one(f"#{self._pane}").focus()
        elif self.curves.look.cursor is not None and self.curves.has_focus:
            self._look(cursor=None)
        else:
            self.bench.go("runs")

    def _look(self, **changes: Any) -> None:
        self.curves.set_look(replace(self.curves.look, **changes))

    def do_log_scale(self) -> None:
        """Switch the value axis."""
        self._look(log=not self.curves.look.log)

    def do_axis(self) -> None:
        """Switch between steps and time."""
        self.curves.set_look(self.curves.look.toggled_axis())

    def do_smoother(self) -> None:
        """Smooth more."""
        self.curves.set_look(self.curves.look.smoother(1))

    def do_rougher(self) -> None:
        """Smooth less."""
        self.curves.set_look(self.curves.look.smoother(-1))

    def do_next_metric(self) -> None:
        """Draw the next metric."""
        self._turn_metric(1)

    def do_previous_metric(self) -> None:
        """Draw the metric before."""
        self._turn_metric(-1)

    @on(CurvesPanel.Turned)
    def _turned(self, event: CurvesPanel.Turned) -> None:
        self._turn_metric(event.by)

    def _turn_metric(self, by: int) -> None:
        if self.sight is not None and self.sight.metrics:
            names = self.sight.metrics
            self._draw_metric(names[(names.index(self.sight.metric) + by) % len(names)])

    def _draw_metric(self, name: str) -> None:
        self.metric = name
        self.ask()

    can_log_scale = can_axis = can_smoother = can_rougher = can_next_metric = can_previous_metric = can_next_pane
    can_previous_pane = can_same = can_export = can_next_pane

    def do_same(self) -> None:
        """Hide, or show, what is the same in all runs."""
        self.hide_same = not self.hide_same
        self._show_table()

    def _chosen(self) -> Run | None:
        if self.sight is None:
            return None
        return self.sight.compared.runs[min(self.table.chosen, len(self.sight.compared.runs) - 1)]

    def can_baseline(self) -> str:
        """There must be runs."""
        return self._can()

    def do_baseline(self) -> None:
        """Pin the run whose column is lit, or unpin it."""
        run = self._chosen()
        if run is None or self.project is None or self.sight is None:
            return
        is_pinned = self.sight.compared.pinned and run is self.sight.compared.baseline
        words = f"Run {run.number} is no longer the baseline." if is_pinned else f"Run {run.number} is the baseline."
        wanted = None if is_pinned else run.number
        self.bench.act("pinning", run_actions.pin_baseline, self.project, wanted, done=lambda _: self.bench.say(words))

    def can_open(self) -> str:
        """Metrics and code open from the table."""
        row = self.table.row
        if self.sight is None or self.code.display or not self.table.has_focus or row is None or not row.opens:
            return "Enter draws a metric, or shows the code, of a row in the table."
        return ""

    def open_item(self, table: Table, item: Item) -> None:
        """Open what is selected."""
        row = self.table.row
        if row is None or table is not self.table:
            return
        if row.opens == "metric":
            self._draw_metric(row.key.removeprefix("metrics:"))
        elif row.opens == "code":
            self._open_code(row.key.removeprefix("code:"))

    @on(Table.HeadClicked)
    def _head_clicked(self, event: Table.HeadClicked) -> None:
        self.table.choose_at(event.x)

    def _open_code(self, path: str) -> None:
        """Show how the code of the lit run, or of the first other one, differs from the baseline's."""
        sight, run = self.sight, self._chosen()
        if sight is None or run is None:
            return
        baseline = sight.compared.baseline
        if run is baseline:
            others = [one for one in sight.compared.runs if one.number in self.codes]
            run = next((one for one in others if self.codes[one.number].files), others[0] if others else run)
        diff = self.codes.get(run.number)
        if diff is None:
            self.bench.say("The code is still being compared.")
            return
        self.code.take(f"Code: {baseline.number} → {run.number} {clean(run.name, 40)}", code_lines(diff), path)
        self.code.display = True
        self._arrange()
        self.code.focus()

    # --- export

    def do_export(self) -> None:
        """Ask for a format, and write what has the focus."""
        sight, project = self.sight, self.project
        if sight is not None and project is not None:
            pane = "curves" if self.code.display else self._pane
            ask_and_export(self, project, *self._exportable(sight, pane), f"Export {_PANES[pane].lower()}")

    def _exportable(self, sight: Sight, pane: str) -> tuple[Exportable, str]:
        numbers = "-".join(str(run.number) for run in sight.compared.runs[:6])
        if pane == "table":
            return exports.comparison_table(sight.compared, whole=not self.hide_same), f"compare-{numbers}"
        if pane == "across":
            return exports.comparison_parallel(sight.compared, sight.metric, sight.others), f"parallel-{numbers}"
        look = self.curves.look
        drawn = exports.comparison_curves(sight.compared, sight.metric, sight.curves, axis=look.axis, log=look.log)
        return exports.smoothed(drawn, [one.ys for one in self.curves.series]), f"{sight.metric}-{numbers}"

    def commands(self) -> list[tuple[str, str, Callable[[], None]]]:
        """Offer every metric by name."""
        names = self.sight.metrics if self.sight is not None else ()
        return [(f"metric {clean(name, 60)}", "Draw this metric", partial(self._draw_metric, name)) for name in names]


def _code_diffs(project: Project, baseline: Run, runs: list[Run]) -> dict[int, CodeDiff]:
    return {run.number: actions.code_diff(project, baseline, run) for run in runs}
