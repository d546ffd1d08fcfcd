"""Saves by real editors and tools, with the watcher as its own process: one run each, once the files rest."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from blake3 import blake3

from tests.conftest import git
from workbench.actions import runs as actions
from workbench.actions import watch
from workbench.project import Project, load
from workbench.runs import processes
from workbench.runs.model import Run, why

LIMIT = 60.0
TOML = """
[train]
command = "sh train.sh"
params = "params.toml"
outputs = ["model.txt"]
metrics = ["metrics.json"]
[watch]
paths = ["data/**/*.csv", "**/*.py", "*.ipynb", "params.toml", "model.txt", "*.json"]
debounce_ms = 200
"""


def until(condition: Callable[[], object], limit: float = LIMIT) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


class Watched:
    """A project with a detached watcher."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project: Project = load(folder)
        self.status = watch.start(self.project)
        self.marks = 0

    def runs(self) -> list[Run]:
        return actions.list_runs(self.project, descending=False)

    def paths(self, run: Run) -> list[str]:
        return [each["path"] for each in run.trigger["files"]]

    def expect_one(self, *paths: str) -> Run:
        """Wait for one run because of these files; the one after it must be for a file that is changed now."""
        before = self.marks
        until(lambda: len(self.runs()) > before)
        self.marks += 1
        self.expect_none()
        run = self.runs()[before]
        assert self.paths(run) == sorted(paths)
        return run

    def expect_none(self) -> None:
        """Change one more file: the run for it must be the next, and the only one."""
        before = self.marks
        (self.folder / "mark.py").write_text(f"# {time.monotonic_ns()}")
        until(lambda: any("mark.py" in self.paths(run) for run in self.runs()[before:]))
        assert [self.paths(run) for run in self.runs()[before:]] == [["mark.py"]]
        self.marks += 1


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("saves")
    patch = pytest.MonkeyPatch()
    patch.setenv("WORKBENCH_HOME", str(tmp_path_factory.mktemp("home")))
    (folder / "workbench.toml").write_text(TOML)
    (folder / "train.sh").write_text("echo model > model.txt; echo '{\"acc\": 1}' > metrics.json")
    (folder / "train.py").write_text("lr = 1\nprint(lr)\n")
    (folder / "params.toml").write_text("lr = 1\n")
    (folder / "data").mkdir()
    (folder / "data" / "a.csv").write_text("a,b\n1,2\n")
    found = Watched(folder)
    until(lambda: watch.status(found.project).unread == 0)
    yield found
    watch.stop(found.project)
    for run in (folder / ".workbench" / "runs").glob("*"):
        processes.end_all(run, None, 0.0)
    patch.undo()


def test_it_says_how_it_watches(watched: Watched) -> None:
    assert watched.status.alive and watched.status.files == 3 and watched.status.problem == ""
    assert watched.status.how == ("inotify" if sys.platform == "linux" else "events of the system")


def test_vim(watched: Watched) -> None:
    vim = shutil.which("vim") or shutil.which("vim.tiny")
    if vim is None:
        pytest.skip("vim is not installed")
    arguments = [vim, "-Nu", "NONE", "-es", "-c", "set backup writebackup swapfile", "-c", "%s/lr = .*/lr = 2/"]
    subprocess.run([*arguments, "-c", "wq", "train.py"], cwd=watched.folder, check=True, stdin=subprocess.DEVNULL)
    run = watched.expect_one("train.py")
    assert why(run.trigger) == "training code: train.py"


def test_vim_as_system_calls(watched: Watched) -> None:
    folder, name = watched.folder, "train.py"
    swap = folder / f".{name}.swp"
    swap.write_bytes(b"b0VIM" + bytes(4000))
    (folder / "4913").touch()
    (folder / "4913").unlink()
    (folder / name).rename(folder / f"{name}~")
    with (folder / name).open("w") as file:
        file.write("lr = 'vim'\n")
        os.fsync(file.fileno())
    (folder / name).chmod(0o644)
    (folder / f"{name}~").unlink()
    swap.unlink()
    watched.expect_one(name)


def test_an_editor_that_writes_in_place(watched: Watched) -> None:
    descriptor = os.open(watched.folder / "train.py", os.O_WRONLY | os.O_TRUNC)
    os.write(descriptor, b"lr = 'code'\n")
    os.close(descriptor)
    watched.expect_one("train.py")


