"""When drift becomes an alert, and when it is over: pure.

A column raises an alert when it is bad in `alert_after` of `alert_within` windows, the newest among them. The alert
ends after `clear_after` good windows, and `cool_down` windows must pass before the column can raise another one.
Windows with too few rows say nothing and count as neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import comb
from typing import Literal

from workbench.drift.report import BAD, Settings, WindowDrift

Change = Literal["", "raised", "cleared"]
AlertState = Literal["open", "acknowledged", "cleared"]


@dataclass(frozen=True)
class State:
    """What is remembered of a column between windows."""

    recent: tuple[bool, ...] = ()
    is_open: bool = False
    good: int = 0
    quiet: int = 0


def step(state: State, bad: bool | None, settings: Settings) -> tuple[State, Change]:
    """Return the state after one more window, and what happened in it; None is a window that says nothing."""
    if bad is None:
        return state, ""
    if state.is_open:
        good = 0 if bad else state.good + 1
        if good >= settings.clear_after:
            return State(quiet=settings.cool_down), "cleared"
        return replace(state, good=good), ""
    recent = (*state.recent, bad)[-settings.alert_within :]
    if state.quiet:
        return State(recent, quiet=state.quiet - 1), ""
    if bad and sum(recent) >= settings.alert_after:
        return State(is_open=True), "raised"
    return State(recent), ""


@dataclass(frozen=True)
class Span:
    """An alert of a column: the places of the windows in which it was raised and cleared, None while it is open."""

    column: str
    raised: int
    cleared: int | None = None


def spans(windows: Sequence[Mapping[str, str]], settings: Settings) -> list[Span]:
    """Return the alerts that a series of windows raises, each given as verdicts by column; the first raised first."""
    states: dict[str, State] = {}
    found: list[Span] = []
    going: dict[str, int] = {}
    for place, verdicts in enumerate(windows):
        for column, verdict in verdicts.items():
            bad = None if verdict in ("insufficient", "new", "reference") else verdict in BAD
            states[column], change = step(states.get(column, State()), bad, settings)
            if change == "raised":
                going[column] = len(found)
                found.append(Span(column, place))
            elif change == "cleared":
                at = going.pop(column)
                found[at] = replace(found[at], cleared=place)
    return found


def verdicts(window: WindowDrift) -> dict[str, str]:
    """Return what a window says of the columns that can raise an alert: those that matter, and have a verdict."""
    return {one.name: one.verdict for one in window.columns if one.matters and one.role != "axis"}


def false_alerts(columns: int, windows: float, settings: Settings) -> tuple[float, float]:
    """Return how many alerts `windows` windows of `columns` columns without drift bring, and how many at most.

    Without drift a window flags any column with probability q at most, a column thus with q / columns. The first figure
    takes windows to be independent, the second lets them go together, as they do where the reference itself is off.
    """
    if not columns:
        return 0.0, 0.0
    p, before = settings.q / columns, settings.alert_within - 1
    enough = sum(comb(before, k) * p**k * (1 - p) ** (before - k) for k in range(settings.alert_after - 1, before + 1))
    return columns * windows * p * enough, windows * settings.q / settings.alert_after


@dataclass(frozen=True)
class Alert:
    """An alert as it is kept: with the figures of the window that raised it, whose report has both profiles.

    `created`, `acknowledged` are moments in seconds since the epoch; `cleared` names the window after which it ended;
    `run` is the one that it started.
    """

    id: int
    series: str
    column: str
    label: str
    report: int
    place: int
    created: float
    verdict: str
    why: str
    statistic: str = ""
    value: float | None = None
    expected: float | None = None
    p: float | None = None
    effect: float = 0.0
    threshold: float = 0.0
    n: int = 0
    reference_n: int = 0
    acknowledged: float | None = None
    acknowledged_by: str = ""
    cleared: str | None = None
    run: int | None = None

    @property
    def state(self) -> AlertState:
        """Whether it is still open, and whether someone has seen it."""
        if self.cleared is not None:
            return "cleared"
        return "open" if self.acknowledged is None else "acknowledged"
