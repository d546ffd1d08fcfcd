"""The list of the Drift view: columns by severity, with a bar and their course over the windows."""

from __future__ import annotations

import math

from workbench.drift.report import GLYPHS
from workbench.safe import clean
from workbench.tui.kit.grid import Grid, Style, cells, clip, wrapped
from workbench.tui.kit.sparkline import bar, sparkline
from workbench.tui.screens.drift_sight import TONES, Sight, short_name
from workbench.tui.widgets.table import Item, Table

_DIM, _TEXT = Style(fg="dim"), Style(fg="text")
_EMPTY = (
    "No check for drift yet: r compares the data with the training data.",
    "In workbench.toml:  [drift] current = \"data/serving.csv\"",
    "o cuts the data into windows of time, f chooses what they are held against.",
)  # fmt: skip


class FeatureTable(Table):
    """The columns of the window in view."""

    head_height = 1

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("Features", id=id)
        self.sight = Sight()

    def take(self, sight: Sight) -> None:
        """Take what was read; the cursor stays on its column."""
        self.sight = sight
        window = sight.window
        self.heading = (
            "Features" if window is None else f"Features in {clean(short_name(window.label, window.reference), 40)}"
        )
        self.set_items(list(sight.order))
        self.redraw()

    def before_draw(self, width: int, height: int) -> None:
        """Say how many columns drift, in fewer words where there is little room."""
        window, self.facts = self.sight.window, []
        if window is not None and window.columns:
            bad = sum(TONES[one.verdict] == "worse" for one in window.columns)
            words = f"{bad} of {len(window.columns)}"
            whole = f"{words} drift"
            fits = cells(self.heading) + cells(whole) + 7 <= width
            self.facts = [(whole if fits else words, Style(fg="worse" if bad else "dim"))]

    @property
    def column(self) -> str:
        """The column under the cursor."""
        return str(self.current or "")

    def draw_head(self, grid: Grid, width: int) -> None:
        """Name the parts."""
        grid.fill(0, 0, width, 1, Style(bg="head"))
        for part, x, length in _parts(width, len(self.sight.places)):
            text = clip(part, length)
            grid.put(x + length - cells(text) if part == "effect" else x, 0, text, Style(fg="dim", bg="head"))

    def draw_row(self, grid: Grid, y: int, item: Item, here: bool) -> None:
        """Draw one column."""
        name, back = str(item), "select" if here else ""
        if here:
            grid.put(0, y, "▌", Style(fg="accent" if self.has_focus else "dim", bg=back))
        found = self.sight.window.column(name) if self.sight.window is not None else None
        tone = TONES[found.verdict] if found is not None else "dim"
        grid.put(1, y, GLYPHS[found.verdict] if found is not None else " ", Style(tone, back))
        limit = self.sight.report.settings.drift if self.sight.report is not None else 0.1
        for part, x, length in _parts(grid.width, len(self.sight.places)):
            if part == "feature":
                grid.put(x, y, clip(clean(name), length), Style("text" if tone != "dim" else "dim", back, bold=here))
            elif part == "effect":
                text = f"{found.effect:.2f}" if found is not None and found.judged else "—"
                grid.put(x + length - cells(text), y, text, Style(tone, back, bold=tone == "worse"))
            elif part == "size":
                # Four times the threshold fills the bar: it is still to be read where one column is far off.
                full, rest = bar((found.effect if found is not None else 0.0) / (4 * limit), length)
                grid.put(x, y, full, Style(tone if tone != "dim" else "axis", back))
                grid.put(x + cells(full), y, rest, Style("grid", back))
            else:
                effects = self.sight.effects(name)
                values = [math.nan if one is None else one for one in effects]
                grid.put(x, y, sparkline(values, length), Style(tone if tone != "dim" else "axis", back))

    def draw_empty(self, grid: Grid) -> None:
        """Say what to do, or why nothing was compared."""
        report = self.sight.report
        said = _EMPTY if report is None else (report.why_nothing or "Nothing was compared.", *_EMPTY[2:])
        looks = [_TEXT, *[_DIM] * len(said)]
        lines = [
            (part, look) for line, look in zip(said, looks, strict=False) for part in wrapped(line, grid.width - 2)
        ]
        for y, (line, look) in enumerate(lines):
            grid.put(1, y, line, look)


def _parts(width: int, windows: int) -> list[tuple[str, int, int]]:
    """Return what a line shows: part, first cell, length; the bar goes first where there is no room."""
    course = f"{windows} windows"
    wanted = {"effect": 6, course: min(12, max(9, windows)) if windows > 1 else 0, "size": 8}
    room = width - 3 - 10
    lengths = {}
    for part, length in wanted.items():
        if length and length + 2 <= room:
            lengths[part] = length
            room -= length + 2
    lengths["feature"] = min(24, 10 + room)
    room -= lengths["feature"] - 10
    for part, most in ((course, 2 * windows), ("size", 16)):
        if part in lengths:
            more = max(0, min(room, most - lengths[part]))
            lengths[part] += more
            room -= more
    order = [part for part in ("feature", "effect", "size", course) if part in lengths]
    found, x = [], 3
    for part in order:
        found.append((part, x, max(1, min(lengths[part], width - x))))
        x += lengths[part] + 2
    return found
