"""What fresh data must look like: frozen values, read from a schema.toml that people review. Pure.

A key that is absent asks for nothing. Limits, shares and expected numbers are as `propose` has learned them, or as a
person wrote them; without `seen`, a limit is meant to the letter.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal

from workbench.config import nearest
from workbench.errors import ConfigError
from workbench.paths import SCHEMA_NAME
from workbench.safe import clean

Type = Literal["whole", "number", "text", "boolean", "date", "time", "empty"]
Environment = Literal["training", "serving"]
TYPES: tuple[str, ...] = ("whole", "number", "text", "boolean", "date", "time", "empty")
STEPS = ("", "day", "hour", "minute", "second")
NAME = SCHEMA_NAME
VERSION = 1
MOST_SIGNS = 100


@dataclass(frozen=True)
class ColumnSchema:
    """One column; `rows` of the table tells from how many rows shares and expectations were learned.

    `missing`, `nan` and `infinite` are shares of rows; `required` allows none at all. `values` are all there may be,
    with `new_values` rows of others expected among so many rows. `min` and `max` limit numbers, times (in seconds since
    the epoch) and, for texts, lengths; `seen` are the least and greatest found. `form` names the form of texts, or
    lists shapes: 9 for digits, A and a for letters. `step` is the unit of time. `common` is the share of the most
    frequent value where it is over a half; 1 means that it never changes.
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


# --- reading


def parse(text: str, name: str = NAME) -> Schema:
    """Return the schema that a file holds; raises ConfigError that names the key, and the nearest known one."""
    import tomllib

    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name} is not valid TOML: {clean(str(error))}", "git diff schema.toml") from error
    _refuse_unknown(found, ("schema", "columns", "relations"), "at the top", name)
    head = _table(found.get("schema", {}), "[schema]", name)
    _refuse_unknown(head, ("version", "data", "rows", "key", "accepted_by", "accepted"), "in [schema]", name)
    if head.get("version", VERSION) != VERSION:
        raise ConfigError(f"{name} is of version {clean(str(head['version']), 20)}", "A later Workbench wrote it.")
    columns = _table(found.get("columns", {}), "[columns]", name)
    relations = found.get("relations", [])
    if not isinstance(relations, list):
        raise ConfigError(f"{name}: relations must be a list of tables", "[[relations]]")
    accepted = head.get("accepted")
    read = Schema(
        tuple(_column(key, item, name) for key, item in columns.items()),
        tuple(_relation(item, name) for item in relations),
        str(head.get("data", "")),
        int(_number(head.get("rows", 0), "schema.rows", name)),
        _texts(head.get("key", []), "schema.key", name),
        str(head.get("accepted_by", "")),
        accepted.astimezone(UTC) if isinstance(accepted, datetime) else None,
    )
    _refuse_contradictions(read, name)
    return read


def _refuse_contradictions(schema: Schema, name: str) -> None:
    """Raise ConfigError where the head or a relation cannot be meant with these columns."""
    if schema.rows < 0:
        raise ConfigError(f"{name}: schema.rows is {schema.rows}", "It must be 0 or more.")
    for column in schema.key:
        if schema.column(column) is None:
            raise ConfigError(
                f"{name}: schema.key names {clean(column, 60)!r}, which is no column", _like(column, schema)
            )
    for relation in schema.relations:
        for column in relation.columns:
            if schema.column(column) is None:
                words = f"{name}: [[relations]] names {clean(column, 60)!r}, which is no column"
                raise ConfigError(words, _like(column, schema))
        if not is_possible(relation, schema):
            named = [one for one in schema.columns if one.name in relation.columns]
            kinds = ", ".join(f"{clean(one.name, 60)} is {one.type}" for one in named)
            hint = "A sum needs numbers, an order two numbers or two times."
            raise ConfigError(f"{name}: [[relations]] {clean(relation.words, 100)} cannot hold: {kinds}", hint)


def is_possible(relation: Relation, schema: Schema) -> bool:
    """Return whether all columns of a relation are there and of types between which it can hold."""
    found = [schema.column(one) for one in relation.columns]
    families = {"" if one is None else _FAMILIES.get(one.type, "") for one in found}
    return "" not in families and (families == {"number"} or (bool(relation.order) and len(families) == 1))


