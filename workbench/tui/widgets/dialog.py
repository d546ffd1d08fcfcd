"""Questions over the screen: yes or no, a line of text, a choice from a list. `None` is the answer of who leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from workbench.safe import clean
from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.widgets.canvas import Canvas, draw_border
from workbench.tui.widgets.table import Item, Table

DIM, TEXT = Style(fg="dim"), Style(fg="text")


class Dialog(ModalScreen[Any], inherit_bindings=False):
    """A box in the middle that esc leaves."""

    BINDINGS: ClassVar[list[Any]] = [Binding("escape", "leave", show=False), Binding("ctrl+c", "leave", show=False)]
    DEFAULT_CSS = """
    Dialog { align: center middle; }
    Dialog > Vertical { width: 76; max-width: 94%; height: auto; max-height: 90%; background: $background; }
    Dialog Input { border: none; height: 1; padding: 0 1; background: $panel; }
    Dialog Input:focus { border: none; }
    """

    def action_leave(self) -> None:
        """Leave without an answer."""
        self.dismiss(None)

    def dismiss(self, result: Any = None) -> AwaitComplete:
        """Answer and leave; a second answer, by a second enter, says nothing any more."""
        return super().dismiss(result) if self.is_current else AwaitComplete()

    def on_key(self, event: events.Key) -> None:
        """Give the line what was typed while the dialog was still being put up."""
        for line in self.query(Input):
            if self.focused is line:
                return
            if event.key == "enter":
                self.call_later(line.action_submit)
            elif event.is_printable and event.character:
                line.insert_text_at_cursor(event.character)


class _Box(Canvas):
    """The text of a question."""

    def __init__(self, title: str, lines: Sequence[tuple[str, Style]]) -> None:
        super().__init__()
        self.title = title
        self.text = list(lines)
        self.styles.height = len(self.text) + 2

    def draw(self, width: int, height: int) -> Grid:
        """Draw the border and the text; what does not fit is counted."""
        grid = Grid(width, height)
        draw_border(grid, self.title, [], focused=True)
        room = height - 2
        shown = self.text if len(self.text) <= room else self.text[: room - 1]
        for y, (text, style) in enumerate(shown):
            grid.put(2, y + 1, clip(text, width - 4), style)
        if len(shown) < len(self.text):
            grid.put(2, room, f"… and {len(self.text) - len(shown)} more lines", DIM)
        return grid


class _Buttons(Canvas, can_focus=True):
    """Two buttons; the one with the focus is lit."""

    DEFAULT_CSS = "_Buttons { height: 1; }"

    def __init__(self, yes: str, chosen: bool) -> None:
        super().__init__()
        self.yes = yes
        self.chosen = chosen

    def draw(self, width: int, height: int) -> Grid:
        """Draw them side by side."""
        grid = Grid(width, height)
        x = 2
        for text, lit in ((" Cancel ", not self.chosen), (f" {self.yes} ", self.chosen)):
            grid.put(x, 0, text, Style("ground", "accent", bold=True) if lit else Style("dim", "chip"))
            x += cells(text) + 2
        return grid

    def on_click(self, event: events.Click) -> None:
        """Answer."""
        event.stop()
        if 2 <= event.x < 10:
            self.screen.dismiss(None)
        elif 12 <= event.x < 14 + cells(self.yes):
            self.screen.dismiss(True)


class Confirm(Dialog):
    """Asks before something that cannot be taken back. With `key`, that key (or y) says yes at once.

    Without `key` Cancel has the focus, and only choosing the other button and enter goes on.
    """

    def __init__(self, title: str, lines: Sequence[str | tuple[str, Style]], yes: str, *, key: str = "") -> None:
        super().__init__()
        self._title = title
        self._lines = [(clean(line), TEXT) if isinstance(line, str) else line for line in lines]
        self._yes = yes
        self._key = key

    def compose(self) -> ComposeResult:
        """Put up the text and the buttons, or the key to press."""
        lines = list(self._lines)
        if self._key:
            lines += [("", DIM), (f"{self._key} {self._yes}   esc leave it", Style(fg="key"))]
        with Vertical():
            yield _Box(self._title, lines)
            if not self._key:
                yield _Buttons(self._yes, chosen=False)

    def on_mount(self) -> None:
        """Give the focus to Cancel."""
        if not self._key:
            self.set_focus(self.query_one(_Buttons))

    def on_key(self, event: events.Key) -> None:
        """Answer, or move between the buttons."""
        if self._key:
            if event.key in (self._key, "y", "enter"):
                event.stop()
                self.dismiss(True)
            elif event.key in ("n", "q"):
                event.stop()
                self.dismiss(None)
            return
        buttons = self.query_one(_Buttons)
        if event.key in ("left", "right", "tab", "shift+tab", "h", "l"):
            event.stop()
            buttons.chosen = not buttons.chosen
            buttons.redraw()
        elif event.key == "enter":
            event.stop()
            self.dismiss(True if buttons.chosen else None)


class Prompt(Dialog):
    """Asks for a line of text; `check` returns what is wrong with it, or ""."""

    def __init__(
        self,
        title: str,
        lines: Sequence[str | tuple[str, Style]] = (),
        *,
        value: str = "",
        placeholder: str = "",
        check: Callable[[str], str] = lambda _: "",
    ) -> None:
        super().__init__()
        self._title = title
        self._lines = [(clean(line), DIM) if isinstance(line, str) else line for line in lines]
        self._value = value
        self._placeholder = placeholder
        self._check = check

    def suggest(self, placeholder: str) -> None:
        """Show something else that could be written, once that is known."""
        self._placeholder = placeholder
        for line in self.query(Input):
            line.placeholder = clean(placeholder)

    def compose(self) -> ComposeResult:
        """Put up the text, the line, and a place for what is wrong."""
        with Vertical():
            yield _Box(self._title, [*self._lines, ("enter goes on, esc leaves", DIM)])
            yield Input(clean(self._value), placeholder=clean(self._placeholder), select_on_focus=False)
            yield Note()

    def on_mount(self) -> None:
        """Write at once."""
        self.set_focus(self.query_one(Input))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say what is wrong while it is written."""
        self.query_one(Note).say(self._check(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer with the line, if it is right."""
        if not self._check(event.value):
            self.dismiss(event.value)


class Note(Canvas):
    """One line that says what is wrong; without words it takes no room."""

    DEFAULT_CSS = "Note { height: 1; width: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.words = ""

    def say(self, words: str) -> None:
        """Show words."""
        self.words = words
        self.redraw()

    def draw(self, width: int, height: int) -> Grid:
        """Draw them."""
        grid = Grid(width, height)
        grid.put(1, 0, clip(clean(self.words), width - 2), Style(fg="worse"))
        return grid


@dataclass(frozen=True)
class Choice:
    """One thing to choose: what it gives, what it is called, a few words more, and whether it is on."""

    value: Any
    name: str
    help: str = ""
    on: bool = False


class _List(Table):
    """The choices that match what was typed."""

    def __init__(self, title: str, choices: Sequence[Choice], *, many: bool) -> None:
        super().__init__(title)
        self.choices = list(choices)
        self.many = many
        self.items = list(range(len(self.choices)))

    def draw_row(self, grid: Grid, y: int, item: Item, here: bool) -> None:
        """Draw one choice."""
        choice, back = self.choices[int(item)], "select" if here else ""
        x = 1
        if self.many or choice.on:
            grid.put(x, y, "◆" if choice.on else "·", Style("mark" if choice.on else "dim", back))
        x += 2
        name = clip(clean(choice.name), grid.width - x - 1)
        grid.put(x, y, name, Style("text", back, bold=here))
        x += cells(name) + 2
        text = clip(clean(choice.help), grid.width - x - 1)
        if len(text) > 3:
            grid.put(grid.width - 1 - cells(text), y, text, Style("dim", back))

    def draw_empty(self, grid: Grid) -> None:
        """Say that nothing matches."""
        grid.put(1, 0, "Nothing matches.", DIM)


class Chooser(Dialog):
    """A list to choose from, narrowed by typing; with `many` space switches, and enter gives all that are on.

    Without `many` the answer is the value of one choice. `free` makes an answer of what was typed where it returns
    something else than None.
    """

    BINDINGS: ClassVar[list[Any]] = [
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("pageup", "move(-8)", show=False, priority=True),
        Binding("pagedown", "move(8)", show=False, priority=True),
        Binding("escape", "leave", show=False),
        Binding("ctrl+c", "leave", show=False, priority=True),
    ]

    def __init__(
        self,
        title: str,
        choices: Sequence[Choice],
        *,
        many: bool = False,
        value: str = "",
        placeholder: str = "type to narrow",
        free: Callable[[str], Any] = lambda _: None,
    ) -> None:
        super().__init__()
        self._title = title
        self._choices = list(choices)
        self._many = many
        self._value = value
        self._placeholder = placeholder
        self._free = free

    def compose(self) -> ComposeResult:
        """Put up the line to type and the list."""
        with Vertical():
            yield _Line(self._value, placeholder=self._placeholder, select_on_focus=False)
            table = _List(self._title, self._choices, many=self._many)
            table.can_focus = False
            table.styles.height = min(max(len(self._choices), 1) + 2, 20)
            yield table

    def on_mount(self) -> None:
        """Write at once, the cursor on the first choice that is on."""
        self.set_focus(self.query_one(Input))
        table = self.query_one(_List)
        first = next((index for index, choice in enumerate(self._choices) if choice.on and not self._many), 0)
        table.cursor = first
        self._narrow(self._value)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list."""
        self._narrow(event.value)

    def _narrow(self, text: str) -> None:
        table = self.query_one(_List)
        words = text.lower().split()
        found = [
            (rank, index)
            for index, choice in enumerate(table.choices)
            if (rank := _rank(f"{choice.name} {choice.help}".lower(), words)) is not None
        ]
        table.items = [index for _, index in sorted(found)]
        if text:
            table.cursor = 0
        table.redraw()

    def action_move(self, lines: int) -> None:
        """Move in the list."""
        table = self.query_one(_List)
        table._go(table.cursor + lines)

    def switch(self) -> None:
        """Switch the choice under the cursor on or off."""
        table = self.query_one(_List)
        if table.current is not None:
            index = int(table.current)
            one = table.choices[index]
            table.choices[index] = Choice(one.value, one.name, one.help, not one.on)
            table.redraw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer."""
        self.answer(event.value)

    def answer(self, text: str) -> None:
        """Give what is chosen."""
        table = self.query_one(_List)
        free = self._free(text)
        if free is not None:
            self.dismiss(free)
        elif self._many:
            self.dismiss([choice.value for choice in table.choices if choice.on])
        elif table.current is not None:
            self.dismiss(table.choices[int(table.current)].value)

    def on_table_moved(self, event: Table.Moved) -> None:
        """Keep the message here."""
        event.stop()

    def open_item(self, table: Table, item: Item) -> None:
        """A double click chooses, or switches."""
        if self._many:
            self.switch()
        else:
            self.answer("")


class _Line(Input):
    """The line of a chooser: space switches a choice where several can be on."""

    async def _on_key(self, event: events.Key) -> None:
        screen = self.screen
        if isinstance(screen, Chooser) and screen._many and event.key == "space":
            event.stop()
            event.prevent_default()
            screen.switch()
            return
        await super()._on_key(event)


def _rank(text: str, words: Sequence[str]) -> tuple[int, int] | None:
    """Rank a text that has all the words, by where they are; None where one is missing."""
    places = [text.find(word) for word in words]
    return None if any(place < 0 for place in places) else (sum(places), len(text)) if words else (0, 0)
