"""Walking over stored rows: what a thing came from, what came from it, and what a name means."""

from __future__ import annotations

import pytest

from tests.unit.lineage.rows import Store, digest
from workbench.actions import lineage as actions
from workbench.errors import NotFoundError
from workbench.lineage.graph import only, reach, with_more
from workbench.lineage.queries import Limits

RAW, CLEAN, CLEAN2, MODEL, MODEL2 = (digest(word) for word in ("raw", "clean", "clean2", "model", "model2"))


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path)
    yield made
    made.connection.close()


@pytest.fixture
def stages(store):
    """Run 1 prepares, run 2 trains on what it made; 3 and 4 the same after a change of the code."""
    store.run({"raw.csv": RAW}, {"clean.csv": CLEAN}, name="prepare", tree="a" * 40, env="e" * 64)
    store.run(
        {"clean.csv": CLEAN}, {"model.joblib": MODEL}, name="train", tree="a" * 40, env="e" * 64, params={"lr": 0.1}
    )
    store.run({"raw.csv": RAW}, {"clean.csv": CLEAN2}, name="prepare2", tree="b" * 40, env="e" * 64)
    store.run({"data/copy.csv": CLEAN2}, {"model.joblib": MODEL2}, name="train2", tree="b" * 40, env="e" * 64, auc=0.9)
    return store


def keys(graph):
    return set(graph.nodes)


def test_stages_chain_through_their_files_whatever_their_paths(stages):
    graph = actions.lineage(stages.project, "4", directions=("back",))
    assert keys(graph) == {"run:4", "run:3", f"data:{CLEAN2}", f"data:{RAW}", "code:" + "b" * 40, "env:" + "e" * 64}
    assert graph.nodes[f"data:{CLEAN2}"].kind == "output" and graph.nodes[f"data:{RAW}"].kind == "data"
    assert graph.nodes[f"data:{CLEAN2}"].label == f"data/copy.csv@{CLEAN2[:8]}"
    assert set(graph.nodes[f"data:{CLEAN2}"].facts["paths"]) == {"data/copy.csv", "clean.csv"}


def test_forward_lists_everything_that_a_bad_file_touched(stages):
    graph = actions.lineage(stages.project, "raw.csv", directions=("forward",))
    assert keys(graph) == {
        *("run:1", "run:2", "run:3", "run:4"),
        *(f"data:{content}" for content in (RAW, CLEAN, CLEAN2, MODEL, MODEL2)),
    }


def test_a_path_means_all_its_versions_forward_and_the_newest_otherwise(stages):
    assert actions.lineage(stages.project, "model.joblib").focus == (f"data:{MODEL2}",)
    both = actions.lineage(stages.project, "clean.csv", directions=("forward",))
    assert both.focus == (f"data:{CLEAN2}", f"data:{CLEAN}")
    one = actions.lineage(stages.project, f"clean.csv@{CLEAN[:12]}", directions=("forward",))
    assert one.focus == (f"data:{CLEAN}",) and "run:4" not in keys(one)


@pytest.mark.parametrize(
    ("name", "focus"),
    [
        ("", "run:4"),
        ("@latest", "run:4"),
        ("@best", "run:4"),
        ("2", "run:2"),
        ("train", "run:2"),
        ("run:3", "run:3"),
        ("params:2", "params:2"),
        ("env:eeee", "env:" + "e" * 64),
        ("code:bbbb", "code:" + "b" * 40),
        ("main@" + digest("a" * 40)[:8], "code:" + "a" * 40),
        (digest("b" * 40)[:12], "code:" + "b" * 40),
        (MODEL, f"data:{MODEL}"),
        (f"data:{MODEL}", f"data:{MODEL}"),
        (RAW[:6].upper(), f"data:{RAW}"),
    ],
)
def test_things_are_named_in_many_ways(stages, name, focus):
    assert actions.lineage(stages.project, name).focus == (focus,)


def test_a_path_may_be_given_from_a_folder_below(stages, monkeypatch):
    (stages.project.folder / "sub").mkdir()
    monkeypatch.chdir(stages.project.folder / "sub")
    assert actions.lineage(stages.project, "../raw.csv").focus == (f"data:{RAW}",)


def test_a_name_of_nothing_or_of_several_things_is_refused_with_a_hint(stages):
    with pytest.raises(NotFoundError, match=r"Nothing is known of 'nothing\.csv'") as found:
        actions.lineage(stages.project, "nothing.csv")
    assert "clean.csv" in found.value.hint
    with pytest.raises(NotFoundError, match="means several things"):
        actions.lineage(stages.project, MODEL[:10])
    for name in ("data:", ":", "@", "@nobody", "run:x", "9" * 40, "a@", "%", "\x00", "data:%"):
        with pytest.raises(NotFoundError):
            actions.lineage(stages.project, name)


