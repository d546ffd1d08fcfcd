"""What is shown of columns that the policy guards, or that hold values of persons: never a value."""

from __future__ import annotations

import pyarrow as pa
import pytest

from workbench.config import Policy
from workbench.data.difference import compare, to_json
from workbench.data.findings import Finding
from workbench.data.masking import hidden_change, hidden_difference, hidden_finding, hidden_schema, hidden_table
from workbench.data.measure import Measure
from workbench.data.schema import Change, ColumnSchema, Schema, change_words
from workbench.data.tables import kind_of, type_name

RULES = Policy(forbidden_columns=("secret*",), allowed_personal=("contact",), quasi_identifiers=("age",))
CARDS = [4111111111111111, 5500000000000004, 4012888888881881]
SECRETS = ("purple", "77", "ana@", "4111", "555", "example.")


def profile_of(columns):
    table = pa.table(columns)
    measure = Measure([(one.name, type_name(one.type), kind_of(one.type)) for one in table.schema])
    for batch in table.to_batches():
        measure.add(batch)
    return measure.freeze()


def columns(extra=()):
    return {
        "secret_1": ["purple", "purples", *extra],
        "age": [77, 78, *(79 for _ in extra)],
        "contact": ["x", "ana@example.org", *extra],
        "note": ["mail ana@example.org", "plain", *(f"to ana@example.com, {at}" for at, _ in enumerate(extra))],
        "paid": [CARDS[0], CARDS[1], *(CARDS[2] for _ in extra)],
        "size": [1.5, 2.5, *(3.5 for _ in extra)],
    }


def shown(text):
    return [one for one in SECRETS if one in text]


def test_a_profile_and_a_difference_hold_no_value_of_a_guarded_column_and_all_of_others():
    old, new = profile_of(columns()), profile_of(columns(["purple new", "ana@example.com"]))
    assert set(shown(str(old))) == set(SECRETS)
    table = hidden_table(RULES, old)
    assert not shown(str(table))
    assert table.column("size") == old.column("size")
    assert dict(table.column("note").values) == {"mail …": 1, "plain": 1}
    assert all(one.quantile(0.5) is None for one in table.columns if one.name in ("age", "paid"))
    found = hidden_difference(RULES, compare(old, new))
    assert not shown(str(found))
    assert not shown(str(to_json(found)))
    assert [one.distance for one in found.shifts] == [one.distance for one in compare(old, new).shifts]


def test_a_schema_and_its_changes_are_shown_without_guarded_values():
    schema = Schema(
        (
            ColumnSchema("secret_1", "text", values=("purple",)),
            ColumnSchema("age", "whole", min=77, max=777, seen=(77, 777)),
            ColumnSchema("kind", "text", values=("a", "ana@example.org")),
        )
    )
    assert not shown(str(hidden_schema(RULES, schema)))
    changes = [
        Change("secret_1", "values", ["purple"], ["purple", "x"]),
        Change("age", "column", None, {"type": "whole", "min": 77, "seen": [77, 777]}),
        Change("kind", "values", ["a"], ["a", "ana@example.org"]),
    ]
    words = [change_words(hidden_change(RULES, one)) for one in changes]
    assert words == [
        "~ secret_1: values … → …",
        "+ age: type whole  min …  seen …",
        "~ kind: values [a] → [a, …]",
    ]


@pytest.mark.parametrize(
    "finding",
    [
        Finding("out of domain", "error", "secret_1", "values are none known", "purple", examples=("purple",)),
        Finding("out of range", "error", "age", "values are above 77, as far as 7,777.5", "1 … 77", examples=("77",)),
        Finding("constant", "error", "age", "all rows have one value", examples=("77",)),
        Finding("form", "error", "note", "another form", "9", examples=("ana@example.org", "call 555 123 4567")),
        Finding("out of range", "error", "paid", "values are above 5, as far as 4,111,111,111,111,111", ""),
    ],
)  # fmt: skip
def test_a_finding_that_an_earlier_version_kept_is_shown_without_its_values(finding):
    found = hidden_finding(RULES, finding)
    assert not shown(f"{found.to_json()}".replace(",", ""))
    assert (found.kind, found.severity, found.column) == (finding.kind, finding.severity, finding.column)
    assert hidden_finding(RULES, found) == found


def test_what_may_be_shown_of_a_finding_stays():
    finding = Finding("out of range", "error", "size", "values are above 5", "1 … 5", examples=("77",))
    assert hidden_finding(RULES, finding) == finding
