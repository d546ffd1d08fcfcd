"""The Runs screen: filter, table, preview."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal

from workbench.actions import runs as actions
from workbench.runs.model import GLYPHS, Run
from workbench.safe import clean
from workbench.tui.bars import SPINNER
from workbench.tui.charts import DIM
from workbench.tui.kit.grid import Style
from workbench.tui.screens.run_actions import RunActions
from workbench.tui.screens.runs_columns import choices
from workbench.tui.screens.runs_data import RunsLoader, RunsRequest, RunsSnapshot
from workbench.tui.screens.runs_filter import FilterBar
from workbench.tui.screens.runs_preview_panel import Preview
from workbench.tui.screens.runs_table import RunsTable
from workbench.tui.widgets.canvas import Spans
from workbench.tui.widgets.dialog import Choice, Chooser, Note
from workbench.tui.widgets.table import Item, Table

PREVIEW_FROM = 100


class RunsPage(RunActions):
    """All runs of the project."""

    screen_id: ClassVar[str] = "runs"
    DEFAULT_CSS = """
    RunsPage #line { height: 1fr; }
    RunsPage #error { display: none; }
    RunsPage #preview { width: 34%; min-width: 34; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.loader = RunsLoader()
        self.snapshot = RunsSnapshot()
        self.seen = False
        self.filter_text = ""
        self.draft: str | None = None
        self.sort, self.descending = "", True
        self.group: str | None = None
        self.folded: frozenset[str] = frozenset()
        self.fresh = 0
        self.want: int | None = None
        self.frame = 0
        self.shown_at = 0.0
        self._settling = False
        self.table = RunsTable(self)
        self.bar = FilterBar(self)
        self.preview = Preview(self)
        self.error = Note(id="error")

    def compose(self) -> ComposeResult:
        """Put up filter, table and preview."""
        yield self.bar
        yield self.error
        with Horizontal(id="line"):
            yield self.table
            yield self.preview

    def on_mount(self) -> None:
        """Let what runs be seen to run."""
        self.set_interval(0.3, self._spin)
        self.set_interval(1.0, self._age)

    @property
    def marked(self) -> list[int]:
        """The marked runs, in the order in which they were marked."""
        return self.bench.marked

    def on_resize(self, event: events.Resize) -> None:
        """Give the preview room where there is some."""
        wide = event.size.width >= PREVIEW_FROM and event.size.height >= 10
        self.preview.display = wide
        self.bar.styles.height = 3 if event.size.height >= 28 else 1
        self.ask()

    # --- reading

    def enter(self, target: Any) -> None:
        """Show the runs, with the cursor on `target` where it is a number."""
        if isinstance(target, int):
            self.want = target

    def request(self) -> RunsRequest:
        """Return what the table and the preview need."""
        assert self.project is not None
        table = self.table
        first, last = table.top, table.top + table.room
        preview = table.current if isinstance(table.current, int) and table.current > 0 else None
        return RunsRequest(
            project=self.project,
            filter_text=self.filter_text if self.draft is None else self.draft,
            kept_filter=self.filter_text,
            sort=self.sort,
            descending=self.descending,
            group=self.group,
            folded=self.folded,
            window=(first, last),
            preview=preview if self.preview.display else None,
            fresh=self.fresh,
        )

    def ask(self) -> None:
        """Read again; often enough while something runs."""
        if self.project is None or not self.is_mounted:
            return
        self.every = 1.0 if self._is_live() else 20.0
        super().ask()

    def _is_live(self) -> bool:
        return bool(self.snapshot.counts.get("running") or self.snapshot.counts.get("queued"))

    def load(self, connection: sqlite3.Connection | None, request: Any) -> RunsSnapshot:
        """Read, on the reader's thread."""
        return self.loader.load(connection, request)

    def show(self, snapshot: Any) -> None:
        """Take what was read."""
        was_live, first = self._is_live(), not self.seen
        self.snapshot, self.seen = snapshot, True
        self.shown_at = time.monotonic()
        table = self.table
        before = table.current, table.top
        table.set_items(snapshot.lines)
        if self.want is not None and self.want in snapshot.lines:
            table.select(self.want)
            self.want = None
        elif first and snapshot.groups and table.current is not None and cast(int, table.current) < 0:
            table.cursor = min(1, len(table.items) - 1)
        if self.marked and not snapshot.groups and not self.filtered:
            there = set(snapshot.lines)
            self.bench.marked[:] = [number for number in self.marked if number in there]
        self.error.display = bool(snapshot.error)
        self.error.say(snapshot.error)
        self._redraw()
        if snapshot.waiting or before != (table.current, table.top) or was_live != self._is_live():
            self.ask()

    @property
    def filtered(self) -> bool:
        """Whether not all runs are asked for."""
        return bool(self.filter_text or self.draft)

    def _redraw(self) -> None:
        for canvas in (self.bar, self.table, self.preview):
            canvas.redraw()

    def _spin(self) -> None:
        if self.bench.page is self and self.snapshot.counts.get("running"):
            self.frame += 1
            self.table.spin()

    def _age(self) -> None:
        if self.bench.page is self and self._is_live() and time.monotonic() - self.shown_at > 1.0:
            self.table.redraw()

    def glyph(self, run: Run) -> str:
        """Return the sign of a run's state; one that runs turns."""
        return SPINNER[self.frame % len(SPINNER)] if run.status == "running" else GLYPHS[run.status]

    # --- which runs are meant

    def current_run(self) -> Run | None:
        """Return the run under the cursor."""
        item = self.table.current
        row = self.snapshot.rows.get(item) if isinstance(item, int) else None
        return None if row is None else row.run

    def chosen(self) -> Run | None:
        """Return the run under the cursor."""
        return self.current_run()

    def targets(self) -> list[int]:
        """Return the marked runs, else the one under the cursor."""
        run = self.current_run()
        return list(self.marked) or ([run.number] if run is not None else [])

    def baseline_number(self) -> int | None:
        """Return the run that is pinned."""
        return self.snapshot.baseline.number if self.snapshot.baseline is not None else None

    def started(self, numbers: list[int]) -> None:
        """Put the cursor on a run that was just started."""
        super().started(numbers)
        self.want = numbers[-1] if numbers else None

    def deleted(self, numbers: list[int]) -> None:
        """Forget their marks."""
        super().deleted(numbers)
        self.bench.marked[:] = [number for number in self.marked if number not in numbers]

    def changed(self) -> None:
        """Read the rows in view again at once."""
        self.fresh += 1
        self.ask()

    def on_table_moved(self, event: Table.Moved) -> None:
        """Read for the new place, once it is on the screen."""
        event.stop()
        if not self._settling:
            self._settling = True
            self.call_after_refresh(self._settle)

    def _settle(self) -> None:
        self._settling = False
        self.ask()
        self.bench.refresh_bars()

    def open_item(self, table: Table, item: Item) -> None:
        """Open a run, or fold a group."""
        if isinstance(item, int) and item < 0:
            self.fold(item)
        elif isinstance(item, int):
            self.bench.open_run(item)

    def fold(self, item: int) -> None:
        """Fold or unfold the group with this heading."""
        label = self.snapshot.groups[-item - 1].label
        self.folded = self.folded ^ {label}
        self.ask()

    # --- keys

    def can_mark(self) -> str:
        """Only runs can be marked."""
        return "" if self.current_run() is not None else "Select a run first."

    def do_mark(self) -> None:
        """Mark the run, or take its mark away, and move on."""
        run = self.current_run()
        if run is None:
            return
        if run.number in self.marked:
            self.bench.marked.remove(run.number)
        else:
            self.bench.marked.append(run.number)
        self.table.do_down()

    def do_back(self) -> None:
        """Take the marks away, then the filter."""
        if self.marked:
            self.bench.marked.clear()
        elif self.filter_text:
            self.filter_text = ""
            self.ask()
        self._redraw()

    def do_filter(self) -> None:
        """Write a filter."""
        self.bar.edit(self.filter_text)
        self.draft = self.filter_text

    def drafted(self, text: str) -> None:
        """Show what a filter finds while it is written."""
        if self.draft is not None and text != self.draft:
            self.draft = text
            self.ask()

    def filter_done(self, text: str | None) -> None:
        """Keep a filter, or go back to the one before (None)."""
        if text is not None and self.snapshot.error and text == self.draft:
            self.bench.say("The filter has a mistake; esc goes back to the one before.")
            return
        self.draft = None
        if text is not None:
            self.filter_text = text.strip()
        self.bar.close()
        self.screen.set_focus(self.table)
        self.ask()

    def do_sort(self) -> None:
        """Choose what to sort by; the same again turns the order."""
        view = self.snapshot.view
        names = [("run", "number"), ("name", "name"), ("status", "state"), ("duration", "duration"), ("created", "age")]
        names += [(f"metrics.{name}", name) for name in view.metrics] + [
            (f"params.{name}", f"params.{name}") for name in view.params
        ]
        shown = [
            Choice(key, name, ("↓" if view.descending else "↑") if key == view.sort else "", key == view.sort)
            for key, name in names
        ]
        self.bench.ask_for(Chooser("Sort by", shown), self.sort_by)

    def sort_by(self, key: str) -> None:
        """Sort, and keep it for the project."""
        view = self.snapshot.view
        self.descending = not view.descending if key == view.sort else True
        self.sort = key
        self._keep("sort", {"by": key, "descending": self.descending})
        self.ask()

    def do_group(self) -> None:
        """Choose what to group by."""
        view = self.snapshot.view
        names = [("", "no groups"), ("tag", "tag"), ("sweep", "sweep: the same command, code and data")]
        names += [("why", "why it ran"), ("status", "state"), ("name", "name")]
        names += [(f"params.{name}", f"params.{name}") for name in view.params]
        shown = [Choice(key, name, "", key == view.group) for key, name in names]
        self.bench.ask_for(Chooser("Group by", shown), self.group_by)

    def group_by(self, key: str) -> None:
        """Group, and keep it for the project."""
        self.group, self.folded = key, frozenset()
        self._keep("group", key or None)
        self.ask()

    def do_columns(self) -> None:
        """Choose the columns."""
        view = self.snapshot.view
        known = dict(choices(view))
        order = [*view.columns, *(name for name in known if name not in view.columns)]
        shown = [Choice(name, known.get(name, name), "", name in view.columns) for name in order]
        self.bench.ask_for(
            Chooser("Columns", shown, many=True, placeholder="type to narrow, space switches, enter keeps"),
            self._columns,
        )

    def _columns(self, names: list[str]) -> None:
        self._keep("columns", names or None)

    def _keep(self, key: str, value: Any) -> None:
        if self.project is not None:
            self.bench.act("Saving", actions.save_view, self.project, key, value, done=lambda _: self.changed())

    def can_compare(self) -> str:
        """Two runs must be marked."""
        count = len(self.marked)
        return "" if count >= 2 else f"Mark two runs with space ({'one is' if count else 'none is'} marked)."

    def do_compare(self) -> None:
        """Compare the marked runs."""
        self.bench.go("compare", tuple(self.marked))

    def can_export(self) -> str:
        """There must be runs."""
        return "" if self.snapshot.found else "There is nothing to export."

    def do_export(self) -> None:
        """Export the runs that are shown, in their order."""
        from workbench.tui.screens.export import export_runs  # with comparing, most of what starting would load

        if self.project is not None:
            view = self.snapshot.view
            numbers = [number for number in self.snapshot.lines if number > 0]
            export_runs(self, self.project, numbers, view.metrics, view.params)

    def commands(self) -> list[tuple[str, str, Callable[[], object]]]:
        """Offer the runs in view to the palette."""
        found: list[tuple[str, str, Callable[[], object]]] = []
        for number, row in list(self.snapshot.rows.items())[:40]:
            found.append((f"open run {number}", row.run.name, lambda number=number: self.bench.open_run(number)))  # type: ignore[misc]
        return found

    def status(self) -> Spans:
        """Say what is marked and what is under the cursor."""
        run = self.current_run()
        spans: Spans = []
        if self.marked:
            spans += [(f"◆ {len(self.marked)} marked", Style(fg="mark")), ("  ", DIM)]
        if run is not None:
            command = run.command if isinstance(run.command, str) else " ".join(run.command)
            spans += [(f"run {run.number}  ", DIM), (clean(command), DIM)]
            if run.reason:
                spans += [(f"  {clean(run.reason)}", DIM)]
        return spans
