"""A supervisor that is started ahead of its run, so that it and the command line load what they need side by side.

It waits on a socket for the run and the run's lock. When nothing comes, because the run must queue or the command was
wrong, the socket closes and it ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from workbench.tracking import RUN_FOLDER_VARIABLE

if TYPE_CHECKING:
    import socket

WAITING = "waiting"


class Detached(subprocess.Popen[bytes]):
    """A process that is meant to outlive the one that starts it, so that leaving it behind is no oversight."""

    def __del__(self) -> None:
        """Say nothing."""


_LONGEST_MESSAGE = 1 << 20

_process: Detached | None = None
_socket: socket.socket | None = None


def begin() -> None:
    """Start a supervisor that waits; only for a process that goes on to start one run and then ends."""
    global _process, _socket
    import socket

    ours, theirs = socket.socketpair()
    with theirs:
        try:
            _process = start([WAITING], stdin=theirs.fileno(), output=subprocess.DEVNULL)
        except OSError:  # the run will say why no supervisor can be started
            ours.close()
            return
    _socket = ours


def release() -> None:
    """Let the waiting supervisor go where it was not needed."""
    global _socket
    if _socket is not None:
        _socket.close()
        _socket = None


def hand_over(arguments: list[str], lock: int) -> Detached | None:
    """Give a run and its lock to the waiting supervisor; return None where there is none."""
    global _socket
    if _socket is None or _process is None or _process.poll() is not None:
        return None
    import socket

    handed, _socket = _socket, None
    with handed:
        try:
            socket.send_fds(handed, [json.dumps(arguments).encode()], [lock])
        except OSError:
            return None
    return _process


def is_called() -> bool:
    """In the waiting supervisor: return whether there is something to receive."""
    import select

    return bool(select.select([0], [], [], 0)[0])


def receive() -> tuple[list[str], int] | None:
    """In the waiting supervisor: return the arguments and the lock, or None when nothing will come."""
    import socket

    with socket.socket(fileno=os.dup(0)) as ours:
        message, descriptors, _, _ = socket.recv_fds(ours, _LONGEST_MESSAGE, 1)
    if not message or not descriptors:
        return None
    return json.loads(message), descriptors[0]


def start(arguments: list[str], *, stdin: int, output: int, pass_fds: tuple[int, ...] = ()) -> Detached:
    """Start the supervisor's program, detached from this one's terminal, folder and run; raises OSError."""
    environment = {key: value for key, value in os.environ.items() if key != RUN_FOLDER_VARIABLE}
    return Detached(
        [sys.executable, "-P", "-m", "workbench.runs.supervisor", *arguments],
        stdin=stdin,
        stdout=output,
        stderr=output,
        cwd="/",
        env=environment,
        start_new_session=True,
        pass_fds=pass_fds,
    )
