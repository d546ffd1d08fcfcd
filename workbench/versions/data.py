"""Versions of data: files and folders as they are now, taken into the object store, and what a version consists of."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from blake3 import blake3

from workbench.versions import folders
from workbench.versions.manifest import BadManifest, Entry, decode, line
from workbench.versions.matching import Refused, inside, matching, real, reason
from workbench.versions.objects import Objects, Unreadable, Unsteady
from workbench.versions.restoring import leftovers, restore

__all__ = ["BadManifest", "Entry", "Taken", "contents", "leftovers", "manifest", "restore", "take"]

Progress = Callable[[int, int], None]
_ATTEMPTS = 3
_PAUSE_SECONDS = 0.05
_PROGRESS_EVERY = 256
_SHOWN_PROBLEMS = 3
# A file changed this shortly before it was hashed may change again without its time showing it.
_SETTLED_NS, _SETTLED_COARSE_NS = 50_000_000, 2_000_000_000
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Taken:
    """One path as it was found.

    `kind` is "file", "folder", or "" where there is nothing; `hash` is the BLAKE3 of the bytes, of a folder that of its
    list of files; `size` in bytes; `rows` of a table of text, None for anything else; `link` is where the path itself
    points if it is a link. `problem` says what keeps it from being complete: "missing", "changed while it was
    read", or a reason; `whole` tells whether it has all that lies there, though not what links outside the project lead
    to. `kept` tells whether the store has the bytes.
    """

    path: str
    kind: str = ""
    hash: str = ""
    size: int = 0
    files: int = 0
    rows: int | None = None
    problem: str = ""
    kept: bool = False
    link: str = ""
    whole: bool = True


def take(
    folder: Path,
    objects: Objects,
    patterns: Sequence[str],
    *,
    keep: bool = True,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> list[Taken]:
    """Return what `patterns` name in `folder`, in that order, each path once, and `keep` it in the store.

    A pattern is a file, a folder, or a glob with `*`, `?`, `[…]` and `**`; it cannot lead out of the project, and links
    that do are not followed. What is wrong with one path is its `problem` and harms no other; only a store that cannot
    be written raises (OSError). Files whose size, times and inode are as the folder `cache` knows them are not read
    again. `progress` is told the files and bytes done so far.
    """
    with objects.batch() if keep else contextlib.nullcontext():
        return _take(_Taking(folder, objects, keep, cache, progress), patterns)


def _take(work: _Taking, patterns: Sequence[str]) -> list[Taken]:
    folder = work.folder
    found: dict[str, Taken] = {}
    for pattern in patterns:
        try:
            paths = matching(folder, pattern)
            if not paths:
                name = inside(folder, pattern)
                found.setdefault(name, Taken(name, problem="missing"))
        except Refused as error:
            found.setdefault(str(pattern), Taken(str(pattern), problem=reason(error)))
            continue
        for path in paths:
            if path not in found:
                found[path] = work.take(path)
    return list(found.values())


class _Members(NamedTuple):
    """A folder whose files are taken: where it is, what is known of it, and how many files are as they were."""

    path: str
    place: str
    known: folders.Known | None
    same: int
    problems: list[str]


class _Taking:
    def __init__(
        self, folder: Path, objects: Objects, keep: bool, cache: Path | None, progress: Progress | None
    ) -> None:
        self.folder = folder
        self.objects = objects
        self.keep = keep
        self.cache = cache
        self.progress = progress
        self.files = 0
        self.bytes = 0

    def take(self, path: str) -> Taken:
        try:
            resolved = real(self.folder, path)
            facts = os.stat(resolved)  # noqa: PTH116 - a plain string
            link = _points_to(self.folder / path)
        except (Refused, OSError) as error:
            return Taken(path, problem=reason(error), whole=False)
        if stat.S_ISDIR(facts.st_mode):
            found = self._take_folder(path, resolved)
        else:
            found = self._take_file(path, resolved, facts, self._read_cache(path))
        return replace(found, link=link) if link else found

    # --- one file

    def _take_file(self, path: str, resolved: str, facts: os.stat_result, known: dict[str, Any]) -> Taken:
        fact = known.get("files", {}).get("")
        if fact is not None and _same(fact, facts) and (not self.keep or self.objects.has(fact[4])):
            self._count(facts.st_size)
            return Taken(path, "file", fact[4], facts.st_size, 1, known.get("rows"), kept=self.keep)
        if not stat.S_ISREG(facts.st_mode):
            return Taken(path, problem="neither a file nor a folder", whole=False)
        began = time.time_ns()
        try:
            hash, size = self._steadily(resolved, fact[4] if fact else "")
        except (_Unreadable, Unsteady) as error:
            return Taken(path, "file", problem=_why(error), whole=False)
        rows = _rows(Path(resolved), path)
        after = _stat_or_none(resolved)
        unchanged = after is not None and _facts_of(after)[:3] == (size, facts.st_mtime_ns, facts.st_ctime_ns)
        if after is not None and unchanged:  # a file as young as this is read again, but as a version of that content
            self._write_cache(path, {"rows": rows, "files": {"": _fact(after, hash, began)}})
        return Taken(path, "file", hash, size, 1, rows, kept=self.keep)

    def _steadily(self, place: str, previous: str) -> tuple[str, int]:
        """Hash a file, and keep it, again when it changed meanwhile; raises _Unreadable, Unsteady or OSError."""
        for attempt in range(_ATTEMPTS):
            try:
                if self.keep:
                    hash, size = self.objects.put_file(place, previous=previous)
                else:
                    hash, size = _hashed(place)
            except Unreadable as error:
                raise _Unreadable(reason(error)) from error
            except Unsteady:
                if attempt == _ATTEMPTS - 1:
                    raise
                time.sleep(_PAUSE_SECONDS)
                continue
            self._count(size)
            return hash, size
        raise AssertionError  # the last attempt returned or raised

    # --- a folder

    def _take_folder(self, path: str, resolved: str) -> Taken:
        known = folders.read(self._cache_file(path, "folder"), path)
        problems: list[str] = []
        found = folders.walk(resolved, problems)
        same, first = 0, None
        if known is not None and (not self.keep or self.objects.has(known.whole)):
            cached = known.rows()
            for name, facts in found:
                row = next(cached, None)
                if row is None or row.name != name or row.facts != folders.facts_of(facts):
                    first = (name, facts)
                    break
                same += 1
                self._count(facts.st_size)
            else:
                if same == known.files and not problems:
                    return Taken(path, "folder", known.whole, known.size, same, kept=self.keep)
        rest = found if first is None else itertools.chain((first,), found)
        return self._take_members(_Members(path, resolved, known, same, problems), rest)

    def _take_members(self, members: _Members, found: Iterator[tuple[bytes, os.stat_result]]) -> Taken:
        began, path = time.time_ns(), members.path
        listed, kept = bytearray(), bytearray()
        size = count = outward = 0
        with self.objects.batch() if self.keep else contextlib.nullcontext():
            cached = iter(()) if members.known is None else members.known.rows()
            for row in itertools.islice(cached, members.same):
                length = folders.size_of(row.facts)
                size, count = size + (0 if row.link else length), count + 1
                listed += line(row.name, row.digest.hex(), length, row.link)
                kept += folders.packed(row, settled=True)
            fact = next(cached, None)
            for name, facts in found:
                while fact is not None and fact.name < name:
                    fact = next(cached, None)
                try:
                    row, length = self._member(members.place, name, facts, fact)
                except (_Unreadable, Unsteady, Refused) as error:
                    members.problems.append(f"{os.fsdecode(name)}: {_why(error)}")
                    continue
                size, count = size + (0 if row.link else length), count + 1
                listed += line(name, row.digest.hex(), length, row.link)
                sure = length == facts.st_size and _settled(facts.st_mtime_ns, began)
                kept += folders.packed(row, settled=sure)
                if row.link and (problem := self._leads_out(f"{path}/{os.fsdecode(name)}")):
                    members.problems.append(f"{os.fsdecode(name)}: {problem}")
                    outward += 1
            whole = self.objects.put_bytes(bytes(listed)) if self.keep else blake3(listed).hexdigest()
        if not members.problems:  # what is to be told each time is looked at each time
            folders.write(self._cache_file(path, "folder"), path, folders.Known(whole, size, count, bytes(kept)))
        problem = _few(members.problems)
        return Taken(
            path, "folder", whole, size, count, problem=problem, kept=self.keep, whole=len(members.problems) == outward
        )

    def _member(
        self, place: str, name: bytes, facts: os.stat_result, fact: folders.Row | None
    ) -> tuple[folders.Row, int]:
        """Return a file of a folder as a row, and the length of its content."""
        now = folders.facts_of(facts)
        if stat.S_ISLNK(facts.st_mode):
            try:
                points_to = os.readlink(os.path.join(os.fsencode(place), name))  # noqa: PTH115, PTH118 - bytes
            except OSError as error:
                raise _Unreadable(reason(error)) from error
            hash = self.objects.put_bytes(points_to) if self.keep else blake3(points_to).hexdigest()
            return folders.Row(name, now, bytes.fromhex(hash), link=True), len(points_to)
        if not stat.S_ISREG(facts.st_mode):
            raise _Unreadable("neither a file nor a folder")
        before = fact.digest.hex() if fact is not None and fact.name == name and not fact.link else ""
        if before and fact is not None and fact.facts == now and (not self.keep or self.objects.has(before)):
            self._count(facts.st_size)
            return fact, facts.st_size
        hash, size = self._steadily(f"{place}/{os.fsdecode(name)}", before)
        return folders.Row(name, now, bytes.fromhex(hash), link=False), size

    def _leads_out(self, path: str) -> str:
        """Return why what a link leads to is not part of the version; one that leads nowhere is only a link."""
        try:
            real(self.folder, path)
        except Refused as error:
            return reason(error)
        except OSError:
            return ""
        return ""

    # --- what is known

    def _count(self, size: int) -> None:
        self.files += 1
        self.bytes += size
        if self.progress is not None and (self.files % _PROGRESS_EVERY == 0 or size > _BLOCK):
            self.progress(self.files, self.bytes)

    def _cache_file(self, path: str, kind: str) -> Path | None:
        name = blake3(path.encode("utf-8", "surrogateescape")).hexdigest()[:24]
        return None if self.cache is None else self.cache / f"{name}.{kind}"

    def _read_cache(self, path: str) -> dict[str, Any]:
        file = self._cache_file(path, "json")
        try:
            found = json.loads(file.read_bytes()) if file is not None else {}
            sound = isinstance(found["files"], dict) and all(len(row) == 6 for row in found["files"].values())
            return found if sound and found["path"] == path else {}
        except (OSError, ValueError, TypeError, KeyError):
            return {}

    def _write_cache(self, path: str, known: dict[str, Any]) -> None:
        file = self._cache_file(path, "json")
        if file is None:
            return
        # Only a matter of speed: a cache that cannot be written is no reason to lose the version.
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            temporary = file.with_name(f".{os.urandom(6).hex()}.tmp")
            temporary.write_text(json.dumps({"path": path, **known}, separators=(",", ":")), encoding="ascii")
            temporary.replace(file)


def _points_to(path: Path) -> str:
    return os.readlink(path) if path.is_symlink() else ""  # noqa: PTH115 - as it was written


class _Unreadable(Exception):
    """A file that cannot be read; the store is not to blame."""


def _why(error: Exception) -> str:
    return "changed while it was read" if isinstance(error, Unsteady) else str(error)


def _hashed(place: str) -> tuple[str, int]:
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            before = os.fstat(descriptor)
            digest, size = blake3(), 0
            while block := file.read(_BLOCK):
                digest.update(block)
                size += len(block)
            after = os.fstat(descriptor)
    except OSError as error:
        raise _Unreadable(reason(error)) from error
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, size):
        raise Unsteady(place)
    return digest.hexdigest(), size


def _facts_of(facts: os.stat_result) -> tuple[int, int, int, int]:
    return (facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino)


def _fact(facts: os.stat_result, hash: str, taken_ns: int) -> list[Any]:
    return [*_facts_of(facts), hash, taken_ns]


def _same(fact: list[Any], facts: os.stat_result) -> bool:
    """Return whether a file cannot have changed since its fact was written down."""
    return (
        bool(fact[1] == facts.st_mtime_ns)
        and fact[0] == facts.st_size
        and fact[2] == facts.st_ctime_ns
        and fact[3] == facts.st_ino
        and _settled(facts.st_mtime_ns, fact[5])
    )


def _settled(mtime: int, taken_ns: int) -> bool:
    return taken_ns - mtime >= (_SETTLED_NS if mtime % 1_000_000_000 else _SETTLED_COARSE_NS)


def _stat_or_none(place: str) -> os.stat_result | None:
    try:
        return os.stat(place)  # noqa: PTH116 - a plain string
    except OSError:
        return None


def _rows(place: Path, path: str) -> int | None:
    from workbench.versions.outputs import table_rows

    return table_rows(place) if path.lower().endswith((".csv", ".tsv")) else None


def _few(problems: list[str]) -> str:
    more = f" and {len(problems) - _SHOWN_PROBLEMS} more" if len(problems) > _SHOWN_PROBLEMS else ""
    return "; ".join(problems[:_SHOWN_PROBLEMS]) + more


# --- reading


def manifest(objects: Objects, hash: str) -> dict[str, Entry]:
    """Return the files of a folder version by relative path; raises Missing, Damaged or BadManifest."""
    return decode(objects.content(hash))


def contents(objects: Objects, kind: str, hash: str) -> set[str]:
    """Return the hashes of all contents that a version needs, itself included; raises Missing, Damaged, BadManifest."""
    found = {hash}
    if kind == "folder":
        found.update(entry.hash for entry in manifest(objects, hash).values())
    return found
