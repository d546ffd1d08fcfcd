"""How long after a loop of 100,000 calls its last point can be queried, and what a point takes in the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measure import PYTHON, Figure, in_turns, scratch, seconds, until
from workbench.actions import starting
from workbench.project import Project, load

POINTS = 100_000
ROUNDS = 3

_SCRIPT = f"""
import time, pathlib, workbench
for step in range({POINTS}):
    workbench.log({{"loss": 1 / (step + 1.7)}})
pathlib.Path("ended").write_text(repr(time.time()))
"""


def bench() -> Iterator[Figure]:
    """Yield the lag behind the end of the loop, beside a plain table filled in one transaction, and bytes a point."""
    with scratch() as folder:
        (folder / "train.py").write_text(_SCRIPT, encoding="utf-8")
        project = load(folder)
        found = in_turns(
            ROUNDS,
            {"ours": lambda: _lag(project), "raw": lambda: seconds(lambda: _raw(folder / "raw.db"))},
            warm=0,
        )
        yield Figure("100,000 calls queryable, after the loop", found["ours"], "SQLite", found["raw"], "s", 0.5)
        raw = (folder / "raw.db").stat().st_size / POINTS
        yield Figure("a point in the store", [_bytes_per_point(project)], "SQLite", [raw], "B", 45)


def _lag(project: Project) -> float:
    number = starting.start(project, starting.Request((PYTHON, "train.py")))[0]
    reader = project.open_reader()
    try:
        sql = "SELECT sum(m.count) FROM metrics m JOIN names n ON n.id = m.name WHERE m.run = ? AND n.space = 'metric'"
        complete = until(lambda: reader.execute(sql, (number,)).fetchone()[0] == POINTS, 60)
        until(lambda: reader.execute("SELECT ended FROM runs WHERE id = ?", (number,)).fetchone()[0] is not None, 60)
    finally:
        reader.close()
    ended = project.folder / "ended"
    return max(complete - float(ended.read_text(encoding="utf-8")), 0.0)


def _raw(path: Path) -> None:
    """Write the same points into the plainest table that can be queried by run and metric, in one transaction."""
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(
        "CREATE TABLE points (run INTEGER, name INTEGER, step INTEGER, t INTEGER, value REAL,"
        " PRIMARY KEY (run, name, step)) WITHOUT ROWID"
    )
    connection.execute("BEGIN")
    rows = ((1, 1, step, step * 3, 1 / (step + 1.7)) for step in range(POINTS))
    connection.executemany("INSERT INTO points VALUES (?, ?, ?, ?, ?)", rows)
    connection.execute("COMMIT")
    connection.close()


def _bytes_per_point(project: Project) -> float:
    """Return the size of the tables that hold points, over their number."""
    connection = project.open_store()
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = connection.execute("SELECT sum(pgsize) FROM dbstat WHERE name = 'points'").fetchone()
        (count,) = connection.execute("SELECT count(*) FROM points").fetchone()
    finally:
        connection.close()
    return float(size / count)