def test_without_a_run_there_is_a_hint(tmp_path):
    store = Store(tmp_path)
    with pytest.raises(NotFoundError, match="no runs yet"):
        actions.lineage(store.project)
    store.connection.close()


def test_a_run_that_made_the_same_content_later_is_no_ancestor(store):
    store.run({"raw.csv": RAW}, {"clean.csv": CLEAN})
    store.run({"clean.csv": CLEAN}, {"model.joblib": MODEL})
    store.run({"other.csv": CLEAN2}, {"clean.csv": CLEAN})
    graph = actions.lineage(store.project, "2")
    assert "run:3" not in keys(only(graph, "back")) and "run:1" in keys(only(graph, "back"))
    whole = actions.lineage(store.project, f"data:{CLEAN}")
    assert {"run:1", "run:3"} <= reach(whole, ["data:" + CLEAN]).back
    assert "run:3" not in reach(whole, ["run:2"]).back and "run:1" in reach(whole, ["run:2"]).back


def test_a_file_that_is_changed_in_place_and_back_does_not_turn_in_circles(store):
    store.run({"a.csv": RAW}, {"a.csv": CLEAN})
    store.run({"a.csv": CLEAN}, {"a.csv": RAW})
    store.run({"a.csv": RAW}, {"a.csv": RAW})
    graph = actions.lineage(store.project, "3", directions=("back",))
    assert keys(graph) == {"run:3", "run:2", "run:1", f"data:{RAW}", f"data:{CLEAN}"}
    assert keys(actions.lineage(store.project, "1", directions=("forward",))) == {
        "run:1", "run:2", "run:3", f"data:{RAW}", f"data:{CLEAN}",
    }  # fmt: skip


def test_small_contents_chain_only_under_the_same_path(store):
    done = digest("done")
    store.run({}, {"log.txt": done, "flag": done}, small=True)
    store.run({"flag": done}, small=True)
    store.run({"__init__.py": done}, small=True)
    assert keys(actions.lineage(store.project, "2", directions=("back",))) == {"run:2", "run:1", f"data:{done}:flag"}
    assert keys(actions.lineage(store.project, "3", directions=("back",))) == {"run:3", f"data:{done}:__init__.py"}
    assert actions.lineage(store.project, "log.txt").focus == (f"data:{done}:log.txt",)
    everywhere = {f"data:{done}:{path}" for path in ("log.txt", "flag", "__init__.py")}
    assert set(actions.lineage(store.project, done[:12]).focus) == everywhere
    assert actions.lineage(store.project, f"data:{done}:flag").focus == (f"data:{done}:flag",)


def test_of_many_stages_that_leave_the_same_mark_each_keeps_its_own(store):
    done = digest("done")
    for number in range(12):
        store.run({}, {f"{number:02}/done": done}, small=True)
    graph = actions.lineage(store.project, "1")
    assert keys(graph) == {"run:1", f"data:{done}:00/done"} and len(graph.edges) == 1


def test_a_run_that_copies_stands_between_what_it_read_and_what_it_made(store):
    store.run({"raw.csv": RAW}, {"model.joblib": MODEL})
    store.run({"model.joblib": MODEL}, {"image/model.joblib": MODEL})
    store.run({"image/model.joblib": MODEL}, {"report": CLEAN})
    store.run({"by_hand/model.joblib": MODEL}, {"other": CLEAN2})
    origin, copy = f"data:{MODEL}", f"data:{MODEL}:image/model.joblib"
    graph = actions.lineage(store.project, "2")
    found = reach(graph, ["run:2"])
    assert found.back == {"run:1", origin, f"data:{RAW}"}
    assert found.forward == {copy, "run:3", f"data:{CLEAN}"}
    assert graph.nodes[copy].facts["paths"] == ["image/model.joblib"] and graph.nodes[copy].kind == "output"
    assert "image/model.joblib" not in graph.nodes[origin].facts["paths"]
    third = keys(actions.lineage(store.project, "3", directions=("back",)))
    assert third == {"run:3", copy, "run:2", origin, "run:1", f"data:{RAW}"}
    assert "run:1" in keys(actions.lineage(store.project, "4", directions=("back",)))
    forward = keys(actions.lineage(store.project, "raw.csv", directions=("forward",)))
    assert {"run:1", "run:2", "run:3", "run:4"} <= forward
    assert set(actions.lineage(store.project, MODEL).focus) == {origin, copy}


