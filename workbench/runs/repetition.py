"""The verdict on a run that was made again: both runs read from the store, judged, and the verdict stored."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

from workbench.runs import noticing, queries, reproduction
from workbench.runs.changes import Change, Made, between
from workbench.runs.model import Run
from workbench.runs.reproduction import Facts, Reproduction
from workbench.runs.rows import add_notice, text
from workbench.store.connection import transaction


class Verdict(NamedTuple):
    """One stored verdict: the run that ran again, the one it repeats, and the evidence as it was stored."""

    run: int
    original: int
    verdict: str
    facts: Mapping[str, Any]


def record(connection: sqlite3.Connection, run: int, wanted: Mapping[str, Any], now: float) -> str:
    """Judge a repeated run and store the verdict; `wanted` names the first run (`of`) and the tolerances."""
    old, new = queries.load(connection, [int(wanted["of"])]), queries.load(connection, [run])
    if not old or not new:
        return ""
    found = reproduction.judge(
        _facts(connection, old[0]),
        _facts(connection, new[0]),
        relative=float(wanted["relative"]),
        absolute=float(wanted["absolute"]),
        differences=reproduction.suspects(_changes(connection, old[0], new[0]), old[0].params, new[0].params),
    )
    with transaction(connection, durable=True):
        connection.execute(
            "INSERT OR REPLACE INTO reproductions (run, original, verdict, facts, created) VALUES (?, ?, ?, ?, ?)",
            (run, old[0].number, found.verdict, text(json.dumps(asdict(found)), 1 << 24), now),
        )
        add_notice(connection, run, 0, f"repeats run {old[0].number}: {_sentence(found)}")
        add_notice(connection, old[0].number, 0, f"was repeated by run {run}: {_sentence(found)}")
    return found.verdict


def _sentence(found: Reproduction) -> str:
    if found.verdict == "failed":
        return found.verdict
    if found.verdict == "identical":
        return "identical" if found.metrics or found.outputs else "identical, but neither left outputs or metrics"
    parts = [part for part in (*found.metrics, *found.outputs) if part.likeness == "different"]
    first = f"; {parts[0].name} {parts[0].words}" if parts else ""
    suspect = found.differences[0] if found.differences else None
    why = f"; {suspect.suspect} differ in {suspect.name}" if suspect else ""
    return f"{found.verdict}{first}{why}"


def of_run(connection: sqlite3.Connection, run: int) -> list[Verdict]:
    """Return the verdicts in which a run has a part, as the first or as the one that ran again; oldest first."""
    rows = connection.execute(
        "SELECT run, original, verdict, facts FROM reproductions WHERE run = ?1 OR original = ?1 ORDER BY created",
        (run,),
    )
    return [Verdict(again, original, verdict, json.loads(facts)) for again, original, verdict, facts in rows]


def _facts(connection: sqlite3.Connection, run: Run) -> Facts:
    rows = connection.execute("SELECT path, hash FROM outputs WHERE run = ? AND hash <> ''", (run.number,))
    curves = {name: queries.history(connection, run.number, name) for name in run.metrics}
    return Facts(
        finished=run.status == "finished",
        outputs=dict(rows.fetchall()),
        metrics={name: tuple(zip(curve.steps, curve.values, strict=True)) for name, curve in curves.items()},
    )


def _changes(connection: sqlite3.Connection, old: Run, new: Run) -> tuple[Change, ...]:
    return between(*(_made(connection, run) for run in (old, new)))


def _made(connection: sqlite3.Connection, run: Run) -> Made:
    tree = run.code.get("tree")
    return noticing.made(connection, run.number, run.environment, code={"tree": str(tree)} if tree else {})
