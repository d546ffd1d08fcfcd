"""What a window of data holds: the profile of each column, and what else drift looks at. Pure, mergeable, as JSON.

Of texts: lengths, shares of letters and digits; of times: weekdays and hours (UTC); of ids and of texts with many
values: how often those values occur whose hash is among the least, the same values in every window.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from workbench.data import profile
from workbench.data.profile import ColumnProfile, TableProfile

SAMPLE = 1024
"""So many values a sample by hash holds."""
VERSION = 1


@dataclass(frozen=True)
class HashSample:
    """Values by hash word with how often each occurs, the least words first; all there are where `whole`."""

    counts: tuple[tuple[int, int], ...] = ()
    whole: bool = True

    @property
    def limit(self) -> int:
        """The greatest word up to which every value is in the sample."""
        return 2**64 - 1 if self.whole or not self.counts else self.counts[-1][0]

    def upto(self, limit: int) -> dict[int, int]:
        """Return the counts of the values whose words are at most `limit`."""
        return {word: count for word, count in self.counts if word <= limit}


@dataclass(frozen=True)
class Column:
    """A column of a window: its profile, and profiles of what follows from its values, by their names."""

    base: ColumnProfile
    aspects: tuple[ColumnProfile, ...] = ()
    sample: HashSample | None = None

    @property
    def name(self) -> str:
        """The name in the table."""
        return self.base.name

    def aspect(self, name: str) -> ColumnProfile | None:
        """Return an aspect by name."""
        return next((one for one in self.aspects if one.name == name), None)


@dataclass(frozen=True)
class Window:
    """A window of a table, or all of it; from `start` to before `end`, in seconds since the epoch, or None."""

    label: str
    rows: int
    columns: tuple[Column, ...]
    start: float | None = None
    end: float | None = None

    @functools.cached_property
    def _by_name(self) -> dict[str, Column]:
        return {one.name: one for one in self.columns}

    def column(self, name: str) -> Column | None:
        """Return a column by name."""
        return self._by_name.get(name)


def merge(first: Window, second: Window, label: str = "") -> Window:
    """Return the window of the rows of both; right as far as `workbench.data.profile.merge` is."""
    tables = [TableProfile(one.rows, tuple(column.base for column in one.columns)) for one in (first, second)]
    columns = []
    for base in profile.merge(*tables).columns:
        one, other = first.column(base.name), second.column(base.name)
        columns.append(Column(base, _merged_aspects(one, other), _merged_samples(one, other)))
    starts = [one.start for one in (first, second) if one.start is not None]
    ends = [one.end for one in (first, second) if one.end is not None]
    return Window(
        label or first.label,
        first.rows + second.rows,
        tuple(columns),
        min(starts, default=None),
        max(ends, default=None),
    )


def _merged_aspects(one: Column | None, other: Column | None) -> tuple[ColumnProfile, ...]:
    if one is None or other is None:
        only = one or other
        return only.aspects if only is not None else ()
    names = dict.fromkeys(aspect.name for aspect in (*one.aspects, *other.aspects))
    found = []
    for name in names:
        pair = one.aspect(name), other.aspect(name)
        if pair[0] is not None and pair[1] is not None:
            found.append(profile.merge_columns(pair[0], pair[1]))
        elif (known := pair[0] or pair[1]) is not None:
            found.append(known)
    return tuple(found)


def _merged_samples(one: Column | None, other: Column | None) -> HashSample | None:
    samples = [side.sample for side in (one, other) if side is not None and side.sample is not None]
    if len(samples) < 2:
        return samples[0] if samples else None
    limit = min(sample.limit for sample in samples)
    counts = samples[0].upto(limit)
    for word, count in samples[1].upto(limit).items():
        counts[word] = counts.get(word, 0) + count
    ranked = sorted(counts.items())
    return HashSample(tuple(ranked[:SAMPLE]), all(sample.whole for sample in samples) and len(ranked) <= SAMPLE)


def to_json(window: Window) -> dict[str, Any]:
    """Return a window as a JSON object without NaN."""
    bases = TableProfile(window.rows, tuple(one.base for one in window.columns))
    return {
        "version": VERSION,
        "label": window.label,
        "start": window.start,
        "end": window.end,
        "table": profile.to_json(bases),
        "aspects": {
            one.name: profile.to_json(TableProfile(window.rows, one.aspects)) for one in window.columns if one.aspects
        },
        "samples": {
            one.name: [one.sample.whole, [list(pair) for pair in one.sample.counts]]
            for one in window.columns
            if one.sample is not None
        },
    }


def from_json(value: Any) -> Window | None:
    """Return the window that `to_json` wrote; None for anything else."""
    if not isinstance(value, Mapping) or value.get("version") != VERSION:
        return None
    table = profile.from_json(value.get("table"))
    if table is None:
        return None
    try:
        aspects = {name: profile.from_json(one) for name, one in value["aspects"].items()}
        samples = {
            name: HashSample(tuple((int(word), int(count)) for word, count in counts), bool(whole))
            for name, (whole, counts) in value["samples"].items()
        }
        found = tuple(
            Column(base, () if (one := aspects.get(base.name)) is None else one.columns, samples.get(base.name))
            for base in table.columns
        )
        return Window(str(value["label"]), table.rows, found, value["start"], value["end"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def relabelled(window: Window, label: str) -> Window:
    """Return the window under another name."""
    return replace(window, label=label)
