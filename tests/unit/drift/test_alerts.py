"""Alerts: two of three windows, cool-down, clearing, and how many come by chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.drift.alerts import Span, false_alerts, spans
from workbench.drift.report import Settings

SETTINGS = Settings()
WORDS = {"b": "drift", "g": "ok", "w": "warn", "?": "insufficient", "m": "missing", "e": "empty", "n": "new"}


def of(series: str, settings: Settings = SETTINGS) -> list[tuple[int, int | None]]:
    found = spans([{"x": WORDS[sign]} for sign in series], settings)
    return [(one.raised, one.cleared) for one in found]


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ("b", []),
        ("bb", [(1, None)]),
        ("bgb", [(2, None)]),
        ("bggb", []),
        ("bgbg", [(2, None)]),
        ("bbgg", [(1, 3)]),
        ("bbgbgg", [(1, 5)]),
        ("wwww", []),
        ("b?b", [(2, None)]),
        ("b??????b", [(7, None)]),
        ("bb?g?g", [(1, 5)]),
        ("mm", [(1, None)]),
        ("ee", [(1, None)]),
        ("nnn", []),
    ],
)
def test_an_alert_needs_two_bad_windows_of_three_and_ends_after_two_good_ones(series, expected):
    assert of(series) == expected


def test_after_an_alert_the_column_keeps_quiet_for_the_cool_down():
    assert of("bbgg" + "bbb" + "b") == [(1, 3), (7, None)]
    assert of("bbgg" + "bb", replace(SETTINGS, cool_down=0)) == [(1, 3), (5, None)]


def test_the_numbers_are_those_of_the_settings():
    strict = replace(SETTINGS, alert_after=1, alert_within=1, clear_after=1, cool_down=0)
    assert of("bgb", strict) == [(0, 1), (2, None)]
    assert of("bbgb", replace(SETTINGS, alert_after=3, alert_within=4)) == [(3, None)]


def test_columns_do_not_share_their_alerts():
    windows = [{"x": "drift", "y": "ok"}, {"x": "ok", "y": "drift"}, {"x": "drift"}, {"y": "drift"}]
    assert spans(windows, SETTINGS) == [Span("x", 2), Span("y", 3)]


@given(st.text(alphabet="bg?w", max_size=40))
def test_an_alert_is_cleared_before_the_next_and_never_without_bad_windows(series):
    found = of(series)
    assert all(cleared is not None for _, cleared in found[:-1])
    places = [place for span in found for place in span if place is not None]
    assert places == sorted(set(places))
    assert all(series[raised] == "b" for raised, _ in found)


def test_the_expected_number_of_false_alerts_is_that_of_a_simulation():
    settings = replace(SETTINGS, q=0.4, cool_down=0)
    columns, windows = 4, 20_000
    random = np.random.default_rng(0)
    bad = random.random((windows, columns)) < settings.q / columns
    found = spans([{f"x{at}": "drift" if one else "ok" for at, one in enumerate(row)} for row in bad], settings)
    mean, most = false_alerts(columns, 1, settings)
    assert len(found) / windows == pytest.approx(mean, rel=0.25)  # while an alert is open no other can be raised
    assert mean < most
    assert false_alerts(0, 30, settings) == (0.0, 0.0)
