"""`workbench` alone: the terminal interface, or the table where there is no terminal."""

from __future__ import annotations

import sys
import time
from pathlib import Path


def open_home(folder: Path) -> int:
    """Open the terminal interface on the project of `folder`; without a terminal, print its runs and a hint."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        from workbench.tui.app import run_app

        return run_app(folder) or 0
    from workbench import project as projects
    from workbench.actions import runs as actions
    from workbench.cli import output
    from workbench.cli.runs import TABLE_LIMIT, print_table

    project = projects.find(folder)
    print_table(project, actions.list_runs(project, limit=TABLE_LIMIT), [], time.time())
    output.say("The interface needs a terminal. Without one: workbench --help")
    return 0
