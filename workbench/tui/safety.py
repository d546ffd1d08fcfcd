"""The last thing before the terminal: what it could obey is taken out of every line."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from workbench.safe import strip_controls


class SafeFilter(LineFilter):
    """Takes out of every line what a terminal could obey; the last thing before the driver."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments without control characters; those that Textual itself made to control stay."""
        return [
            one if one.control or one.text.isprintable() else Segment(strip_controls(one.text), one.style)
            for one in segments
        ]
