"""The columns of the runs table: what each is called, how wide it is, which go first where there is no room. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from workbench.runs.model import Run, finite, why
from workbench.safe import clean
from workbench.tui.charts import DIM, TEXT, tone_of, value_text
from workbench.tui.kit import numbers
from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.kit.sparkline import bar, sparkline
from workbench.tui.screens.runs_data import Row, RunsSnapshot, View

PREFIX = 5
"""Cells before the first column: the cursor's bar, the mark, the state."""
BAR = 8

FIXED = {
    "number": ("#", 4, 5, 0, True),
    "name": ("name", 10, 22, 1, False),
    "delta": ("Δ base", 8, 8, 3, True),
    "why": ("why", 9, 24, 9, False),
    "duration": ("time", 6, 6, 5, True),
    "age": ("age", 4, 4, 4, True),
    "tags": ("tags", 8, 20, 10, False),
    "host": ("host", 8, 16, 11, False),
    "status": ("state", 8, 8, 10, False),
}
"""By id: title, least and greatest width, rank (0 stays longest), whether it aligns right."""


@dataclass(frozen=True)
class Placed:
    """A column where it is drawn."""

    id: str
    title: str
    x: int
    width: int
    right: bool
    sort: str


def choices(view: View) -> list[tuple[str, str]]:
    """Return all columns that there could be: id and what it is called."""
    fixed = [(name, spec[0]) for name, spec in FIXED.items() if name != "number"]
    params = [(f"params.{name}", f"{name}  (parameter)") for name in view.params]
    metrics = [(f"metrics.{name}", f"{name}  (metric)") for name in view.metrics]
    history = [(f"curve.{name}", f"{name}  (history)") for name in view.metrics]
    return [*fixed, *metrics, *history, *params]


def place(view: View, rows: Mapping[int, Row], width: int) -> list[Placed]:
    """Return the columns that fit, from left to right; what matters least goes first."""
    specs: list[tuple[str, str, int, int, float, bool]] = []
    for index, name in enumerate(["number", *view.columns]):
        title, least, most, rank, right = _spec(name, view, rows, width)
        specs.append((name, title, least, most, rank + index / 100, right))
    room = width - PREFIX
    taken: list[tuple[str, str, int, int, float, bool]] = []
    for spec in sorted(specs, key=lambda spec: spec[4]):
        if spec[2] <= room or not taken:
            taken.append(spec)
            room -= spec[2] + _gap(spec[0])
    room += 1
    widths = {spec[0]: spec[2] for spec in taken}
    for spec in sorted(taken, key=lambda spec: spec[4]):
        more = max(0, min(room, spec[3] - spec[2]))
        widths[spec[0]] += more
        room -= more
    found, x = [], PREFIX
    for name, title, *_, right in [spec for spec in specs if spec in taken]:
        found.append(Placed(name, title, x, widths[name], right, sort_of(name, view)))
        x += widths[name] + _gap(name)
    return found


def _gap(name: str) -> int:
    """Return the blanks after a column: one where the next stands at the right of its own room anyway."""
    return 1 if name in ("delta", "duration", "number") else 2


def sort_of(name: str, view: View) -> str:
    """Return the key by which a click on the head sorts."""
    if name in ("number", "status", "name", "duration", "host", "age", "why"):
        return {"number": "run", "why": "trigger"}.get(name, name)
    if name == "delta":
        return f"metrics.{view.metric}"
    return "" if name == "tags" else name.replace("curve.", "metrics.")


def _spec(name: str, view: View, rows: Mapping[int, Row], width: int) -> tuple[str, int, int, int, bool]:
    if name in FIXED:
        title, least, most, rank, right = FIXED[name]
        if name == "name":
            longest = max((cells(row.run.name) for row in rows.values()), default=0)
            least, most = max(6, min(longest, 16)), max(least, min(28, longest))
        if name == "number":
            least = max(3, *(len(str(number)) for number in [*rows, 0]))
            most = least
        return title, least, most, rank, right
    kind, _, rest = name.partition(".")
    title = clean(rest)
    if kind == "metrics":
        is_main = rest == view.metric
        least = 7 + (BAR - 1 if is_main and width >= 70 else 0)
        return (
            title,
            least,
            7 + 1 + BAR if is_main else max(least, min(cells(title), 14)),
            2 if is_main else 6,
            not is_main,
        )
    if kind == "curve":
        return title, 8, 18, 6, False
    rank = 7 if name == next((one for one in view.columns if one.startswith("params.")), "") else 8
    longest = max((cells(value_text(row.run.params.get(rest, ""))) for row in rows.values()), default=4)
    least = max(3, min(10, max(longest, min(cells(title), 8))))
    return title, least, max(least, min(16, cells(title))), rank, _is_number(rows, rest)


def _is_number(rows: Mapping[int, Row], name: str) -> bool:
    values = [row.run.params[name] for row in rows.values() if name in row.run.params]
    return bool(values) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


