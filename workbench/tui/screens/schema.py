"""Schema: what is asked of the data, column by column, and what the last check found; accepted by a key."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Container

from workbench.actions import data as data_actions
from workbench.actions import data_schema
from workbench.data.schema import NAME, Change, change_words
from workbench.safe import clean
from workbench.tui.kit.grid import Style
from workbench.tui.kit.numbers import ago
from workbench.tui.screens.data_checks import CheckingView
from workbench.tui.screens.data_reading import Answer, told
from workbench.tui.screens.run_actions import edit
from workbench.tui.screens.schema_columns import SchemaTable
from workbench.tui.screens.schema_findings import FindingsPane
from workbench.tui.screens.schema_sight import Sight, SightReader
from workbench.tui.widgets.canvas import Spans
from workbench.tui.widgets.dialog import Confirm
from workbench.tui.widgets.table import Item, Table
from workbench.words import counted

GRID_SIZE = (104, 12)
PAIR_SIZE = (60, 16)
_DIM = Style(fg="dim")
_SIGNS = {"+": "better", "-": "worse", "~": "mark"}
_UNNAMED = "Name the training data in workbench.toml."


class SchemaPage(CheckingView):
    """The schema with what was found."""

    screen_id: ClassVar[str] = "schema"
    kind, yes, no = "validate", "No error was found.", "There are errors."
    every = 5.0
    panes: ClassVar[Mapping[str, str]] = {"schema": "Schema", "findings": "Column"}
    DEFAULT_CSS = """
    SchemaPage #both { height: 1fr; width: 1fr; }
    SchemaPage #schema { width: 1fr; height: 1fr; }
    SchemaPage #findings { width: 1fr; height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.sight: Sight | None = None
        self.schema = SchemaTable(id="schema")
        self.findings = FindingsPane(id="findings")
        self._reader = SightReader()

    def compose(self) -> ComposeResult:
        """Put up the panes; which are in view depends on the room."""
        yield self.bar
        with Container(id="both"):
            yield self.schema
            yield self.findings

    # --- what is read and shown

    def enter(self, target: Any) -> None:
        """Come into view."""
        self.settle()

    def request(self) -> Any:
        """Ask for the project's schema and its last check."""
        return self.project

    def load(self, connection: sqlite3.Connection | None, request: Any) -> Sight | None:
        """Read them, on the reader's thread."""
        return None if request is None else self._reader.read(connection, request)

    def show(self, snapshot: Sight | None) -> None:
        """Take what was read."""
        self.sight = snapshot or Sight()
        self.follow(self.sight.check)
        self.schema.take(self.sight)
        self.bar.facts, self.bar.brief = _headline(self.sight), _headline(self.sight, brief=True)
        self.bar.redraw()
        self.settle()
        self._show_column()
        self.bench.refresh_bars()

    def _show_column(self) -> None:
        self.findings.take(self.sight or Sight(), self.schema.column)

    def on_table_moved(self, event: Table.Moved) -> None:
        """Show the column under the cursor."""
        event.stop()
        self._show_column()

    def open_item(self, table: Table, item: Item) -> None:
        """Go to the column."""
        self.go_pane("findings")

    # --- the room

    @property
    def names(self) -> list[str]:
        """The panes in which there is something to show."""
        return list(self.panes) if self.sight is not None and self.sight.columns else ["schema"]

    @property
    def shown(self) -> tuple[str, ...]:
        """The panes in view."""
        if len(self.names) == 1:
            return ("schema",)
        width, height = self.room
        both = any(width >= least and height >= low for least, low in (GRID_SIZE, PAIR_SIZE))
        return tuple(self.panes) if both else (self._pane,)

    def lay_out(self, shown: tuple[str, ...]) -> None:
        """Put the panes side by side where there is room, else above each other."""
        wide = self.size.width >= GRID_SIZE[0]
        both = len(shown) == 2
        self.query_one("#both").styles.layout = "horizontal" if wide else "vertical"
        self.schema.styles.width = "2fr" if wide and both else "1fr"
        self.findings.styles.width = "1fr"
        self.schema.styles.height = "3fr" if both and not wide else "1fr"
        self.findings.styles.height = "2fr" if both and not wide else "1fr"

    def status(self) -> Spans:
        """Say what is being checked, else which panes there are, and of which data the schema was learned."""
        spans = [*self.check_spans(), *self.pane_spans()]
        schema = self.sight.schema if self.sight is not None else None
        if schema is not None:
            spans.append((f"learned from {counted(schema.rows, 'row')} of {clean(schema.data, 60)}", _DIM))
            if schema.key:
                spans.append((f", key {clean(', '.join(schema.key), 60)}", _DIM))
        return spans

    # --- keys

    def can_check(self) -> str:
        """There must be data, and no check under way."""
        return self.why_not_check or self.can_accept()

    def do_check(self) -> None:
        """Hold all data that the configuration names against the schema and the policy."""
        self.start_check(())

    def words_of(self, options: Sequence[str]) -> str:
        """Say what a check does."""
        return "holding the data against the schema"

    def can_accept(self) -> str:
        """There must be data."""
        if self.project is None:
            return "Open a project first: select one and press enter."
        return "" if data_actions.named(self.project.config) else _UNNAMED

    def do_accept(self) -> None:
        """Read the training data for what they ask of the schema, and show it before it is written."""
        project = self.project
        if project is not None:
            self.work("reading the training data", told, project, ["data", "schema"], done=self._proposed)

    def _proposed(self, answer: Answer) -> None:
        found = answer.document
        if found is None:
            return
        changes = [Change(one["column"], one["key"], one["before"], one["after"]) for one in found["changes"]]
        unaccepted = self.sight is not None and self.sight.schema is not None and not self.sight.schema.accepted
        if found["exists"] and not changes and not found["edited"] and not unaccepted:
            self.bench.say("The training data ask for no change.")
            return
        lines = [(clean(change_words(one), 300), Style(fg=_SIGNS[one.sign])) for one in changes]
        if not lines:
            lines = [(f"{NAME} as it is now, though nobody has accepted it so.", _DIM)]
        title = f"Change {NAME}" if found["exists"] else f"Write {NAME}"
        self.bench.ask_for(Confirm(title, lines, "Accept"), lambda _: self._accept())

    def _accept(self) -> None:
        project = self.project
        if project is not None:
            words = ["data", "schema", "--accept"]
            self.work("writing the schema", told, project, words, done=self._accepted)

    def _accepted(self, answer: Answer) -> None:
        accepted = (answer.document or {}).get("accepted")
        by = clean(str(accepted["by"]), 60) if accepted else ""
        self.bench.say(f"{NAME} accepted by {by}." if accepted else "There was nothing to accept.")

    def can_edit(self) -> str:
        """There must be a file."""
        project = self.project
        return "" if project is not None and data_schema.place(project).exists() else f"There is no {NAME} yet."

    def do_edit(self) -> None:
        """Open schema.toml in the user's editor."""
        if self.project is not None:
            edit(self, data_schema.place(self.project))
            self.ask()

    def can_copy(self) -> str:
        """There must be a column."""
        return "" if self.schema.column else "Choose a column first."

    def do_copy(self) -> None:
        """Copy the name of the column."""
        self.bench.copy(self.schema.column or "", "the name of the column")


def _headline(sight: Sight, *, brief: bool = False) -> Spans:
    """Return who accepted the schema and, unless brief, on which day; and when it was last held against data."""
    schema, report = sight.schema, sight.report
    spans: Spans = [(clean(sight.problem.partition("\n")[0], 120), Style(fg="worse"))] if sight.problem else []
    if schema is not None:
        if schema.accepted is None:
            spans.append(("accepted by nobody", Style(fg="mark")))
        else:
            day = "" if brief else f" on {schema.accepted:%Y-%m-%d}"
            spans.append((f"accepted by {clean(schema.accepted_by, 20 if brief else 40)}{day}", _DIM))
        if sight.edited:
            spans.append(("  edited since", Style(fg="mark")))
    when = f"checked {ago(max(0.0, time.time() - report.created))}" if report is not None else "not checked yet"
    return [*spans, (f"  {when} ", _DIM)] if schema is not None or report is not None else spans
