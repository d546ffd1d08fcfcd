"""The screens. Each is a `Page` (see base.py); those whose module is there appear as tabs, in the order below."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.tui.screens.base import Page


@dataclass(frozen=True)
class Entry:
    """A screen: its id, its digit, its title, and where its class is.

    One that is reached only from another has the digit "", and `tab` is the other's id.
    """

    id: str
    digit: str
    title: str
    module: str
    name: str
    tab: str = ""

    def make(self) -> Page:
        """Import the screen and make it."""
        made: Page = getattr(importlib.import_module(self.module), self.name)()
        return made


ENTRIES = (
    Entry("projects", "1", "Projects", "workbench.tui.screens.projects", "ProjectsPage"),
    Entry("runs", "2", "Runs", "workbench.tui.screens.runs", "RunsPage"),
    Entry("run", "", "Run", "workbench.tui.screens.run", "RunPage", "runs"),
    Entry("compare", "3", "Compare", "workbench.tui.screens.compare", "ComparePage"),
    Entry("lineage", "4", "Lineage", "workbench.tui.screens.lineage", "LineagePage"),
    Entry("data", "5", "Data", "workbench.tui.screens.data", "DataPage"),
    Entry("schema", "", "Schema", "workbench.tui.screens.schema", "SchemaPage", "data"),
    Entry("drift", "", "Drift", "workbench.tui.screens.drift", "DriftPage", "data"),
)


@lru_cache(maxsize=1)
def available() -> dict[str, Entry]:
    """Return the screens that exist, by id."""
    return {entry.id: entry for entry in ENTRIES if importlib.util.find_spec(entry.module) is not None}
