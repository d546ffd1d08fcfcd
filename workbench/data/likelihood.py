"""How likely what fresh data shows would be if it were of the same kind as the data a schema was learned from. Pure.

Every function gives P(at least so much) for `m` fresh rows after `n` rows seen. Nothing is assumed of a distribution
but that rows are exchangeable; only a single far value needs a tail, continued from the quantiles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from workbench.data.profile import ColumnProfile

RARE = 1e-3
"""A limit is set so that in so few tables as large as the one seen a value would lie beyond it."""
CARE = 1.5
"""Tails are taken to be so much wider than they look."""
HEAVIEST = 0.7
"""The largest tail index that is believed."""
SKEWED = 0.05
"""From this quartile skewness on, beyond its error, numbers without a negative one are amounts, which never are."""
ATOM = 10
"""An extreme value is a bound by nature where so many values would lie beyond it if they just grew rarer."""
_DOUBT = 0.65  # times 1 / distance²: half the standard error of the tail index, as simulated
_CLOSE = 0.005
_FAR, _FAR_WHOLE = 0.75, 0.5  # of the way from the lowest value to the limit
_APART = 4
_FEW, _MANY = 5, 100
_ENOUGH = 1e-17
_NO_END = 1 << 62
_MOST_TERMS = 2_000_000
_FINE = 1000


def count_at_least(count: int, seen: float, n: int, m: int) -> float:
    """Return P(K ≥ count) of rows with a property that `seen` of `n` rows had: beta-binomial, Jeffreys' prior."""
    if count <= 0:
        return 1.0
    if count > m:
        return 0.0
    a, b = seen + 0.5, max(n - seen, 0) + 0.5
    few = _are_few(count, m / max(n, 1))
    coarse = 1.0 if few else _coarse(count, m * a / (a + b), m / max(n, 1))
    count, m = round(count / coarse), round(m / coarse)
    return _tail(count, m, lambda k: _log_beta_binomial(k, m, a, b), math.inf if few else m * a / (a + b))


def _log_beta_binomial(k: int, m: int, a: float, b: float) -> float:
    choose = math.lgamma(m + 1) - math.lgamma(k + 1) - math.lgamma(m - k + 1)
    return choose + _log_beta(k + a, m - k + b) - _log_beta(a, b)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def novel_at_least(count: int, expected: float, n: int, m: int) -> float:
    """Return P(K ≥ count) of rows with values never seen, where `expected` were so among `n`: negative binomial.

    Good and Turing estimate by the values seen once; how far that may be off gives the shape.
    """
    if count <= 0:
        return 1.0
    if expected <= 0 or n <= 0:
        return 0.0
    shape, ratio = expected + min(expected, 0.5), m / n
    few = _are_few(count, ratio)
    coarse = 1.0 if few else _coarse(count, shape * ratio, ratio)
    count, ratio = round(count / coarse), ratio / coarse
    log_p, log_q = -math.log1p(ratio), math.log(ratio) - math.log1p(ratio)

    def log_mass(k: int) -> float:
        return math.lgamma(k + shape) - math.lgamma(shape) - math.lgamma(k + 1) + shape * log_p + k * log_q

    return _tail(count, _NO_END, log_mass, math.inf if few else shape * ratio)


def _are_few(count: int, ratio: float) -> bool:
    """Whether the terms below `count` are few though far more rows come than were seen: no coarser rows are needed."""
    return ratio > _FINE >= count


def _coarse(count: int, mean: float, ratio: float) -> float:
    """Return how many rows to take for one, where far more come than were seen: what is not known then is the share."""
    return max(1.0, ratio / _FINE) if count > min(mean, _FINE**2) else 1.0


