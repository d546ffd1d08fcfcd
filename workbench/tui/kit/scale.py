"""A scale: from values to fractions of an axis, linear or logarithmic, at any magnitude a float can have."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from workbench.tui.kit.numbers import log_ticks, number, short, tick_labels, ticks

_FAR = 1e4


def to_log(value: float) -> float:
    """Take the decimal logarithm; minus infinity for zero and below, NaN stays."""
    if value > 0:
        return math.log10(value)
    return math.nan if math.isnan(value) else -math.inf


@dataclass(frozen=True)
class Scale:
    """An axis from `lo` to `hi`, both finite and `lo < hi`; with `log` these are decimal logarithms."""

    lo: float
    hi: float
    log: bool = False

    def fraction(self, value: float) -> float:
        """Place a finite value (a logarithm if `log`): 0 at `lo`, 1 at `hi`; far outside stays finite."""
        # Halves, because the difference of two large floats may overflow.
        span = self.hi / 2 - self.lo / 2
        if span == 0.0:  # the least of floats cannot be halved
            return 0.0 if value <= self.lo else 1.0
        place = (value / 2 - self.lo / 2) / span
        return max(-_FAR, min(_FAR, place))

    def fractions(self, values: Sequence[float]) -> list[float]:
        """Place many values as `fraction` does; what is not finite comes back as it is."""
        span = self.hi - self.lo
        if not 1e-290 < span < 1e300 or not all(map(math.isfinite, values)):
            return [self.fraction(value) if math.isfinite(value) else value for value in values]
        lo = self.lo
        if values and min(values) >= lo and max(values) <= self.hi:
            return [(value - lo) / span for value in values]
        return [self.fraction(value) for value in values]

    def forward(self, value: float) -> float:
        """Bring a plain value into the space of the scale."""
        return to_log(value) if self.log else value

    def marks(self, n: int, most: int = 100) -> list[tuple[float, str]]:
        """List about `n` ticks as (fraction, label), from low to high; two at least, if that takes at most `most`."""
        if not self.log:
            values = _enough(lambda count: ticks(self.lo, self.hi, count), n, most)
            return [(self.fraction(v), label) for v, label in zip(values, tick_labels(values), strict=True)]
        if self.lo < -300 or self.hi > 300:
            return []
        lo, hi = 10**self.lo, 10**self.hi
        values = _enough(lambda count: log_ticks(lo, hi, count), n, most)
        return [(self.fraction(math.log10(v)), short(v, 7)) for v in values]


def _enough(find: Callable[[int], list[float]], n: int, most: int) -> list[float]:
    """Ask for `n` ticks, and for more while there is only one: an axis with one number tells no distance."""
    found = find(n)
    for count in range(n + 1, 3 * n):
        if len(found) > 1:
            break
        finer = find(count)
        if 1 < len(finer) <= most:
            found = finer
    return found


def scale_of(
    values: Iterable[float], *, given: tuple[float, float] | None = None, log: bool = False, pad: float = 0.0
) -> Scale | None:
    """Make the scale that shows all finite `values` (logarithms if `log`), or `given` (plain values) if it is usable.

    `pad` is the share of the range left free on both sides. None if there is no finite value and nothing usable given.
    """
    if given is not None:
        lo, hi = sorted(to_log(number(bound)) if log else number(bound) for bound in given)
        if math.isfinite(lo) and math.isfinite(hi) and not math.isnan(lo + hi):
            return Scale(*_apart(lo, hi), log)
    finite = list(filter(math.isfinite, values))
    if not finite:
        return None
    lo, hi = min(finite), max(finite)
    lo, hi = _apart(lo, hi)
    room = (hi / 2 - lo / 2) * 2 * pad if pad else 0.0
    return Scale(max(lo - room, -1.7e308), min(hi + room, 1.7e308), log)


def _apart(lo: float, hi: float) -> tuple[float, float]:
    """Widen a range that is too narrow to place anything in."""
    top = max(abs(lo), abs(hi))
    if hi / 2 - lo / 2 > max(top * 1e-13, 1e-300):
        return lo, hi
    room = max(top * 0.1, 1e-290) if top else 1.0
    return max(lo - room, -1.7e308), min(hi + room, 1.7e308)
