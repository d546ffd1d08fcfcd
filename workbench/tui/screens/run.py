"""The Run screen: everything that is known of one run, in panes."""

from __future__ import annotations

import sqlite3
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal

from workbench.runs.model import CHECKS, Run
from workbench.safe import clean
from workbench.tui.bars import SPINNER
from workbench.tui.charts import DIM, chart_groups
from workbench.tui.kit.grid import Style
from workbench.tui.screens import run_text
from workbench.tui.screens.export import ask_and_export, run_curves
from workbench.tui.screens.run_actions import RunActions
from workbench.tui.screens.run_data import RunLoader, RunRequest, RunSnapshot
from workbench.tui.screens.run_panels import PANES, CurvesPane, RunHead, SidePane
from workbench.tui.widgets.canvas import Panel, Spans
from workbench.tui.widgets.dialog import Choice, Chooser
from workbench.tui.widgets.log import LogView
from workbench.tui.widgets.text import TextPane

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
        self.side = SidePane(self)
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
            self.has_read = False
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
            self.side.fill()
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
