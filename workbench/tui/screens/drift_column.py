"""One column of the Drift view closely: both distributions over each other, and what was found against chance."""

from __future__ import annotations

from workbench.actions import drift_guard
from workbench.data import difference
from workbench.drift.report import GLYPHS, ColumnDrift, Judged, WindowDrift
from workbench.safe import clean
from workbench.tui.kit.frame import say
from workbench.tui.kit.grid import Grid, Style, cells, clip, wrapped
from workbench.tui.kit.numbers import short
from workbench.tui.screens.data_detail import distributions
from workbench.tui.screens.drift_sight import TONES, short_name
from workbench.tui.widgets.canvas import Panel, Spans

_DIM, _TEXT = Style(fg="dim"), Style(fg="text")
_HEADS = ("found", "by chance", "p", "effect")
_CELL = 10


class ColumnPanel(Panel, can_focus=True):
    """The column under the cursor, in the window in view."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("Column", id=id)
        self.window: WindowDrift | None = None
        self.name_ = ""
        self.plain = False

    def take(self, window: WindowDrift | None, name: str, *, plain: bool) -> None:
        """Show another column."""
        self.window, self.name_, self.plain = window, name, plain
        self.redraw()

    def draw_inside(self, width: int, height: int) -> Grid:
        """Draw the distributions above the statistics."""
        found = self.window.column(self.name_) if self.window is not None else None
        self.heading, self.facts = clean(self.name_, 60) or "Column", []
        if self.window is None or found is None:
            return say(width, height, "Not in this window." if self.name_ else "Choose a column.")
        self.facts = _facts(found, width - cells(self.heading) - 6)
        lines = [(line, _TEXT) for line in wrapped(clean(found.why, 400), max(10, width - 2))][:2]
        table = statistics(found, width - 2)
        room = max(0, height - 6)
        table = table[: max(0, room - len(lines))] if height >= 10 else []
        lines = lines[: room if height >= 8 else 0]
        grid = Grid(width, height)
        chart = height - len(lines) - len(table)
        grid.blit(self._chart(width, max(1, chart)), 0, 0)
        for y, (line, style) in enumerate(lines, chart):
            grid.put(1, y, line, style)
        for y, spans in enumerate(table, chart + len(lines)):
            x = 1
            for text, style in spans:
                grid.put(x, y, clip(text, max(0, width - x - 1)), style)
                x += cells(text)
        return grid

    def _chart(self, width: int, height: int) -> Grid:
        assert self.window is not None
        sides = [
            None if side is None else side.column(self.name_)
            for side in (self.window.reference_profile, self.window.profile)
        ]
        old, new = (None if side is None else side.drawn for side in sides)
        reference, label = self.window.reference, self.window.label
        names = (clean(short_name(reference, label), 24) or "reference", clean(short_name(label, reference), 24))
        shown = new if new is not None and new.known else old
        if shown is None or not shown.known:
            return say(width, height, "no values")
        if drift_guard.guards(self.window, self.name_):
            return say(width, height, drift_guard.WORDS)
        shift = difference.Shift(old, new) if old is not None and new is not None and shown is new else None
        if shift is not None and not shift.old.known:
            shift = None
        return distributions(shown, shift, width, height, plain=self.plain, names=names)


def _facts(found: ColumnDrift, room: int) -> Spans:
    """Return the verdict, then the effect and what is missing as far as there is room."""
    tone = TONES[found.verdict]
    spans: Spans = [(f"{GLYPHS[found.verdict]} {found.verdict}", Style(tone, bold=tone == "worse"))]
    more: list[Spans] = []
    if found.judged:
        more.append([("  effect ", _DIM), (f"{found.effect:.2f}", Style(tone))])
    if found.missing or found.reference_missing:
        more.append([("  missing ", _DIM), (f"{found.reference_missing:.1%} → {found.missing:.1%}", _TEXT)])
    for one in more:
        if _length([*spans, *one]) <= room:
            spans += one
    return spans


def _length(spans: Spans) -> int:
    return sum(cells(text) for text, _ in spans)


def statistics(found: ColumnDrift, width: int) -> list[Spans]:
    """Return the statistics as lines: what was found, what chance alone would make of it, and how sure that is.

    Those that decide are a table; the others, which are only shown, follow one another.
    """
    if not found.judged:
        return []
    shown = _HEADS[: max(1, min(len(_HEADS), (width - 8) // _CELL))]
    name = max(8, min(20, width - _CELL * len(shown)))
    heads = [(f"{head:>{_CELL}}", _DIM) for head in shown]
    return [
        [(f"{'statistic':<{name}}", _DIM), *heads],
        *(_line(one, name, found)[: 1 + len(shown)] for one in found.judged if one.statistic.decides),
        *_others([one for one in found.judged if not one.statistic.decides], width),
    ]


def _line(one: Judged, name: int, found: ColumnDrift) -> Spans:
    statistic = one.statistic
    numbers = (statistic.value, statistic.expected, one.adjusted, statistic.effect)
    words = [
        "" if value is None else "< 1e-6" if at == 2 and value < 1e-6 else short(value, _CELL - 4)
        for at, value in enumerate(numbers)
    ]
    looks = [Style(TONES[found.verdict]), _DIM, _TEXT, _TEXT]
    cells_ = [(f"{word:>{_CELL}}", look) for word, look in zip(words, looks, strict=True)]
    label = clip(clean(one.name), name - 1)
    return [(f"{label:<{name}}", _TEXT), *cells_]


def _others(shown: list[Judged], width: int) -> list[Spans]:
    """Return statistics that decide nothing, each with its value and that by chance, as many to a line as fit."""
    lines: list[Spans] = []
    for one in shown:
        value, expected = (
            "—" if number is None else short(number, 6) for number in (one.statistic.value, one.statistic.expected)
        )
        spans = [(f"{clean(one.name, 20)} ", _DIM), (value, _TEXT), (f" ({expected})", _DIM)]
        if lines and _length(lines[-1]) + 2 + _length(spans) <= width:
            lines[-1] += [("  ", _DIM), *spans]
        else:
            lines.append(spans)
    return lines
