"""A remote: object files and an index document for each version, in any place that has a URL.

    objects/<name>                        as in the object store of a project; never changed, so never sent twice
    versions/<key of the path>/<hash>.json    what the version is, and which files hold it

Files go first and documents last, each seen whole or not at all: whoever stops midway leaves the place as it was,
with some files that nothing names yet and that the next push finds there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from blake3 import blake3

from workbench.errors import EnvironmentProblem
from workbench.safe import clean
from workbench.versions.documents import (
    OBJECTS,
    VERSIONS,
    Entry,
    Piece,
    Version,
    document_name,
    document_name_of,
    key,
    parse,
    render,
)
from workbench.versions.places import AGAIN, BLOCK, Job, Place, Pulse, attend, explained

__all__ = ["Done", "Entry", "Moved", "Piece", "Tick", "Version", "index", "pull", "push"]

MOST_OF_A_DOCUMENT = 64 << 20


@dataclass(frozen=True)
class Done:
    """How far a transfer is: files and bytes done, and how many there are."""

    files: int
    of_files: int
    bytes: int
    of_bytes: int


@dataclass(frozen=True)
class Moved:
    """What a transfer did: versions new on the other side, files and bytes that went, files that were there.

    `expired` is how many versions were left where they are, past the retention of their source.
    """

    versions: tuple[Version, ...] = ()
    files: int = 0
    bytes: int = 0
    present: int = 0
    problems: tuple[str, ...] = ()
    expired: int = 0


Tick = Callable[[Done], None]


def push(
    place: Place,
    folder: Path,
    wanted: Sequence[tuple[Version, Collection[str]]],
    *,
    tick: Tick | None = None,
    verify: bool = False,
) -> Moved:
    """Send what is missing of the wanted versions, whose files `folder` holds under the given names.

    With `verify` the files that are there already are read back, and sent again where they are damaged. Raises
    EnvironmentProblem; calling it again goes on.
    """
    objects, documents = place.find(OBJECTS), place.find(VERSIONS)
    place.clear({**objects, **documents}, time.time())
    have = _sizes(objects)
    wanted = [
        (version, names) for version, names in wanted if verify or not _complete(place, version, names, have, documents)
    ]
    names = sorted({name for _, names in wanted for name in names})
    sizes = {name: _size_of(folder, name) for name in names}
    hashes: dict[str, str] = {}
    there = [name for name in names if have.get(name) == sizes[name]]
    if verify:
        damaged = _damaged(place, folder, there, sizes, tick)
        there = [name for name in there if name not in damaged]
    missing = [name for name in names if name not in set(there)]
    jobs = [_sending(place, folder, name, sizes[name], hashes) for name in missing]
    _do(place, jobs, sum(sizes[name] for name in missing), tick)
    new = [(version, names) for version, names in wanted if document_name(version) not in documents or missing]
    _hash_rest(folder, {name for _, names in new for name in names}, hashes)
    entries = [
        Entry(version, tuple(Piece(name, sizes[name], hashes[name]) for name in sorted(names)))
        for version, names in new
    ]
    _do(place, [_writing(place, entry) for entry in entries], 0, None)
    sent = sum(sizes[name] for name in missing)
    fresh = tuple(version for version, _ in new if document_name(version) not in documents)
    return Moved(fresh, len(missing), sent, len(there))


def index(
    place: Place, paths: Collection[str] = (), *, known: Collection[tuple[str, str]] = ()
) -> tuple[list[Entry], list[str]]:
    """Return the versions that the place holds of `paths` (of all where none is named), and what is wrong with others.

    `known` are (path, hash) that need not be read. Raises EnvironmentProblem.
    """
    folders = [f"{VERSIONS}/{key(path)}" for path in paths] or [VERSIONS]
    skipped = {document_name_of(path, digest) for path, digest in known}
    names = [
        name for folder in folders for name in place.find(folder) if name.endswith(".json") and name not in skipped
    ]
    contents: dict[str, bytes] = {}

    def reading(name: str) -> Job:
        def read(pulse: Pulse) -> None:
            contents[name] = b"".join(_limited(place.blocks(name, pulse), MOST_OF_A_DOCUMENT))

        return read

    _do(place, [reading(name) for name in names if not name.rpartition("/")[2].startswith(".")], 0, None)
    entries, problems = [], []
    for name in sorted(contents):
        try:
            entries.append(parse(contents[name], name))
        except ValueError as error:
            problems.append(f"{place.shown}/{clean(name)} is not the document of a version: {error}")
    return sorted(entries, key=lambda entry: (entry.version.path, entry.version.created)), problems


def pull(
    place: Place,
    folder: Path,
    parts: Path,
    entries: Sequence[Entry],
    *,
    tick: Tick | None = None,
    verify: bool = False,
) -> Moved:
    """Bring the files of the versions that `folder` lacks; what is cut short waits in `parts` and goes on.

    A file gets its name when its BLAKE3 is that of the document; with `verify`, one that is here and has another is
    brought again. Raises EnvironmentProblem.
    """
    pieces = {piece.name: piece for entry in entries for piece in entry.pieces}
    missing = [piece for piece in pieces.values() if not _has(folder, piece, verify)]
    size = sum(piece.size for piece in missing)
    parts.mkdir(parents=True, exist_ok=True)
    _do(place, [_bringing(place, folder, parts, piece) for piece in missing], size, tick)
    versions = tuple(entry.version for entry in entries)
    return Moved(versions, len(missing), size, len(pieces) - len(missing))


# --- one file


def _sending(place: Place, folder: Path, name: str, size: int, hashes: dict[str, str]) -> Job:
    def send(pulse: Pulse) -> None:
        digest = blake3()
        with _opened(folder, name) as file:
            place.write(f"{OBJECTS}/{name}", _hashed(file, digest), pulse)
        hashes[name] = digest.hexdigest()
        _check_arrival(place, name, size, hashes[name], pulse)
        pulse.move(files=1)

    return send


def _check_arrival(place: Place, name: str, size: int, digest: str, pulse: Pulse) -> None:
    """Compare what arrived: read back where that costs no network, else by its size (the driver sends checksums)."""
    arrived = place.size(f"{OBJECTS}/{name}")
    if arrived == size and place.local:
        found = blake3()
        for block in place.blocks(f"{OBJECTS}/{name}", Pulse()):
            found.update(block)
            pulse.move()
        arrived = size if found.hexdigest() == digest else None
    if arrived != size:
        raise EnvironmentProblem(f"{place.shown}/{OBJECTS}/{name} did not arrive as it was sent", AGAIN)


def _writing(place: Place, entry: Entry) -> Job:
    return lambda pulse: place.write(document_name(entry.version), iter([render(entry)]), pulse)


def _bringing(place: Place, folder: Path, parts: Path, piece: Piece) -> Job:
    def bring(pulse: Pulse) -> None:
        with _part(parts, piece.hash) as (file, path):
            begun = os.fstat(file.fileno()).st_size
            if not _filled(place, piece, file, pulse) and (not begun or not _filled(place, piece, file, pulse)):
                raise EnvironmentProblem(
                    f"{place.shown}/{OBJECTS}/{piece.name} is damaged: its BLAKE3 is not the one that was pushed",
                    "Push it again from a project that has it: workbench data push --verify",
                )
            os.fchmod(file.fileno(), 0o444 if piece.name.startswith("whole/") else 0o644)
            os.fsync(file.fileno())
            target = folder / piece.name
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
        _sync(target.parent)
        pulse.move(files=1)

    return bring


def _filled(place: Place, piece: Piece, file: IO[bytes], pulse: Pulse) -> bool:
    """Complete a part from where it stands; return whether it is right, else it is empty again."""
    digest, size = blake3(), 0
    file.seek(0)
    while block := file.read(BLOCK):
        digest.update(block)
        size += len(block)
        pulse.move(len(block))
    if size < piece.size:
        for block in place.blocks(f"{OBJECTS}/{piece.name}", pulse, size):
            digest.update(block)
            size += len(block)
            if size > piece.size:
                break
            file.write(block)
        file.flush()
    if size == piece.size and digest.hexdigest() == piece.hash:
        return True
    file.truncate(0)
    return False


@contextlib.contextmanager
def _part(parts: Path, digest: str) -> Iterator[tuple[IO[bytes], Path]]:
    """Open the part of a file for this process alone; one that another process fills is left to it."""
    path = parts / f"{digest}.part"
    file = path.open("a+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        own = _is_same(file, path)
    except BlockingIOError:
        own = False
    if not own:  # another process fills it, or has just given it its name
        file.close()
        path = parts / f"{digest}.{os.urandom(4).hex()}.part"
        file = path.open("a+b")
    with file:
        yield file, path


def _is_same(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _hashed(file: IO[bytes], digest: Any) -> Iterator[bytes]:
    while block := file.read(BLOCK):
        digest.update(block)
        yield block


def _limited(blocks: Iterable[bytes], most: int) -> Iterator[bytes]:
    size = 0
    for block in blocks:
        size += len(block)
        if size > most:
            return
        yield block


def _opened(folder: Path, name: str) -> IO[bytes]:
    try:
        return (folder / name).open("rb")
    except OSError as error:
        raise EnvironmentProblem(
            f"Cannot read {clean(name)} of the object store: {error.strerror}", "workbench doctor"
        ) from error


def _size_of(folder: Path, name: str) -> int:
    with _opened(folder, name) as file:
        return os.fstat(file.fileno()).st_size


def _has(folder: Path, piece: Piece, verify: bool) -> bool:
    try:
        if (folder / piece.name).stat().st_size != piece.size:
            return False
    except OSError:
        return False
    hashes: dict[str, str] = {}
    if verify:
        _hash_rest(folder, [piece.name], hashes)
    return not verify or hashes[piece.name] == piece.hash


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# --- many files


def _sizes(found: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Return the sizes of the object files that a place has, by their names in an object store."""
    return {name[len(OBJECTS) + 1 :]: int(facts.get("size") or 0) for name, facts in found.items()}


