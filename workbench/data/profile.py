"""What a table holds, in a few hundred numbers a column: frozen, mergeable, as JSON. Pure; needs nothing but Python.

Numbers and times are told by 257 quantiles, or by their values where these are few; texts by their most frequent
values. Missing, NaN and the infinities are counted apart and belong to no distribution.
"""

from __future__ import annotations

import base64
import functools
import math
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import accumulate, pairwise
from typing import Any, Literal

Kind = Literal["number", "text", "boolean", "time", "mixed", "empty"]
Value = float | int | str
Counted = tuple[tuple[Value, int], ...]

STEPS = 256
"""The quantiles of a profile are at 0, 1/256, … 1: a share read from them is right to 1/256."""
VALUES = 200
"""So many different values a profile counts one by one."""
PRECISION = 11
"""Bits that choose a register of the HyperLogLog sketch, whose standard error is 1.04 / sqrt(2 ** 11) = 2.3 %."""
ESTIMATE = "HyperLogLog, ±2.3 %"
VERSION = 1


@dataclass(frozen=True)
class ColumnProfile:
    """One column.

    `type` is as the file has it. `count` is all rows; `low`, `high`, `mean` and `squares` (the sum of squared distances
    to the mean) are those of finite numbers, of times in seconds since the epoch. `values` are the most frequent values
    with their counts, all there are where `complete`; `knots` the quantiles of numbers and times that are not complete.
    `distinct` counts values that are not missing; where not `exact` it is estimated from `sketch`.
    """

    name: str
    type: str
    kind: Kind
    count: int = 0
    missing: int = 0
    nan: int = 0
    plus_infinite: int = 0
    minus_infinite: int = 0
    distinct: int = 0
    exact: bool = True
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    squares: float | None = None
    values: Counted = ()
    complete: bool = False
    knots: tuple[float, ...] = ()
    sketch: str = ""

    @property
    def known(self) -> int:
        """How many values have a place in the distribution: not missing, not NaN, not infinite."""
        return self.count - self.missing - self.nan - self.plus_infinite - self.minus_infinite

    @property
    def is_scale(self) -> bool:
        """Whether the values have an order and distances."""
        return self.kind in ("number", "time")

    @property
    def missing_share(self) -> float:
        """The share of rows without a value."""
        return self.missing / self.count if self.count else 0.0

    @property
    def deviation(self) -> float | None:
        """The standard deviation of the rows themselves (divided by n); None where it cannot be told."""
        if self.squares is None or not self.known or not math.isfinite(self.squares):
            return None
        return math.sqrt(self.squares / self.known)

    def quantile(self, share: float) -> float | None:
        """Return the value below which `share` of the values lie, linear between them; None where there are none."""
        if not self.is_scale or not self.known:
            return None
        share = min(1.0, max(0.0, share))
        if self.knots:
            place = share * (len(self.knots) - 1)
            return _between(self.knots[math.floor(place)], self.knots[math.ceil(place)], place % 1)
        points, upto = self.steps
        place = share * (upto[-1] - 1)
        low, high = (points[bisect_right(upto, at)] for at in (math.floor(place), math.ceil(place)))
        return _between(low, high, place % 1)

    @functools.cached_property
    def steps(self) -> tuple[list[float], list[int]]:
        """The values in order, and how many are at or below each; of a column whose values are all counted."""
        pairs = sorted((float(value), count) for value, count in self.values if not isinstance(value, str))
        return [value for value, _ in pairs], list(accumulate(count for _, count in pairs))

    def below(self, value: float, *, included: bool = True) -> float:
        """Return the share of the values that lie below `value`, or at it where `included`."""
        find = bisect_right if included else bisect_left
        if not self.knots:
            points, upto = self.steps
            at = find(points, value)
            return upto[at - 1] / upto[-1] if at and upto else 0.0
        at = find(self.knots, value)
        if at == 0 or at == len(self.knots):
            return 0.0 if at == 0 else 1.0
        low, high = self.knots[at - 1], self.knots[at]
        part = 0.0 if high == low else value / (high - low) - low / (high - low)
        return (at - 1 + min(1.0, max(0.0, part))) / (len(self.knots) - 1)


