"""`workbench data snapshot, list, restore` and `workbench gc` as a user types them."""

import json
import os
import sqlite3
from pathlib import Path

import pytest

CONFIG = """
[project]
name = "test"
[train]
command = "python train.py"
inputs = ["data/train.csv", "data/images"]
outputs = ["model.bin", "report"]
[data]
holdout = "data/holdout.csv"
[[charter.data]]
name = "patients"
where = "data/patients.csv"
owner = "hospital"
region = "eu"
copy = "never"
[[charter.data]]
name = "clicks"
where = "data/clicks"
retention_days = 30
"""
SCRIPT = """
import pathlib
pathlib.Path("model.bin").write_bytes(pathlib.Path("data/train.csv").read_bytes())
pathlib.Path("report").mkdir(exist_ok=True)
pathlib.Path("report/index.html").write_text("report")
"""
FILES = {
    "train.py": SCRIPT,
    "data/train.csv": "a,b\n1,2\n",
    "data/holdout.csv": "a,b\n9,9\n",
    "data/images/1.txt": "one",
    "data/patients.csv": "name\nalice\n",
    "data/clicks/1.csv": "click\n1\n",
}


@pytest.fixture
def project(make_project):
    return make_project(FILES, CONFIG)


def versions(run_cli, project, *words):
    return run_cli("data", "list", *words, "--json", folder=project.folder).json


def execute(project, sql, *values):
    connection = sqlite3.connect(project.store_path)
    with connection:
        connection.execute(sql, values)
    connection.close()


def test_snapshot_takes_what_the_configuration_names(run_cli, project):
    answer = run_cli("data", "snapshot", "--json", folder=project.folder)
    assert answer.code == 0, answer.err
    found = {item["path"]: item for item in answer.json}
    assert set(found) == {
        "data/train.csv", "data/images", "data/holdout.csv", "data/patients.csv", "data/clicks",
    }  # fmt: skip
    assert found["data/train.csv"]["rows"] == 1
    listed = {each["path"]: each for each in versions(run_cli, project)}
    assert not listed["data/patients.csv"]["kept"]
    assert listed["data/patients.csv"]["facts"].items() >= {"owner": "hospital", "region": "eu"}.items()
    assert listed["data/clicks"]["facts"] == {"retention_days": 30}
    everything = b"".join(path.read_bytes() for path in project.inner.rglob("*") if path.is_file())
    assert b"9,9" in everything
    assert b"alice" not in everything
    assert "data/images" in run_cli("data", "list", folder=project.folder).out


def test_paths_are_meant_from_where_they_are_typed(run_cli, project):
    answer = run_cli("data", "snapshot", "train.csv", "images/*", "--json", folder=project.folder / "data")
    assert [item["path"] for item in answer.json] == ["data/train.csv", "data/images/1.txt"]
    answer = run_cli("data", "snapshot", "nothing.csv", folder=project.folder)
    assert answer.code == 1
    assert "missing" in answer.out


def test_a_run_takes_versions_before_it_starts_and_keeps_what_it_made(run_cli, project, tmp_path):
    train = project.folder / "data/train.csv"
    script = project.folder / "train.py"
    script.write_text(SCRIPT + 'open("data/train.csv", "a").write("spoilt by the run itself\\n")\n')
    assert run_cli("run", folder=project.folder).code == 0
    assert run_cli("run", folder=project.folder).code == 0
    first, second = (run_cli("show", str(run), "--json", folder=project.folder).json for run in (1, 2))
    hashes = [{each["path"]: each["hash"] for each in run["data"]} for run in (first, second)]
    assert set(hashes[0]) == {
        "data/train.csv", "data/images", "data/holdout.csv", "data/patients.csv", "data/clicks",
    }  # fmt: skip
    assert {path for path in hashes[0] if hashes[0][path] != hashes[1][path]} == {"data/train.csv"}
    (used, _) = versions(run_cli, project, "data/train.csv")
    assert used["runs"] == [2]
    notices = json.dumps(second)
    assert "data changed: data/train.csv" in notices
    assert "data changed" not in json.dumps(first)
    made = {each["path"]: each["hash"] for each in first["artifacts"]}
    assert made["model.bin"] == hashes[0]["data/train.csv"]
    # What the run made is restored from the store although nobody took a snapshot of it.
    from workbench.versions import data
    from workbench.versions.objects import Objects

    data.restore(Objects(project.objects_folder), "folder", made["report"], tmp_path / "report")
    assert (tmp_path / "report" / "index.html").read_text() == "report"
    answer = run_cli("data", "restore", f"data/train.csv@{hashes[0]['data/train.csv'][:10]}", "--force",
                     folder=project.folder)  # fmt: skip
    assert answer.code == 0, answer.err
    assert train.read_text() == FILES["data/train.csv"]


