"""Arguments that several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from workbench.errors import UsageError


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is an ordinary error with a hint."""

    def __init__(self, *, prog: str, description: str) -> None:
        super().__init__(prog=prog, description=description, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise UsageError with what argparse has to say, and the word that may have been meant."""
        near = _nearest_to(message, [word for action in self._actions for word in action.option_strings])
        meant = f"Did you mean {near}? " if near else ""
        raise UsageError(message[:1].upper() + message[1:], f"{meant}{self.prog} --help")


def _nearest_to(message: str, options: Sequence[str]) -> str:
    """Return which option, or which of the choices that argparse lists, is most like what it complains of."""
    from workbench.config import nearest

    _, _, unknown = message.partition("unrecognized arguments: ")
    if unknown:
        return nearest(unknown.split()[0].partition("=")[0], options) or ""
    given, _, choices = message.partition("invalid choice: ")[2].partition(" (choose from ")
    return (nearest(given.strip("'"), [one.strip("' )") for one in choices.split(",")]) or "") if choices else ""


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add --json: one document on stdout."""
    parser.add_argument("--json", action="store_true", help="print one JSON document (times in UTC, no NaN)")


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names one run."""
    parser.add_argument("run", metavar="RUN", help="number, name, beginning of the id, @latest or @best")


def add_runs(parser: argparse.ArgumentParser, *, default: str = "") -> None:
    """Add the argument that names one or several runs."""
    parser.add_argument(
        "runs", metavar="RUN", nargs="*" if default else "+", default=[default] if default else None,
        help="number, name, beginning of the id, @latest or @best",
    )  # fmt: skip


def setting(text: str) -> tuple[str, str]:
    """Return KEY=VALUE as a pair; raises UsageError."""
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise UsageError(f"-p wants KEY=VALUE, not {text!r}", "workbench run -p lr=0.1")
    return key.strip(), value
