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
        self._count = 0
        self.holds = True

    def add(self, values: Any) -> None:
        """Take the next numbers, in any order."""
        import numpy as np

        if not self.holds or not len(values):
            return
        self.holds = _differ(values[:_FIRST])
        low, high = (float(values.min()), float(values.max())) if self.holds else (0.0, 0.0)
        # What is not finite fails the first comparison.
        self.holds = self.holds and high - low < WIDEST and max(-low, high) < _LARGEST and _are_whole(values)
        if not self.holds or not self._reach(int(low), int(high)):
            return
        self._seen[values.astype(np.int64) - self._start] = True
        self._count += len(values)
        self.holds = int(np.count_nonzero(self._seen)) == self._count

    def _reach(self, low: int, high: int) -> bool:
        """Make room for numbers from `low` to `high`, twice as much as there was where it did not do."""
        import numpy as np

        end = self._start + len(self._seen)
        first, last = (min(low, self._start), max(high + 1, end)) if len(self._seen) else (low, high + 1)
        if last - first > 2 * WIDEST:
            self.holds = False
            return False
        if first < self._start or last > end or not len(self._seen):
            more = len(self._seen)
            first, last = first - more * (first < self._start), last + more * (last > end)
            wider = np.zeros(last - first, dtype=np.bool_)
            wider[self._start - first : end - first] = self._seen
            self._seen, self._start = wider, first
        return True


def _differ(values: Any) -> bool:
    import numpy as np

    return len(np.unique(values)) == len(values) and _are_whole(values)


def _are_whole(values: Any) -> bool:
    import numpy as np

    return bool(values.dtype.kind == "i" or (np.floor(values) == values).all())
