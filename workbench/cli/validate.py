"""`workbench validate`: data held against the schema and the policy; exit code 1 where an error was found."""

from __future__ import annotations

import argparse
import sys
import textwrap
from pathlib import Path
from typing import Any

from workbench import project as projects
from workbench.actions import data_schema
from workbench.actions import validate as actions
from workbench.actions.validate import Checked, Report
from workbench.cli import output
from workbench.cli.output import Cell, Column
from workbench.cli.parsing import add_json
from workbench.cli.reading import ReadingProgress, end_with_parent, unwind_when_stopped
from workbench.data.findings import Finding, shown
from workbench.project import Project
from workbench.safe import clean
from workbench.words import counted

_ROLES = {"error": "bad", "warning": "warn", "note": "dim"}
_GLYPHS = {"error": "✗", "warning": "▲", "note": "·"}
_LEAST_PROBABILITY = 1e-12
_WIDE = 150


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, and what kind of data it is."""
    parser.usage = "workbench validate [--serving] [--json] [FILE]"
    parser.epilog = (
        "Without FILE: the training and held-out data against schema.toml, and all named tables against [policy]. The"
        " final test data are left alone. Exit code: 0 no error, 1 errors, 2 a file that cannot be read."
    )
    parser.add_argument("path", metavar="FILE", nargs="?", default="", help="a table, or a folder of its parts")
    parser.add_argument("--serving", action="store_true", help="data as they come to the model: without the label")
    parser.add_argument("--for-run", type=int, default=0, help=argparse.SUPPRESS)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Check, keep and print."""
    unwind_when_stopped()
    project = projects.find(args.folder)
    if args.for_run:
        from workbench.actions import precheck

        end_with_parent()
        return precheck.for_run(project, args.for_run, progress=ReadingProgress(drawn=False))
    path = _place(project, args.folder, args.path) if args.path else None
    shown = ReadingProgress(sys.stderr.isatty() and not args.json)
    try:
        report = actions.check(project, path, environment="serving" if args.serving else "training", progress=shown)
    finally:
        shown.end()
    if args.json:
        output.print_json(document(report))
    else:
        _print(report, has_schema=data_schema.place(project).exists())
    actions.keep(project, report)
    return 0 if report.ok else 1


def _place(project: Project, folder: Path, path: str) -> str:
    """Return a typed path: relative to the folder it was typed in, else to the project."""
    if "://" in path:
        return path
    typed = folder / path
    return str(typed) if typed.exists() or not (project.folder / path).exists() else path


# --- the document


def document(report: Report) -> dict[str, Any]:
    """Return a report as a document."""
    return {
        "ok": report.ok,
        "created": output.iso(report.created),
        "run": report.run,
        "schema": {
            "accepted_by": report.accepted_by or None,
            "accepted": output.iso(report.accepted),
            "digest": report.digest,
        },
        "errors": report.count("error"),
        "warnings": report.count("warning"),
        "findings": [one.to_json() for one in report.findings],
        "tables": [
            {
                "path": one.path,
                "environment": one.environment,
                "hash": one.hash or None,
                "rows": one.rows,
                "columns": one.columns,
                "against_schema": one.schema,
                "findings": [each.to_json() for each in one.findings],
            }
            for one in report.tables
        ],
    }


# --- as text


def _print(report: Report, *, has_schema: bool) -> None:
    for table in report.tables:
        output.table([Column("")], [[_headline(table)]])
        if table.findings:
            print_findings(table.findings)
    if report.findings:
        print("The project")
        print_findings(report.findings)
    if not has_schema:
        output.say("There is no schema.toml yet: workbench data schema --accept")


def _headline(table: Checked) -> Cell:
    glyph = _GLYPHS.get(table.worst, "✓")
    size = "not read" if table.rows is None else f"{counted(table.rows, 'row')}, {counted(table.columns, 'column')}"
    serving = ", as serving data" if table.environment == "serving" else ""
    against = "" if table.schema else ", against the policy alone"
    return Cell(f"{glyph} {table.path}: {size}{serving}{against}", _ROLES.get(table.worst, "good"))


def print_findings(findings: tuple[Finding, ...]) -> None:
    """Print findings as a table, on a terminal that is too narrow for it each in two lines."""
    if sys.stdout.isatty() and output.columns_of_terminal() < _WIDE:
        _print_narrow(findings)
        return
    heads = [
        Column(""), Column("column", least=8), Column("finding"), Column("rows", right=True),
        Column("share", right=True), Column("chance", right=True), Column("what", least=24),
        Column("expected", least=10), Column("first rows", least=6), Column("such as", least=8),
    ]  # fmt: skip
    output.table(heads, [_line(one) for one in findings])


def _print_narrow(findings: tuple[Finding, ...]) -> None:
    colours, room = output.colourful(sys.stdout), output.columns_of_terminal() - 1
    for one in findings:
        name = f"{_GLYPHS[one.severity]} {clean(one.column, 60) or 'table'}: {one.kind}"
        count = f"{counted(one.count, 'row')} ({_share(one)})" if one.count else ""
        odds = f"chance {chance(one.probability)}" if one.probability is not None else ""
        print(", ".join(filter(None, (output.paint(name, _ROLES[one.severity], colours=colours), count, odds))))
        facts = {"expected": one.expected, "such as": ", ".join(map(shown, one.examples))}
        facts["first rows"] = ", ".join(f"{row:,}" for row in one.first)
        told = [one.words, *(f"{each} {value}" for each, value in facts.items() if value)]
        print(textwrap.fill(clean("; ".join(told)), room, initial_indent="  ", subsequent_indent="  "))


def _line(one: Finding) -> list[str | Cell]:
    role = _ROLES[one.severity]
    return [
        Cell(_GLYPHS[one.severity], role),
        one.column,
        Cell(one.kind, role),
        f"{one.count:,}" if one.count else "",
        _share(one) if one.count else "",
        chance(one.probability),
        one.words,
        Cell(one.expected, "dim"),
        ", ".join(f"{row:,}" for row in one.first),
        ", ".join(map(shown, one.examples)),
    ]


def _share(one: Finding) -> str:
    return f"{one.share:.1%}" if one.share >= 0.0005 else f"{one.share:.0e}"


def chance(probability: float | None) -> str:
    """Return the probability of a finding in good data as one reads it."""
    if probability is None:
        return ""
    if probability < _LEAST_PROBABILITY:
        return "0"
    return f"{probability:.2g}" if probability >= 1e-3 else f"{probability:.0e}"
