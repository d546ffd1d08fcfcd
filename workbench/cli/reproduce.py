"""`workbench reproduce`: runs a run again from its stored code, data and parameters, and compares the results."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from workbench import project as projects
from workbench.actions import reproduce as actions
from workbench.cli import output
from workbench.cli.output import Cell, Column
from workbench.cli.parsing import add_json, add_run
from workbench.cli.run import stay
from workbench.runs.repetition import Verdict
from workbench.safe import clean

_ROLES = {"identical": "good", "equal": "good", "different": "bad", "failed": "bad"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run, and whether its packages too."""
    parser.epilog = (
        "Exit code: 0 identical or equal within [reproduce] of workbench.toml, 1 different or failed. The verdict stays"
        " on both runs."
    )
    add_run(parser)
    parser.add_argument("--environment", action="store_true", help="install the recorded packages and run with them")
    parser.add_argument("--detach", action="store_true", help="print the number and return at once")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run it again and print the verdict."""
    project = projects.find(args.folder)
    number = actions.start(project, args.run, environment=args.environment, tell=output.say)
    if args.detach:
        print(number)
        return 0
    stay(project, number, quiet=True)
    found = actions.verdict_on(project, number)
    if found is None:
        output.say(f"There is no verdict; workbench show {number} tells how the run ended.")
        return 1
    if args.json:
        output.print_json(document(found))
    else:
        show(found)
    return 0 if found.verdict in ("identical", "equal") else 1


def document(found: Verdict) -> dict[str, Any]:
    """Return a verdict as an object."""
    return {"run": found.run, "original": found.original, **found.facts}


def show(found: Verdict) -> None:
    """Print a verdict with its evidence."""
    words = output.paint(found.verdict, _ROLES[found.verdict], colours=output.colourful(sys.stdout))
    print(f"run {found.run} repeats run {found.original}: {words}")
    rows: list[list[str | Cell]] = [
        [clean(part["name"]), _likeness(part), clean(part["words"])] for part in _parts(found.facts)
    ]
    if rows:
        output.table([Column("", least=8), Column(""), Column("", least=10)], rows)
    if differences := found.facts["differences"]:
        print("\nwhat differs, most suspicious first")
        facts: list[list[str | Cell]] = [
            [one["suspect"], clean(one["name"]), _short(one["old"]), _short(one["new"])] for one in differences
        ]
        output.table([Column(""), Column("", least=8), Column("then", least=8), Column("now", least=8)], facts)
    elif found.verdict == "different":
        print("\nCode, data, parameters, packages, seeds, threads and hardware are the same: it is not deterministic.")


def _parts(facts: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return [*facts["metrics"], *facts["outputs"]]


def _likeness(part: Mapping[str, Any]) -> Cell:
    return Cell(part["likeness"], _ROLES[part["likeness"]])


def _short(value: str) -> str:
    return clean(value, 40) if value else "none"
