"""Runs side by side."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.runs.compare import MetricFacts, RunFacts, compare, same
from workbench.runs.goals import infer_goal
from workbench.runs.significance import paired, welch


def run(
    number: int, params: dict[str, Any] | None = None, status: str = "finished", **metrics: float | None
) -> RunFacts:
    facts = {name: MetricFacts(value, value, value) for name, value in metrics.items()}
    return RunFacts(number, f"run-{number}", status, params or {}, facts, float(number))


def test_differing_parameters_come_first_and_each_cell_tells() -> None:
    found = compare(
        [run(1, {"a": 1, "lr": 0.1}), run(2, {"a": 1.0, "lr": 0.2}), run(3, {"a": 1, "lr": 0.1, "new": None})]
    )
    assert [(row.name, row.differs, row.change) for row in found.params] == [
        ("lr", True, "changed"), ("new", True, "added"), ("a", False, ""),
    ]  # fmt: skip
    assert [cell.differs for cell in found.params[0].cells] == [False, True, False]
    assert [(cell.present, cell.differs) for cell in found.params[1].cells] == [
        (False, False),
        (False, False),
        (True, True),
    ]


def test_the_baseline_may_be_any_run() -> None:
    found = compare([run(1, {"lr": 1}, auc=0.9), run(2, {"lr": 2}, auc=0.8)], baseline=1)
    assert [cell.differs for cell in found.params[0].cells] == [True, False]
    assert found.metrics[0].cells[0].delta == pytest.approx(0.1)
    assert found.metrics[0].cells[1].delta == 0
    assert found.groups[0].runs == (2,)
    assert found.groups[0].baseline


@pytest.mark.parametrize("baseline", [-1, 2])
def test_a_baseline_outside_is_refused(baseline: int) -> None:
    with pytest.raises(IndexError):
        compare([run(1), run(2)], baseline=baseline)
    with pytest.raises(ValueError, match="nothing"):
        compare([])


def test_metrics_have_deltas_and_a_best() -> None:
    found = compare(
        [run(1, auc=0.8, loss=0.5, foo=1.0), run(2, auc=0.9, loss=0.6, foo=2.0), run(3, auc=None, loss=0.4)]
    )
    rows = {row.name: row for row in found.metrics}
    auc, loss, foo = rows["auc"].cells, rows["loss"].cells, rows["foo"].cells
    assert (auc[1].delta, auc[1].relative) == (pytest.approx(0.1), pytest.approx(0.125))
    assert [cell.better for cell in auc] == [None, True, None]
    assert [cell.best for cell in auc] == [False, True, False]
    assert [cell.better for cell in loss] == [None, False, True]
    assert [cell.best for cell in loss] == [False, False, True]
    assert [cell.better for cell in foo] == [None, None, None]
    assert not any(cell.best for cell in foo)
    assert foo[2].value is None


def test_a_stated_goal_beats_the_name_and_comes_first() -> None:
    found = compare([run(1, auc=0.8, loss=0.5), run(2, auc=0.9, loss=0.6)], goals={"loss": "max"})
    assert found.metrics[0].name == "loss"
    assert found.metrics[0].cells[1].best


def test_nobody_is_best_where_all_are_equal() -> None:
    assert not any(cell.best for cell in compare([run(1, auc=0.8), run(2, auc=0.8)]).metrics[0].cells)


def test_what_is_no_number_has_no_delta() -> None:
    cells = compare([run(1, auc=0.0), run(2, auc=math.nan), run(3, auc=math.inf), run(4, auc=1.0)]).metrics[0].cells
    assert [cell.delta for cell in cells] == [0, None, None, 1]
    assert [cell.relative for cell in cells] == [None] * 4
    assert cells[1].better is False
    assert [cell.best for cell in cells] == [False, False, False, True]


def test_packages_and_facts_are_compared() -> None:
    old = RunFacts(1, packages={"numpy": "1", "same": "1", "gone": "1"}, facts={"python": "3.11"})
    new = RunFacts(2, packages={"numpy": "2", "same": "1", "come": "1"}, facts={"python": "3.12"})
    found = compare([old, new])
    assert {row.name: row.change for row in found.packages} == {
        "numpy": "changed",
        "same": "",
        "gone": "removed",
        "come": "added",
    }
    assert found.packages[-1].name == "same"
    assert found.environment[0].differs


SEEDS = range(5)
LOW = [0.80, 0.81, 0.805, 0.802, 0.808]
HIGH = [0.82, 0.818, 0.825, 0.821, 0.83]


def sweep(seeded: bool) -> list[RunFacts]:
    low = [run(i, {"lr": 0.1, **({"model.seed": i} if seeded else {})}, auc=LOW[i]) for i in SEEDS]
    high = [run(10 + i, {"lr": 0.2, **({"model.seed": i} if seeded else {})}, auc=HIGH[i]) for i in reversed(SEEDS)]
    return [*low, *high]


def test_runs_that_differ_only_in_their_seed_are_repeats() -> None:
    found = compare(sweep(seeded=True))
    assert [group.runs for group in found.groups] == [(0, 1, 2, 3, 4), (14, 13, 12, 11, 10)]
    assert [dict(group.apart) for group in found.groups] == [{"lr": 0.1}, {"lr": 0.2}]
    assert found.groups[0].metrics["auc"].n == 5
    assert found.groups[0].metrics["auc"].mean == pytest.approx(sum(LOW) / 5)
    assert found.groups[0].against == {}
    assert found.repeated


def test_runs_on_other_data_are_no_repetition():
    runs = [RunFacts(n, params={"lr": 0.1, "seed": n}, experiment={"data a.csv": "v1"}) for n in (1, 2)]
    found = compare([*runs, RunFacts(3, params={"lr": 0.1, "seed": 3}, experiment={"data a.csv": "v2"})])
    assert [group.runs for group in found.groups] == [(1, 2), (3,)]
    assert [dict(group.apart) for group in found.groups] == [{"data a.csv": "v1"}, {"data a.csv": "v2"}]


def test_groups_with_the_same_seeds_are_compared_pair_by_pair() -> None:
    found = compare(sweep(seeded=True)).groups[1].against["auc"]
    assert found.method == "paired t"
    assert found.p_value == pytest.approx(paired(LOW, HIGH).p_value)


def test_groups_without_seeds_are_compared_as_they_are() -> None:
    found = compare(sweep(seeded=False)).groups[1].against["auc"]
    assert found.p_value == pytest.approx(welch(LOW, HIGH).p_value)
    assert found.outcome == "real"


def test_what_to_ignore_can_be_said() -> None:
    runs = [run(1, {"fold": 1}), run(2, {"fold": 2})]
    assert len(compare(runs).groups) == 2
    assert len(compare(runs, group_ignore={"fold"}).groups) == 1


def test_runs_that_did_not_finish_do_not_count() -> None:
    runs = [
        run(1, auc=0.8),
        run(2, auc=0.1, status="failed"),
        run(3, {"lr": 1}, auc=0.9),
        run(4, {"lr": 1}, status="running"),
    ]
    first, second = compare(runs).groups
    assert (first.unfinished, first.metrics["auc"].n) == ((2,), 1)
    assert second.against["auc"].outcome == "too few"


def test_a_missing_value_is_counted_as_left_out() -> None:
    assert compare([run(1, auc=None), run(2, auc=0.5)]).groups[0].metrics["auc"].left_out == 1


def test_many_metrics_are_corrected_together() -> None:
    names = [f"m{i}" for i in range(10)]
    a = [run(i, **dict.fromkeys(names, v)) for i, v in enumerate([1.0, 1.1, 0.9, 1.05])]
    b = [run(9 + i, {"lr": 1}, **dict.fromkeys(names, v)) for i, v in enumerate([1.25, 1.1, 1.3, 1.15])]
    found = compare([*a, *b]).groups[1].against
    assert {result.outcome for result in found.values()} == {"not shown"}
    assert found["m0"].p_value < 0.05 < found["m0"].p_adjusted
    chosen = compare([*a, *b], goals={"m0": "max"}).groups[1].against
    assert (chosen["m0"].outcome, chosen["m1"].outcome) == ("real", "not shown")


def test_several_groups_are_corrected_together() -> None:
    a = [run(i, m=v) for i, v in enumerate([1.0, 1.1, 0.9, 1.05])]
    b = [run(9 + i, {"lr": 1}, m=v) for i, v in enumerate([1.25, 1.1, 1.3, 1.15])]
    rest = [run(20 + i, {"lr": 2 + i // 4}, m=1.0 + i % 4 / 10) for i in range(24)]
    assert compare([*a, *b], goals={"m": "max"}).groups[1].against["m"].outcome == "real"
    assert compare([*a, *b, *rest], goals={"m": "max"}).groups[1].against["m"].outcome == "not shown"


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, 1.0, True), (math.nan, math.nan, True), (True, 1, False), ("1", 1, False), (None, 0, False),
        ([1, math.nan], [1.0, math.nan], True), ({"a": [1]}, {"a": [1.0]}, True), ({"a": 1}, {"a": 2}, False),
        (0.1 + 0.2, 0.3, False), ([True], [1], False), ([], {}, False),
    ],
)  # fmt: skip
def test_values_are_compared_exactly(one: object, other: object, equal: bool) -> None:
    assert same(one, other) is equal


@pytest.mark.parametrize(
    ("name", "goal"),
    [
        ("val_loss", "min"), ("rmse", "min"), ("train/mae", "min"), ("latency_ms", "min"), ("binary_logloss", "min"),
        ("Test accuracy", "max"),
        ("val_acc", "max"), ("roc_auc", "max"), ("f1", "max"), ("valAUC", "max"), ("r2", "max"),
        ("score_time", "min"), ("validation error", "min"),
        ("foo", None), ("lr", None), ("accident", None), ("slosses", None),
    ],
)  # fmt: skip
def test_the_name_tells_the_goal(name: str, goal: str | None) -> None:
    assert infer_goal(name) == goal


VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats()
    | st.text(max_size=2)
    | st.lists(st.integers(0, 2), max_size=2)
)
RUNS = st.lists(
    st.builds(
        run,
        st.integers(1, 99),
        st.dictionaries(st.sampled_from(["a", "b", "seed"]), VALUES),
        st.sampled_from(["finished", "failed"]),
        auc=st.none() | st.floats(),
        loss=st.floats(-1e308, 1e308),
    ),
    min_size=1,
    max_size=5,
)


@given(RUNS)
def test_any_runs_are_compared(runs: list[RunFacts]) -> None:
    found = compare(runs)
    assert sorted(number for group in found.groups for number in group.runs) == sorted(r.number for r in runs)
    assert all(len(row.cells) == len(runs) for row in (*found.params, *found.metrics))
    assert not any(row.cells[0].differs for row in found.params)
    flags = [row.differs for row in found.params]
    assert flags == sorted(flags, reverse=True)
    for row in found.metrics:
        deltas = [cell.delta for cell in row.cells if cell.delta is not None]
        assert all(math.isfinite(delta) for delta in deltas)
