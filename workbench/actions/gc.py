"""What is stored that nothing needs any more: shown first, then removed."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from workbench.actions import drift_sources
from workbench.drift import sweep as drift_sweep
from workbench.drift.sweep import Unneeded
from workbench.errors import EnvironmentProblem, WorkbenchError
from workbench.project import Project
from workbench.runs import inputs, stage_outputs
from workbench.store.connection import shrink, transaction

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.versions.objects import Objects

_DAY = 86_400.0


@dataclass(frozen=True)
class Expired:
    """A version of data past the retention of its source; its row stays, its bytes go."""

    id: int
    path: str
    hash: str
    size: int
    days: int


@dataclass(frozen=True)
class Waste:
    """What nothing needs: expired versions, and in bytes of the disk the contents, code files and leftovers that go.

    Of `drift` go old reports and profiles of data that are gone.
    """

    expired: tuple[Expired, ...] = ()
    contents: int = 0
    content_bytes: int = 0
    code: tuple[str, ...] = ()
    code_bytes: int = 0
    leftovers: tuple[str, ...] = ()
    leftover_bytes: int = 0
    kept_contents: int = 0
    drift: Unneeded = field(default_factory=Unneeded)

    @property
    def size(self) -> int:
        """Bytes of the disk that are freed."""
        return self.content_bytes + self.code_bytes + self.leftover_bytes + self.drift.size

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        drift = self.drift.reports or self.drift.profiles
        return not (self.expired or self.contents or self.code or self.leftovers or drift)


def look(project: Project, now: float | None = None) -> Waste:
    """Return what `collect` would remove; nothing is changed."""
    return _work(project, time.time() if now is None else now, remove=False)


def collect(project: Project, now: float | None = None) -> Waste:
    """Remove what nothing needs and return what that was.

    Raises EnvironmentProblem while something is being stored, and Damaged where what a version needs cannot be known.
    """
    return _work(project, time.time() if now is None else now, remove=True)


def _work(project: Project, now: float, *, remove: bool) -> Waste:
    from workbench.versions.objects import Objects

    objects, has_objects = Objects(project.objects_folder), project.objects_folder.is_dir()
    if not has_objects and not project.store_path.exists():
        return Waste()
    connection = project.open_store()
    try:
        waste = Waste()
        if has_objects:
            with objects.held(alone=True, wait=False):
                waste = _sweep(project, connection, objects, now, remove=remove)
        return replace(waste, drift=_sweep_drift(project, connection, now, remove=remove))
    except BlockingIOError as error:
        raise EnvironmentProblem(
            "Something is just being put into the object store or taken from it", "Try again when it is done."
        ) from error
    except OSError as error:
        raise EnvironmentProblem(
            f"The object store cannot be changed: {error.strerror or error}", "workbench doctor"
        ) from error
    finally:
        connection.close()


def _sweep(project: Project, connection: sqlite3.Connection, objects: Objects, now: float, *, remove: bool) -> Waste:
    from workbench.versions import sweep

    expired = tuple(_expired(connection, now))
    needed = _needed(project, connection, objects, {each.id for each in expired})
    code = tuple(_unneeded_code(project, connection))
    left = tuple(sweep.leftovers(objects))
    code_bytes, left_bytes = _size(project.objects_folder, code), _size(project.objects_folder, left)
    if remove and expired:
        # The rows first: a row that says its bytes are kept always has them.
        with transaction(connection, durable=True):
            connection.executemany("UPDATE data_versions SET kept = 0 WHERE id = ?", [(each.id,) for each in expired])
    swept = sweep.sweep(objects, needed, remove=remove)
    if remove:
        for name in (*code, *left):
            (project.objects_folder / name).unlink(missing_ok=True)
    return Waste(expired, swept.contents, swept.size, code, code_bytes, left, left_bytes, len(needed))


def _sweep_drift(project: Project, connection: sqlite3.Connection, now: float, *, remove: bool) -> Unneeded:
    is_current = drift_sources.still_current(project, connection)
    found = drift_sweep.look(connection, is_current, now)  # reads files, for which no transaction may wait
    if not remove:
        return found
    with transaction(connection):
        found = drift_sweep.look(connection, is_current, now)
        drift_sweep.remove(connection, found)
    if found.size and not connection.execute("SELECT 1 FROM runs WHERE status = 'running' LIMIT 1").fetchone():
        shrink(connection)  # beside a run, which writes all the time, the room stays for what comes next
    return found


def _size(folder: Path, names: tuple[str, ...]) -> int:
    total = 0
    for name in names:
        try:
            total += os.stat(folder / name).st_size  # noqa: PTH116 - a sum over many
        except FileNotFoundError:
            continue
    return total


def _expired(connection: sqlite3.Connection, now: float) -> Iterator[Expired]:
    rows = connection.execute(
        "SELECT id, path, hash, size, seen, facts ->> 'retention_days' FROM data_versions"
        " WHERE kept AND facts ->> 'retention_days' > 0 ORDER BY path, seen"
    )
    needed = {hash for hash, _ in _of_models(connection)}
    for id, path, hash, size, seen, days in rows:
        if now - seen > days * _DAY and hash not in needed:
            yield Expired(id, path, hash, size, days)


def _of_models(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """Return hash and kind of all that a registered model needs; there is no registry of models yet.

    Whoever adds one adds its query here: nothing that this returns is ever collected, whatever its age.
    """
    return set()


def _needed(project: Project, connection: sqlite3.Connection, objects: Objects, expired: set[int]) -> set[str]:
    """Return the hashes of all contents that a version of data, an output, a run under way or a model needs."""
    from workbench.versions import data

    wanted = {
        (hash, kind)
        for id, hash, kind in connection.execute("SELECT id, hash, kind FROM data_versions WHERE kept")
        if id not in expired
    }
    gone = {
        row[0] for row in connection.execute("SELECT hash FROM data_versions WHERE NOT kept")
    } | {
        hash for id, hash in connection.execute("SELECT id, hash FROM data_versions WHERE kept") if id in expired
    }  # fmt: skip
    # What an output has in common with a version past its time goes with it: retention is a promise.
    outputs = connection.execute("SELECT hash, kind FROM outputs WHERE hash IS NOT NULL AND hash != ''")
    wanted |= {(hash, kind) for hash, kind in outputs if hash not in gone}
    for (uid,) in connection.execute("SELECT uid FROM runs WHERE status IN ('queued', 'running')"):
        folder = project.run_folder(uid)
        wanted |= {(item["hash"], item["kind"]) for item in inputs.read(folder)[0] if item["hash"]}
        wanted |= {(item.hash, item.kind) for item in stage_outputs.before(folder) if item.hash}
    wanted |= _of_models(connection)
    found: set[str] = set()
    for hash, kind in wanted:
        if not objects.has(hash):
            continue
        found.add(hash)
        if kind in ("folder", "model"):
            try:
                found |= data.contents(objects, "folder", hash)
            except WorkbenchError:
                if kind == "folder":  # what a damaged list names cannot be known, so nothing may go
                    raise
    for hash in list(found):
        found.update(objects.parts_of(hash))
    return found


def _unneeded_code(project: Project, connection: sqlite3.Connection) -> Iterator[str]:
    """Yield the names of the stored code files that no run needs."""
    from workbench.versions import files

    needed: set[str] = set()
    for (code,) in connection.execute("SELECT code FROM runs WHERE code LIKE '%files%'"):
        version = json.loads(code)
        if version.get("kind") == "files" and version.get("tree"):
            needed.add(version["tree"])
            needed |= {kept.hash for kept in (files.manifest(project.objects_folder, version["tree"]) or {}).values()}
    if connection.execute("SELECT 1 FROM runs WHERE status = 'running' LIMIT 1").fetchone():
        return  # its code may be stored, and not yet said to be
    for path in sorted(project.objects_folder.glob("??/*")):
        digest = path.parent.name + path.name
        if len(digest) == 64 and digest not in needed:
            yield f"{path.parent.name}/{path.name}"
