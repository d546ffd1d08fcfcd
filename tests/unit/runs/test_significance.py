"""Tests of differences, held against scipy and statsmodels."""

from __future__ import annotations

import math
import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from workbench.runs.significance import (
    corrected,
    holm,
    paired,
    permutation,
    summary,
    t_quantile,
    t_two_sided,
    welch,
)  # fmt: skip

RNG = random.Random(7)


def group(n: int, mean: float, sd: float) -> list[float]:
    return [RNG.gauss(mean, sd) for _ in range(n)]


GROUPS = [
    (group(n_a, 0.9, 0.01 * k), group(n_b, 0.9 + 0.01 * shift, 0.02))
    for n_a, n_b, k, shift in [
        (2, 2, 1, 1),
        (3, 3, 1, 1),
        (5, 5, 2, 3),
        (3, 12, 4, 0),
        (40, 25, 1, 2),
        (200, 3, 3, 1),
        (7, 7, 1, 90),
    ]
]
GROUPS.append(([1e9 + 1, 1e9 + 2, 1e9 + 4], [1e9, 1e9 + 1.5, 1e9 + 3]))
GROUPS.append(([0.5, 0.5, 0.5], [0.6, 0.7, 0.65]))
FLOATS = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 6))
LISTS = st.lists(FLOATS, min_size=2, max_size=8)


@pytest.mark.filterwarnings("ignore:Precision loss")  # scipy's, about a group without spread
@pytest.mark.parametrize(("a", "b"), GROUPS)
def test_welch_agrees_with_scipy(a: list[float], b: list[float]) -> None:
    found, oracle = welch(a, b), stats.ttest_ind(b, a, equal_var=False)
    interval = oracle.confidence_interval(0.95)
    assert found.statistic == pytest.approx(oracle.statistic, rel=1e-9)
    assert found.df == pytest.approx(oracle.df, rel=1e-9)
    assert found.p_value == pytest.approx(oracle.pvalue, rel=1e-9)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert found.difference == pytest.approx(np.mean(b) - np.mean(a), rel=1e-9)


@pytest.mark.parametrize(("a", "b"), [pair for pair in GROUPS if len(pair[0]) == len(pair[1])])
def test_paired_agrees_with_scipy(a: list[float], b: list[float]) -> None:
    found, oracle = paired(a, b), stats.ttest_rel(b, a)
    interval = oracle.confidence_interval(0.95)
    assert found.statistic == pytest.approx(oracle.statistic, rel=1e-9)
    assert found.p_value == pytest.approx(oracle.pvalue, rel=1e-9)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("values", [pair[0] for pair in GROUPS[:7]])
def test_intervals_agree_with_scipy(values: list[float], confidence: float) -> None:
    found = summary(values, confidence)
    low, high = stats.t.interval(confidence, len(values) - 1, np.mean(values), stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-9)
    assert (found.mean, found.sd) == pytest.approx((np.mean(values), np.std(values, ddof=1)), rel=1e-9)


@pytest.mark.parametrize("df", [1, 1.3, 2, 3.7, 5, 10, 29.5, 100, 1000, 12345.6])
@pytest.mark.parametrize("t", [0, 0.01, 0.5, 1, 1.96, 3, 7.5, 30, 200])
def test_student_t_agrees_with_scipy(df: float, t: float) -> None:
    assert t_two_sided(t, df) == pytest.approx(2 * stats.t.sf(t, df), rel=1e-9, abs=1e-290)
    assert t_two_sided(-t, df) == t_two_sided(t, df)


@pytest.mark.parametrize("t", [1e-8, 1e-3, 1.0, 1e3, 1e8])
def test_one_degree_of_freedom_is_the_arc_tangent(t: float) -> None:
    assert t_two_sided(t, 1) == pytest.approx(2 / math.pi * math.atan(1 / t), rel=1e-12)


@pytest.mark.parametrize("df", [1, 1.3, 2, 5, 29.5, 1000])
@pytest.mark.parametrize("confidence", [0.01, 0.5, 0.95, 0.9999])
def test_quantiles_agree_with_scipy(df: float, confidence: float) -> None:
    assert t_quantile(confidence, df) == pytest.approx(stats.t.ppf((1 + confidence) / 2, df), rel=1e-9)


def test_the_effect_is_hedges_g() -> None:
    a, b = GROUPS[3]
    pooled = math.sqrt(((len(a) - 1) * np.var(a, ddof=1) + (len(b) - 1) * np.var(b, ddof=1)) / (len(a) + len(b) - 2))
    df = len(a) + len(b) - 2
    correction = math.gamma(df / 2) / (math.sqrt(df / 2) * math.gamma((df - 1) / 2))
    assert welch(a, b).effect == pytest.approx((np.mean(b) - np.mean(a)) / pooled * correction, rel=1e-9)


@pytest.mark.parametrize(("a", "b"), [*GROUPS[:3], ([1.0, 1.0, 2.0], [1.0, 2.0, 2.0, 5.0])])
def test_the_permutation_test_agrees_with_scipy(a: list[float], b: list[float]) -> None:
    oracle = stats.permutation_test((b, a), lambda x, y: np.mean(x) - np.mean(y), n_resamples=np.inf)
    both = stats.permutation_test(
        (b, a), lambda x, y: abs(np.mean(x) - np.mean(y)), n_resamples=np.inf, alternative="greater"
    )
    assert permutation(a, b) == pytest.approx(both.pvalue, rel=1e-9)
    if len(a) == len(b):
        assert permutation(a, b) == pytest.approx(oracle.pvalue, rel=1e-9)


