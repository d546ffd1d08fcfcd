"""Runs side by side: what differs, which is better, and whether repeated runs show that it is real; pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.runs.goals import Goal, infer_goal
from workbench.runs.significance import GroupSummary, TestResult, corrected, paired, summary, welch

# Parameters that repeat a run without changing what is tried; a dotted name counts by its last part.
REPEATS = frozenset(
    ("seed", "random_seed", "random_state", "rng_seed", "torch_seed", "numpy_seed", "run_id", "run_name", "repeat")
)


@dataclass(frozen=True, slots=True)
class MetricFacts:
    """A metric of one run without its points; None is what was never a finite number."""

    last: float | None
    least: float | None = None
    greatest: float | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is compared of one run; `duration` in seconds, `packages` name to version, `facts` like python.

    `experiment` is what besides parameters makes it another experiment and no repetition: its code and data.
    """

    number: int
    name: str = ""
    status: str = "finished"
    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, MetricFacts] = field(default_factory=dict)
    duration: float | None = None
    packages: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    experiment: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cell:
    """A value of one run; `present` tells a missing one from None, `differs` is against the baseline."""

    value: Any
    present: bool
    differs: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One parameter, fact or package over all runs, in their order; `change` is added, removed or changed, else ""."""

    name: str
    cells: tuple[Cell, ...]
    differs: bool
    change: str = ""


@dataclass(frozen=True, slots=True)
class MetricCell:
    """A metric's last value in one run against the baseline's: `relative` to its size, `better` None where unknown."""

    value: float | None
    delta: float | None
    relative: float | None
    better: bool | None
    best: bool


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric over all runs, in their order."""

    name: str
    goal: Goal | None
    cells: tuple[MetricCell, ...]
    differs: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Runs of one experiment: equal in code, data and all parameters but those that only repeat.

    `apart` is what differs between groups, by name.
    Only finished runs are in `metrics`; `unfinished` are the numbers of the others. `against` holds, per metric, the
    comparison with the baseline's group (empty for that group itself), corrected for how many were made.
    """

    runs: tuple[int, ...]
    unfinished: tuple[int, ...]
    apart: Mapping[str, Any]
    metrics: Mapping[str, GroupSummary]
    against: Mapping[str, TestResult]
    baseline: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that Compare shows; rows that differ come first, `groups` with the baseline's at the front."""

    runs: tuple[int, ...]
    baseline: int
    params: tuple[Row, ...]
    metrics: tuple[MetricRow, ...]
    environment: tuple[Row, ...]
    packages: tuple[Row, ...]
    durations: MetricRow
    groups: tuple[Group, ...]

    @property
    def repeated(self) -> bool:
        """Whether any group holds several finished runs, so that its spread is worth showing."""
        return any(len(group.runs) - len(group.unfinished) > 1 for group in self.groups)


def compare(
    runs: Sequence[RunFacts],
    *,
    baseline: int = 0,
    goals: Mapping[str, Goal] | None = None,
    group_ignore: Iterable[str] = REPEATS,
) -> Comparison:
    """Compare runs with the one at index `baseline`.

    `goals` say which way a metric is better; a metric that they leave out is judged by its name, or not at all.
    Raises ValueError for no runs and IndexError for a baseline that is not among them.
    """
    if not runs:
        raise ValueError("nothing to compare")
    if not 0 <= baseline < len(runs):
        raise IndexError(f"no run at {baseline}")
    return Comparison(
        runs=tuple(run.number for run in runs),
        baseline=baseline,
        params=_rows([run.params for run in runs], baseline),
        metrics=_metric_rows(runs, baseline, goals),
        environment=_rows([run.facts for run in runs], baseline),
        packages=_rows([run.packages for run in runs], baseline),
        durations=_metric_row("duration", [run.duration for run in runs], baseline, "min"),
        groups=_groups(runs, baseline, goals, frozenset(group_ignore)),
    )


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equal: 1 is 1.0, NaN is NaN, but True is not 1 and "1" is not 1."""
    return bool(_key(one) == _key(other))


def _key(value: Any) -> Any:
    """Return something hashable that is equal exactly for the same values."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, float) and math.isnan(value):
        return ("nan",)
    if isinstance(value, (list, tuple)):
        return ("list", *(_key(item) for item in value))
    if isinstance(value, Mapping):
        return ("table", frozenset((key, _key(item)) for key, item in value.items()))
    try:
        hash(value)
    except TypeError:
        return ("other", json.dumps(value, default=repr, sort_keys=True))
    return value


_MISSING = object()


def _rows(tables: Sequence[Mapping[str, Any]], baseline: int) -> tuple[Row, ...]:
    """Return a row per name, those that differ first, each half in the order of names."""
    names = sorted({name for table in tables for name in table})
    rows = [_row(name, [table.get(name, _MISSING) for table in tables], baseline) for name in names]
    return tuple(sorted(rows, key=lambda row: not row.differs))


def _row(name: str, values: Sequence[Any], baseline: int) -> Row:
    reference = _key(values[baseline])
    cells = tuple(
        Cell(None if value is _MISSING else value, value is not _MISSING, _key(value) != reference) for value in values
    )
    change = ""
    if any(cell.differs for cell in cells):
        others = [cell for cell in cells if cell.differs]
        change = "added" if not cells[baseline].present else "changed" if any(c.present for c in others) else "removed"
    return Row(name, cells, bool(change), change)


def _metric_rows(runs: Sequence[RunFacts], baseline: int, goals: Mapping[str, Goal] | None) -> tuple[MetricRow, ...]:
    names = sorted({name for run in runs for name in run.metrics}, key=lambda name: (name not in (goals or {}), name))
    rows = [_metric_row(name, _last(runs, name), baseline, infer_goal(name, goals)) for name in names]
    return tuple(sorted(rows, key=lambda row: (row.name not in (goals or {}), not row.differs)))


