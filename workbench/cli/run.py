"""`workbench run`: trains, or runs any command at all, and stays until it has ended."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from workbench import project as projects
from workbench.actions import runs as actions
from workbench.actions import starting
from workbench.cli import output
from workbench.cli.attend import Attendance, follow, listed, why_waiting
from workbench.cli.parsing import add_json, setting
from workbench.errors import NotFoundError, UsageError
from workbench.paths import relative_to
from workbench.project import Project
from workbench.runs import queries, standby
from workbench.runs.model import GLYPHS, Run
from workbench.safe import clean

_MOST_METRICS = 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Parameters, name, tags, and how to wait."""
    parser.usage = (
        "workbench run [-p KEY=VALUE] [--rev REV] [--name NAME] [--tag TAG] [--no-check] [--detach] [-- COMMAND ...]"
    )
    parser.epilog = (
        "Without a command, the one in workbench.toml runs. Ctrl-C asks the run to stop and waits; a second one leaves"
        " it alone. Exit code: 0 finished, 1 failed, stopped or lost."
    )
    parser.add_argument(
        "-p", dest="params", metavar="KEY=VALUE", action="append", default=[], help="set a parameter for this run only"
    )
    parser.add_argument("--name", default="", help="a name (default: one is made up)")
    parser.add_argument("--tag", action="append", default=[], dest="tags", help="a tag; may be repeated")
    parser.add_argument("--rev", help="run a branch, tag or commit in a folder of its own")
    parser.add_argument("--fresh", action="store_true", help="start anew, even where a broken run left a checkpoint")
    parser.add_argument("--no-check", action="store_true", help="start whatever is wrong with the data")
    parser.add_argument("--detach", action="store_true", help="print the number and return at once")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Start, follow, and tell how it ended."""
    if args.command == []:
        raise UsageError("There is no command behind --", "workbench run -- python train.py")
    if args.rev is not None and not args.rev.strip():
        raise UsageError("--rev names no revision", "workbench run --rev main")
    project = _project(args.folder, adopt=bool(args.command))
    request = starting.Request(
        command=tuple(args.command or ()),
        overrides=dict(setting(text) for text in args.params),
        name=args.name,
        tags=tuple(args.tags),
        fresh=args.fresh,
        rev=args.rev or "",
        check=not args.no_check,
        folder=_inside(project, args.folder) if args.command else "",
    )
    numbers = starting.start(project, request)
    standby.release()
    if args.detach:
        return _detached(project, numbers, as_json=args.json)
    try:
        statuses = [stay(project, number, quiet=args.json) for number in numbers]
    except KeyboardInterrupt:
        statuses = _interrupted(project, numbers, quiet=args.json)
    if args.json:
        _print(project, numbers)
    return 0 if all(status == "finished" for status in statuses) else 1


def _project(folder: Path, *, adopt: bool) -> Project:
    """Return the project of `folder`; a command that is given needs none, and the folder becomes one."""
    try:
        return projects.find(folder)
    except NotFoundError:
        if not adopt or not folder.is_dir():
            raise
    output.say("No project here yet: runs are kept in .workbench (workbench init writes a workbench.toml).")
    return Project(folder.absolute())


def _inside(project: Project, folder: Path) -> str:
    """Return where in the project a command that was typed in `folder` is to run."""
    relative = relative_to(folder.absolute(), project.folder)
    return "" if relative == "." else relative


def _detached(project: Project, numbers: Sequence[int], *, as_json: bool) -> int:
    if as_json:
        _print(project, numbers)
    else:
        for number in numbers:
            print(number)
    return 0


def stay(project: Project, number: int, *, quiet: bool) -> str:
    """Follow one run to its end, showing its output unless it must be `quiet`; return its status."""
    attendance = Attendance(project, number)
    try:
        name = attendance.reader.execute("SELECT name FROM runs WHERE id = ?", (number,)).fetchone()[0]
        if attendance.status == "queued":
            reason = why_waiting(attendance.reader, project.config.max_parallel)
            output.say(f"{GLYPHS['queued']} run {number} {name} waits {reason}")
        elif not attendance.is_over:
            output.say(f"{GLYPHS['running']} run {number} {name}")
        status = follow(
            attendance,
            (lambda line: None) if quiet else print,
            on_start=lambda: output.say(f"{GLYPHS['running']} run {number} {name}"),
        )
        ended = queries.load(attendance.reader, [number])
        if ended:
            output.say(ending(ended[0], project.config.metric.name, time.time()))
            for _, text in queries.notices(attendance.reader, number):
                output.say(f"  ! {clean(text)}")
        return status
    finally:
        attendance.close()


def ending(run: Run, goal_metric: str, now: float) -> str:
    """Return in one line how a run ended, with its first metrics."""
    reason = f": {run.reason}" if run.reason and run.status != "finished" else ""
    names = sorted(run.metrics, key=lambda name: (name != goal_metric, name))[:_MOST_METRICS]
    metrics = "  ".join(f"{name} {output.number(run.metrics[name].last)}" for name in names)
    taken = output.span(run.duration(now))
    after = f" after {taken}" if taken else ""
    return f"{GLYPHS[run.status]} run {run.number} {run.name} {run.status}{after}{reason}  {metrics}".rstrip()


def _interrupted(project: Project, numbers: Sequence[int], *, quiet: bool) -> list[str]:
    """Ask the runs to stop and wait; a second Ctrl-C leaves, and they stop by themselves."""
    stopped = actions.stop(project, numbers)
    if stopped:
        output.say(f"Stopping {listed(stopped)}. Ctrl-C again leaves without waiting.")
    return [stay(project, number, quiet=True) for number in numbers]


def _print(project: Project, numbers: Sequence[int]) -> None:
    """Print the run as an object, several stages as a list."""
    from workbench.cli.documents import run_document

    metric = project.config.metric
    connection = project.open_reader()
    try:
        found = queries.load(connection, numbers)
    finally:
        connection.close()
    documents = [run_document(each, metric=metric.name, goal=metric.goal, now=time.time()) for each in found]
    output.print_json(documents[0] if len(documents) == 1 else documents)
    sys.stdout.flush()
