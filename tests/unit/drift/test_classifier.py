"""The classifier of all columns together, on samples of rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tests.unit.drift.making import judge
from workbench.drift import classifier, rule
from workbench.drift.classifier import RowSample, domain
from workbench.drift.report import Settings


def rows(seed: int, count: int = 400, correlation: float = 0.0) -> pa.Table:
    random = np.random.default_rng(seed)
    one = random.normal(size=count)
    other = correlation * one + np.sqrt(1 - correlation**2) * random.normal(size=count)
    letters = [("a", "b", None)[code] for code in random.integers(0, 3, count)]
    return pa.table({"id": np.arange(count) + seed * count, "one": one, "other": other, "c": letters})


def test_rows_of_one_distribution_are_not_told_apart():
    found = domain(rows(1), rows(2), {"id"}, permutations=19)
    assert 0.4 < found.auc < 0.58
    assert found.p > 0.05
    assert (found.rows, found.permutations) == (800, 19)


def test_whole_numbers_too_large_for_floats_are_taken_as_the_nearest():
    random = np.random.default_rng(3)
    before, after = (pa.table({"big": 2**62 + random.integers(0, 2**60, 200) * (side + 1)}) for side in (0, 1))
    assert domain(before, after, set(), permutations=9).auc > 0.6


def test_columns_that_are_no_longer_correlated_are_seen_though_each_is_as_before():
    before, after = rows(1, correlation=0.9), rows(2)
    columns = [{name: side[name].combine_chunks() for name in ("one", "other", "c")} for side in (before, after)]
    single = judge(*columns)
    assert single.verdict == "ok"
    found = domain(before, after, {"id"}, permutations=19)
    assert found.auc > 0.6
    assert found.p == pytest.approx(1 / 20)
    assert set(found.columns[:2]) == {"one", "other"}
    assert rule.with_domain(single, found, Settings()).verdict == "drift"
    assert rule.with_domain(single, None, Settings()) is single


def test_the_same_rows_give_the_same_answer():
    assert domain(rows(1), rows(2), {"id"}, permutations=3) == domain(rows(1), rows(2), {"id"}, permutations=3)


def test_a_column_left_out_does_not_tell():
    assert domain(rows(1), rows(2), (), permutations=1).auc > 0.9
    assert domain(rows(1).select(["id"]), rows(2).select(["id"]), {"id"}) is None


def test_odd_values_are_learned_from_as_they_are():
    random = np.random.default_rng(0)
    odd = np.where(random.random(200) < 0.2, np.inf, 1e308)
    one = pa.table({"x": odd, "flag": random.random(200) < 0.5, "none": pa.nulls(200)})
    other = pa.table({"x": -odd, "flag": ["yes"] * 200, "none": pa.nulls(200)})
    assert domain(one, other, (), permutations=1).auc == 1.0


def test_few_rows_give_no_answer():
    assert domain(rows(1, 29), rows(2), {"id"}) is None


def sample(first: int, count: int, seed: int) -> RowSample:
    found = RowSample(seed)
    for start in range(first, first + count, 700):
        values = np.arange(start, min(start + 700, first + count))
        found.add(pa.RecordBatch.from_arrays([pa.array(values)], names=["x"]))
    return found


def test_a_sample_is_uniform_over_batches_and_over_parts():
    whole = sample(0, 20_000, 1)
    values = whole.rows["x"].to_numpy()
    assert len(set(values.tolist())) == classifier.ROWS
    assert np.mean(values) == pytest.approx(10_000, rel=0.08)
    joined = sample(0, 15_000, 2)
    joined.join(sample(15_000, 5_000, 3))
    values = joined.rows["x"].to_numpy()
    assert len(values) == classifier.ROWS
    assert np.mean(values >= 15_000) == pytest.approx(0.25, abs=0.06)
    assert len(sample(0, 50, 1).rows) == 50
