"""No chart fails at any size or with any value, and every one has exactly the size that was asked for."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.tui.kit.curve import Series, curves
from workbench.tui.kit.grid import TOKENS, Grid, cells
from workbench.tui.kit.heatmap import heatmap
from workbench.tui.kit.histogram import Bins, bins, histogram
from workbench.tui.kit.numbers import age, column, duration, percent, short, size, tick_labels
from workbench.tui.kit.parallel import Axis, Line, parallel
from workbench.tui.kit.sparkline import bar, sparkline

EXTREMES = [math.nan, math.inf, -math.inf, 1.7e308, -1.7e308, 1e-320, 5e-324, -5e-324, 0.0, -0.0, 1.0, 10**400]
values = st.one_of(st.sampled_from(EXTREMES), st.floats(), st.integers(-5, 5))
lists = st.lists(values, max_size=40)
maybe = st.one_of(st.none(), values)
widths = st.one_of(st.integers(0, 12), st.integers(-2, 130))
heights = st.one_of(st.integers(0, 9), st.integers(-2, 40))
texts = st.text(max_size=12)
many = settings(deadline=None, max_examples=200)


def check(grid: Grid, width: int, height: int) -> None:
    lines = grid.lines()
    assert len(lines) == max(0, height)
    for y, line in enumerate(lines):
        assert cells(line) == max(0, width)
        assert all(char.isprintable() for char in line)
        spans = grid.spans(y)
        assert "".join(text for text, _ in spans) == line
        assert all(style.fg in TOKENS | {""} and style.bg in TOKENS | {""} for _, style in spans)


@st.composite
def all_series(draw: st.DrawFn) -> list[Series]:
    return [
        Series(draw(texts), draw(lists), draw(lists), f"series{index}", draw(lists), draw(lists))
        for index in range(draw(st.integers(0, 4)))
    ]


@many
@given(all_series(), widths, heights, st.booleans(), st.booleans(), st.booleans(), maybe, maybe, st.data())
def test_curves(series, width, height, log_x, log_y, band, cursor, baseline, data):
    ranges = st.one_of(st.none(), st.tuples(values, values))
    grid = curves(
        series,
        width,
        height,
        x_range=data.draw(ranges),
        y_range=data.draw(ranges),
        log_x=log_x,
        log_y=log_y,
        cursor_x=cursor,
        band=band,
        baseline=baseline,
        goal=data.draw(st.sampled_from(["", "max", "min"])),
        x_label=data.draw(texts),
    )
    check(grid, width, height)


@many
@given(lists, lists, widths, heights, st.booleans(), st.lists(texts, max_size=5), lists)
def test_histogram(first, second, width, height, plain, labels, edges):
    check(
        histogram(
            Bins(tuple(first), tuple(edges), tuple(labels)),
            Bins(tuple(second)),
            width=width,
            height=height,
            plain=plain,
        ),
        width,
        height,
    )
    check(histogram(bins(first, 7), width=width, height=height, plain=plain), width, height)


@many
@given(
    st.lists(st.lists(maybe, max_size=30), max_size=12), st.lists(texts), st.lists(texts), widths, heights, st.data()
)
def test_heatmap(rows, row_labels, column_labels, width, height, data):
    grid = heatmap(
        rows,
        row_labels,
        column_labels,
        width,
        height,
        lo=data.draw(maybe),
        hi=data.draw(maybe),
        plain=data.draw(st.booleans()),
    )
    check(grid, width, height)


@many
@given(
    st.lists(texts, max_size=8),
    st.lists(st.tuples(st.lists(st.one_of(maybe, texts, st.booleans()), max_size=8), st.booleans()), max_size=12),
    widths,
    heights,
)
def test_parallel(names, rows, width, height):
    lines = [Line(row, marked) for row, marked in rows]
    for plain in (False, True):
        check(parallel([Axis(name) for name in names], lines, width, height, plain=plain), width, height)


@many
@given(lists, st.integers(-2, 60), values)
def test_one_line_charts(ys, width, fraction):
    assert len(sparkline(ys, width)) == max(0, width)
    assert len("".join(bar(fraction, width))) == max(0, width)


@many
@given(st.lists(maybe, max_size=12), st.integers(-1, 14), st.booleans())
def test_numbers_keep_to_their_width(numbers, width, signed):
    assert all(len(text) == max(0, width) for text in column(numbers, width, signed=signed))
    for number in numbers:
        assert len(short(number, width, signed=signed)) <= max(0, width)
        assert len(duration(number)) <= 6
        assert all(text.isprintable() and text for text in (duration(number), age(number), size(number)))
        assert percent(number)
    assert len(tick_labels([math.nan if n is None else float(n) for n in numbers if n != 10**400])) <= len(numbers)


@many
@given(st.lists(st.tuples(st.integers(-3, 25), st.integers(-2, 5), st.text(max_size=30)), max_size=10))
def test_grid_keeps_its_size_whatever_is_put(puts):
    grid = Grid(20, 4)
    for x, y, text in puts:
        grid.put(x, y, text)
    check(grid, 20, 4)
