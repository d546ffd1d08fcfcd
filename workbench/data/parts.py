"""A table in one file, or in the parts of a folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from workbench.data import packed
from workbench.safe import clean

PartT = TypeVar("PartT")
FoundT = TypeVar("FoundT")

TABLES = (".csv", ".tsv", ".tab", ".parquet", ".pq", ".jsonl", ".ndjson")
UNNAMED = (".txt", ".dat", ".data")
"""Tables may be named so, or without an end or with a number for one; where they are, there is nothing else."""
MOST_ENTRIES = 50_000
"""A folder with more files and folders below it holds more than the parts of one table."""

_SPECIAL = (
    (stat.S_ISFIFO, "pipe"), (stat.S_ISSOCK, "socket"), (stat.S_ISCHR, "device"), (stat.S_ISBLK, "device")
)  # fmt: skip


def parts_of(path: Path, name: str) -> Iterator[tuple[Path, str]]:
    """Yield the files of a table: itself, or the parts of a folder in the order of their names.

    What begins with a dot or an underscore is no part, nor is an empty file. Links to folders are not followed. Raises
    TableError for a folder that holds no table, cannot be read, or holds too much.
    """
    if not path.is_dir():
        yield path, name
        return
    filled = [(file, part) for file, part in _all_parts(path, name) if file.stat().st_size]
    if not filled:
        raise _refused(name, "the folder holds no files but empty ones")
    yield from filled


def empty_parts(path: Path, name: str) -> list[str]:
    """Return the names of the parts of a folder that have no bytes, as a writing leaves them that was cut off."""
    return [part for file, part in _all_parts(path, name) if not file.stat().st_size] if path.is_dir() else []


def _all_parts(path: Path, name: str) -> list[tuple[Path, str]]:
    found = sorted(_files(path, name))
    files = [one for one in found if is_table(one.name)]
    if not files and all(_is_unnamed(one.name) for one in found):
        files = found
    if not files:
        many = f"its {len(found):,} files are no tables" if len(found) > 1 else "its one file is no table"
        words = f"{many}: none is named .csv, .parquet, .jsonl or the like"
        raise _refused(name, words if found else "the folder holds no files")
    return [(file, f"{name.rstrip('/')}/{file.relative_to(path).as_posix()}") for file in files]


def refuse_special(path: Path, name: str) -> None:
    """Raise TableError for what is no file and no folder: of a pipe or a device nobody knows when, or if, it ends."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # whoever opens it says what is wrong
    kind = next((kind for is_kind, kind in _SPECIAL if is_kind(mode)), "")
    if kind:
        raise _refused(name, f"is a {kind}, not a file", "Write its rows to a file, and name that.")


def _refused(name: str, words: str, hint: str = "Name a file, or a folder of parts.") -> Exception:
    from workbench.data.tables import TableError  # late: it loads what reads tables

    return TableError(f"{clean(name)}: {words}", hint)


def _files(path: Path, name: str) -> Iterator[Path]:
    """Yield the files that may be parts; raises TableError."""
    folders, seen = [path], 0
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    seen += 1
                    if seen > MOST_ENTRIES:
                        words = f"more than {MOST_ENTRIES:,} files and folders lie in it, too many for one table"
                        raise _refused(name, words)
                    if entry.name.startswith((".", "_")):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(folder / entry.name)
                    elif entry.is_file():
                        yield folder / entry.name
                    elif is_table(entry.name):
                        part = folder / entry.name
                        refuse_special(part, f"{name.rstrip('/')}/{part.relative_to(path).as_posix()}")
        except OSError as error:
            place = "" if error.filename is None else f" ({clean(str(error.filename))})"
            raise _refused(name, f"cannot be read: {(error.strerror or str(error)).lower()}{place}") from error


def _is_unnamed(name: str) -> bool:
    end = Path(_unpacked(name)).suffix
    return end in ("", *UNNAMED) or end[1:].isdigit()


def with_rows(parts: Iterable[PartT], read: Callable[[PartT], FoundT]) -> list[FoundT]:
    """Return what `read` makes of each part of a table, but of those that have no rows; raises NoRows if none has."""
    from workbench.data.tables import NoRows

    found, empty = list[FoundT](), None
    for part in parts:
        try:
            found.append(read(part))
        except NoRows as error:
            empty = error
    if empty is not None and not found:
        raise empty
    return found


def is_table(name: str) -> bool:
    """Return whether a file is named like a table."""
    return _unpacked(name).endswith(TABLES)


def _unpacked(name: str) -> str:
    """Return a name in small letters, without the ends that packing gives."""
    lower = name.lower()
    for end in packed.ENDS:
        lower = lower.removesuffix(end)
    return lower