@dataclass(frozen=True)
class TableProfile:
    """A table: `duplicates` rows have a key that an earlier row has, None where there is no key or it was not counted.

    `format` is csv, parquet or jsonl.
    """

    rows: int
    columns: tuple[ColumnProfile, ...]
    format: str = ""
    key: tuple[str, ...] = ()
    duplicates: int | None = None

    def column(self, name: str) -> ColumnProfile | None:
        """Return a column by name."""
        return next((one for one in self.columns if one.name == name), None)


def _between(low: float, high: float, part: float) -> float:
    return low if low == high or not part else low * (1 - part) + high * part


# --- a distribution over bins


def span_of(columns: Sequence[ColumnProfile]) -> tuple[float, float] | None:
    """Return the range worth drawing: all of it, or the middle of each column where a few values lie far outside.

    The middle is that of 99 %, or of 90 % where this is less than a third as wide, and half as much on each side. What
    lies beyond counts to the outer bins. None where there is no value.
    """
    known = [one for one in columns if one.low is not None and one.high is not None]
    if not known:
        return None
    low, high = min(one.low or 0.0 for one in known), max(one.high or 0.0 for one in known)
    middle = [_middle(one) for one in known]
    inner_low, inner_high = min(first for first, _ in middle), max(last for _, last in middle)
    return (max(low, inner_low), min(high, inner_high)) if inner_low < inner_high else (low, high)


def _middle(column: ColumnProfile) -> tuple[float, float]:
    ends = [(column.quantile(share) or 0.0, column.quantile(1 - share) or 0.0) for share in (0.005, 0.05)]
    rooms = [high / 2 - low / 2 for low, high in ends]
    (low, high), room = (ends[1], rooms[1]) if 0 < rooms[1] < rooms[0] / 3 else (ends[0], rooms[0])
    return low - room, high + room


def edges(span: tuple[float, float], count: int) -> tuple[float, ...]:
    """Return the edges of `count` bins of equal width."""
    low, high = span
    return (*(_between(low, high, at / count) for at in range(count)), high)


def bin_shares(column: ColumnProfile, bounds: Sequence[float]) -> tuple[float, ...]:
    """Return the share of the values in each bin; the outer bins are open, so that the shares sum to one."""
    if not column.known or not column.is_scale:
        return (0.0,) * (len(bounds) - 1)
    inner = [column.below(bound, included=False) for bound in bounds[1:-1]]
    places = [0.0, *inner, 1.0]
    return tuple(after - before for before, after in pairwise(places))


def value_shares(column: ColumnProfile) -> dict[str, float]:
    """Return the share of each counted value among the known ones."""
    return {str(value): count / column.known for value, count in column.values} if column.known else {}


# --- merging


def merge(first: TableProfile, second: TableProfile) -> TableProfile:
    """Return the profile of the rows of both tables.

    Counts, extremes, means and deviations, and values counted one by one, are as if the rows had been read together;
    quantiles are right to 2/256, the most frequent values of columns with many are those that either profile has.
    Duplicates of the key within both are added up; those between them are not known.
    """
    names = [one.name for one in first.columns]
    names += [one.name for one in second.columns if one.name not in names]
    pairs = [(first.column(name), second.column(name)) for name in names]
    columns = [merge_columns(*_padded(one, other, first.rows, second.rows)) for one, other in pairs]
    same_format = first.format if first.format == second.format else ""
    return TableProfile(first.rows + second.rows, tuple(columns), same_format, first.key)


