"""The palette and the help: both are made from the keys, and from what the screen in view offers besides."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical

from workbench.safe import clean
from workbench.tui.kit.grid import Style
from workbench.tui.widgets.canvas import Spans
from workbench.tui.widgets.dialog import Choice, Chooser, Dialog
from workbench.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from workbench.tui.app import WorkbenchApp

Command = Callable[[], object]
_RUN = re.compile(r":?\s*(?:run\s+)?(\d{1,15}|@latest|@best)\s*|:?\s*run\s+(\S+)\s*")


def command_palette(app: WorkbenchApp) -> Chooser:
    """Return the palette of the screen in view; its answer is a function to call."""
    screen = app.page.screen_id if app.page is not None else ""
    choices = [
        Choice(lambda name=key.id: app.press(name), key.label, f"{key.help}  {key.shown}")
        for key in app.keys
        if key.label and key.means_something_in(screen) and key.id not in ("palette", "up", "down", "left", "right")
    ]
    if app.page is not None:
        choices += [Choice(function, name, clean(words)) for name, words, function in app.page.commands()]
    choices += [
        Choice(lambda name=name: app.set_theme(name), f"theme {name}", "") for name in sorted(app.available_themes)
    ]
    return Chooser("Commands", choices, placeholder="a command, or run 42", free=lambda text: run_named(app, text))


def run_named(app: WorkbenchApp, text: str) -> Command | None:
    """Return what `run 42` does, None where the text is no such thing or no project is open."""
    match = _RUN.fullmatch(text.strip())
    if match is None or app.project is None:
        return None
    name = match[1] or match[2]
    return lambda: app.find_run(name)


class Help(Dialog):
    """The keys of what has the focus, then those of everywhere."""

    DEFAULT_CSS = "Help TextPane { height: 24; max-height: 80vh; }"

    def __init__(self, app: WorkbenchApp) -> None:
        super().__init__()
        self._text = help_lines(app)
        self._pane = TextPane(f"Keys of {app.page.screen_id.title() if app.page is not None else 'Workbench'}")

    def compose(self) -> ComposeResult:
        """Put up the text."""
        with Vertical():
            yield self._pane

    def on_mount(self) -> None:
        """Let it scroll."""
        self._pane.text = self._text
        self._pane.styles.height = min(len(self._text) + 2, max(6, self.app.size.height - 4))
        self._pane.focus()

    def on_key(self, event: object) -> None:
        """Scroll, or leave."""
        key = getattr(event, "key", "")
        moves = {
            "down": self._pane.do_down,
            "j": self._pane.do_down,
            "up": self._pane.do_up,
            "k": self._pane.do_up,
            "pagedown": self._pane.do_page_down,
            "pageup": self._pane.do_page_up,
            "g": self._pane.do_first,
            "G": self._pane.do_last,
        }
        if key in moves:
            moves[key]()
        elif key in ("q", "question_mark", "enter"):
            self.dismiss(None)


def help_lines(app: WorkbenchApp) -> list[Spans]:
    """Return the keys: first those of the screen in view, each with the reason where it cannot act now."""
    screen = app.page.screen_id if app.page is not None else ""
    own = [key for key in app.keys if key.screens and key.means_something_in(screen)]
    common = [key for key in app.keys if not key.screens and key.label]
    lines: list[Spans] = []
    for title, keys in (("here", own), ("everywhere", common)):
        lines.append([(title, Style(fg="accent"))])
        for key in keys:
            names = " ".join(_shown(name) for name in key.keys[:2])
            why = app.why_not(key) if key.screens else ""
            lines.append([(names.rjust(11), Style(fg="dim" if why else "key")), (f"  {key.help}", Style(fg="text"))])
            if why:
                lines.append([(" " * 13 + why, Style(fg="dim"))])
        lines.append([])
    return lines[:-1]


def _shown(name: str) -> str:
    from workbench.tui.keys import show

    return show(name)
