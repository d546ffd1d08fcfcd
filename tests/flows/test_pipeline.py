"""Pipelines on real files, processes and stores: what runs, what is restored, and whose bytes are kept."""

from __future__ import annotations

import json
import os
import shutil
import signal

import pytest

from tests.conftest import git
from workbench.actions import data as data_actions
from workbench.actions import gc, pipeline, runs, starting
from workbench.actions.pipeline import Request
from workbench.actions.wishes import wish
from workbench.errors import EnvironmentProblem
from workbench.pipeline import driver
from workbench.pipeline.stages import build
from workbench.project import load
from workbench.runs import stage_outputs
from workbench.runs.command import PROCESS_NAME, read_json

CONFIG = """
[project]
name = "steps"
[stages.prepare]
command = "sh prepare.sh"
inputs = ["raw.csv"]
outputs = ["clean.csv"]
params = "params.toml"
params_used = ["share"]
[stages.train]
command = "sh train.sh"
inputs = ["clean.csv"]
outputs = ["model.txt"]
params = "params.toml"
params_used = ["lr"]
"""
FILES = {
    "prepare.sh": "tr a-z A-Z < raw.csv > clean.csv\n",
    "train.sh": 'echo "model of $(cat clean.csv)" > model.txt\n',
    "raw.csv": "one\n",
    "params.toml": "share = 0.5\nlr = 0.1\n",
}


@pytest.fixture
def steps(make_project):
    """Two stages, each of which has run once."""
    project = make_project(FILES, CONFIG)
    assert run(project) == [("prepare", "finished"), ("train", "finished")]
    return project


def run(project, **options):
    """Bring the stages up to date; return what ran and how, what was restored, and what was refused."""
    found = []
    for event in events(project, **options):
        if event["event"] == "ended":
            found.append((event["stage"], event["status"]))
        elif event["event"] in ("restored", "refused"):
            found.append((event["stage"], event["event"]))
    return found


def events(project, **options):
    _, driving = pipeline.start(load(project.folder), Request(**options))
    return list(driving.events()) if driving is not None else []


def states(project, **options):
    return {one.stage: one.state for one in pipeline.check(load(project.folder), Request(**options))}


def reason(project, stage):
    return next(one.reason for one in pipeline.check(load(project.folder)) if one.stage == stage)


def write(project, name, content):
    (project.folder / name).write_text(content)


def read(project, name):
    return (project.folder / name).read_text()


def notices(project, number):
    connection = project.open_reader()
    try:
        return [row[0] for row in connection.execute("SELECT text FROM notices WHERE run = ?", (number,))]
    finally:
        connection.close()


def drive(project):
    """Run the stages in this very process."""
    stages = pipeline.stages_of(project)
    wishes = {name: wish(project, stage, name, starting.Request()) for name, stage in stages.items()}
    before = signal.getsignal(signal.SIGTERM)
    try:
        driver.Driver(project, driver.Order(build(stages), stages, wishes, frozenset(), 1)).go()
    finally:
        signal.signal(signal.SIGTERM, before)


# --- what is out of date


def test_parameters_that_the_script_logs_too_are_those_of_its_file(make_project):
    config = '[project]\nname = "one"\n[train]\ncommand = "python train.py"\nparams = "params.toml"\n'
    script = "import workbench\nworkbench.log_params({'lr': 0.1, 'deep': True})\n"
    project = make_project({"train.py": script, "params.toml": "lr = 0.1\ndeep = true\n"}, config)
    assert run(project) == [("train", "finished")]
    (project.folder / "params.toml").write_text("lr = 0.2\ndeep = true\n")
    assert reason(project, "train") == "lr 0.1 → 0.2"


def test_what_ran_does_not_run_again(steps):
    assert states(steps) == {"prepare": "current", "train": "current"}
    assert run(steps) == []
    assert len(runs.list_runs(steps)) == 2


def test_a_touched_file_with_the_same_content_changes_nothing(steps):
    os.utime(steps.folder / "raw.csv", (1, 1))
    assert run(steps) == []


