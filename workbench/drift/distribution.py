"""What statistics compare: the distribution of numbers, and counts of categories. Pure; numpy is imported when needed.

A distribution made from values, or from a column that counts all its values, is exact. One made from the 257 quantiles
of a profile is linear between them: its distribution function errs by at most 1/256 plus one value of n.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from workbench.data.profile import STEPS, ColumnProfile
from workbench.drift.profile import Column

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TRUTHS = {"true": "1", "false": "0"}


@dataclass(frozen=True)
class Distribution:
    """The distribution function of `count` finite numbers, with straight lines between its sorted `points`.

    `left` is its limit from below at each point, `right` its value there; `error` is by how much it may be wrong.
    """

    points: Floats
    left: Floats
    right: Floats
    count: int
    error: float = 0.0

    def below(self, places: Floats, *, included: bool) -> Floats:
        """Return the share of the numbers below each place, or at it too."""
        left, right = self.limits(places)
        return right if included else left

    def limits(self, places: Floats) -> tuple[Floats, Floats]:
        """Return the share of the numbers below each place, and at it too."""
        import numpy as np

        after = np.searchsorted(self.points, places, side="right")
        at = np.maximum(after - 1, 0)
        low = self.points[at]
        between = self.right[at]
        if self.error:
            following = np.minimum(after, len(self.points) - 1)
            high = self.points[following]
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                # Halves, because the difference of two large floats may overflow.
                part = (places / 2 - low / 2) / (high / 2 - low / 2)
            part = np.where(high > low, np.minimum(np.maximum(part, 0.0), 1.0), 0.0)
            between = between + part * (self.left[following] - between)
        hit = (low == places) & (after > 0)
        outside = ~hit & ((after == 0) | (after == len(self.points)))
        between = np.where(outside, np.where(after == 0, 0.0, 1.0), between)
        return np.where(hit, self.left[at], between), np.where(hit, self.right[at], between)

    def quantiles(self, shares: Sequence[float]) -> Floats:
        """Return the smallest point up to which at least each share lies."""
        import numpy as np

        wanted = np.asarray(shares)
        at = np.minimum(np.searchsorted(self.right, wanted - 1e-12), len(self.points) - 1)
        before = np.maximum(at - 1, 0)
        rise = self.left[at] - self.right[before]
        with np.errstate(divide="ignore", invalid="ignore"):
            part = np.where(rise > 0, (wanted - self.right[before]) / rise, 1.0)
        part = np.where(at == 0, 1.0, np.clip(part, 0.0, 1.0))
        found: Floats = self.points[before] * (1 - part) + self.points[at] * part
        return found


def of_values(values: Any) -> Distribution:
    """Return the exact distribution of numbers; those that are not finite are left out."""
    import numpy as np

    numbers = np.asarray(values, dtype=np.float64)
    points, counts = np.unique(numbers[np.isfinite(numbers)], return_counts=True)
    return of_counts(points, counts)


def of_counts(points: Any, counts: Any) -> Distribution:
    """Return the exact distribution of sorted different points with their counts."""
    import numpy as np

    upto = np.cumsum(np.asarray(counts, dtype=np.int64))
    total = int(upto[-1]) if len(upto) else 0
    right = upto / max(total, 1)
    return Distribution(
        np.asarray(points, dtype=np.float64), np.concatenate([[0.0], right[:-1]])[: len(right)], right, total
    )


def of_column(column: Column, *, single: bool = False) -> Distribution:
    """Return the distribution of a column, by its numbers where they are kept; merged quantiles err by more."""
    if column.numbers:
        return _of_pairs(column.numbers, single=single)
    found = of_profile(column.base, single=single)
    return replace(found, error=found.error + column.merges / STEPS) if found.error else found


def _of_pairs(pairs: Sequence[tuple[float, int]], *, single: bool) -> Distribution:
    import numpy as np

    points = np.asarray([value for value, _ in pairs])
    counts = np.asarray([count for _, count in pairs], dtype=np.int64)
    if single and len(points):
        points, places = np.unique(_single(points), return_inverse=True)
        counts = np.bincount(places, weights=counts).astype(np.int64)
    return of_counts(points, counts)


def of_profile(column: ColumnProfile, *, single: bool = False) -> Distribution:
    """Return the distribution of a column of numbers or times; `single` rounds to float32, as the other side has it."""
    import numpy as np

    if not column.knots:
        pairs = sorted((float(value), count) for value, count in column.values if not isinstance(value, str))
        return _of_pairs(pairs, single=single)
    knots = np.asarray(column.knots)
    if single:
        knots = _single(knots)
    points, first, counts = np.unique(knots, return_index=True, return_counts=True)
    last = len(knots) - 1
    # A point that is several quantiles has at least the share between them; its ends may lie up to a step further out.
    left, right = first / last, (first + counts - 1) / last
    return Distribution(points, left, right, column.known, 1 / STEPS + 1 / max(column.known, 1))


def _single(values: Any) -> Any:
    import numpy as np

    with np.errstate(over="ignore"):
        rounded = values.astype(np.float32).astype(np.float64)
    return np.where(np.isfinite(rounded), rounded, values)


@dataclass(frozen=True)
class Counts:
    """How often each value occurs; `rest` values are not told apart."""

    counts: Mapping[str, int]
    rest: int = 0
    total: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "total", sum(self.counts.values()) + self.rest)


def counts_of(column: ColumnProfile, *, plain: bool = False) -> Counts:
    """Return the counted values of a column as texts; `plain` writes 1, 1.0, "1" and true all as 1."""
    found: dict[str, int] = {}
    for value, count in column.values:
        name = plain_name(value) if plain else _name(value)
        found[name] = found.get(name, 0) + count
    return Counts(found, max(0, column.known - sum(found.values())))


def not_numbers(counts: Counts) -> int:
    """Return in how many rows there is no number, however it would be written."""
    return sum(count for name, count in counts.counts.items() if not _is_number(name))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _name(value: float | int | str) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def plain_name(value: float | int | str) -> str:
    """Return a value as it would be written if it were a number: 1 for 1.0, "1", "1.0", "true" and "True"."""
    text = _name(value).strip().lower()
    if text in TRUTHS:
        return TRUTHS[text]
    try:
        number = float(text)
    except ValueError:
        return _name(value)
    return _name(number) if math.isfinite(number) else text


def aligned(one: Counts, other: Counts) -> tuple[list[str], Any, Any]:
    """Return the values that both sides tell apart, and two arrays of counts, the last of each for all the others."""
    import numpy as np

    names = sorted(one.counts.keys() | other.counts.keys())
    if one.rest or other.rest:
        # Where a side does not count a value it may still have it: only what both count can be compared.
        names = [
            name for name in names if (name in one.counts or not one.rest) and (name in other.counts or not other.rest)
        ]
    sides = [np.asarray([side.counts.get(name, 0) for name in names], dtype=np.float64) for side in (one, other)]
    rests = [side.total - values.sum() for side, values in zip((one, other), sides, strict=True)]
    return names, np.append(sides[0], rests[0]), np.append(sides[1], rests[1])


LEAST = 5.0
"""Values that are expected less often than this on a side are rare."""


def is_rare(one: Any, other: Any) -> Any:
    """Return which classes of two arrays of counts are expected less often than `LEAST` on the side with fewer values.

    Only the sums over both sides decide, so that the choice says nothing about a difference.
    """
    both = one + other
    return (both > 0) & (both * (min(one.sum(), other.sum()) / max(both.sum(), 1.0)) < LEAST)


def lumped(one: Any, other: Any) -> tuple[Any, Any]:
    """Return both arrays of counts with all rare classes put into one.

    A lump that is itself rare goes to the smallest of the others. Classes that neither side has are dropped.
    """
    import numpy as np

    both = one + other
    small = is_rare(one, other)
    big = ~small & (both > 0)
    pair = [np.append(side[big], side[small].sum()) for side in (one, other)]
    lump, fewer = pair[0][-1] + pair[1][-1], min(one.sum(), other.sum())
    if lump and (len(pair[0]) == 1 or lump * fewer / both.sum() >= LEAST):
        return pair[0], pair[1]
    if lump:
        to = int(np.argmin((pair[0] + pair[1])[:-1]))
        for side in pair:
            side[to] += side[-1]
    return pair[0][:-1], pair[1][:-1]
