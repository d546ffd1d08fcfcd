"""What the views of the data share: the line that names them, their panes, and a check in a process of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from textual import events
from textual.css.query import NoMatches

from workbench.tui.bars import Bar
from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.screens import available
from workbench.tui.screens.base import Page
from workbench.tui.screens.data_reading import Job
from workbench.tui.widgets.canvas import Spans

LOWEST = 12
"""Lines from which the views are named."""
VIEWS = {"data": "Versions", "schema": "Schema", "drift": "Drift"}
_DIM, _TEXT = Style(fg="dim"), Style(fg="text")


class ViewBar(Bar):
    """The views side by side, the one in view lit, and at the right what the view says of itself."""

    def __init__(self, view: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.view = view
        self.facts: Spans = []
        self.brief: Spans = []
        """What stands there in place of the facts where these have no room."""

    def draw(self, width: int, height: int) -> Grid:
        """Draw the line."""
        grid = Grid(width, height)
        x, self.spots = 1, []
        for name, title in views().items():
            if x > 1:
                grid.put(x, 0, "│", Style(fg="grid"))
                x += 1
            here = name == self.view
            grid.put(x, 0, f" {title} ", Style("text", "chip", bold=True) if here else _DIM)
            self.spots.append((x, x + len(title) + 2, name))
            x += len(title) + 2
        grid.put(x + 1, 0, "[ ]", Style(fg="key"))
        room, at, facts = width - x - 7, width - 1, self.facts
        if self.brief and sum(cells(text) for text, _ in facts) > room:
            facts = self.brief
        at -= min(sum(cells(text) for text, _ in facts), max(0, room))
        for text, style in facts:
            grid.put(at, 0, clip(text, max(0, width - 1 - at)), style)
            at += cells(text)
        return grid

    def on_click(self, event: events.Click) -> None:
        """Go to the view under the pointer."""
        event.stop()
        for first, after, name in self.spots:
            if first <= event.x < after:
                self.bench.go(name)
                return


def views() -> dict[str, str]:
    """Return the views that exist: id and title."""
    return {name: title for name, title in VIEWS.items() if name in available()}


class DataView(Page):
    """A view of the data: panes of which as many are in view as there is room for."""

    DEFAULT_CSS = "DataView #views { height: 1; }"

    panes: ClassVar[Mapping[str, str]] = {}
    """The panes by id, with their titles; the first has the focus at first."""

    def __init__(self) -> None:
        super().__init__()
        self.bar = ViewBar(self.screen_id, id="views")
        self.jobs: list[Job] = []
        """What runs for this page."""
        self._pane = next(iter(self.panes))

    def on_unmount(self) -> None:
        """End what goes on for this page: nobody waits for it."""
        self.give_up()

    # --- what runs for it

    def work(self, words: str, function: Callable[..., Any], *arguments: Any, done: Callable[[Any], object]) -> None:
        """Run an action with a job before its arguments, in a thread; what the job tells stands behind the words."""
        number: list[int] = []
        job = Job(lambda told: self.bench.reword(number[0], f"{words}, {told}") if number else None)
        self.jobs.append(job)

        def run() -> Any:
            try:
                return function(job, *arguments)
            finally:
                self.jobs.remove(job)

        number.append(self.bench.act(words, run, done=done))

    def give_up(self) -> None:
        """End what runs for this page."""
        for job in list(self.jobs):
            job.give_up()

    def can_stop(self) -> str:
        """Something must be running."""
        return "" if self.jobs else "Nothing is being read or checked."

    def do_stop(self) -> None:
        """Give up what is being read or checked; that harms nothing."""
        self.give_up()

    # --- the room

    @property
    def shown(self) -> tuple[str, ...]:
        """The panes in view."""
        raise NotImplementedError

    def lay_out(self, shown: tuple[str, ...]) -> None:
        """Give the panes in view their places."""
        raise NotImplementedError

    @property
    def room(self) -> tuple[int, int]:
        """Columns and lines that the panes have."""
        return self.size.width, max(0, self.size.height - int(self.size.height >= LOWEST))

    def on_resize(self, event: events.Resize) -> None:
        """Show what there is room for."""
        self.settle()

    def settle(self) -> None:
        """Show the panes that there is room for; the focus stays in view."""
        if self.is_mounted:
            with contextlib.suppress(NoMatches):  # a page on its way out has some no more
                self._settle()

    def _settle(self) -> None:
        if self._pane not in self.names:
            self._pane = self.names[0]
        shown = self.shown
        for name in self.panes:
            self.query_one(f"#{name}").display = name in shown
        self.bar.display = self.size.height >= LOWEST
        self.lay_out(shown)
        focused = self.app.focused
        if self.bench.page is self and (focused is None or focused.id not in shown):
            self.focus_first()

    @property
    def names(self) -> list[str]:
        """The panes in which there is something to show."""
        return list(self.panes)

    # --- from pane to pane

    def focus_first(self) -> None:
        """Give the focus to the pane that has it."""
        self.query_one(f"#{self._pane}").focus()

    def go_pane(self, name: str) -> None:
        """Give the focus to a pane, bringing it into view."""
        self._pane = name if name in self.names else self.names[0]
        self.settle()
        self.focus_first()
        self.bench.refresh_bars()

    def can_next_pane(self) -> str:
        """There must be other panes."""
        return "" if len(self.names) > 1 else "There is nothing more to show yet."

    can_previous_pane = can_next_pane

    def do_next_pane(self) -> None:
        """Go to the next pane."""
        self._turn_pane(1)

    def do_previous_pane(self) -> None:
        """Go to the pane before."""
        self._turn_pane(-1)

    def _turn_pane(self, by: int) -> None:
        names = self.names
        at = names.index(self._pane) if self._pane in names else 0
        self.go_pane(names[(at + by) % len(names)])

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Remember the pane with the focus."""
        if event.widget.id in self.panes:
            self._pane = str(event.widget.id)
        self.bench.refresh_bars()

    def do_back(self) -> None:
        """Go one pane out, then to the versions, then to the runs."""
        at = self.names.index(self._pane) if self._pane in self.names else 0
        if at:
            self.go_pane(self.names[at - 1])
        else:
            self.bench.go("runs" if self.screen_id == "data" else "data")

    def pane_spans(self) -> Spans:
        """Return the names of the panes where not all are in view."""
        if len(self.shown) == len(self.names):
            return []
        spans: Spans = [("tab ", Style(fg="key"))]
        for name in self.names:
            spans.append((f" {self.panes[name]} ", Style("text", "chip") if name == self._pane else _DIM))
        return [*spans, ("  ", _DIM)]

    def fitting(self, spans: Spans, more: Iterable[str]) -> Spans:
        """Return the spans with those of the words that fit behind them in the status line."""
        room = self.size.width - 2 - sum(cells(text) for text, _ in spans)
        found = list(spans)
        for words in more:
            if cells(words) <= room:
                found.append((f"{words}  ", _DIM))
                room -= cells(words) + 2
        return found

    # --- from view to view

    def do_next_view(self) -> None:
        """Go to the next view."""
        self._turn_view(1)

    def do_previous_view(self) -> None:
        """Go to the view before."""
        self._turn_view(-1)

    def _turn_view(self, by: int) -> None:
        names = list(views())
        self.bench.go(names[(names.index(self.screen_id) + by) % len(names)])

    def commands(self) -> list[tuple[str, str, object]]:
        """Return the views for the palette."""
        return [
            (title.lower(), f"Go to the {title} of the data.", lambda name=name: self.bench.go(name))
            for name, title in views().items()
            if name != self.screen_id
        ]
