"""The graph as text: a tree, Mermaid, DOT, one JSON document. Pure; nothing foreign gets out unescaped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from workbench.lineage.graph import KINDS, WEAK, Edge, Graph, Node, moment, passes
from workbench.runs.model import GLYPHS
from workbench.safe import clean

DIRECTIONS = {"back": "came from", "forward": "went into"}
_NOTED = {"changed": "its change started it", "again": "repeated by hand", "reproduction": "reproduced"}
_LABEL = 120
_MARKDOWN = frozenset("\\`*_~<>&\"'#;|[](){}$:/@%!^+-=,?.")
_TIMES = ("created", "started", "ended")


@dataclass(frozen=True)
class TreeLine:
    """A line of the tree: the branches before it, the key of its node ("" for a heading), its text, and a note."""

    branch: str
    key: str
    text: str
    note: str = ""


def tree(graph: Graph, directions: tuple[str, ...] = ("back", "forward")) -> list[TreeLine]:
    """Return the graph as a tree under each node in focus; what stands already further up is not opened again."""
    into, out = graph.neighbours()
    lines: list[TreeLine] = []
    for root in graph.focus:
        lines.append(TreeLine("", root, node_text(graph.nodes[root]), node_note(graph.nodes[root])))
        growths = [_Growth(graph, side, into if side == "back" else out) for side in directions]
        growths = [growth for growth in growths if growth.children(root, None)]
        for growth in growths:
            last = growth is growths[-1]
            lines.append(TreeLine("└─ " if last else "├─ ", "", DIRECTIONS[growth.side]))
            lines.extend(growth.branch(root, "   " if last else "│  "))
    return lines


class _Child(NamedTuple):
    """A line to come: a node and the kind of the edge to it, or only words."""

    key: str
    kind: str = ""
    words: str = ""


@dataclass(frozen=True)
class _Growth:
    """One side of a tree."""

    graph: Graph
    side: str
    edges: Mapping[str, list[Edge]]

    def children(self, key: str, parent: str | None) -> list[_Child]:
        """Return what stands under a node that was reached from `parent`, last how much was left out."""
        nodes, end = self.graph.nodes, 0 if self.side == "back" else 1
        bound = None if parent is None else moment(nodes[parent])
        found = [
            _Child(edge[end], edge.kind)
            for edge in self.edges[key]
            if passes(moment(nodes[edge[end]]), bound, self.side) and (parent is None or edge.kind not in WEAK)
        ]
        left = _left_out(self.graph, key, self.side)
        return [*found, _Child("", words=left)] if left else found

    def branch(self, root: str, prefix: str) -> Iterator[TreeLine]:
        """Yield the lines under a root."""
        opened = {root}
        stack = [(prefix, root, self.children(root, None))]
        while stack:
            before, parent, rest = stack[-1]
            if not rest:
                stack.pop()
                continue
            child = rest.pop(0)
            corner, below = ("├─ ", "│  ") if rest else ("└─ ", "   ")
            if not child.key:
                yield TreeLine(before + corner, "", child.words)
                continue
            node = self.graph.nodes[child.key]
            children = [] if child.kind in WEAK else self.children(child.key, parent)
            seen = child.key in opened and bool(children)
            notes = [node_note(node), _NOTED.get(child.kind, ""), "see above" if seen else ""]
            yield TreeLine(before + corner, child.key, node_text(node), " · ".join(note for note in notes if note))
            if not seen and children:
                opened.add(child.key)
                stack.append((before + below, child.key, children))


def _left_out(graph: Graph, key: str, side: str) -> str:
    hidden = graph.hidden.get((key, side), 0)
    if hidden > 0:
        return f"+{hidden:,} more"
    return "…" if (key, side) in graph.deeper else ""


def node_text(node: Node) -> str:
    """Return a node in a few words, safe to print."""
    status = f"{GLYPHS[node.status]} " if node.status in GLYPHS else ""
    return clean(f"{status}{node.title}", _LABEL)


def node_note(node: Node) -> str:
    """Return what else is worth a word about a node."""
    facts = node.facts
    if node.kind == "run":
        parts = [node.status, str(facts.get("stage") or ""), str(facts.get("why") or "")]
    elif node.kind in ("data", "output"):
        parts = [counted(facts.get("rows"), "row"), size(facts.get("size")), str(facts.get("problem") or "")]
        others = len(facts.get("paths") or ()) - 1
        parts.append(f"also at {others} other path{'s' if others > 1 else ''}" if others > 0 else "")
    elif node.kind == "env":
        parts = [counted(facts.get("packages"), "package")]
    elif node.kind == "code":
        changed = facts.get("changed") or ()
        parts = [f"{counted(len(changed), 'file')} changed" if facts.get("dirty") and changed else ""]
    else:
        parts = []
    return clean(" · ".join(part for part in parts if part), _LABEL)


def counted(count: Any, word: str) -> str:
    """Return `1,204 rows`, "" where the number is not known."""
    return f"{count:,} {word}{'' if count == 1 else 's'}" if isinstance(count, int) else ""


def size(count: Any) -> str:
    """Return a number of bytes in a word, "" where it is not known."""
    if not isinstance(count, int):
        return ""
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value, _ = value / 1000, units.pop(0)
    return f"{count} B" if units[0] == "B" else f"{value:.3g} {units[0]}"


# --- Mermaid and DOT


def mermaid(graph: Graph) -> str:
    """Return the graph as a Mermaid flow chart; what means something to Mermaid or Markdown is written as a code."""
    names = {key: f"n{index}" for index, key in enumerate(graph.nodes)}
    lines = ["flowchart LR"]
    for key, node in graph.nodes.items():
        left, right = KINDS[node.kind].mermaid
        lines.append(f'  {names[key]}{left}"{_mermaid_text(_one_line(node))}"{right}:::{node.kind}')
    for edge in graph.edges:
        word = _NOTED.get(edge.kind, "")
        arrow = f"-. {word} .->" if word else "-->"
        lines.append(f"  {names[edge.source]} {arrow} {names[edge.target]}")
    lines += [f'  {names[key]} --- more{index}("+{count} more")' for index, (key, count) in enumerate(_more(graph))]
    if graph.focus:
        lines.append("  classDef focus stroke-width:3px")
        lines.append(f"  class {','.join(names[key] for key in graph.focus)} focus")
    return "\n".join(lines) + "\n"


def _mermaid_text(text: str) -> str:
    return "".join(f"#{ord(char)};" if char in _MARKDOWN and char not in "./-_@=+,: " else char for char in text)


def dot(graph: Graph) -> str:
    """Return the graph in Graphviz' language; labels are quoted, so that nothing in them is an escape or markup."""
    names = {key: f"n{index}" for index, key in enumerate(graph.nodes)}
    lines = ["digraph lineage {", "  rankdir=LR;", '  node [fontname="sans-serif"];']
    for key, node in graph.nodes.items():
        bold = " style=bold" if key in graph.focus else ""
        lines.append(f"  {names[key]} [label={_quoted(_one_line(node))} shape={KINDS[node.kind].dot}{bold}];")
    for edge in graph.edges:
        word = _NOTED.get(edge.kind, "")
        look = f" [label={_quoted(word)} style=dashed]" if word else ""
        lines.append(f"  {names[edge.source]} -> {names[edge.target]}{look};")
    for index, (key, count) in enumerate(_more(graph)):
        lines.append(f'  more{index} [label="+{count} more" shape=plaintext];')
        lines.append(f"  {names[key]} -> more{index} [dir=none style=dotted];")
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _one_line(node: Node) -> str:
    return clean(node.title, _LABEL)


def _more(graph: Graph) -> list[tuple[str, int]]:
    return [(key, count) for (key, _), count in graph.hidden.items() if key in graph.nodes]


# --- JSON


def document(graph: Graph) -> dict[str, Any]:
    """Return the graph as one JSON document: focus, nodes, edges, and how much was left out; times in UTC."""
    return {
        "focus": list(graph.focus),
        "nodes": [
            {"key": node.key, "kind": node.kind, "label": node.label, "id": node.id, "status": node.status or None}
            | {"facts": {name: _value(name, value) for name, value in node.facts.items()}}
            for node in graph.nodes.values()
        ],
        "edges": [{"from": edge.source, "to": edge.target, "kind": edge.kind} for edge in graph.edges],
        "left_out": [
            {"key": key, "direction": side, "count": graph.hidden.get((key, side))}
            for key, side in dict.fromkeys([*graph.hidden, *sorted(graph.deeper)])
        ],
    }


def _value(name: str, value: Any) -> Any:
    if name in _TIMES and isinstance(value, (int, float)):
        return iso(value)
    return value


def iso(seconds: float) -> str:
    """Return a time in ISO 8601, UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
