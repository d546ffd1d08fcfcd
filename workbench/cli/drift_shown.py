"""What `workbench drift` prints: tables, one column with both distributions, and documents."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from workbench.actions import drift_guard
from workbench.actions.drift_export import bins
from workbench.cli import output
from workbench.cli.output import Cell, Column
from workbench.data.profile import ColumnProfile
from workbench.drift.alerts import Alert
from workbench.drift.report import GLYPHS, ColumnDrift, Judged, Report, WindowDrift
from workbench.safe import clean
from workbench.words import counted

_ROLES = {"drift": "bad", "missing": "bad", "empty": "bad", "warn": "warn", "new": "warn", "ok": "good"}
_SHOWN = 8
_BAR = 24


def mark(verdict: str) -> Cell:
    """Return a verdict with its glyph and colour."""
    return Cell(f"{GLYPHS[verdict]} {verdict}", _ROLES.get(verdict, "dim"))


# --- tables


def print_report(found: Report, open_alerts: int) -> None:
    """Print windows by the columns that drifted most."""
    _head(found)
    names = [name for name in found.column_names() if _told(found, name)][:_SHOWN]
    columns = [Column("window", least=8), Column("rows", right=True), Column(""), Column("columns", right=True)]
    together = any(one.domain is not None for one in found.windows)
    columns += [Column("together", right=True)] if together else []
    columns += [Column(name, right=True, least=6) for name in names]
    output.table(columns, [_window_line(one, names, together=together) for one in found.windows])
    if together:
        print(
            "\nTogether: how well a classifier tells all columns from the reference, AUC out of fold (0.5 by chance)."
        )
    hidden = len(found.column_names()) - len(names)
    if found.why_nothing:
        print(f"\n{found.why_nothing}")
    if names:
        print(f"\nEffects from 0 to 1; · is below {found.settings.warn:g} or chance." + _hidden(hidden))
    _foot(found, open_alerts)


def _hidden(count: int) -> str:
    return f" {counted(count, 'more column')}: workbench drift show --window LABEL" if count > 0 else ""


def _told(found: Report, name: str) -> bool:
    return any(
        column is not None and column.verdict not in ("ok", "insufficient")
        for column in (window.column(name) for window in found.windows)
    )


def _domain(one: WindowDrift) -> str:
    return "" if one.domain is None else f"AUC {one.domain.auc:.3f} p {one.domain.p:.2g}"


def _window_line(one: WindowDrift, names: Sequence[str], *, together: bool) -> list[str | Cell]:
    bad = sum(1 for column in one.columns if column.verdict in ("drift", "missing", "empty"))
    return [
        one.label, f"{one.rows:,}", mark(one.verdict), str(bad) if bad else "",
        *([_domain(one)] if together else []), *(_effect(one.column(name)) for name in names),
    ]  # fmt: skip


def _effect(column: ColumnDrift | None) -> str | Cell:
    if column is None:
        return ""
    if column.verdict == "ok":
        return Cell("·", "dim")
    shown = f"{column.effect:.2f} " if column.verdict in ("warn", "drift") else ""
    return Cell(f"{shown}{GLYPHS[column.verdict]}", _ROLES.get(column.verdict, "dim"))


def _head(found: Report) -> None:
    by = f" by {found.by}" if found.by else ""
    number = f"report {found.id}: " if found.id else ""
    print(clean(f"{number}{found.current}{by} against {found.reference}"))


def _foot(found: Report, open_alerts: int) -> None:
    if found.undated:
        print(f"{counted(found.undated, 'row')} without a time: in no window.")
    for note in found.notes:
        print(f"◆ {clean(note, 300)}")
    print_start(found)
    if found.false_alerts is not None and found.judged_windows:
        most = f", {found.most_false_alerts:.2g} at most" if found.most_false_alerts is not None else ""
        print(f"Without any drift these settings raise {found.false_alerts:.1g} alerts a month{most}.")
    if open_alerts:
        print(f"{counted(open_alerts, 'open alert')}: workbench drift alerts")


def print_start(found: Report) -> None:
    """Print which run the alerts of a report started, or why none."""
    if found.started:
        print(f"{'◆' if found.not_started else '▶'} {clean(found.started, 300)}")


def print_window(found: Report, window: WindowDrift) -> None:
    """Print all columns of one window."""
    _head(found)
    if window.verdict == "reference":
        print(clean(f"{window.label}: {counted(window.rows, 'row')}, held against nothing"))
        return
    bad = [one for one in window.columns if one.verdict in ("drift", "missing", "empty")]
    share = f"{len(bad)} of {counted(len(window.columns), 'column')}"
    words = f"{window.label}: {counted(window.rows, 'row')}, {share} drift{'s' if len(bad) == 1 else ''}"
    print(output.paint(clean(words), mark(window.verdict).role, colours=output.colourful(sys.stdout)))
    columns = [Column("column", least=8), Column("kind"), Column(""), Column("effect", right=True)]
    if any(one.weight is not None for one in window.columns):
        columns.append(Column("weight", right=True))
    columns += [Column("missing", right=True), Column("why", least=20)]
    output.table(columns, [_column_line(one, len(columns) == 7) for one in window.columns])
    if window.domain is not None:
        one = window.domain
        used = f"; it uses {', '.join(one.columns)}" if one.columns else ""
        print(
            clean(f"classifier: AUC {one.auc:.3f} out of fold, p {one.p:.2g} of {one.permutations} permutations{used}")
        )
    _foot(found, 0)


def _column_line(one: ColumnDrift, weighed: bool) -> list[str | Cell]:
    before, after = f"{one.reference_missing:.1%}", f"{one.missing:.1%}"
    missing = (
        "" if not one.missing and not one.reference_missing else before if before == after else f"{before} → {after}"
    )
    kind = one.kind if one.role in ("feature", "id") else f"{one.kind} ({one.role})"
    line: list[str | Cell] = [one.name, Cell(kind, "dim"), mark(one.verdict), f"{one.effect:.3f}" if one.judged else ""]
    if weighed:
        line.append("" if one.weight is None else f"{one.weight:.0%}")
    return [*line, missing, one.why]


def print_column(window: WindowDrift, name: str) -> None:
    """Print the statistics of one column, and its distribution on both sides."""
    column = window.column(name)
    assert column is not None
    print(clean(f"{name} in {window.label} against {window.reference}"))
    verdict = mark(column.verdict)
    print(output.paint(verdict.text, verdict.role, colours=output.colourful(sys.stdout)), clean(column.why))
    if column.judged:
        print()
        heads = [
            Column("statistic"),
            *(Column(head, right=True) for head in ("value", "by chance", "p", "adjusted", "effect")),
        ]
        output.table([*heads, Column("")], [_statistic_line(one) for one in column.judged])
    if drift_guard.guards(window, name):
        print(f"\n{drift_guard.WORDS}")
        return
    pair = [None if side is None else side.column(name) for side in (window.reference_profile, window.profile)]
    if pair[0] is not None and pair[1] is not None:
        print()
        _print_bins(pair[0].drawn, pair[1].drawn)


def _statistic_line(one: Judged) -> list[str | Cell]:
    found = one.statistic
    error = f" ±{found.error:.2g}" if found.error else ""
    numbers = [
        "" if value is None else f"{value:.3g}" for value in (found.expected, found.p, one.adjusted, found.effect)
    ]
    value = "" if found.value is None else f"{found.value:.4g}{error}"
    return [one.name, value, *numbers, Cell(found.note, "dim")]


def _print_bins(reference: ColumnProfile, current: ColumnProfile) -> None:
    found = bins(reference, current)
    if not found:
        return
    most = max((max(one.reference, one.current) for one in found), default=0.0) or 1.0
    heads = [
        Column("value", least=8), Column("reference", right=True), Column(""), Column("window", right=True), Column(""),
    ]  # fmt: skip
    lines: list[list[str | Cell]] = [
        [
            one.name, f"{one.reference:.1%}", Cell(_bar(one.reference / most), "mark"), f"{one.current:.1%}",
            Cell(_bar(one.current / most), "warn"),
        ]
        for one in found
    ]  # fmt: skip
    output.table(heads, lines)


def _bar(part: float) -> str:
    eighths = round(part * _BAR * 8)
    text = "█" * (eighths // 8) + ("" if eighths % 8 == 0 else " ▏▎▍▌▋▊▉"[eighths % 8])
    return text.ljust(_BAR)


# --- alerts


def alert_line(one: Alert) -> list[str | Cell]:
    """Return an alert as cells."""
    role = {"open": "bad", "acknowledged": "warn"}.get(one.state, "dim")
    parts = [f"by {one.acknowledged_by}" if one.acknowledged_by else "", f"run {one.run}" if one.run else ""]
    if one.cleared:
        parts.append(f"until {one.cleared}")
    note = ", ".join(part for part in parts if part)
    return [str(one.id), Cell(one.state, role), one.column, one.label, f"{one.effect:.3f}", one.series, note]


def alert_document(one: Alert) -> dict[str, Any]:
    """Return an alert as a document."""
    times = {"created": output.iso(one.created), "acknowledged": output.iso(one.acknowledged)}
    return {**vars(one), **times, "alert": one.id, "state": one.state}


# --- documents


def document(found: Report) -> dict[str, Any]:
    """Return a report as a document."""
    return {
        "report": found.id or None,
        "created": output.iso(found.created),
        "series": found.series,
        "reference": found.reference,
        "current": found.current,
        "by": found.by or None,
        "verdict": found.verdict,
        "settings": vars(found.settings),
        "undated_rows": found.undated,
        "notes": list(found.notes),
        "run": found.run,
        "run_not_started": found.not_started or None,
        "false_alerts_per_month": found.false_alerts,
        "most_false_alerts_per_month": found.most_false_alerts,
        "windows": [window_document(one) for one in found.windows],
    }


def window_document(one: WindowDrift) -> dict[str, Any]:
    """Return a window as a document."""
    return {
        "window": one.label,
        "start": output.iso(one.start),
        "end": output.iso(one.end),
        "rows": one.rows,
        "verdict": one.verdict,
        "reference": one.reference or None,
        "effect": one.effect,
        "classifier": None if one.domain is None else {**vars(one.domain), "columns": list(one.domain.columns)},
        "columns": [_column_document(column) for column in one.columns],
    }


def _column_document(one: ColumnDrift) -> dict[str, Any]:
    known = {name: value for name, value in vars(one).items() if name not in ("name", "judged")}
    statistics = [
        {"aspect": item.aspect or None, **vars(item.statistic), "adjusted_p": item.adjusted} for item in one.judged
    ]
    return {"column": one.name, **known, "statistics": statistics}


def pair_document(window: WindowDrift, name: str) -> dict[str, Any]:
    """Return both profiles of a column as a document."""
    found: dict[str, Any] = {}
    for key, side in (("reference_profile", window.reference_profile), ("window_profile", window.profile)):
        column = None if side is None else side.column(name)
        if column is None:
            found[key] = None
            continue
        base = column.base
        found[key] = {
            "count": base.count,
            "missing": base.missing,
            "distinct": base.distinct if base.exact else None,
            "min": base.low,
            "max": base.high,
            "mean": base.mean,
            "values": [list(pair) for pair in base.values],
            "quantiles": list(base.knots),
        }
    return found
