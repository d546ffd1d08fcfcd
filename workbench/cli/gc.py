"""`workbench gc`: shows what nothing needs any more, and removes it."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from workbench import project as projects
from workbench.actions import gc as actions
from workbench.cli import output
from workbench.cli.output import Column
from workbench.cli.parsing import add_json
from workbench.drift.sweep import KEPT
from workbench.errors import UsageError
from workbench.lineage.formats import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whether to remove, and whether to ask."""
    parser.add_argument("--dry-run", action="store_true", help="only show what would go")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Show, ask, remove."""
    project = projects.find(args.folder)
    waste = actions.look(project)
    if not args.json:
        _show(waste)
    removed = False
    if not args.dry_run and not waste.empty:
        if not args.yes and not _agreed(waste):
            output.say("Nothing was removed.")
            return 1
        waste, removed = actions.collect(project), True
        if not args.json:
            output.say(f"Removed; {output.size(waste.size)} are free again.")
    if args.json:
        output.print_json(_document(waste, removed=removed))
    return 0


def _document(waste: actions.Waste, *, removed: bool) -> dict[str, Any]:
    return {
        "removed": removed,
        "bytes": waste.size,
        "contents": waste.contents,
        "content_bytes": waste.content_bytes,
        "code_files": len(waste.code),
        "leftovers": list(waste.leftovers),
        "expired": [
            {"path": each.path, "hash": each.hash, "size": each.size, "retention_days": each.days}
            for each in waste.expired
        ],
        "kept": waste.kept_contents,
        "drift_reports": len(waste.drift.reports),
        "drift_profiles": len(waste.drift.profiles),
        "drift_bytes": waste.drift.size,
    }


def _show(waste: actions.Waste) -> None:
    if waste.empty:
        output.say("Everything that is stored is needed.")
        return
    if waste.expired:
        columns = [Column("path", least=12), Column("version"), Column("size", right=True), Column("days", right=True)]
        rows = [[each.path, each.hash[:12], output.size(each.size), str(each.days)] for each in waste.expired]
        output.table(columns, rows)
        output.say("These are past the retention of their source; what is known of them stays.")
    if waste.drift.reports or waste.drift.profiles:
        output.say(
            f"{len(waste.drift.reports):,} reports of drift, which no alert needs and {KEPT} newer ones follow, and"
            f" {len(waste.drift.profiles):,} profiles of data that are gone: {output.size(waste.drift.size)}."
        )
    counts = {"content": waste.contents, "code file": len(waste.code), "unfinished write": len(waste.leftovers)}
    parts = [counted(count, word) for word, count in counts.items() if count]
    if parts:
        are = "is" if parts[0].startswith("1 ") and len(parts) == 1 else "are"
        size = output.size(waste.size - waste.drift.size)
        output.say(f"{' and '.join(parts)} {are} needed by nothing: {size}.")


def _agreed(waste: actions.Waste) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("Removing needs an answer, and there is no terminal to ask on", "Add --yes, or --dry-run.")
    print(f"Remove {output.size(waste.size)}? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
