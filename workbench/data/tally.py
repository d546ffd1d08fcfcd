"""What of a column breaks its schema, counted batch by batch, in memory that does not grow with the rows.

Row numbers begin with 1, the first row of data. Only `unique` keeps eight bytes a row, up to KEYED rows.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.data import hashing, texts
from workbench.data.findings import FIRST
from workbench.data.profile import Kind
from workbench.data.repair import REPLACED
from workbench.data.schema import FORMS, ColumnSchema

KEYED = 20_000_000
EXAMPLES = 3
NARROW = 1e-6
"""How far a limit may be off, relatively, in columns of 32 bits or fewer."""
KINDS: Mapping[str, Kind] = {
    "whole": "number",
    "number": "number",
    "boolean": "boolean",
    "date": "time",
    "time": "time",
}
STEPS = {"day": 86_400, "hour": 3600, "minute": 60, "second": 1}


@dataclass
class Hits:
    """How many rows show something, the first of them, and some of their values."""

    count: int = 0
    first: list[int] = field(default_factory=list)
    examples: Counter[str] = field(default_factory=Counter)

    def add(self, mask: Any, array: Any, before: int) -> None:
        """Count the rows of `mask`, a numpy array of truth; `before` rows came before this batch."""
        found = mask.nonzero()[0]
        self.count += len(found)
        if len(found) and len(self.first) < FIRST:
            places = found[: FIRST - len(self.first)]
            self.first += (places + before + 1).tolist()
        if len(found) and array is not None and len(self.examples) < EXAMPLES:
            self.examples.update(str(array[int(place)].as_py()) for place in found[: 4 * EXAMPLES])

    def join(self, other: Hits, before: int) -> None:
        """Add what came after `before` rows."""
        self.count += other.count
        self.first = (self.first + [row + before for row in other.first])[:FIRST]
        self.examples += other.examples


@dataclass
class Tally:
    """The counts of one column; `low` and `high` are the extremes of what is finite, `same` its one value so far.

    No value of a `guarded` column may be shown.
    """

    rows: int = 0
    type: str = ""
    hits: dict[str, Hits] = field(default_factory=dict)
    low: float = math.inf
    high: float = -math.inf
    same: Any = None
    varies: bool = False
    words: list[Any] | None = None
    guarded: bool = False

    def hit(self, kind: str) -> Hits:
        """Return the counter of one kind, made when it is first asked for."""
        return self.hits.setdefault(kind, Hits())

    def count(self, kind: str) -> int:
        """Return how many rows show `kind`."""
        return self.hits[kind].count if kind in self.hits else 0

    def join(self, other: Tally) -> None:
        """Add the tally of the rows that follow."""
        before = self.rows
        for kind, hits in other.hits.items():
            self.hit(kind).join(hits, before)
        self.rows += other.rows
        self.type = self.type or other.type
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.varies |= other.varies or (self.same is not None and other.same not in (None, self.same))
        self.same = other.same if self.same is None else self.same
        if self.words is not None and other.words is not None:
            self.words += [(start + before, values, there) for start, values, there in other.words]


class ColumnCheck:
    """Counts in one column what its schema does not allow."""

    def __init__(
        self, schema: ColumnSchema, type_: str, *, unique: bool, damaged: bool, now: float, spelled: frozenset[Kind]
    ) -> None:
        self.schema = schema
        self.tally = Tally(type=type_, words=[] if unique else None)
        self._damaged, self._now, self._spelled = damaged, now, spelled
        self._slack = NARROW if type_ in ("float32", "float16") else 1e-12
        self._set: Any = None
        self._form = _form_pattern(schema)

    def add(self, array: Any) -> Any:
        """Take the next values, an Arrow array of a canonical type; return them as read, None where not of the type."""
        tally, before = self.tally, self.tally.rows
        tally.rows += len(array)
        if array.null_count:
            tally.hit("missing values").add(_truth(array.is_null()), None, before)
            if array.null_count == len(array):
                return array
        array = self._expected(array, before)
        if array is None or array.null_count == len(array):
            return array
        if self.schema.type == "text":
            self._texts(array, before)
        else:
            self._numbers(array, before)
        return array

    # --- types

    def _expected(self, array: Any, before: int) -> Any:
        """Return the values that are of the schema's type, others as missing; None where the type is all wrong."""
        import pyarrow as pa

        wanted, type_ = self.schema.type, array.type
        is_number = pa.types.is_integer(type_) or pa.types.is_floating(type_)
        fits = {
            "whole": is_number, "number": is_number, "text": pa.types.is_string(type_),
            "boolean": pa.types.is_boolean(type_), "date": pa.types.is_temporal(type_),
            "time": pa.types.is_temporal(type_), "empty": True,
        }[wanted]  # fmt: skip
        if wanted == "empty":
            self.tally.hit("filled").add(~_truth(array.is_null()), None, before)
            return None
        if fits:
            return self._zoned(array, before)
        if wanted == "text" and is_number:
            return texts.as_codes(array)
        if wanted != "text" and pa.types.is_string(type_):
            return self._parsed(array, before)
        self.tally.hit("wrong type").add(~_truth(array.is_null()), array, before)
        return None

    def _zoned(self, array: Any, before: int) -> Any:
        """Count fractions in whole numbers, and times with a zone where none belongs or the other way round."""
        import pyarrow as pa

        if self.schema.type == "whole" and pa.types.is_floating(array.type):
            values = _values(array)
            with _quiet():
                broken = (values != _floor(values)) & (abs(values) < math.inf)
            if broken.any():
                self.tally.hit("wrong type").add(broken & ~_truth(array.is_null()), array, before)
        is_moment = self.schema.type == "time" and pa.types.is_timestamp(array.type)
        if is_moment and bool(array.type.tz) != bool(self.schema.zone):
            self.tally.hit("zone").add(~_truth(array.is_null()), array, before)
        return array

    def _parsed(self, array: Any, before: int) -> Any:
        """Count texts that are no value of the type; return those that are, as such values."""
        kind = KINDS[self.schema.type]
        present = texts.without_absent(array)
        if present.null_count > array.null_count:
            self.tally.hit("missing values").add(_truth(present.is_null()) & ~_truth(array.is_null()), None, before)
        found = self._moments(present, before) if kind == "time" else texts.readable(present, kind)
        good = _truth(found.is_valid())
        bad = _truth(present.is_valid()) & ~good
        if bad.any():
            self.tally.hit("wrong type").add(bad, array, before)
        if kind not in self._spelled:
            self.tally.hit("written").add(good, array, before)
        return self._zoned(found, before)

    def _moments(self, array: Any, before: int) -> Any:
        """Return texts as times; those with a zone where none belongs, or the other way round, are counted."""
        import pyarrow as pa
        import pyarrow.compute as pc

        found, has_zone = texts.moments(array)
        wrong = (_truth(has_zone) != bool(self.schema.zone)) & _truth(found.is_valid())
        if self.schema.type == "time" and wrong.any():
            self.tally.hit("zone").add(wrong, array, before)
        return pc.cast(found, pa.timestamp("us", "UTC")) if self.schema.zone else found

    # --- texts

    def _texts(self, array: Any, before: int) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        schema, tally = self.schema, self.tally
        if self._damaged:
            spoiled = _truth(pc.match_substring(array, REPLACED).fill_null(False))
            if spoiled.any():
                tally.hit("invalid UTF-8").add(spoiled, array, before)
        if schema.values:
            if self._set is None:
                self._set = pa.array([str(one) for one in schema.values], pa.string())
            known = pc.is_in(array, self._set, skip_nulls=False)
            self._novel(known, array, before)
        elif schema.min is not None or schema.max is not None:
            lengths = pc.utf8_length(array)
            self._limits(_values(lengths), lengths, array, before)
        if self._form:
            wrong = _truth(pc.invert(pc.match_substring_regex(array, self._form).fill_null(True)))
            if wrong.any():
                tally.hit("form").add(wrong, array, before)
        self._sameness(array)
        if self.tally.words is not None:
            self._remember(array, hashing.words_of(array)[0], before)

    def _remember(self, array: Any, words: Any, before: int) -> None:
        """Keep what tells the values of a unique column apart, with the numbers of their rows."""
        if self.tally.words is None or self.tally.rows > KEYED:
            return
        there = ~_truth(array.is_null()) if array.null_count else None
        self.tally.words.append((before, words if there is None else words[there], there))

    def _novel(self, known: Any, array: Any, before: int) -> None:
        """Count values that are not among those of the schema."""
        import pyarrow.compute as pc

        if pc.all(known).as_py() or (array.null_count and pc.sum(known).as_py() == len(array) - array.null_count):
            return
        self.tally.hit("out of domain").add(~_truth(known) & ~_truth(array.is_null()), array, before)

    def _sameness(self, array: Any) -> None:
        """Look whether all values are one; the first two that differ settle it."""
        import pyarrow.compute as pc

        tally = self.tally
        if tally.varies:
            return
        first = next(one for one in array[: len(array)] if one.is_valid) if array.null_count else array[0]
        tally.same = first.as_py() if tally.same is None else tally.same
        same = pc.equal(array, first)
        tally.varies = first.as_py() != tally.same or not pc.all(same).as_py()

    # --- numbers and times

    def _numbers(self, array: Any, before: int) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        schema, tally = self.schema, self.tally
        if pa.types.is_boolean(array.type):
            self._sameness(array)
            return
        values = _values(array.drop_null() if array.null_count else array)
        self._remember(array, values if not array.null_count else _values(array), before)
        least, greatest = values.min(), values.max()
        if values.dtype.kind == "f" and not (math.isfinite(least) and math.isfinite(greatest)):
            self._odd(array, before)
            values = values[abs(values) < math.inf]
            if not len(values):
                return
            least, greatest = values.min(), values.max()
        scale = 1e6 if schema.type in ("date", "time") else 1
        least, greatest = float(least) / scale, float(greatest) / scale
        tally.low, tally.high = min(tally.low, least), max(tally.high, greatest)
        if self._is_outside(least, greatest):
            whole = _values(array) / scale if scale != 1 else _values(array)
            self._limits(whole, array, array, before)
        if schema.values and not pa.types.is_temporal(array.type):
            if self._set is None:
                self._set = pa.array([int(one) for one in schema.values if not isinstance(one, str)], pa.int64())
            known = pc.is_in(array, pc.cast(self._set, array.type))
            self._novel(known, array, before)
        if scale != 1:
            self._times(array, greatest, before)

    def _is_outside(self, least: float, greatest: float) -> bool:
        schema = self.schema
        low = schema.seen[0] if schema.seen else schema.min
        high = schema.seen[1] if schema.seen else schema.max
        below = [one for one in (low, schema.min) if one is not None]
        above = [one for one in (high, schema.max) if one is not None]
        return bool((below and least < max(below)) or (above and greatest > min(above)))

    def _limits(self, values: Any, present: Any, array: Any, before: int) -> None:
        """Count values beyond the limits, and those beyond what was seen; each end apart."""
        schema = self.schema
        there = ~_truth(present.is_null())
        seen = schema.seen or (None, None)
        ends = (("under", schema.min, -1), ("over", schema.max, 1), ("below", seen[0], -1), ("above", seen[1], 1))
        with _quiet():
            for kind, bound, sign in ends:
                if bound is None:
                    continue
                room = abs(bound) * self._slack
                outside = values > bound + room if sign > 0 else values < bound - room
                outside = outside & there & (abs(values) < math.inf)
                if outside.any():
                    self.tally.hit(kind).add(outside, array if kind in ("under", "over") else None, before)
                    if schema.type == "text":
                        least, most = float(values[outside].min()), float(values[outside].max())
                        self.tally.low, self.tally.high = min(self.tally.low, least), max(self.tally.high, most)

    def _odd(self, array: Any, before: int) -> None:
        """Count NaN and the infinities."""
        import numpy as np

        values = _values(array)
        there = ~_truth(array.is_null())
        for kind, mask in (("NaN", np.isnan(values)), ("infinity", np.isinf(values))):
            if (mask & there).any():
                self.tally.hit(kind).add(mask & there, None, before)

    def _times(self, array: Any, greatest: float, before: int) -> None:
        """Count moments that are still to come, and those between the steps of time."""
        schema = self.schema
        if not schema.future and greatest > self._now + 86_400:
            later = (_values(array) > (self._now + 86_400) * 1e6) & ~_truth(array.is_null())
            self.tally.hit("future").add(later, array, before)
        if schema.step in STEPS:
            between = (_values(array) % (STEPS[schema.step] * 1_000_000) != 0) & ~_truth(array.is_null())
            if between.any():
                self.tally.hit("step").add(between, array, before)


