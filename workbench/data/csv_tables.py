"""CSV and TSV: the separator, the header, types that hold for the whole file, and where a bad line is."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from workbench.data import texts
from workbench.data.packed import LONGEST_LINE, broken_stream, lines, open_packed, plain_name
from workbench.data.personal import DIALLED, LEAST_DIALLED, masked
from workbench.data.repair import REPLACED
from workbench.data.tables import (
    ALL_KINDS,
    HEAD,
    Retyped,
    Table,
    TableError,
    canonical,
    canonical_type,
    kind_of,
    refuse_names,
    type_name,
)
from workbench.safe import clean
from workbench.words import counted

BLOCK = 4 << 20
_ICONV = "iconv -f LATIN1 -t UTF-8 converts many such files."
_SEPARATORS = ",;\t|"
_LOOKED_AT = 200


def open_csv(table: Table, head: bytes) -> Table:
    """Read separator and header; raises TableError."""
    with broken_stream(table):
        names = _header(table, head)
    table.format, table.columns, table.spelled = "csv", tuple(names), ALL_KINDS
    table.block = BLOCK
    return table


def _header(table: Table, head: bytes) -> list[str]:
    table.delimiter = _separator(table, head)
    rows = _lines(table)
    try:
        names = list(next(rows, Row(1, 1, [], [])).cells)
    finally:
        rows.close()
    if not any(name.strip() for name in names):
        raise table.fail("has no header: its first line is blank", line=1)
    if _are_data(names):
        shown = clean(", ".join(map(masked, names[:3])), 60)
        raise table.fail(f"has no header: its first line holds data ({shown} …)", "Put the names first.", line=1)
    names = [name if name.strip() else f"column {at}" for at, name in enumerate(names, 1)]
    refuse_names(table, names, line=1)
    for at, name in enumerate(names, 1):
        if REPLACED in name and not table.lenient:
            raise table.fail(f"the name of column {at} is not UTF-8", _ICONV, line=1)
    return names


def _separator(table: Table, head: bytes) -> str:
    """Return what stands between cells: of what gives each row at the beginning as many as the header, what gives most.

    Where the first rows do not tell, the header alone does.
    """
    text = head.decode("utf-8-sig", "replace")
    usual = "\t" if plain_name(table).endswith((".tsv", ".tab")) else ","
    counts = {}
    for one in sorted(_SEPARATORS, key=lambda one: one != usual):
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=one) if row]
        whole = rows[:-1] if len(head) >= HEAD else rows
        if len(whole) > 1 and {len(row) for row in whole} == {len(whole[0])}:
            counts[one] = len(whole[0])
    if any(count > 1 for count in counts.values()):
        return max(counts, key=lambda one: counts[one])
    line = re.split(r"[\r\n]", text, maxsplit=1)[0]
    best = max(_SEPARATORS, key=lambda one: (line.count(one), one == usual))
    return best if best in line and usual not in line else usual


def _are_data(names: list[str]) -> bool:
    """Return whether a header is a row of data: numbers or dates, one of them twice, both, or all, and no count."""
    import pyarrow as pa

    values = [name for name in names if name.strip() and texts.guessed(name.strip()) not in (pa.string(), pa.bool_())]
    are_one_kind = len({kind_of(texts.guessed(name.strip())) for name in values}) < 2
    if len(values) < len(names) and len(set(values)) == len(values) and are_one_kind:
        return False
    counted = [list(map(str, range(first, first + len(names)))) for first in (0, 1)]
    return [name.strip() for name in names] not in counted


def batches(table: Table, columns: tuple[str, ...]) -> Iterator[Any]:
    """Read the file once; raises Retyped where a column is of another type than was thought, TableError."""
    import pyarrow as pa
    import pyarrow.csv as arrow

    rows, last = 0, None
    try:
        with open_packed(table) as stream:
            for number, batch in enumerate(_read(table, arrow, stream), 1):
                rows += batch.num_rows
                last = batch.column(batch.num_columns - 1)
                if not table.packed:  # Arrow reads many blocks ahead: where it is says nothing
                    table.place = partial(int, number * table.block)
                yield _chosen(table, batch, columns)
    except pa.ArrowInvalid as error:
        raise _explained(table, str(error)) from error
    except (OSError, EOFError) as error:
        with broken_stream(table):
            raise error
    if not rows:
        raise _without_rows(table)
    if last is not None and len(last) and any(sign in str(last[-1]) for sign in "\r\n"):
        _refuse_open_quote(table)


def _read(table: Table, arrow: Any, stream: Any) -> Any:
    """Open the stream; the header is skipped as a row, the names are ours."""
    types = {name: table.types[name] for name in table.columns if name in table.types}
    reader = arrow.open_csv(
        stream,
        read_options=arrow.ReadOptions(
            block_size=table.block, column_names=list(table.columns), skip_rows_after_names=1
        ),
        parse_options=arrow.ParseOptions(delimiter=table.delimiter, newlines_in_values=True),
        convert_options=texts.convert_options(types),
    )
    _learn(table, {one.name: one.type for one in reader.schema if one.name not in types}, reader)
    return reader


def _learn(table: Table, found: dict[str, Any], reader: Any) -> None:
    """Take types that the beginning of the file suggests; tells whoever already reads to begin again."""
    import pyarrow as pa

    if not found:
        return
    for batch in islice(reader, 1):
        far = {name: texts.far_moment(batch.column(name)) for name, one in found.items() if pa.types.is_string(one)}
        found |= {name: one for name, one in far.items() if one is not None}
        found |= dict.fromkeys(_dialled(table, batch, found), pa.string())
    table.types.update({name: canonical_type(type_) for name, type_ in found.items()})
    table.shown = {name: type_name(type_) for name, type_ in table.types.items()}
    raise Retyped


def _dialled(table: Table, batch: Any, found: dict[str, Any]) -> Iterator[str]:
    """Yield columns that read as numbers but are written like phone numbers: the plus or the zeros would be lost."""
    import pyarrow as pa
    import pyarrow.compute as pc

    likely = [name for name, one in found.items() if pa.types.is_integer(one) or pa.types.is_floating(one)]
    likely = [
        name for name in likely if (pc.max(batch.column(table.columns.index(name))).as_py() or 0) >= LEAST_DIALLED
    ]
    if not likely:
        return
    rows = _lines(table)
    try:
        first = [row.cells for row in islice(rows, 1, _LOOKED_AT)]
    finally:
        rows.close()
    for name in likely:
        at = table.columns.index(name)
        cells = [row[at].strip() for row in first if at < len(row) and row[at].strip()]
        if cells and 2 * sum(1 for cell in cells if DIALLED.fullmatch(cell)) >= len(cells):
            yield name


def _chosen(table: Table, batch: Any, columns: tuple[str, ...]) -> Any:
    import pyarrow as pa

    places = {name: at for at, name in enumerate(table.columns)}
    arrays = [canonical(batch.column(places[name]), table.types[name]) for name in columns]
    return pa.RecordBatch.from_arrays(arrays, names=list(columns))


def _explained(table: Table, words: str) -> Exception:
    """Return why the file could not be read: a type to change, a bad line, bad bytes."""
    import pyarrow as pa

    if found := texts.refused(words):
        name = table.columns[found[0]]
        known = table.types.get(name, pa.null())
        table.types[name] = texts.wider(known, found[1])
        table.shown[name] = type_name(table.types[name])
        if table.types[name] != known:
            return Retyped()
    if "UTF8" in words or "UTF-8" in words:
        if table.lenient and not table.damaged:
            table.damaged = True
            return Retyped()
        return _bad_bytes(table)
    if "straddl" in words and table.block < LONGEST_LINE:
        table.block = LONGEST_LINE
        return Retyped()
    try:
        return _ragged(table) or _alone(table) or table.fail(clean(words, 200))
    except (TableError, UnicodeError, csv.Error) as error:
        return error if isinstance(error, TableError) else table.fail(clean(str(error), 200))


@dataclass(frozen=True)
class Row:
    """A row of the file: its first and last line by number, its cells, and these lines."""

    begin: int
    end: int
    cells: list[str]
    lines: Sequence[str]


def _lines(table: Table) -> Any:
    """Read the file with Python's own reader, row by row; raises TableError for a line or cell that is too long."""
    csv.field_size_limit(LONGEST_LINE)
    begin, kept = 1, list[str]()

    def keeping(stream: Any) -> Iterator[str]:
        for line in lines(table, stream, "replace"):
            kept.append(line)
            yield line

    with open_packed(table) as stream:
        reader = csv.reader(keeping(stream), delimiter=table.delimiter)
        try:
            for cells in reader:
                yield Row(begin, reader.line_num, cells, kept)
                begin = reader.line_num + 1
                kept.clear()
        except csv.Error as error:
            if "limit" not in str(error):
                raise
            words = f"a quote is opened that is not closed within {LONGEST_LINE >> 20} MB"
            raise table.fail(words, "Close it, or double it where it stands for itself.", line=begin) from error


