"""Drift: how often it is seen where there is none, how often where there is some, and how long a check takes.

False alarms: windows of 20 columns (14 numbers of several shapes, 6 of categories) drawn from one distribution; a false
one is a window with drift in any column. Power: one column of the 20 changes. Beside it what a check that always fires
and one that never does would reach.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from tests.bench.measure import PRINT_PEAK, PROGRAM, PYTHON, Figure, in_turns, process_busy_seconds, scratch, seconds
from workbench.drift import rule, statistics
from workbench.drift.measure import Windows
from workbench.drift.profile import Window
from workbench.drift.report import Settings

STATISTICS = {"number": statistics.NUMBERS, "category": statistics.CATEGORIES}
SIZES = {50: 300, 200: 200, 1000: 100, 5000: 60, 50_000: 10}
ROUNDS = 40
REFERENCE = 20_000
ROUNDS_OF_SPEED = 5

Arrays = dict[str, Any]


def bench() -> Iterator[Figure]:
    """Yield false alarms, misses, seconds and memory."""
    yield from _false_alarms()
    yield from _power()
    yield from _speed(100_000, 0.3)
    yield from _speed(1_000_000, 2.5)
    yield _cold()
    yield _memory()


def draw(random: np.random.Generator, rows: int) -> Arrays:
    """Return 20 columns: normal, skewed, heavy-tailed, rounded, zero-inflated, with missing values, of few levels."""
    found: Arrays = {f"normal {at}": random.normal(size=rows) for at in range(6)}
    found |= {f"lognormal {at}": random.lognormal(size=rows) for at in range(2)}
    found["cauchy"] = random.standard_cauchy(rows)
    found["rounded"] = np.round(random.normal(size=rows), 1)
    found["counts"] = random.poisson(3, rows)
    found["zeros"] = np.where(random.random(rows) < 0.7, 0.0, random.exponential(size=rows))
    found["missing"] = pa.array(random.normal(size=rows), mask=random.random(rows) < 0.1)
    found["levels"] = random.integers(0, 5, rows)
    for levels in (2, 4, 12, 40):
        shares = random_shares(levels)
        found[f"category {levels}"] = _names(random.choice(levels, rows, p=shares))
    found["long tail"] = _names(np.minimum(random.zipf(1.6, rows), 10_000))
    found["boolean"] = pa.array(random.random(rows) < 0.2)
    return found


def random_shares(levels: int) -> Any:
    """Return the shares of categories, each half as frequent as the one before, evened out."""
    shares = 0.8 ** np.arange(levels)
    return shares / shares.sum()


def _names(codes: Any) -> Any:
    return pa.array([f"c{code}" for code in codes.tolist()])


def window(columns: Mapping[str, Any], label: str = "") -> Window:
    """Return the profile of columns, as a check makes it."""
    kinds: dict[str, Any] = {}
    arrays = []
    for name, values in columns.items():
        array = values if isinstance(values, pa.Array) else pa.array(values)
        kinds[name] = (
            "text" if pa.types.is_string(array.type) else "boolean" if pa.types.is_boolean(array.type) else "number"
        )
        arrays.append(array)
    batch = pa.RecordBatch.from_arrays(arrays, names=list(columns))
    made = Windows([(name, str(array.type), kinds[name]) for name, array in zip(columns, arrays, strict=True)])
    for start in range(0, batch.num_rows, 65_536):
        made.add(batch.slice(start, 65_536))
    return made.freeze()[0]


def verdict(reference: Window, current: Window) -> str:
    """Return the verdict on a window."""
    return rule.judge(reference, current, Settings(), STATISTICS, rule.Roles()).verdict


def _false_alarms() -> Iterator[Figure]:
    random = np.random.default_rng(2026)
    for rows, rounds in SIZES.items():
        reference = window(draw(random, REFERENCE))
        flagged = []
        for at in range(rounds):
            if at % 20 == 0:  # a reference that is odd by chance must not decide about all rounds
                reference = window(draw(random, REFERENCE))
            flagged.append(verdict(reference, window(draw(random, rows))) == "drift")
        yield Figure(f"false alarms, {rows:,} rows", [float(np.mean(flagged))], "always fires", [1.0], "%", 0.02)


CHANGES: Mapping[str, tuple[str, Callable[[np.random.Generator, Any], Any]]] = {
    "shift 0.1 sd": ("normal 0", lambda random, values: values + 0.1),
    "shift 0.2 sd": ("normal 0", lambda random, values: values + 0.2),
    "shift 0.3 sd": ("normal 0", lambda random, values: values + 0.3),
    "shift 0.5 sd": ("normal 0", lambda random, values: values + 0.5),
    "shift 1 sd": ("normal 0", lambda random, values: values + 1.0),
    "scale × 1.5": ("normal 0", lambda random, values: values * 1.5),
    "new category 15 %": ("category 4", lambda random, values: _replaced(random, values, 0.15)),
    "missing + 15 points": (
        "normal 0",
        lambda random, values: pa.array(values, mask=random.random(len(values)) < 0.15),
    ),
}
# The share of misses that is allowed, by change and rows; a shift of 0.1 sd is an effect of 0.04 and no drift at all.
MISSES = {
    ("shift 0.3 sd", 1000): 0.5, ("shift 0.5 sd", 200): 0.2, ("shift 0.5 sd", 1000): 0.02, ("shift 1 sd", 200): 0.02,
    ("shift 0.3 sd", 5000): 0.2, ("scale × 1.5", 1000): 0.5, ("new category 15 %", 1000): 0.05,
    ("new category 15 %", 200): 0.2, ("missing + 15 points", 200): 0.2, ("missing + 15 points", 1000): 0.05,
    ("shift 0.5 sd", 100): 0.4, ("shift 0.2 sd", 5000): 1.0, ("shift 0.1 sd", 5000): 1.0,
}  # fmt: skip


def _replaced(random: np.random.Generator, values: Any, share: float) -> Any:
    hit = random.random(len(values)) < share
    return pa.array(["brand new" if one else value for one, value in zip(hit, values.to_pylist(), strict=True)])


def _power() -> Iterator[Figure]:
    random = np.random.default_rng(7)
    reference = window(draw(random, REFERENCE))
    for (name, rows), target in MISSES.items():
        column, change = CHANGES[name]
        seen, warned = [], []
        for _ in range(ROUNDS):
            columns = draw(random, rows)
            columns[column] = change(random, columns[column])
            found = rule.judge(reference, window(columns), Settings(), STATISTICS, rule.Roles()).column(column)
            assert found is not None
            seen.append(found.verdict == "drift")
            warned.append(found.verdict in ("drift", "warn"))
        missed = 1 - float(np.mean(seen))
        words = f"missed: {name}, {rows:,} rows (warned of {np.mean(warned):.0%})"
        yield Figure(words, [missed], "never fires", [1.0], "%", target)


def _wide(rows: int) -> Arrays:
    random = np.random.default_rng(1)
    columns: Arrays = {f"number {at}": random.normal(size=rows) for at in range(40)}
    codes = random.integers(0, 12, rows)
    names = pa.array([f"c{at}" for at in range(12)])
    return columns | {f"category {at}": names.take(pa.array((codes + at) % 12)) for at in range(10)}


def _speed(rows: int, target: float) -> Iterator[Figure]:
    """Compare with a stored reference, in memory already: what a check takes beyond reading the file."""
    columns = _wide(rows)
    reference = window(columns)
    numbers = [values for values in columns.values() if not isinstance(values, pa.Array)]
    turns = {
        "ours": lambda: seconds(lambda: verdict(reference, window(columns))),
        "sort": lambda: seconds(lambda: [np.sort(values) for values in numbers]),
    }
    found = in_turns(ROUNDS_OF_SPEED if rows <= 100_000 else 2, turns)
    yield Figure(
        f"{rows:,} × 50 against a reference",
        found["ours"],
        "np.sort alone",
        found["sort"],
        "s",
        target,
        ratio_target=2.5,
    )


_READ = "import sys, pyarrow.parquet as pq; pq.read_table(sys.argv[1])"


def _cold() -> Figure:
    """Return the processor time of the command on a new file, against a stored reference of 100,000 × 50.

    Beside it a process that does nothing but read the file.
    """
    import pyarrow.parquet as pq

    random = np.random.default_rng(3)
    with scratch() as folder:
        (folder / "workbench.toml").write_text('[project]\nname = "cold"\n', encoding="utf-8")
        names = [f"{at}.parquet" for at in range(ROUNDS_OF_SPEED + 2)]
        for name in names:
            columns = {f"number {at}": random.normal(size=100_000) for at in range(50)}
            pq.write_table(pa.table(columns), folder / name)
        fresh = iter(names[1:])
        check = (PROGRAM, "drift", "--reference", names[0], "--current")
        process_busy_seconds(*check, names[0], cwd=folder)
        turns = {
            "ours": lambda: process_busy_seconds(*check, next(fresh), cwd=folder),
            "read": lambda: process_busy_seconds(PYTHON, "-c", _READ, names[0], cwd=folder),
        }
        found = in_turns(ROUNDS_OF_SPEED, turns)
    return Figure(
        "drift on 100,000 × 50, whole process",
        found["ours"],
        "reading the file",
        found["read"],
        "s",
        0.3,
        "added",
        2.0,
    )


_MEMORY = """
import sys
from pathlib import Path
from workbench.actions import drift
from workbench.project import load
project = load(Path(sys.argv[1]))
drift.compare(project, drift.Request("big.parquet", "big.parquet"))
"""


def _memory() -> Figure:
    """Return the memory of a whole check of 1,000,000 × 50 in a file, over that of the data."""
    import pyarrow.parquet as pq

    with scratch() as folder:
        columns = {
            name: values if isinstance(values, pa.Array) else pa.array(values)
            for name, values in _wide(1_000_000).items()
        }
        table = pa.table(columns)
        size = float(table.nbytes)
        (folder / "workbench.toml").write_text('[project]\nname = "memory"\n', encoding="utf-8")
        pq.write_table(table, folder / "big.parquet", row_group_size=100_000)
        del table, columns
        shown = subprocess.run(
            [PYTHON, "-c", _MEMORY + PRINT_PEAK, str(folder)], check=True, capture_output=True, text=True
        )
        return Figure("memory of 1,000,000 × 50", [float(shown.stdout)], "the data", [size], "MB", 200e6, "added")