def _padded(
    one: ColumnProfile | None, other: ColumnProfile | None, rows: int, more: int
) -> tuple[ColumnProfile, ColumnProfile]:
    """Return both columns; one that a table lacks is missing in all its rows."""
    known = one or other
    assert known is not None
    blank = ColumnProfile(known.name, known.type, "empty", complete=True)
    return (
        one or replace(blank, count=rows, missing=rows),
        other or replace(blank, count=more, missing=more),
    )


def merge_columns(one: ColumnProfile, other: ColumnProfile) -> ColumnProfile:
    """Return the profile of the values of both; columns of different kinds become one of kind mixed."""
    if "empty" in (one.kind, other.kind):
        rest, blank = (other, one) if one.kind == "empty" else (one, other)
        return replace(rest, name=one.name, count=one.count + other.count, missing=one.missing + other.missing) if (
            rest.kind != "empty" or blank.kind == "empty"
        ) else one  # fmt: skip
    sums = {
        name: getattr(one, name) + getattr(other, name)
        for name in ("count", "missing", "nan", "plus_infinite", "minus_infinite")
    }
    kind: Kind = one.kind if one.kind == other.kind else "mixed"
    whole = kind == one.kind
    values, complete = _merge_values(one, other) if whole else ((), False)
    moments: dict[str, Any] = dict(_merge_moments(one, other)) if whole else {}
    merged = ColumnProfile(
        name=one.name,
        type=one.type if one.type == other.type else f"{one.type}, {other.type}",
        kind=kind,
        values=values[:VALUES],
        complete=complete and len(values) <= VALUES,
        sketch=_merge_sketches(one, other),
        **sums,
        **moments,
    )
    if complete:
        odd = (merged.nan > 0) + (merged.plus_infinite > 0) + (merged.minus_infinite > 0)
        merged = replace(merged, distinct=len(values) + odd)
    else:
        merged = replace(
            merged, distinct=min(estimate(unpack(merged.sketch)), merged.count - merged.missing), exact=False
        )
    if merged.is_scale and not merged.complete:
        merged = replace(merged, knots=_merge_knots(one, other), values=merged.values if complete else ())
    return replace(merged, sketch="") if merged.complete else merged


def _merge_values(one: ColumnProfile, other: ColumnProfile) -> tuple[Counted, bool]:
    counts = dict(one.values)
    for value, count in other.values:
        counts[value] = counts.get(value, 0) + count
    return ranked(counts), one.complete and other.complete


def ranked(counts: Mapping[Value, int]) -> Counted:
    """Return values with their counts, the most frequent first, equal counts in the order of the values."""
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], isinstance(pair[0], str), pair[0])))


def _merge_moments(one: ColumnProfile, other: ColumnProfile) -> dict[str, float | None]:
    if one.mean is None or other.mean is None:
        known = other if one.mean is None else one
        return {"low": known.low, "high": known.high, "mean": known.mean, "squares": known.squares}
    total = one.known + other.known
    apart = other.mean - one.mean
    squares = (one.squares or 0.0) + (other.squares or 0.0) + apart * apart * (one.known / total * other.known)
    lows = [low for low in (one.low, other.low) if low is not None]
    highs = [high for high in (one.high, other.high) if high is not None]
    mean = one.mean * (one.known / total) + other.mean * (other.known / total)
    return {"low": min(lows), "high": max(highs), "mean": mean, "squares": squares}


def _merge_knots(one: ColumnProfile, other: ColumnProfile) -> tuple[float, ...]:
    """Return the quantiles of the mixture, found on the points where either distribution bends."""
    if not one.known or not other.known:
        return _knots_of(one if one.known else other)
    share = one.known / (one.known + other.known)
    points = sorted({*_knots_of(one), *_knots_of(other)})
    before = [one.below(x, included=False) * share + other.below(x, included=False) * (1 - share) for x in points]
    after = [one.below(x) * share + other.below(x) * (1 - share) for x in points]
    found = []
    for step in range(STEPS + 1):
        wanted = step / STEPS
        at = min(bisect_left(after, wanted), len(points) - 1)
        if at == 0 or wanted >= before[at] or before[at] == after[at - 1]:
            found.append(points[at])
            continue
        part = (wanted - after[at - 1]) / (before[at] - after[at - 1])
        found.append(_between(points[at - 1], points[at], min(1.0, max(0.0, part))))
    found[0], found[-1] = points[0], points[-1]
    return tuple(found)


