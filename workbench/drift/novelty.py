"""Values that the reference does not have: how many rows of the window hold them, and by what chance. Pure.

Without drift every way to deal the rows of both sides out to a reference of n rows and a window of m is as probable as
any other. A value that c rows of both sides hold is new where all of these rows fall into the window; the probability
of that is h(c) = C(N − c, n) / C(N, n), of N = n + m rows. Rows of one value come together and values compete for the
places of the window, so that new rows are no binomial number.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from workbench.drift import chance
from workbench.drift.profile import Column
from workbench.drift.statistics import Statistic, share_change

if TYPE_CHECKING:
    from workbench.drift.distribution import Floats

_FEW = 40
"""Of fewer expected new values the tail is not near that of a curve."""
_LATTICE = 4096
_NEVER = 1e-15


def novelty(reference: Column, current: Column) -> Statistic:
    """Return the share of rows whose value the reference does not have, over the values whose hash both sides sample.

    Expected is the share of values that the reference has once (Good and Turing's estimate of what is unseen). Fewer
    new values than that are no effect: a window of the reference itself has none. p as `at_least` has it.
    """
    one, other = reference.sample, current.sample
    if one is None or other is None:
        return Statistic("novelty", None, note="no sample of the values")
    limit = min(one.limit, other.limit)
    before, after = one.upto(limit), other.upto(limit)
    rows, seen = sum(after.values()), sum(before.values())
    if not rows or not seen:
        return Statistic("novelty", None, note="the samples share no range of hashes")
    singles = sum(1 for count in before.values() if count == 1)
    fresh = sum(count for word, count in after.items() if word not in before)
    pooled = (before.get(word, 0) + after.get(word, 0) for word in before.keys() | after.keys())
    change = share_change("novelty", singles, seen, fresh, rows)
    note = f"{fresh / rows:.0%} new values, {singles / seen:.0%} expected"
    effect = change.effect if (change.value or 0.0) > 0 else 0.0
    return replace(change, note=note, p=at_least(fresh, pooled, seen, rows), effect=effect)


@dataclass(frozen=True)
class Dealt:
    """Values by the number of rows that hold them: so many `rows` each, so many `values`, `new` with a probability."""

    rows: Floats
    values: Floats
    new: Floats


def dealt(counts: Iterable[int], seen: int, drawn: int) -> Dealt:
    """Return values by their counts over both sides, of a reference of `seen` rows and a window of `drawn`."""
    import numpy as np

    groups = sorted(Counter(counts).items())
    rows, values = (np.asarray([pair[at] for pair in groups], dtype=np.float64) for at in (0, 1))
    new = np.exp(_log_new(rows, seen, drawn))
    kept = rows * rows * values * new > _NEVER
    return Dealt(rows[kept], values[kept], new[kept])


def _log_new(rows: Floats, seen: int, drawn: int) -> Floats:
    """Return ln h(c), the logarithm of the probability that all of c rows fall into the window."""
    import numpy as np

    least = np.minimum(rows, drawn).ravel()
    of = np.full(len(least), float(seen))
    every = np.full(len(least), float(seen + drawn))
    found = chance.log_choose(every - least, of) - chance.log_choose(every, of)
    return np.where(rows <= drawn, found.reshape(rows.shape), -np.inf)


def moments(groups: Dealt, seen: int, drawn: int) -> tuple[float, float]:
    """Return the mean and the variance of the rows with new values, exact over all ways to deal the rows out.

    Σ c h(c), and Σ c² h(c) (1 − h(c)) with Σ c d (h(c + d) − h(c) h(d)) over all pairs of different values.
    """
    import numpy as np

    c, new = groups.rows, groups.new
    both = np.exp(_log_new(c[:, None] + c, seen, drawn)) - np.outer(new, new)
    weight = c * groups.values
    pairs = weight @ both @ weight - float((c * c * groups.values * np.diag(both)).sum())
    return float((weight * new).sum()), max(0.0, float((c * weight * new * (1 - new)).sum()) + float(pairs))


def _skewness(groups: Dealt, share: float, rows: int, variance: float) -> float:
    """Return the skewness to first order: that of what is left of independent values, freed of the rows in the window.

    Each row falls into the window with probability `share`. Of a value with c rows, k of them in the window, that is
    c (1[k = c] − h) − β (k − c share), h = share^c; β is the covariance of new rows and all rows over the variance of
    these.
    """
    c, values = groups.rows, groups.values
    new, rest = share**c, 1 - share
    beta = float((c * c * values * new * rest).sum()) / (rows * share * rest)
    alone = c**3 * new * (1 - new) * (1 - 2 * new)
    once = c**3 * (1 - 2 * new) * new * rest
    twice = c * new * ((c * rest) ** 2 - c * share * rest)
    from_new = float((values * (alone - 3 * beta * once + 3 * beta**2 * twice)).sum())
    return (from_new - beta**3 * rows * share * rest * (rest - share)) / (variance * math.sqrt(variance))


def at_least(fresh: int, counts: Iterable[int], seen: int, drawn: int) -> float:
    """Return P(rows with new values ≥ `fresh`) over all ways to deal out the rows of values with these counts.

    Of many new values by Pearson's curve of the third type with mean, variance and skewness, in the form of Wilson and
    Hilferty (1931), with half a row off for continuity. Of few as if values were new independently of each other,
    Poisson by Poisson (Panjer 1981): as they compete for places, that is rather too much than too little.
    """
    groups = dealt(counts, seen, drawn)
    if fresh <= 0:
        return 1.0
    if float((groups.values * groups.new).sum()) < _FEW:
        return _of_few(fresh, groups)
    mean, variance = moments(groups, seen, drawn)
    away = fresh - 0.5 - mean
    if away <= 0 and variance < 0.25:
        return 1.0
    skew = _skewness(groups, drawn / (seen + drawn), seen + drawn, variance)
    return _of_curve(away / math.sqrt(variance), skew)


def _of_curve(away: float, skew: float) -> float:
    """Return P(X ≥ away) of Pearson's third type with mean 0, variance 1 and a skewness."""
    if abs(skew) > 1e-6:
        power = skew * away / 2 + 1
        if power <= 0:
            return float(skew > 0)
        away = 6 / skew * (math.cbrt(power) - 1) + skew / 6
    return math.erfc(away / math.sqrt(2)) / 2


def _of_few(fresh: int, groups: Dealt) -> float:
    """Return P(Σ c K ≥ fresh), of a Poisson number K of new values for each count c.

    Many rows are counted in larger units, where the new ones are rounded down and those of each value up.
    """
    import numpy as np

    unit = math.ceil(fresh / _LATTICE)
    places = np.minimum(np.ceil(groups.rows / unit), fresh // unit).astype(int)
    rates: Any = np.bincount(places, weights=groups.values * groups.new, minlength=2)
    weights = rates * np.arange(len(rates))
    found = np.zeros(fresh // unit)
    found[0] = math.exp(-float(rates.sum()))
    for at in range(1, len(found)):
        reach = min(at, len(weights) - 1)
        found[at] = weights[1 : reach + 1] @ found[at - reach : at][::-1] / at
    return min(1.0, max(0.0, 1.0 - float(found.sum())))
