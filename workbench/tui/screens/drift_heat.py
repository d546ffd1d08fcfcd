"""Windows by columns as a heat map: where and when the data moved."""

from __future__ import annotations

from textual import events

from workbench.safe import clean
from workbench.tui.kit.frame import say
from workbench.tui.kit.grid import Grid, Style
from workbench.tui.kit.heatmap import heatmap
from workbench.tui.screens.drift_sight import Sight
from workbench.tui.widgets.canvas import Panel

_DIM = Style(fg="dim")
LEAST = 0.2
"""The effect at which the scale ends where no column has a greater one."""
MOST = 4.0
"""The scale ends at so many times the threshold: what lies beyond is drift in any case, and would darken the rest."""


class HeatPanel(Panel, can_focus=True):
    """The effect of each column in each window; the window in view is marked above."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("Windows", id=id)
        self.sight = Sight()
        self.column = ""
        self.plain = False

    def take(self, sight: Sight, column: str, *, plain: bool) -> None:
        """Show another report, window or column."""
        self.sight, self.column, self.plain = sight, column, plain
        self.redraw()

    def draw_inside(self, width: int, height: int) -> Grid:
        """Draw the map; the rows around the chosen column where not all fit."""
        sight, report = self.sight, self.sight.report
        self.facts = []
        if report is None or not sight.places:
            return say(width, height, "no windows")
        windows = [report.windows[place] for place in sight.places]
        self.facts = [(f"{clean(windows[0].label, 20)} to {clean(windows[-1].label, 20)}", _DIM)]
        names, room = list(sight.order), max(1, height - 3)
        at = names.index(self.column) if self.column in names else 0
        first = max(0, min(at - room // 2, len(names) - room))
        names = names[first : first + room]
        rows = [sight.effects(name) for name in names]
        top = max([LEAST, *(value for name in sight.order for value in sight.effects(name) if value is not None)])
        top = min(top, max(LEAST, MOST * report.settings.drift))
        return heatmap(
            rows,
            [clean(name, 40) for name in names],
            [clean(window.label, 12) for window in windows],
            width,
            height,
            lo=0.0,
            hi=top,
            plain=self.plain,
            row=at - first,
            column=sight.places.index(sight.place) if sight.place in sight.places else None,
        )

    def on_click(self, event: events.Click) -> None:
        """Take the focus; the keys choose the window."""
        self.focus()
