"""Where a long content is cut: at places that the 16 bytes before them choose.

So equal stretches of two versions give equal chunks wherever they lie.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

LEAST, MOST = 4 << 10, 128 << 10
_BITS = 14  # one place in 16 Ki is chosen
_WINDOW = 16
_BLOCK, _STEP = 1 << 20, 256 << 10
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

    limit, turn = np.uint64(1 << (64 - _BITS)), np.uint64(29)
    first, second = np.uint64(_FIRST), np.uint64(_SECOND)
    room = [np.empty(_STEP // 8 + 2, dtype=np.uint64) for _ in range(2)]
    found = []
    for at in range(0, len(data), _STEP):
        piece = data[at : at + _STEP + _WINDOW]
        for shift in range(8):
            count = (len(piece) - shift) // 8 - 1
            if count < 1:
                break
            words = np.frombuffer(piece, dtype="<u8", count=count + 1, offset=shift)
            # Into the same small room each time: it stays in the processor's cache.
            hashed, turned = room[0][:count], room[1][:count]
            np.multiply(words[:-1], first, out=hashed)
            np.right_shift(hashed, turn, out=turned)
            np.bitwise_xor(hashed, turned, out=hashed)
            np.add(hashed, words[1:], out=hashed)
            np.multiply(hashed, second, out=hashed)
            found.append(np.flatnonzero(hashed < limit) * 8 + (at + shift + _WINDOW))
    return sorted(set(np.concatenate(found).tolist())) if found else []
