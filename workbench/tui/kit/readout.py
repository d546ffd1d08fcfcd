"""The cursor of a chart: a dashed line, and a box with what each series has there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.tui.kit.frame import Frame
from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.kit.numbers import column, short

_NAME_FROM = 56
"""The width of a plot from which the box also shows names."""

Line = list[tuple[str, Style]]


@dataclass(frozen=True)
class Reading:
    """What one series has at the cursor."""

    name: str
    style: str
    x: float
    y: float


def draw_readout(grid: Grid, frame: Frame, x: int, readings: Sequence[Reading], goal: str = "") -> None:
    """Draw the cursor at column `x` of the plot, and its box beside it where it hides the least."""
    for row in range(frame.height):
        if not _is_dots(grid.char(frame.left + x, frame.top + row)):
            grid.put(frame.left + x, frame.top + row, "╎", Style(fg="cursor"))
    lines = _lines(readings, frame, goal)
    width = max((_width(line) for line in lines), default=0)
    if not lines or width > frame.width or len(lines) > frame.height:
        return
    left, top = _place(grid, frame, x, width, len(lines))
    grid.fill(left, top, width, len(lines), Style(bg="panel"))
    for row, line in enumerate(lines):
        at = left
        for text, style in line:
            grid.put(at, top + row, text, style)
            at += cells(text)


def _is_dots(char: str) -> bool:
    return "⠀" < char <= "⣿" or char == "•"


def _width(line: Line) -> int:
    return sum(cells(text) for text, _ in line)


def _lines(readings: Sequence[Reading], frame: Frame, goal: str) -> list[Line]:
    """Write one line a series, and the last one says how many more there are."""
    room = max(0, frame.height - 1)
    shown = list(readings if len(readings) <= room else readings[: max(0, room - 1)])
    if not shown:
        return []
    places = ["@" + short(one.x, 8) for one in shown]
    values = column([one.y for one in shown], 8)
    indent = min(len(value) - len(value.lstrip()) for value in values)
    first = shown[0].y
    decimals = max((len(value.partition(".")[2]) for value in values if "e" not in value), default=0)
    deltas = ["" if index == 0 else _delta(one.y, first, decimals) for index, one in enumerate(shown)]
    names = [clip(one.name, 16 if frame.width < 80 else 24) if frame.width >= _NAME_FROM else "" for one in shown]
    longest = [max(map(cells, texts)) for texts in (places, deltas, names)]
    lines = []
    for one, place, value, delta, name in zip(shown, places, values, deltas, names, strict=True):
        line = [
            (" ━ ", Style(one.style, "panel")),
            (name + " " * (longest[2] - cells(name) + bool(longest[2])), Style("dim", "panel")),
            (place.ljust(longest[0]) + " ", Style("dim", "panel")),
            (value[indent:] + " ", Style("text", "panel")),
            (delta.rjust(longest[1]) + (" " if longest[1] else ""), Style(_tone(one.y - first, goal), "panel")),
        ]
        lines.append([(text, style) for text, style in line if text])
    if len(shown) < len(readings):
        lines.append([(f" +{len(readings) - len(shown)} more", Style("dim", "panel"))])
    return lines


def _delta(value: float, first: float, decimals: int) -> str:
    """Write a difference with the digits of the values, or by itself where those would hide it."""
    difference = value - first
    if not math.isfinite(difference):
        return ""
    text = f"{difference:+.{decimals}f}"
    return text if len(text) <= 9 and text.strip("+-0.") else short(difference, 8, signed=True)


def _tone(difference: float, goal: str) -> str:
    if goal not in ("max", "min") or not difference or math.isnan(difference):
        return "dim"
    return "better" if (difference > 0) == (goal == "max") else "worse"


def _place(grid: Grid, frame: Frame, x: int, width: int, height: int) -> tuple[int, int]:
    """Choose the corner, right or left of the cursor and inside the plot, that covers the fewest dots."""
    lefts = [x + 2, x - 1 - width]
    fitting = [left for left in lefts if 0 <= left <= frame.width - width] or [frame.width - width]
    places: list[tuple[int, int, int, int]] = []
    for left in fitting:
        taken = [_taken(grid, frame, left, row, width) for row in range(frame.height)]
        for top in range(frame.height - height + 1):
            # Of equal places the one nearest to the middle, and to the right of the cursor.
            covered, off = sum(taken[top : top + height]), abs(2 * top + height - frame.height)
            places.append((covered, off, lefts.index(left) if left in lefts else 2, top))
    _, _, side, top = min(places)
    return frame.left + [*lefts, frame.width - width][side], frame.top + top


def _taken(grid: Grid, frame: Frame, left: int, row: int, width: int) -> int:
    return sum(_is_dots(grid.char(frame.left + left + x, frame.top + row)) for x in range(width))
