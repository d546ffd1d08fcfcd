"""Loading plugins and calling their hooks; a broken one is switched off, with one line that says which and why."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import os
from collections.abc import Callable
from typing import Any

import pluggy

from workbench import hookspecs

GROUP = "workbench"
DEFAULT_PLUGINS = (
    "workbench.default_plugins.printed_scalars",
    "workbench.default_plugins.drift_statistics",
)
SWITCH_VARIABLE = "WORKBENCH_PLUGINS"  # "" loads none but the built-in ones; unset loads all that are installed

ParserFactory = Callable[[dict[str, Any]], Any]
DriftStatistics = dict[str, dict[str, Callable[[Any, Any], Any]]]


class Plugins:
    """The plugins of this process, and a sentence for each that was switched off."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(hookspecs)
        self.problems: list[str] = []
        for name in DEFAULT_PLUGINS:
            self._manager.register(importlib.import_module(name), name)
        if os.environ.get(SWITCH_VARIABLE) != "":
            for entry in importlib.metadata.entry_points(group=GROUP):
                self._load(entry)

    @property
    def names(self) -> list[str]:
        """The names of the plugins that are on."""
        return sorted(name for name, plugin in self._manager.list_name_plugin() if plugin is not None)

    def line_parsers(self) -> dict[str, ParserFactory]:
        """Return the factories of all parsers of printed lines, by name."""
        found: dict[str, ParserFactory] = {}
        self._each("register_line_parsers", register=found.__setitem__)
        return found

    def drift_statistics(self) -> DriftStatistics:
        """Return the statistics of drift by what they compare, "number" or "category", and name."""
        found: DriftStatistics = {"number": {}, "category": {}}
        self._each(
            "register_drift_statistics", register=lambda kind, name, function: found[kind].__setitem__(name, function)
        )
        return found

    def run_ended(self, project_folder: str, run: Any) -> None:
        """Tell every plugin that a run has ended."""
        self._each("run_ended", project_folder=project_folder, run=run)

    def _load(self, entry: importlib.metadata.EntryPoint) -> None:
        try:
            self._manager.register(entry.load(), entry.name)
            self._manager.check_pending()
        except Exception as error:
            self._switch_off(entry.name, error)

    def _each(self, hook: str, **arguments: Any) -> None:
        """Call a hook plugin by plugin, so that one that fails keeps none of the others from it."""
        known = {name: plugin for name, plugin in self._manager.list_name_plugin() if plugin is not None}
        for name, plugin in known.items():
            others = [other for other in known.values() if other is not plugin]
            try:
                self._manager.subset_hook_caller(hook, others)(**arguments)
            except Exception as error:
                self._switch_off(name, error)

    def _switch_off(self, name: str, error: Exception) -> None:
        plugin = self._manager.get_plugin(name)
        if plugin is not None:
            self._manager.unregister(plugin)
        self.problems.append(f"plugin {name} is switched off: {type(error).__name__}: {str(error)[:200]}")


@functools.cache
def loaded() -> Plugins:
    """Return the plugins, loaded on first use."""
    return Plugins()
