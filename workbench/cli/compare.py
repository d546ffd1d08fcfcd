"""`workbench compare`: what differs between runs, and whether it matters."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench import project as projects
from workbench.actions import compare as actions
from workbench.actions import compare_export as exports
from workbench.actions.compare import Compared
from workbench.cli import output
from workbench.cli.compare_document import compare_document
from workbench.cli.output import Cell, Column
from workbench.cli.parsing import add_json
from workbench.project import Project
from workbench.runs.compare import Cell as Value
from workbench.runs.compare import Group, MetricCell, MetricRow, Row
from workbench.runs.model import GLYPHS, Run
from workbench.runs.significance import GroupSummary
from workbench.safe import clean
from workbench.versions.code import CodeDiff, FileDiff

_SIGNS = {"max": " ↑", "min": " ↓"}
_Line = list[str | Cell]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name the runs, what they are held against, and the form."""
    parser.add_argument(
        "runs", metavar="RUN", nargs="+", help="number, name, beginning of the id, @latest or @best; two or more"
    )
    parser.add_argument(
        "--baseline", metavar="RUN", help="hold the others against it (default: the pinned one, or the first)"
    )
    parser.add_argument("--metric", metavar="M", default="", help="only this metric, and its curve in a picture")
    parser.add_argument("--all", action="store_true", help="equal parameters, metrics, facts and packages too")
    parser.add_argument("--code", action="store_true", help="the changed lines of code too")
    form = parser.add_mutually_exclusive_group()
    add_json(form)  # type: ignore[arg-type]
    form.add_argument("--csv", action="store_true", help="print CSV with full digits")
    form.add_argument("--markdown", action="store_true", help="print a Markdown table")
    parser.add_argument("--export", metavar="FILE", help="also write the curve (.png, .svg) or the table (.csv, .md)")


def run(args: argparse.Namespace) -> int:
    """Compare the runs."""
    project = projects.find(args.folder)
    found = actions.compare(project, args.runs, args.baseline)
    actions.chosen_metric(project, found.runs, args.metric)  # an unknown one is refused before anything is printed
    if args.json:
        output.print_json(compare_document(project, found, metric=args.metric, with_lines=args.code))
    elif args.csv or args.markdown:
        _print_table(found, markdown=args.markdown)
    else:
        _print(project, found, args.metric, whole=args.all, with_lines=args.code)
    if args.export:
        _export(project, found, Path(args.export), args.metric)
    return 0


def _print_table(found: Compared, *, markdown: bool) -> None:
    from workbench.pictures.texts import to_csv, to_markdown

    table = exports.comparison_table(found)
    sys.stdout.write(to_markdown(table) if markdown else to_csv(table).replace("\r\n", "\n"))


def _export(project: Project, found: Compared, path: Path, metric: str) -> None:
    """Write the curves where a picture is asked for and there are any, else the table."""
    from workbench.actions.export import export, format_of
    from workbench.pictures.model import Exportable

    what: Exportable = exports.comparison_table(found)
    if format_of(path) in ("png", "svg"):
        chosen = actions.chosen_metric(project, found.runs, metric)
        if any(chosen in run.metrics and run.metrics[chosen].count > 1 for run in found.runs):
            what = exports.comparison_curves(found, chosen, actions.curves(project, found.runs, chosen))
    output.say(f"Wrote {export(project, what, path)}")


# --- the tables


def _print(project: Project, found: Compared, metric: str, *, whole: bool, with_lines: bool) -> None:
    diffs = [None if run is found.baseline else actions.code_diff(project, found.baseline, run) for run in found.runs]
    columns = [Column("", least=10), *(Column(_head(found, run), least=10) for run in found.runs)]
    lines: list[_Line] = [["status", *(f"{GLYPHS[run.status]} {run.status}" for run in found.runs)]]
    lines += _sections(found, metric, whole)
    lines += _code_lines(found, diffs)
    output.table(columns, lines)
    _print_hidden(found, metric, whole)
    _print_groups(found, metric)
    if with_lines:
        for run, diff in zip(found.runs, diffs, strict=True):
            if diff is not None:
                _print_code(f"code from run {found.baseline.number} to run {run.number}", diff)


def _head(found: Compared, run: Run) -> str:
    star = (" (pinned baseline)" if found.pinned else " (baseline)") if run is found.baseline else ""
    return f"{run.number} {run.name}{star}"


def _sections(found: Compared, metric: str, whole: bool) -> list[_Line]:
    comparison, lines = found.comparison, list[_Line]()
    metrics = [row for row in comparison.metrics if not metric or row.name == metric]
    shown_facts = [row for row in comparison.environment if whole or row.differs]
    data = [row for row in shown_facts if row.name.startswith(actions.DATA)]
    for title, rows in (
        ("PARAMETERS", [_row_line(row) for row in comparison.params if whole or row.differs]),
        ("METRICS", [_metric_line(row) for row in [*metrics, comparison.durations] if whole or metric or row.differs]),
        ("DATA", [_row_line(replace(row, name=row.name.removeprefix(actions.DATA))) for row in data]),
        ("ENVIRONMENT", [_row_line(row) for row in shown_facts if row not in data]),
        ("PACKAGES", [_row_line(row) for row in comparison.packages if whole or row.differs]),
    ):
        if rows:
            lines += [_title(title, found), *rows]
    return lines


def _title(title: str, found: Compared) -> _Line:
    return [Cell(title, "bold"), *("" for _ in found.runs)]


def _row_line(row: Row) -> _Line:
    return [f"  {row.name}", *map(_value, row.cells)]


