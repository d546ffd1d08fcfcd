"""Points of a curve before they are drawn: smoothing, and thinning to what a screen can show."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from workbench.tui.kit.numbers import number


def floats(values: Iterable[object]) -> list[float]:
    """Turn anything into floats, NaN for what is no number."""
    listed = list(values)
    try:
        return list(map(float, listed))  # type: ignore[arg-type]
    except (OverflowError, TypeError, ValueError):
        return [number(value) for value in listed]


def smooth(ys: Sequence[float], alpha: float) -> list[float]:
    """Smooth with an exponential moving average that is not pulled towards zero at the start.

    With d = 1 - alpha: s_t = sum(d^i y_(t-i)) / sum(d^i), which is the average with the bias correction
    m_t / (1 - d^t) of Kingma and Ba, "Adam", ICLR 2015, section 3. It is computed as
    s_t = s_(t-1) + (y_t - s_(t-1)) / w_t with w_t = 1 + d w_(t-1), so that large values do not overflow. What is not
    finite stays in its place and counts for nothing. `alpha` is the weight of the new value: 1 leaves all as it is.

    Raises:
        ValueError: `alpha` is not in 0 < alpha <= 1.
    """
    if not 0 < alpha <= 1:
        raise ValueError(f"alpha must be above 0 and at most 1, not {alpha}")
    smoothed, mean, weight = [], 0.0, 0.0
    for y in floats(ys):
        if math.isfinite(y):
            weight = 1 + (1 - alpha) * weight
            mean += y / weight - mean / weight
            smoothed.append(mean)
        else:
            smoothed.append(y)
    return smoothed


@dataclass(frozen=True)
class Thinned:
    """Points by ascending x with the mean, the least and the greatest y around each; all four of one length.

    A mean is NaN where nothing but NaN was; a low or high may be infinite beside a finite mean.
    """

    xs: list[float]
    means: list[float]
    lows: list[float]
    highs: list[float]


def thin(
    xs: Sequence[float],
    ys: Sequence[float],
    buckets: int,
    x_range: tuple[float, float] | None = None,
    *,
    extremes: bool = True,
) -> Thinned:
    """Reduce points to at most `buckets` of equal width in x, over `x_range` or all of them.

    Points whose x is not finite are left out, the rest is sorted by x (equal ones keep their order). If there are no
    more points than buckets they come back as they are. Points outside `x_range` join the outermost buckets. Without
    `extremes` finite points have their means for lows and highs too, which is faster; infinite ones are never lost.
    """
    xs, ys = _sorted(floats(xs), floats(ys))
    if len(xs) <= max(buckets, 0) or not xs:
        return Thinned(xs, ys, ys, ys)
    if buckets < 1:
        return Thinned([], [], [], [])
    lo, hi = x_range or (xs[0], xs[-1])
    width = hi / buckets - lo / buckets
    cuts = [bisect_left(xs, lo + index * width) for index in range(1, buckets)]
    spans = [(start, end) for start, end in pairwise([0, *cuts, len(xs)]) if end > start]
    middles = [xs[(start + end) // 2] for start, end in spans]
    chunks = [ys[start:end] for start, end in spans]
    if not all(map(math.isfinite, ys)):
        return Thinned(middles, *([*column] for column in zip(*map(_summary, chunks), strict=True)))
    means = [sum(chunk) / len(chunk) for chunk in chunks]
    if not all(map(math.isfinite, means)):
        means = [_mean(chunk) for chunk in chunks]
    if not extremes:
        return Thinned(middles, means, means, means)
    return Thinned(middles, means, list(map(min, chunks)), list(map(max, chunks)))


def _sorted(xs: list[float], ys: list[float]) -> tuple[list[float], list[float]]:
    if len(xs) != len(ys):
        count = min(len(xs), len(ys))
        xs, ys = xs[:count], ys[:count]
    if not all(map(math.isfinite, xs)):
        kept = [(x, y) for x, y in zip(xs, ys, strict=True) if math.isfinite(x)]
        xs, ys = [x for x, _ in kept], [y for _, y in kept]
    in_order = sorted(xs)
    if in_order != xs:
        order = sorted(range(len(xs)), key=xs.__getitem__)
        xs, ys = in_order, [ys[index] for index in order]
    return xs, ys


def _summary(chunk: list[float]) -> tuple[float, float, float]:
    """Find mean, least and greatest of values that need not be finite."""
    known = [y for y in chunk if not math.isnan(y)]
    if not known:
        return math.nan, math.nan, math.nan
    finite = [y for y in known if math.isfinite(y)]
    return _mean(finite) if finite else known[-1], min(known), max(known)


def _mean(values: list[float]) -> float:
    mean = sum(values) / len(values)
    if -1e308 < mean < 1e308:
        return mean
    # The sum is beyond the largest float, the mean is not.
    return sum(value / len(values) for value in values)
