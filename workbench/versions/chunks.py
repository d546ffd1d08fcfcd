"""Where a long content is cut: at places that the 16 bytes before them choose.

So equal stretches of two versions give equal chunks wherever they lie.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

LEAST, MOST = 4 << 10, 128 << 10
_BITS = 14  # one place in 16 Ki is chosen
_WINDOW = 16
_BLOCK = 1 << 20
_FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F


def chunked(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the content of `file` in chunks of LEAST to MOST bytes, the last one perhaps shorter."""
    rest = b""
    while block := file.read(_BLOCK):
        data = rest + block
        start = 0
        for end in _cuts(data):
            yield data[start:end]
            start = end
        rest = data[start:]
    while len(rest) > MOST:  # cannot be, but a chunk must never be longer than a reader expects
        yield rest[:MOST]
        rest = rest[MOST:]
    if rest:
        yield rest


def _cuts(data: bytes) -> Iterator[int]:
    """Yield the ends of all chunks that no byte behind `data` can change."""
    start, places, at = 0, _places(data), 0
    count = len(places)
    while True:
        while at < count and places[at] < start + LEAST:
            at += 1
        end = places[at] if at < count else len(data) + 1
        if end > start + MOST:
            end = start + MOST
        if end > len(data):
            return
        yield end
        start = end


def _places(data: bytes) -> list[int]:
    """Return the chosen places, in order: each depends on the 16 bytes before it only."""
    import numpy as np

    found = []
    limit = np.uint64(1 << (64 - _BITS))
    first, second = np.uint64(_FIRST), np.uint64(_SECOND)
    for shift in range(8):
        count = (len(data) - shift) // 8
        if count < 2:
            break
        words = np.frombuffer(data, dtype="<u8", count=count, offset=shift)
        mixed = words * first
        hashed = mixed[:-1] ^ (mixed[:-1] >> np.uint64(29))
        hashed += words[1:]
        hashed *= second
        found.append(np.flatnonzero(hashed < limit) * 8 + (shift + _WINDOW))
    return sorted(np.concatenate(found).tolist()) if found else []
