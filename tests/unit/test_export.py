"""Exports: files that other programs really open, and none half-written."""

import csv
import io
import math
import os
import resource
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from workbench.actions.export import export, export_as, format_of
from workbench.errors import EnvironmentProblem, UsageError
from workbench.pictures.model import Across, Bars, Curves, Heat, Line, Parallel, Table, from_json, to_json
from workbench.pictures.texts import to_csv, to_markdown
from workbench.project import Project

NASTY = ["$x^{", "_hidden", "a<b&c>", "\x1b]52;c;aGk=\x07", "[@click=app.quit]", "$\\frac{1}{0}$", "名前", "\ud800", ""]
CHART = Curves(
    "loss",
    "step",
    "loss",
    tuple(Line(name, (0.0, 1.0, 2.0), (1.0 + at, 0.5, math.nan)) for at, name in enumerate(NASTY)),
)
ACROSS = Parallel(
    "5 runs",
    ("lr", "model", "auc", "$nothing$"),
    (
        Across("first", (0.001, "rf", 0.9, None)),
        Across("$x^{", (1.0, "gbm", math.inf, None)),
        Across("other", (0.1, True, math.nan, None), is_marked=False),
    ),
)
TABLE = Table("runs", ("run", "=name", "auc"), ((1, "=1+1", 0.9), (2, "-0.5", -1e-17), (3, "a|b\n*c*", None)))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def read_csv(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


HEAT = Heat("h", "effect", ("$x^{", "_hidden"), ("1", "名前"), ((0.1, None), (0.9, 0.0)))
BARS = Bars("b", ("$x^{", "a<b&c>"), ("_hidden", "名前"), ((0.4, 0.6), (0.9, 0.1)))


@pytest.mark.parametrize(
    "what", [CHART, ACROSS, TABLE, HEAT, BARS], ids=["curves", "parallel", "table", "heat", "bars"]
)
def test_a_png_is_a_picture_of_some_size_whatever_things_are_named(project, what):
    path = export(project, what, project.folder / "out.png")
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    from matplotlib.image import imread

    pixels = imread(path)
    assert pixels.shape[0] > 100 and pixels.shape[1] > 300
    assert pixels[0, 0, :3].min() == 1.0  # light paper
    assert len({tuple(pixel) for pixel in pixels.reshape(-1, pixels.shape[2])}) > 10  # and something drawn on it


@pytest.mark.parametrize("what", [CHART, ACROSS, TABLE], ids=["curves", "parallel", "table"])
def test_an_svg_is_well_formed_and_holds_the_names_as_text(project, what):
    root = ElementTree.parse(export(project, what, project.folder / "out.svg")).getroot()
    assert root.tag.endswith("}svg")
    words = {"".join(element.itertext()).strip() for element in root.iter() if element.tag.endswith("}text")}
    wanted = {CHART.title: {"$x^{", "_hidden", "a<b&c>", "名前"}, ACROSS.title: {"$x^{", "lr", "$nothing$"}}
    wanted |= {
        HEAT.title: {"$x^{", "_hidden", "名前", "effect", "0.90"},
        BARS.title: {"$x^{", "a<b&c>", "_hidden", "名前"},
    }
    assert wanted.get(what.title, {"=1+1", "-0.5", "auc"}) <= words


def words_of(project, what):
    root = ElementTree.parse(export(project, what, project.folder / "out.svg")).getroot()
    return ["".join(one.itertext()).strip() for one in root.iter() if one.tag.endswith("}text")]


def test_long_names_are_told_apart_and_labels_do_not_touch(project):
    rows = tuple(f"customer_lifetime_value_estimate_{at}" for at in range(50))
    days = tuple(f"2026-{at // 28 + 1:02d}-{at % 28 + 1:02d}" for at in range(300))
    words = words_of(project, Heat("h", "effect", rows, days, ((0.5,) * len(days),) * len(rows)))
    names = [word for word in words if word.startswith("customer_")]
    assert len(set(names)) == len(rows) and all(len(name) <= 28 for name in names)
    shown = [word for word in words if word.startswith("2026-")]
    assert 50 <= len(shown) <= 100 and shown[0] == days[0], "a fifth of an inch for each"


def test_shares_are_labelled_with_the_digits_that_they_need(project):
    words = words_of(project, Bars("b", ("1", "2"), ("before", "after"), ((0.09, 0.11), (0.2, 0.05))))
    assert {"2.5%", "12.5%"} <= set(words)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(
    "values", [(), (1.0,), (math.nan,) * 3, (math.inf, 1.0), (-1.0, -2.0), (1e308, -1e308), (0.0, 0.0)], ids=str
)
def test_any_values_can_be_drawn(values, log):
    from workbench.pictures.draw import draw

    line = Line("a", tuple(map(float, range(len(values)))), values)
    chart = Curves("t", "step", "m", (line, line), log_x=log, log_y=log)
    assert draw(chart, "svg").startswith(b"<?xml")
    across = Parallel("t", ("m",), tuple(Across("a", (value,)) for value in values))
    assert draw(across, "svg").startswith(b"<?xml")
    assert draw(Heat("t", "l", ("a",) * len(values), ("b",), tuple((value,) for value in values)), "svg")


def test_a_chart_survives_the_way_to_the_drawing_process():
    assert from_json(to_json(ACROSS)).axes == ACROSS.axes
    for what in (TABLE, HEAT, BARS):
        assert from_json(to_json(what)) == what
    assert str(from_json(to_json(CHART))) == str(CHART)  # as text, because NaN is not NaN


def test_csv_comes_back_with_every_digit_and_without_formulas():
    rows = read_csv(to_csv(TABLE))
    assert rows[0] == ["run", "'=name", "auc"]
    assert rows[1] == ["1", "'=1+1", "0.9"]
    assert rows[2] == ["2", "-0.5", "-1e-17"]
    assert rows[3] == ["3", "a|b␊*c*", ""]


def test_heat_and_bars_are_tables_as_text():
    assert read_csv(to_csv(HEAT)) == [["", "1", "名前"], ["$x^{", "0.1", ""], ["_hidden", "0.9", "0.0"]]
    assert read_csv(to_csv(BARS)) == [["value", "_hidden", "名前"], ["$x^{", "0.4", "0.9"], ["a<b&c>", "0.6", "0.1"]]


@pytest.mark.parametrize("cell", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\uff1d1", "\t=1", "-", "-a"])
def test_csv_makes_formulas_harmless(cell):
    shown = read_csv(to_csv(Table("", ("a",), ((cell,),))))[1][0]
    assert shown.startswith("'") and shown[1:].endswith(cell.strip())


@pytest.mark.parametrize("cell", ["-1", "+0.5", "-1e-3", "-inf", "-.5"])
def test_csv_leaves_numbers_in_texts_alone(cell):
    assert read_csv(to_csv(Table("", ("a",), ((cell,),))))[1][0] == cell


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e-300, -1e300, 2**60, True])
def test_csv_keeps_numbers_exactly(value):
    shown = read_csv(to_csv(Table("", ("a",), ((value,),))))[1][0]
    assert shown == "true" if value is True else float(shown) == value