def test_restore_refuses_to_lose_what_no_version_holds(run_cli, project):
    train = project.folder / "data/train.csv"
    run_cli("data", "snapshot", folder=project.folder)
    train.write_text("a,b\n5,6\n")
    refused = run_cli("data", "restore", "data/train.csv", folder=project.folder)
    assert refused.code == 2
    assert "in no version" in refused.err
    assert "--force" in refused.err
    assert train.read_text() == "a,b\n5,6\n"
    run_cli("data", "snapshot", folder=project.folder)
    newest, oldest = versions(run_cli, project, "data/train.csv")
    assert run_cli("data", "restore", f"data/train.csv@{oldest['hash'][:8]}", folder=project.folder).code == 0
    assert train.read_text() == FILES["data/train.csv"]
    assert run_cli("data", "restore", "data/train.csv@latest", folder=project.folder).code == 0
    assert train.read_text() == "a,b\n5,6\n"
    assert newest["hash"] != oldest["hash"]
    (project.folder / "data/images/new.txt").write_text("unsaved")
    assert run_cli("data", "restore", "data/images", folder=project.folder).code == 2
    assert run_cli("data", "restore", "data/images", "--force", folder=project.folder).code == 0
    assert os.listdir(project.folder / "data/images") == ["1.txt"]


def test_links_are_no_reason_to_force_a_restore(run_cli, project, tmp_path):
    images = project.folder / "data/images"
    (images / "broken").symlink_to("gone")
    (images / "train").symlink_to("../train.csv")
    assert run_cli("data", "snapshot", "data/images", folder=project.folder).code == 0
    (tmp_path / "away").mkdir()
    (images / "away").symlink_to(tmp_path / "away")
    assert run_cli("data", "snapshot", "data/images", folder=project.folder).code == 1, "it says what it does not hold"
    newest, oldest = (one["hash"][:12] for one in versions(run_cli, project, "data/images"))
    assert run_cli("data", "restore", f"data/images@{oldest}", folder=project.folder).code == 0
    assert {name: os.readlink(images / name) for name in ("broken", "train")} == {
        "broken": "gone",
        "train": "../train.csv",
    }
    answer = run_cli("data", "restore", f"data/images@{newest}", folder=project.folder)
    assert answer.code == 0 and "Left out, as they lead elsewhere: away" in answer.err
    assert sorted(os.listdir(images)) == ["1.txt", "broken", "train"]


