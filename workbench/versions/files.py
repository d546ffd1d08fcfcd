"""The code of a project without git: its text files, kept compressed under the name of their content."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import time
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from workbench.versions import selection

CACHE_NAME = "code-cache.json"
_VISIT_LIMIT = 200_000
_SECONDS_LIMIT = 5.0
# A file changed this shortly before it was hashed may change again without its time showing it.
_SETTLED_NS = 2_000_000_000


@dataclass(frozen=True)
class Kept:
    """One file of a manifest: the SHA-256 of its bytes, their number, and whether it may be executed."""

    hash: str
    size: int
    executable: bool


@dataclass(frozen=True)
class Manifest:
    """What was stored: the hash of the manifest itself, the number of files, and what was left out."""

    tree: str
    count: int
    notes: tuple[str, ...]


class _Row(NamedTuple):
    """What the cache knows of a file: its facts, its hash, and when that was taken."""

    size: int
    mtime_ns: int
    inode: int
    hash: str
    taken_ns: int

    @property
    def settled(self) -> bool:
        return self.taken_ns - self.mtime_ns >= _SETTLED_NS


@dataclass
class _Walk:
    notes: list[str] = field(default_factory=list)
    large: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def snapshot(folder: Path, objects: Path, ignore: Sequence[str] = ()) -> Manifest:
    """Store the source files of `folder` under `objects` and return the manifest's hash; raises OSError.

    A file of unchanged size, time and inode is not read again; what is known of it is in `code-cache.json` next to
    `objects`.
    """
    cache_file = objects.with_name(CACHE_NAME)
    cache, taken = _read_cache(cache_file), time.time_ns()
    walk, kept, seen = _Walk(), [], {}
    for path, entry in _sources(folder, ignore, walk):
        facts = entry.stat(follow_symlinks=False)
        stamp = (facts.st_size, facts.st_mtime_ns, facts.st_ino)
        digest = _known(cache.get(path), stamp, objects) or _store_file(entry.path, objects, path, walk)
        if digest:
            kept.append([path, digest, facts.st_size, bool(facts.st_mode & 0o100)])
            seen[path] = _Row(*stamp, digest, taken)
    tree = store(json.dumps(sorted(kept), separators=(",", ":")).encode(), objects)
    if _differs(cache, seen):
        _write_cache(cache_file, seen)
    return Manifest(tree, len(kept), _notes(walk))


def manifest(objects: Path, tree: str) -> dict[str, Kept] | None:
    """Return the files of a stored manifest by relative path, or None if it is gone or damaged."""
    content = load(objects, tree)
    if content is None:
        return None
    try:
        return {path: Kept(digest, size, executable) for path, digest, size, executable in json.loads(content)}
    except (ValueError, TypeError):
        return None


def store(content: bytes, objects: Path) -> str:
    """Keep `content` under its SHA-256 and return that; what is there already is not written again; raises OSError."""
    digest = hashlib.sha256(content).hexdigest()
    target = _place(objects, digest)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(target, zlib.compress(content, 3))
    return digest


def load(objects: Path, digest: str) -> bytes | None:
    """Return the content kept under `digest`, or None if it is gone or no longer matches."""
    if len(digest) != 64 or not digest.isalnum():
        return None
    try:
        content = zlib.decompress(_place(objects, digest).read_bytes())
    except (OSError, zlib.error):
        return None
    return content if hashlib.sha256(content).hexdigest() == digest else None


def _place(objects: Path, digest: str) -> Path:
    return objects / digest[:2] / digest[2:]


def _replace(target: Path, content: bytes) -> None:
    temporary = target.with_name(f".{secrets.token_hex(6)}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _sources(folder: Path, ignore: Sequence[str], walk: _Walk) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield relative path and entry of each source file, nearest folders first, within the limits."""
    waiting = deque([(str(folder), "")])
    visited = count = 0
    end = time.monotonic() + _SECONDS_LIMIT
    while waiting:
        place, prefix = waiting.popleft()
        for entry in _list(place, prefix, walk):
            visited += 1
            path = prefix + entry.name
            if _leads_on(entry):
                if not selection.skips_folder(entry.name) and not selection.ignored(path, ignore):
                    waiting.append((entry.path, path + "/"))
            elif _is_wanted(entry, path, ignore, walk):
                count += 1
                yield path, entry
            if reason := _limit_reached(count, visited, end):
                walk.notes.append(reason)
                return


def _limit_reached(count: int, visited: int, end: float) -> str:
    if count >= selection.FILES_LIMIT:
        return f"more than {selection.FILES_LIMIT} source files, the rest is left out"
    if visited >= _VISIT_LIMIT or (visited % 256 == 0 and time.monotonic() > end):
        return f"a very large folder, looked at {visited} files only"
    return ""


def _list(place: str, prefix: str, walk: _Walk) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError:
        if not prefix:
            raise
        walk.unreadable.append(prefix)
        return []


def _leads_on(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _is_wanted(entry: os.DirEntry[str], path: str, ignore: Sequence[str], walk: _Walk) -> bool:
    if entry.name.startswith(".") or not selection.is_source(entry.name) or selection.ignored(path, ignore):
        return False
    try:
        if not entry.is_file(follow_symlinks=False):
            return False
        size = entry.stat(follow_symlinks=False).st_size
    except OSError:
        return False
    if size > selection.SIZE_LIMIT:
        walk.large.append(path)
    return size <= selection.SIZE_LIMIT


def _known(row: _Row | None, stamp: tuple[int, int, int], objects: Path) -> str:
    """Return the hash in the cache if the file cannot have changed since and its content is still stored."""
    if row is None or row[:3] != stamp or not row.settled:
        return ""
    return row.hash if os.path.exists(f"{objects}/{row.hash[:2]}/{row.hash[2:]}") else ""  # noqa: PTH110 - speed


def _differs(cache: dict[str, _Row], seen: dict[str, _Row]) -> bool:
    return cache.keys() != seen.keys() or any(
        not row.settled or row[:4] != seen[path][:4] for path, row in cache.items()
    )


def _store_file(place: str, objects: Path, path: str, walk: _Walk) -> str:
    try:
        with open(place, "rb", opener=_open_plain) as file:
            content = file.read(selection.SIZE_LIMIT + 1)
    except OSError:
        walk.unreadable.append(path)
        return ""
    return store(content, objects)


def _open_plain(place: str, flags: int) -> int:
    return os.open(place, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _notes(walk: _Walk) -> tuple[str, ...]:
    notes = list(walk.notes)
    if walk.large:
        notes.append(f"over 1 MB, left out: {selection.some(walk.large)}")
    if walk.unreadable:
        notes.append(f"unreadable, left out: {selection.some(walk.unreadable)}")
    return tuple(notes)


def _read_cache(path: Path) -> dict[str, _Row]:
    try:
        rows = {name: _Row(*row) for name, row in json.loads(path.read_bytes()).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
    sound = all(list(map(type, row)) == [int, int, int, str, int] for row in rows.values())
    return rows if sound else {}


def _write_cache(path: Path, rows: dict[str, _Row]) -> None:
    # Only a matter of speed: a cache that cannot be written is no reason to lose the capture.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, json.dumps(rows, separators=(",", ":")).encode())
