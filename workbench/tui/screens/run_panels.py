"""The panels of the Run screen: what the run is, its charts, and what stands beside them."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from textual import events

from workbench.runs.model import GLYPHS, Run, why
from workbench.safe import clean
from workbench.tui.bars import SPINNER
from workbench.tui.charts import BOLD, DIM, ChartGroup, chart_groups, draw_chart, put
from workbench.tui.kit.frame import say
from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.kit.numbers import ago, duration
from workbench.tui.screens import run_text
from workbench.tui.screens.runs_preview import draw_chips
from workbench.tui.widgets.canvas import Canvas, Panel
from workbench.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from workbench.tui.screens.run import RunPage

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


class SidePane(TextPane):
    """Figures and parameters beside the curves, within the width that there is."""

    def __init__(self, page: RunPage) -> None:
        super().__init__("Parameters", id="side")
        self.page = page

    def fill(self) -> None:
        """Show what is known of the run."""
        self.set_text(run_text.side_lines(self.page.snapshot, max(8, self.size.width - 4)), "No parameters.")

    def on_resize(self, event: events.Resize) -> None:
        """Cut the names anew: the first text may come before the panel has its size."""
        self.fill()
