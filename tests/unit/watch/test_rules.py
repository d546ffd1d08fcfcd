"""Which files count, what they are, and when a run starts: values in, values out."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.config import Config, parse
from workbench.watch import rules
from workbench.watch.rules import APPLICATION, CONFIGURATION, DATA, TRAINING, Change, Going, Rules, State

RULES = Rules(paths=("**/*",), debounce=0.5)


def change(path: str = "a.csv", old: str | None = "1", new: str | None = "2", what: str = DATA) -> Change:
    return Change(path, old, new, what)


def state_of(*changes: Change, **more: object) -> State:
    return State(changes={each.path: each for each in changes}, **more)  # type: ignore[arg-type]


def configured(text: str) -> Rules:
    return rules.of_config(parse(text.encode()))


def test_without_paths_the_parameters_inputs_code_and_configuration_are_watched() -> None:
    found = configured('[train]\ncommand="python t.py"\nparams="p.yaml"\ninputs=["in/x.csv"]\noutputs=["made.py"]')
    for path in ("p.yaml", "in/x.csv", "t.py", "src/deep/m.py", "workbench.toml"):
        assert found.watches(path), path
    for path in ("other.yaml", "in/y.csv", "made.py", "notes.txt"):
        assert not found.watches(path), path


@pytest.mark.parametrize(
    "path",
    [
        ".git/config.py", ".venv/lib/x.py", "venv/x.py", "a/node_modules/x.py", "__pycache__/x.py", "mlruns/x.py",
        "wandb/x.py", ".ipynb_checkpoints/x.py", ".workbench/runs/x.py", ".train.py.swp", "train.py~", "4913",
        ".~nb.py", ".#train.py", "#train.py#", "sedAbC123", "x.tmp", "a/b/sedqwerty",
    ],
)  # fmt: skip
def test_what_editors_and_tools_leave_is_never_watched(path: str) -> None:
    assert not Rules(paths=("**/*", "**/.*", "**/.*/**/*", ".*/**", "4913")).watches(path)


def test_what_runs_make_is_never_watched_even_where_a_pattern_names_it() -> None:
    found = configured(
        '[watch]\npaths=["**/*"]\n[stages.a]\ncommand="a"\noutputs=["out/", "plots/*"]\nmetrics=["m.json"]\n'
        '[stages.b]\ncommand="b"\noutputs=["b.csv"]\n[model]\npath="model.joblib"'
    )
    for path in ("out/x/y.csv", "plots/a.csv", "plots/sub/a.csv", "m.json", "b.csv", "model.joblib"):
        assert not found.watches(path), path
    assert not found.enters("out") and found.enters("data")
    assert found.watches("data/b.csv")


def test_folders_of_ignored_trees_are_not_entered() -> None:
    found = rules.of_config(Config())
    assert found.enters("") and found.enters("src/a")
    assert not any(map(found.enters, (".git", ".venv", "node_modules", "a/__pycache__", ".workbench")))


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("workbench.toml", CONFIGURATION), ("p.json", CONFIGURATION), ("conf/model.yaml", CONFIGURATION),
        ("in/special.py", DATA), ("holdout.xyz", DATA), ("data/labels.json", DATA), ("x.parquet", DATA),
        ("app/main.py", APPLICATION), ("src/serving/config.yaml", APPLICATION), ("Dockerfile", APPLICATION),
        ("compose.yaml", APPLICATION), ("train.py", TRAINING), ("notebooks/a.ipynb", TRAINING), ("run.sh", TRAINING),
    ],
)  # fmt: skip
def test_a_file_is_classified(path: str, what: str) -> None:
    found = configured(
        '[train]\ncommand="t"\nparams="p.json"\ninputs=["in"]\n[data]\nholdout="holdout.xyz"\n[watch]\npaths=["**/*"]'
    )
    assert rules.classify(path, found) == what


def test_nothing_starts_until_every_touched_file_has_been_left_alone() -> None:
    state = rules.touch(State(), [("a", None)], 10.0, event=True)
    state = rules.touch(state, [("b", None)], 10.4, event=True)
    early = rules.plan(state, RULES, Going(), 10.6)
    assert early.read == () and early.wait == pytest.approx(0.3)
    assert rules.plan(state, RULES, Going(), 10.91).read == ("a", "b")


def test_a_file_that_grows_without_end_is_read_at_last() -> None:
    state, now = State(), 0.0
    while not rules.plan(state, RULES, Going(), now).read:
        now += 0.3
        state = rules.touch(state, [("growing.csv", str(now).encode())], now, event=True)
        assert now < 1000
    assert now == pytest.approx(RULES.longest_wait, abs=1)


def test_seeing_the_same_state_of_a_file_again_does_not_hold_it_back() -> None:
    facts = b"123"
    state = rules.touch(State(), [("a", facts)], 10.0, event=False)
    assert rules.touch(state, [("a", facts)], 11.0, event=False) == state
    assert rules.touch(state, [("a", b"223")], 11.0, event=False).touched["a"].last == 11.0
    assert rules.touch(state, [("a", facts)], 11.0, event=True).touched["a"].last == 11.0


def test_a_change_that_is_taken_back_is_no_change() -> None:
    merged = rules.merge({}, [change(old="1", new="2")])
    merged = rules.merge(merged, [change(old="2", new=None)])
    assert merged["a.csv"] == change(old="1", new=None)
    assert rules.merge(merged, [change(old=None, new="1")]) == {}


_HASH = st.one_of(st.none(), st.sampled_from("123"))


@given(st.lists(_HASH, min_size=1, max_size=8))
def test_however_changes_are_split_the_first_and_last_content_decide(contents: list[str | None]) -> None:
    merged: dict[str, Change] = {}
    for old, new in itertools.pairwise(contents):
        merged = rules.merge(merged, [change(old=old, new=new)] if old != new else [])
    expected = {} if contents[0] == contents[-1] else {"a.csv": change(old=contents[0], new=contents[-1])}
    assert merged == expected


def test_queue_waits_for_the_run_and_restart_stops_it() -> None:
    going = Going(own=(7,), free=0)
    assert rules.plan(state_of(change()), RULES, going, 0.0).stop == ()
    assert rules.plan(state_of(change()), RULES, going, 0.0).start == ()
    restart = Rules(paths=("**/*",), restart=True)
    assert rules.plan(state_of(change()), restart, going, 0.0).stop == (7,)
    assert rules.plan(state_of(change()), restart, Going(own=(), free=0), 0.0) == rules.Plan(why="other runs are going")
    assert rules.plan(state_of(change()), restart, Going(), 0.0).start == (change(),)


def test_a_pattern_that_names_nothing_any_more_holds_the_run_back() -> None:
    watched = Rules(paths=("data/*.csv", "train.py"))
    gone = [change("data/a.csv", new=None), change("train.py")]
    assert watched.emptied(gone, ["train.py"]) == ("data/*.csv",)
    assert watched.emptied(gone, ["train.py", "data/b.csv"]) == ()
    held = rules.plan(state_of(*gone), watched, Going(), 0.0, ("data/*.csv",))
    assert held.start == () and "data/*.csv" in held.why


def test_data_that_changes_in_every_run_it_starts_is_made_to_wait_longer_and_longer() -> None:
    state, pauses = State(), []
    for _ in range(8):
        state = rules.started(State(changes={"a.csv": change()}, held=True, chain=state.chain, last=state.last), 0.0)
        pauses.append(rules.ended(state, 0.0).not_before)
    assert pauses[:3] == [0.0, 0.0, 0.0] and sorted(pauses) == pauses and pauses[-1] > 60
    assert "a.csv" in rules.chain_problem(state)
    by_hand = rules.started(State(changes={"a.csv": change()}, held=False, chain=9, last=state.last), 0.0)
    assert by_hand.chain == 0 and rules.chain_problem(by_hand) == ""
    code = rules.started(state_of(change(what=TRAINING), held=True, chain=9, last=state.last), 0.0)
    assert code.chain == 0


def test_a_run_that_writes_watched_data_is_not_restarted_for_ever() -> None:
    restart = Rules(paths=("**/*",), restart=True)
    assert rules.plan(state_of(change(), chain=3), restart, Going(own=(1,)), 0.0).stop == ()


def test_the_trigger_names_kinds_in_order_and_at_most_fifty_files() -> None:
    changes = [change(f"{n:03}.csv") for n in range(60)] + [change("t.py", what=TRAINING)]
    found = rules.trigger(changes, [4])
    assert found["kind"] == "change" and found["what"] == "data, training code" and found["restarts"] == [4]
    assert len(found["files"]) == 50 and found["more"] == 11
    assert found["files"][0] == {"path": "000.csv", "old": "1", "new": "2", "what": "data"}
    assert "more" not in rules.trigger(changes[:50]) and "restarts" not in rules.trigger(changes)


_PATH = st.lists(st.sampled_from(["data", "a.csv", "t.py", "out", ".git", "x.swp", "4913", "raw", "workbench.toml"]))


@given(_PATH.filter(bool))
def test_a_file_in_an_entered_folder_is_judged_as_by_its_whole_path(parts: list[str]) -> None:
    found = Rules(paths=("**/*.csv", "*.py", "data", ".git"), ignore=("data/raw", "out/*.csv"), made=("out/t.py",))
    path, folder = "/".join(parts), "/".join(parts[:-1])
    if found.enters(folder):
        assert found.follows_in(parts[-1], path) == found.follows(path)
    else:
        assert not found.follows(path)
