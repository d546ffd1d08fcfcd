"""Charts and tables as text that other programs read: CSV and Markdown; pure."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence

from workbench.pictures.model import Bars, Cell, Curves, Exportable, Heat, Line, Table
from workbench.safe import clean

# What a spreadsheet takes for the beginning of a formula, in their full-width forms too.
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?(inf|nan)", re.ASCII)
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~&$#!])")


def points_of(chart: Curves) -> Table:
    """Return every point of a chart as a row: run, place on the axis, value, and the smoothed value if there is one."""
    smoothed = any(line.raw for line in chart.lines)
    rows: list[tuple[Cell, ...]] = []
    for line in chart.lines:
        for index, (x, y) in enumerate(zip(line.xs, line.ys, strict=True)):
            value = line.raw[index] if line.raw else y
            rows.append((line.name, x, value, y) if smoothed else (line.name, x, value))
    names = ("run", chart.x_label, chart.y_label, *([f"{chart.y_label} (smoothed)"] if smoothed else []))
    return Table(chart.title, names, tuple(rows))


def summary_of(chart: Curves) -> Table:
    """Return one row for each curve: how many points, first, last, least and greatest value before smoothing."""
    rows = tuple((line.name, len(line.xs), *_summary(line)) for line in chart.lines)
    return Table(chart.title, ("run", "points", "first", "last", "least", "greatest"), rows)


def _summary(line: Line) -> tuple[Cell, ...]:
    values = line.raw or line.ys
    known = [value for value in values if not math.isnan(value)]
    ends = (values[0], values[-1]) if values else (None, None)
    return (*ends, min(known), max(known)) if known else (*ends, None, None)


def _table(what: Exportable) -> Table:
    if isinstance(what, Table):
        return what
    if isinstance(what, Curves):
        return points_of(what)
    if isinstance(what, Heat):
        lines = tuple((name, *cells) for name, cells in zip(what.rows, what.values, strict=True))
        return Table(what.title, ("", *what.columns), lines)
    if isinstance(what, Bars):
        return Table(what.title, ("value", *what.sides), tuple(zip(what.bins, *what.shares, strict=True)))
    return Table(what.title, ("run", *what.axes), tuple((line.name, *line.values) for line in what.lines))


def to_csv(what: Exportable) -> str:
    """Return a table, or the points of a chart, as CSV (RFC 4180).

    A text that a spreadsheet would run as a formula gets an apostrophe before it; numbers stay as they are, with all
    their digits. What is missing is empty.
    """
    table = _table(what)
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow([_csv_cell(name) for name in table.columns])
    writer.writerows([_csv_cell(cell) for cell in row] for row in table.rows)
    return file.getvalue()


def _csv_cell(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        text = clean(cell, 32_000)
        return f"'{text}" if cell.startswith(_FORMULA) and not _is_number(cell) else text
    return str(cell).lower() if isinstance(cell, bool) else repr(cell)


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


def to_markdown(what: Exportable) -> str:
    """Return a table, or a summary of a chart, as a Markdown table (GitHub's) under its title; signs are escaped."""
    table = summary_of(what) if isinstance(what, Curves) else _table(what)
    aligned = [
        "---:" if _is_numeric([row[index] for row in table.rows]) else "---" for index in range(len(table.columns))
    ]
    lines = [_markdown_row(table.columns), f"| {' | '.join(aligned)} |", *map(_markdown_row, table.rows)]
    title = f"### {_markdown_cell(table.title)}\n\n" if table.title else ""
    return title + "\n".join(lines) + "\n"


def _is_numeric(cells: Sequence[Cell]) -> bool:
    known = [cell for cell in cells if cell is not None and cell != ""]
    return bool(known) and all(isinstance(cell, (int, float)) and not isinstance(cell, bool) for cell in known)


def _markdown_row(cells: Sequence[Cell]) -> str:
    return f"| {' | '.join(map(_markdown_cell, cells))} |"


def _markdown_cell(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return f"{cell:.6g}"
    return _MARKDOWN.sub(r"\\\1", clean(str(cell), 2000))