def _knots_of(column: ColumnProfile) -> tuple[float, ...]:
    return column.knots or tuple(column.steps[0])


# --- counting different values: HyperLogLog with 2 ** PRECISION registers of one byte


def _merge_sketches(one: ColumnProfile, other: ColumnProfile) -> str:
    return pack(bytes(map(max, sketch_of(one), sketch_of(other))))


def sketch_of(column: ColumnProfile) -> bytes:
    """Return the registers of a column; of one whose values are all counted they are made from these."""
    if column.sketch:
        return unpack(column.sketch)
    from workbench.data.hashing import registers_of_values

    odd = [math.nan] * (column.nan > 0) + [math.inf] * (column.plus_infinite > 0)
    return registers_of_values(
        [*(value for value, _ in column.values), *odd, *[-math.inf] * (column.minus_infinite > 0)]
    )


def pack(registers: bytes) -> str:
    """Return registers as short text."""
    return base64.b64encode(zlib.compress(registers, 9)).decode("ascii")


def unpack(text: str) -> bytes:
    """Return the registers that `pack` wrote."""
    return zlib.decompress(base64.b64decode(text)) if text else bytes(2**PRECISION)


def estimate(registers: bytes) -> int:
    """Return how many different values the registers have seen: Ertl's improved estimator (2017)."""
    count, most = len(registers), 64 - PRECISION
    seen = [0] * (most + 2)
    for register in registers:
        seen[register] += 1
    total = count * _tau(1 - seen[most + 1] / count)
    for level in range(most, 0, -1):
        total = 0.5 * (total + seen[level])
    total += count * _sigma(seen[0] / count)
    return 0 if math.isinf(total) else round(count * count / (2 * math.log(2)) / total)


def _sigma(x: float) -> float:
    if x == 1:
        return math.inf
    y, z, before = 1.0, x, -1.0
    while z != before:
        x, before = x * x, z
        z += x * y
        y += y
    return z


def _tau(x: float) -> float:
    if x in (0, 1):
        return 0.0
    y, z, before = 1.0, 1 - x, -1.0
    while z != before:
        x, before, y = math.sqrt(x), z, y / 2
        z -= (1 - x) ** 2 * y
    return z / 3


# --- JSON


def to_json(table: TableProfile) -> dict[str, Any]:
    """Return the profile as a JSON object without NaN; what has its default is left out."""
    columns = [
        {field.name: getattr(one, field.name) for field in fields(one) if getattr(one, field.name) != field.default}
        for one in table.columns
    ]
    columns = [{name: _finite(value) for name, value in one.items()} for one in columns]
    known = {"format": table.format, "key": list(table.key), "duplicates": table.duplicates}
    return {"version": VERSION, "rows": table.rows, **known, "columns": columns}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def from_json(value: Any) -> TableProfile | None:
    """Return the profile that `to_json` wrote; None for anything else, or for what a later version wrote."""
    if not isinstance(value, Mapping) or value.get("version") != VERSION:
        return None
    names = {field.name for field in fields(ColumnProfile)}
    try:
        columns = tuple(_column(one, names) for one in value["columns"])
        return TableProfile(
            int(value["rows"]), columns, str(value["format"]), tuple(map(str, value["key"])), value["duplicates"]
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _column(value: Mapping[str, Any], names: set[str]) -> ColumnProfile:
    known = {name: item for name, item in value.items() if name in names}
    known["values"] = tuple((one, int(count)) for one, count in known.get("values", ()))
    known["knots"] = tuple(map(float, known.get("knots", ())))
    return ColumnProfile(**known)
