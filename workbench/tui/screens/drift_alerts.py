"""The alerts of the Drift view: what is open, who has seen it, what it started."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.drift.alerts import Alert
from workbench.safe import clean
from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.kit.numbers import age
from workbench.tui.widgets.table import Item, Table

_DIM = Style(fg="dim")
GLYPHS = {"open": "▲", "acknowledged": "◆", "cleared": "✓"}
TONES = {"open": "worse", "acknowledged": "mark", "cleared": "dim"}


class AlertTable(Table):
    """Alerts, those that are open first; an item is the number of an alert."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("Alerts", id=id)
        self.alerts: dict[int, Alert] = {}
        self.now = 0.0

    def take(self, alerts: Sequence[Alert], now: float) -> None:
        """Take what was read."""
        self.now = now
        order = list(TONES)
        known = sorted(alerts, key=lambda one: (order.index(one.state), -one.id))
        self.alerts = {one.id: one for one in known}
        count = sum(one.state == "open" for one in known)
        self.facts = [(f"{count} open", Style(fg="worse" if count else "dim"))]
        self.set_items(list(self.alerts))
        self.redraw()

    @property
    def chosen(self) -> Alert | None:
        """The alert under the cursor."""
        return self.alerts.get(int(self.current)) if self.current is not None else None

    def draw_row(self, grid: Grid, y: int, item: Item, here: bool) -> None:
        """Draw one alert."""
        one, back = self.alerts[int(item)], "select" if here else ""
        if here:
            grid.put(0, y, "▌", Style(fg="accent" if self.has_focus else "dim", bg=back))
        tone = TONES[one.state]
        grid.put(1, y, GLYPHS[one.state], Style(tone, back))
        name = clip(clean(one.column), max(6, grid.width // 3))
        grid.put(3, y, name, Style("text" if tone != "dim" else "dim", back, bold=here))
        x = cells(name) + 4
        words = f"since {clean(one.label, 30)}"
        if one.state == "cleared":
            words = f"{clean(one.label, 30)}, over after {clean(one.cleared or '', 30)}"
        elif one.state == "acknowledged":
            words += f", seen by {clean(one.acknowledged_by, 30)}"
        if one.run is not None:
            words += f" → run {one.run}"
        last = age(max(0.0, self.now - one.created))
        grid.put(x, y, clip(words, grid.width - x - len(last) - 2), Style(tone, back))
        grid.put(grid.width - len(last) - 1, y, last, Style("dim", back))

    def draw_empty(self, grid: Grid) -> None:
        """Say that there is none."""
        grid.put(1, 0, clip("No alert.", grid.width - 2), _DIM)
