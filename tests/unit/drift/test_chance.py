"""The probabilities of drift equal those of scipy, or of exact fractions where scipy itself is less exact."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats
from scipy.special import chdtrc

from workbench.drift import chance

NEAR = 1e-9


@pytest.mark.parametrize("size", [1, 2, 3, 5, 10, 50, 140, 141, 300, 2048, 2049, 3000, 50_000, 100_001, 500_000])
def test_kolmogorovs_tail_equals_scipy(size):
    inner = np.linspace(0.05, 1.48, 60)
    # Of many values scipy takes a second for one tail.
    outer = np.linspace(1.49, 6, 20) if size <= 3000 else np.asarray([1.49, 2.2])
    for z in [*inner, *outer, 0.51 * math.sqrt(size), 0.999 * math.sqrt(size)]:
        gap = float(z) / math.sqrt(size)
        expected = stats.kstwo.sf(gap, size)
        found = chance.kolmogorov(gap, size)
        assert found == pytest.approx(expected, abs=NEAR), z
        if z > 1.49:
            assert found == pytest.approx(expected, rel=1e-8, abs=1e-300), z


@pytest.mark.parametrize("size", [1_000_000, 1_000_001, 2_000_000])
def test_kolmogorovs_tail_of_a_million_values_is_the_sum_of_binomial_probabilities(size):
    for z in (1.6, 2.5):
        gap = z / math.sqrt(size)
        j = np.arange(1, int(size * (1 - gap)) + 1)
        exact = 2 * float((stats.binom.pmf(j, size, gap + j / size) * gap / (gap + j / size)).sum())
        found = chance.kolmogorov(gap, size)
        assert found == pytest.approx(exact, rel=1e-10)
        assert found == pytest.approx(stats.kstwo.sf(gap, size), abs=NEAR if size <= 1_000_000 else 3e-8)


def test_kolmogorovs_tail_ends_where_there_is_nothing_or_everything():
    for size in (1, 7, 200, 10**6):
        assert chance.kolmogorov(0.0, size) == 1
        assert chance.kolmogorov(1.0, size) == 0
        assert chance.kolmogorov(0.5 / size, size) == 1


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 9, 10, 99, 200, 1001])
def test_the_tail_of_chi_squared_equals_scipy(degrees):
    for value in (0.0, 1e-9, 0.3, 1.0, degrees / 2, float(degrees), 3.0 * degrees, 500.0, 1300.0):
        assert chance.chi_squared(degrees, value) == pytest.approx(chdtrc(degrees, value), rel=NEAR, abs=1e-300)


def test_chi_squared_without_degrees_says_nothing():
    assert chance.chi_squared(0, 12.0) == 1


def test_fishers_test_equals_scipy_on_any_small_table():
    random = np.random.default_rng(4)
    for _ in range(400):
        of, out_of = (int(10 ** random.uniform(0, 4)) for _ in range(2))
        before, after = (min(rows, int(random.poisson(random.choice([1, 4, 30])))) for rows in (of, out_of))
        if random.random() < 0.3:
            before, after = of - before, out_of - after
        expected = stats.fisher_exact([[before, of - before], [after, out_of - after]]).pvalue
        assert chance.fisher(before, of, after, out_of) == pytest.approx(expected, rel=NEAR, abs=1e-300)


@pytest.mark.parametrize(
    ("before", "of", "after", "out_of"),
    [(2, 10**8, 4, 10**8 + 7), (6, 10**9, 3, 500), (0, 40, 5, 10**8), (3, 3, 2, 10**7), (20, 10**8, 7, 10**8)],
)
def test_fishers_test_is_exact_with_many_rows(before, of, after, out_of):
    total = before + after
    ways = {k: math.comb(of, k) * math.comb(out_of, total - k) for k in range(min(of, total) + 1)}
    expected = Fraction(sum(each for each in ways.values() if each <= ways[before]), sum(ways.values()))
    assert chance.fisher(before, of, after, out_of) == pytest.approx(float(expected), rel=NEAR)
    others = chance.fisher(of - before, of, out_of - after, out_of)
    assert others == pytest.approx(float(expected), rel=NEAR)


def test_the_mean_deviation_of_a_dealt_class_equals_its_sum():
    random = np.random.default_rng(6)
    for _ in range(60):
        of, out_of = (int(random.integers(1, 60)) for _ in range(2))
        total = int(random.integers(0, of + out_of + 1))
        dealt = stats.hypergeom(of + out_of, total, of).pmf(np.arange(of + 1))
        expected = float((np.abs(np.arange(of + 1) - total * of / (of + out_of)) * dealt).sum())
        found = chance.mean_deviation(np.asarray([float(total)]), of, out_of)
        assert found[0] == pytest.approx(expected, rel=NEAR, abs=1e-12)


def test_the_mean_deviation_holds_with_many_rows():
    for of, out_of, total in ((10**6, 10**6, 10**6), (10**7, 1000, 12), (500_000, 10**6, 3)):
        above = math.floor(total * of / (of + out_of)) + 1
        share = stats.hypergeom(of + out_of, total, of).pmf(above)
        expected = 2 * above * (out_of - total + above) / (of + out_of) * share
        assert chance.mean_deviation(np.asarray([float(total)]), of, out_of)[0] == pytest.approx(expected, rel=1e-6)
