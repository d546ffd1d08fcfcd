"""From the names that users type to runs."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.actions import runs as actions
from workbench.project import Project


def numbers_of(project: Project, names: Sequence[str]) -> list[int]:
    """Return the numbers of the named runs, each once, in the order given; raises NotFoundError."""
    connection = project.open_store()
    try:
        return list(dict.fromkeys(actions.number_of(project, connection, name) for name in names))
    finally:
        connection.close()
