"""What a run made: the declared outputs, with size, hash and time."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from blake3 import blake3

_BLOCK = 1 << 20
_GLOB_SIGNS = frozenset("*?[")
_NEVER_SEARCHED = frozenset({".workbench", ".git"})
# A file's time comes from a coarser clock than the run's start, and may lie a few milliseconds before it.
_CLOCK_SLACK_NS = 20_000_000
_SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class Output:
    """One declared output.

    `path` is relative to the project, as a pattern or name where nothing was found; `kind` is "file", "folder" or "".
    `size` is in bytes, for a folder of all its files; `hash` is the BLAKE3 of the bytes, for a folder of the sorted
    list of relative paths and hashes; `fresh` tells whether it was written since the time asked for. `problem` says
    what keeps it from being complete: "missing", or a reason.
    """

    path: str
    kind: str = ""
    size: int = 0
    hash: str = ""
    mtime_ns: int = 0
    fresh: bool = False
    problem: str | None = None


class _Sum:
    """Size and newest time of the files of a folder, gathered as they are read."""

    def __init__(self) -> None:
        self.size = 0
        self.mtime_ns = 0


class _Refused(Exception):
    """A path that is not read, and why."""


def capture(folder: Path, patterns: Sequence[str], *, since_ns: int | None) -> list[Output]:
    """Return the outputs that `patterns` name in `folder`, in that order, each once; never raises.

    A pattern is a file, a folder, or a glob with `*`, `?`, `[…]` and `**`; it cannot lead out of the project, and links
    that do are not followed. `since_ns` is the start of the run in nanoseconds since 1970, None if it does not matter.
    """
    outputs: dict[str, Output] = {}
    for pattern in patterns:
        try:
            for output in _matching(folder, pattern, since_ns):
                outputs.setdefault(output.path, output)
        except Exception as error:
            outputs.setdefault(str(pattern), Output(str(pattern), problem=_reason(error)))
    return list(outputs.values())


def table_rows(path: Path, limit: int = 64 << 20) -> int | None:
    """Return how many rows below its header a CSV or TSV file has; None for other files, and over `limit` bytes."""
    import csv

    delimiter = {".csv": ",", ".tsv": "\t"}.get(path.suffix.lower())
    try:
        if delimiter is None or path.stat().st_size > limit:
            return None
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            return max(0, sum(1 for row in csv.reader(file, delimiter=delimiter) if row) - 1)
    except (OSError, csv.Error):
        return None


def _matching(folder: Path, pattern: str, since_ns: int | None) -> Iterator[Output]:
    path = _inside(folder, pattern)
    if not _GLOB_SIGNS & set(path) or os.path.lexists(folder / path):
        yield _output(folder, path, since_ns)
        return
    found = False
    for match in _expand(folder, "", path.split("/")):
        found = True
        yield _output(folder, match, since_ns)
    if not found:
        yield Output(path, problem="missing")


def _inside(folder: Path, pattern: str) -> str:
    """Return `pattern` relative to the project without `.` and `..`; raises _Refused if it leads out of it."""
    root = os.path.abspath(folder)  # noqa: PTH100 - also takes `..` out
    whole = os.path.normpath(os.path.join(root, pattern))  # noqa: PTH118 - as above
    if "\0" in pattern or not pattern.strip():
        raise _Refused("not a path")
    if whole == root:
        raise _Refused("the project itself is not an output")
    if not whole.startswith(root.rstrip("/") + "/"):
        raise _Refused("outside the project")
    return whole[len(root.rstrip("/")) + 1 :]


def _expand(folder: Path, base: str, parts: Sequence[str]) -> Iterator[str]:
    """Yield the existing paths that the parts of a glob match below `base`; `**` follows no links."""
    if not parts:
        yield base
        return
    part, rest = parts[0], parts[1:]
    prefix = f"{base}/" if base else ""
    if not _GLOB_SIGNS & set(part):
        if _leads_within(folder, prefix + part) if rest else os.path.lexists(folder / (prefix + part)):
            yield from _expand(folder, prefix + part, rest)
        return
    if part == "**" and rest:
        yield from _expand(folder, base, rest)
    for entry in _children(folder / base):
        if entry.name in _NEVER_SEARCHED or (entry.name.startswith(".") and not part.startswith(".")):
            continue
        path = prefix + entry.name
        if part == "**":
            if entry.is_dir(follow_symlinks=False):
                yield from _expand(folder, path, parts)
            elif not rest:
                yield path
        elif fnmatchcase(entry.name, part) and (not rest or _leads_within(folder, path)):
            yield from _expand(folder, path, rest)


def _leads_within(folder: Path, path: str) -> bool:
    try:
        _real(folder, path)
    except (_Refused, OSError):
        return False
    return (folder / path).is_dir()


def _children(place: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError:
        return []


def _output(folder: Path, path: str, since_ns: int | None) -> Output:
    try:
        real = _real(folder, path)
        facts = os.stat(real)  # noqa: PTH116 - a plain string
        if stat.S_ISDIR(facts.st_mode):
            return _folder_output(folder, real, path, since_ns)
        size, digest, mtime = _hash_file(real)
    except (_Refused, OSError) as error:
        return Output(path, problem=_reason(error))
    return Output(path, "file", size, digest, mtime, _is_fresh(mtime, since_ns))


def _real(folder: Path, path: str) -> str:
    """Return the path with its links resolved; raises _Refused if that lies outside the project."""
    root = os.path.realpath(folder)
    real = os.path.realpath(folder / path, strict=True)
    if not real.startswith(root.rstrip("/") + "/"):
        raise _Refused("a link that leads out of the project, not followed")
    return real


def _folder_output(folder: Path, real: str, path: str, since_ns: int | None) -> Output:
    problems: list[str] = []
    total = _Sum()
    rows = []
    for name, place in _walk(real, "", problems):
        try:
            if os.path.islink(place):  # noqa: PTH114 - a plain string
                rows.append((os.fsencode(name), _hash_link(place)))
                _real(folder, f"{path}/{name}")
            else:
                rows.append((os.fsencode(name), _hash_member(place, total)))
        except (_Refused, OSError) as error:
            problems.append(f"{name}: {_reason(error)}")
    total.mtime_ns = total.mtime_ns or os.stat(real).st_mtime_ns  # noqa: PTH116 - a plain string
    manifest = blake3()
    for name_bytes, digest in sorted(rows):
        # The length in front keeps a name with line breaks from looking like two rows.
        manifest.update(b"%d %s %s\n" % (len(name_bytes), name_bytes, digest.encode()))
    more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
    return Output(
        path,
        "folder",
        total.size,
        manifest.hexdigest(),
        total.mtime_ns,
        _is_fresh(total.mtime_ns, since_ns),
        ("; ".join(problems[:3]) + more) or None,
    )


def _walk(place: str, prefix: str, problems: list[str]) -> Iterator[tuple[str, str]]:
    """Yield relative name and path of everything below a folder that is not itself a folder."""
    waiting = [(place, prefix)]
    while waiting:
        here, before = waiting.pop()
        try:
            with os.scandir(here) as found:
                entries = list(found)
        except OSError as error:
            problems.append(f"{before or '.'}: {_reason(error)}")
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append((entry.path, f"{before}{entry.name}/"))
            else:
                yield before + entry.name, entry.path


def _hash_link(place: str) -> str:
    """Return what stands for a link in a folder: where it points, not what is there."""
    return "link " + blake3(os.fsencode(os.readlink(place))).hexdigest()  # noqa: PTH115 - a plain string


def _hash_member(place: str, total: _Sum) -> str:
    size, digest, mtime = _hash_file(place)
    total.size += size
    total.mtime_ns = max(total.mtime_ns, mtime)
    return digest


def _hash_file(place: str) -> tuple[int, str, int]:
    """Return size, BLAKE3 and time of a file; raises OSError, or _Refused if it is no file or does not hold still."""
    descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise _Refused("neither a file nor a folder")
        digest, size, block = blake3(), 0, memoryview(bytearray(min(_BLOCK, before.st_size + 1)))
        while count := file.readinto(block):
            digest.update(block[:count])
            size += count
        after = os.fstat(descriptor)
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, size):
        raise _Refused("changed while it was read")
    return size, digest.hexdigest(), after.st_mtime_ns


def _is_fresh(mtime_ns: int, since_ns: int | None) -> bool:
    if since_ns is None:
        return True
    # A file system that keeps whole seconds only cannot be held to more.
    whole = mtime_ns % _SECOND_NS == 0
    return mtime_ns >= (since_ns // _SECOND_NS * _SECOND_NS if whole else since_ns - _CLOCK_SLACK_NS)


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "missing"
    if isinstance(error, OSError):
        return f"unreadable: {error.strerror or error}"
    return str(error)
