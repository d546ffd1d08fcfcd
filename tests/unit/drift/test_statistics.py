"""Every statistic equals its oracle to 1e-9 on exact distributions, and stays within its stated bound on profiles."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon
from scipy.special import rel_entr

from workbench.data.measure import ColumnMeasure
from workbench.drift import distribution, statistics
from workbench.drift.distribution import Counts, of_profile, of_values

NEAR = 1e-9


def pairs():
    random = np.random.default_rng(5)
    normal = random.normal(size=(2, 900))
    return {
        "random": (normal[0], normal[1][:400]),
        "shifted": (normal[0], normal[1] + 0.5),
        "tied": (random.integers(0, 6, 700).astype(float), random.integers(0, 7, 300).astype(float)),
        "tiny": (np.asarray([1.0, 2.0]), np.asarray([1.5])),
        "constant": (np.full(50, 3.0), np.full(40, 3.0)),
        "two constants": (np.full(50, 3.0), np.full(40, 4.0)),
        "huge": (normal[0] * 1e300, normal[1] * 1e300),
        "minute": (normal[0] * 1e-300, normal[1] * 1e-300 + 1e-301),
        "heavy tail": (random.standard_cauchy(500), random.standard_cauchy(800)),
        "one outlier": (normal[0], np.append(normal[1], 1e6)),
        "zeros": (np.where(normal[0] > 1, normal[0], 0), np.where(normal[1] > 0.8, normal[1], 0)),
        "not finite": (np.append(normal[0], [np.nan, np.inf]), np.append(normal[1], [-np.inf, np.nan, np.nan])),
    }


PAIRS = pairs()


def finite(values):
    return values[np.isfinite(values)]


@pytest.fixture(params=list(PAIRS), name="pair")
def _pair(request):
    one, other = PAIRS[request.param]
    return finite(one), finite(other), of_values(one), of_values(other)


# --- numbers


def test_kolmogorov_smirnov_equals_scipy(pair):
    one, other, reference, current = pair
    expected = stats.ks_2samp(one, other, method="asymp")
    found = statistics.kolmogorov_smirnov(reference, current)
    assert found.value == pytest.approx(expected.statistic, abs=NEAR)
    assert found.p == pytest.approx(expected.pvalue, abs=NEAR)
    assert found.error == 0


def test_wasserstein_equals_scipy(pair):
    one, other, reference, current = pair
    with np.errstate(over="ignore"):
        expected = stats.wasserstein_distance(one, other)
    assert statistics.wasserstein(reference, current).value == pytest.approx(expected, rel=NEAR, abs=1e-310)


def test_psi_is_both_relative_entropies_over_the_deciles_of_the_reference(pair):
    _, _, reference, current = pair
    before, after = statistics.binned(reference, current)
    p, q = (np.maximum(side / side.sum(), statistics.FLOOR) for side in (before, after))
    expected = (rel_entr(q, p) + rel_entr(p, q)).sum()
    assert statistics.population_stability(before, after).value == pytest.approx(expected, abs=NEAR)


def test_bins_hold_every_value_once(pair):
    one, other, reference, current = pair
    before, after = statistics.binned(reference, current)
    assert (before.sum(), after.sum()) == (pytest.approx(len(one)), pytest.approx(len(other)))
    if len(np.unique(one)) > 1:
        cuts = np.unique(np.quantile(one, statistics.DECILES, method="inverted_cdf"))
        cuts = cuts[cuts < one.max()]
        ends = np.concatenate([[-np.inf], cuts, [np.inf]])
        expected = [((other > low) & (other <= high)).sum() for low, high in itertools.pairwise(ends)]
        assert after == pytest.approx(expected, abs=1e-6)


def test_jensen_shannon_equals_scipy(pair):
    _, _, reference, current = pair
    before, after = statistics.binned(reference, current)
    expected = jensenshannon(before, after, base=2)
    assert statistics.jensen_shannon(before, after).value == pytest.approx(expected, abs=1e-7)
    assert statistics.jensen_shannon(before, after).value ** 2 == pytest.approx(expected**2, abs=NEAR)


def test_one_outlier_blinds_no_statistic():
    reference, current = of_values(PAIRS["random"][0]), of_values(np.append(PAIRS["random"][0] + 1, 1e6))
    for found in (
        statistics.kolmogorov_smirnov(reference, current),
        statistics.population_stability(*statistics.binned(reference, current)),
        statistics.jensen_shannon(*statistics.binned(reference, current)),
    ):
        assert found.value > 0.3


def test_a_constant_that_moves_is_seen_in_both_directions():
    for moved in (2.0, 4.0):
        pair = statistics.binned(of_values([3.0] * 50), of_values([moved] * 50))
        assert statistics.jensen_shannon(*pair).value == pytest.approx(1)


# --- categories

TABLES = [
    ([30, 20, 10], [25, 30, 5]),
    ([1, 0, 0], [0, 1, 0]),
    ([500, 400, 3, 2, 1], [100, 90, 0, 1, 0]),
    ([10], [7]),
    ([10**9, 1], [10**9, 3]),
    ([0, 5, 5], [0, 6, 4]),
]


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_chi_squared_equals_the_contingency_test_of_scipy(table):
    one, other = (np.asarray(side, dtype=float) for side in table)
    kept = one + other > 0
    value, degrees, p = statistics.chi_squared(one, other)
    if kept.sum() < 2:
        assert (value, degrees, p) == (0, 0, 1)
        return
    expected = stats.chi2_contingency(np.stack([one[kept], other[kept]]), correction=False)
    assert value == pytest.approx(expected.statistic, rel=NEAR)
    assert (degrees, p) == (expected.dof, pytest.approx(expected.pvalue, rel=NEAR))


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_variation_and_l_infinity_are_what_they_are_called(table):
    one, other = (np.asarray(side, dtype=float) for side in table)
    gaps = np.abs(one / one.sum() - other / other.sum())
    assert statistics.l_infinity(one, other).value == pytest.approx(gaps.max(), abs=NEAR)
    assert statistics.total_variation(one, other).value == pytest.approx(gaps.sum() / 2, abs=NEAR)


def test_lumping_keeps_rows_and_leaves_no_class_below_five_expected():
    random = np.random.default_rng(3)
    for _ in range(50):
        one = random.poisson(random.exponential(8, 40)).astype(float)
        other = random.poisson(random.exponential(4, 40)).astype(float)
        before, after = distribution.lumped(one, other)
        assert (before.sum(), after.sum()) == (one.sum(), other.sum())
        both = before + after
        assert len(both) == 1 or (both * min(before.sum(), after.sum()) / both.sum()).min() >= 5 - 1e-9


def test_values_that_one_side_does_not_tell_apart_are_left_to_the_rest():
    names, one, other = distribution.aligned(Counts({"a": 5, "b": 3}, 2), Counts({"a": 4, "c": 6}))
    assert names == ["a", "b"]  # of c it is not known how often the first side has it
    assert (one.tolist(), other.tolist()) == ([5, 3, 2], [4, 0, 6])


@pytest.mark.parametrize(
    ("before", "of", "after", "out_of"), [(50, 1000, 80, 1000), (0, 1000, 3, 500), (3, 40, 0, 40), (500, 900, 10, 30)]
)
def test_a_change_of_a_share_equals_scipy(before, of, after, out_of):
    table = [[before, of - before], [after, out_of - after]]
    pooled = (before + after) / (of + out_of)
    if min(pooled, 1 - pooled) * min(of, out_of) >= 5:
        expected = stats.chi2_contingency(table, correction=False).pvalue
    else:
        expected = stats.fisher_exact(table).pvalue
    assert statistics.share_change("missing", before, of, after, out_of).p == pytest.approx(expected, rel=NEAR)


def test_values_beyond_the_range_are_as_probable_as_simulated():
    random = np.random.default_rng(1)
    samples = random.random((20_000, 60))
    outside = (samples[:, 40:] > samples[:, :40].max(axis=1)[:, None]).sum(axis=1)
    for count in (1, 2, 4):
        expected, p = statistics.beyond(count, 20, 40)
        assert p == pytest.approx((outside >= count).mean(), abs=0.01)
    assert expected == pytest.approx(outside.mean(), abs=0.02)


# --- what is expected without drift


def null(statistic, reference_size=1500, size=400, rounds=250):
    random = np.random.default_rng(11)
    found = []
    for _ in range(rounds):
        one, other = random.normal(size=reference_size), random.normal(size=size)
        found.append(statistic(of_values(one), of_values(other)))
    return np.mean([one.value for one in found]), np.mean([one.expected for one in found])


@pytest.mark.parametrize(
    ("statistic", "within"),
    [
        (statistics.kolmogorov_smirnov, 0.08),
        (statistics.wasserstein, 0.08),
        (statistics.NUMBERS["PSI"], 0.10),
        (statistics.NUMBERS["JS"], 0.06),
    ],
)
def test_the_expected_value_is_the_mean_without_drift(statistic, within):
    mean, expected = null(statistic)
    assert expected == pytest.approx(mean, rel=within)


def test_the_expected_values_of_categories_are_the_means_without_drift():
    random = np.random.default_rng(12)
    shares = np.asarray([0.4, 0.3, 0.2, 0.1])
    found = [
        (random.multinomial(1500, shares).astype(float), random.multinomial(400, shares).astype(float))
        for _ in range(400)
    ]
    for statistic, within in ((statistics.total_variation, 0.08), (statistics.l_infinity, 0.12)):
        results = [statistic(*pair) for pair in found]
        mean = np.mean([one.value for one in results])
        assert np.mean([one.expected for one in results]) == pytest.approx(mean, rel=within)


def test_the_variation_of_many_rare_values_is_as_large_as_expected_and_no_effect():
    random = np.random.default_rng(14)
    shares = 1 / np.arange(1, 151) ** 1.2
    shares /= shares.sum()
    found = [
        statistics.total_variation(*(random.multinomial(size, shares).astype(float) for size in (3000, 300)))
        for _ in range(200)
    ]
    assert np.mean([one.expected for one in found]) == pytest.approx(np.mean([one.value for one in found]), rel=0.02)
    assert stats.kstest([one.p for one in found], "uniform").pvalue > 1e-3


def test_many_rare_values_make_no_small_change_of_frequent_ones_large():
    random = np.random.default_rng(15)
    rare = random.dirichlet(np.ones(150)) * 0.3
    before, after = np.concatenate([[0.4, 0.3], rare]), np.concatenate([[0.46, 0.24], rare])
    found = [
        statistics.total_variation(random.multinomial(20_000, before) * 1.0, random.multinomial(300, after) * 1.0)
        for _ in range(100)
    ]
    assert np.mean([one.value for one in found]) > 0.12
    assert np.mean([one.effect for one in found]) == pytest.approx(0.06, abs=0.015)


def test_p_of_psi_is_uniform_without_drift():
    random = np.random.default_rng(2)
    ps = []
    for _ in range(300):
        pair = statistics.binned(of_values(random.normal(size=3000)), of_values(random.normal(size=1000)))
        ps.append(statistics.population_stability(*pair).p)
    assert stats.kstest(ps, "uniform").pvalue > 1e-4


# --- properties

values = st.lists(st.floats(-1e300, 1e300) | st.integers(-3, 3).map(float), min_size=1, max_size=40)


@settings(max_examples=60, deadline=None)
@given(values, values)
def test_statistics_of_numbers_keep_their_laws(one, other):
    pair = of_values(one), of_values(other)
    found = statistics.kolmogorov_smirnov(*pair)
    assert 0 <= found.value <= 1 and 0 <= found.p <= 1 and 0 <= found.effect <= found.value
    assert found.value == pytest.approx(statistics.kolmogorov_smirnov(*pair[::-1]).value, abs=NEAR)
    assert statistics.kolmogorov_smirnov(pair[0], pair[0]).value == 0
    assert statistics.wasserstein(pair[0], pair[0]).value == 0
    assert statistics.wasserstein(*pair).value >= 0
    before, after = statistics.binned(*pair)
    assert before.sum() == pytest.approx(len(one)) and after.sum() == pytest.approx(len(other))
    assert 0 <= statistics.jensen_shannon(before, after).value <= 1 + NEAR
    assert statistics.population_stability(before, after).value >= -NEAR


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=12))
def test_statistics_of_categories_keep_their_laws(rows):
    one, other = np.asarray(rows, dtype=float).T
    if not one.sum() or not other.sum():
        return
    found = statistics.total_variation(one, other)
    assert 0 <= found.value <= 1 and 0 <= found.p <= 1 and 0 <= found.effect <= 1
    assert found.value == pytest.approx(statistics.total_variation(other, one).value)
    order = np.random.default_rng(0).permutation(len(one))
    assert found.value == pytest.approx(statistics.total_variation(one[order], other[order]).value)


# --- distributions made from profiles


def profile(values, type_="float64"):
    measure = ColumnMeasure("x", type_, "number", sketched=False)
    measure.add(pa.array(values))
    return measure.freeze()


@pytest.mark.parametrize("name", list(PAIRS))
def test_a_profile_gives_the_distance_within_its_stated_error(name):
    one, other = (finite(side) for side in PAIRS[name])
    found = statistics.kolmogorov_smirnov(of_profile(profile(one)), of_profile(profile(other)))
    exact = stats.ks_2samp(one, other, method="asymp").statistic
    assert abs(found.value - exact) <= found.error + 1e-9
    assert found.error == 0 or max(len(np.unique(one)), len(np.unique(other))) > 200


def test_a_profile_of_few_values_is_exact():
    one, other = (np.round(finite(side), 1) for side in PAIRS["shifted"])
    found = statistics.wasserstein(of_profile(profile(one)), of_profile(profile(other)))
    assert found.value == pytest.approx(stats.wasserstein_distance(one, other), rel=NEAR)


def test_float32_and_float64_of_the_same_numbers_are_one_distribution():
    values = np.round(np.random.default_rng(0).normal(size=3000), 1)
    short = profile(values.astype(np.float32).astype(np.float64), "float32")
    sides = of_profile(profile(values), single=True), of_profile(short, single=True)
    assert statistics.kolmogorov_smirnov(*sides).value == pytest.approx(0, abs=1e-12)


def test_a_share_below_a_place_is_right_on_steps_and_on_lines():
    steps = of_values([1.0, 1.0, 2.0, 4.0])
    at = np.asarray([0.0, 1.0, 1.5, 4.0, 9.0])
    assert steps.below(at, included=True).tolist() == [0, 0.5, 0.5, 1, 1]
    assert steps.below(at, included=False).tolist() == [0, 0, 0.5, 0.75, 1]
    line = of_profile(profile(np.linspace(0, 1, 1001)))
    assert line.below(np.asarray([0.25, 0.731]), included=True) == pytest.approx([0.25, 0.731], abs=1e-9)


def test_plain_names_make_one_of_its_spellings():
    assert {distribution.plain_name(value) for value in (1, 1.0, "1", "1.0", " 1 ", "true", "True")} == {"1"}
    assert distribution.plain_name("nan") == "nan"
    assert math.isfinite(float(distribution.plain_name("1e3")))
