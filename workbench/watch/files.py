"""The watched files as they are: found, told apart by size and times, and read into hashes."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from blake3 import blake3

from workbench.watch.rules import Facts, Rules

_BLOCK = 1 << 20
_FACTS = struct.Struct("=3Q")
_WHOLE = (1 << 64) - 1  # some file systems keep times that no 64 bits of nanoseconds hold
FACTS_SIZE = _FACTS.size
FILES_LIMIT = 200_000


class Unsteady(Exception):
    """The file changed while it was read."""


class Unreadable(Exception):
    """The file is there but cannot be read."""


@dataclass(frozen=True)
class Listing:
    """What one folder holds: watched files with their facts, folders to look into, and its device."""

    files: dict[str, Facts] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    device: int = 0


def facts_of(status: os.stat_result) -> Facts:
    """Return what tells one state of a file from another without reading it."""
    return _FACTS.pack(status.st_size, status.st_mtime_ns & _WHOLE, status.st_ctime_ns & _WHOLE)


def size_of(facts: Facts) -> int:
    """Return the size in bytes."""
    return int(_FACTS.unpack(facts)[0])


def changed_at(facts: Facts) -> int:
    """Return when the file, or what is kept about it, last changed, in nanoseconds since the epoch."""
    return int(_FACTS.unpack(facts)[2])


def look(root: str, path: str) -> Facts | None:
    """Return the facts of a file, None where there is no regular file."""
    try:
        status = os.stat(os.path.join(root, path))  # noqa: PTH116, PTH118 - plain strings, a hot path
    except (OSError, ValueError):
        return None
    return facts_of(status) if stat.S_ISREG(status.st_mode) else None


def list_folder(root: str, folder: str, rules: Rules) -> Listing | None:
    """Return what is watched in `folder` (relative to `root`), None where there is no such folder."""
    place = os.path.join(root, folder) if folder else root  # noqa: PTH118 - plain strings, a hot path
    prefix = f"{folder}/" if folder else ""
    files: dict[str, Facts] = {}
    folders: list[str] = []
    try:
        device = os.stat(place).st_dev  # noqa: PTH116 - as above
        with os.scandir(place) as entries:
            for entry in entries:
                path = prefix + entry.name
                if _is_folder(entry, path, rules):
                    if rules.enters(path):
                        folders.append(path)
                elif rules.follows_in(entry.name, path) and (facts := _look(entry)) is not None:
                    files[entry.name] = facts
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return Listing(files, tuple(folders))
    return Listing(files, tuple(folders), device)


def _look(entry: os.DirEntry[str]) -> Facts | None:
    try:
        status = entry.stat()
    except (OSError, ValueError):
        return None
    return facts_of(status) if stat.S_ISREG(status.st_mode) else None


def _is_folder(entry: os.DirEntry[str], path: str, rules: Rules) -> bool:
    if entry.is_symlink():
        return rules.follows_link(path) and entry.is_dir()
    return entry.is_dir(follow_symlinks=False)


def walk(
    root: str, folder: str, rules: Rules, entering: Callable[[str], None] = lambda folder: None
) -> Iterator[tuple[str, Listing]]:
    """Yield every folder from `folder` down that may hold watched files; `entering` is called before it is listed."""
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        entering(here)
        listing = list_folder(root, here, rules)
        if listing is not None:
            yield here, listing
            waiting.extend(listing.folders)


def read(root: str, path: str, go_on: Callable[[], bool] = lambda: True) -> tuple[Facts, bytes] | None:
    """Return facts and BLAKE3 of a file, None where there is none; raises Unsteady or Unreadable.

    `go_on` is asked between blocks; Unsteady is raised as well when it says no.
    """
    try:
        with open(os.path.join(root, path), "rb", buffering=0, opener=_without_waiting) as file:  # noqa: PTH118
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                return None
            digest, block = blake3(), memoryview(bytearray(min(_BLOCK, before.st_size + 1)))
            while count := file.readinto(block):
                digest.update(block[:count])
                if not go_on():
                    raise Unsteady
            after = os.fstat(file.fileno())
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise Unreadable(str(error)) from error
    if facts_of(before) != facts_of(after):
        raise Unsteady
    return facts_of(after), digest.digest()


def _without_waiting(path: str, flags: int) -> int:
    """Open without hanging on a named pipe."""
    return os.open(path, flags | os.O_NONBLOCK)


def path_of(root: str, path: str) -> str:
    """Return a relative path as an absolute one; "" is the root."""
    return os.path.join(root, path) if path else root  # noqa: PTH118 - plain strings


def absolute(root: str, path: str) -> Path:
    """Return a relative path as an absolute Path."""
    return Path(path_of(root, path))
