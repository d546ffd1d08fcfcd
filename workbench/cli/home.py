"""`workbench` alone: the terminal interface, or the table where there is no terminal."""

from __future__ import annotations

import sys
import time
from pathlib import Path


def open_home(folder: Path) -> int:
    """Open the terminal interface on the project of `folder`; without a terminal, print its runs and a hint."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        return open_interface(folder)
    from workbench import project as projects
    from workbench.actions import runs as actions
    from workbench.cli import output
    from workbench.cli.runs import TABLE_LIMIT, print_table

    project = projects.find(folder)
    print_table(project, actions.list_runs(project, limit=TABLE_LIMIT), [], time.time())
    output.say("The interface needs a terminal. Without one: workbench --help")
    return 0


def open_interface(folder: Path) -> int:
    """Open the interface; outside a project it begins with the list of projects. Say on leaving what goes on."""
    from workbench import project as projects
    from workbench.actions.projects import listed
    from workbench.errors import NotFoundError
    from workbench.project import Project
    from workbench.tui.app import run_app

    project: Project | None = None
    try:
        project = projects.find(folder)
    except NotFoundError:
        if not folder.is_dir():
            raise
    last = run_app(project, [each.folder for each in listed()])
    if last:
        print(last, file=sys.stderr)
    return 0
