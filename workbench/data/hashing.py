"""Values as two 64-bit words each: equal values of a column get equal words in every file, whatever its types."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from workbench.data.arrays import to_numpy
from workbench.data.profile import PRECISION, Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]

_WHOLE = 2**53
_SEEDS = (0x9E3779B97F4A7C15, 0xD1B54A32D192ED03)
_MISSING = 0x6D697373696E6721
_NAN = 0x7FF8000000000000


def mixed(words: Words, seed: int) -> Words:
    """Return each word well mixed (the finalizer of splitmix64)."""
    import numpy as np

    with np.errstate(over="ignore"):
        z = words + np.uint64(seed)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def number_bits(values: Any) -> Words:
    """Return the bits by which numbers are told apart: 1 and 1.0 are equal, so are 0.0 and -0.0, and all NaN."""
    import numpy as np

    if values.dtype.kind == "i":
        floats = values.astype(np.float64)
        exact = (values > -_WHOLE) & (values < _WHOLE)
        found: Words = np.where(exact, (floats + 0.0).view(np.uint64), values.view(np.uint64))
        return found
    bits: Words = (values.astype(np.float64) + 0.0).view(np.uint64)
    bits[np.isnan(values)] = _NAN
    return bits


def text_words(texts: Sequence[str]) -> tuple[Words, Words]:
    """Return the words of texts."""
    import numpy as np

    raw = b"".join(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest() for text in texts)
    pairs = np.frombuffer(raw, dtype="<u8").reshape(-1, 2).astype(np.uint64)
    return pairs[:, 0].copy(), pairs[:, 1].copy()


def words_of(array: Any) -> tuple[Words, Words]:
    """Return the two words of each value of an Arrow array; missing values have words of their own."""
    import numpy as np
    import pyarrow as pa

    if pa.types.is_null(array.type):
        return _constant(len(array))
    if pa.types.is_string(array.type):
        encoded = array.dictionary_encode()
        first, second = text_words(encoded.dictionary.to_pylist() or [""])
        places = encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)
        first, second = first[places], second[places]
    else:
        bits = number_bits(numbers(array))
        first, second = mixed(bits, _SEEDS[0]), mixed(bits, _SEEDS[1])
    if array.null_count:
        absent = np.asarray(array.is_null().to_numpy(zero_copy_only=False))
        blank = _constant(len(array))
        first, second = np.where(absent, blank[0], first), np.where(absent, blank[1], second)
    return first, second


def _constant(count: int) -> tuple[Words, Words]:
    import numpy as np

    word = np.full(count, _MISSING, dtype=np.uint64)
    return mixed(word, _SEEDS[0]), mixed(word, _SEEDS[1])


def numbers(array: Any) -> Any:
    """Return numbers, booleans and times (in microseconds since the epoch) as a numpy array, 0 where missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_boolean(array.type):
        array = pc.cast(array, pa.int64())
    if pa.types.is_date32(array.type):
        array = pc.cast(array, pa.timestamp("us"))
    if pa.types.is_timestamp(array.type):
        array = pc.cast(array, pa.int64())
    if array.null_count:
        array = array.fill_null(0)
    return to_numpy(array)


def register(registers: Any, words: Words) -> None:
    """Put words into the registers of a HyperLogLog sketch, a numpy array of bytes."""
    import numpy as np

    rest = 64 - PRECISION
    places = (words >> np.uint64(rest)).astype(np.int64)
    _, lengths = np.frexp((words & np.uint64(2**rest - 1)).astype(np.float64))
    np.maximum.at(registers, places, (rest + 1 - lengths).astype(np.uint8))


def registers_of_values(values: Sequence[Value]) -> bytes:
    """Return the registers of a sketch that has seen these values; times are in seconds."""
    found = bytearray(2**PRECISION)
    rest = 64 - PRECISION
    for value in values:
        word = hash_word(value)
        place = word >> rest
        found[place] = max(found[place], rest + 1 - (word & (2**rest - 1)).bit_length())
    return bytes(found)


def hash_word(value: Value) -> int:
    """Return the first word of one value, as `words_of` does for many."""
    if isinstance(value, str):
        return int.from_bytes(blake2b(value.encode("utf-8", "surrogatepass"), digest_size=16).digest()[:8], "little")
    if isinstance(value, int) and abs(value) >= _WHOLE:
        bits = value & (2**64 - 1)
    else:
        bits = _NAN if value != value else int(struct.unpack("<Q", struct.pack("<d", value + 0.0))[0])
    mask = 2**64 - 1
    z = (bits + _SEEDS[0]) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)
