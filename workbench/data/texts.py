"""What texts spell, numbers, truth values, dates and times, by the rule by which a CSV file is read.

The rule is one for all formats: a column of texts of a Parquet or JSON file is written as CSV and read again. It is a
column of another kind where all its texts spell that; else it stays one of texts.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from workbench.data.arrays import of_texts
from workbench.data.profile import Kind
from workbench.data.tables import Retyped, Table, canonical, canonical_type, kind_of, type_name

ABSENT = ["", "NA", "N/A", "#N/A", "NULL", "null", "None", "<NA>"]
"""What stands for a missing value; `nan` is a number that is none."""
_VALUE = re.compile(r"In CSV column #(\d+): .*?invalid value '(.*)'", re.DOTALL)
_OUTSIDE = re.compile(r"In CSV column #(\d+): .*? in '(.*)'", re.DOTALL)
_LIKELY = {
    "number": r"(?i)^\s*[+-]?(\d|\.\d|nan|inf|0x)",
    "boolean": r"(?i)^(true|false)$",
    "time": r"^\s*\d{4}-\d{2}-\d{2}",
}
_ZONE = r"[T ]\d{2}.*(Z|[+-]\d{2}(:?\d{2})?)\s*$"


def spelled(table: Table, names: Sequence[str], arrays: Sequence[Any]) -> list[Any]:
    """Return a batch with the texts of a column as what all of them spell, of the kinds that `table` wants.

    Raises Retyped where a column is not of the type that was thought; `table` has the better one then.
    """
    found, changed = [], False
    for name, array in zip(names, arrays, strict=True):
        if name not in table.guesses:
            found.append(array)
            continue
        known = table.guesses[name]
        try:
            known = _allowed(table, inferred(array)) if known is None else known
            found.append(_read(table, array, known))
        except _Other as other:
            known = _allowed(table, wider(known, other.value))
        if known is not None:
            table.guesses[name] = known
            changed |= _take(table, name, known)
    if changed:
        raise Retyped
    return found


def _allowed(table: Table, type_: Any) -> Any:
    import pyarrow as pa

    return type_ if type_ is None or kind_of(type_) in table.spelled else pa.string()


def _take(table: Table, name: str, type_: Any) -> bool:
    """Set the type of a column and return whether it was another."""
    import pyarrow as pa

    if table.types[name] == type_:
        return False
    table.types[name] = type_
    table.shown[name] = "text" if pa.types.is_string(type_) else type_name(type_)
    return True


def _read(table: Table, array: Any, type_: Any) -> Any:
    """Return texts as values of a type, None for it while no value has come; raises _Other for one that is of none."""
    import pyarrow as pa

    if type_ is None:
        return array
    if not pa.types.is_string(type_):
        return _through_csv(array, type_)
    return without_absent(array) if len(table.spelled) > 1 else array


def without_absent(array: Any) -> Any:
    """Return texts, those that stand for a missing value as missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    absent = pc.is_in(array, of_texts(ABSENT))
    # A null of pa.scalar is the same, and imports pandas.
    return pc.if_else(absent, pa.nulls(1, pa.string())[0], array) if pc.any(absent).as_py() else array


def inferred(array: Any) -> Any:
    """Return the canonical type of which all texts of an Arrow array are; None where none has a value."""
    import pyarrow as pa
    import pyarrow.compute as pc

    known = pc.unique(without_absent(array)).drop_null()
    if not len(known):
        return None
    type_ = canonical_type(_through_csv(known).type)
    return far_moment(known) or type_ if pa.types.is_string(type_) else type_


def far_moment(array: Any) -> Any:
    """Return the type of times of texts that Arrow alone takes for none: with fractions of a second it ends in 2262."""
    import pyarrow as pa

    known = array.drop_null()
    first = guessed(known[0].as_py()) if len(known) else None
    if first is None or not pa.types.is_timestamp(first):
        return None
    try:
        _through_csv(known, first)
    except _Other:
        return None
    return first


class _Other(Exception):
    """A value is not of the type as which it was read."""

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value


