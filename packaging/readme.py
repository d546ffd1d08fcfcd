"""Writes the generated parts of README.md (commands, keys, hooks); with --check it only says whether they hold.

A part stands between `<!-- begin NAME -->` and `<!-- end NAME -->`.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path

from workbench.cli.main import COMMANDS, parser_of

README = Path(__file__).resolve().parents[1] / "README.md"


def commands() -> str:
    """Return all commands with their arguments as a Markdown table."""
    lines = ["| command | does |", "|---|---|"]
    for name, (_, summary) in COMMANDS.items():
        lines.append(f"| `{usage(name)}` | {summary} |")
    return "\n".join(lines)


def usage(name: str) -> str:
    """Return the usage of a command in one line, without what all commands have."""
    text = " ".join(parser_of(name).format_usage().removeprefix("usage: workbench ").split())
    for common in ("[-h] ", " [-h]", " [-C DIR]"):
        text = text.replace(common, "")
    return text.replace("|", "\\|")


def keys() -> str:
    """Return the keys of the interface as a Markdown table."""
    from workbench.tui.keys import keymap_table

    return keymap_table().rstrip()


def hooks() -> str:
    """Return the hooks of plugins as a Markdown table."""
    from workbench import hookspecs

    lines = ["| hook | what a plugin does in it |", "|---|---|"]
    for name, function in vars(hookspecs).items():
        if inspect.isfunction(function) and hasattr(function, "workbench_spec"):
            arguments = ", ".join(inspect.signature(function).parameters)
            sentence = " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())
            lines.append(f"| `{name}({arguments})` | {sentence} |")
    return "\n".join(lines)


PARTS: dict[str, Callable[[], str]] = {"commands": commands, "keys": keys, "hooks": hooks}


def written(text: str) -> str:
    """Return the README with its generated parts as they must be; raises ValueError where a marker is missing."""
    for name, make in PARTS.items():
        pattern = re.compile(rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"README.md has no part {name!r}")
        body = make()
        text = pattern.sub(lambda found, body=body: f"{found[1]}{body}\n{found[2]}", text)  # type: ignore[misc]
    return text


def main(arguments: list[str]) -> int:
    """Write the README, or with --check return 1 where it is not as it must be."""
    before = README.read_text(encoding="utf-8")
    after = written(before)
    if arguments == ["--check"]:
        if before != after:
            print("error: README.md is out of date\nhint: make docs", file=sys.stderr)
        return int(before != after)
    if before != after:
        README.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
