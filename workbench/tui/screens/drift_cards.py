"""The cards at the top of the Drift view: the report in a few figures."""

from __future__ import annotations

from workbench.drift.report import GLYPHS
from workbench.safe import clean
from workbench.tui.kit.grid import Grid, Style, clip
from workbench.tui.screens.drift_sight import TONES, Sight, short_name
from workbench.tui.widgets.canvas import Canvas
from workbench.words import counted

Card = tuple[str, str, str, str]
"""Title, figure, a few words, tone."""


class Cards(Canvas):
    """Three lines of cards side by side."""

    DEFAULT_CSS = "Cards { height: 4; width: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.sight = Sight()

    def take(self, sight: Sight) -> None:
        """Show another report or window."""
        self.sight = sight
        self.redraw()

    def draw(self, width: int, height: int) -> Grid:
        """Draw as many cards as fit."""
        grid, found = Grid(width, height), cards(self.sight)
        count = min(len(found), max(1, width // 20))
        length = width // max(1, count)
        for at, (title, figure, words, tone) in enumerate(found[:count]):
            x = at * length + 1
            grid.fill(x, 0, length - 1, 3, Style(bg="head"))
            for y, (text, style) in enumerate(
                ((title, Style("dim", "head")), (figure, Style(tone, "head", bold=True)), (words, Style("dim", "head")))
            ):
                grid.put(x, y, "▎", Style(tone, "head"))
                grid.put(x + 2, y, clip(text, length - 4), style)
        return grid


def cards(sight: Sight) -> list[Card]:
    """Return the figures of the report and the window in view."""
    report, window = sight.report, sight.window
    if report is None or window is None or report.why_nothing:
        return []
    reference = window.reference or report.reference
    bad = [one for one in window.columns if TONES[one.verdict] == "worse"]
    matters = [one for one in window.columns if one.matters and one.judged]
    most = max(matters, key=lambda one: one.effect, default=None)
    found: list[Card] = [
        ("columns drift", f"{len(bad)} / {len(window.columns)}", f"effect > {report.settings.drift:g}",
         "worse" if bad else "better"),
    ]  # fmt: skip
    if most is not None:
        found.append(("largest effect", f"{most.effect:.2f}", clean(most.name, 40), TONES[most.verdict]))
    if window.domain is not None:
        figure = f"AUC {window.domain.auc:.2f} p {window.domain.p:.2g}"
        found.append(("all together", figure, "0.5 by chance", "text"))
    for one in window.columns:
        if one.role in ("target", "prediction"):
            words = f"{one.role}, {one.verdict}"
            found.append((clean(one.name, 40), f"{GLYPHS[one.verdict]} {one.effect:.2f}", words, TONES[one.verdict]))
    found.append(("window", clean(short_name(window.label, reference), 40), counted(window.rows, "row"), "text"))
    states = [alert.state for alert in sight.alerts]
    count = states.count("open")
    found.append(("alerts", f"{count} open", f"{states.count('acknowledged')} seen", "worse" if count else "better"))
    found.append(("reference", clean(short_name(reference, window.label), 40), f"report {report.id}", "text"))
    return found
