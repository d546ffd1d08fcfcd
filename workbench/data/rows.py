"""Which rows two tables share, from 128 bits of each row: added, removed, changed, unchanged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.data.difference import RowChanges
from workbench.data.measure import row_words

if TYPE_CHECKING:
    from workbench.data.hashing import Words


@dataclass(frozen=True)
class Prints:
    """Two words of each row, and two of its key; without a key all of the row is its key."""

    rows: tuple[Words, Words]
    keys: tuple[Words, Words]


class Fingerprints:
    """Takes batches and keeps 16 bytes for each row, 32 with a key."""

    def __init__(self, names: tuple[str, ...], key: tuple[str, ...]) -> None:
        self._names, self._key = names, key
        self._rows: list[tuple[Words, Words]] = []
        self._keys: list[tuple[Words, Words]] = []

    def add(self, batch: Any) -> None:
        """Take the next rows."""
        self._rows.append(row_words(batch, self._names))
        if self._key:
            self._keys.append(row_words(batch, self._key))

    def freeze(self) -> Prints:
        """Return what was kept."""
        rows = _joined(self._rows)
        return Prints(rows, _joined(self._keys) if self._key else rows)


def _joined(parts: list[tuple[Words, Words]]) -> tuple[Words, Words]:
    import numpy as np

    if not parts:
        return np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.uint64)
    return np.concatenate([one for one, _ in parts]), np.concatenate([other for _, other in parts])


def count_changes(old: Prints, new: Prints, key: tuple[str, ...] = ()) -> RowChanges:
    """Count rows that came, went, stayed, or have another content under the same key.

    A key that occurs more than once is compared as a bag of rows: two against three is one row added.
    """
    import numpy as np

    before, after = len(old.rows[0]), len(new.rows[0])
    if not before + after:
        return RowChanges(0, 0, 0, 0, key)
    is_new = np.concatenate([np.zeros(before, dtype=bool), np.ones(after, dtype=bool)])
    rows = [np.concatenate(pair) for pair in zip(old.rows, new.rows, strict=True)]
    unchanged, added, removed = _bag(rows, is_new)
    if not key:
        return RowChanges(added, removed, 0, unchanged)
    keys = [np.concatenate(pair) for pair in zip(old.keys, new.keys, strict=True)]
    matched, added, removed = _bag(keys, is_new)
    return RowChanges(added, removed, matched - unchanged, unchanged, key)


def _bag(words: list[Any], is_new: Any) -> tuple[int, int, int]:
    """Return how many of the words both sides have, only the new one, only the old one."""
    import numpy as np

    order = np.lexsort((words[1], words[0]))
    first, second, new = words[0][order], words[1][order], is_new[order]
    starts = np.flatnonzero(np.concatenate([[True], (first[1:] != first[:-1]) | (second[1:] != second[:-1])]))
    right = np.add.reduceat(new.astype(np.int64), starts)
    left = np.diff(np.append(starts, len(first))) - right
    both = np.minimum(left, right)
    return int(both.sum()), int((right - both).sum()), int((left - both).sum())
