"""Tables, JSON, CSV and Markdown, as text."""

import io
import json
import math

import pytest

from workbench.cli import output
from workbench.cli.output import Cell, Column
from workbench.safe import width

POISON = "a\x1b[31mred\x1b]52;c;xx\x07\n\u202eb"


def test_columns_are_aligned_and_numbers_end_together():
    lines = output.table_lines([Column("name"), Column("auc", right=True)], [["a", "0.7"], ["longer", "12"]])
    assert lines == ["name    auc", "a       0.7", "longer   12"]


def test_wide_characters_take_two_cells():
    lines = output.table_lines([Column("name"), Column("x")], [["模型", "1"], ["ab", "2"]])
    assert [width(line) for line in lines] == [7, 7, 7]


@pytest.mark.parametrize("room", [80, 40, 20, 5, 1])
def test_a_table_never_exceeds_the_terminal(room):
    columns = [Column("number", right=True), Column("name", least=6), Column("note", least=4), Column("last")]
    rows = [["123", "a-rather-long-name" * 3, "模型" * 20, "end"]]
    lines = output.table_lines(columns, rows, room=room)
    assert max(map(width, lines)) <= room


def test_the_columns_that_may_be_cut_are_cut_first():
    columns = [Column("run", right=True), Column("name", least=4), Column("auc", right=True)]
    (_, line) = output.table_lines(columns, [["1", "abcdefghijklmnop", "0.75"]], room=18)
    assert line.endswith("0.75")
    assert "…" in line


def test_foreign_text_reaches_no_terminal_as_a_control():
    lines = output.table_lines([Column(POISON)], [[POISON], [Cell(POISON, "bad")]])
    lines += output.markdown_lines([POISON], [[POISON]])
    assert all(line.isprintable() for line in lines)


def test_colours_are_only_for_terminals(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = io.StringIO()
    output.table([Column("a")], [[Cell("x", "bad")]], stream)
    assert "\x1b" not in stream.getvalue()
    stream.isatty = lambda: True
    monkeypatch.setenv("TERM", "xterm")
    assert output.colourful(stream)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not output.colourful(stream)


def test_nan_is_null_and_says_why():
    assert output.plain({"loss": math.nan}) == {"loss": None, "loss_reason": "NaN"}
    assert output.named("metrics", {"a": -math.inf, "b": 1.0}) == {
        "metrics": {"a": None, "b": 1.0},
        "metrics_reason": {"a": "-infinity"},
    }


def test_json_is_ascii_and_valid_whatever_is_in_it(capsys):
    document = {"x": POISON, "half": "\ud800", "deep": [{"y": math.inf}], "odd": {1: {2}}}
    output.print_json(document)
    text = capsys.readouterr().out
    assert text.isascii()
    assert text.strip().isprintable()
    assert json.loads(text)["deep"] == [{"y": None, "y_reason": "infinity"}]


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (None, None),
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1.9999, "1970-01-01T00:00:01.999Z"),
        (-0.5, "1969-12-31T23:59:59.500Z"),
    ],
)
def test_times_are_iso_8601_in_utc(moment, text):
    assert output.iso(moment) == text


def test_a_spreadsheet_computes_nothing_of_ours(capsys):
    output.print_csv(["a"], [["=1+1"], ["@x"], [-1.5], [None], ['say "hi"']])
    assert capsys.readouterr().out.splitlines() == ["a", "'=1+1", "'@x", "-1.5", '""', '"say ""hi"""']


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0.25, "0.25s"), (9.94, "9.9s"), (59.9, "59s"), (184, "3m 04s"), (7800, "2h 10m"), (5 * 86_400, "5d")],
)
def test_spans(seconds, text):
    assert output.span(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (250_000, "250 kB"), (3.2e12, "3.2 TB")]
)
def test_sizes(count, text):
    assert output.size(count) == text
