"""A file read as a table, in batches: CSV and TSV (also packed), Parquet, JSON lines.

Columns come as whole numbers, numbers, booleans, texts, dates and times in Arrow arrays, whatever the file has. The
type of a column follows from the whole file, never from its first part. What cannot be read is a TableError that names
file, line and column.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from workbench.data import packed, parts
from workbench.data.profile import Kind
from workbench.errors import UsageError
from workbench.safe import clean
from workbench.words import counted

ROWS = 65_536
FEW = 256
"""So many different numbers of a batch are looked at one by one, more than a profile counts."""
READING = 3
"""Which rules files are read by: what was found by others is not what would be found now."""
PARQUET = b"PAR1"
HEAD = 4096
_MARKS = {b"\xff\xfe\0\0": "UTF-32LE", b"\0\0\xfe\xff": "UTF-32BE", b"\xff\xfe": "UTF-16LE", b"\xfe\xff": "UTF-16BE"}
ALL_KINDS: frozenset[Kind] = frozenset(("number", "boolean", "time"))


class TableError(UsageError):
    """A file is not a table that can be read."""


class NoRows(TableError):
    """A table has no rows: as a part of several it tells nothing."""


class Retyped(Exception):
    """A column has turned out to be of another type than its beginning said; read again."""


class Reader(Protocol):
    """What takes the batches of a table."""

    def add(self, batch: Any) -> None:
        """Take the next rows."""


ReaderT = TypeVar("ReaderT", bound=Reader)


@dataclass
class Table:
    """An opened file: `name` is how it is called in messages; `types` are what is known of its columns so far.

    A `lenient` one takes bytes that are no UTF-8 as U+FFFD, and is `damaged` where it had any. `spelled` are the kinds
    of values that its texts are read for: all in CSV, which has no others, times in JSON lines. `guesses` are the types
    that its columns of texts spell, None where that is not known yet. `place` tells how many bytes have been read;
    `inner` is the name of the file in a zip archive. CSV is read in blocks of `block` bytes, more than a row has.
    """

    path: Path
    name: str
    format: str
    columns: tuple[str, ...]
    types: dict[str, Any] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    packed: str = ""
    inner: str = ""
    block: int = 0
    delimiter: str = ","
    lenient: bool = False
    damaged: bool = False
    spelled: frozenset[Kind] = frozenset()
    guesses: dict[str, Any] = field(default_factory=dict)
    place: Callable[[], int] | None = None

    def kinds(self) -> list[tuple[str, str, Kind]]:
        """Return name, type in the file and kind of each column."""
        return [(name, self.shown.get(name, ""), kind_of(self.types.get(name))) for name in self.columns]

    def fail(self, words: str, hint: str = "", *, line: int | None = None) -> TableError:
        """Return the error that names the file, and the line where it is known."""
        place = clean(self.name) + ("" if line is None else f", line {line}")
        return TableError(f"{place}: {words}", hint or "workbench data profile FILE shows a table that can be read.")

    def without_rows(self, words: str, *, line: int | None = None) -> NoRows:
        """Return the error for a table of no rows."""
        found = self.fail(words, "A table has one row at least, below its names.", line=line)
        return NoRows(found.message, found.hint)


def open_table(path: Path, name: str = "", *, lenient: bool = False, spelled: frozenset[Kind] = frozenset()) -> Table:
    """Look at a file and return it as a table that can be scanned; raises TableError.

    Columns of texts that all spell values of the kinds `spelled` are read as these, as they would be in CSV.
    """
    name = name or path.name
    blank = Table(path, name, "", (), lenient=lenient, spelled=spelled)
    parts.refuse_special(path, name)
    if path.is_dir():
        raise blank.fail("is a folder, not a table", "Name one of its files.")
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise blank.fail(f"cannot be read: {error.strerror}", "workbench data list") from error
    if not head:
        raise blank.without_rows("the file is empty")
    if head.startswith(PARQUET) or name.lower().endswith((".parquet", ".pq")):
        return _open_parquet(blank)
    blank.packed = packed.packing(blank, head)
    if blank.packed:
        head = _unpacked_head(blank)
    _refuse_foreign(blank, head)
    lower = packed.plain_name(blank)
    if head.lstrip()[:1] == b"[" and ".json" in lower:
        raise whole_json(blank)
    if any(lower.rpartition(end)[0] for end in (".jsonl", ".ndjson")) or head.lstrip()[:1] == b"{":
        from workbench.data import json_tables

        return json_tables.open_json_lines(blank)
    from workbench.data import csv_tables

    return csv_tables.open_csv(blank, head)


def scan(
    table: Table,
    make: Callable[[], ReaderT],
    columns: tuple[str, ...] | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> ReaderT:
    """Give all batches to what `make` returns and return that; a new one where a type turned out to be another.

    `make` is called after the types are known as far as they are; `columns` are those to read, None for all. `progress`
    is told after each batch how many bytes of how many have been read; what it raises ends the reading.
    """
    size = table.path.stat().st_size
    wanted = table.columns if columns is None else columns
    batches = {"csv": _csv_batches, "parquet": _parquet_batches, "jsonl": _json_batches}[table.format]
    while True:
        reader = make()
        try:
            for batch in batches(table, wanted):
                reader.add(batch)
                if progress is not None:
                    progress(min(size, table.place() if table.place else 0), size)
        except Retyped:
            continue
        return reader


def whole_json(table: Table, hint: str = "") -> TableError:
    """Return the error for a JSON document that is not one object a line."""
    return table.fail(
        "is one JSON document, not an object a line", hint or f"jq -c '.[]' {clean(table.name)} > lines.jsonl"
    )


def _unpacked_head(table: Table) -> bytes:
    with packed.broken_stream(table), packed.open_packed(table) as stream:
        head = bytes(stream.read(HEAD))
    if not head:
        raise table.without_rows("the file is empty once unpacked")
    return head


def _refuse_foreign(table: Table, head: bytes) -> None:
    marked = next((kind for mark, kind in _MARKS.items() if head.startswith(mark)), "")
    if kind := marked or _unmarked(head):
        hint = f"iconv -f {marked[:6] or kind} -t UTF-8 {clean(table.name)} > converted.csv"
        raise table.fail(f"is {kind}, not UTF-8", hint, line=1)
    if head.startswith(PARQUET) or packed.is_packed(head):
        raise table.fail("holds a packed file, packed once more", "Unpack it.")
    if b"\x00" in head:
        line = head[: head.index(b"\x00")].count(b"\n") + 1
        raise table.fail(
            "is not a table: it holds zero bytes", "Tables are CSV, TSV, Parquet or JSON lines.", line=line
        )


def _unmarked(head: bytes) -> str:
    """Return which UTF-16 bytes without a mark are, by where their zero bytes lie, "" for neither."""
    zeros = [head[at::2].count(0) for at in (0, 1)]
    if (zeros[0] and zeros[1]) or 4 * sum(zeros) < len(head):
        return ""
    return "UTF-16LE" if zeros[1] else "UTF-16BE"


# --- types


def kind_of(type_: Any) -> Kind:
    """Return the kind of a column of a canonical Arrow type."""
    import pyarrow as pa

    if type_ is None or pa.types.is_null(type_):
        return "empty"
    if pa.types.is_boolean(type_):
        return "boolean"
    if pa.types.is_integer(type_) or pa.types.is_floating(type_):
        return "number"
    return "time" if pa.types.is_temporal(type_) else "text"


def canonical_type(type_: Any) -> Any:
    """Return the one of few Arrow types as which values of `type_` are read."""
    import pyarrow as pa

    is_ = pa.types
    if is_.is_dictionary(type_):
        return canonical_type(type_.value_type)
    if is_.is_null(type_) or is_.is_boolean(type_) or is_.is_date32(type_):
        return type_
    if is_.is_integer(type_):
        return pa.float64() if is_.is_uint64(type_) else pa.int64()
    if is_.is_floating(type_) or is_.is_decimal(type_):
        return pa.float64()
    if is_.is_date64(type_):
        return pa.date32()
    return pa.timestamp("us", type_.tz) if is_.is_timestamp(type_) else pa.string()


def type_name(type_: Any) -> str:
    """Return an Arrow type as people know it."""
    import pyarrow as pa

    if pa.types.is_dictionary(type_):
        return f"category of {type_name(type_.value_type)}"
    if pa.types.is_timestamp(type_):
        return f"time {type_.tz}" if type_.tz else "time"
    plain = {"double": "float64", "float": "float32", "halffloat": "float16", "string": "text", "large_string": "text"}
    name = str(type_)
    return plain.get(name, name.replace("date32[day]", "date"))


def canonical(array: Any, type_: Any) -> Any:
    """Return an Arrow array as one of `type_`, a canonical type; what has no such form becomes JSON text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if array.type == type_:
        return array
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_float16(array.type):
        array = pc.cast(array, pa.float32())
    if pa.types.is_float32(array.type) and pa.types.is_float64(type_):
        return _widened(array)
    if pa.types.is_time(array.type):
        return pc.replace_substring_regex(pc.cast(array, pa.string()), r"\.0+$", "")
    try:
        is_bytes = pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type)
        return pc.cast(array, type_, safe=is_bytes)  # bytes are text only where they are UTF-8
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        texts = [None if one is None else as_text(one) for one in array.to_pylist()]
        return pa.array(texts, pa.string())


