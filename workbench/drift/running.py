"""Whether a column of numbers numbers its rows: whole, all different, and close together."""

from __future__ import annotations

from typing import Any

LEAST = 30
"""Fewer numbers may be close together and all different by chance."""
DENSE = 0.5
"""They are at least this share of all whole numbers from the least to the greatest: a part of a table may be away."""
WIDEST = 2**24
"""Columns with numbers further apart are not looked at: one byte is kept for each number between them."""
_LARGEST = 2**53
_FIRST = 512


def is_running(count: int, low: float | None, high: float | None) -> bool:
    """Return whether so many different whole numbers from `low` to `high` are close together."""
    return count >= LEAST and low is not None and high is not None and count >= DENSE * (high - low + 1)


class Running:
    """Whether all numbers of a column that came so far are whole and different; most columns are out at the first."""

    def __init__(self) -> None:
        import numpy as np

        self._seen = np.zeros(0, dtype=np.bool_)
        self._start = 0
        self._low: int | None = None
        self._high: int | None = None
        self._count = 0
        self.holds = True

    @property
    def numbers_rows(self) -> bool:
        """Whether they are close together as well."""
        return self.holds and is_running(self._count, self._low, self._high)

    def add(self, values: Any) -> None:
        """Take the next numbers, in any order."""
        import numpy as np

        if not self.holds or not len(values):
            return
        self.holds = _differ(values[:_FIRST]) and _are_whole(values)
        if not self.holds:
            return
        low, high = int(values.min()), int(values.max())
        self._low = low if self._low is None else min(low, self._low)
        self._high = high if self._high is None else max(high, self._high)
        self.holds = self._high - self._low < WIDEST
        if self.holds:
            self._reach(low, high)
            self._seen[values.astype(np.int64) - low + (low - self._start)] = True
            self._count += len(values)
            self.holds = int(np.count_nonzero(self._seen)) == self._count

    def _reach(self, low: int, high: int) -> None:
        """Make room for numbers from `low` to `high`, twice as much as there was where it did not do."""
        import numpy as np

        size = len(self._seen)
        if not size:
            self._seen, self._start = np.zeros(high + 1 - low, dtype=np.bool_), low
            return
        end = self._start + size
        before, after = self._start - low, high + 1 - end
        before, after = (max(more, size) if more > 0 else 0 for more in (before, after))
        if before or after:
            self._seen = np.pad(self._seen, (before, after))
            self._start -= before


def _differ(values: Any) -> bool:
    import numpy as np

    return len(np.unique(values)) == len(values)


def _are_whole(values: Any) -> bool:
    """Return whether all are whole numbers, which floats are for sure only up to a size."""
    import numpy as np

    return bool(values.dtype.kind == "i" or ((np.floor(values) == values) & (np.abs(values) < _LARGEST)).all())
