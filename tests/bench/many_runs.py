"""Makes a store of 10,000 runs with 20 parameters, 20 metrics and 10 points a metric, quickly, in the real schema."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from workbench.project import Project
from workbench.store.connection import open_store

RUNS, PARAMS, METRICS, STEPS = 10_000, 20, 20, 10
BEGAN = 1_700_000_000.0
_CODE = json.dumps(
    {
        "kind": "git", "commit": "4f2a9c1be7d05583a6f1c2d94e8b7a6503f9d1ce", "branch": "main", "dirty": True,
        "tree": "9b1c0d7e5a4f38261cde90b7f35a8d42e6071bc9", "changed": ["train.py"], "problem": None,
    }
)  # fmt: skip
_RUN = """
INSERT INTO runs (uid, name, status, command, python, trigger, created, started, ended, exit_code, code, host)
SELECT printf('%012x%06x', i * 977, i), printf('steady-otter-%d', i),
  CASE WHEN i % 23 = 0 THEN 'failed' WHEN i % 41 = 0 THEN 'stopped' ELSE 'finished' END,
  '["python", "train.py", "--lr", "0.1"]', '/usr/bin/python3', '{"kind": "hand"}',
  :began + i * 60, :began + i * 60, :began + i * 60 + 30 + i % 60, CASE WHEN i % 23 = 0 THEN 1 ELSE 0 END,
  :code, 'workstation'
FROM numbers WHERE i <= :runs
"""
# Parameters 0 to 6 are texts of few values, 7 to 13 whole numbers, the others fractions; lr has five values.
_PARAMS = """
INSERT INTO params (run, name, value, source)
SELECT r.id, n.id, CASE
  WHEN n.name = 'lr' THEN 1.0 / (10 * (1 + r.id * 7919 % 5))
  WHEN n.id % 3 = 0 THEN printf('choice-%d', (r.id * 31 + n.id) % 7)
  WHEN n.id % 3 = 1 THEN (r.id * 37 + n.id * 11) % 400
  ELSE ((r.id * 104729 + n.id * 7919) % 100003) / 100003.0 END, 'file'
FROM runs r, names n WHERE n.space = 'param' ORDER BY r.id, n.id
"""
_VALUE = "((r.id * 48271 + n.id * 69621 + s.i * 16807) % 1000003) / 1000003.0"
_POINTS = f"""
INSERT INTO points (run, name, step, seq, t, value)
SELECT r.id, n.id, s.i - 1, 0, s.i * 2500, {_VALUE}
FROM runs r, names n, numbers s WHERE n.space = 'metric' AND s.i <= :steps ORDER BY r.id, n.id, s.i
"""
_METRICS = """
INSERT INTO metrics (run, name, last, last_step, least, least_step, greatest, greatest_step, count, last_t)
SELECT run, name, max(CASE WHEN step = :steps - 1 THEN value END), :steps - 1, min(value), 0, max(value), 3,
  count(*), max(t) FROM points GROUP BY run, name
"""


def make(folder: Path) -> Project:
    """Fill a new store under `folder` and return its project; takes some seconds."""
    (folder / "workbench.toml").write_text('[metric]\nname = "auc"\ngoal = "max"\n', encoding="utf-8")
    project = Project(folder)
    project.prepare()
    connection = open_store(project.store_path, create=True)
    try:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -200000")
        _fill(connection)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()
    return project


def _fill(connection: sqlite3.Connection) -> None:
    known = {"began": BEGAN, "runs": RUNS, "steps": STEPS, "code": _CODE}
    names = [("param", name) for name in ("lr", *(f"param_{at}" for at in range(1, PARAMS)))]
    names += [("metric", name) for name in ("auc", *(f"metric_{at}" for at in range(1, METRICS)))]
    connection.execute("CREATE TEMP TABLE numbers (i INTEGER PRIMARY KEY)")
    connection.executemany("INSERT INTO numbers VALUES (?)", ((number,) for number in range(1, RUNS + 1)))
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO names (space, name) VALUES (?, ?)", names)
    for statement in (_RUN, _PARAMS, _POINTS, _METRICS):
        connection.execute(statement, known)
    connection.execute("INSERT INTO tags SELECT id, printf('sweep-%d', id / 500) FROM runs WHERE id % 2 = 0")
    connection.execute("COMMIT")
