"""`workbench data list, profile, diff, restore` of tables and folders as a user types them."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from blake3 import blake3

from workbench.actions import data as actions
from workbench.actions import data_tables, runs, starting
from workbench.errors import WorkbenchError

CONFIG = """
[project]
name = "test"
[train]
command = "python train.py"
inputs = ["data/train.csv", "images"]
[data]
train = "data/train.csv"
"""


def table(rows, *, shift=0.0, head="id,region,x", tail=""):
    lines = [f"{row},{'north' if row % 4 else 'south'},{row % 10 + shift}{tail}" for row in rows]
    return "\n".join([head, *lines, ""])


@pytest.fixture
def project(make_project):
    """Three versions of a table: 40 rows; run 1 read 38 of them moved by 1.5; now a column more, 2 rows more."""
    return make_project(
        {
            "train.py": "print('auc: 0.5')\n",
            "data/train.csv": table(range(40)),
            "images/1.txt": "one",
            "images/2.txt": "two",
        },
        CONFIG,
    )


@pytest.fixture
def versions(project, wait_until):
    """The hashes of the first two versions, the oldest first."""
    actions.snapshot(project)
    place = project.folder / "data/train.csv"
    place.write_text(table(range(2, 40), shift=1.5))
    (project.folder / "images/2.txt").write_text("changed")
    (project.folder / "images/3.txt").write_text("new")
    (number,) = starting.start(project, starting.Request())
    wait_until(lambda: runs.get(project, str(number)).is_over)
    place.write_text(table(range(2, 42), shift=1.5, head="id,region,x,extra", tail=",7"))
    return [version.hash for version in reversed(actions.listed(project, "data/train.csv"))]


def in_project(run_cli, project):
    return lambda *words: run_cli("data", *words, folder=project.folder)


def test_list_tells_versions_the_newest_first_with_rows_and_runs(run_cli, project, versions):
    data = in_project(run_cli, project)
    found = data("list", "--json").json
    assert [(each["path"], each["rows"], each["runs"]) for each in found] == [
        ("data/train.csv", 38, [1]),
        ("data/train.csv", 40, []),
        ("images", None, [1]),
        ("images", None, []),
    ]
    assert all(each["seen"].endswith(("Z", "+00:00")) for each in found)
    out = data("list", "data/train.csv").out
    assert versions[0][:12] in out and versions[1][:12] in out and "images" not in out


def test_a_profile_says_what_a_table_holds(run_cli, project, versions):
    data = in_project(run_cli, project)
    place = project.folder / "data/train.csv"
    found = data("profile", "--json").json
    assert (found["path"], found["rows"], found["format"], found["hash"]) == (
        "data/train.csv", 40, "csv", blake3(place.read_bytes()).hexdigest(),
    )  # fmt: skip
    columns = {column["name"]: column for column in found["columns"]}
    rows = list(csv.DictReader(io.StringIO(place.read_text())))
    numbers = [float(row["x"]) for row in rows]
    x = columns["x"]
    assert (x["min"], x["max"], x["count"], x["missing"]) == (min(numbers), max(numbers), len(rows), 0)
    assert x["mean"] == pytest.approx(sum(numbers) / len(numbers))
    assert x["quantiles"]["0.5"] == pytest.approx(sorted(numbers)[19] / 2 + sorted(numbers)[20] / 2)
    assert sum(x["histogram"]["shares"]) == pytest.approx(1)
    assert columns["region"]["values"][0] == {"value": "north", "count": sum(row["region"] == "north" for row in rows)}
    assert columns["extra"]["distinct"] == 1
    before = data("profile", f"data/train.csv@{versions[0][:8]}", "--json").json
    assert (before["rows"], before["hash"]) == (40, versions[0])
    assert "extra" not in {column["name"] for column in before["columns"]}
    assert data("profile", "data/train.csv@latest", "--json").json["rows"] == 38
    out = data("profile").out
    assert "40 rows, 4 columns" in out and "north 75%" in out


def test_a_key_tells_how_often_it_repeats(run_cli, project):
    place = project.folder / "data/train.csv"
    place.write_text(table([1, 2, 3, 3, 3]))
    data = in_project(run_cli, project)
    found = data("profile", "--key", "id", "--json").json
    assert (found["key"], found["duplicate_rows_of_key"]) == (["id"], 2)
    assert "2 rows repeat the key id" in data("profile", "--key", "id").out
    answer = data("profile", "--key", "nothing")
    assert answer.code == 2 and "nothing" in answer.err


def test_a_diff_says_which_columns_and_rows_changed_and_what_moved(run_cli, project, versions):
    data = in_project(run_cli, project)
    place = project.folder / "data/train.csv"
    found = data("diff", "data/train.csv", versions[0][:10], "now", "--key", "id", "--json").json
    assert found["rows"] == {"added": 2, "removed": 2, "changed": 38, "unchanged": 0, "key": ["id"]}
    assert found["row_counts"] == [40, 40]
    assert found["columns"] == {"added": [{"name": "extra", "type": "int64"}], "removed": [], "retyped": []}
    shifts = {shift["column"]: shift for shift in found["shifts"]}
    assert shifts["x"]["measure"] == "KS" and shifts["x"]["level"] == "large"
    assert shifts["x"]["mean"][1] - shifts["x"]["mean"][0] == pytest.approx(1.5)
    from scipy.stats import ks_2samp

    old = [row % 10 for row in range(40)]
    expected = ks_2samp(old, [row % 10 + 1.5 for row in range(2, 42)]).statistic
    assert shifts["x"]["distance"] == pytest.approx(expected)
    assert found["old"]["hash"] == versions[0] and found["new"] == {
        "version": "now", "hash": blake3(place.read_bytes()).hexdigest(), "size": place.stat().st_size
    }  # fmt: skip
    out = data("diff", "data/train.csv", versions[0][:10], "now", "--key", "id").out
    assert "2 added, 2 removed, 38 changed, 0 the same by id" in out and "+ column extra (int64)" in out


def test_the_id_of_the_configuration_is_the_key_of_any_table_that_has_it(run_cli, make_project):
    files = {"data/other.csv": table(range(9)), "data/plain.csv": "x\n1\n2\n"}
    project = make_project(files, CONFIG + 'id = "id"\n')
    data = in_project(run_cli, project)
    assert data("snapshot", "data/other.csv", "data/plain.csv").code == 0
    (project.folder / "data/other.csv").write_text(table(range(1, 9), shift=1))
    (project.folder / "data/plain.csv").write_text("x\n1\n3\n")
    rows = data("diff", "data/other.csv", "--json").json["rows"]
    assert (rows["key"], rows["removed"], rows["changed"]) == (["id"], 1, 8)
    rows = data("diff", "data/plain.csv", "--json").json["rows"]
    assert (rows["key"], rows["removed"], rows["added"]) == ([], 1, 1)


def test_without_a_key_rows_are_compared_whole(run_cli, project, versions):
    data = in_project(run_cli, project)
    found = data("diff", "data/train.csv", "@previous", "@latest", "--json").json
    assert found["rows"] == {"added": 38, "removed": 40, "changed": 0, "unchanged": 0, "key": []}
    # Columns that only one side has do not count: over the others the rows are the same.
    found = data("diff", "--json").json
    assert found["old"]["hash"] == versions[1]
    assert found["rows"] == {"added": 2, "removed": 0, "changed": 0, "unchanged": 38, "key": []}


def test_what_a_run_read_is_a_version(run_cli, project, versions):
    data = in_project(run_cli, project)
    found = data("diff", "data/train.csv", "run:1", "--json").json
    assert found["old"] == {"version": "run 1", "hash": versions[1], "size": found["old"]["size"]}
    assert found["columns"]["added"] == [{"name": "extra", "type": "int64"}]
    assert data("profile", "data/train.csv@run:1", "--json").json["hash"] == versions[1]
    answer = data("diff", "data/train.csv", "run:7")
    assert (answer.code, answer.out) == (2, "") and "error: No run 7" in answer.err
    assert "hint: workbench runs" in answer.err


def test_what_is_no_version_no_table_or_no_column_is_told(project, versions):
    for words, said in (
        (("data/train.csv", "run:x"), "No run x"),
        (("data/train.csv", "ffff"), "is no version of data/train.csv"),
        (("data/none.csv",), "data/none.csv"),
        (("data/train.csv", "", "", ["nope"]), "no column 'nope'"),
    ):
        with pytest.raises(WorkbenchError, match=said):
            data_tables.diff(project, *words)
    for path, said in (("train.py", "train.py"), ("images", "is a folder, not a table")):
        with pytest.raises(WorkbenchError, match=said):
            data_tables.profile_of(project, path)


def test_a_folder_is_compared_by_its_files(run_cli, project, versions):
    data = in_project(run_cli, project)
    (project.folder / "images/1.txt").unlink()
    found = data("diff", "images", "@previous", "now", "--json").json
    assert found["kind"] == "folder"
    assert found["added"] == [{"path": "3.txt", "size": 3}]
    assert found["removed"] == [{"path": "1.txt", "size": 3}]
    assert found["changed"] == [{"path": "2.txt", "old_size": 3, "new_size": 7}]
    assert found["unchanged"] == 0
    assert data("diff", "images", "run:1", "--json").json["removed"] == [{"path": "1.txt", "size": 3}]
    out = data("diff", "images", "@previous", "now").out
    assert "files: 1 added, 1 removed, 1 changed, 0 the same" in out
    assert "+ 3.txt  3 B" in out and "~ 2.txt  3 B → 7 B" in out


def test_copies_that_a_killed_reading_left_are_cleared_away_after_a_day(project, versions):
    old, fresh = project.inner / "version-old", project.inner / "version-fresh"
    for folder, age in ((old, 100_000), (fresh, 100)):
        folder.mkdir()
        (folder / "data").write_text("a copy")
        os.utime(folder, (time.time() - age,) * 2)
    data_tables.diff(project, "data/train.csv", "@previous", "@latest")
    assert list(project.inner.glob("version-*")) == [fresh]


def test_what_is_odd_is_told_and_never_waited_for(run_cli, project, versions):
    data = in_project(run_cli, project)
    os.mkfifo(project.folder / "images/pipe")
    (project.folder / "images" / os.fsdecode(b"\xff\x1b[2J")).write_text("odd")
    for words in (("profile", "images/pipe"), ("diff", "images/pipe")):
        answer = data(*words)
        assert answer.code == 2 and "is a pipe, not a file" in answer.err
    answer = data("diff", "images", "@latest")
    assert answer.code == 0 and "files: 1 added, 0 removed" in answer.out and "\x1b" not in answer.out
    assert data("diff", "images", "@latest", "--json").json["new"]["size"] == len("one" + "changed" + "new" + "odd")


def test_a_long_reading_says_how_far_it_is(project, capsys, monkeypatch):
    from workbench.cli import reading

    clock = iter(range(100))
    monkeypatch.setattr(reading, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    lines, bar = reading.ReadingProgress(False), reading.ReadingProgress(True)
    for done in (10, 20, 30, 40):
        lines("a\x1b[2Jb", done, 100)
    lines.end()
    said = capsys.readouterr()
    assert said.err.splitlines() == ["a␛[2Jb: 30% of 100 B read"] and said.out == ""
    for done in (10, 50):
        bar("b", done, 100)
    bar.end()
    assert "██████████░░░░░░░░░░  50% of 100 B" in capsys.readouterr().err


def test_restore_by_hash_by_moment_and_elsewhere(run_cli, project, versions, tmp_path):
    data = in_project(run_cli, project)
    place = project.folder / "data/train.csv"
    with sqlite3.connect(project.store_path) as connection:
        for hash_, day in zip(versions, ("2026-10-30", "2026-11-02"), strict=True):
            moment = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC).timestamp()
            connection.execute("UPDATE data_versions SET created = ?, seen = ? WHERE hash = ?", (moment, moment, hash_))
    connection.close()
    answer = data("restore", "data/train.csv", "--at", "2026-11-01")
    assert answer.code == 2 and "in no version" in answer.err, "what lies there is not stored yet"
    answer = data("restore", "data/train.csv", "--at", "2026-11-01", "--force", "--json")
    assert answer.code == 0 and answer.json == {
        "path": "data/train.csv", "hash": versions[0], "restored": str(place), "left_out": []
    }  # fmt: skip
    assert place.read_text() == table(range(40))
    assert data("restore", "data/train.csv", "--at", "2026-11-02").code == 0
    assert place.read_text() == table(range(2, 40), shift=1.5)
    answer = data("restore", "data/train.csv", "--at", "2026-11-02T11:59")
    assert answer.code == 0 and place.read_text() == table(range(40))
    answer = data("restore", "data/train.csv", "--at", "2026-10-01")
    assert answer.code == 2 and "no version from so early" in answer.err
    answer = data("restore", "data/train.csv", "--at", "soon")
    assert answer.code == 2 and "is no date" in answer.err
    elsewhere = tmp_path / "elsewhere"
    assert data("restore", f"data/train.csv@{versions[1][:8]}", "--to", str(elsewhere)).code == 0
    assert (elsewhere / "train.csv").read_text() == table(range(2, 40), shift=1.5)


def test_a_profile_and_a_diff_are_kept_with_the_version(run_cli, project, versions):
    data = in_project(run_cli, project)
    words = ("diff", "data/train.csv", "@previous", "@latest", "--key", "id", "--json")
    first = data(*words).json
    connection = sqlite3.connect(project.store_path)
    facts = json.loads(connection.execute("SELECT facts FROM data_versions WHERE hash = ?", versions[1:]).fetchone()[0])
    connection.close()
    assert facts["profile"]["rows"] == 38 and versions[0] in facts["changes"]
    assert data(*words).json == first
    # Another key is another comparison, and is not mistaken for the one that is kept.
    assert data(*words[:-2], "region", "--json").json["rows"]["key"] == ["region"]
    assert data(*words).json == first
