"""The statistics of drift: pure functions of two distributions, each with what it would be without drift.

`n` and `m` are the numbers of values in the reference and in the window, `1/n + 1/m` is called the noise. An effect is
the statistic freed of the part that chance alone makes: sqrt(max(0, value² − expected²)), between 0 and 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

from workbench.drift import chance
from workbench.drift.distribution import Counts, Distribution, aligned, lumped

if TYPE_CHECKING:
    from workbench.drift.distribution import Floats

FLOOR = 1e-4
"""The least share of a bin in PSI."""
DECILES = tuple(step / 10 for step in range(1, 10))
_ROUNDING = 1e-9
_HALF_NORMAL = math.sqrt(2 / math.pi)
_KOLMOGOROV_MEAN = math.sqrt(math.pi / 2) * math.log(2)


@dataclass(frozen=True)
class Statistic:
    """What was found: `expected` is the mean without drift, `p` the probability of so much or more without drift.

    One that has both `p` and `effect` takes part in the verdict; others are only shown. The value may be wrong by
    `error`. `note` says in words what was seen, or why there is no value.
    """

    name: str
    value: float | None
    expected: float | None = None
    p: float | None = None
    effect: float | None = None
    error: float = 0.0
    note: str = ""

    @property
    def decides(self) -> bool:
        """Whether it takes part in the verdict."""
        return self.p is not None and self.effect is not None


@dataclass(frozen=True)
class Added:
    """A statistic that a plugin adds, whose results are not taken on trust."""

    plugin: str
    function: Callable[[Any, Any], Any]

    def __call__(self, reference: Any, current: Any) -> Statistic:
        """Return what the function finds; raises what it raises, TypeError and ValueError for what is no result."""
        return checked(self.function(reference, current))


def checked(found: Any) -> Statistic:
    """Return a statistic with plain numbers, p and effect from 0 to 1, the others finite.

    Raises TypeError and ValueError for what is none.
    """
    if not isinstance(found, Statistic):
        raise TypeError(f"it gives {_kind(found)}, no Statistic")
    if not isinstance(found.name, str) or not isinstance(found.note, str):
        raise TypeError("its name or note is no text")
    value, expected, error = (_number(found, name, -math.inf, math.inf) for name in ("value", "expected", "error"))
    p, effect = (_number(found, name, 0.0, 1.0) for name in ("p", "effect"))
    return Statistic(found.name, value, expected, p, effect, error or 0.0, found.note)


def _number(found: Statistic, name: str, low: float, high: float) -> float | None:
    value = getattr(found, name)
    if value is None:
        return None
    if not isinstance(value, Real):
        raise TypeError(f"its {name} is {_kind(value)}, no number")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"its {name} is {number}")
    if not low - _ROUNDING <= number <= high + _ROUNDING:
        raise ValueError(f"its {name} is {number:g}, not from {low:g} to {high:g}")
    return min(max(number, low), high)


def _kind(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def freed(value: float, expected: float) -> float:
    """Return the effect: the statistic freed of what chance makes."""
    return math.sqrt(max(0.0, value * value - expected * expected))


def noise(one: int, other: int) -> float:
    """Return 1/n + 1/m."""
    return 1 / one + 1 / other


# --- numbers


def kolmogorov_smirnov(reference: Distribution, current: Distribution) -> Statistic:
    """Return the largest gap of the two distribution functions.

    p by the distribution of the one-sample statistic at round(nm / (n + m)), as scipy's `ks_2samp(method="asymp")` but
    exact also beyond 1,000,000, where scipy errs by up to 3e-8; expected sqrt(π/2) ln 2 sqrt(noise), the mean of
    Kolmogorov's distribution.
    """
    import numpy as np

    points = np.union1d(reference.points, current.points)
    sides = reference.limits(points), current.limits(points)
    gap = float(max(np.abs(one - other).max() for one, other in zip(*sides, strict=True)))
    expected = _KOLMOGOROV_MEAN * math.sqrt(noise(reference.count, current.count))
    size = max(1, round(1 / noise(reference.count, current.count)))
    p = chance.kolmogorov(gap, size)
    return Statistic("KS", gap, expected, p, freed(gap, expected), reference.error + current.error)


def wasserstein(reference: Distribution, current: Distribution) -> Statistic:
    """Return the first Wasserstein distance in the unit of the column: the area between the distribution functions.

    Expected sqrt(2/π) sqrt(noise) ∫ sqrt(F (1 − F)) dx over the pooled distribution; infinite where the area is.
    It may be wrong by the error of each distribution function times the width over which it is not known exactly.
    """
    import numpy as np

    points = np.union1d(reference.points, current.points)
    scale = max(1.0, float(np.abs(points).max()))
    widths = np.diff(points / scale)
    limits = [side.limits(points) for side in (reference, current)]
    starts, ends = [right[:-1] for _, right in limits], [left[1:] for left, _ in limits]
    first, last = starts[0] - starts[1], ends[0] - ends[1]
    area = float((_mean_size(first, last) * widths).sum()) * scale
    total = reference.count + current.count
    shares = [side.count / total for side in (reference, current)]
    middle = sum(share * (start + end) / 2 for share, start, end in zip(shares, starts, ends, strict=True))
    spread = float((np.sqrt(middle * (1 - middle)) * widths).sum()) * scale
    expected = _HALF_NORMAL * math.sqrt(noise(reference.count, current.count)) * spread
    error = sum(side.error * float(side.points[-1] / scale - side.points[0] / scale) for side in (reference, current))
    return Statistic("Wasserstein", area, expected, error=error * scale, note="in the unit of the column")


def _mean_size(first: Floats, last: Floats) -> Floats:
    """Return the mean of |x| on straight lines from `first` to `last`."""
    import numpy as np

    apart = np.abs(first - last)
    crossing = first * last < 0
    with np.errstate(divide="ignore", invalid="ignore"):
        bent = (first * first + last * last) / (2 * apart)
    return np.where(crossing, bent, (np.abs(first) + np.abs(last)) / 2)


def binned(reference: Distribution, current: Distribution) -> tuple[Floats, Floats]:
    """Return both as counts in bins: the deciles of the reference, the outer ones open, equal ones only once.

    Where the reference has one value: below it, at it, above it.
    """
    import numpy as np

    cuts = np.unique(reference.quantiles(DECILES))
    # A cut at the greatest value would leave the bin behind it empty on the side of the reference.
    cuts = cuts[cuts < reference.points[-1]]
    if not len(cuts):
        only = reference.points[-1]
        cuts = np.asarray([np.nextafter(only, -np.inf), only])
    shares = [np.diff(np.concatenate([[0.0], side.below(cuts, included=True), [1.0]])) for side in (reference, current)]
    return shares[0] * reference.count, shares[1] * current.count


# --- counts in classes


def population_stability(reference: Any, current: Any) -> Statistic:
    """Return PSI, Σ (q − p) ln(q / p), of counts in classes; shares below 1e-4 count as that.

    Expected (B − 1) noise for B classes; p by PSI / noise ~ χ² with B − 1 degrees (Yurdakul and Naranjo 2020).
    """
    import numpy as np

    kept = reference + current > 0
    before, after = (np.maximum(side[kept] / side.sum(), FLOOR) for side in (reference, current))
    value = float(((after - before) * np.log(after / before)).sum())
    degrees = len(before) - 1
    spread = noise(int(reference.sum()), int(current.sum()))
    return Statistic("PSI", value, degrees * spread, chance.chi_squared(degrees, value / spread))


def jensen_shannon(reference: Any, current: Any) -> Statistic:
    """Return the Jensen–Shannon distance to base 2 of counts in classes: 0 for equal, 1 for disjoint shares.

    Expected sqrt(noise / (8 ln 2)) times the mean of a χ variable with B − 1 degrees.
    """
    import numpy as np

    before, after = (side / side.sum() for side in (reference, current))
    middle = (before + after) / 2
    divergence = sum(float((one * np.log(one / half)).sum()) for one, half in _positive(before, after, middle)) / 2
    value = math.sqrt(max(0.0, divergence / math.log(2)))
    degrees = int(np.count_nonzero(before + after)) - 1
    chi = math.sqrt(2) * math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) if degrees else 0.0
    spread = noise(int(reference.sum()), int(current.sum()))
    return Statistic("JS", value, math.sqrt(spread / (8 * math.log(2))) * chi)


def _positive(before: Floats, after: Floats, middle: Floats) -> list[tuple[Floats, Floats]]:
    """Return each side and the middle where the side is not zero: 0 ln 0 is 0."""
    return [(side[side > 0], middle[side > 0]) for side in (before, after)]


def chi_squared(reference: Any, current: Any) -> tuple[float, int, float]:
    """Return Pearson's statistic of the table of two rows of counts, its degrees of freedom and p, uncorrected."""
    import numpy as np

    both = reference + current
    kept = both > 0
    both, rows = both[kept], np.stack([reference[kept], current[kept]])
    degrees = len(both) - 1
    if degrees < 1 or not rows.sum(axis=1).all():
        return 0.0, 0, 1.0
    expected = np.outer(rows.sum(axis=1), both) / both.sum()
    value = float(((rows - expected) ** 2 / expected).sum())
    return value, degrees, chance.chi_squared(degrees, value)


