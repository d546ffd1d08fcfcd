"""A schema proposed from what data hold, with margins that follow from the number of rows. Pure.

Against a schema that is there already, only what the data contradict is proposed: what a person wrote stays.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import cast

from workbench.data import likelihood
from workbench.data.findings import Finding
from workbench.data.personal import looks_personal
from workbench.data.profile import ColumnProfile, TableProfile, Value, ranked
from workbench.data.schema import ColumnSchema, Relation, Schema, Type, is_possible
from workbench.data.traits import ColumnTraits, TableTraits
from workbench.safe import clean

MOST_NUMBERS = 20
"""Whole numbers with at most so many different values are told by these."""
NOVEL_SHARE = 0.1
"""Texts of which more rows than that are expected to be new have no domain."""
SURELY_ALL = 1e-3
"""With fewer rows of other values expected, whole numbers have a domain rather than limits."""
EXACT = 2**53
"""Whole numbers beyond it are not told apart as floating point."""
FEW_SHAPES = 8
LEAST_VALUES = 5
"""From fewer values no limit is learned."""
LEAST_UNIQUE = 50
MANY_UNIQUE = 1000
_ID = re.compile(r"(^|[_\W])(id|ids|uuid|guid|key|row|index|idx|nr|no|number|hash)$", re.IGNORECASE)
YEAR = 365 * 86_400
_PARTS = {
    "month": (1.0, 12.0), "quarter": (1.0, 4.0), "week": (0.0, 53.0), "day": (1.0, 31.0), "hour": (0.0, 23.0),
    "minute": (0.0, 59.0),
}  # fmt: skip
_PART = re.compile(rf"(^|[_\W])({'|'.join(_PARTS)})$", re.IGNORECASE)
_YEAR = re.compile(r"(^|[_\W])(year|yyyy|jahr)$", re.IGNORECASE)
_DIGITS = 9


def propose(
    profile: TableProfile, traits: TableTraits, *, data: str = "", target: str = "", key: tuple[str, ...] = (),
    private: Collection[str] = (), now: float,
) -> Schema:  # fmt: skip
    """Return the schema of fresh data like these; the `target` belongs in training data only, `now` in seconds.

    Of `private` columns, which belong to persons, it holds no value.
    """
    read = [(one, traits.columns.get(one.name) or ColumnTraits()) for one in profile.columns]
    in_time = any(one.kind == "time" and each.ordered for one, each in read)
    found = tuple(
        _column(one, each, named=(one.name,) == key, in_time=in_time, now=now)
        if one.name not in private
        else ColumnSchema(one.name, type_of(one), missing=_share(one.missing, one.count))
        for one, each in read
    )
    shares = {name: one.to for one in traits.relations for name in one.sum if _are_shares(one, found)}
    limited = (_as_share(one, shares[one.name]) if one.name in shares else one for one in found)
    columns = tuple(replace(one, only="training") if one.name == target else one for one in limited)
    kept = key if profile.duplicates == 0 and profile.key == key else ()
    return Schema(columns, traits.relations, data, profile.rows, kept)


def _column(one: ColumnProfile, traits: ColumnTraits, *, named: bool, in_time: bool, now: float) -> ColumnSchema:
    type_ = type_of(one)
    base = ColumnSchema(
        one.name,
        type_,
        missing=_share(one.missing, one.count),
        nan=_share(one.nan, one.count),
        infinite=_share(one.plus_infinite + one.minus_infinite, one.count),
        unique=traits.unique and type_ in ("whole", "text") and (named or _is_id(one, traits)),
        common=_common(one),
    )
    if type_ == "text":
        return _text(base, one, traits)
    if type_ in ("date", "time"):
        return _time(base, one, traits, now)
    if type_ in ("whole", "number") and not base.unique:
        return _calendar(base, one) or _number(base, one, runs=_runs(one, traits, in_time=in_time))
    return base


def _are_shares(relation: Relation, columns: Sequence[ColumnSchema]) -> bool:
    """Return whether columns with a sum are shares of it: none has been negative."""
    parts = [one for one in columns if one.name in relation.sum]
    return relation.to > 0 and all(one.seen is not None and one.seen[0] >= 0 for one in parts)


def _as_share(one: ColumnSchema, whole: float) -> ColumnSchema:
    """Return a column whose limits are nothing and the whole, which no part goes beyond but for rounding."""
    most = max(whole, one.seen[1]) if one.seen is not None else whole
    return replace(one, min=max(0.0, one.min or 0.0), max=most if one.max is None else min(one.max, most))


def _runs(one: ColumnProfile, traits: ColumnTraits, *, in_time: bool) -> bool:
    """Return whether numbers go on with time, as counters do: fresh ones are greater than all that were seen.

    Few values may be in order because somebody sorted the rows, unless the rows are in the order of their times.
    """
    is_year = one.distinct == 1 and bool(_YEAR.search(one.name)) and 1900 <= (one.low or 0) <= 2200
    many = one.known >= LEAST_UNIQUE and (one.distinct > MOST_NUMBERS or (in_time and one.distinct > 1))
    return is_year or (traits.ordered and many)


def _calendar(base: ColumnSchema, one: ColumnProfile) -> ColumnSchema | None:
    """Return limits for a part of the calendar that is named so; None for other columns. All rows may be of one."""
    found = _PART.search(one.name)
    if found is None or base.type != "whole" or one.low is None or one.high is None:
        return None
    low, high = _PARTS[found[2].lower()]
    return replace(base, min=low, max=high, common=1.0) if low <= one.low and one.high <= high else None


def _is_id(one: ColumnProfile, traits: ColumnTraits) -> bool:
    """Return whether values that all differ do so on purpose: they count up, or are named or formed as ids.

    A total that grows may stay as it is for once, so that to grow is not enough.
    """
    counts = traits.rising and ((one.high or 0) - (one.low or 0) + 1 == one.known or bool(_ID.search(one.name)))
    formed = "uuid" in traits.forms or bool(_ID.search(one.name))
    return (counts and one.known >= LEAST_UNIQUE) or (formed and one.known >= MANY_UNIQUE)


def type_of(one: ColumnProfile) -> Type:
    """Return the type that a schema gives to a column."""
    if one.kind == "number":
        return "whole" if "int" in one.type and "float" not in one.type else "number"
    if one.kind == "time":
        return "date" if one.type == "date" else "time"
    kinds: Mapping[str, Type] = {"boolean": "boolean", "empty": "empty"}
    return kinds.get(one.kind, "text")


def _share(count: int, rows: int) -> float:
    return round(count / rows, _DIGITS) if rows else 0.0


def _common(one: ColumnProfile) -> float:
    share = one.values[0][1] / one.known if one.values and one.complete and one.known else 0.0
    return round(share, _DIGITS) if share > 0.5 else 0.0


def _text(base: ColumnSchema, one: ColumnProfile, traits: ColumnTraits) -> ColumnSchema:
    novel = likelihood.novel_rows(count for _, count in one.values)
    values = tuple(sorted(str(value) for value, _ in one.values))
    is_domain = one.complete and one.known and not base.unique and novel <= NOVEL_SHARE * one.known
    if is_domain and not any(looks_personal(value) for value in values):
        return replace(base, values=values, new_values=_expected(novel))
    counts = cast(Mapping[Value, int], traits.lengths)
    lengths = ColumnProfile(
        one.name, "int64", "number", count=sum(counts.values()), complete=True, values=ranked(counts),
        low=min(traits.lengths, default=None), high=max(traits.lengths, default=None),
    )  # fmt: skip
    base = _limited(base, lengths)
    if base.min is not None and base.min <= 0:
        base = replace(base, min=0.0)
    return replace(base, form=_form(traits))


def _form(traits: ColumnTraits) -> tuple[str, ...]:
    """Return the form that all texts have, or the few shapes; none where more shapes are to be expected."""
    if traits.forms:
        return traits.forms[:1]
    if not traits.shapes or len(traits.shapes) > FEW_SHAPES or likelihood.novel_rows(traits.shapes.values()) > 0.01:
        return ()
    return tuple(sorted(traits.shapes))


def _expected(novel: float) -> float:
    """Return an expected number of rows as people write it; less than one in a million tables is none."""
    return 0.0 if novel < 1e-6 else float(f"{novel:.3g}")


def _time(base: ColumnSchema, one: ColumnProfile, traits: ColumnTraits, now: float) -> ColumnSchema:
    """Times go on: they have no end, but do not begin long before the first, nor lie in the future if none does."""
    zone = one.type.removeprefix("time").strip() if one.type.startswith("time ") else ""
    if one.low is None or one.high is None:
        return replace(base, zone=zone)
    begin = math.floor((one.low - max(one.high - one.low, YEAR)) / 86_400) * 86_400.0
    step = traits.step if traits.step not in ("second", "day" if base.type == "date" else "") else ""
    return replace(base, zone=zone, step=step, min=begin, future=one.high > now)


def _number(base: ColumnSchema, one: ColumnProfile, *, runs: bool) -> ColumnSchema:
    if runs:
        return replace(_limited(base, one), max=None)
    if base.type == "whole" and one.complete and len(one.values) <= MOST_NUMBERS:
        whole = [value for value, _ in one.values if isinstance(value, (int, float)) and abs(value) < EXACT]
        ends = all(likelihood.is_bound(one, low=low) for low in (True, False)) or set(whole) == {0, 1}
        novel = likelihood.novel_rows(count for _, count in one.values)
        if len(whole) == len(one.values) and ends and novel < SURELY_ALL:
            return replace(base, values=tuple(sorted(int(value) for value in whole)))
    return _limited(base, one)


def _limited(base: ColumnSchema, one: ColumnProfile) -> ColumnSchema:
    if one.known < LEAST_VALUES or one.low is None or one.high is None:
        return base
    low, high = likelihood.limits(one)
    return replace(base, min=low, max=high, seen=(float(one.low), float(one.high)))


# --- changes to a schema that is there


_ASPECTS: Mapping[str, tuple[str, ...]] = {
    "out of range": ("min", "max", "seen", "future"),
    "unit": ("min", "max", "seen", "step"),
    "out of domain": ("values", "new_values", "min", "max", "seen", "form"),
    "missing values": ("missing", "required"),
    "empty": ("missing", "required"),
    "NaN": ("nan",),
    "infinity": ("infinite",),
    "form": ("form", "min", "max", "seen"),
    "duplicate": ("unique",),
    "constant": ("common",),
}


def amend(present: Schema, fresh: Schema, findings: Iterable[Finding]) -> Schema:
    """Return the present schema with what the data contradict taken from a fresh one; `findings` are theirs.

    New columns come in at the end, those that are gone go, relations that break go.
    """
    aspects: dict[str, set[str]] = {}
    whole: set[str] = set()
    broken: set[str] = set()
    for one in findings:
        if one.severity == "note" and one.kind not in ("out of domain", "missing values"):
            continue
        if one.kind in ("wrong type", "mixed types"):
            whole.add(one.column)
        elif one.kind == "relation":
            broken.add(one.expected)
        aspects.setdefault(one.column, set()).update(_ASPECTS.get(one.kind, ()))
    columns = []
    for old in present.columns:
        new = fresh.column(old.name)
        if new is not None:
            columns.append(_amended(old, new, aspects.get(old.name, set()), whole=old.name in whole))
        elif old.only == "serving":
            columns.append(old)
    known = {one.name for one in columns}
    columns += [one for one in fresh.columns if one.name not in known]
    relations = tuple(one for one in present.relations if clean(one.words, 200) not in broken)
    key = present.key if not any(one.kind == "duplicate key" for one in findings) else fresh.key
    amended = replace(present, columns=tuple(columns))
    relations = tuple(one for one in relations if is_possible(one, amended))
    amended = replace(amended, relations=relations, key=key if all(amended.column(one) for one in key) else ())
    return amended if amended == present else replace(amended, rows=fresh.rows)


def _amended(old: ColumnSchema, new: ColumnSchema, aspects: set[str], *, whole: bool) -> ColumnSchema:
    if whole:
        return replace(new, only=old.only)
    changed = replace(old, **{name: getattr(new, name) for name in aspects})
    if changed.values and old.values and "values" in aspects:
        both = {*old.values, *changed.values}
        changed = replace(changed, values=tuple(sorted(both, key=lambda one: (isinstance(one, str), one))))
    return changed
