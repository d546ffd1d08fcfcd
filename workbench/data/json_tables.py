"""JSON lines: one object a line; a column that holds values of several types is read as text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from workbench.data import packed, texts
from workbench.data.repair import REPLACED
from workbench.data.tables import ROWS, Retyped, Table, as_text, guess, type_name, whole_json
from workbench.safe import clean


class _Twice(ValueError):
    """A name occurs twice in one object."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in names if names.count(name) > 1))
    return found


_LOADS = json.JSONDecoder(object_pairs_hook=_object).decode
_HALF = re.compile("[\ud800-\udfff]")
_RANKS = {bool: "boolean", int: "int", float: "float", str: "text"}
_NESTED = "nested JSON"


def open_json_lines(table: Table) -> Table:
    """Read all lines once for the columns and their types; raises TableError."""
    import pyarrow as pa

    try:
        kinds = _kinds(table)
    except Retyped:
        kinds = _kinds(table)
    if not kinds:
        raise table.without_rows("holds no rows")
    is_nested = all(found == {_NESTED} for found in kinds.values())
    if is_nested and packed.plain_name(table).endswith(".json") and len(list(islice(_rows(table), 2))) == 1:
        raise whole_json(table, "DataFrame.to_json(…, orient='records', lines=True) writes an object a line")
    table.format, table.columns = "jsonl", tuple(kinds)
    plain = {"boolean": pa.bool_(), "int": pa.int64(), "float": pa.float64(), "large": pa.float64()}
    for name, found in kinds.items():
        one = plain.get(next(iter(found)), pa.string()) if len(found) == 1 else pa.string()
        table.types[name] = pa.null() if not found else pa.float64() if _are_numbers(found) else one
        is_mixed = len(found) > 1 and not _are_numbers(found)
        table.shown[name] = " or ".join(sorted(found)) if is_mixed else type_name(table.types[name])
    table.spelled |= {"time"}
    guess(table, [name for name, found in kinds.items() if found == {"text"} or len(table.spelled) > 1])
    return table


def _kinds(table: Table) -> dict[str, set[str]]:
    """Return the kinds of values that each column holds."""
    kinds: dict[str, set[str]] = {}
    for row in _rows(table):
        for name, value in row.items():
            found = kinds.setdefault(name, set())
            if value is not None:
                found.add("large" if type(value) is int and abs(value) >= 2**63 else _RANKS.get(type(value), _NESTED))
    return kinds


def _are_numbers(kinds: set[str]) -> bool:
    return len(kinds) > 1 and kinds <= {"int", "float", "large"}


def batches(table: Table, columns: tuple[str, ...]) -> Iterator[Any]:
    """Read the rows again, with the types found."""
    rows: list[dict[str, Any]] = []
    for row in _rows(table):
        rows.append(row)
        if len(rows) == ROWS:
            yield _batch(table, rows, columns)
            rows = []
    if rows:
        yield _batch(table, rows, columns)


def _batch(table: Table, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> Any:
    import pyarrow as pa

    arrays = []
    for name in columns:
        values, type_ = [row.get(name) for row in rows], pa.string() if name in table.guesses else table.types[name]
        if pa.types.is_string(type_):
            values = [None if one is None else as_text(one) for one in values]
        elif pa.types.is_floating(type_):
            values = [None if one is None else _float(one) for one in values]
        arrays.append(pa.array(values, type_))
    arrays = texts.spelled(table, columns, arrays) if table.guesses else arrays
    return pa.RecordBatch.from_arrays(arrays, names=list(columns))


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _sound(table: Table, row: dict[str, Any], number: int) -> dict[str, Any]:
    r"""Return a row without halves of characters (\ud800), which a lenient table has as U+FFFD."""
    text = json.dumps(row, ensure_ascii=False)
    if _HALF.search(text) is None:
        return row
    if not table.lenient:
        raise table.fail("holds half of a character, which is no text", "Write the file again.", line=number)
    if not table.damaged:
        table.damaged = True
        raise Retyped
    found: dict[str, Any] = json.loads(_HALF.sub(REPLACED, text))
    return found


def _rows(table: Table) -> Iterator[dict[str, Any]]:
    with packed.broken_stream(table), packed.open_packed(table) as stream:
        number = 0
        try:
            for number, line in enumerate(packed.lines(table, stream), 1):
                if not line.strip():
                    continue
                row = _LOADS(line)
                if not isinstance(row, dict):
                    raise table.fail("is no JSON object", "Each line is one object: {...}", line=number)
                yield _sound(table, row, number) if "\\ud" in line or "\\uD" in line else row
        except _Twice as error:
            words = f"the name {clean(str(error), 60)!r} comes twice in one object"
            raise table.fail(words, "Give one of them another name.", line=number) from error
        except json.JSONDecodeError as error:
            if number == 1 and packed.plain_name(table).endswith(".json") and error.pos >= len(line.rstrip()):
                raise whole_json(table) from error
            raise table.fail(
                f"column {error.colno}: {clean(error.msg)}", "Each line is one object.", line=number
            ) from error
        except UnicodeDecodeError as error:
            if table.lenient and not table.damaged:
                table.damaged = True
                raise Retyped from error
            raise table.fail("is not UTF-8", "iconv converts it.", line=number + 1) from error
        except RecursionError as error:
            raise table.fail("is nested too deeply", "Each line is one object.", line=number) from error
        except ValueError as error:
            raise table.fail(clean(str(error), 200), "Each line is one object.", line=number) from error
