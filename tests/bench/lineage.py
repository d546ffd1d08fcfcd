"""How long the lineage of a store with 10,000 runs takes to its first screen, and everything that one file touched."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from tests.bench import many_runs
from tests.bench.measure import Figure, in_turns, scratch, seconds
from workbench.actions import lineage as actions
from workbench.project import Project, load
from workbench.tui.kit.graph import Box, Link, draw, plan
from workbench.tui.screens.lineage_data import Sight, Wish, read_sight

ROUNDS = 7
FIRST_SCREEN = 0.1
# Every run reads one of 12 versions of the training data and a file of its own; every 20th is a stage whose output the
# 19 after it read. All ran the same code in the same environment.
_ROWS = (
    'INSERT INTO environments VALUES (\'{digest}\', \'{{"python": "3.11.7", "packages": []}}\')',
    "UPDATE runs SET environment = '{digest}'",
    "INSERT INTO inputs (run, path, hash, size, rows) SELECT id, 'data/train.csv', printf('%064x', id / 900), 9e6, 1e5"
    " FROM runs",
    "INSERT INTO inputs (run, path, hash, size) SELECT id, 'data/own.csv', printf('%064x', 100000 + id), 1000"
    " FROM runs",
    "INSERT INTO inputs (run, path, hash, size) SELECT id, 'prepared.csv', printf('%064x', 200000 + id / 20), 1000"
    " FROM runs WHERE id % 20",
    "INSERT INTO outputs (run, path, kind, size, hash) SELECT id, 'prepared.csv', 'file', 1000,"
    " printf('%064x', 200000 + id / 20) FROM runs WHERE id % 20 = 0",
    "INSERT INTO outputs (run, path, kind, size, hash) SELECT id, 'model.joblib', 'file', 5000,"
    " printf('%064x', 300000 + id) FROM runs WHERE id % 20",
)


def bench() -> Iterator[Figure]:
    """Yield the first screen around a run and around the code of all runs, and all that one version touched."""
    with scratch() as folder:
        project = make(folder)
        reader = project.open_reader()
        try:
            turns = {
                "run": lambda: seconds(lambda: first_screen(reader, Wish(project, "run:5011"))),
                "best": lambda: seconds(lambda: first_screen(reader, Wish(project))),
                "code": lambda: seconds(lambda: first_screen(reader, Wish(project, "code:9b1c0d7e"))),
                "floor": lambda: seconds(lambda: _floor(reader)),
            }
            found = in_turns(ROUNDS, turns)
        finally:
            reader.close()
        limit = found["floor"]
        yield Figure("lineage of a run, first screen", found["run"], "rows alone", limit, "ms", FIRST_SCREEN)
        yield Figure("lineage of the best run, first screen", found["best"], "rows alone", limit, "ms", FIRST_SCREEN)
        yield Figure(
            "lineage of code of 10,000 runs, first screen", found["code"], "rows alone", limit, "ms", FIRST_SCREEN
        )
        whole = in_turns(3, {"forward": lambda: seconds(lambda: _forward(project))})["forward"]
        yield Figure("all that a version of the data touched (1,800 things)", whole, "", [], "s", 1.0)


def make(folder: Path) -> Project:
    """Return a project of 10,000 runs with what they read and made."""
    project = many_runs.make(folder)
    connection = project.open_store()
    connection.execute("BEGIN")
    for statement in _ROWS:
        connection.execute(statement.format(digest="e" * 64))
    connection.execute("COMMIT")
    connection.close()
    return load(folder)


def first_screen(connection: sqlite3.Connection, wish: Wish) -> Sight:
    """Read, lay out and draw what the Lineage screen shows at 120 by 40."""
    sight = read_sight(connection, wish)
    assert sight.graph.focus, sight.problem
    boxes = {key: Box(key, node.title) for key, node in sight.graph.nodes.items()}
    links = [Link(source, target) for source, target, _ in sight.layers.links]
    where = plan([[place.key for place in layer] for layer in sight.layers.layers], boxes, links)
    draw(where, boxes.values(), links, 118, 26)
    return sight


def _floor(connection: sqlite3.Connection) -> None:
    """Read the plain rows of one run and its neighbours."""
    for table in ("inputs", "outputs"):
        for (content,) in connection.execute(f"SELECT hash FROM {table} WHERE run = 5011").fetchall():
            connection.execute(f"SELECT run FROM {table} WHERE hash = ? LIMIT 8", (content,)).fetchall()


def _forward(project: Project) -> None:
    graph = actions.lineage(project, f"data:{5:064x}", directions=("forward",))
    assert len(graph.nodes) > 1700, len(graph.nodes)
