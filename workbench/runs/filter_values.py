"""What the values in a filter mean: numbers, lengths of time, dates; pure."""

from __future__ import annotations

import math
import re
from datetime import date, datetime, timedelta

_UNITS = {"ms": 0.001, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}


def number(text: str) -> float | None:
    """Return the number that the text is, or None; nan and inf are numbers."""
    text = text.strip()
    if re.fullmatch(r"[-+]?[0-9]{1,18}", text):
        return int(text)
    if re.fullmatch(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?|nan|[-+]?inf", text, re.IGNORECASE):
        return float(text)
    return None


def seconds(text: str) -> float | None:
    """Return the seconds of `90`, `5m`, `1h30m`, or None."""
    plain = number(text)
    if plain is not None:
        return plain
    pieces = re.findall(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)([a-z]{1,3})", text.lower())
    if not pieces or "".join(n + unit for n, unit in pieces) != text.lower() or any(u not in _UNITS for _, u in pieces):
        return None
    return float(sum(float(n) * _UNITS[unit] for n, unit in pieces))


def moments(text: str) -> tuple[float, float] | None:
    """Return the first moment of a date (its whole day) or time (local, unless it says its zone) and the next one."""
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            day = date.fromisoformat(text)
            return _midnight(day), _midnight(day + timedelta(days=1))
        moment = datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return moment, math.nextafter(moment, math.inf)


def _midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day).timestamp()  # the user's own midnight
