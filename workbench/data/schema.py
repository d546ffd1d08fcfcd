"""What fresh data must look like: frozen values, read from a schema.toml that people review. Pure.

A key that is absent asks for nothing. Limits, shares and expected numbers are as `propose` has learned them, or as a
person wrote them; without `seen`, a limit is meant to the letter.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal

from workbench.paths import SCHEMA_NAME

Type = Literal["whole", "number", "text", "boolean", "date", "time", "empty"]
Environment = Literal["training", "serving"]
TYPES: tuple[str, ...] = ("whole", "number", "text", "boolean", "date", "time", "empty")
STEPS = ("", "day", "hour", "minute", "second")
NAME = SCHEMA_NAME
VERSION = 1
FORMS = {
    "e-mail": r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
    "uuid": r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
    "url": r"^[a-zA-Z][a-zA-Z0-9+.-]*://\S+$",
    "digits": r"^\d+$",
    "hexadecimal": r"^[0-9a-fA-F]+$",
}
"""What a text column can be said to look like, beside shapes."""


@dataclass(frozen=True)
class ColumnSchema:
    """One column; `rows` of the table tells from how many rows shares and expectations were learned.

    `missing`, `nan` and `infinite` are shares of rows; `required` allows none at all. `values` are all there may be,
    with `new_values` rows of others expected among so many rows. `min` and `max` limit numbers, times (in seconds since
    the epoch) and, for texts, lengths; `seen` are the least and greatest found. `form` names the form of texts, or
    lists shapes: 9 for digits, A and a for letters. `step` is the unit of time. `common` is the share of the most
    frequent value where it is over a half; with 1, all rows may have one value.
    """

    name: str
    type: Type
    only: Literal["", "training", "serving"] = ""
    required: bool = False
    missing: float = 0.0
    nan: float = 0.0
    infinite: float = 0.0
    unique: bool = False
    values: tuple[str | int, ...] = ()
    new_values: float = 0.0
    min: float | None = None
    max: float | None = None
    seen: tuple[float, float] | None = None
    form: tuple[str, ...] = ()
    zone: str = ""
    step: str = ""
    future: bool = True
    common: float = 0.0


@dataclass(frozen=True)
class Relation:
    """What holds between columns in every row: `order` names two of which the first is never after the second.

    `sum` names columns that add up to `to`.
    """

    order: tuple[str, ...] = ()
    sum: tuple[str, ...] = ()
    to: float = 1.0

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns between which it holds."""
        return self.order or self.sum

    @property
    def words(self) -> str:
        """The relation as one reads it."""
        return " ≤ ".join(self.order) if self.order else f"{' + '.join(self.sum)} = {self.to:g}"


@dataclass(frozen=True)
class Schema:
    """A table: learned from `rows` rows of `data`; `key` tells its rows apart; accepted by a person at a time."""

    columns: tuple[ColumnSchema, ...] = ()
    relations: tuple[Relation, ...] = ()
    data: str = ""
    rows: int = 0
    key: tuple[str, ...] = ()
    accepted_by: str = ""
    accepted: datetime | None = None

    def column(self, name: str) -> ColumnSchema | None:
        """Return a column by name."""
        return self._by_name.get(name)

    @functools.cached_property
    def _by_name(self) -> dict[str, ColumnSchema]:
        return {one.name: one for one in self.columns}

    @property
    def digest(self) -> str:
        """A hash of what it asks for, whoever accepted it."""
        from hashlib import blake2b

        columns = [(one.name, table_of(one)) for one in self.columns]
        asked = (self.data, self.rows, self.key, columns, [relation_of(one) for one in self.relations])
        return blake2b(repr(asked).encode("utf-8", "replace"), digest_size=16).hexdigest()


def is_possible(relation: Relation, schema: Schema) -> bool:
    """Return whether all columns of a relation are there and of types between which it can hold."""
    found = [schema.column(one) for one in relation.columns]
    families = {"" if one is None else _FAMILIES.get(one.type, "") for one in found}
    return "" not in families and (families == {"number"} or (bool(relation.order) and len(families) == 1))


_FAMILIES = {  # times of day are texts
    "whole": "number", "number": "number", "date": "time", "time": "time", "text": "text",
}  # fmt: skip


# --- as TOML has it