def test_a_run_that_leaves_its_input_as_it_was_does_not_make_it(store):
    store.run({"raw.csv": RAW}, {"a.csv": CLEAN})
    store.run({"a.csv": CLEAN}, {"a.csv": CLEAN, "report": MODEL})
    store.run({"a.csv": CLEAN}, {"model.joblib": MODEL2})
    assert "run:2" not in keys(actions.lineage(store.project, "3", directions=("back",)))
    found = reach(actions.lineage(store.project, "2"), ["run:2"])
    assert found.back == {"run:1", f"data:{CLEAN}", f"data:{RAW}"} and found.forward == {f"data:{MODEL}"}


def test_what_could_not_be_read_is_shown_and_shared_with_nothing(store):
    for _ in range(2):
        store.run({"secret.csv": None})
    store.execute("UPDATE inputs SET problem = 'permission denied'")
    graph = actions.lineage(store.project, "1")
    assert keys(graph) == {"run:1", "unread:1:secret.csv"}
    assert graph.nodes["unread:1:secret.csv"].facts["problem"] == "permission denied"


def test_repetitions_are_shown_but_nothing_is_traced_through_them(store):
    store.run({"raw.csv": RAW}, {"model.joblib": MODEL})
    store.run({"raw.csv": RAW}, {"model.joblib": MODEL}, trigger={"kind": "hand", "again": 1})
    store.run({"other.csv": CLEAN}, {"model.joblib": MODEL2})
    store.execute("INSERT INTO reproductions VALUES (3, 1, 'different', '{}', 0)")
    graph = actions.lineage(store.project, "1")
    assert {
        (edge.source, edge.target, edge.kind) for edge in graph.edges if edge.kind in ("again", "reproduction")
    } == {
        ("run:1", "run:2", "again"),
        ("run:1", "run:3", "reproduction"),
    }
    assert f"data:{MODEL2}" not in keys(graph)
    assert "run:3" not in keys(actions.lineage(store.project, "raw.csv", directions=("forward",)))


def test_the_file_whose_change_started_a_run_is_marked(store):
    trigger = {"kind": "change", "what": "data", "files": [{"path": "raw.csv", "old": CLEAN, "new": RAW}]}
    store.run({"raw.csv": RAW, "other.csv": CLEAN}, trigger=trigger)
    for name in ("1", "raw.csv"):
        kinds = {edge.source: edge.kind for edge in actions.lineage(store.project, name).edges}
        assert kinds[f"data:{RAW}"] == "changed"
    assert {edge.kind for edge in actions.lineage(store.project, "other.csv").edges} == {"input"}


def test_limits_end_the_walk_and_say_how_much_is_left_out(store):
    for number in range(30):
        store.run({"raw.csv": RAW}, {"model.joblib": digest(f"m{number:02}")}, tree="a" * 40)
    graph = actions.lineage(store.project, "raw.csv", limits=Limits(depth=1, width=4))
    assert keys(graph) == {f"data:{RAW}", "run:30", "run:29", "run:28", "run:27"}
    assert graph.hidden == {(f"data:{RAW}", "forward"): 26}
    assert ("run:30", "forward") in graph.deeper
    more = with_more(graph)
    assert more.nodes[f"more:forward:data:{RAW}"].label == "+26 more"
    code = actions.lineage(store.project, "code:aaaa", limits=Limits(width=4))
    assert code.hidden == {("code:" + "a" * 40, "forward"): 26}
    beside = actions.lineage(store.project, "1", limits=Limits(beside=2))
    assert {"run:30", "run:29"} < keys(beside)
    assert "run:30" not in reach(beside, ["run:1"]).forward
    few = actions.lineage(store.project, "raw.csv", limits=Limits(nodes=10, width=20))
    assert len(few.nodes) < 40 and few.deeper


def test_a_chain_of_five_thousand_runs_meets_no_limit(store):
    with store.connection:
        store.connection.execute("BEGIN")
        for number in range(5000):
            store.connection.execute(
                "INSERT INTO runs (uid, name, status, command, created) VALUES (?, 'r', 'finished', '[]', ?)",
                (f"{number:018x}", number),
            )
            store.connection.execute(
                "INSERT INTO inputs (run, path, hash) VALUES (?, 'a', ?)", (number + 1, f"{number:064x}")
            )
            store.connection.execute(
                "INSERT INTO outputs (run, path, kind, hash) VALUES (?, 'a', 'file', ?)",
                (number + 1, f"{number + 1:064x}"),
            )
    from workbench.lineage.formats import tree

    graph = actions.lineage(store.project, "5000", directions=("back",))
    assert len(graph.nodes) == 10_000
    assert len(tree(graph, ("back",))) == 10_001
    assert len(reach(graph, ["run:5000"]).back) == 9_999
