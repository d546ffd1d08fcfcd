"""The dialog of the stages: what would be done with each and why, before any of it is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical

from workbench.actions import pipeline
from workbench.pipeline.plan import Verdict
from workbench.safe import clean
from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.widgets.canvas import Canvas
from workbench.tui.widgets.dialog import DIM, TEXT, Dialog
from workbench.tui.widgets.table import Item, Table

_WORDS = {
    "current": ("✓ up to date", "finished"),
    "restore": ("↺ is restored", "mark"),
    "run": ("▶ runs", "running"),
    "waits": ("· may run", "queued"),
}
_MOST_ROWS = 20
_REASON_LINES = 3
_MOVES = {
    "up": "up", "k": "up", "down": "down", "j": "down", "pageup": "page_up", "pagedown": "page_down", "home": "first",
    "g": "first", "end": "last", "G": "last",
}  # fmt: skip


class PipelineDialog(Dialog):
    """Shows a plan and answers with the `pipeline.Request` that is to be carried out."""

    DEFAULT_CSS = "PipelineDialog > Vertical { width: 110; max-width: 94%; }"

    def __init__(self, verdicts: Sequence[Verdict]) -> None:
        super().__init__()
        self._verdicts = list(verdicts)

    @property
    def idle(self) -> bool:
        """Whether nothing is out of date."""
        return all(verdict.state == "current" for verdict in self._verdicts)

    def compose(self) -> ComposeResult:
        """Put up the stages, the reason of the one under the cursor, and the keys."""
        with Vertical():
            table = _Stages(self._verdicts)
            room = int(self.app.size.height * 0.9) - _REASON_LINES - 1
            table.styles.height = max(4, min(len(self._verdicts) + 3, _MOST_ROWS + 3, room))
            yield table
            yield _Reason()
            yield _Keys(self.idle)

    def on_mount(self) -> None:
        """Begin at the first stage that is out of date."""
        table = self.query_one(_Stages)
        self.set_focus(table)
        table.cursor = next((at for at, one in enumerate(self._verdicts) if one.state != "current"), 0)
        self._show_reason()

    def on_table_moved(self, event: Table.Moved) -> None:
        """Show the reason of another stage."""
        event.stop()
        self._show_reason()

    def open_item(self, table: Table, item: Item) -> None:
        """A double click runs the stage, with what it needs."""
        self._answer_for_one(force=False)

    def _show_reason(self) -> None:
        verdict = self.query_one(_Stages).verdict
        reason = self.query_one(_Reason)
        reason.words = "" if verdict is None else _reason(verdict)
        reason.redraw()

    def on_key(self, event: events.Key) -> None:
        """Move, or answer."""
        key = "G" if event.character == "G" else event.key
        if key in _MOVES:
            getattr(self.query_one(_Stages), f"do_{_MOVES[key]}")()
        elif key == "enter":
            self.dismiss(None if self.idle else pipeline.Request())
        elif event.character == "r":
            self._answer_for_one(force=False)
        elif event.character == "f":
            self._answer_for_one(force=True)
        elif event.character == "q":
            self.dismiss(None)
        else:
            return
        event.stop()

    def _answer_for_one(self, *, force: bool) -> None:
        verdict = self.query_one(_Stages).verdict
        if verdict is not None:
            self.dismiss(pipeline.Request(stages=(verdict.stage,), force=force))


class _Stages(Table):
    """A line for each stage."""

    head_height: ClassVar[int] = 1

    def __init__(self, verdicts: Sequence[Verdict]) -> None:
        super().__init__(f"Stages · {pipeline.outcome(verdicts)}")
        self.verdicts = verdicts
        self.items = range(len(verdicts))
        self._names = max((cells(clean(one.stage)) for one in verdicts), default=0)

    @property
    def verdict(self) -> Verdict | None:
        """The stage under the cursor."""
        return self.verdicts[int(self.current)] if self.current is not None else None

    def _columns(self, width: int) -> tuple[int, int]:
        state = 3 + max(5, min(self._names, width // 3))
        return state, state + 16

    def draw_head(self, grid: Grid, width: int) -> None:
        """Name the columns."""
        state, why = self._columns(width)
        for x, text in ((1, "stage"), (state, "what"), (why, "why")):
            grid.put(x, 0, text, Style("head"))

    def draw_row(self, grid: Grid, y: int, item: Item, here: bool) -> None:
        """Draw a stage, what would be done with it, and why."""
        verdict = self.verdicts[int(item)]
        back = "select" if here else ""
        state, why = self._columns(grid.width)
        words, colour = _WORDS[verdict.state]
        grid.put(1, y, clip(clean(verdict.stage), state - 3), Style("text", back, bold=here))
        grid.put(state, y, clip(words, grid.width - state), Style(colour, back))
        if grid.width > why + 4:
            grid.put(why, y, clip(_reason(verdict), grid.width - why - 1), Style("dim", back))


class _Reason(Canvas):
    """The reason of the stage under the cursor in full, over a few lines."""

    DEFAULT_CSS = f"_Reason {{ height: {_REASON_LINES}; width: 1fr; }}"

    def __init__(self) -> None:
        super().__init__()
        self.words = ""

    def draw(self, width: int, height: int) -> Grid:
        """Draw it, broken between words where it can be."""
        import textwrap

        grid = Grid(width, height)
        lines = textwrap.wrap(self.words, max(10, width - 4), max_lines=height, placeholder=" …")
        for y, line in enumerate(lines):
            grid.put(2, y, clip(line, width - 3), TEXT)
        return grid


class _Keys(Canvas):
    """What can be done, in one line."""

    DEFAULT_CSS = "_Keys { height: 1; width: 1fr; }"

    def __init__(self, idle: bool) -> None:
        super().__init__()
        self._idle = idle

    def draw(self, width: int, height: int) -> Grid:
        """Draw them."""
        grid = Grid(width, height)
        keys = [
            ("enter", "leave it" if self._idle else "run what is out of date"),
            ("r", "this stage, with what it needs"),
        ]
        keys += [("f", "this stage in any case"), ("esc", "leave it")]
        x = 2
        for key, words in keys[1:] if self._idle else keys:
            if x + cells(key) + cells(words) + 1 > width:
                break
            grid.put(x, 0, key, Style("key", bold=True))
            grid.put(x + cells(key) + 1, 0, words, DIM)
            x += cells(key) + cells(words) + 4
        return grid


def _reason(verdict: Verdict) -> str:
    if verdict.reason:
        return clean(verdict.reason, 600)
    return f"as run {verdict.earlier.run} left it" if verdict.earlier is not None else ""
