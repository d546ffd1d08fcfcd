"""What the Runs screen reads: which runs in which order and groups, the rows in view, the run in the preview."""

from __future__ import annotations

import math
import sqlite3
import time
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.actions import runs as actions
from workbench.errors import FilterError, WorkbenchError
from workbench.project import Project
from workbench.runs import queries
from workbench.runs.goals import infer_goal
from workbench.runs.model import Curve, Run, finite, why
from workbench.tui.tracks import Tracks, samples

AGAIN_SECONDS = 0.7
"""While runs log, the order and the rows of ended runs are read again at most so often."""
AROUND = 64
"""So many lines above and below those in view are read too, so that a page down is painted from memory."""
SPARK_BUDGET = 0.03


@dataclass(frozen=True)
class RunsRequest:
    """What the Runs screen wants: the view, the lines that it shows, and the run in its preview.

    `kept_filter` is the one that holds while `filter_text` is still written and has a mistake.
    """

    project: Project
    filter_text: str = ""
    kept_filter: str = ""
    sort: str = ""
    descending: bool = True
    group: str | None = None
    folded: frozenset[str] = frozenset()
    window: tuple[int, int] = (0, 60)
    preview: int | None = None
    fresh: int = 0


@dataclass(frozen=True)
class Group:
    """A heading: what its runs share, how many there are by state, the best value of the main metric."""

    label: str
    count: int
    states: Mapping[str, int]
    best: float | None


@dataclass(frozen=True)
class Row:
    """A run in the table with what is drawn of its history."""

    run: Run
    spark: tuple[float, ...] = ()


@dataclass(frozen=True)
class Detail:
    """The run in the preview: curves by metric, notices, and the values of the baseline."""

    run: Run
    curves: Mapping[str, Curve]
    notices: tuple[tuple[float, str], ...]
    outputs: int
    baseline: Run | None


@dataclass(frozen=True)
class View:
    """How the project's runs are shown: what is kept in its settings, filled up with what its runs suggest."""

    metric: str = ""
    goal: str = "max"
    curve: str = ""
    columns: tuple[str, ...] = ()
    chosen: bool = False
    sort: str = "run"
    descending: bool = True
    group: str = ""
    params: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunsSnapshot:
    """Everything that the Runs screen shows; a negative line is the group with that number, counted from -1."""

    lines: Sequence[int] = ()
    groups: tuple[Group, ...] = ()
    rows: Mapping[int, Row] = field(default_factory=dict)
    view: View = field(default_factory=View)
    counts: Mapping[str, int] = field(default_factory=dict)
    found: int = 0
    span: tuple[float, float] | None = None
    baseline: Run | None = None
    detail: Detail | None = None
    error: str = ""
    waiting: bool = False
    has_store: bool = True


