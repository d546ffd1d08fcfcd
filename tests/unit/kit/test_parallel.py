from __future__ import annotations

import math

from workbench.tui.kit.parallel import DIM_LINES, Axis, Line, parallel

AXES = [Axis("lr"), Axis("model"), Axis("depth", is_goal=True)]
LINES = [
    Line((0.001, "rf", 3), True),
    Line((1, "gbm", 9), True, "series1"),
    Line((0.1, "mlp", 5)),
]


def test_marked_lines_cross_the_axes_above_the_faint_ones():
    grid = parallel(AXES, LINES, 36, 10)
    assert grid.lines() == [
        "   lr           model        depth  ",
        "    1            rf            9    ",
        "    ●⢄          ⢀⠔●⢄         ⢀⠔●    ",
        "    │ ⠑⢄      ⢀⠔⠁ │ ⠑⢄     ⢀⠔⠁ │    ",
        "    ⠒⠒⠤⠤⠑⢄⣀⣀⢀⠔⠁   │   ⠑⢄ ⢀⠔⠁   │    ",
        "    │     ⡱⠶⡁⠉⠉⠉⠑⠒⠒⠢⠤⠤⣀⣀⡷⡁     │    ",
        "    │   ⡠⠊  ⠈⠢⡀   │   ⡠⠊ ⠈⠢⡀⠒⠒⠤⠄    ",
        "    │ ⡠⠊      ⠈⠢⡀ │ ⡠⠊     ⠈⠢⡀ │    ",
        "    ●⠊          ⠈⠢●⠊         ⠈⠢●    ",
        "  0.001          gbm           3    ",
    ]
    assert (grid.style(4, 2).fg, grid.style(4, 8).fg, grid.style(4, 4).fg) == ("series1", "series0", "axis")
    assert {style.fg for text, style in grid.spans(0) if text == "depth"} == {"mark"}


def test_without_colours_marked_lines_are_numbered_and_stand_alone():
    assert parallel(AXES, LINES, 36, 10, plain=True).lines() == [
        "   lr           model        depth  ",
        "    1            rf            9    ",
        "    2⠤⡀         ⡠⠔1⢄         ⢀⠔2    ",
        "    │ ⠈⠢⣀    ⢀⡠⠊  │ ⠉⠢⡀    ⡠⠊⠁ │    ",
        "    │    ⠑⢄⣀⠔⠁    │   ⠈⠢⣀⡠⠊    │    ",
        "    │    ⡠⠊⠉⠢⡀    │   ⢀⠔⠉⠑⢄    │    ",
        "    │ ⢀⠔⠉    ⠈⠑⢄  │ ⣀⠔⠁    ⠑⢄⡀ │    ",
        "    1⠒⠁         ⠑⠢2⠊         ⠈⠢1    ",
        "  0.001          gbm           3    ",
        "                1 more run not drawn",
    ]


def dot_rows(values: list[object]) -> list[int]:
    lines = [Line((value,), True, "series0") for value in values]
    grid = parallel([Axis("x")], lines, 12, 23)  # twenty rows between the labels
    return [y - 2 for y in range(grid.height) if grid.char(6, y) == "●"]


def test_the_scale_follows_the_values():
    assert dot_rows([0, 1, 100]) == [0, 19] and dot_rows([0, 25, 100])[1] == 14
    assert dot_rows([1, 10, 100]) == [0, 9, 19] or dot_rows([1, 10, 100]) == [0, 10, 19]
    assert dot_rows(["b", "a", "c"])[1] in (9, 10)
    assert dot_rows([7, 7.0]) == dot_rows(["only"])
    assert dot_rows([True, False]) == [0, 19]


def test_unknown_values_break_a_line():
    lines = [Line((0, 1, None, 1, 0), True), Line((1, 0, math.nan, 0, 1), True)]
    middle = [row[18] for row in parallel([Axis(name) for name in "abcde"], lines, 37, 10).lines()[2:9]]
    assert set(middle) == {"│"}


def test_only_so_many_faint_lines_are_drawn_and_the_rest_is_counted():
    many = [Line((value, -value)) for value in range(DIM_LINES + 12)]
    marked = [Line((1, 2), True)]
    axes = [Axis("a"), Axis("b")]
    assert parallel(axes, many + marked, 60, 12).lines()[-1].endswith("12 more runs not drawn")
    assert "not drawn" not in "".join(parallel(axes, many[:DIM_LINES] + marked, 60, 12).lines())


def test_axes_that_do_not_fit_are_counted():
    axes = [Axis(f"p{index}") for index in range(20)]
    assert parallel(axes, [Line((1,) * 20, True)], 40, 12).lines()[-1].endswith("14 more axes to the right")


def test_nothing_to_compare_says_so():
    assert "no runs" in parallel(AXES, [], 30, 3).lines()[1]
    assert "nothing to compare" in parallel([], LINES, 30, 3).lines()[1]
