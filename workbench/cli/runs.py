"""`workbench runs`: the table."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Sequence
from typing import Any

from workbench import project as projects
from workbench.actions import runs as actions
from workbench.cli import output
from workbench.cli.documents import run_document
from workbench.cli.output import Cell, Column
from workbench.cli.parsing import add_json
from workbench.project import Project
from workbench.runs import queries
from workbench.runs.model import GLYPHS, Run, why

TABLE_LIMIT = 100
_MOST_METRICS = 4
_RIGHT = ("run", "duration", "age", "exit_code", "signal")
_LEAST = {"name": 8, "why": 8, "tags": 4, "note": 6, "command": 10, "reason": 8, "notices": 10}
FIELDS = (
    "run", "name", "status", "kind", "started", "ended", "created", "duration", "age", "why", "tags", "note", "reason",
    "exit_code", "signal", "host", "uid", "commit", "command", "notices",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Filter, order, number of rows, columns and form."""
    parser.add_argument(
        "--filter", metavar="EXPR", default="", help="for example: auc > 0.7 and params.lr = 0.1 and not failed"
    )
    parser.add_argument(
        "--sort", metavar="KEY", default="run", help="run, name, status, started, duration, a metric, or params.NAME"
    )
    parser.add_argument("--ascending", action="store_true", help="least first (default: greatest, or newest, first)")
    parser.add_argument(
        "--limit", type=int, metavar="N", help=f"at most N runs (default: {TABLE_LIMIT} in the table, else all)"
    )
    parser.add_argument("--columns", metavar="A,B,…", help=f"metrics, params.NAME, or of {', '.join(FIELDS)}")
    form = parser.add_mutually_exclusive_group()
    add_json(form)  # type: ignore[arg-type]
    form.add_argument("--csv", action="store_true", help="print CSV with full digits")


def run(args: argparse.Namespace) -> int:
    """Print the runs."""
    project = projects.find(args.folder)
    whole = args.json or args.csv
    limit = args.limit if args.limit is not None else None if whole else TABLE_LIMIT + 1
    found = actions.list_runs(
        project, filter_text=args.filter, sort=args.sort, descending=not args.ascending, limit=limit
    )
    if args.json or "notices" in _columns(args.columns):
        found = _noticed(project, found)
    now = time.time()
    if args.json:
        metric = project.config.metric
        output.print_json(
            [
                {**run_document(each, metric=metric.name, goal=metric.goal, now=now), "notices": list(each.notices)}
                for each in found
            ]
        )
    elif args.csv:
        print_csv(project, found, _columns(args.columns), now)
    else:
        more = args.limit is None and len(found) > TABLE_LIMIT
        print_table(project, found[:TABLE_LIMIT] if more else found, _columns(args.columns), now)
        if more:
            output.say(f"The first {TABLE_LIMIT} are shown; --limit N shows more.")
    return 0


def _noticed(project: Project, found: list[Run]) -> list[Run]:
    if not found:
        return []
    with contextlib.closing(project.open_reader()) as connection:
        return queries.with_notices(connection, found)


def _columns(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def print_table(project: Project, found: Sequence[Run], columns: Sequence[str], now: float) -> None:
    """Print runs as a table, or on stderr what to do where there are none."""
    if not found:
        output.say("No runs here. Start one:  workbench run")
        return
    keys = list(columns) or _default_columns(project, found)
    heads = [Column("", least=0), *(_column(key, found) for key in keys)]
    rows = [
        [_glyph(each), *(Cell(shown(each, key, now), "dim" if key in ("age", "why") else "") for key in keys)]
        for each in found
    ]
    output.table(heads, rows)


def _glyph(run: Run) -> Cell:
    return Cell(GLYPHS[run.status], output.STATUS_ROLES[run.status])


def _column(key: str, found: Sequence[Run]) -> Column:
    numeric = key in _RIGHT or (
        key not in FIELDS and all(isinstance(value_of(each, key, 0), (int, float, type(None))) for each in found)
    )
    return Column(key, right=numeric, least=_LEAST.get(key, 0))


def _default_columns(project: Project, found: Sequence[Run]) -> list[str]:
    """Choose the goal metric and the first others; parameters that differ among these runs are told by `compare`."""
    names: dict[str, None] = {}
    for each in found:
        names.update(dict.fromkeys(each.metrics))
    goal = project.config.metric.name
    chosen = sorted(names, key=lambda name: (name != goal, "/" in name, name))[:_MOST_METRICS]
    return ["run", "name", "status", *chosen, "duration", "age", "why", *(["tags"] if _any_tags(found) else [])]


def _any_tags(found: Sequence[Run]) -> bool:
    return any(each.tags for each in found)


def print_csv(project: Project, found: Sequence[Run], columns: Sequence[str], now: float) -> None:
    """Print runs as CSV: the chosen columns, or all parameters and metrics."""
    keys = list(columns) or _all_columns(found)
    output.print_csv(keys, [[_full(value_of(each, key, now)) for key in keys] for each in found])


def _full(value: Any) -> Any:
    return value if isinstance(value, (int, float, str, type(None))) else str(value)


def _all_columns(found: Sequence[Run]) -> list[str]:
    params = sorted({name for each in found for name in each.params})
    metrics = sorted({name for each in found for name in each.metrics})
    fixed = ["run", "uid", "name", "status", "started", "ended", "duration", "why", "tags"]
    return [*fixed, *(f"params.{name}" for name in params), *metrics]


def shown(run: Run, key: str, now: float) -> str:
    """Return a value of a run as people read it."""
    value = value_of(run, key, now)
    if key in ("duration", "age"):
        return output.span(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return output.number(value)
    return "" if value is None else str(value)


def value_of(run: Run, key: str, now: float) -> Any:
    """Return the value of a column of a run: a field, a parameter, or the last value of a metric."""
    fields: dict[str, Any] = {
        "run": run.number,
        "started": output.iso(run.started),
        "ended": output.iso(run.ended),
        "created": output.iso(run.created),
        "duration": run.duration(now),
        "age": max(0.0, now - run.created),
        "why": why(run.trigger),
        "tags": " ".join(run.tags),
        "notices": "; ".join(run.notices),
        "commit": str(run.code.get("commit") or "")[:10],
    }
    if key in fields:
        return fields[key]
    if key == "command":
        from workbench.runs.launch import words

        return words(run.command)
    if key in FIELDS:
        return getattr(run, key)
    if key.startswith("params."):
        return run.params.get(key.removeprefix("params."))
    return run.value(key.removeprefix("metrics."))
