"""The frame of a chart: where the plot lies in the grid, the axes, their ticks and labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.tui.kit.grid import Grid, Style, cells, clip

AXIS = Style(fg="axis")
GUIDE = Style(fg="grid")
LABEL = Style(fg="dim")

Mark = tuple[float, str]
"""A tick: the fraction of the axis (0 at the start) and its label."""


@dataclass(frozen=True)
class Frame:
    """The plot's rectangle in cells, and whether there is room for the axis at its left and the one below."""

    left: int
    top: int
    width: int
    height: int
    has_left: bool
    has_bottom: bool


def lay_out(width: int, height: int, labels: Sequence[str], *, top: int = 0) -> Frame:
    """Divide a chart: labels and an axis at the left, an axis and its labels below, as far as there is room."""
    gutter = max(map(cells, labels), default=0) + 2
    has_left = gutter * 3 <= width and height - top >= 3
    has_bottom = height - top >= 5 and width >= 8
    left = gutter if has_left else 0
    return Frame(left, top, max(0, width - left), max(0, height - top - 2 * has_bottom), has_left, has_bottom)


def mark_row(fraction: float, height: int) -> int:
    """Place a fraction of the height on a row of cells, 0 at the top; it agrees with the rows of braille dots."""
    dots = 4 * height
    return (dots - 1 - int(fraction * (dots - 1) + 0.5)) // 4


def mark_column(fraction: float, width: int) -> int:
    """Place a fraction of the width on a column of cells."""
    return min(width - 1, int(fraction * width))


def draw_left(grid: Grid, frame: Frame, marks: Sequence[Mark]) -> None:
    """Draw the guide lines across the plot and the axis at its left."""
    if not frame.height:
        return
    rows: dict[int, str] = {}
    for fraction, label in marks:
        if 0 <= fraction <= 1:
            rows.setdefault(mark_row(fraction, frame.height), label)
    for row in rows:
        grid.put(frame.left, frame.top + row, "─" * frame.width, GUIDE)
    if not frame.has_left:
        return
    for row in range(frame.height):
        label = rows.get(row, "")
        grid.put(frame.left - 1, frame.top + row, "┤" if row in rows else "│", AXIS)
        if label:
            grid.put(frame.left - 2 - cells(label), frame.top + row, label, LABEL)


def draw_bottom(grid: Grid, frame: Frame, marks: Sequence[Mark], name: str = "") -> None:
    """Draw the axis below the plot with ticks and as many labels as do not touch, and its name at the right end."""
    if not frame.has_bottom or not frame.width:
        return
    y = frame.top + frame.height
    if frame.has_left:
        grid.put(frame.left - 1, y, "└", AXIS)
    grid.put(frame.left, y, "─" * frame.width, AXIS)
    name = clip(name, frame.width // 3)
    limit = grid.width - (cells(name) + 2 if name else 0)
    free = 0
    for fraction, label in marks:
        if not 0 <= fraction <= 1:
            continue
        x = frame.left + mark_column(fraction, frame.width)
        grid.put(x, y, "┬", AXIS)
        start = max(0, min(x - cells(label) // 2, grid.width - cells(label)))
        if start >= free and start + cells(label) <= limit:
            grid.put(start, y + 1, label, LABEL)
            free = start + cells(label) + 2
    grid.put(grid.width - cells(name), y + 1, name, LABEL)


def say(width: int, height: int, text: str) -> Grid:
    """Make a grid that only says something, dimmed, in its middle."""
    grid = Grid(width, height)
    text = clip(text, grid.width)
    grid.put((grid.width - cells(text)) // 2, grid.height // 2, text, LABEL)
    return grid
