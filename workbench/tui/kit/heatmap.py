"""Heat maps: a table of values as coloured cells, with labels and a scale, and as glyphs where there is no colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.kit.numbers import number, short
from workbench.tui.kit.scale import Scale, scale_of

LEVELS = 10
MISSING = "·"
_SHADES = "▁▂▃▄▅▆▇█"
_LABEL = Style(fg="dim")
_HEAT = [Style(bg=f"heat{step}") for step in range(LEVELS)]


def heatmap(
    rows: Sequence[Sequence[float | None]],
    row_labels: Sequence[str],
    column_labels: Sequence[str],
    width: int,
    height: int,
    *,
    lo: float | None = None,
    hi: float | None = None,
    plain: bool = False,
    row: int | None = None,
    column: int | None = None,
) -> Grid:
    """Draw rows of values as cells coloured from `lo` to `hi`, by default the least and the greatest of them.

    The cells share the whole width; if there are more columns than cells the greatest of neighbours is shown. A missing
    value (None, NaN, a short row) is a dot, one beyond an end has its colour. Rows that do not fit are counted in the
    last line. `plain` draws levels as blocks of growing height instead of colours. The label of `row` is bold,
    and a mark stands above `column`.
    """
    grid = Grid(width, height)
    table = [[math.nan if value is None else number(value) for value in row] for row in rows]
    count = max(map(len, table), default=0)
    if not count:
        grid.put(max(0, (grid.width - 9) // 2), grid.height // 2, "no values", _LABEL)
        return grid
    scale = _scale(table, lo, hi)
    footer = (1 if height >= 3 else 0) + (1 if height >= 6 else 0)
    top = 1 if column is not None and height >= 4 else 0
    shown = table[: max(0, grid.height - footer - top)]
    left = _gutter(row_labels, len(shown), grid.width)
    spread = columns_of(count, grid.width - left)
    for y, values in enumerate(shown):
        if left and y < len(row_labels):
            grid.put(0, top + y, clip(row_labels[y], left - 1), Style(fg="text", bold=y == row))
        for x, (start, end) in enumerate(spread):
            char, style = cell(_greatest(values[start:end]), scale, plain)
            grid.dot(left + x, top + y, char, style)
    if top:
        places = [x for x, (start, end) in enumerate(spread) if column is not None and start <= column < end]
        grid.put(left + places[len(places) // 2] if places else 0, 0, "▼" if places else "", Style(fg="mark"))
    if footer:
        _draw_column_labels(grid, left, top + len(shown), spread, column_labels)
    if footer > 1:
        beyond = any(value > scale.hi for values in table for value in values)
        y = min(grid.height, top + len(shown) + 2) - 1
        _draw_scale(grid, y, scale, plain, hidden=len(table) - len(shown), beyond=beyond)
    return grid


def columns_of(count: int, width: int) -> list[tuple[int, int]]:
    """Tell for each of `width` cells which of `count` values it shows, as a half-open range that is never empty."""
    if count <= 0 or width <= 0:
        return []
    starts = [x * count // width for x in range(width + 1)]
    return [(start, max(start + 1, end)) for start, end in pairwise(starts)]


def level(value: float, scale: Scale) -> int:
    """Tell which of the ten levels a value has; infinities have the outermost. It must not be NaN."""
    if math.isinf(value):
        return LEVELS - 1 if value > 0 else 0
    return min(LEVELS - 1, max(0, math.floor(scale.fraction(value) * LEVELS)))


def cell(value: float, scale: Scale, plain: bool) -> tuple[str, Style]:
    """Choose the glyph and the style of one value."""
    if math.isnan(value):
        return MISSING, _LABEL
    step = level(value, scale)
    if plain:
        return _SHADES[step * (len(_SHADES) - 1) // (LEVELS - 1)], Style(fg="text")
    return " ", _HEAT[step]


def _scale(table: Sequence[Sequence[float]], lo: float | None, hi: float | None) -> Scale:
    found = scale_of(value for row in table for value in row) or Scale(0.0, 1.0)
    ends = [math.nan if end is None else number(end) for end in (lo, hi)]
    low, high = (end if math.isfinite(end) else other for end, other in zip(ends, (found.lo, found.hi), strict=True))
    return scale_of((low, high)) or found


def _gutter(labels: Sequence[str], shown: int, width: int) -> int:
    """Give the labels what they need and at most a third of the width; nothing if that is too little to read."""
    room = min(max(map(cells, labels[:shown]), default=0) + 1, width // 3)
    return room if room >= 4 or (room > 1 and room == max(map(cells, labels[:shown])) + 1) else 0


def _greatest(values: Sequence[float]) -> float:
    return max((value for value in values if not math.isnan(value)), default=math.nan)


def _draw_column_labels(
    grid: Grid, left: int, y: int, spread: Sequence[tuple[int, int]], labels: Sequence[str]
) -> None:
    """Label columns at their left edge, all or every second, third and so on, as many as fit without touching."""
    starts: dict[int, int] = {}
    for x, (start, _) in enumerate(spread):
        starts.setdefault(start, x)
    places = [(left + x, labels[start]) for start, x in starts.items() if start < len(labels)]
    for stride in range(1, len(places) + 1):
        chosen = places[::stride]
        if all(x + cells(text) < after for (x, text), (after, _) in pairwise(chosen)):
            for x, text in chosen:
                if x + cells(text) <= grid.width:
                    grid.put(x, y, text, _LABEL)
            return


def _draw_scale(grid: Grid, y: int, scale: Scale, plain: bool, *, hidden: int, beyond: bool) -> None:
    """Draw the colours between the ends, the upper one with `≥` where there are values beyond it."""
    low, high = short(scale.lo, 6), f"{'≥' if beyond else ''}{short(scale.hi, 6)}"
    x = grid.width - LEVELS * 2 - len(low) - len(high) - 2
    if hidden:
        text = clip(f"{hidden} more rows" if hidden > 1 else "1 more row", max(0, x - 1) if x > 8 else grid.width)
        grid.put(0, y, text, _LABEL)
    if x < 0 or (hidden and x <= 8):
        return
    grid.put(x, y, low, _LABEL)
    for step in range(LEVELS):
        middle = scale.lo + (scale.hi / LEVELS - scale.lo / LEVELS) * (step + 0.5)
        char, style = cell(middle, scale, plain)
        grid.put(x + len(low) + 1 + 2 * step, y, char * 2, style)
    grid.put(grid.width - len(high), y, high, _LABEL)
