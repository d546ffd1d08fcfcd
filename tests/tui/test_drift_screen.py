"""The Drift view: the newest report by severity, one column closely, windows, alerts, checking from the screen."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from dataclasses import replace

import pytest

from tests.tui.driving import driven, line_of, open_page, screen, shows, text, until
from workbench.actions import drift as actions
from workbench.actions import runs
from workbench.cli.main import parser_of
from workbench.drift import records
from workbench.drift.report import Judged, Request
from workbench.drift.statistics import Statistic
from workbench.project import load
from workbench.runs import launch
from workbench.tui.kit.grid import wrapped
from workbench.tui.kit.heatmap import heatmap
from workbench.tui.screens.drift_column import _others
from workbench.tui.screens.drift_features import _parts
from workbench.tui.screens.drift_sight import short_name

CONFIG = """
[project]
name = "little"
[data]
train = "data/train.csv"
holdout = "data/holdout.csv"
time = "day"
target = "late"
[drift]
by = "month"
reference = "first"
"""
MONTHS = 7


def rows(*, drifting=True):
    """Return 60 rows a month; from the third month on `temp` lies 30 higher, from the fifth another carrier flies."""
    lines = ["day,temp,carrier,late"]
    for month in range(1, MONTHS + 1):
        for row in range(60):
            temp = round(10 + 6 * math.sin(row), 3) + (30 if drifting and month >= 3 else 0)
            carrier = "ZZ" if drifting and month >= 5 and row % 2 else ("AA", "UA")[row % 2]
            lines.append(f"2026-{month:02d}-{row % 28 + 1:02d},{temp},{carrier},{row % 3 == 0}")
    return "\n".join([*lines, ""])


@pytest.fixture
def data(make_project):
    """A project whose data drifts; nothing was checked yet."""
    return make_project({"data/train.csv": rows(), "data/holdout.csv": rows(drifting=False)}, CONFIG, "little")


@pytest.fixture
def checked(data):
    """The same with one report."""
    actions.compare(data)
    return data


async def test_without_a_check_it_says_which_key_makes_one(empty_project):
    async with driven(empty_project) as pilot:
        await open_page(pilot, "drift", "No check for drift yet", "Versions │ Schema │ Drift")
        for key in ("enter", "left", "right", "a", "y", "v", "tab", "f", "o"):
            await pilot.press(key)
            await pilot.pause()
        await shows(pilot, "No check for drift yet")
        await pilot.press("r")
        await shows(pilot, "Name the data in workbench.toml: [drift] current =")
        await pilot.press("escape")
        assert pilot.app.page.screen_id == "data"


async def test_the_status_says_what_the_alerts_started_also_where_it_is_told_after_the_report(checked):
    config = checked.folder / "workbench.toml"
    config.write_text(config.read_text() + 'on_alert = "train"\n')
    async with driven(load(checked.folder)) as pilot:
        await open_page(pilot, "drift", "Features in 2026-07")
        report = actions.compare(load(checked.folder))
        pilot.app.page.ask()
        await shows(pilot, "◆ no run could be started: workbench.toml names no command to run")
        with contextlib.closing(checked.open_store()) as connection:
            records.save_start(connection, replace(report, run=5, not_started=""))
        pilot.app.page.ask()
        await shows(pilot, "▶ started run 5")


async def test_brackets_go_from_view_to_view(checked):
    async with driven(checked) as pilot:
        await pilot.pause()
        await pilot.press("5")
        await shows(pilot, "Versions │ Schema │ Drift")
        for key, name in (("right_square_bracket", "schema"), ("right_square_bracket", "drift"),
                          ("right_square_bracket", "data"), ("left_square_bracket", "drift")):  # fmt: skip
            await pilot.press(key)
            await until(pilot, lambda name=name: pilot.app.page.screen_id == name and pilot.app.page.is_mounted)
            assert pilot.app.tab == "data", "one tab for all of them"
        await shows(pilot, "5 Data", "Features in 2026-07")


async def test_columns_stand_by_severity_with_figures_against_chance(checked):
    async with driven(checked) as pilot:
        await open_page(pilot, "drift", "Features in 2026-07", "2 of 4 drift", "by month against 2026-01")
        page = pilot.app.page
        assert list(page.features.items)[:2] == ["temp", "carrier"]
        found = actions.latest(checked).windows[-1].column("temp")
        assert f"{found.effect:.2f}" in line_of(pilot.app, "▲ temp")
        await shows(pilot, "columns drift", "2 / 4", "■ 2026-01", "■ 2026-07", "statistic", "by chance", "KS")
        await shows(pilot, found.why[:30])
        await pilot.press("down")
        await shows(pilot, "╭─ carrier ", "ZZ", "TV")
        assert page.heat.column == page.features.column == "carrier"


async def test_arrows_walk_the_windows_and_the_map_marks_which(checked):
    async with driven(checked) as pilot:
        await open_page(pilot, "drift", "Features in 2026-07", "2026-02 to 2026-07")
        page = pilot.app.page
        mark = line_of(pilot.app, "▼").index("▼")
        await pilot.press("left", "left", "left")
        await shows(pilot, "Features in 2026-04", "1 of 4 drift")
        assert line_of(pilot.app, "▼").index("▼") < mark
        await pilot.press("h", "h", "h", "h")
        await shows(pilot, "Features in 2026-02", "0 of 4 drift")
        await pilot.press("right")
        await shows(pilot, "Features in 2026-03")
        await until(pilot, lambda: page.column.window is not None and page.column.window.label == "2026-03")


async def test_an_alert_is_seen_once(checked):
    async with driven(checked) as pilot:
        await open_page(pilot, "drift", "2 open", "temp since 2026-04")
        await pilot.press("a")
        await shows(pilot, "acknowledged.")
        await shows(pilot, "1 open", "seen by")
        (seen,) = [one for one in actions.alerts(checked) if one.state == "acknowledged"]
        assert seen.column == "temp" and seen.acknowledged_by
        await pilot.press("a")
        await shows(pilot, f"Alert {seen.id} was seen by")
        await pilot.press("shift+tab")
        await until(pilot, lambda: pilot.app.focused is pilot.app.page.alerts)
        assert pilot.app.page.alerts.chosen.column == "carrier", "what is open comes first"
        await pilot.press("a")
        await until(pilot, lambda: all(one.state == "acknowledged" for one in actions.alerts(checked)))
        await shows(pilot, "0 open")
        await pilot.press("enter")
        await shows(pilot, "Features in 2026-06", "╭─ carrier ")
        await pilot.press("G", "end", "up")
        pilot.app.page.features.select("late")
        pilot.app.page.go_pane("features")
        await pilot.press("a")
        await shows(pilot, "No alert of this column.")


async def test_the_key_checks_again_and_others_change_what_is_compared(checked):
    async with driven(checked) as pilot:
        await open_page(pilot, "drift", "Features in 2026-07")
        (checked.folder / "data/train.csv").write_text(rows(drifting=False))
        await pilot.press("r")
        await shows(pilot, "No drift.")
        await shows(pilot, "0 of 4 drift", "against 2026-01")
        await pilot.press("f")
        await shows(pilot, "Compare with", "the window before")
        await pilot.press(*"previous", "enter")
        await until(pilot, lambda: len(actions.listed(checked)) == 3)
        await until(pilot, lambda: pilot.app.page.sight.report.id == 3 and pilot.app.page.checking.is_over)
        assert actions.latest(checked).reference == "previous" and actions.latest(checked).by == "month"
        await pilot.press("o")
        await shows(pilot, "Cut into windows by", "quarter")
        await pilot.press("escape")
        await pilot.press("f")
        await shows(pilot, "Compare with")
        await pilot.press(*"data/no.csv", "enter")
        await until(pilot, lambda: any("data/no.csv" in toast.title for toast in pilot.app._notifications))
        assert len(actions.listed(checked)) == 3


async def test_other_windows_are_held_against_the_first_where_the_reference_was_one_of_them(data):
    actions.compare(data, Request(reference="2026-02"))
    async with driven(data) as pilot:
        await open_page(pilot, "drift", "Features in 2026-07", "by month against 2026-02")
        asked = []
        pilot.app.page.start_check, start = asked.append, pilot.app.page.start_check
        pilot.app.page._cut_by("all")
        pilot.app.page.start_check = start
        assert asked[0][:3] == ["--reference=training", "--current=data/train.csv", "--by=all"]
        await pilot.press("o")
        await shows(pilot, "Cut into windows by")
        await pilot.press(*"60 rows", "enter")
        await until(pilot, lambda: len(actions.listed(data)) == 2)
        assert actions.latest(data).by == "60 rows" and actions.latest(data).reference == "rows 1–60"


async def test_all_columns_together_are_checked_too(data):
    actions.compare(data, Request(reference="training", by="all"))
    async with driven(data) as pilot:
        await open_page(pilot, "drift", "Features in")
        assert "AUC" not in text(pilot.app)
        await pilot.press("R")
        await until(pilot, lambda: "p 0.01" in text(pilot.app), 120)
        await shows(pilot, "all together", "AUC", "0.5 by chance")
        assert actions.latest(data).windows[-1].domain.auc > 0.7


async def test_only_the_keys_that_check_again_check_all_columns_together_again(data):
    actions.compare(data, Request(reference="training", by="all", classifier=True))
    async with driven(data) as pilot:
        await open_page(pilot, "drift", "AUC")
        ran, page = [], pilot.app.page
        page.start_check = lambda options: ran.append((page.words_of(options), options))
        await pilot.press("r")
        assert ran[0][0] == "looking for drift, all columns together" and ran[0][1].count("--classifier") == 1
        await pilot.press("f")
        await shows(pilot, "Compare with")
        await pilot.press(*"previous", "enter")
        await until(pilot, lambda: len(ran) == 2)
        assert ran[1][0] == "looking for drift" and "--classifier" not in ran[1][1]


async def test_the_command_is_copied_and_charts_are_exported(checked):
    async with driven(checked) as pilot:
        await open_page(pilot, "drift", "Features in 2026-07")
        copied = []
        pilot.app.copy = lambda words, what="": copied.append(words)
        await pilot.press("y")
        assert copied == ["workbench drift show 1 --window 2026-07 --column temp"]
        for pane, title, end in (
            ("features", "features", "csv"),
            ("column", "column", "csv"),
            ("heat", "windows", "png"),
        ):
            pilot.app.page.go_pane(pane)
            await pilot.press("v")
            await shows(pilot, f"Export the {title}")
            await pilot.press(*end, "enter")
            await until(pilot, lambda end=end: any(f".{end}" in toast.message for toast in pilot.app._notifications))
            pilot.app.clear_notifications()
        written = [path for path in checked.folder.rglob("drift-1*") if path.is_file()]
        assert len(written) == 3, written


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 12)])
async def test_every_size_shows_whole_panes(checked, size):
    async with driven(checked, size) as pilot:
        await pilot.pause()
        pilot.app.go("drift")
        page = pilot.app.page
        await until(pilot, lambda: page.sight is not None and bool(page.features.items))
        for _ in range(5):
            await pilot.press("tab")
            await pilot.pause()
            lines = screen(pilot.app)
            assert all(line.rstrip().endswith(("╮", "│", "╯")) for line in lines if line[0] in "╭│╰"), text(pilot.app)
        for other in ((10, 60), (200, 20), (61, 17), (1, 1), size):
            await pilot.resize_terminal(*other)
            await pilot.pause()
        await until(pilot, lambda: "temp" in text(pilot.app))


async def test_poisoned_names_are_text(data):
    poison = "\x1b]52;c;cHduZWQ=\x07[red]x[/] [@click=app.quit]\u202e"
    content = rows().replace("temp", f"{poison}temp").replace("ZZ", f"ZZ{poison}")
    (data.folder / "data/train.csv").write_text(content)
    actions.compare(data)
    async with driven(data) as pilot:
        await open_page(pilot, "drift", "Features in 2026-07", "[red]x[/]", "2 open")
        for key in ("down", "tab", "tab", "tab", "a", "tab", "f"):
            await pilot.press(key)
            await pilot.pause()
            assert all(line.isprintable() and "\u202e" not in line for line in screen(pilot.app))


async def test_without_colours_the_charts_are_told_apart_by_glyphs(checked, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    async with driven(checked) as pilot:
        await open_page(pilot, "drift", "Features in 2026-07", "▲ temp", "░ 2026-01", "▒ 2026-07")
        assert any(glyph in text(pilot.app) for glyph in "▇█")


def test_the_parts_of_a_feature_fit():
    for width in (1, 8, 20, 30, 36, 46, 80, 200):
        for windows in (1, 6, 40):
            parts = _parts(width, windows)
            assert parts[0][0] == "feature"
            assert all(length >= 1 for _, _, length in parts)
            if width >= 16:
                assert parts[-1][1] + parts[-1][2] <= width


async def test_a_check_that_compared_nothing_says_why(data):
    (data.folder / "data/one.csv").write_text("day,temp\n" + "2026-01-02,3\n" * 40)
    actions.compare(data, Request(current="data/one.csv"))
    async with driven(data, (80, 24)) as pilot:
        await open_page(pilot, "drift", "Nothing was compared.", "window but the reference.")
        assert "No check for drift" not in text(pilot.app) and "false alerts" not in text(pilot.app)


async def test_files_are_called_by_their_names_and_versions_by_their_hashes(data):
    actions.compare(data, Request("training", "data/holdout.csv", "all"))
    async with driven(data) as pilot:
        await open_page(pilot, "drift", "Features in holdout.csv", "■ train.csv", "■ holdout.csv")
    assert short_name("data/x.csv@0123456789", "old/x.csv@abcdefabcd") == "x.csv@012345"
    assert [short_name(label, "2026-01") for label in ("2026-02", "rows 1–100", "y.csv")] == [
        "2026-02", "rows 1–100", "y.csv",
    ]  # fmt: skip


async def test_on_a_small_terminal_nothing_that_is_said_is_cut(checked):
    async with driven(checked, (80, 24)) as pilot:
        await open_page(pilot, "drift", "train.csv by month against 2026-01", "2 of 4", "▲ drift  effect", "■ both")
        assert "…" not in text(pilot.app)
        await pilot.press("tab", "tab")
        await shows(pilot, "≥0.4", "2026-02 to 2026-07")
        assert "…" not in text(pilot.app)


def test_statistics_that_decide_nothing_follow_one_another_in_whole():
    shown = [Judged(Statistic(name, 0.125, 0.01)) for name in ("PSI", "JS", "Wasserstein", "L∞")]
    for width in (20, 30, 40, 60, 90):
        lines = ["".join(words for words, _ in line) for line in _others(shown, width)]
        assert all(len(line) <= max(width, 28) and line.count("(") == line.count(")") for line in lines)
        assert "  ".join(lines) == "PSI 0.125 (0.01)  JS 0.125 (0.01)  Wasserstein 0.125 (0.01)  L∞ 0.125 (0.01)"


def test_sentences_break_at_spaces():
    assert wrapped("one two  three", 7) == ["one two", "three"]
    assert wrapped("", 5) == [] and wrapped("abcdefgh", 4) == ["abc…"]


def test_a_heat_map_marks_a_row_and_a_column():
    grid = heatmap([[0, 1], [1, 0]], ["a", "b"], ["x", "y"], 12, 6, row=1, column=1)
    assert grid.lines()[0].rstrip() == " " * 7 + "▼" or "▼" in grid.lines()[0]
    assert grid.style(0, 2).bold and not grid.style(0, 1).bold


async def test_a_column_that_the_policy_forbids_has_no_chart(checked):
    config = checked.folder / "workbench.toml"
    config.write_text(config.read_text() + '[policy]\nforbidden_columns = ["*"]\n')
    async with driven(load(checked.folder)) as pilot:
        await open_page(pilot, "drift", "guards the values")


def going_check(project, kind="drift", options=("--by=month",)):
    """Start a check that goes on until it is stopped, as another program would."""
    script = "import time\nprint('data/train.csv: 40% of 12 MB read', flush=True)\ntime.sleep(60)"
    wish = launch.Wish(("workbench", kind, *options), (sys.executable, "-c", script), kind=kind, fresh=True)
    with contextlib.closing(project.open_store()) as connection:
        return launch.start_at_once(project, connection, wish, time.time())


async def test_a_check_is_a_run_that_every_view_follows_and_leaving_does_not_end(checked):
    number = going_check(checked)
    async with driven(checked) as pilot, driven(checked) as other:
        for one in (pilot, other):
            await open_page(
                one, "drift", f"run {number}: looking for drift, data/train.csv: 40% of 12 MB read", "x stops it"
            )
    assert runs.get(checked, str(number)).status == "running"
    async with driven(checked) as pilot, driven(checked) as other:
        for one in (pilot, other):
            await open_page(one, "drift", f"run {number}: looking for drift")
        await other.press("r")
        await shows(other, f"Run {number} is looking for drift; x stops it.")
        await other.press("x")
        await shows(pilot, f"Run {number} was stopped: nothing was changed.")
        await pilot.press("x")
        await shows(pilot, "Nothing is being read or checked.")
        pilot.app.open_run(number)
        await shows(pilot, "data/train.csv: 40% of 12 MB read", "stopped on request")
        pilot.app.go("runs")
        await until(pilot, lambda: pilot.app.pages["runs"].seen)
        assert not list(pilot.app.pages["runs"].table.items)


def test_a_check_is_repeated_exactly_also_one_of_the_command_line(data):
    moments = rows().replace("day,", "then,day,").splitlines()
    lines = [moments[0], *(f"2025-0{at % 3 + 1}-01,{line}" for at, line in enumerate(moments[1:]))]
    (data.folder / "data/then.csv").write_text("\n".join([*lines, ""]))
    first = actions.compare(data, Request("holdout.csv", "then.csv", "month", "then"), folder=data.folder / "data")
    again = Request("data/holdout.csv", "data/then.csv", "month", "then")
    assert actions.latest(data).request == again
    for one in (again, replace(again, classifier=True), Request("-5", "a b", "60 rows")):
        args = parser_of("drift").parse_args(one.options)
        assert Request(args.reference, args.current, args.by, args.time, args.classifier) == one
    second = actions.compare(data, again)
    assert (second.series, second.reference, second.request) == (first.series, first.reference, again)
