"""The shell: tabs, screens, keys, actions in the background, messages. `run_app` is what the command line calls.

Screens are `Page`s (screens/base.py) listed in screens/__init__.py and made at their first visit. Keys come from
keys.py. Widgets draw through widgets/canvas.py in the colours of palette.py.
"""

from __future__ import annotations

import gc
import itertools
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from rich.segment import Segment
from textual import events, work
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.color import Color
from textual.containers import Container
from textual.filter import LineFilter
from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Input

from workbench.errors import WorkbenchError
from workbench.paths import user_config_folder
from workbench.project import Project
from workbench.safe import clean, strip_controls
from workbench.tui import keys as keymap
from workbench.tui import palette
from workbench.tui.bars import FootBar, StatusBar, TopBar
from workbench.tui.keys import Key
from workbench.tui.reader import Carer, Reader, SnapshotReady, StoreTrouble, Watched, is_watched
from workbench.tui.screens import available
from workbench.tui.screens.base import Page
from workbench.tui.widgets.canvas import Canvas

SMALLEST = (24, 6)
SAID_SECONDS = 6.0
BARS_SECONDS = 0.5


class SafeFilter(LineFilter):
    """Takes out of every line what a terminal could obey; the last thing before the driver."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments without control characters; those that Textual itself made to control stay."""
        return [
            one if one.control or one.text.isprintable() else Segment(strip_controls(one.text), one.style)
            for one in segments
        ]


class Done(Message):
    """An action has ended: `words` name it, and it gave a `result` or raised an `error`."""

    def __init__(self, job: int, result: Any, error: Exception | None, done: Callable[[Any], object] | None) -> None:
        super().__init__()
        self.job = job
        self.result = result
        self.error = error
        self.done = done


class Shell(Screen[None], inherit_bindings=False):
    """The one screen of the app; what Textual would bind to tab is left to the registry, pages choose their focus."""

    AUTO_FOCUS = ""


