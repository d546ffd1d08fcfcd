"""The curves of the compared runs over one axis, with a cursor that is moved by keys and by the mouse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from workbench.runs.model import Curve
from workbench.tui.kit.curve import Series, curves, smooth
from workbench.tui.kit.grid import Grid, Style
from workbench.tui.kit.numbers import duration

SMOOTHING = (0.0, 0.3, 0.6, 0.8, 0.9, 0.95, 0.98)
"""The share of the past in the moving average, from none upwards."""


@dataclass(frozen=True)
class CurvesLook:
    """How the curves are looked at; `cursor` is a place on the axis, None while there is no read-out."""

    axis: str = "step"
    log: bool = False
    smoothing: int = 0
    cursor: float | None = None

    def toggled_axis(self) -> CurvesLook:
        """Return the look over the other axis; the cursor means nothing there."""
        return replace(self, axis="time" if self.axis == "step" else "step", cursor=None)

    def smoother(self, by: int) -> CurvesLook:
        """Return the look with more, or less, smoothing."""
        return replace(self, smoothing=min(len(SMOOTHING) - 1, max(0, self.smoothing + by)))

    @property
    def facts(self) -> str:
        """The look in a few words."""
        share = SMOOTHING[self.smoothing]
        words = [self.axis, f"ema {share:g}" if share else "raw", *(["log"] if self.log else [])]
        return " · ".join(words)


def token(index: int) -> str:
    """Return the colour token of the compared run at `index`."""
    return f"series{index % 8}"


def places(curve: Curve, axis: str) -> tuple[float, ...]:
    """Return where the points of a curve lie on an axis: their steps, or seconds since the run started."""
    return curve.times if axis == "time" else tuple(map(float, curve.steps))


def smoothed(values: Sequence[float], share: float, points: int) -> list[float]:
    """Return values smoothed as if each stood for its part of `points`; `share` is the weight of the past per point."""
    if not share or not values:
        return list(values)
    stride = max(1.0, points / len(values))
    return smooth(values, max(1e-9, 1 - share**stride))


def series_of(names: Sequence[str], drawn: Sequence[Curve], counts: Sequence[int], look: CurvesLook) -> list[Series]:
    """Return one series for each run, in the order of the runs; a run without points has an empty one."""
    share = SMOOTHING[look.smoothing]
    return [
        Series(name, places(curve, look.axis), smoothed(curve.values, share, count), token(index))
        for index, (name, curve, count) in enumerate(zip(names, drawn, counts, strict=True))
    ]


def extent(series: Sequence[Series]) -> tuple[float, float] | None:
    """Return the least and greatest place of any point, None where there is none."""
    known = [x for one in series for x in one.xs if math.isfinite(x)]
    return (min(known), max(known)) if known else None


def draw_curves(
    series: Sequence[Series], look: CurvesLook, width: int, height: int, *, goal: str = "", numbered: bool = False
) -> Grid:
    """Draw the curves as they are looked at; `numbered`, for want of colours, writes its number on each."""
    label = "seconds" if look.axis == "time" else "step"
    grid = curves(
        series, width, height, x_range=_range(series), log_y=look.log, cursor_x=look.cursor, goal=goal, x_label=label
    )
    if numbered:
        _number(grid, len(series))
    return grid


def _range(series: Sequence[Series]) -> tuple[float, float] | None:
    found = extent(series)
    return found if found and found[0] < found[1] else None


def _number(grid: Grid, count: int) -> None:
    """Write the number of each curve over its last cell, and into the box of the cursor."""
    ends: dict[str, tuple[int, int]] = {}
    for y in range(grid.height):
        _, styles = grid.row(y)
        for x, style in enumerate(styles):
            if grid.char(x, y) == "━" and style.fg.startswith("series"):
                grid.put(x, y, str(int(style.fg.removeprefix("series")) + 1), style)
            if style.fg.startswith("series") and "⠀" <= grid.char(x, y) <= "⣿" and ends.get(style.fg, (-1, 0))[0] < x:
                ends[style.fg] = (x, y)
    for index in range(min(count, 8)):
        if token(index) in ends:
            x, y = ends[token(index)]
            grid.put(x, y, str(index + 1), Style(fg=token(index), bold=True))


def plot_columns(grid: Grid) -> tuple[int, int]:
    """Return the first column and the width of the plot in a drawn chart."""
    for line in reversed(grid.lines()):
        if "└" in line:
            left = line.index("└") + 1
            return left, grid.width - left
    return 0, grid.width


def moved(look: CurvesLook, series: Sequence[Series], columns: int, by: int) -> CurvesLook:
    """Return the look with the cursor moved by cells of a plot `columns` wide; the first move brings it in."""
    found = extent(series)
    if found is None:
        return look
    low, high = found
    if look.cursor is None and abs(by) < columns:
        return replace(look, cursor=low if by > 0 else high)
    start = look.cursor if look.cursor is not None else low if by > 0 else high
    step = (high - low) / max(1, columns - 1)
    return replace(look, cursor=min(high, max(low, start + by * step)))


def at_column(look: CurvesLook, series: Sequence[Series], column: int, columns: int) -> CurvesLook:
    """Return the look with the cursor at a column of the plot."""
    found = extent(series)
    if found is None or not 0 <= column < columns:
        return look
    low, high = found
    return replace(look, cursor=low + (high - low) * column / max(1, columns - 1))


def words_at(look: CurvesLook) -> str:
    """Return where the cursor is, in words; "" while there is none."""
    if look.cursor is None:
        return ""
    return f"at {duration(look.cursor)}" if look.axis == "time" else f"at step {look.cursor:.0f}"
