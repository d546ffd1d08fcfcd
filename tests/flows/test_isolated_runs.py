"""Runs in a folder of their own: a revision, a frozen copy of the code, and a run again as it was."""

from __future__ import annotations

import json
import venv

import pytest

from tests.conftest import git
from tests.tui.driving import wait_for
from workbench.actions import reproduce, runs, starting
from workbench.errors import NotFoundError
from workbench.project import load
from workbench.versions import code

CONFIG = """
[project]
name = "little"
[train]
command = "python train.py"
params = "params.toml"
inputs = ["data.csv"]
outputs = ["model.txt"]
max_parallel = 3
"""
SCRIPT = """
import pathlib, workbench
rows = pathlib.Path("data.csv").read_text().split()
total = sum(map(float, rows)) * float(workbench.param("factor", 1))
pathlib.Path("model.txt").write_text(f"{total}")
workbench.log({"total": total})
"""


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "a project's \U0001f600"
    folder.mkdir()
    (folder / "workbench.toml").write_text(CONFIG)
    (folder / "train.py").write_text(SCRIPT)
    (folder / "params.toml").write_text("factor = 2\n")
    (folder / "data.csv").write_text("1\n2\n")
    (folder / ".gitignore").write_text("data.csv\nmodel.txt\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    return load(folder)


def ended(project, numbers):
    wait_for(lambda: all(runs.get(project, str(number)).is_over for number in numbers))
    return [runs.get(project, str(number)) for number in numbers]


def output(project, run):
    return (project.run_folder(run.uid) / "output.log").read_text()


def test_branches_run_at_once_each_in_its_own_folder_and_the_project_stays_as_it_is(project):
    folder = project.folder
    for name, factor in (("ten", 10), ("hundred", 100)):
        git(folder, "checkout", "-q", "-b", name, "main")
        (folder / "params.toml").write_text(f"factor = {factor}\n")
        git(folder, "commit", "-qam", name)
    git(folder, "checkout", "-q", "main")
    before = (
        git(folder, "status", "--porcelain"),
        git(folder, "for-each-ref", "refs/heads"),
        git(folder, "worktree", "list"),
    )
    numbers = [
        number for rev in ("ten", "hundred", "main") for number in starting.start(project, starting.Request(rev=rev))
    ]
    found = ended(project, numbers)
    assert [run.status for run in found] == ["finished"] * 3, [output(project, run) for run in found]
    assert [run.metrics["total"].last for run in found] == [30, 300, 6]
    assert [run.rev for run in found] == ["ten", "hundred", "main"]
    assert [run.code["commit"] for run in found] == [
        git(folder, "rev-parse", rev) for rev in ("ten", "hundred", "main")
    ]
    after = (
        git(folder, "status", "--porcelain"),
        git(folder, "for-each-ref", "refs/heads"),
        git(folder, "worktree", "list"),
    )
    assert after == before
    assert not (folder / "model.txt").exists()
    for run, text in zip(found, ("30.0", "300.0", "6.0"), strict=True):
        assert (project.run_folder(run.uid) / "outputs" / "model.txt").read_text() == text
        assert not (project.run_folder(run.uid) / "work").exists()
    assert {one["path"] for one in found[0].data} == {"data.csv"}


def test_a_revision_that_is_none_is_refused_and_starts_nothing(project):
    for rev in ("nope", "--upload-pack=touch x", ""):
        if rev:
            with pytest.raises(NotFoundError):
                starting.start(project, starting.Request(rev=rev))
    assert runs.list_runs(project) == []


def test_no_filter_and_no_hook_of_the_repository_runs(project):
    folder, sign = project.folder, project.folder.parent / "it-ran"
    hook = folder / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch '{sign}'\n")
    hook.chmod(0o755)
    git(folder, "config", "filter.evil.smudge", f"touch '{sign}'; cat")
    (folder / ".gitattributes").write_text("*.py filter=evil\n")
    git(folder, "-c", "filter.evil.smudge=cat", "add", "-A")
    git(folder, "commit", "-qm", "two")
    assert ended(project, starting.start(project, starting.Request(rev="main")))[0].status == "finished"
    assert not sign.exists()


def test_a_command_finds_the_virtual_environment_of_the_project_where_it_is(project):
    folder = project.folder
    venv.create(folder / ".venv", symlinks=True, with_pip=False)
    (folder / "workbench.toml").write_text(CONFIG.replace("python train.py", ".venv/bin/python train.py | cat"))
    git(folder, "commit", "-qam", "two")
    (run,) = ended(project, starting.start(load(folder), starting.Request(rev="main")))
    assert run.status == "finished", output(project, run)
    assert (folder / ".venv" / "bin" / "python").exists(), "the link goes, not what it leads to"
    assert ended(project, [reproduce.start(project, str(run.number))])[0].status == "finished"


def test_edits_during_an_isolated_run_change_nothing_in_it(project):
    folder = project.folder
    (folder / "workbench.toml").write_text(CONFIG.replace("[train]", "[train]\nisolate = true"))
    (folder / "part.py").write_text("value = 1\n")
    (folder / "train.py").write_text(
        "import pathlib, time, workbench\nprint('begun', flush=True)\n"
        f"while not pathlib.Path({str(folder.parent / 'go')!r}).exists(): time.sleep(0.01)\n"
        "import part\npathlib.Path('model.txt').write_text(str(part.value))\nworkbench.log({'value': part.value})\n"
    )
    (number,) = starting.start(load(folder), starting.Request())
    run = runs.get(project, str(number))
    wait_for(lambda: "begun" in output(project, run))
    (folder / "part.py").write_text("value = 2\n")
    (folder.parent / "go").touch()
    (run,) = ended(project, [number])
    assert run.metrics["value"].last == 1, output(project, run)
    assert (folder / "model.txt").read_text() == "1", "what it made came back into the project"
    version = code.CodeVersion.from_json(dict(run.code))
    assert code.read(folder, project.objects_folder, version, "part.py") == b"value = 1\n"


def test_a_failed_isolated_run_leaves_the_outputs_of_the_project_alone(project):
    folder = project.folder
    (folder / "workbench.toml").write_text(CONFIG.replace("[train]", "[train]\nisolate = true"))
    (folder / "model.txt").write_text("good")
    (folder / "train.py").write_text("open('model.txt', 'w').write('half'); raise SystemExit(1)\n")
    (run,) = ended(project, starting.start(load(folder), starting.Request()))
    assert run.status == "failed"
    assert (folder / "model.txt").read_text() == "good"
    assert not (project.run_folder(run.uid) / "work").exists()


def test_a_run_is_made_again_from_what_is_stored_though_everything_has_changed(project):
    folder = project.folder
    (first,) = ended(project, starting.start(project, starting.Request(overrides={"factor": "7"})))
    (folder / "data.csv").write_text("5\n")
    (folder / "params.toml").write_text("factor = 0\n")
    (folder / "train.py").write_text("raise SystemExit(1)\n")
    number = reproduce.start(project, str(first.number))
    (again,) = ended(project, [number])
    found = reproduce.verdict_on(project, number)
    assert found is not None and found.verdict == "identical", output(project, again)
    assert again.metrics["total"].last == 21
    assert (folder / "data.csv").read_text() == "5\n"
    assert [one.verdict for one in reproduce.verdicts(project, first.number)] == ["identical"]


def test_a_run_without_git_is_made_again_too(tmp_path):
    (tmp_path / "workbench.toml").write_text(CONFIG.replace('params = "params.toml"\n', ""))
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "data.csv").write_text("4\n")
    project = load(tmp_path)
    ended(project, starting.start(project, starting.Request()))
    (tmp_path / "train.py").write_text("")
    number = reproduce.start(project, "@latest")
    ended(project, [number])
    found = reproduce.verdict_on(project, number)
    assert found is not None and found.verdict == "identical"


