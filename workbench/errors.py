"""Errors that are shown to the user.

WorkbenchError            base: a message, and a hint that names the next step
├── UsageError            the command or its arguments cannot be understood        (exit code 2)
│   ├── ConfigError       workbench.toml is broken or has an unknown key           (exit code 2)
│   ├── FilterError       a filter expression does not parse                       (exit code 2)
│   └── NotFoundError     no such project, run or metric                           (exit code 2)
├── CheckFailed           a check said no: a failed run, a gate, a drift           (exit code 1)
└── EnvironmentProblem    something outside is missing, full, locked or broken     (exit code 3)
    └── StoreError        the store cannot be opened, read or written              (exit code 3)
"""

from __future__ import annotations


class WorkbenchError(Exception):
    """Something went wrong that the user can act on; `hint` is the next command or step."""

    exit_code = 3

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(WorkbenchError):
    """The command or its arguments cannot be understood."""

    exit_code = 2


class ConfigError(UsageError):
    """workbench.toml is broken or holds something unknown."""


class FilterError(UsageError):
    """A filter expression does not parse."""


class NotFoundError(UsageError):
    """The named project, run or metric does not exist."""


class CheckFailed(WorkbenchError):
    """A check said no."""

    exit_code = 1


class EnvironmentProblem(WorkbenchError):
    """Something outside Workbench is missing or broken."""


class StoreError(EnvironmentProblem):
    """The store cannot be opened, read or written."""
