"""Versions of data as tables: what one holds, and what changed from one to another; both are kept once computed."""

from __future__ import annotations

import contextlib
import json
import shlex
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from workbench.actions.data import none_of, sources
from workbench.actions.data_sides import NOW, Side, files_of, hash_of, opened, stored
from workbench.data import difference, parts, profile
from workbench.data.difference import FolderDifference, RowChanges, TableDifference
from workbench.data.masking import hidden_table
from workbench.data.profile import TableProfile
from workbench.errors import NotFoundError, StoreError, UsageError
from workbench.project import Project
from workbench.runs.inputs import facts_of
from workbench.runs.rows import text
from workbench.safe import clean
from workbench.store.connection import transaction
from workbench.versions import places

Progress = Callable[[str, int, int], None]
"""Told which file is read, how many of its bytes have been, and how many it has; what it raises ends the reading."""


@dataclass(frozen=True)
class Version:
    """A stored version: `runs` used it; `profile` is None until it has been computed.

    `changes` are the rows that changed since other versions, by the hash of those.
    """

    path: str
    hash: str
    kind: Literal["file", "folder"]
    size: int
    files: int
    rows: int | None
    kept: bool
    created: float
    seen: float
    runs: tuple[int, ...] = ()
    profile: TableProfile | None = None
    changes: Mapping[str, RowChanges] | None = None

    @property
    def row_count(self) -> int | None:
        """How many rows it has, where that is known."""
        return self.rows if self.profile is None else self.profile.rows


@dataclass(frozen=True)
class Difference:
    """What changed in `path` from one side to the other: of a table, or of the files of a folder."""

    path: str
    old: Side
    new: Side
    table: TableDifference | None = None
    folder: FolderDifference | None = None


# --- what there is


def paths(project: Project, connection: sqlite3.Connection | None) -> list[str]:
    """Return the data that the configuration names, in its order, then what else has versions."""
    config = project.config
    named = [
        config.data.train,
        config.data.holdout,
        config.data.final_test,
        *(one.where for one in config.charter.data),
    ]
    named += [one for step in config.steps for one in step.inputs]
    if connection is not None:
        stored = [str(row[0]) for row in connection.execute("SELECT DISTINCT path FROM data_versions ORDER BY path")]
        # A glob is a name for what it matches; where that is stored it needs no line of its own.
        named = [one for one in named if one in stored or not any(fnmatchcase(path, one) for path in stored)] + stored
    return list(dict.fromkeys(one.removeprefix("./").rstrip("/") for one in named if one))


def versions(
    connection: sqlite3.Connection, path: str, *, facts: bool = True, only: Sequence[str] = ()
) -> list[Version]:
    """Return the versions of one path, the one last found first.

    `facts` false leaves out their profiles; `only` are the hashes of those that are wanted, none for all.
    """
    wanted = f" AND hash IN ({', '.join('?' * len(only))})" if only else ""
    rows = connection.execute(
        "SELECT hash, kind, size, files, rows, kept, created, seen, facts,"
        " (SELECT group_concat(run) FROM inputs WHERE inputs.hash = data_versions.hash AND inputs.path = ?)"
        f" FROM data_versions WHERE path = ?{wanted} ORDER BY seen DESC, id DESC",
        (text(path), text(path), *only),
    ).fetchall()
    found = []
    for hash_, kind, size, files, count, kept, created, seen, document, runs in rows:
        known = json.loads(document) if facts else {}
        changes = {name: one for name, item in known.get("changes", {}).items() if (one := RowChanges.from_json(item))}
        numbers = tuple(sorted({int(one) for one in (runs or "").split(",") if one}))
        table = profile.from_json(known.get("profile"))
        found.append(Version(path, hash_, kind, size, files, count, bool(kept), created, seen, numbers, table, changes))
    return found


@contextlib.contextmanager
def located(project: Project, path: str) -> Iterator[Path]:
    """Give the file of a table: as it lies in the project, or of data that lie elsewhere the newest version kept.

    Raises NotFoundError where there is none.
    """
    if "://" not in path:
        yield project.folder / path
        return
    kept = newest(project, path)
    with opened(project, kept.path, stored(kept.hash, kept.kind, kept.size)) as file:
        yield file


