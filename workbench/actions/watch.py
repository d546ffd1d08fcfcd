"""What a user can do with the watcher of a project: start it, stop it, ask how it is."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

from workbench.errors import EnvironmentProblem
from workbench.project import Project
from workbench.tracking import RUN_FOLDER_VARIABLE
from workbench.watch.status import LOG_NAME, WatchStatus, read_status

_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_LOOK_SECONDS = 0.02


def status(project: Project) -> WatchStatus:
    """Return how the project is watched; `alive` is told by the lock that a watcher holds."""
    return read_status(project)


def daemon_command(project: Project, *flags: str) -> list[str]:
    """Return the command of the process that watches a project."""
    return [sys.executable, "-P", "-m", "workbench.watch.daemon", str(project.folder), *flags]


def start(project: Project) -> WatchStatus:
    """Start a detached watcher, unless one lives, and return its status once it watches.

    Raises EnvironmentProblem with what the watcher had to say where it ends at once.
    """
    found = read_status(project)
    if found.alive:
        return found
    _reap()
    project.prepare()
    environment = {key: value for key, value in os.environ.items() if key != RUN_FOLDER_VARIABLE}
    with (project.inner / LOG_NAME).open("ab") as log:
        begin = log.tell()
        process = subprocess.Popen(
            daemon_command(project, "--detached"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            cwd="/",
            env=environment,
            start_new_session=True,
        )
    _watchers.append(process)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        found = read_status(project)
        if found.alive and found.how not in ("", "starting") and found.pid == process.pid:
            return found
        if process.poll() is not None:
            return _ended_at_once(project, begin)
        time.sleep(_LOOK_SECONDS)
    return read_status(project)


_watchers: list[subprocess.Popen[bytes]] = []


def _ended_at_once(project: Project, begin: int) -> WatchStatus:
    """Return the status of another watcher that was faster; raises EnvironmentProblem where there is none."""
    found = read_status(project)
    if found.alive:
        return found
    said = ""
    with contextlib.suppress(OSError), (project.inner / LOG_NAME).open("rb") as log:
        log.seek(begin)
        said = log.read(4000).decode("utf-8", "replace").strip()
    lines = [line.removeprefix("error: ") for line in said.splitlines() if not line.startswith("hint: ")]
    hints = [line.removeprefix("hint: ") for line in said.splitlines() if line.startswith("hint: ")]
    raise EnvironmentProblem(
        f"The watcher ended at once{': ' + lines[-1] if lines else ''}", hints[-1] if hints else f"See {LOG_NAME}"
    )


def stop(project: Project) -> bool:
    """Ask the watcher to end and wait until it has; return whether one lived. Runs that it started go on.

    Raises EnvironmentProblem where it does not end.
    """
    found = read_status(project)
    deadline = time.monotonic() + _STOP_SECONDS
    asked = 0
    while found.alive:
        if found.pid and found.pid != asked:
            with contextlib.suppress(ProcessLookupError):
                os.kill(found.pid, signal.SIGTERM)
            asked = found.pid
        if time.monotonic() > deadline:
            raise EnvironmentProblem(f"The watcher (process {found.pid}) does not end", f"kill -9 {found.pid}")
        time.sleep(_LOOK_SECONDS)
        found = read_status(project)
    for process in _watchers:
        if process.pid == asked:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)  # its lock is free a moment before it has ended
    _reap()
    return asked != 0


def _reap() -> None:
    """Take note of watchers that have ended, so that a long-lived front end gathers no zombies."""
    _watchers[:] = [process for process in _watchers if process.poll() is None]
