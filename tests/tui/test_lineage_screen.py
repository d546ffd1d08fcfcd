"""The Lineage screen: what it shows, how it is walked, at any size, with any names."""

from __future__ import annotations

import pytest

from tests.tui.driving import driven, line_of, open_page, screen, shows, text, type_at_once, until
from tests.unit.lineage.rows import Store, digest

RAW, CLEAN, MODEL, MODEL2 = (digest(word) for word in ("raw", "clean", "model", "other"))


@pytest.fixture
def store(tmp_path):
    """Run 1 prepares; 2 and 3 train on it, with other code."""
    folder = tmp_path / "little"
    folder.mkdir()
    made = Store(folder)
    made.run({"raw.csv": RAW}, {"clean.csv": CLEAN}, name="prepare", tree="a" * 40, env="e" * 64)
    made.run({"clean.csv": CLEAN}, {"m.bin": MODEL}, name="heron", tree="a" * 40, env="e" * 64, auc=0.7)
    made.run(
        {"clean.csv": CLEAN}, {"m.bin": MODEL2}, name="otter", tree="b" * 40, env="e" * 64, params={"lr": 0.1}, auc=0.9
    )
    yield made
    made.connection.close()


async def open_lineage(pilot, target=None):
    await open_page(pilot, "lineage", target=target, ready=lambda page: bool(page.sight.graph.nodes))


async def test_without_runs_it_says_what_to_configure(empty_project):
    async with driven(empty_project) as pilot:
        await shows(pilot, "No runs yet.")
        await pilot.press("4")
        await shows(pilot, "No lineage yet.", "[train]  inputs =", "outputs =")
        await pilot.press("left", "enter", "D", "V", "v", "y", "I", "tab", "down")
        await shows(pilot, "No lineage yet.")
        await pilot.press("escape")
        assert pilot.app.page.screen_id == "runs"


async def test_the_best_run_stands_between_what_it_came_from_and_what_it_made(store):
    async with driven(store.project) as pilot:
        await shows(pilot, "1–3 of 3")
        await pilot.press("4")
        await shows(pilot, "focus: run 3 otter", "┃", "clean.csv@", "m.bin@", "lr=0.1", "raw.csv@", "1 prepare")
        app = pilot.app
        await shows(pilot, "trained on")
        assert line_of(app, "trained on").count("clean.csv@") == 1
        await shows(pilot, "▲ 0.2 vs run 2", "python 3.11.7", "2 packages", "12 rows")
        reached = app.page.graph.reached()
        assert f"data:{RAW}" in reached.back and reached.forward == {f"data:{MODEL2}"}
        assert "run:2" not in reached.back | reached.forward, "it stands beside, dimmed"


async def test_arrows_walk_the_lines_and_the_layers(store):
    async with driven(store.project) as pilot:
        await open_lineage(pilot, 3)
        page = pilot.app.page
        await pilot.press("l")
        await until(pilot, lambda: page.selected == f"data:{MODEL2}")
        await shows(pilot, "produced by", "✓ run 3 otter")
        await pilot.press("right")
        await shows(pilot, "Nothing came from it yet.")
        await pilot.press("left")
        await until(pilot, lambda: page.selected == "run:3")
        await pilot.press("h")
        await until(pilot, lambda: page.selected != "run:3")
        first = page.selected
        assert first in page.graph.reached().back or any(edge.source == first for edge in page.sight.graph.edges)
        await pilot.press("g")
        await pilot.pause()
        top = page.selected
        await pilot.press("G")
        await until(pilot, lambda: page.selected != top)
        await pilot.press("up", "k", "pageup", "pagedown", "j")
        await pilot.pause()
        assert page.selected in page.sight.graph.nodes


async def test_enter_opens_a_run_and_puts_anything_else_in_focus(store):
    async with driven(store.project) as pilot:
        await open_lineage(pilot, 3)
        page = pilot.app.page
        await pilot.press("right", "enter")
        await until(pilot, lambda: page.sight.graph.focus == (f"data:{MODEL2}",))
        await pilot.press("escape")
        await until(pilot, lambda: page.sight.graph.focus == ("run:3",))
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.page.screen_id == "run")
        await shows(pilot, "otter")
        await pilot.press("I")
        await until(pilot, lambda: pilot.app.page.screen_id == "lineage")
        await shows(pilot, "focus: run 3 otter")
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.page.screen_id == "run")


async def test_enter_on_a_version_of_data_opens_it(store):
    store.execute(
        "INSERT INTO data_versions (path, hash, kind, size, created, seen) VALUES ('raw.csv', ?, 'file', 9, 1, 1)",
        (RAW,),
    )
    async with driven(store.project) as pilot:
        await open_lineage(pilot, f"data:{RAW}")
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.page.screen_id == "data")
        await shows(pilot, "raw.csv")


