"""What every benchmark shares: turns taken one after the other, figures, their table, scratch folders."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
PROGRAM = str(Path(sys.executable).parent / "workbench")

PRINT_PEAK = """
import pathlib, resource, sys
status = pathlib.Path("/proc/self/status")  # the other figure would count what this process was forked from
lines = status.read_text().splitlines() if status.exists() else []
known = [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")]
unit = 1 if sys.platform == "darwin" else 1024
print(known[0] if known else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
"""
"""The end of a program that is to print the most memory, in bytes, that it had resident."""

_SCALES = {"s": (1, "s"), "ms": (1e3, "ms"), "us": (1e6, "µs"), "MB": (1e-6, "MB"), "B": (1, "B"), "%": (100, "%")}


@dataclass(frozen=True)
class Figure:
    """A measured figure: values of ours and of what it is held against, in seconds, bytes or shares of one.

    `of` says what the target limits: `ours` itself, its `ratio` to `limit`, or what is `added` to `limit`. An absolute
    target holds on a quiet machine (2 cores of 2025); where `ratio_target` is given, that one decides.
    """

    name: str
    ours: Sequence[float]
    against: str
    limit: Sequence[float]
    unit: str
    target: float
    of: Literal["ours", "ratio", "added"] = "ours"
    ratio_target: float | None = None

    @property
    def ratio(self) -> float | None:
        """Median of ours over median of the limit, None where nothing was measured beside it."""
        return statistics.median(self.ours) / statistics.median(self.limit) if self.limit else None

    @property
    def reached(self) -> float:
        """The value that the target limits."""
        ours = statistics.median(self.ours)
        if self.of == "ours":
            return ours
        limit = statistics.median(self.limit)
        return ours / limit if self.of == "ratio" else ours - limit

    @property
    def ok(self) -> bool:
        """Whether the target is met."""
        if self.ratio is not None and self.ratio_target is not None:
            return self.ratio <= self.ratio_target
        return self.reached <= self.target


Bench = Callable[[], Iterator[Figure]]


def in_turns(rounds: int, turns: Mapping[str, Callable[[], float]], *, warm: int = 1) -> dict[str, list[float]]:
    """Return what each of the `turns` gave, round by round (A B A B …), the first `warm` rounds left out."""
    found: dict[str, list[float]] = {name: [] for name in turns}
    for number in range(-warm, rounds):
        for name, turn in turns.items():
            value = turn()
            if number >= 0:
                found[name].append(value)
    return found


def seconds(action: Callable[[], object]) -> float:
    """Return how long one call takes, in seconds."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def busy_seconds(action: Callable[[], object]) -> float:
    """Return how much processor time of this process one call takes; other programs do not count, waiting neither."""
    began = time.process_time()
    action()
    return time.process_time() - began


def process_seconds(*command: str, cwd: Path | None = None) -> float:
    """Return how long a process takes from its start to its end; raises RuntimeError with its words where it fails."""
    return seconds(lambda: _finished(command, cwd))


def process_busy_seconds(*command: str, cwd: Path | None = None) -> float:
    """Return how much processor time a process takes, the kernel's part included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _finished(command, cwd)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _finished(command: Sequence[str], cwd: Path | None) -> None:
    done = subprocess.run(command, cwd=cwd, check=False, capture_output=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.decode(errors='replace')}")


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder that is removed afterwards, and keep Workbench's own files of this time inside it."""
    folder = Path(tempfile.mkdtemp(prefix="workbench-bench-"))
    before = os.environ.get("WORKBENCH_HOME")
    os.environ["WORKBENCH_HOME"] = str(folder / "home")
    (folder / "project").mkdir()
    try:
        yield folder / "project"
    finally:
        if before is None:
            del os.environ["WORKBENCH_HOME"]
        else:
            os.environ["WORKBENCH_HOME"] = before
        shutil.rmtree(folder, ignore_errors=True)


def until(condition: Callable[[], bool], limit: float, pause: float = 0.005) -> float:
    """Wait for a condition; return the moment (`time.time`) at which it held. Raises TimeoutError."""
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing happened for {limit:.0f} s")
        time.sleep(pause)
    return time.time()


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


HEADINGS = ("figure", "ours (min–max)", "held against", "median (min–max)", "ratio", "target", "reached", "")


def cells(figure: Figure) -> tuple[str, ...]:
    """Return the line of a figure in the table."""
    if figure.of == "ratio":
        target, reached = f"≤ {figure.target:g}×", f"{figure.reached:.2f}×"
    else:
        sign = "+" if figure.of == "added" else ""
        target = f"≤ {sign}{_amount(figure.target, figure.unit)}"
        reached = sign + _amount(figure.reached, figure.unit)
    if figure.ratio_target is not None:
        target, reached = f"≤ {figure.ratio_target:g}× (quiet {target})", f"{figure.ratio:.2f}×"
    return (
        figure.name,
        _spread(figure.ours, figure.unit),
        figure.against,
        _spread(figure.limit, figure.unit) if figure.limit else "",
        "" if figure.ratio is None else f"{figure.ratio:.2f}×",
        target,
        reached,
        "ok" if figure.ok else "over",
    )


def table(lines: Sequence[tuple[str, ...]]) -> str:
    """Return lines of cells under the headings, aligned."""
    rows = [HEADINGS, *lines]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEADINGS))]
    left = (0, 2, 7)
    texts = [
        "  ".join(cell.ljust(width) if at in left else cell.rjust(width) for at, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(row, widths, strict=True)) for row in rows)
    ]
    return "\n".join([texts[0].rstrip(), "─" * len(texts[0].rstrip()), *(text.rstrip() for text in texts[1:])])


def _amount(value: float, unit: str) -> str:
    factor, shown = _SCALES[unit]
    value *= factor
    return f"{value:.3g} {shown}" if value < 1000 else f"{value:,.0f} {shown}"


def _spread(values: Sequence[float], unit: str) -> str:
    middle = _amount(statistics.median(values), unit)
    if len(values) < 2:
        return middle
    low, high = (_amount(edge, unit).split(" ")[0] for edge in (min(values), max(values)))
    return f"{middle} ({low}–{high})"