def _through_csv(array: Any, type_: Any = None) -> Any:
    import pyarrow as pa
    import pyarrow.csv as arrow

    sink = pa.BufferOutputStream()
    written = arrow.WriteOptions(include_header=False, quoting_style="all_valid")
    arrow.write_csv(pa.table({"": array}), sink, written)
    buffer = sink.getvalue()
    try:
        table = arrow.read_csv(
            pa.BufferReader(buffer),
            read_options=arrow.ReadOptions(block_size=min(buffer.size + 1, 2**31 - 1), column_names=[""]),
            parse_options=arrow.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            convert_options=convert_options({} if type_ is None else {"": type_}),
        )
    except pa.ArrowInvalid as error:
        refused_value = refused(str(error))
        if refused_value is None:
            raise
        raise _Other(refused_value[1]) from error
    return canonical(table.column(0).combine_chunks(), type_ or canonical_type(table.column(0).type))


def convert_options(types: dict[str, Any]) -> Any:
    """Return how the cells of a CSV file become values; columns that `types` lacks are guessed."""
    import pyarrow.csv as arrow

    return arrow.ConvertOptions(
        column_types=types,
        null_values=ABSENT,
        true_values=["true", "True", "TRUE"],
        false_values=["false", "False", "FALSE"],
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
    )


def refused(words: str) -> tuple[int, str] | None:
    """Return the column and the value that Arrow could not convert, from its message; None where it says another."""
    match = _VALUE.search(words) or _OUTSIDE.search(words)
    return None if match is None else (int(match[1]), match[2])


def wider(known: Any, value: str) -> Any:
    """Return the type that holds for a column of type `known` that also has this value."""
    import pyarrow as pa

    if pa.types.is_null(known):
        return guessed(value)
    if pa.types.is_integer(known) and guessed(value) in (pa.float64(), pa.int64()):
        return pa.float64()
    if pa.types.is_date32(known) and pa.types.is_timestamp(guessed(value)):
        return guessed(value)
    return pa.string()


def guessed(value: str) -> Any:
    """Return the type of one value."""
    import pyarrow as pa

    for type_, parse in ((pa.int64(), int), (pa.float64(), float)):
        try:
            if "_" not in value:
                parse(value)
                return type_
        except ValueError:
            continue
    if value.lower() in ("true", "false"):
        return pa.bool_()
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return pa.string()
    return pa.date32() if len(value) == 10 else pa.timestamp("us", "UTC" if moment.tzinfo else None)


# --- value by value


def readable(array: Any, kind: Kind) -> Any:
    """Return texts as numbers or truth values, missing where a text spells none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    likely = pc.match_substring_regex(array, _LIKELY[kind])
    trimmed = pc.utf8_trim_whitespace(pc.if_else(likely, array, pa.scalar(None, pa.string())))
    return _cast(trimmed, [pa.bool_()] if kind == "boolean" else [pa.int64(), pa.float64()])


def moments(array: Any) -> tuple[Any, Any]:
    """Return texts as times in UTC, missing where a text spells none, and which of them have a zone."""
    import pyarrow as pa
    import pyarrow.compute as pc

    none = pa.scalar(None, pa.string())
    likely = pc.match_substring_regex(array, _LIKELY["time"])
    trimmed = pc.utf8_trim_whitespace(pc.if_else(likely, array, none))
    has_zone = pc.match_substring_regex(trimmed, _ZONE).fill_null(False)
    plain = _cast(pc.if_else(has_zone, none, trimmed), [pa.timestamp("us")])
    zoned = _cast(pc.if_else(has_zone, trimmed, none), [pa.timestamp("us", "UTC")])
    return pc.coalesce(plain, pc.cast(zoned, pa.timestamp("us"))), has_zone


def _cast(array: Any, types: Iterable[Any]) -> Any:
    """Return texts as values of the first type that all of them are of, else of the last, as far as they are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    type_ = None
    for type_ in types:
        try:
            return pc.cast(array, type_)
        except pa.ArrowInvalid:
            continue
    encoded = array.dictionary_encode()
    values = [_one(text, type_) for text in encoded.dictionary]
    return pa.array(values, type_).take(encoded.indices)


def _one(text: Any, type_: Any) -> Any:
    import pyarrow as pa

    try:
        return text.cast(type_)
    except pa.ArrowInvalid:
        return None


def as_codes(array: Any) -> Any:
    """Return numbers as the texts that they are where codes have been read as numbers: 1.0 is the code 1."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(array.type):
        with contextlib.suppress(pa.ArrowInvalid):
            array = pc.cast(array, pa.int64())
    return pc.cast(array, pa.string())
