"""The thread that reads the store, so that the interface thread never does.

The app asks (`Reader.ask`) for the screen in view; the reader calls `load(connection, request)` on its own thread and
posts `SnapshotReady`. It loads again when the store changes (`PRAGMA data_version`, polled), when `every` seconds have
passed, and at each new ask. `connection` is None while the project has no store. Nothing that `load` returns may hold
a connection: snapshots are frozen values.

A first change after quiet is loaded at once; under constant change the pauses grow with what a load costs, so that
reading stays below about a tenth of a core. What keeps the store from being read is posted as `StoreTrouble`.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.message import Message

from workbench.errors import WorkbenchError
from workbench.project import Project

POLL_SECONDS = 0.04
LEAST_PAUSE = 0.1
MOST_PAUSE = 0.5
COST_FACTOR = 17
RETRY_SECONDS = 1.0
LOOK_SECONDS = 1.0
CARE_SECONDS = 3.0
FIRST_CARE_SECONDS = 0.4
BUSY_MS = 400

Load = Callable[[sqlite3.Connection | None, Any], Any]


@dataclass(frozen=True)
class Ask:
    """What the interface wants to see: the screen's `load` with its `request`, and how often though nothing changes."""

    screen: str
    project: Project | None
    request: Any
    load: Load
    every: float | None = None


class SnapshotReady(Message):
    """A screen's data was read."""

    def __init__(self, ask: Ask, snapshot: Any, seconds: float) -> None:
        super().__init__()
        self.ask = ask
        self.snapshot = snapshot
        self.seconds = seconds

    def can_replace(self, message: Message) -> bool:
        """Only the newest of several waiting snapshots of a screen is worth showing."""
        return isinstance(message, SnapshotReady) and message.ask.screen == self.ask.screen


class StoreTrouble(Message):
    """The store cannot be read, or (with empty words) can be again."""

    def __init__(self, words: str, hint: str = "") -> None:
        super().__init__()
        self.words = words
        self.hint = hint

    def can_replace(self, message: Message) -> bool:
        """Only the newest matters."""
        return isinstance(message, StoreTrouble)


class Reader:
    """One daemon thread with one reading connection; `post` takes messages from any thread."""

    def __init__(self, post: Callable[[Message], Any]) -> None:
        self._post = post
        self._ask: Ask | None = None
        self._wake = threading.Event()
        self._closed = False
        self._source = _Source()
        self._trouble = ""
        self.loads = 0
        self.paint_seconds = 0.0

    def start(self) -> None:
        """Begin to read."""
        threading.Thread(target=self._run, name="reader", daemon=True).start()

    def ask(self, ask: Ask | None) -> None:
        """Read this from now on, at once and after each change; None rests."""
        self._ask = ask
        self._wake.set()

    def close(self) -> None:
        """End the thread soon."""
        self._closed = True
        self._wake.set()

    def _run(self) -> None:
        done: Ask | None = None
        pending, pause_until, loaded_at = False, 0.0, 0.0
        while not self._closed:
            ask, now = self._ask, time.monotonic()
            if ask is not None:
                new = ask is not done
                pending = self._changed(ask, now) or pending or new
                if ask.every is not None and now - loaded_at >= ask.every:
                    pending = True
                if pending and (new or now >= pause_until):
                    used = time.thread_time()  # a loaded machine makes it slower, not dearer
                    good = self._load(ask)
                    cost = time.thread_time() - used + self.paint_seconds
                    loaded_at = time.monotonic()
                    pause_until = (
                        now + min(MOST_PAUSE, max(LEAST_PAUSE, cost * COST_FACTOR)) if good else now + RETRY_SECONDS
                    )
                    done, pending = ask, not good
            self._wake.wait(POLL_SECONDS)
            self._wake.clear()
        self._source.close()

    def _changed(self, ask: Ask, now: float) -> bool:
        try:
            return self._source.changed(ask.project, now)
        except (WorkbenchError, sqlite3.Error, OSError) as error:
            self._say(error)
            self._source.close()
            return False

    def _load(self, ask: Ask) -> bool:
        started = time.monotonic()
        try:
            snapshot = ask.load(self._source.connection, ask.request)
        except (WorkbenchError, sqlite3.Error, OSError) as error:
            self._say(error)
            self._source.close()
            return False
        except Exception as error:  # a fault of ours in one screen must not end the thread that feeds them all
            self._tell(f"This screen could not be read: {type(error).__name__}: {error}", "Please report it.")
            return False
        self.loads += 1
        if self._source.connection is not None or ask.project is None:
            self._tell("", "")
        if not self._closed and self._ask is ask:
            self._post(SnapshotReady(ask, snapshot, time.monotonic() - started))
        return True

    def _say(self, error: Exception) -> None:
        if isinstance(error, WorkbenchError):
            self._tell(error.message, error.hint)
        elif "locked" in str(error) or "busy" in str(error):
            self._tell("The store is busy; trying again", "")
        else:
            self._tell(f"The store cannot be read: {error}; trying again", "workbench doctor")

    def _tell(self, words: str, hint: str) -> None:
        if words != self._trouble and not self._closed:
            self._trouble = words
            self._post(StoreTrouble(words, hint))


