"""Where hints come from that something may have changed: inotify, the system's own way, or looking again and again.

A hint says where to look, never what happened; the caller looks for itself. So lost, doubled and reordered events do no
harm, and looking at everything now and then (`pause`) finds what no event told.
"""

from __future__ import annotations

import errno
import os
import queue
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from workbench.store.connection import NETWORK_FILE_SYSTEMS, file_system

RECONCILE_SECONDS = 60.0
NETWORK_SECONDS = 10.0
POLL_SECONDS = 2.0
FORCE_VARIABLE = "WORKBENCH_WATCH"  # "polling" where events do not arrive, as in some containers
_NO_EVENTS = (*NETWORK_FILE_SYSTEMS, "fuse.", "fuseblk", "drvfs", "virtiofs", "prl_fs", "vmhgfs")


class Hint(NamedTuple):
    """Look at a file, at a folder with all below it, or at everything ("" as a tree); "wake" only ends a wait."""

    kind: Literal["file", "tree", "wake"]
    path: str = ""


Hints = queue.SimpleQueue[Hint]


@dataclass(frozen=True)
class Problem:
    """Why events are not to be had, and what to type."""

    reason: str
    hint: str


class Observer(Protocol):
    """Something that puts hints into a queue; `pause` is the time between two looks at everything, in seconds."""

    how: str
    pause: float
    problem: Problem | None

    def add(self, folder: str) -> None:
        """Watch a folder (relative, "" for the project's own), not what is below it; again does nothing."""

    def forget(self, folder: str) -> None:
        """Stop watching a folder and all below it."""

    def folders(self) -> list[str]:
        """Return the folders that are watched."""

    def close(self) -> None:
        """Stop, and give back what the system lent."""


def choose(root: Path, hints: Hints) -> Observer:
    """Return the best observer there is for the project folder `root`."""
    kind = file_system(root)
    reason = why_poll(kind, os.environ.get(FORCE_VARIABLE, ""))
    if reason:
        return Polling(reason, NETWORK_SECONDS if is_network(kind) else POLL_SECONDS)
    try:
        return Inotify(os.fspath(root), hints) if sys.platform == "linux" else Generic(os.fspath(root), hints)
    except OSError as error:
        problem = _problem(error)
        return Polling(problem.reason, POLL_SECONDS, problem)
    except (ImportError, AttributeError, TypeError):
        return Generic(os.fspath(root), hints)


def why_poll(kind: str, forced: str) -> str:
    """Return why events cannot be relied on for a file system of this kind, or ""."""
    if forced == "polling":
        return "asked for"
    return kind if is_network(kind) else ""


def is_network(kind: str) -> bool:
    """Whether changes on a file system of this kind may be made by another machine, which no event tells."""
    return bool(kind) and kind.startswith(_NO_EVENTS)


def _problem(error: OSError) -> Problem:
    if error.errno == errno.ENOSPC:
        return Problem("the limit of inotify watches is reached", "sudo sysctl fs.inotify.max_user_watches=524288")
    if error.errno == errno.EMFILE:
        return Problem("the limit of inotify instances is reached", "sudo sysctl fs.inotify.max_user_instances=512")
    return Problem(f"no events: {error.strerror or error}", "")


class Polling:
    """No events at all: everything is looked at, again and again."""

    def __init__(self, reason: str, pause: float, problem: Problem | None = None) -> None:
        self.how = f"polling ({reason})"
        self.pause = pause
        self.problem = problem
        self._folders: set[str] = set()

    def add(self, folder: str) -> None:
        """Remember the folder."""
        self._folders.add(folder)

    def forget(self, folder: str) -> None:
        """Forget the folder and all below it."""
        self._folders = {each for each in self._folders if not _within(each, folder)}

    def folders(self) -> list[str]:
        """Return the folders that are looked into."""
        return list(self._folders)

    def close(self) -> None:
        """Nothing was lent."""


