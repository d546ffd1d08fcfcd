"""`workbench data`: versions of data, taken, listed, brought back, compared and carried elsewhere."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import project as projects
from workbench.actions import data as actions
from workbench.cli import data_remote, data_schema, data_tables, output
from workbench.cli.output import Cell, Column
from workbench.cli.parsing import Parser, add_json
from workbench.config import Policy
from workbench.data.masking import hidden_facts
from workbench.safe import clean
from workbench.words import ranges

if TYPE_CHECKING:
    from workbench.versions.data import Taken

_HASH_DIGITS = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommands; each sets `run` to a function of the arguments."""
    subparsers = parser.add_subparsers(
        dest="what", required=True, metavar="WHAT", parser_class=_Parser, help="what to do with versions of data"
    )
    _add_snapshot(subparsers)
    _add_list(subparsers)
    _add_restore(subparsers)
    data_tables.add(subparsers)
    data_schema.add(subparsers)
    data_remote.add(subparsers)


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    return int(args.run(args))


class _Parser(Parser):
    def __init__(self, **options: Any) -> None:
        super().__init__(prog=options["prog"], description=options.get("description", ""))


# --- snapshot


def _add_snapshot(subparsers: Any) -> None:
    parser = subparsers.add_parser("snapshot", help="take versions of files and folders as they are now")
    parser.add_argument(
        "paths", metavar="PATH", nargs="*", help="a file, folder or glob (default: all that workbench.toml names)"
    )
    add_json(parser)
    parser.set_defaults(run=_snapshot)


def _snapshot(args: argparse.Namespace) -> int:
    project = projects.find(args.folder)
    patterns = [_from_project(args.folder, path) for path in args.paths]
    shown = _Progress(sys.stderr.isatty() and not args.json)
    try:
        taken = actions.snapshot(project, patterns, progress=shown)
    finally:
        shown.end()
    bad = any(item.problem for item in taken)
    if args.json:
        output.print_json([asdict(item) for item in taken])
        return 1 if bad else 0
    numbers = (Column(head, right=True) for head in ("size", "files", "rows"))
    columns = [Column("path", least=12), Column("version"), *numbers, Column("")]
    output.table(columns, [_taken_row(item) for item in taken])
    return 1 if bad else 0


def _from_project(folder: Path, path: str) -> str:
    """Return a path typed in `folder` as an absolute one, which the project then takes as its own."""
    return path if "://" in path else str(folder / path)


def _taken_row(item: Taken) -> list[str | Cell]:
    note = Cell(item.problem, "bad") if item.problem else Cell("" if item.kept else "facts only", "dim")
    rows = "" if item.rows is None else f"{item.rows:,}"
    files = f"{item.files:,}" if item.kind == "folder" else ""
    return [item.path, Cell(item.hash[:_HASH_DIGITS], "mark"), output.size(item.size), files, rows, note]


class _Progress:
    """One line on a terminal that says how far a snapshot is."""

    def __init__(self, shown: bool) -> None:
        self.shown = shown
        self._next = time.monotonic() + 0.5
        self._drawn = False

    def __call__(self, files: int, size: int) -> None:
        if self.shown and time.monotonic() >= self._next:
            self._next = time.monotonic() + 0.1
            self._drawn = True
            print(f"\r{files:,} files, {output.size(size)}\x1b[K", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Take the line away."""
        if self._drawn:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


# --- list


def _add_list(subparsers: Any) -> None:
    parser = subparsers.add_parser("list", help="the versions of each path, newest first")
    parser.add_argument("path", metavar="PATH", nargs="?", default="", help="only of this path")
    add_json(parser)
    parser.set_defaults(run=_list)


def _list(args: argparse.Namespace) -> int:
    project = projects.find(args.folder)
    path = actions.path_in(project, _from_project(args.folder, args.path)) if args.path else ""
    versions = actions.listed(project, path)
    if path and not versions:
        raise actions.none_of(project, path)
    if args.json:
        output.print_json([_document(project.config.policy, version) for version in versions])
        return 0
    if not versions:
        output.say("No version of any data yet: workbench data snapshot PATH")
        return 0
    now = time.time()
    columns = [
        Column("path", least=12),
        Column("version"),
        *(Column(head, right=True) for head in ("seen", "size", "files", "rows")),
        Column("kept"),
        Column("runs", least=6),
    ]
    output.table(columns, [_version_row(version, now) for version in versions])
    return 0


def _document(policy: Policy, version: actions.Version) -> dict[str, Any]:
    times = {"created": output.iso(version.created), "seen": output.iso(version.seen)}
    return {**asdict(version), **times, "facts": hidden_facts(policy, version.facts), "runs": list(version.runs)}


def _version_row(version: actions.Version, now: float) -> list[str | Cell]:
    return [
        version.path,
        Cell(version.hash[:_HASH_DIGITS], "mark"),
        f"{output.span(max(0.0, now - version.seen))} ago",
        output.size(version.size),
        f"{version.files:,}" if version.kind == "folder" else "",
        "" if version.rows is None else f"{version.rows:,}",
        Cell("yes" if version.kept else "no", "" if version.kept else "dim"),
        ranges(version.runs),
    ]


# --- restore


def _add_restore(subparsers: Any) -> None:
    parser = subparsers.add_parser("restore", help="bring a version back")
    parser.add_argument("path", metavar="PATH[@HASH]", help="which; without a hash, or with @latest, the newest")
    parser.add_argument("--at", metavar="DATE", default="", help="the version of that day or moment (UTC)")
    parser.add_argument("--to", metavar="DIR", default="", help="into this folder instead of the project")
    parser.add_argument("--force", action="store_true", help="even over content that is in no version")
    add_json(parser)
    parser.set_defaults(run=_restore)


def _restore(args: argparse.Namespace) -> int:
    project = projects.find(args.folder)
    at = actions.moment(args.at) if args.at else None
    version = actions.find(project, _from_project(args.folder, args.path), at=at)
    to = args.folder / args.to if args.to else None
    restored = actions.restore(project, version, to=to, force=args.force)
    if args.json:
        document = {"path": version.path, "hash": version.hash, "restored": str(restored.target)}
        output.print_json({**document, "left_out": restored.left_out})
        return 0
    output.say(f"Restored {clean(version.path)}@{version.hash[:_HASH_DIGITS]} to {clean(str(restored.target))}")
    if restored.note:
        output.say(restored.note)
    return 0
