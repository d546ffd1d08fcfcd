"""The statistics of one column: which ones, by what the column holds. Pure.

What a column is compared as depends on the reference alone, so that a window with few values does not change it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from workbench.data.profile import ColumnProfile
from workbench.drift import distribution
from workbench.drift.distribution import Counts, Distribution
from workbench.drift.novelty import novelty
from workbench.drift.profile import Column
from workbench.drift.report import Judged
from workbench.drift.statistics import Added, Statistic, beyond, share_change
from workbench.words import counted

Statistics = Mapping[str, Mapping[str, Callable[[Any, Any], Statistic]]]
"""Functions of reference and window by name, for "number" (of `Distribution`) and for "category" (of `Counts`)."""

LEVELS = 10
"""Numbers with at most so many different values are compared as categories."""
HEAVY, HEAVIER = 0.01, 0.10
"""Where not all values are counted, one is told apart from this share on over both sides, or on one of them."""
_SURE = 8
_NUMBERING = Statistic("running number", None, note="A running number, not compared.")
_DAYS = {"weekday": 14, "hour": 2}


def measure(reference: Column, current: Column, *, is_id: bool, statistics: Statistics, least: int) -> Iterator[Judged]:
    """Yield all statistics of a column; of its values only where both sides have at least `least`."""
    one, other = reference.base, current.base
    for statistic in presence(one, other):
        yield Judged(statistic)
    if min(one.known, other.known) < max(1, least):
        return
    if is_id:
        yield Judged(novelty(reference, current))
    elif one.kind != other.kind:
        yield from _of_other_kind(one, other, statistics)
    elif reference.names_rows and one.kind == "number":
        yield Judged(_NUMBERING)
    elif reference.names_rows and _all_differ(current):
        yield Judged(novelty(reference, current))
    elif one.kind == "number":
        yield from _numbers(reference, current, statistics)
    elif one.kind == "time":
        yield from _times(reference, current, statistics)
    elif one.complete:
        yield from _categories(one, other, statistics)
    else:
        yield from _texts(reference, current, statistics)


def _all_differ(column: Column) -> bool:
    base = column.base
    return column.names_rows or (base.complete and all(count == 1 for _, count in base.values))


def presence(one: ColumnProfile, other: ColumnProfile) -> Iterator[Statistic]:
    """Yield how the shares of missing, NaN and infinite values changed, where there are any."""
    sides = {
        "missing": (one.missing, other.missing),
        "NaN": (one.nan, other.nan),
        "infinite": (one.plus_infinite + one.minus_infinite, other.plus_infinite + other.minus_infinite),
    }
    for name, (before, after) in sides.items():
        if before or after:
            yield share_change(name, before, one.count, after, other.count)


def _each(functions: Mapping[str, Any], sides: tuple[Any, Any], aspect: str = "") -> Iterator[Judged]:
    """Yield what each function finds; one that fails says so and keeps none of the others.

    That of a plugin is left out then.
    """
    for name, function in functions.items():
        try:
            found = function(*sides)
        except Exception as error:
            why = f"{type(error).__name__}: {str(error)[:100]}"
            is_added = isinstance(function, Added)
            yield Judged(Statistic(name, None, note=why), aspect, left_out=function.plugin if is_added else "")
        else:
            yield Judged(found, aspect)


def _shown_only(found: Iterator[Judged]) -> Iterator[Judged]:
    for one in found:
        yield replace(one, statistic=replace(one.statistic, effect=None))


def _numbers(reference: Column, current: Column, statistics: Statistics, aspect: str = "") -> Iterator[Judged]:
    one, other = reference.base, current.base
    sides = distributions(reference, current)
    if one.complete and one.distinct <= LEVELS and other.complete:
        yield from _counts(distribution.counts_of(one), distribution.counts_of(other), statistics, aspect)
        others = {name: each for name, each in statistics["number"].items() if name not in statistics["category"]}
        yield from _shown_only(_each(others, sides, aspect))
    else:
        yield from _each(statistics["number"], sides, aspect)
    outside = out_of_range(*sides)
    if outside.value:
        yield Judged(outside, aspect)


def distributions(reference: Column, current: Column) -> tuple[Distribution, Distribution]:
    """Return the distributions of both; rounded to float32 where a side has no more digits."""
    short = ("float32", "float16")
    single = (reference.base.type in short) != (current.base.type in short)
    return distribution.of_column(reference, single=single), distribution.of_column(current, single=single)


def out_of_range(reference: Distribution, current: Distribution) -> Statistic:
    """Return the share of values outside the range of the reference; expected 2 / (n + 1), p of the rarer end.

    There is a p only where the window counts its values: quantiles do not tell how many lie beyond a place.
    """
    import numpy as np

    low, high = reference.points[:1], reference.points[-1:]
    below = float(current.below(low, included=False)[0]) * current.count
    above = current.count - float(current.below(high, included=True)[0]) * current.count
    ends = [_at_least(below, bool(current.points[0] < low[0])), _at_least(above, bool(current.points[-1] > high[0]))]
    ps = [beyond(end, current.count, reference.count)[1] for end in ends if end]
    value = float(np.sum(ends)) / current.count
    about = "about " if current.error else ""
    note = f"{about}{ends[0]:,} below, {about}{ends[1]:,} above" if value else ""
    p = None if current.error else min([1.0, *(2 * p for p in ps)])
    return Statistic("outside", value, 2 / (reference.count + 1), p, error=current.error, note=note)


def _at_least(count: float, any_: bool) -> int:
    return max(round(count), 1) if any_ else 0


def _categories(one: ColumnProfile, other: ColumnProfile, statistics: Statistics) -> Iterator[Judged]:
    before, after = distribution.counts_of(one), distribution.counts_of(other)
    yield from _counts(*(heavy(one, other) if after.rest else (before, after)), statistics)
    unseen = sum(count for name, count in after.counts.items() if name not in before.counts)
    if unseen or after.rest:
        singles = sum(1 for count in before.counts.values() if count == 1)
        note = f"{'at least ' if after.rest else ''}{counted(unseen, 'row')}"
        yield Judged(Statistic("unseen", unseen / after.total, singles / before.total, note=note))


def _counts(before: Counts, after: Counts, statistics: Statistics, aspect: str = "") -> Iterator[Judged]:
    """Yield the statistics of categories, and the change of the share of all that are too rare to count in those."""
    yield from _each(statistics["category"], (before, after), aspect)
    _, *sides = distribution.aligned(before, after)
    rare = distribution.is_rare(sides[0], sides[1])
    if rare.any() and not rare.all():
        shares = [int(side[rare].sum()) for side in sides]
        yield Judged(share_change("rare", shares[0], before.total, shares[1], after.total), aspect)


def _of_other_kind(one: ColumnProfile, other: ColumnProfile, statistics: Statistics) -> Iterator[Judged]:
    """Compare a column whose kind changed by its values, where 1, "1", 1.0 and true are one and the same."""
    note = f"was {one.kind}, is {other.kind}"
    if one.complete and other.complete and "time" not in (one.kind, other.kind):
        sides = distribution.counts_of(one, plain=True), distribution.counts_of(other, plain=True)
        for found in _counts(*sides, statistics):
            yield replace(found, statistic=replace(found.statistic, note=found.statistic.note or note))
        before, after = (distribution.not_numbers(side) for side in sides)
        if "number" in (one.kind, other.kind) and (before or after):
            yield Judged(replace(share_change("no number", before, one.known, after, other.known), note=note))
        return
    yield Judged(Statistic("kind", 1.0, 0.0, 0.0, 1.0, note=note))


def _times(reference: Column, current: Column, statistics: Statistics) -> Iterator[Judged]:
    """Time itself moves on and decides nothing; weekdays and hours do where both sides cover two rounds of them."""
    one, other = reference.base, current.base
    yield from _shown_only(_each(statistics["number"], distributions(reference, current)))
    span = min((side.high or 0.0) - (side.low or 0.0) for side in (one, other)) / 86_400
    pairs = {name: (reference.aspect(name), current.aspect(name)) for name in _DAYS}
    rounds = {name: (first, second) for name, (first, second) in pairs.items() if first and second}
    for name, (first, second) in rounds.items():
        if span >= _DAYS[name]:
            counts = distribution.counts_of(first), distribution.counts_of(second)
            yield from _each(statistics["category"], counts, name)
    if not any(span >= _DAYS[name] for name in rounds):
        needs = ", ".join(f"{name}s need {_DAYS[name]} days" for name in rounds)
        note = f"Time itself is not judged{f'; on both sides {needs}' if needs else ''}."
        yield Judged(Statistic("time", None, note=note))


def _texts(reference: Column, current: Column, statistics: Statistics) -> Iterator[Judged]:
    yield from _each(statistics["category"], heavy(reference.base, current.base), "values")
    for aspect in reference.aspects:
        other = current.aspect(aspect.name)
        if other is None or not aspect.known or not other.known:
            continue
        if aspect.kind == "text":
            yield from _each(statistics["category"], heavy(aspect, other), aspect.name)
        else:
            sides = Column(aspect, merges=reference.merges), Column(other, merges=current.merges)
            yield from _numbers(*sides, statistics, aspect.name)
    if reference.sample is not None and current.sample is not None:
        yield Judged(novelty(reference, current))


def heavy(one: ColumnProfile, other: ColumnProfile) -> tuple[Counts, Counts]:
    """Return the counts of the values that are frequent over both sides, or very frequent on one; the others are rest.

    To choose by the counts of one side alone would favour what is frequent there by chance. A value that is not among
    the most frequent of a side has at most the count of the least of them; it gets that, or what its share on the other
    side makes, whichever is less.
    """
    sides = distribution.counts_of(one), distribution.counts_of(other)
    names = dict.fromkeys([*sides[0].counts, *sides[1].counts])
    filled = [_filled(names, side, opposite) for side, opposite in (sides, sides[::-1])]
    both, fewer = sides[0].total + sides[1].total, min(side.total for side in sides)
    least = max(HEAVY * both, distribution.LEAST * both / fewer)

    def stands_out(name: str, at: int) -> bool:
        return filled[at][name] >= max(HEAVIER * sides[at].total, _SURE)

    chosen = [
        name
        for name in names
        if filled[0][name] + filled[1][name] >= least or stands_out(name, 0) or stands_out(name, 1)
    ]
    counts = [{name: side[name] for name in chosen} for side in filled]
    return (
        Counts(counts[0], max(0, sides[0].total - sum(counts[0].values()))),
        Counts(counts[1], max(0, sides[1].total - sum(counts[1].values()))),
    )


def _filled(names: Iterable[str], side: Counts, opposite: Counts) -> dict[str, int]:
    least = min(side.counts.values(), default=0) if side.rest else 0
    return {
        name: side.counts.get(name, min(least, round(opposite.counts.get(name, 0) / opposite.total * side.total)))
        for name in names
    }
