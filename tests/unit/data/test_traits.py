"""What a schema needs to know beside a profile: shapes, lengths, uniqueness, whatever the batches are."""

from __future__ import annotations

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
