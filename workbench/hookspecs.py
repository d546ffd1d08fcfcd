"""The hooks: what a plugin can add. A plugin is a module, or an object, in the entry point group `workbench`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pluggy

hookspec = pluggy.HookspecMarker("workbench")
hookimpl = pluggy.HookimplMarker("workbench")


@hookspec
def register_line_parsers(register: Callable[[str, Callable[[dict[str, Any]], Any]], None]) -> None:
    """Call `register(name, factory)`; `factory(memory)` makes a parser of the lines that a program prints.

    A parser has `parse(line) -> iterable of (name, value, step or None)` and `memory() -> dict` of JSON values, which
    `factory` gets back when another process goes on with the run.
    """


@hookspec
def register_drift_statistics(register: Callable[[str, str, Callable[[Any, Any], Any]], None]) -> None:
    """Call `register(kind, name, function)`; `function(reference, current)` gives a statistic of two distributions.

    `kind` is "number", for two `workbench.drift.distribution.Distribution`, or "category", for two `Counts`. The result
    is a `workbench.drift.statistics.Statistic`; one with `p` and `effect`, both from 0 to 1, takes part in the verdict.
    What is no such result is left out of the check, whose notes then name the plugin.
    """


@hookspec
def run_ended(project_folder: str, run: Any) -> None:
    """Do something after a run has ended and is stored; `run` is a `workbench.runs.model.Run`."""
