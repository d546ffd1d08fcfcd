"""`workbench stop`: stops runs, or takes them out of the queue."""

from __future__ import annotations

import argparse

from workbench import project as projects
from workbench.actions import runs as actions
from workbench.cli import output
from workbench.cli.attend import Attendance
from workbench.cli.naming import numbers_of
from workbench.cli.parsing import add_json, add_runs
from workbench.project import Project


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which runs, and whether to wait."""
    add_runs(parser)
    parser.add_argument("--no-wait", action="store_true", help="ask and return at once")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Ask, wait until they have ended, and say so."""
    project = projects.find(args.folder)
    numbers = numbers_of(project, args.runs)
    asked = actions.stop(project, numbers)
    statuses = {number: _status(project, number, wait=not args.no_wait) for number in numbers}
    if args.json:
        output.print_json([{"run": number, "status": statuses[number], "asked": number in asked} for number in numbers])
        return 0
    for number in numbers:
        output.say(_sentence(number, statuses[number], was_going=number in asked))
    return 0


def _sentence(number: int, status: str, *, was_going: bool) -> str:
    if status == "running":
        return f"Run {number} was asked to stop."
    return f"Run {number} {status}." if was_going else f"Run {number} had already ended: {status}."


def _status(project: Project, number: int, *, wait: bool) -> str:
    attendance = Attendance(project, number)
    try:
        attendance.refresh()
        while wait and not attendance.is_over:
            attendance.pause()
            attendance.refresh()
        return attendance.status
    finally:
        attendance.close()
