"""What a schema needs to know of a table beyond its profile: forms of texts, steps of time, uniqueness, relations."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

from workbench.data import hashing, repeats, tally
from workbench.data.check import broken_rows
from workbench.data.schema import FORMS, Relation

MOST_SHAPES = 200
MOST_TIMES = 20
MOST_SUMMANDS = 60
LEAST_ROWS = 30
TOTALS = (1.0, 100.0)


@dataclass(frozen=True)
class ColumnTraits:
    """One column: how often each length and shape of a text, the forms that all have, the step of time, uniqueness.

    `rising` whole numbers each are greater than the one before; `ordered` numbers and times never go back, or never on.
    """

    lengths: Mapping[int, int] = field(default_factory=dict)
    shapes: Mapping[str, int] = field(default_factory=dict)
    forms: tuple[str, ...] = ()
    step: str = ""
    unique: bool = False
    rising: bool = False
    ordered: bool = False


@dataclass(frozen=True)
class TableTraits:
    """A table: its columns by name, and the relations that hold in every row."""

    columns: Mapping[str, ColumnTraits] = field(default_factory=dict)
    relations: tuple[Relation, ...] = ()


class Traits:
    """Takes the batches of a table and finds what all of them share."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._columns = {name: _Column() for name in names}
        self._names = names
        self._relations: list[Relation] | None = None
        self._rows = 0

    def add(self, batch: Any) -> None:
        """Take the next rows, an Arrow record batch."""
        for name, array in zip(self._names, batch.columns, strict=True):
            self._columns[name].add(array, self._rows)
        self._shape(batch)
        if self._relations is None:
            self._relations = [*_orders(batch), *_sums(batch)]
        self._relations = [one for one in self._relations if not broken_rows(one, batch).any()]
        self._rows += batch.num_rows

    def _shape(self, batch: Any) -> None:
        """Count the shapes of the texts of all columns at once: with many columns it is the calls that cost."""
        import pyarrow as pa
        import pyarrow.compute as pc

        texts = [
            (self._columns[name], pc.unique(array.drop_null()))
            for name, array in zip(self._names, batch.columns, strict=True)
            if pa.types.is_string(array.type) and self._columns[name].shapes is not None
        ]
        if not texts:
            return
        shapes, at = tally.shapes(pa.concat_arrays([unique for _, unique in texts])), 0
        for column, unique in texts:
            column.shape(shapes[at : at + len(unique)])
            at += len(unique)

    def join(self, other: Traits) -> None:
        """Take what another part of the table has found, which may be given no more rows then."""
        for name, column in other._columns.items():
            if name in self._columns:
                self._columns[name].join(column, self._rows)
            else:
                self._columns[name] = column
        theirs = other._relations or []
        self._relations = [one for one in self._relations or [] if one in theirs]
        self._rows += other._rows

    def freeze(self) -> TableTraits:
        """Return what was found."""
        relations = self._relations or []
        if self._rows < LEAST_ROWS:
            relations = []
        orders = {one.order for one in relations if one.order}
        implied = {(a, c) for a, b in orders for b2, c in orders if b == b2 and (a, c) in orders}
        kept = tuple(one for one in relations if one.order not in implied or not one.order)
        return TableTraits({name: one.freeze() for name, one in self._columns.items()}, kept)


