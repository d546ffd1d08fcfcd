"""Numbers as short text that lines up: values, deltas, durations, ages, sizes, ticks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

Number = float | int | None

MISSING = "—"
_FIXED_LOW, _FIXED_HIGH = 1e-4, 1e7
_SUFFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def number(value: object) -> float:
    """Turn anything into a float: NaN for what is no number, infinity for an integer too large."""
    try:
        return float(value)  # type: ignore[arg-type]
    except OverflowError:
        return math.inf if value > 0 else -math.inf  # type: ignore[operator]
    except (TypeError, ValueError):
        return math.nan


def _special(value: float, signed: bool) -> str:
    if math.isnan(value):
        return "nan"
    return ("+inf" if signed else "inf") if value > 0 else "-inf"


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _exponent(value: float, digits: int, signed: bool) -> str:
    mantissa, power = f"{value:{'+' if signed else ''}.{digits - 1}e}".split("e")
    return f"{_trim(mantissa)}e{int(power)}"


def _fixed(value: float, digits: int, signed: bool) -> str:
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return _trim(f"{value:{'+' if signed else ''}.{decimals}f}")


def short(value: Number, width: int = 7, *, signed: bool = False) -> str:
    """Write a number in at most `width` characters, with at most five significant digits.

    Between 1e-4 and 1e7 plainly, outside with an exponent (`1.2e-5`). None is a dash. A number that cannot be told in
    the width is a row of `#`, never a cut number.
    """
    return MISSING[: max(0, width)] if value is None else _short(number(value), width, signed)


@lru_cache(maxsize=4096)
def _short(exact: float, width: int, signed: bool) -> str:
    if not math.isfinite(exact):
        text = _special(exact, signed)
        return text if len(text) <= width else "#" * width
    for text in _forms(exact, signed):
        if len(text) <= width:
            return text
    return "#" * width


def _forms(value: float, signed: bool) -> Iterator[str]:
    """Give the ways to write a finite number, best first."""
    if value == 0:
        yield "0"
        return
    if value.is_integer() and abs(value) < _FIXED_HIGH:
        yield f"{value:{'+' if signed else ''}.0f}"
    if _FIXED_LOW <= abs(value) < _FIXED_HIGH:
        # Rounding to fewer digits may reach zero digits after the point, never the digits before it.
        yield from (_fixed(value, digits, signed) for digits in (5, 4, 3, 2, 1))
    yield from (_exponent(value, digits, signed) for digits in (4, 3, 2, 1))


def column(values: Sequence[Number], width: int = 7, *, signed: bool = False) -> list[str]:
    """Write numbers for a column: the same digits after the point, aligned right in exactly `width` characters.

    The largest value gets four significant digits. A value that would read as zero without being zero, or is beyond
    the plain range, is written by `short` instead.
    """
    decimals = column_decimals(values, width, signed=signed)
    return [in_column(value, decimals, width, signed=signed) for value in values]


def column_decimals(values: Sequence[Number], width: int = 7, *, signed: bool = False) -> int:
    """Return how many digits after the point `column` gives these values."""
    exact = [number(value) for value in values if value is not None]
    return _shared_decimals([v for v in exact if math.isfinite(v) and _is_plain(v)], max(0, width), signed)


def in_column(value: Number, decimals: int, width: int = 7, *, signed: bool = False) -> str:
    """Write one number of a column that has so many digits after the point."""
    width = max(0, width)
    return _aligned(None if value is None else number(value), decimals, width, signed).rjust(width)


def _is_plain(value: float) -> bool:
    return value == 0 or _FIXED_LOW <= abs(value) < _FIXED_HIGH


def _shared_decimals(values: Sequence[float], width: int, signed: bool) -> int:
    """Find the digits after the point: no more than needed by any value, no more than fit."""
    top = max((abs(value) for value in values), default=0.0)
    if top == 0:
        return 0
    wanted = min(6, max(0, 3 - math.floor(math.log10(top))))
    sign = "+" if signed else ""
    for decimals in range(wanted, 0, -1):
        texts = [f"{value:{sign}.{decimals}f}" for value in values]
        if max(map(len, texts)) <= width and any(text[-1] != "0" for text in texts):
            return decimals
    return 0


def _aligned(value: float | None, decimals: int, width: int, signed: bool) -> str:
    if value is None or not math.isfinite(value) or not _is_plain(value):
        return short(value, width, signed=signed)
    text = f"{value:{'+' if signed and value else ''}.{decimals}f}"
    if value and not text.strip("+-0."):
        return short(value, width, signed=signed)
    if not value:
        text = text.lstrip("-")
    return text if len(text) <= width else short(value, width, signed=signed)


def percent(fraction: Number, *, signed: bool = True) -> str:
    """Write a fraction as a percentage without decimals: 0.25 is `+25%`; `—` for what is no number."""
    value = math.nan if fraction is None else number(fraction)
    if not math.isfinite(value):
        return MISSING
    if abs(value) >= 100:
        return f"{'>+' if value > 0 else '<-'}9999%" if signed else ">9999%"
    rounded = round(value * 100)
    return f"{rounded:+d}%" if signed and rounded else f"{rounded}%"


def duration(seconds: Number) -> str:
    """Write a length of time in at most six characters: `120ms`, `2.1s`, `45s`, `8m35`, `3h05`, `2d4h`."""
    value = math.nan if seconds is None else number(seconds)
    if math.isnan(value) or value < 0:
        return MISSING
    if math.isinf(value):
        return "inf"
    if value < 0.9995:
        return f"{value * 1000:.0f}ms"
    if value < 9.95:
        return f"{value:.1f}s"
    whole = round(value)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}"
    minutes = round(value / 60)
    if minutes < 48 * 60:
        return _pair(minutes // 60, "h", minutes % 60, "", 2)
    hours = round(value / 3600)
    return _pair(hours // 24, "d", hours % 24, "h", 1) if hours < 2400 else _long(hours // 24)


def _pair(first: int, unit: str, second: int, last: str, digits: int) -> str:
    return f"{first}{unit}{second:0{digits}d}{last}" if second else f"{first}{unit}"


def _long(days: int) -> str:
    return f"{days}d" if days < 730 else f"{short(days // 365, 5)}y"


def age(seconds: Number) -> str:
    """Write how long ago something was, in one unit rounded down: `now`, `35m`, `3h`, `2d`, `4y`."""
    value = math.nan if seconds is None else number(seconds)
    if not math.isfinite(value):
        return MISSING
    if value < 60:
        return "now"
    if value < 3600:
        return f"{int(value // 60)}m"
    if value < 86400:
        return f"{int(value // 3600)}h"
    return _long(int(value // 86400))


def ago(seconds: Number) -> str:
    """Write an age as a phrase: `just now`, `35m ago`; a missing one as `—`."""
    text = age(seconds)
    return {"now": "just now", MISSING: MISSING}.get(text, f"{text} ago")


def size(count: Number) -> str:
    """Write a number of bytes in decimal units: `512 B`, `41.0 MB`."""
    value = math.nan if count is None else number(count)
    if not math.isfinite(value) or value < 0:
        return MISSING
    if value < 999.5:
        return f"{value:.0f} B"
    for unit in ("kB", "MB", "GB", "TB", "PB"):
        value /= 1000
        if value < 99.95:
            return f"{value:.1f} {unit}"
        if value < 999.5:
            return f"{value:.0f} {unit}"
    return f"{short(value, 7)} PB"


def ticks(lo: float, hi: float, n: int = 5, *, around: bool = False) -> list[float]:
    """Find about `n` round numbers (1, 2 or 5 times a power of ten apart) for a linear axis from `lo` to `hi`.

    They lie inside the range and none that would fit is missing; with `around` they reach from the last one at or
    below `lo` to the first one at or above `hi`. [] where a bound is not finite or nothing can be told apart.
    """
    lo, hi = min(lo, hi), max(lo, hi)
    if not (math.isfinite(lo) and math.isfinite(hi)) or n < 1:
        return []
    if lo == hi:
        return [lo]
    step, exponent = _step(hi / n - lo / n)
    if not step or abs(lo) / step > 2**53 or abs(hi) / step > 2**53:
        return []
    first, last = (math.floor, math.ceil) if around else (math.ceil, math.floor)
    # One more on both sides: dividing may have rounded across a tick.
    places = range(first(lo / step) - 1, last(hi / step) + 2)
    # Rounding where the digits are known gives 0.3 rather than 0.30000000000000004.
    found = [round(place * step, -exponent) if exponent < 0 else place * step for place in places]
    if not around:
        return [value for value in found if lo <= value <= hi]
    below = max((index for index, value in enumerate(found) if value <= lo), default=0)
    above = min((index for index, value in enumerate(found) if value >= hi), default=len(found) - 1)
    return [value for value in found[below : above + 1] if math.isfinite(value)]


def _step(raw: float) -> tuple[float, int]:
    """Round a distance up to 1, 2 or 5 times a power of ten, with that power; (0, 0) where floats end."""
    if not 1e-300 < raw < 1e307:
        return 0.0, 0
    exponent = math.floor(math.log10(raw))
    for factor in (1, 2, 5, 10):
        step = float(f"{factor}e{exponent}")
        if step >= raw * (1 - 1e-9):
            break
    return step, exponent


def log_ticks(lo: float, hi: float, n: int = 5) -> list[float]:
    """Find about `n` ticks for a logarithmic axis: powers of ten, or 1-2-5 steps, or linear ones in a short range.

    [] unless 0 < lo <= hi and both are finite.
    """
    if not 0 < lo <= hi < math.inf or n < 1:
        return []
    first, last = math.floor(math.log10(lo)), math.ceil(math.log10(hi))
    decades = [_power(1, e) for e in range(first, last + 1) if lo <= _power(1, e) <= hi]
    if len(decades) >= 3 or len(decades) == n:
        stride = max(1, math.ceil(len(decades) / n))
        return decades[::stride]
    finer = [_power(m, e) for e in range(first, last + 1) for m in (1, 2, 5) if lo <= _power(m, e) <= hi]
    if len(finer) >= 3:
        return finer if len(finer) <= n + 1 else decades or finer[:1]
    return ticks(lo, hi, n) or decades


def _power(factor: int, exponent: int) -> float:
    return float(f"{factor}e{exponent}")


def tick_labels(values: Sequence[float]) -> list[str]:
    """Write the labels of a linear axis: the same digits after the point, `50k` and `1.5M` for large ones."""
    finite = [value for value in values if math.isfinite(value)]
    top = max(map(abs, finite), default=0.0)
    if top == 0:
        return ["0" if math.isfinite(value) else _special(value, False) for value in values]
    if not 1e-3 <= top < 1e15:
        return _distinct(values)
    unit, suffix = next(((u, s) for u, s in _SUFFIXES if top >= max(u, 1e4)), (1.0, ""))
    for decimals in range(7):
        if all(_same(float(f"{value / unit:.{decimals}f}") * unit, value) for value in finite):
            texts = [f"{value / unit:.{decimals}f}" for value in values]
            return [f"{text}{suffix}" if text.strip("-0.") else "0" for text in texts]
    return _distinct(values)


def _same(left: float, right: float) -> bool:
    return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-12)


def _distinct(values: Sequence[float]) -> list[str]:
    """Write numbers with an exponent and as few digits as keep them apart."""
    for digits in range(1, 8):
        texts = ["0" if v == 0 else _exponent(v, digits, False) if math.isfinite(v) else str(v) for v in values]
        if len(set(texts)) == len(set(values)):
            break
    return texts if values else []
