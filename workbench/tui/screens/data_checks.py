"""Checks that are started from the views of the data: each is a run, which any view of the project can follow."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.actions import checks, runs
from workbench.errors import EnvironmentProblem
from workbench.project import Project
from workbench.safe import clean
from workbench.tui.kit.grid import Style
from workbench.tui.screens.data_views import DataView
from workbench.tui.widgets.canvas import Spans

_TAIL = 4096
"""So many of the last bytes that a check printed are looked at."""
_DIM = Style(fg="dim")


@dataclass(frozen=True)
class CheckRun:
    """The newest check of a kind: its run, its options, and the last that it said."""

    number: int
    status: str
    exit_code: int | None
    reason: str
    options: tuple[str, ...] = ()
    said: tuple[str, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.status not in ("queued", "running")


def newest_check(connection: sqlite3.Connection | None, project: Project, kind: str) -> CheckRun | None:
    """Return the newest check of a kind, one that goes on before all others; None where there is none."""
    if connection is None:
        return None
    row = connection.execute(
        "SELECT id, uid, status, exit_code, reason, command FROM runs WHERE kind = ? AND kind <> 'train'"
        " ORDER BY status = 'running' DESC, id DESC LIMIT 1",
        (kind,),
    ).fetchone()
    if row is None:
        return None
    number, uid, status, exit_code, reason, command = row
    said = _last_lines(project.run_folder(uid) / "output.log")
    return CheckRun(number, status, exit_code, reason, tuple(json.loads(command)[2:]), said)


def _last_lines(path: Path) -> tuple[str, ...]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ()
    return tuple(clean(line, 200) for line in text.splitlines() if line.strip())


class CheckingView(DataView):
    """A view from which checks are started; one that goes on is told whoever started it, and can be stopped."""

    kind, yes, no = "", "", ""
    """What kind of run its check is, and what its exit codes 0 and 1 say."""

    def __init__(self) -> None:
        super().__init__()
        self.checking: CheckRun | None = None
        self._followed = 0

    def words_of(self, options: Sequence[str]) -> str:
        """Say what a check with these options does."""
        raise NotImplementedError

    def start_check(self, options: Sequence[str]) -> None:
        """Start a check as a run of its own."""
        project = self.project
        if project is not None:
            words = self.words_of(options)
            self.bench.act(words, checks.start, project, self.kind, options, done=lambda run: self._started(run, words))

    def _started(self, number: int, words: str) -> None:
        self._followed = number
        self.bench.say(f"Run {number} is {words}; x stops it.")

    def follow(self, check: CheckRun | None) -> None:
        """Take what was read of the newest check, and tell the end of one that was seen to run."""
        self.checking = check
        if check is None or not check.is_over:
            self._followed = check.number if check is not None else self._followed
        elif check.number == self._followed:
            self._followed = 0
            self._tell(check)

    def _tell(self, check: CheckRun) -> None:
        if check.status == "finished":
            self.bench.say(self.yes)
        elif check.status == "stopped":
            self.bench.say(f"Run {check.number} was stopped: nothing was changed.")
        elif check.exit_code == 1:
            self.bench.say(self.no)
        else:
            hints = [line.removeprefix("hint: ") for line in check.said if line.startswith("hint: ")]
            hint = hints[-1] if hints else f"enter on run {check.number} shows what it printed"
            self.bench.show_error(EnvironmentProblem(check.reason or f"Run {check.number} {check.status}", hint))

    def check_spans(self) -> Spans:
        """Return what the check that goes on does and how far it is, with the key that stops it; else nothing."""
        check = self.checking
        if check is None or check.is_over:
            return []
        far = f", {check.said[-1]}" if check.said else ""
        words = f"▶ run {check.number}: {self.words_of(check.options)}{far}  "
        return [(words, Style(fg="running")), ("x", Style(fg="key")), (" stops it  ", _DIM)]

    @property
    def why_not_check(self) -> str:
        """Why no check can be started: there is no project, or a check goes on; "" where one can."""
        if self.project is None:
            return "Open a project first: select one and press enter."
        if self.checking is not None and self._goes_on:
            return f"Run {self.checking.number} is {self.words_of(self.checking.options)}; x stops it."
        return ""

    def can_stop(self) -> str:
        """A check, or a reading, must go on."""
        return "" if self._goes_on else super().can_stop()

    def do_stop(self) -> None:
        """Stop the check, and give up what is being read."""
        super().do_stop()
        project, check = self.project, self.checking
        if project is not None and check is not None and self._goes_on:
            self.bench.act(f"stopping run {check.number}", runs.stop, project, [check.number])

    @property
    def _goes_on(self) -> bool:
        return self.checking is not None and not self.checking.is_over
