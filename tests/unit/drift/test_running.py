"""Columns that name rows without being declared: running numbers and texts that are all different are no drift."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.drift.making import judge, verdicts, window
from workbench.drift import profile
from workbench.drift.profile import merge_all
from workbench.drift.running import DENSE, LEAST, Running

RANDOM = np.random.default_rng(8)


def names_rows(values, batch=65_536):
    return window({"x": values}, batch=batch).column("x").names_rows


@given(
    st.lists(st.lists(st.integers(-300, 300), min_size=1, max_size=20), min_size=1, max_size=6),
    st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_numbers_hold_as_long_as_all_are_different(parts, floats):
    running = Running()
    for part in parts:
        running.add(np.asarray(part, dtype=np.float64 if floats else np.int64))
    values = [value for part in parts for value in part]
    assert running.holds == (len(set(values)) == len(values))


@pytest.mark.parametrize(
    "values",
    [
        np.arange(1, 5001),
        np.arange(5000, 0, -1),
        RANDOM.permutation(200_000),
        np.sort(RANDOM.permutation(10_000)[:8000]),
        np.arange(1, 5001).astype(float),
        pa.array([None, *range(1, 3000)]),
        np.arange(10**12, 10**12 + LEAST),
        2**62 + np.arange(500),
        np.arange(500) + np.int64(-(2**63)),
    ],
    ids=["up", "down", "shuffled", "a part of a table", "floats", "with one missing", "few", "large", "least of all"],
)
def test_whole_numbers_close_together_and_all_different_number_rows(values):
    assert names_rows(values)
    assert names_rows(values, batch=777)


@pytest.mark.parametrize(
    "values",
    [
        RANDOM.integers(0, 100, 60),
        RANDOM.integers(0, 10**6, 5000),
        np.arange(LEAST - 1),
        np.append(np.arange(5000), 17),
        np.arange(0, 9000, round(1 / DENSE) + 1),
        RANDOM.normal(size=3000),
        np.arange(100) + 0.5,
        np.asarray([-(2**63), 2**63 - 1]),
        2.0**60 + np.arange(0, 2**20, 2**10),
        np.append(np.arange(100.0), np.nan),
    ],
    ids=["ages", "amounts", "too few", "one twice", "gaps", "measured", "halves", "far apart", "large floats", "NaN"],
)
def test_other_numbers_do_not(values):
    assert not names_rows(values)
    assert not names_rows(values, batch=13)


def test_a_running_number_that_goes_on_is_no_drift():
    found = judge({"row": np.arange(1, 2001)}, {"row": np.arange(2001, 4001)})
    column = found.column("row")
    assert (found.verdict, column.verdict, column.kind) == ("ok", "ok", "id")
    assert column.why == "A running number, not compared."


def test_missing_values_of_a_running_number_are_compared():
    gone = pa.array([None if at % 2 else at for at in range(2000)])
    assert verdicts(judge({"row": np.arange(2000)}, {"row": gone})) == {"row": "drift"}


def test_a_feature_of_whole_numbers_is_compared_as_before():
    random = np.random.default_rng(1)
    moved = judge({"age": random.integers(20, 60, 2000)}, {"age": random.integers(40, 80, 2000)})
    assert verdicts(moved) == {"age": "drift"}


def test_texts_that_are_all_different_and_longer_ones_after_them_are_no_drift():
    reference = {"order": [f"A{at}" for at in range(1, 1000)]}
    found = judge(reference, {"order": [f"A{at}" for at in range(10_000, 11_000)]})
    assert (verdicts(found), found.column("order").kind) == ({"order": "ok"}, "id")
    few = judge(reference, {"order": [f"A{at}" for at in range(10_000, 10_100)]})
    assert verdicts(few) == {"order": "ok"}


def test_names_of_rows_that_are_one_and_the_same_later_drift():
    reference = {"order": [f"A{at}" for at in range(1000)]}
    assert verdicts(judge(reference, {"order": ["unknown"] * 1000})) == {"order": "drift"}


def test_what_people_write_is_no_name_of_a_row():
    random = np.random.default_rng(2)
    before = [f"it took {at} days to come here" for at in random.permutation(1000)]
    after = [f"it took {at} days, and nobody there had told us in time" for at in random.permutation(1000)]
    assert verdicts(judge({"text": before}, {"text": after})) == {"text": "drift"}


def test_what_names_rows_is_kept_and_merged():
    parts = [window({"row": np.arange(start, start + 500)}) for start in (0, 500, 1000)]
    whole = merge_all(parts, "all")
    assert whole.column("row").names_rows
    assert not merge_all([*parts, parts[0]], "twice").column("row").names_rows
    assert not merge_all([parts[0], window({"row": np.arange(10**6, 10**6 + 500)})], "apart").column("row").names_rows
    assert profile.from_json(json.loads(json.dumps(profile.to_json(whole)))) == whole
    texts = [window({"key": [f"k{at}" for at in range(start, start + 300)]}) for start in (0, 300)]
    assert merge_all(texts, "all").column("key").names_rows
    assert not merge_all([*texts, texts[0]], "twice").column("key").names_rows
