"""What of a check is drawn: the columns that say something, and a word where not all fit."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.drift.making import window
from workbench.actions.drift_export import bins, over_windows
from workbench.data.profile import span_of
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


def shown(reference, current):
    sides = [window({"x": values}).column("x").drawn for values in (reference, current)]
    return bins(*sides)


def test_ranges_hold_the_shares_of_the_numbers_themselves_where_these_are_kept():
    random = np.random.default_rng(2)
    one, other = random.gamma(2, size=1000), random.gamma(3, size=700)
    found = shown(one, other)
    edges = np.linspace(*span_of([window({"x": side}).column("x").drawn for side in (one, other)]), len(found) + 1)
    for values, shares in ((one, [bin.reference for bin in found]), (other, [bin.current for bin in found])):
        counts = np.histogram(values, [-np.inf, *edges[1:-1], np.inf])[0]
        assert shares == pytest.approx(counts / len(values), abs=1e-12)


@pytest.mark.parametrize("rows", [30, 100, 3000, 20_000])
def test_one_value_far_out_leaves_the_others_their_picture_in_open_bins(rows):
    random = np.random.default_rng(3)
    found = shown(random.normal(size=rows), np.append(random.normal(size=rows), 1e9))
    assert found[-1].name.startswith("≥ ") and found[0].name.startswith("from ")
    assert max(bin.reference for bin in found) < 0.5
    assert sum(bin.current for bin in found) == pytest.approx(1) and found[-1].current > 0


def test_heavy_tails_do_not_squash_the_picture():
    random = np.random.default_rng(4)
    found = shown(random.standard_cauchy(2000), random.standard_cauchy(2000))
    assert found[0].name.startswith("< ") and found[-1].name.startswith("≥ ")
    assert max(bin.reference for bin in found) < 0.5


def test_ranges_that_reach_to_the_extremes_are_not_open():
    found = shown(np.linspace(0, 1, 500), np.linspace(0, 1, 400))
    assert all(bin.name.startswith("from ") for bin in found)
