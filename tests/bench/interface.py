"""The terminal interface on 10,000 runs: the first paint, a page down, memory; beside an empty Textual application."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.bench.many_runs import RUNS, make
from tests.bench.measure import PROGRAM, PYTHON, Figure, in_turns, scratch
from tests.bench.terminal import Terminal, terminal

PAGE_DOWN = b"\x1b[6~"
_NAME = re.compile(rb"steady-otter-(\d+)(?=\D)")  # whole: what is read may end within a number
_EMPTY = """
from textual.app import App
from textual.widgets import Static

class Empty(App):
    BINDINGS = [("pagedown", "turn", "")]
    page = 0

    def compose(self):
        yield Static("nothing-else")

    def action_turn(self):
        self.page += 1
        self.query_one(Static).update(f"page-{self.page}-here")

Empty().run()
"""


def bench() -> Iterator[Figure]:
    """Yield the time to the first run on the screen, the time from the key to the next page, and resident memory."""
    with scratch() as folder:
        make(folder)
        (folder / "empty.py").write_text(_EMPTY, encoding="utf-8")
        found = in_turns(7, {"ours": lambda: _first_paint(folder), "empty": lambda: _empty_paint(folder)})
        yield Figure(
            "first paint on 10,000 runs", found["ours"], "empty Textual", found["empty"], "s", 2.0, "ratio",
        )  # fmt: skip
        with terminal([PROGRAM], folder) as program:
            program.until(_newest)
            program.rest()
            pages = [_page_down(program) for _ in range(30)]
            memory = program.memory()
        with terminal([PYTHON, "empty.py"], folder) as program:
            program.until(lambda seen: b"nothing-else" in seen)
            program.rest()
            turns = [_turn(program, number) for number in range(1, 31)]
            floor = program.memory()
        yield Figure("page down, key to paint", pages, "one line of an empty one", turns, "ms", 0.015)
        yield Figure("memory with 10,000 runs", [memory], "empty Textual", [floor], "MB", 80e6)


def _newest(seen: bytes) -> bool:
    return f"steady-otter-{RUNS}".encode() in seen


def _first_paint(folder: Path) -> float:
    with terminal([PROGRAM], folder) as program:
        return program.until(_newest) - program.began


def _empty_paint(folder: Path) -> float:
    with terminal([PYTHON, "empty.py"], folder) as program:
        return program.until(lambda seen: b"nothing-else" in seen) - program.began


def _page_down(program: Terminal) -> float:
    """Return the time from the key to the first run that was not on the screen before."""
    shown = [int(number) for number in _NAME.findall(b"".join(text for _, text in program.pieces))]
    lowest = min(shown)
    pressed = program.press(PAGE_DOWN)
    painted = program.until(lambda seen: any(int(number) < lowest for number in _NAME.findall(seen)))
    program.rest()
    return painted - pressed


def _turn(program: Terminal, number: int) -> float:
    """Return the time from the key to one changed line in the empty application."""
    pressed = program.press(PAGE_DOWN)
    painted = program.until(lambda seen: f"page-{number}-here".encode() in seen)
    program.rest(0.1)
    return painted - pressed
