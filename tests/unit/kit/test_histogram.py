from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.tui.kit.grid import Grid, Style
from workbench.tui.kit.histogram import BLOCKS, Bins, bins, columns, histogram, shares

FIRST = Bins((1, 2, 4, 2, 1), tuple(range(6)))
SECOND = Bins((0, 1, 2, 4, 3), tuple(range(6)))
counts = st.lists(st.one_of(st.integers(0, 10**6), st.floats(0, 1e308)), max_size=60)
relaxed = settings(deadline=None)


@relaxed
@given(counts)
def test_shares_sum_to_one(values):
    total = math.fsum(shares(values))
    assert total == pytest.approx(1 if any(values) else 0)


@relaxed
@given(st.lists(st.floats(0, 1), min_size=1, max_size=200), st.integers(1, 50))
def test_merging_bins_into_fewer_columns_loses_nothing(values, width):
    spread = columns(values, width)
    assert len(spread) == width
    if len(values) >= width:
        assert math.fsum(spread) == pytest.approx(math.fsum(values))
    else:
        assert set(spread) == set(values)


@relaxed
@given(
    st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=200).filter(lambda v: max(v) - min(v) > 1), st.integers(1, 30)
)
def test_bins_count_every_value_once(values, n):
    counted = bins(values, n)
    assert sum(counted.counts) == len(values) and len(counted.edges) == n + 1


def test_bins_agree_with_numpy_and_leave_out_what_is_not_in_the_span():
    values = np.random.default_rng(5).normal(size=2000)
    counted = bins([*values, math.nan, math.inf], 12, (-2, 2))
    expected, edges = np.histogram(values, 12, (-2, 2))
    assert list(counted.counts) == list(expected)
    np.testing.assert_allclose(counted.edges, edges)
    assert bins([], 5) == bins([math.nan], 5) == Bins(())


def test_two_distributions_over_each_other():
    assert histogram(FIRST, SECOND, width=45, height=9).lines() == [
        "     ■ reference  ■ current  ■ both          ",
        "40% ┤────────────────████████████████────────",
        "    │                ████████████████▄▄▄▄▄▄▄▄",
        "20% ┤────────────────████████████████████████",
        "    │        ████████████████████████████████",
        "    │▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄████████████████▄▄▄▄▄▄▄▄",
        "    │████████████████████████████████████████",
        "    └┬───────────────┬───────────────┬───────",
        "     0               2               4       ",
    ]


def areas(grid: Grid, left: int, top: int, height: int) -> dict[str, float]:
    """Measure the coloured areas in cells; a block gives its share to its own colour and the rest to what is behind."""
    found = {"series0": 0.0, "series1": 0.0, "overlap": 0.0}
    for y in range(top, top + height):
        for x in range(left, grid.width):
            part, style = BLOCKS.find(grid.char(x, y)) / 8, grid.style(x, y)
            if part > 0:
                found[style.fg] += part
                if style.bg:
                    found[style.bg] += 1 - part
    return found


def test_the_three_areas_are_as_large_as_the_shares():
    found = areas(histogram(FIRST, SECOND, width=55, height=27), 5, 1, 24)
    cells = 24 * 50 / 5 / 0.4  # a share of one
    assert found["overlap"] == pytest.approx(0.6 * cells, rel=0.02)
    assert found["series0"] == pytest.approx(0.4 * cells, rel=0.02)
    assert found["series1"] == pytest.approx(0.4 * cells, rel=0.02)


def test_without_colours_the_areas_differ_by_glyph():
    assert histogram(FIRST, SECOND, width=30, height=9, plain=True).lines() == [
        "     ░ reference  ▒ current   ",
        "40% ┤──────────░░░░░▒▒▒▒▒─────",
        "    │          ░░░░░▒▒▒▒▒▒▒▒▒▒",
        "20% ┤──────────░░░░░▒▒▒▒▒▒▒▒▒▒",
        "    │     ░░░░░██████████▒▒▒▒▒",
        "    │░░░░░████████████████████",
        "    │░░░░░████████████████████",
        "    └┬───────────────────────┬",
        "     0                       5",
    ]


def test_one_distribution_and_categories():
    assert histogram(FIRST, width=25, height=6).lines() == [
        "40% ┤────────████────────",
        "20% ┤────────████────────",
        "    │    ████████████    ",
        "    │████████████████████",
        "    └┬──────────────────┬",
        "     0                  5",
    ]
    assert histogram(Bins((3, 1), labels=("EWR", "JFK")), width=20, height=6).lines() == [
        "    │███████        ",
        "50% ┤███████────────",
        "    │███████ ▃▃▃▃▃▃▃",
        "    │███████ ███████",
        "    └───┬───────┬───",
        "       EWR     JFK  ",
    ]


def test_a_boundary_inside_a_cell_shows_both_colours():
    grid = histogram(Bins((3, 1)), Bins((2, 2)), width=2, height=2)
    assert grid.spans(0)[0] == ("▃", Style(fg="overlap", bg="series0"))


def test_no_values_say_so():
    assert "no values" in histogram(Bins(()), width=20, height=3).lines()[1]
    assert "no values" in histogram(Bins((0, 0)), Bins((0, 0)), width=20, height=3).lines()[1]
