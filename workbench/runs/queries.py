"""Reading runs from the store: which ones, their rows, their curves; a connection comes in and none is kept."""

from __future__ import annotations

import contextlib
import gc
import json
import math
import sqlite3
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from workbench.errors import NotFoundError
from workbench.runs.model import CHECKS, Curve, MetricSummary, Run
from workbench.safe import clean
from workbench.store.connection import snapshot

# In the order of the fields of Run.
_COLUMNS = (
    "id, uid, name, kind, status, command, python, overrides, trigger, created, started, ended, exit_code, signal, "
    "reason, stop_requested, note, code, environment, host, stage, stage_key, rev"
)
_MOST_IN_ONE = 500
_IS_CHECK = f"kind <> 'train' AND kind IN ({', '.join(repr(kind) for kind in CHECKS)})"

SORT_COLUMNS = {
    "run": "r.id",
    "name": "r.name",
    "status": "r.status",
    "kind": "r.kind",
    "started": "r.started",
    "created": "r.created",
    "ended": "r.ended",
    "age": "r.created",
    "duration": "coalesce(r.ended, CAST(strftime('%s', 'now') AS REAL)) - r.started",
    "host": "r.host",
    "trigger": "r.trigger",
}


def numbers(
    connection: sqlite3.Connection,
    *,
    where: str = "",
    arguments: Sequence[Any] = (),
    sort: str = "run",
    descending: bool = True,
    limit: int | None = None,
    checks: bool = False,
) -> array[int]:
    """Return the numbers of the runs that pass, in order; `where` is SQL over the table runs as r.

    `sort` is a key of SORT_COLUMNS, `params.NAME`, or the name of a metric (its last value); runs without it come last.
    Checks are left out unless `checks` asks for them.
    """
    hidden = frozenset() if checks else _checks(connection)
    if hidden:
        found = numbers(
            connection, where=where, arguments=arguments, sort=sort, descending=descending, checks=True,
            limit=None if limit is None else limit + len(hidden),
        )  # fmt: skip
        return array("q", [number for number in found if number not in hidden][:limit])
    most = -1 if limit is None else limit
    if sort in SORT_COLUMNS:
        return _selected(connection, where, arguments, _order(sort, descending), most)
    space = "param" if sort.startswith("params.") else "metric"
    name = find_name(connection, space, sort.removeprefix("params.").removeprefix("metrics."))
    first = _by_value(connection, space, name, where, arguments, descending, most)
    if len(first) == limit:
        return first
    known = set(first)
    rest = _selected(connection, where, arguments, _order("run", True), -1 if limit is None else most)
    first.extend([number for number in rest if number not in known][: None if limit is None else limit - len(first)])
    return first


def _checks(connection: sqlite3.Connection) -> frozenset[int]:
    """Return the numbers of the runs that are checks; the index of all that is no training is asked."""
    return frozenset(row[0] for row in connection.execute(f"SELECT id FROM runs WHERE {_IS_CHECK}"))


def _order(sort: str, descending: bool) -> str:
    way = "DESC" if descending else "ASC"
    column = SORT_COLUMNS[sort]
    return f"r.id {way}" if sort == "run" else f"{column} IS NULL, {column} {way}, r.id DESC"


def _selected(
    connection: sqlite3.Connection, where: str, arguments: Sequence[Any], order: str, most: int
) -> array[int]:
    sql = f"SELECT r.id FROM runs r {'WHERE ' + where if where else ''} ORDER BY {order} LIMIT ?"
    return array("q", (row[0] for row in connection.execute(sql, [*arguments, most])))


def _by_value(
    connection: sqlite3.Connection, space: str, name: int | None, where: str, arguments: Sequence[Any],
    descending: bool, most: int,
) -> array[int]:  # fmt: skip
    """Return the runs that have a value, in its order: the index holds it already, so nothing is sorted."""
    table, column = ("params", "value") if space == "param" else ("metrics", "last")
    known = "" if space == "param" else "AND s.last IS NOT NULL"
    joined, also = ("JOIN runs r ON r.id = s.run", f"AND ({where})") if where else ("", "")
    sql = (
        f"SELECT s.run FROM {table} s {joined} WHERE s.name = ? {known} {also}"
        f" ORDER BY s.{column} {'DESC' if descending else 'ASC'}, s.run DESC LIMIT ?"
    )
    return array("q", (row[0] for row in connection.execute(sql, [name, *arguments, most])))


