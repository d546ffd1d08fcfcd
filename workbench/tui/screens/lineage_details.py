"""The facts of the node that is selected, as lines. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workbench.lineage.formats import counted, node_note, node_text
from workbench.lineage.formats import size as size_text
from workbench.lineage.graph import Edge, Node
from workbench.runs.model import Run, finite
from workbench.safe import clean
from workbench.tui.charts import BOLD, DIM, TEXT, tone_of, value_text
from workbench.tui.kit.grid import Style, cells, clip
from workbench.tui.kit.numbers import ago, duration, short
from workbench.tui.screens.lineage_data import Sight
from workbench.tui.widgets.canvas import Spans

_NAME, _VALUE = 13, 44
_NOTE = 26
_MOST_METRICS = 4


def details(sight: Sight, key: str, now: float, width: int = 120) -> list[Spans]:
    """Return what is known of a node: what made it, of what, with what result; notes begin in one column."""
    node = sight.graph.nodes.get(key)
    if node is None:
        return []
    column = max(16, min(_VALUE, width - _NAME - _NOTE))
    return [_aligned(line, column) for line in _WAYS.get(node.kind, _other)(_Facts(sight, node, now))]


def _aligned(line: Spans, column: int) -> Spans:
    if len(line) < 3:
        return line
    name, (text, style), *rest = line
    return [name, (text + " " * (column - cells(text)), style), *rest]


def identity(sight: Sight, key: str) -> str:
    """Return the id of a node in a word."""
    node = sight.graph.nodes.get(key)
    if node is None or not node.id:
        return ""
    word = {"data": "blake3", "output": "blake3", "code": "commit", "env": "digest", "run": "id"}.get(node.kind, "")
    text = clean(node.id, 200)
    return f"{word} {text[:8]}…{text[-4:]}" if word and len(text) > 16 else f"{word} {text}" if word else ""


class _Facts:
    """A node with its neighbours in view."""

    def __init__(self, sight: Sight, node: Node, now: float) -> None:
        self.sight, self.node, self.now = sight, node, now
        into, out = sight.graph.neighbours()
        self.into, self.out = into[node.key], out[node.key]

    def nodes(self, edges: list[Edge], end: int, *kinds: str) -> list[Node]:
        """Return the neighbours of some kinds."""
        found = [self.sight.graph.nodes[edge[end]] for edge in edges]
        return [node for node in found if node.kind in kinds]

    def run(self, node: Node) -> Run | None:
        """Return the run of a node."""
        return self.sight.runs.get(int(node.facts.get("run") or 0))


def _line(name: str, value: str, note: str = "") -> Spans:
    value = clip(clean(value, 300), 200)
    return [(name.ljust(_NAME) + " ", DIM), (value, BOLD), ("  " + clean(note, 300), DIM)]


def _names(nodes: list[Node]) -> str:
    shown = " + ".join(clean(node.label, 60) for node in nodes[:3])
    return shown + (f" +{len(nodes) - 3}" if len(nodes) > 3 else "")


def _notes(nodes: list[Node]) -> str:
    return " + ".join(note for node in nodes[:3] if (note := node_note(node)))


def _run(facts: _Facts) -> Iterator[Spans]:
    node, run = facts.node, facts.run(facts.node)
    began = node.facts.get("started") or node.facts.get("created")
    took = run.duration(facts.now) if run is not None else None
    times = [ago(facts.now - began) if began else "", f"took {duration(took)}" if took is not None else ""]
    host = str(node.facts.get("host") or "")
    yield _line(
        "run", f"{node.status}, {node.facts.get('why')}", " ".join([*times, f"on {host}" if host else ""]).strip()
    )
    yield from _surroundings(facts, facts.into, run)
    yield from _metrics(facts, run)
    made = facts.nodes(facts.out, 1, "data", "output", "model")
    if made:
        yield _line("made", _names(made), _notes(made))
    for edge in [*facts.into, *facts.out]:
        other = facts.sight.graph.nodes[edge.source if edge.target == node.key else edge.target]
        if edge.kind in ("again", "reproduction"):
            words = "repeats" if edge.target == node.key else "repeated by"
            yield _line(words, node_text(other), "reproduced" if edge.kind == "reproduction" else "")
    if node.facts.get("reason"):
        yield _line("ended", str(node.facts["reason"]))


def _surroundings(facts: _Facts, into: list[Edge], run: Run | None) -> Iterator[Spans]:
    """Yield what a run read and ran in; one that has the project's metric is said to have trained."""
    read = facts.nodes(into, 0, "data", "output")
    if read:
        trained = run is not None and facts.sight.metric in run.metrics
        yield _line("trained on" if trained else "read", _names(read), _notes(read))
    for name, kind in (("code", "code"), ("environment", "env"), ("parameters", "params")):
        for node in facts.nodes(into, 0, kind):
            yield _line(name, node.label, node_note(node))


