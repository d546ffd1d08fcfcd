"""What a window of data holds: the profile of each column, and what else drift looks at. Pure, mergeable, as JSON.

Of texts: lengths, shares of letters and digits, and a word of each, chosen by hash; of times: weekdays and hours (UTC);
of ids and of texts with many values: how often those values occur whose hash is among the least, the same values in
every window.
"""

from __future__ import annotations

import base64
import functools
import re
import unicodedata
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workbench.data import profile
from workbench.data.profile import ColumnProfile, TableProfile
from workbench.drift.running import is_running

SAMPLE = 1024
"""So many values a sample by hash holds."""
NUMBERS = 4096
"""So many different numbers or times of a column are kept one by one; of more there are only quantiles."""
VERSION = 3
_READABLE = (2, VERSION)
_DIGITS, _LARGEST = 8, 2.0**52

_WORD = re.compile(r"\w+")


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
    """A column of a window: its profile, and profiles of what follows from its values, by their names.

    `numbers` are all numbers or times in order with their counts where the profile has only quantiles of them, none
    where they are too many. Quantiles that were merged `merges` times, one merge upon the other, err by 1/256 more for
    each. So many values are `damaged`: they hold bytes that are no UTF-8. It `names_rows` where its values are whole
    numbers, all different and close together, or texts without spaces, all different.
    """

    base: ColumnProfile
    aspects: tuple[ColumnProfile, ...] = ()
    sample: HashSample | None = None
    merges: int = 0
    numbers: tuple[tuple[float, int], ...] = ()
    damaged: int = 0
    names_rows: bool = False

    @property
    def name(self) -> str:
        """The name in the table."""
        return self.base.name

    @functools.cached_property
    def drawn(self) -> ColumnProfile:
        """The profile with all numbers instead of quantiles where they are kept."""
        return replace(self.base, knots=(), values=self.numbers, complete=True) if self.numbers else self.base

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
        columns.append(_merged(base, one, other))
    starts = [one.start for one in (first, second) if one.start is not None]
    ends = [one.end for one in (first, second) if one.end is not None]
    return Window(
        label or first.label,
        first.rows + second.rows,
        tuple(columns),
        min(starts, default=None),
        max(ends, default=None),
    )


def merge_all(windows: Sequence[Window], label: str) -> Window:
    """Return the window of the rows of all, merged two by two, so that few merges come one upon the other."""
    rest = list(windows)
    while len(rest) > 1:
        pairs = [rest[at : at + 2] for at in range(0, len(rest), 2)]
        rest = [merge(pair[0], pair[1]) if len(pair) == 2 else pair[0] for pair in pairs]
    return relabelled(rest[0], label)


def _merged(base: ColumnProfile, one: Column | None, other: Column | None) -> Column:
    sides = [side for side in (one, other) if side is not None and side.base.kind != "empty"]
    if len(sides) < 2:
        return replace(sides[0], base=base) if sides else Column(base)
    is_id = any(side.sample is not None and side.base.complete for side in sides)
    is_wide = base.kind == "text" and not base.complete
    if base.kind == "time":
        aspects = _merged_aspects([side.aspects for side in sides])
    else:
        aspects = _merged_aspects([_text_aspects(side) for side in sides]) if is_wide and not is_id else ()
    sample = _merged_samples([_sample_of(side) for side in sides]) if is_wide or is_id or _have_samples(sides) else None
    return Column(
        base,
        aspects,
        sample,
        max(side.merges for side in sides) + bool(base.knots),
        _merged_numbers(base, sides),
        sum(side.damaged for side in sides),
        _name_rows(base, sides, sample),
    )


def _name_rows(base: ColumnProfile, sides: Sequence[Column], sample: HashSample | None) -> bool:
    """Return whether all sides together name rows, each of which does; numbers of one side lie beyond the other's."""
    if not all(side.names_rows for side in sides):
        return False
    if base.kind == "text":
        return sample is not None and all(count == 1 for _, count in sample.counts)
    first, second = sorted((side.base.low or 0.0, side.base.high or 0.0) for side in sides)
    return first[1] < second[0] and is_running(base.known, base.low, base.high)


def _merged_numbers(base: ColumnProfile, sides: Sequence[Column]) -> tuple[tuple[float, int], ...]:
    """Return the numbers of all sides with their counts; none where a side does not know its own, or they are many."""
    if not base.knots or not all(side.numbers or side.base.complete for side in sides):
        return ()
    counts: dict[float, int] = {}
    for value, count in (pair for side in sides for pair in side.numbers or side.base.values):
        counts[float(value)] = counts.get(float(value), 0) + count
    return tuple(sorted(counts.items())) if len(counts) <= NUMBERS else ()


def _have_samples(sides: Sequence[Column]) -> bool:
    return all(side.sample is not None for side in sides)


def _merged_aspects(sides: Sequence[tuple[ColumnProfile, ...]]) -> tuple[ColumnProfile, ...]:
    known: dict[str, ColumnProfile] = {}
    for aspect in (one for side in sides for one in side):
        known[aspect.name] = profile.merge_columns(known[aspect.name], aspect) if aspect.name in known else aspect
    return tuple(known.values())


