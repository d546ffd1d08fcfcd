"""The lines of the shell that every screen shares: tabs at the top, status, keys at the bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import events

from workbench.safe import clean
from workbench.tui.kit.frame import say
from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.widgets.canvas import Canvas

if TYPE_CHECKING:
    from workbench.tui.app import WorkbenchApp

DIM = Style(fg="dim")
SMALLEST = (24, 6)
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Bar(Canvas):
    """One line whose parts can be clicked: `spots` are (first cell, cell after the last, key id)."""

    DEFAULT_CSS = "Bar { height: 1; width: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.spots: list[tuple[int, int, str]] = []

    @property
    def bench(self) -> WorkbenchApp:
        """The app, by its own type."""
        return cast("WorkbenchApp", self.app)

    def on_click(self, event: events.Click) -> None:
        """Do what the key under the pointer does."""
        event.stop()
        for first, after, name in self.spots:
            if first <= event.x < after:
                self.bench.press(name)
                return


class TopBar(Bar):
    """The name of the program, the screens by digit, the project, and whether it is watched."""

    ground = "panel"

    def draw(self, width: int, height: int) -> Grid:
        """Draw the line; on a narrow terminal the tabs lose their words before they lose their digits."""
        grid = Grid(width, height)
        grid.fill(0, 0, width, height, Style(bg="panel"))
        right = self._right(width)
        room = width - sum(cells(text) for text, _ in right) - 2
        grid.put(1, 0, "▲", Style("mark", "panel"))
        long_name, tabs = width >= 76, self.bench.tabs()
        if long_name:
            grid.put(3, 0, "workbench", Style("text", "panel", bold=True))
        x = 15 if long_name else 4
        words = x + sum(len(title) + 4 for _, _, title in tabs) <= room
        self.spots = []
        for name, digit, title in tabs:
            here = name == self.bench.tab
            text = f" {digit} {title} " if words or here else f" {digit} "
            back = "accent" if here else "panel"
            grid.put(x, 0, text, Style("ground" if here else "dim", back, bold=here))
            if not here:
                grid.put(x + 1, 0, digit, Style("text", back))
            self.spots.append((x, x + cells(text), "compare_screen" if name == "compare" else name))
            x += cells(text)
        at = width - 1 - sum(cells(text) for text, _ in right)
        for text, style in right:
            if at > x:
                grid.put(at, 0, text, style)
            at += cells(text)
        return grid

    def _right(self, width: int) -> list[tuple[str, Style]]:
        app = self.bench
        mark, word, colour = ("●", "watching", "better") if app.watching else ("○", "not watching", "dim")
        if app.trouble:
            mark, word, colour = "✗", "no store", "worse"
        name = (
            []
            if app.project is None
            else [(clip(app.project.name, 24 if width >= 100 else 14), Style("text", "panel"))]
        )
        if app.project is None:
            return []
        word = f" {word}" if width >= 70 else ""
        return [*name, ("  ", Style(bg="panel")), (mark, Style(colour, "panel")), (word, Style("dim", "panel"))]


class StatusBar(Bar):
    """Trouble with the store, the answer to a key, an action under way, else what the screen says of itself."""

    def draw(self, width: int, height: int) -> Grid:
        """Draw the line."""
        grid = Grid(width, height)
        app = self.bench
        if app.trouble:
            grid.put(1, 0, clip(f"✗ {clean(app.trouble)}", width - 2), Style(fg="worse"))
            return grid
        x = 1
        if app.doing:
            grid.put(x, 0, SPINNER[app.frame % len(SPINNER)], Style(fg="running"))
            x += 2
        if app.doing and not app.said:  # an answer to a key comes first: it goes again soon
            text = f"{clean(next(iter(app.doing.values())))}…"
            grid.put(x, 0, clip(text, width - 1 - x), Style(fg="running"))
            return grid
        if app.said:
            grid.put(x, 0, clip(clean(app.said), width - 1 - x), Style(fg="text"))
            return grid
        for text, style in app.page.status() if app.page is not None else []:
            grid.put(x, 0, clip(text, width - 1 - x), style)
            x += cells(text)
        return grid


class FootBar(Bar):
    """The keys of the screen in view, the most important first, as many as fit; help is always there."""

    ground = "panel"

    def draw(self, width: int, height: int) -> Grid:
        """Draw the line."""
        grid = Grid(width, height)
        grid.fill(0, 0, width, height, Style(bg="panel"))
        app, x, self.spots = self.bench, 1, []
        keys = app.foot_keys()
        last = [key for key in keys if key.id in ("palette", "help", "quit")]
        need = sum(cells(key.shown) + len(key.label) + 3 for key in last)
        for key in [key for key in keys if key not in last] + last:
            length = cells(key.shown) + 1 + len(key.label)
            if key not in last and x + length + 2 + need > width:
                continue
            if x + length > width:
                break
            able = not app.why_not(key)
            grid.put(x, 0, key.shown, Style("key" if able else "dim", "panel", bold=able))
            grid.put(x + cells(key.shown) + 1, 0, key.label, Style("dim", "panel", dim=not able))
            self.spots.append((x, x + length, key.id))
            x += length + 2
        return grid


class TooSmall(Canvas):
    """What is shown where nothing fits."""

    DEFAULT_CSS = "TooSmall { width: 1fr; height: 1fr; display: none; }"

    def draw(self, width: int, height: int) -> Grid:
        """Say how much room is needed."""
        return say(width, height, f"needs {SMALLEST[0]}×{SMALLEST[1]}" if width < 30 else "Make the window larger.")
