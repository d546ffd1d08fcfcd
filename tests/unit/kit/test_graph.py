from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.lineage.layout import lay_out
from workbench.tui.kit.graph import Box, Link, draw, plan
from workbench.tui.kit.grid import TOKENS, cells


def picture(edges, looks=None, *, most=30, texts=None, window=None):
    nodes = list(dict.fromkeys(key for edge in edges for key in edge))
    found = lay_out(nodes, edges)
    boxes = {key: Box(key, (texts or {}).get(key, key), (looks or {}).get(key, "plain")) for key in nodes}
    links = [Link(one, two, "faint" in {(looks or {}).get(end) for end in edge}) for one, two, edge in found.links]
    where = plan([[place.key for place in layer] for layer in found.layers], boxes, links, most=most)
    width, height = window or (where.width, where.height)
    return where, draw(where, boxes.values(), links, width, height)


def lines(edges, looks=None, **options):
    return [line.rstrip() for line in picture(edges, looks, **options)[1].lines()]


def test_a_chain_is_drawn_straight():
    assert lines([("data", "run"), ("run", "model")], {"run": "chosen"}) == [
        "╭──────╮   ┏━━━━━┓   ╭───────╮",
        "│ data │╶─▶┃ run ┃╶─▶│ model │",
        "╰──────╯   ┗━━━━━┛   ╰───────╯",
    ]


def test_lines_of_several_sources_join_before_their_target():
    assert lines([("a", "run"), ("b", "run"), ("c", "run"), ("c", "other")], {"other": "faint"}) == [
        "╭───╮",
        "│ a │╶╮",
        "╰───╯ │",
        "╭───╮ │   ╭───────╮",
        "│ b │╶┴┬─▶│ run   │",
        "╰───╯  │  ╰───────╯",
        "╭───╮  │  ╭╌╌╌╌╌╌╌╮",
        "│ c │╶─╯─▶╎ other ╎",
        "╰───╯     ╰╌╌╌╌╌╌╌╯",
    ]


def test_a_line_passes_a_layer_between_its_boxes():
    assert lines([("code", "one"), ("one", "file"), ("file", "two"), ("code", "two")]) == [
        "            ╭─────╮   ╭──────╮",
        "╭──────╮ ╭─▶│ one │╶─▶│ file │╶╮   ╭─────╮",
        "│ code │╶┤  ╰─────╯   ╰──────╯ ╰┬─▶│ two │",
        "╰──────╯ ╰──────────────────────╯  ╰─────╯",
        "",
    ]


def test_lines_that_cross_keep_to_tracks_of_their_own():
    edges = [("a", "x"), ("b", "x"), ("b", "y"), ("c", "y"), ("d", "z"), ("a", "z")]
    assert lines(edges) == [
        "╭───╮",
        "│ b │╶╮    ╭───╮",
        "╰───╯ ├┬──▶│ x │",
        "╭───╮ ││   ╰───╯",
        "│ a │╶┼┤   ╭───╮",
        "╰───╯ ╰┼┬─▶│ y │",
        "╭───╮  ││  ╰───╯",
        "│ c │╶─┼╯  ╭───╮",
        "╰───╯ ╭┴──▶│ z │",
        "╭───╮ │    ╰───╯",
        "│ d │╶╯",
        "╰───╯",
    ]


def test_a_window_shows_a_part_and_clicks_find_boxes():
    where, grid = picture([("a", "run"), ("b", "run")], window=(6, 3))
    assert grid.lines() == ["╭───╮ ", "│ a │╶", "╰───╯ "]
    assert where.at(0, 0) == "a" and where.at(4, 5) == "b" and where.at(6, 1) == ""


def test_long_and_foreign_texts_stay_in_their_box():
    long = lines([("a", "run")], texts={"a": "a very long name of a file.csv", "run": "漢字\x1b[31m\u202e"}, most=12)
    assert long[1].startswith("│ a very … │╶─▶│ 漢字[31m │")


edge_lists = st.lists(
    st.tuples(st.integers(0, 14), st.integers(0, 14)).map(lambda e: (f"n{e[0]}", f"n{e[1]}")), max_size=40
)


@settings(deadline=None, max_examples=120)
@given(edge_lists, st.integers(-2, 90), st.integers(-2, 40), st.integers(0, 40), st.integers(0, 30))
def test_any_graph_is_drawn_at_any_size(edges, width, height, left, top):
    nodes = list(dict.fromkeys(key for edge in edges for key in edge))
    found = lay_out(nodes, edges)
    order = {place.key: at for at, layer in enumerate(found.layers) for place in layer}
    assert set(nodes) <= set(order), "every node has a layer"
    assert all(order[two] == order[one] + 1 for one, two, _ in found.links)
    assert {edge for _, _, edge in found.links} == {edge for edge in edges if edge[0] != edge[1]}
    boxes = {key: Box(key, key, ("plain", "chosen", "faint")[len(key) % 3]) for key in nodes}
    links = [Link(one, two) for one, two, _ in found.links]
    where = plan([[place.key for place in layer] for layer in found.layers], boxes, links)
    taken: dict[int, list[int]] = {}
    for key in nodes:
        taken.setdefault(where.spots[key].x, []).append(where.spots[key].y)
    for rows in taken.values():
        assert all(two - one >= 3 for one, two in zip(sorted(rows), sorted(rows)[1:], strict=False)), "no overlap"
    grid = draw(where, boxes.values(), links, width, height, left=left, top=top)
    assert [cells(line) for line in grid.lines()] == [max(0, width)] * max(0, height)
    assert {style.fg for y in range(grid.height) for _, style in grid.spans(y)} <= TOKENS | {""}


def test_two_hundred_nodes_are_quick():
    edges = [(f"d{i}", f"r{i % 40}") for i in range(100)] + [(f"r{i}", f"m{i}") for i in range(40)]
    edges += [("code", f"r{i}") for i in range(40)] + [(f"m{i}", "image") for i in range(20)]
    began = time.process_time()
    where, _ = picture(edges, window=(200, 60))
    assert time.process_time() - began < 0.25
    assert len(where.spots) == 182