def total_variation(reference: Any, current: Any) -> Statistic:
    """Return half the sum of the differences of shares; p by χ² of the contingency table with its rare classes lumped.

    Expected is the mean over all ways to deal the rows of both sides out to a reference and a window of these sizes.
    The effect is that of the lumped table: what many rare classes add by chance would make a small change of others
    large.
    """
    if not reference.sum() or not current.sum():
        return Statistic("TV", None, note="a side has no values")
    value, expected = _variation(reference, current)
    pair = lumped(reference, current)
    return Statistic("TV", value, expected, chi_squared(*pair)[2], freed(*_variation(*pair)))


def _variation(reference: Any, current: Any) -> tuple[float, float]:
    """Return half the sum of the differences of shares, and its mean without drift."""
    import numpy as np

    counts = int(reference.sum()), int(current.sum())
    value = float(np.abs(reference / counts[0] - current / counts[1]).sum()) / 2
    return value, float(chance.mean_deviation(reference + current, *counts).sum()) * noise(*counts) / 2


def l_infinity(reference: Any, current: Any) -> Statistic:
    """Return the largest difference of a share; expected as the mean of the greatest of independent half-normals."""
    import numpy as np

    before, after = reference / reference.sum(), current / current.sum()
    value = float(np.abs(before - after).max())
    pooled = (reference + current) / (reference + current).sum()
    spread = np.sqrt(pooled * (1 - pooled) * noise(int(reference.sum()), int(current.sum())))
    spread = spread[spread > 0]
    if not len(spread):
        return Statistic("L∞", value, 0.0)
    places = np.linspace(0, 6 * float(spread.max()), 241)
    reached = np.prod([chance.half_normal(places / one) for one in spread], axis=0)
    return Statistic("L∞", value, float(np.trapezoid(1 - reached, places)))


