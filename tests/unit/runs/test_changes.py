"""What changed against the last run of the same command, and the sentences that tell it."""

from __future__ import annotations

import dataclasses

import pytest

from workbench.runs.changes import Change, Made, between, program, sentences
from workbench.versions.environment import Environment

BEFORE = Environment(
    python="3.11.7", implementation="CPython", build="3.11.7 (main) [GCC 12]", cpu="EPYC", cpu_count=2, host="here",
    packages=(("numpy", "2.0"), ("pandas", "2.2"), ("rich", "13"), ("pip", "24")), blas="scipy-openblas 0.3.30",
    imported=(("numpy", "aaaa"), ("pandas", "bbbb")), libraries=("libgomp.so.1",),
    variables=(("OMP_NUM_THREADS", "2"),),
)  # fmt: skip


def changed(**values) -> tuple[Change, ...]:
    after = dataclasses.replace(BEFORE, **values)
    return between(Made(1, environment=BEFORE), Made(2, environment=after))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, ()),
        ({"host": "there", "memory": 7, "executable": "other/python"}, ()),
        ({"python": "3.12.1", "build": "3.12.1 (main) [GCC 12]"}, (Change("python", "version", "3.11.7", "3.12.1"),)),
        ({"build": "3.11.7 (main) [Clang]"}, (Change("python", "build", "(main) [GCC 12]", "(main) [Clang]"),)),
        ({"cpu": "Xeon"}, (Change("hardware", "cpu", "EPYC", "Xeon"),)),
        ({"gpus": ("H100",)}, (Change("hardware", "gpus", "", "H100"),)),
        ({"variables": (("TZ", "UTC"),)},
         (Change("variable", "OMP_NUM_THREADS", "2", ""), Change("variable", "TZ", "", "UTC"))),
        ({"blas": "mkl 2025"}, (Change("library", "blas", "scipy-openblas 0.3.30", "mkl 2025"),)),
        ({"libraries": ("libiomp5.so",)},
         (Change("library", "libgomp.so.1", "loaded", ""), Change("library", "libiomp5.so", "", "loaded"))),
        ({"libraries": None}, ()),
    ],
)  # fmt: skip
def test_what_differs_in_the_surroundings_is_named(values, expected):
    assert changed(**values) == expected


def test_of_packages_only_those_that_were_imported_count():
    newer = (("numpy", "2.1"), ("pandas", "2.2"), ("rich", "14"), ("pip", "25"), ("scipy", "1.0"))
    assert changed(packages=newer) == (Change("package", "numpy", "2.0", "2.1"),)
    # While a run goes on, what it imports is not known yet, and what the one before imported counts.
    assert changed(packages=newer, imported=None) == (Change("package", "numpy", "2.0", "2.1"),)
    assert changed(packages=newer, imported=(("scipy", "cc"),)) == (
        Change("package", "numpy", "2.0", "2.1"),
        Change("package", "scipy", "", "1.0"),
    )


def test_where_one_run_does_not_know_its_python_nothing_that_hangs_on_it_counts():
    unknown = {"python": "", "implementation": "", "build": "", "packages": (), "blas": "", "imported": None}
    assert changed(**unknown, libraries=None) == ()
    assert changed(**unknown, cpu="Xeon") == (Change("hardware", "cpu", "EPYC", "Xeon"),)
    before = dataclasses.replace(BEFORE, **unknown, libraries=None)
    assert between(Made(1, environment=before), Made(2, environment=BEFORE)) == ()


def test_where_no_run_knows_what_it_imported_all_packages_count_but_tools():
    before = dataclasses.replace(BEFORE, imported=None)
    after = dataclasses.replace(before, packages=(("numpy", "2.0"), ("pandas", "2.2"), ("rich", "14"), ("pip", "25")))
    found = between(Made(1, environment=before), Made(2, environment=after))
    assert found == (Change("package", "rich", "13", "14"),)


def test_the_same_version_with_other_content_is_a_change():
    assert changed(imported=(("numpy", "cccc"), ("pandas", "bbbb"))) == (
        Change("package", "numpy", "2.0 aaaa", "2.0 cccc"),
    )
    assert changed(imported=(("numpy", ""), ("pandas", "bbbb"))) == (), "what cannot be read tells nothing"


def test_data_and_code_are_held_against_each_other_by_path():
    old = Made(1, code={"a.py": "1", "gone.py": "2"}, data={"d.csv": "3", "same.csv": "4"})
    new = Made(2, code={"a.py": "9", "new.py": "5"}, data={"d.csv": "8", "same.csv": "4"})
    assert between(old, new) == (
        Change("code", "a.py", "1", "9"),
        Change("code", "gone.py", "2", ""),
        Change("code", "new.py", "", "5"),
        Change("data", "d.csv", "3", "8"),
    )


def test_a_sentence_names_a_few_and_counts_the_rest():
    found = [Change("package", f"p{number}", "1", "2") for number in range(6)]
    assert sentences(found, 7) == [
        "packages changed since run 7: p0 1 → 2, p1 1 → 2, p2 1 → 2, p3 1 → 2 and 2 more"
    ]  # fmt: skip
    found = [
        Change("code", "a.py", "1", "2"), Change("code", "b.py", "", "2"), Change("code", "c.py", "1", ""),
        Change("package", "numpy", "", "2.0"), Change("package", "rich", "13", ""),
        Change("python", "version", "3.11", "3.12"), Change("library", "libgomp.so.1", "", "loaded"),
        Change("variable", "TZ", "", "UTC"), Change("data", "d.csv", "1", "2"),
    ]  # fmt: skip
    assert sentences(found, 3) == [
        "code changed since run 3: a.py, b.py is new, c.py is gone",
        "packages changed since run 3: numpy 2.0 is new, rich is gone",
        "Python changed since run 3: 3.11 → 3.12",
        "libraries changed since run 3: libgomp.so.1 is new",
        "variables changed since run 3: TZ UTC is new",
    ]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["/venv/bin/python", "train.py", "--lr", "0.1"], "python train.py"),
        (["python", "-m", "train", "-v"], "python -m train"),
        (["python", "-c", "print(1)"], "python -c 'print(1)'"),
        (["python", "-m"], "python -m"),
        ("python train.py | tee log", "python train.py | tee log"),
        ([], ""),
    ],
)
def test_a_program_is_a_command_without_its_flags(command, expected):
    assert program(command) == expected
