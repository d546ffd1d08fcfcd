"""The Projects screen: the folders that Workbench knows, and the charter of the one selected."""

from __future__ import annotations

import shlex
import sqlite3
import time
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal

from workbench.config import Charter
from workbench.project import load
from workbench.runs.model import GLYPHS, STATUSES
from workbench.safe import clean
from workbench.tui.charts import BOLD, DIM, TEXT, put
from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.kit.numbers import age, short
from workbench.tui.screens.base import Page
from workbench.tui.screens.projects_data import ProjectRow, read_projects
from workbench.tui.screens.run_actions import edit
from workbench.tui.widgets.canvas import Spans
from workbench.tui.widgets.dialog import Choice, Chooser
from workbench.tui.widgets.table import Item, Table
from workbench.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from workbench.actions import pipeline

CHARTER_FROM = 80
EMPTY: list[Spans] = [
    [("No projects yet.", BOLD)],
    [],
    [("Adopt a folder:       ", DIM), ("workbench init PATH", TEXT)],
    [("Add one that is one:  ", DIM), ("workbench projects add PATH", TEXT)],
    [("Try a sample:         ", DIM), ("workbench demo", TEXT), ("   flight-delays, digits, credit-risk", DIM)],
]


class ProjectsPage(Page):
    """All projects on the list, and the one that was opened."""

    screen_id: ClassVar[str] = "projects"
    every = 2.0
    DEFAULT_CSS = """
    ProjectsPage #charter { width: 40%; height: 1fr; }
    ProjectsPage ProjectsTable { width: 1fr; height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[ProjectRow, ...] = ()
        self.seen = False
        self.table = ProjectsTable(self)
        self.charter = TextPane("Charter", id="charter")

    def compose(self) -> ComposeResult:
        """Put up the list and the charter."""
        with Horizontal():
            yield self.table
            yield self.charter

    def on_resize(self, event: events.Resize) -> None:
        """Show the charter where there is room."""
        self.charter.display = event.size.width >= CHARTER_FROM
        self.call_after_refresh(self._show_charter)

    def request(self) -> Any:
        """Return the folders."""
        own = [self.project.folder] if self.project is not None else []
        return tuple(dict.fromkeys([*own, *self.bench.projects]))

    def load(self, connection: sqlite3.Connection | None, request: Any) -> tuple[ProjectRow, ...]:
        """Read them, on the reader's thread."""
        return read_projects(request)

    def show(self, snapshot: Any) -> None:
        """Take what was read."""
        self.rows, self.seen = snapshot, True
        self.table.set_items([str(row.folder) for row in self.rows])
        self.table.redraw()
        self._show_charter()

    def selected(self) -> ProjectRow | None:
        """Return the project under the cursor."""
        return self.rows[self.table.cursor] if self.table.cursor < len(self.rows) else None

    def _show_charter(self) -> None:
        row = self.selected()
        if row is None:
            self.charter.set_text([], "")
            return
        width = max(20, self.charter.size.width - 4)
        self.charter.set_text(charter_lines(row, width))

    def on_table_moved(self, event: Table.Moved) -> None:
        """Show the charter of the project under the cursor."""
        event.stop()
        self._show_charter()
        self.bench.refresh_bars()

    def open_item(self, table: Table, item: Item) -> None:
        """Open a project."""
        row = self.selected()
        if row is None or row.project is None:
            self.bench.say(row.problem if row is not None else "There is nothing to open.")
        elif self.project is not None and row.project.folder == self.project.folder:
            self.bench.go("runs")
        else:
            self.bench.open_project(row.project)

    def can_train(self) -> str:
        """The project under the cursor must name a command."""
        row = self.selected()
        if row is None or row.project is None:
            return "Select a project first."
        return "" if any(step.command for step in row.project.config.steps) else "Its workbench.toml names no command."

    def do_train(self) -> None:
        """Start the command of the project under the cursor."""
        row = self.selected()
        if row is not None and row.project is not None:
            from workbench.actions import pipeline

            folder = row.folder
            self.bench.act("Starting", lambda: pipeline.train(load(folder)), done=self._begun)

    def _begun(self, begun: pipeline.Begun) -> None:
        self.bench.say(f"{begun.words}.")

    def watch_target(self) -> Any:
        """Return the project that `w` means here."""
        row = self.selected()
        return row.project if row is not None else None

    def do_copy(self) -> None:
        """Copy the path, or the command that opens the project."""
        row = self.selected()
        if row is not None:
            path = str(row.folder)
            command = f"workbench -C {shlex.quote(path)}"
            self.bench.ask_for(
                Chooser("Copy", [Choice(path, "path", path), Choice(command, "command", command)]),
                lambda text: self.bench.copy(text),
            )

    def do_edit(self) -> None:
        """Open workbench.toml in the user's editor."""
        row = self.selected()
        if row is not None:
            edit(self, row.folder / "workbench.toml")

    def status(self) -> Spans:
        """Say where the project is."""
        row = self.selected()
        return [(clean(str(row.folder)), DIM)] if row is not None else []