def share_change(name: str, before: int, of: int, after: int, out_of: int) -> Statistic:
    """Return the change of a share, from `before` of `of` to `after` of `out_of`, with its sign.

    p by χ² without correction where every expected count is 5 or more, else by Fisher's exact test; expected is the
    mean of the size of the change without drift, sqrt(2/π · π(1 − π) · noise).
    """
    import numpy as np

    value = after / out_of - before / of
    pooled = (before + after) / (of + out_of)
    expected = _HALF_NORMAL * math.sqrt(pooled * (1 - pooled) * noise(of, out_of))
    if min(pooled, 1 - pooled) * min(of, out_of) >= 5:
        rows = [
            np.asarray([count, whole - count], dtype=np.float64) for count, whole in ((before, of), (after, out_of))
        ]
        p = chi_squared(rows[0], rows[1])[2]
    else:
        p = chance.fisher(before, of, after, out_of)
    return Statistic(name, value, expected, min(1.0, p), freed(abs(value), expected))


def beyond(outside: int, of: int, seen: int) -> tuple[float, float]:
    """Return how many of `of` new values are expected beyond one end of the range of `seen` values, and P(≥ outside).

    P(K ≥ k) = Π (m − i) / (n + m − i) for i below k, exact for any continuous distribution.
    """
    p = 1.0
    for step in range(outside):
        p *= (of - step) / (seen + of - step)
        if p < 1e-300:
            return of / (seen + 1), 0.0
    return of / (seen + 1), p


# --- the built-in ones, by what they compare


def _of_bins(statistic: Any) -> Any:
    def measured(reference: Distribution, current: Distribution) -> Statistic:
        return statistic(*binned(reference, current))  # type: ignore[no-any-return]

    return measured


def _of_counts(statistic: Any, *, lump: bool = True) -> Any:
    def measured(reference: Counts, current: Counts) -> Statistic:
        _, before, after = aligned(reference, current)
        return statistic(*lumped(before, after)) if lump else statistic(before, after)  # type: ignore[no-any-return]

    return measured


NUMBERS = {
    "KS": kolmogorov_smirnov,
    "Wasserstein": wasserstein,
    "PSI": _of_bins(population_stability),
    "JS": _of_bins(jensen_shannon),
}
CATEGORIES = {
    "TV": _of_counts(total_variation, lump=False),
    "L∞": _of_counts(l_infinity, lump=False),
    "PSI": _of_counts(population_stability),
    "JS": _of_counts(jensen_shannon),
}
