"""The probability of so much or more by chance: Kolmogorov's, χ² and Fisher's, in closed forms and short sums. Pure.

They equal `kstwo.sf` (which is less exact above 1,000,000 values), `chdtrc` and `fisher_exact` of scipy; importing
those takes longer than a whole check.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_FEW = 140
_NODES = 1024
_LEAST_SERIES = 16
_TIED = 1 + 1e-10
"""Tables of counts whose probabilities differ by less are equally probable, but for rounding."""


# --- Kolmogorov


def kolmogorov(gap: float, size: int) -> float:
    """Return P(D ≥ gap) of the two-sided one-sample statistic of `size` values of a continuous distribution.

    Which way is best where: Simard and L'Ecuyer (2011), with the limits that scipy has.
    """
    square = size * gap * gap
    if size * gap <= 0.5 or square < 0.04:  # P(D < gap) is less than 1e-12
        return 1.0
    if gap >= 1 or (size > _FEW and square >= 370):
        return 0.0
    if gap >= 0.5 or square >= (4.0 if size <= _FEW else 2.2):
        return min(1.0, 2 * _one_sided(gap, size))
    if size <= _FEW or (size <= 100_000 and size * gap**1.5 <= 1.4):
        below = _by_matrix(gap, size)
    else:
        below = _by_series(gap, size)
    return min(1.0, max(0.0, 1 - below))


def _one_sided(gap: float, size: int) -> float:
    """Return P(D⁺ ≥ gap): gap Σ C(n, j) (gap + j/n)^(j − 1) (1 − gap − j/n)^(n − j) over j ≤ n (1 − gap).

    Of many values the terms are a smooth function of j that vanishes at both ends, so that each of a thousand stands
    for its neighbours. The binomial probabilities are those of Loader (2000), which do not cancel.
    """
    import numpy as np

    stride = size / _NODES if size > 2 * _NODES else 1.0
    j: Any = np.arange(1, math.ceil(size / stride)) * stride
    j = j[size - j > size * gap]
    rest, place = size - j, j / size + gap
    from_mean = j * np.log1p(size * gap / j) + rest * np.log1p(-size * gap / rest)
    stirling: Any = _stirling(np.asarray([float(size)])) - _stirling(j) - _stirling(rest)
    terms = np.exp(from_mean + stirling) * np.sqrt(size / (2 * math.pi * j * rest)) * gap / place
    return float((1 - gap) ** size + stride * terms.sum())


def _stirling(x: Floats) -> Floats:
    """Return ln x! less Stirling's approximation, ln(sqrt(2πx) (x/e)^x), for x of 1 or more."""
    import numpy as np

    square = x * x
    found: Floats = (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / (1188 * square)) / square) / square) / square) / x
    for at in np.flatnonzero(x < _LEAST_SERIES).tolist():
        one = float(x[at])
        found[at] = math.lgamma(one + 1) - 0.5 * math.log(2 * math.pi * one) - one * (math.log(one) - 1)
    return found


def _by_matrix(gap: float, size: int) -> float:
    """Return P(D < gap) by Durbin's matrix, in the form of Marsaglia, Tsang and Wang (2003)."""
    import numpy as np

    reach = math.ceil(size * gap)
    width, over = 2 * reach - 1, reach - size * gap
    inverse = np.asarray([1 / math.factorial(at) for at in range(width + 1)])
    apart = np.arange(width)[:, None] - np.arange(width) + 1
    matrix = np.where(apart >= 0, inverse[np.maximum(apart, 0)], 0.0)
    edge = over ** np.arange(1, width + 1) * inverse[1:]
    matrix[:, 0] -= edge
    matrix[-1] -= edge[::-1]
    matrix[-1, 0] += max(0.0, 2 * over - 1) ** width * inverse[-1]
    # n! / n^n is e^-n sqrt(2πn) and a little more: one e for each factor keeps all numbers moderate.
    middle = float(np.linalg.matrix_power(matrix / math.e, size)[reach - 1, reach - 1])
    return middle * math.sqrt(2 * math.pi * size) * math.exp(float(_stirling(np.asarray([float(size)]))[0]))


