"""Whether two groups of repeated runs really differ; pure.

Written without numpy and scipy: importing scipy.stats costs half a second, which an interactive program feels each
time it starts, and all that is needed of it is one function. The tests hold every figure against scipy.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Outcome = Literal["real", "not shown", "too few", "constant"]

ALPHA = 0.05
FEWEST = 3  # runs on each side before a verdict is given
ARRANGEMENTS = 50_000  # of the exact permutation test; beyond that it is left out


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """Repeated runs of one metric; `low` and `high` bound the mean, None for fewer than two runs.

    `left_out` counts the values that were NaN or infinite.
    """

    n: int
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class TestResult:
    """A comparison of group b with group a; `difference` is mean(b) - mean(a) with its interval, `effect` Hedges' g.

    `p_value` is two-sided; `p_adjusted` is the same unless several comparisons were made at once (Holm). What cannot
    be computed from so few or so equal values is None.
    """

    __test__ = False  # no test class, whatever its name suggests to pytest

    method: str
    n_a: int
    n_b: int
    difference: float | None
    low: float | None
    high: float | None
    statistic: float | None
    df: float | None
    p_value: float | None
    p_adjusted: float | None
    effect: float | None
    outcome: Outcome
    left_out: int = 0

    @property
    def verdict(self) -> str:
        """The outcome as a sentence that names the method, the numbers of runs and the probability."""
        if self.outcome == "too few":
            return f"too few runs: {self.n_a} against {self.n_b}; repeat with other seeds, at least {FEWEST} each"
        if self.outcome == "constant":
            return f"every repeat gave the same value (n={self.n_a}/{self.n_b}), so nothing was tested: vary the seed"
        p = self.p_adjusted if self.p_adjusted is not None else math.nan
        corrected = ", Holm" if self.p_adjusted != self.p_value else ""
        return f"{self.outcome} ({self.method}, n={self.n_a}/{self.n_b}, {_probability(p)}{corrected})"


def _probability(p: float) -> str:
    if p < 0.001:
        return "p<0.001"
    return f"p={p:.3f}" if p < 0.1 else f"p={p:.2f}"


def summary(values: Sequence[float], confidence: float = 0.95) -> GroupSummary:
    """Return mean, standard deviation (n - 1) and Student's t interval of the finite values."""
    finite = _finite(values)
    left_out = len(values) - len(finite)
    if not finite:
        return GroupSummary(0, None, None, None, None, left_out)
    scale = _scale(finite)
    mean, variance = _moments([value / scale for value in finite])
    if len(finite) == 1:
        return GroupSummary(1, finite[0], None, None, None, left_out)
    half = t_quantile(confidence, len(finite) - 1) * math.sqrt(variance / len(finite))
    low, high = (mean - half) * scale, (mean + half) * scale
    return GroupSummary(len(finite), mean * scale, math.sqrt(variance) * scale, low, high, left_out)


def welch(a: Sequence[float], b: Sequence[float], confidence: float = 0.95) -> TestResult:
    """Compare the means of two independent groups, whose variances may differ (Welch's t, Satterthwaite's df)."""
    left, right = _finite(a), _finite(b)
    left_out = len(a) + len(b) - len(left) - len(right)
    blank = _blank("Welch's t", len(left), len(right), left_out)
    if not left or not right:
        return blank
    scale = _scale(left + right)
    mean_a, var_a = _moments([value / scale for value in left])
    mean_b, var_b = _moments([value / scale for value in right])
    blank = replace(blank, difference=(mean_b - mean_a) * scale)
    if min(len(left), len(right)) < 2:
        return blank
    part_a, part_b = var_a / len(left), var_b / len(right)
    error = math.sqrt(part_a + part_b)
    if error == 0:
        return replace(blank, outcome=blank.outcome if _few(blank) else "constant")
    ratio_a, ratio_b = part_a / (part_a + part_b), part_b / (part_a + part_b)
    df = 1 / (ratio_a**2 / (len(left) - 1) + ratio_b**2 / (len(right) - 1))
    effect = _hedges(mean_b - mean_a, var_a, var_b, len(left), len(right))
    return _tested(replace(blank, effect=effect), mean_b - mean_a, error, df, scale, confidence)


def paired(a: Sequence[float], b: Sequence[float], confidence: float = 0.95) -> TestResult:
    """Compare runs that belong together pair by pair, such as those of the same seed (paired t).

    The effect is the mean difference over the standard deviation of the differences, corrected as Hedges did.
    Raises ValueError where the groups are not of the same length.
    """
    pairs = [(x, y) for x, y in zip(a, b, strict=True) if math.isfinite(x) and math.isfinite(y)]
    n = len(pairs)
    blank = _blank("paired t", n, n, 2 * (len(a) - n))
    if not pairs:
        return blank
    scale = _scale([value for pair in pairs for value in pair])
    mean, variance = _moments([y / scale - x / scale for x, y in pairs])
    blank = replace(blank, difference=mean * scale)
    if n < 2:
        return blank
    if variance == 0:
        return replace(blank, outcome=blank.outcome if _few(blank) else "constant")
    effect = mean / math.sqrt(variance) * _small_sample(n - 1)
    return _tested(replace(blank, effect=effect), mean, math.sqrt(variance / n), n - 1, scale, confidence)


