"""schema.toml as a file: whatever it holds comes back, and an edit of it survives."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.data import schema as schemas
from workbench.data import schema_file
from workbench.data.schema import ColumnSchema, Relation, Schema
from workbench.errors import ConfigError

names = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=0, max_size=12)
shares = st.floats(0, 1).map(lambda one: round(one, 9))
limits = st.one_of(st.none(), st.integers(-(10**9), 10**9).map(float), st.floats(-1e300, 1e300))

texts, wholes = (st.lists(one, max_size=30, unique=True) for one in (names, st.integers(-99, 99)))
VALUES = {"text": texts, "whole": wholes, "number": wholes, "boolean": st.just([])}


@st.composite
def columns(draw):
    type_ = draw(st.sampled_from(["whole", "number", "text", "boolean"]))
    low, high = (draw(limits), draw(limits)) if type_ != "boolean" else (None, None)
    low, high = (high, low) if low is not None and high is not None and low > high else (low, high)
    return ColumnSchema(
        draw(names), type_, draw(st.sampled_from(["", "training", "serving"])), draw(st.booleans()), draw(shares),
        draw(shares), draw(shares), draw(st.booleans()),
        tuple(draw(VALUES[type_])),
        draw(shares), low, high, None if low is None or high is None else (low, high),
        tuple(draw(st.lists(st.text("9Aa -._", max_size=9), max_size=3))) if type_ == "text" else (), "", "", True,
        draw(shares),
    )  # fmt: skip


def _possible(schema):
    named_once = [one for one in schema.relations if len(set(one.columns)) == len(one.columns)]
    kept = tuple(one for one in named_once if schemas.is_possible(one, schema))
    return replace(schema, relations=kept, key=tuple(one for one in schema.key if schema.column(one)))


tables = st.builds(
    Schema,
    st.lists(columns(), min_size=1, max_size=5, unique_by=lambda one: one.name).map(tuple),
    st.lists(
        st.one_of(
            st.builds(Relation, order=st.tuples(names, names)),
            st.builds(Relation, sum=st.lists(names, min_size=2, max_size=4).map(tuple), to=st.sampled_from([1.0, 9.5])),
        ),
        max_size=3,
        unique=True,
    ).map(tuple),
    names,
    st.integers(0, 10**9),
    st.lists(names, max_size=2).map(tuple),
).map(_possible)  # fmt: skip


@given(tables)
@settings(max_examples=30, deadline=None)
def test_what_is_written_comes_back(schema):
    signed = replace(schema, accepted_by="ana", accepted=datetime(2026, 11, 27, 8, tzinfo=UTC))
    assert schema_file.parse(schema_file.write(signed)) == signed
    assert schema_file.parse(schema_file.write(signed)).digest == schema.digest


@given(tables, tables)
@settings(max_examples=30, deadline=None)
def test_a_file_rewritten_holds_the_new_schema(before, after):
    text = schema_file.rewrite(schema_file.write(before), before, after)
    found = schema_file.parse(text)
    assert set(found.columns) == set(after.columns)
    assert found.relations == after.relations
    assert found.rows == after.rows


@given(tables, tables)
@settings(max_examples=30, deadline=None)
def test_changes_are_none_only_between_equal_schemas(before, after):
    assert not schemas.changes(before, before)
    differs = set(before.columns) != set(after.columns) or set(before.relations) != set(after.relations)
    assert bool(schemas.changes(before, after)) == (differs or before.key != after.key)


def test_dates_and_moments_are_read_as_such_with_utc_where_no_zone_is_given():
    text = "[schema]\naccepted = 2026-01-02T03:04:05\n"
    text += '[columns.a]\ntype = "date"\nmin = 2020-01-02\n[columns.b]\ntype = "time"\nmin = 2020-01-02T03:04:05\n'
    found = schema_file.parse(text)
    quoted = text.replace("min = 2020-01-02T03:04:05", 'min = "2020-01-02T03:04:05"')
    assert schema_file.parse(quoted.replace("min = 2020-01-02\n", 'min = "2020-01-02"\n')) == found
    assert found.column("a").min == datetime(2020, 1, 2, tzinfo=UTC).timestamp()
    assert found.column("b").min == datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()
    assert found.accepted == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert schema_file.parse(schema_file.write(found)) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[colums]\n", "Did you mean 'columns'"),
        ("columns = 3\n", "[columns] must be a table"),
        ('[columns.a]\ntype = "text"\nvalues = [1.5]\n', "columns.a.values must be a list"),
        ('[columns.a]\ntype = "whole"\nseen = [1]\n', "columns.a.seen must be two values"),
        ('[columns.a]\ntype = "whole"\nonly = "test"\n', "columns.a.only is 'test'"),
        ('[columns.a]\ntype = "whole"\nunique = 1\n', "columns.a.unique must be true or false"),
        ("[columns.a]\n", "[columns.a] has no type"),
        ('[[relations]]\norder = ["a"]\n', "a relation names the order of two columns, or a sum"),
        ('relations = "a"\n', "relations must be a list"),
        ("", "names no column"),
        ("# nothing\n", "names no column"),
        ("[columns]\n", "names no column"),
        ("columns.a = 3\n", "line 1: [columns.a] must be a table"),
        ("[schema]\nversion = '1'\n", "schema.version is '1'"),
        ("[schema]\ndata = 3\n", "schema.data must be a text"),
        ('[schema]\naccepted = "today"\n[columns.a]\ntype = "text"\n', "line 2: schema.accepted must be a moment"),
        ('[columns.a]\ntype = "text"\n[columns.a]\n', "(at line 3"),
        ('[columns.a.b]\ntype = "text"\n', """line 1: columns.a.b is a table in a table A name with a dot stands in"""),
        ('[columns.a]\ntype = "date"\nmin = "soon"\n', "line 3: columns.a.min must be a date or time"),
        ('[columns.a]\ntype = "whole"\nmin = 2020-01-01\n', "line 3: columns.a.min must be a number"),
        ('[columns.a]\ntype = "whole"\nvalues = ["1"]\n', "columns.a.values are texts, but the type is whole"),
        ('[columns.a]\ntype = "text"\nvalues = [true]\n', "columns.a.values must be a list"),
        (
            '[columns.a]\ntype = "whole"\nform = "digits"\n',
            "columns.a.form says nothing of a column",
        ),
        ('[columns.a]\ntype = "boolean"\nmin = 0\n', "columns.a.min says nothing"),
        ('[columns.a]\ntype = "text"\nform = "e-mial"\n', "line 3: columns.a.form is 'e-mial' Did you mean 'e-mail'"),
        ('[columns.a]\ntype = "txt"\n', "columns.a.type is 'txt' Did you mean 'text'"),
        ('[columns.a]\ntype = "whole"\nseen = [9, 0]\n', "the least value is greater"),
        ('[columns.a]\ntype = "whole"\n[[relations]]\norder = ["a", "a"]\n', "line 3: a relation names a column twice"),
        ("[schema]\nrows = inf\n", "schema.rows is inf"),
        ("[schema]\nrows = -1\n", "schema.rows is -1"),
        ('[schema]\nkey = ["x"]\n', "schema.key names 'x', which is no column"),
        ('[columns.a]\ntype = "whole"\nmin = 9\nmax = 5\n', "columns.a.min is greater than its max"),
        ('[columns.a]\ntype = "whole"\nmissing = 2\n', "columns.a.missing is 2"),
        ('[columns.a]\ntype = "whole"\ncommon = -0.5\n', "columns.a.common is -0.5"),
        ('[columns.a]\ntype = "text"\nvalues = []\n', "columns.a.values is empty"),
        ('[columns.a]\ntype = "text"\nvalues = ["a", 1]\n', "columns.a.values mixes"),
        ('[columns.a]\ntype = "time"\nstep = "hours"\n', "columns.a.step is 'hours'"),
        ('[columns.a]\ntype = "time"\nzone = 3\n', "columns.a.zone must be a text"),
        ('[columns.aa]\ntype = "time"\n[[relations]]\norder = ["aa", "ab"]\n', "[[relations]] names 'ab'"),
        (
            '[columns.a]\ntype = "text"\n[columns.b]\ntype = "whole"\n[[relations]]\nsum = ["a", "b"]\n',
            "[[relations]] a + b = 1 cannot hold: a is text, b is whole",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_key(text, words):
    with pytest.raises(ConfigError) as caught:
        schema_file.parse(text)
    assert words in f"{caught.value.message} {caught.value.hint}"
    assert caught.value.exit_code == 2
