"""What a screen is: a page of the shell with a request, a load on the reader's thread, and a show.

    class MyPage(Page):
        screen_id = "my"                                    # as in screens/__init__.py
        def compose(self): yield MyCanvas(id="chart")       # widgets of tui/widgets
        def enter(self, target): ...                        # it comes into view; `target` from app.go(id, target)
        def request(self): return MyRequest(...)            # a frozen value: what to read
        def load(self, connection, request): return ...     # on the READER'S THREAD: no widget, only frozen values
        def show(self, snapshot): ...                       # on the interface thread: keep it, redraw() the widgets
        def do_baseline(self): ...                          # the key with handler "baseline" (see tui/keys.py)
        def can_baseline(self): return "" or "why not"

After a gesture that changes what should be read call `self.ask()`. Old content stays until the new comes. Only the
page in view is read. From here use: `self.project`; `self.bench` (the app): `.act(words, function, *arguments,
done=...)` runs an action in a thread and shows its errors, `.say(text)`, `.toast(text, severity)`, `.go(id, target)`,
`.open_run(number)`, `.ask_for(dialog, done)`, `.copy(text)`.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.widget import Widget

from workbench.project import Project
from workbench.tui.reader import Ask

if TYPE_CHECKING:
    from workbench.tui.app import WorkbenchApp
    from workbench.tui.widgets.canvas import Spans


class Page(Widget):
    """One screen of the shell; it fills the space between the top line and the footer."""

    DEFAULT_CSS = "Page { layout: vertical; width: 1fr; height: 1fr; background: $background; }"

    screen_id: ClassVar[str] = ""
    entered: bool = False
    """Whether it has been entered once; before, nothing is read for it and keys wait."""
    has_read: bool = False
    """Whether there is something to show; before, keys wait for a moment."""
    every: float | None = None
    """Read again after so many seconds though the store has not changed; None only reads after changes."""

    @property
    def bench(self) -> WorkbenchApp:
        """The app, by its own type."""
        return cast("WorkbenchApp", self.app)

    @property
    def project(self) -> Project | None:
        """The open project."""
        return self.bench.project

    def enter(self, target: Any) -> None:
        """Come into view; `target` is what `app.go` was given, None for a plain switch."""

    def leave(self) -> None:
        """Go out of view."""

    def request(self) -> Any:
        """Return what should be read, as a frozen value."""
        return None

    def load(self, connection: sqlite3.Connection | None, request: Any) -> Any:
        """Read it, on the reader's thread; `connection` is None where the project has no store yet."""
        raise NotImplementedError

    def show(self, snapshot: Any) -> None:
        """Take what was read, on the interface thread."""

    def status(self) -> Spans:
        """Return what the status line says of this screen."""
        return []

    def commands(self) -> list[tuple[str, str, Any]]:
        """Return what the palette offers here beyond the keys: name, help, and a function without arguments."""
        return []

    def focus_first(self) -> None:
        """Give the focus to the main widget."""
        for child in self.walk_children(Widget):
            if child.can_focus and child.display:
                self.screen.set_focus(child)
                return

    def ask(self) -> None:
        """Read again, now; nothing happens while another screen is in view."""
        if self.bench.page is self and self.entered:
            self.bench.reader.ask(Ask(self.screen_id, self.project, self.request(), self.load, self.every))
