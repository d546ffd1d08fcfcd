"""The statistics of drift that every check has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.hookspecs import hookimpl


@hookimpl
def register_drift_statistics(register: Callable[[str, str, Callable[[Any, Any], Any]], None]) -> None:
    """Register the built-in statistics."""
    from workbench.drift import statistics

    for name, function in statistics.NUMBERS.items():
        register("number", name, function)
    for name, function in statistics.CATEGORIES.items():
        register("category", name, function)