def _form_pattern(schema: ColumnSchema) -> str:
    """Return the regular expression of the forms that a text may have."""
    parts = [FORMS.get(form) or f"^{_shape_pattern(form)}$" for form in schema.form]
    return "|".join(f"(?:{part})" for part in parts)


def _shape_pattern(shape: str) -> str:
    runs = {"9": r"\pN+", "A": r"\p{Lu}+", "a": r"[\p{Ll}\p{Lo}]+", " ": r"\s+"}
    return "".join(runs.get(sign) or re.escape(sign) for sign in shape)


def shapes(array: Any) -> Any:
    """Return the shape of each text of an Arrow array: 9 for digits, A for capitals, a for other letters."""
    import pyarrow.compute as pc

    for pattern, sign in ((r"\pN+", "9"), (r"\p{Lu}+", "A"), (r"[\p{Ll}\p{Lo}]+", "a"), (r"\s+", " ")):
        array = pc.replace_substring_regex(array, pattern, sign)
    return array


def _values(array: Any) -> Any:
    """Return numbers and times (microseconds since the epoch) as a numpy array, 0 where missing."""
    return hashing.numbers(array)


def _truth(array: Any) -> Any:
    """Return an Arrow array of truth as a numpy one, false where missing."""
    return array.fill_null(False).to_numpy(zero_copy_only=False)


def _floor(values: Any) -> Any:
    import numpy as np

    return np.floor(values)


def _quiet() -> Any:
    import numpy as np

    return np.errstate(invalid="ignore", over="ignore")
