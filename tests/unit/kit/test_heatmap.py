from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.tui.kit.heatmap import columns_of, heatmap, level
from workbench.tui.kit.scale import Scale

ROWS = [[0, 1, 2, 3], [3, None, 1, 0]]
LABELS = (["age", "income"], ["mon", "tue", "wed", "thu"])


def test_without_colours_levels_are_blocks_of_growing_height():
    assert heatmap(ROWS, *LABELS, 40, 6, plain=True).lines() == [
        "age    ▁▁▁▁▁▁▁▁▁▃▃▃▃▃▃▃▃▅▅▅▅▅▅▅▅████████",
        "income █████████········▃▃▃▃▃▃▃▃▁▁▁▁▁▁▁▁",
        "       mon      tue     wed     thu     ",
        "                0 ▁▁▁▁▂▂▃▃▄▄▄▄▅▅▆▆▇▇██ 3",
        "                                        ",
        "                                        ",
    ]


def test_levels_are_backgrounds_and_a_missing_cell_is_a_dot():
    grid = heatmap(ROWS, *LABELS, 40, 6)
    cells = [(text.strip(" ") or len(text), style.bg) for text, style in grid.spans(1)]
    assert cells == [("income", ""), (1, ""), (9, "heat9"), ("········", ""), (8, "heat3"), (8, "heat0")]
    assert [style.bg for _, style in grid.spans(3) if style.bg] == [f"heat{step}" for step in range(10)]


def test_rows_that_do_not_fit_are_counted():
    lines = heatmap([[1, 2]] * 20, [f"r{i}" for i in range(20)], [], 60, 8).lines()
    assert lines[5].startswith("r5 ") and lines[7].startswith("14 more rows")


def test_more_columns_than_cells_show_the_greatest_of_neighbours():
    row = [0.0] * 1000
    row[517] = 1.0
    grid = heatmap([row], [], [], 20, 1)
    assert [style.bg for _, style in grid.spans(0)] == ["heat0", "heat9", "heat0"]


@given(st.integers(1, 300), st.integers(1, 200))
def test_every_value_is_shown_by_some_cell(count, width):
    spread = columns_of(count, width)
    assert len(spread) == width and {index for start, end in spread for index in range(start, end)} == set(range(count))


def test_labels_of_columns_keep_an_even_distance():
    line = heatmap([list(range(30))], ["x"], [f"-{30 - day}d" for day in range(30)], 62, 6).lines()[1]
    assert line.split() == ["-30d", "-27d", "-24d", "-21d", "-18d", "-15d", "-12d", "-9d", "-6d", "-3d"]


@pytest.mark.parametrize(
    ("value", "expected"), [(0, 0), (0.55, 5), (1, 9), (-5, 0), (9, 9), (math.inf, 9), (-math.inf, 0)]
)
def test_level(value, expected):
    assert level(value, Scale(0, 1)) == expected


def test_given_ends_fix_the_colours():
    grid = heatmap([[0.1, 0.2]], [], [], 2, 1, lo=0, hi=1)
    assert [style.bg for _, style in grid.spans(0)] == ["heat1", "heat2"]


def test_nothing_says_so():
    assert "no values" in heatmap([], [], [], 20, 3).lines()[1]


def test_the_scale_says_that_values_lie_beyond_it():
    assert heatmap([[0.1, 0.9]], ["x"], ["a", "b"], 60, 6, lo=0, hi=0.4).lines()[2].rstrip().endswith("≥0.4")
    assert heatmap([[0.1, 0.4]], ["x"], ["a", "b"], 60, 6, lo=0, hi=0.4).lines()[2].rstrip().endswith(" 0.4")
