"""One column closely: its distribution over the one of the version before, and the figures of both."""

from __future__ import annotations

from workbench.data.difference import QUANTILES, Shift
from workbench.data.profile import ColumnProfile, bin_shares
from workbench.safe import clean
from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.kit.histogram import Bins, histogram
from workbench.tui.screens.data_columns import GLYPHS, TONES, bounds, moment, value_text
from workbench.tui.widgets.canvas import Panel, Spans

_DIM, _TEXT = Style(fg="dim"), Style(fg="text")
_BINS = 40
_LINES = 7
_NAME = 8
"""Cells of the name of a figure."""


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
        lines = figures(self.column, self.shift, width)
        room = min(len(lines), max(_LINES, height // 3)) if height >= 12 else min(len(lines), max(0, height - 6))
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


def distributions(
    column: ColumnProfile,
    shift: Shift | None,
    width: int,
    height: int,
    *,
    plain: bool,
    names: tuple[str, str] = ("before", "this version"),
) -> Grid:
    """Draw one distribution, or those before and now over each other, called `names`."""
    old = shift.old if shift is not None and shift.old.kind == column.kind and shift.old.known else None
    if column.is_scale:
        both = [one for one in (old, column) if one is not None]
        places = bounds(both, max(2, min(_BINS, width - 8)))
        words = _day if column.kind == "time" else None
        found = [Bins(bin_shares(one, places), edges=places, words=words) for one in both] if places else [Bins(())]
    else:
        known = [str(value) for value, _ in column.values]
        known += [str(value) for value, _ in (old.values if old is not None else ()) if str(value) not in known]
        room = max(1, (width - 8) // 4)
        shown = known[:room] if len(known) <= room else known[: room - 1]
        found = [_value_bins(one, shown, len(known) > len(shown)) for one in (old, column) if one is not None]
    current = found[1] if len(found) > 1 else None
    return histogram(found[0], current, width=width, height=height, names=names, plain=plain)


def _day(seconds: float) -> str:
    return moment(seconds)[:10]


def _value_bins(column: ColumnProfile, names: list[str], rest: bool) -> Bins:
    counts = {str(value): count for value, count in column.values}
    shares = [counts.get(name, 0) / max(1, column.known) for name in names]
    labels = [clean(name, 20) for name in names]
    return Bins((*shares, max(0.0, 1 - sum(shares))), labels=(*labels, "rest")) if rest else Bins(
        tuple(shares), labels=tuple(labels)
    )  # fmt: skip


def figures(column: ColumnProfile, shift: Shift | None, width: int) -> list[Spans]:
    """Return the figures of a column in lines of `width`, each with the one before where that is another."""
    old = shift.old if shift is not None else None
    lines = [
        _line("type", column.type, old.type if old is not None else ""),
        _line("missing", _missing(column), _missing(old) if old is not None else ""),
    ]
    if column.is_scale and column.known:
        before = value_text(old, old.mean) if old is not None and old.is_scale else ""
        lines.append(_line("mean", value_text(column, column.mean), before))
        lines += _quantiles(column, old if old is not None and old.kind == column.kind and old.known else None, width)
    known = "" if old is None else f"{'' if old.exact else '~'}{old.distinct:,}"
    lines.append(_line("distinct", f"{'' if column.exact else '~'}{column.distinct:,}", known))
    infinite = column.plus_infinite + column.minus_infinite
    if column.nan or infinite:
        lines.append(_line("odd", f"{column.nan:,} NaN, {infinite:,} infinite"))
    if shift is not None and not column.is_scale:
        for word, values in (("new", shift.fresh), ("gone", shift.gone)):
            if values:
                lines.append(_line(word, ", ".join(f"{clean(value, 24)} {share:.1%}" for value, share in values[:6])))
    return lines


def _line(name: str, now: str, before: str = "") -> Spans:
    arrow: Spans = [(before, _DIM), (" → ", _DIM)] if before and before != now else []
    return [(f"{name:<{_NAME}} ", _DIM), *arrow, (now, _TEXT)]


def _quantiles(column: ColumnProfile, old: ColumnProfile | None, width: int) -> list[Spans]:
    """Return a little table: the quantiles now, and before where they were others; as many as fit."""
    room = width - _NAME - 1
    length = 11 if column.kind == "time" else min(9, max(7, room // len(QUANTILES)))
    fit = room // length
    shown = QUANTILES if fit >= len(QUANTILES) else (0.05, 0.5, 0.95) if fit >= 3 else (0.5,)

    def texts(one: ColumnProfile) -> str:
        return "".join(f"{value_text(one, one.quantile(at), length - 1):>{length}}" for at in shown)

    head = "".join(f"{f'{at:.0%}':>{length}}" for at in shown)
    lines: list[Spans] = [[(f"{'quantile':<{_NAME}}{head}", _DIM)]]
    if old is not None and texts(old) != texts(column):
        lines.append([(f"{'  before':<{_NAME}}{texts(old)}", _DIM)])
    return [*lines, [(f"{'  now':<{_NAME}}", _DIM), (texts(column), _TEXT)]]


def _missing(column: ColumnProfile) -> str:
    return f"{column.missing:,} ({column.missing_share:.1%})" if column.missing else "none"
