"""Curves read bit by bit: what is known of a metric is kept, only newer points are read. For the reader's thread."""

from __future__ import annotations

import math
import sqlite3
from collections import OrderedDict
from dataclasses import dataclass, field

from workbench.runs import queries
from workbench.runs.model import Curve

MOST_POINTS = 4000
BUCKETS = 600
KEEP = 120
SAMPLES = 48


@dataclass
class _Track:
    steps: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    count: int = 0
    curve: Curve = field(default_factory=Curve)


class Tracks:
    """The curves of the runs looked at last, by run, name and space."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int, str, str], _Track] = OrderedDict()

    def curve(
        self, connection: sqlite3.Connection, run: int, metric: str, count: int, *, space: str = "metric"
    ) -> Curve:
        """Return a curve to draw, where the store says the metric has `count` points."""
        key = (run, metric, space)
        track = self._known.get(key)
        if track is None or count < track.count or not self._extend(connection, track, key, count):
            if track is None or count != track.count:
                track = self._read(connection, key, count)
            self._known[key] = track
        self._known.move_to_end(key)
        while len(self._known) > KEEP:
            self._known.popitem(last=False)
        return track.curve

    def _read(self, connection: sqlite3.Connection, key: tuple[int, str, str], count: int) -> _Track:
        run, metric, space = key
        curve = queries.thinned_history(connection, run, metric, BUCKETS, space=space)
        return _Track(list(curve.steps), list(curve.times), list(curve.values), count, curve)

    def _extend(self, connection: sqlite3.Connection, track: _Track, key: tuple[int, str, str], count: int) -> bool:
        """Add the points after the last known step; False where that does not give them all."""
        if count == track.count:
            return True
        if not track.steps or len(track.steps) > MOST_POINTS:
            return False
        run, metric, space = key
        rows = connection.execute(
            "SELECT step, t / 1000.0, value FROM points WHERE run = ? AND name = ? AND step > ? ORDER BY step, seq",
            (run, queries.find_name(connection, space, metric), track.steps[-1]),
        ).fetchall()
        if len(rows) != count - track.count:
            return False
        track.steps += [row[0] for row in rows]
        track.times += [row[1] for row in rows]
        track.values += [math.nan if row[2] is None else row[2] for row in rows]
        track.count = count
        track.curve = Curve(tuple(track.steps), tuple(track.times), tuple(track.values))
        return True


def samples(connection: sqlite3.Connection, run: int, metric: int | None, count: int, last: int) -> tuple[float, ...]:
    """Return at most about SAMPLES values of a metric for a sparkline, spread evenly over its steps."""
    if metric is None or not count:
        return ()
    if count <= 4 * SAMPLES:
        rows = connection.execute(
            "SELECT value FROM points WHERE run = ? AND name = ? ORDER BY step, seq", (run, metric)
        ).fetchall()
        return tuple(math.nan if row[0] is None else row[0] for row in rows)
    (first,) = connection.execute("SELECT min(step) FROM points WHERE run = ? AND name = ?", (run, metric)).fetchone()
    (last,) = connection.execute("SELECT max(step) FROM points WHERE run = ? AND name = ?", (run, metric)).fetchone()
    found = []
    for index in range(SAMPLES):
        step = first + (last - first) * index // (SAMPLES - 1)
        row = connection.execute(
            "SELECT value FROM points WHERE run = ? AND name = ? AND step >= ? ORDER BY step LIMIT 1",
            (run, metric, step),
        ).fetchone()
        if row is not None:
            found.append(math.nan if row[0] is None else row[0])
    return tuple(found)
