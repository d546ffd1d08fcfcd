"""Words that people read."""

from __future__ import annotations

from collections.abc import Iterable


def counted(number: int, noun: str) -> str:
    """Return `1 row`, `2 rows`, `1,200 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def ranges(numbers: Iterable[int], most: int = 5) -> str:
    """Return whole numbers in order as `1–4, 7, 9`; of more than `most` ranges the last ones, after `…`."""
    found: list[list[int]] = []
    for number in sorted(set(numbers)):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    words = [str(first) if first == last else f"{first}–{last}" for first, last in found[-most:]]
    return ", ".join((["…"] if len(found) > most else []) + words)
