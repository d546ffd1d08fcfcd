"""What the Drift view shows, read on the reader's thread: the newest report, one window of it closely, the alerts."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass

from workbench.actions.drift_guard import hidden
from workbench.drift import records
from workbench.drift.alerts import Alert
from workbench.drift.report import ColumnDrift, Report, WindowDrift
from workbench.project import Project
from workbench.safe import clean
from workbench.tui.kit.grid import Style
from workbench.tui.kit.numbers import ago
from workbench.tui.screens.data_checks import CheckRun, newest_check
from workbench.tui.widgets.canvas import Spans

_DIM = Style(fg="dim")
TONES = {
    "drift": "worse", "missing": "worse", "empty": "worse", "warn": "mark", "new": "mark", "ok": "dim",
    "insufficient": "dim", "reference": "dim",
}  # fmt: skip


@dataclass(frozen=True)
class Wish:
    """What to read: the newest report, and the window at a place in it, None for the newest that says something."""

    project: Project
    report: int = 0
    place: int | None = None


@dataclass(frozen=True)
class Sight:
    """A report without profiles, the window at `place` with them, the alerts of the report's series, the newest run."""

    report: Report | None = None
    place: int = 0
    window: WindowDrift | None = None
    alerts: tuple[Alert, ...] = ()
    check: CheckRun | None = None

    @property
    def order(self) -> tuple[str, ...]:
        """The columns in the order of the window in view, then those that only other windows have."""
        if self.report is None or self.window is None:
            return ()
        here = [one.name for one in self.window.columns]
        return (*here, *(name for name in self.report.column_names() if name not in here))

    @property
    def places(self) -> list[int]:
        """The places of the windows that were held against another one."""
        windows = self.report.windows if self.report is not None else ()
        return [place for place, one in enumerate(windows) if one.verdict != "reference"]

    def effects(self, name: str) -> list[float | None]:
        """Return the effect of a column in each window that was judged; None where that says nothing."""
        windows = self.report.windows if self.report is not None else ()
        return [_effect(windows[place].column(name)) for place in self.places]


def short_name(label: str, other: str) -> str:
    """Return what data or a window is called beside another one: files without folder, with a hash only to differ."""
    name, _, hash_ = label.rpartition("/")[2].partition("@")
    return f"{name}@{hash_[:6]}" if hash_ and other.rpartition("/")[2].partition("@")[0] == name else name


def headline(report: Report | None, *, brief: bool = False) -> Spans:
    """Return what was compared with what, and when; brief without folders, hashes and the age."""
    if report is None:
        return []
    current, reference = report.current, report.reference
    if brief:
        current, reference = short_name(current, reference), short_name(reference, current)
    words = clean(f"{current}{f' by {report.by}' if report.by else ''} against {reference}", 200)
    when = "" if brief else f"  {ago(max(0.0, time.time() - report.created))}"
    return [(words, _DIM), (f"{when} ", _DIM)]


def _effect(column: ColumnDrift | None) -> float | None:
    if column is None or column.verdict == "insufficient" or column.role == "axis":
        return None
    return 1.0 if column.verdict in ("missing", "empty") else column.effect


class SightReader:
    """Reads sights, and keeps the last report and window: only the facts of a report ever change in the store."""

    def __init__(self) -> None:
        self._newest: tuple[int, str] | None = None
        self._report: Report | None = None
        self._window: tuple[tuple[int, int], WindowDrift | None] | None = None

    def read(self, connection: sqlite3.Connection | None, wish: Wish) -> Sight:
        """Read what a wish asks for."""
        if connection is None:
            return Sight()
        check = newest_check(connection, wish.project, "drift")
        newest = connection.execute("SELECT id, facts FROM drift_reports ORDER BY id DESC LIMIT 1").fetchone()
        if newest is None:
            return Sight(check=check)
        if self._newest != newest:
            self._report, self._newest = records.load_report(connection, newest[0]), newest
        report = self._report
        if report is None or not report.windows:
            return Sight(report, check=check)
        asked = wish.place if wish.report == report.id else None
        place = asked if asked is not None and 0 <= asked < len(report.windows) else telling(report)
        if self._window is None or self._window[0] != (report.id, place):
            window = records.load_window(connection, report.id, place)
            self._window = ((report.id, place), window and hidden(wish.project.config.policy, window))
        alerts = tuple(one for one in records.load_alerts(connection) if one.series == report.series)
        return Sight(report, place, self._window[1], alerts, check)


def telling(report: Report) -> int:
    """Return the place of the newest window that says something, else of the newest one."""
    places = range(len(report.windows))
    says = [place for place in places if report.windows[place].verdict not in ("reference", "insufficient")]
    return (says or list(places))[-1]
