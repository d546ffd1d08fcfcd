"""Checks for drift: comparing windows of data with a reference, what was found before, and alerts."""

from __future__ import annotations

import contextlib
import sqlite3
import time as clock
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from workbench.actions import drift_settings, drift_start, person
from workbench.actions import drift_sources as sources
from workbench.actions.drift_sources import Cut, Progress, Source
from workbench.drift import alerts as alert_rules
from workbench.drift import measure, records, rule
from workbench.drift.alerts import Alert
from workbench.drift.compare import Statistics
from workbench.drift.measure import By
from workbench.drift.profile import Window
from workbench.drift.report import Report, Request, Settings, Verdict, WindowDrift
from workbench.drift.rule import Roles
from workbench.errors import NotFoundError, UsageError
from workbench.project import Project
from workbench.safe import clean
from workbench.store.connection import transaction

_PER_MONTH = {"hour": 730.5, "day": 30.44, "week": 4.348, "month": 1.0, "quarter": 1 / 3, "year": 1 / 12}
_MONTH = 30.44 * 86_400


@dataclass(frozen=True)
class Summary:
    """One line in the list of reports."""

    id: int
    created: float
    reference: str
    current: str
    by: str
    verdict: Verdict
    windows: int


# --- comparing


def compare(
    project: Project,
    request: Request | None = None,
    *,
    folder: Path | None = None,
    now: float | None = None,
    progress: Progress | None = None,
) -> Report:
    """Compare, keep the report, and raise or clear alerts, which may start a run.

    Files that are asked for are looked for in `folder` first, then in the project. Raises UsageError and NotFoundError
    where there is nothing to compare, TableError for a file that is no table.
    """
    request = request or Request()
    now = clock.time() if now is None else now
    config = project.config
    by = By() if request.by == "all" else measure.parse_by(request.by or config.drift.by)
    time = request.time or config.data.time
    settings = drift_settings.strictness(project)
    connection = project.open_store()
    try:
        source = _current(project, request, folder)
        windows = sources.cut(project, connection, source, by, time=time, now=now, progress=progress)
        windows = _labelled(windows, source) if not str(by) else windows
        wanted = request.reference or config.drift.reference
        reference = _Reference(project, connection, folder, wanted, windows, by, now, progress)
        roles = drift_settings.roles(project, source, time if by.unit else "")
        statistics = drift_settings.statistics()
        judged: list[WindowDrift] = []
        ids: dict[int, tuple[int | None, int | None]] = {}
        for place, (number, window) in enumerate(windows.windows):
            before = reference.of(place)
            ids[place] = (number, before[0] if before is not None else None)
            judged.append(_judged(window, before, settings, statistics, roles, is_reference=reference.is_at(place)))
        if request.classifier:
            judged = list(_with_classifier(project, source, reference.source, judged, by, time, roles, settings))
        report = Report(
            created=now,
            reference=reference.name,
            current=source.label,
            by=str(by),
            settings=settings,
            windows=tuple(judged),
            series=f"{source.name}{f' by {by}' if str(by) else ''} against {reference.words}",
            undated=windows.undated,
            request=_again(request, reference, source, by, time),
            notes=(
                *drift_settings.broken(judged),
                *windows.notes,
                *drift_settings.unknown(config, roles.importance, _names(judged)),
            ),
        )
        return _keep(project, connection, _with_false_alerts(report, by, time), ids, now)
    finally:
        connection.close()


def _again(request: Request, reference: _Reference, source: Source, by: By, time: str) -> Request:
    """Return the request with all that the configuration has filled in."""
    time = time if str(by) else ""
    return replace(request, reference=reference.words, current=source.words, by=str(by) or "all", time=time)


def _names(judged: Sequence[WindowDrift]) -> set[str]:
    """Return the columns of all windows, and of what they were held against."""
    sides = [side for one in judged for side in (one.profile, one.reference_profile) if side is not None]
    return {column.name for side in sides for column in side.columns}


def _current(project: Project, request: Request, folder: Path | None) -> Source:
    """Return what is looked at: what is asked for, else what is configured, else training data or the holdout."""
    config = project.config
    words = request.current or config.drift.current
    if not words:
        reference = request.reference or config.drift.reference
        inside = (
            (request.by or config.drift.by) and reference != "training" and not _is_source(project, reference, folder)
        )
        words = config.data.train if inside else config.data.holdout
    if not words:
        hint = '--current FILE, or in workbench.toml:  [drift] current = "data/serving.csv"'
        raise UsageError("No data is named to look at", hint)
    return sources.find(project, words, folder)


