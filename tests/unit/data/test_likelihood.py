"""Probabilities against scipy, and limits that fresh data of the same kind pass."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from workbench.data import likelihood
from workbench.data.measure import Measure
from workbench.data.tables import kind_of, type_name

SAMPLES = Path(__file__).resolve().parents[3] / "sample_projects"
rows = st.integers(1, 5000)


@example(count=300, seen=0, n=1, m=1001)
@example(count=300, seen=1, n=3, m=5000)
@given(st.integers(0, 300), st.integers(0, 200), rows, rows)
@settings(max_examples=80, deadline=None)
def test_the_number_of_rows_with_a_property_is_beta_binomial(count, seen, n, m):
    seen = min(seen, n)
    found = likelihood.count_at_least(count, seen, n, m)
    assert found == pytest.approx(stats.betabinom.sf(count - 1, m, seen + 0.5, n - seen + 0.5), rel=1e-6, abs=1e-10)


@example(count=1, expected=1e-06, n=1, m=1001)
@example(count=60, expected=1e-06, n=1, m=5000)
@given(st.integers(0, 60), st.floats(1e-6, 40), rows, rows)
@settings(max_examples=80, deadline=None)
def test_the_number_of_new_values_is_negative_binomial(count, expected, n, m):
    found = likelihood.novel_at_least(count, expected, n, m)
    shape = expected + min(expected, 0.5)
    wanted = stats.nbinom.sf(count - 1, shape, 1 / (1 + m / n))
    assert found == pytest.approx(wanted, rel=1e-6, abs=1e-10)


@given(st.integers(0, 30), rows, rows)
@settings(max_examples=80, deadline=None)
def test_values_beyond_all_seen_follow_from_the_order_of_exchangeable_rows(count, n, m):
    wanted = np.prod([(m - i) / (n + m - i) for i in range(count)]) if count <= m else 0.0
    assert likelihood.outside_at_least(count, n, m) == pytest.approx(wanted, rel=1e-6, abs=1e-300)


@given(st.integers(0, 300), st.integers(0, 5000), st.floats(1e-4, 0.9))
@settings(max_examples=80, deadline=None)
def test_the_number_of_trials_that_succeed_is_binomial(count, n, share):
    found = likelihood.binomial_at_least(count, n, share)
    assert found == pytest.approx(stats.binom.sf(count - 1, n, share), rel=1e-6, abs=1e-10)


def test_huge_tables_are_no_trouble():
    assert likelihood.count_at_least(50_000_000, 0, 10**6, 10**8) == pytest.approx(0, abs=1e-12)
    assert likelihood.count_at_least(10**6, 10**6, 10**8, 10**8) == pytest.approx(0.5, abs=0.01)
    assert likelihood.outside_at_least(10**7, 10**6, 10**8) == pytest.approx(0)


@pytest.mark.parametrize("share", [0.2, 0.45, 0.5, 0.6, 0.75])
def test_far_more_rows_than_were_seen_leave_the_share_unknown(share):
    found = likelihood.count_at_least(int(share * 10**8), 50, 100, 10**8)
    assert found == pytest.approx(stats.beta.sf(share, 50.5, 50.5), rel=0.02, abs=1e-12)


@pytest.mark.parametrize("count", [1, 50, 10**5, 10**6, 10**7])
def test_far_more_rows_than_were_seen_show_new_values_by_a_gamma_law(count):
    found = likelihood.novel_at_least(count, 2.0, 100, 10**8)
    assert found == pytest.approx(stats.gamma.sf(count * 100 / 10**8, 2.5), rel=0.02, abs=1e-6)
    found = likelihood.count_at_least(count, 0, 100, 10**8)
    assert found == pytest.approx(stats.beta.sf(count / 10**8, 0.5, 100.5), rel=0.02, abs=1e-3)


def test_new_values_are_expected_from_those_seen_once():
    assert likelihood.novel_rows([1, 1, 1]) == pytest.approx(3)
    assert likelihood.novel_rows([20, 500]) < 1e-6
    assert likelihood.novel_rows([]) == 0


def profiled(values):
    array = pa.array(values)
    made = Measure([("x", type_name(array.type), kind_of(array.type))])
    made.add(pa.RecordBatch.from_arrays([array], names=["x"]))
    return made.freeze().columns[0]


KINDS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "uniform": lambda rng, n: rng.random(n),
    "exponential": lambda rng, n: rng.exponential(size=n),
    "lognormal": lambda rng, n: rng.lognormal(size=n),
    "student": lambda rng, n: rng.standard_t(4, size=n),
    "poisson": lambda rng, n: rng.poisson(3, n),
    "beta": lambda rng, n: rng.beta(2, 5, n),
    "away from zero": lambda rng, n: rng.normal(30, 5, n),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n", "repeats"), [(50, 200), (1000, 100), (50_000, 10)])
def test_fresh_values_of_the_same_kind_hardly_ever_pass_a_limit(kind, n, repeats):
    rng = np.random.default_rng(n)
    beyond = 0
    for _ in range(repeats):
        low, high = likelihood.limits(profiled(KINDS[kind](rng, n)))
        fresh = KINDS[kind](rng, n)
        beyond += bool((low is not None and fresh.min() < low) or (high is not None and fresh.max() > high))
    assert beyond <= 0.03 * repeats


def test_limits_are_near_enough_to_catch_what_is_far():
    low, high = likelihood.limits(profiled(np.random.default_rng(1).normal(20, 5, 5000)))
    assert -40 < low < 5
    assert 35 < high < 80


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (np.random.default_rng(2).exponential(size=2000), (0.0, None)),
        (np.repeat([0.0, 0.5, 1.0], 40), (0.0, 1.0)),
        (np.clip(np.random.default_rng(3).normal(50, 40, 3000), 0, 100), (0.0, 100.0)),
    ],
    ids=["amounts", "few values", "cut off"],
)
def test_an_end_by_nature_has_no_margin(values, wanted):
    low, high = likelihood.limits(profiled(values))
    assert low == wanted[0]
    assert wanted[1] is None or high == wanted[1]


def test_zero_is_the_lowest_end_of_amounts_but_not_of_numbers_that_come_near_it_by_chance():
    rng = np.random.default_rng(4)
    with (SAMPLES / "credit-risk" / "data" / "credit.csv").open() as file:
        ages = np.asarray([int(row["age"]) for row in csv.DictReader(file)])
    assert likelihood.limits(profiled(ages))[0] == 0.0
    assert likelihood.limits(profiled(100 + 8 * rng.standard_t(3, 300)))[0] == 0.0
    assert likelihood.limits(profiled(rng.integers(1, 1000, 300)))[0] == 0.0
    assert likelihood.far_at_least(-1, 19, 0, 300, 300) == 0
    assert likelihood.far_at_least(-1, 19, -0.5, 300, 300) > 0
    near = rng.normal(12, 5, 300)
    assert likelihood.limits(profiled(near[near > 1]))[0] < 0


def test_numbers_that_a_normal_tail_brings_below_zero_are_no_amounts():
    rng = np.random.default_rng(4)
    for mean in (3.5, 4.0):
        normal = rng.normal(mean, 1, 2_000)
        low, _ = likelihood.limits(profiled(normal[normal > 0.1]))
        assert low is not None
        assert low < 0


@pytest.mark.parametrize("values", [[1e308, -1e308, 1.0] * 10, [5.0] * 50, [5.0, 6.0], [0.0, 5e-324] * 9])
def test_odd_values_give_limits_that_hold_them(values):
    low, high = likelihood.limits(profiled(values))
    assert low is None or low <= min(values)
    assert high is None or high >= max(values)
