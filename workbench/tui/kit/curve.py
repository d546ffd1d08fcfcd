"""Curves in braille: several series over one axis, with a band, a baseline and a cursor that reads values out."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain

from workbench.tui.kit.braille import Canvas, Point, dot_row
from workbench.tui.kit.frame import Frame, draw_bottom, draw_left, lay_out, say
from workbench.tui.kit.grid import Grid, Style
from workbench.tui.kit.numbers import number
from workbench.tui.kit.points import Thinned, floats, smooth, thin
from workbench.tui.kit.readout import Reading, draw_readout
from workbench.tui.kit.scale import Scale, scale_of, to_log

__all__ = ["Series", "Thinned", "curves", "smooth", "thin"]

_PAD = 0.04
"""The share of the value range left free above and below the curves."""

Range = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """One curve: its points in any order (x not finite: left out; y NaN: a gap), and the colour token of its line.

    `lows` and `highs` are the band around it, point by point; without them a band shows the extremes of the points
    that share a dot.
    """

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    style: str = "series0"
    lows: Sequence[float] = field(default=())
    highs: Sequence[float] = field(default=())


@dataclass(frozen=True)
class _Trace:
    """A series ready to draw: thinned, in the space of the scales."""

    xs: list[float]
    middle: list[float]
    lows: list[float]
    highs: list[float]
    count: int


def curves(
    series: Sequence[Series],
    width: int,
    height: int,
    *,
    x_range: Range | None = None,
    y_range: Range | None = None,
    log_x: bool = False,
    log_y: bool = False,
    cursor_x: float | None = None,
    band: bool = False,
    baseline: float | None = None,
    goal: str = "",
    x_label: str = "step",
) -> Grid:
    """Draw series as curves, each column of dots at the mean of the points in it.

    Where curves share a cell their colours alternate by column. An infinite value, or one that a logarithmic axis has
    no place for, is marked at the edge and breaks the line; points without an x on the axis are left out. The cursor
    reads out the point of each series nearest to `cursor_x`, with the difference to the first series; `goal` ("max" or
    "min") tells whether more is better or worse. `baseline` is a dotted level. No point at all: a line that says so.
    """
    grid = Grid(width, height)
    x_scale = _x_scale(series, x_range, log_x)
    if x_scale is None or not grid.width or not grid.height:
        return say(width, height, "no points")
    traces = [_trace(one, x_scale, log_y, 2 * grid.width, band) for one in series]
    level = None if baseline is None else to_log(number(baseline)) if log_y else number(baseline)
    y_scale = _y_scale(traces, level, y_range, log_y, band)
    if y_scale is None:
        return say(width, height, "no points")
    y_marks = y_scale.marks(max(3, height // 5), most=max(2, height // 3))
    frame = lay_out(width, height, [label for _, label in y_marks])
    draw_left(grid, frame, y_marks)
    draw_bottom(grid, frame, x_scale.marks(max(2, frame.width // 12)), x_label)
    _draw(grid, frame, _Drawing(series, traces, x_scale, y_scale, level, band))
    if cursor_x is not None:
        _draw_cursor(grid, frame, series, x_scale, number(cursor_x), goal)
    return grid


@dataclass(frozen=True)
class _Drawing:
    series: Sequence[Series]
    traces: Sequence[_Trace]
    x: Scale
    y: Scale
    level: float | None
    band: bool


def _x_scale(series: Sequence[Series], x_range: Range | None, log: bool) -> Scale | None:
    ends: list[float] = []
    for one in series:
        values = floats(one.xs[: len(one.ys)])
        if not all(map(math.isfinite, values)):
            values = [value for value in values if math.isfinite(value)]
        if log:
            values = [value for value in values if value > 0]
        if values:
            ends += (min(values), max(values))
    if not ends:
        return None
    if min(ends) == max(ends) and x_range is None and not log and abs(ends[0]) < 2**50:
        only = ends[0]
        x_range = (max(0, only - 1) if only >= 0 else only - 1, only + 1)  # steps are whole numbers from 0 on
    return scale_of(map(to_log, ends) if log else ends, given=x_range, log=log)


def _trace(one: Series, x_scale: Scale, log_y: bool, buckets: int, band: bool) -> _Trace:
    xs = list(map(to_log, floats(one.xs))) if x_scale.log else one.xs
    window = (x_scale.lo, x_scale.hi)
    thinned = thin(xs, one.ys, buckets, window, extremes=band)
    lows, highs = thinned.lows, thinned.highs
    if band and one.lows and one.highs:
        count = min(len(one.xs), len(one.ys), len(one.lows), len(one.highs))
        if count == len(one.ys):
            lows = thin(xs, one.lows, buckets, window).lows
            highs = thin(xs, one.highs, buckets, window).highs
    change: Callable[[float], float] = to_log if log_y else float
    middle, lows, highs = (list(map(change, ys)) for ys in (thinned.means, lows, highs))
    return _Trace(thinned.xs, middle, lows, highs, min(len(one.xs), len(one.ys)))


def _y_scale(traces: Sequence[_Trace], level: float | None, given: Range | None, log: bool, band: bool) -> Scale | None:
    parts = [trace.middle for trace in traces]
    if band:
        parts += [values for trace in traces for values in (trace.lows, trace.highs)]
    if not any(parts):
        return None
    found = scale_of(chain.from_iterable(parts), given=given, log=log, pad=_PAD)
    if found is None:  # only infinities: there is something to mark, and nothing to measure by
        has_infinity = any(math.isinf(y) for values in parts for y in values)
        return Scale(0.0, 1.0, log) if has_infinity else None
    if level is None or not math.isfinite(level) or given is not None:
        return found
    if found.lo <= level <= found.hi:
        return found
    return scale_of(chain([level], *parts), log=log, pad=_PAD)


def _draw(grid: Grid, frame: Frame, drawing: _Drawing) -> None:
    """Draw band and baseline below, the lines above them, and the marks of what has no place on the axis."""
    over, under = Canvas(frame.width, frame.height), Canvas(frame.width, frame.height)
    if not over.columns or not over.rows:
        return
    edges: list[tuple[int, bool, int]] = []
    for owner, trace in enumerate(drawing.traces):
        columns = _columns(trace.xs, drawing.x, over.columns)
        if drawing.band:
            _draw_band(under, columns, trace, drawing.y, owner)
        over.polyline(_dots(columns, trace.middle, drawing.y, over.rows), owner)
        edges += _infinities(columns, trace, owner)
    baseline = len(drawing.traces)
    if drawing.level is not None and math.isfinite(drawing.level):
        row = dot_row(drawing.y.fraction(drawing.level), under.rows)
        for column in range(0, under.columns, 2):
            under.run(column, row, row, baseline)
    styles = [Style(fg=one.style) for one in drawing.series]
    faint = [style._replace(dim=True) for style in styles]
    under.paint(grid, frame.left, frame.top, [*faint, Style(fg="dim")])
    over.paint(grid, frame.left, frame.top, styles)
    _draw_lone(grid, frame, over, drawing, styles)
    for column, is_high, owner in edges:
        if 0 <= column < over.columns:
            row = frame.top if is_high else frame.top + frame.height - 1
            grid.dot(frame.left + column // 2, row, "▲" if is_high else "▼", styles[owner])


def _columns(xs: Sequence[float], scale: Scale, columns: int) -> list[int]:
    # The right end belongs to the last column; beyond it lies outside.
    return [columns - 1 if part == 1 else math.floor(part * columns) for part in scale.fractions(xs)]


def _dots(columns: Sequence[int], ys: Sequence[float], scale: Scale, rows: int) -> list[Point | None]:
    last, places = rows - 1, scale.fractions(ys)
    if all(map(math.isfinite, places)):
        return list(zip(columns, [last - math.floor(part * last + 0.5) for part in places], strict=True))
    return [
        (column, dot_row(part, rows)) if math.isfinite(part) else None
        for column, part in zip(columns, places, strict=True)
    ]


def _draw_band(canvas: Canvas, columns: Sequence[int], trace: _Trace, scale: Scale, owner: int) -> None:
    """Shade between lows and highs, straight from point to point."""
    before: tuple[int, float, float] | None = None
    for column, low, high in zip(columns, trace.lows, trace.highs, strict=False):
        if math.isnan(low) or math.isnan(high):
            before = None
            continue
        now = (column, _edge(low, scale), _edge(high, scale))
        start = before or now
        span = max(1, column - start[0])
        for index in range(max(start[0], -1), min(column, canvas.columns) + 1):
            part = (index - start[0]) / span
            ends = [dot_row(a + (b - a) * part, canvas.rows) for a, b in zip(start[1:], now[1:], strict=True)]
            canvas.shade(index, ends[0], ends[1], owner)
        before = now


def _edge(value: float, scale: Scale) -> float:
    if math.isinf(value):
        return 2.0 if value > 0 else -1.0
    return scale.fraction(value)


def _infinities(columns: Sequence[int], trace: _Trace, owner: int) -> list[tuple[int, bool, int]]:
    found: list[tuple[int, bool, int]] = []
    if math.inf not in trace.highs and -math.inf not in chain(trace.lows, trace.middle):
        return found
    for column, middle, low, high in zip(columns, trace.middle, trace.lows, trace.highs, strict=False):
        if high == math.inf:
            found.append((column, True, owner))
        if low == -math.inf or middle == -math.inf:
            found.append((column, False, owner))
    return found


def _draw_lone(grid: Grid, frame: Frame, canvas: Canvas, drawing: _Drawing, styles: Sequence[Style]) -> None:
    """Draw a series that is a single point as a dot large enough to see."""
    for trace, style in zip(drawing.traces, styles, strict=True):
        if trace.count == 1 and trace.middle and math.isfinite(trace.middle[0]):
            column = _columns(trace.xs, drawing.x, canvas.columns)[0]
            row = dot_row(drawing.y.fraction(trace.middle[0]), canvas.rows)
            if 0 <= column < canvas.columns and 0 <= row < canvas.rows:
                grid.dot(frame.left + column // 2, frame.top + row // 4, "•", style)


def _draw_cursor(grid: Grid, frame: Frame, series: Sequence[Series], scale: Scale, cursor_x: float, goal: str) -> None:
    at = scale.forward(cursor_x)
    if not math.isfinite(at) or not scale.lo <= at <= scale.hi or not frame.width:
        return
    x = min(frame.width - 1, int(scale.fraction(at) * frame.width))
    readings = [reading for one in series if (reading := _nearest(one, cursor_x)) is not None]
    draw_readout(grid, frame, x, readings, goal)


def _nearest(one: Series, cursor_x: float) -> Reading | None:
    """Find the point nearest to the cursor; among points at the same x the last."""
    xs, ys = floats(one.xs), floats(one.ys)
    points = [(x, y) for x, y in zip(xs, ys, strict=False) if math.isfinite(x)]
    if not points:
        return None
    # Stable sorting keeps the order of points at one x.
    points.sort(key=lambda point: point[0])
    keys = [x for x, _ in points]
    place = bisect_left(keys, cursor_x)
    if place == len(keys) or (place and cursor_x - keys[place - 1] <= keys[place] - cursor_x):
        place -= 1
    x = keys[place]
    while place + 1 < len(keys) and keys[place + 1] == x:
        place += 1
    return Reading(one.name, one.style, x, points[place][1])
