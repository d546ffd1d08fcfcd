"""Files as streams of plain bytes and of lines, also those packed by gzip, bzip2, zstd or xz, or alone in a zip."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING, Any, BinaryIO

from workbench.safe import clean

if TYPE_CHECKING:
    from workbench.data.tables import Table

ENDS = (".gz", ".bz2", ".zst", ".xz", ".zip")
LONGEST_LINE = 32 << 20
ZIP = b"PK\x03\x04"
TEXTS = (".csv", ".tsv", ".tab", ".txt", ".jsonl", ".ndjson")
_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"(\xb5/\xfd": "zstd", b"\xfd7zXZ\x00": "xz"}


def packing(table: Table, head: bytes) -> str:
    """Return how a file that begins with `head` is packed, "" if it is not; raises TableError for a zip of no table."""
    if head.startswith(ZIP):
        table.inner = _alone_in_zip(table)
        return "zip"
    return _magic(head)


def is_packed(head: bytes) -> bool:
    """Return whether bytes begin as those of a packed file do."""
    return head.startswith(ZIP) or bool(_magic(head))


def _magic(head: bytes) -> str:
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "")


def plain_name(table: Table) -> str:
    """Return the name of the table in lower case, without what only tells how it is packed."""
    lower = (table.inner or table.name).lower()
    return next((lower.removesuffix(end) for end in ENDS if lower.endswith(end)), lower)


def _alone_in_zip(table: Table) -> str:
    """Return the name of the one file of text in an archive."""
    import zipfile

    try:
        with zipfile.ZipFile(table.path) as archive:
            files = [one for one in archive.infolist() if not one.is_dir() and not one.filename.startswith("__MACOSX/")]
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError) as error:
        raise table.fail("is a zip archive or a workbook, cut off or damaged", "Fetch the file again.") from error
    if len(files) != 1 or not files[0].filename.lower().endswith(TEXTS):
        raise table.fail("is a zip archive or a workbook, not a table", "Unpack it, or save the sheet as CSV.")
    if files[0].flag_bits & 1:
        raise table.fail("is a zip archive with a password", "Unpack it.")
    return files[0].filename


def open_packed(table: Table) -> Any:
    """Return the file as a stream of plain bytes."""
    import pyarrow as pa

    if table.packed in ("xz", "zip"):
        file = table.path.open("rb")
        table.place = lambda: 0 if file.closed else file.tell()
        stream = pa.PythonFile(_Unpacked(file, table), "r")
    else:
        raw = pa.OSFile(str(table.path), "rb")
        table.place = lambda: 0 if raw.closed else int(raw.tell())
        stream = pa.CompressedInputStream(raw, table.packed) if table.packed else raw
    if not table.damaged:
        return stream
    from workbench.data.repair import Repaired

    return pa.PythonFile(Repaired(stream), "r")


class _Unpacked(io.RawIOBase):
    """Reads what a file packs; closes both."""

    def __init__(self, file: BinaryIO, table: Table) -> None:
        import lzma
        import zipfile

        self._file = file
        if table.packed == "xz":
            self._plain: Any = lzma.LZMAFile(file)  # noqa: SIM115 - closed in close()
        else:
            self._plain = zipfile.ZipFile(file).open(table.inner)  # noqa: SIM115 - closed in close()

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as there is something; 0 at the end."""
        found = self._plain.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def close(self) -> None:
        """Close the file too."""
        self._plain.close()
        self._file.close()
        super().close()


@contextlib.contextmanager
def broken_stream(table: Table) -> Iterator[None]:
    """Turn the end of a packed file before its time into a TableError."""
    import lzma
    import zipfile
    import zlib

    try:
        yield
    except (OSError, EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, NotImplementedError) as error:
        words = f"the {table.packed} stream is cut off or damaged" if table.packed else str(error)
        raise table.fail(clean(words), "Fetch the file again.") from error


def lines(table: Table, stream: Any, errors: str = "strict") -> Iterator[str]:
    """Yield the lines with their ends; raises TableError for one that is too long, before it has been read."""
    text = io.TextIOWrapper(io.BufferedReader(stream, 1 << 20), encoding="utf-8-sig", errors=errors, newline="")
    for number in count(1):
        line = text.readline(LONGEST_LINE)
        if len(line) == LONGEST_LINE and not line.endswith(("\r", "\n")):
            words = f"the line is longer than {LONGEST_LINE >> 20} MB"
            raise table.fail(words, "Is it a table, with one row a line?", line=number)
        if not line:
            return
        yield line
