"""`workbench drift` as a user types it: files, versions, windows, alerts, pictures, bad input."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Answer
from workbench import project as projects
from workbench.actions import data
from workbench.actions import drift as actions
from workbench.cli.main import main
from workbench.tui.screens.drift_sight import SightReader, Wish

CONFIG = """
[project]
name = "test"
[train]
command = "python train.py"
inputs = ["data/train.csv"]
[data]
train = "data/train.csv"
holdout = "data/holdout.csv"
time = "when"
id = "row"
"""


def table(months, rows=300, seed=0, start_row=0):
    """Lines of CSV: `months` is a list of (label, shift of x)."""
    source = random.Random(seed)
    lines, number = ["row,when,x,kind"], start_row
    for month, shift in months:
        for _ in range(rows):
            number += 1
            moment = f"{month}-{source.randint(1, 28):02d}T{source.randint(0, 23):02d}:00:00Z"
            lines.append(f"{number},{moment},{source.gauss(shift, 1):.4f},{source.choice('abc')}")
    return "\n".join(lines) + "\n"


def year(shifts):
    return [(f"2025-{at:02d}", shift) for at, shift in enumerate(shifts, 1)]


FILES = {
    "train.py": "print('auc: 0.7')\n",
    "data/train.csv": table(year([0, 0, 0])),
    "data/holdout.csv": table(year([0, 0, 0]), seed=1, start_row=5000),
    "data/shifted.csv": table(year([1, 1, 1]), seed=2, start_row=9000),
    "data/windows.csv": table(year([0, 0, 2, 2, 2, 0, 0, 0]), seed=3, start_row=20_000),
}


@pytest.fixture
def project(make_project):
    return make_project(FILES, CONFIG)


@pytest.fixture
def drift(project, monkeypatch, capsys):
    """Run the command in this process: the libraries that it needs take longer to load than the check."""
    monkeypatch.chdir(project.folder)

    def run(*words):
        code = main(["drift", *words])
        return Answer(code, *capsys.readouterr())

    return run


CHECK = """
import sys
from pathlib import Path
from workbench.actions import drift
from workbench.project import load
report = drift.compare(load(Path(sys.argv[1])), drift.Request("data/before.parquet", "data/after.parquet"))
found = {one.name: one.verdict for one in report.windows[0].columns}
assert found == {"still": "ok", "moved": "drift", "named": "ok", "kind": "ok"}, found
print([name for name in ("pandas", "scipy", "sklearn") if name in sys.modules])
"""


def test_a_check_loads_no_library_that_takes_longer_than_the_check(project):
    for name, shift in (("before", 0.0), ("after", 0.1)):
        random_ = random.Random(name)
        columns = {
            "still": [random_.gauss(0, 1) for _ in range(6000)],
            "moved": [random_.random() + 5 * shift for _ in range(6000)],
            "named": [f"text {random_.random():.9f}" for _ in range(6000)],
            "kind": [random_.choice("abc") for _ in range(6000)],
        }
        pq.write_table(pa.table(columns), project.folder / f"data/{name}.parquet")
    done = subprocess.run(
        [sys.executable, "-c", CHECK, str(project.folder)], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"


def test_the_command_is_a_process_with_an_exit_code(run_cli, project):
    answer = run_cli("drift", "--current", "data/shifted.csv", "--json", folder=project.folder)
    assert (answer.code, answer.json["verdict"]) == (1, "drift"), answer.err


def test_the_holdout_is_held_against_the_training_data(drift):
    answer = drift()
    assert answer.code == 0, answer.err
    assert "data/holdout.csv@" in answer.out and "against data/train.csv@" in answer.out
    assert "0 of 4 columns drift" in answer.out


def test_drift_is_exit_code_1_and_the_document_says_why(drift):
    answer = drift("--current", "data/shifted.csv", "--json")
    assert answer.code == 1
    (window,) = answer.json["windows"]
    assert (answer.json["verdict"], window["verdict"], window["rows"]) == ("drift", "drift", 900)
    worst = window["columns"][0]
    assert (worst["column"], worst["verdict"]) == ("x", "drift")
    names = {one["name"] for one in worst["statistics"]}
    assert {"KS", "Wasserstein", "PSI", "JS"} <= names
    ks = next(one for one in worst["statistics"] if one["name"] == "KS")
    assert ks["value"] > ks["expected"] > 0 and ks["adjusted_p"] < 0.01
    assert next(one for one in window["columns"] if one["column"] == "row")["kind"] == "id"


def test_windows_of_time_are_held_against_one_of_them(drift):
    answer = drift("--by", "month", "--reference", "2025-01", "--current", "data/windows.csv", "--json")
    assert answer.code == 1
    assert [one["verdict"] for one in answer.json["windows"]] == ["reference", "ok", *["drift"] * 3, *["ok"] * 3]
    assert answer.json["false_alerts_per_month"] < 0.01
    assert answer.json["windows"][2]["start"] == "2025-03-01T00:00:00.000Z"


def test_rows_whose_time_cannot_be_read_are_named_and_the_rest_is_cut_into_windows(drift, project):
    lines = FILES["data/windows.csv"].splitlines()
    for at, text in ((8, "yesterday"), (500, "2025-02-30T10:00:00Z"), (900, "")):
        cells = lines[at].split(",")
        lines[at] = ",".join([cells[0], text, *cells[2:]])
    (project.folder / "data/odd.csv").write_text("\n".join(lines) + "\n")
    words = ("--current", "data/odd.csv", "--reference", "2025-01", "--by", "month")
    said = drift(*words)
    note = "data/odd.csv: 2 rows hold no time in 'when': rows 8, 500"
    assert (said.code, note in said.out, "3 rows without a time" in said.out) == (1, True, True), said
    found = drift(*words, "--json").json
    assert (found["undated_rows"], found["notes"]) == (3, [note]), "also what was read before"
    whole = drift("--current", "data/windows.csv", *words[2:], "--json").json
    assert [one["verdict"] for one in found["windows"]] == [one["verdict"] for one in whole["windows"]]
    assert sum(one["rows"] for one in found["windows"]) == len(lines) - 1 - 3
    answer = drift("--current", "data/windows.csv", "--by", "month", "--time", "kind", "--reference", "first")
    assert answer.code == 2 and "'kind' is no column of times" in answer.err and "--time when" in answer.err


def test_windows_are_held_against_the_one_before(drift):
    answer = drift("--by", "month", "--reference", "previous", "--current", "data/windows.csv", "--json")
    verdicts = [one["verdict"] for one in answer.json["windows"]]
    assert verdicts == ["reference", "ok", "drift", "ok", "ok", "drift", "ok", "ok"]


def test_windows_are_held_against_the_same_season_a_year_before(drift, project):
    months = [("2024-07", 3), ("2024-12", 0), ("2025-07", 3), ("2025-12", 1)]
    (project.folder / "data/years.csv").write_text(table(months))
    answer = drift("--by", "month", "--reference", "season", "--current", "data/years.csv", "--json")
    found = [(one["window"], one["reference"], one["verdict"]) for one in answer.json["windows"]]
    assert found == [
        ("2024-07", None, "reference"),
        ("2024-12", None, "reference"),
        ("2025-07", "2024-07", "ok"),
        ("2025-12", "2024-12", "drift"),
    ]


def test_windows_of_rows_need_no_time(drift):
    answer = drift("--by", "600 rows", "--reference", "first", "--current", "data/windows.csv", "--json")
    assert [one["verdict"] for one in answer.json["windows"]] == ["reference", "drift", "drift", "ok"]


def test_a_stored_version_is_held_against_the_file_as_it_is(drift, project, run_cli):
    assert run_cli("data", "snapshot", folder=project.folder).code == 0
    (project.folder / "data/train.csv").write_text(FILES["data/shifted.csv"])
    answer = drift("--reference", "data/train.csv@latest", "--current", "data/train.csv")
    assert answer.code == 1, answer.err
    assert "▲ drift" in answer.out


def test_what_was_read_once_is_not_read_again(drift, project):
    first = drift("--current", "data/shifted.csv", "--json").json
    again = drift("--current", "data/shifted.csv", "--json").json
    assert (first["report"], again["report"]) == (1, 2)
    assert first["windows"] == again["windows"]
    connection = project.open_reader()
    (count,) = connection.execute("SELECT count(*) FROM drift_profiles").fetchone()
    connection.close()
    assert count == 2


def test_a_report_is_shown_again_and_listed(drift):
    assert drift("show").code == 2
    drift("--by", "month", "--reference", "first", "--current", "data/windows.csv")
    again = drift("show", "--json")
    assert (again.code, again.json["report"], len(again.json["windows"])) == (1, 1, 8)
    assert [one["id"] for one in drift("list", "--json").json] == [1]
    one = drift("show", "1", "--window", "2025-02")
    assert (one.code, "2025-02: 300 rows, 0 of 4 columns drift" in one.out) == (0, True)
    column = drift("show", "--column", "x")
    assert "x in 2025-" in column.out and "Wasserstein" in column.out and "█" in column.out
    assert drift("show", "--window", "1999-01").code == 2
    assert drift("show", "--column", "nonsense").code == 2
    assert drift("show", "7").code == 2


def test_two_bad_windows_of_three_raise_an_alert_that_can_be_acknowledged_and_seen_again(drift):
    drift("--by", "month", "--reference", "first", "--current", "data/windows.csv")
    (alert,) = drift("alerts", "--json").json
    assert (alert["column"], alert["label"], alert["state"], alert["cleared"]) == ("x", "2025-04", "cleared", "2025-07")
    assert alert["n"] == 300 and alert["threshold"] == 0.1 and alert["effect"] > 0.5
    shown = drift("alert", "1")
    assert "alert 1 (cleared): x in 2025-04" in shown.out and "█" in shown.out
    document = drift("alert", "1", "--json").json
    assert document["reference_profile"]["count"] == document["window_profile"]["count"] == 300
    assert drift("acknowledge", "1").code == 2
    assert drift("acknowledge").code == 2
    assert drift("alert", "9").code == 2


def test_an_open_alert_is_acknowledged_by_someone_and_raised_once(drift, project):
    (project.folder / "data/open.csv").write_text(table(year([0, 2, 2])))
    words = ("--by", "month", "--reference", "first", "--current", "data/open.csv")
    assert "1 open alert:" in drift(*words).out
    assert drift("acknowledge", "1", "--by-whom", "ada").code == 0
    (alert,) = drift("alerts", "--json").json
    assert (alert["state"], alert["acknowledged_by"]) == ("acknowledged", "ada")
    drift(*words)
    assert len(drift("alerts", "--json").json) == 1


def test_an_alert_follows_what_is_found_when_its_windows_are_checked_again(drift, project):
    (project.folder / "data/open.csv").write_text(table(year([0, 2, 2])))
    words = ("--by", "month", "--reference", "first", "--current", "data/open.csv")

    def state():
        (alert,) = drift("alerts", "--json").json
        return alert["state"], alert["cleared"]

    drift(*words)
    assert state() == ("open", None)
    config = project.folder / "workbench.toml"
    config.write_text(CONFIG + "[drift]\ndrift = 1.0\n")
    drift(*words)
    assert state() == ("cleared", "checked again")
    config.write_text(CONFIG)
    drift(*words)
    assert state() == ("open", None)


def test_files_that_come_one_by_one_are_one_series(drift, project):
    (project.folder / "workbench.toml").write_text(CONFIG + '[drift]\ncurrent = "data/live.csv"\n')
    live = project.folder / "data/live.csv"
    for seed, shift in ((11, 0), (12, 2), (13, 2)):
        live.write_text(table([("2025-05", shift)], seed=seed, start_row=seed * 1000))
        drift()
    (alert,) = drift("alerts", "--json").json
    assert (alert["column"], alert["report"]) == ("x", 3)
    drift()  # the same file again is no new window
    assert len(drift("alerts", "--json").json) == 1


def test_a_folder_of_parts_is_one_table_of_which_only_new_parts_are_read(drift, project):
    parts = project.folder / "data/days"
    parts.mkdir()
    for seed, month in enumerate(year([0, 0, 2])):
        (parts / f"{seed}.csv").write_text(table([month], seed=seed, start_row=seed * 1000))
    one = drift("--current", "data/days", "--by", "month", "--reference", "first", "--json").json
    assert [(w["window"], w["rows"], w["verdict"]) for w in one["windows"]] == [
        ("2025-01", 300, "reference"), ("2025-02", 300, "ok"), ("2025-03", 300, "drift"),
    ]  # fmt: skip
    (parts / "9.csv").write_text(table([("2025-03", 2)], seed=9, start_row=9000))
    again = drift(
        "--current", "data/days/*.csv", "--by", "month", "--reference", "first", "--classifier", "--json"
    ).json
    assert [w["rows"] for w in again["windows"]] == [300, 300, 600]
    whole = drift("--current", "data/days", "--json").json
    assert whole["windows"][0]["rows"] == 1200
    assert drift("--current", "data/days", "--by", "10 rows", "--reference", "first").code == 2


def test_an_alert_starts_a_run_where_that_is_configured(drift, project, run_cli, wait_until):
    text = CONFIG + '[drift]\nby = "month"\nreference = "first"\ncurrent = "data/open.csv"\non_alert = "train"\n'
    (project.folder / "workbench.toml").write_text(text)
    (project.folder / "data/open.csv").write_text(table(year([0, 2, 2])))
    assert drift().code == 1
    (alert,) = drift("alerts", "--json").json
    (run,) = run_cli("runs", "--json", folder=project.folder).json
    assert alert["run"] == run["run"]
    assert run["trigger"]["kind"] == "monitoring" and run["trigger"]["columns"] == ["x"]
    assert "drift of x" in run_cli("show", "1", folder=project.folder).out
    assert "started run 1" in drift("show").out and drift("show", "--json").json["run"] == 1
    assert "started run" not in drift().out, "the alert has its run"
    assert len(run_cli("runs", "--json", folder=project.folder).json) == 1
    wait_until(lambda: run_cli("show", "1", "--json", folder=project.folder).json["status"] == "finished")


@pytest.mark.parametrize("columns", [(), ("--column", "x")])
def test_a_run_that_cannot_be_started_is_told_of_and_started_by_a_later_check(drift, project, run_cli, columns):
    drifting = '[drift]\nby = "month"\nreference = "first"\ncurrent = "data/open.csv"\non_alert = "train"\n'
    config = project.folder / "workbench.toml"
    (project.folder / "data/open.csv").write_text(table(year([0, 2, 2])))
    config.write_text(CONFIG.replace('command = "python train.py"\n', "") + drifting)
    answer = drift(*columns)
    assert answer.code == 1 and not answer.err
    assert "no run could be started: workbench.toml names no command to run" in answer.out
    assert "2025-02" in answer.out, "the table is printed"
    assert drift("show", "--json").json["run_not_started"] == "workbench.toml names no command to run"
    config.write_text(CONFIG + drifting)
    again = drift(*columns, "--json")
    assert (again.code, again.json["run"], again.json["run_not_started"]) == (1, 1, None)
    assert drift("alerts", "--json").json[0]["run"] == 1
    run_cli("stop", "1", folder=project.folder)


def test_a_run_without_a_supervisor_leaves_the_alert_waiting(drift, project, monkeypatch):
    text = CONFIG + '[drift]\nby = "month"\nreference = "first"\ncurrent = "data/open.csv"\non_alert = "train"\n'
    (project.folder / "workbench.toml").write_text(text)
    (project.folder / "data/open.csv").write_text(table(year([0, 2, 2])))

    def refused(*_words, **_options):
        raise OSError(11, "Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr("workbench.runs.launch.spawn", refused)
        found = drift("--json").json
    assert found["run"] is None and "run 1: the supervisor cannot be started" in found["run_not_started"]
    assert drift("--json").json["run"] == 2


def test_whoever_acknowledges_an_alert_has_one_name_everywhere(drift, project):
    subprocess.run(["git", "init", "-q"], cwd=project.folder, check=True)
    subprocess.run(["git", "config", "user.name", "Ada Lovelace"], cwd=project.folder, check=True)
    (project.folder / "data/open.csv").write_text(table(year([0, 2, 2])))
    drift("--by", "month", "--reference", "first", "--current", "data/open.csv")
    assert drift("acknowledge", "1", "--json").json["acknowledged_by"] == "Ada Lovelace"


def test_importance_and_ignored_columns_are_configured(drift, project):
    text = CONFIG + '[drift]\nimportance = "importance.json"\nignore = ["kind"]\n'
    (project.folder / "workbench.toml").write_text(text)
    (project.folder / "importance.json").write_text(json.dumps({"kind": 5, "x": 0.1, "when": 9}))
    answer = drift("--current", "data/shifted.csv", "--json")
    columns = {one["column"]: one for one in answer.json["windows"][0]["columns"]}
    assert answer.code == 0 and answer.json["verdict"] == "warn"
    assert "kind" not in columns and columns["x"]["matters"] is False
    (project.folder / "importance.json").write_text("[1]")
    assert drift().code == 2


def test_the_classifier_tells_all_columns_together(drift):
    answer = drift("--current", "data/shifted.csv", "--classifier", "--json")
    domain = answer.json["windows"][0]["classifier"]
    assert domain["auc"] > 0.65 and domain["p"] == pytest.approx(0.01)
    assert domain["columns"][0] == "x"


def test_the_table_shows_what_the_classifier_found_in_each_window(drift):
    words = drift("--current", "data/shifted.csv", "--by", "month", "--classifier").out
    assert "together" in words and words.count("AUC 0.") >= 3 and words.count(" p 0.01") == 3


def test_what_the_schema_calls_unique_is_judged_as_an_id(drift, project):
    for name, start in (("before", 0), ("after", 10_000)):
        lines = "".join(f"{start + 7 * at}\n" for at in range(300))
        (project.folder / f"data/{name}.csv").write_text(f"number\n{lines}")
    words = ("--reference", "data/before.csv", "--current", "data/after.csv", "--json")
    assert drift(*words).json["verdict"] == "drift"
    (project.folder / "schema.toml").write_text('[columns.number]\ntype = "whole"\nunique = true\n')
    found = drift(*words).json
    assert found["verdict"] == "ok" and found["windows"][0]["columns"][0]["role"] == "id"


@pytest.mark.parametrize("name", ["drift.png", "drift.svg", "drift.csv", "drift.md"])
def test_a_check_is_exported(drift, project, name):
    answer = drift("--by", "month", "--reference", "first", "--current", "data/windows.csv", "--export", name)
    assert answer.code == 1, answer.err
    written = project.folder / name
    assert written.stat().st_size > 300
    if name.endswith(".csv"):
        assert written.read_text().startswith("window,rows,column,kind,verdict,effect")


def test_two_distributions_are_exported_as_a_picture(drift, project):
    drift("--current", "data/shifted.csv")
    assert drift("show", "--column", "x", "--export", "x.svg").code == 1
    assert "x: data/shifted.csv@" in (project.folder / "x.svg").read_text()
    assert drift("show", "--column", "kind", "--export", "kind.png").code == 1
    assert (project.folder / "kind.png").stat().st_size > 3000
    assert drift("--by", "month", "--reference", "first", "--current", "data/windows.csv").code == 1
    assert drift("show", "--window", "2025-04", "--export", "worst.svg").code == 1
    assert "x: 2025-04 against 2025-01" in (project.folder / "worst.svg").read_text()


MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")  # fmt: skip


def test_the_year_of_flights_is_as_its_readme_says(tmp_path, monkeypatch, capsys):
    sample = Path(__file__).resolve().parents[2] / "sample_projects/flight-delays"
    (tmp_path / "data").mkdir()
    for name in ("workbench.toml", "data/flights.csv"):
        (tmp_path / name).symlink_to(sample / name)
    monkeypatch.chdir(tmp_path)
    assert main(["drift", "--json"]) == 1
    windows = {one["window"]: one for one in json.loads(capsys.readouterr().out)["windows"]}
    lines = [line.strip("| ").split(" | ") for line in (sample / "README.md").read_text().splitlines() if " | " in line]
    head = next(line for line in lines if line[0] == "month")
    told = [line for line in lines if line[0] in MONTHS]
    assert len(told) == 11
    for month, _, *effects in told:
        columns = {one["column"]: one for one in windows[f"2013-{MONTHS.index(month) + 1:02d}"]["columns"]}
        for name, effect in zip(head[2:], effects, strict=True):
            found = columns[name]
            assert effect == ("·" if found["verdict"] == "ok" else f"{found['effect']:.2f}"), (month, name)
    steady = ("origin", "dest", "hour", "distance")
    assert {one["verdict"] for w in windows.values() for one in w["columns"] if one["column"] in steady} <= {
        "ok", "insufficient",
    }  # fmt: skip


BAD = {
    "empty.csv": (b"", "empty"),
    "header.csv": (b"a,b\n", "no rows"),
    "ragged.csv": (b"a,b\n1,2\n1,2,3\n", "line 3"),
    "twice.csv": (b"a,a\n1,2\n", "both named"),
    "utf16.csv": ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
    "cut.parquet": (b"PAR1nonsense", "Parquet"),
    "no.csv.gz": (b"\x1f\x8bnonsense", "gzip"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_a_file_that_is_no_table_is_one_sentence(drift, project, name):
    content, words = BAD[name]
    (project.folder / name).write_bytes(content)
    answer = drift("--current", name)
    assert answer.code == 2
    assert name in answer.err and words in answer.err and "Traceback" not in answer.err


def test_bytes_that_are_no_utf8_are_one_red_row_and_the_rest_is_judged(drift, project):
    lines = FILES["data/holdout.csv"].splitlines()
    lines[7] = lines[7][:-1] + "Ä"
    bad = "\n".join(lines).encode("latin-1")
    (project.folder / "bad.csv").write_bytes(bad)
    (project.folder / "worse.csv").write_bytes(bad + b"\n77777,2025-01-01T00:00:00Z,0.5,\xff")
    answer = drift("--current", "bad.csv", "--json")
    verdicts = {one["column"]: (one["verdict"], one["why"]) for one in answer.json["windows"][0]["columns"]}
    assert answer.code == 1
    assert {name: one[0] for name, one in verdicts.items()} == {
        "row": verdicts["row"][0], "when": "ok", "x": "ok", "kind": "drift"
    }  # fmt: skip
    assert verdicts["kind"][1].startswith("1 value holds bytes that are no UTF-8.")
    again = drift("--reference", "bad.csv", "--current", "worse.csv", "--json").json["windows"][0]
    (kind,) = [one for one in again["columns"] if one["column"] == "kind"]
    assert (kind["verdict"], kind["why"].split(".")[0]) == (
        "ok", "2 values hold bytes that are no UTF-8, 1 in the reference"
    )  # fmt: skip


def test_odd_tables_are_judged_column_by_column(drift, project):
    odd = {
        "one_row.csv": "row,when,x,kind\n1,2025-01-01T00:00:00Z,1,a\n",
        "one_column.csv": "x\n" + "1\n" * 50,
        "missing.csv": "row,when,x,kind\n" + ",,,\n" * 50,
        "huge.csv": "x,kind\n" + "".join(f"{at}e306,a\n" for at in range(1, 90)),
    }
    found = {}
    for name, text in odd.items():
        (project.folder / name).write_text(text)
        answer = drift("--current", name, "--json")
        assert answer.code in (0, 1), answer.err
        columns = {one["column"]: one["verdict"] for one in answer.json["windows"][0]["columns"]}
        found[name] = (answer.json["verdict"], columns["x"])
    assert found == {
        "one_row.csv": ("insufficient", "insufficient"),
        "one_column.csv": ("drift", "drift"),
        "missing.csv": ("drift", "empty"),
        "huge.csv": ("drift", "drift"),
    }


def test_values_that_the_policy_guards_or_that_look_personal_are_not_shown(drift, project):
    for name, shift in (("data/before.csv", 0), ("data/after.csv", 60)):
        lines = [f"{at},{['purple', 'green'][at % 3 // 2]},{at % 7 + shift},b{at % 2}@example.org" for at in range(300)]
        (project.folder / name).write_text("row,secret,quasi,kind\n" + "\n".join(lines) + "\n")
    config = project.folder / "workbench.toml"
    policy = '[policy]\nforbidden_columns = ["secret"]\nquasi_identifiers = ["quasi"]\n'
    config.write_text(config.read_text() + policy)
    drift("--reference", "data/before.csv", "--current", "data/after.csv")
    said = {name: drift("show", "--column", name).out for name in ("secret", "quasi", "kind")}
    said["fresh"] = drift("--reference", "data/before.csv", "--current", "data/after.csv", "--column", "secret").out
    assert not [word for word in ("purple", "green", "example.org", "█") if word in said["secret"] + said["fresh"]]
    connection = project.open_store()
    window = SightReader().read(connection, Wish(projects.find(project.folder))).window
    connection.close()
    assert [window.profile.column(name).base.values for name in ("secret", "quasi")] == [(("…", 300),), (("…", 300),)]
    assert "█" not in said["quasi"]
    assert "example.org" not in said["kind"]
    assert all(words.count("[policy] guards the values") == 1 for words in said.values())
    for name in ("secret", "quasi", "kind"):
        answer = drift("show", "--column", name, "--export", "column.png")
        assert f"{name} has no chart: [policy] guards the values" in answer.err
        assert not (project.folder / "column.png").exists()


def test_long_whole_numbers_are_hidden_only_where_more_are_those_of_cards_than_by_chance(drift, project):
    source = random.Random(4)
    numbers = {
        "bigint": lambda: source.randrange(2**60, 2**62),
        "serial": lambda: 4_000_000_000_000_000 + source.randrange(10**14),
        "paid": lambda: source.choice((4111111111111111, 4012888888881881, 5500000000000004, 5105105105105100)),
    }
    for name in ("before", "after"):
        lines = [",".join(str(make()) for make in numbers.values()) for _ in range(500)]
        (project.folder / f"data/{name}.csv").write_text("\n".join([",".join(numbers), *lines, ""]))
    drift("--reference", "data/before.csv", "--current", "data/after.csv")
    said = {name: drift("show", "--column", name).out for name in numbers}
    assert [name for name, words in said.items() if "[policy] guards the values" in words] == ["paid"]
    assert "█" in said["bigint"] and "█" in said["serial"] and "411111" not in said["paid"]


def test_names_of_columns_and_values_reach_the_terminal_harmless(drift, project):
    text = 'row,when,"x\x1b[31m[red]",kind\n' + "".join(
        f"{at},2025-01-01T00:00:00Z,1,\x1b]0;t\x07\n" for at in range(60)
    )
    (project.folder / "odd.csv").write_text(text)
    answer = drift("--current", "odd.csv")
    shown = drift("show", "--column", "kind")
    assert "\x1b" not in answer.out + answer.err + shown.out + shown.err


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--by", "fortnight"), "cuts nothing"),
        (("--by", "month", "--time", "x"), "no column of times"),
        (("--reference", "previous"), "needs windows"),
        (("--reference", "season", "--by", "10 rows"), "needs windows"),
        (("--by", "month", "--reference", "1999-01", "--current", "data/train.csv"), "no window and no file"),
        (("--current", "nowhere.csv"), "nowhere.csv"),
        (("--current", "empty"), "holds no files"),
        (("--current", "/dev/zero"), "is a device, not a file"),
        (("12",), "workbench drift show 12"),
        (("check", "12"), "takes no number"),
        (("list", "3"), "workbench drift show 3"),
        (("alerts", "--column", "x"), "takes no --column"),
        (("show", "--reference", "first"), "It is for: check"),
        (("list", "--by-whom", "ana"), "It is for: acknowledge"),
        (("shwo",), "Did you mean: workbench drift show"),
        (("--by", "10", "rows"), "--by '10 rows'"),
        (("--curent", "data/train.csv"), "Did you mean --current?"),
        (("--reference", "2025-01", "--by", "all"), "No file 2025-01"),
        (("--by", "month", "--time", "whn"), "--by all"),
        (("show",), "no report yet"),
        (("--current", "http://x/y.csv"), "http://x/y.csv lies elsewhere"),
        (("--by", "year", "--reference", "2025-01", "--current", "data/train.csv"), "windows: 2025"),
        (("--export", "check.doc"), "names no format"),
        (("--export", "nowhere/check.png"), "No folder nowhere"),
    ],
)
def test_what_cannot_be_compared_is_told_with_a_hint(drift, project, words, part):
    (project.folder / "empty").mkdir()
    answer = drift(*words)
    assert (answer.code, part in answer.err, "hint:" in answer.err) == (2, True, True), answer.err
    assert not actions.listed(project), "nothing was kept of it"


def test_columns_and_windows_that_are_not_there_are_told_with_the_nearest(drift):
    drift("--by", "month", "--reference", "first", "--current", "data/windows.csv")
    for words, hint in (
        (("--column", "knd"), "Did you mean kind?"),
        (("--column", "nothing"), "There are: x, "),
        (("--window", "2025-99"), "Did you mean 2025-0"),
        (("--window", "?"), "There are: 2025-01, 2025-02, 2025-03, 2025-04, 2025-05, 2025-06 …"),
    ):
        answer = drift("show", *words)
        assert (answer.code, hint in answer.err) == (2, True), answer.err


def test_a_check_that_compared_nothing_says_so(drift, project):
    (project.folder / "data/one.csv").write_text(table([("2025-01", 0)]))
    one = ("--by", "month", "--current", "data/one.csv")
    for reference, why in (
        ("first", "no window but the reference"),
        ("season", "of a year before"),
        ("previous", "one before it"),
    ):
        answer = drift(*one, "--reference", reference)
        assert (answer.code, "Nothing was compared. " in answer.out, why in answer.out) == (0, True, True), answer.out
        assert "alerts a month" not in answer.out
    assert "2025-01: 300 rows, held against nothing" in drift("show", "--window", "2025-01").out
    drift("--by", "month", "--reference", "first", "--current", "data/train.csv")
    answer = drift("show", "--window", "2025-01", "--column", "x")
    assert (answer.code, "Windows that were: 2025-02, 2025-03" in answer.err) == (2, True), answer.err


def test_windows_of_the_configuration_are_left_out_for_files_without_a_time(drift, project):
    (project.folder / "workbench.toml").write_text(CONFIG + '[drift]\nby = "day"\nreference = "2025-01-01"\n')
    (project.folder / "data/plain.csv").write_text("x\n" + "1\n2\n" * 40)
    plain = ("--current", "data/plain.csv")
    answer = drift(*plain, "--reference", "data/plain.csv")
    assert (answer.code, "--by all" in answer.err) == (2, True), answer.err
    answer = drift(*plain, "--by", "all")
    assert (answer.code, "Without windows nothing is called '2025-01-01'" in answer.err) == (2, True), answer.err
    assert drift(*plain, "--reference", "data/plain.csv", "--by", "all").code == 0


def test_settings_that_name_no_column_are_told(drift, project):
    (project.folder / "importance.json").write_text('{"x": 1, "kin": 2, "a": 1, "b": 1, "c": 1}')
    settings = 'ignore = ["knd"]\nprediction = "score"\nimportance = "importance.json"\n'
    (project.folder / "workbench.toml").write_text(CONFIG.replace('"when"', '"whn"') + f"[drift]\n{settings}")
    answer = drift()
    for said in (
        "[drift] ignore names knd: no such column; did you mean kind?",
        "[drift] importance names kin, a, b and 1 more: no such columns; did you mean kind?",
        "[drift] prediction names score: no such column.",
        "[data] time names whn: no such column; did you mean when?",
    ):
        assert said in answer.out
    assert len(drift("show", "--json").json["notes"]) == 4


def test_one_is_singular(drift, project):
    (project.folder / "data/one.csv").write_text("row,when,x,kind\n1,2025-01-01,0.5,a\n2,,0.5,a\n")
    answer = drift("--current", "data/one.csv", "--by", "month", "--reference", "data/train.csv")
    assert "1 row without a time" in answer.out and "Only 1 row; 30 are needed." in answer.out, answer.out
    assert "2025-01: 1 row, 0 of 4 columns drift" in answer.out


def test_without_data_it_says_what_to_write(run_cli, make_project):
    folder = make_project(config='[project]\nname = "bare"\n', name="bare").folder
    answer = run_cli("drift", folder=folder)
    assert answer.code == 2 and "[drift] current" in answer.err
    assert run_cli("drift", "alerts", "--json", folder=folder).json == []
    assert not Path(folder / ".workbench").exists() or run_cli("drift", "list", "--json", folder=folder).json == []


@pytest.mark.parametrize("line", ["warn = 0.5", "q = 0", "alert_after = 4", "least_rows = 0", "by_what = 1"])
def test_a_setting_that_makes_no_sense_is_refused(drift, project, line):
    (project.folder / "workbench.toml").write_text(CONFIG + f"[drift]\n{line}\n")
    answer = drift()
    assert answer.code == 2 and "drift" in answer.err


def test_of_data_that_lie_elsewhere_the_newest_version_in_the_store_is_compared(drift, project, tmp_path):
    elsewhere = tmp_path / "train.csv"
    elsewhere.write_text(table(year([0, 0, 0])))
    config = CONFIG.replace('train = "data/train.csv"', f'train = "file://{elsewhere}"')
    (project.folder / "workbench.toml").write_text(config)
    answer = drift()
    assert (answer.code, f"workbench data snapshot file://{elsewhere}" in answer.err) == (2, True)
    answer = drift("--current", "https://user:secret@example.com/x.csv?token=abc")
    assert (answer.code, "secret" in answer.err, "abc" in answer.err) == (2, False, False)
    assert main(["data", "snapshot", f"file://{elsewhere}"]) == 0
    drift("list")
    assert drift().code == 0
    elsewhere.write_text(FILES["data/shifted.csv"])
    assert drift().code == 0, "it is not fetched for a check"
    assert main(["data", "snapshot", f"file://{elsewhere}"]) == 0
    drift("list")
    old, new = (one.hash[:10] for one in reversed(data.listed(project, f"file://{elsewhere}")))
    assert drift().code == 1
    answer = drift("--reference", "data/train.csv", "--current", f"file://{elsewhere}", "--json")
    assert (answer.json["verdict"], answer.json["current"]) == ("drift", f"file://{elsewhere}@{new}")
    newest = actions.latest(project)
    assert newest is not None and newest.request.current == f"file://{elsewhere}", "made again, it is the newest then"
    assert drift("--reference", "data/train.csv", "--current", f"file://{elsewhere}@{old}").code == 0
    windows = drift("--by", "month", "--reference", f"file://{elsewhere}", "--current", "data/windows.csv")
    assert "no window" not in windows.err
