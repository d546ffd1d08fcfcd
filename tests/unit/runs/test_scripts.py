"""The source files that a command runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.runs import scripts
from workbench.runs.scripts import closure, imported, imports_in


def looked(files):
    return lambda path: files.get(path)


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("python train.py --lr 0.1", ("train.py",)),
        ("python ./steps/train.py", ("steps/train.py",)),
        ("python -m steps.train", ("steps/__init__.py", "steps/train.py")),
        ("python 'my script.py'", ("my script.py",)),
        ("sh run.sh && python train.py > log.txt", ("run.sh", "train.py")),
        ("./steps/go --fast", ("steps/go",)),
        ("LR=1 python train.py", ("train.py",)),
        ("python /usr/lib/train.py", ()),
        ("python ../train.py", ()),
        ("python missing.py", ()),
        (".venv/bin/python train.py", ("train.py",)),
        ("cp data.csv out.csv", ()),
        ("python 'unclosed.py", ()),
    ],
)
def test_a_command_names_scripts_and_modules(command, found):
    files = dict.fromkeys(
        ("train.py", "steps/train.py", "steps/__init__.py", "my script.py", "run.sh", "steps/go", ".venv/bin/python"),
        (),
    )
    assert closure(command, looked(files)) == found


def test_modules_of_the_project_are_followed_and_others_are_not():
    files = {
        "train.py": ("features", "numpy", "lib.models.forest"),
        "features.py": ("train",),
        "lib/__init__.py": (),
        "lib/models/__init__.py": (".base",),
        "lib/models/base.py": ("..tools.say",),
        "lib/models/forest.py": (),
        "lib/tools.py": (),
        "src/numpy_like.py": (),
    }
    assert set(closure("python train.py", looked(files))) == set(files) - {"src/numpy_like.py"}


def test_modules_beside_the_script_come_before_those_of_the_project_and_of_src():
    files = {"steps/a.py": ("tools", "deep"), "steps/tools.py": (), "tools.py": (), "src/deep/__init__.py": ()}
    assert closure("python steps/a.py", looked(files)) == ("steps/a.py", "steps/tools.py", "src/deep/__init__.py")


def test_the_search_ends_where_there_are_very_many_files():
    files = {f"m{at}.py": (f"m{at + 1}",) for at in range(2 * scripts.MOST)}
    assert len(closure("python m0.py", looked(files))) == scripts.MOST


def test_imports_are_read_wherever_they_stand():
    source = b"""
import a.b, c as d
from e import f, g
from . import h
from ..i import *
def late():
    import j
"""
    assert set(imported(source)) == {"a.b", "c", "e.f", "e.g", ".h", "..i", "j"}


@given(st.binary(max_size=80))
def test_any_bytes_are_read_without_an_error(source):
    assert isinstance(imported(source), tuple)


@given(st.text(max_size=60))
def test_any_command_is_read_without_an_error(command):
    assert all(not path.startswith(("/", "..")) for path in closure(command, lambda path: ()))


def test_the_files_of_a_folder_are_read_and_a_folder_is_no_script(tmp_path):
    (tmp_path / "train.py").write_text("import helper\n")
    (tmp_path / "helper.py").write_text("x = (\n")
    (tmp_path / "odd.py").mkdir()
    assert closure("python train.py odd.py", imports_in(tmp_path)) == ("train.py", "helper.py")
