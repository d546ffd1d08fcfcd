"""What the store holds of drift that nothing needs any more: old reports, and profiles of data that are gone.

Of a report that goes the verdicts stay, for alerts count the windows of a whole series; its statistics and pictures go.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

KEPT = 20
"""So many of the newest reports of each series stay, besides those that alerts refer to."""
_YOUNG = 3600.0
"""Seconds for which a profile stays whatever refers to it: a check under way is about to."""


@dataclass(frozen=True)
class Unneeded:
    """Ids of reports and profiles, keys of cuts, and the bytes that they take in the store."""

    reports: tuple[int, ...] = ()
    profiles: tuple[int, ...] = ()
    cuts: tuple[str, ...] = ()
    size: int = 0


def look(connection: sqlite3.Connection, is_current: Callable[[Mapping[str, Any]], bool], now: float) -> Unneeded:
    """Return what may go; `is_current` tells of a cut, by its origin, whether it could still be asked for."""
    reports = _old_reports(connection)
    cuts, needed = [], set[int]()
    for key, listed in connection.execute("SELECT key, profiles FROM drift_cuts"):
        known = json.loads(listed)
        if isinstance(known, dict) and is_current(known.get("origin") or {}):
            needed |= {number for number, _ in known["windows"]}
        else:
            cuts.append(key)
    gone = set(reports)
    for report, *ids in connection.execute("SELECT report, profile, reference FROM drift_windows"):
        needed |= set() if report in gone else {number for number in ids if number is not None}
    rows = connection.execute("SELECT id, created, length(body) FROM drift_profiles").fetchall()
    profiles = {number: size for number, created, size in rows if number not in needed and created < now - _YOUNG}
    windows = connection.execute("SELECT report, length(body) FROM drift_windows")
    size = sum(length for report, length in windows if report in gone) + sum(profiles.values())
    return Unneeded(tuple(reports), tuple(profiles), tuple(cuts), size)


def _old_reports(connection: sqlite3.Connection) -> list[int]:
    rows = connection.execute(
        "SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY series ORDER BY id DESC) AS place"
        " FROM drift_reports) AS r WHERE place > ? AND id NOT IN (SELECT report FROM drift_alerts)"
        " AND EXISTS (SELECT 1 FROM drift_windows WHERE report = r.id AND length(body) > 0) ORDER BY id",
        (KEPT,),
    )
    return [row[0] for row in rows]


def remove(connection: sqlite3.Connection, unneeded: Unneeded) -> None:
    """Remove what `look` returned, inside a transaction of the caller."""
    connection.executemany("DELETE FROM drift_cuts WHERE key = ?", [(key,) for key in unneeded.cuts])
    connection.executemany(
        "UPDATE drift_windows SET body = x'', profile = NULL, reference = NULL WHERE report = ?",
        [(number,) for number in unneeded.reports],
    )
    connection.executemany("DELETE FROM drift_profiles WHERE id = ?", [(number,) for number in unneeded.profiles])
