"""A grid of styled character cells: what every chart draws into and what the tests read as text."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import NamedTuple

TOKENS = frozenset(
    [f"series{index}" for index in range(8)]
    + [f"heat{index}" for index in range(10)]
    + ["text", "dim", "axis", "grid", "accent", "mark", "better", "worse", "best", "panel", "cursor", "overlap"]
)
"""Every colour name that the kit uses; a theme must give each of them a colour."""


class Style(NamedTuple):
    """How a cell looks: colours by meaning (one of `TOKENS`, or "" for the terminal's own), and attributes."""

    fg: str = ""
    bg: str = ""
    bold: bool = False
    dim: bool = False
    reverse: bool = False
    underline: bool = False


PLAIN = Style()


_JOINING = ((0x1160, 0x11FF), (0x3164, 0x3164), (0xD7B0, 0xD7FB), (0xFFA0, 0xFFA0), (0x1F3FB, 0x1F3FF))
_NEWLY_WIDE = ((0x2630, 0x2637), (0x268A, 0x268F), (0x4DC0, 0x4DFF), (0x1D300, 0x1D376))
"""Wide since Unicode 16; the tables of Python 3.11 and 3.12 are older."""


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= code <= last for first, last in ranges)


@lru_cache(maxsize=4096)
def char_cells(char: str) -> int:
    """Tell how many cells one character takes: 0 (combining, invisible, control), 1 or 2."""
    if " " <= char <= "~" or char.isspace():
        return 1
    code = ord(char)
    if not char.isprintable() or unicodedata.category(char)[0] == "M" or _within(code, _JOINING):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" or _within(code, _NEWLY_WIDE) else 1


def _is_narrow(text: str) -> bool:
    """Tell quickly of common texts (ASCII, a rule of one character) that each character takes one cell."""
    if text.isascii():
        return text.isprintable()
    first = text[0]
    return first.isprintable() and char_cells(first) == 1 and text == first * len(text)


def cells(text: str) -> int:
    """Count the cells that a text takes in a grid."""
    if text.isascii() and text.isprintable():
        return len(text)
    return sum(map(char_cells, text))


def clip(text: str, width: int) -> str:
    """Cut a text to at most `width` cells, ending in an ellipsis where something was lost."""
    if cells(text) <= width:
        return text
    kept, used = [], 0
    for char in text:
        used += char_cells(char)
        if used > width - 1:
            break
        kept.append(char)
    return "".join(kept) + "…" if width > 0 else ""


class Grid:
    """A rectangle of cells; whatever is drawn outside it is cut off.

    Negative sizes count as zero. A wide character takes two cells and is drawn whole or not at all. Combining and
    control characters are left out, any white space becomes a blank, so nothing in a text can move the cursor.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width = max(0, width)
        self.height = max(0, height)
        # The right half of a wide character is an empty string.
        self._chars = [[" "] * self.width for _ in range(self.height)]
        self._styles = [[PLAIN] * self.width for _ in range(self.height)]

    def put(self, x: int, y: int, text: str, style: Style = PLAIN) -> None:
        """Draw a text from cell (x, y) to the right."""
        if not 0 <= y < self.height or x >= self.width:
            return
        chars, styles = self._chars[y], self._styles[y]
        if _is_narrow(text):
            text = text[max(0, -x) : max(0, self.width - x)]
            start = max(0, x)
            self._replace(chars, styles, start, list(text), style)
            return
        for char in text:
            step = char_cells(char)
            if step and x >= 0 and x + step <= self.width:
                shown = [" " if char.isspace() else char]
                self._replace(chars, styles, x, shown if step == 1 else [*shown, ""], style)
            x += step

    def _replace(self, chars: list[str], styles: list[Style], x: int, cells_: list[str], style: Style) -> None:
        if not cells_:
            return
        end = x + len(cells_)
        if chars[x] == "":  # the left half of a wide character would stay behind alone
            chars[x - 1] = " "
        if end < self.width and chars[end] == "":
            chars[end] = " "
        chars[x:end] = cells_
        styles[x:end] = [style] * len(cells_)

    def dot(self, x: int, y: int, char: str, style: Style) -> None:
        """Set one cell to one narrow character, without the care that `put` takes; (x, y) must be inside."""
        self._chars[y][x] = char
        self._styles[y][x] = style

    def row(self, y: int) -> tuple[list[str], list[Style]]:
        """Lend the cells of a row, to be filled with narrow characters by what has to be fast; `y` must be inside."""
        return self._chars[y], self._styles[y]

    def fill(self, x: int, y: int, width: int, height: int, style: Style, char: str = " ") -> None:
        """Fill a rectangle with one narrow character."""
        for row in range(max(0, y), min(self.height, y + height)):
            self.put(x, row, char * max(0, width), style)

    def blit(self, other: Grid, x: int, y: int) -> None:
        """Copy another grid with its upper left corner at (x, y)."""
        if x >= 0 and x + other.width <= self.width and other.width:
            for row in range(max(0, -y), min(other.height, self.height - y)):
                self._paste(x, y + row, *other.row(row))
            return
        for row in range(other.height):
            column = x
            for text, style in other.spans(row):
                self.put(column, y + row, text, style)
                column += cells(text)

    def _paste(self, x: int, y: int, other_chars: list[str], other_styles: list[Style]) -> None:
        """Copy a whole row that fits, minding wide characters that it cuts in half."""
        chars, end = self._chars[y], x + len(other_chars)
        if chars[x] == "":
            chars[x - 1] = " "
        if end < self.width and chars[end] == "":
            chars[end] = " "
        chars[x:end] = other_chars
        self._styles[y][x:end] = other_styles

    def char(self, x: int, y: int) -> str:
        """Return the character of one cell, "" for the right half of a wide one."""
        return self._chars[y][x]

    def style(self, x: int, y: int) -> Style:
        """Return the style of one cell."""
        return self._styles[y][x]

    def lines(self) -> list[str]:
        """Return the rows as text, without the styles; each is exactly `width` cells wide."""
        return ["".join(row) for row in self._chars]

    def spans(self, y: int) -> list[tuple[str, Style]]:
        """Return row `y` as runs of equal style; [] outside the grid."""
        if not 0 <= y < self.height or not self.width:
            return []
        chars, styles = self._chars[y], self._styles[y]
        found: list[tuple[str, Style]] = []
        start, current = 0, styles[0]
        for index, style in enumerate(styles):
            if style is not current and style != current:
                found.append(("".join(chars[start:index]), current))
                start, current = index, style
        found.append(("".join(chars[start:]), current))
        return found


def wrapped(text: str, width: int) -> list[str]:
    """Break a text into lines at spaces."""
    lines, line = list[str](), ""
    for word in text.split():
        if line and cells(line) + 1 + cells(word) > width:
            lines.append(line)
            line = ""
        line = f"{line} {word}" if line else clip(word, width)
    return [*lines, line] if line else lines
