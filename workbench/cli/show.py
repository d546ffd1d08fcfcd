"""`workbench show`: everything about one run."""

from __future__ import annotations

import argparse
import json
import math
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

from workbench import project as projects
from workbench.actions import runs as actions
from workbench.cli import output
from workbench.cli.documents import run_document
from workbench.cli.output import Column
from workbench.cli.parsing import add_json, add_run
from workbench.project import Project
from workbench.runs import noticing, queries, repetition
from workbench.runs.launch import words
from workbench.runs.model import GLYPHS, Curve, Run, why
from workbench.safe import clean, clean_block


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run."""
    parser.epilog = (
        "In JSON, `history` maps each metric to a list of [step, time, value]; where the value is not a number it is"
        " null and the word for it comes fourth."
    )
    add_run(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the run."""
    project = projects.find(args.folder)
    found = actions.get(project, args.run)
    connection = project.open_reader()
    try:
        if args.json:
            output.print_json(document(project, connection, found))
        else:
            _print(project, connection, found)
    finally:
        connection.close()
    return 0


def document(project: Project, connection: sqlite3.Connection, run: Run) -> dict[str, Any]:
    """Return the run with history, artifacts, environment, system figures and command."""
    metric = project.config.metric
    began = run.started or run.created
    facts = queries.environment(connection, run.number)
    return {
        **run_document(run, metric=metric.name, goal=metric.goal, now=time.time()),
        "command": words(run.command),
        "history": {name: points(queries.history(connection, run.number, name), began) for name in run.metrics},
        "artifacts": queries.outputs(connection, run.number),
        "environment": None if facts is None else json.loads(facts),
        "system": {
            name: points(queries.history(connection, run.number, name, space="system"), began)
            for name in _system_names(connection, run.number)
        },
        "reproductions": [
            {"run": one.run, "original": one.original, "verdict": one.verdict}
            for one in repetition.of_run(connection, run.number)
        ],
        "notices": [
            {"time": output.iso(began + after), "text": text} for after, text in queries.notices(connection, run.number)
        ],
        "changes": changes(project, connection, run),
        "host": run.host,
        "python": run.python,
        "folder": str(project.run_folder(run.uid)),
    }


def changes(project: Project, connection: sqlite3.Connection, run: Run) -> dict[str, Any] | None:
    """Return what changed since which run of the same command, None for the first one."""
    found = noticing.since_last(connection, project.folder, run.number)
    if found is None:
        return None
    return {"since": found.run, "changes": [change._asdict() for change in found.changes]}


def points(curve: Curve, began: float) -> list[list[Any]]:
    """Return [step, time, value] for each point; what is no number is null, with the word for it fourth."""
    return [
        [step, output.iso(began + after), value]
        if math.isfinite(value)
        else [step, output.iso(began + after), None, output.odd(value)]
        for step, after, value in zip(curve.steps, curve.times, curve.values, strict=True)
    ]


def _system_names(connection: sqlite3.Connection, run: int) -> list[str]:
    rows = connection.execute(
        "SELECT n.name FROM metrics m JOIN names n ON n.id = m.name WHERE m.run = ? AND n.space = 'system' ORDER BY 1",
        (run,),
    )
    return [row[0] for row in rows]


def _print(project: Project, connection: sqlite3.Connection, run: Run) -> None:
    print(clean(f"{GLYPHS[run.status]} run {run.number}  {run.name}"))
    for head, text in _facts(connection, run):
        print(f"  {head:<12}{clean(text)}")
    if run.params:
        print("\nparameters")
        output.table([Column("", least=8), Column("", right=True, least=8)], _param_rows(run))
    if run.metrics:
        print("\nmetrics")
        heads = ["", "last", "least", "at", "greatest", "at", "points"]
        output.table([Column(head, right=at > 0, least=0 if at else 8) for at, head in enumerate(heads)], _metrics(run))
    if run.data:
        print("\ninputs")
        output.table([Column("", least=8), Column("", right=True), Column("", right=True), Column("")], _inputs(run))
    found = queries.outputs(connection, run.number)
    if found:
        print("\noutputs")
        rows = [[str(each["path"]), _bytes(each), str(each["hash"] or "")[:12], each["problem"]] for each in found]
        output.table([Column("", least=8), Column("", right=True), Column(""), Column("")], rows)
    for after, text in queries.notices(connection, run.number):
        print(f"\nnotice after {output.span(after)}: {clean(text)}")
    if run.note:
        print(f"\nnote: {clean_block(run.note)}")


def _inputs(run: Run) -> list[list[str]]:
    return [
        [
            str(item["path"]),
            output.size(item["size"]) if item.get("size") is not None else "",
            f"{item['rows']} rows" if item.get("rows") is not None else "",
            str(item.get("hash") or item.get("problem", ""))[:12],
        ]
        for item in run.data
    ]


def _bytes(found: dict[str, Any]) -> str:
    return "" if found["size"] is None else output.size(found["size"])


def _param_rows(run: Run) -> list[list[str]]:
    rows = []
    for name in sorted(run.params):
        value = run.params[name]
        rows.append([name, output.number(value) if isinstance(value, float) else json.dumps(value, default=str)])
    return rows


def _facts(connection: sqlite3.Connection, run: Run) -> Iterator[tuple[str, str]]:
    taken = run.duration(time.time())
    yield "status", run.status + (f" after {output.span(taken)}" if taken is not None else "")
    if run.reason:
        yield "reason", run.reason
    yield "command", words(run.command)
    yield "started", output.iso(run.started) or "not yet"
    yield "why", why(run.trigger)
    if run.tags:
        yield "tags", " ".join(run.tags)
    if commit := run.code.get("commit"):
        branch = f" ({run.rev or run.code.get('branch')})" if run.rev or run.code.get("branch") else ""
        yield "code", f"{str(commit)[:10]}{branch}{' with uncommitted changes' if run.code.get('dirty') else ''}"
    elif tree := run.code.get("tree"):
        yield "code", f"tree {str(tree)[:10]}, without git"
    if facts := queries.environment(connection, run.number):
        yield "environment", _environment(json.loads(facts))
    yield "host", run.host
    yield "id", run.uid


def _environment(facts: dict[str, Any]) -> str:
    python = f"Python {facts['python']}" if facts.get("python") else ""
    packages = f"{len(facts['packages'])} packages" if facts.get("packages") else ""
    if packages and facts.get("imported") is not None:
        packages = f"{len(facts['imported'])} of {packages} imported"
    return ", ".join(part for part in (python, packages, str(facts.get("cpu") or "")) if part)


def _metrics(run: Run) -> list[list[str]]:
    return [
        [
            name,
            output.number(each.last),
            output.number(each.least),
            "" if each.least_step is None else str(each.least_step),
            output.number(each.greatest),
            "" if each.greatest_step is None else str(each.greatest_step),
            str(each.count),
        ]
        for name, each in sorted(run.metrics.items())
    ]