def test_restore_to_another_place_and_to_a_moment(run_cli, project, tmp_path):
    run_cli("data", "snapshot", folder=project.folder)
    (project.folder / "data/train.csv").write_text("a,b\n5,6\n")
    run_cli("data", "snapshot", folder=project.folder)
    for number, day in enumerate((1_793_000_000, 1_793_600_000), 1):  # 2026-10-26, 2026-11-02
        sql = "UPDATE data_versions SET created = ?, seen = ? WHERE id = (SELECT id FROM data_versions WHERE path ="
        execute(project, sql + " 'data/train.csv' ORDER BY id LIMIT 1 OFFSET ?)", day, day, number - 1)
    answer = run_cli("data", "restore", "data/train.csv", "--at", "2026-11-01", "--to", str(tmp_path / "then"),
                     folder=project.folder)  # fmt: skip
    assert answer.code == 0, answer.err
    assert (tmp_path / "then" / "train.csv").read_text() == FILES["data/train.csv"]
    assert run_cli("data", "restore", "data/train.csv", "--at", "2026-11-02", "--to", "now", "--json",
                   folder=project.folder).json["restored"] == str(project.folder / "now" / "train.csv")  # fmt: skip
    assert (project.folder / "now" / "train.csv").read_text() == "a,b\n5,6\n"
    early = run_cli("data", "restore", "data/train.csv", "--at", "2020-01-01", folder=project.folder)
    assert early.code == 2
    assert "no version from so early" in early.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["restore", "nothing.csv"], "no version of nothing.csv"),
        (["restore", "data/train.csv", "--to", "train.py"], "is no folder"),
        (["list", "nothing.csv"], "There are versions of data/clicks, data/holdout.csv, data/images and 2 more"),
        (["list", "nothing.csv", "--json"], "no version of nothing.csv"),
        (["list", "train.py"], "workbench data snapshot train.py"),
        (["diff", "nothing.csv"], "There are versions of data/clicks"),
        (["diff", "data/train.csv"], "is as its only version has it"),
        (["diff", "data/images", "@latest", "now", "--key", "a"], "is a folder, which has no columns"),
        (["diff", "data/train.csv", "run:9"], "No run 9"),
        (["diff", "data/train.csv", "run:x"], "No run x"),
        (["diff", "data/train.csv", "@previous"], "has 1 stored version"),
        (["profile", "file:///lake/x.csv"], "workbench data snapshot 'file:///lake/x.csv'"),
        (["restore", "../../etc/passwd"], "outside the project"),
        (["restore", "data/train.csv@00000000"], "has no version 00000000"),
        (["restore", "data/train.csv@0"], "too short"),
        (["restore", "data/train.csv", "--at", "yesterday"], "no date"),
        (["restore", "data/patients.csv"], "only facts are kept"),
        ([], "WHAT"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_what_cannot_be_meant_is_said_kindly(run_cli, project, words, said):
    run_cli("data", "snapshot", folder=project.folder)
    answer = run_cli("data", *words, folder=project.folder)
    assert answer.code == 2
    assert said in answer.err
    assert "Traceback" not in answer.err


def test_a_name_of_any_bytes_comes_back_as_it_was(run_cli, make_project):
    config = '[project]\nname = "odd"\n[train]\ncommand = "sh copy.sh"\ninputs = ["in/*"]\noutputs = ["out/*"]\n'
    script = "mkdir -p out && cp in/* out/"
    folder = make_project({"copy.sh": script, "in/plain.csv": "a\n0\n"}, config).folder
    names = [os.fsdecode(b"one\xff.csv"), os.fsdecode(b"two\xfe.csv"), "new\nline.csv", "--help", "-rf.csv"]
    for number, name in enumerate(names):
        (folder / "in" / name).write_text(f"a\n{number}\n")
    assert run_cli("pipeline", folder=folder).code == 0
    for where in ("in", "out"):
        for path in (folder / where).iterdir():
            path.unlink() if where == "out" or path.name != "plain.csv" else None
    for name in names:
        answer = run_cli("data", "restore", f"in/{name}", folder=folder)
        assert answer.code == 0, answer.err
        assert run_cli("data", "diff", f"in/{name}", "@latest", folder=folder).code == 0
        assert run_cli("lineage", f"in/{name}", folder=folder).code == 0
    assert {path.name for path in (folder / "in").iterdir()} == {*names, "plain.csv"}
    assert run_cli("pipeline", "--json", folder=folder).json[0]["event"] == "restored"
    assert {path.name for path in (folder / "out").iterdir()} == {*names, "plain.csv"}
    assert run_cli("reproduce", "1", "--json", folder=folder).json["verdict"] == "identical"
    (folder / "-x").write_text("1")
    assert run_cli("data", "snapshot", "--", "-x", folder=folder).code == 0
    assert run_cli("data", "restore", "--", "-x", folder=folder).code == 0


def test_before_the_first_version_each_command_says_how_to_take_one(run_cli, make_project):
    folder = make_project({"a.csv": "a\n1\n"}, '[project]\nname = "new"\n').folder
    assert run_cli("data", "list", folder=folder).err.startswith("No version of any data yet")
    for words in (["list", "a.csv"], ["restore", "a.csv"], ["diff", "a.csv"]):
        answer = run_cli("data", *words, folder=folder)
        assert answer.code == 2 and "workbench data snapshot a.csv" in answer.err


def test_a_file_that_is_gone_is_told_from_one_that_never_was(run_cli, project):
    run_cli("data", "snapshot", folder=project.folder)
    (project.folder / "data/train.csv").unlink()
    answer = run_cli("data", "diff", "data/train.csv", folder=project.folder)
    assert answer.code == 2 and "is not there; 1 version of it is stored" in answer.err
    assert "workbench data restore data/train.csv" in answer.err


def test_gc_removes_what_is_past_its_time_and_what_nothing_needs(run_cli, project):
    run_cli("run", folder=project.folder)
    assert run_cli("gc", "--json", folder=project.folder).json["contents"] == 0
    execute(project, "UPDATE data_versions SET seen = seen - 31 * 86400")
    execute(project, "DELETE FROM outputs WHERE path = 'report'")
    shown = run_cli("gc", "--dry-run", "--json", folder=project.folder).json
    assert [each["path"] for each in shown["expired"]] == ["data/clicks"]
    assert shown["contents"] == 4  # two lists, and the file in each folder
    assert not shown["removed"]
    unsure = run_cli("gc", folder=project.folder)
    assert unsure.code == 2
    assert "--yes" in unsure.err
    removed = run_cli("gc", "--yes", "--json", folder=project.folder).json
    assert removed == shown | {"removed": True}
    kept = {each["path"]: each["kept"] for each in versions(run_cli, project)}
    assert kept == {"data/train.csv": True, "data/images": True, "data/holdout.csv": True, "data/patients.csv": False,
                    "data/clicks": False}  # fmt: skip
    assert run_cli("data", "restore", "data/images", folder=project.folder).code == 0
    assert run_cli("data", "restore", "data/clicks", folder=project.folder).code == 2
    assert run_cli("gc", "--json", folder=project.folder).json["bytes"] == 0
    doctor = run_cli("doctor", "--json", folder=project.folder).json
    assert [each["state"] for each in doctor["findings"] if each["topic"] in ("objects", "versions")] == ["good"]
    # Taken again, the bytes are there again.
    run_cli("data", "snapshot", folder=project.folder)
    assert run_cli("data", "restore", "data/clicks", folder=project.folder).code == 0


def test_doctor_names_the_versions_that_damage_breaks(run_cli, project):
    images = project.folder / "data/images"
    for number in range(3):
        (images / f"{number}.bin").write_bytes(os.urandom(50_000))
    run_cli("data", "snapshot", "data/images", folder=project.folder)
    run_cli("data", "snapshot", "data/train.csv", folder=project.folder)
    pack = max((project.objects_folder / "packs").glob("*.pack"), key=lambda path: path.stat().st_size)
    content = bytearray(pack.read_bytes())
    content[75_000] ^= 1
    pack.write_bytes(content)
    answer = run_cli("doctor", "--json", folder=project.folder)
    assert answer.code == 3
    bad = [each["text"] for each in answer.json["findings"] if each["state"] == "bad"]
    assert len(bad) == 2
    assert any(text.startswith("data/images@") and "damaged" in text for text in bad)
    assert any("1 of" in text for text in bad)
    (images / "0.bin").write_bytes(b"")
    answer = run_cli("data", "restore", "data/images", "--force", folder=project.folder)
    assert answer.code == 3
    assert "damaged" in answer.err
    assert Path(images / "0.bin").read_bytes() == b""
