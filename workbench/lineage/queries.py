"""Walking the store from one thing to what it came from and what came from it, as far and as wide as asked.

A key is a kind and an id: `run:42`, `data:HASH` (any content, whether a run made it or only read it; `data:HASH:PATH`
where contents.py tells paths apart), `unread:42:PATH`, `code:TREE`, `env:DIGEST`, `params:42`.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from workbench.lineage.contents import LEFT_AS_IT_WAS, Contents
from workbench.lineage.graph import WEAK, Edge, Graph, Moment, later
from workbench.store.connection import snapshot

_RUN_COLUMNS = "id, code, environment, trigger, coalesce(started, created)"


@dataclass(frozen=True)
class Limits:
    """How far to walk (steps), how many neighbours of one node, how many nodes, and how many runs beside; None: all.

    The runs beside are others that read or ran the same as the focus or its ancestors; they are not walked from.
    """

    depth: int | None = None
    width: int | None = None
    nodes: int | None = None
    beside: int = 0


class Found(NamedTuple):
    """Neighbours of a node as edges, in order, and how many there are in all."""

    edges: list[Edge]
    total: int


@dataclass
class Walk:
    """What was reached: keys in the order in which they came, edges, and what was left out."""

    keys: dict[str, None]
    edges: dict[Edge, None]
    totals: dict[tuple[str, str], int]
    deeper: dict[tuple[str, str], Moment | None]


def walk(connection: sqlite3.Connection, starts: Iterable[str], limits: Limits, directions: Iterable[str]) -> Graph:
    """Return the graph around the keys `starts`, described; directions are "back" and "forward"."""
    from workbench.lineage.describe import describe

    with snapshot(connection):
        store = Neighbours(connection)
        focus = tuple(dict.fromkeys(starts))
        found = Walk(dict.fromkeys(focus), {}, {}, {})
        for direction in directions:
            _walk_one_way(store, focus, direction, limits, found)
        if limits.beside:
            _add_beside(store, focus, limits.beside, found)
        _add_edges_between(store, found)
        _drop_known(store, found)
        nodes = describe(connection, list(found.keys), store)
    edges = tuple(edge for edge in found.edges if edge.source in nodes and edge.target in nodes)
    shown = Counter(pair for edge in edges for pair in ((edge.source, "forward"), (edge.target, "back")))
    hidden = {pair: total - shown[pair] for pair, total in found.totals.items() if total > shown[pair]}
    return Graph(nodes, edges, tuple(key for key in focus if key in nodes), hidden, frozenset(found.deeper))


def _walk_one_way(store: Neighbours, focus: tuple[str, ...], direction: str, limits: Limits, found: Walk) -> None:
    end = 0 if direction == "back" else 1
    seen: dict[str, Moment | None] = dict.fromkeys(focus)
    layer, depth = list(focus), 0
    while layer:
        if limits.depth is not None and depth >= limits.depth:
            found.deeper.update({(key, direction): seen[key] for key in layer})
            return
        following: dict[str, None] = {}
        for key in layer:
            if limits.nodes is not None and len(found.keys) >= limits.nodes:
                found.deeper[key, direction] = seen[key]
                continue
            near = store.of(key, direction, limits.width, weak=depth == 0, bound=seen[key])
            if near.total > len(near.edges):
                found.totals[key, direction] = near.total
            bound = store.moment(key)
            for edge in near.edges:
                found.edges[edge] = None
                other = edge[end]
                found.keys.setdefault(other)
                if other not in seen or (bound is not None and later(bound, seen[other], direction)):
                    seen[other] = bound if not other.startswith("run:") else None
                    if edge.kind not in WEAK:
                        following[other] = None
        layer, depth = list(following), depth + 1


def _add_beside(store: Neighbours, focus: tuple[str, ...], most: int, found: Walk) -> None:
    """Add the newest runs that share something with the focus or its ancestors."""
    shared = [key for key in found.keys if key.partition(":")[0] in ("data", "code", "env") and key not in focus]
    added = 0
    for key in shared[: 4 * most]:
        for edge in store.of(key, "forward", most, counted=False).edges:
            if added >= most:
                return
            if edge.target not in found.keys:
                found.keys[edge.target] = None
                added += 1


def _add_edges_between(store: Neighbours, found: Walk) -> None:
    """Add the edges of the runs that were reached where both ends were."""
    for key in list(found.keys):
        if key.startswith("run:"):
            for direction in ("back", "forward"):
                for edge in store.of(key, direction, None, weak=direction == "back").edges:
                    if edge.source in found.keys and edge.target in found.keys:
                        found.edges[edge] = None


def _drop_known(store: Neighbours, found: Walk) -> None:
    """Keep of the places where the depth ended the walk only those behind which something lies that is not in view."""
    for (key, direction), bound in list(found.deeper.items()):
        end = 0 if direction == "back" else 1
        near = store.of(key, direction, 3, counted=False, bound=bound).edges
        if all(edge[end] in found.keys for edge in near):
            del found.deeper[key, direction]


class Neighbours:
    """What stands one edge away from a key, by rows of the store."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._runs: dict[int, Any] = {}
        self._known: dict[tuple[str, str, int | None, bool, bool, Moment | None], Found] = {}
        self.contents = Contents(connection)
        self.paths: dict[str, str] = {}
        """A path of each content that was met."""

    def of(
        self,
        key: str,
        direction: str,
        width: int | None,
        *,
        weak: bool = False,
        counted: bool = True,
        bound: Moment | None = None,
    ) -> Found:
        """Return the neighbours of a key, the newest first; at most `width`, and the total where it is `counted`.

        Behind content stand only runs that began before `bound`, after it where the direction is forward.
        """
        asked = (key, direction, width, weak, counted, bound)
        found = self._known.get(asked)
        if found is None:
            kind = key.partition(":")[0]
            if kind == "data":
                found = self._runs_with(key, direction, width, counted, bound)
            else:
                ways = _BACK if direction == "back" else _FORWARD
                found = ways[kind](self, key, width, weak, counted) if kind in ways else Found([], 0)
            self._known[asked] = found
        return found

    def moment(self, key: str) -> Moment | None:
        """Return when a run began, None for any other key."""
        kind, _, number = key.partition(":")
        row = self._row(int(number)) if kind == "run" else None
        return None if row is None else (float(row[4] or 0.0), int(row[0]))

    # --- runs

    def _row(self, number: int) -> Any:
        if number not in self._runs:
            self._runs[number] = self._connection.execute(
                f"SELECT {_RUN_COLUMNS} FROM runs WHERE id = ?", (number,)
            ).fetchone()
        return self._runs[number]

    def _run_back(self, key: str, width: int | None, weak: bool, counted: bool) -> Found:
        number = int(key.partition(":")[2])
        row = self._row(number)
        if row is None:
            return Found([], 0)
        code, trigger = json.loads(row[1]), json.loads(row[3])
        changed = changed_paths(trigger)
        rows = self._connection.execute(
            "SELECT path, hash FROM inputs WHERE run = ? ORDER BY path LIMIT ?", (number, _limit(width))
        ).fetchall()
        edges = [
            Edge(self._content(path, content, number), key, "changed" if path in changed else "input")
            for path, content in rows
        ]
        total = self._total("SELECT count(*) FROM inputs WHERE run = ?", number, len(rows), width, counted)
        others = [
            Edge(name, key, kind) for name, kind in ((code_key(code), "code"), (_env(row[2]), "environment")) if name
        ]
        if self._connection.execute("SELECT 1 FROM params WHERE run = ? LIMIT 1", (number,)).fetchone():
            others.append(Edge(f"params:{number}", key, "params"))
        if weak:
            others += self._repeats(number, trigger)
        return Found(edges + others, total + len(others))

    def _repeats(self, number: int, trigger: Mapping[str, Any]) -> list[Edge]:
        """Return the edges from the runs that this one repeats."""
        edges = []
        row = self._connection.execute("SELECT original FROM reproductions WHERE run = ?", (number,)).fetchone()
        if row is not None:
            edges.append(Edge(f"run:{row[0]}", f"run:{number}", "reproduction"))
        again = trigger.get("again")
        if isinstance(again, int) and (row is None or row[0] != again) and self._row(again) is not None:
            edges.append(Edge(f"run:{again}", f"run:{number}", "again"))
        return edges

    def _run_forward(self, key: str, width: int | None, weak: bool, counted: bool) -> Found:
        number = int(key.partition(":")[2])
        rows = self._connection.execute(
            f"SELECT path, hash {_MADE} ORDER BY path LIMIT ?", (number, _limit(width))
        ).fetchall()
        edges = [Edge(key, self._content(path, content, number), "output") for path, content in rows]
        total = self._total(f"SELECT count(*) {_MADE}", number, len(rows), width, counted)
        if weak:
            more = [Edge(key, f"run:{one}", kind) for one, kind in self._repeated_by(number)]
            edges, total = edges + more, total + len(more)
        return Found(edges, total)

    def _repeated_by(self, number: int) -> list[tuple[int, str]]:
        rows = self._connection.execute("SELECT run FROM reproductions WHERE original = ? ORDER BY run DESC", (number,))
        found = [(int(row[0]), "reproduction") for row in rows]
        known = {run for run, _ in found}
        rows = self._connection.execute(
            "SELECT id FROM runs WHERE instr(trigger, '\"again\"') AND trigger ->> 'again' = ? ORDER BY id DESC",
            (number,),
        )
        return found + [(int(row[0]), "again") for row in rows if row[0] not in known]

    # --- content

    def _content(self, path: str, content: str | None, number: int) -> str:
        key = self.contents.key(path, content, number)
        self.paths.setdefault(key, path)
        return key

    def _runs_with(self, key: str, direction: str, width: int | None, counted: bool, bound: Moment | None) -> Found:
        """Return the runs that made the content (back) or read it (forward), on the right side of `bound`."""
        where, found = self.contents.rows_of(key)
        table, sign = ("outputs", "<") if direction == "back" else ("inputs", ">")
        rest = f"FROM {table} x JOIN runs r ON r.id = x.run WHERE {where}"
        arguments: list[Any] = [*found]
        if direction == "back":
            rest = f"{rest} AND NOT {LEFT_AS_IT_WAS.format('x')}"
        if bound is not None:
            rest = f"{rest} AND (coalesce(r.started, r.created), r.id) {sign} (?, ?)"
            arguments = [*arguments, *bound]
        rows = self._connection.execute(
            f"SELECT DISTINCT x.run {rest} ORDER BY x.run DESC LIMIT ?", [*arguments, _limit(width)]
        ).fetchall()
        total = len(rows)
        if counted and width is not None and total >= width:
            (total,) = self._connection.execute(f"SELECT count(DISTINCT x.run) {rest}", arguments).fetchone()
        if direction == "back":
            return Found([Edge(f"run:{row[0]}", key, "output") for row in rows], total)
        return Found([Edge(key, f"run:{row[0]}", self._input_kind(key, row[0])) for row in rows], total)

    def _input_kind(self, key: str, number: int) -> str:
        changed = changed_paths(json.loads(self._row(number)[3]))
        if not changed:
            return "input"
        rows = self._connection.execute("SELECT path, hash FROM inputs WHERE run = ?", (number,))
        mine = {path for path, content in rows if self.contents.key(path, content, number) == key}
        return "changed" if mine & changed else "input"

    # --- code, environment, parameters

    def _code_forward(self, key: str, width: int | None, weak: bool, counted: bool) -> Found:
        tree = key.partition(":")[2]
        where = "instr(code, ?1) AND coalesce(nullif(code ->> 'tree', ''), code ->> 'commit') = ?1"
        return self._where(key, where, tree, "code", width, counted)

    def _env_forward(self, key: str, width: int | None, weak: bool, counted: bool) -> Found:
        return self._where(key, "environment = ?1", key.partition(":")[2], "environment", width, counted)

    def _where(self, key: str, where: str, value: str, kind: str, width: int | None, counted: bool) -> Found:
        rows = self._connection.execute(
            f"SELECT id FROM runs WHERE {where} ORDER BY id DESC LIMIT ?2", (value, _limit(width))
        ).fetchall()
        total = len(rows)
        if counted and width is not None and total >= width:
            (total,) = self._connection.execute(f"SELECT count(*) FROM runs WHERE {where}", (value,)).fetchone()
        return Found([Edge(key, f"run:{row[0]}", kind) for row in rows], total)

    def _params_forward(self, key: str, width: int | None, weak: bool, counted: bool) -> Found:
        return Found([Edge(key, f"run:{key.partition(':')[2]}", "params")], 1)

    def _unread_forward(self, key: str, width: int | None, weak: bool, counted: bool) -> Found:
        return Found([Edge(key, f"run:{key.split(':', 2)[1]}", "input")], 1)

    def _total(self, sql: str, number: int, had: int, width: int | None, counted: bool) -> int:
        if not counted or width is None or had < width:
            return had
        return int(self._connection.execute(sql, (number,)).fetchone()[0])


_MADE = f"FROM outputs AS o WHERE run = ? AND hash <> '' AND NOT {LEFT_AS_IT_WAS.format('o')}"
_BACK = {"run": Neighbours._run_back}
_FORWARD = {
    "run": Neighbours._run_forward, "code": Neighbours._code_forward, "env": Neighbours._env_forward,
    "params": Neighbours._params_forward, "unread": Neighbours._unread_forward,
}  # fmt: skip


def code_key(code: Mapping[str, Any]) -> str:
    """Return the key of the code of a run, "" where it is not known."""
    if code.get("kind") in (None, "none"):
        return ""
    version = code.get("tree") or code.get("commit")
    return f"code:{version}" if version else ""


def changed_paths(trigger: Mapping[str, Any]) -> set[str]:
    """Return the paths whose change started a run."""
    files = trigger.get("files")
    if not isinstance(files, list):
        return set()
    return {str(one.get("path", "")) if isinstance(one, Mapping) else str(one) for one in files}


def _env(digest: str | None) -> str:
    return f"env:{digest}" if digest else ""


def _limit(width: int | None) -> int:
    return -1 if width is None else width
