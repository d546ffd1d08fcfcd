"""Values that occur more than once, among as many as fit into memory, and the rows where they do."""

from __future__ import annotations

from typing import Any

from workbench.data.findings import FIRST


def duplicates(parts: list[Any]) -> tuple[int, tuple[int, ...]]:
    """Return how many values repeat an earlier one, and the first rows that do.

    A part is the number of rows before it, its values, and which of its rows have one, None for all.
    """
    import numpy as np

    values = joined(parts)
    repeated = _repeated(values)
    if not len(repeated):
        return 0, ()
    rows = np.concatenate(
        [start + (_count(some) if there is None else there.nonzero()[0]) for start, some, there in parts]
    )
    among = np.isin(values, repeated)
    values, rows = values[among], rows[among]
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    again = np.sort(rows[order[1:][ordered[1:] == ordered[:-1]]])
    return len(repeated), tuple((again[:FIRST] + 1).tolist())


def joined(parts: list[Any]) -> Any:
    """Return the values of all parts, one array."""
    import numpy as np

    if not parts:
        return np.zeros(0)
    return parts[0][1] if len(parts) == 1 else np.concatenate([part[1] for part in parts])


def are_unique(values: Any) -> bool:
    """Return whether no value of an array repeats another."""
    return len(_repeated(values)) == 0


def _repeated(values: Any) -> Any:
    """Return each value as often as it repeats an earlier one, in order."""
    import numpy as np

    if len(values) < 2 or bool((values[1:] > values[:-1]).all()):
        return values[:0]
    ordered = np.sort(values)
    return ordered[1:][ordered[1:] == ordered[:-1]]


def _count(values: Any) -> Any:
    import numpy as np

    return np.arange(len(values))
