from __future__ import annotations

import math
import random

import pytest

from workbench.tui.kit.curve import Series, curves
from workbench.tui.kit.grid import Grid

NAN, INF = math.nan, math.inf


def rows(grid: Grid) -> list[str]:
    return grid.lines()


def styles_of(grid: Grid, text: str) -> set[str]:
    return {style.fg for y in range(grid.height) for run, style in grid.spans(y) if text in run}


def dots(grid: Grid, token: str) -> int:
    return sum(
        "⠀" < char <= "⣿"
        for y in range(grid.height)
        for run, style in grid.spans(y)
        if style.fg == token
        for char in run
    )


def test_a_straight_line_with_axes_guides_and_labels():
    assert rows(curves([Series("a", range(11), range(11))], 30, 8)) == [
        "10 ┤──────────────────────⢀⣀⠤⠒",
        "   │                 ⢀⣀⠤⠒⠊⠁   ",
        " 5 ┤─────────────⣀⠤⠒⠊⠁────────",
        "   │        ⢀⡠⠤⠊⠉             ",
        "   │   ⢀⡠⠤⠒⠉⠁                 ",
        " 0 ┤⠤⠒⠉⠁──────────────────────",
        "   └┬────────────┬───────────┬",
        "    0            5        step",
    ]


def two_runs() -> list[Series]:
    steps = range(0, 201, 10)
    shape = [0.4 * 0.5 ** (index / 4) for index in range(21)]
    return [
        Series("a", steps, [0.9 - y for y in shape]),
        Series("b", steps, [0.85 - y for y in shape], "series1"),
    ]


def test_the_cursor_reads_out_each_series_and_the_difference_to_the_first():
    grid = curves(two_runs(), 44, 10, cursor_x=120, goal="max")
    assert rows(grid) == [
        "    │                       ╎⢀⣀⣀⣀⡠⠤⠤⠤⠤⠤⠔⠒⠒⠒⠒",
        "0.8 ┤───────────────⣀⣀⠤⠤⠒⠊⠉⢉⣉⡡⠤⠤⠤⠤⠤⠔⠒⠒⠒⠒⠒⠒⠒⠉",
        "    │         ⣀⣀⠤⠔⣉⣉⠤⠤⠒⠒⠉⠉⠉⠁╎               ",
        "    │      ⡠⠔⠊⣀⡠⠒⠊          ╎               ",
        "    │   ⢀⠔⢊⡠⠒⠊              ╎               ",
        "0.6 ┤─⡠⠊⡡⠊⠁─────────────────╎───────────────",
        "    │⡔⡡⠊ ━ @120 0.85        ╎               ",
        "    │⠜   ━ @120 0.80 -0.05  ╎               ",
        "    └┬──────────────────┬──────────────────┬",
        "     0                 100              step",
    ]
    assert styles_of(grid, "-0.05") == {"worse"}
    assert styles_of(curves(two_runs(), 44, 10, cursor_x=120, goal="min"), "-0.05") == {"better"}
    assert styles_of(curves(two_runs(), 44, 10, cursor_x=120), "-0.05") == {"dim"}


def test_the_read_out_names_series_on_a_wide_chart_and_counts_those_that_do_not_fit():
    many = [Series(f"run-{index}", range(5), [index] * 5, "series0") for index in range(12)]
    text = "\n".join(rows(curves(many, 80, 8, cursor_x=2)))
    assert "run-0 @2 0" in text and "run-3 @2 3" in text
    assert "run-4" not in text and "+8 more" in text


def test_the_read_out_uses_the_point_nearest_to_the_cursor_and_the_last_of_repeated_steps():
    text = "\n".join(rows(curves([Series("a", [0, 7, 7, 20], [1, 2, 3, 4])], 40, 9, cursor_x=9)))
    assert "@7 3" in text


@pytest.mark.parametrize("cursor", [-1, 11, NAN, INF])
def test_a_cursor_off_the_axis_is_not_drawn(cursor):
    series = [Series("a", range(11), range(11))]
    assert rows(curves(series, 30, 8, cursor_x=cursor)) == rows(curves(series, 30, 8))


