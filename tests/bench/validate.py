"""Data held against a schema: a million rows beside plain numpy doing the same, and a large CSV in little memory."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tests.bench.measure import PRINT_PEAK, PROGRAM, Figure, busy_seconds, in_turns, scratch
from workbench.data import validate
from workbench.data.check import Check
from workbench.data.findings import Finding, worst
from workbench.data.measure import Measure
from workbench.data.propose import propose
from workbench.data.schema import Schema
from workbench.data.tables import ROWS, kind_of, type_name
from workbench.data.traits import Traits

MILLION = 1_000_000
NOW = 2e9
LARGE = int(os.environ.get("BENCH_CSV_BYTES", 1 << 30))
"""5 GB take as long as one would think, and no more memory: BENCH_CSV_BYTES=5000000000 make bench BENCH=validate."""


def bench() -> Iterator[Figure]:
    """Yield the figures; a CSV of 1 GB is written and read."""
    yield _million()
    yield from _alarms()
    with scratch() as folder:
        yield from _large(folder)


def _columns(rng: np.random.Generator, rows: int) -> dict[str, Any]:
    columns: dict[str, Any] = {"id": np.arange(rows)}
    columns |= {f"f{at}": rng.normal(at, 1, rows) for at in range(5)}
    columns |= {"level": rng.integers(0, 5, rows), "age": rng.integers(18, 90, rows)}
    return columns | {name: rng.choice(np.array(list("LMS"), dtype="S1"), rows) for name in ("size", "other")}


def _million() -> Figure:
    columns = _columns(np.random.default_rng(0), MILLION)
    schema, batches = _learned(columns)
    kinds, _ = _batches(columns)

    def ours() -> None:
        check = Check(
            schema, [(name, type_) for name, type_, _ in kinds], environment="training", now=NOW, damaged=False
        )
        for batch in batches:
            check.add(batch)
        assert not validate.judge(schema, [check])

    def plain() -> None:
        """Look for the same in the arrays whole, with not a line too much."""
        values = columns["id"]
        assert (values[1:] > values[:-1]).all()
        for at in range(5):
            values = columns[f"f{at}"]
            assert not np.isnan(values).any()
            assert values.min() > -20
            assert values.max() < 20
        for name in ("level", "age"):
            assert columns[name].min() >= 0
            assert columns[name].max() < 100
        for name in ("size", "other"):
            values = columns[name]
            assert ((values == b"S") | (values == b"M") | (values == b"L")).all()

    found = in_turns(7, {"ours": lambda: busy_seconds(ours), "plain": lambda: busy_seconds(plain)})
    return Figure("validate: 1M × 10", found["ours"], "numpy", found["plain"], "s", 4.0, of="ratio")


def _alarms() -> Iterator[Figure]:
    """How many good tables are called bad, and how many bad ones go unnoticed; learned from as many rows as checked."""
    spoilings: list[Callable[[dict[str, Any]], None]] = [
        lambda columns: columns.update(f1=columns["f1"] * 10),
        lambda columns: columns["f2"].__setitem__(0, -999.0),
        lambda columns: columns["f3"].__setitem__(slice(0, 30), np.nan),
        lambda columns: columns["size"].__setitem__(0, b"?"),
        lambda columns: columns["level"].__setitem__(0, 9),
        lambda columns: columns["id"].__setitem__(1, columns["id"][0]),
        lambda columns: columns.__delitem__("age"),
    ]
    for rows, repeats in ((100, 300), (2_000, 200), (50_000, 20)):
        rng = np.random.default_rng(rows)
        errors = alarms = missed = 0
        for turn in range(repeats):
            schema, _ = _learned(_columns(rng, rows), key=("id",))
            found = _found(schema, _columns(rng, rows))
            errors += worst(found) == "error"
            alarms += worst(found) in ("error", "warning")
            spoilt = _columns(rng, rows)
            spoilings[turn % len(spoilings)](spoilt)
            missed += worst(_found(schema, spoilt)) not in ("error", "warning")
        name = f"validate: good tables of {rows:,} rows"
        yield Figure(f"{name}, errors", [errors / repeats], f"{repeats} tables", [], "%", 0.02)
        yield Figure(f"{name}, warnings", [alarms / repeats], f"{repeats} tables", [], "%", 0.05)
        yield Figure(f"validate: bad ones of {rows:,}, missed", [missed / repeats], f"{repeats} tables", [], "%", 0.05)


def _found(schema: Schema, columns: dict[str, Any]) -> tuple[Finding, ...]:
    kinds, batches = _batches(columns)
    check = Check(schema, [(name, type_) for name, type_, _ in kinds], environment="training", now=NOW, damaged=False)
    for batch in batches:
        check.add(batch)
    return validate.judge(schema, [check])


def _learned(columns: dict[str, Any], key: tuple[str, ...] = ()) -> tuple[Schema, list[Any]]:
    kinds, batches = _batches(columns)
    measure, traits = Measure(kinds, key=key), Traits(tuple(columns))
    for batch in batches:
        measure.add(batch)
        traits.add(batch)
    return propose(measure.freeze(), traits.freeze(), key=key, now=NOW), batches


def _batches(columns: dict[str, Any]) -> tuple[list[tuple[str, str, Any]], list[Any]]:
    arrays = {name: pa.array(each.astype(str) if each.dtype.kind == "S" else each) for name, each in columns.items()}
    table = pa.table(arrays)
    return [(one.name, type_name(one.type), kind_of(one.type)) for one in table.schema], table.to_batches(ROWS)


def _large(folder: Path) -> Iterator[Figure]:
    path = folder / "large.csv"
    rng = np.random.default_rng(1)
    head = _text(rng, 0)
    (folder / "train.csv").write_bytes(head)
    with path.open("wb") as file:
        size, at = file.write(head), 1
        body = head.partition(b"\n")[2]
        while size < LARGE:
            size += file.write(body.replace(b",S,", b",M,") if at % 2 else body)
            at += 1
    (folder / "workbench.toml").write_text('[project]\nname = "bench"\n[data]\ntrain = "train.csv"\n')
    learn = [PROGRAM, "data", "schema", "--accept", "--by", "bench"]
    subprocess.run(learn, cwd=folder, check=True, capture_output=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    code = "from workbench.cli.main import main; main(['validate', 'large.csv', '--json'])" + PRINT_PEAK
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, capture_output=True, text=True)
    document, memory = done.stdout.strip().split("\n")
    took = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    rows = json.loads(document)["tables"][0]["rows"]
    assert rows > LARGE // 200
    reading = busy_seconds(lambda: _read(path))
    size = path.stat().st_size / 1e9
    yield Figure(f"validate: CSV of {size:.1f} GB, memory", [float(memory)], "limit", [], "MB", 1e9)
    yield Figure("validate: the same, time", [took], "pyarrow reads it", [reading], "s", 3.0, of="ratio")


def _text(rng: np.random.Generator, begin: int, rows: int = 50_000) -> bytes:
    import pandas as pd

    columns = {name: each.astype(str) if each.dtype.kind == "S" else each for name, each in _columns(rng, rows).items()}
    columns.pop("id")
    text: str = pd.DataFrame(columns).to_csv(index=False)
    return text.encode()


def _read(path: Path) -> None:
    import pyarrow.csv as csv

    for batch in csv.open_csv(path):
        assert batch.num_columns
