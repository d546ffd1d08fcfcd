"""The process that watches a project: `python -m workbench.watch.daemon FOLDER`.

It ends when it is told to (SIGTERM, Ctrl-C), when its folder or its lock is gone, and never because of what the files
hold. Runs that it started go on without it.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sqlite3
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench import locks
from workbench import project as projects
from workbench.actions import pipeline
from workbench.actions import runs as actions
from workbench.config import Config
from workbench.errors import EnvironmentProblem, UsageError, WorkbenchError
from workbench.project import Project
from workbench.runs.model import CHECKS
from workbench.runs.recovery import recover
from workbench.safe import clean
from workbench.watch import status as statuses
from workbench.watch.engine import Started, Watcher
from workbench.watch.observer import Hint, Hints, choose
from workbench.watch.rules import Going
from workbench.watch.status import WatchStatus

_RECOVER_SECONDS = 5.0


class StoreRuns:
    """The runs as the store has them; those that a change started are the watcher's own, also of an earlier watcher."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._connection: sqlite3.Connection | None = None
        self._version = -1
        self._going = Going(free=0)  # until the store has answered
        self._recovered = 0.0

    def going(self) -> Going:
        """Return what is going on; cheap where nothing changed in the store."""
        try:
            connection = self._open()
            if time.monotonic() - self._recovered > _RECOVER_SECONDS:
                recover(self._project, connection)
                self._recovered, self._version = time.monotonic(), -1
            (version,) = connection.execute("PRAGMA data_version").fetchone()
            if version != self._version:
                self._version, self._going = version, self._query(connection)
        except (sqlite3.Error, WorkbenchError):
            self.close()  # busy or gone: asked again soon
        return replace(self._going, stages=pipeline.goes_on(self._project))

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection, self._version = self._project.open_store(), -1
        return self._connection

    def _query(self, connection: sqlite3.Connection) -> Going:
        rows = connection.execute(
            "SELECT id, json_extract(trigger, '$.kind'), kind FROM runs WHERE status IN ('queued', 'running')"
            " ORDER BY id"
        ).fetchall()
        own = tuple(int(number) for number, trigger, _ in rows if trigger == "change")
        taken = sum(kind not in CHECKS for _, _, kind in rows)
        return Going(own, self._project.config.max_parallel - taken)

    def start(self, config: Config, trigger: Mapping[str, Any]) -> Started:
        """Start the project's command, or of its stages those that are out of date, as its configuration has it now."""
        self._project = replace(self._project, given=config)
        self._version = -1
        begun = pipeline.train(self._project, pipeline.Request(trigger=trigger))
        return Started(begun.runs, begun.words)

    def stop(self, numbers: Sequence[int]) -> None:
        """Ask runs to stop."""
        actions.stop(self._project, numbers)

    def outcome(self, number: int) -> str:
        """Return how a run ended: its status, the reason, the time it took."""
        try:
            row = self._open().execute("SELECT status, reason, ended - started FROM runs WHERE id = ?", (number,))
            state, reason, seconds = row.fetchone() or ("was deleted", "", None)
        except (sqlite3.Error, WorkbenchError):
            return "ended"
        took = f" after {seconds:.1f} s" if seconds is not None else ""
        return clean(f"{state}{took}{': ' + reason if reason else ''}")

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Daemon:
    """The loop around a watcher: signals, the lock, the status file, the log."""

    def __init__(self, project: Project, lock: int, show: Callable[[dict[str, Any]], None]) -> None:
        self.project = project
        self.hints: Hints = queue.SimpleQueue()
        self._lock = lock
        self._show = show
        self._ending = ""
        self._written = WatchStatus()
        self._runs = StoreRuns(project)
        self._watcher: Watcher | None = None

    def go(self) -> int:
        """Watch until told to stop; return the exit code."""
        self._write(WatchStatus(alive=True, pid=os.getpid(), how="starting", since=time.time()))
        root = os.fspath(self.project.folder)
        watcher = Watcher(
            root,
            self.project.config,
            self.hints,
            lambda: choose(self.project.folder, self.hints),
            self._runs,
            self.tell,
        )
        self._watcher = watcher
        try:
            watcher.begin(time.time())
            self._greet(watcher)
            return self._loop(watcher)
        finally:
            watcher.close()
            self._runs.close()
            self._leave(watcher)

    def _greet(self, watcher: Watcher) -> None:
        status = watcher.status()
        self.tell(
            "watching",
            f"watching {replace(status, unread=0).extent} ({status.how}): {', '.join(status.paths)}",
            how=status.how, files=status.files, directories=status.directories, paths=list(status.paths),
        )  # fmt: skip
        if status.problem:
            self.tell("problem", status.problem)

    def _loop(self, watcher: Watcher) -> int:
        pause = 0.0
        while not self._ending:
            self._write(watcher.status())
            hints = self._drain(pause)
            if not self._is_ours():
                self.tell("gone", f"{self.project.folder} is gone, or its .workbench folder: nothing left to watch")
                return 3
            watcher.take(hints, time.time())
            if not self._ending:
                pause = watcher.step(time.time())
        self.tell("stopped", f"stopped watching ({self._ending})")
        return 0

    def _drain(self, pause: float) -> list[Hint]:
        hints = []
        try:
            hints.append(self.hints.get(timeout=pause) if pause > 0 else self.hints.get_nowait())
            while True:
                hints.append(self.hints.get_nowait())
        except queue.Empty:
            return hints

    def _is_ours(self) -> bool:
        return locks.is_ours(self.project.inner / statuses.LOCK_NAME, self._lock)

    def _write(self, status: WatchStatus) -> None:
        if status == self._written or not self._is_ours():
            return
        try:
            statuses.write_status(self.project, status)
            self._written = status
        except OSError:
            return  # a full disk must not end the watching

    def _leave(self, watcher: Watcher) -> None:
        if self._is_ours():
            self._write(replace(watcher.status(), waiting=""))

    def end(self, number: int, frame: object) -> None:
        """Take a signal as the wish to end."""
        self._ending = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        if self._watcher is not None:
            self._watcher.ending = True
        self.hints.put(Hint("wake"))

    def tell(self, event: str, text: str, **facts: Any) -> None:
        """Show an event and keep it in the log."""
        moment = time.time()
        clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))
        text = clean(text, 1000)
        if self._is_ours():
            statuses.append_log(self.project.inner / statuses.LOG_NAME, f"{clock}  {text}")
        self._show({"time": moment, "event": event, "text": text, **facts})


