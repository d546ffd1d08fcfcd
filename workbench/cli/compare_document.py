"""A comparison as a JSON document with the keys that scripts rely on."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from workbench.actions import compare as actions
from workbench.actions.compare import Compared
from workbench.cli.output import odd
from workbench.project import Project
from workbench.runs.compare import Group, MetricRow, Row
from workbench.runs.model import Run
from workbench.versions.code import CodeDiff


def compare_document(
    project: Project, found: Compared, *, metric: str = "", with_lines: bool = False
) -> dict[str, Any]:
    """Return a comparison as an object; `metric` leaves the others out, `with_lines` adds the changed lines of code."""
    comparison = found.comparison
    metrics = [row for row in comparison.metrics if not metric or row.name == metric]
    return {
        "baseline": found.baseline.number,
        "pinned": found.pinned,
        "runs": [
            {"run": run.number, "uid": run.uid, "name": run.name, "status": run.status, "tags": list(run.tags)}
            for run in found.runs
        ],
        "params": [_row(row, found) for row in comparison.params],
        "metrics": [_metric(row, found) for row in metrics],
        "duration": _metric(comparison.durations, found),
        "environment": [_row(row, found) for row in comparison.environment],
        "packages": [_row(row, found) for row in comparison.packages],
        "code": [_code(project, found, run, with_lines) for run in found.runs],
        "groups": [_group(group, metric) for group in comparison.groups],
    }


def _row(row: Row, found: Compared) -> dict[str, Any]:
    values = [
        {"run": run.number, "present": cell.present, **value("value", cell.value), "differs": cell.differs}
        for run, cell in zip(found.runs, row.cells, strict=True)
    ]
    return {"name": row.name, "differs": row.differs, "change": row.change, "values": values}


def _metric(row: MetricRow, found: Compared) -> dict[str, Any]:
    missing = "not started" if row is found.comparison.durations else "not logged"
    values = [
        {
            "run": run.number,
            **value("value", cell.value, missing),
            **value("delta", cell.delta, "nothing to subtract"),
            **value("relative", cell.relative, "nothing to divide by"),
            "better": cell.better,
            "best": cell.best,
        }
        for run, cell in zip(found.runs, row.cells, strict=True)
    ]
    return {"name": row.name, "goal": row.goal, "differs": row.differs, "values": values}


def value(key: str, item: Any, missing: str = "") -> dict[str, Any]:
    """Return {key: item}; what is no finite number becomes null, and `<key>_reason` says why."""
    if item is None and missing:
        return {key: None, f"{key}_reason": missing}
    if isinstance(item, float) and not math.isfinite(item):
        return {key: None, f"{key}_reason": odd(item)}
    return {key: item}


def _code(project: Project, found: Compared, run: Run, with_lines: bool) -> dict[str, Any]:
    version = actions.version_of(run)
    diff = CodeDiff() if run is found.baseline else actions.code_diff(project, found.baseline, run)
    files = [
        {
            "path": file.path,
            "status": file.status,
            "added": file.added,
            "removed": file.removed,
            "note": file.note,
            **({"lines": [line.encode("utf-8", "replace").decode() for line in file.lines]} if with_lines else {}),
        }
        for file in diff.files
    ]
    return {
        "run": run.number,
        "commit": version.commit,
        "tree": version.tree,
        "dirty": version.dirty,
        "same": None if diff.problem else not diff.files,
        **({"same_reason": diff.problem} if diff.problem else {}),
        "added": diff.added,
        "removed": diff.removed,
        "files": files,
    }


def _group(group: Group, metric: str) -> dict[str, Any]:
    return {
        "runs": list(group.runs),
        "unfinished": list(group.unfinished),
        "baseline": group.baseline,
        "apart": dict(group.apart),
        "metrics": [
            {"name": name, **asdict(stats)} for name, stats in group.metrics.items() if not metric or name == metric
        ],
        "against": [
            {"metric": name, **asdict(result), "verdict": result.verdict}
            for name, result in group.against.items()
            if not metric or name == metric
        ],
    }