def test_a_script_that_is_not_deterministic_is_found_out(project, run_cli):
    script = "import os, pathlib, workbench\nvalue = int.from_bytes(os.urandom(4), 'big')\n"
    (project.folder / "train.py").write_text(script + "workbench.log({'total': value})\n")
    (first,) = ended(project, starting.start(project, starting.Request()))
    done = run_cli("reproduce", str(first.number), "--json", folder=project.folder)
    document = json.loads(done.out)
    assert done.code == 1
    assert document["verdict"] == "different" and document["differences"] == []
    assert document["metrics"][0]["name"] == "total"


def test_data_that_is_no_longer_stored_is_named(project):
    (first,) = ended(project, starting.start(project, starting.Request()))
    for path in sorted(project.objects_folder.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    with pytest.raises(NotFoundError, match=r"data\.csv"):
        reproduce.start(project, str(first.number))


def test_data_that_is_no_path_keeps_no_run_from_a_folder_of_its_own(project):
    text = CONFIG.replace("max_parallel = 3", "isolate = true") + (
        '[[charter.data]]\nname = "x"\nwhere = "sklearn.datasets.load_digits"\n'
    )
    (project.folder / "workbench.toml").write_text(text)
    again = load(project.folder)
    (copied,) = ended(again, starting.start(again, starting.Request()))
    (branch,) = ended(again, starting.start(again, starting.Request(rev="main")))
    assert [copied.status, branch.status] == ["finished", "finished"], (copied.reason, branch.reason)
