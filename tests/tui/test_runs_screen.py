"""The Runs screen, driven by keys and mouse over real runs."""

from __future__ import annotations

import pytest

from tests.tui.driving import driven, line_of, screen, shows, stop_all, text, type_at_once, until, wait_for
from workbench.actions import runs as actions
from workbench.actions import starting
from workbench.project import Project


async def test_an_empty_project_says_which_key_trains(empty_project: Project) -> None:
    async with driven(empty_project) as pilot:
        await shows(pilot, "No runs yet. Press r to train.")


async def test_runs_are_listed_with_metric_and_preview(project: Project) -> None:
    async with driven(project) as pilot:
        await shows(pilot, "first", "second", "third", "1–3 of 3", "✓3", "val_auc")
        assert "0.9" in line_of(pilot.app, "second")
        assert "━" in line_of(pilot.app, "second")
        await shows(pilot, "loss  ━ train", "params")
        assert any("⠀" < char <= "⣿" for char in line_of(pilot.app, "second")[:80]), "a sparkline"


async def test_r_starts_a_run_that_comes_under_the_cursor(project: Project) -> None:
    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        await pilot.press("r")
        await shows(pilot, "1–4 of 4")
        await until(pilot, lambda: pilot.app.page.table.current == 4)
        await until(pilot, lambda: "✓4" in text(pilot.app))


async def test_capital_r_starts_with_changed_parameters(project: Project) -> None:
    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        await pilot.press("R")
        await shows(pilot, "Train with")
        await pilot.press("ctrl+u", *"nonsense")
        await shows(pilot, "is not NAME=VALUE")
        await pilot.press("enter")
        assert "Train with" in text(pilot.app), "a mistake is not sent off"
        await pilot.press("ctrl+u", *"lr=0.5")
        await pilot.press("enter")
        await shows(pilot, "1–4 of 4", "✓4")
        assert actions.get(project, "4").params["lr"] == 0.5


async def test_the_filter_previews_while_typing_and_esc_restores(project: Project) -> None:
    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        await pilot.press("slash", *"val_auc > 0.75")
        await shows(pilot, "1–2 of 2")
        await pilot.press("escape")
        await shows(pilot, "1–3 of 3")
        await pilot.press("slash", *"val_auc > 0.85", "enter")
        await shows(pilot, "1–1 of 1", "val_auc > 0.85")
        assert pilot.app.page.table.has_focus
        await pilot.press("escape")
        await shows(pilot, "1–3 of 3")


async def test_a_wrong_filter_says_why_and_keeps_the_runs(project: Project) -> None:
    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        await pilot.press("slash", *"val_auc >")
        await until(pilot, lambda: bool(pilot.app.page.snapshot.error))
        assert pilot.app.page.error.display
        assert pilot.app.page.snapshot.error[:20] in text(pilot.app)
        await shows(pilot, "first", "second", "third")


async def test_sorting_by_key_and_by_a_click_on_the_head(project: Project) -> None:
    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        await pilot.press("s", *"val_auc", "enter")
        await until(pilot, lambda: list(pilot.app.page.table.items) == [2, 3, 1])
        await until(pilot, lambda: not pilot.app.doing)
        column = next(one for one in pilot.app.page.table.columns if one.id == "name")
        await pilot.click("#runs", offset=(column.x + 2, 1))
        await until(pilot, lambda: list(pilot.app.page.table.items) == [3, 2, 1])
        await until(pilot, lambda: not pilot.app.doing)
    async with driven(project) as pilot:
        await until(pilot, lambda: list(pilot.app.page.table.items) == [3, 2, 1])


async def test_groups_fold_and_show_counts_and_the_best(project: Project) -> None:
    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        await pilot.press("o", *"tag", "enter")
        await shows(pilot, "▾ sweep", "2 runs", "best 0.89")
        await pilot.press("g")
        await until(pilot, lambda: pilot.app.page.table.cursor == 0)
        await pilot.press("enter")
        await shows(pilot, "▸ sweep")
        assert "third" not in "\n".join(line[:80] for line in screen(pilot.app)[5:30])
        await pilot.press("right")
        await shows(pilot, "▾ sweep", "third")