def test_the_permutation_test_is_left_out_where_it_would_take_long() -> None:
    assert permutation([1.0] * 20, [2.0] * 20) is None
    assert permutation([], [1.0]) is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_agrees_with_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(tuple(multipletests(p_values, method="holm")[1]), abs=1e-12)


def test_several_comparisons_are_corrected_together() -> None:
    results = [welch([1.0, 1.1, 0.9, 1.05], [1.25, 1.1, 1.3, 1.15]) for _ in range(4)]
    assert all(result.outcome == "real" for result in results)
    after = corrected([*results, welch([1.0], [2.0])])
    assert [result.outcome for result in after] == ["not shown"] * 4 + ["too few"]
    assert "Holm" in after[0].verdict


def test_verdicts_name_method_and_numbers() -> None:
    real = welch([0.90, 0.91, 0.905, 0.902, 0.908], [0.92, 0.918, 0.925, 0.921, 0.93])
    assert real.verdict == "real (Welch's t, n=5/5, p<0.001)"
    assert welch([1.0, 2.0, 3.0], [1.1, 2.2, 3.0]).verdict == "not shown (Welch's t, n=3/3, p=0.91)"
    assert (
        welch([1.0], [1.0, 2.0, 3.0]).verdict == "too few runs: 1 against 3; repeat with other seeds, at least 3 each"
    )
    assert "same value" in welch([1.0] * 3, [2.0] * 3).verdict


def test_too_few_runs_get_no_verdict_however_far_apart() -> None:
    found = welch([1.0, 1.001], [900.0, 900.001])
    assert found.outcome == "too few"
    assert found.p_value is not None


def test_values_that_are_not_finite_are_left_out_and_counted() -> None:
    found = welch([1.0, 2.0, math.nan, 3.0], [2.0, math.inf, 3.0, 5.0])
    assert (found.n_a, found.n_b, found.left_out) == (3, 3, 2)
    assert found.p_value == welch([1.0, 2.0, 3.0], [2.0, 3.0, 5.0]).p_value
    assert paired([1.0, math.nan, 2.0, 4.0], [2.0, 3.0, 5.0, 4.0]).n_a == 3
    assert summary([math.nan, 1.0]).left_out == 1


@pytest.mark.parametrize("values", [[], [math.nan]])
def test_nothing_has_no_mean(values: list[float]) -> None:
    assert summary(values).mean is None
    assert welch(values, [1.0, 2.0]).difference is None
    assert paired([], []).difference is None


def test_one_run_has_no_interval() -> None:
    found = summary([0.1])
    assert (found.n, found.mean, found.sd, found.low) == (1, 0.1, None, None)


def test_equal_values_have_exactly_their_mean_and_no_spread() -> None:
    found = summary([0.1] * 3)
    assert (found.mean, found.sd, found.low, found.high) == (0.1, 0.0, 0.1, 0.1)
    assert welch([0.1] * 3, [0.1] * 3).outcome == "constant"
    assert paired([0.1, 0.1, 0.1], [0.1, 0.1, 0.1]).outcome == "constant"


def test_groups_that_do_not_pair_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shorter|longer"):
        paired([1.0], [1.0, 2.0])


def test_the_largest_and_smallest_numbers_are_compared() -> None:
    huge = welch([1e308, 1.1e308, 1.2e308], [1.5e308, 1.6e308, 1.7e308])
    assert huge.p_value == pytest.approx(welch([1.0, 1.1, 1.2], [1.5, 1.6, 1.7]).p_value, rel=1e-9)
    assert welch([1e-308, 2e-308, 3e-308], [5e-308, 6e-308, 7e-308]).outcome == "real"


@given(LISTS, LISTS)
def test_swapping_the_groups_turns_the_sign(a: list[float], b: list[float]) -> None:
    one, other = welch(a, b), welch(b, a)
    assert one.p_value == other.p_value
    assert one.outcome == other.outcome
    if one.statistic is not None and other.statistic is not None:
        assert one.statistic == -other.statistic
        assert one.df == other.df


@given(LISTS, LISTS, st.integers(-40, 40))
def test_the_unit_does_not_matter(a: list[float], b: list[float], power: int) -> None:
    factor = 2.0**power
    assert welch([v * factor for v in a], [v * factor for v in b]).p_value == welch(a, b).p_value


@given(LISTS, LISTS, st.randoms(use_true_random=False))
def test_the_order_of_runs_does_not_matter(a: list[float], b: list[float], rng: random.Random) -> None:
    before = welch(a, b)
    rng.shuffle(a)
    assert welch(a, b) == before
    assert summary(a) == summary(sorted(a))


@given(LISTS)
def test_the_interval_holds_the_mean_and_widens_with_confidence(values: list[float]) -> None:
    assume(len(set(values)) > 1)
    narrow, wide = summary(values, 0.5), summary(values, 0.99)
    assert None not in (narrow.low, narrow.mean, narrow.high, wide.low, wide.high)
    assert wide.low < narrow.low < narrow.mean < narrow.high < wide.high


def test_no_heavy_library_is_loaded() -> None:
    code = (
        "import sys, workbench.runs.significance as s; s.welch([1, 2, 3], [2, 3, 5])\n"
        "print([name for name in ('numpy', 'scipy') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
