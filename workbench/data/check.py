"""A table held against a schema, batch by batch: what every column, relation and key shows, counted but not judged."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workbench.data import tally
from workbench.data.measure import row_words
from workbench.data.profile import Kind
from workbench.data.schema import Environment, Relation, Schema
from workbench.data.tally import ColumnCheck, Hits, Tally
from workbench.safe import clean

CLOSE = 1e-6
"""So far a sum may be off."""


class Check:
    """Takes the batches of a table, in parts if need be, and keeps what does not fit the schema.

    `columns` are name and type in the file, in the order of the file; `damaged` tells whether bytes that are no UTF-8
    were replaced; `spelled` are the kinds of values that such a file has as text only. `now` is in seconds since the
    epoch.
    """

    def __init__(
        self,
        schema: Schema,
        columns: Sequence[tuple[str, str]],
        *,
        environment: Environment,
        now: float,
        damaged: bool,
        spelled: frozenset[Kind] = frozenset(),
    ) -> None:
        self.schema, self.environment = schema, environment
        self.names = [name for name, _ in columns]
        self.rows = 0
        self.broken: dict[str, str] = {}
        self.relations = {one: Hits() for one in schema.relations if set(one.columns) <= set(self.names)}
        self.keys: list[Any] | None = [] if schema.key and set(schema.key) <= set(self.names) else None
        self._checks = {
            name: ColumnCheck(
                one, type_, unique=one.unique and schema.key != (name,), damaged=damaged, now=now, spelled=spelled
            )
            for name, type_ in columns
            if (one := schema.column(name)) is not None
        }

    def add(self, batch: Any) -> None:
        """Take the next rows, an Arrow record batch; a column that cannot be looked at is one finding."""
        for name, check in self._checks.items():
            if name not in self.broken:
                with self._isolated(name):
                    batch = _with(batch, name, check.add(batch.column(batch.schema.get_field_index(name))))
        for relation, hits in self.relations.items():
            with self._isolated(relation.words):
                hits.add(broken_rows(relation, batch), None, self.rows)
        if self.keys is not None and self.rows <= tally.KEYED:
            there = _have_some(batch, self.schema.key)
            words = row_words(batch, self.schema.key)[0]
            self.keys.append((self.rows, words if there is None else words[there], there))
        self.rows += batch.num_rows

    @contextlib.contextmanager
    def _isolated(self, name: str) -> Iterator[None]:
        import pyarrow as pa

        try:
            yield
        except (pa.ArrowException, ValueError, TypeError, OverflowError, ArithmeticError, KeyError) as error:
            self.broken[name] = clean(str(error), 200) or type(error).__name__

    @property
    def tallies(self) -> Mapping[str, Tally]:
        """The counts of each column that the schema knows and the table has."""
        return {name: check.tally for name, check in self._checks.items()}


def _with(batch: Any, name: str, read: Any) -> Any:
    """Return a batch with a column as it has been read, for relations and keys, where it was written as text."""
    at = batch.schema.get_field_index(name)
    if read is None or read.type == batch.column(at).type:
        return batch
    return batch.set_column(at, name, read)


def _have_some(batch: Any, names: Sequence[str]) -> Any:
    """Return which rows have a value in some of these columns, as a numpy array, None where all have."""
    arrays = [batch.column(batch.schema.get_field_index(name)) for name in names]
    if not all(array.null_count for array in arrays):
        return None
    there = arrays[0].is_valid().to_numpy(zero_copy_only=False)
    for array in arrays[1:]:
        there = there | array.is_valid().to_numpy(zero_copy_only=False)
    return there


def broken_rows(relation: Relation, batch: Any) -> Any:
    """Return which rows of a batch break a relation, as a numpy array; rows with a missing value break none."""
    import numpy as np
    import pyarrow.compute as pc

    arrays = [batch.column(batch.schema.get_field_index(name)) for name in relation.columns]
    if not _are_comparable(relation, [array.type for array in arrays]):
        return np.zeros(batch.num_rows, dtype=bool)
    if relation.order:
        return pc.greater(arrays[0], arrays[1]).fill_null(False).to_numpy(zero_copy_only=False)
    total, there = np.zeros(batch.num_rows), np.ones(batch.num_rows, dtype=bool)
    for array in arrays:
        total = total + array.fill_null(0).to_numpy(zero_copy_only=False)
        there &= array.is_valid().to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        return there & ~(abs(total - relation.to) <= CLOSE * max(1.0, abs(relation.to)))


def _are_comparable(relation: Relation, types: Sequence[Any]) -> bool:
    """Return whether a relation can be looked at: another type of a column is a finding of its own."""
    import pyarrow as pa

    numbers = all(pa.types.is_integer(one) or pa.types.is_floating(one) for one in types)
    times = (
        all(pa.types.is_temporal(one) for one in types) and len({getattr(one, "tz", None) is None for one in types}) < 2
    )
    return numbers or (times and bool(relation.order))
