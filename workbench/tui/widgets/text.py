"""A pane of styled lines that scrolls."""

from __future__ import annotations

from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.widgets.canvas import Panel, Spans

DIM = Style(fg="dim")


class TextPane(Panel, can_focus=True):
    """Lines given as runs of text with their style; long ones are cut, and `left` and `right` move over them."""

    def __init__(self, heading: str = "", *, id: str | None = None) -> None:
        super().__init__(heading, id=id)
        self.text: list[Spans] = []
        self.empty = ""
        self.top = 0
        self.shift = 0

    def set_text(self, text: list[Spans], empty: str = "") -> None:
        """Show other lines, at the same place where there is one."""
        self.text, self.empty = text, empty
        self.top = max(0, min(self.top, len(text) - self.room))
        self.redraw()

    @property
    def room(self) -> int:
        """How many lines fit."""
        return max(1, self.size.height - 2)

    def draw_inside(self, width: int, height: int) -> Grid:
        """Draw the lines in view; the facts say which they are."""
        grid = Grid(width, height)
        if not self.text:
            grid.put(1, 0, clip(self.empty, width - 2), DIM)
        for y, spans in enumerate(self.text[self.top : self.top + height]):
            x = 1 - self.shift
            for text, style in spans:
                grid.put(x, y, text, style)
                x += cells(text)
            if self.shift:
                grid.put(0, y, " ", DIM)
        if len(self.text) > height:
            last = min(len(self.text), self.top + height)
            self.facts = [(f"{self.top + 1}–{last} of {len(self.text)}", DIM)]
        else:
            self.facts = []
        return grid

    def _go(self, top: int) -> None:
        self.top = max(0, min(top, len(self.text) - self.room))
        self.redraw()

    def do_up(self) -> None:
        """Scroll up."""
        self._go(self.top - 1)

    def do_down(self) -> None:
        """Scroll down."""
        self._go(self.top + 1)

    def do_page_up(self) -> None:
        """Scroll up by a page."""
        self._go(self.top - self.room)

    def do_page_down(self) -> None:
        """Scroll down by a page."""
        self._go(self.top + self.room)

    def do_first(self) -> None:
        """Go to the first line."""
        self._go(0)

    def do_last(self) -> None:
        """Go to the last line."""
        self._go(len(self.text))

    def do_left(self) -> None:
        """Move back over long lines."""
        self.shift = max(0, self.shift - 8)
        self.redraw()

    def do_right(self) -> None:
        """Move on over long lines."""
        longest = max((sum(cells(text) for text, _ in spans) for spans in self.text), default=0)
        self.shift = max(0, min(self.shift + 8, longest + 2 - self.size.width + 2))
        self.redraw()

    def wheeled(self, lines: int) -> None:
        """Scroll."""
        self._go(self.top + lines)
