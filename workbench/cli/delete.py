"""`workbench delete`: removes runs with all they left behind, after it has shown what goes."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from workbench import project as projects
from workbench.actions import runs as actions
from workbench.cli import output
from workbench.cli.naming import numbers_of
from workbench.cli.output import Column
from workbench.cli.parsing import add_json, add_runs
from workbench.errors import UsageError
from workbench.project import Project
from workbench.runs import queries


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which runs, and whether to ask."""
    add_runs(parser)
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """List what goes, ask, remove."""
    project = projects.find(args.folder)
    numbers = numbers_of(project, args.runs)
    size = actions.size_of(project, numbers)
    if not args.json:
        _list(project, numbers, size)
    if not args.yes and not _agreed(numbers):
        output.say("Nothing was deleted.")
        return 1
    removed = actions.delete(project, numbers)
    if args.json:
        output.print_json({"deleted": removed, "bytes": size})
    else:
        output.say(f"Deleted {len(removed)} run{'s' if len(removed) != 1 else ''}, {output.size(size)}.")
    return 0


def _list(project: Project, numbers: Sequence[int], size: int) -> None:
    connection = project.open_reader()
    try:
        found = queries.load(connection, numbers)
    finally:
        connection.close()
    now = time.time()
    columns = [Column("run", right=True), Column("name", least=8), Column("status"), Column("age", right=True)]
    rows = [[str(each.number), each.name, each.status, output.span(now - each.created)] for each in found]
    output.table(columns, rows, sys.stderr)
    output.say(f"Their points, output, artifacts and checkpoints take {output.size(size)} and cannot be brought back.")


def _agreed(numbers: Sequence[int]) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("Deleting needs an answer, and there is no terminal to ask on", "Add --yes.")
    what = "this run" if len(numbers) == 1 else f"these {len(numbers)} runs"
    print(f"Delete {what}? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
