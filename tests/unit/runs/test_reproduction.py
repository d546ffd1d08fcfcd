"""Whether a repeated run gave the same: verdicts, tolerances, and what is named first."""

from __future__ import annotations

import math

import pytest

from workbench.runs.changes import Change
from workbench.runs.reproduction import SUSPECTS, Facts, judge, suspects

LOSS = ((0, 0.5), (1, 0.25))


def verdict(old, new, relative=1e-9, absolute=0.0):
    return judge(old, new, relative=relative, absolute=absolute)


def test_the_same_outputs_and_points_are_identical():
    facts = Facts(outputs={"model": "a"}, metrics={"loss": LOSS, "odd": ((0, math.nan), (1, math.inf))})
    assert verdict(facts, facts).verdict == "identical"


def test_points_within_the_tolerance_are_equal_whatever_the_bytes_of_the_model():
    old = Facts(outputs={"model": "a" * 64}, metrics={"loss": LOSS})
    new = Facts(outputs={"model": "b" * 64}, metrics={"loss": ((0, 0.5), (1, 0.25 + 1e-12))})
    found = verdict(old, new)
    assert found.verdict == "equal"
    assert [part.words for part in found.outputs] == ["aaaaaaaaaa → bbbbbbbbbb"]


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (((0, 0.5), (1, 0.26)), "from step 1: 0.25 → 0.26"),
        (((0, 0.5),), "2 points → 1"),
        (((0, 0.5), (2, 0.25)), "step 1 → 2"),
        (((0, math.nan), (1, 0.25)), "from step 0: 0.5 → nan"),
        ((), "2 points → 0"),
    ],
)
def test_it_says_where_a_metric_first_differs(points, words):
    found = verdict(Facts(metrics={"loss": LOSS}), Facts(metrics={"loss": points} if points else {}))
    assert found.verdict == "different"
    assert found.metrics[0].words == words


def test_without_metrics_the_outputs_decide():
    assert verdict(Facts(outputs={"m": "a"}), Facts(outputs={"m": "b"})).verdict == "different"
    assert verdict(Facts(outputs={"m": "a"}), Facts(outputs={})).verdict == "different"


def test_an_absolute_tolerance_lets_small_values_differ():
    old, new = Facts(metrics={"loss": ((0, 0.0),)}), Facts(metrics={"loss": ((0, 1e-6),)})
    assert verdict(old, new).verdict == "different"
    assert verdict(old, new, absolute=1e-5).verdict == "equal"


def test_a_repeated_run_that_failed_is_no_reproduction_even_if_all_it_gave_is_the_same():
    assert verdict(Facts(metrics={"loss": LOSS}), Facts(finished=False, metrics={"loss": LOSS})).verdict == "failed"


def test_an_output_that_is_missing_is_a_difference_though_the_metrics_are_equal():
    old = Facts(outputs={"model": "a"}, metrics={"loss": LOSS})
    assert verdict(old, Facts(metrics={"loss": LOSS})).verdict == "different"


def test_the_most_suspicious_difference_comes_first():
    changes = [
        Change("hardware", "cpu", "a", "b"), Change("hardware", "cpu_usable", "2", "4"),
        Change("variable", "TZ", "", "UTC"), Change("variable", "OMP_NUM_THREADS", "1", "2"),
        Change("variable", "PYTHONHASHSEED", "0", ""),
        Change("python", "version", "3.11", "3.12"), Change("library", "blas", "mkl", "openblas"),
        Change("package", "numpy", "1", "2"), Change("data", "d.csv", "x", "y"), Change("code", "tree", "1", "2"),
    ]  # fmt: skip
    found = suspects(changes, {"lr": 1, "model.seed": 1}, {"lr": 2, "model.seed": 2, "random_state": 3})
    assert [(one.suspect, one.name) for one in found] == [
        ("code", "tree"), ("data", "d.csv"), ("parameters", "lr"), ("packages", "blas"), ("packages", "numpy"),
        ("python", "version"), ("seeds", "PYTHONHASHSEED"), ("seeds", "model.seed"), ("seeds", "random_state"),
        ("threads", "cpu_usable"), ("threads", "OMP_NUM_THREADS"), ("variables", "TZ"), ("hardware", "cpu"),
    ]  # fmt: skip
    assert [SUSPECTS.index(one.suspect) for one in found] == sorted(SUSPECTS.index(one.suspect) for one in found)
    assert (found[2].old, found[2].new, found[8].old) == ("1", "2", "")


def test_without_a_difference_nobody_is_suspected():
    assert suspects([], {"lr": 1, "odd": math.nan}, {"lr": 1.0, "odd": math.nan}) == ()
