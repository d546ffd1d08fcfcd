"""The Schema view: what is asked of each column, what was found, checking and accepting by key."""

from __future__ import annotations

import sqlite3

import pytest

from tests.tui.driving import driven, line_of, open_page, screen, shows, text, until
from workbench.actions import data_schema, validate
from workbench.data.findings import Finding
from workbench.data.schema import ColumnSchema
from workbench.tui.screens.schema_columns import asks, found_words
from workbench.tui.screens.schema_sight import SightReader

CONFIG = """
[project]
name = "little"
[data]
train = "data/train.csv"
holdout = "data/holdout.csv"
target = "late"
id = "id"
"""


def rows(count, *, start=0, bad=0):
    lines = ["id,hour,carrier,late"]
    for row in range(start, start + count):
        hour = 99 if row < start + bad else row % 24
        lines.append(f"{row},{hour},{('AA', 'UA', 'DL')[row % 3]},{row % 2}")
    return "\n".join([*lines, ""])


@pytest.fixture
def data(make_project):
    """A project without a schema: 400 good rows to train on, 200 held out of which 20 have hour 99."""
    files = {"data/train.csv": rows(400), "data/holdout.csv": rows(200, start=1000, bad=20)}
    return make_project(files, CONFIG, "little")


@pytest.fixture
def checked(data):
    """The same with an accepted schema and one check."""
    data_schema.accept(data, "Ada")
    validate.keep(data, validate.check(data))
    return data


async def test_without_data_it_says_what_to_configure(empty_project):
    async with driven(empty_project) as pilot:
        await open_page(pilot, "schema", "No schema yet")
        for key in ("a", "r", "e", "y", "enter", "tab", "down"):
            await pilot.press(key)
            await pilot.pause()
        await pilot.press("a")
        await shows(pilot, "Name the training data in workbench.toml.")


async def test_a_key_shows_the_proposed_schema_and_accepts_it(data):
    async with driven(data) as pilot:
        await open_page(pilot, "schema", "No schema yet: a proposes one")
        await pilot.press("a")
        await shows(pilot, "Write schema.toml", "+ hour: type whole", " Cancel ", " Accept ")
        await pilot.press("enter")
        await until(pilot, lambda: "Write schema.toml" not in text(pilot.app))
        assert not data_schema.place(data).exists(), "Cancel has the focus"
        await pilot.press("a")
        await shows(pilot, "Write schema.toml")
        await pilot.press("right", "enter")
        await shows(pilot, "schema.toml accepted by")
        await shows(pilot, "hour", "not checked", "accepted by")
        assert data_schema.load(data).column("carrier").values == ("AA", "DL", "UA")
        assert len(data_schema.history(data)) == 1
        await pilot.press("a")
        await shows(pilot, "The training data ask for no change.")
        (data.folder / "data/train.csv").write_text(rows(400).replace("carrier", "airline"))
        await pilot.press("a")
        await shows(pilot, "Change schema.toml", "airline")


async def test_a_check_paints_red_what_is_bad(checked):
    async with driven(checked) as pilot:
        await open_page(
            pilot, "schema", "accepted by Ada on ", "checked just now", "learned from 400 rows of data/train.csv"
        )
        page = pilot.app.page
        assert "✗ hour" in line_of(pilot.app, "hour") and "10.0%" in line_of(pilot.app, "hour")
        assert "holdout" in line_of(pilot.app, "hour") and "fine" in line_of(pilot.app, "carrier")
        assert page.schema.items == ["id", "hour", "carrier", "late"]
        await pilot.press("down")
        await shows(pilot, "╭─ hour ", "data/holdout.csv", "20 of 200 (10.0%)", "1, 2, 3, 4, 5", "99", "chance")
        await pilot.press("down")
        await shows(pilot, "╭─ carrier ", "the schema asks for", "[AA, DL, UA]")


async def test_the_key_checks_now_and_tells_what_came_of_it(checked):
    async with driven(checked) as pilot:
        await open_page(pilot, "schema", "✗ hour")
        (checked.folder / "data/holdout.csv").write_text(rows(200, start=1000))
        await pilot.press("r")
        await shows(pilot, "No error was found.")
        await shows(pilot, "0 errors")
        (checked.folder / "data/holdout.csv").write_text(rows(200, start=1000).replace("carrier", "airline"))
        await pilot.press("r")
        await shows(pilot, "There are errors.")
        await shows(pilot, "missing column", "airline", "new column in holdout.csv")
        data_schema.place(checked).write_text("[schema]\nverzion = 1\n")
        await shows(pilot, "verzion")
        await pilot.press("r")
        await until(pilot, lambda: any("verzion" in toast.title for toast in pilot.app._notifications))


