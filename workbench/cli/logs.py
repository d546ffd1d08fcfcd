"""`workbench logs`: what a run printed."""

from __future__ import annotations

import argparse
from collections import deque

from workbench import project as projects
from workbench.actions import runs as actions
from workbench.cli import output
from workbench.cli.attend import Attendance, follow
from workbench.cli.parsing import add_json, add_run
from workbench.cli.tail import Tail
from workbench.project import Project


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run, and whether to go on."""
    add_run(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="go on until the run has ended")
    parser.add_argument("-n", "--tail", type=int, metavar="N", help="only the last N lines")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the output, cleaned of everything that a terminal would obey."""
    project = projects.find(args.folder)
    found = actions.get(project, args.run)
    if args.follow and not args.json:
        _follow(project, found.number, args.tail)
        return 0
    lines = _all(Tail(project.run_folder(found.uid) / "output.log"), args.tail)
    if args.json:
        output.print_json({"run": found.number, "status": found.status, "lines": list(lines)})
    else:
        for line in lines:
            print(line)
        if not lines and not found.is_over:
            output.say(f"Run {found.number} has printed nothing yet: workbench logs -f {found.number}")
    return 0


def _all(tail: Tail, most: int | None) -> deque[str]:
    kept: deque[str] = deque(maxlen=most)
    while lines := tail.lines():
        kept.extend(lines)
    kept.extend(tail.rest())
    return kept


def _follow(project: Project, number: int, most: int | None) -> None:
    attendance = Attendance(project, number)
    try:
        if most is not None:
            kept: deque[str] = deque(maxlen=most)
            while lines := attendance.tail.lines():
                kept.extend(lines)
            for line in kept:
                print(line)
        status = follow(attendance, print)
        output.say(f"Run {number} {status}.")
    finally:
        attendance.close()
