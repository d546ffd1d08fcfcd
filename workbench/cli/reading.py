"""How far the reading of a file is, said on stderr."""

from __future__ import annotations

import os
import signal
import stat
import sys
import threading
import time

from workbench.cli import output
from workbench.safe import clean
from workbench.tracking import RUN_FOLDER_VARIABLE

_LINE_SECONDS = 2.0


def unwind_when_stopped() -> None:
    """Let a stop of the run whose command this is go the way of Ctrl-C, so that copies that are read are removed."""
    if RUN_FOLDER_VARIABLE in os.environ:
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def end_with_parent() -> None:
    """End this process when the one that holds the other end of its standard input ends, in whatever it is then."""

    def watch() -> None:
        while os.read(0, 1):
            pass
        os._exit(1)

    if stat.S_ISFIFO(os.fstat(0).st_mode):
        threading.Thread(target=watch, daemon=True).start()


class ReadingProgress:
    """Says how far the reading of a file is: one line with a bar where it is drawn, else a plain line now and then."""

    def __init__(self, drawn: bool) -> None:
        self.drawn = drawn
        self._next = 0.0
        self._drawn = False

    def __call__(self, name: str, done: int, size: int) -> None:
        """Draw the line anew ten times a second, or write one every two seconds; a short reading says nothing."""
        now = time.monotonic()
        if not self._next:
            self._next = now + (0.5 if self.drawn else _LINE_SECONDS)
        if now < self._next:
            return
        self._next = now + (0.1 if self.drawn else _LINE_SECONDS)
        share = done / size if size else 0.0
        if not self.drawn:
            print(f"{clean(name, 60)}: {share:.0%} of {output.size(size)} read", file=sys.stderr, flush=True)
            return
        self._drawn = True
        bar = "█" * round(20 * share) + "░" * (20 - round(20 * share))
        words = f"{clean(name, 60)}  {bar} {share:4.0%} of {output.size(size)}"
        print(f"\r{output.cut(words, output.columns_of_terminal() - 1)}\x1b[K", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Take the line away."""
        if self._drawn:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