@pytest.mark.parametrize("width", range(14, 90, 3))
@pytest.mark.parametrize("cursor", [0, 3, 100, 198, 200])
def test_the_read_out_never_leaves_the_chart(width, cursor):
    text = "\n".join(rows(curves(two_runs(), width, 12, cursor_x=cursor)))
    assert text.count("━") in (0, 2)
    assert text.count(f"━ @{10 * round(cursor / 10)} ") in (0, 2) or width >= 56
    assert width < 30 or text.count("━") == 2


def test_a_missing_value_breaks_the_line():
    assert rows(curves([Series("a", range(6), [1, 2, NAN, NAN, 2, 1])], 24, 6)) == [
        "2.0 ┤───⡔───────────⢆───",
        "1.5 ┤──⡜────────────⠈⢆──",
        "    │⢀⠎               ⢣ ",
        "1.0 ┤⠎─────────────────⠣",
        "    └┬─────────────────┬",
        "     0              step",
    ]


def test_infinite_values_are_marked_at_the_edge():
    grid = curves(
        [Series("a", range(5), [1, 2, INF, 2, 1]), Series("b", range(5), [1, 1, 1, -INF, 1], "series1")], 24, 6
    )
    assert rows(grid) == [
        "2.0 ┤───⢀⠔────▲────⢢────",
        "1.5 ┤──⢠⠊───────────⠱⡀──",
        "    │ ⡰⠁             ⠘⢄ ",
        "1.0 ┤⠼⠤⠤⠤⠤⠤⠤⠤⠤⠤────▼──⠈⠢",
        "    └┬────────┬────────┬",
        "     0        2     step",
    ]
    assert styles_of(grid, "▲") == {"series0"} and styles_of(grid, "▼") == {"series1"}


def test_an_infinity_among_thousands_of_points_is_still_marked():
    ys = [1.0] * 5000 + [INF] + [2.0] * 5000
    assert "▲" in rows(curves([Series("a", range(len(ys)), ys)], 40, 8))[0]


def test_one_point_is_a_dot():
    assert rows(curves([Series("a", [3], [4])], 24, 6)) == [
        "  │                     ",
        "  │                     ",
        "4 ┤──────────•──────────",
        "  │                     ",
        "  └┬─────────┬─────────┬",
        "   2         3      step",
    ]


def test_one_point_at_step_zero_has_no_steps_before_it():
    assert rows(curves([Series("a", [0], [4])], 24, 6))[-1].split()[0] == "0"


def test_a_constant_runs_through_the_middle():
    assert rows(curves([Series("a", range(10), [5] * 10)], 24, 6)) == [
        "5.5 ┤───────────────────",
        "5.0 ┤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀",
        "    │                   ",
        "4.5 ┤───────────────────",
        "    └┬─────────┬────────",
        "     0         5    step",
    ]


@pytest.mark.parametrize(
    "series", [[], [Series("a", [], [])], [Series("a", [1, 2], [NAN, NAN])], [Series("a", [NAN], [1])]]
)
def test_nothing_to_draw_says_so(series):
    grid = curves(series, 24, 5)
    assert rows(grid) == [" " * 24, " " * 24, "       no points        ", " " * 24, " " * 24]
    assert styles_of(grid, "no points") == {"dim"}


def test_a_baseline_is_a_dotted_level_and_widens_the_range_to_be_seen():
    line = [Series("a", range(11), range(11))]
    assert rows(curves(line, 24, 7, baseline=5)) == [
        "10 ┤─────────────────⡠⠤⠒",
        "   │             ⡠⠤⠊⠉   ",
        " 5 ┤⠂⠂⠂⠂⠂⠂⠂⢀⣀⠔⠒⠊⠉⠂⠂⠂⠂⠂⠂⠂",
        "   │   ⢀⣀⠔⠒⠁            ",
        " 0 ┤⠤⠔⠒⠁────────────────",
        "   └┬─────────┬────────┬",
        "    0         5     step",
    ]
    assert "20" in "".join(rows(curves(line, 24, 7, baseline=20)))


