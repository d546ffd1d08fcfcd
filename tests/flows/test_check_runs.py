"""Checks of data as runs: at once and beside all others, out of the list unless asked for, what came of them said."""

from __future__ import annotations

import contextlib
import sys

import pytest

from workbench.actions import checks, starting
from workbench.actions import runs as actions
from workbench.drift import records
from workbench.runs import launch, queries

CONFIG = """
[project]
name = "test"
[train]
command = "python train.py"
max_parallel = 1
[data]
train = "data/train.csv"
holdout = "data/holdout.csv"
check = "off"
"""
SLOW = "import time\nprint('begun', flush=True)\ntime.sleep(60)\n"


def rows(shift):
    return "row,x\n" + "".join(f"{at},{at % 17 + shift}\n" for at in range(200))


@pytest.fixture
def data(make_project):
    files = {"train.py": SLOW, "data/train.csv": rows(0), "data/holdout.csv": rows(9)}
    return make_project(files, CONFIG)


@pytest.fixture
def ended(wait_until):
    """Wait for the end of a run and return it."""

    def wait(project, number):
        wait_until(lambda: actions.get(project, str(number)).is_over)
        return actions.get(project, str(number))

    return wait


def endless(project, kind="drift"):
    """Start a check that only ends when it is stopped."""
    argv = (sys.executable, "-c", "print('auc: 0.9')\n" + SLOW)
    with contextlib.closing(project.open_store()) as connection:
        wish = launch.Wish(command=("workbench", kind, "--by=all"), argv=argv, kind=kind, fresh=True)
        return launch.start_at_once(project, connection, wish, 0.0)


def test_a_check_runs_at_once_beside_a_full_queue_and_says_no_in_words(data, ended, run_cli, wait_until):
    (training,) = starting.start(data, starting.Request())
    number = checks.start(data, "drift", ["--by=all"])
    run = ended(data, number)
    assert (run.kind, run.status, run.exit_code, run.reason) == ("drift", "failed", 1, "there is drift")
    assert run.command == ["workbench", "drift", "--by=all"] and not run.data and not run.code
    assert not actions.get(data, str(training)).is_over
    log = run_cli("logs", str(number), folder=data.folder).out
    assert "x" in log and "▲ drift" in log
    (data.folder / "data/holdout.csv").write_text(rows(0))
    assert ended(data, checks.start(data, "drift", [])).status == "finished"
    with contextlib.closing(data.open_reader()) as connection:
        assert records.load_report(connection).id == 2


def test_a_check_takes_no_place_from_what_trains(data, run_cli, wait_until):
    number = endless(data)
    (training,) = starting.start(data, starting.Request())
    assert actions.get(data, str(training)).status == "running"
    (second,) = starting.start(data, starting.Request())
    assert actions.get(data, str(second)).status == "queued", "the place of what trains is taken"
    assert not actions.get(data, str(number)).is_over


def test_checks_are_listed_only_where_a_filter_names_a_kind(data, ended, run_cli):
    number = checks.start(data, "validate", [])
    assert ended(data, number).kind == "validate"
    (training,) = starting.start(data, starting.Request())
    drift = endless(data)
    numbers = lambda *words: [one["run"] for one in run_cli("runs", "--json", *words, folder=data.folder).json]  # noqa: E731
    assert numbers() == [training]
    assert numbers("--sort", "duration", "--limit", "1") == [training]
    assert numbers("--filter", 'kind = "drift"') == [drift]
    assert numbers("--filter", "kind in (drift, validate)") == [drift, number]
    assert numbers("--filter", "kind = train or kind = validate") == [training, number]
    assert actions.get(data, "@latest").number == training
    with contextlib.closing(data.open_reader()) as connection:
        assert queries.counts(connection) == {"running": 1}
        assert queries.checks_going(connection) == 1
    answer = run_cli("reproduce", str(number), folder=data.folder)
    assert (answer.code, "is a check of data" in answer.err, "hint: workbench validate" in answer.err) == (
        2,
        True,
        True,
    )
    shown = run_cli("show", str(number), "--json", folder=data.folder).json
    assert (shown["kind"], shown["status"]) == ("validate", "failed" if shown["exit_code"] else "finished")


def test_a_check_that_could_not_be_made_says_why(data, ended):
    run = ended(data, checks.start(data, "drift", ["--current=data/no.csv"]))
    assert (run.status, run.exit_code, run.reason) == ("failed", 2, "No file data/no.csv")
    (data.folder / "data/train.csv").write_bytes(b"")
    run = ended(data, checks.start(data, "validate", []))
    assert (run.status, run.exit_code, run.reason) == ("failed", 1, "there are errors in the data")


def test_a_check_is_stopped_like_any_run_and_can_be_made_again(data, ended, run_cli, wait_until):
    number = endless(data)
    wait_until(lambda: "begun" in run_cli("logs", str(number), folder=data.folder).out)
    assert actions.stop(data, [number]) == [number]
    run = ended(data, number)
    assert not run.metrics, "what a check prints are no metrics"
    assert (run.status, run.reason.partition(" (")[0]) == ("stopped", "stopped on request")
    (again,) = starting.rerun(data, number, {})
    run = ended(data, again)
    assert (run.kind, run.command, run.reason) == ("drift", ["workbench", "drift", "--by=all"], "there is drift")
