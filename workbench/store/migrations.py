"""The schema, step by step; `PRAGMA user_version` says how many steps a store has taken."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlite_utils import Database


def _execute(db: Database, script: str) -> None:
    """Run the statements of a script inside the transaction of the step, which `executescript` would end."""
    for statement in script.split(";\n"):
        if statement.strip():
            db.execute(statement)


def m001_runs(db: Database) -> None:
    """Runs with their parameters, metrics, points, notices, outputs, tags; journals remember how far they are read."""
    _execute(db, _M001)


_M001 = """
CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,      -- the number by which a user names the run
  uid TEXT NOT NULL UNIQUE,                  -- its folder under runs/
  name TEXT NOT NULL,
  kind TEXT NOT NULL DEFAULT 'train',
  status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'finished', 'failed', 'stopped', 'lost')),
  command TEXT NOT NULL,                     -- JSON list of arguments, or one JSON string for a shell
  python TEXT NOT NULL DEFAULT '',
  overrides TEXT NOT NULL DEFAULT '{}',      -- JSON object of what -p set
  trigger TEXT NOT NULL DEFAULT '{}',        -- JSON object: kind, and for a change its files with old and new hash
  after INTEGER REFERENCES runs (id) ON DELETE SET NULL,  -- the run that must finish before this one starts
  created REAL NOT NULL,                     -- seconds since the epoch, UTC
  started REAL,
  ended REAL,
  exit_code INTEGER,
  signal INTEGER,
  reason TEXT NOT NULL DEFAULT '',           -- why it ended as it did, one sentence
  pid INTEGER,
  pid_started REAL,                          -- tells a process from another that got the same number
  stop_requested REAL,
  stopped_by TEXT NOT NULL DEFAULT '',
  note TEXT NOT NULL DEFAULT '',
  code TEXT NOT NULL DEFAULT '{}',           -- JSON object: kind, commit, branch, tree, dirty, changed, problem
  data TEXT NOT NULL DEFAULT '[]',           -- JSON list of what the run read: path, hash, size, rows, problem
  environment TEXT REFERENCES environments (digest),
  host TEXT NOT NULL DEFAULT '',
  output_size INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX runs_by_status ON runs (status, id);
