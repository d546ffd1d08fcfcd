"""Earlier runs of stages, as the store has them: one query for all. [train] alone is one stage, named "train"."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from workbench.pipeline.plan import Earlier, Made
from workbench.runs.rows import name_on_disk

ONLY_STAGE = "train"
MOST_KEYS = 30  # runs of a stage, each with another key, that an explanation looks at
_STAGE = f"CASE stage WHEN '' THEN '{ONLY_STAGE}' ELSE stage END"
_KEPT = "kind IN ('file', 'folder', 'model', '')"


class History:
    """The newest finished run of each stage and key, with its outputs."""

    def __init__(self, connection: sqlite3.Connection | None) -> None:
        self._connection = connection
        self._runs: dict[tuple[str, str], int] = {}
        self._of_stage: dict[str, list[int]] = {}
        self._outputs: dict[int, dict[str, Made]] = {}
        if connection is not None:
            self._load(connection)

    def _load(self, connection: sqlite3.Connection) -> None:
        for stage, key, run in connection.execute(
            f"SELECT {_STAGE}, stage_key, max(id) FROM runs WHERE stage_key != '' AND status = 'finished'"
            " GROUP BY stage, stage_key ORDER BY max(id) DESC"
        ):
            if (stage, key) not in self._runs:
                self._runs[stage, key] = run
                self._of_stage.setdefault(stage, []).append(run)
        newest = {runs[0] for runs in self._of_stage.values()}
        self._outputs = {run: {} for run in newest}
        self._read(connection, sorted(newest))

    def _read(self, connection: sqlite3.Connection, runs: list[int]) -> None:
        rows = connection.execute(
            f"SELECT run, path, kind, coalesce(hash, ''), facts FROM outputs WHERE {_KEPT}"
            " AND run IN (SELECT value FROM json_each(?))",
            (json.dumps(runs),),
        )
        for run, path, kind, hash, text in rows:
            facts = json.loads(text) if text != "{}" else {}
            made = Made("folder" if kind == "folder" else "file", hash, str(facts.get("link", "")))
            self._outputs[run][name_on_disk(path, facts)] = made

    def earlier(self, stage: str, key: str) -> Earlier | None:
        """Return the newest finished run of a stage with this key."""
        run = self._runs.get((stage, key))
        return None if run is None else Earlier(run, self.outputs(run))

    def outputs(self, run: int) -> Mapping[str, Made]:
        """Return what a run left, by path."""
        if run not in self._outputs and self._connection is not None:
            self._outputs[run] = {}
            self._read(self._connection, [run])
        return self._outputs.get(run, {})

    def runs(self, stage: str) -> list[int]:
        """Return the finished runs of a stage, newest first, one for each key."""
        return self._of_stage.get(stage, [])[:MOST_KEYS]


def command_of(connection: sqlite3.Connection, run: int) -> str | list[str]:
    """Return the command of a run: its words, or one text for a shell."""
    (command,) = connection.execute("SELECT command FROM runs WHERE id = ?", (run,)).fetchone()
    found: str | list[str] = json.loads(command)
    return found


def inputs_of(connection: sqlite3.Connection, run: int) -> dict[str, str]:
    """Return the hashes by path of what a run read."""
    return dict(connection.execute("SELECT path, coalesce(hash, '') FROM inputs WHERE run = ?", (run,)))


def params_of(connection: sqlite3.Connection, run: int) -> dict[str, Any]:
    """Return the parameters of a run that its file or -p gave."""
    rows = connection.execute(
        "SELECT names.name, value, json FROM params JOIN names ON names.id = params.name"
        " WHERE run = ? AND source IN ('file', 'override')",
        (run,),
    )
    return {name: json.loads(value) if is_json else value for name, value, is_json in rows}
