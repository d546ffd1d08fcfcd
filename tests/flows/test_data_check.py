"""Data checked before a run starts: errors stop it, what was found stays with it, and it can be told to go on."""

from __future__ import annotations

import json
import os
import signal

import psutil
import pytest

from workbench.actions import data_schema, validate

CONFIG = (
    '[project]\nname = "test"\n[train]\ncommand = "python train.py"\ninputs = ["data/*.csv"]\n'
    '[data]\ntrain = "data/train.csv"\n'
)
GOOD = "row,city\n" + "".join(f"{at},{'EWR' if at % 3 else 'JFK'}\n" for at in range(120))
BAD = GOOD + "121,XXX\n"


@pytest.fixture
def airport(make_project, run_cli):
    project = make_project({"data/train.csv": GOOD, "train.py": "print('auc: 0.5')\n"}, CONFIG)
    run_cli("data", "schema", "--accept", "--by", "ana", folder=project.folder)
    return project


def validations(project, run):
    connection = project.open_reader()
    try:
        rows = connection.execute("SELECT path, worst, rows, facts FROM validations WHERE run = ?", (run,)).fetchall()
    finally:
        connection.close()
    return [(path, worst, count, json.loads(facts)) for path, worst, count, facts in rows]


def test_errors_stop_a_run_before_it_starts_unless_told_not_to(airport, run_cli):
    assert run_cli("run", folder=airport.folder).code == 0
    ((path, worst, count, _),) = validations(airport, 1)
    assert (path, worst, count) == ("data/train.csv", "", 120)
    (airport.folder / "data/train.csv").write_text(BAD)
    answer = run_cli("run", folder=airport.folder)
    assert answer.code == 1
    assert "data/train.csv: column city: values are not among those known (1 of 121 rows)" in answer.err
    shown = run_cli("show", "2", "--json", folder=airport.folder).json
    assert (shown["status"], shown["exit_code"], shown["metrics"]) == ("failed", 1, {})
    ((_, worst, _, facts),) = validations(airport, 2)
    assert worst == "error"
    assert facts["findings"][0]["first"] == [121]
    assert run_cli("run", "--no-check", folder=airport.folder).code == 0
    assert validations(airport, 3) == []
    config = airport.folder / "workbench.toml"
    config.write_text(CONFIG + 'check = "warn"\n')
    assert run_cli("run", folder=airport.folder).code == 0
    # The same content against the same schema is not read again, and is still told.
    ((_, worst, _, again),) = validations(airport, 4)
    assert (worst, again["findings"]) == ("error", facts["findings"])
    assert any("data error" in one for one in run_cli("show", "4", folder=airport.folder).out.splitlines())


def test_where_data_come_from_stops_a_run_too(make_project, run_cli):
    source = '[[charter.data]]\nname = "{0}"\nwhere = "{1}"\nlicence = "GPL"\n'
    config = (
        CONFIG + '[policy]\nlicences = ["CC*"]\n' + source.format("ours", "data") + source.format("others", "x.csv")
    )
    project = make_project({"data/train.csv": GOOD, "train.py": "print('auc: 0.5')\n"}, config)
    answer = run_cli("run", folder=project.folder)
    assert answer.code == 1
    assert "its data do not pass: data: ours has the licence GPL; --no-check" in answer.err
    assert "others" not in answer.err
    assert run_cli("run", "--no-check", folder=project.folder).code == 0
    forbidden = CONFIG.partition("[data]")[0] + '[policy]\nforbidden_sources = ["data/*"]\n'
    (project.folder / "workbench.toml").write_text(forbidden)
    assert "the policy forbids the source data/train.csv" in run_cli("run", folder=project.folder).err


def test_an_earlier_verdict_is_none_under_other_rules_or_another_policy(airport, monkeypatch):
    schema, config = data_schema.load(airport), airport.config
    before = validate.digest(schema, config)
    assert validate.digest(schema, config._replace(data=config.data._replace(check="warn"))) == before
    assert validate.digest(schema, config._replace(data=config.data._replace(time="row"))) != before
    assert validate.digest(schema, config._replace(policy=config.policy._replace(k=9))) != before
    monkeypatch.setattr(validate, "_rules", lambda: "others")
    assert validate.digest(schema, config) != before


def test_a_schema_that_cannot_be_read_stops_a_run_unless_told_not_to(airport, run_cli):
    (airport.folder / "schema.toml").write_text("x[")
    answer = run_cli("run", folder=airport.folder)
    assert answer.code == 1
    assert "its data were not checked: schema.toml is not valid TOML" in answer.err
    shown = run_cli("show", "1", "--json", folder=airport.folder).json
    assert (shown["status"], shown["metrics"]) == ("failed", {})
    assert run_cli("run", "--no-check", folder=airport.folder).code == 0
    config = airport.folder / "workbench.toml"
    config.write_text(CONFIG + 'check = "warn"\n')
    assert run_cli("run", folder=airport.folder).code == 0
    assert "its data were not checked" in run_cli("show", "3", folder=airport.folder).out
    config.write_text(CONFIG + 'check = "off"\n')
    assert run_cli("run", folder=airport.folder).code == 0
    assert "not checked" not in run_cli("show", "4", folder=airport.folder).out


