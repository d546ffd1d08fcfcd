"""The detached process of one run: it starts the command, follows it, and writes what happened.

`launch.spawn` starts it and hands it the run's lock, which it holds for as long as it lives. The command is started
before anything else is imported or opened, so that being tracked costs the command next to nothing.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from workbench.runs.command import Command


def main(arguments: list[str]) -> int:
    """Supervise one run: project folder, run number, uid, descriptor of the lock, import folder, start or adopt."""
    folder, run, uid, lock, import_folder, mode = arguments
    os.set_inheritable(int(lock), False)
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    run_folder = Path(folder) / ".workbench" / "runs" / uid
    command = Command(Path(folder), run_folder, import_folder)
    if mode == "start":
        command.start()
    else:
        command.adopt()
    from workbench.runs.following import Following

    Following(Path(folder), int(run), run_folder, command).go()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