class _Source:
    """The reading connection to the project in view, kept while its file stays the same."""

    def __init__(self) -> None:
        self.connection: sqlite3.Connection | None = None
        self._path: Path | None = None
        self._identity: tuple[int, int] | None = None
        self._version = -1
        self._looked = 0.0

    def changed(self, project: Project | None, now: float) -> bool:
        """Return whether the store is another one, or says something else, than at the last call."""
        path = None if project is None else project.store_path
        if path != self._path or now - self._looked >= LOOK_SECONDS or self.connection is None:
            self._looked = now
            identity = None if path is None else _identity(path)
            if path != self._path or identity != self._identity:
                self.close()
                self._path, self._identity = path, identity
                if project is not None and identity is not None:
                    self.connection = project.open_reader()
                    self.connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
                    self._identity = _identity(project.store_path)
                return True
        if self.connection is None:
            return False
        (version,) = self.connection.execute("PRAGMA data_version").fetchone()
        before, self._version = self._version, version
        return bool(before != version)

    def close(self) -> None:
        """Let go of the connection; the next call opens it again."""
        if self.connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self.connection.close()
        self.connection, self._path, self._identity, self._version = None, None, None, -1


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


class Watched(Message):
    """Whether the project in view is watched."""

    def __init__(self, watching: bool) -> None:
        super().__init__()
        self.watching = watching


class Carer:
    """A daemon thread that every few seconds sees to runs whose supervisor died, and whether the project is watched."""

    def __init__(self, project: Callable[[], Project | None], post: Callable[[Message], Any]) -> None:
        self._project = project
        self._post = post
        self._wake = threading.Event()
        self._closed = False

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, name="carer", daemon=True).start()

    def look(self) -> None:
        """Look now."""
        self._wake.set()

    def close(self) -> None:
        """End the thread soon."""
        self._closed = True
        self._wake.set()

    def _run(self) -> None:
        self._wake.wait(FIRST_CARE_SECONDS)
        while not self._closed:
            self._wake.clear()
            project = self._project()
            if project is not None and project.store_path.exists():
                # The reader tells what is wrong with a store; here it only means to try again later.
                with contextlib.suppress(WorkbenchError, sqlite3.Error, OSError):
                    care(project)
            watching = project is not None and is_watched(project)
            if not self._closed:
                self._post(Watched(watching))
            self._wake.wait(CARE_SECONDS)


def is_watched(project: Project) -> bool:
    """Return whether a watcher of the project lives."""
    from workbench.actions import watch

    try:
        return watch.status(project).alive
    except (WorkbenchError, OSError):
        return False


def care(project: Project) -> list[int]:
    """See to the runs of a project that nobody follows any more; return their numbers."""
    from workbench.runs.recovery import recover

    connection = project.open_store()
    try:
        return recover(project, connection)
    finally:
        connection.close()