def _last(runs: Sequence[RunFacts], name: str) -> list[float | None]:
    return [run.metrics[name].last if name in run.metrics else None for run in runs]


def _metric_row(name: str, values: Sequence[float | None], baseline: int, goal: Goal | None) -> MetricRow:
    finite = [value for value in values if value is not None and math.isfinite(value)]
    best = (max(finite) if goal == "max" else min(finite)) if goal and finite else None
    # Where all are equal none is the best.
    winner = None if best is None or len({*map(_key, values)}) == 1 else best
    reference = values[baseline]
    cells = tuple(_metric_cell(value, reference, goal, winner) for value in values)
    return MetricRow(name, goal, cells, any(not same(value, reference) for value in values))


def _metric_cell(value: float | None, reference: float | None, goal: Goal | None, winner: float | None) -> MetricCell:
    best = value is not None and winner is not None and value == winner
    if value is None or reference is None:
        return MetricCell(value, None, None, None, best)
    delta = value - reference
    if not math.isfinite(delta):
        return MetricCell(value, None, None, _better(value, reference, goal), best)
    relative = delta / abs(reference) if reference and math.isfinite(delta / abs(reference)) else None
    return MetricCell(value, delta, relative, _better(value, reference, goal), best)


def _better(value: float, reference: float, goal: Goal | None) -> bool | None:
    if goal is None or value == reference or (math.isnan(value) and math.isnan(reference)):
        return None
    if math.isnan(value) or math.isnan(reference):
        return math.isnan(reference)  # a number is better than none
    return value > reference if goal == "max" else value < reference


def _groups(
    runs: Sequence[RunFacts], baseline: int, goals: Mapping[str, Goal] | None, ignored: frozenset[str]
) -> tuple[Group, ...]:
    members: dict[Any, list[RunFacts]] = {_key(_told_apart(runs[baseline], ignored)): []}
    for run in runs:
        members.setdefault(_key(_told_apart(run, ignored)), []).append(run)
    first, *others = members.values()
    names = [
        row.name for row in _rows([_told_apart(group[0], ignored) for group in members.values()], 0) if row.differs
    ]
    against = _corrected([_all_against(first, group, ignored) for group in others], goals or {})
    return tuple(
        _group(group, names, found, group is first)
        for group, found in zip([first, *others], [{}, *against], strict=True)
    )


def _corrected(tables: Sequence[dict[str, TestResult]], goals: Mapping[str, Goal]) -> Sequence[dict[str, TestResult]]:
    """Correct for the number of comparisons: those of a metric with a stated goal are a family of their own.

    Such a metric was chosen before looking, so that logging fifty others must not hide a difference in it; whoever
    looks through those others is protected from finding one by chance.
    """
    families: dict[str, list[tuple[int, str]]] = {}
    for index, table in enumerate(tables):
        for name in table:
            families.setdefault(name if name in goals else "", []).append((index, name))
    for family in families.values():
        results = corrected([tables[index][name] for index, name in family])
        for (index, name), result in zip(family, results, strict=True):
            tables[index][name] = result
    return tables


def _all_against(
    first: Sequence[RunFacts], group: Sequence[RunFacts], ignored: frozenset[str]
) -> dict[str, TestResult]:
    shared = {name for run in group for name in run.metrics} & {name for run in first for name in run.metrics}
    return {name: _against(name, first, group, ignored) for name in sorted(shared)}


def _told_apart(run: RunFacts, ignored: frozenset[str]) -> dict[str, Any]:
    params = {name: value for name, value in run.params.items() if not _repeats(name, ignored)}
    return {**run.experiment, **params}


def _repeats(name: str, ignored: frozenset[str]) -> bool:
    return name in ignored or name.rpartition(".")[2] in ignored


def _group(
    group: Sequence[RunFacts], names: Sequence[str], against: Mapping[str, TestResult], is_baseline: bool
) -> Group:
    metrics = sorted({name for run in group for name in run.metrics})
    finished = [run for run in group if run.status == "finished"]
    return Group(
        runs=tuple(run.number for run in group),
        unfinished=tuple(run.number for run in group if run.status != "finished"),
        apart={name: value for name, value in {**group[0].experiment, **group[0].params}.items() if name in names},
        metrics={name: summary(_known(_last([r for r in finished if name in r.metrics], name))) for name in metrics},
        against=against,
        baseline=is_baseline,
    )


def _known(values: Iterable[float | None]) -> list[float]:
    """NaN for what the store holds as NULL, so that it is counted as left out."""
    return [math.nan if value is None else value for value in values]


def _against(name: str, first: Sequence[RunFacts], group: Sequence[RunFacts], ignored: frozenset[str]) -> TestResult:
    """Compare a group with the baseline's: pair by pair where both ran the same, single seeds, else as they are."""
    a, b = ([run for run in runs if run.status == "finished" and name in run.metrics] for runs in (first, group))
    left, right = (_by_seed(runs, name, ignored) for runs in (a, b))
    if left and right and left.keys() == right.keys() and len(left) >= 3:
        return paired([left[seed] for seed in left], [right[seed] for seed in left])
    return welch(_known(_last(a, name)), _known(_last(b, name)))


def _by_seed(runs: Sequence[RunFacts], name: str, ignored: frozenset[str]) -> dict[Any, float]:
    """Return the value of each seed, or nothing where a run has none or shares it."""
    values: dict[Any, float] = {}
    for run, value in zip(runs, _known(_last(runs, name)), strict=True):
        seed = _key({key: item for key, item in run.params.items() if _repeats(key, ignored) and "seed" in key.lower()})
        if seed == _key({}) or seed in values:
            return {}
        values[seed] = value
    return values
