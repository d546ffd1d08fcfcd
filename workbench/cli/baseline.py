"""`workbench baseline`: pins the run that others are held against."""

from __future__ import annotations

import argparse

from workbench import project as projects
from workbench.actions import runs as actions
from workbench.cli import output
from workbench.cli.naming import numbers_of
from workbench.cli.parsing import add_json
from workbench.runs import queries


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run, or none."""
    parser.add_argument("run", metavar="RUN", nargs="?", help="the run to pin; without it, the pinned one is printed")
    parser.add_argument("--clear", action="store_true", help="pin none")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Pin, unpin, or print the number of the pinned run."""
    project = projects.find(args.folder)
    if args.clear:
        actions.pin_baseline(project, None)
    elif args.run:
        (number,) = numbers_of(project, [args.run])
        actions.pin_baseline(project, number)
    connection = project.open_store()
    try:
        pinned = queries.setting(connection, "baseline")
    finally:
        connection.close()
    if args.json:
        output.print_json({"baseline": pinned})
    elif pinned is not None:
        print(pinned)
    else:
        output.say("No run is pinned: workbench baseline RUN")
    return 0
