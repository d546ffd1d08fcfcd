"""What 10,000 runs cost to list, sort, filter and read whole, beside the plainest SQL for the same values.

Processor time: the store is in memory, so it is also the time that passes on a machine with nothing else to do.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

from tests.bench.many_runs import make
from tests.bench.measure import Figure, busy_seconds, in_turns, scratch
from workbench.actions.runs import select
from workbench.project import Project
from workbench.runs import queries

ROUNDS = 15
FILTER = "auc > 0.9 and params.lr = 0.1"

_SELECT: dict[str, str] = {
    "newest": "SELECT id FROM runs ORDER BY id DESC LIMIT 100",
    "sorted": "SELECT run FROM metrics WHERE name = :auc ORDER BY last DESC LIMIT 100",
    "filtered": "SELECT m.run FROM metrics m JOIN params p ON p.run = m.run AND p.name = :lr AND p.value = 0.1"
    " WHERE m.name = :auc AND m.last > 0.9 ORDER BY m.run DESC LIMIT 100",
    "whole": "SELECT id FROM runs",
}
# What the targets in seconds are of what the plain SQL takes on a quiet machine: 2 ms, 6 ms for the filter, 0.22 s.
_RATIOS = {"newest": 3.0, "sorted": 3.0, "filtered": 2.0, "whole": 1.4}


def bench() -> Iterator[Figure]:
    """Yield the four reads, each with all parameters and metrics of its runs, and the size of the store."""
    with scratch() as folder:
        project = make(folder)
        connection = project.open_reader()
        try:
            yield from _reads(project, connection)
        finally:
            connection.close()
        yield Figure("store of 10,000 runs", [project.store_path.stat().st_size], "", [], "MB", 90e6)


def _reads(project: Project, connection: sqlite3.Connection) -> Iterator[Figure]:
    ways: dict[str, tuple[str, float, Callable[[], list[int]]]] = {
        "newest": ("10,000 runs: newest 100", 0.010, lambda: select(project, connection, limit=100)),
        "sorted": ("10,000 runs: top 100 by auc", 0.010, lambda: select(project, connection, sort="auc", limit=100)),
        "filtered": (
            f"10,000 runs: {FILTER}", 0.010,
            lambda: select(project, connection, filter_text=FILTER, limit=100),
        ),
        "whole": ("10,000 runs: the whole table", 0.35, lambda: select(project, connection)),
    }  # fmt: skip
    for key, (name, target, chosen) in ways.items():
        rounds = ROUNDS if key != "whole" else 5
        found = in_turns(
            rounds,
            {
                "ours": lambda chosen=chosen: busy_seconds(lambda: queries.load(connection, chosen())),  # type: ignore[misc]
                "raw": lambda key=key: busy_seconds(lambda: _raw(connection, _SELECT[key])),  # type: ignore[misc]
            },
        )
        yield Figure(name, found["ours"], "SQL", found["raw"], "ms", target, ratio_target=_RATIOS[key])


def _raw(connection: sqlite3.Connection, sql: str) -> list[list[tuple[object, ...]]]:
    """Fetch the rows of the runs that `sql` names, nothing made of them."""
    values = {name: queries.find_name(connection, space, name) for space, name in (("metric", "auc"), ("param", "lr"))}
    return [
        connection.execute(f"SELECT * FROM {table} WHERE {key} IN ({sql})", values).fetchall()
        if sql != _SELECT["whole"]
        else connection.execute(f"SELECT * FROM {table}").fetchall()
        for table, key in (("runs", "id"), ("params", "run"), ("metrics", "run"))
    ]
