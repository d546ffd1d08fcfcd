"""`workbench watch`: train again whenever code, parameters or data change."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import asdict
from typing import Any, NoReturn

from workbench import project as projects
from workbench.actions import watch as actions
from workbench.cli import output
from workbench.cli.parsing import add_json
from workbench.project import Project
from workbench.watch.status import WatchStatus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Watch here, or detached; ask; stop."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--status", action="store_true", help="say how the project is watched; exit 1 if it is not")
    what.add_argument("--stop", action="store_true", help="end the watcher; runs that it started go on")
    what.add_argument("--detach", action="store_true", help="watch in the background, until --stop")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Watch in the foreground until Ctrl-C, or do what an option says."""
    project = projects.find(args.folder)
    if args.status:
        return _show(actions.status(project), json=args.json)
    if args.stop:
        return _stop(project, json=args.json)
    if args.detach:
        status = actions.start(project)
        if not args.json:
            output.say("Watching goes on in the background; workbench watch --stop ends it.")
        return _show(status, json=args.json)
    return _become(actions.daemon_command(project, *(["--json"] if args.json else [])))


def _become(command: list[str]) -> NoReturn:
    """Let the watcher take this process over, and Ctrl-C with it."""
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


def _stop(project: Project, *, json: bool) -> int:
    lived = actions.stop(project)
    if json:
        output.print_json({"stopped": lived})
    else:
        output.say("Stopped watching." if lived else "It was not watched.")
    return 0


def _show(status: WatchStatus, *, json: bool) -> int:
    if json:
        output.print_json(_document(status))
    elif not status.alive:
        output.say("Not watched. Start it:  workbench watch")
    else:
        output.table(
            [output.Column("watching"), output.Column("")], [[key, value] for key, value in _lines(status) if value]
        )
    return 0 if status.alive else 1


def _document(status: WatchStatus) -> dict[str, Any]:
    times = {key: output.iso(getattr(status, key) or None) for key in ("since", "last_change")}
    return {**asdict(status), "paths": list(status.paths), **times}


def _lines(status: WatchStatus) -> list[tuple[str, str]]:
    return [
        ("how", status.how),
        ("files", status.extent),
        ("paths", ", ".join(status.paths)),
        ("process", str(status.pid)),
        ("since", output.iso(status.since) or ""),
        ("last change", output.iso(status.last_change or None) or ""),
        ("last run", str(status.last_run or "")),
        ("waiting", status.waiting),
        ("problem", status.problem),
    ]
