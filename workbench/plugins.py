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
DriftStatistics = dict[str, dict[str, tuple[str, Callable[[Any, Any], Any]]]]
"""Functions with the plugin that each is of, "" for the built-in ones."""


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
        return sorted(self._known())

    def line_parsers(self) -> dict[str, ParserFactory]:
        """Return the factories of all parsers of printed lines, by name."""
        found: dict[str, ParserFactory] = {}
        self._each("register_line_parsers", register=found.__setitem__)
        return found

    def drift_statistics(self) -> DriftStatistics:
        """Return the statistics of drift by what they compare, "number" or "category", and name."""
        found: DriftStatistics = {"number": {}, "category": {}}
        for plugin in self._known():
            own: DriftStatistics = {kind: {} for kind in found}
            register = functools.partial(_register, own, "" if plugin in DEFAULT_PLUGINS else plugin)
            if self._call(plugin, "register_drift_statistics", register=register):
                for kind, functions in own.items():
                    found[kind] |= functions
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
        for name in self._known():
            self._call(name, hook, **arguments)

    def _known(self) -> dict[str, Any]:
        return {name: plugin for name, plugin in self._manager.list_name_plugin() if plugin is not None}

    def _call(self, name: str, hook: str, **arguments: Any) -> bool:
        """Call a hook of one plugin; return whether it went well, else the plugin is off."""
        others = [plugin for other, plugin in self._known().items() if other != name]
        try:
            self._manager.subset_hook_caller(hook, others)(**arguments)
        except Exception as error:
            self._switch_off(name, error)
            return False
        return True

    def _switch_off(self, name: str, error: Exception) -> None:
        plugin = self._manager.get_plugin(name)
        if plugin is not None:
            self._manager.unregister(plugin)
        self.problems.append(f"plugin {name} is switched off: {type(error).__name__}: {str(error)[:200]}")


def _register(found: DriftStatistics, plugin: str, kind: str, name: str, function: Callable[[Any, Any], Any]) -> None:
    """Add a statistic; raises ValueError for a kind that there is not."""
    if kind not in found:
        raise ValueError(f"a statistic is of the kind {' or '.join(map(repr, found))}, not {kind!r}")
    found[kind][str(name)] = plugin, function


@functools.cache
def loaded() -> Plugins:
    """Return the plugins, loaded on first use."""
    return Plugins()