def permutation(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Return the two-sided probability that a random regrouping differs as much in its means; every one is tried.

    It assumes nothing about the distribution. None where a group is empty or there are more than ARRANGEMENTS.
    """
    left, right = _finite(a), _finite(b)
    values = left + right
    if not left or not right or math.comb(len(values), len(left)) > ARRANGEMENTS:
        return None
    scale = _scale(values)
    values = [value / scale for value in values]
    centre = math.fsum(values) * len(left) / len(values)
    observed = abs(math.fsum(values[: len(left)]) - centre)
    least = observed - 1e-12 * max(observed, 1e-300)  # sums of the same values in another order count as equal
    extreme = sum(abs(math.fsum(group) - centre) >= least for group in itertools.combinations(values, len(left)))
    return extreme / math.comb(len(values), len(left))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return the probabilities corrected for having made several comparisons (Holm's step-down method)."""
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        running = max(running, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = running
    return tuple(adjusted)


def corrected(results: Sequence[TestResult]) -> tuple[TestResult, ...]:
    """Return results that were found together with Holm's correction and the outcomes that follow from it."""
    tested = [index for index, result in enumerate(results) if result.p_value is not None and not _few(result)]
    adjusted = dict(zip(tested, holm([results[index].p_value or 0.0 for index in tested]), strict=True))
    return tuple(
        replace(result, p_adjusted=adjusted[index], outcome=_outcome(result, adjusted[index]))
        if index in adjusted
        else result
        for index, result in enumerate(results)
    )


def _few(result: TestResult) -> bool:
    return min(result.n_a, result.n_b) < FEWEST


def _outcome(result: TestResult, p: float) -> Outcome:
    if _few(result):
        return "too few"
    return "real" if p < ALPHA else "not shown"


def _blank(method: str, n_a: int, n_b: int, left_out: int) -> TestResult:
    few: Outcome = "too few" if min(n_a, n_b) < FEWEST else "not shown"
    return TestResult(method, n_a, n_b, None, None, None, None, None, None, None, None, few, left_out)


def _tested(
    result: TestResult, difference: float, error: float, df: float, scale: float, confidence: float
) -> TestResult:
    statistic = difference / error
    p = t_two_sided(statistic, df)
    half = t_quantile(confidence, df) * error
    return replace(
        result,
        low=(difference - half) * scale,
        high=(difference + half) * scale,
        statistic=statistic,
        df=df,
        p_value=p,
        p_adjusted=p,
        outcome=_outcome(result, p),
    )


def _finite(values: Sequence[float]) -> list[float]:
    return [float(value) for value in values if math.isfinite(value)]


def _scale(values: Sequence[float]) -> float:
    """Return a power of two near the largest value: dividing by it loses nothing, and no square overflows."""
    largest = max(abs(value) for value in values)
    return 2.0 ** min(max(math.frexp(largest)[1], -1000), 1000) if largest else 1.0


def _moments(values: Sequence[float]) -> tuple[float, float]:
    """Return mean and variance (n - 1); equal values have exactly their value and 0."""
    if min(values) == max(values):
        return values[0], 0.0
    mean = math.fsum(values) / len(values)
    return mean, math.fsum((value - mean) * (value - mean) for value in values) / (len(values) - 1)


def _hedges(difference: float, var_a: float, var_b: float, n_a: int, n_b: int) -> float | None:
    df = n_a + n_b - 2
    pooled = ((n_a - 1) * var_a + (n_b - 1) * var_b) / df
    return difference / math.sqrt(pooled) * _small_sample(df) if pooled > 0 else None


def _small_sample(df: float) -> float:
    """Hedges' exact correction of a standardised difference (1981, equation 6e): Γ(df/2) / (√(df/2) Γ((df-1)/2))."""
    if df <= 1:
        return 0.0  # Γ has a pole there: from two values nothing can be said
    return math.exp(math.lgamma(df / 2) - math.lgamma((df - 1) / 2)) / math.sqrt(df / 2)


# --- Student's t


def t_two_sided(statistic: float, df: float) -> float:
    """Return P(|T| >= |statistic|) for Student's t: I_x(df/2, 1/2) with x = df / (df + t²) (DLMF 8.17)."""
    squared = statistic * statistic
    if not math.isfinite(squared):
        return 0.0
    return _incomplete_beta(df / 2, 0.5, df / (df + squared), squared / (df + squared))


@functools.lru_cache(maxsize=512)
def t_quantile(confidence: float, df: float) -> float:
    """Return the t that a value of Student's distribution lies within, on both sides, with this probability."""
    outside = 1 - confidence
    low, high = 0.0, 1.0
    while t_two_sided(high, df) > outside:
        low, high = high, high * 2
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if t_two_sided(middle, df) > outside else (low, middle)
    return (low + high) / 2


def _incomplete_beta(a: float, b: float, x: float, rest: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b); `rest` is 1 - x without its rounding error.

    The continued fraction converges fast below (a + 1) / (a + b + 2); above it the mirror image is taken.
    """
    if x <= 0 or rest <= 0:
        return 0.0 if x <= 0 else 1.0
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)
    if x < 0.5:
        log_front += b * (math.log1p(-x) - math.log(rest))
    else:
        log_front += a * (math.log1p(-rest) - math.log(x))
    front = math.exp(log_front)
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(a, b, x) / a
    return 1 - front * _beta_fraction(b, a, rest) / b


def _beta_fraction(a: float, b: float, x: float) -> float:
    """Evaluate the continued fraction of DLMF 8.17.22 by the modified method of Lentz (DLMF 3.10)."""
    tiny = 1e-300
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > tiny else tiny)
    result = d
    for m in range(1, 100_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for step in (even, odd):
            d = 1 + step * d
            c = 1 + step / c
            d = 1 / (d if abs(d) > tiny else tiny)
            c = c if abs(c) > tiny else tiny
            result *= d * c
        if abs(d * c - 1) < 1e-16:
            break
    return result