def find_name(connection: sqlite3.Connection, space: str, name: str) -> int | None:
    """Return the number of a name of a metric, param or system figure, or None where no run has it."""
    row = connection.execute("SELECT id FROM names WHERE space = ? AND name = ?", (space, name)).fetchone()
    return None if row is None else int(row[0])


def names(connection: sqlite3.Connection, space: str) -> list[str]:
    """Return all names of a space (metric, param, system) in alphabetical order."""
    return [row[0] for row in connection.execute("SELECT name FROM names WHERE space = ? ORDER BY name", (space,))]


def load(connection: sqlite3.Connection, wanted: Iterable[int]) -> list[Run]:
    """Return the runs with these numbers, in this order, with params, metrics and tags; missing ones are left out."""
    order = list(wanted)
    found: dict[int, Run] = {}
    decoded: dict[str, Any] = {}
    with snapshot(connection), _no_collection():
        for start in range(0, len(order), _MOST_IN_ONE):
            found.update(_load_some(connection, order[start : start + _MOST_IN_ONE], decoded))
    return [found[number] for number in order if number in found]


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Make many objects without looking for garbage among them again and again, which takes as long as making them."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _load_some(connection: sqlite3.Connection, wanted: list[int], decoded: dict[str, Any]) -> dict[int, Run]:
    """Return some runs; `decoded` holds what their JSON texts say, for many runs have the same command and code."""
    marks = ",".join("?" * len(wanted))
    params: dict[int, dict[str, Any]] = {number: {} for number in wanted}
    metrics: dict[int, dict[str, MetricSummary]] = {number: {} for number in wanted}
    tags: dict[int, list[str]] = {number: [] for number in wanted}
    known = dict(connection.execute("SELECT id, name FROM names WHERE space <> 'system'").fetchall())
    for run, name, value, as_json in connection.execute(
        f"SELECT run, name, value, json FROM params WHERE run IN ({marks})", wanted
    ):
        params[run][known[name]] = json.loads(value) if as_json else value
    make = tuple.__new__  # what _make does, without counting the fields
    for row in connection.execute(
        "SELECT run, name, last, last_step, least, least_step, greatest, greatest_step, count, last_t"
        f" FROM metrics WHERE run IN ({marks})",
        wanted,
    ):
        if row[1] in known:
            summary = make(MetricSummary, row[2:])
            metrics[row[0]][known[row[1]]] = summary if row[2] is not None else summary._replace(last=math.nan)
    for run, tag in connection.execute(f"SELECT run, tag FROM tags WHERE run IN ({marks})", wanted):
        tags[run].append(tag)
    inputs: dict[int, list[Mapping[str, Any]]] = {number: [] for number in wanted}
    for run, path, content, size, count, problem in connection.execute(
        f"SELECT run, path, hash, size, rows, problem FROM inputs WHERE run IN ({marks})", wanted
    ):
        one = {"path": path, "hash": content, "size": size, "rows": count}
        inputs[run].append(one | {"problem": problem} if problem else one)
    rows = connection.execute(f"SELECT {_COLUMNS} FROM runs WHERE id IN ({marks})", wanted)
    return {
        row[0]: _run(row, decoded, params[row[0]], metrics[row[0]], tuple(tags[row[0]]), tuple(inputs[row[0]]))
        for row in rows
    }