_FAMILIES = {
    "whole": "number",
    "number": "number",
    "date": "time",
    "time": "time",
    "text": "text",
}  # times of day: text


def _like(column: str, schema: Schema) -> str:
    near = nearest(column, [one.name for one in schema.columns])
    return f"Did you mean {near!r}?" if near else "Name a column of the schema."


_COLUMN_KEYS = tuple(field.name for field in fields(ColumnSchema) if field.name != "name")
_SHARES = ("missing", "nan", "infinite", "new_values", "common")


def _column(key: str, item: Any, name: str) -> ColumnSchema:
    where = f"columns.{clean(key, 60)}"
    table = dict(_table(item, f"[{where}]", name))
    _refuse_unknown(table, _COLUMN_KEYS, f"in [{where}]", name)
    if table.get("type") not in TYPES:
        raise ConfigError(
            f"{name}: {where}.type is {clean(repr(table.get('type')), 60)}", f"It is one of {', '.join(TYPES)}."
        )
    if table.get("only", "") not in ("", "training", "serving"):
        raise ConfigError(f"{name}: {where}.only is {clean(repr(table['only']), 60)}", 'only = "training"')
    for each in ("required", "unique", "future"):
        if not isinstance(table.get(each, True), bool):
            raise ConfigError(f"{name}: {where}.{each} must be true or false", "Write true or false there.")
    _read_shares(table, where, name)
    _read_limits(table, where, name)
    _refuse_times(table, where, name)
    form = table.get("form", [])
    table["form"] = _texts([form] if isinstance(form, str) else form, f"{where}.form", name)
    table["values"] = _values(table, where, name)
    return ColumnSchema(key, **table)


def _read_shares(table: dict[str, Any], where: str, name: str) -> None:
    for each in _SHARES:
        table[each] = _number(table.get(each, 0.0), f"{where}.{each}", name)
        if table[each] < 0 or (table[each] > 1 and each != "new_values"):
            hint = "It must be 0 or more." if each == "new_values" else "It is a share: from 0 to 1."
            raise ConfigError(f"{name}: {where}.{each} is {table[each]:g}", hint)


def _read_limits(table: dict[str, Any], where: str, name: str) -> None:
    for each in ("min", "max"):
        if each in table:
            table[each] = _moment(table[each], f"{where}.{each}", name)
    if "min" in table and "max" in table and table["min"] > table["max"]:
        raise ConfigError(f"{name}: {where}.min is greater than its max", "No value could be within these limits.")
    if "seen" in table:
        pair = table["seen"]
        if not isinstance(pair, list) or len(pair) != 2:
            raise ConfigError(f"{name}: {where}.seen must be two values", "seen = [0, 9]")
        table["seen"] = tuple(_moment(one, f"{where}.seen", name) for one in pair)


def _refuse_times(table: Mapping[str, Any], where: str, name: str) -> None:
    if table.get("step", "") not in STEPS:
        hint = f"It is one of {', '.join(STEPS[1:])}."
        raise ConfigError(f"{name}: {where}.step is {clean(repr(table['step']), 60)}", hint)
    if not isinstance(table.get("zone", ""), str):
        raise ConfigError(f"{name}: {where}.zone must be a text", 'zone = "UTC"')


def _values(table: Mapping[str, Any], where: str, name: str) -> tuple[str | int, ...]:
    values = table.get("values", [])
    if not isinstance(values, list) or not all(isinstance(one, (str, int)) for one in values):
        raise ConfigError(f"{name}: {where}.values must be a list of texts or whole numbers", 'values = ["a", "b"]')
    if "values" in table and not values:
        raise ConfigError(f"{name}: {where}.values is empty: no value could pass", "Name values, or remove the key.")
    if len({type(one) for one in values}) > 1:
        raise ConfigError(f"{name}: {where}.values mixes texts and numbers", "Write all of them as one type.")
    return tuple(values)


