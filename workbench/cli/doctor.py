"""`workbench doctor`: what is here, what is missing, what to type."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import asdict

from workbench.actions.doctor import examine
from workbench.cli import output
from workbench.cli.output import Cell
from workbench.cli.parsing import add_json
from workbench.safe import clean

_SIGNS = {"good": "✓", "note": "·", "bad": "✗"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Only the form."""
    parser.epilog = "Exit code: 0 nothing is broken, 3 something is."
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print every finding; 3 where one is bad."""
    findings = examine(
        args.folder,
        environment=os.environ,
        encoding=sys.stdout.encoding or "",
        terminal=sys.stdin.isatty() and sys.stdout.isatty(),
    )
    bad = any(finding.state == "bad" for finding in findings)
    if args.json:
        output.print_json({"good": not bad, "findings": [asdict(finding) for finding in findings]})
        return 3 if bad else 0
    colours = output.colourful(sys.stdout)
    roles = {"good": "good", "note": "dim", "bad": "bad"}
    for finding in findings:
        sign = Cell(_SIGNS[finding.state], roles[finding.state])
        print(f"{output.paint(sign.text, sign.role, colours=colours)} {finding.topic:<12}{clean(finding.text)}")
        if finding.hint:
            print(f"  {'':<12}{output.paint(clean(finding.hint), 'mark', colours=colours)}")
    return 3 if bad else 0
