"""Where in the packs each content lies; a pack of very many contents is searched as it is, which takes no room."""

from __future__ import annotations

from bisect import bisect_left
from math import isqrt
from typing import NamedTuple

from workbench.versions.packs import ROW_BYTES, Entry, entries_of, entry_at

LARGE = 50_000
"""Packs of so many contents are searched; fewer are put into one table, which is faster with many packs."""
_HASH_BYTES = 32


class Place(NamedTuple):
    """The name of a pack, and where in it a content lies."""

    pack: str
    entry: Entry


class Index:
    """The places of contents by the 32 bytes of their hash."""

    def __init__(self) -> None:
        self._table: dict[bytes, Place] = {}
        self._large: dict[str, bytes] = {}

    def add(self, name: str, rows: bytes) -> None:
        """Add a pack by its rows, sorted by hash."""
        if len(rows) >= LARGE * ROW_BYTES:
            self._large[name] = rows
            return
        for entry in entries_of(rows):
            self._table.setdefault(entry.key, Place(name, entry))

    def drop(self, names: set[str]) -> None:
        """Forget packs that are gone."""
        self._table = {key: place for key, place in self._table.items() if place.pack not in names}
        self._large = {name: rows for name, rows in self._large.items() if name not in names}

    def get(self, key: bytes) -> Place | None:
        """Return the place of a content, None where it is in no pack."""
        place = self._table.get(key)
        if place is not None or not self._large:
            return place
        for name, rows in self._large.items():
            at = _search(rows, key)
            if at is not None:
                return Place(name, entry_at(rows, at))
        return None

    def __contains__(self, key: bytes) -> bool:
        return key in self._table or any(_search(rows, key) is not None for rows in self._large.values())


def _search(rows: bytes, key: bytes) -> int | None:
    """Return the number of the row with this key; hashes lie evenly, so that it is near its share of the way."""
    count = len(rows) // ROW_BYTES
    guess, spread = int.from_bytes(key[:8]) * count >> 64, isqrt(count) + 1

    def key_at(row: int) -> bytes:
        return rows[row * ROW_BYTES : row * ROW_BYTES + _HASH_BYTES]

    low, high = max(0, guess - spread), min(count, guess + spread)
    while low and key_at(low) > key:
        low = max(0, low - spread)
    while high < count and key_at(high - 1) < key:
        high = min(count, high + spread)
    found = bisect_left(range(count), key, low, high, key=key_at)
    return found if found < count and key_at(found) == key else None