def _text_aspects(column: Column) -> tuple[ColumnProfile, ...]:
    """Return lengths and kinds of signs, of a column whose values are all counted from these."""
    if not column.base.complete:
        return column.aspects
    from workbench.data.hashing import hash_word

    found: dict[str, dict[float, int]] = {"length": {}, "letters": {}, "digits": {}}
    words: dict[profile.Value, int] = {}
    for value, count in column.base.values:
        kinds = [unicodedata.category(sign) for sign in str(value)]
        size = max(len(kinds), 1)
        shares = {
            "length": float(len(kinds)),
            "letters": sum(kind.startswith("L") for kind in kinds) / size,
            "digits": sum(kind == "Nd" for kind in kinds) / size,
        }
        for name, share in shares.items():
            found[name][share] = found[name].get(share, 0) + count
        word = word_of(str(value), hash_word(value))
        words[word] = words.get(word, 0) + count
    numbers = [_counted_numbers(name, counts) for name, counts in found.items()]
    total = sum(words.values())
    listed = ColumnProfile(
        "word", "text", "text", total, distinct=len(words), values=profile.ranked(words), complete=True
    )
    return (*numbers, listed)


def word_of(text: str, hash_: int) -> str:
    """Return one of the words of a text in lower case, chosen by the hash of the text; "" where it has none.

    One word of each text, because words of one text come together and are not independent.
    """
    words = _WORD.findall(text)
    return str(words[hash_ % len(words)]).lower() if words else ""


def _counted_numbers(name: str, counts: Mapping[float, int]) -> ColumnProfile:
    total = sum(counts.values())
    mean = sum(value * count for value, count in counts.items()) / total
    squares = sum((value - mean) ** 2 * count for value, count in counts.items())
    values: dict[profile.Value, int] = {value: count for value, count in counts.items()}  # noqa: C416 - wider keys
    return ColumnProfile(
        name, "float64", "number", total, distinct=len(counts), low=min(counts), high=max(counts), mean=mean,
        squares=squares, values=profile.ranked(values), complete=True,
    )  # fmt: skip


def _sample_of(column: Column) -> HashSample:
    if column.sample is not None:
        return column.sample
    from workbench.data.hashing import hash_word

    counts = sorted((hash_word(value), count) for value, count in column.base.values)
    return HashSample(tuple(counts), whole=True)


def _merged_samples(samples: Sequence[HashSample]) -> HashSample:
    limit = min(sample.limit for sample in samples)
    counts: dict[int, int] = {}
    for sample in samples:
        for word, count in sample.upto(limit).items():
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
        "merges": {one.name: one.merges for one in window.columns if one.merges},
        "numbers": {one.name: _packed(one.numbers) for one in window.columns if one.numbers},
        "damaged": {one.name: one.damaged for one in window.columns if one.damaged},
        "names_rows": [one.name for one in window.columns if one.names_rows],
    }


def _packed(numbers: Sequence[tuple[float, int]]) -> list[Any]:
    """Return sorted numbers as a text, the digits behind the point, and their counts, none where all are 1.

    Of numbers with few digits the whole numbers that they are without the point differ little from one to the next, of
    others their bits: the differences, first all lowest bytes, then the next, take half the room or less.
    """
    import numpy as np

    values = np.asarray([value for value, _ in numbers], dtype=np.float64)
    digits = _digits(values)
    whole = values.view(np.int64) if digits is None else np.rint(values * 10.0**digits).astype(np.int64)
    planes = np.diff(whole, prepend=np.int64(0)).astype("<i8").view(np.uint8).reshape(-1, 8).T.tobytes()
    counts = [count for _, count in numbers]
    return [base64.b64encode(zlib.compress(planes, 6)).decode("ascii"), digits, counts if max(counts) > 1 else []]


def _digits(values: Any) -> int | None:
    """Return how many digits behind the point all numbers have; None where some have many, or are large."""
    import numpy as np

    for digits in range(_DIGITS + 1):
        scaled = values * 10.0**digits
        if np.abs(scaled).max() >= _LARGEST:
            return None
        if (np.rint(scaled) / 10.0**digits == values).all():
            return digits
    return None


def _unpacked(value: Any) -> tuple[tuple[float, int], ...]:
    import numpy as np

    if not value or not isinstance(value[0], str):  # as version 2 had them, pair by pair
        return tuple((float(one), int(count)) for one, count in value)
    text, digits, counts = value
    planes = np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=np.uint8).reshape(8, -1).T
    whole = np.cumsum(np.ascontiguousarray(planes).view("<i8")[:, 0], dtype=np.int64)
    found = (whole.view(np.float64) if digits is None else whole / 10.0**digits).tolist()
    return tuple(zip(found, map(int, counts or [1] * len(found)), strict=True))


def from_json(value: Any) -> Window | None:
    """Return the window that `to_json` wrote; None for anything else."""
    if not isinstance(value, Mapping) or value.get("version") not in _READABLE:
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
            Column(
                base,
                () if (one := aspects.get(base.name)) is None else one.columns,
                samples.get(base.name),
                int(value.get("merges", {}).get(base.name, 0)),
                _unpacked(value.get("numbers", {}).get(base.name, ())),
                int(value.get("damaged", {}).get(base.name, 0)),
                base.name in value.get("names_rows", ()),
            )
            for base in table.columns
        )
        return Window(str(value["label"]), table.rows, found, value["start"], value["end"])
    except (AttributeError, KeyError, TypeError, ValueError, zlib.error):
        return None


def relabelled(window: Window, label: str) -> Window:
    """Return the window under another name."""
    return replace(window, label=label)
