"""What changed from one version of a table, or of a folder, to another. Pure: profiles in, frozen values out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from workbench.data.profile import ColumnProfile, TableProfile, value_shares

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
SMALL, LARGE = 0.05, 0.10
"""A distance from which a shift is worth a look, and from which it is large."""


@dataclass(frozen=True)
class RowChanges:
    """Rows of the new version that are new, gone, changed under the same `key`, or the same; over shared columns."""

    added: int
    removed: int
    changed: int
    unchanged: int
    key: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {**self.__dict__, "key": list(self.key)}

    @classmethod
    def from_json(cls, value: Any) -> RowChanges | None:
        """Return what `to_json` wrote, None for anything else."""
        try:
            counts = [int(value[name]) for name in ("added", "removed", "changed", "unchanged")]
            return cls(counts[0], counts[1], counts[2], counts[3], tuple(map(str, value["key"])))
        except (KeyError, TypeError, ValueError):
            return None


@dataclass(frozen=True)
class Shift:
    """How the distribution of a column moved.

    `distance` lies between 0 and 1: for numbers and times the Kolmogorov–Smirnov distance, for others total variation;
    it may be wrong by `error`. None where either side has no value. `fresh` are counted values that only the new
    version has, `gone` those that only the old one has, each with its share; empty where not all values are known.
    """

    old: ColumnProfile
    new: ColumnProfile
    measure: Literal["KS", "TV", ""] = ""
    distance: float | None = None
    error: float = 0.0
    fresh: tuple[tuple[str, float], ...] = ()
    gone: tuple[tuple[str, float], ...] = ()

    @property
    def name(self) -> str:
        """The column."""
        return self.new.name

    @property
    def is_retyped(self) -> bool:
        """Whether the type in the file is another one."""
        return self.old.type != self.new.type

    @property
    def missing_change(self) -> float:
        """How much larger the share of rows without a value has become."""
        return self.new.missing_share - self.old.missing_share

    @property
    def size(self) -> float:
        """The larger of the distance and the change of the missing share: what to look at first."""
        return max(self.distance or 0.0, abs(self.missing_change), 1.0 if self.old.kind != self.new.kind else 0.0)

    @property
    def level(self) -> Literal["", "small", "large"]:
        """How large the shift is; a distance that could be an error of the profiles is none."""
        sure = max((self.distance or 0.0) - self.error, abs(self.missing_change))
        if self.old.kind != self.new.kind and "empty" not in (self.old.kind, self.new.kind):
            return "large"
        return "large" if sure >= LARGE else "small" if sure >= SMALL else ""


@dataclass(frozen=True)
class TableDifference:
    """Two versions of a table; `rows` is None where rows were not compared."""

    old: TableProfile
    new: TableProfile
    added: tuple[ColumnProfile, ...]
    removed: tuple[ColumnProfile, ...]
    shifts: tuple[Shift, ...]
    rows: RowChanges | None = None

    @property
    def retyped(self) -> tuple[Shift, ...]:
        """The columns whose type is another one."""
        return tuple(shift for shift in self.shifts if shift.is_retyped)

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs that was looked at."""
        rows = self.rows is None or not (self.rows.added or self.rows.removed or self.rows.changed)
        return rows and not (self.added or self.removed or self.retyped) and not any(s.size for s in self.shifts)


@dataclass(frozen=True)
class FolderDifference:
    """Two versions of a folder: relative paths with their sizes in bytes, of changed ones before and after."""

    added: Mapping[str, int] = field(default_factory=dict)
    removed: Mapping[str, int] = field(default_factory=dict)
    changed: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    unchanged: int = 0


def compare(old: TableProfile, new: TableProfile, rows: RowChanges | None = None) -> TableDifference:
    """Compare two profiles, columns by name in the order of the new version."""
    before = {one.name: one for one in old.columns}
    after = {one.name: one for one in new.columns}
    added = tuple(one for one in new.columns if one.name not in before)
    removed = tuple(one for one in old.columns if one.name not in after)
    shifts = tuple(shift(before[one.name], one) for one in new.columns if one.name in before)
    return TableDifference(old, new, added, removed, shifts, rows)


