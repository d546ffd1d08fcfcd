"""The detached process of one run: it starts the command, follows it, and writes what happened.

`launch.spawn` starts it and hands it the run's lock, which it holds for as long as it lives. The command is started
before anything else is imported or opened, so that being tracked costs the command next to nothing; only of the data
that it is going to read are versions taken first.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from pathlib import Path

from workbench.runs import standby, starting
from workbench.runs.command import Command


def main(arguments: list[str]) -> int:
    """Supervise one run: the arguments of `launch.spawn` and the lock, or the one word that says to wait for them."""
    if arguments == [standby.WAITING]:
        _load_ahead()
        received = standby.receive()
        if received is None:
            return 0
        arguments, lock = received
        _write_to(Path(arguments[4]))
    else:
        *arguments, descriptor = arguments
        lock = int(descriptor)
    return _supervise(*arguments, lock=lock)


_NEEDED = (
    "sqlite3",
    "dataclasses",
    "workbench.project",
    "workbench.runs.launch",
    "workbench.runs.ingest",
    "workbench.runs.following",
    "workbench.runs.inputs",
    "workbench.runs.noticing",
    "workbench.versions.data",
    "workbench.versions.code",
    "workbench.versions.environment",
    "workbench.versions.imported",
)


def _load_ahead() -> None:
    """Import what following a run needs, one module after the other, until there is a run to start."""
    for name in _NEEDED:
        if standby.is_called():
            return
        importlib.import_module(name)


def _write_to(log: Path) -> None:
    """Send what this process has to say to the run's own log, and let go of the socket."""
    with log.open("ab") as file, open(os.devnull, "rb") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


def _supervise(folder: str, run: str, uid: str, import_folder: str, log: str, mode: str, *, lock: int) -> int:
    os.set_inheritable(lock, False)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    run_folder = Path(folder) / ".workbench" / "runs" / uid
    command = Command(Path(folder), run_folder, import_folder)
    if mode == "start":
        starting.start(Path(folder), int(run), run_folder, command)
    else:
        command.adopt()
    try:
        _follow(Path(folder), int(run), run_folder, command)
    except Exception:
        if run_folder.exists():
            raise  # the command goes on; whoever looks next starts another supervisor for it
        _end(run_folder, command)
    return 0


def _follow(folder: Path, run: int, run_folder: Path, command: Command) -> None:
    from workbench.runs.following import Following

    Following(folder, run, run_folder, command).go()


def _end(run_folder: Path, command: Command) -> None:
    from workbench.runs import processes

    processes.end_all(run_folder, command.pid, processes.STOP_GRACE_SECONDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