def _tail(count: int, most: int, log_mass: Callable[[int], float], mean: float) -> float:
    """Return the sum of a mass function of one mode from `count` to `most`, from the side that has fewer terms."""
    upwards = count > mean
    at, step, total = (count, 1, 0.0) if upwards else (count - 1, -1, 0.0)
    for _ in range(_MOST_TERMS):
        if not 0 <= at <= most:
            break
        term = math.exp(min(log_mass(at), 0.0))
        total += term
        if term <= total * _ENOUGH or (term == 0.0 and total == 0.0):
            break
        at += step
    return min(1.0, total if upwards else max(0.0, 1 - total))


def binomial_at_least(count: int, n: int, share: float) -> float:
    """Return P(K ≥ count) of `n` trials of which each succeeds with the probability `share`, between 0 and 1."""
    if not 0 < count <= n:
        return float(count <= 0)
    whole = math.lgamma(n + 1)

    def log_mass(k: int) -> float:
        ways = whole - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        return ways + k * math.log(share) + (n - k) * math.log1p(-share)

    return _tail(count, n, log_mass, n * share)


def outside_at_least(count: int, n: int, m: int) -> float:
    """Return P(K ≥ count) of `m` fresh values beyond the largest (or smallest) of `n`: Π (m − i) / (n + m − i)."""
    if count <= 0:
        return 1.0
    if count > m:
        return 0.0
    chosen = math.lgamma(m + 1) - math.lgamma(m - count + 1)
    return math.exp(min(0.0, chosen - math.lgamma(n + m + 1) + math.lgamma(n + m - count + 1)))


def far_at_least(value: float, seen: float, limit: float, n: int, m: int) -> float:
    """Return P(one of `m` fresh values is as far out as `value`, beyond `limit`), of which `limits` says RARE.

    From there the tail is taken to fall with the square of the distance; an end without margin has no beyond, nor has
    zero, where amounts end.
    """
    if limit == seen or value < limit == 0:
        return 0.0
    beyond = 1 + min(abs((value - limit) / (limit - seen)), 1e150)
    return -math.expm1(-(m / max(n, 1)) * RARE / beyond**2)


def all_same(common: float, m: int) -> float:
    """Return P(all of `m` rows have one value) where the most frequent one has the share `common`."""
    return float(common ** max(m - 1, 0))


def novel_rows(counts: Iterable[int]) -> float:
    """Return how many rows with values never seen to expect among as many rows: Σ c · exp(1 − c) over the counts.

    A value seen once stands for one such row, as Good and Turing have it; of values seen more often it grows ever less
    likely that another like them was missed.
    """
    return math.fsum(count * math.exp(1 - count) for count in counts)


def limits(column: ColumnProfile) -> tuple[float | None, float | None]:
    """Return the limits beyond which fresh values of the same kind hardly ever lie; None where there is none.

    A tail is continued from the quantiles, exponentially or heavier, to where one of 1 / RARE tables as large as this
    one has a value; an end where many values are equal is one by nature, and so is zero where values come close to it,
    or where they are amounts: nothing but a tail would reach below it.
    """
    if not column.known or column.low is None or column.high is None:
        return None, None
    below = _end(column, low=True)
    above = _end(column, low=False)
    if below < 0 <= column.low and (_touches(column, 0.0, low=True) or _are_amounts(column, below)):
        below = 0.0
    for bound in (1.0, 100.0):
        if column.high <= bound < above and below >= 0 and _touches(column, bound, low=False):
            above = bound
    return (below if math.isfinite(below) else None), (above if math.isfinite(above) else None)


def _touches(column: ColumnProfile, bound: float, *, low: bool) -> bool:
    """Return whether the values come so close to `bound` that it must be what stops them."""
    end = column.low if low else column.high
    quarter = column.quantile(0.25 if low else 0.75)
    assert end is not None
    assert quarter is not None
    if end == bound:
        return bound == 0 or _atom(column, end) >= _FEW
    if low and column.known >= _MANY and _skew(column) > SKEWED + 4 / math.sqrt(column.known):
        return True
    return abs(end - bound) < min(_CLOSE, 3 / column.known) * abs(quarter - bound)


