"""What commands print: tables that fit the terminal, JSON without NaN, CSV, Markdown; foreign text is cleaned here."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from workbench.safe import clean, width

_COLOURS = {"good": "32", "bad": "31", "warn": "33", "mark": "36", "dim": "2", "bold": "1"}
STATUS_ROLES = {
    "queued": "dim",
    "running": "mark",
    "finished": "good",
    "failed": "bad",
    "stopped": "warn",
    "lost": "bad",
}
GAP = "  "


@dataclass(frozen=True)
class Column:
    """A column of a table: `right` aligns it as numbers are, `least` is the width to which it may be cut (0: never)."""

    head: str
    right: bool = False
    least: int = 0


@dataclass(frozen=True)
class Cell:
    """A text with the role of its colour: good, bad, warn, mark, dim or bold."""

    text: str
    role: str = ""


def colourful(stream: TextIO) -> bool:
    """Whether `stream` takes colours: a terminal, no NO_COLOR, not a dumb one."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") != "dumb"


def paint(text: str, role: str, *, colours: bool) -> str:
    """Return `text` in the colour of `role`, or as it is."""
    return f"\x1b[{_COLOURS[role]}m{text}\x1b[0m" if colours and role else text


def table(columns: Sequence[Column], rows: Sequence[Sequence[str | Cell]], stream: TextIO | None = None) -> None:
    """Print an aligned table; on a terminal it is cut to its width, elsewhere nothing is."""
    stream = stream or sys.stdout
    room = columns_of_terminal() if stream.isatty() else 0
    for line in table_lines(columns, rows, room=room, colours=colourful(stream)):
        print(line, file=stream)


def table_lines(
    columns: Sequence[Column], rows: Sequence[Sequence[str | Cell]], *, room: int = 0, colours: bool = False
) -> list[str]:
    """Return the lines of a table, its head first; `room` in cells, 0 for as wide as it gets."""
    cells = [[_cell(value) for value in row] for row in rows]
    sizes = [
        max([width(clean(column.head)), *(width(row[at].text) for row in cells)]) for at, column in enumerate(columns)
    ]
    if room:
        sizes = _fitted(columns, sizes, room)
    heads = [Cell(clean(column.head), "dim") for column in columns]
    shown = [heads, *cells] if any(head.text for head in heads) else cells
    return [_line(columns, sizes, row, room, colours) for row in shown]


def columns_of_terminal() -> int:
    """Return how many cells a line of the terminal has."""
    import shutil

    return shutil.get_terminal_size().columns


def _cell(value: str | Cell) -> Cell:
    return Cell(clean(value)) if isinstance(value, str) else Cell(clean(value.text), value.role)


def _fitted(columns: Sequence[Column], sizes: list[int], room: int) -> list[int]:
    """Take cells from the widest column that may be cut, until the table fits or nothing is left to take."""
    sizes = list(sizes)
    excess = sum(sizes) + len(GAP) * (len(sizes) - 1) - room
    while excess > 0:
        able = [at for at, column in enumerate(columns) if column.least and sizes[at] > column.least]
        if not able:
            break
        sizes[max(able, key=lambda at: sizes[at])] -= 1
        excess -= 1
    return sizes


def _line(columns: Sequence[Column], sizes: Sequence[int], row: Sequence[Cell], room: int, colours: bool) -> str:
    parts, used = [], 0
    for at, (column, size, cell) in enumerate(zip(columns, sizes, row, strict=True)):
        last = at == len(columns) - 1
        size = min(size, room - used) if room else size
        text = cut(cell.text, size)
        space = " " * (size - width(text))
        padded = space + paint(text, cell.role, colours=colours)
        if not column.right:
            padded = paint(text, cell.role, colours=colours) + ("" if last else space)
        parts.append(padded)
        used += size + len(GAP)
        if room and used >= room:
            break
    return GAP.join(parts).rstrip()


def cut(text: str, size: int) -> str:
    """Return clean `text` in at most `size` cells, `…` at its end where something is missing."""
    if width(text) <= size:
        return text
    kept = ""
    for sign in text:
        if width(kept + sign) > size - 1:
            break
        kept += sign
    return kept + "…" if size else ""


# --- documents


def print_json(document: Any) -> None:
    """Print one JSON document in ASCII; NaN and the infinities become null (see `plain`)."""
    indent = 2 if sys.stdout.isatty() else None
    print(json.dumps(plain(document), indent=indent, allow_nan=False))


def plain(value: Any) -> Any:
    """Return `value` without NaN and infinities: null, and the reason beside it.

    In an object the reason is `<key>_reason`; where the keys are names that users chose, the caller uses `named`.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        found: dict[str, Any] = {}
        for key, item in value.items():
            found[str(key)] = plain(item)
            if isinstance(item, float) and not math.isfinite(item):
                found[f"{key}_reason"] = odd(item)
        return found
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return str(value)


def named(key: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return {key: values} with NaN and infinities as null, and {key_reason: {name: why}} where there are any."""
    reasons = {name: odd(item) for name, item in values.items() if isinstance(item, float) and not math.isfinite(item)}
    finite = {name: None if name in reasons else item for name, item in values.items()}
    return {key: finite, **({f"{key}_reason": reasons} if reasons else {})}


def odd(value: float) -> str:
    """Return NaN, infinity or -infinity as a word."""
    return "NaN" if math.isnan(value) else "infinity" if value > 0 else "-infinity"


def iso(moment: float | None) -> str | None:
    """Return seconds since the epoch as ISO 8601 in UTC, to the millisecond."""
    if moment is None:
        return None
    whole = int(moment // 1)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{int((moment - whole) * 1000):03d}Z"


def print_csv(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print CSV with full digits; text that a spreadsheet would compute gets an apostrophe."""
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([_harmless(name) for name in head])
    writer.writerows([[_harmless(value) for value in row] for row in rows])


def _harmless(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, str):
        value = clean(value, 10_000)
        return "'" + value if value[:1] in ("=", "+", "-", "@") else value
    return value


def markdown_lines(head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> list[str]:
    """Return a Markdown table; bars and backslashes in the cells are escaped."""
    rule = ["---:" if at in right else "---" for at in range(len(head))]
    return ["| " + " | ".join(row) + " |" for row in [[_escaped(name) for name in head], rule]] + [
        "| " + " | ".join(_escaped(value) for value in row) + " |" for row in rows
    ]


def _escaped(text: str) -> str:
    return clean(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


# --- words


def say(text: str) -> None:
    """Print a line of narration on stderr."""
    print(clean(text, 2000), file=sys.stderr, flush=True)


def number(value: float | None) -> str:
    """Return a number in at most six significant digits, "" for none."""
    if value is None:
        return ""
    if not math.isfinite(value):
        return {"NaN": "NaN", "infinity": "∞", "-infinity": "-∞"}[odd(value)]
    return f"{value:.6g}"


def span(seconds: float | None) -> str:
    """Return a duration in one or two units: 0.42s, 12s, 3m 04s, 2h 10m, 5d."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.2g}s" if seconds < 1 else f"{seconds:.1f}s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    if whole < 86_400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86_400}d"


def size(count: float) -> str:
    """Return a number of bytes with a unit."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
