"""Data held against the schema and the policy of the project: what is wrong with them, and how sure that is."""

from __future__ import annotations

import functools
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.actions import data_schema, data_tables
from workbench.actions.data_tables import Progress
from workbench.config import Config, Policy
from workbench.data import misnamed, parts
from workbench.data import policy as policies
from workbench.data.findings import Finding, Severity, count_of, ordered, worst
from workbench.data.masking import hidden_finding
from workbench.data.schema import Environment, Schema
from workbench.errors import UsageError, WorkbenchError
from workbench.project import Project
from workbench.runs.rows import text
from workbench.safe import clean
from workbench.store.connection import transaction
from workbench.versions import places
from workbench.words import counted

_BLOCK = 4 << 20


@dataclass(frozen=True)
class Checked:
    """One table: `rows` is None where it could not be read; `schema` tells whether it was held against one.

    `names` are its columns, which are not stored.
    """

    path: str
    environment: Environment
    rows: int | None
    columns: int
    findings: tuple[Finding, ...]
    hash: str = ""
    schema: bool = True
    names: tuple[str, ...] = ()

    @property
    def worst(self) -> Severity | str:
        """The greatest severity, "" where nothing was found."""
        return worst(self.findings)


@dataclass(frozen=True)
class Report:
    """What a check has found: `created` in seconds since the epoch; `run` is the run before which it was made.

    `accepted_by` and `accepted` tell who accepted the schema and when; `digest` names schema and policy. `findings` are
    those of the whole project, such as of a source; those of tables are theirs.
    """

    tables: tuple[Checked, ...]
    created: float
    findings: tuple[Finding, ...] = ()
    accepted_by: str = ""
    accepted: float | None = None
    digest: str = ""
    run: int | None = None

    @property
    def all(self) -> tuple[Finding, ...]:
        """All findings, the most serious first; each names its file."""
        of_tables = [replace(one, file=one.file or table.path) for table in self.tables for one in table.findings]
        return ordered([*self.findings, *of_tables])

    def count(self, severity: Severity) -> int:
        """Return how many findings have a severity."""
        return count_of(self.all, severity)

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not self.count("error")


def check(
    project: Project,
    path: str | Path | None = None,
    *,
    environment: Environment = "training",
    progress: Progress | None = None,
    now: float | None = None,
) -> Report:
    """Hold data against the schema and the policy; by default all tables that the configuration names.

    A `path` is relative to the project or absolute. The training and held-out data are held against the schema; other
    sources and what stages derived only against the policy. Without a schema.toml, one proposed from the training data
    takes its place. A table that cannot be read is a finding, but for a `path`, where TableError is raised; UsageError
    where nothing is named, ConfigError for a broken schema.
    """
    now = time.time() if now is None else now
    present = data_schema.load(project)
    config = project.config
    if path is not None:
        schema = present or _borrowed(project, str(path), progress, now)
        tables = [_table(project, str(path), schema, environment, progress, now)]
        findings = policies.of_sources(config.policy, (), _ways(project, str(path)))
    else:
        tables, findings = _everything(project, present, environment, progress, now)
    accepted = None if present is None or present.accepted is None else present.accepted.timestamp()
    by = "" if present is None else present.accepted_by
    return Report(tuple(tables), now, findings, by, accepted, digest(present, config))


def _ways(project: Project, path: str) -> list[str]:
    """Return how the policy may name a file that was asked for: relative to the project; a folder with its slash."""
    place = project.folder / path
    return [_relative(project, place) + ("/" if place.is_dir() else "")]


def digest(schema: Schema | None, config: Config) -> str:
    """Return what names a schema, a policy and the rules of this program together: what a verdict follows from."""
    from hashlib import blake2b

    said = f"{'' if schema is None else schema.digest}{config.policy!r}{config.data._replace(check='stop')!r}{_rules()}"
    return blake2b(said.encode("utf-8", "replace"), digest_size=16).hexdigest()


@functools.cache
def _rules() -> str:
    """Return a hash of the code that judges, so that no verdict outlives the rules that it was made by."""
    from hashlib import blake2b

    files = sorted(Path(policies.__file__).parent.glob("*.py"))
    return blake2b(b"".join(one.read_bytes() for one in files), digest_size=16).hexdigest()


