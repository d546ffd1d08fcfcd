"""From a wish to a supervised process: the run's folder, its row, its place in the queue."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sqlite3
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.paths import relative_to, user_cache_folder
from workbench.project import Project, load
from workbench.runs import standby
from workbench.runs.model import CHECKS
from workbench.runs.rows import add_notice, save_params, text
from workbench.store.connection import transaction
from workbench.tracking import CHECKPOINT_FOLDER, PARAMS_NAME

LAUNCH_NAME = "launch.json"
LOCK_NAME = "lock"
NO_SUPERVISOR = "the supervisor cannot be started"
"""How the reason of a run begins that failed before anything of it was started."""


@dataclass(frozen=True)
class Wish:
    """Everything that is decided before a run exists; paths are relative to the project."""

    command: str | tuple[str, ...]  # as the user would type it
    argv: tuple[str, ...]  # as it is started
    shell: bool = False
    kind: str = "train"
    name: str = ""
    python: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    param_sources: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[str, str] = field(default_factory=dict)
    params_file: str = ""
    params_bytes: bytes = b""
    inputs: tuple[str, ...] = ()
    data: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # sources by path or glob, and their facts
    outputs: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    trigger: Mapping[str, Any] = field(default_factory=lambda: {"kind": "hand"})
    fresh: bool = False
    folder: str = ""
    after: int | None = None
    notices: tuple[str, ...] = ()
    stage: str = ""
    rev: str = ""
    isolation: Mapping[str, Any] | None = None
    repeats: Mapping[str, Any] | None = None
    check: Mapping[str, Any] | None = None  # paths to check before the start, and whether errors stop it
    stage_base: str = ""  # what of its key is known before its inputs are
    stage_command: str = ""  # as the configuration has it, for the sources that it names
    venv: str = ""  # the folder of a virtual environment whose programs come first


class NoRoom(Exception):
    """As many runs as may go at once are going."""


def create(
    project: Project, connection: sqlite3.Connection, wish: Wish, now: float, *, uid: str = "", places: int = 0
) -> int:
    """Make the folder and then the row of a run in state queued; return its number.

    With the `uid` of a folder that is there and locked by the caller, the run is running from the first; NoRoom is
    raised where `places` runs are running already.
    """
    begun, uid = bool(uid), uid or new_uid(now)
    folder = project.run_folder(uid)
    folder.mkdir(parents=True, exist_ok=begun)
    _write_folder(folder, wish)
    with transaction(connection, durable=not begun):  # a power cut takes with a run that had begun its row too
        if places and running(connection) >= places:
            raise NoRoom
        name = wish.name or _new_name(connection, uid)
        (run,) = connection.execute(
            "INSERT INTO runs (uid, name, kind, status, command, python, overrides, trigger, after, created, host,"
            " started, stage, rev) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (
                uid, text(name, 200), wish.kind, "running" if begun else "queued", json.dumps(_command(wish)),
                _portable(project, wish.python),
                json.dumps(dict(wish.overrides)), json.dumps(dict(wish.trigger)), wish.after, now, os.uname().nodename,
                now if begun else None, text(wish.stage, 200), text(wish.rev, 200),
            ),
        ).fetchone()  # fmt: skip
        for source in sorted(set(wish.param_sources.values())):
            chosen = {key: value for key, value in wish.params.items() if wish.param_sources.get(key) == source}
            save_params(connection, run, chosen, source)
        connection.executemany(
            "INSERT OR IGNORE INTO tags (run, tag) VALUES (?, ?)", [(run, text(tag, 100)) for tag in wish.tags]
        )
        for notice in wish.notices:
            add_notice(connection, run, 0, notice)
    return int(run)


def running(connection: sqlite3.Connection) -> int:
    """Return how many runs are running that take a place: all but checks."""
    going = connection.execute("SELECT kind FROM runs WHERE status = 'running'").fetchall()
    return sum(kind not in CHECKS for (kind,) in going)


def _portable(project: Project, python: str) -> str:
    """Return an interpreter inside the project as a relative path; of another only its environment's facts are kept."""
    relative = relative_to(Path(python), project.folder) if python else ""
    return "" if relative.startswith("/") else text(relative)


def _command(wish: Wish) -> str | list[str]:
    return text(wish.command) if isinstance(wish.command, str) else [text(word) for word in wish.command]


