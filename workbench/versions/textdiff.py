"""Differences between the texts of two versions; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TEXT_LIMIT = 2_000_000
# Beyond this many lines on both sides, after equal beginnings and ends, a careful comparison takes too long.
_CAREFUL_LINES = 4_000
_Block = tuple[str, int, int, int, int]


@dataclass(frozen=True)
class FileDiff:
    """How one file differs: `status` is added, removed, changed or binary.

    `lines` are unified hunks (`@@`, ` `, `-`, `+`, `\\`) without file headers and line ends; undecodable bytes are lone
    surrogates. `note` says why there are no lines, or that the mode changed.
    """

    path: str
    status: str
    lines: tuple[str, ...] = ()
    added: int = 0
    removed: int = 0
    note: str = ""


@dataclass(frozen=True)
class CodeDiff:
    """How two versions differ, by path; `problem` says why nothing, or not all, is known."""

    files: tuple[FileDiff, ...] = ()
    problem: str | None = None

    @property
    def added(self) -> int:
        """The number of added lines."""
        return sum(file.added for file in self.files)

    @property
    def removed(self) -> int:
        """The number of removed lines."""
        return sum(file.removed for file in self.files)


def compare(path: str, old: bytes | None, new: bytes | None, context: int = 3, note: str = "") -> FileDiff:
    """Return how the content of one file changed; None stands for a file that is not there."""
    status = "added" if old is None else "removed" if new is None else "changed"
    before, after = old or b"", new or b""
    if b"\0" in before[:8000] or b"\0" in after[:8000]:
        return FileDiff(path, "binary", note=note or f"{len(before)} to {len(after)} bytes")
    if max(len(before), len(after)) > TEXT_LIMIT:
        return FileDiff(path, status, note=note or f"too long to show: {len(before)} to {len(after)} bytes")
    first, second = _lines(before), _lines(after)
    lines = _unified(first, second, max(context, 0))
    added = sum(line.startswith("+") for line in lines)
    removed = sum(line.startswith("-") for line in lines)
    return FileDiff(path, status, tuple(lines), added, removed, note)


def _lines(content: bytes) -> list[str]:
    """Return the lines with their ends, split at `\\n` only: other separators belong to the text."""
    lines = [line + "\n" for line in content.decode("utf-8", "surrogateescape").split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def _unified(old: Sequence[str], new: Sequence[str], context: int) -> list[str]:
    shown: list[str] = []
    for group in _grouped(_blocks(old, new), context):
        start, end = group[0], group[-1]
        shown.append(f"@@ -{_span(start[1], end[2])} +{_span(start[3], end[4])} @@")
        for kind, i, j, k, m in group:
            if kind == "equal":
                shown.extend(_marked(" ", old[i:j]))
            else:
                shown.extend(_marked("-", old[i:j]))
                shown.extend(_marked("+", new[k:m]))
    return shown


def _marked(sign: str, lines: Sequence[str]) -> list[str]:
    shown = []
    for line in lines:
        shown.append(sign + line.removesuffix("\n"))
        if not line.endswith("\n"):
            shown.append("\\ No newline at end of file")
    return shown


def _span(start: int, end: int) -> str:
    length = end - start
    return f"{start + 1}" if length == 1 else f"{start + 1 if length else start},{length}"


def _blocks(old: Sequence[str], new: Sequence[str]) -> list[_Block]:
    """Return what stays and what is replaced, as index ranges of `old` and `new` that cover both."""
    head = 0
    shorter = min(len(old), len(new))
    while head < shorter and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < shorter - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    i, j, k, m = head, len(old) - tail, head, len(new) - tail
    middle = _middle(old[i:j], new[k:m], head)
    blocks = [("equal", 0, head, 0, head), *middle, ("equal", j, len(old), m, len(new))]
    return [block for block in blocks if block[1] < block[2] or block[3] < block[4]]


def _middle(old: Sequence[str], new: Sequence[str], shift: int) -> list[_Block]:
    if min(len(old), len(new)) > _CAREFUL_LINES:
        return [("replace", shift, shift + len(old), shift, shift + len(new))]
    from difflib import SequenceMatcher  # here, because a capture has no use for it

    found = SequenceMatcher(None, old, new, autojunk=max(len(old), len(new)) > 1000).get_opcodes()
    return [(kind, i + shift, j + shift, k + shift, m + shift) for kind, i, j, k, m in found]


def _grouped(blocks: Sequence[_Block], context: int) -> list[list[_Block]]:
    """Return the blocks as hunks: each change with up to `context` equal lines on both sides."""
    hunks: list[list[_Block]] = []
    hunk: list[_Block] = []
    for at, (kind, i, j, k, m) in enumerate(blocks):
        if kind != "equal":
            hunk.append((kind, i, j, k, m))
            continue
        before = min(context if at else 0, j - i)
        after = min(context if at + 1 < len(blocks) else 0, j - i)
        if hunk and after and j - i <= 2 * context:
            hunk.append((kind, i, j, k, m))
            continue
        if hunk:
            hunks.append([*hunk, (kind, i, i + before, k, k + before)] if before else hunk)
        hunk = [(kind, j - after, j, m - after, m)] if after else []
    if any(block[0] != "equal" for block in hunk):
        hunks.append(hunk)
    return hunks