def head_of(schema: Schema) -> dict[str, Any]:
    """Return the [schema] table."""
    known: dict[str, Any] = {"version": VERSION, "data": schema.data, "rows": schema.rows}
    if schema.key:
        known["key"] = list(schema.key)
    if schema.accepted is not None:
        known |= {"accepted_by": schema.accepted_by, "accepted": schema.accepted.astimezone(UTC).replace(microsecond=0)}
    return known


def table_of(column: ColumnSchema) -> dict[str, Any]:
    """Return the table of a column: what differs from its default, as TOML has it."""
    known: dict[str, Any] = {}
    for field in fields(column):
        value = getattr(column, field.name)
        if field.name == "name" or value == field.default or (value == () and field.name != "values"):
            continue
        known[field.name] = _plain(column, field.name, value)
    return known


def _plain(column: ColumnSchema, key: str, value: Any) -> Any:
    if key in ("min", "max"):
        return limit_of(column, value)
    if key == "seen":
        return [limit_of(column, one) for one in value]
    if key == "form" and len(value) == 1:
        return value[0]
    if key == "values":
        return [*value]
    return list(value) if isinstance(value, tuple) else round(value, 9) if isinstance(value, float) else value


def limit_of(column: ColumnSchema, value: float) -> Any:
    """Return a limit as TOML has it: a date, a moment in UTC, a whole number, or a number."""
    if column.type in ("date", "time"):
        try:
            moment = datetime.fromtimestamp(value, UTC)
        except (OverflowError, OSError, ValueError):
            return value
        return moment.date() if column.type == "date" else moment
    whole = column.type in ("whole", "text") and value == int(value)
    return int(value) if whole else value


def relation_of(relation: Relation) -> dict[str, Any]:
    """Return the table of a relation."""
    if relation.order:
        return {"order": list(relation.order)}
    return {"sum": list(relation.sum), "to": relation.to}


# --- what changes


@dataclass(frozen=True)
class Change:
    """One line of a proposal: of a column, or of the table where that is ""; `before` and `after` as TOML has them."""

    column: str
    key: str
    before: Any = None
    after: Any = None

    @property
    def sign(self) -> Literal["+", "-", "~"]:
        """Whether something is added, removed or changed."""
        return "+" if self.before is None else "-" if self.after is None else "~"


def change_words(one: Change) -> str:
    """Return a change as one reads a diff."""
    what = f"{one.column}: " if one.column else ""
    if one.key in ("column", "relation"):
        return f"{one.sign} {what or 'relation '}{value_words(one.after if one.after is not None else one.before)}"
    if one.sign == "~":
        return f"~ {what}{one.key} {value_words(one.before)} → {value_words(one.after)}"
    return f"{one.sign} {what}{one.key} {value_words(one.after if one.sign == '+' else one.before)}"


def value_words(value: Any) -> str:
    """Return a value of TOML in one short line."""
    if isinstance(value, dict):
        return "  ".join(f"{key} {value_words(item)}" for key, item in value.items())
    if isinstance(value, list):
        many = f" … ({len(value)})" if len(value) > 8 else ""
        return f"[{', '.join(value_words(item) for item in value[:8])}{many}]"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).replace("+00:00", "Z")


def changes(before: Schema | None, after: Schema) -> tuple[Change, ...]:
    """Return what differs in what two schemas ask for, column by column in the order of the new one."""
    old = {} if before is None else {one.name: one for one in before.columns}
    found: list[Change] = []
    for one in after.columns:
        past = old.pop(one.name, None)
        if past is None:
            found.append(Change(one.name, "column", None, table_of(one)))
        elif past != one:
            tables = table_of(past), table_of(one)
            found += [
                Change(one.name, key, tables[0].get(key), tables[1].get(key))
                for key in dict.fromkeys([*tables[0], *tables[1]])
                if tables[0].get(key) != tables[1].get(key)
            ]
    found += [Change(name, "column", table_of(one), None) for name, one in old.items()]
    past_relations = () if before is None else before.relations
    found += [Change("", "relation", None, one.words) for one in after.relations if one not in past_relations]
    found += [Change("", "relation", one.words, None) for one in past_relations if one not in after.relations]
    if before is not None and before.key != after.key:
        found.append(Change("", "key", list(before.key) or None, list(after.key) or None))
    return tuple(found)
