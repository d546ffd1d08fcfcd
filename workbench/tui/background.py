"""What pages ask of the app around them: to run an action in a thread, and to say something."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual import work
from textual.app import App
from textual.message import Message
from textual.screen import ModalScreen

from workbench.errors import WorkbenchError
from workbench.safe import clean
from workbench.tui.widgets.canvas import Canvas

if TYPE_CHECKING:
    from workbench.tui.screens.base import Page

SAID_SECONDS = 6.0


class Done(Message):
    """An action has ended: `words` name it, and it gave a `result` or raised an `error`."""

    def __init__(self, job: int, result: Any, error: Exception | None, done: Callable[[Any], object] | None) -> None:
        super().__init__()
        self.job = job
        self.result = result
        self.error = error
        self.done = done


class Background(App[None], inherit_bindings=False):
    """An app with actions that go on (`doing`, by number) and words in its status line (`said`)."""

    def __init__(self) -> None:
        super().__init__()
        self.page: Page | None = None
        self.said = ""
        self.doing: dict[int, str] = {}
        self._jobs = itertools.count(1)
        self._said_timer: Any = None

    def refresh_bars(self) -> None:
        """Draw the bars again."""
        if self.screen_stack:
            for bar in self.screen_stack[0].query("#top, #status, #foot").results(Canvas):
                bar.redraw()

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
