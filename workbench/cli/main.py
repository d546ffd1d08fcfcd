"""The command line: finds the command, imports that one alone, and shows every error in one way.

A command is a module with `add_arguments(parser)` and `run(args) -> int`; the table below is all that `--help` needs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from pathlib import Path

# name -> (module, what it does in one line)
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("workbench.cli.init", "make a new project, or adopt the folder you are in"),
    "projects": ("workbench.cli.projects", "the folders that the terminal interface shows"),
    "run": ("workbench.cli.run", "train, or run any command at all, and keep what happened"),
    "pipeline": ("workbench.cli.pipeline", "run the stages that are out of date, or say why they are"),
    "reproduce": ("workbench.cli.reproduce", "run a run again as it was, and compare the results"),
    "runs": ("workbench.cli.runs", "the table of runs"),
    "show": ("workbench.cli.show", "everything about one run"),
    "logs": ("workbench.cli.logs", "what a run printed"),
    "stop": ("workbench.cli.stop", "stop runs, or take them out of the queue"),
    "tag": ("workbench.cli.tag", "add tags to a run, or remove them"),
    "note": ("workbench.cli.note", "write a note on a run"),
    "delete": ("workbench.cli.delete", "remove runs with all they left behind"),
    "baseline": ("workbench.cli.baseline", "pin the run that others are held against"),
    "compare": ("workbench.cli.compare", "what differs between runs, and whether it matters"),
    "lineage": ("workbench.cli.lineage", "what a run, a file or a model came from, and what came from it"),
    "data": ("workbench.cli.data", "versions of data: taken, listed, brought back"),
    "drift": ("workbench.cli.drift", "whether data is still what it was, and the alerts"),
    "validate": ("workbench.cli.validate", "hold data against the schema and the policy"),
    "gc": ("workbench.cli.gc", "show and remove what nothing needs any more"),
    "watch": ("workbench.cli.watch", "train again whenever code, parameters or data change"),
    "demo": ("workbench.cli.demo", "a sample project in a scratch folder, trained, compared, checked for drift"),
    "doctor": ("workbench.cli.doctor", "what is here, what is missing, what to type"),
    "completion": ("workbench.cli.completion", "completion of commands for bash, zsh or fish"),
}
INTERRUPTED = 130
BROKEN_PIPE = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0 for good, 1 where a check said no, 2 for usage, 3 for a problem outside."""
    words = list(sys.argv[1:] if argv is None else argv)
    _forgive_encoding()
    try:
        code = _dispatch(words)
        sys.stdout.flush()
        return code
    except SystemExit as end:  # argparse ends so after --help
        return end.code if isinstance(end.code, int) else 2
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        _abandon_output()
        return BROKEN_PIPE
    except Exception as error:
        if os.environ.get("WORKBENCH_DEBUG") == "1":
            raise
        from workbench.cli.failures import show

        code = show(error)
        try:
            sys.stdout.flush()
        except OSError:
            _abandon_output()
        return code


def _abandon_output() -> None:
    """Let what could not be written go into nothing, so that leaving does not fail on it once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _forgive_encoding() -> None:
    """Let a terminal without UTF-8 show `?` where it has no such character."""
    for stream in (sys.stdout, sys.stderr):
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(errors="replace")


def _dispatch(words: list[str]) -> int:
    folder, words = _leading_options(words)
    first = words[0] if words else ""
    if first in ("-h", "--help", "help"):
        if len(words) > 1 and first == "help":
            return run_command(words[1], ["--help"], _folder(folder))
        print(help_text())
        return 0
    if first == "--version":
        from workbench import __version__

        print(f"workbench {__version__}")
        return 0
    if not first:
        from workbench.cli.home import open_home

        return open_home(_folder(folder))
    return run_command(first, words[1:], _folder(folder))


def _leading_options(words: list[str]) -> tuple[str, list[str]]:
    """Take every `-C DIR` from the front; a later one counts from the one before, as with git."""
    folder = "."
    while words and words[0].startswith("-C"):
        given, words = words[0][2:], words[1:]
        if not given:
            if not words:
                from workbench.errors import UsageError

                raise UsageError("-C needs a folder", "workbench -C DIR runs")
            given, words = words[0], words[1:]
        folder = os.path.join(folder, os.path.expanduser(given))  # noqa: PTH111, PTH118 - pathlib costs start-up
    return folder, words


def _folder(name: str) -> Path:
    from pathlib import Path

    return Path(os.path.normpath(Path.cwd() / name))


def run_command(name: str, words: Sequence[str], folder: Path) -> int:
    """Run one command in `folder`; return its exit code. Raises UsageError for a name that is none."""
    if name not in COMMANDS:
        raise _unknown(name)
    import importlib

    if name == "run" and "--help" not in words and "-h" not in words:
        from workbench.runs import standby

        standby.begin()
    module = importlib.import_module(COMMANDS[name][0])
    given, command = _split(words) if name == "run" else (list(words), None)
    args = parser_of(name).parse_args(given)
    args.folder = _folder(os.path.join(folder, os.path.expanduser(args.folder)))  # noqa: PTH111, PTH118
    args.command = command
    return int(module.run(args))


def _split(given: Sequence[str]) -> tuple[list[str], list[str] | None]:
    """Return what is before `--` and what is behind it, None where there is no `--`."""
    words = list(given)
    if "--" not in words:
        return words, None
    at = words.index("--")
    return words[:at], words[at + 1 :]


def _unknown(name: str) -> Exception:
    from workbench.config import nearest
    from workbench.errors import UsageError

    what = "option" if name.startswith("-") else "command"
    near = nearest(name, COMMANDS)
    return UsageError(f"Unknown {what} {name!r}", f"Did you mean: workbench {near}" if near else "workbench --help")


def parser_of(name: str) -> argparse.ArgumentParser:
    """Return the parser of one command; it raises UsageError instead of leaving."""
    import importlib

    from workbench.cli.parsing import Parser

    module_name, summary = COMMANDS[name]
    parser = Parser(prog=f"workbench {name}", description=_sentence(summary))
    importlib.import_module(module_name).add_arguments(parser)
    parser.add_argument("-C", dest="folder", metavar="DIR", default=".", help="the project folder, like git's -C")
    return parser


def _sentence(summary: str) -> str:
    return summary[0].upper() + summary[1:] + "."


def help_text() -> str:
    """Return what `workbench --help` prints."""
    width = max(map(len, COMMANDS)) + 2
    lines = [f"  {name:<{width}}{summary}" for name, (_, summary) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: workbench [-C DIR] [COMMAND ...]",
            "",
            "Train, track, watch and compare in the terminal. Without a command, the terminal interface opens.",
            "",
            "commands:",
            *lines,
            "",
            "options:",
            f"  {'-C DIR':<{width}}the project folder (default: the one you are in, or the nearest above it)",
            f"  {'--version':<{width}}print the version",
            f"  {'--help':<{width}}print this; `workbench COMMAND --help` tells more",
            "",
            "A run is named by its number, its name, the beginning of its id, or @latest, @best.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
