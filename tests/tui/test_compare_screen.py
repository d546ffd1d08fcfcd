"""The Compare screen over real runs: what it shows, what its keys do, at any size."""

from __future__ import annotations

import asyncio

import pytest

from tests.conftest import git
from tests.tui.driving import driven, open_page, screen, shows, stop_all, text, until, wait_for
from workbench.actions import compare as actions
from workbench.actions import runs, starting
from workbench.runs.significance import welch
from workbench.tui.screens.compare import ComparePage
from workbench.tui.screens.compare_rows import verdict

NASTY = "\x1b]52;c;aGk=\x07[@click=app.quit]$x^{\n\u202e"


def compared(page):
    """Whether runs and the differences of their code are on the screen."""
    return page.sight is not None and len(page.codes) == len(page.sight.compared.runs) - 1


async def open_compare(pilot, *numbers):
    await open_page(pilot, "compare", target=numbers, ready=compared)


async def test_without_marks_it_says_what_to_do(project):
    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        await pilot.press("3")
        await shows(pilot, "Mark two runs with space.")
        await pilot.press("v", "d", "a", "enter", "B", "tab", "left")
        await shows(pilot, "Mark two runs with space.")


async def test_marked_runs_are_compared_with_the_differences_first(project):
    async with driven(project) as pilot:
        await shows(pilot, "1–3 of 3")
        await pilot.press("space", "down", "space", "c")
        await shows(pilot, "Differences", "Parallel coordinates", "★")
        app = pilot.app
        await until(pilot, lambda: compared(app.page))
        assert len(app.page.sight.compared.runs) == 2
        await shows(pilot, "top", "val_auc ↑", "too few runs: 1 against 1")
        assert "lr" not in {row.label for row in app.page.table.rows.values()}, "equal values are hidden"
        assert any("⠀" < char <= "⣿" for line in screen(app)[3:12] for char in line[:58]), "curves"
        await pilot.press("d")
        await shows(pilot, "all values (d)", "lr ")


async def test_the_cursor_reads_values_out_with_their_differences(project):
    async with driven(project) as pilot:
        await open_compare(pilot, 1, 2)
        await pilot.press("end")
        await shows(pilot, "@29", "at step 29")
        first, second = (runs.get(project, name).metrics["val_auc"].last for name in "12")
        assert any(f"{second:.4f} {second - first:+.4f}" in line for line in screen(pilot.app))
        await pilot.press("left", "home")
        await shows(pilot, "@0")
        await pilot.press("escape")
        await until(pilot, lambda: "@0" not in text(pilot.app))
        assert pilot.app.page.screen_id == "compare"
        await pilot.click("#curves", offset=(30, 6))
        await shows(pilot, "@")


async def test_axis_scale_smoothing_and_metric_change_by_keys(project):
    async with driven(project) as pilot:
        await open_compare(pilot, 1, 2)
        await pilot.press("plus", "a", "L")
        await shows(pilot, "time · ema 0.3 · log", "seconds")
        await pilot.press("minus", "a", "L")
        await shows(pilot, "step · raw")
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: pilot.app.page.sight.metric == "train_loss")
        await shows(pilot, "╭─ train_loss")
        await pilot.press("left_square_bracket", "left_square_bracket")
        await until(pilot, lambda: pilot.app.page.sight.metric == "val_loss")


async def test_baseline_is_pinned_for_the_lit_column_and_unpinned(project):
    async with driven(project) as pilot:
        await open_compare(pilot, 1, 2, 3)
        await pilot.press("tab", "tab", "right")
        await pilot.press("B")
        await until(pilot, lambda: pilot.app.page.sight.compared.pinned)
        assert pilot.app.page.sight.compared.baseline.number == 2
        await shows(pilot, "2 ★ second")
        await pilot.press("B")
        await until(pilot, lambda: not pilot.app.page.sight.compared.pinned)