def test_a_changed_input_runs_its_stage_and_what_comes_after(steps):
    write(steps, "raw.csv", "two\n")
    assert reason(steps, "prepare").startswith("raw.csv ")
    assert run(steps) == [("prepare", "finished"), ("train", "finished")]
    assert read(steps, "model.txt") == "model of TWO\n"


def test_a_stage_that_makes_the_same_again_ends_it_there(steps):
    write(steps, "raw.csv", "One\n")
    assert run(steps) == [("prepare", "finished")]


def test_only_the_parameters_that_a_stage_uses_make_it_run(steps):
    write(steps, "params.toml", "share = 0.5\nlr = 0.2\n")
    assert states(steps) == {"prepare": "current", "train": "run"}
    assert reason(steps, "train") == "lr 0.1 → 0.2"


def test_another_command_line_makes_it_run_and_is_named(steps):
    write(steps, "workbench.toml", CONFIG.replace('"sh train.sh"', '"sh train.sh --quiet"'))
    assert reason(steps, "train") == "command sh train.sh → sh train.sh --quiet"


def test_an_edited_script_makes_it_run_and_is_named(steps):
    write(steps, "train.sh", FILES["train.sh"] + "# more\n")
    assert states(steps) == {"prepare": "current", "train": "run"}
    assert reason(steps, "train").startswith("train.sh ")


def test_a_stage_that_waits_says_what_else_is_another(steps):
    write(steps, "raw.csv", "two\n")
    assert reason(steps, "train") == "prepare, which makes clean.csv, will run before it"
    write(steps, "params.toml", "share = 0.5\nlr = 0.2\n")
    write(steps, "train.sh", FILES["train.sh"] + "# more\n")
    before, script, parameter = reason(steps, "train").split("; ")
    assert before == "prepare, which makes clean.csv, will run before it"
    assert script.startswith("train.sh ") and parameter == "lr 0.1 → 0.2"


def test_a_module_that_the_script_imports_counts_as_it_does(steps):
    config = CONFIG.replace('"sh train.sh"', '"python train.py"')
    script = "from lib.model import fit\nfit(open('clean.csv').read())\n"
    model = "def fit(text):\n    open('model.txt', 'w').write(text)\n"
    write(steps, "workbench.toml", config)
    write(steps, "train.py", script)
    (steps.folder / "lib").mkdir()
    write(steps, "lib/model.py", model)
    assert run(steps) == [("train", "finished")]
    assert run(steps) == []
    write(steps, "lib/model.py", model.replace("(text)", "(text * 2)", 1).replace("text * 2", "text"))
    assert run(steps) == []
    write(steps, "lib/model.py", model + "\n# better\n")
    assert reason(steps, "train").startswith("lib/model.py ")


def test_a_parameter_for_one_time_runs_what_uses_it_and_the_file_brings_the_old_back(steps):
    assert run(steps, overrides={"lr": "0.5"}) == [("train", "finished")]
    assert run(steps) == []  # the script writes the same whatever lr is


def test_more_inputs_than_are_recorded_one_by_one_still_count(make_project):
    config = '[stages.count]\ncommand = "sh count.sh"\ninputs = ["many/*.txt"]\noutputs = ["count.txt"]\n'
    many = {f"many/{at:04}.txt": str(at) for at in range(1010)}
    project = make_project({"count.sh": "ls many | wc -l > count.txt\n", **many}, config)
    assert run(project) == [("count", "finished")]
    assert run(project) == []
    write(project, "many/1009.txt", "another")
    assert reason(project, "count").startswith("many/1009.txt ")


# --- restored


def test_deleted_outputs_come_back_without_a_run(steps):
    for name in ("clean.csv", "model.txt"):
        (steps.folder / name).unlink()
    assert states(steps) == {"prepare": "restore", "train": "restore"}
    assert run(steps) == [("prepare", "restored"), ("train", "restored")]
    assert read(steps, "model.txt") == "model of ONE\n"


LINKS = (
    "echo 1 > model-1.txt; ln -sf model-1.txt latest.txt; mkdir -p made; echo 2 > made/two; ln -sfn made current;"
    " ln -sf ../model-1.txt made/up; ln -sf gone made/broken"
)


