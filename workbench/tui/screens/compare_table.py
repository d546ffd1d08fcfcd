"""The table of differences: parameters, metrics, groups, environment and code, a column for each run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from textwrap import wrap

from textual import events

from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.kit.sparkline import bar
from workbench.tui.screens.compare_curves import token
from workbench.tui.widgets.table import Item, Table

_DIM = Style(fg="dim")
_TEXT = Style(fg="text")
_DIFFERS = Style(fg="text", bg="chip")
_LEAST_COLUMN = 14
_VALUE = 8


@dataclass(frozen=True)
class Cell:
    """What one run has in a row.

    `look` is "" (as it is), "same" (as the baseline has it), "differs", "best", "state" or "none"; `part` is the
    length of the bar, `delta` the difference to the baseline and `tone` whether that is "better" or "worse".
    """

    text: str
    look: str = ""
    part: float | None = None
    delta: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Row:
    """One line: a section's title (no cells, no words), a value of each run, or a sentence in `words`.

    `is_same` rows can be hidden; `opens` is what enter does here: "metric" or "code"; `key` tells the row from others.
    `note` stands at the right of a title, or beside a label.
    """

    label: str
    cells: tuple[Cell, ...] = ()
    words: str = ""
    tone: str = ""
    goal: str = ""
    is_same: bool = False
    opens: str = ""
    key: str = ""
    level: int = 1
    note: str = ""

    @property
    def is_title(self) -> bool:
        """Whether the row begins a section."""
        return self.level == 0


@dataclass(frozen=True)
class Head:
    """One column: the run's name, its number among the compared, whether it is the baseline."""

    name: str
    index: int
    is_baseline: bool = False


