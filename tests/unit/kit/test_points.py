from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.tui.kit.points import smooth, thin

finite = st.floats(-1e6, 1e6)
relaxed = settings(deadline=None)


@relaxed
@given(st.lists(finite, min_size=1, max_size=80), st.floats(0.01, 1))
def test_smooth_equals_the_adjusted_average_of_pandas(ys, alpha):
    expected = pd.Series(ys).ewm(alpha=alpha, adjust=True).mean().to_numpy()
    np.testing.assert_allclose(smooth(ys, alpha), expected, rtol=1e-12, atol=1e-12 * max(1.0, *map(abs, ys)))


@relaxed
@given(st.lists(st.one_of(finite, st.just(math.nan)), min_size=1, max_size=80), st.floats(0.01, 1))
def test_smooth_keeps_gaps_and_passes_over_them(ys, alpha):
    values = pd.Series(ys)
    expected = values.ewm(alpha=alpha, adjust=True, ignore_na=True).mean().where(values.notna())
    top = max((abs(y) for y in ys if not math.isnan(y)), default=1.0)
    np.testing.assert_allclose(smooth(ys, alpha), expected.to_numpy(), rtol=1e-12, atol=1e-12 * max(1.0, top))


def test_smooth_is_not_poisoned_by_infinities_nor_by_large_values():
    assert smooth([1, math.inf, 1, -math.inf, 1], 0.3) == [1, math.inf, 1, -math.inf, 1]
    assert all(map(math.isfinite, smooth([1.7e308, -1.7e308] * 20, 0.1)))


@pytest.mark.parametrize("alpha", [0, -1, 1.1, math.nan])
def test_smooth_refuses_a_weight_that_is_none(alpha):
    with pytest.raises(ValueError, match="alpha"):
        smooth([1.0], alpha)


def test_few_points_come_back_sorted_and_otherwise_as_they_are():
    thinned = thin([3, 1, 2, math.nan], [30, 10, 20, 0], 5)
    assert (thinned.xs, thinned.means) == ([1, 2, 3], [10, 20, 30])
    assert thinned.lows == thinned.highs == thinned.means


@relaxed
@given(st.lists(st.tuples(st.integers(0, 1000), finite), min_size=1, max_size=300), st.integers(1, 40))
def test_buckets_keep_the_extremes_and_the_order(points, buckets):
    xs, ys = [x for x, _ in points], [y for _, y in points]
    thinned = thin(xs, ys, buckets)
    assert len(thinned.xs) <= max(buckets, 1) and thinned.xs == sorted(thinned.xs)
    assert min(thinned.lows) == min(ys) and max(thinned.highs) == max(ys)
    slack = 1e-9 * max(1.0, *map(abs, ys))
    triples = zip(thinned.lows, thinned.means, thinned.highs, strict=True)
    assert all(low - slack <= mean <= high + slack for low, mean, high in triples)


def test_buckets_have_the_means_that_numpy_finds():
    xs, ys = np.arange(1000.0), np.random.default_rng(0).normal(size=1000)
    thinned = thin(list(xs), list(ys), 10, (0.0, 1000.0))
    np.testing.assert_allclose(thinned.means, ys.reshape(10, 100).mean(axis=1), rtol=1e-12)
    np.testing.assert_array_equal(thinned.lows, ys.reshape(10, 100).min(axis=1))


def test_gaps_and_infinities_in_buckets():
    thinned = thin(range(8), [1, math.nan, math.nan, math.nan, 2, math.inf, math.inf, math.inf], 4, (0, 8))
    assert thinned.means[0] == 1 and math.isnan(thinned.means[1])
    assert thinned.means[2] == 2 and thinned.highs[2] == math.inf and thinned.means[3] == math.inf


def test_the_mean_of_values_near_the_largest_float_is_finite():
    assert thin(range(6), [1.7e308] * 6, 2).means == pytest.approx([1.7e308, 1.7e308])


def test_without_extremes_the_means_are_the_same_and_infinities_are_kept():
    ys = [math.sin(x) for x in range(100)]
    fast, full = thin(range(100), ys, 7, extremes=False), thin(range(100), ys, 7)
    assert fast.means == full.means and fast.highs == fast.means
    assert math.inf in thin(range(100), [*ys[:-1], math.inf], 7, extremes=False).highs
