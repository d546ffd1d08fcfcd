"""Whatever two tables hold, a check ends with a verdict on each column, which can be kept and read again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.drift.making import judge, window
from workbench.drift import profile, report
from workbench.drift.report import RANKS, Settings

ROWS = st.shared(st.integers(1, 45), key="rows")
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
KINDS = {
    "float": (st.floats(), pa.float64()),
    "whole": (st.integers(-(2**63), 2**63 - 1), pa.int64()),
    "few": (st.integers(0, 2), pa.int64()),
    "text": (st.text(max_size=6), pa.string()),
    "letter": (st.sampled_from("ab"), pa.string()),
    "truth": (st.booleans(), pa.bool_()),
    "time": (MOMENTS, pa.timestamp("us", "UTC")),
    "nothing": (st.none(), pa.null()),
}


@st.composite
def tables(draw):
    rows = draw(ROWS)
    found = {}
    for name in "abc":
        values, type_ = KINDS[draw(st.sampled_from(sorted(KINDS)))]
        cells = draw(st.lists(st.none() | values, min_size=rows, max_size=rows))
        found[name] = pa.array(cells, type_)
    return found


RELAXED = Settings(least_rows=3)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables(), tables())
def test_any_two_tables_are_judged_and_kept(one, other):
    sides = window(one), window(other)
    for side in sides:
        assert profile.from_json(json.loads(json.dumps(profile.to_json(side), allow_nan=False))) == side
    found = judge(*sides, RELAXED)
    assert {column.name for column in found.columns} == set("abc")
    for column in found.columns:
        assert column.verdict in RANKS and column.why
        assert 0 <= column.effect <= 1 and (column.p is None or 0 <= column.p <= 1)
        assert not [one.statistic.note for one in column.judged if "Error" in one.statistic.note]
    text = json.dumps(report.window_to_json(found), allow_nan=False)
    again = report.window_from_json(json.loads(text))
    assert [one.verdict for one in again.columns] == [one.verdict for one in found.columns]
    assert replace(again, columns=()) == replace(found, columns=(), profile=None, reference_profile=None)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables())
def test_a_table_does_not_differ_from_itself(one):
    found = judge(window(one), window(one), RELAXED)
    assert {column.verdict for column in found.columns} <= {"ok", "insufficient"}
    assert all(column.effect == 0 for column in found.columns)