def _widened(array: Any) -> Any:
    """Return short numbers as long ones; few different ones as the decimal numbers that were meant: 0.1 stays 0.1."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(pc.unique(array[: 2 * FEW])) > FEW:
        return pc.cast(array, pa.float64())
    encoded = array.dictionary_encode()
    if len(encoded.dictionary) > FEW:
        return pc.cast(array, pa.float64())
    return pc.cast(pc.cast(encoded.dictionary, pa.string()), pa.float64()).take(encoded.indices)


def as_text(value: Any) -> str:
    """Return any value as text: a text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, default=str, sort_keys=True, ensure_ascii=False)


# --- the formats


def _csv_batches(table: Table, columns: tuple[str, ...]) -> Iterator[Any]:
    from workbench.data import csv_tables

    return csv_tables.batches(table, columns)


def _json_batches(table: Table, columns: tuple[str, ...]) -> Iterator[Any]:
    from workbench.data import json_tables

    return json_tables.batches(table, columns)


def _open_parquet(table: Table) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(str(table.path)) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
    except (pa.ArrowInvalid, pa.ArrowException, OSError, EOFError) as error:
        words = "is no Parquet file, or was cut off: its footer is missing or damaged"
        raise table.fail(words, "Write or fetch the file again.") from error
    refuse_names(table, schema.names)
    if not rows:
        raise table.without_rows(f"has {counted(len(schema.names), 'column')} and no rows")
    table.format, table.columns = "parquet", tuple(schema.names)
    table.types = {one.name: canonical_type(one.type) for one in schema}
    table.shown = {one.name: type_name(one.type) for one in schema}
    guess(table, table.columns)
    return table


