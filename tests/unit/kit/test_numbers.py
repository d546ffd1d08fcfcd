from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from workbench.tui.kit.numbers import age, column, duration, log_ticks, percent, short, size, tick_labels, ticks

NAN, INF = math.nan, math.inf
relaxed = settings(deadline=None)


@pytest.mark.parametrize(
    ("value", "width", "expected"),
    [
        (0.9279, 7, "0.9279"),
        (0.01075, 7, "0.01075"),
        (12.345678, 7, "12.346"),
        (1234567, 7, "1234567"),
        (1234567, 4, "1e6"),
        (12345678, 9, "1.235e7"),
        (1.2e-5, 7, "1.2e-5"),
        (1e300, 7, "1e300"),
        (5e-324, 7, "5e-324"),
        (0.1 + 0.2, 7, "0.3"),
        (-0.0, 7, "0"),
        (100000.0, 7, "100000"),
        (-0.00123456, 4, "####"),
        (None, 7, "—"),
        (NAN, 7, "nan"),
        (-INF, 7, "-inf"),
        (10**400, 7, "inf"),
        (3, 0, ""),
    ],
)
def test_short(value, width, expected):
    assert short(value, width) == expected


def test_signed_numbers():
    assert [short(v, signed=True) for v in (0.0408, -0.0033, 0.0, 2, INF)] == ["+0.0408", "-0.0033", "0", "+2", "+inf"]


@relaxed
@given(st.floats(-1e307, 1e307))
def test_short_tells_the_value_to_its_digits(value):
    text = short(value, 12)
    assert math.isclose(float(text), value, rel_tol=6e-4, abs_tol=1e-322)


def test_a_column_has_the_same_digits_and_is_aligned():
    assert column([0.9323, 0.928, 0.91, None]) == [" 0.9323", " 0.9280", " 0.9100", "      —"]
    assert column([12.2, 1.7, 5.4]) == ["   12.2", "    1.7", "    5.4"]
    assert column([825, 515.0, NAN]) == ["    825", "    515", "    nan"]
    assert column([0.0408, -0.0058, 0], signed=True) == ["+0.0408", "-0.0058", " 0.0000"]


def test_a_column_never_shows_something_as_zero():
    assert column([0.2, 1e-5, 0, -3e9], 8) == ["     0.2", "    1e-5", "     0.0", "    -3e9"]


def test_durations():
    seconds = [0.12, 2.1, 9.96, 45, 59.7, 124, 515, 854, 3599.6, 10800, 11100, 187200, 120 * 86400]
    assert [duration(s) for s in seconds] == [
        *("120ms", "2.1s", "10s", "45s", "1m00", "2m04", "8m35", "14m14", "1h", "3h", "3h05", "2d4h", "120d"),
    ]
    assert [duration(s) for s in (None, NAN, -1, INF)] == ["—", "—", "—", "inf"]


def test_ages():
    assert [age(s) for s in (-5, 0, 59, 60, 2100, 3599, 10800, 2 * 86400, 800 * 86400)] == [
        *("now", "now", "now", "1m", "35m", "59m", "3h", "2d", "2y"),
    ]
    assert age(None) == "—"


def test_sizes_and_percentages():
    assert [size(n) for n in (0, 999, 999.6, 1500, 41e6, 999.6e6, None)] == [
        *("0 B", "999 B", "1.0 kB", "1.5 kB", "41.0 MB", "1.0 GB", "—"),
    ]
    assert [percent(f) for f in (0.25, -0.378, 0.001, 1.29, NAN)] == ["+25%", "-38%", "0%", "+129%", "—"]
    assert percent(0.25, signed=False) == "25%"


def test_ticks_are_round_numbers():
    assert ticks(0, 1) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert ticks(0.55, 0.93, 3) == [0.6, 0.8]
    assert ticks(-3, 7, 4, around=True) == [-5.0, 0.0, 5.0, 10.0]
    assert ticks(4, 4) == [4] and ticks(NAN, 1) == [] and ticks(0, INF) == []


magnitudes = st.floats(-1e12, 1e12)


@relaxed
@given(magnitudes, magnitudes, st.integers(1, 12))
def test_ticks_lie_inside_and_ticks_around_bracket(a, b, n):
    lo, hi = min(a, b), max(a, b)
    assume(hi - lo > 1e-6 * max(abs(lo), abs(hi)) and hi - lo > 1e-200)
    inside, around = ticks(lo, hi, n), ticks(lo, hi, n, around=True)
    assert all(lo <= tick <= hi for tick in inside) and len(inside) <= n + 1
    assert around[0] <= lo and hi <= around[-1]
    assert [tick for tick in around if lo <= tick <= hi] == inside
    # Only the outermost two lie outside, so that none is further away than it must be.
    assert len(around) <= len(inside) + 2
    steps = [after - before for before, after in pairwise(around)]
    assert max(steps) == pytest.approx(min(steps), rel=1e-6)
    assert f"{steps[0]:.2e}"[0] in "125"


@relaxed
@given(st.floats(1e-300, 1e300), st.floats(1, 1e9), st.integers(1, 9))
def test_log_ticks_lie_inside(lo, ratio, n):
    hi = min(lo * ratio, 1e300)
    found = log_ticks(lo, hi, n)
    assert all(lo <= tick <= hi for tick in found) and found == sorted(set(found))


def test_log_ticks_of_wide_and_narrow_ranges():
    assert log_ticks(1e-5, 1e2) == [1e-5, 1e-3, 1e-1, 1e1]
    assert log_ticks(3, 40) == [5, 10, 20]
    assert log_ticks(2, 3) == [2.0, 2.2, 2.4, 2.6, 2.8, 3.0]
    assert log_ticks(0, 1) == log_ticks(-1, 1) == log_ticks(1, INF) == []


def test_tick_labels():
    assert tick_labels([0, 0.5, 1]) == ["0", "0.5", "1.0"]
    assert tick_labels([0, 50000, 100000]) == ["0", "50k", "100k"]
    assert tick_labels([0.99991, 0.99992]) == ["0.99991", "0.99992"]
    assert tick_labels([1e-6, 2e-6]) == ["1e-6", "2e-6"]
    assert tick_labels([-200, 0, 200]) == ["-200", "0", "200"]
    assert tick_labels([]) == []
