"""The filter above the runs: the line to write it in, the order, the groups, the runs in each state."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import events
from textual.app import ComposeResult
from textual.widgets import Input

from workbench.runs.model import GLYPHS, STATUSES
from workbench.safe import clean
from workbench.tui.charts import DIM, TEXT, put
from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.widgets.canvas import Canvas, Spans, draw_border

if TYPE_CHECKING:
    from workbench.tui.screens.runs import RunsPage


class FilterBar(Canvas):
    """The filter with what it finds, the order, the groups, and how many runs there are in each state."""

    DEFAULT_CSS = """
    FilterBar { height: 3; width: 1fr; }
    FilterBar Input {
        display: none; border: none; height: 1; padding: 0; background: $background; offset: 4 1; width: 60%;
    }
    FilterBar Input:focus { border: none; background: $background; }
    """

    def __init__(self, page: RunsPage) -> None:
        super().__init__()
        self.page = page
        self.input = FilterInput(placeholder="auc > 0.7 and params.lr = 0.1 and not failed", select_on_focus=False)

    def compose(self) -> ComposeResult:
        """Put up the line to write in."""
        yield self.input

    def edit(self, text: str) -> None:
        """Begin to write."""
        line = self.input
        line.styles.offset = (4, 1 if self.size.height >= 3 else 0)
        line.value = text
        line.cursor_position = len(text)
        line.display = True
        self.screen.set_focus(line)  # not line.focus(), which waits: keys typed at once would still go to the table
        self.redraw()

    def close(self) -> None:
        """End to write."""
        self.input.display = False
        self.redraw()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what it finds."""
        event.stop()
        self.page.drafted(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep it."""
        event.stop()
        self.page.filter_done(event.value)

    def on_click(self, event: events.Click) -> None:
        """Write where it is clicked."""
        if not self.input.display:
            self.page.do_filter()

    def draw(self, width: int, height: int) -> Grid:
        """Draw it, in a border where there is room."""
        grid, y = Grid(width, height), 0
        editing = self.input.display
        if height >= 3:
            draw_border(grid, "", [], focused=editing)
            y = 1
        grid.put(2, y, "/", Style(fg="key" if editing else "dim"))
        right = self._right(width)
        length = sum(cells(text) for text, _ in right)
        x = width - 2 - length
        if editing:
            x = max(x, 4 + round(width * 0.6) + 1)
        for text, style in right:
            grid.put(x, y, text, style)
            x += cells(text)
        if not editing:
            self._draw_filter(grid, y, width - length - 8)
        return grid

    def _draw_filter(self, grid: Grid, y: int, room: int) -> None:
        text = self.page.filter_text
        if not text:
            grid.put(4, y, clip("filter", max(0, room)), DIM)
            return
        x = 4
        for index, part in enumerate(text.split(" and ")):
            word = clip(f" {clean(part)} ", max(0, room - x + 4))
            if index and cells(word) > 2:
                x += 1
            x = put(grid, x, y, word, Style("text", "chip"))

    def _right(self, width: int) -> Spans:
        snapshot, view = self.page.snapshot, self.page.snapshot.view
        spans: Spans = []
        if width >= 60:
            name = view.sort.removeprefix("metrics.") or "run"
            spans += [("sort ", DIM), (f"{clip(clean(name), 16)} {'↓' if view.descending else '↑'}", TEXT), ("  ", DIM)]
        if width >= 60 and view.group:
            spans += [("group ", DIM), (clip(clean(view.group.removeprefix("params.")), 14), TEXT), ("  ", DIM)]
        for state in STATUSES:
            if snapshot.counts.get(state):
                spans += [(f"{GLYPHS[state]}{snapshot.counts[state]} ", Style(fg=state))]
        return spans


class FilterInput(Input):
    """The line of the filter; esc restores."""

    async def _on_key(self, event: events.Key) -> None:
        page = cast(FilterBar, self.parent).page
        if event.key in ("escape", "down"):
            event.stop()
            event.prevent_default()
            page.filter_done(None if event.key == "escape" else self.value)
            return
        await super()._on_key(event)
