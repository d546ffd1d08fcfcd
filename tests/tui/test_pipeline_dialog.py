"""The dialog of the stages: what it shows, and what each key starts."""

from __future__ import annotations

import pytest

from tests.tui.driving import driven, shows, stop_all, text, until, wait_for
from workbench.actions import pipeline, runs

CONFIG = """
[project]
name = "steps"
[stages.prepare]
command = "sh prepare.sh"
inputs = ["raw.csv"]
outputs = ["clean.csv"]
[stages.train]
command = "sh train.sh"
inputs = ["clean.csv"]
outputs = ["model.txt"]
[stages.report]
command = "sh report.sh"
inputs = ["model.txt"]
outputs = ["report.txt"]
"""
FILES = {
    "prepare.sh": "cp raw.csv clean.csv",
    "train.sh": "cp clean.csv model.txt",
    "report.sh": "cp model.txt report.txt",
    "raw.csv": "1\n",
}


@pytest.fixture
def steps(make_project):
    project = make_project(FILES, CONFIG)
    yield project
    stop_all(project)


def ran(project):
    return [run.stage for run in runs.list_runs(project, descending=False)]


def brought_up(project):
    _, driving = pipeline.start(project)
    assert list(driving.events())[-1]["event"] == "end"


async def test_it_shows_each_stage_with_its_reason_and_enter_runs_them(steps):
    async with driven(steps) as pilot:
        await pilot.press("2", "P")
        await shows(pilot, "Stages · 1 would run, 2 may run", "prepare", "▶ runs", "it never ran", "· may run")
        assert "prepare, which makes clean.csv, will run before it" in text(pilot.app)
        await pilot.press("enter")
        await until(pilot, lambda: ran(steps) == ["prepare", "train", "report"])
        await until(pilot, lambda: not pipeline.goes_on(steps))
        assert (steps.folder / "report.txt").read_text() == "1\n"


async def test_the_reason_of_the_stage_under_the_cursor_is_shown_whole(steps):
    brought_up(steps)
    (steps.folder / "train.sh").write_text("cp clean.csv model.txt # again")
    (steps.folder / "report.txt").unlink()
    async with driven(steps, size=(70, 30)) as pilot:
        await pilot.press("2", "P")
        await shows(pilot, "✓ up to date", "as run 1 left it", "train.sh ")
        await pilot.press("down")
        await shows(pilot, "train, which makes model.txt, will run before it")
        await pilot.press("escape")
        await until(pilot, lambda: "Stages ·" not in text(pilot.app))
    assert len(ran(steps)) == 3


async def test_r_runs_only_the_stage_and_what_it_needs(steps):
    async with driven(steps) as pilot:
        await pilot.press("2", "P")
        await shows(pilot, "may run")
        await pilot.press("j", "r")
        await until(pilot, lambda: ran(steps) == ["prepare", "train"])
        await until(pilot, lambda: not pipeline.goes_on(steps))
    assert not (steps.folder / "report.txt").exists()


async def test_f_runs_a_stage_that_is_up_to_date(steps):
    brought_up(steps)
    async with driven(steps) as pilot:
        await pilot.press("2", "P")
        await shows(pilot, "Nothing to do: 3 stages are up to date")
        await pilot.press("G", "f")
        await until(pilot, lambda: ran(steps)[3:] == ["report"])


async def test_with_nothing_to_do_enter_only_leaves_and_r_says_so(steps):
    brought_up(steps)
    async with driven(steps) as pilot:
        await pilot.press("2", "P")
        await shows(pilot, "Nothing to do")
        await pilot.press("enter")
        await until(pilot, lambda: "✓ up to date" not in text(pilot.app))
        await pilot.press("r")
        await shows(pilot, "Nothing to do: 3 stages are up to date.")
    assert len(ran(steps)) == 3


async def test_r_on_runs_brings_the_stages_up_to_date_and_says_what_was_restored(steps):
    brought_up(steps)
    (steps.folder / "clean.csv").unlink()
    async with driven(steps) as pilot:
        await pilot.press("2")
        await shows(pilot, "report")
        await pilot.press("r")
        await shows(pilot, "restored: prepare")
    wait_for(lambda: (steps.folder / "clean.csv").exists())
    assert len(ran(steps)) == 3


async def test_the_configuration_is_read_as_it_is_now(steps):
    async with driven(steps) as pilot:
        await pilot.press("2")
        (steps.folder / "workbench.toml").write_text(CONFIG + '[stages.last]\ncommand = "true"\n')
        await pilot.press("P")
        await shows(pilot, "2 would run, 2 may run", "last")


async def test_a_missing_input_is_said_and_nothing_is_shown(steps):
    (steps.folder / "raw.csv").unlink()
    async with driven(steps) as pilot:
        await pilot.press("2", "P")
        await shows(pilot, "stages.prepare reads raw.csv, which is not there")


async def test_names_and_reasons_from_outside_are_shown_without_their_control_characters(make_project):
    config = CONFIG.replace("[stages.report]", '[stages."odd\\u001b[31m[red]x"]')
    project = make_project(FILES, config)
    async with driven(project, size=(60, 20)) as pilot:
        await pilot.press("2", "P")
        await shows(pilot, "prepare", "[red]x")
        assert "\x1b" not in text(pilot.app)


async def test_hundreds_of_stages_can_be_walked_through(make_project):
    config = "".join(
        f'[stages.s{at}]\ncommand = "true"\ninputs = ["f{at}"]\noutputs = ["f{at + 1}"]\n' for at in range(300)
    )
    project = make_project({"f0": "x"}, config)
    async with driven(project) as pilot:
        await pilot.press("2", "P")
        await shows(pilot, "s0 ", "it never ran")
        await pilot.press("end")
        await shows(pilot, "s299", "s298, which makes f299, will run before it")


async def test_in_a_small_window_the_keys_are_still_to_be_seen(steps):
    async with driven(steps, size=(50, 12)) as pilot:
        await pilot.press("2", "P")
        await shows(pilot, "▶ runs", "it never ran", "enter run what is out of date")