async def test_a_sweep_is_what_differs_at_most_in_parameters(project: Project) -> None:
    (project.folder / "other.py").write_text("print('score: 1')\n")
    for command in (("train.py", "--lr", "0.1"), ("train.py", "--lr=0.2"), ("other.py",)):
        starting.start(project, starting.Request(("python", *command), name=command[-1]))
    wait_for(lambda: all(run.is_over for run in actions.list_runs(project)))
    async with driven(project) as pilot:
        await shows(pilot, "1–6 of 6")
        await pilot.press("o", *"sweep", "enter")
        await shows(pilot, "▾ python train.py  from run 1", "▾ python train.py  from run 4", "▾ —")
        groups = {group.label: group.count for group in pilot.app.page.snapshot.groups}
        assert groups == {"python train.py  from run 1": 3, "python train.py  from run 4": 2, "—": 1}


async def test_space_marks_and_compare_says_what_is_missing(project: Project) -> None:
    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        await pilot.press("c")
        await shows(pilot, "Mark two runs with space")
        await pilot.press("space", "space")
        await shows(pilot, "2 marked")
        assert pilot.app.marked == [3, 2]
        assert "◆" in line_of(pilot.app, "third")
        await pilot.press("escape")
        assert pilot.app.marked == []


async def test_columns_are_chosen_and_kept_for_the_project(project: Project) -> None:
    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        await pilot.press("C", *"tags")
        await pilot.pause()
        await pilot.press("space", "enter")
        await until(pilot, lambda: "tags" in pilot.app.page.snapshot.view.columns)
        await shows(pilot, "sweep")
    async with driven(project) as pilot:
        await until(pilot, lambda: "tags" in pilot.app.page.snapshot.view.columns)


async def test_the_baseline_gives_every_run_its_distance(project: Project) -> None:
    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        await pilot.press("B")
        await shows(pilot, "baseline", "+0.1", "-0.1")
        await pilot.press("B")
        await until(pilot, lambda: pilot.app.page.snapshot.baseline is None)


async def test_stopping_asks_with_one_key(project: Project) -> None:
    starting.start(project, starting.Request(("python", "slow.py"), name="slow"))
    async with driven(project) as pilot:
        await shows(pilot, "slow", "▶1")
        await until(
            pilot, lambda: "val_auc" in (pilot.app.page.current_run().metrics if pilot.app.page.current_run() else {})
        )
        await pilot.press("x")
        await shows(pilot, "x stop")
        await pilot.press("x")
        await until(pilot, lambda: actions.get(project, "4").status == "stopped")
        await shows(pilot, "■1")
        await pilot.press("x")
        await shows(pilot, "has ended")


async def test_deleting_shows_what_goes_and_cancel_has_the_focus(project: Project) -> None:
    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        await pilot.press("ctrl+d")
        await shows(pilot, "Delete", "third", "points", "Cancel")
        await pilot.press("enter")
        await until(pilot, lambda: "Cancel" not in text(pilot.app))
        assert len(actions.list_runs(project)) == 3
        await pilot.press("ctrl+d")
        await shows(pilot, "Cancel")
        await pilot.press("right", "enter")
        await shows(pilot, "1–2 of 2")
        assert [run.number for run in actions.list_runs(project)] == [2, 1]


async def test_tags_and_notes_are_written(project: Project) -> None:
    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        await pilot.press("T", *"good -sweep", "enter")
        await until(pilot, lambda: actions.get(project, "3").tags == ("good",))
        await pilot.press("N", *"look", "enter")
        await until(pilot, lambda: actions.get(project, "3").note == "look")


async def test_a_run_started_elsewhere_appears_and_its_curve_grows(project: Project) -> None:
    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        starting.start(project, starting.Request(("python", "slow.py"), name="elsewhere"))
        await shows(pilot, "elsewhere", "▶1")
        assert pilot.app.page.table.current == 3, "the cursor stays on its run"
        row = lambda: pilot.app.page.snapshot.rows[4].run.metrics["val_auc"].count  # noqa: E731
        await until(
            pilot,
            lambda: 4 in pilot.app.page.snapshot.rows and "val_auc" in pilot.app.page.snapshot.rows[4].run.metrics,
        )
        before = row()
        await until(pilot, lambda: row() > before + 5)


async def test_mouse_selects_and_a_double_click_opens(project: Project) -> None:
    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        await pilot.click("#runs", offset=(12, 3))
        await until(pilot, lambda: pilot.app.page.table.current == 2)
        await pilot.click("#runs", offset=(12, 4), times=2)
        await until(pilot, lambda: pilot.app.page.screen_id == "run" and pilot.app.page.number == 1)
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.page.screen_id == "runs")


