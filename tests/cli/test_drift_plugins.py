"""Statistics of installed plugins in checks for drift: good ones count, what gives no result is left out by name."""

from __future__ import annotations

import random
from importlib.metadata import version

import pytest

from tests.conftest import Answer
from workbench import plugins
from workbench.cli.main import main

CONFIG = """
[project]
name = "test"
[data]
train = "data/train.csv"
holdout = "data/holdout.csv"
"""
HEAD = """
import numpy as np
import workbench
from workbench.drift.statistics import Statistic

@workbench.hookimpl
def register_drift_statistics(register):
"""


def lines(seed, shift=0.0):
    source = random.Random(seed)
    rows = [f"{source.gauss(shift, 1):.4f},{source.gauss(0, 1):.4f}" for _ in range(200)]
    return "\n".join(["x,y", *rows, ""])


@pytest.fixture
def check(make_project, tmp_path, monkeypatch, capsys):
    """Run `workbench drift` where a package with that body of the hook is installed."""
    project = make_project({"data/train.csv": lines(1), "data/holdout.csv": lines(2)}, CONFIG)
    monkeypatch.chdir(project.folder)
    monkeypatch.delenv(plugins.SWITCH_VARIABLE, raising=False)
    site = tmp_path / "site"
    about = site / "odd-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n")
    name = f"odd_{tmp_path.name}".replace("-", "_")
    (about / "entry_points.txt").write_text(f"[workbench]\nodd = {name}\n")
    monkeypatch.syspath_prepend(str(site))
    assert version("odd") == "1.0"

    def run(body, *words):
        (site / f"{name}.py").write_text(HEAD + "".join(f"    {line}\n" for line in body))
        plugins.loaded.cache_clear()
        code = main(["drift", *words])
        return Answer(code, *capsys.readouterr())

    yield run
    plugins.loaded.cache_clear()


def statistics_of(answer):
    return {one["name"]: one for one in found_of(answer)["statistics"]}


def found_of(answer):
    return next(one for one in answer.json["windows"][0]["columns"] if one["column"] == "x")


def test_a_statistic_of_a_plugin_is_one_like_others_with_plain_numbers(check):
    body = ["register('number', 'mine', lambda a, b: Statistic('mine', np.float32(0.5), p=np.float64(0), effect=1))"]
    answer = check(body, "--json")
    found = statistics_of(answer)["mine"]
    assert (found["value"], found["p"], found["effect"]) == (0.5, 0.0, 1.0)
    assert answer.code == 1 and found_of(answer)["verdict"] == "drift" and answer.json["notes"] == []


@pytest.mark.parametrize(
    ("result", "why"),
    [
        ("0.5", "TypeError: it gives a float, no Statistic"),
        ("None", "TypeError: it gives None, no Statistic"),
        ("'much'", "TypeError: it gives a str, no Statistic"),
        ("Statistic('mine', float('inf'), p=0.0, effect=0.5)", "ValueError: its value is inf"),
        ("Statistic('mine', 1.0, p=-3, effect=0.5)", "ValueError: its p is -3, not from 0 to 1"),
        ("Statistic('mine', 1.0, p=0.0, effect=7)", "ValueError: its effect is 7, not from 0 to 1"),
        ("Statistic('mine', 1.0, p=float('nan'), effect=1)", "ValueError: its p is nan"),
        ("Statistic('mine', 1.0, p='0', effect=1)", "TypeError: its p is a str, no number"),
        ("Statistic(5, 1.0)", "TypeError: its name or note is no text"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)  # fmt: skip
def test_what_is_no_result_is_left_out_and_the_notes_name_the_plugin_and_why(check, result, why):
    body = [f"register('number', 'mine', lambda a, b: {result})"]
    note = f"statistic mine of plugin odd is left out of x and 1 more column: {why}"
    answer = check(body, "--json")
    assert answer.code == 0 and answer.json["notes"] == [note]
    assert {"KS", "PSI"} <= set(statistics_of(answer)) and "mine" not in statistics_of(answer)
    assert f"◆ {note}" in check(body, "show").out


def test_a_kind_that_there_is_not_switches_the_plugin_off_with_all_that_it_registered(check):
    body = [
        "register('number', 'mine', lambda a, b: Statistic('mine', 1.0, p=0.0, effect=1.0))",
        "register('numbers', 'other', lambda a, b: Statistic('other', 1.0))",
    ]
    answer = check(body, "--json")
    kinds = "ValueError: a statistic is of the kind 'number' or 'category', not 'numbers'"
    assert answer.json["notes"] == [f"plugin odd is switched off: {kinds}"]
    assert answer.code == 0 and "mine" not in statistics_of(answer)