class RunsLoader:
    """Reads for the Runs screen on the reader's thread and remembers what need not be read again."""

    def __init__(self) -> None:
        self.tracks = Tracks()
        self._rows: dict[int, Row] = {}
        self._lines: Sequence[int] = array("q")
        self._groups: tuple[Group, ...] = ()
        self._found = 0
        self._error = ""
        self._key: tuple[Any, ...] = ()
        self._read_at = 0.0
        self._version = -1
        self._view = View()
        self._project: Project | None = None

    def load(self, connection: sqlite3.Connection | None, request: RunsRequest) -> RunsSnapshot:
        """Read what the request names."""
        if request.project is not self._project:
            self.__init__()  # type: ignore[misc]
            self._project = request.project
        if connection is None:
            return RunsSnapshot(has_store=False)
        counts = queries.counts(connection)
        now = time.monotonic()
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        key = (*_shape(request), tuple(sorted(counts.items())), request.fresh, id(connection))
        again = key != self._key or (version != self._version and now - self._read_at >= AGAIN_SECONDS)
        if again:
            self._view = read_view(connection, request)
            self._order(connection, request)
            self._key, self._read_at, self._version = key, now, version
        waiting = self._read_rows(connection, request, again)
        baseline = self._one(connection, queries.setting(connection, "baseline"))
        return RunsSnapshot(
            lines=self._lines,
            groups=self._groups,
            rows={number: self._rows[number] for number in self._wanted(request) if number in self._rows},
            view=self._view,
            counts=counts,
            found=self._found,
            span=_span(connection, self._view.metric),
            baseline=baseline,
            detail=self._detail(connection, request.preview, baseline),
            error=self._error,
            waiting=waiting,
        )

    def _order(self, connection: sqlite3.Connection, request: RunsRequest) -> None:
        view, self._error = self._view, ""
        try:
            found = self._select(connection, request, request.filter_text)
        except FilterError as error:
            self._error = f"{error.message}  {error.hint}".strip()
            if request.kept_filter == request.filter_text:
                return
            found = self._select(connection, request, request.kept_filter)
        self._found = len(found)
        if view.group:
            self._lines, self._groups = grouped(connection, found, view, request.folded)
        else:
            self._lines, self._groups = array("q", found), ()

    def _select(self, connection: sqlite3.Connection, request: RunsRequest, text: str) -> list[int]:
        sort, descending = _sort_key(self._view.sort), self._view.descending
        return actions.select(request.project, connection, filter_text=text, sort=sort, descending=descending)

    def _wanted(self, request: RunsRequest) -> list[int]:
        first, last = request.window
        return [number for number in self._lines[max(0, first - AROUND) : last + AROUND] if number > 0]

    def _read_rows(self, connection: sqlite3.Connection, request: RunsRequest, again: bool) -> bool:
        """Read the rows in view; return whether some history was left for the next time."""
        wanted = self._wanted(request)
        stale = [number for number in wanted if again or number not in self._rows or not self._rows[number].run.is_over]
        for run in queries.load(connection, stale):
            before = self._rows.get(run.number)
            if before is not None and before.run == run:
                continue  # the same row as before need not be drawn again
            self._rows[run.number] = Row(run, before.spark if before else ())
            if before and _points(before.run, self._view.curve) != _points(run, self._view.curve):
                self._sparks.discard((run.number, self._view.curve))
        if len(self._rows) > 4000:
            keep = set(wanted)
            self._rows = {number: row for number, row in self._rows.items() if number in keep}
            self._sparks.clear()
        return self._read_sparks(connection, wanted, request.window)

    @property
    def _sparks(self) -> set[tuple[int, str]]:
        found: set[tuple[int, str]] = self.__dict__.setdefault("_spark_set", set())
        return found

    def _read_sparks(self, connection: sqlite3.Connection, wanted: list[int], window: tuple[int, int]) -> bool:
        metric, until = self._view.curve, time.monotonic() + SPARK_BUDGET
        name = queries.find_name(connection, "metric", metric) if metric else None
        shown, urgent = set(self._lines[slice(*window)]), False
        for number in sorted(wanted, key=lambda number: number not in shown):  # those in view first
            row = self._rows.get(number)
            if row is None or (number, metric) in self._sparks:
                continue
            if time.monotonic() > until or (urgent and number not in shown):
                return True
            urgent = urgent or number in shown
            summary = row.run.metrics.get(metric)
            values = samples(connection, number, name, summary.count, summary.last_step) if summary else ()
            self._rows[number] = Row(row.run, values)
            self._sparks.add((number, metric))
        return False

    def _one(self, connection: sqlite3.Connection, number: Any) -> Run | None:
        if not isinstance(number, int):
            return None
        if number in self._rows and self._rows[number].run.is_over:
            return self._rows[number].run
        return next(iter(queries.load(connection, [number])), None)

    def _detail(self, connection: sqlite3.Connection, number: int | None, baseline: Run | None) -> Detail | None:
        if number is None:
            return None
        row = self._rows.get(number)
        run = row.run if row is not None else self._one(connection, number)
        if run is None:
            return None
        curves = {
            name: self.tracks.curve(connection, number, name, summary.count)
            for name, summary in list(run.metrics.items())[:12]
            if summary.count > 1
        }
        notices = tuple(queries.notices(connection, number))
        (outputs,) = connection.execute("SELECT count(*) FROM outputs WHERE run = ?", (number,)).fetchone()
        return Detail(run, curves, notices, outputs, baseline if baseline is not None else None)


