"""One column closely: its distribution over the one of the version before, and the figures of both."""

from __future__ import annotations

from workbench.data.difference import QUANTILES, Shift
from workbench.data.profile import ColumnProfile, bin_shares, edges, span_of
from workbench.safe import clean
from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.kit.histogram import Bins, histogram
from workbench.tui.screens.data_lists import GLYPHS, TONES, value_text
from workbench.tui.widgets.canvas import Panel, Spans

_DIM, _TEXT = Style(fg="dim"), Style(fg="text")
_BINS = 40
_LINES = 7


class Detail(Panel, can_focus=True):
    """The column under the cursor."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("Column", id=id)
        self.column: ColumnProfile | None = None
        self.shift: Shift | None = None
        self.plain = False

    def take(self, column: ColumnProfile | None, shift: Shift | None, *, plain: bool) -> None:
        """Show another column, with how it moved where there is a version before."""
        self.column, self.shift, self.plain = column, shift, plain
        self.redraw()

    def draw_inside(self, width: int, height: int) -> Grid:
        """Draw the distributions above the figures."""
        grid = Grid(width, height)
        self.heading = "Column" if self.column is None else clean(self.column.name, 60)
        self.facts = self._facts()
        if self.column is None:
            grid.put(1, 0, clip("Choose a column.", width - 2), _DIM)
            return grid
        lines = figures(self.column, self.shift)
        room = min(len(lines), _LINES) if height >= 12 else min(len(lines), max(0, height - 6))
        chart = height - room - (1 if room else 0)
        grid.blit(distributions(self.column, self.shift, width, max(1, chart), plain=self.plain), 0, 0)
        for y, spans in enumerate(lines[:room]):
            x = 1
            for text, style in spans:
                grid.put(x, height - room + y, clip(text, max(0, width - x - 1)), style)
                x += cells(text)
        return grid

    def _facts(self) -> Spans:
        if self.shift is None or self.shift.distance is None:
            return []
        level = self.shift.level
        value = f"{GLYPHS[level]} {self.shift.distance:.3f}"
        error = f" ±{self.shift.error:.3f}" if self.shift.error > 0.0005 else ""
        return [(f"{self.shift.measure} ", _DIM), (value, Style(TONES[level], bold=bool(level))), (error, _DIM)]


def distributions(column: ColumnProfile, shift: Shift | None, width: int, height: int, *, plain: bool) -> Grid:
    """Draw one distribution, or those before and now over each other."""
    old = shift.old if shift is not None and shift.old.kind == column.kind and shift.old.known else None
    if column.is_scale:
        both = [one for one in (old, column) if one is not None]
        span = span_of(both)
        bounds = edges(span, max(2, min(_BINS, width - 8))) if span is not None and span[0] < span[1] else ()
        if not bounds and span is not None:
            bounds = (span[0] - 0.5, span[0] + 0.5)
        found = [Bins(bin_shares(one, bounds), edges=bounds) for one in both] if bounds else [Bins(())]
    else:
        names = [str(value) for value, _ in column.values]
        names += [str(value) for value, _ in (old.values if old is not None else ()) if str(value) not in names]
        room = max(1, (width - 8) // 4)
        shown = names[:room] if len(names) <= room else names[: room - 1]
        found = [_value_bins(one, shown, len(names) > len(shown)) for one in (old, column) if one is not None]
    current = found[1] if len(found) > 1 else None
    return histogram(found[0], current, width=width, height=height, names=("before", "this version"), plain=plain)


def _value_bins(column: ColumnProfile, names: list[str], rest: bool) -> Bins:
    counts = {str(value): count for value, count in column.values}
    shares = [counts.get(name, 0) / max(1, column.known) for name in names]
    labels = [clean(name, 20) for name in names]
    return Bins((*shares, max(0.0, 1 - sum(shares))), labels=(*labels, "rest")) if rest else Bins(
        tuple(shares), labels=tuple(labels)
    )  # fmt: skip


def figures(column: ColumnProfile, shift: Shift | None) -> list[Spans]:
    """Return the figures of a column, each with the one before where that is another."""
    old = shift.old if shift is not None else None
    lines: list[Spans] = []

    def add(name: str, now: str, before: str = "") -> None:
        spans: Spans = [(f"{name:<9}", _DIM)]
        if before and before != now:
            spans += [(before, _DIM), (" → ", _DIM)]
        lines.append([*spans, (now, _TEXT)])

    def of(one: ColumnProfile | None, at: float) -> str:
        return "" if one is None or not one.is_scale else value_text(one, one.quantile(at))

    add("type", column.type, old.type if old is not None else "")
    add("missing", _missing(column), _missing(old) if old is not None else "")
    if column.is_scale and column.known:
        add(
            "mean",
            value_text(column, column.mean),
            value_text(old, old.mean) if old is not None and old.is_scale else "",
        )
        parts = [" ".join(of(one, at) for at in QUANTILES) for one in (column, old)]
        add("quantiles", parts[0], parts[1].strip())
        lines[-1].append(("   at 5 25 50 75 95 %", _DIM))
    sign, before = "" if column.exact else "~", ""
    if old is not None:
        before = f"{'' if old.exact else '~'}{old.distinct:,}"
    add("distinct", f"{sign}{column.distinct:,}", before)
    odd = column.nan + column.plus_infinite + column.minus_infinite
    if odd:
        add("odd", f"{column.nan:,} NaN, {column.plus_infinite + column.minus_infinite:,} infinite")
    if shift is not None and not column.is_scale:
        for word, values in (("new", shift.fresh), ("gone", shift.gone)):
            if values:
                add(word, ", ".join(f"{clean(value, 24)} {share:.1%}" for value, share in values[:6]))
    return lines


def _missing(column: ColumnProfile) -> str:
    return f"{column.missing:,} ({column.missing_share:.1%})" if column.missing else "none"
