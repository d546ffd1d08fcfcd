"""`workbench tag`: adds tags to a run, or removes them."""

from __future__ import annotations

import argparse

from workbench import project as projects
from workbench.actions import runs as actions
from workbench.cli import output
from workbench.cli.naming import numbers_of
from workbench.cli.parsing import add_json, add_run
from workbench.safe import clean


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run, which tags."""
    add_run(parser)
    parser.add_argument("tags", metavar="TAG", nargs="*", help="tags to add")
    parser.add_argument("--remove", metavar="TAG", action="append", default=[], help="a tag to remove; may be repeated")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Change the tags and print those that the run has afterwards."""
    project = projects.find(args.folder)
    (number,) = numbers_of(project, [args.run])
    tags = actions.tag(project, number, args.tags, args.remove)
    if args.json:
        output.print_json({"run": number, "tags": list(tags)})
    else:
        for tag in tags:
            print(clean(tag))
    return 0
