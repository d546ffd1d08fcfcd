"""A layered graph of boxes joined by lines, from left to right, drawn as text through a window that moves over it.

The caller says which boxes stand in which layer, in which order; a line that passes a layer takes a place in it. Lines
leave a box at the middle of its right side, run up or down in a track between two layers, and enter from the left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from workbench.tui.kit.grid import Grid, Style, cells, clip

PITCH = 3
"""Rows from one box to the next, and the height of a box."""
_SIGNS = dict(zip(range(16), " ╴╶─╷╮╭┬╵╯╰┴│┤├┼", strict=True))
_LEFT, _RIGHT, _DOWN, _UP = 1, 2, 4, 8
_FRAMES = {"plain": "╭─╮│╰╯", "chosen": "┏━┓┃┗┛", "faint": "╭╌╮╎╰╯"}
_LOOKS = {
    "plain": (Style(fg="accent"), Style(fg="text")),
    "chosen": (Style(fg="cursor", bold=True), Style(fg="text", bold=True)),
    "faint": (Style(fg="grid"), Style(fg="axis")),
}


class Box(NamedTuple):
    """A box: its key, its text, whose first `head` characters are its kind, and its look: plain, chosen or faint."""

    key: str
    text: str
    look: str = "plain"
    head: int = 0
    tone: str = ""


class Link(NamedTuple):
    """A line from a place in one layer to a place in the next; a faint one is drawn below the others."""

    source: str
    target: str
    faint: bool = False
    arrow: str = "▶"


class Spot(NamedTuple):
    """Where a box or a passing line is: its left column, the row of its middle, its width; a line has height 1."""

    x: int
    y: int
    width: int
    is_box: bool


@dataclass(frozen=True)
class Plan:
    """Where everything is, in cells of the whole picture: places by key, and the tracks of the lines."""

    spots: Mapping[str, Spot] = field(default_factory=dict)
    tracks: Mapping[str, int] = field(default_factory=dict)
    ends: Mapping[str, int] = field(default_factory=dict)
    width: int = 0
    height: int = 0

    def at(self, x: int, y: int) -> str:
        """Return the key of the box at a cell, "" where there is none."""
        for key, spot in self.spots.items():
            if spot.is_box and spot.x <= x < spot.x + spot.width and abs(spot.y - y) <= 1:
                return key
        return ""


def plan(layers: Sequence[Sequence[str]], boxes: Mapping[str, Box], links: Sequence[Link], *, most: int = 30) -> Plan:
    """Place boxes of at most `most` columns and tracks; a key in a layer without a box is a line that passes."""
    rows = _rows(layers, boxes, links)
    by_source: dict[str, list[str]] = {}
    for link in links:
        by_source.setdefault(link.source, []).append(link.target)
    spots: dict[str, Spot] = {}
    tracks: dict[str, int] = {}
    ends: dict[str, int] = {}
    x = 0
    for layer in layers:
        wide = max([min(most, cells(boxes[key].text) + 4) for key in layer if key in boxes], default=1)
        for key in layer:
            spots[key] = Spot(x, rows[key], wide, key in boxes)
        found, count = _tracks(layer, by_source, rows)
        tracks.update({key: x + wide + 1 + at for key, at in found.items()})
        ends.update(dict.fromkeys(layer, x + wide + count + 2))
        x += wide + count + 3
    width = max((spot.x + spot.width for spot in spots.values()), default=0)
    return Plan(spots, tracks, ends, width, max(rows.values(), default=-2) + 2)


def _rows(layers: Sequence[Sequence[str]], boxes: Mapping[str, Box], links: Sequence[Link]) -> dict[str, int]:
    """Return the middle row of each place: as near to its neighbours as the order of its layer allows."""
    before: dict[str, list[str]] = {}
    after: dict[str, list[str]] = {}
    for link in links:
        before.setdefault(link.target, []).append(link.source)
        after.setdefault(link.source, []).append(link.target)
    rows: dict[str, int] = {}
    for layer in layers:
        _stack(layer, boxes, [[rows[key] for key in before.get(one, ()) if key in rows] for one in layer], rows)
    for near, order in ((after, layers[-2::-1]), (before, layers[1:])):
        for layer in order:
            _stack(layer, boxes, [[rows[key] for key in near.get(one, ())] or [rows[one]] for one in layer], rows)
    least = min((row - (key in boxes) for key, row in rows.items()), default=0)
    return {key: row - least for key, row in rows.items()}


def _stack(layer: Sequence[str], boxes: Mapping[str, Box], near: Sequence[Sequence[int]], rows: dict[str, int]) -> None:
    """Give the places of a layer rows in their order, each group of touching ones about its wishes."""
    blocks: list[tuple[float, list[int]]] = []  # the wished row of the first, and how far each is below the first
    sums: list[tuple[float, int]] = []
    for index, wishes in enumerate(near):
        wish = (
            float(sum(wishes)) / len(wishes) if wishes else (blocks[-1][0] + blocks[-1][1][-1] + 1 if blocks else 1.0)
        )
        offset, total, count = [0], wish, 1
        while blocks:
            gap = _gap(layer[index - len(offset)], layer[index - len(offset) + 1], boxes)
            start, steps = blocks[-1]
            if start + steps[-1] + gap <= total / count:
                break
            (other, weight), shift = sums.pop(), steps[-1] + gap
            blocks.pop()
            total, count = other + total - shift * count, weight + count
            offset = steps + [shift + one for one in offset]
        blocks.append((total / count, offset))
        sums.append((total, count))
    at, last = 0, -(10**9)
    for start, offsets in blocks:
        first = max(round(start), last)
        for step in offsets:
            rows[layer[at]] = first + step
            at += 1
        if at < len(layer):
            last = first + offsets[-1] + _gap(layer[at - 1], layer[at], boxes)


def _gap(upper: str, lower: str, boxes: Mapping[str, Box]) -> int:
    return 1 + (upper in boxes) + (lower in boxes)


def _tracks(
    layer: Sequence[str], targets: Mapping[str, list[str]], rows: Mapping[str, int]
) -> tuple[dict[str, int], int]:
    """Return the track of each place with lines that do not go straight on, and how many tracks there are.

    Where a place stands in the row of another's target its track comes first, so that the two do not seem one line.
    """
    spans = {
        key: (
            min([rows[key], *(rows[one] for one in targets[key])]),
            max([rows[key], *(rows[one] for one in targets[key])]),
        )
        for key in layer
        if targets.get(key)
    }
    bent = [key for key in spans if spans[key][0] != spans[key][1]]
    at_row = {rows[key]: key for key in bent}
    waits: dict[str, set[str]] = {key: set() for key in bent}
    for key in bent:
        for target in targets[key]:
            other = at_row.get(rows[target])
            if other is not None and other != key and target not in targets[other]:
                waits[key].add(other)
    found: dict[str, int] = {}
    used: list[list[tuple[int, int]]] = []
    waiting = sorted(bent, key=lambda key: (-abs(rows[key] - sum(spans[key]) / 2), rows[key]))
    while waiting:
        key = next((one for one in waiting if not waits[one] - found.keys()), waiting[0])
        waiting.remove(key)
        least = max((found[one] + 1 for one in waits[key] if one in found), default=0)
        low, high = spans[key]
        track = next(
            (at for at in range(least, len(used)) if all(high < first or last < low for first, last in used[at])),
            len(used) if least <= len(used) else least,
        )
        while len(used) <= track:
            used.append([])
        used[track].append((low, high))
        found[key] = track
    return found, len(used)


def draw(
    where: Plan, boxes: Iterable[Box], links: Iterable[Link], width: int, height: int, *, left: int = 0, top: int = 0
) -> Grid:
    """Draw what is seen of the graph through a window of `width` by `height` cells, whose corner is at (left, top)."""
    grid = Grid(width, height)
    canvas = _Lines(grid, left, top)
    for faint in (True, False):
        canvas.begin(Style(fg="grid") if faint else Style(fg="accent"))
        for link in links:
            if link.faint == faint and link.source in where.spots and link.target in where.spots:
                _draw_link(canvas, where, link)
        canvas.end()
    for box in boxes:
        spot = where.spots.get(box.key)
        if spot is not None:
            _draw_box(grid, box, spot, left, top)
    return grid


class _Lines:
    """Lines that join where they meet; each call of `begin` starts a layer above the former."""

    def __init__(self, grid: Grid, left: int, top: int) -> None:
        self._grid, self._left, self._top = grid, left, top
        self._bits: dict[tuple[int, int], int] = {}
        self._arrows: dict[tuple[int, int], str] = {}
        self._below: dict[tuple[int, int], int] = {}
        self._style = Style()

    def begin(self, style: Style) -> None:
        """Start a layer of lines of one style."""
        self._style, self._bits, self._arrows = style, {}, {}

    def across(self, x: int, end: int, y: int) -> None:
        """Draw from the middle of one cell to that of another in the same row."""
        row = y - self._top
        if not 0 <= row < self._grid.height:
            return
        for column in range(max(x, self._left), min(end, self._left + self._grid.width - 1) + 1):
            self._add(column, y, (_LEFT if column > x else 0) | (_RIGHT if column < end else 0))

    def down(self, x: int, y: int, end: int) -> None:
        """Draw from the middle of one cell to that of another in the same column."""
        low, high = min(y, end), max(y, end)
        if not 0 <= x - self._left < self._grid.width:
            return
        for row in range(max(low, self._top), min(high, self._top + self._grid.height - 1) + 1):
            self._add(x, row, (_UP if row > low else 0) | (_DOWN if row < high else 0))

    def arrow(self, x: int, y: int, sign: str) -> None:
        """Put a sign on a line."""
        self._arrows[x, y] = sign

    def _add(self, x: int, y: int, bits: int) -> None:
        self._bits[x, y] = self._bits.get((x, y), 0) | bits

    def end(self) -> None:
        """Put the layer into the grid."""
        for (x, y), bits in self._bits.items():
            self._grid.dot(x - self._left, y - self._top, _SIGNS[bits], self._style)
        for (x, y), sign in self._arrows.items():
            self._grid.put(x - self._left, y - self._top, sign, self._style)


def _draw_link(canvas: _Lines, where: Plan, link: Link) -> None:
    source, target = where.spots[link.source], where.spots[link.target]
    start = source.x + source.width if source.is_box else source.x
    end = target.x - 1
    if source.y == target.y:
        canvas.across(start, end, source.y)
    else:
        track = where.tracks[link.source]
        canvas.across(start, track, source.y)
        canvas.down(track, source.y, target.y)
        canvas.across(track, end, target.y)
    if not target.is_box:
        canvas.across(end, target.x, target.y)
    elif link.arrow == "▶":
        canvas.arrow(end, target.y, link.arrow)
    if link.arrow == "◀" and source.is_box:
        canvas.arrow(start, source.y, link.arrow)


def _draw_box(grid: Grid, box: Box, spot: Spot, left: int, top: int) -> None:
    x, y, wide = spot.x - left, spot.y - top, spot.width
    if x + wide <= 0 or x >= grid.width or y < -1 or y > grid.height:
        return
    corner, across, other, side, low, last = tuple(_FRAMES[box.look])
    frame, text = _LOOKS[box.look]
    if box.look == "plain" and box.tone:
        frame = frame._replace(fg=box.tone)
    grid.put(x, y - 1, corner, frame)
    grid.put(x + 1, y - 1, across * (wide - 2), frame)
    grid.put(x + wide - 1, y - 1, other, frame)
    grid.put(x, y + 1, low, frame)
    grid.put(x + 1, y + 1, across * (wide - 2), frame)
    grid.put(x + wide - 1, y + 1, last, frame)
    grid.put(x, y, side + " " * (wide - 2) + side, frame)
    shown = clip(box.text, wide - 4)
    grid.put(x + 2, y, shown[: box.head], text if box.look == "faint" else text._replace(fg="dim"))
    grid.put(x + 2 + cells(shown[: box.head]), y, shown[box.head :], text)
