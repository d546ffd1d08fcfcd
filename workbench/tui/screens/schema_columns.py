"""The list of the Schema view: what is asked of each column, and the worst that was found in it."""

from __future__ import annotations

from workbench.data.findings import Finding, worst
from workbench.data.schema import ColumnSchema
from workbench.safe import clean
from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.kit.numbers import short
from workbench.tui.screens.data_columns import moment
from workbench.tui.screens.schema_sight import GLYPHS, TABLE, TONES, Sight
from workbench.tui.widgets.table import Item, Table
from workbench.words import counted

_DIM, _TEXT = Style(fg="dim"), Style(fg="text")
_EMPTY = (
    "No schema yet: a proposes one from the training data.",
    "It becomes schema.toml, a file to review; r holds all data against it.",
)
_PARTS = (("column", 10, 24), ("found", 16, 30), ("asks", 14, 24), ("type", 7, 8))
"""The parts of a line, the most important first: name, least and greatest length."""


class SchemaTable(Table):
    """One line for each column."""

    head_height = 1

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("Schema", id=id)
        self.sight = Sight()
        self._longest = 10

    def take(self, sight: Sight) -> None:
        """Take what was read; the cursor stays on its column."""
        self.sight = sight
        report = sight.report
        self.facts = []
        if report is not None:
            for severity, between in (("error", ", "), ("warning", "")):
                count = sum(one.severity == severity for one in report.all)
                words = f"{counted(count, severity)}{between}"
                self.facts.append((words, Style(fg=TONES[severity] if count else "dim")))
        self._longest = max([10, *(min(24, cells(clean(name))) for name in sight.columns)])
        self.set_items(list(sight.columns))
        self.redraw()

    @property
    def column(self) -> str | None:
        """The column under the cursor, "" for the table as a whole, None where there is no line."""
        return None if self.current is None else str(self.current)

    def draw_head(self, grid: Grid, width: int) -> None:
        """Name the parts."""
        grid.fill(0, 0, width, 1, Style(bg="head"))
        for part, x, length in _places(width, self._longest):
            grid.put(x, 0, clip(part, length), Style(fg="dim", bg="head"))

    def draw_row(self, grid: Grid, y: int, item: Item, here: bool) -> None:
        """Draw one column, red where it is bad."""
        name, back = str(item), "select" if here else ""
        if here:
            grid.put(0, y, "▌", Style(fg="accent" if self.has_focus else "dim", bg=back))
        asked, findings = self.sight.column(name), self.sight.of(name)
        level = worst(findings)
        tone = TONES[level] if self.sight.report is not None else "dim"
        grid.put(1, y, GLYPHS[level] if self.sight.report is not None else " ", Style(tone, back))
        looks = {"error": Style("worse", back, bold=here), "": Style("text", back, bold=here)}
        for part, x, length in _places(grid.width, self._longest):
            if part == "column":
                look = looks.get(level, looks[""])
                grid.put(x, y, clip(clean(name) if name != TABLE else "the table", length), look)
            elif part == "found":
                words = found_words(findings) if self.sight.report is not None else "not checked"
                grid.put(x, y, clip(words, length), Style(tone if findings else "dim", back))
            elif part == "type":
                grid.put(x, y, clip(asked.type if asked is not None else "", length), Style("dim", back))
            else:
                words = asks(asked) if asked is not None else "not in the schema" if name != TABLE else ""
                grid.put(x, y, clip(words, length), Style("text" if asked is not None else "dim", back))

    def draw_empty(self, grid: Grid) -> None:
        """Say what to do, or what is wrong with the file."""
        lines = self.sight.problem.split("\n") if self.sight.problem else _EMPTY
        for y, line in enumerate(lines):
            look = Style(fg="worse") if self.sight.problem and y == 0 else _TEXT if y == 0 else _DIM
            grid.put(1, y, clip(clean(line), grid.width - 2), look)


def _places(width: int, longest: int) -> list[tuple[str, int, int]]:
    """Return where the parts are: name, first cell, length; the type goes first where there is no room.

    `longest` is the length of the longest name of a column; what is over goes to what was found.
    """
    lengths, room = {"column": min(10, max(1, width - 3))}, width - 14
    for name, least, _ in _PARTS[1:]:
        if least + 2 <= room:
            lengths[name] = least
            room -= least + 2
    for name, least, most in _PARTS:
        if name in lengths and room > 0:
            more = min(room, (longest if name == "column" else most) - least)
            lengths[name] += more
            room -= more
    if "found" in lengths:
        lengths["found"] += room
    found, x = [], 3
    for name in ("column", "type", "asks", "found"):
        if name in lengths:
            found.append((name, x, lengths[name]))
            x += lengths[name] + 2
    return found


def found_words(findings: list[Finding]) -> str:
    """Return the worst finding in a few words, and how many more there are."""
    if not findings:
        return "fine"
    one = findings[0]
    share = f"{one.share:.1%} " if one.count and one.share >= 0.0005 else f"{one.count:,}× " if one.count else ""
    place = clean(one.file.rpartition("/")[2], 24)
    more = f" +{len(findings) - 1}" if len(findings) > 1 else ""
    return f"{share}{one.kind}{more}{f' in {place}' if place else ''}"


def asks(column: ColumnSchema) -> str:
    """Return what is asked of a column in a few words, the strictest first."""
    parts = []
    if column.common == 1 and len(column.values) < 2 and column.min == column.max:  # else it only may be, as an hour
        parts.append("constant")
    if column.values:
        listed = ", ".join(clean(str(value), 12) for value in column.values)
        parts.append(listed if cells(listed) <= 16 else counted(len(column.values), "value"))
    if column.min is not None or column.max is not None:
        parts.append(f"{limit(column, column.min)} … {limit(column, column.max)}")
    if column.form:
        parts.append(f"form {clean(column.form[0], 12)}")
    if column.unique:
        parts.append("unique")
    if column.required:
        parts.append("required")
    elif column.missing:
        parts.append(f"{column.missing:.0%} missing" if column.missing >= 0.005 else "few missing")
    if column.only:
        parts.append(f"{column.only} only")
    return ", ".join(parts)


def limit(column: ColumnSchema, value: float | None) -> str:
    """Return a limit: a number, a day where the column holds times, "" where there is none."""
    if value is None:
        return ""
    return moment(value)[:10] if column.type in ("date", "time") else short(value, 8)
