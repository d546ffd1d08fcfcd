"""Versions of data carried to a remote and back: any place that has a URL, for any clone of the project."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.actions.data import Version, listed, path_in
from workbench.errors import NotFoundError, UsageError
from workbench.project import Project
from workbench.runs.rows import text
from workbench.safe import clean
from workbench.store.connection import transaction

if TYPE_CHECKING:
    from workbench.versions.objects import Objects
    from workbench.versions.places import Place
    from workbench.versions.remote import Entry, Moved, Tick

_TRAVELLING = ("owner", "region", "copy", "retention_days", "identity", "by")


def push(
    project: Project, paths: Sequence[str] = (), *, to: str = "", verify: bool = False, tick: Tick | None = None
) -> Moved:
    """Send what the remote lacks of the versions of `paths` (files or folders of them), or of all; `to` is its URL.

    `verify` reads back what is there already. Raises UsageError, NotFoundError and EnvironmentProblem; whatever stops
    it, the remote is sound, and the same call goes on.
    """
    from workbench.versions import remote
    from workbench.versions.objects import Objects

    url = address(project, to, "--to")
    chosen = _chosen(project, paths)
    versions = [version for version in chosen if not _is_expired(version.seen, version.facts, time.time())]
    place = _place(url)
    objects, wanted, problems = Objects(project.objects_folder), [], []
    with objects.held():
        for version in versions:
            files = _files(objects, version.kind, version.hash) if version.kept else frozenset()
            if files is None:
                problems.append(f"{clean(version.path)}@{version.hash[:12]} is not whole in the object store")
            else:
                wanted.append((_travelling(version), files))
        moved = remote.push(place, objects.folder, wanted, tick=tick, verify=verify)
    return replace(moved, problems=tuple(problems), expired=len(chosen) - len(versions))


def pull(
    project: Project, paths: Sequence[str] = (), *, source: str = "", verify: bool = False, tick: Tick | None = None
) -> Moved:
    """Bring versions of `paths` (files or folders of them), or all, from the remote `source` into the object store.

    `verify` reads what is here already, and brings again what is damaged. Raises as `push`; whatever stops it, the
    store is sound, and the same call goes on.
    """
    from workbench.versions import remote
    from workbench.versions.objects import Objects
    from workbench.versions.sources import INCOMING

    url = address(project, source, "--from")
    names = [path_in(project, path) for path in paths]
    place = _place(url)
    connection = project.open_store()
    try:
        objects = Objects(project.objects_folder)
        with objects.held():
            known = () if verify else _known(project, objects)
            offered, problems = _offered(place, names, known)
            entries = [entry for entry in offered if not _is_expired_entry(entry, time.time())]
            moved = remote.pull(
                place, objects.folder, project.inner / INCOMING, entries, tick=tick, verify=verify
            )  # fmt: skip
            arrived = Objects(project.objects_folder)
            whole = []
            for entry in entries:
                if entry.version.kept and _files(arrived, entry.version.kind, entry.version.hash) is None:
                    problems.append(
                        f"{clean(entry.version.path)}@{entry.version.hash[:12]} is not whole in {place.shown}"
                    )
                else:
                    whole.append(entry)
            with transaction(connection, durable=True):
                _save(connection, whole)
    finally:
        connection.close()
    return replace(moved, problems=tuple(problems), expired=len(offered) - len(entries))


def address(project: Project, given: str, option: str) -> str:
    """Return the URL of the remote: the one given, else that of workbench.toml; a plain path is a folder.

    Raises UsageError where there is none.
    """
    from workbench.versions.places import is_url

    url = given or project.config.remote.url
    if not url:
        raise UsageError(
            "No remote is named", f'Add {option} URL, or to workbench.toml:  [remote]  url = "s3://bucket/x"'
        )
    return url if is_url(url) else (project.folder / url).absolute().as_uri()


def _place(url: str) -> Place:
    from workbench.versions.places import Place

    return Place(url)


def _chosen(project: Project, paths: Sequence[str]) -> list[Version]:
    names = [path_in(project, path) for path in paths]
    versions = listed(project)
    if not versions:
        raise NotFoundError("There is no version of any data yet", "workbench data snapshot")
    found = [version for version in versions if not names or _is_of(version.path, names)]
    for name in names:
        if not any(_is_of(version.path, [name]) for version in found):
            raise NotFoundError(f"There is no version of {clean(name)}", "workbench data list")
    return found


def _is_of(path: str, names: Collection[str]) -> bool:
    return any(path == name or path.startswith(name.rstrip("/") + "/") for name in names)


def _files(objects: Objects, kind: str, hash: str) -> frozenset[str] | None:
    """Return the object files that hold a version, None where one of its contents is missing or unreadable."""
    from workbench.errors import WorkbenchError
    from workbench.versions.data import contents

    try:
        return frozenset(objects.files_of(contents(objects, kind, hash)))
    except (WorkbenchError, OSError):
        return None


def _known(project: Project, objects: Objects) -> set[tuple[str, str]]:
    """Return path and hash of the versions that need nothing from a remote."""
    return {
        (version.path, version.hash)
        for version in listed(project)
        if version.kept and _files(objects, version.kind, version.hash) is not None
    }


def _offered(place: Place, names: Sequence[str], known: Collection[tuple[str, str]]) -> tuple[list[Entry], list[str]]:
    """Return the versions of the named paths that the place has and that are not known; raises NotFoundError."""
    from workbench.versions import remote

    entries, problems = remote.index(place, names, known=known)
    if not entries and not problems and not names and not remote.index(place)[0]:
        raise NotFoundError(f"{place.shown} holds no versions of data", "workbench data push   where they are")
    here = {path for path, _ in known}
    if set(names) - here - {entry.version.path for entry in entries}:  # perhaps a folder of paths
        everything, problems = remote.index(place, known=known)
        entries = [entry for entry in everything if _is_of(entry.version.path, names)]
    for name in names:
        if not _is_of_any(name, entries, here):
            raise NotFoundError(f"{place.shown} has no version of {clean(name)}", "workbench data push   where it is")
    return entries, problems


def _is_of_any(name: str, entries: Sequence[Entry], here: Collection[str]) -> bool:
    return any(_is_of(path, [name]) for path in (*here, *(entry.version.path for entry in entries)))


def _travelling(version: Version) -> Any:
    from workbench.versions import remote

    facts = {key: version.facts[key] for key in _TRAVELLING if key in version.facts}
    return remote.Version(
        version.path, version.hash, version.kind, version.size, version.files, version.rows, version.kept,
        version.created, version.seen, facts,
    )  # fmt: skip


def _save(connection: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    connection.executemany(
        "INSERT INTO data_versions (path, hash, kind, size, files, rows, kept, created, seen, facts)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (path, hash) DO UPDATE SET"
        " kept = max(kept, excluded.kept), created = min(created, excluded.created),"
        " seen = max(seen, excluded.seen)",
        [
            (
                text(one.path), one.hash, one.kind, one.size, one.files, one.rows, int(one.kept), one.created,
                one.seen, json.dumps(_harmless(one.facts)),
            )
            for one in (entry.version for entry in entries)
        ],
    )  # fmt: skip


def _harmless(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a version from elsewhere that are texts and numbers under names of ours."""
    found: dict[str, Any] = {}
    for key in _TRAVELLING:
        value = facts.get(key)
        if isinstance(value, str) and value:
            found[key] = text(value, 500)
        elif key == "retention_days" and isinstance(value, int):
            found[key] = value
    return found


def _is_expired(seen: float, facts: Mapping[str, Any], now: float) -> bool:
    from workbench.versions.sources import expired

    return bool(expired([(0, seen, json.dumps(dict(facts), default=str))], now))


def _is_expired_entry(entry: Entry, now: float) -> bool:
    return _is_expired(entry.version.seen, entry.version.facts, now)
