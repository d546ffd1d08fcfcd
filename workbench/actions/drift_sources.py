"""The data that is held against each other: a file, a stored version, and the windows into which it is cut."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

from workbench.actions import data, data_schema, data_sides, data_tables
from workbench.data import tables
from workbench.data.parts import parts_of, refuse_special, with_rows
from workbench.data.tables import Table
from workbench.data.tally import Hits
from workbench.drift import profile, records
from workbench.drift.measure import By, Windows
from workbench.drift.profile import Window
from workbench.errors import NotFoundError, UsageError, WorkbenchError
from workbench.project import Project
from workbench.safe import clean
from workbench.store.connection import transaction
from workbench.versions import places

_BLOCK = 4 << 20
_RULES = [profile.VERSION, profile.NUMBERS, tables.READING]
_NOTES = 5
Progress = Callable[[str, int, int], None]
"""Told of a source how many bytes of how many have been read."""


@dataclass(frozen=True)
class Source:
    """A file as it is, a stored version where `stored`, or a folder of `parts` that are one table.

    `name` is how it is called, `hash` that of its bytes. The `newest` version stands for data that lie elsewhere.
    """

    name: str
    hash: str
    path: Path
    stored: bool = False
    parts: tuple[Source, ...] = ()
    newest: bool = False

    @property
    def label(self) -> str:
        """The name with the beginning of the hash."""
        return f"{self.name}@{self.hash[:10]}"

    @property
    def words(self) -> str:
        """What `find` knows it by: a stored version with its hash, other data as they will be then."""
        return self.label if self.stored and not self.newest else self.name


def find(project: Project, words: str, folder: Path | None = None) -> Source:
    """Return the source that a path, a glob of parts, or PATH@HASH for a stored version, names.

    Of data that lie elsewhere, named by their URL, it is the newest version kept.

    Raises NotFoundError, UsageError, TableError for a folder without files.
    """
    if "://" in words:
        return _elsewhere(project, words)
    place = _place(project, words, folder)
    if place is None and "@" in words:
        return _version(project, words)
    if place is None:
        parts = _matching(project, words)
        if parts:
            return _joined(project, words, project.folder, parts)
        raise NotFoundError(
            f"No file {clean(words)}", "workbench data list   names the data; PATH@HASH a version of it"
        )
    if place.is_dir():
        name = _name(project, place)
        return _joined(project, name, place, [part for part, _ in parts_of(place, name)])
    refuse_special(place, words)
    if not place.is_file():
        raise UsageError(f"{clean(words)} is no file", "Name a table: CSV, TSV, Parquet or JSON lines.")
    return Source(_name(project, place), _hash(place), place)


def _elsewhere(project: Project, words: str) -> Source:
    """Return the newest version kept of the data at a URL, or the one that URL@HASH names."""
    try:
        found = data_tables.newest(project, words)
    except NotFoundError:
        if "@" in words.rpartition("/")[2]:
            return _version(project, places.shown(words))
        raise
    return Source(found.path, found.hash, project.folder / found.path, stored=True, newest=True)


def _version(project: Project, words: str) -> Source:
    """Return the stored version that PATH@HASH names."""
    found = data.find(project, words)
    if found.kind != "file":
        raise UsageError(f"{clean(found.path)} is a folder, not a table", "Name one of its files.")
    if not found.kept:
        raise NotFoundError(f"Of {clean(words)} only facts are kept, not the bytes", "workbench data list")
    return Source(found.path, found.hash, project.folder / found.path, stored=True)


def _matching(project: Project, words: str) -> list[Path]:
    """Return the files that a glob matches, in the order of their names."""
    if not set(words) & set("*?[") or Path(words).is_absolute() or ".." in Path(words).parts:
        return []
    return sorted(path for path in project.folder.glob(words) if path.is_file())


def _joined(project: Project, name: str, place: Path, parts: Sequence[Path]) -> Source:
    sources = tuple(Source(_name(project, part), _hash(part), part) for part in parts)
    whole = blake2b("".join(one.hash for one in sources).encode(), digest_size=20).hexdigest()
    return Source(name, whole, place, parts=sources)


def _place(project: Project, words: str, folder: Path | None) -> Path | None:
    for root in (folder, project.folder):
        if root is not None and (root / words).exists():
            return root / words
    return None


def _name(project: Project, place: Path) -> str:
    absolute, root = place.resolve(), project.folder.resolve()
    return absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else str(absolute)


def _hash(place: Path) -> str:
    from blake3 import blake3

    found = blake3()
    try:
        with place.open("rb") as file:  # mapped, a large file would count as memory
            while block := file.read(_BLOCK):
                found.update(block)
        return str(found.hexdigest())
    except OSError as error:
        raise NotFoundError(f"{clean(str(place))}: {(error.strerror or str(error)).lower()}", "ls -l") from error


@contextlib.contextmanager
def opened(project: Project, source: Source) -> Iterator[Path]:
    """Give a file with the bytes of a source."""
    if not source.stored:
        yield source.path
        return
    from workbench.versions.objects import Objects

    with data_sides.scratch(project) as folder:
        target = folder / "data"
        Objects(project.objects_folder).write_to(source.hash, target, durable=False)
        yield target


def ids(project: Project, source: Source) -> tuple[str, ...]:
    """Return the columns that name rows: the configured id, the key of the data, and what its schema calls unique."""
    found = [project.config.data.id] if project.config.data.id else []
    for one in project.config.charter.data:
        if places.shown(one.where.removeprefix("./")) == source.name or fnmatchcase(source.name, one.where):
            found += one.key
    schema = data_schema.load(project)
    kept = (project.config.data.target, project.config.data.time, project.config.drift.prediction)
    for column in schema.columns if schema is not None else ():
        # Measured numbers and moments may be unique without naming anything.
        if column.unique and column.type in ("whole", "text") and column.name not in kept:
            found.append(column.name)
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class Cut:
    """The windows of a source, each with the id of its profile; `undated` rows have no time and are in none.

    `notes` are sentences on what was odd.
    """

    windows: Sequence[tuple[int, Window]]
    undated: int = 0
    notes: tuple[str, ...] = ()

    def index(self, label: str) -> int | None:
        """Return the place of the window with that label."""
        return next((at for at, (_, window) in enumerate(self.windows) if window.label == label), None)


def cut(
    project: Project,
    connection: sqlite3.Connection,
    source: Source,
    by: By,
    *,
    time: str = "",
    now: float,
    progress: Progress | None = None,
) -> Cut:
    """Return the windows of a source; read once for each content, then from the store.

    Raises TableError for a file that is no table, UsageError where there is nothing to cut by.
    """
    names = ids(project, source)
    facts: list[Any] = [*_RULES, source.hash, _ends(source), str(by), time if by.unit else "", sorted(names)]
    key = blake2b(json.dumps(facts).encode(), digest_size=20).hexdigest()
    known = records.load_cut(connection, key)
    if known is not None:
        return Cut(*known)
    if source.parts:
        again = partial(cut, project, connection, by=by, time=time, now=now, progress=progress)
        windows, undated, notes = _merged(source, by, with_rows(source.parts, again))
    else:
        windows, undated, notes = _measured(project, source, by, time, names, progress)
    with transaction(connection):
        numbered = [(records.save_profile(connection, window, now), window) for window in windows]
        origin = {"source": source.name, "hash": source.hash, "rules": _RULES}
        records.save_cut(connection, key, numbered, undated, notes, origin)
    return Cut(numbered, undated, notes)


def still_current(project: Project, connection: sqlite3.Connection) -> Callable[[Mapping[str, Any]], bool]:
    """Return the question whether a cut of that origin may be asked for: its rules are today's, its content is there.

    There is a content that a version of the data keeps, or that its file has; each file is read once.
    """
    rows = connection.execute("SELECT hash FROM data_versions WHERE kept AND kind = 'file'")
    kept = {row[0] for row in rows}
    found: dict[str, str] = {}

    def is_current(origin: Mapping[str, Any]) -> bool:
        if origin.get("rules") != _RULES:
            return False
        name = str(origin["source"])
        if origin["hash"] not in kept and name not in found:
            try:
                found[name] = find(project, name).hash
            except WorkbenchError:
                found[name] = ""
        return origin["hash"] in kept or found[name] == origin["hash"]

    return is_current


def _ends(source: Source) -> str:
    """Return the ends of the name of a file, by which it may be read otherwise."""
    return "" if source.parts else "".join(Path(source.name).suffixes[-2:]).lower()


_Found = tuple[list[Window], int, tuple[str, ...]]


def _merged(source: Source, by: By, cuts: Sequence[Cut]) -> _Found:
    """Return the windows of all parts, those of the same name as one."""
    if by.rows:
        raise UsageError(f"{clean(source.name)} has parts, which have no common order of rows", "--by day, or all")
    found: dict[str, list[Window]] = {}
    for _, window in (one for part in cuts for one in part.windows):
        found.setdefault(window.label, []).append(window)
    windows = [profile.merge_all(same, label) for label, same in found.items()]
    notes = tuple(note for one in cuts for note in one.notes)
    if len(notes) > _NOTES:
        notes = (*notes[:_NOTES], f"So it is with {len(notes) - _NOTES} more parts.")
    return sorted(windows, key=lambda one: one.start or 0.0), sum(one.undated for one in cuts), notes


def _measured(
    project: Project, source: Source, by: By, time: str, names: tuple[str, ...], progress: Progress | None
) -> _Found:
    told = None if progress is None else partial(progress, source.name)
    with opened(project, source) as path:
        table = _open(path, source)
        made = tables.scan(table, lambda: Windows(table.kinds(), by, time, names, damaged=table.damaged), progress=told)
        return made.freeze(), made.undated, _unreadable(source, time, made.unreadable)


def _unreadable(source: Source, time: str, found: Hits) -> tuple[str, ...]:
    """Say which rows hold something in the column of times that is none."""
    if not found.count:
        return ()
    rows = ", ".join(f"{row:,}" for row in found.first) + (" …" if found.count > len(found.first) else "")
    what, place = ("row holds", "row") if found.count == 1 else ("rows hold", "rows")
    return (f"{clean(source.name)}: {found.count:,} {what} no time in {clean(time, 60)!r}: {place} {rows}",)


def _open(path: Path, source: Source) -> Table:
    """Open a table whose texts are read as what they spell: the same values are the same in every format."""
    return tables.open_table(path, source.name, lenient=True, spelled=tables.ALL_KINDS)


def sample(project: Project, source: Source, by: By, time: str) -> dict[str, Any]:
    """Return a sample of the rows of each window, Arrow tables by label, "" where the source is not cut."""
    from workbench.drift.classifier import RowSample, Samples

    found: dict[str, RowSample] = {}

    def read(numbered: tuple[int, Source]) -> None:
        seed, part = numbered
        with opened(project, part) as path:
            table = _open(path, part)
            samples = tables.scan(table, partial(_new_samples, Samples, table, by, time, seed)).by_label()
        for label, one in samples.items():
            if label in found:
                found[label].join(one)
            else:
                found[label] = one

    with_rows(enumerate(source.parts or (source,)), read)
    return {label: one.rows for label, one in found.items()}


def _new_samples(make: Any, table: Any, by: By, time: str, seed: int) -> Any:
    return make(table.kinds(), by, time, seed)
