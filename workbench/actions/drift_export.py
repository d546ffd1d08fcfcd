"""Checks for drift as charts and tables that can be exported."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from workbench.actions import drift_guard
from workbench.data import profile
from workbench.data.profile import ColumnProfile
from workbench.drift.report import Report, WindowDrift
from workbench.errors import UsageError
from workbench.pictures.model import Bars, Cell, Heat, Table
from workbench.safe import clean

_ROWS = 60
_BINS = 16


def over_windows(found: Report) -> Heat:
    """Return the effects of the columns that drifted most, window by window; the title says where not all are there."""
    windows = found.judged_windows
    effects = {
        name: tuple(one.effect if (one := window.column(name)) and one.judged else None for window in windows)
        for name in found.column_names()
    }
    known = [name for name, row in effects.items() if any(value is not None for value in row)]
    names = tuple(known[:_ROWS])
    cells = tuple(effects[name] for name in names)
    title = f"Drift of {found.current}{f' by {found.by}' if found.by else ''} against {found.reference}"
    title += f", {_ROWS} of {len(known):,} columns" if len(known) > _ROWS else ""
    high = max((value for row in cells for value in row if value is not None), default=1.0)
    return Heat(title, "effect", names, tuple(one.label for one in windows), cells, high or 1.0)


def distributions(window: WindowDrift, name: str = "") -> Bars:
    """Return a column, by default the one that drifted most, on both sides; raises UsageError where there are none."""
    for one in [name] if name else [column.name for column in window.columns]:
        pair = [None if side is None else side.column(one) for side in (window.reference_profile, window.profile)]
        if pair[0] is None or pair[1] is None:
            continue
        if drift_guard.guards(window, one):
            if name:
                raise UsageError(
                    f"{clean(name)} has no chart: {drift_guard.WORDS}", "Export the report as .csv or .md."
                )
            continue
        found = bins(pair[0].drawn, pair[1].drawn)
        if found:
            shares = tuple(bin.reference for bin in found), tuple(bin.current for bin in found)
            names = tuple(bin.name for bin in found)
            return Bars(
                f"{one}: {window.label} against {window.reference}", names, (window.reference, window.label), shares
            )
    what = f"{clean(name)} has" if name else "There are"
    raise UsageError(f"{what} no values on both sides", "Export the report as .csv or .md.")


@dataclass(frozen=True)
class Bin:
    """A value, or a range of them, with its share of all rows on both sides."""

    name: str
    reference: float
    current: float


def bins(reference: ColumnProfile, current: ColumnProfile) -> list[Bin]:
    """Return values or ranges with their shares on both sides, what is missing or not finite last.

    Of ranges the outer ones are open where a few values lie far outside.
    """
    sides = (reference, current)
    scales = reference.is_scale and current.is_scale
    many = max(len(one.knots) or len(one.values) for one in sides) > _BINS
    found = _ranges(reference, current) if scales and many else _values(sides, in_order=scales)
    for name, of in (("missing", "missing"), ("NaN", "nan"), ("+∞", "plus_infinite"), ("−∞", "minus_infinite")):
        odd = [getattr(one, of) / max(one.count, 1) for one in sides]
        if any(odd):
            found.append(Bin(f"({name})", odd[0], odd[1]))
    return found


def _ranges(reference: ColumnProfile, current: ColumnProfile) -> list[Bin]:
    span = profile.span_of([reference, current])
    if span is None or span[0] >= span[1]:
        return []
    bounds = profile.edges(span, _BINS)
    shares = [
        [share * one.known / one.count for share in profile.bin_shares(one, bounds)] for one in (reference, current)
    ]
    names = [f"from {_shown(reference, bound)}" for bound in bounds[:-1]]
    if any(one.low is not None and one.low < span[0] for one in (reference, current)):
        names[0] = f"< {_shown(reference, bounds[1])}"
    if any(one.high is not None and one.high > span[1] for one in (reference, current)):
        names[-1] = f"≥ {_shown(reference, bounds[-2])}"
    return [Bin(name, before, after) for name, before, after in zip(names, *shares, strict=True)]


def _values(sides: tuple[ColumnProfile, ColumnProfile], *, in_order: bool) -> list[Bin]:
    counts = [dict(one.values) for one in sides]
    names = sorted(counts[0].keys() | counts[1].keys(), key=lambda name: -sum(side.get(name, 0) for side in counts))
    if in_order:
        names.sort(key=float)
    found = []
    for name in names[:_BINS]:
        shares = [side.get(name, 0) / max(one.count, 1) for side, one in zip(counts, sides, strict=True)]
        found.append(Bin(name if isinstance(name, str) else _shown(sides[0], name), shares[0], shares[1]))
    return found


def _shown(column: ColumnProfile, value: float) -> str:
    """Return a value as text: a number, or a moment in UTC where the column holds such."""
    if column.kind != "time":
        return f"{value:.4g}"
    try:
        moment = datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        return f"{value:.4g}"
    return moment.strftime("%Y-%m-%d" if value % 86_400 == 0 else "%Y-%m-%d %H:%M")


def table(found: Report, window: WindowDrift | None = None) -> Table:
    """Return one row for each column of each window, or of one window."""
    heads = ("window", "rows", "column", "kind", "verdict", "effect", "adjusted p", "missing before", "missing", "why")
    rows: list[tuple[Cell, ...]] = [
        (
            one.label, one.rows, column.name, column.kind, column.verdict, column.effect, column.p,
            column.reference_missing, column.missing, column.why,
        )
        for one in ([window] if window is not None else found.windows)
        for column in one.columns
    ]  # fmt: skip
    return Table(f"Drift of {found.current} against {found.reference}", heads, tuple(rows))
