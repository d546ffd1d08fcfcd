"""What reading the output of a program that prints a million lines without a scalar costs, by the line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.bench.measure import Figure, busy_seconds, in_turns
from workbench.runs.lines import LineState, parse

LINES = 20_000
_NOTHING = [f"line {number} of nothing" for number in range(LINES)]
_SCALARS = [f"epoch {number}: loss = {1 / (number + 3):.5f}, acc = 0.{number % 1000:03d}" for number in range(LINES)]
_PATTERN = re.compile(r"([A-Za-z_]+) *[:=] *([-+0-9.e]+)")


def bench() -> Iterator[Figure]:
    """Yield a million lines that say nothing, and a million with two scalars, beside one regular expression."""
    for name, lines, target in (("without a scalar", _NOTHING, 3.0), ("with two scalars", _SCALARS, 40.0)):
        found = in_turns(
            5,
            {
                "ours": lambda lines=lines: _parsed(lines),  # type: ignore[misc]
                "raw": lambda lines=lines: _searched(lines),  # type: ignore[misc]
            },
        )
        yield Figure(f"a million lines {name}", found["ours"], "one regex", found["raw"], "s", target)


def _parsed(lines: list[str]) -> float:
    state = LineState()
    return busy_seconds(lambda: [parse(line, state) for line in lines]) * 1_000_000 / LINES


def _searched(lines: list[str]) -> float:
    return busy_seconds(lambda: [_PATTERN.findall(line) for line in lines]) * 1_000_000 / LINES
