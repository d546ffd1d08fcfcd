"""Staying with runs until they end: their output as it comes, and the end as soon as it is in the store."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Callable, Iterable

from workbench.cli.tail import Tail
from workbench.project import Project
from workbench.runs.command import PROCESS_NAME
from workbench.runs.model import CHECKS, ENDED
from workbench.runs.precheck import LOG_NAME

POLL_SECONDS = 0.005
CALM_POLL_SECONDS = 0.02  # once a run has lasted a few seconds, nobody notices the difference
CALM_AFTER_SECONDS = 5.0
LOOK_AFTER_SECONDS = 2.0  # how often to see whether a supervisor died


class Attendance:
    """Watches one run through a connection that only reads; another looks after it should its supervisor die."""

    def __init__(self, project: Project, number: int) -> None:
        self.project = project
        self.number = number
        self.reader = project.open_reader()
        self.uid, self.status = self._row()
        self.tail = Tail(project.run_folder(self.uid) / "output.log")
        self._version = -1
        self._began = self._looked = time.monotonic()

    def close(self) -> None:
        """Close the connection."""
        self.reader.close()

    @property
    def is_over(self) -> bool:
        """Whether the run had ended when it was last looked at."""
        return self.status in ENDED

    def before(self) -> str:
        """Return how far the check of its data is, while the command waits for that; "" at any other time."""
        folder = self.project.run_folder(self.uid)
        if self.status != "running" or (folder / PROCESS_NAME).exists():
            return ""
        try:
            said = (folder / LOG_NAME).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return said[-1] if said else ""

    def refresh(self) -> bool:
        """Look whether the store changed; return whether the status did."""
        (version,) = self.reader.execute("PRAGMA data_version").fetchone()
        if version == self._version:
            return False
        self._version = version
        before = self.status
        _, self.status = self._row()
        return self.status != before

    def pause(self) -> None:
        """Wait a moment, and see from time to time that somebody still looks after the run."""
        now = time.monotonic()
        time.sleep(POLL_SECONDS if now - self._began < CALM_AFTER_SECONDS else CALM_POLL_SECONDS)
        if now - self._looked > LOOK_AFTER_SECONDS:
            self._looked = now
            look_after(self.project)

    def _row(self) -> tuple[str, str]:
        row = self.reader.execute("SELECT uid, status FROM runs WHERE id = ?", (self.number,)).fetchone()
        if row is None:  # deleted by somebody else
            return getattr(self, "uid", ""), "lost"
        return row[0], row[1]


def look_after(project: Project) -> None:
    """Take care of runs whose supervisor died, and start what waits."""
    from workbench.runs.recovery import recover

    connection = project.open_store()
    try:
        recover(project, connection)
    finally:
        connection.close()


def follow(attendance: Attendance, write: Callable[[str], None], *, on_start: Callable[[], None] | None = None) -> str:
    """Hand over every line of a run until it has ended; return its final status."""
    show = Progress() if sys.stdout.isatty() else None
    while True:
        over = attendance.is_over  # before reading, so that nothing written before the end is missed
        changed = attendance.refresh()
        if changed and attendance.status == "running" and on_start is not None:
            on_start()
        lines = attendance.tail.lines()
        if lines and show:
            show.clear()
        for line in lines:
            write(line)
        if show:
            show.update(attendance.tail.pending or attendance.before())
        if lines:
            sys.stdout.flush()
        elif over:
            break
        elif not attendance.is_over:
            attendance.pause()
    if show:
        show.clear()
    for line in attendance.tail.rest():
        write(line)
    sys.stdout.flush()
    return attendance.status


class Progress:
    """Shows an unfinished line, as progress bars are, in place on a terminal."""

    def __init__(self) -> None:
        self.shown = ""

    def update(self, pending: str) -> None:
        """Draw the unfinished line where it changed."""
        from workbench.cli.output import columns_of_terminal, cut
        from workbench.safe import clean_log_line

        line = cut(clean_log_line(pending[-4000:]), columns_of_terminal() - 1) if pending else ""
        if line != self.shown:
            sys.stdout.write(f"\r\x1b[K{line}")
            sys.stdout.flush()
            self.shown = line

    def clear(self) -> None:
        """Take the unfinished line away."""
        if self.shown:
            sys.stdout.write("\r\x1b[K")
            self.shown = ""


def why_waiting(connection: sqlite3.Connection, places: int) -> str:
    """Return in words what a queued run waits for."""
    going = connection.execute("SELECT id, kind FROM runs WHERE status = 'running' ORDER BY id").fetchall()
    numbers = [number for number, kind in going if kind not in CHECKS]
    if not numbers:
        return "for its turn"
    return f"for a free place: {listed(numbers)} {'is' if len(numbers) == 1 else 'are'} going, max_parallel is {places}"


def listed(numbers: Iterable[int]) -> str:
    """Return `run 3` or `runs 3, 4 and 5`."""
    words = [str(number) for number in numbers]
    if len(words) == 1:
        return f"run {words[0]}"
    return f"runs {', '.join(words[:-1])} and {words[-1]}"
