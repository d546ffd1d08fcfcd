"""What the Schema view shows, read on the reader's thread: schema.toml, the last check, and who accepted what."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from workbench.actions import data_schema, validate
from workbench.actions.validate import Report
from workbench.data.findings import Finding
from workbench.data.masking import hidden_schema
from workbench.data.schema import ColumnSchema, Schema
from workbench.errors import WorkbenchError
from workbench.project import Project
from workbench.tui.screens.data_checks import CheckRun, newest_check

GLYPHS = {"error": "✗", "warning": "▲", "note": "·", "": "✓"}
TONES = {"error": "worse", "warning": "mark", "note": "dim", "": "better"}
TABLE = ""
"""The name of the line for what is found in no single column."""


@dataclass(frozen=True)
class Sight:
    """The schema, or what is wrong with it, whether it was edited since somebody accepted it, and the last check.

    `check` is the newest run of one, which may still go on.
    """

    schema: Schema | None = None
    problem: str = ""
    report: Report | None = None
    edited: bool = False
    check: CheckRun | None = None

    @property
    def columns(self) -> list[str]:
        """The columns of the schema in its order, then those that only findings name, then the table as a whole."""
        known = [] if self.schema is None else [one.name for one in self.schema.columns]
        found = [one.column for one in self.findings if one.column and one.column not in known]
        whole = [TABLE] if any(not one.column for one in self.findings) else []
        return [*dict.fromkeys(known + found), *whole]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings of the last check, the most serious first; each names its file."""
        return self.report.all if self.report is not None else ()

    def of(self, name: str) -> list[Finding]:
        """Return the findings of a column, "" for those of no single one."""
        return [one for one in self.findings if one.column == name]

    def column(self, name: str) -> ColumnSchema | None:
        """Return what the schema asks of a column."""
        return self.schema.column(name) if self.schema is not None else None


class SightReader:
    """Reads sights, and keeps the schema for as long as its file stays as it is."""

    def __init__(self) -> None:
        self._stamp: tuple[object, ...] | None = None
        self._schema: Schema | None = None
        self._shown: Schema | None = None
        self._problem = ""
        self._newest: int | None = None
        self._accepted = ""

    def read(self, connection: sqlite3.Connection | None, project: Project) -> Sight:
        """Read them."""
        self._look(project)
        if connection is None:
            return Sight(self._shown, self._problem)
        (newest,) = connection.execute("SELECT max(id) FROM schemas").fetchone()
        if newest != self._newest:
            self._newest, self._accepted = newest, data_schema.last_accepted(connection)
        edited = self._schema is not None and self._accepted not in ("", self._schema.digest)
        report = validate.stored(connection, project, self._schema)
        return Sight(self._shown, self._problem, report, edited, newest_check(connection, project, "validate"))

    def _look(self, project: Project) -> None:
        try:
            facts = data_schema.place(project).stat()
        except OSError:
            self._stamp, self._schema, self._shown, self._problem = None, None, None, ""
            return
        policy = project.config.policy
        stamp = (facts.st_mtime_ns, facts.st_size, policy)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._schema, self._problem = data_schema.load(project), ""
            self._shown = self._schema and hidden_schema(policy, self._schema)
        except WorkbenchError as error:
            self._schema, self._shown, self._problem = None, None, f"{error.message}\n{error.hint}"
