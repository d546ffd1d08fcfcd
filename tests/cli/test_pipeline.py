"""`workbench pipeline` as a process: what it prints, its documents, its exit codes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

CONFIG = """
[project]
name = "steps"
[stages.prepare]
command = "sh prepare.sh"
inputs = ["raw.csv"]
outputs = ["clean.csv"]
[stages.train]
command = "sh train.sh"
inputs = ["clean.csv"]
outputs = ["model.txt"]
"""
FILES = {"prepare.sh": "cp raw.csv clean.csv", "train.sh": "cp clean.csv model.txt; echo auc: 0.5", "raw.csv": "1\n"}


@pytest.fixture
def folder(make_project):
    return make_project(FILES, CONFIG).folder


def test_from_a_dry_run_to_nothing_to_do(folder, run_cli):
    dry = run_cli("pipeline", "--dry-run", folder=folder)
    assert dry.code == 0
    assert [line.split()[:3] for line in dry.out.splitlines()] == [["prepare", "would", "run"], ["train", "may", "run"]]
    assert dry.err == "1 would run, 1 may run.\n"
    assert not (folder / "clean.csv").exists()
    done = run_cli("pipeline", folder=folder)
    assert done.code == 0 and "auc: 0.5" in done.out
    assert "run 1" in done.err and "run 2" in done.err
    again = run_cli("pipeline", folder=folder)
    assert (again.code, again.out, again.err) == (0, "", "Nothing to do: 2 stages are up to date.\n")
    assert run_cli("pipeline", "--dry-run", folder=folder).out == ""
    explained = run_cli("pipeline", "--explain", folder=folder).out.splitlines()
    assert [" ".join(line.split()) for line in explained] == [
        "prepare up to date as run 1 left it",
        "train up to date as run 2 left it",
    ]


def test_the_document_of_a_plan_has_states_reasons_and_runs(folder, run_cli):
    run_cli("pipeline", folder=folder)
    (folder / "train.sh").write_text("cp clean.csv model.txt")
    (folder / "clean.csv").unlink()
    first, second = run_cli("pipeline", "--explain", "--json", folder=folder).json
    assert (first["stage"], first["state"], first["run"], first["since"]) == ("prepare", "restore", 1, None)
    assert (second["stage"], second["state"], second["run"], second["since"]) == ("train", "run", None, 2)
    assert second["reason"].startswith("train.sh ")
    assert run_cli("pipeline", "--dry-run", folder=folder).out.splitlines()[1].endswith("(since run 2)")


def test_the_document_of_what_happened(folder, run_cli):
    events = run_cli("pipeline", "--json", folder=folder).json
    assert [event["event"] for event in events] == ["run", "ended", "run", "ended", "end"]
    assert [event["run"] for event in events[:-1]] == [1, 1, 2, 2]
    assert run_cli("pipeline", "--json", folder=folder).json[0]["state"] == "current"


def test_a_failed_stage_is_exit_code_1_and_names_what_was_not_run(folder, run_cli):
    (folder / "prepare.sh").write_text("exit 4")
    answer = run_cli("pipeline", folder=folder)
    assert answer.code == 1
    assert "exit code 4" in answer.err and "Not run: train" in answer.err


def test_what_was_restored_and_what_was_kept_is_said(folder, run_cli):
    run_cli("pipeline", folder=folder)
    (folder / "model.txt").write_text("by hand")
    answer = run_cli("pipeline", folder=folder)
    assert answer.code == 0
    assert "train: restored from run 2" in answer.err
    command = next(line for line in answer.err.splitlines() if "workbench data restore" in line).rpartition(
        "workbench "
    )[2]
    assert run_cli(*command.split(), folder=folder).code == 0
    assert (folder / "model.txt").read_text() == "by hand"


def test_one_stage_with_what_it_needs_and_by_force(folder, run_cli):
    assert run_cli("pipeline", "prepare", folder=folder).code == 0
    assert not (folder / "model.txt").exists()
    events = run_cli("pipeline", "prepare", "--force", "--json", folder=folder).json
    assert [event.get("stage") for event in events] == ["prepare", "prepare", None]


def test_a_parameter_is_set_for_the_runs(make_project, run_cli):
    config = CONFIG.replace('"sh train.sh"', '"sh train.sh --lr 0.1"')
    folder = make_project({**FILES, "train.sh": "echo $2 > model.txt"}, config).folder
    run_cli("pipeline", "-p", "lr=0.7", folder=folder)
    assert (folder / "model.txt").read_text() == "0.7\n"
    run_cli("pipeline", folder=folder)
    assert (folder / "model.txt").read_text() == "0.1\n"
    answer = run_cli("pipeline", "-p", "lr=0.7", folder=folder)
    assert "train: restored from run 2" in answer.err
    assert (folder / "model.txt").read_text() == "0.7\n"


def test_detached_it_prints_the_first_run_and_goes_on(folder, run_cli, wait_until):
    answer = run_cli("pipeline", "--detach", folder=folder)
    assert (answer.code, answer.out) == (0, "1\n")
    wait_until(lambda: run_cli("pipeline", "--detach", folder=folder).code == 0)
    assert (folder / "model.txt").exists()
    assert run_cli("pipeline", "--detach", "--json", folder=folder).json["runs"] == []


@pytest.mark.parametrize(
    ("change", "words", "code"),
    [
        (('inputs = ["raw.csv"]', 'inputs = ["model.txt"]'), "The stages wait for each other: prepare reads", 2),
        (('outputs = ["model.txt"]', 'outputs = ["clean.csv"]'), "both write clean.csv", 2),
        (('inputs = ["raw.csv"]', 'inputs = ["lost.csv"]'), "stages.prepare reads lost.csv, which is not there", 2),
        (('command = "sh train.sh"', ""), "stages.train has no command", 2),
    ],
)
def test_what_is_wrong_with_the_stages_is_said_and_nothing_runs(folder, run_cli, change, words, code):
    (folder / "workbench.toml").write_text(CONFIG.replace(*change))
    for flags in ((), ("--explain",)):
        answer = run_cli("pipeline", *flags, folder=folder)
        assert answer.code == code
        assert words in answer.err and "hint: " in answer.err
    assert not (folder / "clean.csv").exists()


def test_an_unknown_stage_and_a_project_without_any_are_usage_errors(folder, make_project, run_cli):
    answer = run_cli("pipeline", "nope", folder=folder)
    assert answer.code == 2 and "There is no stage nope" in answer.err and "prepare, train" in answer.err
    empty = make_project({}, '[project]\nname = "empty"\n', name="empty").folder
    answer = run_cli("pipeline", folder=empty)
    assert answer.code == 2 and "names no stages" in answer.err


def test_ctrl_c_stops_what_runs_and_the_next_start_continues(folder, run_cli, wait_until):
    (folder / "prepare.sh").write_text("touch begun; sleep 600")
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench", "pipeline"], cwd=folder, stderr=subprocess.PIPE, text=True
    )
    wait_until((folder / "begun").exists)
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Stopping." in err and "Not run: train" in err
    (folder / "prepare.sh").write_text(FILES["prepare.sh"])
    assert run_cli("pipeline", folder=folder).code == 0


def test_stop_ends_a_detached_pipeline_also_one_that_waits(folder, run_cli, wait_until):
    assert run_cli("pipeline", "--stop", "--json", folder=folder).json == {"stopped": False}
    (folder / "prepare.sh").write_text("touch begun; sleep 600")
    assert run_cli("pipeline", "--detach", folder=folder).code == 0
    wait_until((folder / "begun").exists)
    refused = run_cli("pipeline", folder=folder)
    assert refused.code == 3 and "goes on already" in refused.err and "workbench pipeline --stop" in refused.err
    assert run_cli("pipeline", "--stop", folder=folder).err == "Stopping.\n"
    wait_until(lambda: run_cli("runs", "--json", folder=folder).json[0]["status"] == "stopped")
    other = run_cli("run", "--detach", "--", "sleep", "600", folder=folder).out.strip()
    (folder / "prepare.sh").write_text(FILES["prepare.sh"])
    waiting = wait_until(lambda: (answer := run_cli("pipeline", "--detach", folder=folder)).code == 0 and answer)
    assert waiting.err == "it waits for other runs to end.\n"
    assert run_cli("pipeline", "--stop", "--json", folder=folder).json == {"stopped": True}
    wait_until(lambda: run_cli("pipeline", "--stop", "--json", folder=folder).json == {"stopped": False})
    assert run_cli("stop", other, folder=folder).code == 0
    assert not (folder / "clean.csv").exists()


def test_run_takes_the_stages_in_an_order_in_which_they_can_run(make_project, run_cli):
    config = CONFIG.replace("stages.prepare", "stages.x").replace("stages.train", "stages.a")
    head, _, tail = config.partition("[stages.a]")
    head, _, prepare = head.partition("[stages.x]")
    folder = make_project(FILES, f"{head}[stages.a]{tail}[stages.x]{prepare}").folder
    assert [run["stage"] for run in run_cli("run", "--json", folder=folder).json] == ["x", "a"]