def _shape(request: RunsRequest) -> tuple[Any, ...]:
    return request.filter_text, request.kept_filter, request.sort, request.descending, request.group, request.folded


def _points(run: Run, metric: str) -> int:
    summary = run.metrics.get(metric)
    return summary.count if summary else 0


def _sort_key(sort: str) -> str:
    return "trigger" if sort == "why" else sort.removeprefix("curve.")


def read_view(connection: sqlite3.Connection, request: RunsRequest) -> View:
    """Return the view: what the screen asks for, else what the project keeps, else what its newest runs suggest."""
    settings = queries.setting(connection, "columns"), queries.setting(connection, "sort")
    group = request.group if request.group is not None else queries.setting(connection, "group", "")
    recent = queries.load(connection, queries.numbers(connection, limit=60))
    metric, goal = main_metric(request.project, recent)
    curve = main_curve(recent, metric)
    columns = tuple(str(name) for name in settings[0]) if isinstance(settings[0], list) else ()
    sort, descending = request.sort, request.descending
    if not sort:
        kept = settings[1] if isinstance(settings[1], dict) else {}
        sort, descending = str(kept.get("by", "run")), bool(kept.get("descending", True))
    return View(
        metric=metric,
        goal=goal,
        curve=next((name.removeprefix("curve.") for name in columns if name.startswith("curve.")), curve),
        columns=columns or default_columns(recent, metric, curve),
        chosen=bool(columns),
        sort=sort,
        descending=descending,
        group=str(group or ""),
        params=tuple(varying(recent)),
        metrics=tuple(_by_frequency(run.metrics for run in recent)),
    )


def main_metric(project: Project, runs: Sequence[Run]) -> tuple[str, str]:
    """Return the metric by which runs are compared and its goal: the configured one, else the best guess."""
    configured = project.config.metric
    if configured.name:
        return configured.name, configured.goal
    names = _by_frequency(run.metrics for run in runs)
    for wanted in ("max", "min"):
        for name in sorted(names, key=lambda name: not name.startswith(("val", "test", "valid"))):
            if infer_goal(name) == wanted:
                return name, wanted
    return (names[0], "max") if names else ("", "max")


def main_curve(runs: Sequence[Run], metric: str) -> str:
    """Return the metric whose history is drawn in the table: the main one, else one that has a history."""
    names = _by_frequency({name: one for name, one in run.metrics.items() if one.count > 1} for run in runs)
    if metric in names or not names:
        return metric
    return sorted(names, key=lambda name: ("loss" not in name, not name.startswith("val")))[0]


def default_columns(runs: Sequence[Run], metric: str, curve: str) -> tuple[str, ...]:
    """Return columns that tell the runs apart: parameters that vary, the main metric, its history, the rest."""
    params = [f"params.{name}" for name in varying(runs)[:2]]
    metrics = [f"metrics.{metric}", f"curve.{curve}", "delta"] if metric else []
    return ("name", *params, *metrics, "why", "duration", "age")