def test_held_out_data_are_checked_where_they_exist_though_no_input(airport, run_cli):
    config = airport.folder / "workbench.toml"
    inputs = 'inputs = ["data/train.csv"]'
    config.write_text(CONFIG.replace('inputs = ["data/*.csv"]', inputs) + 'holdout = "held/out.csv"\n')
    answer = run_cli("run", folder=airport.folder)
    assert answer.code == 0
    assert "held/out.csv was not checked: [data] names it, and there is no such file" in answer.err
    (airport.folder / "held").mkdir()
    (airport.folder / "held/out.csv").write_text(BAD)
    answer = run_cli("run", folder=airport.folder)
    assert answer.code == 1
    assert "held/out.csv: column city: values are not among those known" in answer.err
    assert [path for path, *_ in validations(airport, 2)] == ["data/train.csv", "held/out.csv"]
    (airport.folder / "held/out.csv").write_text(GOOD + "1\n")
    assert "its data do not pass: held/out.csv, line 122: has 1 cell" in run_cli("run", folder=airport.folder).err
    (airport.folder / "held/out.csv").write_text(BAD)
    config.write_text(config.read_text().replace(inputs, 'inputs = []\noutputs = ["held/"]'))
    assert run_cli("run", folder=airport.folder).code == 1
    config.write_text(config.read_text().replace("inputs = []", 'inputs = ["train.py"]'))
    # What the command makes itself is another one afterwards.
    assert run_cli("run", folder=airport.folder).code == 0
    assert [path for path, *_ in validations(airport, 5)] == ["data/train.csv"]


@pytest.fixture
def checking(airport, run_cli, wait_until):
    """A run whose check never ends: its number, its uid, and what finds the process that checks."""
    schema = airport.folder / "schema.toml"
    schema.unlink()
    os.mkfifo(schema)
    number = int(run_cli("run", "--detach", folder=airport.folder).out)
    uid = run_cli("runs", "--json", folder=airport.folder).json[0]["uid"]
    words = [str(airport.folder), "validate", "--for-run", str(number)]

    def checker() -> psutil.Process | None:
        return next(
            (one for one in psutil.process_iter(["cmdline"]) if (one.info["cmdline"] or [])[-4:] == words), None
        )

    wait_until(checker, what="the check begins")
    return number, uid, checker


def test_a_run_that_is_stopped_while_its_data_are_checked_never_starts(airport, checking, run_cli, wait_until):
    from workbench.runs import launch

    number, uid, checker = checking
    run_cli("stop", str(number), "--no-wait", folder=airport.folder)

    def status():
        return run_cli("runs", "--json", folder=airport.folder).json[0]["status"]

    wait_until(lambda: status() == "stopped", what="the run stops")
    assert (airport.run_folder(uid) / launch.LAUNCH_NAME).exists() and checker() is None


def test_a_check_ends_with_the_supervisor_that_waits_for_it(airport, checking, wait_until):
    _, uid, checker = checking
    os.kill(int((airport.run_folder(uid) / "lock").read_text()), signal.SIGKILL)
    wait_until(lambda: checker() is None, what="the check ends")


def test_data_that_lie_elsewhere_are_checked_as_the_run_finds_them(make_project, run_cli, tmp_path):
    elsewhere = tmp_path / "train.csv"
    elsewhere.write_text(GOOD)
    config = CONFIG.replace("data/*.csv", f"file://{elsewhere}").replace("data/train.csv", f"file://{elsewhere}")
    project = make_project({"train.py": "print('auc: 0.5')\n"}, config)
    assert run_cli("data", "snapshot", folder=project.folder).code == 0
    assert run_cli("data", "schema", "--accept", "--by", "ana", folder=project.folder).code == 0
    assert run_cli("run", folder=project.folder).code == 0
    assert validations(project, 1)[0][:3] == (f"file://{elsewhere}", "", 120)
    elsewhere.write_text(BAD)
    answer = run_cli("run", folder=project.folder)
    assert (answer.code, "column city: values are not among those known" in answer.err) == (1, True), answer.err
    assert validations(project, 2)[0][:3] == (f"file://{elsewhere}", "error", 121)
    # A command that does not say what it reads is held against the newest version kept.
    (project.folder / "workbench.toml").write_text(config.replace(f'inputs = ["file://{elsewhere}"]\n', ""))
    elsewhere.write_text(GOOD)
    assert run_cli("run", folder=project.folder).code == 1
    assert run_cli("data", "snapshot", folder=project.folder).code == 0
    assert run_cli("run", folder=project.folder).code == 0


def test_of_data_elsewhere_that_are_not_kept_a_run_says_that_they_were_not_checked(make_project, run_cli, tmp_path):
    elsewhere = tmp_path / "train.csv"
    elsewhere.write_text(BAD)
    config = CONFIG.replace("data/*.csv", f"file://{elsewhere}").replace("data/train.csv", f"file://{elsewhere}")
    config += f'[[charter.data]]\nname = "patients"\nwhere = "file://{elsewhere}"\ncopy = "never"\n'
    config += '[policy]\npersonal = "error"\n'
    project = make_project({"train.py": "print('auc: 0.5')\n"}, config)
    assert run_cli("run", folder=project.folder).code == 0
    assert validations(project, 1) == []
    assert "was not checked: no copy of it is kept" in run_cli("show", "1", folder=project.folder).out
