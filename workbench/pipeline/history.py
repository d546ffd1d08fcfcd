"""Earlier runs of stages, as the store has them: one query for all."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from workbench.pipeline.plan import Earlier, Made


class History:
    """The newest finished run of each stage and key, with its outputs."""

    def __init__(self, connection: sqlite3.Connection | None) -> None:
        self._connection = connection
        self._runs: dict[tuple[str, str], int] = {}
        self._outputs: dict[int, Mapping[str, Made]] = {}
        self._last: dict[str, int] = {}
        if connection is not None:
            self._load(connection)

    def _load(self, connection: sqlite3.Connection) -> None:
        rows = connection.execute(
            "SELECT stage, stage_key, max(id) FROM runs WHERE stage != '' AND stage_key != '' AND status = 'finished'"
            " GROUP BY stage, stage_key"
        )
        for stage, key, run in rows:
            self._runs[stage, key] = run
            self._last[stage] = max(run, self._last.get(stage, 0))
        newest = sorted(self._last.values())
        found: dict[int, dict[str, Made]] = {run: {} for run in newest}
        for run, path, kind, hash in connection.execute(
            "SELECT run, path, kind, coalesce(hash, '') FROM outputs WHERE kind IN ('file', 'folder', 'model', '')"
            " AND run IN (SELECT max(id) FROM runs WHERE stage != '' AND stage_key != '' AND status = 'finished'"
            " GROUP BY stage)"
        ):
            found[run][path] = _made(kind, hash)
        self._outputs.update(found)

    def earlier(self, stage: str, key: str) -> Earlier | None:
        """Return the newest finished run of a stage with this key."""
        run = self._runs.get((stage, key))
        if run is None or self._connection is None:
            return None
        if run not in self._outputs:
            rows = self._connection.execute(
                "SELECT path, kind, coalesce(hash, '') FROM outputs WHERE run = ?"
                " AND kind IN ('file', 'folder', 'model', '')",
                (run,),
            )
            self._outputs[run] = {path: _made(kind, hash) for path, kind, hash in rows}
        return Earlier(run, self._outputs[run])

    def last(self, stage: str) -> int | None:
        """Return the newest finished run of a stage, whatever its key."""
        return self._last.get(stage)


def _made(kind: str, hash: str) -> Made:
    return Made("folder" if kind == "folder" else "file", hash)
