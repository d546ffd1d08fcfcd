"""`workbench data profile` and `workbench data diff`: what data holds, and what changed."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench import project as projects
from workbench.actions import data_tables as actions
from workbench.actions.data_sides import Side
from workbench.actions.data_tables import Difference
from workbench.cli import output
from workbench.cli.output import Cell, Column
from workbench.cli.parsing import add_json
from workbench.cli.reading import ReadingProgress
from workbench.data import difference, profile
from workbench.data.difference import Shift, TableDifference
from workbench.data.masking import hidden_difference, hidden_table
from workbench.data.profile import ColumnProfile, TableProfile
from workbench.lineage.formats import counted
from workbench.project import Project
from workbench.safe import clean

_VERSION_HELP = "@latest, @previous, the beginning of a hash, run:3, or now"
_FILES = 40


def add(subparsers: Any) -> None:
    """Add both commands."""
    one = subparsers.add_parser("profile", help="what a table holds: types, ranges, missing values, distributions")
    one.add_argument("path", metavar="PATH[@HASH]", nargs="?", default="", help="default: the training data as it is")
    _add_key(one)
    add_json(one)
    one.set_defaults(run=run_profile)
    two = subparsers.add_parser("diff", help="what changed from one version to another: columns, rows, distributions")
    two.add_argument("path", metavar="PATH", nargs="?", default="", help="default: the training data")
    two.add_argument("old", metavar="OLD", nargs="?", default="", help=f"{_VERSION_HELP}; default: the version before")
    two.add_argument("new", metavar="NEW", nargs="?", default="", help="the same; default: now")
    _add_key(two)
    add_json(two)
    two.set_defaults(run=run_diff)


def _add_key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--key", metavar="COLUMN[,…]", default="", help="tells rows apart (default: as workbench.toml has it)"
    )


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _path_of(project: Project, folder: Path, text: str) -> tuple[str, Path | None]:
    """Return a path as the store has it, relative to the project; and the file itself where it lies outside."""
    if not text or "://" in text:
        return text, None
    place = folder / text
    if not place.exists() and (project.folder / text).exists():
        place = project.folder / text
    absolute = Path(place.parent.resolve(), place.name)
    root = project.folder.resolve()
    if absolute.is_relative_to(root):
        return absolute.relative_to(root).as_posix(), None
    return text, absolute if absolute.is_file() else None


# --- profile


def run_profile(args: argparse.Namespace) -> int:
    """Print what a table holds."""
    project = projects.find(args.folder)
    name, at = args.path, ""
    if "@" in name and not (args.folder / name).exists():
        name, _, at = name.rpartition("@")
        at = f"@{at}" if at in ("latest", "previous") else at
    path, outside = _path_of(project, args.folder, name)
    shown = ReadingProgress(sys.stderr.isatty())
    try:
        side, found = actions.profile_of(project, path, at, _names(args.key), outside=outside, progress=shown)
    finally:
        shown.end()
    path = path or actions.training_data(project)
    found = hidden_table(project.config.policy, found)
    if args.json:
        output.print_json({"path": path, "hash": side.hash or None, "size": side.size, **profile_document(found)})
    else:
        _print_profile(path, side, found)
    return 0


def profile_document(found: TableProfile) -> dict[str, Any]:
    """Return a profile as a document: with quantiles by name and a histogram instead of what only merging needs."""
    return {
        "format": found.format,
        "rows": found.rows,
        "key": list(found.key),
        "duplicate_rows_of_key": found.duplicates,
        "columns": [_column_document(one) for one in found.columns],
    }


def _column_document(one: ColumnProfile) -> dict[str, Any]:
    known: dict[str, Any] = {
        name: getattr(one, name)
        for name in ("name", "type", "kind", "count", "missing", "nan", "plus_infinite", "minus_infinite", "distinct")
    }
    known["distinct_by"] = "counted" if one.exact else profile.ESTIMATE
    known["values"] = [{"value": value, "count": count} for value, count in one.values[:20]]
    if one.is_scale:
        show = output.iso if one.kind == "time" else _same
        known |= {"min": show(one.low), "max": show(one.high), "mean": show(one.mean), "std": one.deviation}
        known["quantiles"] = {str(at): show(one.quantile(at)) for at in difference.QUANTILES}
        span = profile.span_of([one])
        if span is not None:
            bounds = profile.edges(span, 20)
            known["histogram"] = {"edges": list(bounds), "shares": list(profile.bin_shares(one, bounds))}
    return known


def _same(value: float | None) -> float | None:
    return value


def _print_profile(path: str, side: Side, found: TableProfile) -> None:
    shape = f"{counted(found.rows, 'row')}, {counted(len(found.columns), 'column')}"
    words = f"{shape}, {output.size(side.size)}, {found.format}"
    if found.duplicates is not None:
        repeat = "repeats" if found.duplicates == 1 else "repeat"
        words += f"; {counted(found.duplicates, 'row')} {repeat} the key {', '.join(found.key)}"
    print(clean(f"{path} ({side.label}): {words}"))
    heads = [
        Column("column", least=8), Column("type", least=6), Column("missing", right=True), Column("odd", right=True),
        Column("distinct", right=True), Column("min", right=True), Column("median", right=True),
        Column("mean", right=True), Column("max", right=True), Column("std", right=True),
        Column("most frequent", least=10),
    ]  # fmt: skip
    output.table(heads, [_profile_line(one) for one in found.columns])


def _profile_line(one: ColumnProfile) -> list[str | Cell]:
    odd = one.nan + one.plus_infinite + one.minus_infinite
    sign = "" if one.exact else "~"
    return [
        one.name,
        Cell(one.type, "dim"),
        _share(one.missing_share, one.missing),
        Cell(f"{odd:,}", "warn") if odd else "",
        f"{sign}{one.distinct:,}",
        *(value_text(one, value) for value in (one.low, one.quantile(0.5), one.mean, one.high)),
        "" if one.kind == "time" else output.number(one.deviation),
        ", ".join(f"{clean(value_name(one, value), 24)} {count / one.count:.0%}" for value, count in one.values[:3]),
    ]


def _share(share: float, count: int) -> Cell | str:
    return Cell(f"{share:.1%}" if share >= 0.0005 else f"{count:,}", "warn") if count else ""


def value_text(column: ColumnProfile, value: float | None) -> str:
    """Return a value of a column: a number, or a moment where the column holds such."""
    if value is None:
        return ""
    return moment(value) if column.kind == "time" else output.number(value)


def value_name(column: ColumnProfile, value: Any) -> str:
    """Return a counted value as text."""
    return value if isinstance(value, str) else value_text(column, value)


def moment(seconds: float) -> str:
    """Return seconds since the epoch as a date, with the time of day where there is one."""
    try:
        parts = time.gmtime(seconds)
    except (OverflowError, OSError, ValueError):
        return output.number(seconds)
    return time.strftime("%Y-%m-%d" if seconds % 86400 == 0 else "%Y-%m-%d %H:%M", parts)


# --- diff


def run_diff(args: argparse.Namespace) -> int:
    """Print what changed; it is no check, so that the exit code is 0 whatever it is."""
    project = projects.find(args.folder)
    path, _ = _path_of(project, args.folder, args.path)
    shown = ReadingProgress(sys.stderr.isatty())
    try:
        found = actions.diff(project, path, args.old, args.new, _names(args.key), progress=shown)
    finally:
        shown.end()
    if found.table is not None:
        found = replace(found, table=hidden_difference(project.config.policy, found.table))
    if args.json:
        output.print_json(diff_document(found))
    else:
        _print_diff(found)
    return 0


def diff_document(found: Difference) -> dict[str, Any]:
    """Return a difference as a document."""
    sides = {
        name: {"version": side.label, "hash": side.hash or None, "size": side.size}
        for name, side in (("old", found.old), ("new", found.new))
    }
    known: dict[str, Any] = {"path": found.path, **sides}
    if found.folder is not None:
        one = found.folder
        changed = [{"path": path, "old_size": old, "new_size": new} for path, (old, new) in one.changed.items()]
        files = {name: [{"path": p, "size": s} for p, s in getattr(one, name).items()] for name in ("added", "removed")}
        return {**known, "kind": "folder", **files, "changed": changed, "unchanged": one.unchanged}
    assert found.table is not None
    return {**known, **difference.to_json(found.table)}


def _print_diff(found: Difference) -> None:
    print(clean(f"{found.path}: {found.old.label} → {found.new.label}"))
    if found.folder is not None:
        _print_files(found)
        return
    table = found.table
    assert table is not None
    print(rows_text(table))
    for sign, role, columns in (("+", "good", table.added), ("-", "bad", table.removed)):
        for one in columns:
            print(output.paint(clean(f"{sign} column {one.name} ({one.type})"), role, colours=_colours()))
    for it in table.retyped:
        print(output.paint(clean(f"~ column {it.name}: {it.old.type} → {it.new.type}"), "mark", colours=_colours()))
    moved = [one for one in sorted(table.shifts, key=lambda one: -one.size) if one.size > 0]
    if moved:
        print()
        heads = [
            Column("column", least=8), Column("distance", right=True), Column(""), Column("missing", right=True),
            Column("mean", right=True), Column("median", right=True), Column("5 % … 95 %", least=12),
            Column("values", least=10),
        ]  # fmt: skip
        output.table(heads, [shift_line(one) for one in moved])
        print(
            "\nKS: largest gap of the two distribution functions; TV: share of rows with another value; 0 same, 1 apart"
        )
    same = len(table.shifts) - len(moved)
    if same:
        print(f"The same distribution: {counted(same, 'column')}")


def _colours() -> bool:
    return output.colourful(sys.stdout)


def rows_text(table: TableDifference) -> str:
    """Return in one line how many rows came, went and changed."""
    counts = f"rows {table.old.rows:,} → {table.new.rows:,}"
    rows = table.rows
    if rows is None:
        return counts
    by = f" by {', '.join(rows.key)}" if rows.key else ""
    changed = f", {rows.changed:,} changed" if rows.key else ""
    return clean(f"{counts}: {rows.added:,} added, {rows.removed:,} removed{changed}, {rows.unchanged:,} the same{by}")


def shift_line(one: Shift) -> list[str | Cell]:
    """Return how a column moved as cells: distance, missing, mean, median, range, new and gone values."""
    role = {"large": "bad", "small": "warn"}.get(one.level, "dim")
    glyph = {"large": "▲", "small": "◆"}.get(one.level, "·")
    distance = "" if one.distance is None else f"{one.measure} {one.distance:.3f}"
    if one.error > 0.0005:
        distance += f" ±{one.error:.3f}"
    before, after = f"{one.old.missing_share:.1%}", f"{one.new.missing_share:.1%}"
    missing = "" if before == after else f"{before} → {after}"
    return [
        one.name,
        Cell(distance or f"{one.old.kind} → {one.new.kind}", role),
        Cell(glyph, role),
        Cell(missing, role if abs(one.missing_change) >= difference.SMALL else ""),
        _arrow(one, lambda side: side.mean),
        _arrow(one, lambda side: side.quantile(0.5)),
        " → ".join(_range(side) for side in (one.old, one.new)) if one.measure == "KS" else "",
        "" if one.measure == "KS" else _novel(one),
    ]


def _arrow(one: Shift, of: Any) -> str:
    if one.measure != "KS":
        return ""
    before, after = (value_text(side, of(side)) for side in (one.old, one.new))
    return before if before == after else f"{before} → {after}"


def _range(side: ColumnProfile) -> str:
    return f"{value_text(side, side.quantile(0.05))} … {value_text(side, side.quantile(0.95))}"


def _novel(one: Shift) -> str:
    parts = []
    for word, values in (("new", one.fresh), ("gone", one.gone)):
        if values:
            shown = ", ".join(f"{clean(value, 24)} {share:.1%}" for value, share in values[:3])
            parts.append(f"{word}: {shown}" + (f" and {len(values) - 3} more" if len(values) > 3 else ""))
    return "; ".join(parts)


def _print_files(found: Difference) -> None:
    folder = found.folder
    assert folder is not None
    print(
        f"files: {len(folder.added)} added, {len(folder.removed)} removed, {len(folder.changed)} changed,"
        f" {folder.unchanged} the same"
    )
    lines = [("+", "good", path, output.size(size)) for path, size in folder.added.items()]
    lines += [("-", "bad", path, output.size(size)) for path, size in folder.removed.items()]
    lines += [
        ("~", "mark", path, f"{output.size(old)} → {output.size(new)}") for path, (old, new) in folder.changed.items()
    ]
    for sign, role, path, size in lines[:_FILES]:
        print(output.paint(f"{sign} {clean(path)}  {size}", role, colours=_colours()))
    if len(lines) > _FILES:
        print(f"… and {len(lines) - _FILES} more (--json has all)")
