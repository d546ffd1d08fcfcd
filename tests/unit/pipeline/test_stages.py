"""The graph of stages, made from their files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.config import Train
from workbench.errors import ConfigError, UsageError
from workbench.pipeline.stages import build, covers, holds


def stage(inputs: str = "", outputs: str = "") -> Train:
    return Train(command="true", inputs=tuple(inputs.split()), outputs=tuple(outputs.split()))


def test_a_stage_comes_after_those_whose_files_it_reads_else_as_in_the_configuration():
    graph = build({"c": stage("b.csv"), "lone": stage(), "b": stage("a.csv", "b.csv"), "a": stage("", "a.csv")})
    assert graph.order == ("lone", "a", "b", "c")
    assert graph.before["c"] == {"b": "b.csv"}
    assert graph.makers["b"] == {"a.csv": ("a",)}


@pytest.mark.parametrize(
    ("output", "read"),
    [
        ("data/part.csv", "data"),
        ("data", "data/part.csv"),
        ("./data/part.csv", "data/../data/part.csv"),
        ("data/*.csv", "data/part.csv"),
        ("data/part.csv", "data/*.csv"),
        ("data/", "data"),
    ],
)
def test_files_folders_and_globs_connect_stages(output, read):
    assert build({"reader": stage(read), "maker": stage("", output)}).order == ("maker", "reader")


def test_a_name_that_only_begins_alike_connects_nothing():
    graph = build({"reader": stage("database"), "maker": stage("", "data")})
    assert graph.before["reader"] == {}


def test_a_cycle_names_each_stage_and_the_file_by_which_it_waits():
    stages = {"a": stage("c.csv", "a.csv"), "b": stage("a.csv", "b.csv"), "c": stage("b.csv", "c.csv"), "d": stage()}
    with pytest.raises(ConfigError) as caught:
        build(stages)
    for words in ("a reads c.csv of c", "c reads b.csv of b", "b reads a.csv of a"):
        assert words in caught.value.message
    assert "d reads" not in caught.value.message


def test_a_stage_that_reads_what_it_writes_is_refused():
    with pytest.raises(ConfigError, match=r"stages\.a reads x\.csv, which it writes itself"):
        build({"a": stage("x.csv", "x.csv")})


@pytest.mark.parametrize(("one", "other"), [("m.bin", "m.bin"), ("out", "out/m.bin"), ("out/*.bin", "out/m.bin")])
def test_two_stages_with_one_output_are_both_named(one, other):
    with pytest.raises(ConfigError, match=r"stages\.(first|second) and stages\.(first|second) both write"):
        build({"first": stage("", one), "second": stage("", other)})


def test_what_a_stage_needs_is_everything_before_it_and_an_unknown_one_is_refused():
    graph = build({"a": stage("", "a"), "b": stage("a", "b"), "c": stage("b", "c"), "other": stage("", "o")})
    assert graph.upstream(["b"]) == {"a", "b"}
    with pytest.raises(UsageError, match="There is no stage nope"):
        graph.upstream(["nope"])


def test_a_chain_of_thousands_needs_no_depth():
    stages = {f"s{at}": stage(f"f{at}", f"f{at + 1}") for at in reversed(range(3000))}
    assert build(stages).order == tuple(f"s{at}" for at in range(3000))


@given(st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14)), max_size=40), st.randoms(use_true_random=False))
def test_any_order_has_each_stage_once_and_after_those_it_needs(pairs, chance):
    inputs: dict[int, set[int]] = {at: set() for at in range(15)}
    for one, other in pairs:
        if one != other:
            inputs[max(one, other)].add(min(one, other))
    names = list(inputs)
    chance.shuffle(names)
    stages = {f"s{at}": stage(" ".join(f"f{other}" for other in inputs[at]), f"f{at}") for at in names}
    order = build(stages).order
    assert sorted(order) == sorted(stages)
    for at, needed in inputs.items():
        assert all(order.index(f"s{other}") < order.index(f"s{at}") for other in needed)


def test_an_output_covers_itself_and_what_it_matches_and_holds_what_lies_in_it():
    assert covers("./out/a.csv", "out/a.csv") and covers("out/*.csv", "out/a.csv")
    assert not covers("out", "out/a.csv") and holds("out/", "out/a.csv") and not holds("out", "output")
