"""Profiles made in one pass over batches of a table, in memory that does not grow with the rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.data import hashing
from workbench.data.profile import (
    PRECISION,
    STEPS,
    VALUES,
    ColumnProfile,
    Kind,
    TableProfile,
    Value,
    estimate,
    pack,
    ranked,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

EXACT = 4096
"""So many different numbers of a column are counted one by one while it is read."""
TEXTS = 50_000
"""So many different texts; beyond it the rare ones are forgotten."""
BLOCK = 65_536
"""Quantiles of up to twice so many numbers are exact; of n they err by at most log2(n / BLOCK) / (2 * BLOCK)."""
KEYED = 20_000_000
"""Duplicates of the key are counted in tables of up to so many rows."""
LONGEST = 100


class Quantiles:
    """Sorted blocks of numbers, each twice as heavy as the one below: two of a weight become one of the next."""

    def __init__(self) -> None:
        self._levels: list[Numbers | None] = []
        self._waiting: list[Numbers] = []
        self._count = 0
        self._odd = 0

    def add(self, values: Numbers) -> None:
        """Take more numbers, in order."""
        import numpy as np

        if len(values) == BLOCK:
            self._carry(values)
            return
        self._waiting.append(values)
        self._count += len(values)
        if self._count < BLOCK:
            return
        joined = np.concatenate(self._waiting)
        while len(joined) >= BLOCK:
            self._carry(np.sort(joined[:BLOCK], kind="stable"))  # which merges what is in order already
            joined = joined[BLOCK:]
        self._waiting, self._count = [joined], len(joined)

    def _carry(self, block: Numbers) -> None:
        import numpy as np

        level = 0
        while level < len(self._levels) and (other := self._levels[level]) is not None:
            # Every second of the merged numbers, by turns from the first and from the second: no drift to either end.
            block = np.sort(np.concatenate([block, other]), kind="stable")[self._odd :: 2]
            self._odd = 1 - self._odd
            self._levels[level] = None
            level += 1
        if level == len(self._levels):
            self._levels.append(None)
        self._levels[level] = block

    def knots(self) -> tuple[float, ...]:
        """Return the quantiles at 0, 1/256, … 1."""
        import numpy as np

        parts = [(part, 1) for part in self._waiting]
        parts += [(block, 2**level) for level, block in enumerate(self._levels) if block is not None]
        values = np.concatenate([part for part, _ in parts])
        shares = np.linspace(0, 1, STEPS + 1)
        if all(weight == 1 for _, weight in parts):
            values.sort(kind="stable")
            places = shares * (len(values) - 1)
        else:
            weights = np.concatenate([np.full(len(part), float(weight)) for part, weight in parts])
            order = np.argsort(values, kind="stable")
            values, weights = values[order], weights[order]
            upto = np.cumsum(weights) - (weights + 1) / 2
            places = np.interp(shares * upto[-1], upto, np.arange(len(values)))
        low, part = np.floor(places).astype(np.int64), places % 1
        high = np.minimum(low + 1, len(values) - 1)
        between = values[low] * (1 - part) + values[high] * part
        return tuple(np.where((values[low] == values[high]) | (part == 0), values[low], between).tolist())


class ColumnMeasure:
    """What is known so far of one column; without `sketched` many different values are not counted, which is faster."""

    def __init__(self, name: str, type_: str, kind: Kind, *, sketched: bool = True) -> None:
        import numpy as np

        self.base = ColumnProfile(name, type_, kind)
        self._sums = {"count": 0, "missing": 0, "nan": 0, "plus_infinite": 0, "minus_infinite": 0}
        self._counts: dict[Value, int] | None = {}
        self._forgot = False
        self._sketched = sketched
        self._registers = np.zeros(2**PRECISION, dtype=np.uint8)
        self._quantiles = Quantiles()
        self._known, self._mean, self._squares = 0, 0.0, 0.0
        self._low, self._high = math.inf, -math.inf

    def add(self, array: Any) -> None:
        """Take the next values, an Arrow array of the column's type."""
        self._sums["count"] += len(array)
        self._sums["missing"] += array.null_count
        if array.null_count:
            array = array.drop_null()
        if not len(array) or self.base.kind == "empty":
            return
        if self.base.kind in ("text", "boolean"):
            self._add_texts(array)
        else:
            self._add_numbers(array)

    @property
    def counted(self) -> dict[Value, int] | None:
        """The values that came so far with their counts; None where there are too many to count all of them."""
        return None if self._forgot else self._counts

    def _add_texts(self, array: Any) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        if self.base.kind == "boolean":
            array = pc.cast(array, pa.string())
        found = pc.value_counts(array)
        self._count_texts(found.field("values").to_pylist(), found.field("counts").to_pylist())

    def add_counted(self, texts: Sequence[str], counts: Sequence[int], missing: int) -> None:
        """Take the next values of a column of texts, each different one with its count."""
        self._sums["count"] += sum(counts) + missing
        self._sums["missing"] += missing
        self._count_texts(texts, counts)

    def _count_texts(self, texts: Sequence[str], new: Sequence[int]) -> None:
        if self._sketched:
            hashing.register(self._registers, hashing.text_words(texts)[0])
        counts = self._counts = {} if self._counts is None else self._counts
        for text, count in zip(texts, new, strict=True):
            counts[text] = counts.get(text, 0) + count
        if len(counts) > TEXTS:
            kept = sorted(counts.items(), key=lambda pair: -pair[1])[: TEXTS // 5]
            self._counts, self._forgot = dict(kept), True

    def _add_numbers(self, array: Any) -> None:
        import numpy as np

        values = hashing.numbers(array)
        if self.base.kind == "time":
            values = values / 1e6
        if self._sketched:
            hashing.register(self._registers, hashing.mixed(hashing.number_bits(values), hashing._SEEDS[0]))
        if values.dtype.kind == "f":
            finite = np.isfinite(values)
            if not finite.all():
                odd = values[~finite]
                self._sums["nan"] += int(np.isnan(odd).sum())
                self._sums["plus_infinite"] += int((odd > 0).sum())
                self._sums["minus_infinite"] += int((odd < 0).sum())
                values = values[finite]
        if len(values):
            values = np.sort(values)
            self._count_values(values)
            self._add_moments(values.astype(np.float64, copy=False))

    def _count_values(self, values: Any) -> None:
        """Count sorted values."""
        import numpy as np

        if self._counts is None:
            return
        steps = values[1:] != values[:-1]
        distinct = int(np.count_nonzero(steps)) + 1
        if distinct <= EXACT:
            starts = np.concatenate([[0], np.flatnonzero(steps) + 1])
            found, counts = values[starts], np.diff(starts, append=len(values))
            for value, count in zip(found.tolist(), counts.tolist(), strict=True):
                self._counts[value] = self._counts.get(value, 0) + count
        if distinct > EXACT or len(self._counts) > EXACT:
            self._counts = None

    def _add_moments(self, values: Numbers) -> None:
        """Take sorted values."""
        import numpy as np

        self._quantiles.add(values)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = float(values.mean())
            if not math.isfinite(mean):
                mean = float((values / len(values)).sum())
            squares = float(((values - mean) ** 2).sum())
            count, total = len(values), self._known + len(values)
            apart = mean - self._mean
            self._mean = self._mean * (self._known / total) + mean * (count / total)
            self._squares += squares + apart * apart * (self._known / total * count)
        self._known = total
        self._low, self._high = min(self._low, float(values[0])), max(self._high, float(values[-1]))

    def _estimate(self) -> int:
        if not self._sketched:
            return 0
        return min(estimate(self._registers.tobytes()), self._sums["count"] - self._sums["missing"])

    def freeze(self) -> ColumnProfile:
        """Return the profile of what came so far."""
        base, sums = self.base, self._sums
        counts = self._counts
        if base.kind == "empty" or sums["missing"] == sums["count"]:
            return ColumnProfile(base.name, base.type, "empty", sums["count"], sums["missing"], complete=True)
        exact = counts is not None and not self._forgot
        odd = sum(1 for name in ("nan", "plus_infinite", "minus_infinite") if sums[name])
        distinct = len(counts or ()) + odd if exact else self._estimate()
        complete = exact and len(counts or ()) <= VALUES
        values = ranked({_short(value): count for value, count in (counts or {}).items()})[:VALUES]
        moments: dict[str, Any] = {}
        if self._known:
            squares = self._squares if math.isfinite(self._squares) else None
            moments = {"low": self._low, "high": self._high, "mean": self._mean, "squares": squares}
        knots = self._quantiles.knots() if self._known and not complete else ()
        if knots:
            knots = (self._low, *knots[1:-1], self._high)
            values = () if counts and max(counts.values()) == 1 else values[:20]
        sketch = "" if complete else pack(self._registers.tobytes())
        return ColumnProfile(
            name=base.name,
            type=base.type,
            kind=base.kind,
            distinct=distinct,
            exact=exact,
            values=values,
            complete=complete,
            knots=knots,
            sketch=sketch,
            **sums,
            **moments,
        )


def _short(value: Value) -> Value:
    """Keep a long text by its beginning and what it is, so that different ones stay so."""
    if not isinstance(value, str) or len(value) <= LONGEST:
        return value
    return f"{value[: LONGEST - 9]}…{hashing.hash_word(value) & 0xFFFFFFFF:08x}"


class Measure:
    """The profile of a table in the making: give it every batch, then freeze it.

    `keys` are the words of its keys, None where there is no key or are more than KEYED rows.
    """

    def __init__(self, columns: list[tuple[str, str, Kind]], *, format: str = "", key: tuple[str, ...] = ()) -> None:
        self._columns = [ColumnMeasure(*column) for column in columns]
        names = {name for name, _, _ in columns}
        self._key = key if key and names.issuperset(key) else ()
        self._format = format
        self.rows = 0
        self.keys: list[Any] | None = [] if self._key else None

    def add(self, batch: Any) -> None:
        """Take the next rows, an Arrow record batch."""
        self.rows += batch.num_rows
        for column, array in zip(self._columns, batch.columns, strict=True):
            column.add(array)
        if self.keys is not None:
            self.keys.append(row_words(batch, self._key)[0])
            if self.rows > KEYED:
                self.keys = None

    @property
    def key_kinds(self) -> tuple[Kind, ...]:
        """The kinds of the columns of the key, by their names."""
        return tuple(
            kind
            for _, kind in sorted((one.base.name, one.base.kind) for one in self._columns if one.base.name in self._key)
        )

    def _exact(self, column: ColumnProfile, duplicates: int | None) -> ColumnProfile:
        """Return the column; where it alone is the key, its different values have been counted."""
        if column.exact or duplicates is None or self._key != (column.name,) or column.missing:
            return column
        return replace(column, distinct=column.count - duplicates, exact=True)

    def freeze(self) -> TableProfile:
        """Return the profile of what came so far."""
        duplicates = None if self.keys is None else _repeats(self.keys)
        columns = tuple(self._exact(column.freeze(), duplicates) for column in self._columns)
        return TableProfile(self.rows, columns, self._format, self._key, duplicates)


class Keys:
    """The keys of the parts of a table, as long as there are no more than KEYED."""

    def __init__(self) -> None:
        self._words: list[Any] | None = []
        self._rows = 0
        self._kinds: set[tuple[Kind, ...]] = set()

    def add(self, part: Measure) -> None:
        """Take the keys of a part that has been frozen; it has them no longer."""
        words, part.keys = part.keys, None
        self._rows += part.rows
        self._kinds.add(part.key_kinds)
        # The same key is another word where its type is another.
        if words is None or self._words is None or self._rows > KEYED or len(self._kinds) > 1:
            self._words = None
        else:
            self._words += words

    def duplicates(self) -> int | None:
        """Return how many rows have a key that an earlier row has; None where that was not counted."""
        return None if self._words is None else _repeats(self._words)


def _repeats(parts: list[Any]) -> int:
    import numpy as np

    words = np.sort(np.concatenate(parts)) if parts else np.zeros(0)
    return int((words[1:] == words[:-1]).sum())


def row_words(batch: Any, names: tuple[str, ...]) -> tuple[hashing.Words, hashing.Words]:
    """Return two words for each row over the named columns; their order does not matter."""
    import numpy as np

    first = np.zeros(batch.num_rows, dtype=np.uint64)
    second = first.copy()
    with np.errstate(over="ignore"):
        for at, name in enumerate(sorted(names)):
            one, other = hashing.words_of(batch.column(batch.schema.get_field_index(name)))
            first = hashing.mixed(first * np.uint64(3) + one, at + 1)
            second = hashing.mixed(second * np.uint64(5) + other, at + 1)
    return first, second
