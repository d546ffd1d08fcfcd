"""Profiles, reports and alerts in the store.

What is written here is never changed, only followed by events; a report is told once what its alerts started.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from hashlib import blake2b
from typing import Any

from workbench.drift import alerts, profile, report
from workbench.drift.alerts import Alert
from workbench.drift.profile import Window
from workbench.drift.report import ColumnDrift, Report, Settings, Verdict, WindowDrift

_REPORT = "id, created, series, reference, current, by, settings, facts"


def _packed(value: Any) -> bytes:
    return zlib.compress(json.dumps(value, allow_nan=False, separators=(",", ":")).encode(), 3)


def _unpacked(body: bytes) -> Any:
    return json.loads(zlib.decompress(body))


# --- profiles


def save_profile(connection: sqlite3.Connection, window: Window, now: float) -> int:
    """Keep a profile, once whatever its label; return its id."""
    body = _packed(profile.to_json(profile.relabelled(window, "")))
    key = blake2b(body, digest_size=20).hexdigest()
    connection.execute("INSERT OR IGNORE INTO drift_profiles (key, body, created) VALUES (?, ?, ?)", (key, body, now))
    (number,) = connection.execute("SELECT id FROM drift_profiles WHERE key = ?", (key,)).fetchone()
    return int(number)


def load_profile(connection: sqlite3.Connection, number: int | None, label: str = "") -> Window | None:
    """Return a profile by id; None where there is none, or another program wrote it."""
    row = connection.execute("SELECT body FROM drift_profiles WHERE id = ?", (number,)).fetchone()
    found = None if row is None else profile.from_json(_unpacked(row[0]))
    return None if found is None else profile.relabelled(found, label)


def save_cut(
    connection: sqlite3.Connection,
    key: str,
    windows: Sequence[tuple[int, Window]],
    undated: int,
    notes: Sequence[str] = (),
    origin: Mapping[str, Any] | None = None,
) -> None:
    """Remember the windows into which a file was cut, with the ids of their profiles, what was odd, and of what."""
    known = {"windows": [[number, window.label] for number, window in windows], "notes": list(notes)}
    listed = json.dumps({**known, "origin": origin})
    connection.execute("INSERT OR REPLACE INTO drift_cuts VALUES (?, ?, ?)", (key, listed, undated))


def load_cut(connection: sqlite3.Connection, key: str) -> tuple[list[tuple[int, Window]], int, tuple[str, ...]] | None:
    """Return the windows of a file with the ids of their profiles, its undated rows and notes; None where not known."""
    row = connection.execute("SELECT profiles, undated FROM drift_cuts WHERE key = ?", (key,)).fetchone()
    if row is None:
        return None
    found = []
    listed = json.loads(row[0])
    for number, label in listed["windows"]:
        window = load_profile(connection, number, label)
        if window is None:
            return None
        found.append((int(number), window))
    return found, int(row[1]), tuple(listed["notes"])


# --- reports


def save_report(
    connection: sqlite3.Connection, found: Report, profiles: Mapping[int, tuple[int | None, int | None]]
) -> int:
    """Keep a report; `profiles` are the ids of window and reference by place. Return its number."""
    names = ("undated", "notes", "false_alerts", "most_false_alerts")
    facts: dict[str, Any] = {name: getattr(found, name) for name in names}
    facts["request"] = None if found.request is None else asdict(found.request)
    number = connection.execute(
        "INSERT INTO drift_reports (created, series, reference, current, by, verdict, settings, facts)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            found.created, found.series, found.reference, found.current, found.by, found.verdict,
            json.dumps(asdict(found.settings)), json.dumps(facts),
        ),
    ).lastrowid  # fmt: skip
    rows = [
        (
            number, place, one.label, one.start, one.rows, one.verdict, json.dumps(alerts.verdicts(one)),
            *profiles.get(place, (None, None)), _packed(report.window_to_json(one)),
        )
        for place, one in enumerate(found.windows)
    ]  # fmt: skip
    connection.executemany("INSERT INTO drift_windows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    return int(number or 0)


def save_start(connection: sqlite3.Connection, found: Report) -> None:
    """Write down which run the alerts of a report started, or why none."""
    connection.execute(
        "UPDATE drift_reports SET facts = json_set(facts, '$.run', ?, '$.not_started', ?) WHERE id = ?",
        (found.run, found.not_started, found.id),
    )


def load_report(connection: sqlite3.Connection, number: int | None = None) -> Report | None:
    """Return a report by number, the newest without one, without profiles; None where there is none."""
    where = "WHERE id = ?" if number is not None else "ORDER BY id DESC LIMIT 1"
    values = (number,) if number is not None else ()
    row = connection.execute(f"SELECT {_REPORT} FROM drift_reports {where}", values).fetchone()
    if row is None:
        return None
    id_, created, series, reference, current, by, settings, facts = row
    bodies = connection.execute("SELECT body FROM drift_windows WHERE report = ? ORDER BY place", (id_,)).fetchall()
    if any(not body for (body,) in bodies):  # removed: of its windows only the verdicts are left
        return None
    windows = tuple(report.window_from_json(_unpacked(body)) for (body,) in bodies)
    known = json.loads(facts)
    known["request"] = report.request_from_json(known.get("request"))
    known["notes"] = tuple(known.get("notes", ()))
    return Report(
        created, reference, current, by, report.settings_from_json(json.loads(settings)), windows, series, id=id_,
        **known,
    )  # fmt: skip


def load_window(connection: sqlite3.Connection, number: int, place: int) -> WindowDrift | None:
    """Return one window of a report with both profiles; None where there is none."""
    row = connection.execute(
        "SELECT body, profile, reference FROM drift_windows WHERE report = ? AND place = ?", (number, place)
    ).fetchone()
    if row is None or not row[0]:
        return None
    found = report.window_from_json(_unpacked(row[0]))
    current, reference = (load_profile(connection, row[at]) for at in (1, 2))
    values = {
        **vars(found),
        "profile": _named(current, found.label),
        "reference_profile": _named(reference, found.reference),
    }
    return WindowDrift(**values)


def _named(window: Window | None, label: str) -> Window | None:
    return None if window is None else profile.relabelled(window, label)


def summaries(connection: sqlite3.Connection, limit: int) -> list[tuple[int, float, str, str, str, Verdict, int]]:
    """Return id, moment, reference, current, by, verdict and number of windows of the newest reports."""
    return connection.execute(
        "SELECT id, created, reference, current, by, verdict,"
        " (SELECT count(*) FROM drift_windows WHERE report = r.id) FROM drift_reports AS r"
        " WHERE NOT EXISTS (SELECT 1 FROM drift_windows WHERE report = r.id AND length(body) = 0)"
        " ORDER BY id DESC LIMIT ?",
        (limit,),
    ).fetchall()


# --- alerts


def update_alerts(connection: sqlite3.Connection, series: str, settings: Settings, now: float) -> None:
    """Go through the windows of a series, raise and clear what follows from them.

    A window that was checked again counts as it was found last.
    """
    windows = _series(connection, series)
    rows = connection.execute(
        "SELECT id, column_name, label, (SELECT kind = 'cleared' FROM drift_events"
        " WHERE alert = a.id AND kind IN ('cleared', 'raised') ORDER BY id DESC LIMIT 1)"
        " FROM drift_alerts AS a WHERE series = ?",
        (series,),
    )
    known = {(column, label): (number, bool(is_over)) for number, column, label, is_over in rows}
    for span in alerts.spans([json.loads(row[3]) for row in windows], settings):
        report_id, place, label, _ = windows[span.raised]
        number, is_over = known.pop((span.column, label), (0, False))
        if not number:
            number = _raise(connection, series, span.column, report_id, place, label, now)
        elif is_over and span.cleared is None:
            add_event(connection, number, "raised", now, what="checked again")
        if span.cleared is not None and not is_over:
            add_event(connection, number, "cleared", now, what=windows[span.cleared][2])
    for number, is_over in known.values():
        if not is_over:
            add_event(connection, number, "cleared", now, what="checked again")


def _series(connection: sqlite3.Connection, series: str) -> list[tuple[int, int, str, str]]:
    """Return report, place, label and verdicts of the windows of a series in order, each as it was checked last."""
    rows = connection.execute(
        "SELECT w.report, w.place, w.label, w.verdicts, w.start, w.verdict FROM drift_windows AS w"
        " JOIN drift_reports AS r ON r.id = w.report WHERE r.series = ? ORDER BY w.report, w.place",
        (series,),
    ).fetchall()
    newest: dict[str, Any] = {}
    for row in rows:
        before = newest.get(row[2])
        first = row[:2] if before is None else before[0]
        newest[row[2]] = (first, row)
    # Windows without a time come in the order in which they were first seen.
    found = sorted(newest.values(), key=lambda one: (one[1][4] is not None, one[1][4] or 0.0, one[0]))
    return [row[:4] for _, row in found if row[5] != "reference"]


def _raise(
    connection: sqlite3.Connection, series: str, column: str, number: int, place: int, label: str, now: float
) -> int:
    window = load_window(connection, number, place)
    settings = json.loads(
        connection.execute("SELECT settings FROM drift_reports WHERE id = ?", (number,)).fetchone()[0]
    )
    found = window.column(column) if window is not None else None
    facts = {} if found is None else _facts(found, float(settings["drift"]))
    return int(
        connection.execute(
            "INSERT INTO drift_alerts (series, column_name, label, report, place, created, facts)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (series, column, label, number, place, now, json.dumps(facts)),
        ).lastrowid
        or 0
    )


def _facts(column: ColumnDrift, threshold: float) -> dict[str, Any]:
    deciding = [one for one in column.judged if one.adjusted is not None]
    main = max(deciding, key=lambda one: one.statistic.effect or 0.0, default=None)
    known = {
        "verdict": column.verdict,
        "why": column.why,
        "effect": column.effect,
        "threshold": threshold,
        "n": column.count,
        "reference_n": column.reference_count,
    }
    if main is not None:
        known |= {"statistic": main.name, "value": main.statistic.value, "expected": main.statistic.expected}
        known["p"] = main.adjusted
    return known


def add_event(
    connection: sqlite3.Connection, alert: int, kind: str, now: float, *, who: str = "", what: str = ""
) -> None:
    """Write down what became of an alert: acknowledged, cleared, started."""
    connection.execute(
        "INSERT INTO drift_events (alert, kind, at, who, what) VALUES (?, ?, ?, ?, ?)", (alert, kind, now, who, what)
    )


def load_alerts(connection: sqlite3.Connection) -> list[Alert]:
    """Return all alerts, the newest first."""
    events: dict[int, dict[str, tuple[float, str, str]]] = {}
    for alert, kind, at, who, what in connection.execute(
        "SELECT alert, kind, at, who, what FROM drift_events ORDER BY id"
    ):
        found = events.setdefault(alert, {})
        found[kind] = (at, who, what)
        if kind == "raised":  # it is as new
            for past in ("acknowledged", "cleared", "started"):
                found.pop(past, None)
    rows = connection.execute(
        "SELECT id, series, column_name, label, report, place, created, facts FROM drift_alerts ORDER BY id DESC"
    )
    return [_alert(row, events.get(row[0], {})) for row in rows]


def _alert(row: Sequence[Any], events: Mapping[str, tuple[float, str, str]]) -> Alert:
    seen, ended, began = (events.get(kind) for kind in ("acknowledged", "cleared", "started"))
    known: dict[str, Any] = {"verdict": "", "why": "", **json.loads(row[7])}
    if seen is not None:
        known |= {"acknowledged": seen[0], "acknowledged_by": seen[1]}
    if ended is not None:
        known["cleared"] = ended[2]
    if began is not None:
        known["run"] = int(began[2])
    id_, series, column, label, number, place, created = row[:7]
    return Alert(id_, series, column, label, number, place, created, **known)
