"""The graph of what came from what, as values: kinds, nodes, edges, and what of it lies before and after a node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Kind:
    """A kind of node: its word, its shape in Mermaid (what stands around a label) and in DOT, its rank in a layer."""

    word: str
    mermaid: tuple[str, str]
    dot: str
    rank: int


KINDS: Mapping[str, Kind] = {
    "data": Kind("data", ("[(", ")]"), "cylinder", 0),
    "code": Kind("code", ("[/", "/]"), "note", 1),
    "env": Kind("env", ("{{", "}}"), "component", 2),
    "params": Kind("params", ("[\\", "\\]"), "parallelogram", 3),
    "run": Kind("run", ("([", "])"), "box", 4),
    "output": Kind("output", ("[(", ")]"), "cylinder", 5),
    "model": Kind("model", ("[[", "]]"), "box3d", 6),
    "image": Kind("image", ("[[", "]]"), "box3d", 7),
    "deployment": Kind("deploy", ("((", "))"), "doublecircle", 8),
    "more": Kind("", ("(", ")"), "plaintext", 9),
}
"""Everything that a node can be; another kind is one more line here and its edges in queries.py."""

WEAK = frozenset({"again", "reproduction"})
"""Edges between a run and its repetition: they are shown, but nothing is traced through them."""


@dataclass(frozen=True)
class Node:
    """One thing; `key` is kind and id, `label` names it without the kind, foreign text as it is stored.

    `id` is what a user copies, `facts` whatever else is known and fits JSON.
    """

    key: str
    kind: str
    label: str
    id: str = ""
    status: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The kind's word and the label."""
        return f"{KINDS[self.kind].word} {self.label}".strip()


class Edge(NamedTuple):
    """`target` came from `source`; `kind` says how."""

    source: str
    target: str
    kind: str


@dataclass(frozen=True)
class Graph:
    """Nodes by key, edges, the nodes in focus, and how many neighbours were left out.

    `hidden` maps (key, "back" or "forward") to a number; `deeper` holds such pairs where the depth ended the walk.
    """

    nodes: Mapping[str, Node] = field(default_factory=dict)
    edges: tuple[Edge, ...] = ()
    focus: tuple[str, ...] = ()
    hidden: Mapping[tuple[str, str], int] = field(default_factory=dict)
    deeper: frozenset[tuple[str, str]] = frozenset()

    def neighbours(self) -> tuple[dict[str, list[Edge]], dict[str, list[Edge]]]:
        """Return the edges into and out of each node, in their order."""
        into: dict[str, list[Edge]] = {key: [] for key in self.nodes}
        out: dict[str, list[Edge]] = {key: [] for key in self.nodes}
        for edge in self.edges:
            into[edge.target].append(edge)
            out[edge.source].append(edge)
        return into, out


@dataclass(frozen=True)
class Reach:
    """What lies before and what lies after some nodes, themselves left out, and the edges on the way."""

    back: frozenset[str]
    forward: frozenset[str]
    edges: frozenset[Edge]


Moment = tuple[float, int]
"""When a run began, in seconds since the epoch, and its number."""


def moment(node: Node) -> Moment | None:
    """Return when a run began, None for any other node."""
    if node.kind != "run":
        return None
    began = node.facts.get("started")
    return float(began if began is not None else node.facts.get("created") or 0.0), int(node.facts.get("run") or 0)


def later(one: Moment | None, other: Moment | None, direction: str) -> bool:
    """Return whether a bound lets more through than another: None lets all through.

    What a run read can only have been made by runs that began before it, though later ones may have made the same
    content again; `direction` is the one of the walk.
    """
    if other is None:
        return False
    return one is None or (one > other if direction == "back" else one < other)


def reach(graph: Graph, start: Iterable[str]) -> Reach:
    """Return all ancestors and descendants of `start` in the graph, none of them through a run of a wrong time."""
    starts = [key for key in start if key in graph.nodes]
    edges: set[Edge] = set()
    back = _follow(graph, starts, "back", edges)
    forward = _follow(graph, starts, "forward", edges)
    return Reach(frozenset(back - set(starts)), frozenset(forward - set(starts)), frozenset(edges))


def _follow(graph: Graph, starts: list[str], direction: str, edges: set[Edge]) -> set[str]:
    links, end = graph.neighbours()[direction != "back"], int(direction != "back")
    seen: dict[str, Moment | None] = dict.fromkeys(starts)
    waiting: list[tuple[str, Moment | None]] = [(key, None) for key in starts]
    while waiting:
        key, bound = waiting.pop()
        for edge in links[key]:
            other = edge[end]
            here = moment(graph.nodes[other])
            if (edge.kind in WEAK and key not in starts) or not passes(here, bound, direction):
                continue
            edges.add(edge)
            following = moment(graph.nodes[key]) if here is None else None
            if other not in seen or (here is None and later(following, seen[other], direction)):
                seen[other] = following
                if edge.kind not in WEAK:
                    waiting.append((other, following))
    return set(seen)


def passes(here: Moment | None, bound: Moment | None, direction: str) -> bool:
    """Return whether a run may stand behind content that was reached from a run of the moment `bound`."""
    if here is None or bound is None:
        return True
    return here < bound if direction == "back" else here > bound


def only(graph: Graph, direction: str) -> Graph:
    """Return the part of the graph that lies before ("back") or after ("forward") the focus, with the focus."""
    found = reach(graph, graph.focus)
    keep = (found.back if direction == "back" else found.forward) | set(graph.focus)
    return replace(
        graph,
        nodes={key: node for key, node in graph.nodes.items() if key in keep},
        edges=tuple(edge for edge in graph.edges if edge in found.edges and {edge.source, edge.target} <= keep),
        hidden={pair: count for pair, count in graph.hidden.items() if pair[0] in keep and pair[1] == direction},
        deeper=frozenset(pair for pair in graph.deeper if pair[0] in keep and pair[1] == direction),
    )


def with_more(graph: Graph) -> Graph:
    """Return the graph with one node `+123 more` wherever neighbours were left out."""
    nodes, edges = dict(graph.nodes), list(graph.edges)
    for (key, direction), count in graph.hidden.items():
        if key not in nodes or count <= 0:
            continue
        more = Node(f"more:{direction}:{key}", "more", f"+{count:,} more", facts={"of": key, "count": count})
        nodes[more.key] = more
        edges.append(Edge(more.key, key, "more") if direction == "back" else Edge(key, more.key, "more"))
    return replace(graph, nodes=nodes, edges=tuple(edges))
