"""`workbench gc` and what checks for drift leave behind: old reports and profiles of data that are gone."""

from __future__ import annotations

import json
import sqlite3

import pytest

from tests.cli.test_drift import CONFIG, FILES, table, year
from workbench.cli.main import main
from workbench.drift.sweep import KEPT

MORE = 3


@pytest.fixture(name="run")
def _run(make_project, monkeypatch, capsys):
    """Run a command in this process, in a project."""
    project = make_project(FILES, CONFIG)
    monkeypatch.chdir(project.folder)

    def run(*words):
        code = main(list(words))
        said = capsys.readouterr()
        return code, json.loads(said.out) if "--json" in words else said.out + said.err

    run.project = project
    return run


def rows(project, query):
    connection = sqlite3.connect(project.store_path)
    try:
        with connection:
            return connection.execute(query).fetchall()
    finally:
        connection.close()


def serve(run, at, shift):
    """Check what was served, in a file that is written anew each time."""
    (run.project.folder / "data/serving.csv").write_text(table(year([shift]), rows=60, seed=at, start_row=at * 100))
    return run("drift", "--current", "data/serving.csv", "--json")[1]


def age(project):
    rows(project, "UPDATE drift_profiles SET created = created - 7200")


@pytest.fixture(name="served")
def _served(run):
    """Three windows that drift, and raise an alert, then so many that do not that the first are old."""
    for at in range(3 + KEPT + MORE):
        serve(run, at, 3 if at < 3 else 0)
    age(run.project)
    return run


def test_old_reports_and_profiles_go_and_what_an_alert_needs_stays(served):
    project = served.project
    alerts = served("drift", "alerts", "--json")[1]
    assert [one["report"] for one in alerts] == [2]
    newest = served("drift", "show", "--json")[1]
    code, shown = served("gc", "--dry-run", "--json")
    assert code == 0 and not shown["removed"]
    assert shown["drift_reports"] == 3 + MORE - 1  # all before the newest but the one that raised the alert
    assert shown["drift_profiles"] == 3 + MORE - 1
    assert shown["drift_bytes"] > 0 and shown["bytes"] >= shown["drift_bytes"]
    assert f"{3 + MORE - 1} reports of drift" in served("gc", "--dry-run")[1]
    before = project.store_path.stat().st_size
    assert served("gc", "--yes", "--json")[1] == shown | {"removed": True}
    assert project.store_path.stat().st_size < before
    again = served("gc", "--json")[1]
    assert (again["drift_reports"], again["drift_profiles"]) == (0, 0)
    assert served("drift", "show", "2", "--column", "x")[0] == 1  # with its distributions
    assert served("drift", "show", "1")[0] == 2
    assert served("drift", "show", "--json")[1] == newest
    assert [one["id"] for one in served("drift", "list", "--json")[1]][-1] == 3 + MORE + 1
    assert served("drift", "alerts", "--json")[1] == alerts


def test_alerts_count_the_windows_of_reports_that_are_gone(served):
    alerts = served("drift", "alerts", "--json")[1]
    served("gc", "--yes", "--json")
    # Beside the report of the alert alone, one more window that drifts would be the second of three.
    serve(served, 900, 3)
    assert served("drift", "alerts", "--json")[1] == alerts
    serve(served, 901, 3)
    assert len(served("drift", "alerts", "--json")[1]) == len(alerts) + 1


def test_the_profile_of_a_reference_stays_as_long_as_its_file(served):
    project = served.project
    served("gc", "--yes", "--json")
    keys = {row[0] for row in rows(project, "SELECT key FROM drift_cuts")}
    assert len(keys) == 2  # of the training data, and of what was served last
    serve(served, 900, 0)
    assert keys < {row[0] for row in rows(project, "SELECT key FROM drift_cuts")}
    age(project)
    (project.folder / "data/train.csv").unlink()
    (project.folder / "data/serving.csv").unlink()
    served("gc", "--yes", "--json")
    assert rows(project, "SELECT key FROM drift_cuts") == []
    assert served("drift", "show", "--column", "x")[0] == 0  # reports keep their profiles


def test_a_profile_that_a_check_has_just_made_stays(run):
    serve(run, 1, 0)
    rows(run.project, "DELETE FROM drift_windows")
    rows(run.project, "DELETE FROM drift_cuts")
    assert run("gc", "--yes", "--json")[1]["drift_profiles"] == 0
    age(run.project)
    assert run("gc", "--yes", "--json")[1]["drift_profiles"] == 2
