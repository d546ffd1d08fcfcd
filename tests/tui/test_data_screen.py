"""The Data screen: versions, what one holds, what moved, taking and bringing back, at any size, with any names."""

from __future__ import annotations

import itertools
import re

import pytest

from tests.tui.driving import driven, line_of, open_page, screen, shows, text, until, wait_for
from workbench.actions import data as actions
from workbench.tui.kit.numbers import ago
from workbench.tui.screens.data import DataPage
from workbench.tui.screens.data_columns import _parts, bounds, range_text, shape
from workbench.tui.screens.data_reading import GivenUp, Job, compute, told

CONFIG = """
[project]
name = "little"
[data]
train = "data/train.csv"
id = "id"
[[charter.data]]
name = "patients"
where = "data/patients.csv"
copy = "never"
"""
NAMES = ("data/train.csv", "data/patients.csv")


def table(rows=40, carrier="AA", more=""):
    head = "id,day,temp,carrier" + (",extra" if more else "")
    lines = [
        f"{row},2026-01-{row % 28 + 1:02d},{row % 7 + 0.5},{carrier if row % 2 else 'UA'}{more}" for row in range(rows)
    ]
    return "\n".join([head, *lines, ""])


@pytest.fixture
def data(make_project):
    """A project with two files that nobody has taken a version of."""
    return make_project({NAMES[0]: table(), NAMES[1]: "name\nalice\n"}, CONFIG, "little")


@pytest.fixture
def moved(data):
    """The same with two versions of the table: other carriers, a column more, two rows fewer."""
    actions.snapshot(data)
    (data.folder / NAMES[0]).write_text(table(38, "ZZ", ",7"))
    actions.snapshot(data)
    return data


def hashes(project, path):
    return [version.hash for version in actions.listed(project, path)]


async def test_without_data_it_says_what_to_configure(empty_project):
    async with driven(empty_project) as pilot:
        await open_page(pilot, "data", "Name the training data in workbench.toml")
        await pilot.press("r", "u", "s", "y", "enter", "tab", "down", "shift+tab")
        await shows(pilot, "Name the training data in workbench.toml")
        await pilot.press("r")
        await shows(pilot, "Name the training data in workbench.toml.")


async def test_the_key_takes_a_snapshot_and_not_a_run(data):
    async with driven(data) as pilot:
        await open_page(pilot, "data", "no version yet")
        await pilot.press("r")
        await shows(pilot, "Snapshot taken: 2 new of 2 versions")
        await shows(pilot, "not kept", "40")
        (first,) = hashes(data, NAMES[0])
        await shows(pilot, first[:10], "carrier", "float64")
        await pilot.press("r")
        await shows(pilot, "Snapshot taken: 0 new of 2 versions")
        (data.folder / NAMES[0]).write_text(table(50))
        await pilot.press("r")
        await shows(pilot, "Snapshot taken: 1 new of 2 versions")
        await shows(pilot, "+10")


async def test_a_version_shows_its_columns_and_one_of_them_closely(data):
    actions.snapshot(data)
    async with driven(data) as pilot:
        await open_page(pilot, "data", "40 rows", "0.5 … 6.5")
        assert "2026-01-01 … 2026-01-28" in line_of(pilot.app, "day ") or "2026-01-01…2026-01-28" in text(pilot.app)
        await shows(pilot, "float64", "2 values", "first seen just now")
        assert "now ago" not in text(pilot.app)
        await pilot.press("enter", "down", "down")
        await until(pilot, lambda: pilot.app.page.detail.column.name == "temp")
        await shows(pilot, "╭─ temp ", "quantile", "50%", "mean")
        assert re.search(r"now +0\.5 +1\.5 +3\.5", text(pilot.app)), text(pilot.app)
        await pilot.press("enter")
        assert pilot.app.focused is pilot.app.page.detail
        await pilot.press("escape", "escape")
        assert pilot.app.focused is pilot.app.page.versions
        await pilot.press("escape")
        assert pilot.app.page.screen_id == "runs"


async def test_what_moved_since_the_version_before_is_shown_and_comes_first_on_a_key(moved):
    async with driven(moved, (160, 45)) as pilot:
        await open_page(pilot, "data", "▲ 0.5", "+ new", "-2 ~19 rows", "+1 column", "as in the file")
        page = pilot.app.page
        assert list(page.columns.items) == ["id", "day", "temp", "carrier", "extra"]
        await pilot.press("s")
        await shows(pilot, "by shift")
        assert list(page.columns.items)[:2] == ["extra", "carrier"]
        await pilot.press("tab", "g", "down")
        await until(pilot, lambda: page.detail.column.name == "carrier")
        await shows(pilot, "this version", "TV ▲ 0.5", "ZZ", "gone")
        await pilot.press("s")
        await shows(pilot, "as in the file")
        # The first version has none before it.
        await pilot.press("shift+tab", "G", "g", "down", "down")
        await until(pilot, lambda: page.sight.chosen.hash == hashes(moved, NAMES[0])[1] and page.sight.before is None)
        await pilot.press("s")
        await shows(pilot, "There is no version to compare with.")


