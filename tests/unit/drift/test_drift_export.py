"""What of a check is drawn: the columns that say something, and a word where not all fit."""

from __future__ import annotations

from workbench.actions.drift_export import over_windows
from workbench.drift.report import ColumnDrift, Judged, Report, Settings, WindowDrift
from workbench.drift.statistics import Statistic


def report(count):
    judged = (Judged(Statistic("KS", 0.5, 0.1)),)
    columns = [ColumnDrift(f"c{at}", "number", "feature", "ok", "", at / 200, judged=judged) for at in range(count)]
    columns.append(ColumnDrift("when", "time", "axis", "ok", "The windows are cut by it."))
    window = WindowDrift("2026-02", 100, "ok", tuple(columns), "2026-01")
    return Report(0.0, "2026-01", "data.csv", "month", Settings(), (window,))


def test_a_column_that_is_never_judged_is_not_drawn():
    heat = over_windows(report(2))
    assert heat.rows == ("c1", "c0") and heat.title == "Drift of data.csv by month against 2026-01"


def test_of_many_columns_those_that_drifted_most_are_drawn_and_the_title_says_so():
    heat = over_windows(report(100))
    assert heat.title.endswith(", 60 of 100 columns")
    assert len(heat.rows) == 60 and heat.rows[0] == "c99"