def _write_folder(folder: Path, wish: Wish) -> None:
    params_file = Path(wish.params_file).name
    if params_file:
        (folder / params_file).write_bytes(wish.params_bytes)
    (folder / PARAMS_NAME).write_text(json.dumps(dict(wish.params), default=str), encoding="utf-8")
    launch = {
        "argv": list(wish.argv),
        "params_file": params_file,
        "python": wish.python,
        "inputs": [without_credentials(name) for name in wish.inputs],
        "data": {without_credentials(where): dict(facts) for where, facts in wish.data.items()},
        "outputs": list(wish.outputs),
        "metrics": list(wish.metrics),
        "fresh": wish.fresh,
        "folder": wish.folder,
        "shell": wish.shell,
        "stage": wish.stage,
        **({"isolation": dict(wish.isolation)} if wish.isolation else {}),
        **({"venv": wish.venv} if wish.venv else {}),
        **({"repeats": dict(wish.repeats)} if wish.repeats else {}),
        **({"check": dict(wish.check)} if wish.check else {}),
        **({"kind": wish.kind} if wish.kind in CHECKS else {}),
        "stage_base": wish.stage_base,
        "stage_command": wish.stage_command,
    }
    (folder / LAUNCH_NAME).write_text(json.dumps(launch), encoding="utf-8")
    (folder / "output.log").touch()


def without_credentials(name: str) -> str:
    """Return a path, or a URL as it may be shown and kept."""
    if "://" not in name:
        return name
    from workbench.versions.places import shown

    return shown(name)


def amend(project: Project, uid: str, changes: Mapping[str, Any]) -> None:
    """Change what launch.json says of a run that has not started."""
    path = project.run_folder(uid) / LAUNCH_NAME
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


def new_uid(now: float) -> str:
    """Return an id that sorts by time and that no other run has: 12 hexadecimal digits of time, 6 of chance."""
    return f"{int(now * 1000) & 0xFFFFFFFFFFFF:012x}{os.urandom(3).hex()}"


_FIRST = (
    "amber ashen azure bold brisk calm clear coral crisp dusky eager early fable fleet fresh gentle glint golden hazel "
    "hidden ivory jade jolly keen kind lively lunar mellow misty mossy noble ochre opal pale prime proud quick quiet "
    "rapid rosy sable silver smooth solar steady stone sunny swift tidal vivid warm wild"
).split()
_SECOND = (
    "aspen badger beacon birch bison breeze brook canyon cedar comet crane creek delta dune ember falcon fern finch "
    "fjord fox grove harbor heron inlet island kestrel lagoon larch lark lynx maple marsh meadow mesa otter owl peak "
    "pine prairie quartz raven reef ridge river robin shore sparrow spruce summit swan thicket tide valley willow wren"
).split()