def test_outputs_that_are_links_come_back_as_links(make_project):
    config = (
        '[project]\nname = "links"\n[stages.link]\ncommand = "sh link.sh"\ninputs = ["in"]\n'
        'outputs = ["latest.txt", "current", "model-1.txt", "made"]\n'
    )
    project = make_project({"link.sh": LINKS, "in": "1"}, config)
    assert run(project) == [("link", "finished")]
    assert not [notice for notice in notices(project, 1) if "link" in notice]
    points_to = {"latest.txt": "model-1.txt", "current": "made", "made/up": "../model-1.txt", "made/broken": "gone"}
    for name in ("latest.txt", "current", "model-1.txt"):
        (project.folder / name).unlink()
    shutil.rmtree(project.folder / "made")
    assert run(project) == [("link", "restored")]
    assert {name: os.readlink(project.folder / name) for name in points_to} == points_to
    assert read(project, "current/two") == "2\n"
    assert states(project) == {"link": "current"}
    write(project, "link.sh", f"{LINKS}; rm latest.txt current; echo 3 > latest.txt; echo 3 > model-1.txt; exit 1")
    assert run(project) == [("link", "failed")]
    assert {name: os.readlink(project.folder / name) for name in points_to} == points_to
    assert read(project, "latest.txt") == "1\n"


def test_a_checkout_of_an_earlier_version_brings_back_what_it_made(steps):
    write(steps, ".gitignore", "clean.csv\nmodel.txt\n")
    git(steps.folder, "init", "-q")
    git(steps.folder, "add", "-A")
    git(steps.folder, "commit", "-qm", "one")
    write(steps, "raw.csv", "two\n")
    git(steps.folder, "commit", "-qam", "two")
    run(steps)
    git(steps.folder, "checkout", "-q", "HEAD~1")
    assert run(steps) == [("prepare", "restored"), ("train", "restored")]
    assert read(steps, "model.txt") == "model of ONE\n"


def test_the_reason_compares_with_what_lies_there_and_not_with_the_newest_run(steps):
    write(steps, "raw.csv", "two\n")
    run(steps)
    write(steps, "raw.csv", "one\n")
    run(steps)
    write(steps, "raw.csv", "three\n")
    verdict = pipeline.check(steps)[0]
    assert verdict.since == 1
    assert verdict.reason.startswith("raw.csv ")


def test_what_a_restore_overwrites_and_no_run_made_is_kept_and_said(steps):
    write(steps, "model.txt", "made by hand\n")
    kept = [sentence for event in events(steps) if event["event"] == "restored" for sentence in event["kept"]]
    assert len(kept) == 1
    assert read(steps, "model.txt") == "model of ONE\n"
    name = kept[0].rpartition(" ")[2]
    gc.collect(steps)
    data_actions.restore(steps, data_actions.find(steps, name))
    assert read(steps, "model.txt") == "made by hand\n"


def test_what_cannot_be_kept_is_not_overwritten(steps):
    (steps.folder / "model.txt").unlink()
    os.mkfifo(steps.folder / "model.txt")
    (refused,) = [event for event in events(steps) if event["event"] == "refused"]
    assert refused["text"] == "model.txt would be overwritten and cannot be kept: neither a file nor a folder"
    assert (steps.folder / "model.txt").is_fifo()


def test_what_a_run_overwrites_and_no_run_made_is_kept_and_said(steps):
    write(steps, "model.txt", "made by hand\n")
    write(steps, "params.toml", "share = 0.5\nlr = 9\n")
    assert run(steps) == [("train", "finished")]
    (said,) = [notice for notice in notices(steps, 3) if "data restore" in notice]
    assert said.startswith("model.txt held what no run had left there")
    data_actions.restore(steps, data_actions.find(steps, said.rpartition(" ")[2]))
    assert read(steps, "model.txt") == "made by hand\n"


def test_a_content_that_the_store_lost_is_made_again(steps):
    (steps.folder / "model.txt").unlink()
    for path in (steps.objects_folder).rglob("*"):
        if path.is_file() and path.name != "lock":
            path.unlink()
    assert run(steps) == [("train", "finished")]


