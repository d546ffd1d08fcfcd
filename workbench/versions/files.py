"""The code of a project without git: its text files, kept compressed under the name of their content."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import time
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from workbench.versions import selection

CACHE_NAME = "code-cache.json"
_VISIT_LIMIT = 200_000
_SECONDS_LIMIT = 5.0
# A file changed this shortly before it was hashed may change again without its time showing it.
_SETTLED_NS = 2_000_000_000


class Kept(NamedTuple):
    """One file of a manifest: the SHA-256 of its bytes, their number, and whether it may be executed."""

    hash: str
    size: int
    executable: bool


class Manifest(NamedTuple):
    """What was stored: the hash of the manifest itself, and what was left out."""

    tree: str
    notes: tuple[str, ...]


class _Row(NamedTuple):
    """What the cache knows of a file: its facts, its hash, and when that was taken."""

    size: int
    mtime_ns: int
    inode: int
    hash: str
    taken_ns: int


class _Walk:
    """What a walk over the files leaves out, gathered as it goes."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.large: list[str] = []
        self.unreadable: list[str] = []


class _Stored:
    """Which objects there are; one listing of a folder is cheaper than a question for each file."""

    def __init__(self, objects: Path) -> None:
        self._objects = objects
        self._names: dict[str, frozenset[str]] = {}

    def __contains__(self, digest: str) -> bool:
        folder = digest[:2]
        if folder not in self._names:
            try:
                self._names[folder] = frozenset(os.listdir(self._objects / folder))
            except OSError:
                self._names[folder] = frozenset()
        return digest[2:] in self._names[folder]


def snapshot(folder: Path, objects: Path, ignore: Sequence[str] = ()) -> Manifest:
    """Store the source files of `folder` under `objects` and return the manifest's hash; raises OSError.

    A file of unchanged size, time and inode is not read again; what is known of it is in `code-cache.json` next to
    `objects`.
    """
    cache_file = objects.with_name(CACHE_NAME)
    cache, taken = _read_cache(cache_file), time.time_ns()
    walk, stored = _Walk(), _Stored(objects)
    kept: list[tuple[str, str, int, bool]] = []
    seen: dict[str, _Row] = {}
    for path, place, facts in _sources(folder, ignore, walk):
        row = cache.get(path)
        if row is None or not _holds(row, facts, stored):
            digest = _store_file(place, objects, path, walk)
            row = _Row(facts.st_size, facts.st_mtime_ns, facts.st_ino, digest, taken)
        if row.hash:
            kept.append((path, row.hash, facts.st_size, bool(facts.st_mode & 0o100)))
            seen[path] = row
    tree = store(json.dumps(sorted(kept), separators=(",", ":")).encode(), objects)
    if len(seen) != len(cache) or any(row.taken_ns == taken for row in seen.values()):
        _write_cache(cache_file, seen)
    return Manifest(tree, _notes(walk))


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
    temporary = target.with_name(f".{os.urandom(6).hex()}.tmp")
    try:
        try:
            temporary.write_bytes(content)
        except FileNotFoundError:
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(content)
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _sources(folder: Path, ignore: Sequence[str], walk: _Walk) -> Iterator[tuple[str, str, os.stat_result]]:
    """Yield relative path, place and facts of each source file, nearest folders first, within the limits."""
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
            elif facts := _wanted(entry, path, ignore, walk):
                count += 1
                yield path, entry.path, facts
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


def _wanted(entry: os.DirEntry[str], path: str, ignore: Sequence[str], walk: _Walk) -> os.stat_result | None:
    """Return the facts of an entry that is to be stored, None for any other."""
    if entry.name.startswith(".") or not selection.is_source(entry.name) or selection.ignored(path, ignore):
        return None
    try:
        facts = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    if not stat.S_ISREG(facts.st_mode):
        return None
    if facts.st_size > selection.SIZE_LIMIT:
        walk.large.append(path)
        return None
    return facts


def _holds(row: _Row, facts: os.stat_result, stored: _Stored) -> bool:
    """Return whether a file cannot have changed since the cache took its hash, and its content is still stored."""
    size, mtime_ns, inode, digest, taken_ns = row
    return (
        size == facts.st_size
        and mtime_ns == facts.st_mtime_ns
        and inode == facts.st_ino
        and taken_ns - mtime_ns >= _SETTLED_NS
        and digest in stored
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
        _replace(path, json.dumps(rows, separators=(",", ":")).encode())
