"""Profiles against numpy and scipy, in any division into batches and parts."""

from __future__ import annotations

import json
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from workbench.data import measure, profile
from workbench.data.difference import compare, shift
from workbench.data.measure import Measure
from workbench.data.tables import kind_of, type_name


def profiled(values, type_=None, batch=1000, name="x"):
    """The profile of one column, read in batches."""
    array = pa.array(values, type_)
    made = Measure([(name, type_name(array.type), kind_of(array.type))])
    for start in range(0, max(len(array), 1), batch):
        made.add(pa.RecordBatch.from_arrays([array.slice(start, batch)], names=[name]))
    return made.freeze()


numbers = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9)
any_number = st.one_of(st.none(), numbers, st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0]))


@given(st.lists(any_number, max_size=400), st.integers(1, 200))
@settings(max_examples=60, deadline=None)
def test_counts_moments_and_quantiles_are_those_of_numpy(values, batch):
    column = profiled(values, pa.float64(), batch).columns[0]
    present = np.array([value for value in values if value is not None], dtype=float)
    finite = present[np.isfinite(present)]
    assert column.count == len(values)
    assert column.missing == sum(value is None for value in values)
    if not len(present):
        assert column.kind == "empty"
        return
    assert (column.nan, column.plus_infinite, column.minus_infinite) == (
        int(np.isnan(present).sum()), int((present == np.inf).sum()), int((present == -np.inf).sum())
    )  # fmt: skip
    assert column.exact
    assert column.distinct == len(np.unique(present))
    if not len(finite):
        return
    assert (column.low, column.high) == (finite.min(), finite.max())
    assert column.mean == pytest.approx(finite.mean(), rel=1e-9, abs=1e-6)
    assert column.deviation == pytest.approx(finite.std(), rel=1e-7, abs=1e-3)
    for step in (0, 64, 128, 192, 256):
        assert column.quantile(step / 256) == pytest.approx(np.quantile(finite, step / 256), rel=1e-9, abs=1e-6)


@given(st.lists(any_number, max_size=300), st.lists(any_number, max_size=300))
@settings(max_examples=60, deadline=None)
def test_merging_the_profiles_of_two_parts_is_the_profile_of_the_whole(first, second):
    whole = profiled(first + second, pa.float64())
    merged = profile.merge(profiled(first, pa.float64()), profiled(second, pa.float64()))
    one, other = whole.columns[0], merged.columns[0]
    assert merged.rows == whole.rows
    for name in ("count", "missing", "nan", "plus_infinite", "minus_infinite", "low", "high", "kind"):
        assert getattr(other, name) == getattr(one, name), name
    if one.mean is not None:
        assert other.mean == pytest.approx(one.mean, rel=1e-9, abs=1e-6)
        assert other.squares == pytest.approx(one.squares, rel=1e-6, abs=1e-3)
    if one.complete:
        assert dict(other.values) == dict(one.values)
        assert other.distinct == one.distinct
    elif one.known:
        assert max(abs(one.below(x) - other.below(x)) for x in one.knots) <= 2 / 256 + 2 / one.known


@given(st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=200), st.integers(0, 200))
@settings(max_examples=40, deadline=None)
def test_texts_merge_exactly(values, at):
    whole = profiled(values, pa.string(), 17).columns[0]
    parts = [profiled(part, pa.string()) for part in (values[:at], values[at:])]
    merged = profile.merge(*parts).columns[0]
    assert merged == whole


def test_many_values_are_estimated_with_a_known_error_and_merge_as_if_read_together():
    rng = np.random.default_rng(1)
    for array in (rng.integers(0, 10**9, 50_000), np.char.add("u", rng.integers(0, 10**9, 60_000).astype(str))):
        real = len(np.unique(array))
        whole = profiled(array).columns[0]
        merged = profile.merge(profiled(array[:30_000]), profiled(array[20_000:])).columns[0]
        assert merged.distinct == pytest.approx(real, rel=0.07)
        assert merged.sketch == whole.sketch
        assert not merged.exact


def test_quantiles_of_more_numbers_than_are_kept_stay_within_their_error(monkeypatch):
    monkeypatch.setattr(measure, "BLOCK", 1024)
    values = np.random.default_rng(2).lognormal(size=200_000)
    column = profiled(values, batch=7000).columns[0]
    error = math.log2(200_000 / 1024) / 2048 + 1e-4
    for step, knot in enumerate(column.knots):
        assert abs((values <= knot).mean() - step / 256) <= error + 1 / 1024
    assert (column.low, column.high) == (values.min(), values.max())


