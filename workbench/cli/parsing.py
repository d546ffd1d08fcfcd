"""Arguments that several commands share."""

from __future__ import annotations

import argparse
from typing import NoReturn

from workbench.errors import UsageError


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is an ordinary error with a hint."""

    def __init__(self, *, prog: str, description: str) -> None:
        super().__init__(prog=prog, description=description, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise UsageError with what argparse has to say."""
        raise UsageError(message[:1].upper() + message[1:], f"{self.prog} --help")


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
