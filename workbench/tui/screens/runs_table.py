"""The table of runs: one line each, headings where they are grouped."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from workbench.runs.model import GLYPHS, STATUSES
from workbench.safe import clean
from workbench.tui.charts import DIM, put
from workbench.tui.kit.frame import say
from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.kit.numbers import short
from workbench.tui.screens.runs_columns import Cells, Placed, place
from workbench.tui.screens.runs_data import Row, RunsSnapshot
from workbench.tui.widgets.canvas import Spans
from workbench.tui.widgets.table import Item, Table

if TYPE_CHECKING:
    from workbench.tui.screens.runs import RunsPage

MOST_KNOWN = 2000
"""Drawn lines that are kept."""


class RunsTable(Table):
    """The runs, one line each, under headings where they are grouped."""

    DEFAULT_CSS = "RunsTable { width: 1fr; }"
    head_height: ClassVar[int] = 1

    def __init__(self, page: RunsPage) -> None:
        super().__init__("Runs", id="runs")
        self.page = page
        self.columns: list[Placed] = []
        self._placed_for: tuple[RunsSnapshot | None, int] = (None, 0)
        self._cells = Cells(page.snapshot, ())
        self._look: tuple[object, ...] = ()
        self._known: dict[tuple[int, bool, bool, str], tuple[Row, Spans]] = {}
        self._now = 0.0

    def before_draw(self, width: int, height: int) -> None:
        """Place the columns and write the figures of the lines in view."""
        page, snapshot = self.page, self.page.snapshot
        first, last = self.window
        if self._placed_for[0] is not snapshot or self._placed_for[1] != width:
            self.columns = place(snapshot.view, snapshot.rows, width)
            self._cells = Cells(snapshot, self.columns)
            self._placed_for = (snapshot, width)
        self._now = time.time()
        look = (width, self.has_focus, self._cells.look)
        if look != self._look or len(self._known) > MOST_KNOWN:
            self._look = look
            self._known.clear()
        marked = f" · {len(page.marked)} marked" if page.marked else ""
        of = f"{first + 1}–{last} of {snapshot.found}" if last else ""
        self.facts = [(f"{of}{marked}", DIM)] if of else []

    def spin(self) -> None:
        """Turn the signs of what runs."""
        first, last = self.window
        for offset, item in enumerate(self.items[first:last]):
            row = self.page.snapshot.rows.get(int(item))
            if row is not None and row.run.status == "running":
                back = "select" if first + offset == self.cursor else ""
                self.patch(4, 2 + offset, self.page.glyph(row.run), Style("running", back))

    def draw_head(self, grid: Grid, width: int) -> None:
        """Draw the titles; that of the order is lit."""
        grid.fill(0, 0, width, 1, Style(bg="head"))
        view = self.page.snapshot.view
        for column in self.columns:
            lit = bool(column.sort) and column.sort in (view.sort, f"metrics.{view.sort}", f"params.{view.sort}")
            lit = lit and not column.id.startswith("curve.") and column.id != "delta"
            arrow = ("↓" if view.descending else "↑") if lit else ""
            title = clip(column.title, column.width - len(arrow)) + arrow
            x = column.x + (column.width - cells(title) if column.right else 0)
            grid.put(x, 0, title, Style("accent" if lit else "dim", "head", bold=lit))

    def paint_row(self, width: int, item: Item, here: bool) -> Spans:
        """Return a line; that of a run that has ended is drawn once for each way in which it can look."""
        number, row = int(item), self.page.snapshot.rows.get(int(item))
        moment = self._cells.moment(row.run, self._now) if row is not None else None
        if row is None or moment is None:
            return super().paint_row(width, item, here)
        key = (number, here, number in self.page.marked, moment)
        known = self._known.get(key)
        if known is None or known[0] is not row:
            known = self._known[key] = (row, super().paint_row(width, item, here))
        return known[1]

    def draw_row(self, grid: Grid, y: int, item: Item, here: bool) -> None:
        """Draw a run or a heading."""
        number, back = int(item), "select" if here else ""
        if here:
            grid.put(0, y, "▌" if self.has_focus else " ", Style("accent", back))
        if number < 0:
            self._draw_group(grid, y, number, here)
            return
        row = self.page.snapshot.rows.get(number)
        marked = number in self.page.marked
        if marked:
            grid.put(1, y, "◆", Style("mark", back))
        if row is None:
            grid.put(5, y, f"{number} …", Style("dim", back))
            return
        grid.put(3, y, self.page.glyph(row.run), Style(row.run.status, back))
        self._cells.draw(grid, y, row, back, here or marked, self._now)

    def _draw_group(self, grid: Grid, y: int, number: int, here: bool) -> None:
        snapshot = self.page.snapshot
        if -number > len(snapshot.groups):
            return
        group, back = snapshot.groups[-number - 1], "select" if here else "group"
        grid.fill(1 if here else 0, y, grid.width, 1, Style(bg=back))
        grid.put(1, y, "▸" if group.label in self.page.folded else "▾", Style("dim", back))
        best = f"best {short(group.best)}" if group.best is not None else ""
        x = put(grid, 3, y, clip(clean(group.label), max(4, grid.width - 26)), Style("text", back, bold=True))
        x = put(grid, x + 2, y, f"{group.count} run{'s' if group.count != 1 else ''}", Style("dim", back))
        for state in STATUSES:
            if group.states.get(state) and x + 5 < grid.width - len(best) - 2:
                x = put(grid, x + 2, y, f"{GLYPHS[state]}{group.states[state]}", Style(state, back))
        if best and x + len(best) + 2 < grid.width:
            put(grid, grid.width - len(best) - 1, y, "best ", Style("dim", back))
            put(grid, grid.width - len(best) + 4, y, best[5:], Style("text", back, bold=True))

    def draw_empty(self, grid: Grid) -> None:
        """Say how to come to runs."""
        page = self.page
        if not page.seen:
            words = "Reading…"
        elif page.filtered:
            words = "No run passes the filter. esc takes it away."
        elif page.can_train():
            words = "No runs yet. workbench run -- python train.py"
        else:
            words = "No runs yet. Press r to train."
        grid.blit(say(grid.width, grid.height, words), 0, 0)

    def on_table_head_clicked(self, event: Table.HeadClicked) -> None:
        """Sort by the column that was clicked."""
        event.stop()
        for column in self.columns:
            if column.x <= event.x <= column.x + column.width and column.sort:
                self.page.sort_by(column.sort)
                return

    def clicked(self, x: int) -> None:
        """A click on the sign before a heading folds; one on the place of the mark marks."""
        item = self.current
        if isinstance(item, int) and item < 0 and x <= 2:
            self.page.fold(item)

    def do_left(self) -> None:
        """Fold the group."""
        item = self.current
        if isinstance(item, int) and item < 0 and self.page.snapshot.groups[-item - 1].label not in self.page.folded:
            self.page.fold(item)

    def do_right(self) -> None:
        """Unfold the group, or open the run."""
        item = self.current
        if isinstance(item, int) and item < 0:
            if self.page.snapshot.groups[-item - 1].label in self.page.folded:
                self.page.fold(item)
        else:
            self.do_open()
