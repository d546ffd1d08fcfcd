"""The Run screen: everything that is known of one run, in panes."""

from __future__ import annotations

import math
import sqlite3
import time
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal

from workbench.runs.model import CHECKS, GLYPHS, Run, why
from workbench.safe import clean
from workbench.tui.bars import SPINNER
from workbench.tui.charts import BOLD, DIM, ChartGroup, chart_groups, draw_chart, put
from workbench.tui.kit.frame import say
from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.kit.numbers import ago, duration
from workbench.tui.screens import run_text
from workbench.tui.screens.export import ask_and_export, run_curves
from workbench.tui.screens.run_actions import RunActions
from workbench.tui.screens.run_data import RunLoader, RunRequest, RunSnapshot
from workbench.tui.screens.runs_preview import draw_chips
from workbench.tui.widgets.canvas import Canvas, Panel, Spans
from workbench.tui.widgets.dialog import Choice, Chooser
from workbench.tui.widgets.log import LogView
from workbench.tui.widgets.text import TextPane

PANES = (
    ("curves", "Curves"),
    ("log", "Log"),
    ("params", "Params"),
    ("outputs", "Outputs"),
    ("code", "Code"),
    ("environment", "Environment"),
    ("system", "System"),
    ("about", "About"),
)
SIDE_FROM, LOG_FROM = 100, 26