def test_a_logarithmic_x_axis_leaves_out_what_has_no_place_on_it():
    expected = [
        "  │                       ⣀⡠⠤⠒",
        "2 ┤─────────────────⢀⣀⠤⠔⠒⠉────",
        "  │          ⣀⣀⠤⠤⠒⠊⠉⠁         ",
        "  │    ⣀⡠⠤⠒⠊⠉                 ",
        "0 ┤⠤⠒⠊⠉───────────────────────",
        "  └┬─────────────────┬────────",
        "   1                100   step",
    ]
    assert rows(curves([Series("a", [1, 10, 100, 1000], [0, 1, 2, 3])], 30, 7, log_x=True)) == expected
    assert rows(curves([Series("a", [0, 1, 10, 100, 1000], [0, 0, 1, 2, 3])], 30, 7, log_x=True)) == expected


def test_a_logarithmic_y_axis_marks_zero_below():
    assert rows(curves([Series("a", range(5), [1, 10, 100, 1000, 0])], 30, 8, log_y=True)) == [
        "    │                ⢀⡠⠔      ",
        "    │             ⣀⠤⠊⠁        ",
        "100 ┤─────────⢀⡠⠔⠊────────────",
        "    │      ⡠⠔⠊⠁               ",
        "    │  ⢀⠤⠒⠉                   ",
        "  1 ┤⠔⠊⠁─────────────────────▼",
        "    └┬───────────┬───────────┬",
        "     0           2        step",
    ]


def test_a_band_is_a_faint_chequered_area_behind_the_line():
    grid = curves([Series("a", range(5), [2] * 5, "series0", [1] * 5, [3] * 5)], 20, 6, band=True)
    assert rows(grid) == [
        "3 ┤⢔⢔⢔⢔⢔⢔⢔⢔⢔⢔⢔⢔⢔⢔⢔⢔⢔",
        "2 ┤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀",
        "  │⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕",
        "1 ┤⠕⠕⠕⠕⠕⠕⠕⠕⠕⠕⠕⠕⠕⠕⠕⠕⠕",
        "  └┬───────┬───────┬",
        "   0       2    step",
    ]
    assert [style.dim for _, style in grid.spans(0)][-1] and not [style.dim for _, style in grid.spans(1)][-1]


def test_a_band_without_bounds_shows_the_extremes_of_the_points():
    noise = random.Random(1)
    series = [Series("a", range(4000), [noise.gauss(0, 1) for _ in range(4000)])]
    assert dots(curves(series, 40, 10, band=True), "series0") > 1.5 * dots(curves(series, 40, 10), "series0")


def test_series_that_share_cells_alternate_their_colours_by_column():
    grid = curves([Series(name, range(9), range(9), name) for name in ("series0", "series1")], 60, 12)
    first, second = dots(grid, "series0"), dots(grid, "series1")
    assert first > 10 and abs(first - second) <= 2


def test_a_given_range_cuts_the_line_where_it_leaves():
    grid = curves([Series("a", [-100, 100], [-100, 100])], 20, 8, x_range=(-1, 1), y_range=(-1, 1))
    assert rows(grid)[0].endswith("⠔⠊") or "⠔" in rows(grid)[0][-2:]
    assert dots(grid, "series0") >= 16
    outside = curves([Series("a", [0, 1], [5, 6])], 20, 8, x_range=(0, 1), y_range=(-1, 1))
    assert dots(outside, "series0") == 0


def test_very_small_charts_drop_the_axes_first():
    line = [Series("a", range(5), [1, 2, 3, 2, 1])]
    assert rows(curves(line, 7, 2)) == ["─⢀⠔⠊⠢⡀─", "⡰⠁───⠘⢄"]
    assert rows(curves(line, 0, 0)) == [] and rows(curves(line, 0, 2)) == ["", ""]


def test_the_order_of_the_points_does_not_matter():
    points = [(x, math.sin(x / 9)) for x in range(200)]
    shuffled = points[:]
    random.Random(3).shuffle(shuffled)
    straight = curves([Series("a", *zip(*points, strict=True))], 60, 12)
    assert rows(curves([Series("a", *zip(*shuffled, strict=True))], 60, 12)) == rows(straight)