def _metrics(facts: _Facts, run: Run | None) -> Iterator[Spans]:
    if run is None or not run.metrics:
        return
    first = facts.sight.metric
    names = sorted(run.metrics, key=lambda name: (name != first, name))[:_MOST_METRICS]
    words = "  ".join(f"{clean(name, 30)} {short(run.metrics[name].last)}" for name in names)
    spans: Spans = [("metrics".ljust(_NAME) + " ", DIM), (words, BOLD)]
    before, value = facts.sight.before.get(run.number), finite(run.value(first))
    if before is not None and value is not None:
        difference = value - before[1]
        tone = tone_of(difference, facts.sight.goal)
        arrow = {"better": "▲", "worse": "▼"}.get(tone, "=")
        spans += [(f"  {arrow} {short(abs(difference))}", Style(fg=tone)), (f" vs run {before[0]}", DIM)]
    yield spans


def _content(facts: _Facts) -> Iterator[Spans]:
    node = facts.node
    makers = facts.nodes(facts.into, 0, "run")
    for maker in makers[:1]:
        run = facts.run(maker)
        ended = maker.facts.get("ended")
        took = run.duration(facts.now) if run is not None else None
        when = ago(facts.now - ended) if ended else ""
        more = f"and {len(makers) - 1} more with the same content" if len(makers) > 1 else ""
        yield _line(
            "produced by",
            node_text(maker),
            " ".join(p for p in (when, f"in {duration(took)}" if took else "", more) if p),
        )
        yield from _surroundings(facts, facts.sight.graph.neighbours()[0][maker.key], run)
        yield from _metrics(facts, run)
    parts = (
        counted(node.facts.get("rows"), "row"),
        size_text(node.facts.get("size")),
        counted(node.facts.get("files"), "file"),
    )
    kept = "only its hash is kept" if node.facts.get("kept") is False else ""
    yield _line(
        "content", ", ".join(part for part in parts if part) or "unknown size", str(node.facts.get("problem") or kept)
    )
    paths = [str(path) for path in node.facts.get("paths") or ()]
    if len(paths) > 1:
        yield _line("also at", ", ".join(clean(path, 60) for path in paths if path != node.facts.get("path")))
    readers = facts.nodes(facts.out, 1, "run")
    if readers:
        yield _line(
            "read by",
            counted(len(readers) + _hidden(facts), "run"),
            ", ".join(clean(one.label, 40) for one in readers[:4]),
        )


def _hidden(facts: _Facts) -> int:
    return facts.sight.graph.hidden.get((facts.node.key, "forward"), 0)


def _code(facts: _Facts) -> Iterator[Spans]:
    known = facts.node.facts
    yield _line("commit", str(known.get("commit") or "none"), str(known.get("branch") or ""))
    yield _line(
        "tree", str(known.get("tree") or "unknown"), "with changes that are in no commit" if known.get("dirty") else ""
    )
    changed = known.get("changed") or ()
    if changed:
        yield _line(
            "changed", ", ".join(clean(str(path), 60) for path in list(changed)[:4]), counted(len(changed), "file")
        )
    if known.get("problem"):
        yield _line("problem", str(known["problem"]))
    yield from _ran(facts)


def _environment(facts: _Facts) -> Iterator[Spans]:
    known = facts.node.facts
    yield _line(
        "python",
        f"{known.get('implementation') or ''} {known.get('python') or 'none'}".strip(),
        counted(known.get("packages"), "package")
        + ("" if known.get("imported") is None else f", {known['imported']} imported"),
    )
    yield _line("machine", str(known.get("platform") or "unknown"), str(known.get("cpu") or ""))
    yield from _ran(facts)


def _parameters(facts: _Facts) -> Iterator[Spans]:
    values: dict[str, Any] = dict(facts.node.facts.get("values") or {})
    width = max([_NAME, *(min(30, cells(clean(name))) for name in values)])
    for name, value in values.items():
        yield [(clip(clean(name), width).ljust(width) + " ", DIM), (value_text(value, 14), TEXT)]


def _ran(facts: _Facts) -> Iterator[Spans]:
    runs = facts.nodes(facts.out, 1, "run")
    if runs:
        yield _line(
            "ran", counted(len(runs) + _hidden(facts), "run"), ", ".join(clean(one.label, 40) for one in runs[:4])
        )


def _other(facts: _Facts) -> Iterator[Spans]:
    yield [("enter shows more of them", DIM)]


_WAYS = {
    "run": _run, "data": _content, "output": _content, "model": _content, "code": _code, "env": _environment,
    "params": _parameters,
}  # fmt: skip
