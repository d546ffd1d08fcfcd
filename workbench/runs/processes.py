"""The processes of a run: telling them apart, finding them, stopping them."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Collection
from pathlib import Path

from workbench.tracking import RUN_FOLDER_VARIABLE

STOP_GRACE_SECONDS = 10.0
LEFTOVER_GRACE_SECONDS = 2.0


def birth(pid: int) -> float | None:
    """Return when a process started, in a unit of this machine's own, or None where it is gone or a zombie.

    With the pid it names one process for good: a later process with the same pid has another birth.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _birth_elsewhere(pid)
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else float(fields[19])


def _birth_elsewhere(pid: int) -> float | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return None


def members(run_folder: Path, group: int | None, others: Collection[str] = ()) -> list[int]:
    """Return the living processes of a run: those in its group, and those that carry its mark in their environment.

    `others` are numbers of processes that are known to be none.
    """
    if Path("/proc/self/environ").exists():
        return [pid for pid in _linux_pids(others) if _is_member(pid, run_folder, group)]
    return _members_elsewhere(run_folder, group)


def _linux_pids(others: Collection[str]) -> list[int]:
    none = {str(os.getpid()), *others}
    return [int(name) for name in os.listdir("/proc") if name not in none and name.isdigit()]


def _is_member(pid: int, run_folder: Path, group: int | None) -> bool:
    try:
        if group is not None and os.getpgid(pid) == group:
            return birth(pid) is not None
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    mark = f"{RUN_FOLDER_VARIABLE}={run_folder}".encode("utf-8", "surrogateescape")
    return mark in environment.split(b"\0") and birth(pid) is not None


def _members_elsewhere(run_folder: Path, group: int | None) -> list[int]:
    import psutil

    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            same_group = group is not None and os.getpgid(process.pid) == group
            marked = process.environ().get(RUN_FOLDER_VARIABLE) == str(run_folder)
            if (same_group or marked) and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return found


def send(pids: list[int], number: int) -> None:
    """Send a signal to each process that is still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def end_all(run_folder: Path, group: int | None, grace: float, others: Collection[str] = ()) -> int:
    """Terminate every process of a run, kill after `grace` seconds what is left; return how many there were.

    `others` are numbers of processes that are known to be none of the run.
    """
    found = members(run_folder, group, others)
    if not found:
        return 0
    send(found, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while time.monotonic() < deadline and members(run_folder, group):
        time.sleep(0.05)
    for _ in range(20):
        left = members(run_folder, group)
        if not left:
            break
        send(left, signal.SIGKILL)
        time.sleep(0.02)
    return len(found)


class Waiter:
    """Waits for the end of a process, a child or not, without polling where the system allows it."""

    def __init__(self, pid: int, identity: float | None) -> None:
        self.pid = pid
        self.identity = identity
        self._descriptor = -1
        with contextlib.suppress(OSError, AttributeError):
            self._descriptor = os.pidfd_open(pid)

    def wait(self, seconds: float) -> None:
        """Return when the process has ended or the time is over."""
        if self._descriptor >= 0:
            poll = select.poll()
            poll.register(self._descriptor, select.POLLIN)
            poll.poll(seconds * 1000)
            return
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and birth(self.pid) == self.identity:
            time.sleep(min(0.01, seconds))
