"""The output of a run: it follows the end until it is scrolled, and then says how much waits below."""

from __future__ import annotations

import re

from textual.message import Message

from workbench.tui.kit.frame import say
from workbench.tui.kit.grid import Grid, Style, clip
from workbench.tui.logtail import LogPart
from workbench.tui.widgets.canvas import Panel
from workbench.words import counted

DIM, TEXT = Style(fg="dim"), Style(fg="text")
_BAD = re.compile(r"\b(error|exception|traceback|fatal|critical)\b", re.IGNORECASE)
_ODD = re.compile(r"\b(warn(ing)?|deprecated)\b", re.IGNORECASE)


class LogView(Panel, can_focus=True):
    """Shows the lines it is given; `first` is None while it follows, else the number of the line at its top."""

    class Wanted(Message):
        """Other lines are wanted."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("Log", id=id)
        self.part = LogPart()
        self.first: int | None = None
        self.empty = "Nothing printed yet."

    @property
    def room(self) -> int:
        """How many lines fit, one less while it does not follow."""
        return max(1, self.size.height - 2 - (self.first is not None))

    def set_part(self, part: LogPart) -> None:
        """Show other lines."""
        self.part = part
        self.redraw()

    def draw_inside(self, width: int, height: int) -> Grid:
        """Draw the lines, and below them how many wait."""
        grid, part = Grid(width, height), self.part
        self.facts = [(counted(part.total, "line") + ("" if part.is_complete else "…"), DIM)] if part.total else []
        if not part.total:
            return say(width, height, self.empty)
        following = self.first is None
        room = height if following else height - 1
        lines = part.lines[-room:] if following else part.lines[:room]
        for y, line in enumerate(lines):
            tone = Style(fg="worse") if _BAD.search(line) else Style(fg="mark") if _ODD.search(line) else TEXT
            grid.put(1, y, clip(line, width - 2), tone)
        if not following:
            waits = part.total - part.first - len(lines)
            words = f"▼ {counted(waits, 'more line')} below · t follows the end"
            grid.put(1, height - 1, clip(words, width - 2), Style(fg="mark"))
        return grid

    def _go(self, first: int | None) -> None:
        self.first = first
        self.post_message(self.Wanted())

    def _move(self, lines: int) -> None:
        last = max(0, self.part.total - max(1, self.size.height - 2))
        top = last if self.first is None else self.first
        wanted = max(0, top + lines)
        if wanted >= last and lines > 0:
            self.do_tail()
        else:
            self._go(min(wanted, last))

    def do_tail(self) -> None:
        """Follow the end."""
        self._go(None)

    def do_up(self) -> None:
        """Scroll up; it no longer follows."""
        self._move(-1)

    def do_down(self) -> None:
        """Scroll down; at the end it follows again."""
        self._move(1)

    def do_page_up(self) -> None:
        """Scroll up by a page."""
        self._move(-self.room)

    def do_page_down(self) -> None:
        """Scroll down by a page."""
        self._move(self.room)

    def do_first(self) -> None:
        """Go to the first line."""
        self._go(0)

    def do_last(self) -> None:
        """Follow the end."""
        self.do_tail()

    def wheeled(self, lines: int) -> None:
        """Scroll."""
        self._move(lines)
