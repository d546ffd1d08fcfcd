"""The code of two runs side by side in time: which files changed, and their lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.safe import clean
from workbench.tui.kit.grid import Grid, Style
from workbench.versions.code import CodeDiff, FileDiff

MOST_LINES = 50_000
_LOOKS = {
    "+": Style(fg="better"),
    "-": Style(fg="worse"),
    "@": Style(fg="accent"),
    "\\": Style(fg="dim"),
    " ": Style(fg="dim"),
}
_HEAD = Style(fg="text", bg="head", bold=True)
_SIGNS = {"added": "A", "removed": "D", "changed": "M", "binary": "B"}


@dataclass(frozen=True)
class CodeLine:
    """One line of the view, clean, with how it looks; `is_file` marks where a file begins."""

    text: str
    look: Style
    is_file: bool = False


def code_lines(diff: CodeDiff) -> list[CodeLine]:
    """Return a difference as lines: what is the matter, then each file under its head."""
    lines: list[CodeLine] = []
    if diff.problem:
        lines.append(CodeLine(clean(diff.problem), Style(fg="mark")))
    elif not diff.files:
        lines.append(CodeLine("The code is the same.", Style(fg="dim")))
    for file in diff.files:
        lines += _file(file)
        if len(lines) > MOST_LINES:
            rest = len(lines) - MOST_LINES
            return [*lines[:MOST_LINES], CodeLine(f"… at least {rest} more lines", Style(fg="mark"))]
    return lines


def _file(file: FileDiff) -> list[CodeLine]:
    head = f" {_SIGNS.get(file.status, '?')} {clean(file.path)}  +{file.added} -{file.removed}"
    lines = [CodeLine(head, _HEAD, is_file=True)]
    if file.note:
        lines.append(CodeLine(f"   {clean(file.note)}", Style(fg="dim")))
    lines += [CodeLine(clean(line.expandtabs(4), 2000), _LOOKS.get(line[:1], Style(fg="dim"))) for line in file.lines]
    return lines


def summary(diff: CodeDiff) -> str:
    """Return a difference in a few words."""
    if diff.problem:
        return clean(diff.problem, 120)
    if not diff.files:
        return "same"
    return f"{len(diff.files)} {'file' if len(diff.files) == 1 else 'files'} +{diff.added} -{diff.removed}"


def draw_code(lines: Sequence[CodeLine], top: int, left: int, width: int, height: int) -> Grid:
    """Draw the lines from `top` on, shifted by `left` cells; heads of files stay and fill the row."""
    grid = Grid(width, height)
    for row, line in enumerate(lines[top : top + height]):
        if line.is_file:
            grid.fill(0, row, width, 1, _HEAD)
            grid.put(0, row, line.text, line.look)
        else:
            grid.put(1 - left, row, line.text, line.look)
    return grid


def next_file(lines: Sequence[CodeLine], top: int, by: int) -> int:
    """Return the line where the next file begins, or the one before for a negative `by`; `top` where there is none."""
    heads = [index for index, line in enumerate(lines) if line.is_file]
    found = [index for index in heads if (index > top if by > 0 else index < top)]
    if not found:
        return top
    return found[0] if by > 0 else found[-1]