def _run(
    row: Any,
    decoded: dict[str, Any],
    params: dict[str, Any],
    metrics: dict[str, MetricSummary],
    tags: tuple[str, ...],
    data: tuple[Mapping[str, Any], ...],
) -> Run:
    values: list[Any] = list(row)
    for index in (5, 7, 8, 17):  # command, overrides, trigger, code
        words = values[index]
        if words not in decoded:
            decoded[words] = json.loads(words)
        values[index] = decoded[words]
    build: Callable[..., Run] = Run
    return build(*values, params, metrics, tags, data)


def find(connection: sqlite3.Connection, name: str, *, metric: str = "", goal: str = "max") -> int:
    """Return the run that `name` means: a number, `@latest`, `@best`, a name, or a unique prefix of an id.

    Raises NotFoundError that says what there is instead.
    """
    row: tuple[int] | None
    if name == "@latest":
        newest = numbers(connection, limit=1)
        if not newest:
            raise NotFoundError("There are no runs yet", "workbench run")
        return newest[0]
    if name == "@best":
        best = best_run(connection, metric, goal)
        if best is None:
            wanted = f" with {clean(metric)!r}" if metric else "; workbench.toml names no [metric]"
            raise NotFoundError(f"There is no finished run{wanted}", "workbench runs")
        return best
    if name.isdigit():
        row = connection.execute("SELECT id FROM runs WHERE id = ?", (int(name[:18]),)).fetchone()
        if row is not None:
            return int(row[0])
    return _find_by_text(connection, name)


def _find_by_text(connection: sqlite3.Connection, name: str) -> int:
    rows = connection.execute("SELECT id FROM runs WHERE name = ? ORDER BY id DESC LIMIT 2", (name,)).fetchall()
    if len(rows) > 1:
        raise NotFoundError(f"Several runs are named {clean(name)!r}", f"Use a number, the newest is {rows[0][0]}.")
    if not rows:
        rows = connection.execute(
            "SELECT id FROM runs WHERE substr(uid, 1, ?) = ? LIMIT 2", (len(name), name.lower())
        ).fetchall()
    if len(rows) == 1 and name:
        return int(rows[0][0])
    if len(rows) > 1:
        raise NotFoundError(f"Several runs have an id that begins with {clean(name)!r}", "Give more of it.")
    (newest,) = connection.execute("SELECT max(id) FROM runs").fetchone()
    hint = f"The newest is {newest}: workbench runs" if newest else "There are none yet: workbench run"
    raise NotFoundError(f"No run {clean(name)}", hint)


def best_run(connection: sqlite3.Connection, metric: str, goal: str) -> int | None:
    """Return the finished run with the best last value of `metric`, or None where there is none."""
    name = find_name(connection, "metric", metric)
    row = connection.execute(
        "SELECT m.run FROM metrics m JOIN runs r ON r.id = m.run WHERE m.name = ? AND r.status = 'finished'"
        " AND m.last IS NOT NULL AND abs(m.last) < 9e999"
        f" ORDER BY m.last {'DESC' if goal == 'max' else 'ASC'}, m.run LIMIT 1",
        (name,),
    ).fetchone()
    return None if row is None else int(row[0])


def history(connection: sqlite3.Connection, run: int, metric: str, *, space: str = "metric") -> Curve:
    """Return all points of a metric of a run in the order of steps."""
    name = find_name(connection, space, metric)
    rows = connection.execute(
        "SELECT step, t / 1000.0, value FROM points WHERE run = ? AND name = ? ORDER BY step, seq", (run, name)
    ).fetchall()
    return _curve(rows)


def extent(connection: sqlite3.Connection, run: int, name: int | None) -> tuple[int, int, int]:
    """Return how many points a metric of a run has, and its least and greatest step; three zeros where it has none."""
    row = connection.execute(
        "SELECT count, (SELECT min(step) FROM points p WHERE p.run = m.run AND p.name = m.name),"
        " (SELECT max(step) FROM points p WHERE p.run = m.run AND p.name = m.name)"
        " FROM metrics m WHERE run = ? AND name = ?",
        (run, name),
    ).fetchone()
    return (0, 0, 0) if row is None or row[1] is None else tuple(row)