def shift(old: ColumnProfile, new: ColumnProfile) -> Shift:
    """Compare two profiles of a column."""
    if not old.known or not new.known or old.kind != new.kind or old.kind in ("mixed", "empty"):
        return Shift(old, new)
    if old.is_scale:
        distance, error = _kolmogorov(old, new)
        return Shift(old, new, "KS", distance, error, *_novel(old, new))
    distance, error = _variation(old, new)
    return Shift(old, new, "TV", distance, error, *_novel(old, new))


def _kolmogorov(old: ColumnProfile, new: ColumnProfile) -> tuple[float, float]:
    """Return the largest difference between the two distribution functions, and by how much it may be wrong."""
    points = {*_points(old), *_points(new)}
    most = 0.0
    for included in (False, True):
        most = max([most, *(abs(old.below(x, included=included) - new.below(x, included=included)) for x in points)])
    parts = [1 / (len(one.knots) - 1) for one in (old, new) if one.knots]
    return most, 0.0 if old.knots == new.knots and old.known == new.known else sum(parts)


def _points(column: ColumnProfile) -> list[float]:
    return list(column.knots) if column.knots else column.steps[0]


def _variation(old: ColumnProfile, new: ColumnProfile) -> tuple[float, float]:
    """Return half the sum of the differences of shares; what is not counted is one value, which may hide some."""
    before, after = value_shares(old), value_shares(new)
    names = before.keys() | after.keys()
    if not (old.complete and new.complete):
        names = {name for name in names if name in before and name in after}
    rest_before = max(0.0, 1 - math.fsum(before.get(name, 0.0) for name in names))
    rest_after = max(0.0, 1 - math.fsum(after.get(name, 0.0) for name in names))
    parts = [abs(after.get(name, 0.0) - before.get(name, 0.0)) for name in names]
    found = 0.5 * (math.fsum(parts) + abs(rest_after - rest_before))
    hidden = 0.0 if old.complete and new.complete else min(rest_before, rest_after)
    return min(1.0, found), 0.0 if old.values == new.values else hidden


def _novel(
    old: ColumnProfile, new: ColumnProfile
) -> tuple[tuple[tuple[str, float], ...], tuple[tuple[str, float], ...]]:
    """Return the values that only the new, and only the old version has; none where not all are known."""
    if not (old.complete and new.complete):
        return (), ()
    before, after = value_shares(old), value_shares(new)
    fresh = [(name, share) for name, share in after.items() if name not in before]
    gone = [(name, share) for name, share in before.items() if name not in after]
    return tuple(fresh), tuple(gone)


def compare_files(old: Mapping[str, tuple[str, int]], new: Mapping[str, tuple[str, int]]) -> FolderDifference:
    """Compare two lists of files: relative path to hash and size."""
    shared = old.keys() & new.keys()
    changed = {path: (old[path][1], new[path][1]) for path in sorted(shared) if old[path][0] != new[path][0]}
    return FolderDifference(
        {path: new[path][1] for path in sorted(new.keys() - shared)},
        {path: old[path][1] for path in sorted(old.keys() - shared)},
        changed,
        len(shared) - len(changed),
    )


def to_json(found: TableDifference) -> dict[str, Any]:
    """Return it as a JSON object, the columns that moved most first."""
    return {
        "kind": "table",
        "rows": None if found.rows is None else found.rows.to_json(),
        "row_counts": [found.old.rows, found.new.rows],
        "columns": {
            "added": [{"name": one.name, "type": one.type} for one in found.added],
            "removed": [{"name": one.name, "type": one.type} for one in found.removed],
            "retyped": [{"name": s.name, "old": s.old.type, "new": s.new.type} for s in found.retyped],
        },
        "shifts": [_shift_json(one) for one in sorted(found.shifts, key=lambda one: -one.size)],
    }


def _shift_json(one: Shift) -> dict[str, Any]:
    pair = (one.old, one.new)
    known: dict[str, Any] = {
        "column": one.name,
        "kind": [side.kind for side in pair],
        "measure": one.measure or None,
        "distance": one.distance,
        "error": one.error,
        "level": one.level or "none",
        "missing": [side.missing_share for side in pair],
        "distinct": [side.distinct for side in pair],
    }
    if one.new.is_scale and one.old.is_scale:
        known["mean"] = [side.mean for side in pair]
        known["quantiles"] = {str(at): [side.quantile(at) for side in pair] for at in QUANTILES}
    if one.fresh or one.gone:
        known["new_values"] = [{"value": value, "share": share} for value, share in one.fresh]
        known["gone_values"] = [{"value": value, "share": share} for value, share in one.gone]
    return known