def test_a_metrics_file_is_an_output_which_comes_back_and_which_another_stage_may_read(make_project):
    config = CONFIG + 'metrics = ["scores.json"]\n[stages.report]\ncommand = "sh report.sh"\ninputs = ["scores.json"]\n'
    script = FILES["train.sh"] + 'echo "{\\"auc\\": 0.5}" > scores.json\n'
    project = make_project({**FILES, "train.sh": script, "report.sh": "true"}, config)
    assert [stage for stage, _ in run(project)] == ["prepare", "train", "report"]
    assert runs.get(project, "2").metrics["auc"].last == 0.5
    (project.folder / "scores.json").unlink()
    assert run(project) == [("train", "restored")]
    assert json.loads(read(project, "scores.json")) == {"auc": 0.5}


# --- failures


def test_a_failed_stage_leaves_its_last_good_outputs_and_the_next_start_continues_there(steps):
    write(steps, "raw.csv", "two\n")
    write(steps, "train.sh", "echo half > model.txt; echo more > more.txt; exit 3\n")
    write(steps, "workbench.toml", CONFIG.replace('["model.txt"]', '["model.txt", "more.txt"]'))
    assert run(steps) == [("prepare", "finished"), ("train", "failed")]
    assert read(steps, "model.txt") == "model of ONE\n"
    failed = runs.get(steps, "@latest")
    assert not (steps.folder / "more.txt").exists()
    unfinished = steps.run_folder(failed.uid) / "unfinished"
    assert (unfinished / "model.txt").read_text() == "half\n"
    assert (unfinished / "more.txt").read_text() == "more\n"
    assert any("as before the run" in notice for notice in notices(steps, failed.number))
    write(steps, "train.sh", FILES["train.sh"] + "echo more > more.txt\n")
    assert run(steps) == [("train", "finished")]
    assert read(steps, "model.txt") == "model of TWO\n"


PARTS = """
[stages.split]
command = "sh split.sh"
inputs = ["raw.txt"]
outputs = ["parts", "list-*.txt"]
[stages.join]
command = "sh join.sh"
inputs = ["parts"]
outputs = ["joined.txt"]
"""
SPLIT = "mkdir -p parts\nfor n in $(cat raw.txt); do echo $n > parts/$n; echo $n > list-$n.txt; done\n"


def test_nothing_of_an_earlier_run_is_left_among_the_files_of_a_folder_or_a_glob(make_project):
    project = make_project({"split.sh": SPLIT, "join.sh": "cat parts/* > joined.txt", "raw.txt": "1 2 3"}, PARTS)
    run(project)
    assert read(project, "joined.txt") == "1\n2\n3\n"
    write(project, "raw.txt", "4")
    assert run(project) == [("split", "finished"), ("join", "finished")]
    assert read(project, "joined.txt") == "4\n"
    assert [path.name for path in project.folder.glob("list-*")] == ["list-4.txt"]
    write(project, "raw.txt", "1 2 3")
    assert run(project) == [("split", "restored"), ("join", "restored")]
    assert sorted(path.name for path in (project.folder / "parts").iterdir()) == ["1", "2", "3"]


def test_a_folder_and_the_files_of_a_glob_are_as_before_when_their_stage_fails(make_project):
    project = make_project({"split.sh": SPLIT, "join.sh": "cat parts/* > joined.txt", "raw.txt": "1 2 3"}, PARTS)
    run(project)
    write(project, "raw.txt", "4 5")
    write(project, "split.sh", SPLIT + "exit 1\n")
    assert run(project) == [("split", "failed")]
    assert sorted(path.name for path in (project.folder / "parts").iterdir()) == ["1", "2", "3"]
    assert sorted(path.name for path in project.folder.glob("list-*")) == ["list-1.txt", "list-2.txt", "list-3.txt"]
    unfinished = project.run_folder(runs.get(project, "@latest").uid) / "unfinished"
    assert sorted(path.name for path in (unfinished / "parts").iterdir()) == ["4", "5"]
    assert (unfinished / "list-4.txt").exists()