async def test_the_key_brings_a_version_back_after_showing_what_it_overwrites(moved):
    place = moved.folder / NAMES[0]
    new, old = place.read_text(), table()
    async with driven(moved) as pilot:
        await open_page(pilot, "data", "38 rows")
        await pilot.press("down")
        await shows(pilot, "40 rows")
        await pilot.press("u")
        await shows(pilot, "Restore data/train.csv", "changed just now", "is overwritten by version", " Cancel ")
        await pilot.press("enter")
        await until(pilot, lambda: "is overwritten" not in text(pilot.app))
        assert place.read_text() == new
        await pilot.press("u")
        await shows(pilot, " Cancel ")
        await pilot.press("right", "enter")
        await shows(pilot, "Restored data/train.csv.")
        assert place.read_text() == old


async def test_bringing_back_over_what_is_in_no_version_is_refused(moved):
    place = moved.folder / NAMES[0]
    async with driven(moved) as pilot:
        await open_page(pilot, "data", "38 rows")
        place.write_text("not yet kept\n")
        await pilot.press("u")
        await shows(pilot, " Cancel ")
        await pilot.press("right", "enter")
        await until(pilot, lambda: any("in no version" in toast.title for toast in pilot.app._notifications))
        assert place.read_text() == "not yet kept\n"
        place.unlink()
        await pilot.press("u")
        await shows(pilot, "Nothing lies at data/train.csv")
        await pilot.press("right", "enter")
        await until(pilot, place.exists)


async def test_what_is_not_kept_cannot_come_back(data):
    actions.snapshot(data)
    async with driven(data) as pilot:
        await open_page(pilot, "data", "not kept")
        await pilot.press("G")
        await shows(pilot, "Only its facts are kept")
        await pilot.press("u")
        await shows(pilot, "Its bytes are not kept.")
        await pilot.press("y")
        await shows(pilot, "Copied the hash.")


async def test_a_file_that_is_no_table_says_so(data):
    (data.folder / "data" / "notes.bin").write_bytes(bytes(range(256)))
    actions.snapshot(data, ["data/notes.bin"])
    async with driven(data) as pilot:
        await open_page(pilot, "data", "notes.bin")
        page = pilot.app.page
        pilot.app.go("data", "data/notes.bin")
        await until(pilot, lambda: page.versions.path == "data/notes.bin" and bool(page.problems))
        await until(pilot, lambda: "Reading the table" not in text(pilot.app))


async def test_a_folder_shows_its_files_those_that_changed_first(data):
    folder = data.folder / "images"
    (folder / "deep").mkdir(parents=True)
    for name, content in (("1.txt", "one"), ("2.txt", "two"), ("deep/3.txt", "three")):
        (folder / name).write_text(content)
    actions.snapshot(data, ["images"])
    (folder / "1.txt").unlink()
    (folder / "2.txt").write_text("changed")
    (folder / "4\x1b[2J.txt").write_text("new")
    actions.snapshot(data, ["images", "data/train.csv"])
    async with driven(data) as pilot:
        await pilot.pause()
        pilot.app.go("data", "images")
        page = pilot.app.page
        await shows(pilot, "3 files", "+1 -1 ~1 1 the same", "- 1.txt", "~ 2.txt", "3 B → 7 B", "+ 4␛[2J.txt")
        assert page.files.items == ["-1.txt", "~2.txt", "+4\x1b[2J.txt", " deep/3.txt"]
        await pilot.press("down")
        await until(pilot, lambda: page.files.items == [" 1.txt", " 2.txt", " deep/3.txt"])
        await pilot.press("tab")
        assert pilot.app.focused is page.files
        await pilot.press("enter", "G", "tab")
        assert pilot.app.focused is page.versions
        pilot.app.go("data", "data/train.csv")
        await shows(pilot, "40 rows", "carrier")
        assert not page.files.display and page.detail.display


@pytest.mark.parametrize("size", [(120, 40), (160, 50), (80, 24), (40, 12)])
async def test_every_size_shows_whole_panes(moved, size):
    async with driven(moved, size) as pilot:
        await pilot.pause()
        await pilot.press("5")
        page = pilot.app.page
        await until(pilot, lambda: bool(page.columns.items) and page.sight.found is not None)
        for _ in range(3):
            await pilot.press("tab")
            await pilot.pause()
            for pane in (page.versions, page.columns, page.detail):
                if pane.is_on_screen and pane.display and pane.parent.display:
                    assert pane.region.right <= size[0] and pane.region.bottom <= size[1], (pane.id, pane.region)
            lines = screen(pilot.app)
            assert all(line.rstrip().endswith(("╮", "│", "╯")) for line in lines if line[0] in "╭│╰"), text(pilot.app)
        if size[0] >= 80:
            await pilot.press("tab")
            await shows(pilot, "type", "range", "int64", "0.5 … 6.5")
        for other in ((10, 60), (200, 20), (61, 17), (1, 1), size):
            await pilot.resize_terminal(*other)
            await pilot.pause()


