"""Versions of data: taking them, listing them, and bringing one back."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.errors import EnvironmentProblem, NotFoundError, UsageError, WorkbenchError
from workbench.project import Project
from workbench.runs import inputs
from workbench.runs.rows import name_on_disk, text
from workbench.safe import clean
from workbench.store.connection import transaction

if TYPE_CHECKING:
    from workbench.config import Config
    from workbench.versions.data import Taken
    from workbench.versions.objects import Objects

LEAST_PREFIX = 4
_LAST_OF_DAY = 86_399.999_999
_SHOWN_LINKS = 3


@dataclass(frozen=True)
class Version:
    """One version of a path: `created` and `seen` in seconds since the epoch, `runs` the numbers of those that used it.

    `kept` tells whether the store has the bytes; `facts` are what the configuration said of the source.
    """

    id: int
    path: str
    hash: str
    kind: str
    size: int
    files: int
    rows: int | None
    kept: bool
    created: float
    seen: float
    facts: Mapping[str, Any]
    runs: tuple[int, ...] = ()


def sources(config: Config, *, whole: bool = True) -> dict[str, dict[str, Any]]:
    """Return the paths, globs and URLs of data that the configuration names outside inputs, with what it says of them.

    Without `whole`, for a stage that names its own inputs, only what has facts: those hold for its inputs too, but
    nothing is read for it.
    """
    found: dict[str, dict[str, Any]] = {}
    for each in config.charter.data:
        if each.where:
            facts = {name: getattr(each, name) for name in ("copy", "owner", "region", "retention_days")}
            found[each.where] = {key: value for key, value in facts.items() if value and value != "always"}
    if not whole:
        return {where: {**facts, "named_only": True} for where, facts in found.items() if facts}
    for where in (config.data.train, config.data.holdout, config.data.final_test):
        if where:
            found.setdefault(where, {})
    return found


def named(config: Config) -> list[str]:
    """Return every path, glob and URL of data that the configuration names, each once."""
    listed = [name for step in config.steps for name in step.inputs]
    return list(dict.fromkeys([*listed, *sources(config)]))


def snapshot(
    project: Project, patterns: Sequence[str] = (), *, progress: Callable[[int, int], None] | None = None
) -> list[Taken]:
    """Take versions of `patterns`, relative to the project, or of all that the configuration names.

    Returns what was found. Raises UsageError where nothing is named, and EnvironmentProblem where the store cannot be
    written; then no version was stored.
    """
    from workbench.versions.objects import Objects

    wanted = list(patterns) or named(project.config)
    if not wanted:
        raise UsageError("workbench.toml names no data", "workbench data snapshot PATH   or set [train] inputs.")
    known, now = sources(project.config), time.time()
    connection = project.open_store()
    try:
        objects = Objects(project.objects_folder)
        with objects.held():
            taken = inputs.take_all(
                project.folder, objects, wanted, known,
                cache=project.inner / "cache" / "data", progress=progress, strict=True,
            )  # fmt: skip
            with transaction(connection, durable=True):
                for item in taken:
                    inputs.save_version(connection, vars(item), inputs.all_facts(item, known), now)
    except OSError as error:
        raise EnvironmentProblem(
            f"The object store cannot be written: {error.strerror or error}", "df -h .   and try again"
        ) from error
    finally:
        connection.close()
    return taken


def listed(project: Project, path: str = "") -> list[Version]:
    """Return the versions of all paths, or of one, newest first within a path; raises StoreError."""
    if not project.store_path.exists():
        return []
    connection = project.open_reader()
    try:
        return _load(connection, text(path))
    finally:
        connection.close()


def _load(connection: sqlite3.Connection, path: str = "") -> list[Version]:
    rows = connection.execute(
        "SELECT id, path, hash, kind, size, files, rows, kept, created, seen, facts,"
        " (SELECT json_group_array(run) FROM"
        "   (SELECT run FROM inputs WHERE inputs.hash = v.hash AND inputs.path = v.path ORDER BY run))"
        " FROM data_versions AS v WHERE ? IN ('', path) ORDER BY path, seen DESC, id DESC",
        (path,),
    )
    return [
        Version(id, path, hash, kind, size, files, count, bool(kept), created, seen, json.loads(facts), _numbers(runs))
        for id, path, hash, kind, size, files, count, kept, created, seen, facts, runs in rows
    ]


def _numbers(listed: str) -> tuple[int, ...]:
    return tuple(json.loads(listed))


def none_of(project: Project, path: str) -> NotFoundError:
    """Return the error that says that a path has no version, with what to do about it."""
    others = list(dict.fromkeys(clean(version.path, 40) for version in listed(project)))
    if os.path.lexists(project.folder / path):
        hint = f"workbench data snapshot {clean(path)}"
    elif others:
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        hint = f"There are versions of {', '.join(others[:3])}{more}: workbench data list"
    else:
        hint = "There are none yet: workbench data snapshot PATH"
    return NotFoundError(f"There is no version of {clean(path)}", hint)


def find(project: Project, name: str, *, at: float | None = None) -> Version:
    """Return the version that PATH, PATH@HASH or PATH@latest names; `at`: the one that was there at that moment.

    Raises NotFoundError where there is none, and UsageError for a prefix of a hash that is not unique.
    """
    path, wanted = _split(project, name)
    versions = listed(project, path)
    if not versions:
        raise none_of(project, path)
    if wanted not in ("", "latest"):
        return _by_hash(versions, wanted, path)
    if at is None:
        return versions[0]
    earlier = [version for version in versions if version.created <= at]
    if not earlier:
        first = min(version.created for version in versions)
        moment = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(first))
        raise NotFoundError(
            f"{clean(path)} has no version from so early; the first is of {moment}", "workbench data list"
        )
    # A version that came back counts from when it was last taken, if that was before the moment.
    return max(earlier, key=lambda version: (version.seen if version.seen <= at else version.created, version.id))


def path_in(project: Project, path: str) -> str:
    """Return `path` relative to the project; raises UsageError where it is not in it."""
    from workbench.versions.matching import Refused, inside

    if inputs.is_url(path):
        return path
    try:
        return inside(project.folder, path)
    except Refused as error:
        hint = "Name a path in the project; workbench data list shows them."
        raise UsageError(f"{clean(path)}: {error}", hint) from error


def _split(project: Project, name: str) -> tuple[str, str]:
    path, sign, wanted = name.rpartition("@")
    if not sign or os.path.lexists(project.folder / name):
        path, wanted = name, ""
    return path_in(project, path), wanted


def _by_hash(versions: Sequence[Version], wanted: str, path: str) -> Version:
    found = [version for version in versions if version.hash.startswith(wanted.lower())]
    if len(wanted) < LEAST_PREFIX:
        raise UsageError(f"@{clean(wanted)} is too short", f"Give at least {LEAST_PREFIX} digits of the hash.")
    if not found:
        raise NotFoundError(f"{clean(path)} has no version {clean(wanted)}", "workbench data list")
    if len(found) > 1:
        raise UsageError(f"{len(found)} versions of {clean(path)} begin with {clean(wanted)}", "Give more digits.")
    return found[0]


def broken(objects: Objects, version: Version, damaged: Mapping[str, str]) -> str:
    """Return why a version cannot be restored, given the hashes of damaged contents; "" where it can."""
    from workbench.versions import data

    try:
        needed = data.contents(objects, version.kind, version.hash)
        for hash in sorted(needed):
            if not objects.has(hash):
                return f"the content {hash[:12]} is missing"
            for each in (hash, *(objects.parts_of(hash))):
                if each in damaged:
                    return f"the content {each[:12]} is damaged"
    except WorkbenchError as error:
        return error.message
    return ""


def moment(words: str) -> float:
    """Return seconds since the epoch of an ISO date, its end in UTC, or of a date with time; raises UsageError."""
    try:
        found = datetime.fromisoformat(words)
    except ValueError as error:
        raise UsageError(f"{clean(words)} is no date", "Write 2026-11-01 or 2026-11-01T12:30.") from error
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return found.timestamp() + (_LAST_OF_DAY if len(words) <= len("2026-11-01") else 0)


class Restored(NamedTuple):
    """Where a version lies now, and its links that are left out, as they lead out of the project or of that place."""

    target: Path
    left_out: list[str]

    @property
    def note(self) -> str:
        """What is left out, in words, "" where nothing is."""
        if not self.left_out:
            return ""
        more = len(self.left_out) - _SHOWN_LINKS
        shown = ", ".join(clean(name, 100) for name in self.left_out[:_SHOWN_LINKS])
        return f"Left out, as they lead elsewhere: {shown}" + (f" and {more} more" if more > 0 else "")


def restore(project: Project, version: Version, *, to: Path | None = None, force: bool = False) -> Restored:
    """Put a version back at its place in the project, or into the folder `to` under its own name.

    What is there must itself be a stored version, the same or another, unless `force`. Raises UsageError where it is
    not, NotFoundError where the bytes are not kept, and what reading the object store raises.
    """
    from workbench.versions import data
    from workbench.versions.objects import Objects

    if not version.kept:
        raise NotFoundError(
            f"Of {clean(version.path)}@{version.hash[:12]} only facts are kept, not the bytes", "workbench data list"
        )
    if to is not None and os.path.lexists(to) and not to.is_dir():
        raise UsageError(f"{clean(str(to))} is no folder", "--to names the folder into which it is put.")
    target = _target(project, version, to)
    objects = Objects(project.objects_folder)
    if not force and os.path.lexists(target):
        _check_stored(project, target)
    with objects.held():
        left_out = data.restore(
            objects, version.kind, version.hash, target, root=project.folder if to is None else None
        )
    return Restored(target, left_out)


def _target(project: Project, version: Version, to: Path | None) -> Path:
    path = name_on_disk(version.path, version.facts)
    if to is not None:
        return to / Path(path).name
    if inputs.is_url(version.path):
        raise UsageError(f"{clean(version.path)} is not in the project", "Add --to DIR.")
    target = project.folder / path
    root = os.path.realpath(project.folder)
    if not (os.path.realpath(target.parent) + "/").startswith(root.rstrip("/") + "/"):
        raise UsageError(f"{clean(version.path)} lies behind a link that leads out of the project", "Add --to DIR.")
    return target


def _check_stored(project: Project, target: Path) -> None:
    """Raise UsageError where restoring over `target` would lose content that no version holds."""
    from workbench.versions import data
    from workbench.versions.objects import Objects

    found = data.take(target.parent, Objects(project.objects_folder), [_escaped(target.name)], keep=False)[0]
    connection = project.open_reader()
    try:
        known = connection.execute(
            "SELECT 1 FROM data_versions WHERE hash = ? AND kept"
            " UNION ALL SELECT 1 FROM outputs WHERE hash = ? LIMIT 1",
            (found.hash, found.hash),
        ).fetchone()
    finally:
        connection.close()
    if not found.whole or known is None or not Objects(project.objects_folder).has(found.hash):
        why = f" ({clean(found.problem, 100)})" if found.problem else ""
        raise UsageError(
            f"{clean(str(target))} holds content that is in no version{why}",
            "workbench data snapshot PATH keeps it first; --force gives it up.",
        )


def _escaped(name: str) -> str:
    from glob import escape

    return name if not set(name) & set("*?[") else escape(name)
