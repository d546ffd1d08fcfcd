"""The shell: palette, help, themes, keys of one's own, sizes, no colour."""

from __future__ import annotations

import sys

import pytest

from tests.tui.driving import driven, screen, shows, text, until
from workbench.errors import ConfigError
from workbench.paths import user_config_folder
from workbench.project import Project
from workbench.tui import keys
from workbench.tui.app import WorkbenchApp
from workbench.tui.leaving import last_words
from workbench.tui.screens import available


async def test_the_palette_finds_commands_and_jumps_to_a_run(project: Project) -> None:
    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        await pilot.press("colon", *"run 2", "enter")
        await shows(pilot, "2 second", "Curves")
        await pilot.press("ctrl+p", *"environment")
        await pilot.pause()
        await pilot.press("enter")
        await shows(pilot, "─ Environment")
        await pilot.press("colon", *"run 77", "enter")
        await shows(pilot, "No run 77")


async def test_help_lists_the_keys_and_says_what_cannot_act(project: Project) -> None:
    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        await pilot.press("question_mark")
        await shows(pilot, "Keys of Runs", "Mark two runs with space (none is marked).")
        await pilot.press("G")
        await shows(pilot, "Leave; what runs goes on.")
        await pilot.press("q")
        await until(pilot, lambda: "Keys of Runs" not in text(pilot.app))


async def test_every_theme_draws(project: Project) -> None:
    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        for name in pilot.app.available_themes:
            pilot.app.set_theme(name)
            await pilot.pause()
            assert "second" in text(pilot.app), name


async def test_without_colour_every_state_keeps_its_glyph(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with driven(project) as pilot:
        assert pilot.app.no_color
        await shows(pilot, "✓", "second", "val_auc")
        await pilot.press("space")
        await shows(pilot, "◆")
        pilot.app.set_theme("ansi-dark")
        await shows(pilot, "◆", "✓3")


async def test_resizing_all_the_while_never_crashes(project: Project) -> None:
    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        for page in ("runs", "run", "projects", "compare"):
            pilot.app.go(page, 2 if page == "run" else None)
            for size in (
                (120, 40),
                (80, 24),
                (24, 6),
                (1, 1),
                (300, 5),
                (40, 12),
                (10, 60),
                (200, 70),
                (37, 9),
                (61, 17),
            ):
                await pilot.resize_terminal(*size)
                await pilot.pause()
        await pilot.resize_terminal(120, 40)
        pilot.app.go("runs")
        await shows(pilot, "1–3 of 3", "Preview")


async def test_a_key_of_ones_own_acts_and_is_shown(project: Project) -> None:
    folder = user_config_folder()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "keys.toml").write_text('filter = "f"\n')
    async with driven(project) as pilot:
        await shows(pilot, "f filter", "1–3 of 3")
        await pilot.press("f", *"no")
        await until(pilot, lambda: pilot.app.page.draft == "no")


async def test_a_broken_key_file_is_told_and_the_keys_stay(project: Project) -> None:
    folder = user_config_folder()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "keys.toml").write_text('fliter = "f"\n')
    async with driven(project) as pilot:
        await shows(pilot, "unknown key name 'fliter'", "/ filter")


def test_one_key_for_two_things_is_refused() -> None:
    with pytest.raises(ConfigError, match="is both"):
        keys.remap(keys.KEYS, {"sort": "o"})
    with pytest.raises(ConfigError, match="a key or a list"):
        keys.remap(keys.KEYS, {"sort": 3})
    assert keys.remap(keys.KEYS, {"sort": ["^s", "z"]}) != keys.KEYS


def test_every_key_is_handled_where_it_says() -> None:
    for key in keys.KEYS:
        for name in key.screens:
            available()[name].make()
            modules = [
                module
                for path, module in sys.modules.items()
                if path.startswith((f"workbench.tui.screens.{name}", "workbench.tui.widgets"))
            ]
            owners = [WorkbenchApp, *(value for module in modules for value in vars(module).values())]
            assert any(hasattr(owner, f"do_{key.method}") for owner in owners), f"{key.id} on {name}"


def test_the_keymap_table_names_every_key() -> None:
    table = keys.keymap_table()
    assert all(f"`{key.shown}`" in table for key in keys.KEYS if key.label)


def test_the_last_line_says_what_goes_on(project: Project) -> None:
    from workbench.actions import starting

    assert last_words(project) == ""
    starting.start(project, starting.Request(("python", "slow.py")))
    assert "1 running" in last_words(project)


async def test_without_a_project_the_list_says_how_to_add_one() -> None:
    async with driven(None) as pilot:
        await shows(pilot, "No projects yet.", "workbench projects add PATH", "workbench demo")
        await pilot.press("2")
        await shows(pilot, "Open a project first")


async def test_a_project_is_opened_from_the_list(project: Project) -> None:
    async with driven(None, projects=[project.folder, project.folder / "gone"]) as pilot:
        await shows(pilot, "little", "✓3", "the folder is missing", "Which of these runs is best?")
        await pilot.press("enter")
        await shows(pilot, "1–3 of 3")
        assert screen(pilot.app)[0].count("little") == 1


async def test_the_table_and_a_chart_are_exported(project: Project) -> None:
    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        await pilot.press("v")
        await shows(pilot, "Export", "Markdown")
        await pilot.press("enter")
        await shows(pilot, "Wrote .workbench/exports")
        (table,) = (project.inner / "exports").glob("*.csv")
        assert len(table.read_text().splitlines()) == 4
        pilot.app.open_run(2)
        await shows(pilot, "2 second", "30 lines", "loss  ━ train")
        await pilot.press("v")
        await shows(pilot, "Export which chart")
        await pilot.press("enter")
        await shows(pilot, "Markdown")
        await pilot.press("enter")
        await until(pilot, lambda: len(list((project.inner / "exports").glob("run-2*.csv"))) == 1)


def test_a_keystroke_is_the_key_of_the_screen_it_is_struck_in() -> None:
    for name in available():
        for key in keys.KEYS:
            if key.means_something_in(name):
                assert all(keys.struck(keys.KEYS, stroke, name) is key for stroke in key.keys), (key.id, name)
    assert keys.struck(keys.KEYS, "r", "data").id == "snapshot"
    assert keys.struck(keys.KEYS, "r", "runs").id == "train"
    assert keys.struck(keys.KEYS, "x", "data").id == "stop", "elsewhere; it says that it does nothing here"