def test_csv_of_a_chart_has_every_point_before_and_after_smoothing():
    chart = Curves("loss", "step", "loss", (Line("a", (0.0, 1.0), (1.0, 0.9), (1.0, 0.5)), Line("b", (0.0,), (2.0,))))
    assert read_csv(to_csv(chart)) == [
        ["run", "step", "loss", "loss (smoothed)"],
        ["a", "0.0", "1.0", "1.0"],
        ["a", "1.0", "0.5", "0.9"],
        ["b", "0.0", "2.0", "2.0"],
    ]


def test_markdown_escapes_what_it_would_read_as_markup():
    lines = to_markdown(TABLE).splitlines()
    assert lines[0] == "### runs"
    assert lines[3] == "| ---: | --- | ---: |"
    assert lines[6] == "| 3 | a\\|b␊\\*c\\* |  |"
    summary = to_markdown(CHART).splitlines()
    assert summary[4] == "| \\$x^{ | 3 | 1 | nan | 0.5 | 1 |"
    assert "\\<b\\&c\\>" in to_markdown(CHART) and "\x1b" not in to_markdown(CHART)


def test_exports_are_numbered_and_never_overwritten(project):
    paths = [export_as(project, TABLE, "../val/$auc", "csv") for _ in range(3)]
    assert [path.name for path in paths] == ["val-auc.csv", "val-auc-2.csv", "val-auc-3.csv"]
    assert {path.parent for path in paths} == {project.folder / ".workbench" / "exports"}
    assert {path.read_bytes() for path in paths} == {to_csv(TABLE).encode()}
    assert export_as(project, TABLE, "...", "md").name == "export.md"
    assert sorted(os.listdir(paths[0].parent)) == ["export.md", "val-auc-2.csv", "val-auc-3.csv", "val-auc.csv"]


def test_an_unknown_format_a_folder_and_a_missing_folder_are_refused(project):
    assert format_of(Path("A.MARKDOWN")) == "md"
    for path in ("a.pdf", "plain", "missing/a.csv"):
        with pytest.raises(UsageError):
            export(project, TABLE, project.folder / path)
    (project.folder / "a.csv").mkdir()
    with pytest.raises(UsageError):
        export(project, TABLE, project.folder / "a.csv")
    assert os.listdir(project.folder) == ["a.csv"]


def test_a_full_disk_leaves_the_old_file_and_nothing_else(project):
    path = project.folder / "a.csv"
    path.write_text("old")
    big = Table("", ("a",), tuple((f"{at:0100}",) for at in range(2000)))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    import signal

    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(EnvironmentProblem, match="Cannot write"):
            export(project, big, path)
        with pytest.raises(EnvironmentProblem, match="Cannot write"):
            export_as(project, big, "big", "csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert path.read_text() == "old"
    assert sorted(os.listdir(project.folder)) == [".workbench", "a.csv"]
    assert os.listdir(project.inner / "exports") == []


def test_a_place_that_cannot_be_written_is_told(project):
    (project.folder / ".workbench").write_text("a file where the folder should be")
    with pytest.raises(EnvironmentProblem, match="Cannot write"):
        export_as(project, TABLE, "a", "csv")


def test_exporting_never_imports_matplotlib_here():
    code = (
        "import sys, pathlib, tempfile\n"
        "from workbench.actions.export import export\n"
        "from workbench.pictures.model import Table\n"
        "from workbench.project import Project\n"
        "folder = pathlib.Path(tempfile.mkdtemp())\n"
        "path = export(Project(folder), Table('', ('a',), ((1,),)), folder / 'a.png')\n"
        "assert path.stat().st_size > 500\n"
        "assert not {'matplotlib', 'numpy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
