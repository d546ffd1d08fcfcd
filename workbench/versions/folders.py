"""The files of a folder in the order of their names, and what is known of them since they were last looked at."""

from __future__ import annotations

import contextlib
import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from workbench.versions.matching import reason

_FACTS = struct.Struct("<qqqQ")
_ROW = struct.Struct("<32s32sBH")
_NEVER = b"\xff" * _FACTS.size


class Row(NamedTuple):
    """One file: its relative path, its facts, the hash of its bytes, or of where it points if it is a link."""

    name: bytes
    facts: bytes
    digest: bytes
    link: bool


class Known(NamedTuple):
    """A folder as it was: the hash of its list, the bytes of its files, their number, and their packed rows."""

    whole: str
    size: int
    files: int
    packed: bytes

    def rows(self) -> Iterator[Row]:
        """Yield the rows in the order of their names."""
        packed, at = self.packed, 0
        while at < len(packed):
            facts, digest, link, length = _ROW.unpack_from(packed, at)
            at += _ROW.size
            yield Row(packed[at : at + length], facts, digest, bool(link))
            at += length


def facts_of(facts: os.stat_result) -> bytes:
    """Return by what a file is known again: size, times, inode."""
    return _FACTS.pack(facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino)


def size_of(facts: bytes) -> int:
    """Return the size in bytes that packed facts hold."""
    return int(_FACTS.unpack(facts)[0])


def packed(row: Row, *, settled: bool) -> bytes:
    """Return a row as it is kept; one that is not `settled` is never the same again."""
    return _ROW.pack(row.facts if settled else _NEVER, row.digest, row.link, len(row.name)) + row.name


def read(file: Path | None, path: str) -> Known | None:
    """Return what was written of a folder, None where that is nothing, or not sound."""
    if file is None:
        return None
    try:
        head, _, rows = file.read_bytes().partition(b"\n")
        known = json.loads(head)
        if known["path"] == path and known["check"] == _check(rows):
            return Known(str(known["hash"]), int(known["size"]), int(known["files"]), rows)
    except (OSError, ValueError, TypeError, KeyError):
        pass
    return None


def write(file: Path | None, path: str, known: Known) -> None:
    """Write it down for the next time; only a matter of speed, so that a full disk is no problem."""
    if file is None:
        return
    head = {"path": path, "check": _check(known.packed), "hash": known.whole, "size": known.size, "files": known.files}
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f".{os.urandom(6).hex()}.tmp")
        try:
            with temporary.open("xb") as out:
                out.write(json.dumps(head).encode("ascii") + b"\n")
                out.write(known.packed)
            temporary.replace(file)
            file.with_suffix(".json").unlink(missing_ok=True)  # of a file that lay there, or as it was written before
        finally:
            temporary.unlink(missing_ok=True)


def _check(rows: bytes) -> str:
    return blake3(rows).hexdigest()[:16]


def walk(place: str, problems: list[str]) -> Iterator[tuple[bytes, os.stat_result]]:
    """Yield relative path and facts of everything below a folder that is not itself a folder, sorted; follows no link.

    What cannot be read is added to `problems`.
    """
    waiting = [(b"", _listed(os.fsencode(place), b"", problems))]
    while waiting:
        before, entries = waiting[-1]
        for name, entry in entries:
            if name.endswith(b"/"):
                below = before + name
                waiting.append((below, _listed(entry.path, below, problems)))
                break
            with contextlib.suppress(FileNotFoundError):  # gone since: as if it had never been there
                try:
                    yield before + name, entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    raise
                except OSError as error:
                    problems.append(f"{os.fsdecode(before + name)}: {reason(error)}")
        else:
            waiting.pop()


def _listed(here: bytes, before: bytes, problems: list[str]) -> Iterator[tuple[bytes, os.DirEntry[bytes]]]:
    """Yield the entries of a folder; folders sort by their names with a slash, as the paths in them do."""
    try:
        with os.scandir(here) as found:
            entries = [(entry.name + b"/" if _is_folder(entry) else entry.name, entry) for entry in found]
    except OSError as error:
        problems.append(f"{os.fsdecode(before) or '.'}: {reason(error)}")
        return
    entries.sort(key=lambda item: item[0])
    yield from entries


def _is_folder(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False