def test_a_start_that_was_cut_off_keeps_what_it_had_written_down(steps):
    run_folder = steps.run_folder(runs.get(steps, "2").uid)
    before = (run_folder / stage_outputs.BEFORE_NAME).read_bytes()
    (steps.folder / "model.txt").unlink()
    stage_outputs.keep(steps.folder, run_folder, {"stage": "train", "outputs": ["model.txt"]})
    assert (run_folder / stage_outputs.BEFORE_NAME).read_bytes() == before


def test_a_first_run_that_fails_leaves_nothing_that_looks_finished(make_project):
    config = CONFIG.replace('["clean.csv"]\nparams', '["clean.csv", "parts/*.csv"]\nparams')
    script = "echo half > clean.csv; mkdir -p parts; echo a > parts/a.csv; exit 1\n"
    project = make_project({**FILES, "prepare.sh": script}, config)
    assert run(project) == [("prepare", "failed")]
    assert not (project.folder / "clean.csv").exists()
    assert not list((project.folder / "parts").iterdir())
    unfinished = project.run_folder(runs.get(project, "1").uid) / "unfinished"
    assert (unfinished / "parts" / "a.csv").read_text() == "a\n"


def test_stages_that_need_nothing_of_a_failed_one_go_on(make_project):
    config = CONFIG + '[stages.other]\ncommand = "sh other.sh"\noutputs = ["other.txt"]\n'
    project = make_project({**FILES, "prepare.sh": "exit 1\n", "other.sh": "echo x > other.txt\n"}, config)
    found = events(project)
    assert run(project) == [("prepare", "failed")]
    assert found[-1] == {"event": "end", "failed": ["prepare"], "left": ["train"]}
    assert read(project, "other.txt") == "x\n"


def test_a_stage_that_does_not_make_its_output_fails(make_project):
    project = make_project({**FILES, "prepare.sh": "true\n"}, CONFIG)
    assert run(project) == [("prepare", "failed")]
    assert runs.get(project, "1").reason == "it did not make clean.csv, which it declares as output"
    assert run(project) == [("prepare", "failed")]


def test_the_last_stage_that_does_not_make_its_output_fails_too(make_project):
    project = make_project({**FILES, "train.sh": "true\n"}, CONFIG)
    assert run(project) == [("prepare", "finished"), ("train", "failed")]


def test_a_stopped_stage_ends_the_pipeline(make_project, wait_until):
    project = make_project({**FILES, "prepare.sh": "touch begun; sleep 600\n"}, CONFIG)
    _, driving = pipeline.start(project)
    wait_until((project.folder / "begun").exists)
    runs.stop(project, [1])
    assert list(driving.events())[-1] == {"event": "end", "failed": ["prepare"], "left": ["train"]}
    assert runs.get(project, "1").status == "stopped"


def test_an_end_that_is_asked_for_while_a_stage_begins_stops_it_too(make_project, monkeypatch):
    project = make_project({**FILES, "prepare.sh": "sleep 50\n"}, CONFIG)
    told = []
    monkeypatch.setattr(driver, "tell", lambda event, **facts: told.append((event, facts)))
    really_start = driver.starting.start

    def start(*arguments):
        really_start(*arguments)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(driver.starting, "start", start)
    drive(project)
    assert runs.get(project, "1").status == "stopped"
    assert told[-1] == ("end", {"failed": ["prepare"], "left": ["train"]})


# --- several things at once


def test_independent_stages_run_side_by_side(make_project):
    meet = "touch {0}.here; until [ -e {1}.here ]; do sleep 0.02; done; echo done > {0}.txt\n"
    config = "".join(
        f'[stages.{name}]\ncommand = "sh {name}.sh"\noutputs = ["{name}.txt"]\nmax_parallel = 2\n' for name in "ab"
    )
    project = make_project({"a.sh": meet.format("a", "b"), "b.sh": meet.format("b", "a")}, config)
    assert sorted(run(project)) == [("a", "finished"), ("b", "finished")]


def test_a_second_pipeline_is_refused_while_one_goes_on(make_project, wait_until):
    project = make_project({**FILES, "prepare.sh": "touch begun; until [ -e go ]; do sleep 0.02; done\n"}, CONFIG)
    _, driving = pipeline.start(project)
    wait_until((project.folder / "begun").exists)
    assert pipeline.goes_on(project)
    with pytest.raises(EnvironmentProblem, match="goes on already"):
        pipeline.start(project)
    (project.folder / "go").touch()
    assert list(driving.events())[-1]["event"] == "end"
    assert not pipeline.goes_on(project)


