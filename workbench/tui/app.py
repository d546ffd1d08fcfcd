"""The shell: tabs, screens, what the keys of everywhere do. `run_app` is what the command line calls.

Screens are `Page`s (screens/base.py) listed in screens/__init__.py and made at their first visit. Keys come from
keys.py by way of keyboard.py; background.py runs actions and says things. Widgets draw through widgets/canvas.py in the
colours of palette.py.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.filter import LineFilter
from textual.screen import Screen

from workbench.errors import WorkbenchError
from workbench.paths import user_config_folder
from workbench.project import Project
from workbench.tui import keys as keymap
from workbench.tui import palette
from workbench.tui.bars import SMALLEST, FootBar, StatusBar, TooSmall, TopBar
from workbench.tui.keyboard import Keyboard, Shell
from workbench.tui.keys import Key
from workbench.tui.leaving import last_words
from workbench.tui.reader import Carer, Reader, SnapshotReady, StoreTrouble, Watched
from workbench.tui.safety import SafeFilter
from workbench.tui.screens import available
from workbench.tui.screens.base import Page
from workbench.tui.widgets.canvas import Canvas

BARS_SECONDS = 0.5
FIRST_READ_SECONDS = 1.0
"""So long keys wait at most for what a page reads first: where the store cannot be read, they go on without."""


class WorkbenchApp(Keyboard, inherit_bindings=False):
    """The terminal interface of one project, or of the list of projects where none is open."""

    TITLE = "workbench"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[Any]] = []
    CSS = """
    Screen { background: $background; color: $foreground; layout: vertical; overflow: hidden; }
    #body { height: 1fr; width: 1fr; }
    ModalScreen { background: $background 60%; align: center middle; }
    Toast { background: $panel; }
    """

    def __init__(self, project: Project | None = None, projects: Sequence[Path] = ()) -> None:
        keys, self._key_trouble = _keys()
        super().__init__(keys)
        palette.register(self)
        self.theme = "workbench-dark"
        self.project = project
        self.projects = list(projects)
        self.pages: dict[str, Page] = {}
        self.trouble = ""
        self.frame = 0
        self.watching = False
        self.marked: list[int] = []
        self.reader = Reader(self.post_message)
        self.carer = Carer(lambda: self.project, self.post_message)
        self._bars_at = 0.0
        self._safe = SafeFilter()

    # --- what is shown

    def get_default_screen(self) -> Screen[None]:
        """Return the one screen."""
        return Shell(id="shell")

    def compose(self) -> ComposeResult:
        """Put up the bars; pages come with `go`."""
        yield TopBar(id="top")
        yield Container(id="body")
        yield StatusBar(id="status")
        yield FootBar(id="foot")
        yield TooSmall(id="small")

    def on_mount(self) -> None:
        """Begin to read, and show the first page."""
        self.reader.start()
        self.carer.start()
        self.theme_changed_signal.subscribe(self, lambda _: self.redraw_all())
        self.go("runs" if self.project is not None else "projects")
        self.set_interval(0.12, self._tick)
        if not self.is_headless:
            self.set_interval(1.0, self._leave_without_terminal)
        self.set_timer(0.5, gc.freeze)
        if self._key_trouble is not None:
            self.show_error(self._key_trouble)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Let nothing through that a terminal could obey."""
        return [*super().get_line_filters(), self._safe]

    def on_resize(self, event: events.Resize) -> None:
        """Say so where there is no room; the status line goes on low terminals."""
        width, height = event.size
        small = width < SMALLEST[0] or height < SMALLEST[1]
        for name in ("#top", "#body", "#foot"):
            self.screen_stack[0].query_one(name).display = not small
        self.screen_stack[0].query_one("#status").display = not small and height >= 16
        self.screen_stack[0].query_one("#small").display = small

    def redraw_all(self) -> None:
        """Draw everything again, for a new theme."""
        for screen in self.screen_stack:
            for canvas in screen.query(Canvas):
                canvas.redraw()

    def _tick(self) -> None:
        if self.doing:
            self.frame += 1
            for bar in self.screen_stack[0].query("#status").results(StatusBar):  # none any more on the way out
                bar.redraw()

    def _leave_without_terminal(self) -> None:
        """Leave when the terminal is gone: reading from it would keep a processor busy for ever."""
        if sys.__stdin__ is not None and not sys.__stdin__.isatty():
            os._exit(os.EX_IOERR)  # there is nothing to give back, and nobody to tell

    def tabs(self) -> list[tuple[str, str, str]]:
        """Return the tabs: id, digit, title."""
        return [(entry.id, entry.digit, entry.title) for entry in available().values() if entry.digit]

    @property
    def tab(self) -> str:
        """The tab that is lit: a run belongs to Runs."""
        entry = available().get(self.screen_id)
        return (entry.tab or entry.id) if entry is not None else ""

    # --- going somewhere

    def go(self, name: str, target: Any = None) -> None:
        """Show a page; `target` says what of it."""
        entry = available().get(name)
        if entry is None:
            return
        if self.page is not None and self.page.screen_id != name:
            self.page.leave()
            self.page.display = False
        page = self.pages.get(name)
        if page is None:
            page = self.pages[name] = entry.make()
            self.page = page
            self.hold_keys(page)
            self.call_next(self._put_up, page, target)
            return
        self.page = page
        self.hold_keys(page)
        page.display = True
        self._entered(page, target)

    async def _put_up(self, page: Page, target: Any) -> None:
        """Mount a page, and enter it once it and its widgets are there and have their sizes.

        Whoever asks a widget for its size between mounting and layout keeps Textual from ever telling it that size.
        """
        await self.screen_stack[0].query_one("#body").mount(page)
        self.call_after_refresh(self._entered, page, target)

    def _entered(self, page: Page, target: Any) -> None:
        if self.page is page:
            page.enter(target)
            page.entered = True
            page.focus_first()
            page.ask()
            self.refresh_bars()
            if page.has_read:
                self.release_keys(page)
            else:
                self.set_timer(FIRST_READ_SECONDS, lambda: self.release_keys(page))

    def open_project(self, project: Project) -> None:
        """Open another project at its runs."""
        self.project = project
        self.marked.clear()
        for name in list(self.pages):
            if name != "projects":
                self.pages.pop(name).remove()
        self.go("runs")

    def open_run(self, number: int) -> None:
        """Show one run."""
        self.go("run", number)

    # --- messages of the reader

    def on_snapshot_ready(self, message: SnapshotReady) -> None:
        """Give the page in view what was read for it."""
        page = self.page if self.is_running else None
        if page is not None and page.screen_id == message.ask.screen and message.ask.project is self.project:
            used = time.thread_time()
            page.show(message.snapshot)
            page.has_read = True
            self.release_keys(page)
            # What the widgets have drawn is still to be painted, which takes about as long again.
            self.reader.paint_seconds = 2 * (time.thread_time() - used)
            now = time.monotonic()
            if now - self._bars_at > BARS_SECONDS:
                self._bars_at = now
                self.refresh_bars()

    def on_store_trouble(self, message: StoreTrouble) -> None:
        """Say what is wrong with the store, or that it is well again."""
        self.trouble = f"{message.words}  {message.hint}".strip() if message.words else ""
        self.refresh_bars()

    # --- what the keys of everywhere do

    def do_projects(self) -> None:
        """Go to Projects."""
        self.go("projects")

    def do_runs(self) -> None:
        """Go to Runs."""
        self.go("runs")

    def can_runs(self) -> str:
        """Runs needs a project."""
        return "" if self.project is not None else "Open a project first: select one and press enter."

    def do_compare_screen(self) -> None:
        """Go to Compare."""
        self.go("compare")

    def can_compare_screen(self) -> str:
        """Compare needs a project."""
        return self.can_runs()

    def do_lineage(self) -> None:
        """Go to Lineage."""
        self.go("lineage")

    def can_lineage(self) -> str:
        """Lineage needs a project."""
        return self.can_runs()

    def do_data(self) -> None:
        """Go to Data."""
        self.go("data")

    def can_data(self) -> str:
        """Data needs a project."""
        return self.can_runs()

    def do_quit(self) -> None:
        """Leave."""
        self.exit()

    def do_interrupt(self) -> None:
        """Say how to leave."""
        quit_key = next(key for key in self.keys if key.id == "quit")
        self.say(f"Press {quit_key.shown} to leave; what runs goes on.")

    def do_next_pane(self) -> None:
        """Move the focus on."""
        self.screen.focus_next()

    def do_previous_pane(self) -> None:
        """Move the focus back."""
        self.screen.focus_previous()

    def do_palette(self) -> None:
        """Find a command by name."""
        from workbench.tui.commands import command_palette

        self.ask_for(command_palette(self), lambda command: command())

    def do_help(self) -> None:
        """Show the keys."""
        from workbench.tui.commands import Help

        self.push_screen(Help(self))

    def find_run(self, name: str) -> None:
        """Show the run that a name means: a number, `@latest`, `@best`, an id."""
        from workbench.actions import runs

        if self.project is not None:
            self.act("Looking", runs.get, self.project, name, done=lambda run: self.open_run(run.number))

    def set_theme(self, name: str) -> None:
        """Take another theme."""
        self.theme = name

    # --- watching

    def _watch_target(self) -> Project | None:
        target = getattr(self.page, "watch_target", None)
        found = target() if target is not None else self.project
        return found if isinstance(found, Project) else None

    def can_watch(self) -> str:
        """There must be a project."""
        return "" if self._watch_target() is not None else "Select a project first."

    def do_watch(self) -> None:
        """Start the watcher of the project, or stop it."""
        from workbench.actions import watch

        project = self._watch_target()
        if project is None:
            return

        def switch() -> str:
            if watch.status(project).alive:
                watch.stop(project)
                return f"{project.name} is no longer watched."
            found = watch.start(project)
            return f"Watching {found.files} files of {project.name} ({found.how})."

        self.act("Switching the watcher", switch, done=self._switched)

    def _switched(self, words: str) -> None:
        self.say(words)
        self.carer.look()

    def on_watched(self, message: Watched) -> None:
        """Show whether the project is watched."""
        if message.watching != self.watching:
            self.watching = message.watching
            self.refresh_bars()

    async def on_unmount(self) -> None:
        """End the threads."""
        self.reader.close()
        self.carer.close()


def _keys() -> tuple[tuple[Key, ...], WorkbenchError | None]:
    """Return the keys as the user wants them; where that cannot be read, as they are, and why."""
    try:
        return keymap.load(user_config_folder()), None
    except WorkbenchError as error:
        return keymap.KEYS, error


def run_app(project: Project | None, projects: Sequence[Path] = ()) -> str:
    """Run the interface until it is left; return the line that tells what goes on."""
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    app = WorkbenchApp(project, projects)
    app.run()
    return last_words(app.project)
