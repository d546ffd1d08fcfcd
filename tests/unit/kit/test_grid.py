from __future__ import annotations

import sys

from rich.cells import cell_len

from workbench.tui.kit.grid import PLAIN, Grid, Style, cells, char_cells, clip

BLUE, RED = Style(fg="series0"), Style(fg="worse", bold=True)


def drawn(width: int, *puts: tuple[int, str]) -> str:
    grid = Grid(width, 1)
    for x, text in puts:
        grid.put(x, 0, text)
    return grid.lines()[0]


def test_text_is_cut_at_both_edges_and_dropped_outside():
    assert drawn(5, (-2, "abcdefghij")) == "cdefg"
    grid = Grid(3, 2)
    for x, y in ((0, -1), (0, 2), (3, 0), (-9, 0), (10**9, 1), (-(10**9), 1)):
        grid.put(x, y, "xyz")
    assert grid.lines() == ["   ", "   "]


def test_a_wide_character_is_whole_or_absent():
    assert drawn(5, (0, "日本語")) == "日本 "
    assert drawn(5, (-1, "日本語")) == " 本語"
    assert drawn(1, (0, "日")) == " "


def test_drawing_over_half_of_a_wide_character_removes_the_other_half():
    assert drawn(4, (0, "日本"), (1, "x")) == " x本"
    assert drawn(4, (0, "日本"), (2, "x")) == "日x "
    assert drawn(4, (0, "日本"), (1, "語")) == " 語 "


def test_nothing_in_a_text_can_move_the_cursor():
    assert drawn(12, (0, "a\x1b[31mb\tc\nd\x07e\u200b\u202e")) == "a[31mb c de "
    assert drawn(4, (0, "e\u0301a\u0308")) == "ea  "
    assert drawn(4, (0, "\ud800x")) == "x   "


def test_every_character_is_as_wide_as_the_terminal_library_says():
    wrong = []
    for code in range(0x20, sys.maxunicode + 1):
        char = chr(code)
        # What takes no cell is never put, so it may be counted otherwise elsewhere.
        if char_cells(char) and not char.isspace() and char_cells(char) != cell_len(char):
            wrong.append(hex(code))
    assert wrong == []


def test_spans_are_runs_of_equal_style():
    grid = Grid(8, 1)
    grid.put(1, 0, "ab", BLUE)
    grid.put(3, 0, "c", Style(fg="series0"))
    grid.put(4, 0, "日", RED)
    assert grid.spans(0) == [(" ", PLAIN), ("abc", BLUE), ("日", RED), ("  ", PLAIN)]
    assert grid.spans(1) == grid.spans(-1) == Grid(0, 1).spans(0) == []


def test_fill_and_blit():
    small = Grid(4, 1)
    small.put(0, 0, "日x", RED)
    grid = Grid(6, 3)
    grid.fill(-1, 1, 3, 9, BLUE, "#")
    grid.blit(small, 3, 0)
    assert grid.lines() == ["   日x", "##    ", "##    "]
    assert grid.style(3, 0) == RED and grid.style(0, 2) == BLUE


def test_clip_counts_cells():
    assert [clip("日本語", width) for width in (6, 5, 4, 3, 2, 1, 0)] == ["日本語", "日本…", "日…", "日…", "…", "…", ""]
    assert all(cells(clip("a日b本c", width)) <= width for width in range(9))


def test_styles_are_values():
    assert {Style(fg="text"): 1}[Style(fg="text")] == 1 and Style(bold=True) != PLAIN