class Cells:
    """Draws the cells of rows: figures in a column get the same digits in all rows that were read.

    `look` is all that a row's cells depend on besides the row itself and the time.
    """

    def __init__(self, snapshot: RunsSnapshot, columns: Sequence[Placed]) -> None:
        self.snapshot = snapshot
        self.columns = columns
        self._decimals: dict[str, int] = {}
        runs = [row.run for row in snapshot.rows.values()]
        for column in columns:
            values = self._values(column, runs)
            if values:
                width, signed = _digits(column), column.id == "delta"
                self._decimals[column.id] = numbers.column_decimals(values, width, signed=signed)
        view, baseline = snapshot.view, snapshot.baseline
        pinned = (baseline.number, baseline.value(view.metric)) if baseline is not None else None
        self.look = (tuple(columns), tuple(self._decimals.items()), view.metric, view.goal, snapshot.span, pinned)
        self._has_age = any(column.id == "age" for column in columns)

    def moment(self, run: Run, now: float) -> str | None:
        """Return what the time makes of the row of a run, None for one that goes on."""
        if not run.is_over:
            return None
        return numbers.age(now - run.created) if self._has_age else ""

    def _values(self, column: Placed, runs: Sequence[Run]) -> list[float | None]:
        kind, _, name = column.id.partition(".")
        if kind == "metrics":
            return [run.value(name) for run in runs]
        if kind == "delta":
            return [self.delta(run) for run in runs]
        if kind == "params" and column.right:
            return [run.params[name] for run in runs if name in run.params]
        return []

    def delta(self, run: Run) -> float | None:
        """Return how much the main metric is above that of the baseline."""
        baseline, metric = self.snapshot.baseline, self.snapshot.view.metric
        one = finite(run.value(metric))
        other = finite(baseline.value(metric)) if baseline is not None else None
        return None if one is None or other is None else one - other

    def draw(self, grid: Grid, y: int, row: Row, back: str, bold: bool, now: float) -> None:
        """Draw the cells of one row on the background `back`."""
        run = row.run
        for column in self.columns:
            kind, _, name = column.id.partition(".")
            if kind == "curve":
                self._draw_curve(grid, y, column, row, back)
            elif kind == "metrics" and name == self.snapshot.view.metric:
                self._draw_main(grid, y, column, run, back)
            else:
                text, style = self._text(column, run, now)
                text = clip(text, column.width)
                x = column.x + (column.width - cells(text) if column.right else 0)
                grid.put(x, y, text, style._replace(bg=back, bold=bold and column.id == "name"))

    def _text(self, column: Placed, run: Run, now: float) -> tuple[str, Style]:
        kind, _, name = column.id.partition(".")
        if kind == "params":
            if name not in run.params:
                return numbers.MISSING, DIM
            return self._figure(column, run.params[name]) or value_text(run.params[name]), TEXT
        if kind == "delta":
            pinned = self.snapshot.baseline
            if pinned is not None and run.number == pinned.number:
                return "baseline", Style(fg="mark")
            delta = self.delta(run)
            return self._figure(column, delta), Style(fg=tone_of(delta or 0, self.snapshot.view.goal))
        if kind == "metrics":
            value = run.value(name)
            return self._figure(column, value), TEXT if value is not None else DIM
        return _plain(column.id, run, now)

    def _figure(self, column: Placed, value: float | None) -> str:
        """Write a number as the column does, "" in a column without numbers."""
        decimals = self._decimals.get(column.id)
        if decimals is None:
            return ""
        return numbers.in_column(value, decimals, _digits(column), signed=column.id == "delta")

    def _draw_main(self, grid: Grid, y: int, column: Placed, run: Run, back: str) -> None:
        text = self._figure(column, run.value(self.snapshot.view.metric))
        value, span = finite(run.value(self.snapshot.view.metric)), self.snapshot.span
        if value is None:
            grid.put(column.x, y, text.strip()[: column.width] or numbers.MISSING, DIM._replace(bg=back))
            return
        grid.put(column.x, y, text, Style("text" if run.status != "failed" else "dim", back))
        if column.width < 7 + 4 or span is None:
            return
        share = (value - span[0]) / (span[1] - span[0]) if span[1] > span[0] else 1.0
        if self.snapshot.view.goal == "min":
            share = 1 - share
        filled, rest = bar(0.06 + 0.94 * share, column.width - 8)
        tone = "accent" if share >= 0.999 else "series4" if share >= 0.5 else "dim"
        grid.put(column.x + 8, y, filled, Style(tone, back))
        grid.put(column.x + 8 + len(filled), y, rest, Style("grid", back))

    def _draw_curve(self, grid: Grid, y: int, column: Placed, row: Row, back: str) -> None:
        if row.run.status == "queued":
            grid.put(column.x, y, clip("waits its turn", column.width), DIM._replace(bg=back))
            return
        if len(row.spark) > 1:
            tone = "dim" if row.run.status in ("failed", "lost") else "series0"
            grid.put(column.x, y, _spark(row.spark, column.width), Style(tone, back))


def _digits(column: Placed) -> int:
    return 7 if column.id.startswith("metrics.") or column.id == "delta" else column.width


@lru_cache(maxsize=400)
def _spark(values: tuple[float, ...], width: int) -> str:
    return sparkline(values, width)


def _plain(name: str, run: Run, now: float) -> tuple[str, Style]:
    if name == "number":
        return str(run.number), DIM
    if name == "name":
        return clean(run.name), TEXT
    if name == "why":
        return clean(why(run.trigger)), DIM
    if name == "duration":
        return numbers.duration(run.duration(now)), DIM
    if name == "age":
        return numbers.age(now - run.created), DIM
    if name == "tags":
        return clean(" ".join(run.tags)), Style(fg="series3")
    if name == "host":
        return clean(run.host), DIM
    return run.status, DIM