async def test_footer_keys_and_tabs_are_buttons(project: Project) -> None:
    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        foot = screen(pilot.app)[-1]
        await pilot.click("#foot", offset=(foot.index("? help"), 0))
        await shows(pilot, "Keys of Runs")
        await pilot.press("escape")
        await until(pilot, lambda: "Keys of Runs" not in text(pilot.app))
        await pilot.click("#top", offset=(screen(pilot.app)[0].index("Projects"), 0))
        await shows(pilot, "Which of these runs is best?")


async def test_a_deleted_store_is_told_and_a_new_one_is_taken(project: Project) -> None:
    import shutil

    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        shutil.rmtree(project.inner)
        await shows(pilot, "No runs yet")
        starting.start(project, starting.Request(name="again"))
        await shows(pilot, "again")


async def test_a_store_of_a_newer_version_is_told(empty_project: Project) -> None:
    connection = empty_project.open_store()
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    async with driven(empty_project) as pilot:
        await shows(pilot, "written by a newer Workbench")


@pytest.mark.parametrize("size", [(80, 24), (40, 12), (100, 30), (200, 60)])
async def test_every_size_shows_the_runs(project: Project, size: tuple[int, int]) -> None:
    async with driven(project, size) as pilot:
        await shows(pilot, "third", "0.8")
        assert all(len(line) == size[0] for line in screen(pilot.app))


async def test_a_tiny_terminal_says_so(project: Project) -> None:
    async with driven(project, (20, 5)) as pilot:
        await shows(pilot, "needs 24×6")
        await pilot.resize_terminal(120, 40)
        await shows(pilot, "third")


def test_the_slow_script_is_ended(project: Project) -> None:
    starting.start(project, starting.Request(("python", "slow.py")))
    wait_for(lambda: actions.get(project, "4").status == "running")
    stop_all(project)
    assert actions.get(project, "4").status == "stopped"


async def test_what_is_typed_in_one_go_after_the_filter_key_is_the_filter(project: Project) -> None:
    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        type_at_once(pilot.app, "/val_auc > 0.75\n")
        await shows(pilot, "1–2 of 2", "val_auc > 0.75")
        type_at_once(pilot.app, "sval_auc\n")
        await until(pilot, lambda: list(pilot.app.page.table.items) == [2, 3])
        type_at_once(pilot.app, "sduration\n\n")  # the second enter comes too late to answer
        await until(pilot, lambda: pilot.app.page.snapshot.view.sort == "duration")
        type_at_once(pilot.app, "1")
        await until(pilot, lambda: pilot.app.page.screen_id == "projects")
        type_at_once(pilot.app, "2j\n")
        await until(pilot, lambda: pilot.app.page.screen_id == "run")


async def test_keys_typed_before_a_page_is_there_wait_for_it(project: Project) -> None:
    async with driven(project) as pilot:
        type_at_once(pilot.app, "/val_auc > 0.75\n")
        await shows(pilot, "1–2 of 2", "val_auc > 0.75")
        pilot.app.open_run(3)
        type_at_once(pilot.app, "\t")
        await until(pilot, lambda: pilot.app.page.screen_id == "run" and pilot.app.page.pane != "curves")


async def test_keys_typed_before_anything_was_read_wait_for_it(project: Project) -> None:
    async with driven(None, projects=[project.folder]) as pilot:
        type_at_once(pilot.app, "\njj\n")
        await until(pilot, lambda: pilot.app.page is not None and pilot.app.page.screen_id == "run")
        assert pilot.app.page.number == 1


async def test_enter_and_the_keys_typed_with_it_go_where_enter_leads(project: Project) -> None:
    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        type_at_once(pilot.app, "\n\t")
        await until(pilot, lambda: pilot.app.page.screen_id == "run" and pilot.app.page.pane != "curves")
        type_at_once(pilot.app, "2j\n\t\t")
        await until(pilot, lambda: pilot.app.page.snapshot.run is not None and pilot.app.page.snapshot.run.number == 2)
        assert pilot.app.page.pane != "curves"
        type_at_once(pilot.app, "1\n2jj\n")
        await shows(pilot, "1 first", "Curves")