@pytest.mark.parametrize("move", [0.0, 0.5, 3.0])
def test_the_distance_of_numbers_is_that_of_scipy_within_what_it_says(move):
    rng = np.random.default_rng(3)
    old, new = rng.normal(size=3000), rng.normal(move, size=2000)
    found = shift(profiled(old).columns[0], profiled(new).columns[0])
    assert found.measure == "KS"
    assert found.distance == pytest.approx(stats.ks_2samp(old, new).statistic, abs=found.error)
    assert found.level == ("" if move == 0 else "large")


def test_the_distance_of_few_different_numbers_is_exact():
    rng = np.random.default_rng(4)
    old, new = rng.poisson(3, 500), rng.poisson(4, 700)
    found = shift(profiled(old).columns[0], profiled(new).columns[0])
    assert found.error == 0
    assert found.distance == pytest.approx(stats.ks_2samp(old, new).statistic, abs=1e-12)


def test_the_distance_of_texts_is_total_variation_and_new_values_are_named():
    old, new = ["a"] * 6 + ["b"] * 4, ["a"] * 5 + ["c"] * 5
    found = shift(profiled(old).columns[0], profiled(new).columns[0])
    assert found.distance == pytest.approx(0.5)
    assert found.fresh == (("c", 0.5),)
    assert found.gone == (("b", 0.4),)


def test_a_column_of_names_that_are_all_different_is_not_called_shifted():
    old, new = [f"u{i}" for i in range(5000)], [f"v{i}" for i in range(5000)]
    found = shift(profiled(old).columns[0], profiled(new).columns[0])
    assert found.level == ""
    assert found.error > 0.9


def test_one_wild_value_hides_no_shift_and_bins_still_sum_to_one():
    rng = np.random.default_rng(5)
    old, new = profiled(rng.normal(size=2000)), profiled([*rng.normal(1, size=2000), 1e12])
    found = compare(old, new).shifts[0]
    assert found.distance > 0.3
    span = profile.span_of([found.old, found.new])
    assert span[1] < 20
    for side in (found.old, found.new):
        shares = profile.bin_shares(side, profile.edges(span, 30))
        assert sum(shares) == pytest.approx(1)
        assert max(shares) < 0.2


def test_missing_values_alone_are_a_shift():
    found = shift(profiled([1.0, 2.0] * 50).columns[0], profiled([1.0, 2.0, None, None] * 25, pa.float64()).columns[0])
    assert found.distance == 0
    assert found.missing_change == 0.5
    assert found.level == "large"


@pytest.mark.parametrize(
    "values",
    [[1e308, -1e308, 1e308] * 100, [5.0] * 300, [2**62, 2**62 + 1, 0], [math.nan] * 3, [math.inf, -math.inf], []],
    ids=["huge", "constant", "large whole", "only nan", "only infinite", "none"],
)
def test_odd_columns_give_a_profile_that_survives_json(values):
    whole = profiled(values, pa.int64() if 0 in values else pa.float64())
    text = json.dumps(profile.to_json(whole), allow_nan=False)
    again = profile.from_json(json.loads(text))
    assert again is not None
    assert again.columns[0].distinct == whole.columns[0].distinct == len(set(map(str, values)))
    assert [again.columns[0].quantile(q) for q in (0, 0.5, 1)] == [whole.columns[0].quantile(q) for q in (0, 0.5, 1)]
    compare(whole, again)
    profile.merge(whole, again)


def test_a_profile_is_small_and_comes_back_equal_from_json():
    rng = np.random.default_rng(6)
    whole = profiled(rng.normal(size=20_000))
    document = profile.to_json(whole)
    assert len(document["columns"][0]["knots"]) == 257
    assert len(json.dumps(document)) < 10_000
    assert profile.from_json(json.loads(json.dumps(document))) == whole


@pytest.mark.parametrize(
    "value", [None, 3, [], {"version": 99}, {"version": 1}, {"version": 1, "rows": 1, "columns": [3]}]
)
def test_what_is_no_profile_is_none(value):
    assert profile.from_json(value) is None


def test_columns_of_different_kinds_merge_to_mixed():
    merged = profile.merge(profiled([1, 2, 3]), profiled(["1", "2"])).columns[0]
    assert (merged.kind, merged.type, merged.count) == ("mixed", "int64, text", 5)


def test_a_column_that_a_part_lacks_is_missing_there():
    merged = profile.merge(profiled([1, 2], name="a"), profiled(["x"], name="b"))
    assert [(one.name, one.missing, one.count) for one in merged.columns] == [("a", 1, 3), ("b", 2, 3)]