async def test_the_key_on_runs_shows_the_lineage_of_the_selected_run(store):
    async with driven(store.project) as pilot:
        await shows(pilot, "1–3 of 3")
        await pilot.press("G", "I")
        await shows(pilot, "focus: run 1 prepare")


async def test_a_click_selects_and_two_open(store):
    async with driven(store.project) as pilot:
        await open_lineage(pilot, 3)
        page = pilot.app.page
        spot = page.graph.plan.spots["run:1"]
        at = (spot.x + 3 - page.graph.left, spot.y + 1 - page.graph.top)
        await pilot.click("#graph", offset=at)
        await until(pilot, lambda: page.selected == "run:1")
        await pilot.click("#graph", offset=at, times=2)
        await until(pilot, lambda: pilot.app.page.screen_id == "run")


async def test_keys_typed_together_each_begin_where_the_one_before_led(store):
    async with driven(store.project) as pilot:
        await open_lineage(pilot, 3)
        type_at_once(pilot.app, "lh\n\t")
        await until(pilot, lambda: pilot.app.page.screen_id == "run" and pilot.app.page.pane != "curves")
        assert pilot.app.page.number == 3


async def test_many_neighbours_are_counted_and_read_when_opened(store):
    for number in range(40):
        store.run({"clean.csv": CLEAN}, {"m.bin": digest(f"{number:03}")})
    async with driven(store.project) as pilot:
        await open_lineage(pilot, f"data:{CLEAN}")
        assert pilot.app.page.sight.graph.nodes[f"more:forward:data:{CLEAN}"].label == "+32 more"
        page = pilot.app.page
        page.walk(f"more:forward:data:{CLEAN}", False)
        await until(pilot, lambda: page.graph.selected.startswith("more:"))
        await pilot.press("enter")
        await until(pilot, lambda: f"data:{digest('039')}" in page.sight.graph.nodes and page.width == 32)
        assert sum(key.startswith("run:") for key in page.sight.graph.nodes) > 30


async def test_depth_copy_export_and_tree(store):
    async with driven(store.project) as pilot:
        await open_lineage(pilot, 3)
        page = pilot.app.page
        await pilot.press("D")
        await shows(pilot, "depth 8")
        await pilot.press("y")
        await shows(pilot, "Copied 000000000000000002.")
        await pilot.press("v")
        await shows(pilot, "Export lineage")
        await pilot.press(*"mermaid", "enter")
        folder = store.project.inner / "exports"
        await until(pilot, lambda: folder.exists() and bool(list(folder.glob("lineage-3-otter.mmd"))))
        await pilot.press("V")
        await shows(pilot, "├─ came from", "└─ went into")
        await pilot.press("down", "down")
        await until(pilot, lambda: page.selected == f"data:{CLEAN}")
        await pilot.press("left")
        await pilot.press("V")
        await shows(pilot, "┃")


@pytest.mark.parametrize("size", [(24, 6), (30, 9), (40, 12), (80, 24), (99, 30), (120, 40), (200, 50), (300, 80)])
async def test_it_works_at_any_size(store, size):
    async with driven(store.project, size=size) as pilot:
        await open_lineage(pilot, 3)
        page = pilot.app.page
        assert page.is_tree == (size[0] < 100)
        await shows(pilot, "otter")
        for key in ("tab", "down", "tab", "V", "left", "up", "V", "right", "down"):
            await pilot.press(key)
        await pilot.pause()
        assert len(screen(pilot.app)) == size[1]
        await pilot.resize_terminal(100, 30)
        await pilot.pause()
        await pilot.resize_terminal(50, 14)
        await pilot.pause()
        assert page.selected in page.sight.graph.nodes


async def test_foreign_names_are_drawn_and_never_obeyed(store):
    poison = "two\nlines [red]x[/] \x1b[2J [@click=app.quit]y\u202e.csv"
    store.run({poison: digest("bad")}, {f"made/{poison}": digest("worse")}, name=poison, tree="c" * 40, auc=0.95)
    store.execute("UPDATE runs SET code = replace(code, 'main', '[red]main[/]') WHERE id = 4")
    for size in ((120, 40), (80, 24)):
        async with driven(store.project, size=size) as pilot:
            await open_lineage(pilot, 4)
            await pilot.press("left", "right", "V", "down", "down", "V")
            await pilot.pause()
            shown = text(pilot.app)
            assert "\x1b" not in shown and "\u202e" not in shown
            assert "[red]" in shown


async def test_a_run_without_inputs_says_how_to_name_them(store):
    store.run({}, {}, name="bare")
    async with driven(store.project) as pilot:
        await open_lineage(pilot, 4)
        await shows(pilot, "This run recorded no data: name it in workbench.toml")


async def test_what_is_gone_is_told(store):
    async with driven(store.project) as pilot:
        await pilot.pause()
        pilot.app.go("lineage", "run:77")
        await shows(pilot, "Nothing is known of 'run:77'")
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.page.screen_id == "runs")
