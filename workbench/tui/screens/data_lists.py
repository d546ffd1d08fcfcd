"""The two lists of the Data screen: versions under their paths, and the columns of the one chosen."""

from __future__ import annotations

import time
from collections.abc import Sequence

from workbench.actions.data_tables import Version
from workbench.data.difference import Shift
from workbench.data.profile import ColumnProfile, TableProfile, bin_shares, edges, span_of
from workbench.safe import clean
from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.kit.histogram import BLOCKS
from workbench.tui.kit.numbers import age, short, size
from workbench.tui.kit.sparkline import bar
from workbench.tui.screens.data_sight import Data, Sight
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


def signed(count: int) -> str:
    """Return a difference of counts, "" for none."""
    return f"{count:+,}" if count else "="


class VersionTable(Table):
    """Versions of all data; an item is a path, or a path and a hash with a line break between them."""

    head_height = 1

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("Data", id=id)
        self.data: dict[str, Data] = {}
        self.versions: dict[str, tuple[Version, Version | None]] = {}
        self.now = 0.0

    def take(self, data: Sequence[Data], now: float) -> None:
        """Take what was read; the cursor stays on its version."""
        first = not self.items
        self.now = now
        self.data = {one.path: one for one in data}
        self.versions, items = {}, list[Item]()
        for one in data:
            items.append(one.path)
            for at, version in enumerate(one.versions):
                key = f"{one.path}\n{version.hash}"
                before = one.versions[at + 1] if at + 1 < len(one.versions) else None
                self.versions[key] = (version, before)
                items.append(key)
        self.set_items(items)
        if first:
            self.cursor = next((at for at, item in enumerate(items) if item in self.versions), 0)
        self.redraw()

    @property
    def chosen(self) -> Version | None:
        """The version under the cursor; on the line of a path the newest one."""
        item = str(self.current or "")
        if item in self.versions:
            return self.versions[item][0]
        one = self.data.get(item)
        return one.versions[0] if one is not None and one.versions else None

    @property
    def path(self) -> str:
        """The path under the cursor."""
        return str(self.current or "").partition("\n")[0]

    def draw_head(self, grid: Grid, width: int) -> None:
        """Name the columns."""
        grid.fill(0, 0, width, 1, Style(bg="head"))
        for x, length, name, right in _places(width):
            text = clip(name, length)
            grid.put(x + length - cells(text) if right else x, 0, text, Style(fg="dim", bg="head"))

    def draw_row(self, grid: Grid, y: int, item: Item, here: bool) -> None:
        """Draw a path or a version."""
        back = "select" if here else ""
        if here:
            grid.put(0, y, "▌", Style(fg="accent" if self.has_focus else "dim", bg=back))
        if item not in self.versions:
            self._draw_path(grid, y, str(item), back)
            return
        version, before = self.versions[str(item)]
        rows, gone = version.rows, before.rows if before is not None else None
        delta = "" if before is None else signed(version.size - before.size)
        if rows is not None and gone is not None:
            delta = signed(rows - gone)
        texts = {
            "when": age(max(0.0, self.now - version.seen)),
            "version": version.hash[:10] + ("" if version.kept else " not kept"),
            "size": size(version.size),
            "rows": f"{rows:,}" if rows is not None else f"{version.files:,} files" if version.kind == "folder" else "",
            "change": delta,
            "runs": ", ".join(map(str, version.runs[-6:])),
        }
        for x, length, name, right in _places(grid.width):
            text = clip(texts[name], length)
            look = Style("text" if name in ("version", "rows") else "dim", back, bold=name == "version" and here)
            if name == "change" and text.startswith(("+", "-")):
                look = Style("better" if text[0] == "+" else "worse", back)
            grid.put(x + length - cells(text) if right else x, y, text, look)

    def _draw_path(self, grid: Grid, y: int, path: str, back: str) -> None:
        name = clip(clean(path), max(4, grid.width - 24))
        grid.put(1, y, name, Style(fg="accent", bg=back, bold=True))
        count = len(self.data[path].versions)
        words = f"{count} version{'' if count == 1 else 's'}" if count else "no version yet: r takes one"
        x = cells(name) + 3
        grid.put(x, y, clip(words, grid.width - x - 1), Style(fg="dim", bg=back))

    def draw_empty(self, grid: Grid) -> None:
        """Say what to do."""
        grid.put(2, 0, clip("Name the training data in workbench.toml", grid.width - 2), _TEXT)
        grid.put(2, 1, clip('[data] train = "data/train.csv"', grid.width - 2), _DIM)


def _places(width: int) -> list[tuple[int, int, str, bool]]:
    """Return where the columns of a version are: first cell, length, name, whether at the right."""
    wanted = [("when", 4, True), ("version", 10, False), ("rows", 9, True), ("change", 9, True), ("size", 8, True)]
    kept = [
        one for at, one in enumerate(wanted) if 2 + sum(length + 2 for _, length, _ in wanted[: at + 1]) <= width + 2
    ]
    found, x = [], 2
    for name, length, right in kept:
        found.append((x, min(length, max(1, width - x)), name, right))
        x += length + 2
    if width - x >= 4:
        found.append((x, width - x - 1, "runs", False))
    return found


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
            grid.put(x, 0, clip(part, length), Style(fg="dim", bg="head"))

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
                grid.put(x, y, clip(range_text(column), length), Style("text", back))
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


def _parts(width: int, moved: bool) -> list[tuple[str, int, int]]:
    """Return what a line of a column shows: part, first cell, length; what has no room goes, the shape first."""
    name = max(8, min(22, width // 4))
    wanted = [
        ("column", name),
        ("moved", 6 if moved else 0),
        ("shape", 14),
        ("range", 21),
        ("missing", 8),
        ("type", 10),
    ]
    found, x = [], 2
    for part, length in wanted:
        if length and (x + length <= width or part == "column"):
            found.append((part, x, min(length, max(1, width - x))))
            x += length + 2
    return found


def _draw_missing(grid: Grid, x: int, y: int, length: int, column: ColumnProfile, back: str) -> None:
    share = column.missing_share
    full, empty = bar(share, 3)
    grid.put(x, y, full, Style("mark", back))
    grid.put(x + cells(full), y, empty, Style("grid", back))
    if column.missing:
        text = f"{share:.0%}" if share >= 0.005 else "<1%"
        grid.put(x + 4, y, text, Style("mark", back))


def range_text(column: ColumnProfile) -> str:
    """Return least and greatest value, or how many different ones there are."""
    if column.is_scale and column.known:
        return f"{value_text(column, column.low)} … {value_text(column, column.high)}"
    if column.kind == "empty":
        return "no value"
    return f"{'' if column.exact else '~'}{column.distinct:,} value{'' if column.distinct == 1 else 's'}"


def shape(column: ColumnProfile, width: int) -> str:
    """Draw a distribution in one line of blocks: over bins, or over the most frequent values."""
    if column.is_scale:
        span = span_of([column])
        shares = list(bin_shares(column, edges(span, width))) if span is not None and column.known else []
    else:
        shares = [count / column.count for _, count in column.values[:width]]
    top = max(shares, default=0.0)
    return "".join(BLOCKS[max(1, round(share / top * 8))] if share > 0 else " " for share in shares) if top else ""