def test_it_waits_while_other_runs_take_all_places(make_project, wait_until):
    project = make_project({**FILES, "other.sh": "until [ -e go ]; do sleep 0.02; done\n"}, CONFIG)
    (other,) = starting.start(project, starting.Request(command=("sh", "other.sh")))
    wait_until(lambda: runs.get(project, str(other)).status == "running")
    begun = pipeline.begin(project)
    assert not begun.over and begun.runs == ()
    assert [run.number for run in runs.list_runs(project)] == [other]
    (project.folder / "go").touch()
    wait_until(lambda: not pipeline.goes_on(project))
    assert read(project, "model.txt") == "model of ONE\n"


def test_somebody_elses_run_of_a_stage_is_waited_for_and_not_repeated(make_project, wait_until):
    script = "until [ -e go ]; do sleep 0.02; done\n" + FILES["prepare.sh"]
    config = CONFIG.replace("[stages.train]", "max_parallel = 3\n[stages.train]")
    project = make_project({**FILES, "prepare.sh": script}, config)
    (other,) = starting.start(project, starting.Request(stage="prepare"))
    wait_until(lambda: runs.get(project, str(other)).status == "running")
    _, driving = pipeline.start(project)
    seen = []
    for event in driving.events():
        seen.append(event)
        if event["event"] == "waits":
            (project.folder / "go").touch()
    assert [event["stage"] for event in seen if event["event"] == "run"] == ["train"]
    assert len(runs.list_runs(project)) == 2


def test_collection_during_a_run_leaves_what_a_failure_would_put_back(steps, wait_until):
    write(steps, "train.sh", "echo half > model.txt; touch begun; until [ -e go ]; do sleep 0.02; done; exit 1\n")
    connection = steps.open_store()
    connection.execute("DELETE FROM outputs WHERE path = 'model.txt'")  # as if its run had been deleted
    connection.execute("DELETE FROM data_versions WHERE path = 'model.txt'")
    connection.close()
    _, driving = pipeline.start(steps)
    wait_until((steps.folder / "begun").exists)
    gc.collect(steps)
    (steps.folder / "go").touch()
    assert list(driving.events())[-1]["failed"] == ["train"]
    assert read(steps, "model.txt") == "model of ONE\n"


# --- killed


def test_a_killed_driver_leaves_its_command_and_the_next_start_continues(make_project, wait_until):
    script = "echo half > clean.csv; touch begun; until [ -e go ]; do sleep 0.02; done\n" + FILES["prepare.sh"]
    project = make_project({**FILES, "prepare.sh": script}, CONFIG)
    _, driving = pipeline.start(project)
    first = driving.events()
    assert next(first)["event"] == "run"
    wait_until((project.folder / "begun").exists)
    os.kill(driving.pid, 9)
    assert list(first) == []
    wait_until(lambda: not pipeline.goes_on(project))
    _, driving = pipeline.start(project)
    seen = []
    for event in driving.events():
        seen.append(event)
        if event["event"] == "waits":  # for the command that lives on
            (project.folder / "go").touch()
    assert seen[-1] == {"event": "end", "failed": [], "left": []}
    assert read(project, "model.txt") == "model of ONE\n"
    assert all(run.is_over for run in runs.list_runs(project))
    assert states(project) == {"prepare": "current", "train": "current"}


def test_after_the_supervisor_and_the_command_of_a_stage_are_killed_its_outputs_are_as_before(steps, wait_until):
    write(steps, "train.sh", "echo half > model.txt; touch begun; sleep 600\n")
    (number,) = starting.start(steps, starting.Request(stage="train"))
    wait_until((steps.folder / "begun").exists)
    run_folder = steps.run_folder(runs.get(steps, str(number)).uid)
    command = wait_until(lambda: read_json(run_folder / PROCESS_NAME).get("pid"))
    os.kill(int((run_folder / "lock").read_text()), 9)
    os.killpg(command, 9)
    wait_until(lambda: runs.get(steps, str(number)).is_over)
    assert runs.get(steps, str(number)).status == "lost"
    assert read(steps, "model.txt") == "model of ONE\n"
    assert (run_folder / "unfinished" / "model.txt").read_text() == "half\n"
    write(steps, "train.sh", FILES["train.sh"])
    assert run(steps) == []