def _relation(item: Any, name: str) -> Relation:
    table = _table(item, "[[relations]]", name)
    _refuse_unknown(table, ("order", "sum", "to"), "in [[relations]]", name)
    found = Relation(
        _texts(table.get("order", []), "relations.order", name),
        _texts(table.get("sum", []), "relations.sum", name),
        _number(table.get("to", 1.0), "relations.to", name),
    )
    if bool(found.order) == bool(found.sum) or len(found.columns) < 2 or len(found.order) > 2:
        raise ConfigError(f"{name}: a relation names the order of two columns, or a sum", 'order = ["begin", "end"]')
    return found


def _refuse_unknown(table: Mapping[str, Any], known: tuple[str, ...], where: str, name: str) -> None:
    for key in table:
        if key not in known:
            near = nearest(key, known)
            hint = f"Did you mean {near!r}?" if near else f"Known keys: {', '.join(known)}."
            raise ConfigError(f"{name}: unknown key {clean(key, 60)!r} {where}", hint)


def _table(value: Any, where: str, name: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise ConfigError(f"{name}: {where} must be a table", "Write it as a table.")


def _number(value: Any, where: str, name: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise ConfigError(f"{name}: {where} must be a number", "Write a number there.")


def _moment(value: Any, where: str, name: str) -> float:
    """Return a limit: a number, or a moment in seconds since the epoch; one without a zone is in UTC."""
    if hasattr(value, "isoformat") and not hasattr(value, "utcoffset"):  # a date
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return _number(value, where, name)


def _texts(value: Any, where: str, name: str) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    raise ConfigError(f"{name}: {where} must be a list of texts", 'Write ["a", "b"] there.')


# --- writing

HEADER = """\
# What data of this project must look like. `workbench data schema` proposes changes, `workbench validate` holds data
# against it, and so does every training run before it starts. Edit it, and review it like code:
# `seen` are the least and greatest values found, `min` and `max` the limits with a margin that follows from the number
# of rows; `missing` is the share of rows without a value; `new_values` so many rows with other values are expected.
"""


def write(schema: Schema) -> str:
    """Return the text of a schema.toml."""
    import tomlkit

    parts = [HEADER, tomlkit.dumps({"schema": head_of(schema)})]
    columns = ({"columns": {one.name: _spread(table_of(one))}} for one in schema.columns)
    parts += [tomlkit.dumps(one).replace("[columns]\n", "", 1) for one in columns]
    parts += ["[[relations]]\n" + tomlkit.dumps(relation_of(each)) for each in schema.relations]
    return "\n".join(parts)


def rewrite(text: str, before: Schema, after: Schema) -> str:
    """Return the text of a schema.toml with what has changed, every comment and all else as it was."""
    import tomlkit

    document = tomlkit.parse(text)
    document["schema"] = _updated(document.get("schema"), head_of(after))
    columns: Any = document.setdefault("columns", tomlkit.table(is_super_table=True))
    for one in before.columns:
        if after.column(one.name) is None:
            del columns[one.name]
    for one in after.columns:
        if before.column(one.name) != one:
            columns[one.name] = _updated(columns.get(one.name), _spread(table_of(one)))
    if before.relations != after.relations:
        document.pop("relations", None)
        if after.relations:
            listed = tomlkit.aot()
            for each in after.relations:
                listed.append(tomlkit.item(relation_of(each)))
            document["relations"] = listed
    return tomlkit.dumps(document)


def _updated(table: Any, wanted: Mapping[str, Any]) -> Any:
    import tomlkit

    table = tomlkit.table() if table is None else table
    for key in list(table):
        if key not in wanted:
            del table[key]
    for key, value in wanted.items():
        if key not in table or table[key] != value:
            table[key] = value
    return table


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


def _spread(table: dict[str, Any]) -> dict[str, Any]:
    """Return the table with a long list of values over several lines, so that a new value is one line of a diff."""
    import tomlkit

    values = table.get("values", ())
    if sum(len(str(one)) + (4 if isinstance(one, str) else 2) for one in values) <= MOST_SIGNS:
        return table
    listed = tomlkit.item(values)
    listed.multiline(True)
    return {**table, "values": listed}


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
