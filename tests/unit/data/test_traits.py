"""What a schema needs to know beside a profile: shapes, lengths, uniqueness, whatever the batches are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from workbench.data import tally
from workbench.data.traits import Traits


def traits_of(columns, size=7):
    table = pa.table(columns)
    traits = Traits(tuple(columns))
    for batch in table.to_batches(size):
        traits.add(batch)
    return traits.freeze().columns


def test_shapes_of_many_columns_are_found_in_one_call_a_batch(monkeypatch):
    calls = []
    plain = tally.shapes
    monkeypatch.setattr(tally, "shapes", lambda array: calls.append(len(array)) or plain(array))
    columns = {f"c{at}": [f"{'ab'[at % 2]}{row}" for row in range(3)] + [None] for at in range(50)}
    columns |= {"x": [1, 2, 3, 4], "y": ["Ö-1", "Ö-1", None, "é 7"], "z": pa.nulls(4, pa.string())}
    found = traits_of(columns)
    assert len(calls) == 1
    assert all(found[f"c{at}"].shapes == {"a9": 3} for at in range(50))
    assert found["y"].shapes == {"A-9": 1, "a 9": 1}
    assert (found["x"].shapes, found["z"].shapes) == ({}, {})


def test_parts_have_together_what_they_would_have_as_one_table():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "row": np.arange(900), "twice": np.arange(900) % 899, "code": [f"AB-{at:04d}" for at in range(900)],
            "when": pd.date_range("2024-01-01", periods=900, freq="D"), "noise": rng.normal(size=900),
            "part": rng.choice(["x", "yy", None], 900),
        }
    )  # fmt: skip
    table = pa.Table.from_pandas(frame, preserve_index=False)
    whole = Traits(tuple(frame.columns))
    for batch in table.to_batches():
        whole.add(batch)
    parts = []
    for begin in (0, 300, 600):
        parts.append(Traits(tuple(frame.columns)))
        for batch in table.slice(begin, 300).to_batches():
            parts[-1].add(batch)
    for part in parts[1:]:
        parts[0].join(part)
    assert parts[0].freeze().columns == whole.freeze().columns
