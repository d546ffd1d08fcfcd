"""Data: versions of what runs read, what the chosen one holds, and how it differs from the one before."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Container, Horizontal

from workbench.actions import data as data_actions
from workbench.actions.data_tables import Version
from workbench.project import Project
from workbench.safe import clean
from workbench.tui.kit.grid import Style
from workbench.tui.kit.numbers import ago, size
from workbench.tui.screens.data_columns import ColumnTable, difference_spans
from workbench.tui.screens.data_detail import Detail
from workbench.tui.screens.data_files import FileTable
from workbench.tui.screens.data_reading import compute, overwritten, snapshot
from workbench.tui.screens.data_sight import Files, Sight, SightReader, Wish
from workbench.tui.screens.data_versions import VersionTable
from workbench.tui.screens.data_views import DataView
from workbench.tui.widgets.canvas import Spans
from workbench.tui.widgets.dialog import Confirm
from workbench.tui.widgets.table import Item, Table
from workbench.words import counted, ranges

GRID_SIZE = (110, 24)
PAIR_SIZE = (80, 18)
AT_ONCE = 200_000_000
"""Files of up to so many bytes are profiled as soon as they are looked at; larger ones when enter asks for it."""
_DIM = Style(fg="dim")


class DataPage(DataView):
    """The versions of all data, and one of them closely."""

    screen_id: ClassVar[str] = "data"
    panes: ClassVar[Mapping[str, str]] = {
        "versions": "Versions",
        "columns": "Columns",
        "detail": "Column",
        "files": "Files",
    }
    every = 30.0
    DEFAULT_CSS = """
    DataPage #panes { height: 1fr; width: 1fr; }
    DataPage #versions { width: 1fr; height: 1fr; }
    DataPage #lower { width: 1fr; height: 2fr; }
    DataPage #columns { width: 1fr; height: 1fr; }
    DataPage #detail { width: 1fr; height: 1fr; }
    DataPage #files { width: 1fr; height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.sight: Sight | None = None
        self.problems: dict[str, str] = {}
        self._wanted: tuple[str, str] = ("", "")
        self._aimed = False
        self._asked: set[tuple[str, str]] = set()
        self._reader = SightReader()
        self.versions = VersionTable(id="versions")
        self.columns = ColumnTable(id="columns")
        self.detail = Detail(id="detail")
        self.files = FileTable(id="files")

    def compose(self) -> ComposeResult:
        """Put up the panes; which are in view depends on the room."""
        yield self.bar
        with Container(id="panes"):
            yield self.versions
            with Horizontal(id="lower"):
                yield self.columns
                yield self.detail
                yield self.files

    # --- what is read and shown

    def enter(self, target: Any) -> None:
        """Come into view; `target` is a path, or a path and a hash."""
        if target is not None:
            path, _, hash_ = str(target).partition("\n")
            self._wanted, self._aimed = (path, hash_), True
        self.settle()

    def request(self) -> Wish | None:
        """Ask for all data and the version under the cursor."""
        return Wish(self.project, *self._wanted) if self.project is not None else None

    def load(self, connection: sqlite3.Connection | None, request: Any) -> Sight | None:
        """Read them, on the reader's thread."""
        return None if request is None else self._reader.read(connection, request)

    def show(self, snapshot: Sight | None) -> None:
        """Take what was read."""
        self.sight = snapshot
        data = () if snapshot is None else snapshot.data
        self.versions.facts = [(counted(sum(len(one.versions) for one in data), "version"), _DIM)] if data else []
        self.versions.take(data, time.time())
        chosen = None if snapshot is None else snapshot.chosen
        if self._aimed and chosen is not None and chosen.path == self._wanted[0]:
            self._aimed = False
            self.versions.select(f"{chosen.path}\n{chosen.hash}")
        self._show_chosen()
        self._compute(by_itself=True)
        self.bench.refresh_bars()

    def _show_chosen(self) -> None:
        sight = self.sight
        matches = sight is not None and sight.chosen is not None and self._is_chosen(sight.chosen)
        shown = sight if matches else None
        self.columns.heading = "Columns"
        self.columns.facts = []
        if shown is not None and shown.chosen is not None and shown.chosen.profile is not None:
            table = shown.chosen.profile
            self.columns.heading = f"{shown.chosen.hash[:10]}   {counted(table.rows, 'row')}"
            self.columns.facts = difference_spans(shown.found, self.columns.by_shift)
        self.columns.take(shown, self._words(shown))
        if shown is not None and shown.files is not None and shown.chosen is not None:
            self.files.take(shown.files, f"{shown.chosen.hash[:10]}   {counted(shown.chosen.files, 'file')}")
        else:
            self.files.take(Files(problem="Reading the list of files…"), "Files")
        self._show_column()
        self.settle()

    def _is_chosen(self, version: Version) -> bool:
        chosen = self.versions.chosen
        return chosen is not None and (chosen.path, chosen.hash) == (version.path, version.hash)

    def _words(self, sight: Sight | None) -> str:
        """Return why there are no columns to show."""
        version = self.versions.chosen
        if version is None:
            return "Choose a version." if self.versions.versions else ""
        if problem := self.problems.get(version.hash):
            return problem
        if not version.kept:
            return "Only its facts are kept, the bytes stayed where they were."
        if sight is None or version.size <= AT_ONCE or (version.path, version.hash) in self._asked:
            return "Reading the table…"
        return f"{size(version.size)}: press enter to read it."

    def _show_column(self) -> None:
        self.detail.take(self.columns.column, self.columns.shift, plain=bool(self.app.no_color))

    def on_table_moved(self, event: Table.Moved) -> None:
        """Read the version, or show the column, under the cursor."""
        event.stop()
        if event.table is self.versions:
            version = self.versions.chosen
            self._wanted = (self.versions.path, version.hash if version is not None else "")
            self._show_chosen()
            self.ask()
        else:
            self._show_column()
        self.bench.refresh_bars()

    def open_item(self, table: Table, item: Item) -> None:
        """Go one pane further in."""
        if table is self.versions:
            self._compute(by_itself=False)
        at = self.names.index(self._pane) if self._pane in self.names else 0
        self.go_pane(self.names[min(at + 1, len(self.names) - 1)])

    # --- what is not known yet

    def _compute(self, *, by_itself: bool) -> None:
        """Have the chosen version read by a process of its own, once; what it finds comes back through the store."""
        sight, project = self.sight, self.project
        if project is None or sight is None or sight.chosen is None or not sight.wants_profile:
            return
        chosen, before = sight.chosen, sight.before
        key = (chosen.path, chosen.hash)
        known = key in self._asked or chosen.hash in self.problems
        if by_itself and (known or chosen.size > AT_ONCE):
            return
        if key in self._asked and chosen.hash not in self.problems:
            return
        self.problems.pop(chosen.hash, None)
        self._asked.add(key)

        def take(problem: str) -> None:
            if problem:
                self.problems[chosen.hash] = problem
            self._show_chosen()

        self.work(f"reading {clean(chosen.path, 60)}", compute, project, chosen, before, done=take)

    # --- the room

    @property
    def names(self) -> list[str]:
        """The panes in which there is something to show: files of a folder, columns of a table."""
        chosen = self.versions.chosen
        return ["versions", "files"] if chosen is not None and chosen.kind == "folder" else list(self.panes)[:3]

    @property
    def shown(self) -> tuple[str, ...]:
        """The panes in view."""
        width, height = self.room
        if width >= GRID_SIZE[0] and height >= GRID_SIZE[1]:
            return tuple(self.names)
        if width >= PAIR_SIZE[0] and height >= PAIR_SIZE[1]:
            return tuple(self.names[:2]) if self._pane != "detail" else ("columns", "detail")
        return (self._pane,)

    def lay_out(self, shown: tuple[str, ...]) -> None:
        """Put columns and column side by side where there is room, else above each other."""
        lower = self.query_one("#lower")
        lower.display = len(shown) > 1 or shown[0] != "versions"
        wide = self.size.width >= GRID_SIZE[0]
        lower.styles.layout = "horizontal" if wide else "vertical"
        self.columns.styles.width, self.detail.styles.width = ("3fr", "2fr") if wide else ("1fr", "1fr")
        tall = self.size.height >= 34
        self.versions.styles.height = ("1fr" if tall else "3fr") if len(shown) > 1 else "1fr"
        lower.styles.height = "2fr" if tall else "5fr"

    def status(self) -> Spans:
        """Say which panes there are, and what the chosen version is."""
        spans = self.pane_spans()
        version = self.versions.chosen if self.sight is not None else None
        if version is None:
            return spans
        used = ranges(version.runs)
        by = f"used by {'run' if used.isdecimal() else 'runs'} {used}" if used else "used by no run"
        name = f"{clean(version.path, 40)}@" if self.size.width >= GRID_SIZE[0] else ""
        words = f"first seen {ago(max(0.0, time.time() - version.created))}"
        return self.fitting(spans, (f"{name}{version.hash[:10]}", words, by))

    # --- keys

    def do_snapshot(self) -> None:
        """Take versions of all that the configuration names, as it is now."""
        project = self.project
        if project is not None:
            self.work("taking a snapshot", snapshot, project, done=self._taken)

    def can_snapshot(self) -> str:
        """There must be data."""
        if self.project is None:
            return "Open a project first: select one and press enter."
        return "" if data_actions.named(self.project.config) else "Name the training data in workbench.toml."

    def _taken(self, taken: list[Any]) -> None:
        known = {version.hash for version, _ in self.versions.versions.values()}
        bad, good = [item for item in taken if item.problem], [item for item in taken if not item.problem]
        fresh = [item for item in good if item.hash not in known]
        words = f"{len(fresh)} new of {len(good)} version{'' if len(good) == 1 else 's'}"
        if bad:
            words += f"; {clean(bad[0].path, 60)}: {clean(bad[0].problem, 100)}"
        self.bench.say(f"Snapshot taken: {words}.")
        if fresh:
            order = [self.versions.path, *self.versions.data]
            first = min(fresh, key=lambda item: order.index(item.path) if item.path in order else len(order))
            self._wanted, self._aimed = (first.path, first.hash), True

    def can_restore(self) -> str:
        """There must be a version whose bytes are kept."""
        version = self.versions.chosen
        if version is None:
            return "Choose a version first."
        return "" if version.kept else "Its bytes are not kept."

    def do_restore(self) -> None:
        """Bring the chosen version back, after showing what it overwrites."""
        project, version = self.project, self.versions.chosen
        if project is None or version is None:
            return
        lines = overwritten(project, version)
        dialog = Confirm(f"Restore {clean(version.path, 50)}", lines, "Restore")
        self.bench.ask_for(dialog, lambda _: self._restore(project, version))

    def _restore(self, project: Project, version: Version) -> None:
        def restore() -> str:
            found = data_actions.find(project, f"{version.path}@{version.hash}")
            return data_actions.restore(project, found).note

        self.bench.act(
            "restoring", restore, done=lambda note: self.bench.say(f"Restored {version.path}. {note}".strip())
        )

    def do_data_order(self) -> None:
        """Order the columns by how far they moved, or as the file has them."""
        self.columns.by_shift = not self.columns.by_shift
        self._show_chosen()

    def can_data_order(self) -> str:
        """There must be a version before."""
        return "" if self.sight is not None and self.sight.found is not None else "There is no version to compare with."

    def do_copy(self) -> None:
        """Copy the hash of the version."""
        version = self.versions.chosen
        if version is not None:
            self.bench.copy(version.hash, "the hash")

    def can_copy(self) -> str:
        """There must be a version."""
        return "" if self.versions.chosen is not None else "Choose a version first."