class WorkbenchApp(App[None], inherit_bindings=False):
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
        self.keys: tuple[Key, ...] = keymap.KEYS
        self._key_trouble: WorkbenchError | None = None
        try:
            self.keys = keymap.load(user_config_folder())
        except WorkbenchError as error:
            self._key_trouble = error
        super().__init__()
        palette.register(self)
        self.theme = "workbench-dark"
        self.project = project
        self.projects = list(projects)
        self.pages: dict[str, Page] = {}
        self.page: Page | None = None
        self.trouble = ""
        self.said = ""
        self.doing: dict[int, str] = {}
        self.frame = 0
        self.watching = False
        self.marked: list[int] = []
        self.reader = Reader(self.post_message)
        self.carer = Carer(lambda: self.project, self.post_message)
        self._jobs = itertools.count(1)
        self._said_timer: Any = None
        self._bars_at = 0.0
        self._early: list[events.Key] = []
        self._safe = SafeFilter()
        for stroke in dict.fromkeys(name for key in self.keys for name in key.keys):
            self._bindings.key_to_bindings.setdefault(stroke, []).extend(
                [
                    Binding(stroke, f"press_at_once({stroke!r})", show=False, priority=True),
                    Binding(stroke, f"press({stroke!r})", show=False),
                ]
            )

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

    def refresh_bars(self) -> None:
        """Draw the bars again."""
        if self.screen_stack:
            for bar in self.screen_stack[0].query("#top, #status, #foot").results(Canvas):
                bar.redraw()

    def _tick(self) -> None:
        if self.doing:
            self.frame += 1
            for bar in self.screen_stack[0].query("#status").results(StatusBar):  # none any more on the way out
                bar.redraw()

    def tabs(self) -> list[tuple[str, str, str]]:
        """Return the tabs: id, digit, title."""
        return [(entry.id, entry.digit, entry.title) for entry in available().values() if entry.digit]

    @property
    def tab(self) -> str:
        """The tab that is lit: a run belongs to Runs."""
        entry = available().get(self._screen_id)
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
            self.call_next(self._put_up, page, target)
            return
        self.page = page
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
        early, self._early = self._early, []
        for event in early:
            self.call_next(self.on_event, event)

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

    # --- keys

    async def on_event(self, event: events.Event) -> None:
        """Keep keys that are typed while a page is put up until it is there."""
        is_early = self.page is not None and not self.page.entered
        if isinstance(event, events.Key) and is_early and isinstance(self.screen, Shell):
            self._early.append(event)
            return
        await super().on_event(event)

    def why_not(self, key: Key) -> str:
        """Return why a key cannot act now, "" where it can."""
        for owner in self._owners():
            if hasattr(owner, f"do_{key.method}"):
                can = getattr(owner, f"can_{key.method}", None)
                return str(can()) if can is not None else ""
        return f"{key.shown} does nothing here."

    def _owners(self) -> Iterable[Any]:
        focused = self.screen_stack[0].focused if self.screen_stack else None
        seen: Widget | None = focused
        while seen is not None and seen is not self.page and isinstance(seen, Widget):
            yield seen
            seen = seen.parent if isinstance(seen.parent, Widget) else None
        if self.page is not None:
            yield self.page
        yield self

    def foot_keys(self) -> list[Key]:
        """Return the keys that the footer shows."""
        return keymap.in_screen(self.keys, self._screen_id)

    def press(self, name: str) -> None:
        """Do what the key with this id does, or say why not."""
        self._do(next(key for key in self.keys if key.id == name))

    def _do(self, key: Key) -> None:
        why = self.why_not(key) if key.means_something_in(self._screen_id) else f"{key.shown} does nothing here."
        if why:
            self.say(why)
            return
        for owner in self._owners():
            handler = getattr(owner, f"do_{key.method}", None)
            if handler is not None:
                handler()
                return

    @property
    def _screen_id(self) -> str:
        return self.page.screen_id if self.page is not None else ""

    def action_press(self, stroke: str) -> None:
        """The action behind each keystroke that the line being written leaves over."""
        self._do(keymap.struck(self.keys, stroke, self._screen_id))

    def action_press_at_once(self, stroke: str) -> None:
        """The same while nothing is written: before the next keystroke is looked at, whoever that goes to.

        Without it, keys that come in one go (a fast hand, a slow line) all mean what they meant before the first.
        """
        self.action_press(stroke)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave keys to the line that is being written, and to a dialog."""
        if action == "press_at_once":
            return isinstance(self.screen, Shell) and not isinstance(self.focused, Input)
        return super().check_action(action, parameters)

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
        return self.can_runs() if "compare" in available() else "3 does nothing here."

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

    # --- talking

    def say(self, words: str) -> None:
        """Show words in the status line for some seconds; a toast where there is no such line."""
        self.said = words
        if not self.screen_stack[0].query_one("#status").display:
            self.toast(words)
        if self._said_timer is not None:
            self._said_timer.stop()
        self._said_timer = self.set_timer(SAID_SECONDS, self._unsay)
        self.refresh_bars()

    def _unsay(self) -> None:
        self.said = ""
        self.refresh_bars()

    def toast(self, words: str, severity: Any = "information", title: str = "") -> None:
        """Show a toast; nothing in it is parsed."""
        self.notify(clean(words), title=clean(title), severity=severity, markup=False)

    def show_error(self, error: Exception) -> None:
        """Show what went wrong, and the next step."""
        if isinstance(error, WorkbenchError):
            self.notify(clean(error.hint) or " ", title=clean(error.message), severity="error", markup=False)
        else:
            self.notify(clean(str(error)) or " ", title=type(error).__name__, severity="error", markup=False)

    # --- actions

    def act(
        self, words: str, function: Callable[..., Any], *arguments: Any, done: Callable[[Any], object] | None = None
    ) -> int:
        """Run an action in a thread: `words` say what goes on, `done` gets its result here; errors become a toast.

        Returns the number by which `reword` changes the words.
        """
        job = next(self._jobs)
        self.doing[job] = words
        self._work(job, function, arguments, done)
        self.set_timer(0.2, self.refresh_bars)
        return job

    def reword(self, job: int, words: str) -> None:
        """Say anew what goes on, from any thread; nothing happens once the action has ended."""
        if job in self.doing:
            self.doing[job] = words

    @work(thread=True)
    def _work(
        self, job: int, function: Callable[..., Any], arguments: tuple[Any, ...], done: Callable[[Any], object] | None
    ) -> None:
        try:
            result, error = function(*arguments), None
        except Exception as problem:  # shown to the user, whatever it is; the interface goes on
            result, error = None, problem
        self.post_message(Done(job, result, error, done))

    def on_done(self, message: Done) -> None:
        """Take the result of an action; on the way out there is nothing left to show it on."""
        self.doing.pop(message.job, None)
        if not self.is_running:
            return
        if message.error is not None:
            self.show_error(message.error)
        elif message.done is not None:
            message.done(message.result)
        if self.page is not None:
            self.page.ask()
        self.refresh_bars()

    def ask_for(self, dialog: ModalScreen[Any], done: Callable[[Any], object]) -> None:
        """Show a dialog; `done` gets what was chosen, and is not called where it was left."""

        def finish(result: Any) -> None:
            if result is not None:
                done(result)

        self.push_screen(dialog, finish)

    def copy(self, words: str, what: str = "") -> None:
        """Put words on the clipboard by the system's own program where there is one, else through the terminal."""
        from workbench.tui.clipboard import copy

        if not copy(words):
            self.copy_to_clipboard(words)
        self.say(f"Copied {what or clean(words, 80)}.")

    async def on_unmount(self) -> None:
        """End the threads."""
        self.reader.close()
        self.carer.close()


class TooSmall(Canvas):
    """What is shown where nothing fits."""

    DEFAULT_CSS = "TooSmall { width: 1fr; height: 1fr; display: none; }"

    def draw(self, width: int, height: int) -> Any:
        """Say how much room is needed."""
        from workbench.tui.kit.frame import say

        return say(width, height, f"needs {SMALLEST[0]}×{SMALLEST[1]}" if width < 30 else "Make the window larger.")


def run_app(project: Project | None, projects: Sequence[Path] = ()) -> str:
    """Run the interface until it is left; return the line that tells what goes on."""
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    app = WorkbenchApp(project, projects)
    app.run()
    return last_words(app.project)


def last_words(project: Project | None) -> str:
    """Return one line about what goes on after leaving: runs that run or wait, and the watcher."""
    if project is None or not project.store_path.exists():
        return ""
    from workbench.runs import queries

    try:
        connection = project.open_reader()
        try:
            counts, checks = queries.counts(connection), queries.checks_going(connection)
        finally:
            connection.close()
    except WorkbenchError as error:
        return error.message
    parts = [f"{counts[state]} {state}" for state in ("running", "queued") if counts.get(state)]
    watched = is_watched(project)
    runs = f"{' and '.join(parts)}: workbench runs" if parts else ""
    looks = f"{checks} check{'s' if checks > 1 else ''} running" if checks else ""
    words = [text for text in (runs, looks, "the watcher goes on: workbench watch --stop" if watched else "") if text]
    return f"{project.name}: {'; '.join(words)}" if words else ""
