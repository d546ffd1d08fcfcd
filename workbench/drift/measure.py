"""Windows made in one pass over the batches of a table: all of it, by time, or by so many rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import MAXYEAR
from typing import TYPE_CHECKING, Any

from workbench.data import arrays, hashing, texts
from workbench.data.measure import TEXTS, ColumnMeasure
from workbench.data.profile import ColumnProfile, Kind, Value
from workbench.data.repair import REPLACED
from workbench.data.tables import ROWS
from workbench.data.tally import Hits
from workbench.drift.profile import NUMBERS, SAMPLE, Column, HashSample, Window, word_of
from workbench.drift.running import Running
from workbench.errors import UsageError
from workbench.safe import clean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]

UNITS = ("hour", "day", "week", "month", "quarter", "year")
MOST = 5000
"""So many windows a table may be cut into."""
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY = 86_400
_WORKERS = 2
_PATTERNS = {"letters": r"\p{L}", "digits": r"\p{Nd}"}


@dataclass(frozen=True)
class By:
    """How a table is cut: into calendar units of a time column, into so many rows, or not at all."""

    unit: str = ""
    rows: int = 0

    def __str__(self) -> str:
        return self.unit or (f"{self.rows} rows" if self.rows else "")


def parse_by(text: str) -> By:
    """Return what `--by` names: a unit of the calendar, or `1000 rows`; raises UsageError."""
    words = text.strip().lower()
    if not words:
        return By()
    if words.rstrip("s") in UNITS:
        return By(unit=words.rstrip("s"))
    found = re.fullmatch(r"([\d_,]+)\s*rows?", words)
    rows = int(found[1].replace(",", "").replace("_", "")) if found and found[1].strip("_,") else 0
    if rows < 1:
        raise UsageError(f"{clean(text, 40)!r} cuts nothing into windows", f"--by {', '.join(UNITS)}, or '1000 rows'")
    return By(rows=rows)


class ColumnWindow:
    """What is known so far of one column of a window."""

    def __init__(self, name: str, type_: str, kind: Kind, *, is_id: bool, damaged: bool = False) -> None:
        import numpy as np

        self._kind, self._is_id = kind, is_id
        self._base = ColumnMeasure(name, type_, kind, sketched=False)
        self._streams = False  # whether different texts are too many to be looked into at the end
        names = ("length", *_PATTERNS) if kind == "text" and not is_id else ()
        self._texts = {one: ColumnMeasure(one, "float64", "number", sketched=False) for one in names}
        self._chosen = ColumnMeasure("word", "text", "text", sketched=False)
        self._weekdays, self._hours = np.zeros(7, dtype=np.int64), np.zeros(24, dtype=np.int64)
        self._words = np.zeros(0, dtype=np.uint64)
        self._counts = np.zeros(0, dtype=np.int64)
        self._whole = True
        self._damaged = 0 if damaged else None
        self._running = Running() if kind == "number" and not is_id else None
        self._has_spaces = False

    def add(self, array: Any) -> None:
        """Take the next values, an Arrow array."""
        if self._kind == "text":
            self._add_texts(array)
            return
        self._base.add(array)
        if self._kind == "time":
            self._add_times(array.drop_null() if array.null_count else array)
        elif self._is_id and self._kind == "number":
            values = hashing.numbers(array.drop_null())
            self._add_words(hashing.mixed(hashing.number_bits(values), hashing._SEEDS[0]), None)
        elif self._running is not None and self._running.holds:
            self._running.add(hashing.numbers(array.drop_null()))

    def _add_texts(self, array: Any) -> None:
        import pyarrow.compute as pc

        missing = array.null_count
        found = pc.value_counts(array.drop_null() if missing else array)
        names, counts = found.field("values").to_pylist(), found.field("counts").to_pylist()
        if self._damaged is not None:
            self._damaged += sum(count for name, count in zip(names, counts, strict=True) if REPLACED in name)
        known = self._base.counted
        if not self._streams and known is not None and len(known) + len(names) > TEXTS:
            self._look_into(known)
            self._streams = True
        if self._streams:
            self._look_into(dict(zip(names, counts, strict=True)))
        self._base.add_counted(names, counts, missing)

    def _look_into(self, counted: Mapping[Value, int]) -> None:
        """Take different texts with their counts for the sample, for lengths, kinds of signs and words."""
        import numpy as np
        import pyarrow.compute as pc

        names = [str(text) for text in counted]
        counts = np.asarray(list(counted.values()), dtype=np.int64)
        if not names:
            return
        hashes = hashing.text_words(names)[0]
        self._add_words(hashes, counts)
        if self._is_id:
            return
        words = [word_of(name, hash_) for name, hash_ in zip(names, hashes.tolist(), strict=True)]
        self._chosen.add_counted(words, counts.tolist(), 0)
        array = arrays.of_texts(names)
        self._has_spaces = self._has_spaces or any(" " in name for name in names)
        lengths = arrays.to_numpy(pc.utf8_length(array)).astype(np.float64)
        found = {"length": lengths}
        for name, pattern in _PATTERNS.items():
            hits = arrays.to_numpy(pc.count_substring_regex(array, pattern))
            found[name] = hits / np.maximum(lengths, 1)
        for name, values in found.items():
            repeated = np.repeat(values, counts)
            for start in range(0, len(repeated), ROWS):
                self._texts[name].add(arrays.of_floats(repeated[start : start + ROWS]))

    def _add_times(self, array: Any) -> None:
        import numpy as np

        seconds = hashing.numbers(array) // 1_000_000
        self._weekdays += np.bincount((seconds // _DAY + 3) % 7, minlength=7)
        self._hours += np.bincount(seconds % _DAY // 3600, minlength=24)

    def _add_words(self, words: Words, counts: Any) -> None:
        import numpy as np

        if not self._whole:
            kept = words <= self._words[-1]
            words, counts = words[kept], None if counts is None else counts[kept]
        joined = np.concatenate([self._words, words])
        weights = np.concatenate([self._counts, np.ones(len(words), dtype=np.int64) if counts is None else counts])
        self._words, places = np.unique(joined, return_inverse=True)
        self._counts = np.bincount(places, weights=weights, minlength=len(self._words)).astype(np.int64)
        if len(self._words) > SAMPLE:
            self._words, self._counts, self._whole = self._words[:SAMPLE], self._counts[:SAMPLE], False

    def freeze(self) -> Column:
        """Return the column of what came so far."""
        base = self._base.freeze()
        if self._kind == "text" and not self._streams and (self._is_id or not base.complete):
            self._look_into(self._base.counted or {})
        wants_sample = (self._kind == "text" and not base.complete) or self._is_id
        sample = None
        if wants_sample and base.kind != "empty":
            sample = HashSample(tuple(zip(self._words.tolist(), self._counts.tolist(), strict=True)), self._whole)
        return Column(
            base, self._aspects(base), sample, numbers=self._numbers(base), damaged=self._damaged or 0,
            names_rows=self._names_rows(base),
        )  # fmt: skip

    def _names_rows(self, base: ColumnProfile) -> bool:
        if self._running is not None:
            return self._running.numbers_rows
        is_named = base.kind == "text" and not base.complete and not self._is_id and not self._has_spaces
        return is_named and len(self._counts) > 0 and int(self._counts.max()) == 1

    def _numbers(self, base: ColumnProfile) -> tuple[tuple[float, int], ...]:
        """Return the numbers in order with their counts, where the profile has only quantiles and they are not many."""
        counted = self._base.counted
        if self._is_id or not base.knots or not counted or len(counted) > NUMBERS:
            return ()
        found: dict[float, int] = {}  # large whole numbers may be one as floats
        for value, count in counted.items():
            found[float(value)] = found.get(float(value), 0) + count
        return tuple(sorted(found.items()))

    def _aspects(self, base: ColumnProfile) -> tuple[ColumnProfile, ...]:
        if base.kind == "time":
            parts = [_counted("weekday", zip(WEEKDAYS, self._weekdays.tolist(), strict=True))]
            if self._hours[1:].any():
                parts.append(_counted("hour", ((f"{hour:02d}", n) for hour, n in enumerate(self._hours.tolist()))))
            return tuple(parts)
        if base.kind == "text" and not base.complete:
            return (*(one.freeze() for one in self._texts.values()), self._chosen.freeze())
        return ()


def _counted(name: str, pairs: Any) -> ColumnProfile:
    counts = tuple((value, count) for value, count in pairs if count)
    total = sum(count for _, count in counts)
    return ColumnProfile(name, "text", "text", total, distinct=len(counts), values=counts, complete=True)


class WindowMeasure:
    """One window in the making."""

    def __init__(self, columns: Sequence[tuple[str, str, Kind]], ids: Sequence[str], *, damaged: bool = False) -> None:
        self._columns = [
            ColumnWindow(name, type_, kind, is_id=name in ids, damaged=damaged) for name, type_, kind in columns
        ]
        self.rows = 0

    def add(self, batch: Any, pool: ThreadPoolExecutor | None = None) -> None:
        """Take the next rows, an Arrow record batch."""
        self.rows += batch.num_rows
        pairs = list(zip(self._columns, batch.columns, strict=True))
        for _ in (pool.map if pool is not None else map)(_add_one, pairs):
            pass

    def freeze(self, label: str, start: float | None = None, end: float | None = None) -> Window:
        """Return the window of what came so far."""
        with ThreadPoolExecutor(_WORKERS) as pool:
            return Window(label, self.rows, tuple(pool.map(ColumnWindow.freeze, self._columns)), start, end)


def _add_one(pair: tuple[ColumnWindow, Any]) -> None:
    pair[0].add(pair[1])


class Windows:
    """All windows of a table in the making; rows without a time are in none of them, `undated` counts them.

    `unreadable` are those of them whose time is a text that is none. With `damaged` values with U+FFFD are counted.
    """

    def __init__(
        self,
        columns: Sequence[tuple[str, str, Kind]],
        by: By = By(),
        time: str = "",
        ids: Sequence[str] = (),
        *,
        damaged: bool = False,
    ) -> None:
        self._by, self._ids, self._damaged = by, ids, damaged
        self._time = time if by.unit else ""
        self._described = [_as_time(one) if one[0] == self._time else one for one in columns]
        self._measures: dict[int, Any] = {}
        self._pool = ThreadPoolExecutor(_WORKERS)
        self._seen = 0
        self._dated = 0
        self.undated = 0
        self.unreadable = Hits()

    def add(self, batch: Any) -> None:
        """Take the next rows."""
        for key, part in self._parts(batch):
            if key not in self._measures:
                if len(self._measures) >= MOST:
                    raise UsageError(f"There are over {MOST:,} windows by {self._by}", "Choose longer ones with --by.")
                self._measures[key] = self._new()
            self._measures[key].add(part, self._pool if part.num_rows > 1000 else None)
        self._seen += batch.num_rows

    def _parts(self, batch: Any) -> Iterator[tuple[int, Any]]:
        if self._by.rows:
            at = 0
            while at < batch.num_rows:
                key = (self._seen + at) // self._by.rows
                size = min(batch.num_rows - at, (key + 1) * self._by.rows - self._seen - at)
                yield key, batch.slice(at, size)
                at += size
        elif self._by.unit:
            yield from self._by_time(batch)
        else:
            yield 0, batch

    def _by_time(self, batch: Any) -> Iterator[tuple[int, Any]]:
        import pyarrow as pa
        import pyarrow.compute as pc

        at = batch.schema.get_field_index(self._time)
        if at >= 0 and pa.types.is_string(batch.schema.field(at).type):
            batch = batch.set_column(at, self._time, self._moments(batch, at))
        if at < 0 or not pa.types.is_temporal(batch.schema.field(at).type):
            raise self._no_time(batch)
        times = pc.cast(batch.column(at), pa.timestamp("us"))
        self._dated += len(times) - times.null_count
        self.undated += times.null_count
        starts = pc.cast(pc.floor_temporal(times, unit=self._by.unit), pa.int64())
        keys = [key for key in pc.unique(starts).to_pylist() if key is not None]
        if len(keys) == 1 and not times.null_count:
            yield keys[0], batch
            return
        for key in sorted(keys):
            yield key, batch.filter(pc.equal(starts, key))

    def _moments(self, batch: Any, at: int) -> Any:
        """Return the times that texts spell; raises UsageError where most of them spell none."""
        import pyarrow.compute as pc

        array = batch.column(at)
        found, _ = texts.moments(array)
        bad = pc.and_(found.is_null(), array.is_valid()).to_numpy(zero_copy_only=False)
        self.unreadable.add(bad, None, self._seen)
        if self.unreadable.count > self._dated + len(found) - found.null_count:
            raise self._no_time(batch)
        return found

    def _no_time(self, batch: Any) -> UsageError:
        import pyarrow as pa

        return _no_time(self._time, [one.name for one in batch.schema if pa.types.is_temporal(one.type)])

    def _new(self) -> Any:
        return WindowMeasure(self._described, self._ids, damaged=self._damaged)

    def freeze(self) -> list[Window]:
        """Return the windows in order; one of no rows where the table has none."""
        self._pool.shutdown()
        if not self._measures and not self._by.unit:
            return [self._new().freeze("")]
        return [self._measures[key].freeze(*self.describe(key)) for key in sorted(self._measures)]

    def describe(self, key: int) -> tuple[str, float | None, float | None]:
        """Return label, start and end of a window."""
        if self._by.rows:
            first = key * self._by.rows
            return f"rows {first + 1:,}–{min(first + self._by.rows, self._seen):,}", None, None
        if self._by.unit:
            start, end = key / 1e6, following(key, self._by.unit) / 1e6
            return label_of(key // 1_000_000, self._by.unit), start, end
        return "", None, None


def _as_time(column: tuple[str, str, Kind]) -> tuple[str, str, Kind]:
    """Return the column by which windows are cut as one of times: texts that are none do not make it another."""
    name, type_, kind = column
    return (name, "time", "time") if kind == "text" else (name, type_, kind)


def _no_time(name: str, known: Sequence[str]) -> UsageError:
    words = f"{clean(name, 60)!r} is no column of times" if name else "No column of times is named"
    shown = " or ".join(f"--time {clean(one, 40)}" for one in known[:3])
    return UsageError(words, f"{shown + ', or w' if shown else 'W'}ithout times: --by all, or --by '1000 rows'")


def _moment(seconds: int) -> Any:
    from datetime import UTC, datetime, timedelta

    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except OverflowError as error:
        raise UsageError(
            "There are times before the year 1 or after 9999", "Choose another column with --time."
        ) from error


def label_of(start: int, unit: str) -> str:
    """Return the name of the window that begins at `start`, in seconds since the epoch."""
    moment = _moment(start)
    if unit == "quarter":
        return f"{moment.year}-Q{(moment.month + 2) // 3}"
    shapes = {"year": "%Y", "month": "%Y-%m", "hour": "%Y-%m-%d %Hh"}
    return str(moment.strftime(shapes.get(unit, "%Y-%m-%d")))


def following(start: int, unit: str) -> int:
    """Return where the window that begins at `start` ends, both in microseconds since the epoch."""
    fixed = {"hour": 3600, "day": _DAY, "week": 7 * _DAY}
    if unit in fixed:
        return start + fixed[unit] * 1_000_000
    return _months_on(start, {"month": 1, "quarter": 3, "year": 12}[unit])


def a_year_before(start: float, unit: str) -> float:
    """Return where the same window of the year before begins, in seconds: the same date, or 52 weeks back."""
    if unit in ("hour", "day", "week"):
        return start - 364 * _DAY
    return _months_on(int(start * 1e6), -12) / 1e6


def _months_on(start: int, months: int) -> int:
    moment = _moment(start // 1_000_000)
    count = moment.year * 12 + moment.month - 1 + months
    if not 1 <= count // 12 <= MAXYEAR:  # a window at the end of the calendar ends there, about
        return start + months * 31 * _DAY * 1_000_000
    moved = moment.replace(year=count // 12, month=count % 12 + 1)
    return int((moved - _moment(0)).total_seconds()) * 1_000_000
