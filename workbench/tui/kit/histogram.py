"""Distributions as columns of eighth blocks: one alone, or two over each other in three colours."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.tui.kit.frame import Frame, Mark, draw_bottom, draw_left, lay_out, say
from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.kit.numbers import number, tick_labels, ticks
from workbench.tui.kit.points import floats
from workbench.tui.kit.scale import scale_of

BLOCKS = " ▁▂▃▄▅▆▇█"
REFERENCE, CURRENT, OVERLAP = Style(fg="series0"), Style(fg="series1"), Style(fg="overlap")
_PLAIN_GLYPHS = ("░", "▒", "█")
"""Reference alone, current alone, both: what tells them apart without colours."""


@dataclass(frozen=True)
class Bins:
    """Counts of values: either between `edges` (one more than counts) or one for each of `labels`.

    `words` write a value of the axis where it is no plain number; then the marks stand at even distances.
    """

    counts: tuple[float, ...]
    edges: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    words: Callable[[float], str] | None = None


def bins(values: Sequence[float], n: int = 20, span: tuple[float, float] | None = None) -> Bins:
    """Count values in `n` bins of equal width over `span` or all of them; the last bin includes its upper edge.

    What is not finite, or outside `span`, is not counted. No value and no span: no bins.
    """
    finite = [value for value in floats(values) if math.isfinite(value)]
    scale = scale_of(finite, given=span)
    if scale is None or n < 1:
        return Bins(())
    counts = [0] * n
    for value in finite:
        if scale.lo <= value <= scale.hi:
            counts[min(n - 1, int(scale.fraction(value) * n))] += 1
    edges = [scale.lo * (1 - index / n) + scale.hi * (index / n) for index in range(n + 1)]
    return Bins(tuple(counts), edges=tuple(edges))


def shares(counts: Sequence[float]) -> list[float]:
    """Turn counts into shares that sum to one; zeros where there is nothing. Negative or odd counts are nothing."""
    known = [count if math.isfinite(count) and count > 0 else 0.0 for count in map(number, counts)]
    top = max(known, default=0.0)
    if not top:
        return [0.0] * len(known)
    scaled = [count / top for count in known]
    total = math.fsum(scaled)
    return [count / total for count in scaled]


def columns(values: Sequence[float], width: int) -> list[float]:
    """Spread shares over `width` columns: a bin takes several columns, or neighbouring bins are added up in one."""
    count = len(values)
    if not count or width < 1:
        return []
    if count <= width:
        return [values[column * count // width] for column in range(width)]
    return [math.fsum(values[column * count // width : (column + 1) * count // width]) for column in range(width)]


def histogram(
    reference: Bins,
    current: Bins | None = None,
    *,
    width: int,
    height: int,
    names: tuple[str, str] = ("reference", "current"),
    plain: bool = False,
) -> Grid:
    """Draw the shares of one distribution, or of two with the same bins over each other.

    The heights are to an eighth of a row; where two boundaries meet in one cell the higher one is exact. `plain` tells
    the three areas apart by glyphs instead of colours, to a whole row. A legend stands above if there is room.
    """
    first = shares(reference.counts)
    second = shares(current.counts)[: len(first)] if current else []
    second += [0.0] * (len(first) - len(second)) if current else []
    top = max([*first, *second], default=0.0)
    if not top or width < 1 or height < 1:
        return say(width, height, "no values")
    grid = Grid(width, height)
    legend = 1 if current and height >= 8 else 0
    merged = [columns(part, grid.width) for part in (first, second)]
    top = max([*merged[0], *merged[1]]) if len(first) > grid.width else top
    marks = _share_marks(top, height)
    frame = lay_out(width, height, [label for _, label in marks], top=legend)
    draw_left(grid, frame, marks)
    draw_bottom(grid, frame, _value_marks(reference, frame.width))
    spread = [columns(part, frame.width) for part in (first, second)]
    if reference.labels:
        spread = [_gaps(part, len(first)) for part in spread]
    _draw_columns(grid, frame, spread[0], spread[1], plain)
    if legend:
        _draw_legend(grid, frame.left, names, plain)
    return grid


def _share_marks(top: float, height: int) -> list[Mark]:
    percents = [value for value in ticks(0, top * 100, max(2, height // 3)) if value > 0]
    return [(value / 100 / top, f"{label}%") for value, label in zip(percents, tick_labels(percents), strict=True)]


def _value_marks(shown: Bins, width: int) -> list[Mark]:
    """Label the axis below with round values, or each category under its columns as far as they fit."""
    if shown.labels:
        count = len(shown.counts)
        room = max(1, width // max(1, count) - 1)
        return [((index + 0.5) / count, clip(label, room)) for index, label in enumerate(shown.labels[:count])]
    if len(shown.edges) < 2:
        return []
    if shown.words is not None:
        low, high, count = shown.edges[0], shown.edges[-1], max(1, width // 16)
        places = [(at + 0.5) / count for at in range(count)]
        return [(place, shown.words(low + (high - low) * place)) for place in places]
    scale = scale_of(floats(shown.edges))
    return scale.marks(max(2, width // 12)) if scale else []


def _gaps(spread: list[float], count: int) -> list[float]:
    """Clear the last column of each category but the last one, where its bar stays at least two wide."""
    width = len(spread)
    if count * 3 > width:
        return spread
    ends = {math.ceil((index + 1) * width / count) - 1 for index in range(count - 1)}
    return [0.0 if column in ends else share for column, share in enumerate(spread)]


def _draw_columns(grid: Grid, frame: Frame, first: Sequence[float], second: Sequence[float], plain: bool) -> None:
    top = max([*first, *second], default=0.0)
    if not top:
        return
    for x, share in enumerate(first):
        low = _eighths(share / top, frame.height)
        high = _eighths(second[x] / top, frame.height) if second else 0
        for row in range(frame.height):
            base = 8 * (frame.height - 1 - row)
            char, style = _cell(low - base, high - base, bool(second), plain)
            if char:
                grid.dot(frame.left + x, frame.top + row, char, style)


def _eighths(fraction: float, height: int) -> int:
    """Round a height to eighths of a row; a share above nothing stays visible."""
    return max(1, round(fraction * height * 8)) if fraction > 0 else 0


def _cell(low: int, high: int, is_pair: bool, plain: bool) -> tuple[str, Style]:
    """Choose glyph and colours of a cell that the reference fills to `low` eighths and the current to `high`."""
    most, least = max(low, high), min(low, high)
    if most <= 0:
        return "", REFERENCE
    alone = REFERENCE if low > high else CURRENT
    if plain:
        style = OVERLAP if is_pair and least >= 4 else alone
        glyph = _PLAIN_GLYPHS[(REFERENCE, CURRENT, OVERLAP).index(style)]
        return (glyph if most >= 4 or not least > 0 else "", style) if is_pair else (BLOCKS[min(8, most)], REFERENCE)
    if not is_pair or least <= 0:
        return BLOCKS[min(8, most)], alone
    if least >= 8:
        return "█", OVERLAP
    if most >= 8:  # the overlap ends inside the cell, the larger one fills the rest of it
        return BLOCKS[least], Style(fg=OVERLAP.fg, bg=alone.fg)
    # Both end here and a cell has two colours: the larger part gives its own.
    return BLOCKS[most], OVERLAP if 2 * least >= most else alone


def _draw_legend(grid: Grid, left: int, names: tuple[str, str], plain: bool) -> None:
    x = left
    glyphs = _PLAIN_GLYPHS if plain else ("■", "■", "■")
    for glyph, style, name in zip(glyphs, (REFERENCE, CURRENT, OVERLAP), (*names, "both"), strict=True):
        text = clip(name, 20)
        if x + cells(text) + 2 > grid.width:
            return
        grid.put(x, 0, glyph, style)
        grid.put(x + 2, 0, text, Style(fg="dim"))
        x += cells(text) + 4
