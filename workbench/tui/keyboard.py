"""From a keystroke to the handler of its key in the registry (see keys.py)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from textual import events
from textual.binding import Binding
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from workbench.tui import keys as keymap
from workbench.tui.background import Background
from workbench.tui.keys import Key

if TYPE_CHECKING:
    from workbench.tui.screens.base import Page


class Shell(Screen[None], inherit_bindings=False):
    """The one screen of the app; what Textual would bind to tab is left to the registry, pages choose their focus."""

    AUTO_FOCUS = ""


class Keyboard(Background, inherit_bindings=False):
    """An app whose keys are a registry's; who handles one is looked for around the focus, in the page, in the app."""

    def __init__(self, keys: tuple[Key, ...]) -> None:
        super().__init__()
        self.keys = keys
        self._early: list[events.Key] = []
        self._held: Page | None = None
        for stroke in dict.fromkeys(name for key in self.keys for name in key.keys):
            self._bindings.key_to_bindings.setdefault(stroke, []).extend(
                [
                    Binding(stroke, f"press_at_once({stroke!r})", show=False, priority=True),
                    Binding(stroke, f"press({stroke!r})", show=False),
                ]
            )

    @property
    def screen_id(self) -> str:
        """The id of the page in view, "" before there is one."""
        return self.page.screen_id if self.page is not None else ""

    # --- keys that come early

    async def on_event(self, event: events.Event) -> None:
        """Keep keys that are typed while a page is put up until it is there, and for a moment until it has read."""
        if isinstance(event, events.Key) and self._held is not None and isinstance(self.screen, Shell):
            self._early.append(event)
            return
        await super().on_event(event)

    def hold_keys(self, page: Page) -> None:
        """Let keys wait for a page; `release_keys` ends it."""
        self._held = page

    def release_keys(self, page: Page) -> None:
        """Do the keys that waited for a page, before any that come later."""
        if self._held is not page:
            return
        self._held = None
        early, self._early = self._early, []
        for event in early:
            self.call_next(self.on_event, event)

    # --- who handles a key

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
        return keymap.in_screen(self.keys, self.screen_id)

    def press(self, name: str) -> None:
        """Do what the key with this id does, or say why not."""
        self._do(next(key for key in self.keys if key.id == name))

    def _do(self, key: Key) -> None:
        why = self.why_not(key) if key.means_something_in(self.screen_id) else f"{key.shown} does nothing here."
        if why:
            self.say(why)
            return
        for owner in self._owners():
            handler = getattr(owner, f"do_{key.method}", None)
            if handler is not None:
                handler()
                return

    def action_press(self, stroke: str) -> None:
        """The action behind each keystroke that the line being written leaves over."""
        self._do(keymap.struck(self.keys, stroke, self.screen_id))

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