async def test_poisoned_names_are_text(make_project):
    name = "a\x1b]52;c;cHduZWQ=\x07[red]b [@click=app.quit]\u202e.csv"
    columns = ["\x1b[2Jwipe", "[/] [bold]x", "\x9b31mred", "two\u2028lines"]
    lines = [",".join(columns), *["\x1b]0;T\x07,[@click=q]z,\u202e1,4"] * 9]
    project = make_project({name: "\n".join(lines)}, '[project]\nname = "little"\n', "little")
    actions.snapshot(project, [str(project.folder / name)])
    async with driven(project) as pilot:
        await open_page(pilot, "data", "[red]b [@click", "9 rows", "[/] [bold]x")
        for key in ("tab", "down", "down", "down", "tab", "shift+tab", "up"):
            await pilot.press(key)
            await pilot.pause()
            assert all(line.isprintable() and "\u202e" not in line for line in screen(pilot.app))
        await pilot.press("u")
        await shows(pilot, " Cancel ")
        assert all(line.isprintable() and "\u202e" not in line for line in screen(pilot.app))


async def test_leaving_does_not_wait_for_what_is_being_read(data):
    actions.snapshot(data)
    version = actions.listed(data, NAMES[0])[0]
    job = Job()
    job.give_up()
    assert compute(job, data, version, None).startswith("Given up")
    with pytest.raises(GivenUp):
        told(job, data, ["validate"])


async def test_what_is_given_up_says_so_and_is_read_again_on_enter(data, monkeypatch):
    from workbench.tui.screens import data_reading

    actions.snapshot(data)
    real = data_reading._wait

    def waits(job, *rest):
        job.tell("half of it")
        wait_for(lambda: job.is_given_up)
        return real(job, *rest)

    monkeypatch.setattr(data_reading, "_wait", waits)
    async with driven(data) as pilot:
        await open_page(pilot, "data", "Reading the table…", "reading data/train.csv, half of it…")
        await pilot.press("x")
        await shows(pilot, "Given up: enter reads it again.")
        await pilot.press("x")
        await shows(pilot, "Nothing is being read or checked.")
        monkeypatch.setattr(data_reading, "_wait", real)
        await pilot.press("enter")
        await shows(pilot, "40 rows", "carrier")


def test_a_page_that_is_not_up_yet_says_why_it_cannot_act():
    page = DataPage()
    assert page.can_restore() == page.can_copy() == "Choose a version first."


def test_ages_are_worded():
    assert [ago(seconds) for seconds in (0, 59, 60, 7200, None)] == ["just now", "just now", "1m ago", "2h ago", "—"]


@pytest.mark.parametrize("width", [1, 5, 10, 24, 38, 58, 70, 78, 94, 200])
def test_the_parts_of_a_column_fit_and_do_not_touch(width):
    for is_moved in (False, True):
        parts = _parts(width, is_moved)
        assert parts[0][0] == "column"
        assert all(x + length < after for (_, x, length), (_, after, _) in itertools.pairwise(parts))
        assert parts[-1][1] + parts[-1][2] <= max(width, 3)
        if width >= 70:
            assert {"type", "range", "shape", "missing"} < {name for name, _, _ in parts}


def test_whole_numbers_get_a_bar_each(data):
    from workbench.actions import data_tables

    rows = "".join(f"{n},{n % 3},5,{n * n / 7}\n" for n in range(12))
    (data.folder / NAMES[0]).write_text("hour,dice,one,x\n" + rows)
    _, profile = data_tables.profile_of(data, NAMES[0])
    hour, dice, one, x = profile.columns
    assert shape(dice, 14) == "▇▇▇" and shape(one, 14) == "▇" and shape(hour, 12) == "▇" * 12
    assert len(bounds([x], 14)) == 15 and len(bounds([hour], 8)) == 9
    assert range_text(one) == "5" and range_text(hour) == "0 … 11"


async def test_leaving_the_project_while_something_is_read_ends_it(data):
    actions.snapshot(data)
    async with driven(data) as pilot:
        await open_page(pilot, "data", "40")
        page = pilot.app.page
        pilot.app.open_project(data)
        await shows(pilot, "No runs yet.")
        page.settle()
        await until(pilot, lambda: not page.jobs and not pilot.app.doing)