def _value(cell: Value) -> Cell:
    if not cell.present:
        return Cell("-", "mark" if cell.differs else "dim")
    return Cell(shown(cell.value), "mark" if cell.differs else "")


def shown(value: Any) -> str:
    """Return a value as a table shows it: a text as it is, all else as in JSON, numbers with six digits."""
    if isinstance(value, float):
        return output.number(value)
    return str(value) if isinstance(value, str) else str(exports.cell(value)).replace("None", "null")


def _metric_line(row: MetricRow) -> _Line:
    return [f"  {row.name}{_SIGNS.get(row.goal or '', '')}", *map(_metric_cell, row.cells)]


def _metric_cell(cell: MetricCell) -> Cell:
    """Write value, sign and difference: `0.912 ▼ -0.02 (-2.1%)`; the best one has a star."""
    if cell.value is None:
        return Cell("-", "dim")
    text = output.number(cell.value) + (" *" if cell.best else "")
    if cell.delta:
        sign = "" if cell.better is None else "▲ " if cell.better else "▼ "
        part = "" if cell.relative is None else f" ({cell.relative:+.1%})"
        text += f" {sign}{cell.delta:+.4g}{part}"
    return Cell(text, "" if cell.better is None else "good" if cell.better else "bad")


def _code_lines(found: Compared, diffs: Sequence[CodeDiff | None]) -> list[_Line]:
    cells: _Line = []
    for diff in diffs:
        cells.append("" if diff is None else Cell(_code_words(diff), "mark" if diff.files or diff.problem else ""))
    files = sorted({file.path for diff in diffs if diff for file in diff.files})
    lines: list[_Line] = [_title("CODE", found), ["  changes", *cells]]
    lines += [[f"  {path}", *(_file_words(diff, path) for diff in diffs)] for path in files[:20]]
    if len(files) > 20:
        lines.append([f"  … {len(files) - 20} more files", *("" for _ in found.runs)])
    return lines


def _code_words(diff: CodeDiff) -> str:
    if diff.problem:
        return f"not known: {diff.problem}"
    count = len(diff.files)
    return f"{count} {'file' if count == 1 else 'files'} +{diff.added} -{diff.removed}" if count else "same"


def _file_words(diff: CodeDiff | None, path: str) -> str:
    file = next((file for file in diff.files if file.path == path), None) if diff else None
    return "" if file is None else f"{file.status} +{file.added} -{file.removed}"


def _print_hidden(found: Compared, metric: str, whole: bool) -> None:
    """Say how much was the same, and how to see it."""
    if whole:
        return
    comparison = found.comparison
    counts = [
        (len([row for row in rows if not row.differs]), word)
        for rows, word in (
            (comparison.params, "parameters"),
            ((() if metric else comparison.metrics), "metrics"),
            (comparison.environment, "facts"),
            (comparison.packages, "packages"),
        )
    ]
    if parts := [f"{count} {word if count > 1 else word[:-1]}" for count, word in counts if count]:
        print(f"\nThe same in all: {', '.join(parts)} (--all shows them)")


# --- groups and significance


def _print_groups(found: Compared, metric: str) -> None:
    """Print mean and interval of each group, and whether it really differs from the baseline's."""
    groups = found.comparison.groups
    if len(groups) < 2 and not found.comparison.repeated:
        return
    if not found.comparison.repeated:
        verdicts = [one.verdict for group in groups for one in group.against.values()]
        print("\nWhether a difference is real:", verdicts[0] if verdicts else "nothing to compare")
        return
    names = [row.name for row in found.comparison.metrics if not metric or row.name == metric]
    names = [name for name in names if any(name in group.metrics for group in groups)]
    lines: list[_Line] = [
        [name, group_name(group), *_group_cells(group, group.metrics[name], name)]
        for name in names
        for group in groups
        if name in group.metrics
    ]
    print()
    heads = [Column("GROUPS", least=8), Column("group", least=12), Column("n", right=True), Column("mean", right=True)]
    output.table([*heads, Column("95% interval"), Column("against the baseline's group")], lines)


def group_name(group: Group) -> str:
    """Return the runs of a group and what sets it apart."""
    runs = ",".join(map(str, group.runs))
    apart = " ".join(f"{name}={shown(value)}" for name, value in group.apart.items())
    return f"{runs}: {apart}" if apart else runs


def _group_cells(group: Group, stats: GroupSummary, name: str) -> list[str | Cell]:
    interval = "" if stats.low is None else f"{output.number(stats.low)} … {output.number(stats.high)}"
    left = len(group.unfinished)
    verdict = "the baseline's group" if group.baseline else group.against[name].verdict if name in group.against else ""
    role = {"real": "good", "too few": "warn", "constant": "warn"}
    outcome = group.against[name].outcome if name in group.against else ""
    note = f" ({left} not finished, left out)" if left else ""
    return [str(stats.n), output.number(stats.mean), interval, Cell(verdict + note, role.get(outcome, "dim"))]


# --- code


def _print_code(title: str, diff: CodeDiff) -> None:
    colours = output.colourful(sys.stdout)
    print(f"\n{title}: {_code_words(diff)}")
    for file in diff.files:
        print(output.paint(f"{file.status} {clean(file.path)}", "bold", colours=colours))
        _print_file(file, colours)


def _print_file(file: FileDiff, colours: bool) -> None:
    if file.note:
        print(f"  {clean(file.note)}")
    for line in file.lines:
        role = {"+": "good", "-": "bad", "@": "mark"}.get(line[:1], "")
        print("  " + output.paint(clean(line.expandtabs(4), 4000), role, colours=colours))
