"""`workbench note`: writes a note on a run."""

from __future__ import annotations

import argparse

from workbench import project as projects
from workbench.actions import runs as actions
from workbench.cli.naming import numbers_of
from workbench.cli.parsing import add_run
from workbench.safe import clean_block


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run, which words."""
    add_run(parser)
    parser.add_argument("text", metavar="TEXT", nargs="*", help='the note; "" removes it; without it, it is printed')


def run(args: argparse.Namespace) -> int:
    """Replace the note, or print it where no text is given."""
    project = projects.find(args.folder)
    if not args.text:
        note = actions.get(project, args.run).note
        if note:
            print(clean_block(note))
        return 0
    (number,) = numbers_of(project, [args.run])
    actions.note(project, number, " ".join(args.text))
    return 0
