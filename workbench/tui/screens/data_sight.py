"""What the Data screen shows, read on the reader's thread: data, their versions, a profile and what moved in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from workbench.actions import data_tables as actions
from workbench.actions.data_sides import files_of, stored
from workbench.actions.data_tables import Version
from workbench.config import Policy
from workbench.data.difference import FolderDifference, TableDifference, compare, compare_files
from workbench.data.masking import hidden_difference, hidden_table
from workbench.errors import WorkbenchError
from workbench.project import Project
from workbench.words import counted

MOST_FILES = 100_000
"""A folder of more files is left to the command line."""
SHOWN = 200
"""So many versions of one path are listed."""


@dataclass(frozen=True)
class Wish:
    """What to read: all data of a project, and of the chosen version its profile. "" is the newest of the first."""

    project: Project
    path: str = ""
    hash: str = ""


@dataclass(frozen=True)
class Data:
    """One path with its versions, the newest first."""

    path: str
    versions: tuple[Version, ...]


@dataclass(frozen=True)
class Files:
    """The files of a folder by path with their sizes, what differs from the version before, or why none is known."""

    sizes: Mapping[str, int] = field(default_factory=dict)
    changes: FolderDifference | None = None
    problem: str = ""


@dataclass(frozen=True)
class Sight:
    """All data, the chosen version with its profile or files, the version before, and what moved between them."""

    data: tuple[Data, ...]
    chosen: Version | None = None
    before: Version | None = None
    found: TableDifference | None = None
    files: Files | None = None

    @property
    def wants_profile(self) -> bool:
        """Whether something about the chosen version is not computed yet, and can be."""
        one, before = self.chosen, self.before
        if one is None or one.kind != "file" or not one.kept:
            return False
        return one.profile is None or (before is not None and before.kept and self.found is None)


class SightReader:
    """Reads sights and keeps the lists and the last comparison: the store changes far more often than data does."""

    def __init__(self) -> None:
        self._stamp: tuple[object, ...] = ()
        self._project: Project | None = None
        self._data: tuple[Data, ...] = ()
        self._key: tuple[object, ...] = ()
        self._found: TableDifference | None = None
        self._listed_key: tuple[object, ...] = ()
        self._listing = Files()

    def read(self, connection: sqlite3.Connection | None, wish: Wish) -> Sight:
        """Read what a wish asks for."""
        if connection is None:
            return Sight(tuple(Data(name, ()) for name in actions.paths(wish.project, None)))
        data = self._listed(connection, wish.project)
        known = any(one.path == wish.path for one in data)
        path = wish.path if known else next((one.path for one in data if one.versions), "")
        listed = next((one.versions for one in data if one.path == path), ())
        if not listed:
            return Sight(data)
        place = next((at for at, one in enumerate(listed) if one.hash == wish.hash), 0)
        hashes = [one.hash for one in listed[place : place + 2]]
        by_hash = {one.hash: one for one in actions.versions(connection, path, only=hashes)}
        chosen = by_hash.get(hashes[0])
        before = by_hash.get(hashes[1]) if len(hashes) > 1 else None
        if chosen is not None and chosen.kind == "folder":
            return Sight(data, chosen, before, files=self._files(wish.project, chosen, before))
        policy = wish.project.config.policy
        found = self._compared(policy, chosen, before)
        return Sight(data, _hidden(policy, chosen), _hidden(policy, before), found)

    def _files(self, project: Project, chosen: Version, before: Version | None) -> Files:
        """Return the files of a folder, read once from the lists that the object store has."""
        pair = [one for one in (chosen, before) if one is not None and one.kind == "folder" and one.kept]
        key = (chosen.path, *(one.hash for one in pair))
        if key != self._listed_key:
            self._listed_key, self._listing = key, _read_files(project, chosen, pair)
        return self._listing

    def _listed(self, connection: sqlite3.Connection, project: Project) -> tuple[Data, ...]:
        """Return all data with their versions; read again only where there are others, or other runs used them."""
        stamp = (
            *connection.execute(
                "SELECT count(*), max(id), total(seen), total(rows), total(kept) FROM data_versions"
            ).fetchone(),
            *connection.execute("SELECT count(*), max(run) FROM inputs").fetchone(),
        )
        if stamp != self._stamp or project is not self._project:
            names = actions.paths(project, connection)
            found = [(name, actions.versions(connection, name, facts=False)[:SHOWN]) for name in names]
            self._data = tuple(Data(name, tuple(versions)) for name, versions in found)
            self._stamp, self._project = stamp, project
        return self._data

    def _compared(self, policy: Policy, chosen: Version | None, before: Version | None) -> TableDifference | None:
        if chosen is None or before is None or chosen.profile is None or before.profile is None:
            return None
        rows = (chosen.changes or {}).get(before.hash)
        key = (chosen.path, chosen.hash, before.hash, rows, chosen.profile.key, before.profile.key, policy)
        if key != self._key:
            self._key = key
            self._found = hidden_difference(policy, compare(before.profile, chosen.profile, rows))
        return self._found


def _hidden(policy: Policy, one: Version | None) -> Version | None:
    """Return a version with what may be shown of its values."""
    return one if one is None or one.profile is None else replace(one, profile=hidden_table(policy, one.profile))


def _read_files(project: Project, chosen: Version, pair: list[Version]) -> Files:
    if chosen not in pair:
        return Files(problem="Only its facts are kept, the files stayed where they were.")
    if any(one.files > MOST_FILES for one in pair):
        return Files(problem=f"{counted(chosen.files, 'file')}: workbench data diff {chosen.path}")
    try:
        listed = [files_of(project, one.path, stored(one.hash, one.kind, one.size)) for one in pair]
    except WorkbenchError as error:
        return Files(problem=f"{error.message}\n{error.hint}")
    sizes = {path: size for path, (_, size) in listed[0].items()}
    return Files(sizes, compare_files(listed[1], listed[0]) if len(listed) > 1 else None)