def _is_source(project: Project, words: str, folder: Path | None) -> bool:
    places = [project.folder / words, *([folder / words] if folder else [])]
    return "@" in words or "://" in words or any(place.exists() for place in places)


def _labelled(cut: Cut, source: Source) -> Cut:
    return replace(cut, windows=[(number, replace(window, label=source.label)) for number, window in cut.windows])


class _Reference:
    """What each window is held against: other data, one of the windows, the one before, or that of a year before."""

    def __init__(
        self,
        project: Project,
        connection: sqlite3.Connection,
        folder: Path | None,
        wanted: str,
        windows: Cut,
        by: By,
        now: float,
        progress: Progress | None,
    ) -> None:
        self._windows, self._by = windows, by
        self._fixed: tuple[int, Window] | None = None
        self._place: int | None = None
        self.kind: Literal["source", "window", "previous", "season"] = "source"
        self.name = self.words = wanted
        self.source: Source | None = None
        if wanted in ("previous", "season"):
            if not str(by) or (wanted == "season" and not by.unit):
                hint = "--by month" if wanted == "season" else "--by month, or --by '1000 rows'"
                raise UsageError(f"The reference {wanted!r} needs windows", hint)
            self.kind = "previous" if wanted == "previous" else "season"
            return
        self._place = 0 if wanted == "first" and windows.windows else windows.index(wanted) if str(by) else None
        if self._place is not None:
            self._fixed = windows.windows[self._place]
            self.kind, self.name = "window", self._fixed[1].label
            return
        words = project.config.data.train if wanted == "training" else wanted
        if not words:
            raise UsageError("No training data is named", 'In workbench.toml:  [data] train = "data/train.csv"')
        if str(by) and not _is_source(project, words, folder):
            labels = [clean(window.label, 40) for _, window in windows.windows]
            shown = f"{', '.join(labels[:4])}{' …' if len(labels) > 4 else ''}"
            raise NotFoundError(
                f"{clean(wanted, 80)!r} is no window and no file", f"--reference first; windows: {shown}"
            )
        if not str(by) and wanted == project.config.drift.reference and not _is_source(project, words, folder):
            hint = "--reference training, or a file; --by month cuts windows"
            raise NotFoundError(f"Without windows nothing is called {clean(wanted, 80)!r}", hint)
        source = self.source = sources.find(project, words, folder)
        self.name = source.label
        if wanted != "training":
            self.words = source.words
        found = sources.cut(project, connection, source, By(), now=now, progress=progress)
        self._fixed = _labelled(found, source).windows[0]

    def is_at(self, place: int) -> bool:
        """Whether the window at that place is itself the reference of all."""
        return place == self._place

    def of(self, place: int) -> tuple[int, Window] | None:
        """Return what the window at that place is held against, with the id of its profile; None where nothing is."""
        if self.kind in ("source", "window"):
            return None if self.is_at(place) else self._fixed
        if self.kind == "previous":
            return self._windows.windows[place - 1] if place else None
        start = self._windows.windows[place][1].start
        wanted = measure.a_year_before(start or 0.0, self._by.unit)
        return next((one for one in self._windows.windows if one[1].start == wanted), None)


def _judged(
    window: Window,
    before: tuple[int, Window] | None,
    settings: Settings,
    statistics: Statistics,
    roles: Roles,
    *,
    is_reference: bool,
) -> WindowDrift:
    if before is not None:
        return rule.judge(before[1], window, settings, statistics, roles)
    # Without anything to be held against, a window can only be what others are held against.
    reference = window.label if is_reference else ""
    return WindowDrift(window.label, window.rows, "reference", (), reference, window.start, window.end, profile=window)


def _with_false_alerts(report: Report, by: By, time: str) -> Report:
    columns = max((len(alert_rules.verdicts(one)) for one in report.windows), default=0)
    windows = _PER_MONTH.get(by.unit)
    if by.rows:
        months = _months(report, time)
        windows = len(report.windows) / months if months else None
    if windows is None:
        return report
    mean, most = alert_rules.false_alerts(columns, windows, report.settings)
    return replace(report, false_alerts=mean, most_false_alerts=most)