def varying(runs: Sequence[Run]) -> list[str]:
    """Return the parameters, those with several values first; within that by how many runs have them."""
    names = _by_frequency(run.params for run in runs)
    values = {name: len({repr(run.params.get(name)) for run in runs}) for name in names}
    # A parameter that differs in nearly every run, such as a seed, says less than one that a few runs share.
    many = max(3, len(runs) * 2 // 3)
    return sorted(names, key=lambda name: (values[name] < 2, "seed" in name, values[name] > many, -values[name]))


def _by_frequency(groups: Iterable[Iterable[str]]) -> list[str]:
    counted = Counter(name for group in groups for name in group)
    return sorted(counted, key=lambda name: (-counted[name], name))


def _span(connection: sqlite3.Connection, metric: str) -> tuple[float, float] | None:
    name = queries.find_name(connection, "metric", metric)
    if name is None:
        return None
    low, high = connection.execute(
        "SELECT (SELECT last FROM metrics WHERE name = ?1 AND last > -9e999 ORDER BY last LIMIT 1),"
        " (SELECT last FROM metrics WHERE name = ?1 AND last < 9e999 ORDER BY last DESC LIMIT 1)",
        (name,),
    ).fetchone()
    return None if low is None or high is None else (low, high)


def grouped(
    connection: sqlite3.Connection, found: Sequence[int], view: View, folded: frozenset[str]
) -> tuple[array[int], tuple[Group, ...]]:
    """Return the lines with a heading before each group, in the order in which the groups first appear."""
    labels = group_labels(connection, view.group)
    members: dict[str, list[int]] = {}
    for number in found:
        members.setdefault(labels.get(number, "—"), []).append(number)
    states = dict(connection.execute("SELECT id, status FROM runs").fetchall())
    name = queries.find_name(connection, "metric", view.metric)
    values = dict(connection.execute("SELECT run, last FROM metrics WHERE name = ?", (name,)).fetchall())
    lines, groups = array("q"), []
    for label, numbers in members.items():
        known = [value for number in numbers if (value := finite(values.get(number))) is not None]
        best = (max(known) if view.goal == "max" else min(known)) if known else None
        groups.append(Group(label, len(numbers), Counter(states.get(number, "") for number in numbers), best))
        lines.append(-len(groups))
        if label not in folded:
            lines.extend(numbers)
    return lines, tuple(groups)


def group_labels(connection: sqlite3.Connection, group: str) -> dict[int, str]:
    """Return by run what it shares with others: tag, sweep, trigger, status, name, or a parameter."""
    if group == "tag":
        rows = connection.execute("SELECT run, min(tag) FROM tags GROUP BY run").fetchall()
    elif group == "sweep":
        return sweep_labels(connection)
    elif group in ("status", "name", "kind", "host"):
        rows = connection.execute(f"SELECT id, {group} FROM runs").fetchall()
    elif group == "why":
        import json

        return {row[0]: why(json.loads(row[1])) for row in connection.execute("SELECT id, trigger FROM runs")}
    else:
        name = queries.find_name(connection, "param", group.removeprefix("params."))
        rows = connection.execute("SELECT run, value FROM params WHERE name = ?", (name,)).fetchall()
        word = group.removeprefix("params.")
        return {row[0]: f"{word} = {_plain(row[1])}" for row in rows}
    return {row[0]: str(row[1]) for row in rows}


def sweep_labels(connection: sqlite3.Connection) -> dict[int, str]:
    """Return by run its sweep: runs of one command with the same code and data, that differ at most in parameters.

    A run that shares all this with no other is in none. What follows an option of the command is a parameter too.
    """
    import json

    sweeps: dict[tuple[str, str | None, str | None], list[int]] = {}
    for number, command, tree, data in connection.execute(_SWEEPS):
        sweeps.setdefault((_program(json.loads(command)), tree, data), []).append(number)
    found = sorted((key, numbers) for key, numbers in sweeps.items() if len(numbers) > 1)
    seen: Counter[str] = Counter(key[0] for key, _ in found)
    return {
        number: f"{program}  from run {numbers[0]}" if seen[program] > 1 else program
        for (program, _, _), numbers in found
        for number in numbers
    }


_SWEEPS = """
SELECT id, command, code ->> 'tree',
  (SELECT group_concat(path || char(0) || coalesce(hash, ''), char(0))
     FROM (SELECT path, hash FROM inputs WHERE run = runs.id ORDER BY path))
FROM runs ORDER BY id
"""


def _program(command: str | list[str]) -> str:
    """Return a command without its options and their values."""
    if isinstance(command, str):
        return command
    kept = [word for at, word in enumerate(command) if not word.startswith("-") and not _is_value(command, at)]
    return " ".join(kept)


def _is_value(command: list[str], at: int) -> bool:
    before = command[at - 1] if at else ""
    return before.startswith("--") and "=" not in before


def _plain(value: Any) -> str:
    if isinstance(value, float) and math.isfinite(value) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def details_of(project: Project, numbers: Sequence[int]) -> list[Run]:
    """Return runs by number, for an action that is about to ask about them."""
    connection = project.open_store()
    try:
        return queries.load(connection, numbers)
    except sqlite3.Error as error:
        raise WorkbenchError(f"The runs cannot be read: {error}") from error
    finally:
        connection.close()