def newest(project: Project, url: str) -> Version:
    """Return the newest version kept of one file that lies elsewhere; raises NotFoundError where there is none."""
    name = places.shown(url)
    with _store(project) as connection:
        found = versions(connection, name, facts=False) if connection is not None else []
    kept = next((one for one in found if one.kept and one.kind == "file"), None)
    if kept is None:
        words = f"{clean(name)} lies elsewhere, and no version of it as one file is in the store"
        which = f" {shlex.quote(clean(name))}" if name == url else ""
        raise NotFoundError(words, f"workbench data snapshot{which}   (fetches it)")
    return kept


# --- what one holds


def profile_of(
    project: Project,
    path: str = "",
    at: str = "",
    key: Sequence[str] = (),
    *,
    outside: Path | None = None,
    progress: Progress | None = None,
) -> tuple[Side, TableProfile]:
    """Return what a version of `path` holds; kept with the version, so that it is computed once.

    `at` is as for `diff`, "" is the file as it is. `path` "" is the training data; `outside` is a file that is none of
    the project's data. Raises NotFoundError, UsageError, TableError.
    """
    if outside is not None:
        measured = _measured(outside, str(outside), tuple(key), told(progress, str(outside)))
        _check_key(str(outside), measured, key)
        return Side(NOW, "", "file", outside.stat().st_size), measured
    path = path or training_data(project)
    with _store(project) as connection:
        found = versions(connection, path) if connection is not None else []
        side = _side(project, connection, path, at or NOW, found)
        measured = _known_profile(project, connection, path, side, found, key_of(project, path, key), progress)
        _check_key(path, measured, key)
        return side, measured


def _check_key(path: str, table: TableProfile, key: Sequence[str]) -> None:
    """Raise UsageError where a given key is no column; that of the configuration may be one of other data only."""
    for name in key:
        if table.column(name) is None:
            raise UsageError(f"{clean(path)} has no column {clean(name, 80)!r}", "--key COLUMN[,…]")


def training_data(project: Project) -> str:
    """Return the path of the training data; raises UsageError where none is named."""
    with _store(project) as connection:
        for path in paths(project, connection):
            return path
    raise UsageError("No data is named", 'Name the training data in workbench.toml: [data] train = "data/train.csv"')


def _known_profile(
    project: Project,
    connection: sqlite3.Connection | None,
    path: str,
    side: Side,
    found: Sequence[Version],
    key: tuple[str, ...],
    progress: Progress | None,
) -> TableProfile:
    """Return the profile that is kept, or measure it; of data that must not be copied, as it may be shown."""
    never = facts_of(path, sources(project.config)).get("copy") == "never"
    policy = project.config.policy
    known = next((one for one in found if one.hash == side.hash), None)
    if known is not None and known.profile is not None and known.profile.key == key:
        return hidden_table(policy, known.profile) if never else known.profile
    if side.kind == "folder":
        raise UsageError(f"{clean(path)} is a folder, not a table", "Name one of its files.")
    with opened(project, path, side) as file:
        measured = _measured(file, path, key, told(progress, f"{path}@{side.label}"))
    if never:
        measured = hidden_table(policy, measured)
    if known is not None and connection is not None:
        _keep(connection, path, side.hash, "profile", profile.to_json(measured), rows=measured.rows)
    return measured


def _measured(file: Path, name: str, key: tuple[str, ...], progress: Callable[[int, int], None] | None) -> TableProfile:
    from workbench.data import tables
    from workbench.data.measure import Measure

    table = tables.open_table(file, name)
    made = tables.scan(table, lambda: Measure(table.kinds(), format=table.format, key=key), progress=progress)
    return made.freeze()


def _keep(
    connection: sqlite3.Connection, path: str, hash_: str, name: str, value: Any, rows: int | None = None
) -> None:
    """Keep what was computed with its version, and how many rows there are where nobody has counted them yet.

    It is only a matter of speed: a store that cannot be written is no problem.
    """
    document = json.dumps(value, allow_nan=False, separators=(",", ":"))
    with contextlib.suppress(StoreError), transaction(connection):
        connection.execute(
            f"UPDATE data_versions SET facts = json_set(facts, '$.{name}', json(?)), rows = coalesce(rows, ?)"
            " WHERE path = ? AND hash = ?",
            (document, rows, text(path), hash_),
        )


# --- what changed


