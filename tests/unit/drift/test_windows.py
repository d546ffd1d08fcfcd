"""Windows of a table: how rows are cut, that batches do not matter, merging, and the form in which they are kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from tests.unit.drift.making import judge, verdicts, window, windows
from workbench.drift import measure, profile
from workbench.drift.measure import By, parse_by
from workbench.errors import UsageError

START = datetime(2024, 1, 31, 22, tzinfo=UTC)
HOURS = pa.array([START + timedelta(hours=at) for at in range(24 * 40)])


def labels(unit: str) -> list[tuple[str, int]]:
    return [(one.label, one.rows) for one in windows({"t": HOURS}, By(unit), "t")]


def test_rows_are_cut_by_the_calendar():
    assert labels("month") == [("2024-01", 2), ("2024-02", 29 * 24), ("2024-03", 24 * 40 - 2 - 29 * 24)]
    assert labels("quarter") == [("2024-Q1", 960)]
    assert labels("year") == [("2024", 960)]
    assert labels("week")[:2] == [("2024-01-29", 2 + 24 * 4), ("2024-02-05", 24 * 7)]
    assert labels("day")[:2] == [("2024-01-31", 2), ("2024-02-01", 24)]
    assert labels("hour")[:2] == [("2024-01-31 22h", 1), ("2024-01-31 23h", 1)]


def test_a_window_knows_its_beginning_and_its_end():
    february = windows({"t": HOURS}, By("month"), "t")[1]
    assert datetime.fromtimestamp(february.start, UTC).isoformat() == "2024-02-01T00:00:00+00:00"
    assert datetime.fromtimestamp(february.end, UTC).isoformat() == "2024-03-01T00:00:00+00:00"


def test_rows_are_cut_by_number_across_batches():
    found = windows({"x": np.arange(2500)}, By(rows=1000), batch=700)
    assert [(one.label, one.rows) for one in found] == [
        ("rows 1–1,000", 1000),
        ("rows 1,001–2,000", 1000),
        ("rows 2,001–2,500", 500),
    ]
    assert [one.column("x").base.low for one in found] == [0, 1000, 2000]


def test_rows_in_any_order_and_batches_of_any_size_give_the_same_windows():
    random = np.random.default_rng(0)
    order = random.permutation(len(HOURS))
    columns = {
        "t": HOURS,
        "x": pa.array(random.normal(size=len(HOURS))),
        "c": pa.array([str(at % 7) for at in range(960)]),
    }
    mixed = {name: values.take(pa.array(order)) for name, values in columns.items()}
    one, other = windows(columns, By("month"), "t"), windows(mixed, By("month"), "t", batch=101)
    for first, second in zip(one, other, strict=True):
        assert (first.label, first.rows) == (second.label, second.rows)
        assert first.column("x").base.knots == pytest.approx(second.column("x").base.knots)
        assert first.column("c") == second.column("c")
        assert first.column("t").aspects == second.column("t").aspects


def test_rows_without_a_time_are_counted_and_in_no_window():
    times = pa.array([datetime(2024, 1, 1, tzinfo=UTC), None, datetime(2024, 2, 1, tzinfo=UTC), None])
    made = measure.Windows([("t", "time", "time")], By("month"), "t")
    made.add(pa.RecordBatch.from_arrays([times], names=["t"]))
    assert [one.rows for one in made.freeze()] == [1, 1]
    assert made.undated == 2


def test_cutting_by_what_is_no_time_names_what_is():
    with pytest.raises(UsageError, match="'x' is no column of times") as caught:
        windows({"x": np.arange(9), "when": HOURS.slice(0, 9)}, By("month"), "x")
    assert "--time when" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", By()),
        ("month", By("month")),
        ("Weeks", By("week")),
        ("1000 rows", By(rows=1000)),
        ("1,000 rows", By(rows=1000)),
    ],
)
def test_a_way_to_cut_is_read(text, expected):
    assert parse_by(text) == expected


@pytest.mark.parametrize("text", ["fortnight", "0 rows", "rows", "-5 rows", "_ rows"])
def test_a_way_to_cut_that_is_none_is_refused(text):
    with pytest.raises(UsageError):
        parse_by(text)


def test_the_same_window_of_a_year_before():
    def back(moment: datetime, unit: str) -> datetime:
        return datetime.fromtimestamp(measure.a_year_before(moment.timestamp(), unit), UTC)

    assert back(datetime(2025, 3, 1, tzinfo=UTC), "month") == datetime(2024, 3, 1, tzinfo=UTC)
    assert back(datetime(2025, 3, 3, tzinfo=UTC), "week").weekday() == 0
    assert back(datetime(2025, 1, 1, tzinfo=UTC), "year") == datetime(2024, 1, 1, tzinfo=UTC)


def varied(seed: int, rows: int = 3000):
    random = np.random.default_rng(seed)
    numbers = random.normal(size=rows)
    numbers[:5] = [np.nan, np.inf, -np.inf, 0.0, -0.0]
    return {
        "x": pa.array(numbers, mask=random.random(rows) < 0.1),
        "n": random.integers(0, 9, rows),
        "c": pa.array([f"c{code}" for code in random.integers(0, 5, rows)]),
        "text": pa.array([f"{code:06d}" for code in random.integers(0, 2000, rows)]),
        "t": pa.array([START + timedelta(minutes=int(at)) for at in random.integers(0, 90_000, rows)]),
        "b": pa.array(random.random(rows) < 0.3),
        "none": pa.nulls(rows),
        "id": pa.array(np.arange(rows) + seed * rows),
    }


def test_a_window_survives_its_form_in_json():
    found = window(varied(1), ids=("id",))
    text = json.dumps(profile.to_json(found), allow_nan=False)
    assert profile.from_json(json.loads(text)) == found
    assert profile.from_json({"version": 99}) is None
    assert profile.from_json({"version": profile.VERSION, "table": {}}) is None


def test_windows_merge_into_what_reading_the_rows_together_gives():
    parts = varied(1), varied(2)
    both = {name: pa.concat_arrays([pa.array(part[name]) for part in parts]) for name in parts[0]}
    merged = profile.merge(*(window(part, ids=("id",)) for part in parts), "both")
    whole = window(both, ids=("id",))
    assert (merged.label, merged.rows) == ("both", 6000)
    for one in whole.columns:
        other = merged.column(one.name)
        assert (other.base.count, other.base.missing, other.base.nan) == (
            one.base.count,
            one.base.missing,
            one.base.nan,
        )
        assert [aspect.known for aspect in other.aspects] == [aspect.known for aspect in one.aspects]
    assert merged.column("id").sample == whole.column("id").sample
    assert merged.column("text").sample == whole.column("text").sample
    assert dict(merged.column("c").base.values) == dict(whole.column("c").base.values)
    assert merged.column("x").base.knots == pytest.approx(whole.column("x").base.knots, abs=0.2)


def test_numbers_that_are_few_in_all_parts_are_kept_and_those_of_older_profiles_are_not_missed():
    parts = [window({"x": np.arange(at, at + 900, dtype=float)}) for at in (0, 600)]
    counted = profile.merge(*parts).column("x").numbers
    assert len(counted) == 1500 and sum(count for _, count in counted) == 1800 and counted[600] == (600.0, 2)
    assert profile.merge_all([*parts, window({"x": np.arange(5000.0)})], "all").column("x").numbers == ()
    older = {name: value for name, value in profile.to_json(parts[0]).items() if name != "numbers"}
    assert profile.from_json(older).column("x").base == parts[0].column("x").base


def test_texts_too_many_to_count_are_looked_into_all_the_same():
    texts = pa.array([f"{at:07d}" for at in range(60_000)])
    streamed = window({"t": texts}, batch=7000).column("t")
    lengths = streamed.aspect("length")
    assert (lengths.known, lengths.low, lengths.high) == (60_000, 7, 7)
    assert len(streamed.sample.counts) == profile.SAMPLE
    assert streamed.sample == window({"t": texts.take(pa.array(np.arange(60_000)[::-1]))}).column("t").sample


def test_a_table_without_rows_is_a_window_without_rows():
    assert window({"x": pa.array([], pa.float64())}).rows == 0


def test_windows_of_many_parts_are_close_to_that_of_all_rows_and_say_how_close():
    parts = [varied(seed, 1500) for seed in range(9)]
    both = {name: pa.concat_arrays([pa.array(part[name]) for part in parts]) for name in parts[0]}
    merged = profile.merge_all([window(part, ids=("id",)) for part in parts], "all")
    whole = window(both, ids=("id",))
    assert (merged.label, merged.rows, merged.column("x").merges, merged.column("n").merges) == ("all", 13_500, 4, 0)
    found = judge(whole, merged, ids=("id",))
    assert set(verdicts(found).values()) == {"ok"}
    ks = next(one.statistic for one in found.column("x").judged if one.name == "KS")
    assert ks.value < 0.01 < ks.error < 0.05
    assert merged.column("id").sample == whole.column("id").sample
    assert profile.from_json(json.loads(json.dumps(profile.to_json(merged)))) == merged


def test_texts_that_are_few_in_each_part_and_many_together_are_looked_into():
    def codes(first):
        return window({"t": [f"{at:05d}" for at in range(first, first + 150)] * 10})

    merged = profile.merge_all([codes(0), codes(150)], "").column("t")
    whole = window({"t": [f"{at:05d}" for at in range(300)] * 10}).column("t")
    assert not merged.base.complete
    assert merged.sample == whole.sample
    assert [(one.name, one.known, one.low, one.high) for one in merged.aspects] == [
        (one.name, one.known, one.low, one.high) for one in whole.aspects
    ]


def test_values_that_hold_replaced_bytes_are_counted_kept_and_added_up():
    rows = pa.RecordBatch.from_pydict({"x": ["a", "b\ufffd", "b\ufffd", None]})
    made = measure.Windows([("x", "text", "text")], damaged=True)
    made.add(rows)
    (found,) = made.freeze()
    both = profile.merge(found, profile.from_json(profile.to_json(found)))
    assert [one.column("x").damaged for one in (found, both)] == [2, 4]


MANY = {
    "measured": lambda random: random.normal(size=900),
    "decimals": lambda random: np.round(random.normal(size=900), 3),
    "huge": lambda random: random.normal(size=900) * 1e300,
    "minute": lambda random: random.normal(size=900) * 1e-300,
    "whole": lambda random: random.integers(-(2**62), 2**62, 900),
    "several times": lambda random: random.choice(random.normal(size=400), 900),
    "times": lambda random: random.integers(0, 2**50, 900).astype("datetime64[us]"),
}


@pytest.mark.parametrize("name", MANY)
def test_all_numbers_of_a_column_are_kept_to_the_last_bit(name):
    found = window({"x": MANY[name](np.random.default_rng(3))})
    kept = profile.to_json(found)
    assert len(found.column("x").numbers) > 200
    assert profile.from_json(json.loads(json.dumps(kept))) == found
    pairs = [list(pair) for pair in found.column("x").numbers]
    as_before = {**kept, "version": 2, "numbers": {"x": pairs}}
    assert profile.from_json(json.loads(json.dumps(as_before))) == found
    assert len(json.dumps(kept)) < 0.8 * len(json.dumps(as_before))


def test_numbers_that_are_damaged_are_no_profile():
    kept = profile.to_json(window({"x": np.random.default_rng(3).normal(size=900)}))
    for text in ("AAAA", "?", 7):
        assert profile.from_json({**kept, "numbers": {"x": [text, None, []]}}) is None
