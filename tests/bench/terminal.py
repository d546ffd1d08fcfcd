"""A program in a pseudo-terminal: what it paints with the moment of each piece, keys, memory, processor time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

COLUMNS, LINES = 120, 40
_CONTROL = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[PX^_\]].*?(?:\x1b\\|\x07)|\x1b[@-Z\\-_=>]", re.DOTALL)


class Terminal:
    """One program on 120×40 cells; times are those of `time.time`."""

    def __init__(self, pid: int, descriptor: int) -> None:
        self.pid = pid
        self.began = time.time()
        self._descriptor = descriptor
        self.pieces: list[tuple[float, bytes]] = []

    def press(self, keys: bytes) -> float:
        """Send keys; return the moment."""
        now = time.time()
        os.write(self._descriptor, keys)
        return now

    def read(self, seconds: float) -> bytes:
        """Return what is painted next, without its control sequences, b"" where nothing is within the time."""
        ready, _, _ = select.select([self._descriptor], [], [], max(seconds, 0))
        if not ready:
            return b""
        try:
            data = os.read(self._descriptor, 1 << 20)
        except OSError as error:  # the program has ended
            raise EOFError("the program has ended") from error
        text = _CONTROL.sub(b"", data)
        self.pieces.append((time.time(), text))
        return text or b" "

    def until(self, found: Callable[[bytes], object], limit: float = 20.0) -> float:
        """Read until `found` says yes to what was painted since now; return the moment. Raises TimeoutError."""
        seen, deadline = b"", time.time() + limit
        while time.time() < deadline:
            seen += self.read(deadline - time.time())
            if found(seen):
                return self.pieces[-1][0]
        raise TimeoutError(f"not painted within {limit:.0f} s; the last was {seen[-300:]!r}")

    def rest(self, seconds: float = 0.25) -> None:
        """Read until nothing is painted for so long, at most 5 s."""
        deadline = time.time() + 5
        while self.read(seconds) and time.time() < deadline:
            continue

    def watch(self, seconds: float) -> None:
        """Read for so long."""
        deadline = time.time() + seconds
        while (left := deadline - time.time()) > 0:
            self.read(left)

    def memory(self) -> float:
        """Return the resident memory in bytes."""
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8"))
        return int(found[1]) * 1024 if found else 0.0

    def busy(self) -> float:
        """Return the processor time so far, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))


@contextlib.contextmanager
def terminal(command: Sequence[str], folder: Path) -> Iterator[Terminal]:
    """Start a program in a terminal of its own and end it afterwards."""
    pid, descriptor = pty.fork()
    if pid == 0:  # the child: nothing but exec may go on here
        os.chdir(folder)
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", LANG="C.UTF-8")
        os.execv(command[0], list(command))
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    try:
        yield Terminal(pid, descriptor)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(descriptor)
