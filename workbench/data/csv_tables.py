"""CSV and TSV: the separator, the header, types that hold for the whole file, and where a bad line is."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

from workbench.data.tables import (
    Retyped,
    Table,
    TableError,
    broken_stream,
    canonical,
    canonical_type,
    open_packed,
    refuse_names,
    type_name,
)
from workbench.safe import clean

BLOCK = 4 << 20
LONGEST_LINE = 64 << 20
ABSENT = ["", "NA", "N/A", "#N/A", "NULL", "null", "None", "<NA>"]
"""What stands for a missing value; `nan` is a number that is none."""
_SEPARATORS = ",;\t|"
_VALUE = re.compile(r"In CSV column #(\d+): .*?invalid value '(.*)'", re.DOTALL)


def open_csv(table: Table, head: bytes) -> Table:
    """Read separator and header; raises TableError."""
    with broken_stream(table):
        names = _header(table, head)
    table.format, table.columns = "csv", tuple(names)
    return table


def _header(table: Table, head: bytes) -> list[str]:
    line = head.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0]
    counts = {one: line.count(one.encode()) for one in _SEPARATORS}
    by_name = "\t" if table.name.lower().split(".gz")[0].endswith((".tsv", ".tab")) else ","
    best = max(_SEPARATORS, key=lambda one: (counts[one], one == by_name))
    table.delimiter = best if counts[best] and not counts[by_name] else by_name
    rows = _lines(table)
    try:
        _, names = next(rows, (0, []))
    finally:
        rows.close()
    if not any(name.strip() for name in names):
        raise table.fail("has no header: its first line is blank", line=1)
    if _are_data(names):
        shown = clean(", ".join(names[:3]), 60)
        raise table.fail(f"has no header: its first line holds data ({shown} …)", "Put the names first.", line=1)
    names = [name if name.strip() else f"column {at}" for at, name in enumerate(names, 1)]
    refuse_names(table, names, line=1)
    return names


def _are_data(names: list[str]) -> bool:
    """Return whether a header is a row of data: all numbers or dates, or one of them twice, and no count of columns."""
    import pyarrow as pa

    values = [name for name in names if name.strip() and _guessed(name.strip()) not in (pa.string(), pa.bool_())]
    if len(values) < len(names) and len(set(values)) == len(values):
        return False
    counted = [list(map(str, range(first, first + len(names)))) for first in (0, 1)]
    return [name.strip() for name in names] not in counted


def batches(table: Table, columns: tuple[str, ...]) -> Iterator[Any]:
    """Read the file once; raises Retyped where a column is of another type than was thought, TableError."""
    import pyarrow as pa
    import pyarrow.csv as arrow

    block, rows = BLOCK, 0
    try:
        while True:
            try:
                with open_packed(table) as stream:
                    for count, batch in enumerate(_read(table, arrow, stream, block), 1):
                        rows += batch.num_rows
                        if not table.packed:  # Arrow reads many blocks ahead: where it is says nothing
                            table.place = partial(int, count * block)
                        yield _chosen(table, batch, columns)
                break
            except pa.ArrowInvalid as error:
                if "straddl" not in str(error) or block >= LONGEST_LINE or rows:
                    raise
                block = LONGEST_LINE
    except pa.ArrowInvalid as error:
        raise _explained(table, str(error)) from error
    except (OSError, EOFError) as error:
        with broken_stream(table):
            raise error
    if not rows:
        raise table.fail(f"has a header of {len(table.columns)} columns and no rows", line=2)


def _read(table: Table, arrow: Any, stream: Any, block: int) -> Any:
    """Open the stream; the header is skipped as a row, the names are ours."""
    types = {name: table.types[name] for name in table.columns if name in table.types}
    reader = arrow.open_csv(
        stream,
        read_options=arrow.ReadOptions(block_size=block, column_names=list(table.columns), skip_rows_after_names=1),
        parse_options=arrow.ParseOptions(delimiter=table.delimiter, newlines_in_values=True),
        convert_options=arrow.ConvertOptions(
            column_types=types, null_values=ABSENT, strings_can_be_null=True, quoted_strings_can_be_null=True
        ),
    )
    learn(table, {one.name: one.type for one in reader.schema if one.name not in types})
    return reader


def learn(table: Table, found: dict[str, Any]) -> None:
    """Take types that the beginning of the file suggests; tells whoever already reads to begin again."""
    if not found:
        return
    table.types.update({name: canonical_type(type_) for name, type_ in found.items()})
    table.shown = {name: type_name(type_) for name, type_ in table.types.items()}
    raise Retyped


def _chosen(table: Table, batch: Any, columns: tuple[str, ...]) -> Any:
    import pyarrow as pa

    places = {name: at for at, name in enumerate(table.columns)}
    arrays = [canonical(batch.column(places[name]), table.types[name]) for name in columns]
    return pa.RecordBatch.from_arrays(arrays, names=list(columns))


def _explained(table: Table, words: str) -> Exception:
    """Return why the file could not be read: a type to change, a bad line, bad bytes."""
    import pyarrow as pa

    if match := _VALUE.search(words):
        name = table.columns[int(match[1])]
        known = table.types.get(name, pa.null())
        table.types[name] = _wider(known, match[2])
        table.shown[name] = type_name(table.types[name])
        if table.types[name] != known:
            return Retyped()
    if "UTF8" in words or "UTF-8" in words:
        if table.lenient and not table.damaged:
            table.damaged = True
            return Retyped()
        return _bad_bytes(table)
    if "straddl" in words:
        return table.fail(f"has a line of more than {LONGEST_LINE >> 20} MB", "Is a quote left open?")
    try:
        return _ragged(table) or table.fail(clean(words, 200), line=None)
    except (TableError, UnicodeError, csv.Error) as error:
        return error if isinstance(error, TableError) else table.fail(clean(str(error), 200))


def _wider(known: Any, value: str) -> Any:
    """Return the type that holds for a column of type `known` that also has this value."""
    import pyarrow as pa

    if pa.types.is_null(known):
        return _guessed(value)
    if pa.types.is_integer(known) and _guessed(value) in (pa.float64(), pa.int64()):
        return pa.float64()
    if pa.types.is_date32(known) and pa.types.is_timestamp(_guessed(value)):
        return _guessed(value)
    return pa.string()


def _guessed(value: str) -> Any:
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


def _lines(table: Table) -> Any:
    """Read the file with Python's own reader: the number of the line where a row ends, and its cells."""
    csv.field_size_limit(LONGEST_LINE)
    with open_packed(table) as stream:
        text = io.TextIOWrapper(io.BufferedReader(stream), encoding="utf-8-sig", errors="replace", newline="")
        reader = csv.reader(text, delimiter=table.delimiter)
        for row in reader:
            yield reader.line_num, row


def _ragged(table: Table) -> TableError | None:
    """Return the first line that has more or fewer cells than the header."""
    expected = len(table.columns)
    for line, row in _lines(table):
        if row and len(row) != expected:
            cells = "1 cell" if len(row) == 1 else f"{len(row)} cells"
            words = f"has {cells}, the header has {expected}"
            return table.fail(words, "Quote cells that hold the separator or a line break.", line=line)
    return None


def _bad_bytes(table: Table) -> TableError:
    """Return the line and column of the first bytes that are not UTF-8."""
    with open_packed(table) as stream:
        for number, line in enumerate(io.BufferedReader(stream), 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                before = line[: error.start].decode("utf-8", "replace")
                at = min(len(next(csv.reader([before], delimiter=table.delimiter), [""])), len(table.columns)) or 1
                words = f"column {clean(table.columns[at - 1], 60)!r} is not UTF-8"
                return table.fail(words, "iconv -f LATIN1 -t UTF-8 converts many such files.", line=number)
    return table.fail("is not UTF-8", "iconv -f LATIN1 -t UTF-8 converts many such files.")