def test_a_killed_command_is_a_failed_stage(make_project, wait_until):
    project = make_project({**FILES, "prepare.sh": "echo $$ > pid; sleep 600\n"}, CONFIG)
    _, driving = pipeline.start(project)
    wait_until(lambda: (project.folder / "pid").exists() and read(project, "pid").strip())
    os.kill(int(read(project, "pid")), 9)
    assert list(driving.events())[-1]["failed"] == ["prepare"]
    assert runs.get(project, "1").reason == "killed by SIGKILL"


# --- what is recorded


def test_the_same_on_the_same_with_another_result_is_flagged_on_the_run(steps):
    write(steps, "train.sh", "date +%N > model.txt; echo $$ >> model.txt\n")
    assert run(steps) == [("train", "finished")]
    assert run(steps, force=True, stages=("train",)) == [("train", "finished")]
    (said,) = [notice for notice in notices(steps, 4) if "not deterministic" in notice]
    assert said == "not deterministic: model.txt differs from run 3, of the same inputs and parameters"


def test_a_stage_in_a_frozen_copy_is_not_changed_by_edits_and_its_outputs_come_back(make_project, wait_until):
    script = "touch $WORKBENCH_RUN_DIR/begun; until [ -e $WORKBENCH_RUN_DIR/go ]; do sleep 0.02; done; . ./rest.sh\n"
    config = CONFIG.replace("[stages.train]", "isolate = true\n[stages.train]")
    project = make_project({**FILES, "prepare.sh": script, "rest.sh": FILES["prepare.sh"]}, config)
    _, driving = pipeline.start(project)
    folder = wait_until(lambda: next(iter(project.runs_folder.glob("*/begun")), None)).parent
    write(project, "rest.sh", "echo edited > clean.csv\n")
    (folder / "go").touch()
    assert [event["status"] for event in driving.events() if event["event"] == "ended"] == ["finished", "finished"]
    assert read(project, "clean.csv") == "ONE\n"
    assert read(project, "model.txt") == "model of ONE\n"


def test_links_among_the_outputs_of_a_frozen_copy_come_back_unless_they_lead_out(make_project):
    config = (
        '[project]\nname = "links"\n[stages.link]\ncommand = "sh link.sh"\ninputs = ["in"]\nisolate = true\n'
        'outputs = ["latest.txt", "current", "model-1.txt", "made", "away"]\n'
    )
    script = f"{LINKS}; mkdir away; ln -s $PWD/model-1.txt away/whole"
    project = make_project({"link.sh": script, "in": "1", "made/old": "old"}, config)
    assert run(project) == [("link", "finished")]
    points_to = {"latest.txt": "model-1.txt", "current": "made", "made/up": "../model-1.txt", "made/broken": "gone"}
    assert {name: os.readlink(project.folder / name) for name in points_to} == points_to
    assert read(project, "current/two") == "2\n" and not (project.folder / "made/old").exists()
    assert not (project.folder / "away").exists()
    assert any("away/whole is a link that leads elsewhere" in notice for notice in notices(project, 1))


def test_a_stage_that_fails_in_a_frozen_copy_leaves_the_project_as_it_was(make_project):
    config = CONFIG.replace("[stages.train]", "isolate = true\n[stages.train]")
    project = make_project({**FILES, "prepare.sh": "echo half > clean.csv; exit 1\n", "clean.csv": "old\n"}, config)
    assert run(project) == [("prepare", "failed")]
    assert read(project, "clean.csv") == "old\n"


