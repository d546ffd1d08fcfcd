"""What reading the output of a program that prints a million lines without a scalar costs, by the line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.bench.measure import Figure, busy_seconds, in_turns
from workbench.runs.lines import LineState, parse

LINES = 20_000
_NOTHING = [f"line {number} of nothing" for number in range(LINES)]
_PATTERN = re.compile(r"([A-Za-z_]+) *[:=] *([-+0-9.e]+)")


def bench() -> Iterator[Figure]:
    """Yield the time for a million lines that say nothing, beside one regular expression that is sought in them."""
    found = in_turns(7, {"ours": _parsed, "raw": _searched})
    name = "a million printed lines without a scalar"
    yield Figure(name, found["ours"], "one regex", found["raw"], "s", 2.0, ratio_target=2.0)


def _parsed() -> float:
    state = LineState()
    return busy_seconds(lambda: [parse(line, state) for line in _NOTHING]) * 1_000_000 / LINES


def _searched() -> float:
    return busy_seconds(lambda: [_PATTERN.findall(line) for line in _NOTHING]) * 1_000_000 / LINES