def _everything(
    project: Project, present: Schema | None, environment: Environment, progress: Progress | None, now: float
) -> tuple[list[Checked], tuple[Finding, ...]]:
    config = project.config
    held = [one.removeprefix("./") for one in (config.data.train, config.data.holdout) if one]
    others = [one for one in dict.fromkeys(_derived(project)) if one not in held]
    if not held and not others:
        raise UsageError(
            "No data is named",
            'workbench validate FILE   or name them in workbench.toml: [data] train = "data/train.csv"',
        )
    schema = present
    tables = []
    for path in held:
        if schema is None and path != config.data.train:
            schema = _borrowed(project, path, progress, now)
        tables.append(isolated(project, path, schema, environment, progress, now=now))
    tables += [isolated(project, path, None, environment, progress, now=now) for path in others]
    paths = [one for step in config.steps for one in step.inputs]
    sources = policies.of_sources(config.policy, config.charter.data, [*held, *paths])
    known = {name for one in tables for name in one.names}
    return tables, (*sources, *misnamed.in_policy(config, known))


def _derived(project: Project) -> Iterator[str]:
    """Yield other tables that the configuration names: sources, inputs and outputs; the final test set is left out."""
    config = project.config
    named = [one.where for one in config.charter.data]
    named += [name for step in config.steps for name in (*step.inputs, *step.outputs)]
    for name in dict.fromkeys(named):
        if "://" in name or not name:
            continue
        is_glob = set("*?[") & set(name) and not name.startswith("/")
        matched = sorted(project.folder.glob(name)) if is_glob else [project.folder / name]
        for file in matched:
            if file.is_file() and parts.is_table(file.name):
                path = _relative(project, file)
                if path != config.data.final_test.removeprefix("./"):
                    yield path


def _borrowed(project: Project, path: str, progress: Progress | None, now: float) -> Schema | None:
    """Return a schema proposed from the training data, for any table but these; None where there are none."""
    train = project.config.data.train
    if not train or (project.folder / path) == (project.folder / train):
        return None
    try:
        return data_schema.learn(project, train, progress=progress, now=now)[0]
    except WorkbenchError:
        return None


def isolated(
    project: Project,
    path: str,
    schema: Schema | None,
    environment: Environment = "training",
    progress: Progress | None = None,
    *,
    now: float,
    place: Path | None = None,
) -> Checked:
    """Return one table of several; one that cannot be read is a finding. `place` is a copy to read in its stead."""
    try:
        if place is not None:
            return _located(project, place, path, schema, environment, progress, now)
        return _table(project, path, schema, environment, progress, now)
    except UsageError as error:
        finding = hidden_finding(project.config.policy, Finding("unreadable", "error", "", error.message, error.hint))
        return Checked(path, environment, None, 0, (finding,), schema=schema is not None)


def _table(
    project: Project,
    path: str,
    schema: Schema | None,
    environment: Environment,
    progress: Progress | None,
    now: float,
) -> Checked:
    with data_tables.located(project, path) as place:
        relative = places.shown(path) if "://" in path else _relative(project, place)
        return _located(project, place, relative, schema, environment, progress, now)


def _located(
    project: Project,
    place: Path,
    relative: str,
    schema: Schema | None,
    environment: Environment,
    progress: Progress | None,
    now: float,
) -> Checked:
    from workbench.data import tables, validate
    from workbench.data.schema import Schema as Blank

    if not place.exists():
        raise data_schema.no_file(project, relative)
    asked = schema or Blank()
    checks: list[Any] = []
    private: list[Finding] = []
    names: tuple[str, ...] = ()
    files: list[str] = []

    def read(named: tuple[Path, str]) -> None:
        nonlocal names
        part, name = named
        table = tables.open_table(part, name, lenient=True)
        data_schema.expect(table, schema)
        names = names or table.columns

        def make(table: Any = table) -> _Pair:
            policy = policies.PolicyCheck(
                project.config.policy, table.columns, moment=project.config.data.time, now=now
            )
            return _Pair(data_schema.new_check(asked, table, environment, now), policy)

        pair = tables.scan(table, make, progress=data_tables.told(progress, name))
        checks.append(pair.check)
        files.append(name)
        private.extend(replace(one, file=name if place.is_dir() else "") for one in pair.policy.freeze())

    parts.with_rows(parts.parts_of(place, relative), read)
    secret = {one.column for one in private}
    secret |= {name for name in names if policies.guarded(project.config.policy, name)}
    found = validate.judge(asked, checks, secret, files) if schema is not None else _plain(checks)
    if environment == "training" and relative == places.shown(project.config.data.train.removeprefix("./")):
        private += misnamed.in_training_data(project.config, names)
    empty = _empty(parts.empty_parts(place, relative))
    shown = [hidden_finding(project.config.policy, one) for one in (*empty, *found, *private)]
    hash_ = _hash(place)
    rows = sum(one.rows for one in checks)
    return Checked(relative, environment, rows, len(names), ordered(shown), hash_, schema is not None, names)