class RunPage(RunActions):
    """One run."""

    screen_id: ClassVar[str] = "run"
    DEFAULT_CSS = """
    RunPage #upper { height: 1fr; }
    RunPage #side { width: 34; }
    RunPage .pane { width: 1fr; height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.loader = RunLoader()
        self.number = 0
        self.pane = "curves"
        self.snapshot = RunSnapshot()
        self.diff: Any | None = None
        self.frame = 0
        self.head = RunHead(self)
        self.curves = CurvesPane(self, "Curves", system=False)
        self.system = CurvesPane(self, "System", system=True)
        self.side = TextPane("Parameters", id="side")
        self.log_view = LogView()
        self.text = TextPane()
        self.upper = Horizontal(id="upper")
        for pane in (self.curves, self.system, self.log_view, self.text):
            pane.add_class("pane")

    def compose(self) -> ComposeResult:
        """Put up the head and all panes; one is shown."""
        yield self.head
        with self.upper:
            yield self.curves
            yield self.system
            yield self.text
            yield self.side
        yield self.log_view

    def on_mount(self) -> None:
        """Let a run be seen to run."""
        self.set_interval(0.3, self._spin)
        self.set_interval(1.0, self.head.redraw)
        self._arrange()

    def on_resize(self, event: events.Resize) -> None:
        """Give the parts room."""
        self._arrange()
        self.call_after_refresh(self._fill)
        self.ask()

    def _arrange(self) -> None:
        """Show the pane in view; the curves have the log below and the parameters beside them where there is room."""
        width, height = self.size
        on_curves = self.pane == "curves"
        self.curves.display = on_curves
        self.system.display = self.pane == "system"
        self.text.display = self.pane in ("params", "outputs", "code", "environment", "about")
        self.side.display = on_curves and width >= SIDE_FROM
        below = on_curves and height >= LOG_FROM
        self.log_view.display = below or self.pane == "log"
        self.log_view.styles.height = max(8, height // 3) if below else "1fr"
        self.upper.display = self.pane != "log"
        self.text.heading = dict(PANES)[self.pane]

    # --- reading

    def enter(self, target: Any) -> None:
        """Show the run with the number `target`."""
        if isinstance(target, int) and target != self.number:
            self.number = target
            self.snapshot, self.diff = RunSnapshot(target), None
            self.log_view.first = None
            self.go_to("curves")

    def request(self) -> RunRequest:
        """Return what the pane in view needs."""
        assert self.project is not None
        rows = max(40, self.log_view.size.height)
        return RunRequest(self.project, self.number, self.pane, self.log_view.first, rows)

    def ask(self) -> None:
        """Read again; a log that grows is looked at often."""
        if self.project is not None and self.number and self.is_mounted:
            run = self.snapshot.run
            self.every = 0.15 if run is not None and not run.is_over and self.log_view.display else 5.0
            super().ask()

    def load(self, connection: sqlite3.Connection | None, request: Any) -> RunSnapshot:
        """Read, on the reader's thread."""
        return self.loader.load(connection, request)

    def show(self, snapshot: Any) -> None:
        """Take what was read."""
        if snapshot.number != self.number:
            return
        before = self.snapshot.run
        self.snapshot = snapshot
        for canvas in (self.head, self.curves, self.system):
            canvas.redraw()
        self.log_view.set_part(snapshot.log)
        self._fill()
        run = snapshot.run
        if before is None and run is not None and run.kind in CHECKS and self.pane == "curves":
            self.go_to("log")  # a check draws no curves: what it printed is what it found
        if run is not None and (before is None or before.is_over != run.is_over):
            self.ask()
        if self.pane == "code" and self.diff is None and run is not None and run.code:
            self._read_diff(run)

    def _fill(self) -> None:
        snapshot, run = self.snapshot, self.snapshot.run
        if self.side.display:
            self.side.set_text(run_text.side_lines(snapshot, max(8, self.side.size.width - 4)), "No parameters.")
        if run is None or not self.text.display:
            return
        if self.pane == "params":
            self.text.set_text(run_text.params_lines(snapshot), "No parameters and no metrics.")
        elif self.pane == "outputs":
            self.text.set_text(run_text.outputs_lines(snapshot), "No outputs. Name them in [train] outputs.")
        elif self.pane == "code":
            self.text.set_text(run_text.code_lines(run, self.diff))
        elif self.pane == "environment":
            self.text.set_text(run_text.environment_lines(snapshot.environment), "Not recorded yet.")
        elif self.pane == "about":
            project = self.project
            folder = str(project.run_folder(run.uid)) if project is not None else ""
            self.text.set_text(run_text.about_lines(snapshot, folder))

    def _read_diff(self, run: Run) -> None:
        from workbench.versions import code

        project = self.project
        if project is not None:
            version = code.CodeVersion.from_json(dict(run.code))
            number = run.number
            self.diff = code.CodeDiff(problem="Reading the difference…")
            self.bench.act(
                "Comparing the code",
                code.uncommitted,
                project.folder,
                project.objects_folder,
                version,
                done=lambda diff: self._take_diff(number, diff),
            )

    def _take_diff(self, number: int, diff: Any) -> None:
        if number == self.number:
            self.diff = diff
            self._fill()

    def _spin(self) -> None:
        run = self.snapshot.run
        if self.bench.page is self and run is not None and run.status == "running":
            self.frame += 1
            self.head.patch(1, 0, SPINNER[self.frame % len(SPINNER)], Style(fg="running"))

    def on_log_view_wanted(self) -> None:
        """Read other lines of the log."""
        self.ask()

    # --- panes and keys

    def go_to(self, pane: str) -> None:
        """Show a pane."""
        self.pane = pane
        self.text.top = self.text.shift = 0
        self.text.text = []
        self._arrange()
        self.head.redraw()
        self._fill()
        self.focus_first()
        self.ask()
        self.bench.refresh_bars()

    def focus_first(self) -> None:
        """Give the focus to the pane in view."""
        main: dict[str, Panel] = {"curves": self.curves, "system": self.system, "log": self.log_view}
        self.screen.set_focus(main.get(self.pane, self.text))

    def do_next_pane(self) -> None:
        """Show the next pane."""
        self._turn(1)

    def do_previous_pane(self) -> None:
        """Show the pane before."""
        self._turn(-1)

    def _turn(self, by: int) -> None:
        names = [name for name, _ in PANES]
        self.go_to(names[(names.index(self.pane) + by) % len(names)])

    def do_back(self) -> None:
        """Go back to the runs."""
        self.bench.go("runs", self.number)

    def can_tail(self) -> str:
        """The log must be in view."""
        return "" if self.log_view.display else "Go to the log first: tab."

    def do_tail(self) -> None:
        """Follow the end of the log."""
        self.log_view.do_tail()

    def can_log_scale(self) -> str:
        """Curves must be in view."""
        return "" if self.pane in ("curves", "system") else "Go to the curves first: tab."

    def do_log_scale(self) -> None:
        """Switch the axis of values."""
        for pane in (self.curves, self.system):
            pane.log_axis = not pane.log_axis
            pane.redraw()

    def can_export(self) -> str:
        """Curves must be in view."""
        return "" if self.pane == "curves" and self.snapshot.curves else "Go to the curves first: tab."

    def do_export(self) -> None:
        """Choose a chart, then its format."""
        charts = [
            Choice(one.title, one.title) for one in chart_groups(list(self.snapshot.curves), self.snapshot.metric)
        ]
        if len(charts) == 1:
            self._export(charts[0].value)
        else:
            self.bench.ask_for(Chooser("Export which chart", charts), self._export)

    def _export(self, title: str) -> None:
        if self.project is not None:
            drawn = run_curves(self.snapshot, title, log=self.curves.log_axis)
            ask_and_export(self, self.project, drawn, f"run-{self.number}-{title}")

    def chosen(self) -> Run | None:
        """Return the run in view."""
        return self.snapshot.run

    def targets(self) -> list[int]:
        """Return the run in view."""
        return [self.number] if self.snapshot.run is not None else []

    def baseline_number(self) -> int | None:
        """Return the run that is pinned, as far as it matters here."""
        return self.snapshot.baseline.number if self.snapshot.baseline is not None else None

    def started(self, numbers: list[int]) -> None:
        """Show the run that was just started."""
        super().started(numbers)
        if numbers:
            self.bench.open_run(numbers[-1])

    def deleted(self, numbers: list[int]) -> None:
        """There is nothing more to see here."""
        super().deleted(numbers)
        self.bench.go("runs")

    def can_compare(self) -> str:
        """Another run must be marked."""
        others = [number for number in self.bench.marked if number != self.number]
        return "" if others else "Mark another run on Runs with space."

    def do_compare(self) -> None:
        """Compare this run with the marked ones."""
        others = [number for number in self.bench.marked if number != self.number]
        self.bench.go("compare", (self.number, *others))

    def commands(self) -> list[tuple[str, str, Any]]:
        """Offer the panes to the palette."""
        return [(f"show {title.lower()}", "", lambda name=name: self.go_to(name)) for name, title in PANES]

    def status(self) -> Spans:
        """Say which run and what it runs."""
        run = self.snapshot.run
        if run is None:
            return []
        command = run.command if isinstance(run.command, str) else " ".join(run.command)
        return [(f"run {run.number}  {clean(command)}  {clean(run.reason)}", DIM)]


