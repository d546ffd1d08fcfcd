from __future__ import annotations

import math

import pytest

from workbench.tui.kit.grid import Style
from workbench.tui.kit.sparkline import bar, bar_spans, sparkline

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("ys", "width", "expected"),
    [
        (range(16), 8, "⣀⡠⠤⠤⠒⠒⠊⠉"),
        ([5, 4, 3, NAN, NAN, 1], 6, "⠉⠒⠂  ⢀"),
        ([3] * 9, 4, "⠒⠒⠒⠒"),
        ([1, 2, INF], 3, "⡔⠉⠉"),
        ([], 3, "   "),
        ([NAN], 3, "   "),
        ([1, 2, 3], 0, ""),
    ],
)
def test_sparkline(ys, width, expected):
    assert sparkline(ys, width) == expected


def test_a_long_history_keeps_its_shape():
    ramp = sparkline(range(100_000), 8)
    assert ramp == sparkline(range(16), 8)


@pytest.mark.parametrize(
    ("fraction", "width", "expected"),
    [
        (0.5, 7, ("━━━╸", "───")),
        (0, 3, ("", "───")),
        (0.001, 4, ("╸", "───")),
        (1, 4, ("━━━━", "")),
        (7, 2, ("━━", "")),
        (-1, 2, ("", "──")),
        (NAN, 2, ("", "──")),
        (0.5, 0, ("", "")),
    ],
)
def test_bar(fraction, width, expected):
    assert bar(fraction, width) == expected


def test_a_bar_in_colours_has_a_faint_rest():
    assert bar_spans(0.5, 2, Style(fg="series1")) == [("━", Style(fg="series1")), ("─", Style(fg="grid"))]
    assert bar_spans(1, 2, Style(fg="series1")) == [("━━", Style(fg="series1"))]