def _are_amounts(column: ColumnProfile, limit: float) -> bool:
    """Return whether numbers without a negative one, of which the tail would reach to `limit`, have none by nature.

    They are far from zero: the lowest by three quarters of its margin, or half of it where they are whole and likely
    counts, or the lower quartile by four times the distance to the upper one, which is six standard deviations of a
    normal distribution.
    """
    low, first, last = column.low or 0.0, column.quantile(0.25) or 0.0, column.quantile(0.75) or 0.0
    far = _FAR_WHOLE if column.type.startswith(("int", "uint")) else _FAR
    return low >= far * (low - limit) or first >= _APART * (last - first) > 0


def _skew(column: ColumnProfile) -> float:
    """Return Bowley's skewness: by how much more the upper quartile is away from the median than the lower."""
    low, middle, high = (column.quantile(share) or 0.0 for share in (0.25, 0.5, 0.75))
    return (high + low - 2 * middle) / (high - low) if high > low else 0.0


def _end(column: ColumnProfile, *, low: bool) -> float:
    end = column.low if low else column.high
    assert end is not None
    if is_bound(column, low=low):
        return end
    n = column.known
    near, far = math.log(4), math.log(max(n, 5))
    between = min((near + far) / 2, math.log(256))
    first = _quantile(column, near, low=low)
    second = _quantile(column, between, low=low)
    inner = abs(second - first) / (between - near)
    outer = abs(end - second) / (far - between)
    slope = max(inner, outer)
    if not slope:
        slope = abs(end - (column.quantile(0.5) or 0.0)) / far or abs(end) * 0.01 or 1.0
    index = 0.0
    if inner > 0 and outer > inner:
        apart = (far - near) / 2
        index = min(HEAVIEST, max(0.0, math.log(outer / inner) / apart - _DOUBT / apart**2))
    room = math.log(1 / RARE)
    reach = CARE * slope * (math.expm1(index * room) / index if index > 1e-9 else room)
    found = end - reach if low else end + reach
    if column.kind == "number" and column.type.startswith(("int", "uint")):
        return float(math.floor(found) if low else math.ceil(found)) if math.isfinite(found) else found
    return _rounded(found, reach, low=low)


def is_bound(column: ColumnProfile, *, low: bool) -> bool:
    """Return whether the values end where they do by nature: the last one is frequent, and no rarer than to be so."""
    if column.low is None or column.high is None:
        return False
    count = _atom(column, column.low if low else column.high)
    if column.knots or len(column.values) < 2:
        return count >= ATOM
    upto = [0, *column.steps[1]]
    neighbour = upto[2] - upto[1] if low else upto[-2] - upto[-3]
    return count * min(1.0, count / neighbour) >= ATOM


def _quantile(column: ColumnProfile, depth: float, *, low: bool) -> float:
    share = math.exp(-depth)
    found = column.quantile(share if low else 1 - share)
    assert found is not None
    return found


def _atom(column: ColumnProfile, value: float) -> float:
    """Return how many rows have `value`, an extreme of the column, as far as the profile tells."""
    if column.knots:
        equal = sum(1 for knot in column.knots if knot == value)
        return (equal - 1) / (len(column.knots) - 1) * column.known
    return next((count for one, count in column.values if one == value), 0)


def _rounded(value: float, reach: float, *, low: bool) -> float:
    """Return `value` with two digits of its margin, outwards: a limit is a round number, to be read."""
    if not math.isfinite(value) or reach <= 0 or not math.isfinite(reach):
        return value
    unit = 10.0 ** (math.floor(math.log10(reach)) - 1)
    if unit == 0 or not math.isfinite(value / unit):
        return value
    steps = math.floor(value / unit) if low else math.ceil(value / unit)
    return round(steps * unit, max(0, -math.floor(math.log10(unit))))
