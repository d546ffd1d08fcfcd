"""Runs as JSON objects with the keys that scripts rely on."""

from __future__ import annotations

from typing import Any

from workbench.cli.output import iso, named
from workbench.runs.model import Run


def run_document(run: Run, *, metric: str, goal: str, now: float) -> dict[str, Any]:
    """Return a run as an object; `best` holds the best value of the metric that workbench.toml names."""
    best = run.metrics[metric].best(goal) if metric in run.metrics else None
    return {
        "run": run.number,
        "uid": run.uid,
        "name": run.name,
        "kind": run.kind,
        "status": run.status,
        "exit_code": run.exit_code,
        "signal": run.signal,
        "reason": run.reason,
        "trigger": dict(run.trigger),
        "stage": run.stage,
        "rev": run.rev,
        "created": iso(run.created),
        "started": iso(run.started),
        "ended": iso(run.ended),
        "duration_s": run.duration(now),
        **named("params", run.params),
        **named("metrics", {name: summary.last for name, summary in run.metrics.items()}),
        "best": {} if best is None else {metric: best},
        "tags": list(run.tags),
        "note": run.note,
        "code": code_document(run),
        "data": [dict(item) for item in run.data],
    }


def code_document(run: Run) -> dict[str, Any]:
    """Return what is known of the code of a run: commit, tree, dirty, and the rest as it was recorded."""
    return {"commit": run.code.get("commit"), "tree": run.code.get("tree"), "dirty": run.code.get("dirty"), **run.code}
