"""Counts of a check against plain Python, in any division into batches and parts."""

from __future__ import annotations

import math
import re

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.data import repeats, tally
from workbench.data.check import Check
from workbench.data.schema import ColumnSchema, Relation, Schema
from workbench.data.tables import type_name
from workbench.data.validate import judge

NOW = 1_700_000_000.0
numbers = st.one_of(
    st.none(), st.floats(-50, 150).map(lambda one: round(one, 1)), st.sampled_from([math.nan, math.inf])
)
texts = st.one_of(st.none(), st.sampled_from(["EWR", "JFK", "LGA", "XXX", "", "jfk", "N1", "N22A", "Ünï 7"]))
sizes = st.integers(1, 50)


def checked(schema, columns, size, parts=1, types=None):
    """Checks of a table, in so many parts, each read in batches of `size`."""
    types = types or {}
    arrays = {name: pa.array(values, types.get(name), from_pandas=False) for name, values in columns.items()}
    table = pa.table(arrays)
    kinds = [(one.name, type_name(one.type)) for one in table.schema]
    length = -(-table.num_rows // parts) or 1
    found = []
    for start in range(0, table.num_rows, length):
        check = Check(schema, kinds, environment="training", now=NOW, damaged=True)
        part = table.slice(start, length)
        for begin in range(0, part.num_rows, size):
            for batch in part.slice(begin, size).combine_chunks().to_batches():
                check.add(batch)
        found.append(check)
    return found


@pytest.mark.parametrize("parts", [1, 3])
def test_where_not_all_rows_were_looked_at_for_duplicates_a_note_says_so(monkeypatch, parts):
    columns = {"id": [*range(300)], "name": [f"n{at}" for at in range(300)]}
    schema = Schema((ColumnSchema("id", "whole"), ColumnSchema("name", "text", unique=True)), key=("id",))
    assert judge(schema, checked(schema, columns, 20, parts)) == ()
    monkeypatch.setattr(tally, "KEYED", 50)
    found = {one.kind: one for one in judge(schema, checked(schema, columns, 20, parts))}
    assert {(one.kind, one.severity, one.column) for one in found.values()} == {
        ("duplicate", "note", "name"),
        ("duplicate key", "note", ""),
    }
    assert f"{40 * parts} of 300 rows only" in found["duplicate"].words
    assert f"{60 * parts} of 300 rows only" in found["duplicate key"].words


def counts(checks, name):
    whole = tally.Tally(words=[])
    for check in checks:
        assert not check.broken
        whole.join(check.tallies[name])
    return whole


def rows_where(values, holds):
    return [at for at, value in enumerate(values, 1) if holds(value)]


def same(whole, kind, rows):
    hits = whole.hits.get(kind, tally.Hits())
    assert (hits.count, hits.first) == (len(rows), rows[:5]), kind


def is_number(value):
    return value is not None and math.isfinite(value)


@given(st.lists(numbers, min_size=1, max_size=120), sizes, st.integers(1, 3))
@settings(max_examples=80, deadline=None)
def test_numbers_are_counted_as_one_would_by_hand(values, size, parts):
    column = ColumnSchema("x", "number", min=0.0, max=100.0, seen=(10.0, 90.0))
    whole = counts(checked(Schema((column,)), {"x": values}, size, parts, {"x": pa.float64()}), "x")
    assert whole.rows == len(values)
    same(whole, "missing values", rows_where(values, lambda one: one is None))
    same(whole, "NaN", rows_where(values, lambda one: one is not None and math.isnan(one)))
    same(whole, "infinity", rows_where(values, lambda one: one is not None and math.isinf(one)))
    same(whole, "under", rows_where(values, lambda one: is_number(one) and one < 0))
    same(whole, "over", rows_where(values, lambda one: is_number(one) and one > 100))
    same(whole, "below", rows_where(values, lambda one: is_number(one) and one < 10))
    same(whole, "above", rows_where(values, lambda one: is_number(one) and one > 90))
    finite = [one for one in values if is_number(one)]
    assert (whole.low, whole.high) == (min(finite, default=math.inf), max(finite, default=-math.inf))


@given(st.lists(texts, min_size=1, max_size=120), sizes, st.integers(1, 3))
@settings(max_examples=80, deadline=None)
def test_texts_are_counted_as_one_would_by_hand(values, size, parts):
    known = ColumnSchema("x", "text", values=("EWR", "JFK", "LGA"))
    whole = counts(checked(Schema((known,)), {"x": values}, size, parts, {"x": pa.string()}), "x")
    same(whole, "out of domain", rows_where(values, lambda one: one is not None and one not in known.values))
    formed = ColumnSchema("x", "text", form=("A9", "A"), min=2, max=3)
    whole = counts(checked(Schema((formed,)), {"x": values}, size, parts, {"x": pa.string()}), "x")
    wrong = rows_where(values, lambda one: one is not None and not re.fullmatch(r"[A-ZÜ]+\d+|[A-ZÜ]+", one))
    same(whole, "form", wrong)
    same(whole, "under", rows_where(values, lambda one: one is not None and len(one) < 2))
    same(whole, "over", rows_where(values, lambda one: one is not None and len(one) > 3))
    present = {one for one in values if one is not None}
    assert whole.varies == (len(present) > 1)


@given(st.lists(st.one_of(st.none(), st.integers(0, 40)), min_size=1, max_size=100), sizes, st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_repeated_values_and_their_rows_are_those_of_pandas(values, size, parts):
    series = pd.Series(values, dtype="Int64")
    wanted = series.notna() & series.duplicated()
    for type_, given_values in ((pa.int64(), values), (pa.string(), [None if v is None else str(v) for v in values])):
        column = ColumnSchema("x", "whole" if type_ == pa.int64() else "text", unique=True)
        whole = counts(checked(Schema((column,)), {"x": given_values}, size, parts, {"x": type_}), "x")
        rows = (wanted[wanted].index + 1).tolist()
        assert repeats.duplicates(whole.words) == (len(rows), tuple(rows[:5]))


@given(
    st.lists(st.tuples(st.integers(0, 9), st.one_of(st.none(), st.integers(0, 9))), min_size=1, max_size=80),
    sizes,
    st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_relations_and_keys_are_counted_over_all_parts(pairs, size, parts):
    first, second = (list(each) for each in zip(*pairs, strict=True))
    relation = Relation(order=("a", "b"))
    schema = Schema((ColumnSchema("a", "whole"), ColumnSchema("b", "whole", missing=0.5)), (relation,), key=("a", "b"))
    checks = checked(schema, {"a": first, "b": second}, size, parts, {"b": pa.int64()})
    found = {one.kind: one for one in judge(schema, checks)}
    broken = rows_where(pairs, lambda pair: pair[1] is not None and pair[0] > pair[1])
    repeated = [at for at, pair in enumerate(pairs, 1) if pair in pairs[: at - 1]]
    for kind, rows in (("relation", broken), ("duplicate key", repeated)):
        if rows:
            assert (found[kind].count, found[kind].first) == (len(rows), tuple(rows[:5]))
        else:
            assert kind not in found


def test_texts_in_a_column_of_numbers_leave_the_numbers_to_be_checked():
    column = ColumnSchema("x", "number", min=0.0, max=9.0)
    values = ["1", " 2.5 ", "+3", "x", None, "1e3", "-.5", "2_0", "1,5"]
    whole = counts(checked(Schema((column,)), {"x": values}, 4), "x")
    same(whole, "wrong type", [4, 8, 9])
    same(whole, "over", [6])
    same(whole, "under", [7])


@pytest.mark.parametrize(
    ("type_", "high", "over"),
    [(pa.float32(), 0.1, []), (pa.float64(), 0.1, []), (pa.float64(), 0.09999, [1, 2])],
)
def test_a_limit_holds_for_the_same_number_in_fewer_bits(type_, high, over):
    column = ColumnSchema("x", "number", max=high)
    array = pa.array([0.1, 0.1, 0.05], type_).cast(pa.float64())
    check = Check(Schema((column,)), [("x", type_name(type_))], environment="training", now=NOW, damaged=False)
    check.add(pa.RecordBatch.from_arrays([array], names=["x"]))
    same(check.tallies["x"], "over", over)


def test_a_limit_drawn_below_what_was_seen_holds_to_the_letter():
    column = ColumnSchema("x", "whole", min=-5.0, max=50.0, seen=(0.0, 80.0))
    (finding,) = judge(Schema((column,), rows=200), checked(Schema((column,)), {"x": [*range(30), 51]}, 50))
    assert (finding.kind, finding.severity, finding.count) == ("out of range", "error", 1)
