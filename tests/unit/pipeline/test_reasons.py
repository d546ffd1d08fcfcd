"""Why a stage is out of date, in words."""

from __future__ import annotations

from dataclasses import replace

from workbench.pipeline.reasons import Basis, differences, nearest

OLD = Basis(("python", "train.py"), {"lr": 0.1, "model": "forest"}, {"a.csv": "a" * 64}, {"train.py": "1" * 64})


def test_the_same_has_no_reasons():
    assert differences(OLD, replace(OLD, command=["python", "train.py"]), ()) == []


def test_each_file_script_parameter_and_command_that_is_another_is_named():
    new = Basis(
        "python train.py | tee log", {"lr": 0.2}, {"a.csv": "b" * 64, "c.csv": "c" * 64}, {"train.py": "2" * 64}
    )
    assert differences(OLD, new, ()) == [
        "a.csv aaaaaaaa → bbbbbbbb",
        "c.csv — → cccccccc",
        "train.py 11111111 → 22222222",
        "lr 0.1 → 0.2",
        'model "forest" → —',
        "command python train.py → python train.py | tee log",
    ]


def test_only_the_parameters_that_a_stage_uses_count():
    assert differences(OLD, replace(OLD, params={"lr": 0.1, "model": "linear"}), ("lr",)) == []
    assert differences(OLD, replace(OLD, params={"lr": 3, "model": "linear"}), ("lr",)) == ["lr 0.1 → 3"]


def test_a_parameter_that_becomes_nothing_differs_from_one_that_goes():
    assert differences(replace(OLD, params={"lr": None}), replace(OLD, params={}), ()) == ["lr null → —"]


def test_of_a_command_of_several_lines_those_that_changed_are_named():
    old = replace(OLD, command="python a.py\npython b.py\n")
    new = replace(OLD, command="python a.py\npython b.py --fast\npython c.py\n")
    assert differences(old, new, ()) == [
        "command line 2: python b.py → python b.py --fast",
        "command line 3: — → python c.py",
    ]


def test_the_run_from_which_least_differs_is_the_one_compared_with():
    far = replace(OLD, params={"lr": 9}, inputs={})
    near = replace(OLD, params={"lr": 0.2, "model": "forest"})
    assert nearest([(7, far), (3, near)], OLD, ()) == (3, ["lr 0.2 → 0.1"])
    assert nearest([], OLD, ()) is None