class ProjectsTable(Table):
    """One line for each project."""

    head_height: ClassVar[int] = 1

    def __init__(self, page: ProjectsPage) -> None:
        super().__init__("Projects")
        self.page = page

    def draw_head(self, grid: Grid, width: int) -> None:
        """Draw the titles."""
        grid.fill(0, 0, width, 1, Style(bg="head"))
        for title, x, room, _ in self._columns(width):
            grid.put(x, 0, clip(title, room), Style("dim", "head"))

    def _columns(self, width: int) -> list[tuple[str, int, int, str]]:
        specs = [("name", 18, "name"), ("runs", 17, "runs"), ("last", 10, "last"), ("best", 15, "best")]
        if width >= 84:
            specs.append(("watching", 16, "watch"))
        if width < 64:
            specs = specs[:3] if width >= 48 else specs[:2]
        spare = max(0, width - 4 - sum(room + 2 for _, room, _ in specs))
        found, x = [], 3
        for title, room, name in specs:
            room += min(spare, 12) if name == "name" else 0
            found.append((title, x, room, name))
            x += room + 2
        return found

    def draw_row(self, grid: Grid, y: int, item: Item, here: bool) -> None:
        """Draw a project."""
        row = next((row for row in self.page.rows if str(row.folder) == item), None)
        if row is None:
            return
        back = "select" if here else ""
        open_ = self.page.project is not None and self.page.project.folder == row.folder
        grid.put(0, y, "▌" if here and self.has_focus else " ", Style("accent", back))
        grid.put(1, y, "▲" if open_ else " ", Style("mark", back))
        for _, x, room, name in self._columns(grid.width):
            if name == "name":
                grid.put(x, y, clip(row.name, room), Style("text", back, bold=here))
            elif row.problem:
                if name == "runs":
                    grid.put(x, y, clip(f"✗ {clean(row.problem)}", grid.width - x - 1), Style("worse", back))
            else:
                self._draw_cell(grid, x, y, room, name, row, back)

    def _draw_cell(self, grid: Grid, x: int, y: int, room: int, name: str, row: ProjectRow, back: str) -> None:
        if name == "runs":
            end = x + room
            for state in STATUSES:
                text = f"{GLYPHS[state]}{row.counts.get(state, 0)}"
                if row.counts.get(state) and x + cells(text) <= end:
                    x = put(grid, x, y, text, Style(state, back)) + 1
            if not row.counts:
                put(grid, x, y, "none", Style("dim", back))
        elif name == "last" and row.last is not None:
            x = put(grid, x, y, GLYPHS[row.last.status], Style(row.last.status, back))
            put(grid, x + 1, y, age(time.time() - row.last.created), Style("dim", back))
        elif name == "best" and row.best is not None:
            x = put(grid, x, y, short(row.best[1]), Style("text", back))
            put(grid, x + 1, y, f"#{row.best[0]}", Style("dim", back))
        elif name == "watch":
            text = f"● {clean(row.watch.how)}" if row.watch.alive else "○ no"
            grid.put(x, y, clip(text, room), Style("better" if row.watch.alive else "dim", back))

    def draw_empty(self, grid: Grid) -> None:
        """Say how to add one."""
        if not self.page.seen:
            grid.put(1, 0, "Reading…", DIM)
            return
        for y, spans in enumerate(EMPTY):
            x = 1
            for text, style in spans:
                x = put(grid, x, y + 1, text, style)


def charter_lines(row: ProjectRow, width: int) -> list[Spans]:
    """Return what a project is for, where it lies, how it is watched and what it runs. Pure."""
    lines: list[Spans] = [[(row.name, BOLD)], [(clip(clean(str(row.folder)), width), DIM)], []]
    if row.problem:
        return [*lines, [(clean(row.problem), Style(fg="worse"))]]
    if row.project is None:
        return lines
    config = row.project.config
    lines += _charter(config.charter, width)
    command = config.train.command or ", ".join(f"{name}: {stage.command}" for name, stage in config.stages.items())
    metric = f"{config.metric.name} ({config.metric.goal})" if config.metric.name else "not named"
    for title, words in (("command", command or "none"), ("metric", metric), ("watching", _watching(row))):
        lines += _wrapped(title, words, width)
    return lines


def _charter(charter: Charter, width: int) -> list[Spans]:
    lines: list[Spans] = []
    for title, words in (
        ("problem", charter.problem),
        ("users", charter.users),
        ("improves", charter.improves),
        ("decision", charter.decision),
        ("priority", str(charter.priority or "")),
    ):
        lines += _wrapped(title, words, width)
    for data in charter.data:
        owner = f", owner {data.owner}" if data.owner else ""
        labels = f", labelled by {data.labelled_by}" if data.labelled_by else ""
        lines += _wrapped("data", f"{data.name} in {data.where}{owner}{labels}", width)
    return lines or [[("No [charter] in workbench.toml.", DIM)], []]


def _watching(row: ProjectRow) -> str:
    if not row.watch.alive:
        return "no; w switches it on"
    words = f"{row.watch.how}, {row.watch.files} files"
    return f"{words}; {row.watch.waiting or row.watch.problem}".rstrip("; ")


def _wrapped(title: str, words: str, width: int) -> list[Spans]:
    if not words:
        return []
    import textwrap

    lines: list[Spans] = [[(title, Style(fg="accent"))]]
    lines += [[(line, TEXT)] for line in textwrap.wrap(clean(words), max(10, width - 1))]
    return [*lines, []]
