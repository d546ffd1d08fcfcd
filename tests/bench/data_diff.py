"""Two versions of a table compared: columns, rows by key and distributions, beside pandas doing the like."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from tests.bench.measure import PROGRAM, PYTHON, Figure, in_turns, process_busy_seconds, scratch
from workbench.actions import data
from workbench.project import load

ROWS = 300_000
_PANDAS = """
import pandas as pd
old, new = pd.read_csv("old.csv"), pd.read_csv("data.csv")
for table in (old, new):
    table.describe(percentiles=[at / 256 for at in range(1, 256)])
    [table[name].value_counts() for name in ("city", "user")]
both = old.merge(new, on="id", how="outer", indicator=True, suffixes=("", "_new"))
same = both["_merge"] == "both"
changed = sum((both[name] != both[name + "_new"])[same] for name in old.columns if name != "id") > 0
print((~same).sum(), changed.sum())
"""


def bench() -> Iterator[Figure]:
    """Yield the processor time of the first comparison, and of the second, which is read from the store."""
    with scratch() as folder:
        _write(folder)
        words = [PROGRAM, "data", "diff", "data.csv", "@previous", "@latest", "--key", "id", "--json"]

        def first() -> float:
            connection = sqlite3.connect(folder / ".workbench" / "workbench.db")
            with connection:
                connection.execute("UPDATE data_versions SET facts = '{}'")
            connection.close()
            return process_busy_seconds(*words, cwd=folder)

        turns = {
            "pandas": lambda: process_busy_seconds(PYTHON, "-c", _PANDAS, cwd=folder),
            "first": first,
            "again": lambda: process_busy_seconds(*words, cwd=folder),
        }
        found = in_turns(3, turns)
        yield Figure("data diff: 300,000 rows", found["first"], "pandas", found["pandas"], "s", 4.0, of="ratio")
        yield Figure("data diff: the same again", found["again"], "pandas", found["pandas"], "s", 0.2, of="ratio")


def _write(folder: Path) -> None:
    """Write two versions: a thousand rows fewer, a sixth of the others changed in one column."""
    rng = np.random.default_rng(0)
    columns = {"id": np.arange(ROWS), "a": rng.normal(size=ROWS).round(5), "b": rng.exponential(size=ROWS).round(4)}
    columns |= {"c": rng.integers(0, 1000, ROWS), "city": rng.choice(["ny", "la", "sf"], ROWS)}
    columns["user"] = np.char.add("u", rng.integers(0, ROWS // 3, ROWS).astype(str))
    old = pd.DataFrame(columns)
    new = old.iloc[1000:].copy()
    new.loc[new.index % 6 == 0, "a"] += 1
    (folder / "workbench.toml").write_text('[project]\nname = "diff"\n[data]\ntrain = "data.csv"\n', encoding="utf-8")
    project = load(folder)
    old.to_csv(folder / "old.csv", index=False)
    for table in (old, new):
        table.to_csv(folder / "data.csv", index=False)
        data.snapshot(project)