def diff(
    project: Project, path: str, old: str = "", new: str = "", key: Sequence[str] = (), progress: Progress | None = None
) -> Difference:
    """Compare two versions of a table or folder: by default what was stored before with the file as it is now.

    A version is `@latest`, `@previous`, the beginning of its hash, `run:3` for what run 3 read, or `now`. The key is
    the given one, else that of the configuration, else rows are compared whole. Raises NotFoundError, UsageError,
    TableError.
    """
    path = path or training_data(project)
    with _store(project) as connection:
        found = versions(connection, path) if connection is not None else []
        after = _side(project, connection, path, new or NOW, found)
        before = _side(project, connection, path, old, found) if old else _before(path, after, found)
        if before.kind != after.kind:
            raise UsageError(
                f"{clean(path)} is a {before.kind} in one version and a {after.kind} in the other",
                "workbench data list",
            )
        if after.kind == "folder" and key:
            raise UsageError(f"{clean(path)} is a folder, which has no columns", "Leave out --key.")
        if after.kind == "folder":
            listed = [files_of(project, path, side) for side in (before, after)]
            files = difference.compare_files(*listed)
            return Difference(path, _weighed(before, listed[0]), _weighed(after, listed[1]), folder=files)
        names = key_of(project, path, key)
        tables = [_known_profile(project, connection, path, side, found, names, progress) for side in (before, after)]
        if not key and not all(one.column(name) is not None for name in names for one in tables):
            names = ()  # the configuration means other data
        rows = _changes(project, connection, path, (before, after), found, names, progress)
        return Difference(path, before, after, table=difference.compare(tables[0], tables[1], rows))


def _weighed(side: Side, files: Mapping[str, tuple[str, int]]) -> Side:
    """Return the side with the size of its files, which nobody knows of a folder as it is now."""
    return side if side.hash else replace(side, size=sum(size for _, size in files.values()))


def _before(path: str, after: Side, found: Sequence[Version]) -> Side:
    """Return the newest version that differs from the new side, or is older than it."""
    hashes = [one.hash for one in found]
    rest = found[hashes.index(after.hash) + 1 :] if after.hash in hashes else found
    if not rest:
        raise _nothing_before(path, after, len(found))
    return stored(rest[0].hash, rest[0].kind, rest[0].size)


def _nothing_before(path: str, after: Side, count: int) -> NotFoundError:
    name = clean(path)
    if not count:
        return NotFoundError(f"{name} has no stored version yet", f"workbench data snapshot {name}")
    if count == 1:
        return NotFoundError(
            f"{name} is as its only version has it: there is nothing to compare with",
            f"Change it, then: workbench data diff {name}",
        )
    now = NOW if after.label == NOW else after.hash[:10]
    return NotFoundError(
        f"{name} is as its oldest version has it, and nothing came before", f"workbench data diff {name} @latest {now}"
    )


def _side(
    project: Project, connection: sqlite3.Connection | None, path: str, name: str, found: Sequence[Version]
) -> Side:
    """Return what a name of a version means; raises NotFoundError."""
    if name == NOW:
        return _side_now(project, path, found)
    if name in ("@latest", "@previous"):
        place = 0 if name == "@latest" else 1
        if len(found) <= place:
            count = len(found) or "no"
            raise NotFoundError(
                f"{clean(path)} has {count} stored version{'' if len(found) == 1 else 's'}", _snapshot_hint(path, found)
            )
        return stored(found[place].hash, found[place].kind, found[place].size)
    wanted = name.lower()
    label = ""
    if name.startswith("run:"):
        wanted, label = _read_by(connection, path, name.removeprefix("run:")), f"run {name.removeprefix('run:')}"
    matching = [one for one in found if one.hash.startswith(wanted)] if wanted else []
    if len(matching) != 1:
        words = "is the beginning of several versions" if matching else "is no version"
        raise NotFoundError(f"{clean(name, 80)!r} {words} of {clean(path)}", _snapshot_hint(path, found))
    side = stored(matching[0].hash, matching[0].kind, matching[0].size)
    return Side(label or side.label, side.hash, side.kind, side.size)


def _snapshot_hint(path: str, found: Sequence[Version]) -> str:
    return f"workbench data {'list' if found else 'snapshot'} {clean(path)}"


