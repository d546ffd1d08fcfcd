"""What changed since the last run of the same command, noticed in real runs of a project with its own packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import git
from tests.unit.versions.test_imported import install

CONFIG = """
[project]
name = "noticing"
[train]
command = "python train.py"
inputs = ["data.csv"]
outputs = ["model.txt"]
params = "params.toml"
"""
SCRIPT = "import alpha\nopen('model.txt', 'w').write('.')\nprint('loss: 0.5')\n"


@pytest.fixture
def packages(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "packages" / "site-packages"
    install(folder, "alpha", "1.0", {"alpha.py": "x = 1\n"})
    install(folder, "unused", "1.0", {"unused.py": ""})
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return folder


@pytest.fixture
def project(make_project, packages):
    files = {"train.py": SCRIPT, "data.csv": "a\n1\n2\n", "params.toml": "lr = 1\n"}
    return make_project(files, CONFIG)


@pytest.fixture
def run(project, run_cli):
    """Run the project (or a command) and return what `show --json` says of it."""

    def start(*words: str, **environment: str) -> dict:
        done = run_cli("run", *words, folder=project.folder, environment=environment)
        assert done.code == 0, done.err
        return run_cli("show", "@latest", "--json", folder=project.folder).json

    return start


def noticed(document: dict) -> list[str]:
    return [one["text"] for one in document["notices"]]


def replace_package(folder: Path, name: str, version: str, files: dict[str, str]) -> None:
    for old in folder.glob(f"{name}-*.dist-info"):
        shutil.rmtree(old)
    install(folder, name, version, files)
    later = folder.stat().st_mtime_ns + 10**9
    os.utime(folder, ns=(later, later))


def test_each_change_since_the_last_run_of_the_same_command_is_noticed(project, packages, run, run_cli):
    first = run()
    assert noticed(first) == [] and first["changes"] is None
    assert first["environment"]["imported"].keys() == {"alpha"}
    assert run()["changes"] == {"since": 1, "changes": []}

    replace_package(packages, "alpha", "1.1", {"alpha.py": "x = 1\n"})
    replace_package(packages, "unused", "2.0", {"unused.py": ""})
    third = run()
    assert noticed(third) == ["packages changed since run 2: alpha 1.0 → 1.1"]
    assert third["changes"] == {
        "since": 2,
        "changes": [{"what": "package", "name": "alpha", "old": "1.0", "new": "1.1"}],
    }

    replace_package(packages, "alpha", "1.1", {"alpha.py": "x = 2\n"})
    told = run_cli("run", folder=project.folder).err
    (fourth,) = noticed(run_cli("show", "4", "--json", folder=project.folder).json)
    assert f"  ! {fourth}\n" in told, "who starts a run is told"
    rows = run_cli("compare", "3", "4", "--json", folder=project.folder).json["packages"]
    (alpha,) = [row for row in rows if row["name"] == "alpha"]
    assert alpha["differs"] and all(one["value"].startswith("1.1 ") for one in alpha["values"])
    assert fourth.startswith("packages changed since run 3: alpha 1.1 "), "the same version with other content"

    (project.folder / "train.py").write_text(SCRIPT + "# more\n")
    (project.folder / "params.toml").write_text("lr = 2\n")
    (project.folder / "data.csv").write_text("a\n1\n2\n3\n")
    fifth = run(OMP_NUM_THREADS="2")
    assert noticed(fifth) == [
        "data changed: data.csv is another version than before (2 rows → 3 rows)",
        "code changed since run 4: train.py",
        "variables changed since run 4: OMP_NUM_THREADS 1 → 2",
    ]
    table = run_cli("runs", "--columns", "run,notices", "--limit", "1", folder=project.folder).out
    assert "data changed: data.csv is another version" in table
    listed = run_cli("runs", "--json", folder=project.folder).json
    assert listed[0]["notices"] == noticed(fifth) and listed[-1]["notices"] == []
    assert "code changed since run 4: train.py" in run_cli("show", "5", folder=project.folder).out


def test_runs_of_another_command_between_do_not_count(project, run):
    run()
    (project.folder / "data.csv").write_text("a\n9\n")
    (project.folder / "other.py").write_text("")
    run("--", "python", "other.py", "--rate", "1")
    again = run("--", "python", "other.py", "--rate", "2")
    assert again["changes"] == {"since": 2, "changes": []}
    third = run()
    assert third["changes"]["since"] == 1
    assert [change["what"] for change in third["changes"]["changes"]] == ["code", "data"]
    assert noticed(third) == [
        "data changed: data.csv is another version than before (2 rows → 1 rows)",
        "code changed since run 1: other.py is new",
    ]


def test_a_shell_command_is_known_by_the_interpreter_that_it_started(run):
    document = run("--", "sh", "-c", f"{sys.executable} train.py && true")
    assert document["environment"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert document["environment"]["imported"].keys() == {"alpha"}


def test_a_killed_process_leaves_what_it_imported_unknown_and_nothing_else(project, run_cli):
    (project.folder / "train.py").write_text("import alpha, os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    assert run_cli("run", folder=project.folder).code == 1
    facts = run_cli("show", "@latest", "--json", folder=project.folder).json["environment"]
    assert facts["imported"] is None and "alpha" in facts["packages"]


def test_a_run_that_ended_before_its_python_was_known_is_not_compared_with(project, packages, run, run_cli):
    script = f"test -e stop && kill -9 $$; {sys.executable} train.py"
    run("--", "sh", "-c", script)
    assert noticed(run("--", "sh", "-c", script)) == []
    (project.folder / "stop").touch()
    assert run_cli("run", "--", "sh", "-c", script, folder=project.folder).code == 1
    killed = run_cli("show", "@latest", "--json", folder=project.folder).json
    assert killed["environment"]["python"] == ""
    assert not [text for text in noticed(killed) if not text.startswith("code")]
    (project.folder / "stop").unlink()
    replace_package(packages, "alpha", "2.0", {"alpha.py": "x = 2\n"})
    last = run("--", "sh", "-c", script)
    assert noticed(last) == ["packages changed since run 2: alpha 1.0 → 2.0"]


def test_a_run_that_never_began_has_no_environment_and_is_not_compared_with(project, run, run_cli):
    run()
    (project.folder / "train.py").write_text(SCRIPT + "print('once more')\n")
    (project.folder / "schema.toml").write_text("nonsense")
    (project.folder / "workbench.toml").write_text(CONFIG + '[data]\ntrain = "data.csv"\n')
    assert run_cli("run", folder=project.folder).code == 1
    refused = run_cli("show", "@latest", "--json", folder=project.folder).json
    assert "its data were not checked" in refused["reason"] and not refused["environment"]
    assert run("--no-check")["changes"]["since"] == 1


def test_data_that_another_stage_reads_is_no_change_of_code(make_project, run_cli):
    config = """
[project]
name = "stages"
[stages.prepare]
command = "python prepare.py"
inputs = ["data.csv"]
outputs = ["clean.csv"]
[stages.train]
command = "python train.py"
inputs = ["clean.csv"]
"""
    prepare = "open('clean.csv', 'w').write(open('data.csv').read())"
    project = make_project({"prepare.py": prepare, "train.py": "print('loss: 1')", "data.csv": "a\n1\n"}, config)
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "one"]):
        git(project.folder, *words)
    assert run_cli("pipeline", folder=project.folder).code == 0
    (project.folder / "data.csv").write_text("a\n3\n")
    assert run_cli("pipeline", folder=project.folder).code == 0
    train = run_cli("show", "4", "--json", folder=project.folder).json
    assert [text for text in noticed(train) if "clean.csv" in text]
    assert not [text for text in noticed(train) if "data.csv" in text]


def test_a_project_that_git_looks_after_from_now_on_has_no_other_code(project, run):
    run()
    subprocess.run(["git", "init", "-q"], cwd=project.folder, check=True)
    (project.folder / "new.py").write_text("")
    assert [text for text in noticed(run()) if text.startswith("code changed")] == [
        "code changed since run 1: new.py is new"
    ]
