"""Patterns name the files that a reader of workbench.toml expects, and no others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.watch.globs import Globs, Names


@pytest.mark.parametrize(
    ("pattern", "named", "others"),
    [
        ("*.py", ["train.py", "a b.py"], ["src/train.py", ".hidden.py", "train.pyc", "train.py/x"]),
        ("**/*.py", ["train.py", "a/b/c.py"], [".venv/x.py", "a/.cache/x.py", "a/.x.py"]),
        ("data/**/*.csv", ["data/a.csv", "data/2013/01/a.csv"], ["data.csv", "other/data/a.csv", "data/a.csv.bak"]),
        ("data", ["data", "data/a", "data/b/.c"], ["database", "x/data"]),
        ("./data/", ["data/a"], ["data2/a"]),
        ("data/**", ["data/a", "data/b/c"], ["data", "data/.a", "data/b/.c/d"]),
        ("params.toml", ["params.toml"], ["a/params.toml", "paramsxtoml"]),
        ("a?[0-9].csv", ["ab7.csv"], ["a/7.csv", "abc.csv", "a7.csv"]),
        ("[!a].csv", ["b.csv"], ["a.csv", "/.csv"]),
        ("a[.csv", ["a[.csv"], ["a.csv"]),
        ("we (ird)+ $x|y.csv", ["we (ird)+ $x|y.csv"], ["we (ird)+ $x", "y.csv"]),
        ("new\nline/*.csv", ["new\nline/a\nb.csv"], ["new\nline/a\nb.csv\n"]),
        ("día/*.csv", ["día/ñ.csv"], ["dia/ñ.csv"]),
    ],
)
def test_a_pattern_names_these_files_and_not_those(pattern: str, named: list[str], others: list[str]) -> None:
    globs = Globs((pattern,))
    assert [path for path in named if not globs.matches(path)] == []
    assert [path for path in others if globs.matches(path)] == []


@pytest.mark.parametrize(
    ("pattern", "entered", "passed"),
    [
        ("*.py", [""], ["src", "data/x"]),
        ("data/**/*.csv", ["", "data", "data/a/b"], ["src", "data/.git", "database"]),
        ("a/b/c/*.csv", ["", "a", "a/b", "a/b/c"], ["b", "a/c", "a/b/c/d"]),
        ("data", ["data", "data/deep/er"], ["dat", "src"]),
        ("run-*/x.csv", ["run-1"], ["walk-1", "run-1/y"]),
    ],
)
def test_only_folders_that_may_hold_such_files_are_entered(pattern: str, entered: list[str], passed: list[str]) -> None:
    globs = Globs((pattern,))
    assert [folder for folder in entered if not globs.may_hold(folder)] == []
    assert [folder for folder in passed if globs.may_hold(folder)] == []


_NAME = st.text(st.sampled_from("ab.*?[]é"), min_size=1, max_size=4).filter(lambda name: name not in (".", ".."))


@given(st.lists(st.one_of(_NAME, st.just("**")), min_size=1, max_size=4), st.lists(_NAME, min_size=1, max_size=4))
def test_every_folder_above_a_named_file_is_entered(pattern: list[str], path: list[str]) -> None:
    globs = Globs(("/".join(pattern),))
    if globs.matches("/".join(path)):
        assert all(globs.may_hold("/".join(path[:depth])) for depth in range(len(path)))


def test_an_ignored_name_counts_at_any_depth_and_a_path_only_where_it_is() -> None:
    names = Names(("*.log", "node_modules", "data/raw", "out/**/*.csv", "[._]*"))
    for path in ("a.log", "x/y/a.log", "web/node_modules/pkg/index.py", "data/raw/a.csv", "out/a/b.csv", "x/.hid/y"):
        assert names.matches(path), path
    for path in ("a.logs", "data/rawer/a.csv", "x/data/raw/a.csv", "outer/a.csv"):
        assert not names.matches(path), path


def test_no_patterns_name_nothing() -> None:
    assert not Globs(()).matches("a") and not Globs(("", "/")).matches("a")
    assert not Names(()).matches("a") and not Names(("",)).matches("a")