def thinned_history(
    connection: sqlite3.Connection, run: int, metric: str, buckets: int, *, space: str = "metric"
) -> Curve:
    """Return at most about twice `buckets` points: of each stretch of steps its least and greatest value.

    A metric with few points comes whole. Made for drawing; never for figures.
    """
    name = find_name(connection, space, metric)
    count, low, high = extent(connection, run, name)
    if count <= 2 * buckets or high == low:
        return history(connection, run, metric, space=space)
    width = max(1, -(-(high - low + 1) // buckets))
    rows = connection.execute(
        "SELECT step, t / 1000.0, value, min(value) FROM points WHERE run = ?1 AND name = ?2 GROUP BY (step - ?3) / ?4"
        " UNION "
        "SELECT step, t / 1000.0, value, max(value) FROM points WHERE run = ?1 AND name = ?2 GROUP BY (step - ?3) / ?4"
        " ORDER BY 1",
        (run, name, low, width),
    ).fetchall()
    return _curve([row[:3] for row in rows])


def _curve(rows: list[Any]) -> Curve:
    if not rows:
        return Curve()
    steps, times, values = zip(*rows, strict=True)
    return Curve(steps, times, tuple(math.nan if value is None else value for value in values))


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Return how many runs there are in each status, checks left out."""
    found = Counter(dict(connection.execute("SELECT status, count(*) FROM runs GROUP BY status").fetchall()))
    found.subtract(dict(connection.execute(f"SELECT status, count(*) FROM runs WHERE {_IS_CHECK} GROUP BY status")))
    return dict(+found)


def checks_going(connection: sqlite3.Connection) -> int:
    """Return how many checks are running."""
    return int(connection.execute(f"SELECT count(*) FROM runs WHERE {_IS_CHECK} AND status = 'running'").fetchone()[0])


def notices(connection: sqlite3.Connection, run: int) -> list[tuple[float, str]]:
    """Return what was noticed about a run: seconds since its start, and the sentence."""
    rows = connection.execute("SELECT t / 1000.0, text FROM notices WHERE run = ? ORDER BY id", (run,))
    return [(row[0], row[1]) for row in rows]


def with_notices(connection: sqlite3.Connection, runs: Sequence[Run]) -> list[Run]:
    """Return the runs with what was noticed about them."""
    found: dict[int, list[str]] = {}
    for start in range(0, len(runs), _MOST_IN_ONE):
        some = [run.number for run in runs[start : start + _MOST_IN_ONE]]
        marks = ",".join("?" * len(some))
        rows = connection.execute(f"SELECT run, text FROM notices WHERE run IN ({marks}) ORDER BY id", some)
        for number, sentence in rows:
            found.setdefault(number, []).append(sentence)
    return [replace(run, notices=tuple(found[run.number])) if run.number in found else run for run in runs]


def outputs(connection: sqlite3.Connection, run: int) -> list[dict[str, Any]]:
    """Return the declared outputs, artifacts and models of a run."""
    rows = connection.execute(
        "SELECT path, kind, size, hash, problem, facts FROM outputs WHERE run = ? ORDER BY path", (run,)
    )
    keys = ("path", "kind", "size", "hash", "problem")
    return [{**dict(zip(keys, row, strict=False)), "facts": json.loads(row[5])} for row in rows]


def environment(connection: sqlite3.Connection, run: int) -> str | None:
    """Return the facts of a run's environment as JSON text."""
    row = connection.execute(
        "SELECT e.facts FROM runs r JOIN environments e ON e.digest = r.environment WHERE r.id = ?", (run,)
    ).fetchone()
    return None if row is None else str(row[0])


def setting(connection: sqlite3.Connection, key: str, default: Any = None) -> Any:
    """Return a setting of the project."""
    row = connection.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
    return default if row is None else json.loads(row[0])


def save_setting(connection: sqlite3.Connection, key: str, value: Any) -> None:
    """Store a setting of the project; None removes it."""
    if value is None:
        connection.execute("DELETE FROM settings WHERE key = ?", (key,))
    else:
        connection.execute("INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)", (key, json.dumps(value)))
