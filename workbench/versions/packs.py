"""Pack files: many small contents in one file that is written once, synced once and never changed afterwards.

A pack is contents one after the other, an index sorted by hash, and a footer with the index's own hash, after which the
file is named: a pack that was cut short has no footer and is no pack.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from workbench.errors import EnvironmentProblem

RAW, ZSTD, RECIPE = 0, 1, 2
SUFFIX = ".pack"
TEMPORARY = ".tmp"
_MAGIC = b"WBPACK01"
_ENTRY = struct.Struct(">32sQQQB")
_PLACE = struct.Struct(">QQQB")
ROW_BYTES = _ENTRY.size
_FOOTER = struct.Struct(">QQ32s8s")
_BUFFER = 1 << 20


class Entry(NamedTuple):
    """Where a content lies in its pack: `stored` bytes at `offset`, `size` bytes when read, in one of three forms."""

    key: bytes
    offset: int
    stored: int
    size: int
    form: int


class PackDamaged(EnvironmentProblem):
    """A pack file is cut short or was changed."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"The pack {name} of the object store is damaged: {why}", "workbench doctor")
        self.name = name


class PackWriter:
    """A pack being written: a temporary file until `commit`, which gives it its name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f".{os.urandom(6).hex()}{TEMPORARY}"
        self._file = self._path.open("xb", buffering=_BUFFER)
        self._rows: dict[bytes, bytes] = {}
        self.index = b""
        """The rows of the pack, sorted by hash, once it is finished."""
        self.size = 0

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, key: bytes) -> bool:
        return key in self._rows

    def add(self, key: bytes, payload: bytes, size: int, form: int) -> None:
        """Append one content under its hash of 32 bytes; raises OSError."""
        self._file.write(payload)
        self._rows[key] = _PLACE.pack(self.size, len(payload), size, form)
        self.size += len(payload)

    def entry(self, key: bytes) -> Entry:
        """Return where a content that was added lies."""
        return Entry(key, *_PLACE.unpack(self._rows[key]))

    def payload(self, entry: Entry) -> bytes:
        """Return what was added before."""
        self._file.flush()
        with self._path.open("rb") as file:
            file.seek(entry.offset)
            return file.read(entry.stored)

    def commit(self) -> str:
        """Finish the file, sync it and return the name it got; raises OSError, and then nothing is left."""
        try:
            index = b"".join(key + self._rows[key] for key in sorted(self._rows))
            digest = blake3(index).digest()
            self._file.write(index)
            self._file.write(_FOOTER.pack(self.size, len(self._rows), digest, _MAGIC))
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            name = digest.hex()[:40] + SUFFIX
            self._path.replace(self.folder / name)
            sync_folder(self.folder)
        except BaseException:
            self.abort()
            raise
        self.index = index
        return name

    def abort(self) -> None:
        """Remove what was written."""
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._path.unlink()


def read_index(path: Path) -> list[Entry]:
    """Return the entries of a pack, sorted by hash; raises PackDamaged and OSError."""
    return list(entries_of(read_rows(path)))


def entries_of(rows: bytes) -> Iterator[Entry]:
    """Yield the entries of an index."""
    return (Entry(*row) for row in _ENTRY.iter_unpack(rows))


def entry_at(rows: bytes, number: int) -> Entry:
    """Return one entry of an index."""
    return Entry(*_ENTRY.unpack_from(rows, number * ROW_BYTES))


def read_rows(path: Path) -> bytes:
    """Return the index of a pack as it is written; raises PackDamaged and OSError."""
    with path.open("rb") as file:
        length = file.seek(0, 2)
        if length < _FOOTER.size:
            raise PackDamaged(path.name, "it is cut short")
        file.seek(length - _FOOTER.size)
        offset, count, digest, magic = _FOOTER.unpack(file.read(_FOOTER.size))
        if magic != _MAGIC or offset + count * _ENTRY.size + _FOOTER.size != length:
            raise PackDamaged(path.name, "its end is not that of a pack")
        file.seek(offset)
        index = file.read(count * _ENTRY.size)
    if blake3(index).digest() != digest or not path.name.startswith(digest.hex()[:40]):
        raise PackDamaged(path.name, "its index does not match its name")
    return index


def names(folder: Path) -> list[str]:
    """Return the names of the packs in `folder`, sorted."""
    try:
        return sorted(name for name in os.listdir(folder) if name.endswith(SUFFIX))
    except FileNotFoundError:
        return []


def leftovers(folder: Path) -> Iterator[Path]:
    """Yield the temporary files that interrupted writes left below `folder`."""
    yield from sorted(folder.glob(f"**/.*{TEMPORARY}"))


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in `folder`."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
