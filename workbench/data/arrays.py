"""From Arrow to numpy and back without pandas, which pyarrow would import for most of it: longer than many checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def to_numpy(array: Any) -> Any:
    """Return an Arrow array of numbers, none of them missing, as a numpy array; nothing is copied."""
    import numpy as np

    return np.from_dlpack(array)


def of_floats(values: NDArray[np.float64]) -> Any:
    """Return floats as an Arrow array; nothing is copied."""
    import pyarrow as pa

    return pa.Array.from_buffers(pa.float64(), len(values), [None, pa.py_buffer(values)])


def of_texts(texts: Sequence[str]) -> Any:
    """Return texts as an Arrow array."""
    import numpy as np
    import pyarrow as pa

    raw = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, raw)], dtype=np.int64)
    large = pa.LargeStringArray.from_buffers(len(raw), pa.py_buffer(ends), pa.py_buffer(b"".join(raw)))
    return large.cast(pa.string()) if ends[-1] < 2**31 else large