class Inotify:
    """One inotify instance with a watch for every folder that may hold watched files, and for no other.

    watchdog's own observer would take a thread for each of them, or take whole trees with `.venv` and all; so its
    reader of inotify is used directly. Reading a file is no event here, so that our own reading tells nothing.
    """

    def __init__(self, root: str, hints: Hints) -> None:
        """Open the instance; raises OSError where there is none left."""
        from watchdog.observers.inotify_c import InotifyConstants as Constants
        from watchdog.observers.inotify_c import InotifyFD

        self.how = "inotify"
        self.pause = RECONCILE_SECONDS
        self.problem: Problem | None = None
        self.hints = hints
        self._root = root
        self._mask: Any = (
            Constants.IN_MODIFY | Constants.IN_CLOSE_WRITE | Constants.IN_CREATE | Constants.IN_DELETE
            | Constants.IN_MOVED_FROM | Constants.IN_MOVED_TO | Constants.IN_DELETE_SELF | Constants.IN_MOVE_SELF
            | Constants.IN_ONLYDIR
        )  # fmt: skip
        self._watches: dict[str, tuple[Any, _Folder]] = {}
        self._reader = InotifyFD()
        self._reader.daemon = True
        self._reader.start()

    def add(self, folder: str) -> None:
        """Watch a folder; where no watch is left, give all of them back and poll from then on."""
        if folder in self._watches or self.problem is not None:
            return
        place = os.path.join(self._root, folder) if folder else self._root  # noqa: PTH118 - a plain string
        callback = _Folder(folder, self)
        try:
            number = self._reader.add_callback(os.fsencode(place), self._mask, callback, callback.number)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EMFILE, errno.ENOMEM):
                self._give_up(error)
            return
        self._watches[folder] = (number, callback)

    def _give_up(self, error: OSError) -> None:
        self.problem = _problem(error)
        self.how = f"polling ({self.problem.reason})"
        self.pause = POLL_SECONDS
        self.close()
        self.hints.put(Hint("tree"))

    def forget(self, folder: str) -> None:
        """Stop watching a folder and all below it."""
        gone = [each for each in list(self._watches) if _within(each, folder)]
        watches = [self._watches.pop(each, None) for each in gone]
        pairs = [(number, callback.number) for number, callback in filter(None, watches)]
        try:
            self._reader.remove_callbacks(pairs)
        except OSError:
            return

    def lost(self, callback: _Folder) -> bool:
        """Take note that the system removed a watch; return whether it was still wanted."""
        held = self._watches.get(callback.folder)
        if held is None or held[1] is not callback:
            return False
        self._watches.pop(callback.folder, None)
        return True

    def folders(self) -> list[str]:
        """Return the folders that have a watch."""
        return list(self._watches)

    def close(self) -> None:
        """Close the instance."""
        self._watches.clear()
        self._reader.stop()
        self._reader.join(timeout=5)


class _Folder:
    """What inotify tells about one folder, turned into hints; called by the thread that reads inotify."""

    def __init__(self, folder: str, owner: Inotify) -> None:
        self.folder = folder
        self.number: Any = id(self)
        self._owner = owner

    def on_event(self, event: Any) -> None:
        """Say where to look."""
        name = os.fsdecode(event.name)
        if not name:
            if event.is_move_self:
                # The watches went along with the folder, and so did those below it; their paths are wrong now.
                self._owner.forget(self.folder)
            self._owner.hints.put(Hint("tree", self.folder))
            return
        path = f"{self.folder}/{name}" if self.folder else name
        self._owner.hints.put(Hint("tree" if event.is_directory else "file", path))

    def on_watch_deleted(self, number: Any) -> None:
        """Forget the watch of a folder that is gone, so that it gets a new one when it is made again."""
        if self._owner.lost(self):
            self._owner.hints.put(Hint("tree", self.folder))

    def on_queue_overflow(self) -> None:
        """Look at everything: events were lost."""
        self._owner.hints.put(Hint("tree"))


class Generic:
    """The system's own way (FSEvents on macOS), over the whole folder; ignored files make hints that lead nowhere."""

    def __init__(self, root: str, hints: Hints) -> None:
        from watchdog.observers import Observer as SystemObserver

        warnings.filterwarnings("ignore", message="Callback with id .* already exists", category=RuntimeWarning)
        self.how = "events of the system"
        self.pause = RECONCILE_SECONDS
        self.problem: Problem | None = None
        self._root = os.path.realpath(root)
        self._hints = hints
        self._folders: set[str] = set()
        self._observer = SystemObserver()
        self._observer.schedule(self, self._root, recursive=True)  # type: ignore[arg-type]
        self._observer.start()

    def dispatch(self, event: Any) -> None:
        """Say where to look, as watchdog's handlers are called; opening and reading a file says nothing."""
        if event.event_type in ("opened", "closed_no_write") or (event.is_directory and event.event_type == "modified"):
            return
        for place in filter(None, (event.src_path, getattr(event, "dest_path", ""))):
            path = os.path.relpath(os.fsdecode(place), self._root)
            if not path.startswith(".."):
                self._hints.put(Hint("tree" if event.is_directory else "file", "" if path == "." else path))

    def add(self, folder: str) -> None:
        """Remember the folder; it is watched anyway."""
        self._folders.add(folder)

    def forget(self, folder: str) -> None:
        """Forget the folder and all below it."""
        self._folders = {each for each in self._folders if not _within(each, folder)}

    def folders(self) -> list[str]:
        """Return the folders that were seen."""
        return list(self._folders)

    def close(self) -> None:
        """Stop the threads."""
        self._observer.stop()
        self._observer.join(timeout=5)


def _within(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")
