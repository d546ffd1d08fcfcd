"""What Lineage shows, read on the reader's thread: the graph around the focus, its layers, and its runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field

from workbench.actions import lineage as actions
from workbench.errors import NotFoundError
from workbench.lineage.graph import KINDS, Graph, with_more
from workbench.lineage.layout import Layers, lay_out
from workbench.lineage.queries import Limits, walk
from workbench.project import Project
from workbench.runs import queries
from workbench.runs.model import Run

MOST_NODES = 120
MOST_RUNS = 60
BESIDE = 3


@dataclass(frozen=True)
class Wish:
    """What to read: the name of the focus ("" for the best or newest run), how far and how wide."""

    project: Project
    thing: str = ""
    depth: int = 4
    width: int = 8


@dataclass(frozen=True)
class Sight:
    """The graph with its layers, its runs, for each run the value that its metric is held against, and its run.

    `problem` and `hint` say what keeps the focus from being shown.
    """

    graph: Graph = field(default_factory=Graph)
    layers: Layers = field(default_factory=Layers)
    runs: Mapping[int, Run] = field(default_factory=dict)
    before: Mapping[int, tuple[int, float]] = field(default_factory=dict)
    metric: str = ""
    goal: str = "max"
    problem: str = ""
    hint: str = ""


def read_sight(connection: sqlite3.Connection | None, wish: Wish) -> Sight:
    """Read the graph; it is empty where nothing has run yet."""
    if connection is None:
        return Sight()
    try:
        keys = actions.find(wish.project, connection, wish.thing)
    except NotFoundError as error:
        return Sight(problem=error.message, hint=error.hint)
    limits = Limits(depth=wish.depth, width=wish.width, nodes=MOST_NODES, beside=BESIDE)
    graph = with_more(walk(connection, keys, limits, actions.BOTH))
    rank = {key: KINDS[node.kind].rank for key, node in graph.nodes.items()}
    layers = lay_out(list(graph.nodes), [(edge.source, edge.target) for edge in graph.edges], rank)
    numbers = [int(key.partition(":")[2]) for key in graph.nodes if key.startswith("run:")][:MOST_RUNS]
    metric = wish.project.config.metric
    return Sight(
        graph,
        layers,
        {run.number: run for run in queries.load(connection, numbers)},
        _before(connection, numbers, metric.name),
        metric.name,
        metric.goal,
    )


def _before(connection: sqlite3.Connection, numbers: list[int], metric: str) -> dict[int, tuple[int, float]]:
    """Return for each run what its metric is held against: the pinned baseline, else the run before that has it."""
    name = queries.find_name(connection, "metric", metric)
    if name is None:
        return {}
    pinned = queries.setting(connection, "baseline")
    value = connection.execute("SELECT last FROM metrics WHERE run = ? AND name = ?", (pinned, name)).fetchone()
    found: dict[int, tuple[int, float]] = {}
    for number in numbers:
        if value is not None and value[0] is not None and number != pinned:
            found[number] = (int(pinned), float(value[0]))
        elif value is None:
            row = connection.execute(
                "SELECT run, last FROM metrics WHERE run < ? AND name = ? AND last IS NOT NULL"
                " ORDER BY run DESC LIMIT 1",
                (number, name),
            ).fetchone()
            if row is not None:
                found[number] = (int(row[0]), float(row[1]))
    return found
