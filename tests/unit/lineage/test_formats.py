"""The graph as text: trees, Mermaid, DOT and JSON, whatever the names are."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

from workbench.lineage.formats import document, dot, mermaid, size, tree
from workbench.lineage.graph import Edge, Graph, Node, only

FOREIGN = [
    "two\nlines.csv", "[red]bold[/red].csv", 'quo"te\'s.csv', "a --> b; n0[x]", "<b>&amp;#quot;", "end`|{}[]()\\\\n\\",
    "\x1b[31mred\u202e", "click n0 href javascript:alert(1)", "%%{init: {}}%%", "\\", "漢字.csv",
]  # fmt: skip


def graph_of(names=("train.csv@3f2a",)):
    nodes = {
        "run:1": Node("run:1", "run", "1 heron", "u1", "finished", {"run": 1, "started": 10.0, "why": "by hand"}),
        "run:2": Node("run:2", "run", "2 otter", "u2", "failed", {"run": 2, "started": 20.0, "why": "by hand"}),
        "data:m": Node("data:m", "output", "model@91bc", "m", "", {"size": 1_250_000, "paths": ["model", "copy"]}),
    }
    edges = [Edge("run:1", "data:m", "output"), Edge("data:m", "run:2", "changed"), Edge("run:1", "run:2", "again")]
    for index, name in enumerate(names):
        key = f"data:{index}"
        nodes[key] = Node(key, "data", name, name, "", {"rows": 12_000, "size": 900})
        edges += [Edge(key, "run:1", "input"), Edge(key, "run:2", "input")]
    return Graph(nodes, tuple(edges), ("run:2",), {("data:0", "forward"): 123}, frozenset({("run:1", "back")}))


def shown(graph, **options):
    return [f"{line.branch}{line.text}" + (f"  [{line.note}]" if line.note else "") for line in tree(graph, **options)]


def test_the_tree_has_what_it_came_from_and_opens_nothing_twice():
    assert shown(graph_of()) == [
        "✗ run 2 otter  [failed · by hand]",
        "└─ came from",
        "   ├─ output model@91bc  [1.25 MB · also at 1 other path · its change started it]",
        "   │  └─ ✓ run 1 heron  [finished · by hand]",
        "   │     ├─ data train.csv@3f2a  [12,000 rows · 900 B]",
        "   │     └─ …",
        "   ├─ ✓ run 1 heron  [finished · by hand · repeated by hand]",
        "   └─ data train.csv@3f2a  [12,000 rows · 900 B]",
    ]


def test_the_tree_says_how_much_was_left_out():
    graph = graph_of()
    whole = Graph(graph.nodes, graph.edges, ("data:0",), graph.hidden, frozenset())
    lines = shown(whole, directions=("forward",))
    assert lines[1] == "└─ went into" and lines[-1] == "   └─ +123 more"
    assert "   │     └─ ✗ run 2 otter  [failed · by hand · its change started it]" in lines


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_names_stay_inside_their_labels(name):
    graph = graph_of([name])
    for line in tree(graph):
        assert (line.branch + line.text + line.note).isprintable()
    chart = mermaid(graph)
    assert len(chart.splitlines()) == len(mermaid(graph_of()).splitlines())
    (label,) = re.findall(r'^  n3\[\("(.*)"\)\]:::data$', chart, re.MULTILINE)
    assert not set(re.sub(r"#\d+;", "", label)) & set('"`<>[](){}|\\&;#%\n')
    drawing = dot(graph)
    assert len(drawing.splitlines()) == len(dot(graph_of()).splitlines())
    (quoted,) = re.findall(r'^  n3 \[label="(.*)" shape=cylinder\];$', drawing, re.MULTILINE)
    assert re.fullmatch(r'(?:[^"\\]|\\.)*', quoted)
    found = json.loads(json.dumps(document(graph)))
    assert {node["label"] for node in found["nodes"]} >= {name}


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_reads_the_graph():
    drawn = subprocess.run(["dot", "-Tplain"], input=dot(graph_of(FOREIGN)).encode(), capture_output=True, check=True)
    assert drawn.stdout.count(b"\nnode ") == 3 + len(FOREIGN) + 1


def test_mermaid_and_dot_name_the_focus_and_what_is_left_out():
    assert mermaid(graph_of()).splitlines() == [
        "flowchart LR",
        '  n0(["run 1 heron"]):::run',
        '  n1(["run 2 otter"]):::run',
        '  n2[("output model@91bc")]:::output',
        '  n3[("data train.csv@3f2a")]:::data',
        "  n0 --> n2",
        "  n2 -. its change started it .-> n1",
        "  n0 -. repeated by hand .-> n1",
        "  n3 --> n0",
        "  n3 --> n1",
        '  n3 --- more0("+123 more")',
        "  classDef focus stroke-width:3px",
        "  class n1 focus",
    ]
    assert '  n1 [label="run 2 otter" shape=box style=bold];' in dot(graph_of())


def test_the_document_has_times_in_utc_and_what_was_left_out():
    found = document(graph_of())
    assert found["focus"] == ["run:2"]
    assert found["nodes"][0]["facts"]["started"] == "1970-01-01T00:00:10.000Z"
    assert found["left_out"] == [
        {"key": "data:0", "direction": "forward", "count": 123},
        {"key": "run:1", "direction": "back", "count": None},
    ]


def test_one_side_of_a_graph():
    assert set(only(graph_of(), "back").nodes) == {"run:2", "data:m", "run:1", "data:0"}
    assert set(only(graph_of(), "forward").nodes) == {"run:2"}


def test_sizes_are_short():
    assert [size(one) for one in (0, 999, 1000, 12_345, 999_999, 5 * 10**9, None)] == [
        "0 B", "999 B", "1 kB", "12.3 kB", "1 MB", "5 GB", "",
    ]  # fmt: skip
