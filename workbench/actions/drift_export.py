"""Checks for drift as charts and tables that can be exported."""

from __future__ import annotations

from workbench.data.profile import ColumnProfile
from workbench.drift.report import Report, WindowDrift
from workbench.errors import UsageError
from workbench.pictures.model import Cell, Curves, Line, Table
from workbench.safe import clean

_LINES = 8


def over_windows(found: Report) -> Curves:
    """Return the effect of the columns that drifted most, window by window."""
    windows = found.judged_windows
    lines = []
    for name in found.column_names()[:_LINES]:
        effects = [(at, one.effect) for at, window in enumerate(windows, 1) if (one := window.column(name)) is not None]
        if effects:
            lines.append(Line(name, tuple(float(at) for at, _ in effects), tuple(effect for _, effect in effects)))
    first, last = (windows[0].label, windows[-1].label) if windows else ("", "")
    title = f"Drift of {found.current} by {found.by or 'file'} against {found.reference}"
    return Curves(title, f"window, {first} to {last}", "effect", tuple(lines))


def distributions(window: WindowDrift, name: str = "") -> Curves:
    """Return the distribution functions of a column, by default of the numbers that drifted most, on both sides.

    Raises UsageError where it has none: only numbers and times do.
    """
    names = [name] if name else [one.name for one in window.columns]
    for one in names:
        pair = [None if side is None else side.column(one) for side in (window.reference_profile, window.profile)]
        if pair[0] is not None and pair[1] is not None and pair[0].base.is_scale and pair[1].base.is_scale:
            sides = ((window.reference, pair[0].base), (window.label, pair[1].base))
            lines = tuple(_function(label, side) for label, side in sides if side.known)
            return Curves(f"{one}: {window.label} against {window.reference}", one, "share at or below", lines)
    raise UsageError(f"{clean(name) or 'No column'} has no distribution function", "Export it as .csv or .md.")


def _function(label: str, side: ColumnProfile) -> Line:
    if side.knots:
        steps = len(side.knots) - 1
        return Line(label, side.knots, tuple(at / steps for at in range(steps + 1)))
    points, upto = side.steps
    return Line(label, tuple(points), tuple(count / upto[-1] for count in upto))


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
