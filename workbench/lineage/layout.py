"""Where the nodes of a graph go when it is drawn: layers from left to right, and an order in each. Pure.

Every edge leads from one layer to a later one; where it passes layers between, it takes a place in them (a `Pass`).
Loops are opened at the edge that closes them: that edge is drawn from left to right too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

SWEEPS = 4


@dataclass(frozen=True)
class Place:
    """What stands in a layer: a node, or, where `edge` is given, an edge that passes by."""

    key: str
    edge: tuple[str, str] | None = None


@dataclass(frozen=True)
class Layers:
    """The layers from left to right, each from top to bottom, and the links from one layer to the next.

    A link is (source, target, edge): the keys of two places in neighbouring layers and the edge it is a part of.
    """

    layers: tuple[tuple[Place, ...], ...] = ()
    links: tuple[tuple[str, str, tuple[str, str]], ...] = ()


def lay_out(nodes: Sequence[str], edges: Iterable[tuple[str, str]], rank: Mapping[str, int] | None = None) -> Layers:
    """Return the layers of a graph; `rank` orders nodes that nothing else puts in an order, lowest first.

    The first layer holds only what nothing leads to; a node without a source stands right before its first target.
    """
    known = set(nodes)
    clean = list(dict.fromkeys(edge for edge in edges if edge[0] in known and edge[1] in known and edge[0] != edge[1]))
    forward = _without_loops(nodes, clean)
    level = _levels(nodes, [turned for _, turned in forward])
    return _ordered(nodes, forward, level, rank or {})


def _without_loops(nodes: Sequence[str], edges: list[tuple[str, str]]) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """Return each edge beside itself as it is drawn: turned round where it would close a loop."""
    out: dict[str, list[str]] = {key: [] for key in nodes}
    targets = {target for _, target in edges}
    for source, target in edges:
        out[source].append(target)
    state: dict[str, int] = {}
    turned: set[tuple[str, str]] = set()
    for root in sorted(nodes, key=lambda key: key in targets):
        if root in state:
            continue
        state[root] = 1
        stack = [(root, iter(out[root]))]
        while stack:
            key, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                state[key] = 2
                stack.pop()
            elif state.get(following) == 1:
                turned.add((key, following))
            elif following not in state:
                state[following] = 1
                stack.append((following, iter(out[following])))
    return [(edge, (edge[1], edge[0]) if edge in turned else edge) for edge in edges]


def _levels(nodes: Sequence[str], edges: list[tuple[str, str]]) -> dict[str, int]:
    """Return the layer of each node: the longest way to it, and what has no source right before its first target."""
    out: dict[str, list[str]] = {key: [] for key in nodes}
    waits = dict.fromkeys(nodes, 0)
    for source, target in edges:
        out[source].append(target)
        waits[target] += 1
    sources = [key for key in nodes if not waits[key]]
    level = dict.fromkeys(nodes, 0)
    ready = list(sources)
    while ready:
        key = ready.pop()
        for target in out[key]:
            level[target] = max(level[target], level[key] + 1)
            waits[target] -= 1
            if not waits[target]:
                ready.append(target)
    for key in sources:
        if out[key]:
            level[key] = min(level[target] for target in out[key]) - 1
    least = min(level.values(), default=0)
    return {key: found - least for key, found in level.items()}


def _ordered(
    nodes: Sequence[str],
    edges: list[tuple[tuple[str, str], tuple[str, str]]],
    level: Mapping[str, int],
    rank: Mapping[str, int],
) -> Layers:
    layers: list[list[str]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for key in sorted(nodes, key=lambda key: rank.get(key, 0)):
        layers[level[key]].append(key)
    passes: dict[str, tuple[str, str]] = {}
    links: list[tuple[str, str, tuple[str, str]]] = []
    for edge, (source, target) in edges:
        before = source
        for at in range(level[source] + 1, level[target]):
            key = f"\x00{at}\x00{source}\x00{target}"
            if key not in passes:
                passes[key] = edge
                layers[at].append(key)
            links.append((before, key, edge))
            before = key
        links.append((before, target, edge))
    links = list(dict.fromkeys(links))
    _untangle(layers, links)
    return Layers(tuple(tuple(Place(key, passes.get(key)) for key in layer) for layer in layers), tuple(links))


def _untangle(layers: list[list[str]], links: Iterable[tuple[str, str, tuple[str, str]]]) -> None:
    """Put each node near the middle of its neighbours, to and fro, so that few lines cross."""
    before: dict[str, list[str]] = {}
    after: dict[str, list[str]] = {}
    for source, target, _ in links:
        before.setdefault(target, []).append(source)
        after.setdefault(source, []).append(target)
    for sweep in range(SWEEPS):
        order = range(1, len(layers)) if sweep % 2 == 0 else range(len(layers) - 2, -1, -1)
        near = before if sweep % 2 == 0 else after
        for at in order:
            other = layers[at - 1 if sweep % 2 == 0 else at + 1]
            place = {key: index for index, key in enumerate(other)}
            _sort_layer(layers[at], near, place)


def _sort_layer(layer: list[str], near: Mapping[str, list[str]], place: Mapping[str, int]) -> None:
    middle: dict[str, float] = {}
    last = -1.0
    for key in layer:
        found = [place[one] for one in near.get(key, ()) if one in place]
        last = middle[key] = sum(found) / len(found) if found else last
    layer.sort(key=lambda key: middle[key])
