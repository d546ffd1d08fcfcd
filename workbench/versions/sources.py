"""Data that lies elsewhere: a URL of any file system that fsspec knows, as a file, a folder or a glob.

A source is either copied into the object store (`keep`) or only looked at: its size, what its server says of it, and
its BLAKE3 where it is small enough to be read through. What did not change by the word of its server is not read again.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from blake3 import blake3

from workbench.config import CharterData
from workbench.errors import EnvironmentProblem, WorkbenchError
from workbench.paths import write_atomically
from workbench.versions import manifest
from workbench.versions.data import Taken
from workbench.versions.objects import Objects
from workbench.versions.outputs import table_rows
from workbench.versions.places import AGAIN, Job, Place, Pulse, Tick, attend, explained, identity, is_url, shown

__all__ = ["Source", "changed", "declared", "expired", "facts_of", "is_url", "key_of", "shown", "take"]

INCOMING = "incoming"
READ_THROUGH = 256 << 20  # bytes; a source that is not copied is hashed up to here, above by its server's word
DAY = 86_400.0
# A file of this machine that changed this shortly before it was read may change again without its time showing it.
_SETTLED_SECONDS = 2.0
_GLOB_SIGNS = frozenset("*?[")
_WEB = ("http://", "https://")


@dataclass(frozen=True)
class Source(Taken):
    """What a source was when it was looked at; `path` is its URL as it may be shown.

    Where `by` is "server", `hash` stands for what the server says and not for the bytes; `read` is False where nothing
    but the state of the source was asked for. `facts` is what is kept of it beside the columns of data_versions.
    """

    by: str = "bytes"
    read: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict)


class _File(NamedTuple):
    """One file of a source: its name below it ("" where it is the source), and what the server says."""

    name: str
    size: int | None
    identity: str


class _Known(NamedTuple):
    """What is known of a file in the state `identity`; `rows` is -1 where they were not counted."""

    identity: str
    hash: str
    size: int
    by: str
    rows: int = -1


def take(url: str, objects: Objects, *, keep: bool, cache: Path | None = None, tick: Tick | None = None) -> Source:
    """Look at a source and, with `keep`, bring its bytes into the object store; what fails is its `problem`.

    `cache` is the folder in which the hashes of unchanged sources are kept: these cost one request.
    """
    name = shown(url)
    try:
        with _alone(objects, name) if keep else contextlib.nullcontext():
            return _take(url, objects, keep, cache, tick)
    except WorkbenchError as error:
        return Source(name, problem=error.message)
    except OSError as error:
        return Source(name, problem=f"cannot be kept: {error.strerror or error}")


def _take(url: str, objects: Objects, keep: bool, cache: Path | None, tick: Tick | None) -> Source:
    place, pattern = _opened(url, tick)
    kind, files = _look(place, pattern)
    memory = _read_memory(cache, shown(url))
    known = {file.name: one for file in files if (one := _known(memory, file, objects if keep else None))}
    unknown = [file for file in files if file.name not in known]
    if unknown:
        fresh = _bring(place, unknown, objects, memory, tick) if keep else _read(place, unknown, tick)
        _check_steady(place, pattern, {file.name: file.identity for file in unknown})
        known.update(fresh)
        now = time.time()
        lasting = {name: one for name, one in known.items() if not (place.local and _recent(one.identity, now))}
        _write_memory(cache, shown(url), lasting)
    return _source(url, kind, known, objects, keep=keep, read=bool(unknown))


@contextlib.contextmanager
def _alone(objects: Objects, name: str) -> Iterator[None]:
    """Let one process at a time bring a source, so that the next one finds it here."""
    parts = _parts(objects)
    with (parts / f"{key_of(name)}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _parts(objects: Objects) -> Path:
    folder = objects.folder.parent / INCOMING
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _opened(url: str, tick: Tick | None) -> tuple[Place, str]:
    """Return the place of a source and the glob below it, "" for none; in the web these signs mean other things."""
    scheme, sign, rest = url.partition("://")
    parts = rest.split("/")
    at = next((at for at, part in enumerate(parts) if _GLOB_SIGNS & set(part)), 0)
    if url.lower().startswith(_WEB) or at == 0:
        return Place(url, tick=tick), ""
    return Place(scheme + sign + "/".join(parts[:at]), tick=tick), "/".join(parts[at:])


def _look(place: Place, pattern: str) -> tuple[str, list[_File]]:
    """Return what a source is and its files; raises EnvironmentProblem where there is nothing."""
    if pattern:
        found = place.glob(pattern)
    else:
        facts = place.info()
        if facts is not None and facts.get("type") != "directory":
            return "file", [_file("", facts)]
        found = place.find() if facts is not None else {}
    if not found:
        raise EnvironmentProblem(f"{place.shown}{': nothing matches' if pattern else ' does not exist'}")
    return "folder", [_file(name, facts) for name, facts in found.items() if name]


def _file(name: str, facts: Mapping[str, Any]) -> _File:
    size = facts.get("size")
    return _File(name, int(size) if isinstance(size, (int, float)) else None, identity(facts))


def _check_steady(place: Place, pattern: str, before: Mapping[str, str]) -> None:
    after = {file.name: file.identity for file in _look(place, pattern)[1]}
    for name, told in before.items():
        if after.get(name) != told:
            raise EnvironmentProblem(f"{place.shown}{'/' if name else ''}{name} changed while it was read", AGAIN)


def _source(url: str, kind: str, found: Mapping[str, _Known], objects: Objects, *, keep: bool, read: bool) -> Source:
    by = "server" if any(one.by == "server" for one in found.values()) else "bytes"
    size, rows = sum(one.size for one in found.values()), None
    if kind == "file":
        digest, told = found[""].hash, found[""].identity
        rows = found[""].rows if found[""].rows >= 0 else None
    else:
        listed = manifest.encode((os.fsencode(name), one.hash, one.size, False) for name, one in found.items())
        digest = objects.put_bytes(listed) if keep else blake3(listed).hexdigest()
        told = key_of("\n".join(f"{name} {found[name].identity}" for name in sorted(found)))
    facts = {"identity": told, "by": by}
    return Source(shown(url), kind, digest, size, len(found), rows, kept=keep, by=by, read=read, facts=facts)


# --- reading


def _read(place: Place, files: Sequence[_File], tick: Tick | None) -> dict[str, _Known]:
    """Hash what is small enough by reading it through, keeping nothing; the rest by what the server says."""
    found: dict[str, _Known] = {}

    def reading(file: _File) -> Job:
        def read(pulse: Pulse) -> None:
            digest, size = blake3(), 0
            for block in place.blocks(file.name, pulse):
                digest.update(block)
                size += len(block)
            found[file.name] = _Known(file.identity, digest.hexdigest(), size, "bytes")

        return read

    if sum(file.size or 0 for file in files) > READ_THROUGH:
        for file in files:
            if file.identity:
                told = blake3(f"server {file.identity}".encode()).hexdigest()
                found[file.name] = _Known(file.identity, told, file.size or 0, "server")
    with explained(place.url):
        attend([reading(file) for file in files if file.name not in found], tick=tick)
    return found


def _bring(
    place: Place, files: Sequence[_File], objects: Objects, memory: Mapping[str, _Known], tick: Tick | None
) -> dict[str, _Known]:
    """Bring files into the object store; a transfer that broke goes on where it was if the file is still the same."""
    parts = _parts(objects)
    paths = {file.name: parts / _part_name(place, file) for file in files}
    with explained(place.url):
        attend([_bringing(place, file, paths[file.name]) for file in files], tick=tick)
    found = {}
    with objects.batch():
        for file in files:
            path, before = paths[file.name], memory.get(file.name)
            stored = objects.put_file(path, previous=before.hash if before and before.by == "bytes" else "")
            rows = table_rows(path)
            found[file.name] = _Known(file.identity, stored.hash, stored.size, "bytes", -1 if rows is None else rows)
    for path in paths.values():
        path.unlink(missing_ok=True)
    return found


def _part_name(place: Place, file: _File) -> str:
    """Return the name under which a part waits; its ending tells what it is, for counting rows and for packing."""
    ending = re.search(r"\.[a-z0-9]{1,8}$", (file.name or place.path()).lower())
    return f"{key_of(f'{place.shown} {file.name} {file.identity}')}.part{ending.group() if ending else ''}"


def _bringing(place: Place, file: _File, path: Path) -> Job:
    def bring(pulse: Pulse) -> None:
        begun = path.stat().st_size if file.identity and path.exists() else 0
        if begun != file.size or not begun:
            _append(place, file.name, path, 0 if file.size is not None and begun > file.size else begun, pulse)
        if file.size is not None and path.stat().st_size != file.size:
            path.unlink()
            raise EnvironmentProblem(f"{file.name or 'it'} came with another length than its server says", AGAIN)
        pulse.move(files=1)

    return bring


def _append(place: Place, name: str, path: Path, begun: int, pulse: Pulse) -> None:
    """Write what is missing of a part; where a server cannot begin in the middle, all of it."""
    try:
        with path.open("ab" if begun else "wb") as part:
            for block in place.blocks(name, pulse, begun):
                part.write(block)
    except (ValueError, NotImplementedError):
        if not begun:
            raise
        _append(place, name, path, 0, pulse)


# --- what was known: a matter of speed only


def _known(memory: Mapping[str, _Known], file: _File, objects: Objects | None) -> _Known | None:
    """Return what is known of a file in just this state; where `objects` are given, only if they have it."""
    row = memory.get(file.name)
    if row is None or not file.identity or row.identity != file.identity:
        return None
    if objects is not None and (row.by != "bytes" or not objects.has(row.hash)):
        return None
    return row


def _recent(told: str, now: float) -> bool:
    times = [word.partition("=")[2] for word in told.split() if word.startswith("mtime=")]
    return not times or now - float(times[0]) < _SETTLED_SECONDS


def _memory_path(cache: Path, name: str) -> Path:
    return cache / f"{key_of(name)}.source.json"


def _read_memory(cache: Path | None, name: str) -> dict[str, _Known]:
    try:
        stored = json.loads(_memory_path(cache, name).read_bytes()) if cache is not None else {}
        rows = {file: _Known(*row) for file, row in stored.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
    return rows if all([type(item) for item in row] == [str, str, int, str, int] for row in rows.values()) else {}


def _write_memory(cache: Path | None, name: str, rows: Mapping[str, _Known]) -> None:
    if cache is not None:
        with contextlib.suppress(OSError):
            write_atomically(_memory_path(cache, name), json.dumps(rows, separators=(",", ":")))


# --- what is declared of a source


def declared(data: Iterable[CharterData], path: str) -> CharterData | None:
    """Return the [[charter.data]] table of an input, None where it has none."""
    return next((one for one in data if one.where and shown(one.where).rstrip("/") == shown(path).rstrip("/")), None)


def facts_of(table: CharterData | None) -> dict[str, Any]:
    """Return what the configuration says of a source, as it is kept with each of its versions."""
    if table is None:
        return {}
    told = {"owner": table.owner, "region": table.region, "retention_days": table.retention_days}
    return {**{key: value for key, value in told.items() if value}, "copy": table.copy}


def changed(path: str, before: str, now: str) -> str:
    """Return the sentence that says that a source is no longer what it was under the same name."""
    return f"{shown(path)} changed: {before[:8]}… → {now[:8]}…"


def key_of(text: str) -> str:
    """Return a short name for files, the same for the same text."""
    return blake3(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def expired(rows: Iterable[tuple[int, float, str]], now: float) -> list[int]:
    """Return the ids of the versions that are past their retention; a row is id, seen (seconds), facts (JSON)."""
    found = []
    for id, seen, facts in rows:
        try:
            days = json.loads(facts).get("retention_days", 0)
        except (ValueError, AttributeError):
            continue
        if isinstance(days, (int, float)) and days > 0 and now - seen > days * DAY:
            found.append(id)
    return found
