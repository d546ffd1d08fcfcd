"""The Run screen over real runs: curves, log, panes."""

from __future__ import annotations

from textual import events

from tests.tui.driving import driven, screen, shows, text, until, wait_for
from workbench.actions import runs as actions
from workbench.actions import starting
from workbench.project import Project


async def test_enter_opens_a_run_with_curves_parameters_and_log(project: Project) -> None:
    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        await pilot.press("enter")
        await shows(pilot, "3 third", "finished", "val_auc", "loss  ━ train", "epoch 29", "30 lines", "top")


async def test_names_beside_the_curves_have_the_room_that_there_is(project: Project) -> None:
    words = (
        "import workbench\nworkbench.log({'validation_accuracy': 0.5})\nworkbench.log_params({'learning_rate': 0.25})"
    )
    (project.folder / "train.py").write_text(words)
    starting.start(project, starting.Request())
    wait_for(lambda: all(run.is_over for run in actions.list_runs(project)))
    async with driven(project) as pilot:
        await shows(pilot, "1–4 of 4")
        await pilot.press("enter")
        await shows(pilot, "╭─ Parameters", "validation_accuracy", "learning_rate")
        side = pilot.app.page.side
        side.styles.width = 16
        await until(pilot, lambda: side.size.width == 16)
        side.fill()
        await until(pilot, lambda: "validation_accuracy" not in text(pilot.app))
        side.styles.width = 34  # the page itself keeps its size
        await shows(pilot, "validation_accuracy", "learning_rate")


async def test_tab_walks_through_every_pane(project: Project) -> None:
    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        await pilot.press("enter")
        await shows(pilot, "3 third")
        for words in ("─ Log", "─ Params", "─ Outputs", "─ Code", "─ Environment", "─ System", "─ About"):
            await pilot.press("tab")
            await shows(pilot, words)
        await shows(pilot, "command", "train.py", "by hand", "exit code")
        await pilot.press("tab")
        await shows(pilot, "─ Curves")
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.page.screen_id == "runs")


async def test_the_environment_is_shown(project: Project) -> None:
    async with driven(project) as pilot:
        await until(pilot, lambda: pilot.app.page is not None)
        pilot.app.open_run(1)
        await shows(pilot, "1 first")
        pilot.app.page.go_to("environment")
        await shows(pilot, "python", "cpu_flags", "imported", "other packages")


async def test_scrolling_the_log_stops_the_tail_and_says_how_much_waits(project: Project) -> None:
    starting.start(project, starting.Request(("python", "slow.py"), name="slow"))
    async with driven(project) as pilot:
        await until(pilot, lambda: pilot.app.page is not None)
        pilot.app.open_run(4)
        await shows(pilot, "line 60")
        pilot.app.page.go_to("log")
        await shows(pilot, "─ Log")
        await pilot.press("g")
        await shows(pilot, "line 0", "more lines below · t follows the end")
        held = pilot.app.page.log_view.part.total
        await until(pilot, lambda: pilot.app.page.log_view.part.total > held + 10)
        assert "line 0 " in text(pilot.app), "it stays where it was put"
        await pilot.press("t")
        await until(pilot, lambda: "more lines below" not in text(pilot.app))
        await until(pilot, lambda: f"line {pilot.app.page.log_view.part.total - 1}" in text(pilot.app))


async def test_the_wheel_scrolls_what_it_is_over(project: Project) -> None:
    async with driven(project, (80, 24)) as pilot:
        await until(pilot, lambda: pilot.app.page is not None)
        pilot.app.open_run(1)
        await shows(pilot, "1 first")
        pilot.app.page.go_to("log")
        await shows(pilot, "epoch 29")
        log = pilot.app.page.log_view
        top = 30 - log.room
        for kind, first in ((events.MouseScrollUp, top - 3), (events.MouseScrollDown, None)):
            log.post_message(kind(log, 3, 3, 0, 0, 0, False, False, False))
            await until(pilot, lambda first=first: log.first == first)


async def test_log_scale_is_switched_and_told(project: Project) -> None:
    async with driven(project) as pilot:
        await until(pilot, lambda: pilot.app.page is not None)
        pilot.app.open_run(2)
        await shows(pilot, "2 second", "val_auc")
        await pilot.press("L")
        await shows(pilot, "log scale")


async def test_panes_are_clicked(project: Project) -> None:
    async with driven(project) as pilot:
        await until(pilot, lambda: pilot.app.page is not None)
        pilot.app.open_run(2)
        await shows(pilot, "2 second", "System")
        row = next(line for line in screen(pilot.app) if "Environment" in line)
        await pilot.click("RunHead", offset=(row.index("About") + 1, 2))
        await shows(pilot, "exit code")


async def test_a_small_terminal_shows_one_pane(project: Project) -> None:
    async with driven(project, (40, 12)) as pilot:
        await until(pilot, lambda: pilot.app.page is not None)
        pilot.app.open_run(2)
        await shows(pilot, "2 second")
        for _ in range(8):
            await pilot.press("tab")
            await pilot.pause()
            assert all(len(line) == 40 for line in screen(pilot.app))


async def test_a_run_that_is_not_there_is_told(project: Project) -> None:
    async with driven(project) as pilot:
        await until(pilot, lambda: pilot.app.page is not None)
        pilot.app.open_run(99)
        await shows(pilot, "Run 99 is not there")
