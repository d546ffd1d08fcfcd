"""A canvas of braille dots, two by four in a cell, that remembers who drew into which cell."""

from __future__ import annotations

import math
from collections.abc import Sequence

from workbench.tui.kit.grid import Grid, Style

Point = tuple[int, int]
"""A column and a row of dots."""

GLYPHS = [chr(0x2800 + mask) for mask in range(256)]
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""The bit of each dot: by side (left, right), then by row from the top."""


def _run_masks(side: int) -> list[list[int]]:
    dots = _DOTS[side]
    return [[sum(dots[first : last + 1]) for last in range(4)] for first in range(4)]


_RUNS = (_run_masks(0), _run_masks(1))


class Canvas:
    """Dots in `2 * width` columns and `4 * height` rows, row 0 at the top; what lies outside is cut off.

    An owner is a small number: the index of the series that draws. A cell knows all its owners, so that whoever
    colours it can alternate between them.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width = max(0, width)
        self.height = max(0, height)
        self.columns = 2 * self.width
        self.rows = 4 * self.height
        self.masks = bytearray(self.width * self.height)
        self._owners = [0] * (self.width * self.height)

    def run(self, column: int, first: int, last: int, owner: int) -> None:
        """Set the dots of one column from row `first` to row `last`, in either order."""
        if first > last:
            first, last = last, first
        first, last = max(first, 0), min(last, self.rows - 1)
        if first > last or not 0 <= column < self.columns:
            return
        runs, bit, width, masks, owners = _RUNS[column & 1], 1 << owner, self.width, self.masks, self._owners
        top, bottom = first >> 2, last >> 2
        cell = top * width + (column >> 1)
        for row in range(top, bottom + 1):
            masks[cell] |= runs[first & 3 if row == top else 0][last & 3 if row == bottom else 3]
            owners[cell] |= bit
            cell += width

    def polyline(self, points: Sequence[Point | None], owner: int) -> None:
        """Draw a thin connected line through (column, row) points, columns not descending.

        None breaks the line; a lone point is a dot.
        """
        piece: list[Point] = []
        for point in points:
            if point is not None:
                piece.append(point)
            elif piece:
                self._piece(piece, owner)
                piece = []
        if piece:
            self._piece(piece, owner)

    def _piece(self, piece: list[Point], owner: int) -> None:
        if piece[0][0] < 0 or piece[-1][0] >= self.columns:
            piece = _within(piece, self.columns)
            if not piece:
                return
        lows, highs = _intervals(piece)
        # The points at -1 and at `columns` only lead into and out of the canvas.
        start = piece[0][0]
        skip = 1 if start < 0 else 0
        count = min(len(lows), self.columns - start)
        self._fill(start + skip, lows[skip:count], highs[skip:count], 1 << owner)

    def _fill(self, column: int, lows: list[int], highs: list[int], bit: int) -> None:
        """Set one run in each column; this is the inner loop of every chart, hence written out."""
        masks, owners, width, end = self.masks, self._owners, self.width, self.rows
        for low, high in zip(lows, highs, strict=True):
            if low < 0 or high >= end:
                low, high = max(low, 0), min(high, end - 1)
            runs = _RUNS[column & 1]
            top, bottom = low >> 2, high >> 2
            cell = top * width + (column >> 1)
            column += 1
            if top == bottom:
                if low <= high:
                    masks[cell] |= runs[low & 3][high & 3]
                    owners[cell] |= bit
            elif top < bottom:
                masks[cell] |= runs[low & 3][3]
                owners[cell] |= bit
                for inner in range(cell + width, cell + (bottom - top) * width, width):
                    masks[inner] |= runs[0][3]
                    owners[inner] |= bit
                cell += (bottom - top) * width
                masks[cell] |= runs[0][high & 3]
                owners[cell] |= bit

    def shade(self, column: int, first: int, last: int, owner: int) -> None:
        """Set every other dot of one column between two rows, so that neighbours make a chequered area."""
        first, last = max(0, min(first, last)), min(self.rows - 1, max(first, last))
        for row in range(first + (first + column) % 2, last + 1, 2):
            self.run(column, row, row, owner)

    def owners(self, cell: int) -> list[int]:
        """List who drew into a cell, by ascending number."""
        bits = self._owners[cell]
        return [index for index in range(bits.bit_length()) if bits >> index & 1]

    def paint(self, grid: Grid, left: int, top: int, styles: Sequence[Style]) -> None:
        """Draw the dots into a grid, each cell in its owner's style; where owners share one they take turns by column.

        The canvas must lie inside the grid.
        """
        turns: dict[int, list[Style]] = {}
        width = self.width
        for y in range(self.height):
            masks = self.masks[y * width : (y + 1) * width]
            if masks.count(0) == width:
                continue
            owners = self._owners[y * width : (y + 1) * width]
            chars, looks = grid.row(top + y)
            for x, mask in enumerate(masks):
                if mask:
                    bits = owners[x]
                    if bits not in turns:
                        turns[bits] = [styles[index] for index in self.owners(y * width + x)]
                    names = turns[bits]
                    chars[left + x] = GLYPHS[mask]
                    looks[left + x] = names[x % len(names)] if len(names) > 1 else names[0]


def _within(piece: Sequence[Point], columns: int) -> list[Point]:
    """Cut a line at column -1 and at `columns`, the first ones outside, keeping its slope."""
    kept: list[Point] = []
    before: Point | None = None
    for point in piece:
        if before is not None and before[0] < point[0]:
            if before[0] < -1 <= point[0] - 1:
                kept.append(_between(before, point, -1))
            if before[0] < columns < point[0]:
                kept.append(_between(before, point, columns))
        if -1 <= point[0] <= columns:
            kept.append(point)
        before = point
    return kept


def _between(start: Point, end: Point, column: int) -> Point:
    return column, start[1] + round((end[1] - start[1]) * (column - start[0]) / (end[0] - start[0]))


def _intervals(piece: Sequence[Point]) -> tuple[list[int], list[int]]:
    """Find the topmost and the lowest row that a connected line takes in each column it crosses."""
    column, row = piece[0]
    lows, highs = [row], [row]
    for to_column, to_row in piece:
        span, start, rise = to_column - column, row, to_row - row
        if not span:
            lows[-1], highs[-1] = min(lows[-1], to_row), max(highs[-1], to_row)
        for index in range(1, span + 1):
            after = to_row if index == span else start + round(rise * index / span)
            gap = after - row
            if -2 < gap < 2:
                lows.append(after)
                highs.append(after)
            else:  # a steep piece: each of the two columns bridges half of it
                middle = row + gap // 2
                if gap > 0:
                    highs[-1] = max(highs[-1], middle)
                    lows.append(middle + 1)
                    highs.append(after)
                else:
                    lows[-1] = min(lows[-1], middle)
                    lows.append(after)
                    highs.append(middle - 1)
            row = after
        column, row = to_column, to_row
    return lows, highs


def dot_row(fraction: float, rows: int) -> int:
    """Place a fraction of the height (0 at the bottom) on a dot row counted from the top; beyond 0..1 is outside."""
    return rows - 1 - math.floor(fraction * (rows - 1) + 0.5)