def _read_by(connection: sqlite3.Connection | None, path: str, number: str) -> str:
    """Return the hash of what a run read at a path; raises NotFoundError."""
    run = int(number) if number.isascii() and number.isdigit() and len(number) < 19 else -1
    row = known = None
    if connection is not None:
        row = connection.execute("SELECT hash FROM inputs WHERE run = ? AND path = ?", (run, text(path))).fetchone()
        known = connection.execute("SELECT 1 FROM runs WHERE id = ?", (run,)).fetchone()
    if known is None:
        raise NotFoundError(f"No run {clean(number, 20)}", "workbench runs")
    if row is None or row[0] is None:
        raise NotFoundError(f"Run {run} did not read {clean(path)}", f"workbench show {run}")
    return str(row[0])


def _side_now(project: Project, path: str, found: Sequence[Version]) -> Side:
    place = project.folder / path
    if "://" in path:
        hint = "Name a stored version: @latest, @previous" if found else f"workbench data snapshot '{clean(path)}'"
        raise UsageError(f"{clean(path)} lies elsewhere, and is not read for this", hint)
    try:
        if place.is_dir():
            return Side(NOW, "", "folder", 0)
        if not place.exists():
            raise _gone(project, path, found)
        parts.refuse_special(place, path)
        return Side(NOW, hash_of(place), "file", place.stat().st_size)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise NotFoundError(f"{clean(path)}: {why}", "ls -l  on it, and on its folder") from error


def _gone(project: Project, path: str, found: Sequence[Version]) -> NotFoundError:
    if not found:
        return none_of(project, path)
    count = f"{len(found)} version{'' if len(found) == 1 else 's'} of it" + (" are" if len(found) > 1 else " is")
    return NotFoundError(f"{clean(path)} is not there; {count} stored", f"workbench data restore {clean(path)}")


def _changes(
    project: Project,
    connection: sqlite3.Connection | None,
    path: str,
    sides: tuple[Side, Side],
    found: Sequence[Version],
    key: tuple[str, ...],
    progress: Progress | None,
) -> RowChanges:
    """Return which rows changed, over the columns that both have; kept with the new version."""
    known = next((one for one in found if one.hash == sides[1].hash), None)
    before = known.changes.get(sides[0].hash) if known is not None and known.changes else None
    if before is not None and before.key in (key, ()) and (before.key or not key):
        return before
    from workbench.data import rows, tables

    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(opened(project, path, side)) for side in sides]
        read = [tables.open_table(file, path) for file in files]
        shared = tuple(name for name in read[0].columns if name in read[1].columns)
        missing = [name for name in key if name not in shared]
        if missing:
            raise UsageError(f"{clean(path)} has no column {clean(missing[0])!r} in both versions", "--key COLUMN[,…]")
        names = [f"rows of {path}@{side.label}" for side in sides]
        prints = [_scanned(table, shared, key, told(progress, name)) for table, name in zip(read, names, strict=True)]
    found_changes = rows.count_changes(prints[0], prints[1], key)
    if known is not None and connection is not None and sides[0].hash.isalnum():
        _keep(connection, path, sides[1].hash, f'changes."{sides[0].hash}"', found_changes.to_json())
    return found_changes


def _scanned(
    table: Any, shared: tuple[str, ...], key: tuple[str, ...], progress: Callable[[int, int], None] | None
) -> Any:
    from workbench.data import rows, tables

    make: Callable[[], rows.Fingerprints] = lambda: rows.Fingerprints(shared, key)  # noqa: E731
    return tables.scan(table, make, shared, progress=progress).freeze()


def told(progress: Progress | None, name: str) -> Callable[[int, int], None] | None:
    """Return a progress that names what is read."""
    return None if progress is None else lambda done, size: progress(name, done, size)


def key_of(project: Project, path: str, given: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the columns that tell one row of `path` from another."""
    if given:
        return tuple(given)
    data = project.config.data
    for one in project.config.charter.data:
        if one.key and (one.where.removeprefix("./") == path or fnmatchcase(path, one.where)):
            return one.key
    return (data.id,) if data.id else ()


@contextlib.contextmanager
def _store(project: Project) -> Iterator[sqlite3.Connection | None]:
    """Open the store where there is one: looking at data makes none."""
    connection = project.open_store() if project.store_path.exists() else None
    try:
        yield connection
    finally:
        if connection is not None:
            connection.close()
