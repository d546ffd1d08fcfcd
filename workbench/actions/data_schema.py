"""The schema of the training data: proposed from what they hold, accepted by a person, kept in schema.toml."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import locks
from workbench.actions import data_tables, person
from workbench.actions.data_tables import Progress, told
from workbench.data import schema as schemas
from workbench.data import schema_file
from workbench.data.findings import Finding
from workbench.data.parts import parts_of, with_rows
from workbench.data.policy import PolicyCheck, guarded, identifies
from workbench.data.schema import Change, Schema
from workbench.errors import ConfigError, EnvironmentProblem, NotFoundError, UsageError
from workbench.paths import write_atomically
from workbench.project import Project
from workbench.runs.rows import text
from workbench.safe import clean
from workbench.store.connection import transaction

if TYPE_CHECKING:
    from workbench.data.tables import Table

LOCK_NAME = "schema.lock"


@dataclass(frozen=True)
class Accepted:
    """A schema as a person accepted it; `at` in seconds since the epoch."""

    by: str
    at: float
    digest: str
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Proposal:
    """What the training data at `path` ask for: `present` is None where there is no schema.toml yet.

    `changes` lead from the present schema to the proposed one; `edited` tells whether the file has been changed by hand
    since it was last accepted.
    """

    path: str
    present: Schema | None
    proposed: Schema
    changes: tuple[Change, ...]
    edited: bool = False
    findings: tuple[Finding, ...] = ()


# --- reading


def place(project: Project) -> Path:
    """Return where the schema lies."""
    return project.folder / schemas.NAME


def load(project: Project) -> Schema | None:
    """Return the schema of the project, None where there is none; raises ConfigError."""
    content = _content(project)
    return None if content is None else schema_file.parse(content)


def _content(project: Project) -> str | None:
    try:
        return place(project).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        words = f"{schemas.NAME} is not UTF-8: byte {error.start + 1} belongs to no character"
        raise ConfigError(words, f"git checkout {schemas.NAME}") from error
    except OSError as error:
        raise EnvironmentProblem(
            f"{schemas.NAME} cannot be read: {clean(str(error))}", "git checkout schema.toml"
        ) from (error)


def history(project: Project) -> list[Accepted]:
    """Return what has been accepted, the newest first."""
    if not project.store_path.exists():
        return []
    connection = project.open_store()
    try:
        rows = connection.execute("SELECT accepted_by, created, digest, changes FROM schemas ORDER BY id DESC")
        return [
            Accepted(by, at, digest, tuple(Change(**one) for one in json.loads(changes)))
            for by, at, digest, changes in rows
        ]
    finally:
        connection.close()


def last_accepted(connection: sqlite3.Connection) -> str:
    """Return the digest of what was accepted last, as this program reads it, "" where nothing was.

    The stored digest is that of the program that accepted it, which may know fewer keys.
    """
    row = connection.execute("SELECT digest, text FROM schemas ORDER BY id DESC LIMIT 1").fetchone()
    if row is None:
        return ""
    try:
        return schema_file.parse(row[1]).digest
    except ConfigError:
        return str(row[0])


def _accepted_digest(project: Project) -> str:
    if not project.store_path.exists():
        return ""
    connection = project.open_store()
    try:
        return last_accepted(connection)
    finally:
        connection.close()


# --- proposing


def propose(
    project: Project, *, anew: bool = False, progress: Progress | None = None, now: float | None = None
) -> Proposal:
    """Read the training data and return the changes that they ask for; writes nothing.

    With `anew` everything is proposed as the data are, not only what they contradict. Raises UsageError where no
    training data are named, TableError where they cannot be read.
    """
    path = data_tables.training_data(project)
    present = load(project)
    found = learn(project, path, present, progress=progress, now=time.time() if now is None else now)
    proposed, findings = found
    if present is not None and not anew:
        from workbench.data.propose import amend

        proposed = amend(present, proposed, findings)
    elif present is not None:
        proposed = replace(proposed, accepted_by=present.accepted_by, accepted=present.accepted)
    edited = present is not None and _accepted_digest(project) not in ("", present.digest)
    return Proposal(path, present, proposed, schemas.changes(present, proposed), edited, findings)


def learn(
    project: Project, path: str, present: Schema | None = None, *, progress: Progress | None, now: float
) -> tuple[Schema, tuple[Finding, ...]]:
    """Return the schema that a table asks for, and what it shows under the present one; read once for both."""
    from workbench.data import propose as proposing
    from workbench.data import tables, validate
    from workbench.data.measure import Measure
    from workbench.data.traits import Traits

    key = data_tables.key_of(project, path)
    # A schema is committed to git, where no value of a person belongs, whatever the policy says of the data.
    looked_for = project.config.policy._replace(personal="warning")

    whole, files = _Whole(), list[str]()

    def read(named: tuple[Path, str]) -> _All:
        part, name = named
        table = tables.open_table(part, name, lenient=True)
        expect(table, present)
        wanted = table.columns

        def make(table: Table = table, wanted: tuple[str, ...] = wanted) -> _All:
            check = None if present is None else new_check(present, table, "training", now)
            private = PolicyCheck(looked_for, wanted, now=now)
            return _All(Measure(table.kinds(), format=table.format, key=key), Traits(wanted), private, check)

        found = tables.scan(table, make, progress=told(progress, name))
        whole.add(found)
        files.append(name)
        return found

    with data_tables.located(project, path) as place:
        if not place.exists():
            raise no_file(project, path)
        parts = with_rows(parts_of(place, path), read)
    profile, traits = whole.profile(), whole.traits.freeze()
    private = {one.column for part in parts for one in part.policy.freeze() if one.kind == "personal data"}
    private |= {one.name for one in profile.columns if identifies(project.config.policy, one)}
    target = project.config.data.target
    fresh = proposing.propose(profile, traits, data=path, target=target, key=key, private=private, now=now)
    checks = [one.check for one in parts if one.check is not None]
    secret = {*private, *(name for name in traits.columns if guarded(project.config.policy, name))}
    findings = () if present is None else validate.judge(present, checks, secret, files)
    return fresh, findings


def no_file(project: Project, path: str) -> NotFoundError:
    """Return the error for a table that is not there, with what makes it."""
    made = any(fnmatchcase(path.removeprefix("./"), name) for step in project.config.steps for name in step.outputs)
    hint = "workbench run   (makes it)" if made else "workbench data list"
    return NotFoundError(f"{clean(path)}: there is no such file", hint)


class _All:
    """Hands batches to a profile, to traits, to the policy, and to a check where there is a schema."""

    def __init__(self, measure: Any, traits: Any, policy: PolicyCheck, check: Any) -> None:
        self.measure, self.traits, self.policy, self.check = measure, traits, policy, check

    def add(self, batch: Any) -> None:
        """Take the next rows."""
        for one in (self.measure, self.traits, self.policy, self.check):
            if one is not None:
                one.add(batch)


class _Whole:
    """What all parts of a table have shown, one part after the other."""

    def __init__(self) -> None:
        from workbench.data.measure import Keys

        self._profile: Any = None
        self.traits: Any = None
        self._keys = Keys()
        self._parts = 0

    def add(self, part: _All) -> None:
        """Take a part, which has neither profile nor traits afterwards."""
        from workbench.data import profile

        table = part.measure.freeze()
        self._profile = table if self._profile is None else profile.merge(self._profile, table)
        self._keys.add(part.measure)
        if self.traits is None:
            self.traits = part.traits
        else:
            self.traits.join(part.traits)
        part.measure = part.traits = None
        self._parts += 1

    def profile(self) -> Any:
        """Return the profile of all parts, with the duplicates of keys also between them."""
        return self._profile if self._parts == 1 else replace(self._profile, duplicates=self._keys.duplicates())


def new_check(schema: Schema, table: Table, environment: Any, now: float) -> Any:
    """Return what counts in a table that breaks the schema."""
    from workbench.data.check import Check

    columns = [(name, type_) for name, type_, _ in table.kinds()]
    return Check(schema, columns, environment=environment, now=now, damaged=table.damaged, spelled=table.spelled)


def expect(table: Table, schema: Schema | None) -> None:
    """Have read as text what the schema has as text, as far as the file has it as text too."""
    from workbench.data.tables import keep_text

    for one in schema.columns if schema is not None else ():
        if one.type == "text" and one.name in table.columns:
            keep_text(table, one.name)


# --- accepting


def accept(project: Project, who: str = "", *, proposal: Proposal | None = None, now: float | None = None) -> Accepted:
    """Write the proposed schema to schema.toml and keep who accepted it, and when; returns that.

    Without a `proposal` the data are read for one; `who` "" is the user that git knows, else that of the machine.
    Raises what `propose` raises, UsageError where the file is no longer what the proposal was made for, and
    EnvironmentProblem where it cannot be written.
    """
    now = time.time() if now is None else now
    proposal = proposal or propose(project, now=now)
    by = text(clean(who or person.user_name(project), 200))
    schema = replace(proposal.proposed, accepted_by=by, accepted=datetime.fromtimestamp(int(now), UTC))
    connection = project.open_store()
    try:
        with _alone(project):
            written = _text_of(project, proposal, schema)
            with _explained():
                write_atomically(place(project), written)
            with transaction(connection, durable=True):
                connection.execute(
                    "INSERT INTO schemas (digest, text, changes, accepted_by, created) VALUES (?, ?, ?, ?, ?)",
                    (schema_file.parse(written).digest, text(written, 1 << 24), _json(proposal.changes), by, now),
                )
    finally:
        connection.close()
    return Accepted(by, now, schema.digest, proposal.changes)


@contextmanager
def _alone(project: Project) -> Iterator[None]:
    """Keep others from accepting meanwhile; what is written would be theirs and ours by turns."""
    with _explained():
        lock = locks.take(project.inner / LOCK_NAME)
    if lock is None:
        raise UsageError(f"{schemas.NAME} is being written by somebody else", "workbench data schema   (look again)")
    try:
        yield
    finally:
        os.close(lock)


def _text_of(project: Project, proposal: Proposal, schema: Schema) -> str:
    """Return the text to write; raises UsageError where the file asks for something else than when it was read."""
    content = _content(project)
    found = None if content is None else schema_file.parse(content)
    if found is not None and (proposal.present is None or found.digest != proposal.present.digest):
        raise UsageError(f"{schemas.NAME} has changed meanwhile", "workbench data schema   (look again)")
    if content is None or found is None:
        return schema_file.write(schema)
    return schema_file.rewrite(content, found, schema)


def _json(changes: tuple[Change, ...]) -> str:
    return text(json.dumps([asdict(one) for one in changes], default=str), 1 << 24)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EnvironmentProblem(f"{schemas.NAME} cannot be written: {error.strerror or error}", "ls -l") from error