class _Column:
    def __init__(self) -> None:
        self._lengths: Counter[int] = Counter()
        self.shapes: Counter[str] | None = Counter()
        self._forms = set(FORMS)
        self._steps = list(tally.STEPS)
        self._words: list[Any] | None = []
        self._known = 0
        self._looked_at = 0
        self._last: Any = None
        self._rising = self._up = self._down = True

    def add(self, array: Any, before: int) -> None:
        import pyarrow as pa

        array = array.drop_null() if array.null_count else array
        self._known += len(array)
        if not len(array):
            return
        if pa.types.is_string(array.type):
            self._texts(array, before)
        elif pa.types.is_integer(array.type):
            values = hashing.numbers(array)
            self._rising &= bool((values[1:] > values[:-1]).all()) and (self._last is None or values[0] > self._last)
            self._order(values)
            self._remember(values, before)
        elif pa.types.is_temporal(array.type):
            values = hashing.numbers(array)
            self._steps = [step for step in self._steps if not (values % (tally.STEPS[step] * 1_000_000)).any()]
            self._order(values)
            self._words = None
        else:
            if pa.types.is_floating(array.type):
                self._order(hashing.numbers(array))
            self._words = None

    def _order(self, values: Any) -> None:
        """Look whether the values go but one way."""
        last = values[0] if self._last is None else self._last
        self._up = self._up and bool(values[0] >= last) and bool((values[1:] >= values[:-1]).all())
        self._down = self._down and bool(values[0] <= last) and bool((values[1:] <= values[:-1]).all())
        self._last = values[-1]

    def _texts(self, array: Any, before: int) -> None:
        import pyarrow.compute as pc

        unique = pc.unique(array)
        lengths = pc.value_counts(pc.utf8_length(array))
        self._lengths.update(dict(zip(*(lengths.field(at).to_pylist() for at in (0, 1)), strict=True)))
        self._forms = {one for one in self._forms if pc.all(pc.match_substring_regex(unique, FORMS[one])).as_py()}
        if len(unique) < len(array):
            self._words = None
        elif self._words is not None:
            self._remember(hashing.words_of(array)[0], before)

    def shape(self, shapes: Any) -> None:
        """Take the shapes of the next texts; too many are none."""
        import pyarrow.compute as pc

        if self.shapes is not None and len(shapes):
            counted = pc.value_counts(shapes)
            self.shapes.update(dict(zip(*(counted.field(at).to_pylist() for at in (0, 1)), strict=True)))
            if len(self.shapes) > MOST_SHAPES:
                self.shapes = None

    def _remember(self, words: Any, before: int) -> None:
        """Keep the values while none has come twice; whether one has is looked at whenever their number doubles."""
        if self._words is None:
            return
        self._words.append((before, words, None))
        known = sum(len(part[1]) for part in self._words)
        if known >= 2 * self._looked_at:
            self._looked_at = known
            if known > tally.KEYED or not repeats.are_unique(repeats.joined(self._words)):
                self._words = None

    def join(self, other: _Column, before: int) -> None:
        """Take what another part has found after so many rows; rows are in order within each part."""
        if not other._known:
            return
        if not self._known:
            self.__dict__.update(other.__dict__)
            return
        if bool(self._lengths) != bool(other._lengths):  # texts in one part only
            self._forms, self._words, self.shapes = set(), None, None
        self._known += other._known
        self._lengths += other._lengths
        self._forms &= other._forms
        self._steps = [step for step in self._steps if step in other._steps]
        self._rising &= other._rising
        self._up, self._down, self._last = self._up & other._up, self._down & other._down, other._last
        self.shapes = None if self.shapes is None or other.shapes is None else self.shapes + other.shapes
        if self.shapes is not None and len(self.shapes) > MOST_SHAPES:
            self.shapes = None
        for start, words, _ in other._words or []:
            self._remember(words, start + before)
        if other._words is None:
            self._words = None
        other._words = None

    def freeze(self) -> ColumnTraits:
        unique = bool(self._words) and repeats.are_unique(repeats.joined(self._words or []))
        forms = tuple(name for name in FORMS if name in self._forms) if self._lengths else ()
        step = self._steps[0] if self._steps and self._known else ""
        rising = unique and self._rising and self._last is not None
        ordered = self._last is not None and self._up != self._down
        return ColumnTraits(dict(self._lengths), dict(self.shapes or {}), forms, step, unique, rising, ordered)


# --- relations that may hold, from the first rows


def _orders(batch: Any) -> list[Relation]:
    """Return the pairs of times of which one is never after the other, and sometimes before it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    times = [one.name for one in batch.schema if pa.types.is_temporal(one.type)][:MOST_TIMES]
    found = []
    for first, second in permutations(times, 2):
        pair = [batch.column(batch.schema.get_field_index(name)) for name in (first, second)]
        if pair[0].type != pair[1].type or not all(_varies(one) for one in pair):
            continue
        before = pc.less(*pair)
        if pc.sum(before).as_py() and not pc.any(pc.greater(*pair)).as_py():
            found.append(Relation(order=(first, second)))
    return found


def _varies(array: Any) -> bool:
    import pyarrow.compute as pc

    ends = pc.min_max(array)
    return bool(ends["min"] != ends["max"])


def _sums(batch: Any) -> list[Relation]:
    """Return the runs of columns, side by side, that add up to 1 or 100."""
    import numpy as np
    import pyarrow as pa

    run: list[str] = []
    found: list[Relation] = []
    for one in [*batch.schema, None]:
        plain = one is not None and (pa.types.is_floating(one.type) or pa.types.is_integer(one.type))
        array = batch.column(batch.schema.get_field_index(one.name)) if plain and one is not None else None
        if array is not None and not array.null_count and one is not None and len(array):
            values = hashing.numbers(array)
            if values.min() >= 0 and values.max() <= max(TOTALS) and np.isfinite(values).all():
                run.append(one.name)
                continue
        found += _sums_in(batch, run[:MOST_SUMMANDS])
        run = []
    return found


def _sums_in(batch: Any, names: list[str]) -> list[Relation]:
    import numpy as np

    if len(names) < 2:
        return []
    columns = [hashing.numbers(batch.column(batch.schema.get_field_index(name))) for name in names]
    changing = [bool((column != column[0]).any()) for column in columns]
    upto = np.cumsum(np.vstack([np.zeros(batch.num_rows), *columns]), axis=0)
    found, begin = [], 0
    while begin < len(names) - 1:
        hit = next(
            (
                (end, total)
                for end in range(begin + 2, len(names) + 1)
                for total in TOTALS
                if changing[begin]
                and changing[end - 1]
                and math.isclose(float(upto[end][0] - upto[begin][0]), total, abs_tol=1e-6)
                and bool((abs(upto[end] - upto[begin] - total) <= 1e-6 * total).all())
            ),
            None,
        )
        if hit is None:
            begin += 1
            continue
        found.append(Relation(sum=tuple(names[begin : hit[0]]), to=hit[1]))
        begin = hit[0]
    return found