def _new_name(connection: sqlite3.Connection, uid: str) -> str:
    chance = int(uid[-6:], 16)
    first, second = _FIRST[chance % len(_FIRST)], _SECOND[chance // len(_FIRST) % len(_SECOND)]
    (next_number,) = connection.execute(
        "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'runs'), 0) + 1"
    ).fetchone()
    return f"{first}-{second}-{next_number}"


def fill(project: Project, connection: sqlite3.Connection, now: float | None = None) -> list[int]:
    """Start queued runs, oldest first, while there are free places; return the numbers of those started."""
    started = []
    while (claimed := _claim(project, connection, time.time() if now is None else now)) is not None:
        run, uid, lock = claimed
        try:
            _take_checkpoint(project, connection, run, uid)
            spawn(project, run, uid, lock)
            started.append(run)
        except OSError as error:
            _fail(connection, run, f"{NO_SUPERVISOR}: {error.strerror}")
        finally:
            os.close(lock)
    return started


def start_at_once(project: Project, connection: sqlite3.Connection, wish: Wish, now: float) -> int:
    """Make a run that does not queue and start its supervisor; return its number."""
    uid = new_uid(now)
    project.run_folder(uid).mkdir(parents=True)
    lock = lock_run(project, uid)
    assert lock is not None  # nobody else knows of the folder
    try:
        run = create(project, connection, wish, now, uid=uid)
        try:
            spawn(project, run, uid, lock)
        except OSError as error:
            _fail(connection, run, f"{NO_SUPERVISOR}: {error.strerror}")
    finally:
        os.close(lock)
    return run


def _take_checkpoint(project: Project, connection: sqlite3.Connection, run: int, uid: str) -> None:
    folder = project.run_folder(uid)
    launch = json.loads((folder / LAUNCH_NAME).read_text(encoding="utf-8"))
    source = None if launch["fresh"] else claim_checkpoint(project, connection, run, folder)
    if source is not None:
        add_notice(connection, run, 0, f"continues from the checkpoint of run {source}")


def _places(project: Project) -> int:
    try:
        return load(project.folder).config.max_parallel
    except WorkbenchError:
        return project.config.max_parallel


def _claim(project: Project, connection: sqlite3.Connection, now: float) -> tuple[int, str, int] | None:
    """Take the oldest queued run: its lock first, then the row, so that a row that says running is always locked."""
    with transaction(connection):
        rows = connection.execute(
            "SELECT r.id, r.uid, b.id, b.status FROM runs r LEFT JOIN runs b ON b.id = r.after"
            " WHERE r.status = 'queued' ORDER BY r.id"
        ).fetchall()
        if not rows or running(connection) >= _places(project):
            return None
        dropped: dict[int, str] = {}
        for run, uid, before, stored in rows:
            status = dropped.get(before, stored)
            if status in ("queued", "running"):
                continue
            if status in _BROKEN:
                _drop(connection, run, now, f"run {before}, which comes before it, {_BROKEN[status]}")
                dropped[run] = "stopped"
                continue
            lock = _lock_or_none(project, uid)
            if lock is not None:
                connection.execute("UPDATE runs SET status = 'running', started = ? WHERE id = ?", (now, run))
                return int(run), str(uid), lock
            _set_failed(connection, run, now, "its folder is gone")
    return None


_BROKEN = {"failed": "failed", "stopped": "was stopped", "lost": "was lost"}


def _drop(connection: sqlite3.Connection, run: int, now: float, reason: str) -> None:
    connection.execute("UPDATE runs SET status = 'stopped', ended = ?, reason = ? WHERE id = ?", (now, reason, run))


def _lock_or_none(project: Project, uid: str) -> int | None:
    try:
        return lock_run(project, uid)
    except OSError:
        return None


def _set_failed(connection: sqlite3.Connection, run: int, now: float, reason: str) -> None:
    connection.execute(
        "UPDATE runs SET status = 'failed', started = coalesce(started, ?), ended = ?, reason = ? WHERE id = ?",
        (now, now, reason, run),
    )


def _fail(connection: sqlite3.Connection, run: int, reason: str) -> None:
    with transaction(connection):
        _set_failed(connection, run, time.time(), reason)


def lock_run(project: Project, uid: str) -> int | None:
    """Return a descriptor that holds the lock of a run, or None where a living supervisor has it."""
    descriptor = os.open(project.run_folder(uid) / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def spawn(project: Project, run: int, uid: str, lock: int, *, adopt: bool = False) -> None:
    """Start the detached supervisor of a run and hand it the lock; raises OSError."""
    mode = "adopt" if adopt else "start"
    log_path = project.run_folder(uid) / "supervisor.log"
    arguments = [str(project.folder), str(run), uid, str(import_folder()), str(log_path), mode]
    _reap()
    supervisor = standby.hand_over(arguments, lock)
    if supervisor is None:
        with log_path.open("ab") as log:
            supervisor = standby.start(
                [*arguments, str(lock)], stdin=subprocess.DEVNULL, output=log.fileno(), pass_fds=(lock,)
            )
    _supervisors.append(supervisor)


_supervisors: list[standby.Detached] = []


def _reap() -> None:
    """Take note of supervisors that have ended, so that a long-lived front end gathers no zombies."""
    _supervisors[:] = [supervisor for supervisor in _supervisors if supervisor.poll() is None]


def import_folder() -> Path:
    """Return a folder that holds this package, for scripts whose own environment lacks it, and what notes imports."""
    from workbench import __version__

    package = Path(__file__).resolve().parents[1]
    folder = user_cache_folder() / f"import-{__version__}-{abs(hash_text(str(package))):x}"
    for name, target in (("workbench", package), ("sitecustomize.py", package / "sitecustomize.py")):
        link = folder / name
        if not link.is_symlink():
            folder.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                link.symlink_to(target, target_is_directory=target.is_dir())
    return folder


def hash_text(value: str) -> int:
    """Return a short number that is the same in every process."""
    import zlib

    return zlib.crc32(value.encode("utf-8", "surrogateescape"))


def claim_checkpoint(project: Project, connection: sqlite3.Connection, run: int, folder: Path) -> int | None:
    """Move here the checkpoint of the newest broken run of the same command and parameters; return its number."""
    row = connection.execute("SELECT command, overrides FROM runs WHERE id = ?", (run,)).fetchone()
    candidates = connection.execute(
        "SELECT id, uid FROM runs WHERE id < ? AND command = ? AND overrides = ?"
        " AND status IN ('failed', 'stopped', 'lost') ORDER BY id DESC LIMIT 20",
        (run, *row),
    ).fetchall()
    wanted = _params_of(folder)
    for number, uid in candidates:
        source = project.run_folder(uid) / CHECKPOINT_FOLDER
        if _params_of(source.parent) == wanted and source.is_dir() and any(source.iterdir()):
            with contextlib.suppress(OSError):
                source.rename(folder / CHECKPOINT_FOLDER)
                return int(number)
    return None


def _params_of(folder: Path) -> bytes:
    try:
        return (folder / PARAMS_NAME).read_bytes()
    except OSError:
        return b""


def words(command: Sequence[str] | str) -> str:
    """Return a command as one would type it."""
    import shlex

    return command if isinstance(command, str) else shlex.join(command)