class RunHead(Canvas):
    """What the run is, and the panes there are."""

    DEFAULT_CSS = "RunHead { height: 3; width: 1fr; }"

    def __init__(self, page: RunPage) -> None:
        super().__init__()
        self.page = page
        self.spots: list[tuple[int, int, str]] = []

    def draw(self, width: int, height: int) -> Grid:
        """Draw two lines about the run and one of panes."""
        grid, page = Grid(width, height), self.page
        run = page.snapshot.run
        if run is None:
            grid.put(1, 0, f"Run {page.number} is not there (yet).", DIM)
        else:
            self._draw_run(grid, run, width)
        self._draw_panes(grid, width)
        return grid

    def _draw_run(self, grid: Grid, run: Run, width: int) -> None:
        turning = run.status == "running"
        glyph = SPINNER[self.page.frame % len(SPINNER)] if turning else GLYPHS[run.status]
        x = put(grid, 1, 0, glyph, Style(fg=run.status))
        x = put(grid, x + 1, 0, str(run.number), DIM)
        x = put(grid, x + 1, 0, clip(clean(run.name), max(8, width // 3)), BOLD)
        x = put(grid, x + 2, 0, run.status, Style(fg=run.status))
        if run.reason and not turning:
            x = put(grid, x + 2, 0, clip(clean(run.reason), max(0, width - x - 3)), DIM)
        now = time.time()
        parts = [duration(run.duration(now)), ago(now - run.created), clean(why(run.trigger), 60)]
        commit = run.code.get("commit")
        if isinstance(commit, str) and commit:
            parts.append(f"git {clean(commit[:7])}{'±' if run.code.get('dirty') else ''}")
        x = put(grid, 3, 1, clip("  ".join(parts), width - 4), DIM)
        draw_chips(grid, x + 2, 1, run.tags)

    def _draw_panes(self, grid: Grid, width: int) -> None:
        self.spots = []
        titles = [(name, f" {title} ") for name, title in PANES]
        if sum(cells(title) for _, title in titles) > width - 2:
            titles = [(name, title if name == self.page.pane else f" {title.strip()[:3]} ") for name, title in titles]
        x = 1
        for name, title in titles:
            here = name == self.page.pane
            grid.put(x, 2, title, Style("ground", "accent", bold=True) if here else DIM)
            self.spots.append((x, x + cells(title), name))
            x += cells(title)

    def on_click(self, event: events.Click) -> None:
        """Show the pane that was clicked."""
        if event.y == 2:
            for first, after, name in self.spots:
                if first <= event.x < after:
                    self.page.go_to(name)
                    return


class CurvesPane(Panel, can_focus=True):
    """The charts of a run in a grid; arrows scroll where not all fit, `L` switches the axis of values."""

    LEAST_WIDTH, LEAST_HEIGHT = 34, 9

    def __init__(self, page: RunPage, heading: str, *, system: bool) -> None:
        super().__init__(heading)
        self.page = page
        self.is_system = system
        self.log_axis = False
        self.top = 0

    def draw_inside(self, width: int, height: int) -> Grid:
        """Draw as many charts as fit."""
        snapshot = self.page.snapshot
        data = snapshot.system if self.is_system else snapshot.curves
        groups = self._groups(list(data))
        self.facts = [("log scale", Style(fg="mark"))] if self.log_axis else []
        if not groups:
            return say(width, height, self._words())
        grid = Grid(width, height)
        columns = max(1, min(len(groups), width // self.LEAST_WIDTH, 3))
        rows_needed = -(-len(groups) // columns)
        rows = max(1, min(rows_needed, height // self.LEAST_HEIGHT))
        self.top = max(0, min(self.top, rows_needed - rows))
        if rows < rows_needed:
            first = self.top * columns + 1
            last = min(len(groups), (self.top + rows) * columns)
            self.facts = [*self.facts, (f" {first}–{last} of {len(groups)}", DIM)]
        wide, high = (width - 2 * (columns - 1) - 2) // columns, height // rows
        shown = groups[self.top * columns : (self.top + rows) * columns]
        for index, group in enumerate(shown):
            grid.blit(self._chart(group, wide, high), 1 + index % columns * (wide + 2), index // columns * high)
        return grid

    def _groups(self, names: list[str]) -> list[ChartGroup]:
        if self.is_system:
            return [ChartGroup(name, ((name, name),)) for name in names]
        return chart_groups(names, self.page.snapshot.metric)

    def _words(self) -> str:
        run = self.page.snapshot.run
        if run is None:
            return "Reading…"
        if self.is_system:
            return "No system figures were recorded." if run.is_over else "Waiting for the first sample…"
        if run.is_over:
            return "One value each: tab shows them." if run.metrics else "No metric was logged."
        return "Waits its turn." if run.status == "queued" else "Waiting for the first metric…"

    def _chart(self, group: ChartGroup, width: int, height: int) -> Grid:
        snapshot = self.page.snapshot
        run, baseline = snapshot.run, snapshot.baseline
        level = baseline.value(snapshot.metric) if baseline is not None else None
        return draw_chart(
            group,
            snapshot.system if self.is_system else snapshot.curves,
            width,
            height,
            metrics=run.metrics if run is not None else {},
            main=snapshot.metric,
            goal=snapshot.goal,
            baseline=None if level is None or math.isnan(level) else level,
            against=f"vs run {baseline.number}" if baseline is not None else "",
            log=self.log_axis,
            by_time=self.is_system,
        )

    def do_up(self) -> None:
        """Scroll up."""
        self.top -= 1
        self.redraw()

    def do_down(self) -> None:
        """Scroll down."""
        self.top += 1
        self.redraw()

    def wheeled(self, lines: int) -> None:
        """Scroll."""
        self.top += 1 if lines > 0 else -1
        self.redraw()
