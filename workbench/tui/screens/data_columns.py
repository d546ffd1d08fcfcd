"""The list of the Data screen at its left: the columns of the chosen version, and how far each moved."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise

from workbench.data.difference import Shift, TableDifference
from workbench.data.profile import ColumnProfile, TableProfile, bin_shares, edges, span_of
from workbench.safe import clean
from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.kit.histogram import BLOCKS
from workbench.tui.kit.numbers import short
from workbench.tui.kit.sparkline import bar
from workbench.tui.screens.data_sight import Sight
from workbench.tui.widgets.canvas import Spans
from workbench.tui.widgets.table import Item, Table

_DIM, _TEXT = Style(fg="dim"), Style(fg="text")
TONES = {"large": "worse", "small": "mark", "": "dim"}
GLYPHS = {"large": "▲", "small": "◆", "": "·"}


def moment(seconds: float) -> str:
    """Return seconds since the epoch as a date, with the time of day where there is one."""
    try:
        parts = time.gmtime(seconds)
    except (OverflowError, OSError, ValueError):
        return short(seconds, 9)
    return time.strftime("%Y-%m-%d" if seconds % 86400 == 0 else "%Y-%m-%d %H:%M", parts)


def value_text(column: ColumnProfile, value: float | None, width: int = 9) -> str:
    """Return a value of a column: a number, or a day where it holds moments."""
    if value is None:
        return "—"
    return moment(value)[:10] if column.kind == "time" else short(value, width)


class ColumnTable(Table):
    """The columns of the chosen version: type, missing values, range, shape, and how far they moved."""

    head_height = 1

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("Columns", id=id)
        self.by_shift = False
        self.words = ""
        self._columns: dict[str, ColumnProfile] = {}
        self._shifts: dict[str, Shift] = {}
        self._fresh: set[str] = set()
        self._shapes: dict[tuple[str, int], str] = {}
        self._table: TableProfile | None = None

    def take(self, sight: Sight | None, words: str) -> None:
        """Take another version; `words` say why there is no profile."""
        self.words = words
        table = sight.chosen.profile if sight is not None and sight.chosen is not None else None
        found = sight.found if sight is not None else None
        if table is not self._table:
            self._shapes = {}
        self._table = table
        self._columns = {} if table is None else {one.name: one for one in table.columns}
        self._shifts = {} if found is None else {one.name: one for one in found.shifts}
        self._fresh = set() if found is None else {one.name for one in found.added}
        self.order()

    def order(self) -> None:
        """Put the lines in their order."""
        names = list(self._columns)
        if self.by_shift:
            names.sort(key=lambda name: -(self._shifts[name].size if name in self._shifts else 2.0))
        self.set_items(list(names))
        self.redraw()

    @property
    def column(self) -> ColumnProfile | None:
        """The column under the cursor."""
        return self._columns.get(str(self.current))

    @property
    def shift(self) -> Shift | None:
        """How the column under the cursor moved."""
        return self._shifts.get(str(self.current))

    def draw_head(self, grid: Grid, width: int) -> None:
        """Name the parts."""
        grid.fill(0, 0, width, 1, Style(bg="head"))
        for part, x, length in _parts(width, bool(self._shifts)):
            text = "miss" if part == "missing" and length < 7 else part
            grid.put(x, 0, clip(text, length), Style(fg="dim", bg="head"))

    def draw_row(self, grid: Grid, y: int, item: Item, here: bool) -> None:
        """Draw one column."""
        column, back = self._columns[str(item)], "select" if here else ""
        if here:
            grid.put(0, y, "▌", Style(fg="accent" if self.has_focus else "dim", bg=back))
        shift = self._shifts.get(column.name)
        for part, x, length in _parts(grid.width, bool(self._shifts)):
            if part == "column":
                grid.put(x, y, clip(clean(column.name), length), Style("text", back, bold=here))
            elif part == "type":
                grid.put(x, y, clip(column.type, length), Style("dim", back))
            elif part == "moved":
                self._draw_shift(grid, x, y, shift, column.name in self._fresh, back)
            elif part == "missing":
                _draw_missing(grid, x, y, length, column, back)
            elif part == "range":
                grid.put(x, y, clip(range_text(column, length), length), Style("text", back))
            else:
                grid.put(x, y, self._shape(column, length), Style("series0", back))

    def _draw_shift(self, grid: Grid, x: int, y: int, shift: Shift | None, is_fresh: bool, back: str) -> None:
        if is_fresh:
            grid.put(x, y, "+ new", Style("better", back))
        elif shift is not None:
            text = "type" if shift.distance is None and shift.is_retyped else ""
            text = f"{shift.size:.2f}" if shift.size and shift.distance is not None else text
            grid.put(x, y, f"{GLYPHS[shift.level]} {text}", Style(TONES[shift.level], back))

    def _shape(self, column: ColumnProfile, length: int) -> str:
        key = (column.name, length)
        if key not in self._shapes:
            self._shapes[key] = shape(column, length)
        return self._shapes[key]

    def draw_empty(self, grid: Grid) -> None:
        """Say why there is nothing."""
        for y, line in enumerate(self.words.split("\n")):
            grid.put(1, y, clip(line, grid.width - 2), _TEXT if y == 0 else _DIM)


_PARTS = (
    ("column", 8, 22),
    ("moved", 6, 6),
    ("shape", 8, 14),
    ("range", 21, 23),
    ("type", 8, 10),
    ("missing", 4, 8),
)
"""The parts of a line, the most important first: name, least and greatest length in cells."""
_LINE = ("column", "type", "moved", "shape", "range", "missing")
_GAP = 2


def _parts(width: int, moved: bool) -> list[tuple[str, int, int]]:
    """Return what a line of a column shows: part, first cell, length; what has no room goes, the least needed first."""
    lengths, room = {"column": min(8, max(1, width - 2))}, width - 10
    for name, least, _ in _PARTS[1:]:
        if (moved or name != "moved") and least + _GAP <= room:
            lengths[name] = least
            room -= least + _GAP
    for name, least, most in _PARTS:
        if name in lengths and room > 0:
            more = min(room, most - least)
            lengths[name] += more
            room -= more
    found, x = [], 2
    for name in _LINE:
        if name in lengths:
            found.append((name, x, lengths[name]))
            x += lengths[name] + _GAP
    return found


def _draw_missing(grid: Grid, x: int, y: int, length: int, column: ColumnProfile, back: str) -> None:
    share = column.missing_share
    text = "" if not column.missing else f"{share:.0%}" if share >= 0.005 else "<1%"
    if length >= 8:
        full, empty = bar(share, 3)
        grid.put(x, y, full, Style("mark", back))
        grid.put(x + cells(full), y, empty, Style("grid", back))
        x += 4
    grid.put(x, y, text or ("" if length >= 8 else "·"), Style("mark" if text else "dim", back))


def range_text(column: ColumnProfile, width: int = 23) -> str:
    """Return least and greatest value, or how many different ones there are; without spaces where they do not fit."""
    if column.is_scale and column.known:
        low, high = value_text(column, column.low), value_text(column, column.high)
        if low == high:
            return low
        text = f"{low} … {high}"
        return text if len(text) <= width else f"{low}…{high}"
    if column.kind == "empty":
        return "no value"
    return f"{'' if column.exact else '~'}{column.distinct:,} value{'' if column.distinct == 1 else 's'}"


def shape(column: ColumnProfile, width: int) -> str:
    """Draw a distribution in one line of blocks: over bins, or over the most frequent values."""
    if column.is_scale:
        found = bounds([column], width)
        shares = list(bin_shares(column, found)) if found and column.known else []
    else:
        shares = [count / column.count for _, count in column.values[:width]]
    top = max(shares, default=0.0)
    # One eighth stays free, so that the shapes of neighbouring lines do not run together.
    return "".join(BLOCKS[max(1, round(share / top * 7))] if share > 0 else " " for share in shares) if top else ""


def bounds(columns: Sequence[ColumnProfile], most: int) -> tuple[float, ...]:
    """Return edges of at most `most` bins over what the columns hold: one for each value where these keep a step."""
    span = span_of(columns)
    if span is None:
        return ()
    if all(one.complete for one in columns):
        values = sorted({value for one in columns for value in one.steps[0]})
        step = min((after - value for value, after in pairwise(values)), default=1.0)
        if all(value.is_integer() for value in values) and values[-1] - values[0] < most:
            step = 1.0
        places = [(value - values[0]) / step for value in values]
        if places[-1] < most and all(abs(place - round(place)) < 0.01 for place in places):
            return tuple(values[0] + step * (at - 0.5) for at in range(round(places[-1]) + 2))
    return edges(span, most) if span[0] < span[1] else (span[0] - 0.5, span[0] + 0.5)


def difference_spans(found: TableDifference | None, by_shift: bool) -> Spans:
    """Return in a few words how a version differs from the one before."""
    if found is None:
        return []
    parts: Spans = []
    rows = found.rows
    if rows is not None:
        counts = (("+", rows.added, "better"), ("-", rows.removed, "worse"), ("~", rows.changed, "mark"))
        parts += [(f"{sign}{count:,} ", Style(fg=tone)) for sign, count, tone in counts if count]
        parts.append(("rows  " if parts else "same rows  ", _DIM))
    for sign, count, tone in (("+", len(found.added), "better"), ("-", len(found.removed), "worse")):
        if count:
            parts += [(f"{sign}{count} ", Style(fg=tone)), ("column  " if count == 1 else "columns  ", _DIM)]
    return [*parts, ("by shift" if by_shift else "as in the file", _DIM)]
