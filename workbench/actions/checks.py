"""Checks of data that are runs: with a log, a history and a stop, and nobody has to wait beside them."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from workbench.project import Project
from workbench.runs import launch


def start(project: Project, kind: str, options: Sequence[str], *, now: float | None = None) -> int:
    """Start `workbench KIND OPTIONS`, a check of data, as a run of that kind; return its number.

    It starts at once, whatever trains, and takes no place of those: it only reads.
    """
    now = time.time() if now is None else now
    command = ("workbench", kind, *options)
    wish = launch.Wish(command=command, argv=(sys.executable, "-P", "-m", *command), kind=kind, fresh=True)
    connection = project.open_store()
    try:
        return launch.start_at_once(project, connection, wish, now)
    finally:
        connection.close()