def columns_in(width: int, count: int, labels: int) -> tuple[int, int, int]:
    """Return the widths of the label and of a column, and how many columns fit."""
    label = min(max(labels + 3, 9), max(10, width // 4))
    room = max(1, width - label)
    fit = max(1, min(count, room // _LEAST_COLUMN))
    return label, min(36, room // fit), fit


def shown_columns(count: int, fit: int, chosen: int, baseline: int) -> list[int]:
    """Return the columns in view: the baseline always, where there is room for two, and the chosen one among them."""
    others = [index for index in range(count) if index != baseline]
    if fit <= 1:
        return [chosen]
    place = others.index(chosen) if chosen in others else 0
    left = max(0, min(place - (fit - 1) // 2, len(others) - (fit - 1)))
    return sorted([baseline, *others[left : left + fit - 1]])


def _broken(row: Row, width: int) -> list[Row]:
    """Return a row with a sentence as one row for each line of it."""
    if not row.words:
        return [row]
    lines = wrap(row.words, max(10, width)) or [""]
    more = [replace(row, label="", words=line, key=f"{row.key}:{at}") for at, line in enumerate(lines[1:], 1)]
    return [replace(row, words=lines[0]), *more]


class DiffTable(Table):
    """The rows under the heads of the runs; `chosen` is the index of the run whose column is lit."""

    head_height = 1

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("Differences", id=id)
        self.heads: Sequence[Head] = ()
        self.rows: dict[str, Row] = {}
        self.chosen = 0
        self.plain = False
        self._given: Sequence[Row] = ()
        self._columns = 1
        self._sizes = (10, 20)
        self._shown: list[int] = []

    def take(self, heads: Sequence[Head], rows: Sequence[Row], *, plain: bool) -> None:
        """Take new heads and rows; cursor and column stay where they were, if they can."""
        self.heads, self.plain, self._given = heads, plain, rows
        self.chosen = max(0, min(self.chosen, len(heads) - 1))
        self._fit()
        self.redraw()

    def _fit(self) -> None:
        """Break sentences to lines for the width there is."""
        inside = max(1, self.size.width - 2)
        named = [row.label for row in self._given if not row.is_title]
        longest = max((cells(label) + 2 for label in named), default=0)
        label, column, self._columns = columns_in(inside, len(self.heads), longest)
        self._sizes = (label, column)
        self.rows = {row.key: row for given in self._given for row in _broken(given, inside - label)}
        first = not self.items
        self.set_items(list(self.rows))
        if first and self.row is not None and self.row.is_title:
            self.cursor += 1

    def on_resize(self, event: events.Resize) -> None:
        """Fit the new width."""
        self._fit()
        super().on_resize(event)

    def do_up(self) -> None:
        """Move up, over titles."""
        self._step(-1)

    def do_down(self) -> None:
        """Move down, over titles."""
        self._step(1)

    def _step(self, by: int) -> None:
        place = self.cursor + by
        while 0 <= place < len(self.items) and self.rows[str(self.items[place])].is_title:
            place += by
        if place < 0:  # nothing above but a title: bring that into view
            self.top = 0
            self.redraw()
        elif place < len(self.items):
            self._go(place)

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return self.rows.get(str(self.current))

    def before_draw(self, width: int, height: int) -> None:
        """Choose the columns in view."""
        baseline = next((head.index for head in self.heads if head.is_baseline), 0)
        count = len(self.heads)
        self._shown = shown_columns(count, self._columns, self.chosen, baseline) if count else []

    def draw_head(self, grid: Grid, width: int) -> None:
        """Draw the names of the runs in view, and how many are not."""
        label, column = self._sizes
        grid.fill(0, 0, width, 1, Style(bg="head"))
        for place, index in enumerate(self._shown):
            head = self.heads[index]
            _draw_head(grid, label + place * column, column, head, self.has_focus and index == self.chosen)
        hidden = len(self.heads) - len(self._shown)
        if hidden:
            grid.put(1, 0, clip(f"‹› +{hidden}", label - 2), Style(fg="mark", bg="head"))

    def draw_row(self, grid: Grid, y: int, item: Item, here: bool) -> None:
        """Draw one row."""
        row = self.rows[str(item)]
        if here and not self.has_focus:
            grid.fill(0, y, grid.width, 1, Style())
        _draw_row(grid, y, row, self._shown, self._sizes, here=here and self.has_focus, plain=self.plain)

    def draw_empty(self, grid: Grid) -> None:
        """Say that there is nothing yet."""
        grid.put(2, 0, "Nothing differs.", _DIM)

    def do_last(self) -> None:
        """Go to the last row that is no title."""
        super().do_last()
        if self.row is not None and self.row.is_title:
            self._step(-1)

    # --- the column

    def do_left(self) -> None:
        """Choose the run at the left."""
        self._choose(self.chosen - 1)

    def do_right(self) -> None:
        """Choose the run at the right."""
        self._choose(self.chosen + 1)

    def _choose(self, index: int) -> None:
        self.chosen = max(0, min(index, len(self.heads) - 1))
        self.redraw()
        self.post_message(self.Moved(self))

    def choose_at(self, x: int) -> None:
        """Choose the run whose column is at a cell inside the border."""
        label, column = self._sizes
        place = (x - label) // max(1, column)
        if x >= label and place < len(self._shown):
            self._choose(self._shown[place])


def _draw_head(grid: Grid, x: int, width: int, head: Head, here: bool) -> None:
    star = "★ " if head.is_baseline else ""
    text = clip(f"{head.index + 1} {star}{head.name}", width - 1)
    back = "select" if here else "head"
    grid.fill(x - 1, 0, width, 1, Style(bg=back))
    grid.put(x, 0, text, Style(fg=token(head.index), bg=back, bold=True, underline=here))


def _draw_row(
    grid: Grid, y: int, row: Row, shown: Sequence[int], sizes: tuple[int, int], *, here: bool, plain: bool
) -> None:
    label, column = sizes
    ground = "select" if here else ""
    if here:
        grid.put(0, y, "▌", Style(fg="accent", bg="select"))
    if row.is_title:
        _draw_title(grid, y, row, ground)
        return
    if row.words:
        grid.put(2, y, clip(row.label, label - 3), Style(fg="text", bg=ground))
        grid.put(label, y, clip(row.words, grid.width - label), Style(fg=row.tone or "dim", bg=ground))
        return
    arrow = {"max": " ↑", "min": " ↓"}.get(row.goal, "")
    name = clip(row.label, max(1, label - 3 - len(arrow)))
    grid.put(2, y, name, Style(fg="text", bg=ground))
    grid.put(2 + cells(name), y, arrow, Style(fg="dim", bg=ground))
    grid.put(label - 2, y, row.note, Style(fg="mark", bg=ground))
    for place, index in enumerate(shown):
        if index < len(row.cells):
            _draw_cell(grid, label + place * column, y, column - 1, row.cells[index], index, ground, plain)


def _draw_title(grid: Grid, y: int, row: Row, ground: str) -> None:
    text, note = clip(row.label, grid.width - 2), f" {row.note} " if row.note else ""
    grid.put(1, y, text, Style(fg="accent", bg=ground, bold=True))
    start = cells(text) + 2
    grid.put(start, y, "─" * max(0, grid.width - start - 1), Style(fg="grid", bg=ground))
    if start + cells(note) + 4 < grid.width:
        grid.put(grid.width - cells(note) - 3, y, note, Style(fg="dim", bg=ground))


_LOOKS = {
    "": _TEXT,
    "same": _DIM,
    "none": _DIM,
    "differs": _DIFFERS,
    "best": Style(fg="best", bold=True),
}


def _draw_cell(grid: Grid, x: int, y: int, width: int, cell: Cell, index: int, ground: str, plain: bool) -> None:
    look = Style(fg=cell.tone) if cell.look == "state" else _LOOKS[cell.look]
    if ground:
        look = look._replace(bg=ground)
    if plain and cell.look == "differs":
        grid.put(x - 1, y, "≠", Style(fg="mark", bg=ground))
    if cell.part is None and not cell.delta:
        grid.put(x, y, clip(cell.text, width), look)
        return
    grid.put(x, y, clip(cell.text, width), look)
    sign = {"better": "▲", "worse": "▼"}.get(cell.tone, "")
    delta = sign + cell.delta
    room = width - max(_VALUE, cells(cell.text)) - 1
    tail = 10 if width >= 23 else 0
    bars = room - (tail or (cells(delta) + 1 if delta else 0))
    if cell.part is not None and tail and bars >= 4:
        full, empty = bar(cell.part, min(bars, 12))
        at = x + max(_VALUE, cells(cell.text))
        grid.put(at, y, full, Style(fg=token(index), bg=ground))
        grid.put(at + cells(full), y, empty, Style(fg="grid", bg=ground))
        at += min(bars, 12) + 1
    else:
        at = x + max(_VALUE - 1, cells(cell.text) + 1)
    if delta:
        tone = Style(fg=cell.tone or "dim", bg=ground)
        left = x + width - at
        if cells(delta) <= left:
            grid.put(at, y, delta, tone)
        elif sign and left > 0:
            grid.put(x + width - 1, y, sign, tone)
