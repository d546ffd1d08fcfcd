"""schema.toml as text: read with every mistake named by line and key, written anew, or changed in its place. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, date, datetime
from typing import Any

from workbench.config import nearest
from workbench.data.schema import (
    FORMS,
    NAME,
    STEPS,
    TYPES,
    VERSION,
    ColumnSchema,
    Relation,
    Schema,
    head_of,
    is_possible,
    relation_of,
    table_of,
)
from workbench.data.toml_lines import Key, line_of
from workbench.errors import ConfigError
from workbench.safe import clean

MOST_SIGNS = 100
_COLUMN_KEYS = tuple(field.name for field in fields(ColumnSchema) if field.name != "name")
_SHARES = ("missing", "nan", "infinite", "new_values", "common")
_ONLY_OF: Mapping[str, tuple[str, ...]] = {
    "values": ("text", "whole", "number"), "form": ("text",), "step": ("date", "time"), "zone": ("time",),
    "future": ("date", "time"), "min": ("whole", "number", "text", "date", "time"),
    "max": ("whole", "number", "text", "date", "time"),
}  # fmt: skip
_NO_SHAPE = re.compile(r"[b-zB-Z0-8]")


class _Wrong(Exception):
    """What is wrong at a key; `parse` knows the line."""

    def __init__(self, key: Key, words: str, hint: str) -> None:
        super().__init__(words)
        self.key, self.words, self.hint = key, words, hint


# --- reading


def parse(text: str, name: str = NAME) -> Schema:
    """Return the schema that a file holds; raises ConfigError that names line and key, and the nearest known one."""
    import tomllib

    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name} is not valid TOML: {clean(str(error))}", f"git diff {NAME}") from error
    try:
        return _schema(found)
    except _Wrong as wrong:
        line = line_of(text, wrong.key)
        raise ConfigError(f"{name}{f', line {line}' if line else ''}: {wrong.words}", wrong.hint) from None


def _schema(found: Mapping[str, Any]) -> Schema:
    _refuse_unknown(found, ("schema", "columns", "relations"), "at the top", ())
    head = _table(found.get("schema", {}), ("schema",))
    _refuse_unknown(head, ("version", "data", "rows", "key", "accepted_by", "accepted"), "in [schema]", ("schema",))
    if _whole(head.get("version", VERSION), ("schema", "version")) != VERSION:
        raise _Wrong(("schema", "version"), f"is of version {head['version']}", "A later Workbench wrote it.")
    columns = _table(found.get("columns", {}), ("columns",))
    relations = found.get("relations", [])
    if not isinstance(relations, list):
        raise _Wrong(("relations",), "relations must be a list of tables", "[[relations]]")
    read = Schema(
        tuple(_column(key, item) for key, item in columns.items()),
        tuple(_relation(item, at) for at, item in enumerate(relations)),
        _text(head.get("data", ""), ("schema", "data")),
        _whole(head.get("rows", 0), ("schema", "rows")),
        _texts(head.get("key", []), ("schema", "key")),
        _text(head.get("accepted_by", ""), ("schema", "accepted_by")),
        _accepted(head.get("accepted")),
    )
    _refuse_contradictions(read)
    return read


def _accepted(value: Any) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value and (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
    raise _Wrong(("schema", "accepted"), "schema.accepted must be a moment", "accepted = 2026-01-31T12:00:00Z")


def _refuse_contradictions(schema: Schema) -> None:
    """Refuse a head or a relation that cannot be meant with these columns."""
    for column in schema.key:
        if schema.column(column) is None:
            words = f"schema.key names {clean(column, 60)!r}, which is no column"
            raise _Wrong(("schema", "key"), words, _like(column, schema))
    for at, relation in enumerate(schema.relations):
        for column in relation.columns:
            if schema.column(column) is None:
                words = f"[[relations]] names {clean(column, 60)!r}, which is no column"
                raise _Wrong(("relations", at), words, _like(column, schema))
        if not is_possible(relation, schema):
            named = [one for one in schema.columns if one.name in relation.columns]
            kinds = ", ".join(f"{clean(one.name, 60)} is {one.type}" for one in named)
            words = f"[[relations]] {clean(relation.words, 100)} cannot hold: {kinds}"
            raise _Wrong(("relations", at), words, "A sum needs numbers, an order two numbers or two times.")
    if not schema.columns:
        raise _Wrong((), "names no column", f"git checkout {NAME}   or remove it, and: workbench data schema")


def _like(column: str, schema: Schema) -> str:
    near = nearest(column, [one.name for one in schema.columns])
    return f"Did you mean {near!r}?" if near else "Name a column of the schema."


def _column(name: str, item: Any) -> ColumnSchema:
    key: Key = ("columns", name)
    table = dict(_table(item, key))
    nested = next((one for one, value in table.items() if isinstance(value, Mapping)), None)
    if nested is not None:
        hint = f'A name with a dot stands in quotes: [columns."{clean(name, 60)}.{clean(nested, 60)}"]'
        raise _Wrong((*key, nested), f"{_words((*key, nested))} is a table in a table", hint)
    _refuse_unknown(table, _COLUMN_KEYS, f"in [{_words(key)}]", key)
    _choice(table, "type", TYPES, key)
    _choice(table, "only", ("training", "serving"), key)
    _choice(table, "step", STEPS[1:], key)
    for each, types in _ONLY_OF.items():
        if each in table and table["type"] not in types:
            words = f"{_words((*key, each))} says nothing of a column whose type is {table['type']}"
            raise _Wrong((*key, each), words, f"It is for {', '.join(types)}.")
    for each in ("required", "unique", "future"):
        if not isinstance(table.get(each, True), bool):
            raise _Wrong((*key, each), f"{_words((*key, each))} must be true or false", "Write true or false there.")
    table["zone"] = _text(table.get("zone", ""), (*key, "zone"))
    _read_shares(table, key)
    _read_limits(table, key)
    table["form"] = _forms(table.get("form", []), (*key, "form"))
    table["values"] = _values(table, (*key, "values"))
    return ColumnSchema(name, **table)


def _choice(table: Mapping[str, Any], each: str, known: tuple[str, ...], key: Key) -> None:
    """Refuse a word that is none of those known; a column must have a type."""
    value = table.get(each)
    if value in known or (value in (None, "") and each != "type"):
        return
    near = nearest(value, known) if isinstance(value, str) else None
    hint = f"Did you mean {near!r}?" if near else f"It is one of {', '.join(known)}."
    missing = value is None
    words = f"[{_words(key)}] has no {each}" if missing else f"{_words((*key, each))} is {clean(repr(value), 60)}"
    raise _Wrong(key if missing else (*key, each), words, hint)


def _read_shares(table: dict[str, Any], key: Key) -> None:
    for each in _SHARES:
        table[each] = _number(table.get(each, 0.0), (*key, each))
        if table[each] < 0 or (table[each] > 1 and each != "new_values"):
            hint = "It must be 0 or more." if each == "new_values" else "It is a share: from 0 to 1."
            raise _Wrong((*key, each), f"{_words((*key, each))} is {table[each]:g}", hint)


def _read_limits(table: dict[str, Any], key: Key) -> None:
    is_time = table["type"] in ("date", "time")
    for each in ("min", "max"):
        if each in table:
            table[each] = _moment(table[each], (*key, each), is_time=is_time)
    if "min" in table and "max" in table and table["min"] > table["max"]:
        words = f"{_words((*key, 'min'))} is greater than its max"
        raise _Wrong((*key, "min"), words, "No value could be within these limits.")
    if "seen" in table:
        pair, where = table["seen"], (*key, "seen")
        if not isinstance(pair, list) or len(pair) != 2:
            raise _Wrong(where, f"{_words(where)} must be two values", "seen = [0, 9]")
        low, high = (_moment(one, where, is_time=is_time) for one in pair)
        if low > high:
            raise _Wrong(where, f"{_words(where)}: the least value is greater than the greatest", "seen = [0, 9]")
        table["seen"] = low, high


def _forms(value: Any, key: Key) -> tuple[str, ...]:
    found = _texts([value] if isinstance(value, str) else value, key)
    for one in found:
        if one not in FORMS and _NO_SHAPE.search(one):
            near = nearest(one, FORMS)
            hint = f"Did you mean {near!r}?" if near else f"It is one of {', '.join(FORMS)}, or a shape such as A9-a."
            raise _Wrong(key, f"{_words(key)} is {clean(one, 60)!r}", hint)
    return found


def _values(table: Mapping[str, Any], key: Key) -> tuple[str | int, ...]:
    values, where = table.get("values", []), _words(key)
    if not isinstance(values, list) or not all(
        isinstance(one, (str, int)) and not isinstance(one, bool) for one in values
    ):
        raise _Wrong(key, f"{where} must be a list of texts or whole numbers", 'values = ["a", "b"]')
    if "values" in table and not values:
        raise _Wrong(key, f"{where} is empty: no value could pass", "Name values, or remove the key.")
    if len({type(one) for one in values}) > 1:
        raise _Wrong(key, f"{where} mixes texts and numbers", "Write all of them as one type.")
    if values and isinstance(values[0], str) != (table["type"] == "text"):
        what = "texts" if isinstance(values[0], str) else "numbers"
        raise _Wrong(key, f"{where} are {what}, but the type is {table['type']}", "Write them as values of the type.")
    return tuple(values)


def _relation(item: Any, at: int) -> Relation:
    key: Key = ("relations", at)
    table = _table(item, key)
    _refuse_unknown(table, ("order", "sum", "to"), "in [[relations]]", key)
    found = Relation(
        _texts(table.get("order", []), (*key, "order")),
        _texts(table.get("sum", []), (*key, "sum")),
        _number(table.get("to", 1.0), (*key, "to")),
    )
    if bool(found.order) == bool(found.sum) or len(found.columns) < 2 or len(found.order) > 2:
        raise _Wrong(key, "a relation names the order of two columns, or a sum", 'order = ["begin", "end"]')
    if len(set(found.columns)) < len(found.columns):
        raise _Wrong(key, "a relation names a column twice", "Name each column once.")
    if found.order and "to" in table:
        raise _Wrong((*key, "to"), "relations.to belongs to a sum, and this is an order", 'sum = ["a", "b"]')
    return found


def _refuse_unknown(table: Mapping[str, Any], known: tuple[str, ...], where: str, key: Key) -> None:
    for each in table:
        if each not in known:
            near = nearest(each, known)
            hint = f"Did you mean {near!r}?" if near else f"Known keys: {', '.join(known)}."
            raise _Wrong((*key, each), f"unknown key {clean(each, 60)!r} {where}", hint)


def _table(value: Any, key: Key) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise _Wrong(key, f"[{_words(key)}] must be a table", "Write it as a table.")


def _whole(value: Any, key: Key) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise _Wrong(key, f"{_words(key)} is {clean(repr(value), 60)}", "It must be a whole number, 0 or more.")


def _number(value: Any, key: Key) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise _Wrong(key, f"{_words(key)} must be a number", "Write a number there.")


def _moment(value: Any, key: Key, *, is_time: bool) -> float:
    """Return a limit: a number, or of times a moment in seconds since the epoch; one without a zone is in UTC."""
    if is_time and isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise _Wrong(key, f"{_words(key)} must be a date or time", "Write it as 2025-01-31.") from error
    if is_time and isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if is_time and isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return _number(value, key)


def _text(value: Any, key: Key) -> str:
    if isinstance(value, str):
        return value
    raise _Wrong(key, f"{_words(key)} must be a text", 'Write "…" there.')


def _texts(value: Any, key: Key) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    raise _Wrong(key, f"{_words(key)} must be a list of texts", 'Write ["a", "b"] there.')


def _words(key: Key) -> str:
    """Return a key as one reads it; a relation is one of a list."""
    return ".".join(clean(one, 60) for one in key if isinstance(one, str))


# --- writing

HEADER = """\
# What data of this project must look like. `workbench data schema` proposes changes, `workbench validate` holds data
# against it, and so does every training run before it starts. Edit it, and review it like code:
# `seen` are the least and greatest values found, `min` and `max` the limits with a margin that follows from the number
# of rows; `missing` is the share of rows without a value; `new_values` so many rows with other values are expected.
"""


def write(schema: Schema) -> str:
    """Return the text of a schema.toml."""
    parts = [HEADER, "[schema]\n" + _lines(head_of(schema))]
    parts += [f"[columns.{_bare(one.name)}]\n{_lines(table_of(one))}" for one in schema.columns]
    parts += ["[[relations]]\n" + _lines(relation_of(each)) for each in schema.relations]
    return "\n".join(parts)


def _lines(table: Mapping[str, Any]) -> str:
    return "".join(
        f"{key} = {_spread(value) if key == 'values' else _literal(value)}\n" for key, value in table.items()
    )


def _literal(value: Any) -> str:
    """Return a value as TOML writes it; whole documents of thousands of columns are made of nothing else."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    return repr(value)


def _bare(name: str) -> str:
    """Return a key: quoted where it has to be."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _literal(name)


def _is_long(values: Any) -> bool:
    """Return whether a list of values stands on several lines, so that a new value is one line of a diff."""
    return sum(len(str(one)) + (4 if isinstance(one, str) else 2) for one in values) > MOST_SIGNS


def _spread(values: list[Any]) -> str:
    if not _is_long(values):
        return _literal(values)
    return "\n".join(["[", *(f"    {_literal(one)}," for one in values), "]"])


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
            columns[one.name] = _updated(columns.get(one.name), table_of(one))
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
            if key == "values" and _is_long(value):
                table[key].multiline(True)
    return table
