"""`workbench init`: a new project from a template, or a folder adopted as it is."""

from __future__ import annotations

import argparse
from pathlib import Path

from workbench.actions import projects as actions
from workbench.cli import output
from workbench.cli.parsing import add_json
from workbench.paths import relative_to


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where, and from which template."""
    parser.epilog = (
        "A folder that exists is adopted: only workbench.toml and .workbench are written. A folder that does not exist"
        " is made from the template. No file is ever overwritten."
    )
    parser.add_argument("path", metavar="PATH", nargs="?", default=".", help="the folder (default: where you are)")
    parser.add_argument("--template", metavar="NAME", default="", help=f"one of: {', '.join(actions.TEMPLATES)}")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Make or adopt, and say what to do next."""
    made = actions.init(args.folder / Path(args.path).expanduser(), args.template)
    folder = made.project.folder
    if args.json:
        output.print_json(
            {
                "folder": str(folder),
                "name": made.project.name,
                "written": list(made.written),
                "kept": list(made.kept),
                "command": made.project.config.train.command,
                "notes": list(made.guess.notes) if made.guess else [],
            }
        )
        return 0
    for name in made.written:
        output.say(f"wrote {name}")
    for name in made.kept:
        output.say(f"kept {name} as it was")
    _tell(made, "" if folder == Path.cwd() else f"cd {relative_to(folder, Path.cwd())} && ")
    return 0


def _tell(made: actions.Made, step: str) -> None:
    if made.guess is not None:
        for note in made.guess.notes:
            output.say(f"note: {note}")
        if made.guess.command:
            output.say(f"It seems that `{made.guess.command}` trains; correct workbench.toml if it does not.")
    if made.project.config.steps and made.project.config.steps[0].command:
        output.say(f"Next: {step}workbench run")
    else:
        output.say("Next: name the command in workbench.toml, or: workbench run -- python SCRIPT")
