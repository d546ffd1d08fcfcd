"""What is said when the interface has been left."""

from __future__ import annotations

from workbench.errors import WorkbenchError
from workbench.project import Project
from workbench.tui.reader import is_watched


def last_words(project: Project | None) -> str:
    """Return one line about what goes on after leaving: runs that run or wait, and the watcher."""
    if project is None or not project.store_path.exists():
        return ""
    from workbench.runs import queries

    try:
        connection = project.open_reader()
        try:
            counts, checks = queries.counts(connection), queries.checks_going(connection)
        finally:
            connection.close()
    except WorkbenchError as error:
        return error.message
    parts = [f"{counts[state]} {state}" for state in ("running", "queued") if counts.get(state)]
    watched = is_watched(project)
    runs = f"{' and '.join(parts)}: workbench runs" if parts else ""
    looks = f"{checks} check{'s' if checks > 1 else ''} running" if checks else ""
    words = [text for text in (runs, looks, "the watcher goes on: workbench watch --stop" if watched else "") if text]
    return f"{project.name}: {'; '.join(words)}" if words else ""
