"""What a watcher says about itself: a lock that tells whether it lives, and a small file with the rest."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench import locks
from workbench.paths import write_atomically
from workbench.project import Project
from workbench.words import counted

LOCK_NAME = "watch.lock"
STATUS_NAME = "watch.json"
LOG_NAME = "watch.log"
LOG_SIZE = 256_000


@dataclass(frozen=True)
class WatchStatus:
    """How a project is watched; times in seconds since the epoch, 0 for never.

    `how` is inotify, events of the system, or polling with the reason; `unread` files have no hash yet; `waiting` says
    what holds a run back; `problem` is one sentence with the next step. All but `alive` and `pid` are of the last
    watcher where none lives.
    """

    alive: bool = False
    pid: int = 0
    how: str = ""
    paths: tuple[str, ...] = ()
    files: int = 0
    directories: int = 0
    unread: int = 0
    since: float = 0.0
    last_change: float = 0.0
    last_run: int = 0
    waiting: str = ""
    problem: str = ""

    @property
    def extent(self) -> str:
        """How much is watched, in words."""
        unread = f", {self.unread:,} not read yet" if self.unread else ""
        return f"{counted(self.files, 'file')} in {counted(self.directories, 'folder')}{unread}"


def read_status(project: Project) -> WatchStatus:
    """Return the status; whether the watcher lives is told by its lock, which its death frees."""
    alive = locks.is_held(project.inner / LOCK_NAME)
    try:
        found = json.loads((project.inner / STATUS_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = {}
    return _status(found if isinstance(found, dict) else {}, alive)


def _status(found: Mapping[str, Any], alive: bool) -> WatchStatus:
    """Return the values that are of the right type; the file may be older or newer than this program."""
    known: dict[str, Any] = {}
    for key, usual in asdict(WatchStatus()).items():
        value = tuple(map(str, found[key])) if isinstance(found.get(key), list) else found.get(key)
        if type(value) is type(usual) or (isinstance(usual, float) and type(value) is int):
            known[key] = value
    known.update(alive=alive, pid=known.get("pid", 0) if alive else 0)
    return WatchStatus(**known)


def write_status(project: Project, status: WatchStatus) -> None:
    """Save the status where others find it; raises OSError."""
    write_atomically(project.inner / STATUS_NAME, json.dumps({**asdict(status), "alive": True}))


def append_log(path: Path, line: str) -> None:
    """Add a line to a log of at most twice LOG_SIZE bytes, the older half in a second file; never raises."""
    with contextlib.suppress(OSError):
        if path.exists() and path.stat().st_size > LOG_SIZE:
            path.replace(path.with_suffix(".log.1"))
        with path.open("a", encoding="utf-8", errors="replace") as file:
            file.write(line + "\n")
