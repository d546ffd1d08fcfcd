"""Parallel coordinates: one vertical axis for each parameter or metric, one line for each run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from workbench.tui.kit.braille import Canvas, Point, dot_row
from workbench.tui.kit.frame import mark_row, say
from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.kit.numbers import number, short
from workbench.tui.kit.scale import Scale, scale_of, to_log

DIM_LINES = 30
"""How many unmarked lines are drawn at most; more than that is a carpet."""

_LOG_SPREAD = 100.0
"""From this ratio of greatest to least, all above zero, an axis is logarithmic."""

_LABEL = Style(fg="dim")

Value = float | str | bool | None


@dataclass(frozen=True)
class Axis:
    """One coordinate; `is_goal` sets its name off, for the metric that the others are looked at for."""

    name: str
    is_goal: bool = False


@dataclass(frozen=True)
class Line:
    """One run: a value for each axis in their order (None or NaN: unknown), and the colour of a marked one."""

    values: Sequence[Value]
    is_marked: bool = False
    style: str = "series0"


@dataclass(frozen=True)
class _Placed:
    """An axis with its scale: where each value lies (None: nowhere), the labels at its ends, all its categories."""

    places: list[float | None]
    low: str
    high: str
    categories: list[tuple[float, str]]


def parallel(axes: Sequence[Axis], lines: Sequence[Line], width: int, height: int, *, plain: bool = False) -> Grid:
    """Draw lines across the axes, unmarked ones faint and below the marked ones.

    An axis is numeric if all its values are numbers, logarithmic if they are above zero and spread over two orders of
    magnitude, and otherwise has a place for each distinct text, by name. A line breaks at an unknown value. At most
    `DIM_LINES` unmarked lines are drawn, evenly chosen, and the last row says how many are not. Axes that do not fit
    beside each other are left out at the right, and said so too. `plain`, for a screen without colours, numbers the
    marked lines at the axes and leaves the others out, if there are marked ones.
    """
    grid = Grid(width, height)
    if not axes or not lines or not grid.width or not grid.height:
        return say(width, height, "no runs" if axes else "nothing to compare")
    shown = axes[: max(1, grid.width // 6)]
    placed = [_place([_value(line, index) for line in lines]) for index in range(len(shown))]
    drawn = _drawn(lines, plain and any(line.is_marked for line in lines))
    notes = _notes(len(lines) - len(drawn), len(axes) - len(shown))
    head, foot = (2 if height >= 6 else 0), (1 if height >= 4 else 0)
    note_row = 1 if notes and height >= 8 else 0
    plot = Canvas(grid.width, max(0, height - head - foot - note_row))
    columns = _axis_columns(len(shown), grid.width)
    _draw_axes(grid, head, plot, columns)
    _draw_lines(grid, head, plot, columns, placed, [(index, lines[index]) for index in drawn], plain)
    if head:
        _draw_labels(grid, 0, columns, [axis.name for axis in shown], [_name_style(axis) for axis in shown])
        _draw_labels(grid, 1, columns, [one.high for one in placed], [_LABEL] * len(placed))
    if foot:
        _draw_labels(grid, head + plot.height, columns, [one.low for one in placed], [_LABEL] * len(placed))
    if note_row:
        text = clip(notes, grid.width)
        grid.put(grid.width - cells(text), grid.height - 1, text, _LABEL)
    return grid


def _value(line: Line, index: int) -> Value:
    return line.values[index] if index < len(line.values) else None


def _place(values: Sequence[Value]) -> _Placed:
    known = [value for value in values if value is not None and value == value]
    if known and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in known):
        return _place_numbers([math.nan if value is None else number(value) for value in values])
    return _place_categories([None if value is None or value != value else _text(value) for value in values])


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _place_numbers(values: Sequence[float]) -> _Placed:
    finite = [value for value in values if math.isfinite(value)]
    log = bool(finite) and min(finite) > 0 and max(finite) / _LOG_SPREAD >= min(finite)
    scale = scale_of([to_log(value) for value in finite] if log else finite, log=log)
    if scale is None:
        scale = Scale(0.0, 1.0)
    places = [_number_place(value, scale) for value in values]
    if not finite:
        return _Placed(places, "", "", [])
    return _Placed(places, short(min(finite), 7), short(max(finite), 7), [])


def _number_place(value: float, scale: Scale) -> float | None:
    if math.isnan(value):
        return None
    if math.isinf(value):
        return 1.0 if value > 0 else 0.0
    return scale.fraction(scale.forward(value))


def _place_categories(values: Sequence[str | None]) -> _Placed:
    names = sorted({value for value in values if value is not None}, key=_natural)
    step = 1 / max(1, len(names) - 1)
    # A single category stands in the middle.
    places = {name: index * step if len(names) > 1 else 0.5 for index, name in enumerate(names)}
    found = [None if value is None else places[value] for value in values]
    ends = (names[0], names[-1]) if names else ("", "")
    return _Placed(found, *ends, [(place, name) for name, place in places.items()][1:-1])


def _natural(name: str) -> tuple[int, float, str]:
    """Sort numbers among texts by their value and before them."""
    value = number(name)
    return (1, 0.0, name) if math.isnan(value) else (0, value, name)


def _drawn(lines: Sequence[Line], only_marked: bool) -> list[int]:
    """Choose which lines are drawn, in their order: all marked ones and an even choice of the others."""
    dim = [] if only_marked else [index for index, line in enumerate(lines) if not line.is_marked]
    if len(dim) > DIM_LINES:
        dim = [dim[place * len(dim) // DIM_LINES] for place in range(DIM_LINES)]
    return sorted(dim + [index for index, line in enumerate(lines) if line.is_marked])


def _notes(hidden_lines: int, hidden_axes: int) -> str:
    parts = []
    if hidden_lines:
        parts.append(f"{hidden_lines} more {'run' if hidden_lines == 1 else 'runs'} not drawn")
    if hidden_axes:
        parts.append(f"{hidden_axes} more {'axis' if hidden_axes == 1 else 'axes'} to the right")
    return " · ".join(parts)


def _axis_columns(count: int, width: int) -> list[int]:
    """Place the axes: evenly, with half a label's room at both ends where there is that much."""
    if count == 1:
        return [width // 2]
    margin = min(4, width // (2 * count))
    return [margin + round(index * (width - 1 - 2 * margin) / (count - 1)) for index in range(count)]


def _name_style(axis: Axis) -> Style:
    return Style(fg="mark" if axis.is_goal else "text", bold=True)


def _draw_axes(grid: Grid, top: int, plot: Canvas, columns: Sequence[int]) -> None:
    for x in columns:
        for row in range(plot.height):
            grid.put(x, top + row, "│", Style(fg="dim", dim=True))


def _draw_lines(
    grid: Grid,
    top: int,
    plot: Canvas,
    columns: Sequence[int],
    placed: Sequence[_Placed],
    drawn: Sequence[tuple[int, Line]],
    plain: bool,
) -> None:
    """Draw the faint lines, the categories where nothing runs, then the marked lines with dots at the axes."""
    if not plot.rows:
        return
    faint, marked = Canvas(plot.width, plot.height), plot
    styles: list[Style] = []
    dots: list[tuple[int, int, str, Style]] = []
    for index, line in drawn:
        places = [one.places[index] for one in placed]
        points: list[Point | None] = [
            None if place is None else (2 * x, dot_row(place, plot.rows))
            for x, place in zip(columns, places, strict=True)
        ]
        if not line.is_marked:
            faint.polyline(points, 0)
            continue
        marked.polyline(points, len(styles))
        styles.append(Style(fg=line.style))
        glyph = str(len(styles) % 10) if plain else "●"
        dots += [(point[0] // 2, point[1] // 4, glyph, styles[-1]) for point in points if point is not None]
    faint.paint(grid, 0, top, [Style(fg="axis")])
    marked.paint(grid, 0, top, styles)
    _draw_categories(grid, top, plot.height, columns, placed)
    for x, row, glyph, style in dots:
        grid.dot(x, top + row, glyph, style)


def _draw_categories(grid: Grid, top: int, height: int, columns: Sequence[int], placed: Sequence[_Placed]) -> None:
    """Name the inner categories of an axis at its right, where no line is in the way."""
    for x, one in zip(columns, placed, strict=True):
        for place, name in one.categories:
            y = top + mark_row(place, height)
            text = clip(name, 10)
            room = range(x + 1, x + 2 + cells(text))
            if room.stop <= grid.width and all(grid.char(at, y) == " " for at in room):
                grid.put(x + 1, y, text, _LABEL)


def _draw_labels(grid: Grid, y: int, columns: Sequence[int], labels: Sequence[str], styles: Sequence[Style]) -> None:
    """Write a label at each axis, centred, cut where it would touch its neighbour or the edge."""
    pitch = min((b - a for a, b in pairwise(columns)), default=grid.width)
    for x, label, style in zip(columns, labels, styles, strict=True):
        text = clip(label, max(1, pitch - 1))
        start = max(0, min(x - cells(text) // 2, grid.width - cells(text)))
        grid.put(start, y, text, style)
