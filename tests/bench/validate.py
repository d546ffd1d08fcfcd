"""Data held against a schema: a million rows beside plain numpy doing the same, and a large CSV in little memory."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tests.bench.measure import PROGRAM, Figure, busy_seconds, in_turns, scratch
from workbench.data import validate
from workbench.data.check import Check
from workbench.data.measure import Measure
from workbench.data.propose import propose
from workbench.data.tables import ROWS, kind_of, type_name
from workbench.data.traits import Traits

MILLION = 1_000_000
NOW = 2e9
LARGE = int(os.environ.get("BENCH_CSV_BYTES", 1 << 30))
"""5 GB take as long as one would think, and no more memory: BENCH_CSV_BYTES=5000000000 make bench BENCH=validate."""


def bench() -> Iterator[Figure]:
    """Yield the figures; a CSV of 1 GB is written and read."""
    yield _million()
    with scratch() as folder:
        yield from _large(folder)


def _columns(rng: np.random.Generator, rows: int) -> dict[str, Any]:
    columns: dict[str, Any] = {"id": np.arange(rows)}
    columns |= {f"f{at}": rng.normal(at, 1, rows) for at in range(5)}
    columns |= {"level": rng.integers(0, 5, rows), "age": rng.integers(18, 90, rows)}
    return columns | {name: rng.choice(np.array(list("LMS"), dtype="S1"), rows) for name in ("size", "other")}


def _million() -> Figure:
    columns = _columns(np.random.default_rng(0), MILLION)
    arrays = {name: pa.array(each.astype(str) if each.dtype.kind == "S" else each) for name, each in columns.items()}
    table = pa.table(arrays)
    kinds = [(one.name, type_name(one.type), kind_of(one.type)) for one in table.schema]
    batches = table.to_batches(ROWS)
    measure, traits = Measure(kinds), Traits(tuple(table.column_names))
    for batch in batches:
        measure.add(batch)
        traits.add(batch)
    schema = propose(measure.freeze(), traits.freeze(), now=NOW)

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
    code = (
        "import resource, sys; from workbench.cli.main import main; code = main(['validate', 'large.csv', '--json']);"
        " print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024))"
    )
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