def _complete(
    place: Place, version: Version, names: Collection[str], have: Mapping[str, int], documents: Collection[str]
) -> bool:
    """Return whether the place has a version already, in these files or in those of an earlier push."""
    if document_name(version) not in documents:
        return False
    if all(name in have for name in names):
        return True
    try:
        content: list[bytes] = []
        name = document_name(version)
        _do(place, [lambda pulse: content.extend(place.blocks(name, pulse))], 0, None)
        entry = parse(b"".join(content), name)
    except ValueError:
        return False
    return bool(entry.pieces) and all(have.get(piece.name) == piece.size for piece in entry.pieces)


def _damaged(
    place: Place, folder: Path, names: Sequence[str], sizes: Mapping[str, int], tick: Tick | None
) -> frozenset[str]:
    found: set[str] = set()

    def comparing(name: str) -> Job:
        def compare(pulse: Pulse) -> None:
            here, there = blake3(), blake3()
            for block in place.blocks(f"{OBJECTS}/{name}", pulse):
                there.update(block)
            with _opened(folder, name) as file:
                for _ in _hashed(file, here):
                    pulse.move()
            if here.digest() != there.digest():
                found.add(name)
            pulse.move(files=1)

        return compare

    _do(place, [comparing(name) for name in names], sum(sizes[name] for name in names), tick)
    return frozenset(found)


def _hash_rest(folder: Path, names: Collection[str], hashes: dict[str, str]) -> None:
    for name in sorted(set(names) - set(hashes)):
        digest = blake3()
        with _opened(folder, name) as file:
            for _ in _hashed(file, digest):
                pass
        hashes[name] = digest.hexdigest()


def _do(place: Place, jobs: Sequence[Job], size: int, tick: Tick | None) -> None:
    if not jobs:
        return

    def tell(pulse: Pulse) -> None:
        if tick is not None:
            tick(Done(pulse.files, len(jobs), min(pulse.bytes, size), size))

    with explained(place.url):
        attend(jobs, tick=tell)
