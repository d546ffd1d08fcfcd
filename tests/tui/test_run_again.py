"""The keys that run again: a revision in a folder of its own, and a run as it was."""

from __future__ import annotations

import pytest

from tests.conftest import git
from tests.tui.driving import driven, shows, stop_all, text, until
from workbench.actions import runs, starting

CONFIG = """
[project]
name = "little"
[train]
command = "python train.py"
max_parallel = 2
"""


def script(value):
    return f"import workbench\nworkbench.log({{'total': {value}}})\n"


@pytest.fixture
def project(make_project):
    """A repository whose branch `other` logs 2 and whose files, on main, log 1."""
    made = make_project({"train.py": script(2)}, CONFIG, "little")
    folder = made.folder
    git(folder, "init", "-q", "-b", "other")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "two")
    git(folder, "checkout", "-q", "-b", "main")
    (folder / "train.py").write_text(script(1))
    git(folder, "commit", "-qam", "one")
    yield made
    stop_all(made)


def listed(project):
    return runs.list_runs(project) if project.store_path.exists() else []


def total(project, number):
    return runs.get(project, str(number)).metrics["total"].last


async def test_a_revision_is_trained_in_a_folder_of_its_own(project):
    async with driven(project) as pilot:
        await shows(pilot, "No runs yet.")
        await pilot.press("ctrl+r")
        await shows(pilot, "Train a revision", "the files of the project stay as they are", "main, other")
        await pilot.press("enter")
        assert not listed(project), "no revision was named"
        await pilot.press(*"other", "enter")
        await until(pilot, lambda: any(run.is_over for run in listed(project)))
        (run,) = listed(project)
        assert (run.status, total(project, 1)) == ("finished", 2)
        assert (project.folder / "train.py").read_text() == script(1)
        await shows(pilot, "✓")
        await pilot.press("ctrl+r")
        await shows(pilot, "Train a revision")
        await pilot.press(*"nothing-of-the-kind", "enter")
        await shows(pilot, "nothing-of-the-kind")
        assert len(listed(project)) == 1


async def test_a_run_is_made_again_as_it_was_and_told_apart(project):
    starting.start(project, starting.Request())
    async with driven(project) as pilot:
        await until(pilot, lambda: all(run.is_over for run in listed(project)))
        (project.folder / "train.py").write_text(script(5))
        await until(pilot, lambda: "✓" in text(pilot.app))
        await pilot.press("A")
        await shows(pilot, "Make run 1 again, with the packages", "of now", "of then")
        await pilot.press("enter")
        await until(pilot, lambda: len(listed(project)) == 2 and all(run.is_over for run in listed(project)))
        assert (listed(project)[0].status, total(project, 2)) == ("finished", 1), "the code of then, not of now"
        assert (project.folder / "train.py").read_text() == script(5)
        await shows(pilot, "! repeats run 1: identical")
        pilot.app.open_run(1)
        await shows(pilot, "! was repeated by run 2:")


async def test_a_run_that_goes_on_cannot_be_made_again(project):
    (project.folder / "train.py").write_text("import time\nprint('begun', flush=True)\ntime.sleep(600)\n")
    starting.start(project, starting.Request())
    async with driven(project) as pilot:
        await shows(pilot, "1–1 of 1")
        await pilot.press("A")
        await shows(pilot, "Run 1 is still going.")
        assert len(listed(project)) == 1