def _plain(record: dict[str, Any]) -> None:
    clock = time.strftime("%H:%M:%S", time.localtime(record["time"]))
    _out(f"{clock}  {record['text']}")


def _json(record: dict[str, Any]) -> None:
    from datetime import UTC, datetime

    moment = datetime.fromtimestamp(record["time"], UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    _out(json.dumps({**record, "time": moment}))


def _silent(record: dict[str, Any]) -> None:
    """A detached watcher has only its log."""


def _out(line: str) -> None:
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.kill(os.getpid(), signal.SIGTERM)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def watch(project: Project, show: Callable[[dict[str, Any]], None], *, detached: bool) -> int:
    """Watch `project` in this process until told to stop; raises UsageError or EnvironmentProblem where it cannot."""
    if not any(step.command for step in project.config.steps):
        raise UsageError("workbench.toml names no command to run", 'Add  [train] command = "python train.py"  to it.')
    project.open_store().close()
    lock = locks.take(project.inner / statuses.LOCK_NAME)
    if lock is None:
        pid = statuses.read_status(project).pid
        raise EnvironmentProblem(
            f"{project.name} is already watched (process {pid})",
            "workbench watch --status   shows how, --stop ends it.",
        )
    daemon = Daemon(project, lock, show)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, daemon.end)
    signal.signal(signal.SIGHUP, signal.SIG_IGN if detached else daemon.end)
    try:
        return daemon.go()
    finally:
        os.close(lock)


def main(arguments: Sequence[str]) -> int:
    """Watch a folder: FOLDER [--detached | --json]."""
    folder, *flags = arguments
    warnings.filterwarnings("ignore", category=RuntimeWarning, module="watchdog")
    for stream in (sys.stdout, sys.stderr):
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(errors="replace")
    detached = "--detached" in flags
    show = _silent if detached else _json if "--json" in flags else _plain
    try:
        return watch(projects.load(Path(folder)), show, detached=detached)
    except WorkbenchError as error:
        sys.stderr.write(f"error: {clean(error.message)}\n" + (f"hint: {clean(error.hint)}\n" if error.hint else ""))
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