def _empty(files: Sequence[str]) -> tuple[Finding, ...]:
    """Return the finding about parts of a folder that have no bytes."""
    more = f", as is {counted(len(files) - 1, 'more part')}" if len(files) > 1 else ""
    words = "is empty, without even a header"
    return tuple(
        Finding("empty part", "warning", "", f"{clean(one, 100)} {words}{more}", file=one) for one in files[:1]
    )


class _Pair:
    """Hands batches to a check of the schema and to one of the policy."""

    def __init__(self, check: Any, policy: policies.PolicyCheck) -> None:
        self.check, self.policy = check, policy

    def add(self, batch: Any) -> None:
        """Take the next rows."""
        self.check.add(batch)
        self.policy.add(batch)


def _plain(checks: Sequence[Any]) -> tuple[Finding, ...]:
    """Return what is wrong with a table whatever it ought to be: nothing can be said of it without a schema."""
    return tuple(
        Finding("unreadable", "error", name, f"cannot be looked at: {words}", rows=check.rows)
        for check in checks
        for name, words in check.broken.items()
    )


def _relative(project: Project, place: Path) -> str:
    try:
        return place.resolve().relative_to(project.folder.resolve()).as_posix()
    except ValueError:
        return os.path.normpath(place)


def _hash(place: Path) -> str:
    """Return the hash of a file, read in pieces: a mapped file would count as memory; "" for a folder."""
    from blake3 import blake3

    if place.is_dir():
        return ""
    digest = blake3()
    try:
        with place.open("rb", buffering=0) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError:  # it went while it was read
        return ""
    return str(digest.hexdigest())


# --- in the store


def keep(project: Project, report: Report, run: int | None = None) -> None:
    """Store what a check has found; with `run`, as what was found before it started."""
    connection = project.open_store()
    try:
        with transaction(connection):
            save(connection, report, run)
    finally:
        connection.close()


def save(connection: sqlite3.Connection, report: Report, run: int | None) -> None:
    """Store what a check has found on an open connection, in the caller's transaction."""
    rows = list(report.tables)
    if report.findings:
        rows.append(Checked("", "training", None, 0, report.findings))
    for one in rows:
        facts = {"columns": one.columns, "schema": one.schema, "findings": [each.to_json() for each in one.findings]}
        connection.execute(
            "INSERT INTO validations (run, path, hash, environment, schema, rows, worst, facts, created)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                run, text(one.path), one.hash, one.environment, report.digest, one.rows, one.worst,
                text(json.dumps(facts), 1 << 24), report.created,
            ),
        )  # fmt: skip


def latest(project: Project, *, run: int | None = None) -> Report | None:
    """Return what the last check found, or the one before a run; None where there was none."""
    if not project.store_path.exists():
        return None
    connection = project.open_store()
    try:
        return stored(connection, project, data_schema.load(project), run)
    finally:
        connection.close()


def stored(
    connection: sqlite3.Connection, project: Project, present: Schema | None, run: int | None = None
) -> Report | None:
    """Return the same from an open connection, with who accepted the `present` schema."""
    where, given = ("run IS ?", run) if run is not None else ("created = (SELECT max(created) FROM validations)", 0)
    rows = connection.execute(
        "SELECT path, hash, environment, schema, rows, facts, created, run FROM validations"
        f" WHERE {where} {'AND ? = 0' if run is None else ''} ORDER BY id",
        (given,),
    ).fetchall()
    if not rows:
        return None
    tables = [loaded(row, project.config.policy) for row in rows]
    whole = tuple(each for one in tables if not one.path for each in one.findings)
    accepted = None if present is None or present.accepted is None else present.accepted.timestamp()
    by = "" if present is None else present.accepted_by
    return Report(tuple(one for one in tables if one.path), rows[0][6], whole, by, accepted, rows[0][3], rows[0][7])


def loaded(row: tuple[Any, ...], policy: Policy) -> Checked:
    """Return one stored table: path, hash, environment, schema, rows, facts, and two more that are not its own.

    What an earlier version kept of values that the policy guards is left out.
    """
    path, hash_, environment, _, count, facts, _, _ = row
    known = json.loads(facts)
    found = (one for item in known.get("findings", ()) if (one := Finding.from_json(item)) is not None)
    findings = tuple(hidden_finding(policy, one) for one in found)
    return Checked(
        path, environment, count, int(known.get("columns", 0)), findings, hash_, bool(known.get("schema", True))
    )
