"""Reading the journals of a run: pure, from bytes to records."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from workbench.tracking import JSON_TAG, LENGTH, MAGIC, NAME_TAG, POINT, POINT_SIZE, POINT_TAG

Point = tuple[int, int, float, float]  # name id within the journal, step, seconds since the epoch, value

_HEAD = 1 + LENGTH.size


@dataclass
class Records:
    """What a stretch of a journal holds; `size` is how many bytes of it were read."""

    size: int = 0
    names: dict[int, str] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    objects: list[dict[str, Any]] = field(default_factory=list)
    problem: str = ""


def read(data: bytes | memoryview, *, at_start: bool) -> Records:
    """Return the whole records at the head of `data`; an unfinished one is left for the next time.

    A zero where a record should begin means that nothing more was written. Tags that are not known are stepped over.
    """
    found = Records()
    at, end = 0, len(data)
    if at_start:
        if end < len(MAGIC) or data[0] == 0:
            return found
        if bytes(data[: len(MAGIC)]) != MAGIC:
            return Records(size=end, problem="not a journal of this version")
        at = len(MAGIC)
    unpack, add = POINT.unpack_from, found.points.append
    while at < end:
        tag = data[at]
        if tag == POINT_TAG:
            if at + POINT_SIZE > end:
                break
            point = unpack(data, at + 1)
            if point[2] == 0.0:  # the tag became visible before the rest
                break
            add(point)
            at += POINT_SIZE
            continue
        if tag == 0 or at + _HEAD > end:
            break
        (length,) = LENGTH.unpack_from(data, at + 1)
        if at + _HEAD + length > end:
            break
        _other(tag, bytes(data[at + _HEAD : at + _HEAD + length]), found)
        at += _HEAD + length
    found.size = at
    return found


def _other(tag: int, body: bytes, found: Records) -> None:
    if tag == NAME_TAG and len(body) >= LENGTH.size:
        (number,) = LENGTH.unpack_from(body)
        found.names[number] = body[LENGTH.size :].decode("utf-8", "replace")
    elif tag == JSON_TAG:
        try:
            value = json.loads(body)
        except ValueError:
            found.problem = "a record is not valid JSON"
            return
        if isinstance(value, dict):
            found.objects.append(value)
