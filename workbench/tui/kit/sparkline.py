"""Charts of one line: sparklines in braille and thin bars."""

from __future__ import annotations

import math
from collections.abc import Sequence

from workbench.tui.kit.braille import GLYPHS, Canvas, dot_row
from workbench.tui.kit.grid import Style
from workbench.tui.kit.numbers import number
from workbench.tui.kit.points import thin
from workbench.tui.kit.scale import scale_of


def sparkline(ys: Sequence[float], width: int) -> str:
    """Draw values, evenly spaced, as `width` braille cells of two by four dots.

    Not-a-number leaves a gap, infinities stand at the edge, a constant runs through the middle; no value at all is
    `width` blanks.
    """
    width = max(0, width)
    values = [number(y) for y in ys]
    thinned = thin(range(len(values)), values, 2 * width)
    scale = scale_of(thinned.means)
    canvas = Canvas(width, 1)
    if not width or (scale is None and not any(map(math.isinf, values))):
        return " " * width
    last = max(1, len(values) - 1)
    points: list[tuple[int, int] | None] = []
    for x, y in zip(thinned.xs, thinned.means, strict=True):
        if math.isnan(y):
            points.append(None)
            continue
        place = min(1.0, max(0.0, scale.fraction(y) if scale and math.isfinite(y) else float(y > 0)))
        points.append((round(x / last * (2 * width - 1)), dot_row(place, 4)))
    canvas.polyline(points, 0)
    return "".join(GLYPHS[mask] if mask else " " for mask in canvas.masks)


def bar(fraction: float, width: int) -> tuple[str, str]:
    """Split a thin bar of `width` cells into its filled part and its rest, each to be drawn in its own colour.

    Half cells are told apart: `━━━╸`. What is not a number fills nothing; below 0 and above 1 are cut.
    """
    width = max(0, width)
    share = number(fraction)
    share = 0.0 if math.isnan(share) else min(1.0, max(0.0, share))
    halves = round(share * width * 2)
    if share > 0 and width:
        halves = max(1, halves)
    full, half = divmod(halves, 2)
    return "━" * full + "╸" * half, "─" * (width - full - half)


def bar_spans(fraction: float, width: int, style: Style) -> list[tuple[str, Style]]:
    """Give a bar as styled runs: the filled part in `style`, the rest faint."""
    filled, rest = bar(fraction, width)
    return [(text, look) for text, look in ((filled, style), (rest, Style(fg="grid"))) if text]
