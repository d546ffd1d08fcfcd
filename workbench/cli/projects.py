"""`workbench projects`: the folders that the terminal interface shows."""

from __future__ import annotations

import argparse
from pathlib import Path

from workbench.actions import projects as actions
from workbench.cli import output
from workbench.cli.output import Cell, Column
from workbench.cli.parsing import add_json
from workbench.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """List, add or remove."""
    parser.usage = "workbench projects [--json] [list | add [PATH] | remove PATH]"
    parser.add_argument(
        "what", nargs="?", choices=("list", "add", "remove"), default="list", help="default: list", metavar="ACTION"
    )
    parser.add_argument(
        "path", metavar="PATH", nargs="?", default="", help="a project folder; to remove, also its name"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Change the list where asked, else print it."""
    if args.what == "add":
        folder = args.folder / Path(args.path).expanduser()
        new = actions.add(folder)
        output.say(f"{folder} {'added' if new else 'was on the list already'}.")
    elif args.what == "remove":
        if not args.path:
            raise UsageError("Which one?", "workbench projects remove PATH")
        output.say(f"{actions.remove(args.path, args.folder)} is off the list; its files stay.")
    elif args.json:
        output.print_json(
            [
                {"folder": str(each.folder), "name": each.name, "missing": each.missing, "problem": each.problem}
                for each in actions.listed()
            ]
        )
    else:
        _print()
    return 0


def _print() -> None:
    found = actions.listed()
    if not found:
        output.say("No projects yet. In a project folder:  workbench init")
        return
    columns = [Column("name", least=8), Column("folder", least=12), Column("state", least=10)]
    rows: list[list[str | Cell]] = [
        [each.name, str(each.folder), Cell(each.problem or "ok", "bad" if each.problem else "dim")] for each in found
    ]
    output.table(columns, rows)
