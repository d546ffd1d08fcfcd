"""Lineage: what a thing came from and what came from it, as a graph, as a document, as OpenLineage events."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import NotFoundError, UsageError
from workbench.lineage import names, queries
from workbench.lineage.graph import Graph
from workbench.lineage.queries import Limits
from workbench.project import Project
from workbench.runs import queries as run_queries
from workbench.runs.model import Run

if TYPE_CHECKING:
    from workbench.lineage.openlineage import Content, Surroundings, Told

BOTH = ("back", "forward")
TREE_LIMITS = Limits(depth=6, width=20)
"""How much is read for a person who names no direction."""


def lineage(
    project: Project, thing: str = "", *, directions: Sequence[str] = BOTH, limits: Limits | None = None
) -> Graph:
    """Return the graph around `thing`: a run, a path, `path@hash`, a commit, `env:digest`, any hash.

    Without a name it is the best run, or the newest. A path means its newest version, or where only what came after
    is asked for all of them. Raises NotFoundError.
    """
    if not project.store_path.exists():
        raise NotFoundError("There is no lineage yet: nothing has run", "workbench run")
    connection = project.open_store()
    try:
        keys = find(project, connection, thing, all_versions=tuple(directions) == ("forward",))
        return queries.walk(connection, keys, limits or Limits(), directions)
    finally:
        connection.close()


def find(
    project: Project, connection: sqlite3.Connection, thing: str, *, all_versions: bool = False
) -> tuple[str, ...]:
    """Return the keys that `thing` means; a path may also be given from the folder one is in. Raises NotFoundError.

    A path means the content that lies there now where that is known, else its newest version.
    """
    metric = project.config.metric

    def look(name: str) -> tuple[str, ...]:
        now = "" if all_versions else _content_now(project, name)
        if now:
            with contextlib.suppress(NotFoundError):
                return names.resolve(connection, f"{name}@{now}")
        return names.resolve(connection, name, metric=metric.name, goal=metric.goal, all_versions=all_versions)

    try:
        return look(thing)
    except NotFoundError:
        other = _within(project, thing)
        if other == thing:
            raise
    try:
        return look(other)
    except NotFoundError:
        pass
    return look(thing)


def _content_now(project: Project, name: str) -> str:
    """Return the hash of the file or folder of the project that has this name, "" where there is none."""
    if not name or name.isdigit() or not os.path.exists(project.folder / name):  # noqa: PTH110 - never raises
        return ""
    from workbench.versions import data
    from workbench.versions.objects import Objects

    objects = Objects(project.objects_folder)
    cache = project.inner / "cache" / "data"
    found = data.take(project.folder, objects, [glob.escape(name)], keep=False, cache=cache)
    return found[0].hash if found and not found[0].problem else ""


def _within(project: Project, thing: str) -> str:
    """Return a path as the project names it, where it lies in the project; else as it is."""
    try:
        return (Path.cwd() / thing).resolve().relative_to(project.folder.resolve()).as_posix()
    except (ValueError, OSError):
        return thing


def openlineage_events(project: Project, graph: Graph) -> list[str]:
    """Return what the runs of a graph did as OpenLineage events, each as one line of JSON, in the order of time."""
    from workbench.lineage import openlineage

    numbers = sorted(int(key.partition(":")[2]) for key in graph.nodes if key.startswith("run:"))
    if not numbers:
        raise UsageError("There is no run in this lineage to tell about", "workbench lineage @latest --openlineage")
    connection = project.open_store()
    try:
        runs = {run.number: run for run in run_queries.load(connection, numbers)}
        told = [_told(connection, run, runs) for run in runs.values()]
    finally:
        connection.close()
    return openlineage.lines(openlineage.events(told, _surroundings(project)))


def export(project: Project, graph: Graph, kind: str) -> Path:
    """Write a graph as mermaid, dot or json to a new file in the project's folder for exports; return its path."""
    from workbench.actions.export import keep
    from workbench.lineage import formats

    if kind == "json":
        text = json.dumps(formats.document(graph), indent=2)
    else:
        text = formats.dot(graph) if kind == "dot" else formats.mermaid(graph)
    name = "lineage-" + "-".join(graph.nodes[key].label for key in graph.focus[:1])
    return keep(project, name, {"mermaid": "mmd"}.get(kind, kind), text.encode("utf-8", "replace"))


def _surroundings(project: Project) -> Surroundings:
    from workbench import __version__
    from workbench.lineage.openlineage import Surroundings

    return Surroundings(project.name, project.folder.absolute(), __version__)


def _told(connection: sqlite3.Connection, run: Run, runs: Mapping[int, Run]) -> Told:
    from workbench.lineage.openlineage import Told

    row = connection.execute("SELECT original FROM reproductions WHERE run = ?", (run.number,)).fetchone()
    original = (runs.get(row[0]) or next(iter(run_queries.load(connection, [row[0]])), None)) if row else None
    facts = connection.execute("SELECT facts FROM environments WHERE digest = ?", (run.environment,)).fetchone()
    python = str(json.loads(facts[0]).get("python") or "") if facts else ""
    outputs = connection.execute(
        "SELECT path, coalesce(hash, ''), size, NULL FROM outputs WHERE run = ? AND hash <> '' ORDER BY path",
        (run.number,),
    )
    inputs = [(str(one["path"]), str(one.get("hash") or ""), one.get("size"), one.get("rows")) for one in run.data]
    return Told(run, _contents(connection, inputs), _contents(connection, outputs.fetchall()), python, original)


def _contents(connection: sqlite3.Connection, rows: Sequence[tuple[str, str, Any, Any]]) -> list[Content]:
    from workbench.lineage.openlineage import Content

    found = []
    for path, content, size, count in rows:
        known = connection.execute(
            "SELECT rows, facts FROM data_versions WHERE hash = ? ORDER BY path = ? DESC LIMIT 1", (content, path)
        ).fetchone()
        columns = _columns(json.loads(known[1])) if known else ()
        found.append(Content(path, content, size, count if count is not None or not known else known[0], columns))
    return found


def _columns(facts: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the columns that the profile of a data version names, with their types."""
    profile = facts.get("profile")
    columns = profile.get("columns") if isinstance(profile, Mapping) else None
    if isinstance(columns, Mapping):
        columns = [{"name": name, **(one if isinstance(one, Mapping) else {})} for name, one in columns.items()]
    if not isinstance(columns, list):
        return ()
    return tuple(
        (str(one["name"]), str(one.get("type") or one.get("kind") or ""))
        for one in columns
        if isinstance(one, Mapping) and "name" in one
    )
