"""What a run made: the declared outputs, with size, hash and time."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from workbench.versions import manifest
from workbench.versions.matching import Refused, inside, matching, real, reason, walk

_BLOCK = 1 << 20
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
            outputs.setdefault(str(pattern), Output(str(pattern), problem=reason(error)))
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
    found = matching(folder, pattern)
    for path in found:
        yield _output(folder, path, since_ns)
    if not found:
        yield Output(inside(folder, pattern), problem="missing")


def _output(folder: Path, path: str, since_ns: int | None) -> Output:
    try:
        resolved = real(folder, path)
        facts = os.stat(resolved)  # noqa: PTH116 - a plain string
        if stat.S_ISDIR(facts.st_mode):
            return _folder_output(folder, resolved, path, since_ns)
        size, digest, mtime = _hash_file(resolved)
    except (Refused, OSError) as error:
        return Output(path, problem=reason(error))
    return Output(path, "file", size, digest, mtime, _is_fresh(mtime, since_ns))


def _folder_output(folder: Path, resolved: str, path: str, since_ns: int | None) -> Output:
    problems: list[str] = []
    total = _Sum()
    rows: list[manifest.Row] = []
    for name, place in walk(resolved, "", problems):
        try:
            if os.path.islink(place):  # noqa: PTH114 - a plain string
                points_to = os.fsencode(os.readlink(place))  # noqa: PTH115 - a plain string
                rows.append((os.fsencode(name), blake3(points_to).hexdigest(), len(points_to), True))
                with contextlib.suppress(OSError):  # one that leads nowhere is only a link
                    real(folder, f"{path}/{name}")
            else:
                size, digest, mtime = _hash_file(place)
                rows.append((os.fsencode(name), digest, size, False))
                total.size += size
                total.mtime_ns = max(total.mtime_ns, mtime)
        except (Refused, OSError) as error:
            problems.append(f"{name}: {reason(error)}")
    total.mtime_ns = total.mtime_ns or os.stat(resolved).st_mtime_ns  # noqa: PTH116 - a plain string
    listed = blake3(manifest.encode(rows)).hexdigest()
    more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
    return Output(
        path,
        "folder",
        total.size,
        listed,
        total.mtime_ns,
        _is_fresh(total.mtime_ns, since_ns),
        ("; ".join(problems[:3]) + more) or None,
    )


def _hash_file(place: str) -> tuple[int, str, int]:
    """Return size, BLAKE3 and time of a file; raises OSError, or Refused if it is no file or does not hold still."""
    descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise Refused("neither a file nor a folder")
        digest, size, block = blake3(), 0, memoryview(bytearray(min(_BLOCK, before.st_size + 1)))
        while count := file.readinto(block):
            digest.update(block[:count])
            size += count
        after = os.fstat(descriptor)
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, size):
        raise Refused("changed while it was read")
    return size, digest.hexdigest(), after.st_mtime_ns


def _is_fresh(mtime_ns: int, since_ns: int | None) -> bool:
    if since_ns is None:
        return True
    # A file system that keeps whole seconds only cannot be held to more.
    whole = mtime_ns % _SECOND_NS == 0
    return mtime_ns >= (since_ns // _SECOND_NS * _SECOND_NS if whole else since_ns - _CLOCK_SLACK_NS)
