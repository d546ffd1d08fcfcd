"""Foreign text on its way to a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.safe import clean, clean_block, clean_log_line, strip_controls, width

ANY_TEXT = st.text(st.characters(), max_size=200)


def harmless(text: str) -> bool:
    """No control, no format character, no lone surrogate, nothing that turns the direction of the line."""
    return not any(unicodedata.category(c) in ("Cc", "Cs") or c in "\u202e\u2066\u200b\u2028\ufeff" for c in text)


@given(ANY_TEXT)
def test_no_text_keeps_a_control(text: str) -> None:
    assert harmless(clean(text))
    assert harmless(clean_log_line(text))
    assert harmless(strip_controls(text))
    assert all(harmless(line) for line in clean_block(text).split("\n"))


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=400))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert clean(text) == text == strip_controls(text)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a\x1b]52;c;cHduZWQ=\x07b", "a␛]52;c;cHduZWQ=␇b"),
        ("two\nlines", "two␊lines"),
        ("\x9b31mred", "\ufffd31mred"),
        ("\x7f", "␡"),
        ("[red]x[/]", "[red]x[/]"),
        ("right\u202eleft", "right\ufffdleft"),
        ("half \udce9", "half \ufffd"),
    ],
)
def test_controls_become_visible(raw: str, shown: str) -> None:
    assert clean(raw) == shown


def test_a_long_text_is_cut_with_a_sign() -> None:
    assert clean("x" * 600) == "x" * 499 + "…"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[31mred\x1b[0m\n", "red"),
        ("a\x1b]0;title\x07b\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "ablink"),
        ("10%\r50%\r100%\n", "100%"),
        ("100%\r\n", "100%"),
        ("\x1b[2K\rdone", "done"),
        ("\tx", "        x"),
        ("\x1bPdata\x1b\\after", "after"),
        ("\x9d52;c;x\x9cafter", "after"),
    ],
)
def test_a_log_line_reads_as_the_terminal_would_leave_it(raw: str, shown: str) -> None:
    assert clean_log_line(raw) == shown


def test_width_counts_cells() -> None:
    assert (width("abc"), width("日本"), width("é"), width("e\u0301")) == (3, 4, 1, 1)