def test_an_editor_that_writes_beside_and_renames(watched: Watched) -> None:
    beside = watched.folder / "train.py___jb_tmp___"
    beside.write_text("lr = 'renamed'\n")
    beside.replace(watched.folder / "train.py")
    watched.expect_one("train.py")


def test_a_notebook(watched: Watched) -> None:
    def save(cells: int) -> None:
        content = json.dumps({"cells": [{"n": n} for n in range(cells)]})
        hidden = watched.folder / ".~study.ipynb"
        hidden.write_text(content)
        (watched.folder / "study.ipynb").write_text("")
        (watched.folder / "study.ipynb").write_text(content)
        hidden.unlink()
        copies = watched.folder / ".ipynb_checkpoints"
        copies.mkdir(exist_ok=True)
        (copies / "study-checkpoint.ipynb").write_text(content)

    save(1)
    assert watched.expect_one("study.ipynb").trigger["files"][0]["old"] is None
    save(2)
    watched.expect_one("study.ipynb")


def test_sed(watched: Watched) -> None:
    subprocess.run(["sed", "-i", "s/lr = .*/lr = 0.25/", "params.toml"], cwd=watched.folder, check=True)
    run = watched.expect_one("params.toml")
    assert run.trigger["what"] == "configuration" and run.params["lr"] == 0.25


def test_a_branch_checked_out(watched: Watched) -> None:
    git(watched.folder, "init", "-q", "-b", "main")
    git(watched.folder, "add", "-A")
    git(watched.folder, "commit", "-qm", "one")
    git(watched.folder, "checkout", "-qb", "other")
    for path in ("train.py", "params.toml", "data/a.csv"):
        (watched.folder / path).write_text("lr = 77\n")
    (watched.folder / "data" / "new.csv").write_text("1\n")
    git(watched.folder, "add", "-A")
    git(watched.folder, "commit", "-qm", "two")
    watched.expect_one("data/a.csv", "data/new.csv", "params.toml", "train.py")
    git(watched.folder, "stash", "-q")
    git(watched.folder, "checkout", "-q", "main")
    before = watched.marks  # mark.py, which was stashed, changes along with the others
    until(lambda: len(watched.runs()) > before)
    watched.marks += 1
    run = watched.runs()[before]
    assert {"data/a.csv", "data/new.csv", "params.toml", "train.py"} <= set(watched.paths(run))
    assert {each["path"] for each in run.trigger["files"] if each["new"] is None} == {"data/new.csv"}
    assert run.trigger["what"] == "data, training code, configuration"
    watched.expect_none()


def test_an_archive_unpacked(watched: Watched, tmp_path: Path) -> None:
    source = tmp_path / "months"
    for month in range(1, 13):
        (source / f"{month:02}").mkdir(parents=True)
        (source / f"{month:02}" / "flights.csv").write_text(f"month\n{month}\n" * 1000)
    archive = tmp_path / "months.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(source, "months")
    subprocess.run(["tar", "xzf", archive], cwd=watched.folder / "data", check=True)
    run = watched.expect_one(*(f"data/months/{month:02}/flights.csv" for month in range(1, 13)))
    assert why(run.trigger) == "data: data/months/01/flights.csv +11"


def test_a_table_that_grows(watched: Watched) -> None:
    grown = watched.folder / "data" / "grown.csv"
    watcher_looks = 0.04
    for number in range(50):
        with grown.open("a") as file:
            file.write(f"{number},{number * 2}\n")
        time.sleep(watcher_looks)  # the pace of whoever writes, not a wait for anything
    run = watched.expect_one("data/grown.csv")

    assert run.trigger["files"][0]["new"] == blake3(grown.read_bytes()).hexdigest()


def test_touching_and_saving_the_same_start_nothing(watched: Watched) -> None:
    (watched.folder / "train.py").touch()
    same = (watched.folder / "params.toml").read_bytes()
    (watched.folder / "params.toml").write_bytes(same)
    subprocess.run(["touch", "-d", "2001-01-01", "data/a.csv"], cwd=watched.folder, check=True)
    watched.expect_none()


def test_what_the_runs_made_started_nothing(watched: Watched) -> None:
    assert (watched.folder / "model.txt").exists() and (watched.folder / "metrics.json").exists()
    assert not any({"model.txt", "metrics.json"} & set(watched.paths(run)) for run in watched.runs())
    until(lambda: all(run.is_over for run in watched.runs()))
    assert {run.status for run in watched.runs()} == {"finished"}