@pytest.mark.parametrize("kind", ["png", "svg", "csv", "md"])
async def test_export_writes_a_new_file_and_says_where(project, kind):
    async with driven(project) as pilot:
        await open_compare(pilot, 1, 2)
        folder = project.inner / "exports"
        for count in (1, 2):
            await pilot.press("v")
            await shows(pilot, "Export curves")
            await pilot.press(*{"md": "markdown"}.get(kind, kind), "enter")
            await until(pilot, lambda count=count: len(list(folder.glob(f"*.{kind}"))) == count)
        await shows(pilot, f"Wrote .workbench/exports/val_auc-1-2-2.{kind}")
        start = {"png": b"\x89PNG", "svg": b"<?xml", "csv": b"run,step,val_auc", "md": b"###"}[kind]
        assert all(path.read_bytes().startswith(start) for path in folder.iterdir())


@pytest.mark.parametrize("with_git", [True, False], ids=["git", "no git"])
async def test_enter_on_the_code_shows_the_changed_lines(empty_project, with_git):
    folder = empty_project.folder
    if with_git:
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "one"]):
            git(folder, *words)
    train(empty_project)
    script = (folder / "train.py").read_text()
    (folder / "train.py").write_text(script.replace("range(30)", "range(31)") + "# \x1b[2Jend\n")
    train(empty_project)
    async with driven(empty_project) as pilot:
        await open_compare(pilot, 1, 2)
        await shows(pilot, "1 file +2 -1", "train.py")
        await pilot.press("tab", "tab", "end", "enter")
        await shows(pilot, "Code: 1 → 2", "-for step in range(30):", "+for step in range(31):", "+# ␛[2Jend")
        assert "\x1b" not in text(pilot.app)
        await pilot.press("escape")
        await shows(pilot, "Differences")


def train(project, **overrides):
    request = starting.Request(overrides={key: str(value) for key, value in overrides.items()})
    (number,) = starting.start(project, request)
    wait_for(lambda: runs.get(project, str(number)).is_over)
    return number


async def test_repeats_show_the_verdict_of_the_test(empty_project):
    script = empty_project.folder / "train.py"
    script.write_text(
        "import workbench as w\nw.log({'val_auc': float(w.param('top', 0)) + int(w.param('seed', 0)) % 7 / 100})\n"
    )
    values = [[], []]
    for group, top in enumerate((0.5, 0.9)):
        for seed in range(1, 4):
            number = train(empty_project, top=top, seed=10 * group + seed)
            values[group].append(runs.get(empty_project, str(number)).metrics["val_auc"].last)
    expected = welch(*values).verdict
    assert expected.startswith("real")
    async with driven(empty_project) as pilot:
        await open_compare(pilot, *range(1, 7))
        await shows(pilot, "run 1,2,3", "run 4,5,6", expected, "n=3")
        assert verdict(pilot.app.page.sight.compared.comparison, "val_auc") == expected


async def test_curves_move_while_runs_go(empty_project):
    for _ in range(2):
        starting.start(empty_project, starting.Request(command=("python", "slow.py")))
    try:
        wait_for(lambda: all(run.metrics for run in runs.list_runs(empty_project)))
        async with driven(empty_project) as pilot:
            pilot.app.go("compare", (1, 2))
            await until(pilot, lambda: pilot.app.page.screen_id == "compare" and pilot.app.page.sight is not None)
            before = pilot.app.page.sight.counts
            drawn = pilot.app.page.curves.lines()
            await until(pilot, lambda: min(pilot.app.page.sight.counts) > max(before) + 20)
            assert pilot.app.page.curves.lines() != drawn
            assert "▶ running" in text(pilot.app)
    finally:
        stop_all(empty_project)


async def test_at_80_columns_tab_turns_the_panes_and_nothing_is_lost(project):
    async with driven(project, (80, 24)) as pilot:
        await open_compare(pilot, 1, 2, 3)
        await shows(pilot, "╭─ val_auc")
        assert "Differences ─" not in text(pilot.app)
        await pilot.press("tab")
        await shows(pilot, "╭─ Parallel coordinates")
        await pilot.press("tab")
        await shows(pilot, "╭─ Differences", "too few runs")
        await pilot.press("shift+tab", "shift+tab")
        await shows(pilot, "╭─ val_auc")
        await pilot.resize_terminal(140, 45)
        await shows(pilot, "╭─ val_auc", "╭─ Parallel coordinates", "╭─ Differences")