def guess(table: Table, names: Iterable[str]) -> None:
    """Have the columns of texts among these read as what they spell."""
    import pyarrow as pa

    if table.spelled:
        table.guesses.update({name: None for name in names if pa.types.is_string(table.types[name])})


def keep_text(table: Table, name: str) -> None:
    """Have a column read as texts, as far as it has been read from texts."""
    import pyarrow as pa

    if table.format == "csv" or name in table.guesses:
        table.guesses.pop(name, None)
        table.types[name], table.shown[name] = pa.string(), "text"


def _parquet_batches(table: Table, columns: tuple[str, ...]) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from workbench.data import texts

    rows = 0
    try:
        # Read ahead, a file would be in memory as a whole.
        with pq.ParquetFile(str(table.path), pre_buffer=False) as file:
            size, total = table.path.stat().st_size, max(file.metadata.num_rows, 1)
            table.place = lambda: size * rows // total
            for batch in file.iter_batches(ROWS, columns=list(columns)):
                found = [batch.column(batch.schema.get_field_index(c)) for c in columns]
                arrays = [
                    canonical(_sound(table, c, one), pa.string() if c in table.guesses else table.types[c])
                    for c, one in zip(columns, found, strict=True)
                ]
                arrays = texts.spelled(table, columns, arrays) if table.guesses else arrays
                rows += batch.num_rows
                yield pa.RecordBatch.from_arrays(arrays, names=list(columns))
    except (pa.ArrowException, OSError) as error:
        raise table.fail(
            f"cannot be read after row {rows}: {clean(str(error), 200)}", "Fetch the file again."
        ) from error


def _sound(table: Table, name: str, array: Any) -> Any:
    """Return texts whose bytes are UTF-8; where they are not, in a lenient table, they are replaced."""
    import pyarrow as pa

    if not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
        return array
    try:
        array.validate(full=True)
        return array
    except pa.ArrowInvalid as error:
        if not table.lenient:
            words = f"column {clean(name, 60)!r} holds bytes that are no UTF-8"
            raise table.fail(words, "Write the file again with texts in UTF-8.") from error
    if not table.damaged:
        table.damaged = True
        raise Retyped
    raw = array.cast(pa.large_binary() if pa.types.is_large_string(array.type) else pa.binary()).to_pylist()
    return pa.array([None if one is None else one.decode("utf-8", "replace") for one in raw], pa.string())


def refuse_names(table: Table, names: list[str], line: int | None = None) -> None:
    """Refuse two columns of one name."""
    first: dict[str, int] = {}
    for at, name in enumerate(names, 1):
        if name in first:
            words = f"columns {first[name]} and {at} are both named {clean(name, 60)!r}"
            raise table.fail(words, "Give one of them another name.", line=line)
        first[name] = at