def _months(report: Report, time: str) -> float:
    columns = [one.profile.column(time) for one in report.windows if one.profile is not None]
    ends = [(one.base.low, one.base.high) for one in columns if one is not None and one.base.kind == "time"]
    lows, highs = [low for low, _ in ends if low is not None], [high for _, high in ends if high is not None]
    return (max(highs) - min(lows)) / _MONTH if lows and highs else 0.0


def _keep(
    project: Project,
    connection: sqlite3.Connection,
    report: Report,
    ids: Mapping[int, tuple[int | None, int | None]],
    now: float,
) -> Report:
    with transaction(connection, durable=True):
        number = records.save_report(connection, report, ids)
        records.update_alerts(connection, report.series, report.settings, now)
    return drift_start.start(project, connection, replace(report, id=number), now)


# --- the classifier


def _with_classifier(
    project: Project,
    current: Source,
    reference: Source | None,
    judged: Sequence[WindowDrift],
    by: By,
    time: str,
    roles: Roles,
    settings: Settings,
) -> Iterator[WindowDrift]:
    from workbench.drift import classifier

    rows = sources.sample(project, current, by, time)
    fixed = None if reference is None else sources.sample(project, reference, By(), "")[""]
    left_out = {*roles.ids, roles.axis, *roles.ignored}
    for one in judged:
        before = fixed if fixed is not None else rows.get(one.reference)
        after = rows.get(one.label if str(by) else "")
        if one.verdict == "reference" or before is None or after is None:
            yield one
            continue
        known = one.reference_profile.columns if one.reference_profile is not None else ()
        names = {column.name for column in known if column.names_rows}
        yield rule.with_domain(one, classifier.domain(before, after, left_out | names), settings)


# --- what was found


def latest(project: Project) -> Report | None:
    """Return the newest report, without profiles; None where there is none yet."""
    with _reader(project) as connection:
        return records.load_report(connection) if connection is not None else None


def report(project: Project, number: int) -> Report:
    """Return a report by its number, without profiles; raises NotFoundError."""
    with _reader(project) as connection:
        found = records.load_report(connection, number) if connection is not None else None
    if found is None:
        raise NotFoundError(f"There is no report {number}", "workbench drift list")
    return found


def window(project: Project, number: int, place: int) -> WindowDrift:
    """Return a window of a report with its profile and that of its reference; raises NotFoundError."""
    with _reader(project) as connection:
        found = records.load_window(connection, number, place) if connection is not None else None
    if found is None:
        raise NotFoundError(f"Report {number} has no window {place}", "workbench drift list")
    return found


def listed(project: Project, limit: int = 20) -> list[Summary]:
    """Return the newest reports."""
    with _reader(project) as connection:
        rows = records.summaries(connection, limit) if connection is not None else []
    return [Summary(*row) for row in rows]


def alerts(project: Project) -> list[Alert]:
    """Return all alerts, the newest first."""
    with _reader(project) as connection:
        return records.load_alerts(connection) if connection is not None else []


def alert(project: Project, number: int) -> Alert:
    """Return an alert by its number; raises NotFoundError."""
    found = next((one for one in alerts(project) if one.id == number), None)
    if found is None:
        raise NotFoundError(f"There is no alert {number}", "workbench drift alerts")
    return found


def acknowledge(project: Project, number: int, who: str = "", *, now: float | None = None) -> Alert:
    """Write down that someone has seen an alert, and return it; `who` "" is whoever is at work.

    Raises NotFoundError where there is none, UsageError for one that is over or acknowledged.
    """
    known = alert(project, number)
    if known.state != "open":
        words = "is over" if known.state == "cleared" else f"was acknowledged by {clean(known.acknowledged_by, 40)}"
        raise UsageError(f"Alert {number} {words}", "workbench drift alerts")
    connection = project.open_store()
    try:
        with transaction(connection, durable=True):
            moment = clock.time() if now is None else now
            by = clean(who or person.user_name(project), 80)
            records.add_event(connection, number, "acknowledged", moment, who=by)
    finally:
        connection.close()
    return alert(project, number)


@contextlib.contextmanager
def _reader(project: Project) -> Iterator[sqlite3.Connection | None]:
    """Open the store to read, where there is one: looking makes none."""
    connection = project.open_reader() if project.store_path.exists() else None
    try:
        yield connection
    finally:
        if connection is not None:
            connection.close()