async def test_an_edit_by_hand_is_told(checked):
    place = data_schema.place(checked)
    place.write_text(place.read_text().replace('"UA"', '"UA", "B6"'))
    async with driven(checked) as pilot:
        await open_page(pilot, "schema", "edited since", "AA, DL, UA, B6")
        await pilot.press("a")
        await shows(pilot, "Change schema.toml")
        await pilot.press("right", "enter")
        await shows(pilot, "schema.toml accepted by")
        await until(pilot, lambda: "edited since" not in text(pilot.app))
        assert data_schema.load(checked).column("carrier").values[-1] == "B6"


def test_what_an_older_program_accepted_is_not_taken_for_edited(checked):
    connection = sqlite3.connect(checked.store_path)
    with connection:
        connection.execute("UPDATE schemas SET digest = 'as another program counts it'")
    connection.close()
    reader = checked.open_reader()
    assert not SightReader().read(reader, checked).edited
    reader.close()
    assert not data_schema.propose(checked).edited


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 12)])
async def test_every_size_shows_whole_panes(checked, size):
    async with driven(checked, size) as pilot:
        await open_page(pilot, "schema", "hour")
        for _ in range(3):
            await pilot.press("tab")
            await pilot.pause()
            lines = screen(pilot.app)
            assert all(line.rstrip().endswith(("╮", "│", "╯")) for line in lines if line[0] in "╭│╰"), text(pilot.app)
        for other in ((10, 60), (200, 20), (61, 17), (1, 1), size):
            await pilot.resize_terminal(*other)
            await pilot.pause()


async def test_on_a_small_terminal_nothing_that_is_said_is_cut(checked):
    async with driven(checked, (80, 24)) as pilot:
        await open_page(pilot, "schema", "accepted by Ada", "checked just now", "1 error, 0 warnings")
        lines = screen(pilot.app)
        assert "…" not in lines[1] + lines[-2], "the line of the views and the status line"


async def test_poisoned_names_are_text(data):
    poison = "\x1b]52;c;cHduZWQ=\x07[red]x[/] [@click=app.quit]\u202e"
    (data.folder / "data/train.csv").write_text(rows(400).replace("carrier", f"{poison}c").replace("DL", poison))
    (data.folder / "data/holdout.csv").write_text(rows(200, bad=20).replace("UA", poison))
    data_schema.accept(data, poison)
    validate.keep(data, validate.check(data))
    async with driven(data) as pilot:
        await open_page(pilot, "schema", "[red]x[/]", "✗ hour")
        for key in ("down", "down", "down", "down", "tab", "down"):
            await pilot.press(key)
            await pilot.pause()
            assert all(line.isprintable() and "\u202e" not in line for line in screen(pilot.app))


def test_what_is_asked_is_said_in_a_few_words():
    assert asks(ColumnSchema("x", "whole", min=0, max=23, required=True)) == "0 … 23, required"
    assert asks(ColumnSchema("x", "text", values=("a", "b"), missing=0.2)) == "a, b, 20% missing"
    assert asks(ColumnSchema("x", "text", values=tuple("abcdefghi"), missing=0.001)) == "9 values, few missing"
    assert asks(ColumnSchema("x", "time", min=0, only="training")) == "1970-01-01 … , training only"
    assert asks(ColumnSchema("x", "number", common=1, unique=True)) == "constant, unique"
    assert asks(ColumnSchema("x", "whole", common=1, min=0, max=23)) == "0 … 23"
    assert asks(ColumnSchema("x", "text", form=("AA-99",))) == "form AA-99"


def test_the_worst_finding_stands_for_all():
    found = [
        Finding("out of range", "error", "x", count=5, rows=50, file="data/a.csv"),
        Finding("constant", "note", "x"),
    ]
    assert found_words(found) == "10.0% out of range +1 in a.csv"
    assert found_words([Finding("new column", "warning", "x")]) == "new column"
    assert found_words([Finding("NaN", "error", "x", count=1, rows=10**6)]) == "1× NaN"
    assert found_words([]) == "fine"