CREATE INDEX runs_by_name ON runs (name);
CREATE TABLE environments (digest TEXT PRIMARY KEY, facts TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE names (
  id INTEGER PRIMARY KEY,
  space TEXT NOT NULL CHECK (space IN ('metric', 'system', 'param')),
  name TEXT NOT NULL,
  UNIQUE (space, name)
);
CREATE TABLE params (
  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  name INTEGER NOT NULL REFERENCES names (id),
  value,                                     -- a number or a text as it is; anything else as JSON text
  json INTEGER NOT NULL DEFAULT 0,           -- 1 where value is JSON text (true, false, null, list, table)
  source TEXT NOT NULL DEFAULT '',           -- file, flag, override, script
  PRIMARY KEY (run, name)
) WITHOUT ROWID;
CREATE INDEX params_by_value ON params (name, value, run);
CREATE TABLE metrics (
  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  name INTEGER NOT NULL REFERENCES names (id),
  last REAL,                                 -- NULL is NaN
  last_step INTEGER NOT NULL,
  least REAL,
  least_step INTEGER,
  greatest REAL,
  greatest_step INTEGER,
  count INTEGER NOT NULL,
  last_t INTEGER NOT NULL,                   -- milliseconds since the run started
  odd INTEGER NOT NULL DEFAULT 0,            -- how many points were NaN or infinite
  PRIMARY KEY (run, name)
) WITHOUT ROWID;
CREATE INDEX metrics_by_last ON metrics (name, last, run);
CREATE TABLE points (
  run INTEGER NOT NULL,
  name INTEGER NOT NULL,
  step INTEGER NOT NULL,
  seq INTEGER NOT NULL,                      -- 0 for a new greatest step, else how many points came before
  t INTEGER NOT NULL,                        -- milliseconds since the run started
  value REAL,                                -- NULL is NaN
  PRIMARY KEY (run, name, step, seq)
) WITHOUT ROWID;
CREATE TABLE journals (
  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  file TEXT NOT NULL,                        -- a journal of the run, or 'output' for what it printed
  offset INTEGER NOT NULL,                   -- everything before it is in the store
  state TEXT NOT NULL DEFAULT '{}',          -- what the reader must remember across the offset, JSON
  PRIMARY KEY (run, file)
) WITHOUT ROWID;
CREATE TABLE notices (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  t INTEGER NOT NULL,
  text TEXT NOT NULL,
  UNIQUE (run, text)
);
CREATE TABLE outputs (
  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  path TEXT NOT NULL,                        -- relative to the project
  kind TEXT NOT NULL,                        -- file, folder, artifact, model
  size INTEGER,
  hash TEXT,
  problem TEXT NOT NULL DEFAULT '',
  facts TEXT NOT NULL DEFAULT '{}',
  PRIMARY KEY (run, path)
) WITHOUT ROWID;
CREATE TABLE tags (
  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  tag TEXT NOT NULL,
  PRIMARY KEY (run, tag)
) WITHOUT ROWID;
CREATE INDEX tags_by_tag ON tags (tag, run);
CREATE TABLE settings (
  key TEXT PRIMARY KEY,                      -- baseline, columns, sort, group, watcher
  value TEXT NOT NULL                        -- JSON
) WITHOUT ROWID;
"""


def m002_versions(db: Database) -> None:
    """Versions of data, what runs read as rows, stages with what they need, and reproductions."""
    _execute(db, _M002)


_M002 = """
CREATE TABLE data_versions (
  id INTEGER PRIMARY KEY,
  path TEXT NOT NULL,                        -- as the configuration names it: relative to the project, or a URL
  hash TEXT NOT NULL,                        -- BLAKE3 of the bytes; of a folder, of its list of files
  kind TEXT NOT NULL CHECK (kind IN ('file', 'folder')),
  size INTEGER NOT NULL,                     -- bytes
  files INTEGER NOT NULL DEFAULT 1,
  rows INTEGER,                              -- of a table of text, where they were counted
  kept INTEGER NOT NULL DEFAULT 1,           -- 0 where the bytes stay where they are and only facts are known
  created REAL NOT NULL,                     -- when it was first taken
  seen REAL NOT NULL,                        -- when it was last found to be so
  facts TEXT NOT NULL DEFAULT '{}',          -- JSON object: owner, region, retention_days, profile
  UNIQUE (path, hash)
);
CREATE INDEX data_versions_by_hash ON data_versions (hash);
CREATE TABLE inputs (
  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  path TEXT NOT NULL,                        -- relative to the project, or a URL
  hash TEXT,
  size INTEGER,
  rows INTEGER,
  problem TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (run, path)
) WITHOUT ROWID;
CREATE INDEX inputs_by_hash ON inputs (hash, run);
CREATE INDEX inputs_by_path ON inputs (path, run);
CREATE INDEX outputs_by_hash ON outputs (hash, run);
CREATE INDEX outputs_by_path ON outputs (path, run);
INSERT OR IGNORE INTO inputs (run, path, hash, size, rows, problem)
  SELECT runs.id, one.value ->> 'path', one.value ->> 'hash', one.value ->> 'size', one.value ->> 'rows',
    coalesce(one.value ->> 'problem', '')
  FROM runs, json_each(runs.data) AS one WHERE one.value ->> 'path' IS NOT NULL;
ALTER TABLE runs DROP COLUMN data;
-- `stage` is its name under [stages], `stage_key` a hash of its command, parameters and inputs, `rev` what --rev named
ALTER TABLE runs ADD COLUMN stage TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN stage_key TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN rev TEXT NOT NULL DEFAULT '';
CREATE INDEX runs_by_stage ON runs (stage, stage_key, id);
CREATE TABLE reproductions (
  run INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,       -- the run that ran again
  original INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,     -- the run that it repeats
  verdict TEXT NOT NULL CHECK (verdict IN ('identical', 'equal', 'different', 'failed')),
  facts TEXT NOT NULL DEFAULT '{}',          -- JSON object: outputs, metrics, differences, in order of suspicion
  created REAL NOT NULL
);
CREATE INDEX reproductions_by_original ON reproductions (original, run);
"""


def m003_drift(db: Database) -> None:
    """Profiles of windows, checks for drift with their verdicts, and alerts with what became of them."""
    _execute(db, _M003)


_M003 = """
CREATE TABLE drift_profiles (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,                  -- hash of the body
  body BLOB NOT NULL,                        -- zlib of JSON
  created REAL NOT NULL
);
CREATE TABLE drift_cuts (
  key TEXT PRIMARY KEY,                      -- hash of the file, how it was cut, what its columns are
  profiles TEXT NOT NULL,                    -- JSON list of drift_profiles.id in the order of the windows
  undated INTEGER NOT NULL                   -- rows without a time, which are in no window
) WITHOUT ROWID;
CREATE TABLE drift_reports (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  created REAL NOT NULL,
  series TEXT NOT NULL,                      -- what is watched over time: alerts are counted within it
  reference TEXT NOT NULL,
  current TEXT NOT NULL,
  by TEXT NOT NULL,
  verdict TEXT NOT NULL,
  settings TEXT NOT NULL,                    -- JSON object
  facts TEXT NOT NULL                        -- JSON object: undated, false_alerts, most_false_alerts, request
);
CREATE INDEX drift_reports_by_series ON drift_reports (series, id);
CREATE TABLE drift_windows (
  report INTEGER NOT NULL REFERENCES drift_reports (id) ON DELETE CASCADE,
  place INTEGER NOT NULL,
  label TEXT NOT NULL,
  start REAL,
  rows INTEGER NOT NULL,
  verdict TEXT NOT NULL,
  verdicts TEXT NOT NULL,                    -- JSON object: verdict by column, of those that can raise an alert
  profile INTEGER REFERENCES drift_profiles (id),
  reference INTEGER REFERENCES drift_profiles (id),
  body BLOB NOT NULL,                        -- zlib of JSON: columns with all statistics
  PRIMARY KEY (report, place)
);
CREATE TABLE drift_alerts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  series TEXT NOT NULL,
  column_name TEXT NOT NULL,
  label TEXT NOT NULL,                       -- the window that raised it
  report INTEGER NOT NULL,
  place INTEGER NOT NULL,
  created REAL NOT NULL,
  facts TEXT NOT NULL,                       -- JSON object: verdict, why, statistic, value, expected, p, effect, n
  UNIQUE (series, column_name, label)
);
CREATE TABLE drift_events (
  id INTEGER PRIMARY KEY,
  alert INTEGER NOT NULL REFERENCES drift_alerts (id),
  kind TEXT NOT NULL CHECK (kind IN ('acknowledged', 'cleared', 'raised', 'started')),  -- raised: once more
  at REAL NOT NULL,
  who TEXT NOT NULL DEFAULT '',
  what TEXT NOT NULL DEFAULT ''              -- the window that cleared it, or the number of the run
);
CREATE INDEX drift_events_by_alert ON drift_events (alert, id);
"""


def m004_checks(db: Database) -> None:
    """What data were held against: schemas as they were accepted, and what each check found."""
    _execute(db, _M004)


_M004 = """
CREATE TABLE schemas (
  id INTEGER PRIMARY KEY,
  digest TEXT NOT NULL,                      -- of what it asks for
  text TEXT NOT NULL,                        -- schema.toml as it was accepted
  changes TEXT NOT NULL DEFAULT '[]',        -- JSON list of what was new in it
  accepted_by TEXT NOT NULL,
  created REAL NOT NULL
);
CREATE TABLE validations (
  id INTEGER PRIMARY KEY,
  run INTEGER REFERENCES runs (id) ON DELETE CASCADE,  -- the run before which data were checked
  path TEXT NOT NULL,                        -- relative to the project, or absolute for a file outside
  hash TEXT NOT NULL DEFAULT '',             -- BLAKE3 of the file, '' where it was not made
  environment TEXT NOT NULL,                 -- training or serving
  schema TEXT NOT NULL DEFAULT '',           -- digest of the schema and the policy
  rows INTEGER,
  worst TEXT NOT NULL,                       -- error, warning, note, or '' where nothing was found
  facts TEXT NOT NULL,                       -- JSON object: columns, findings
  created REAL NOT NULL
);
CREATE INDEX validations_by_path ON validations (path, id);
CREATE INDEX validations_by_run ON validations (run);
CREATE INDEX validations_by_content ON validations (hash, schema, id);
"""


def m005_kinds(db: Database) -> None:
    """Runs that are no training are found without looking at all others."""
    db.execute("CREATE INDEX runs_by_other_kind ON runs (kind, status) WHERE kind <> 'train'")


STEPS: tuple[Callable[[Database], None], ...] = (m001_runs, m002_versions, m003_drift, m004_checks, m005_kinds)
VERSION = len(STEPS)


def migrate(path: Path) -> None:
    """Bring the store at `path` to VERSION, each step in one transaction; the caller holds the migration lock."""
    sqlite_utils = _import_sqlite_utils()
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        db = sqlite_utils.Database(connection)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        for number, step in enumerate(STEPS[version:], version + 1):
            connection.execute("BEGIN IMMEDIATE")
            step(db)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
    finally:
        connection.close()


def _import_sqlite_utils() -> Any:
    """Import sqlite-utils without the pandas and numpy that it would load for type names we never use."""
    hidden = [name for name in ("pandas", "numpy") if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        import sqlite_utils
    finally:
        for name in hidden:
            del sys.modules[name]
    return sqlite_utils