@pytest.mark.parametrize("size", [(40, 12), (24, 6), (20, 5), (300, 80), (110, 29), (79, 16)], ids=str)
async def test_it_stands_any_size_and_every_run_can_be_reached(project, size):
    async with driven(project, size) as pilot:
        await open_compare(pilot, 1, 2, 3)
        for key in ("end", "tab", "right", "tab", "right", "right", "end", "d", "home", "plus", "L", "a"):
            await pilot.press(key)
        assert pilot.app.page.table.chosen == 2
        if size == (40, 12):
            await shows(pilot, "3 third", "★")
        for other in ((40, 12), (120, 40), (10, 3), size):
            await pilot.resize_terminal(*other)
            await pilot.pause()
        assert len(screen(pilot.app)) == size[1]


async def test_without_colours_signs_and_numbers_tell_the_runs_apart(project, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    async with driven(project) as pilot:
        await open_compare(pilot, 1, 2)
        await pilot.press("end")
        await shows(pilot, "≠", "▲")
        box = [line for line in screen(pilot.app) if "@29" in line]
        assert [line.split("@29")[0].split()[-1].strip("╎│") for line in box] == ["1", "2"]


async def test_foreign_names_are_only_text(empty_project):
    script = empty_project.folder / "train.py"
    script.write_text(
        f"import workbench\nn = {NASTY!r}\nworkbench.log_params({{n: n, 'p': workbench.param('p', '')}})\n"
        "for s in range(5): workbench.log({n: float(s), 'val_auc': 0.1 * s}, step=s)\n"
    )
    for name in (NASTY, "[red]"):
        starting.start(empty_project, starting.Request(name=name, overrides={"p": name}))
    wait_for(lambda: all(run.is_over for run in runs.list_runs(empty_project)))
    async with driven(empty_project) as pilot:
        await open_compare(pilot, 1, 2)
        await pilot.press("right_square_bracket", "d")
        await until(pilot, lambda: pilot.app.page.sight.metric != "val_auc")
        await shows(pilot, "[red]", "[@click=app.quit]")
        shown = "".join(screen(pilot.app))
        assert not {"\x1b", "\x07", "\u202e", "\n"} & set(shown)
        await pilot.press("v", *"png", "enter")
        await until(pilot, lambda: any((empty_project.inner / "exports").glob("*.png")))


async def test_a_deleted_run_leaves_and_the_last_ones_go(project):
    async with driven(project) as pilot:
        await open_compare(pilot, 1, 2, 3)
        runs.delete(project, [3])
        await until(pilot, lambda: pilot.app.page.sight is not None and len(pilot.app.page.sight.compared.runs) == 2)
        runs.delete(project, [2])
        await shows(pilot, "Mark two runs with space.")


def test_long_curves_keep_their_ends_and_their_mean(empty_project):
    script = empty_project.folder / "train.py"
    script.write_text("import workbench\nfor s in range(20000): workbench.log({'m': s % 2 * 2.0}, step=s)\n")
    number = train(empty_project)
    (curve,) = actions.curves(empty_project, [runs.get(empty_project, str(number))], "m")
    assert 300 < len(curve.steps) <= actions.BUCKETS + 1
    assert curve.steps[0] == 0 and curve.steps[-1] > 19_900
    assert all(abs(value - 1) < 0.1 for value in curve.values)


async def test_a_screen_is_entered_and_shown_only_when_it_is_there_to_be_arranged(project, monkeypatch):
    was_there = []
    enter, show = ComparePage.enter, ComparePage.show

    async def slowly(page):
        for _ in range(30):
            await asyncio.sleep(0.01)

    monkeypatch.setattr(ComparePage, "on_mount", slowly, raising=False)
    monkeypatch.setattr(ComparePage, "enter", lambda page, at: (was_there.append(page.is_mounted), enter(page, at)))
    monkeypatch.setattr(ComparePage, "show", lambda page, new: (was_there.append(page.is_mounted), show(page, new)))
    async with driven(project) as pilot:
        await open_compare(pilot, 1, 2, 3)
        await shows(pilot, "╭─ Differences", "3 third")
        assert was_there and all(was_there)
