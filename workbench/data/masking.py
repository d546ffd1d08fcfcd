"""Profiles, differences and schemas as they may be shown: without values that the policy guards or that look personal.

Pure: what is stored keeps its values; whoever shows them asks here first.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from workbench.config import Policy
from workbench.data.difference import Shift, TableDifference
from workbench.data.findings import Finding
from workbench.data.personal import HIDDEN, masked
from workbench.data.persons import LEAST, holds_cards
from workbench.data.policy import guarded, withheld
from workbench.data.profile import ColumnProfile, TableProfile, Value, from_json, to_json
from workbench.data.schema import Change, ColumnSchema, Schema

_VALUED = ("values", "min", "max", "seen")
_TELLING = ("out of domain", "out of range", "unit", "constant")
_NUMBER = re.compile(r"(?<![\w-])-?\d[\d.,:e+-]*")


def hidden_column(policy: Policy, column: ColumnProfile) -> ColumnProfile:
    """Return a column with `…` for every value that may not be shown; of a guarded one that is all of them."""
    if guarded(policy, column.name) or _holds_cards(column):
        kind = column.kind if column.kind == "empty" else "mixed"  # which has no order, and so neither ends nor middle
        return replace(
            column, kind=kind, low=None, high=None, mean=None, squares=None, knots=(), complete=False,
            values=((HIDDEN, column.known),) if column.known else (),
        )  # fmt: skip
    if not any(isinstance(value, str) for value, _ in column.values):
        return column
    counts: Counter[Value] = Counter()
    for value, count in column.values:
        counts[masked(value) if isinstance(value, str) else value] += count
    return replace(column, values=tuple(counts.items()))


def _holds_cards(column: ColumnProfile) -> bool:
    """Return whether the numbers that are known of a column are those of cards rather than by chance like them."""
    if column.kind != "number" or (column.high or 0) < LEAST:
        return False
    shown = [column.low, column.high, *column.knots, *(value for value, _ in column.values)]
    return holds_cards(column.name, (int(one) for one in shown if isinstance(one, (int, float)) and one == one // 1))


def is_hidden(column: ColumnProfile) -> bool:
    """Return whether a column as it may be shown has values, of which none may be."""
    return bool(column.values) and not column.knots and all(value == HIDDEN for value, _ in column.values)


def hidden_table(policy: Policy, table: TableProfile) -> TableProfile:
    """Return a profile with what may be shown of each column."""
    return replace(table, columns=tuple(hidden_column(policy, one) for one in table.columns))


def hidden_facts(policy: Policy, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept with a version of data, its profile as it may be shown; one that is not ours is left out."""
    table = from_json(facts.get("profile"))
    others = {name: one for name, one in facts.items() if name != "profile"}
    return others if table is None else {**others, "profile": to_json(hidden_table(policy, table))}


def hidden_difference(policy: Policy, found: TableDifference) -> TableDifference:
    """Return a difference with what may be shown of each column; how far one moved is no value."""
    return replace(
        found,
        old=hidden_table(policy, found.old),
        new=hidden_table(policy, found.new),
        added=tuple(hidden_column(policy, one) for one in found.added),
        removed=tuple(hidden_column(policy, one) for one in found.removed),
        shifts=tuple(_shift(policy, one) for one in found.shifts),
    )


def _shift(policy: Policy, one: Shift) -> Shift:
    is_guarded = guarded(policy, one.name)
    fresh, gone = (() if is_guarded else _shares(values) for values in (one.fresh, one.gone))
    old, new = hidden_column(policy, one.old), hidden_column(policy, one.new)
    return replace(one, old=old, new=new, fresh=fresh, gone=gone)


def _shares(values: Iterable[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    shares: Counter[str] = Counter()
    for value, share in values:
        shares[masked(value)] += share  # type: ignore[assignment]  # a counter adds up whatever numbers it has
    return tuple(shares.items())


def hidden_finding(policy: Policy, one: Finding) -> Finding:
    """Return a finding without the values that an earlier version may have kept with it.

    Its words are looked at too: a table without a header has values for names.
    """
    words, expected = masked(one.words), masked(one.expected)
    examples = tuple(dict.fromkeys(masked(each) for each in one.examples))
    if guarded(policy, one.column):
        examples = ()
        if one.kind in _TELLING:
            words, expected = _NUMBER.sub(HIDDEN, words), ""
    return replace(one, column=masked(one.column), words=words, expected=expected, examples=examples)


def hidden_schema(policy: Policy, schema: Schema, *, proposed: bool = False) -> Schema:
    """Return a schema as it may be shown: of guarded columns it has no values.

    Where it is `proposed`, the values of quasi-identifiers are shown: who accepts it must see what is written down.
    """
    guard = withheld if proposed else guarded
    columns = tuple(_column_schema(one, is_guarded=guard(policy, one.name)) for one in schema.columns)
    return replace(schema, columns=columns)


def _column_schema(one: ColumnSchema, *, is_guarded: bool) -> ColumnSchema:
    if is_guarded:
        return replace(one, values=(HIDDEN,) if one.values else (), min=None, max=None, seen=None)
    return replace(one, values=tuple(dict.fromkeys(_text(value) for value in one.values)))


def hidden_change(policy: Policy, one: Change, *, proposed: bool = False) -> Change:
    """Return a change of a schema as it may be shown; where it is `proposed`, with the values that it writes down."""
    guard = withheld if proposed else guarded
    before = _told(one.key, one.before, guarded(policy, one.column))
    return replace(one, before=before, after=_told(one.key, one.after, guard(policy, one.column)))


def _told(key: str, value: Any, is_guarded: bool) -> Any:
    if isinstance(value, dict):
        return {name: _told(name, item, is_guarded) for name, item in value.items()}
    if value is not None and is_guarded and key in _VALUED:
        return HIDDEN
    return [_text(one) for one in value] if isinstance(value, list) else _text(value)


def _text(value: Any) -> Any:
    return masked(value) if isinstance(value, str) else value
