"""What is to be done with each stage, from files and earlier runs that are given as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from workbench.config import Train
from workbench.errors import ConfigError
from workbench.pipeline import plan as plans
from workbench.pipeline.plan import Earlier, Made, Verdict, World, plan
from workbench.pipeline.stages import build
from workbench.runs import stage_keys

STAGES = {
    "prepare": Train(command="python prepare.py", inputs=("raw",), outputs=("clean",)),
    "train": Train(command="python train.py", inputs=("clean",), outputs=("model",)),
}
BASES = {name: f"base of {name}" for name in STAGES}


@dataclass
class Files:
    """Files and scripts as hashes by path, runs that left them, and contents that the object store has."""

    files: dict[str, str] = field(default_factory=dict)
    scripts: dict[str, dict[str, str]] = field(default_factory=dict)
    runs: dict[tuple[str, str], Earlier] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    problems: dict[str, str] = field(default_factory=dict)

    def world(self) -> World:
        return World(
            lambda pattern: {pattern: self.files.get(pattern, "")},
            lambda path: self.problems.get(path, ""),
            lambda command: self.scripts.get(command, {}),
            lambda stage, key: self.runs.get((stage, key)),
            lambda made: made.hash not in self.lost,
        )

    def ran(self, stage: str, number: int, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> None:
        key = stage_keys.key(BASES[stage], inputs.items())
        self.runs[stage, key] = Earlier(number, {path: Made("file", hash) for path, hash in outputs.items()})


def look(files: Files, forced: frozenset[str] = frozenset(), stages=STAGES) -> dict[str, Verdict]:
    return plan(build(stages), stages, BASES, files.world(), forced)


def states(verdicts: Mapping[str, Verdict]) -> list[str]:
    return [verdict.state for verdict in verdicts.values()]


@pytest.fixture
def files() -> Files:
    """Both stages ran, and all is as they left it."""
    found = Files({"raw": "r1", "clean": "c1", "model": "m1"})
    found.ran("prepare", 1, {"raw": "r1"}, {"clean": "c1"})
    found.ran("train", 2, {"clean": "c1"}, {"model": "m1"})
    return found


def test_nothing_that_ran_is_to_be_done_again(files):
    assert states(look(files)) == ["current", "current"]
    assert [verdict.earlier.run for verdict in look(files).values()] == [1, 2]


def test_what_never_ran_runs_and_what_comes_after_it_waits():
    verdicts = look(Files({"raw": "r1"}))
    assert states(verdicts) == ["run", "waits"]
    assert verdicts["train"].reason == "prepare, which makes clean, will run before it"


def test_another_input_makes_a_stage_run(files):
    files.files["raw"] = "r2"
    assert states(look(files)) == ["run", "waits"]


def test_an_edited_script_makes_its_stage_run_and_no_other(files):
    files.scripts["python train.py"] = {"train.py": "s2"}
    assert states(look(files)) == ["current", "run"]


def test_deleted_outputs_are_restored_and_what_comes_after_is_held_against_them(files):
    del files.files["clean"], files.files["model"]
    verdicts = look(files)
    assert states(verdicts) == ["restore", "restore"]
    assert verdicts["prepare"].missing == ("clean",)
    assert verdicts["prepare"].reason == "clean as run 1 left it"


def test_an_output_that_was_changed_by_hand_is_restored(files):
    files.files["model"] = "edited"
    assert states(look(files)) == ["current", "restore"]


def test_a_return_to_an_earlier_input_restores_what_was_made_of_it(files):
    files.ran("prepare", 3, {"raw": "r2"}, {"clean": "c2"})
    files.ran("train", 4, {"clean": "c2"}, {"model": "m2"})
    files.files |= {"raw": "r2"}
    verdicts = look(files)
    assert states(verdicts) == ["restore", "restore"]
    assert [verdict.earlier.run for verdict in verdicts.values()] == [3, 4]


def test_a_content_that_the_store_lost_is_made_again(files):
    files.files["model"] = ""
    files.lost.add("m1")
    verdict = look(files)["train"]
    assert verdict.state == "run"
    assert "model" in verdict.reason and "not in the object store" in verdict.reason


def test_an_output_that_was_declared_later_makes_the_stage_run(files):
    more = {**STAGES, "train": STAGES["train"]._replace(outputs=("model", "report"))}
    verdict = look(files, stages=more)["train"]
    assert verdict.state == "run"
    assert verdict.reason == "report was not among the outputs of run 2"


def test_a_forced_stage_runs_though_it_is_current_and_before_its_inputs_are_there(files):
    assert states(look(files, frozenset({"train"}))) == ["current", "run"]
    assert states(look(Files({"raw": "r1"}), frozenset(STAGES))) == ["run", "run"]


def test_an_input_that_no_stage_makes_is_named_with_its_stage():
    with pytest.raises(ConfigError, match=r"stages\.prepare reads raw, which is not there and which no stage makes"):
        look(Files())


def test_it_is_missed_before_anything_runs_also_where_its_stage_must_wait():
    stages = {**STAGES, "train": STAGES["train"]._replace(inputs=("clean", "labels"))}
    with pytest.raises(ConfigError, match=r"stages\.train reads labels, which is not there"):
        look(Files({"raw": "r1"}), stages=stages)


def test_an_input_that_a_stage_should_have_made_names_both_stages(files):
    del files.files["clean"]
    files.ran("prepare", 1, {"raw": "r1"}, {})
    stages = {**STAGES, "prepare": STAGES["prepare"]._replace(outputs=("clean*",))}
    graph = build(stages)
    world = replace(files.world(), found=lambda pattern: {pattern: files.files.get(pattern, "")})
    with pytest.raises(ConfigError, match=r"stages\.train reads clean, which stages\.prepare should make but did not"):
        plan(graph, stages, BASES, world, frozenset())


def test_an_input_that_cannot_be_read_says_why():
    with pytest.raises(ConfigError, match=r"stages\.prepare reads raw: unreadable: Permission denied"):
        look(Files(problems={"raw": "unreadable: Permission denied"}))


def test_a_folder_around_what_is_to_be_restored_is_known_only_afterwards(files):
    stages = {
        "prepare": STAGES["prepare"]._replace(outputs=("clean/a",)),
        "train": STAGES["train"]._replace(inputs=("clean",)),
    }
    files.ran("prepare", 1, {"raw": "r1"}, {"clean/a": "a1"})
    del files.files["clean"]
    verdicts = look(files, stages=stages)
    assert states(verdicts) == ["restore", "waits"]
    assert verdicts["train"].reason == "prepare, which makes clean, will be restored before it"


def test_only_the_stages_asked_for_are_looked_at(files):
    files.files["model"] = "edited"
    bases = {"prepare": BASES["prepare"]}
    assert list(plans.plan(build(STAGES), STAGES, bases, files.world(), frozenset())) == ["prepare"]
