"""One column of the Schema view closely: what is asked of it, and each finding with its rows and its chance."""

from __future__ import annotations

from textual import events

from workbench.data.findings import KINDS, Finding, shown
from workbench.data.schema import table_of, value_words
from workbench.safe import clean
from workbench.tui.kit.grid import Style, cells, wrapped
from workbench.tui.screens.schema_sight import GLYPHS, TABLE, TONES, Sight
from workbench.tui.widgets.canvas import Spans
from workbench.tui.widgets.text import TextPane

_DIM, _TEXT = Style(fg="dim"), Style(fg="text")
_NAME = 9
LEAST_CHANCE = 1e-12


def lines_of(sight: Sight, name: str | None, width: int) -> list[Spans]:
    """Return what there is to say of a column, in lines of `width` cells."""
    if name is None:
        return []
    lines: list[Spans] = []
    for one in sight.of(name):
        lines += [*_finding(one, width), []]
    asked = sight.column(name)
    if asked is not None:
        lines.append([("the schema asks for", _DIM)])
        for key, value in table_of(asked).items():
            lines += _fact(key, value_words(value), width)
    elif name == TABLE and sight.schema is not None:
        for relation in sight.schema.relations:
            lines += _fact("holds", relation.words, width)
    elif name:
        lines.append([("the schema does not know this column", _DIM)])
    return lines


def _finding(one: Finding, width: int) -> list[Spans]:
    tone = Style(TONES[one.severity], bold=one.severity == "error")
    place = f"  {clean(one.file, 60)}" if one.file else ""
    lines: list[Spans] = [[(f"{GLYPHS[one.severity]} {one.kind}", tone), (place, _DIM)]]
    words = clean(one.words, 400) or KINDS.get(one.kind, "")
    lines += [[(line, _TEXT)] for line in wrapped(words, max(10, width - 1))]
    if one.count:
        lines += _fact("rows", f"{one.count:,} of {one.rows:,} ({_share(one)})", width)
    if one.first:
        lines += _fact("first", ", ".join(f"{row:,}" for row in one.first), width)
    if one.examples:
        lines += _fact("such as", ", ".join(clean(shown(each), 40) for each in one.examples), width)
    if one.expected:
        lines += _fact("expected", one.expected, width)
    if one.probability is not None:
        chance = f"{one.probability:.2g}" if one.probability >= LEAST_CHANCE else "0"
        lines += _fact("chance", f"{chance} in good data", width)
    return lines


def _share(one: Finding) -> str:
    return f"{one.share:.1%}" if one.share >= 0.0005 else f"{one.share:.0e}"


def _fact(name: str, words: str, width: int) -> list[Spans]:
    name = clean(name, 20)
    indent = max(_NAME, cells(name) + 1)
    parts = wrapped(clean(words, 600), max(10, width - indent - 1))
    return [[(f"{name if at == 0 else '':<{indent}}", _DIM), (part, _TEXT)] for at, part in enumerate(parts or [""])]


class FindingsPane(TextPane):
    """The column under the cursor; what does not fit scrolls."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("Column", id=id)
        self.sight = Sight()
        self.column: str | None = None

    def take(self, sight: Sight, column: str | None) -> None:
        """Show another column."""
        if column != self.column:
            self.top = self.shift = 0
        self.sight, self.column = sight, column
        self._fill()

    def _fill(self) -> None:
        """Break the lines for the room there is."""
        self.heading = "Column" if self.column is None else clean(self.column, 60) or "The table"
        self.set_text(lines_of(self.sight, self.column, max(12, self.size.width - 4)), "Choose a column.")

    def on_resize(self, event: events.Resize) -> None:
        """Break the lines anew."""
        self._fill()