def _by_series(gap: float, size: int) -> float:
    """Return P(D < gap) by the series of Pelz and Good (1976) in powers of 1 / sqrt(n), to the third."""
    z2 = size * gap * gap
    z = math.sqrt(z2)
    found = [0.0, 0.0, 0.0, 0.0]
    for at in range(8):
        u = (math.pi * (at + 0.5)) ** 2
        weight = 2 * math.exp(-u / (2 * z2))
        found[0] += weight
        found[1] += weight * (u - z2)
        found[2] += weight * (6 * z2**3 + 2 * z2**2 + u * (2 * z2**2 - 5 * z2) + u * u * (1 - 2 * z2))
        found[3] += weight * (
            u**3 * (5 - 30 * z2) + u * u * (212 * z2**2 - 60 * z2) + u * (135 * z2**2 - 96 * z2**3)
            - 30 * z2**3 - 90 * z2**4
        )  # fmt: skip
        whole = (math.pi * at) ** 2
        weight = 2 * math.exp(-whole / (2 * z2))
        found[2] -= weight * 2 * z2**2 * whole
        found[3] += weight * 30 * z2**2 * whole * (3 * z2 - whole)
    scales = (1.0, 6 * z**3, 72 * z**6, 6480 * z**9)
    root = math.sqrt(size)
    total = sum(value / scale / root**power for power, (value, scale) in enumerate(zip(found, scales, strict=True)))
    return total * math.sqrt(math.pi / 2) / z


# --- counts


def chi_squared(degrees: int, value: float) -> float:
    """Return P(χ² ≥ value) with whole `degrees`: the finite sum of e^-y y^i / i!, of y half the value, that it is."""
    half = value / 2
    if half <= 0 or not degrees:
        return 1.0
    odd = degrees % 2
    powers = (at + odd / 2 for at in range(degrees // 2))
    terms = [math.exp(i * math.log(half) - half - math.lgamma(i + 1)) for i in powers]
    return min(1.0, math.fsum([*terms, math.erfc(math.sqrt(half)) if odd else 0.0]))


def fisher(before: int, of: int, after: int, out_of: int) -> float:
    """Return the two-sided p of Fisher's exact test of `before` of `of` against `after` of `out_of`.

    It is the share of all tables with these margins that are as probable or less, from the ratios of neighbours.
    """
    import numpy as np

    total, rows = before + after, of + out_of
    lowest, highest = max(0, total - out_of), min(of, total)
    k = np.arange(lowest, highest, dtype=np.float64)
    if not len(k):
        return 1.0
    ratios: Any = (of - k) * (total - k) / ((k + 1) * (rows - of - total + k + 1))
    steps = np.log(ratios)
    mode = int(np.searchsorted(-ratios, -1.0))
    # Summed from the most probable table on, so that rounding errors grow only where nothing counts.
    logs = np.concatenate([-np.cumsum(steps[:mode][::-1])[::-1], [0.0], np.cumsum(steps[mode:])])
    shares = np.exp(logs)
    seen = shares[before - lowest]
    return min(1.0, float(shares[shares <= seen * _TIED].sum() / shares.sum()))


def mean_deviation(total: Floats, of: int, out_of: int) -> Floats:
    """Return the mean of |K − E K|, where K of `of` rows drawn from `of` + `out_of` have a property that `total` have.

    2 ν (N − t − n + ν) P(K = ν) / N with ν the least whole number above the mean, as Ramasubban (1958) has it.
    """
    import numpy as np

    rows = of + out_of
    above = np.floor(total * (of / rows)) + 1
    reached = (above <= total) & (above <= of) & (of - above <= rows - total)
    found = np.zeros(len(total))
    t, v = total[reached], above[reached]
    logs = log_choose(t, v) + log_choose(rows - t, of - v) - log_choose(np.full(len(t), float(rows)), of + 0 * v)
    found[reached] = 2 * v * (rows - t - of + v) / rows * np.exp(logs)
    return found


def log_choose(whole: Floats, part: Floats) -> Floats:
    """Return ln C(whole, part) of whole numbers, each of one dimension."""
    found: Floats = _log_factorial(whole) - _log_factorial(part) - _log_factorial(whole - part)
    return found


def _log_factorial(x: Floats) -> Floats:
    import numpy as np

    least = np.maximum(x, 1.0)
    found: Floats = _stirling(least) + np.log(2 * math.pi * least) / 2 + least * (np.log(least) - 1)
    return found


def half_normal(places: Floats) -> Floats:
    """Return P(|X| ≤ place) for a standard normal X."""
    import numpy as np

    return np.asarray([math.erf(place) for place in (places / math.sqrt(2)).tolist()])