def test_each_run_of_a_pipeline_has_its_code_until_it_is_deleted_itself(make_project):
    project = make_project(FILES, CONFIG)
    write(project, ".gitignore", "*.csv\nmodel.txt\n")
    git(project.folder, "init", "-q")
    git(project.folder, "add", "-A")
    git(project.folder, "commit", "-qm", "one")
    write(project, "train.sh", FILES["train.sh"] + "# not committed\n")
    run(project)
    trees = {run.number: run.code["tree"] for run in runs.list_runs(project)}
    assert trees[1] and trees[2]
    runs.delete(project, [1])
    git(project.folder, "reflog", "expire", "--expire=now", "--all")
    git(project.folder, "gc", "-q", "--prune=now")
    assert "not committed" in git(project.folder, "show", f"{trees[2]}:train.sh")
    runs.delete(project, [2])
    assert git(project.folder, "for-each-ref", "refs/workbench") == ""


@pytest.mark.parametrize(("seconds", "same"), [(-1.0, False), (3600.0, True)])
def test_stages_that_begin_far_apart_are_recorded_with_the_code_of_their_own_time(
    make_project, monkeypatch, seconds, same
):
    monkeypatch.setattr(driver, "SHARED_SECONDS", seconds)
    project = make_project({**FILES, "note.sh": "#\n"}, CONFIG)

    def edit_between(event, **facts):
        if event == "ended" and facts["stage"] == "prepare":
            write(project, "note.sh", "# edited\n")

    monkeypatch.setattr(driver, "tell", edit_between)
    drive(project)
    first, second = (runs.get(project, number).code["tree"] for number in ("1", "2"))
    assert (first == second) is same


# --- [train] alone


def test_train_alone_is_a_stage_and_a_run_of_it_counts(make_project, wait_until):
    config = '[train]\ncommand = "sh train.sh"\noutputs = ["model.txt"]\n[data]\ntrain = "clean.csv"\n'
    project = make_project({"train.sh": FILES["train.sh"], "clean.csv": "ONE\n"}, config)
    starting.start(project, starting.Request())
    wait_until(lambda: runs.get(project, "1").is_over)
    assert states(project) == {"train": "current"}
    write(project, "clean.csv", "TWO\n")
    assert reason(project, "train").startswith("clean.csv ")
    assert run(project) == [("train", "finished")]
    assert [row["path"] for row in runs.get(project, "2").data] == ["clean.csv"]
    assert run(project) == []


def test_a_command_that_was_typed_is_no_stage(make_project, wait_until):
    project = make_project({"train.sh": "echo x > model.txt\n"}, '[train]\ncommand = "sh train.sh"\n')
    starting.start(project, starting.Request(command=("sh", "train.sh")))
    wait_until(lambda: runs.get(project, "1").is_over)
    assert states(project) == {"train": "run"}


# --- data that must stay where it is


def test_looking_at_a_source_that_must_not_be_copied_copies_nothing(make_project, tmp_path):
    elsewhere = tmp_path / "elsewhere.csv"
    elsewhere.write_text("private\n")
    config = (
        f'[stages.count]\ncommand = "sh count.sh"\ninputs = ["file://{elsewhere}"]\noutputs = ["count.txt"]\n'
        f'[[charter.data]]\nname = "patients"\nwhere = "file://{elsewhere}"\ncopy = "never"\n'
    )
    project = make_project({"count.sh": "echo 1 > count.txt\n"}, config)
    assert states(project) == {"count": "run"}
    assert run(project) == [("count", "finished")]
    assert run(project) == []
    stored = b"".join(path.read_bytes() for path in project.objects_folder.rglob("*") if path.is_file())
    assert b"private" not in stored
    elsewhere.write_text("another\n")
    assert states(project) == {"count": "run"}


def test_nothing_is_written_where_the_configuration_holds_no_stage(make_project):
    project = make_project({}, '[project]\nname = "empty"\n')
    with pytest.raises(Exception, match="names no stages"):
        pipeline.check(project)
    assert not (project.inner / "cache").exists()


def test_a_broken_memory_of_hashes_is_made_anew(steps):
    cache = steps.inner / "cache" / "pipeline.json"
    assert json.loads(cache.read_text())["files"]
    for content in ("{", "[]", '{"files": {"raw.csv": [1]}, "imports": {}}', '{"files": 3, "imports": null}'):
        cache.write_text(content)
        assert states(steps) == {"prepare": "current", "train": "current"}
