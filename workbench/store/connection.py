"""Connections to the store of a project: opening, refusing kindly, transactions."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from workbench.errors import StoreError, WorkbenchError
from workbench.safe import clean

BUSY_SECONDS = 20.0
NETWORK_FILE_SYSTEMS = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs", "vboxsf")


def open_store(path: Path, *, create: bool = False) -> sqlite3.Connection:
    """Return a connection that may write, for the calling thread alone; the store is made or migrated when needed.

    Raises StoreError where the store is missing (and `create` is false), newer than this program, or damaged.
    """
    if not path.exists() and not create:
        raise StoreError(f"No store at {clean(str(path))}", "workbench init")
    with _explained(path):
        _prepare(path)
        return _connect(path)


def open_reader(path: Path) -> sqlite3.Connection:
    """Return a connection that only reads, for the calling thread alone; raises StoreError as `open_store` does."""
    connection = open_store(path)
    connection.execute("PRAGMA query_only = 1")
    return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
    """Hold one write transaction; `durable` waits until the disk has it, so that a power cut takes nothing back."""
    if durable:
        connection.execute("PRAGMA synchronous = FULL")
    try:
        with _explained(None):
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
    finally:
        if durable:
            connection.execute("PRAGMA synchronous = NORMAL")


def shrink(connection: sqlite3.Connection) -> None:
    """Give the room of what was deleted back to the disk; later, where someone else is just using the store."""
    with contextlib.suppress(sqlite3.OperationalError):
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


@contextlib.contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Let several queries see the store at one moment; inside a transaction they do already. Keep it short."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("COMMIT")


def _connect(path: Path) -> sqlite3.Connection:
    connection = _opened(path)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def _opened(path: Path) -> sqlite3.Connection:
    """Return a connection; on a read-only file system one that asks for no locks, as nobody can write there."""
    if not path.exists() or not os.statvfs(path).f_flag & os.ST_RDONLY:
        return sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        raise StoreError(
            f"The store {clean(str(path))} was in use when its file system became read-only",
            "Copy the project to where it can be written: that completes it.",
        )
    return sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True, isolation_level=None)


def _prepare(path: Path) -> None:
    from workbench.store.migrations import VERSION

    version = _version(path)
    if version > VERSION:
        raise StoreError(
            f"The store was written by a newer Workbench (its version is {version}, this program knows {VERSION})",
            "Install the newer Workbench; nothing was changed.",
        )
    if version < VERSION:
        _refuse_network(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with (path.parent / "migration.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _version(path) < VERSION:
                from workbench.store.migrations import migrate

                migrate(path)


def _version(path: Path) -> int:
    if not path.exists() or path.stat().st_size == 0:
        return 0
    connection = _opened(path)
    try:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    finally:
        connection.close()


def _refuse_network(path: Path) -> None:
    kind = file_system(path.parent)
    if kind.startswith(NETWORK_FILE_SYSTEMS):
        raise StoreError(
            f"{clean(str(path.parent))} is on a network file system ({kind}), where SQLite's shared log is not safe",
            "Put the project on a local disk; its data may stay where it is.",
        )


def file_system(folder: Path) -> str:
    """Return the type of the file system that holds `folder`, or "" where the system does not tell."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    target = os.path.realpath(folder)
    best = ("", "")
    for line in mounts:
        _, place, kind, *_ = line.split(" ")
        place = place.replace("\\040", " ").replace("\\134", "\\").replace("\\011", "\t").replace("\\012", "\n")
        inside = target == place or target.startswith(place.rstrip("/") + "/")
        if inside and len(place) >= len(best[0]):
            best = (place, kind)
    return best[1]


@contextlib.contextmanager
def _explained(path: Path | None) -> Iterator[None]:
    """Turn SQLite's errors, and those of the disk under it, into sentences with a next step."""
    try:
        yield
    except (WorkbenchError, sqlite3.ProgrammingError, sqlite3.InterfaceError):
        raise
    except sqlite3.Error as error:
        raise _explain(error, path) from error
    except OSError as error:
        raise StoreError(f"The store cannot be used: {error.strerror or error}", "workbench doctor") from error


def _explain(error: sqlite3.Error, path: Path | None) -> StoreError:
    text = str(error)
    place = f" {clean(str(path))}" if path else ""
    if "full" in text or "I/O" in text:
        return StoreError(f"The disk is full or failing: {text}", "Free some space (df -h .) and try again.")
    if "locked" in text or "busy" in text:
        return StoreError(f"The store was busy for {BUSY_SECONDS:.0f} s", "Another program holds it: workbench doctor")
    if "not a database" in text or "malformed" in text:
        return StoreError(f"The store{place} is damaged: {text}", "workbench doctor says what can be saved.")
    if "readonly" in text:
        return StoreError(f"The store{place} cannot be written: {text}", "Copy the project to where it can be written.")
    if "unable to open" in text:
        return StoreError(f"The store{place} cannot be opened: {text}", "Check the permissions of .workbench.")
    return StoreError(f"The store answered: {text}", "workbench doctor")
