"""How often good data are called bad, and bad data good: tables against a schema learned from others like them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from workbench.data import validate
from workbench.data.check import Check
from workbench.data.findings import worst
from workbench.data.measure import Measure
from workbench.data.propose import propose
from workbench.data.tables import canonical, canonical_type, kind_of, type_name
from workbench.data.traits import Traits

NOW = 1_800_000_000.0
CODES = [f"c{at}" for at in range(60)]
WEIGHTS = 1 / np.arange(1, 61) ** 1.2
WEIGHTS /= WEIGHTS.sum()


def batch_of(frame):
    table = pa.Table.from_pandas(frame, preserve_index=False)
    types = [canonical_type(one.type) for one in table.schema]
    columns = [(one.name, type_name(one.type), kind_of(type_)) for one, type_ in zip(table.schema, types, strict=True)]
    arrays = [canonical(table.column(at).combine_chunks(), type_) for at, type_ in enumerate(types)]
    return columns, pa.RecordBatch.from_arrays(arrays, names=table.column_names)


def learned(frame, **hints):
    columns, batch = batch_of(frame)
    measure, traits = Measure(columns, key=hints.get("key", ())), Traits(tuple(frame.columns))
    for reader in (measure, traits):
        reader.add(batch)
    return propose(measure.freeze(), traits.freeze(), now=NOW, **hints)


def checked(schema, frame, environment="training"):
    columns, batch = batch_of(frame)
    check = Check(
        schema, [(name, type_) for name, type_, _ in columns], environment=environment, now=NOW, damaged=False
    )
    check.add(batch)
    return validate.judge(schema, [check])


def table(rng, n, begin=0):
    """Twenty columns as they come in practice."""
    parts = rng.dirichlet([2, 3, 4], n)
    moment = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(rng.integers(0, 8000, n), "h")
    columns = {
        "row": np.arange(begin, begin + n),
        "when": moment,
        "after": moment + pd.to_timedelta(rng.integers(0, 90, n), "h"),
        "city": rng.choice(CODES, n, p=WEIGHTS),
        "size": rng.choice(["S", "M", "L"], n, p=[0.2, 0.5, 0.3]),
        "fresh": rng.random(n) < 0.3,
        "amount": rng.lognormal(3, 1, n),
        "score": np.round(rng.normal(50, 10, n), 1),
        "visits": rng.poisson(2, n),
        "level": rng.integers(1, 6, n),
        "age": rng.integers(18, 95, n),
        "share": rng.beta(2, 5, n),
        "wait": np.where(rng.random(n) < 0.1, np.nan, rng.exponential(5, n)),
        "seldom": np.where(rng.random(n) < 0.002, np.nan, rng.normal(size=n)),
        "plate": [f"{a}{b}-{c}" for a, b, c in zip(rng.choice(list("ABCDEF"), n), rng.choice(list("XYZ"), n),
                                                  rng.integers(100, 10_000, n), strict=True)],
        "note": [" ".join(rng.choice(CODES, k)) for k in rng.integers(1, 9, n)],
        "p": parts[:, 0], "q": parts[:, 1], "r": parts[:, 2],
        "label": rng.random(n) < 0.2,
    }  # fmt: skip
    return pd.DataFrame(columns)


@pytest.mark.parametrize(("n", "m", "repeats"), [(60, 60, 25), (500, 500, 20), (500, 4000, 6), (5000, 300, 6)])
def test_fresh_tables_of_the_same_kind_pass(n, m, repeats):
    rng = np.random.default_rng(n + m)
    errors = warnings = 0
    for _ in range(repeats):
        found = checked(learned(table(rng, n), key=("row",), target="label"), table(rng, m, begin=n))
        errors += worst(found) == "error"
        warnings += worst(found) == "warning"
    assert errors <= 0.02 * repeats + 1, "errors"
    assert errors + warnings <= 0.08 * repeats + 1, "warnings"


def spoilt(frame, column, rows, value):
    changed = frame.copy()
    if not (isinstance(value, bool) or frame[column].dtype.kind in "fOM"):
        changed[column] = changed[column].astype(float if isinstance(value, float) else object)
    changed.loc[: rows - 1, column] = value
    return changed


@pytest.mark.parametrize(
    ("column", "rows", "value", "kind"),
    [
        ("city", 30, "nowhere", "out of domain"),
        ("size", 1, "XXL", "out of domain"),
        ("score", 1, -999.0, "out of range"),
        ("score", 1, 1e9, "out of range"),
        ("amount", 3, -5.0, "out of range"),
        ("share", 20, 37.0, "out of range"),
        ("wait", 150, np.nan, "missing values"),
        ("seldom", 60, np.nan, "missing values"),
        ("amount", 1, np.inf, "infinity"),
        ("plate", 3, "unknown", "form"),
        ("note", 3, "x" * 5000, "out of range"),
        ("p", 4, 0.9, "relation"),
        ("after", 5, pd.Timestamp("2023-06-01", tz="UTC"), "relation"),
        ("when", 1, pd.Timestamp("1970-01-01", tz="UTC"), "out of range"),
        ("when", 1, pd.Timestamp("2100-01-01", tz="UTC"), "out of range"),
        ("row", 1, 700, "duplicate key"),
    ],
)
def test_what_is_wrong_is_found_and_named(column, rows, value, kind):
    rng = np.random.default_rng(7)
    schema = learned(table(rng, 1000), key=("row",), target="label")
    found = checked(schema, spoilt(table(rng, 600, begin=500), column, rows, value))
    hits = [one for one in found if one.kind == kind]
    assert hits, [(one.column, one.kind) for one in found]
    assert hits[0].severity in ("error", "warning")
    if kind not in ("relation", "duplicate key"):
        assert hits[0].column == column
    if kind not in ("missing values", "duplicate key"):
        assert hits[0].first[0] <= rows
        assert hits[0].count >= rows


def test_a_schema_of_such_a_table_says_what_one_would_write():
    schema = learned(table(np.random.default_rng(8), 3000), key=("row",), target="label")
    by_name = {one.name: one for one in schema.columns}
    assert schema.key == ("row",)
    assert by_name["row"].unique
    assert by_name["size"].values == ("L", "M", "S")
    assert by_name["level"].values == (1, 2, 3, 4, 5)
    assert by_name["when"].zone == "UTC"
    assert by_name["when"].step == "hour"
    assert not by_name["when"].future
    assert by_name["amount"].min == 0
    assert by_name["plate"].form == ("A-9",)
    assert by_name["label"].only == "training"
    assert {one.words for one in schema.relations} == {"when ≤ after", "p + q + r = 1"}
    assert not by_name["note"].values


def log(rng, day, n=1500):
    """A day of a log that grows: rows in the order of their times."""
    moment = pd.Timestamp("2026-03-01", tz="UTC") + pd.Timedelta(days=day)
    moment = moment + pd.to_timedelta(np.sort(rng.integers(0, 86_400, n)), "s")
    columns = {
        "seq": np.arange(n) + day * n,
        "at": moment,
        "day": moment.day,
        "month": moment.month,
        "year": moment.year,
        "date": moment.date,
        "epoch": (moment - pd.Timestamp("1970-01-01", tz="UTC")) // pd.Timedelta(seconds=1),
        "total": np.cumsum(rng.integers(0, 5000, n)) + day * n * 2500,
        "uptime": (np.arange(n) + day * n) * 1.5,
        "shift": np.repeat([1, 2, 3], n // 3) + day * 3,
        "hour": moment.hour,
        "level": rng.choice(["INFO", "WARN", "ERROR"], n, p=[0.8, 0.15, 0.05]),
        "wait": rng.exponential(5, n),
    }
    return pd.DataFrame(columns)


@pytest.mark.parametrize("days", [1, 25, 60, 300])
def test_what_runs_with_time_has_no_upper_end(days):
    rng = np.random.default_rng(days)
    schema = learned(log(rng, 0))
    assert {one.name for one in schema.columns if one.unique} == {"seq"}
    assert [one for one in checked(schema, log(rng, days)) if one.severity != "note"] == []
    back = checked(schema, log(rng, 0).assign(epoch=3, month=13, hour=24))
    assert {one.column for one in back if one.severity == "error"} == {"epoch", "month", "hour"}


def test_rows_sorted_by_a_column_of_few_values_keep_its_values():
    table = pd.DataFrame({"kind": np.repeat([0, 1, 2], 50), "x": np.random.default_rng(1).normal(size=150)})
    assert learned(table).column("kind").values == (0, 1, 2)


def test_the_label_is_missed_in_training_data_alone():
    rng = np.random.default_rng(9)
    schema = learned(table(rng, 400), target="label")
    fresh = table(rng, 400)
    assert [one.column for one in checked(schema, fresh.drop(columns="label")) if one.kind == "missing column"] == [
        "label"
    ]
    assert not [one for one in checked(schema, fresh.drop(columns="label"), "serving") if one.column == "label"]
    assert [one.kind for one in checked(schema, fresh, "serving") if one.column == "label"] == ["new column"]


def test_shares_of_a_whole_lie_between_nothing_and_the_whole():
    rng = np.random.default_rng(3)

    def shares(n):
        return pd.DataFrame(rng.dirichlet([2, 3, 4], n), columns=["one", "two", "three"])

    schema = learned(shares(2_000))
    assert {(one.min, one.max) for one in schema.columns} == {(0.0, 1.0)}
    assert not [one for _ in range(20) for one in checked(schema, shares(500)) if one.severity == "error"]
    wrong = shares(500)
    wrong.loc[7] = [-0.01, 0.01, 1.0]
    assert [(one.column, one.kind) for one in checked(schema, wrong) if one.severity == "error"] == [
        ("one", "out of range")
    ]
    changes = pd.DataFrame({"gain": rng.normal(0, 1, 500)}).assign(rest=lambda one: 1 - one["gain"])
    assert learned(changes).column("gain").min < -3