def _ragged(table: Table) -> TableError | None:
    """Return the first row that has more or fewer cells than the header."""
    expected = len(table.columns)
    for row in _lines(table):
        if row.cells and len(row.cells) != expected:
            if row.end > row.begin and _is_open(table, row.lines):
                return _open_quote(table, row)
            cells = "1 cell" if len(row.cells) == 1 else f"{len(row.cells)} cells"
            further = f" up to line {row.end}" if row.end > row.begin else ""
            words = f"has {cells}{further}, the header has {expected}"
            return table.fail(words, "Quote cells that hold the separator or a line break.", line=row.begin)
    return None


def _alone(table: Table) -> TableError | None:
    """Return the error for a file that ends with its header: without a line break at its end, Arrow reads none."""
    rows = _lines(table)
    try:
        header = next(rows)
        is_open = _is_open(table, list(header.lines))
        if next(rows, None) is not None:
            return None
    finally:
        rows.close()
    return _open_quote(table, header) if is_open else _without_rows(table)


def _without_rows(table: Table) -> TableError:
    return table.without_rows(f"has a header of {counted(len(table.columns), 'column')} and no rows", line=2)


def _is_open(table: Table, rows: Sequence[str]) -> bool:
    """Return whether a row ends within quotes."""
    try:
        list(csv.reader(rows, delimiter=table.delimiter, strict=True))
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


def _open_quote(table: Table, row: Row) -> TableError:
    """Return the error for a row whose last cell, to the end of the file, is within quotes."""
    breaks = len(re.findall(r"\r\n|\r|\n", row.cells[-1])) - row.cells[-1].endswith(("\r", "\n"))
    words = f"a quote is opened that is never closed, up to the end in line {row.end}"
    return table.fail(words, "Close it, or double it where it stands for itself.", line=row.end - breaks)


def _refuse_open_quote(table: Table) -> None:
    """Raise TableError where the last row goes on to the end of the file because of an open quote."""
    with open_packed(table) as stream:
        quotes = sum(block.count(b'"') for block in iter(partial(stream.read, 1 << 20), b""))
    if quotes % 2 == 0:
        return
    row = None
    for row in _lines(table):
        kept = list(row.lines) if row.end > row.begin else []
    if row is not None and kept and _is_open(table, kept):
        raise _open_quote(table, row)


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
                return table.fail(words, _ICONV, line=number)
    return table.fail("is not UTF-8", _ICONV)
