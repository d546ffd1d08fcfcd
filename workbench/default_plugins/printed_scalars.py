"""Scalars in what a program prints: `loss: 0.31`, `epoch 3 acc=0.9`, JSON lines, progress bars."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.hookspecs import hookimpl
from workbench.runs.lines import LineState, Scalar, parse


class PrintedScalars:
    """The built-in parser of lines."""

    def __init__(self, memory: dict[str, Any]) -> None:
        self._state = LineState.from_json(memory)

    def parse(self, line: str) -> list[Scalar]:
        """Return the scalars of one line."""
        return parse(line, self._state)

    def memory(self) -> dict[str, Any]:
        """Return what must be remembered between lines."""
        return self._state.to_json()


@hookimpl
def register_line_parsers(register: Callable[[str, Callable[[dict[str, Any]], Any]], None]) -> None:
    """Register the built-in parser."""
    register("printed scalars", PrintedScalars)
