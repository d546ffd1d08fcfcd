"""A virtual table: it holds the keys of its lines in order and draws only those in view.

Subclass it and write `draw_row` (and `draw_head` with `head_height = 1`). `set_items` keeps the cursor on the same key
though lines come, go and move. Posts `Moved` when the cursor or the view moves, `HeadClicked` for a click on the head.
Enter and a double click call `open_item` of the page or dialog around it (see `Opener`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol, runtime_checkable

from textual import events
from textual.message import Message

from workbench.tui.kit.grid import PLAIN, Grid, Style
from workbench.tui.widgets.canvas import Panel, Spans

Item = int | str


@runtime_checkable
class Opener(Protocol):
    """A page or dialog that opens the lines of its tables."""

    def open_item(self, table: Table, item: Item) -> None:
        """Open a line, which is under the cursor of the table."""


class Table(Panel, can_focus=True):
    """Lines with a cursor, keys and mouse; `items` are their keys, never shown by themselves."""

    head_height: ClassVar[int] = 0
    border: ClassVar[bool] = True

    class Moved(Message):
        """The cursor, or the part in view, is another one."""

        def __init__(self, table: Table) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> Table:
            """The table, for `@on`."""
            return self.table

        def can_replace(self, message: Message) -> bool:
            """Only the last of several moves matters."""
            return isinstance(message, Table.Moved) and message.table is self.table

    class HeadClicked(Message):
        """The head was clicked at a cell inside the border."""

        def __init__(self, table: Table, x: int) -> None:
            super().__init__()
            self.table = table
            self.x = x

        @property
        def control(self) -> Table:
            """The table, for `@on`."""
            return self.table

    def __init__(self, heading: str = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(heading, id=id, classes=classes)
        self.items: Sequence[Item] = ()
        self.cursor = 0
        self.top = 0

    # --- what it shows

    def draw_head(self, grid: Grid, width: int) -> None:
        """Draw line 0 of the grid."""

    def draw_row(self, grid: Grid, y: int, item: Item, here: bool) -> None:
        """Draw one line at row `y`; `here` is whether the cursor is on it."""
        raise NotImplementedError

    def draw_empty(self, grid: Grid) -> None:
        """Draw what there is to say without lines."""

    def before_draw(self, width: int, height: int) -> None:
        """Prepare for drawing the lines in view."""

    def paint_inside(self, width: int, height: int) -> list[Spans]:
        """Draw the head and the lines in view."""
        room = max(1, height - self.head_height)
        self._keep_in_view(room)
        self.before_draw(width, room)
        if not self.items:
            empty = Grid(width, height)
            self.draw_empty(empty)
            return [empty.spans(y) for y in range(height)]
        head = Grid(width, self.head_height)
        if self.head_height:
            self.draw_head(head, width)
        lines = [head.spans(y) for y in range(self.head_height)]
        for place, item in enumerate(self.items[self.top : self.top + room], self.top):
            lines.append(self.paint_row(width, item, place == self.cursor))
        lines += [[(" " * width, PLAIN)] for _ in range(height - len(lines))]
        return lines[:height]

    def paint_row(self, width: int, item: Item, here: bool) -> Spans:
        """Return one line; `here` is whether the cursor is on it."""
        grid = Grid(width, 1)
        if here:
            grid.fill(0, 0, width, 1, Style(bg="select"))
        self.draw_row(grid, 0, item, here)
        return grid.spans(0)

    @property
    def room(self) -> int:
        """How many lines fit."""
        inside = self.size.height - 2 if self.size.height >= 3 and self.size.width >= 6 else self.size.height
        return max(1, inside - self.head_height)

    @property
    def window(self) -> tuple[int, int]:
        """The first line in view, and the one after the last."""
        return self.top, min(len(self.items), self.top + self.room)

    @property
    def current(self) -> Item | None:
        """The key under the cursor."""
        return self.items[self.cursor] if 0 <= self.cursor < len(self.items) else None

    def set_items(self, items: Sequence[Item]) -> None:
        """Take new lines; the cursor stays on its key, at the same height, or near where that was."""
        current, height = self.current, self.cursor - self.top
        self.items = items
        if current is not None:
            try:
                self.cursor = items.index(current)
            except ValueError:
                self.cursor = max(0, min(self.cursor, len(items) - 1))
            self.top = max(0, self.cursor - height) if self.top else 0
        self._keep_in_view(self.room)

    def select(self, item: Item) -> bool:
        """Put the cursor on a key; return whether it is there."""
        if item not in self.items:
            return False
        self._go(list(self.items).index(item))
        return True

    def _keep_in_view(self, room: int) -> None:
        self.cursor = max(0, min(self.cursor, len(self.items) - 1))
        self.top = max(0, min(self.top, len(self.items) - room, self.cursor), self.cursor - room + 1)

    # --- moving

    def _go(self, cursor: int) -> None:
        self.cursor = max(0, min(cursor, len(self.items) - 1))
        self._keep_in_view(self.room)
        self.redraw()
        self.post_message(self.Moved(self))

    def do_up(self) -> None:
        """Move up."""
        self._go(self.cursor - 1)

    def do_down(self) -> None:
        """Move down."""
        self._go(self.cursor + 1)

    def do_page_up(self) -> None:
        """Move up by a page."""
        self.top = max(0, self.top - self.room)
        self._go(self.cursor - self.room)

    def do_page_down(self) -> None:
        """Move down by a page."""
        self.top = min(max(0, len(self.items) - self.room), self.top + self.room)
        self._go(self.cursor + self.room)

    def do_first(self) -> None:
        """Go to the first line."""
        self._go(0)

    def do_last(self) -> None:
        """Go to the last line."""
        self._go(len(self.items) - 1)

    def do_open(self) -> None:
        """Have the line under the cursor opened, at once: a message would come after keys typed together with enter."""
        opener = next((around for around in self.ancestors if isinstance(around, Opener)), None)
        if self.current is not None and opener is not None:
            opener.open_item(self, self.current)

    def can_open(self) -> str:
        """There must be a line."""
        return "" if self.items else "There is nothing to open."

    # --- mouse

    def _line_at(self, y: int) -> int:
        has_border = self.size.width >= 6 and self.size.height >= 3
        return y - int(has_border) - self.head_height

    def on_click(self, event: events.Click) -> None:
        """Select with a click, open with two; a click on the head is told."""
        line = self._line_at(event.y)
        if line < 0:
            if -self.head_height <= line:
                self.post_message(self.HeadClicked(self, event.x - 1))
            return
        if self.top + line < len(self.items) and line < self.room:
            self._go(self.top + line)
            self.clicked(event.x - 1)
            if event.chain == 2:
                self.do_open()

    def clicked(self, x: int) -> None:
        """Take a click on the line under the cursor at a cell inside the border."""

    def _scroll(self, lines: int) -> None:
        self.top = max(0, min(self.top + lines, len(self.items) - self.room))
        self.cursor = max(self.top, min(self.cursor, self.top + self.room - 1))
        self._go(self.cursor)

    def wheeled(self, lines: int) -> None:
        """Scroll."""
        self._scroll(lines)
