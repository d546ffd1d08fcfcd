"""Comparing runs: from names to a comparison, the curves of a metric, and how code and packages changed."""

from __future__ import annotations

import functools
import json
import math
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from workbench.actions import runs as run_actions
from workbench.errors import UsageError
from workbench.project import Project
from workbench.runs import compare as pure
from workbench.runs import queries
from workbench.runs.changes import program
from workbench.runs.compare import Comparison, MetricFacts, RunFacts
from workbench.runs.goals import Goal
from workbench.runs.model import Curve, Run
from workbench.safe import clean
from workbench.versions import code, environment
from workbench.versions.code import CodeDiff, CodeVersion
from workbench.versions.environment import Environment, EnvironmentDiff

BUCKETS = 600
DATA = "data "
"""How the names of facts about data begin, before the path."""
FEW_POINTS = 3000
"""Up to so many points a curve is read whole; of longer ones the mean of each of `BUCKETS` stretches of steps."""


@dataclass(frozen=True)
class Compared:
    """Runs and their comparison, in one order; `pinned` tells that the baseline is the project's own."""

    runs: tuple[Run, ...]
    comparison: Comparison
    pinned: bool = False

    @property
    def baseline(self) -> Run:
        """The run that the others are held against."""
        return self.runs[self.comparison.baseline]


def compare(
    project: Project, names: Sequence[str], baseline: str | None = None, *, now: float | None = None
) -> Compared:
    """Compare the named runs with a baseline: the one named, else the pinned one, else the first.

    A baseline that is not among the runs joins them at the front. Raises NotFoundError for a name that means no run,
    UsageError for fewer than two runs.
    """
    connection = project.open_store()
    try:
        numbers = [run_actions.number_of(project, connection, name) for name in names]
        wanted = None if baseline is None else run_actions.number_of(project, connection, baseline)
        found = read(project, connection, numbers, baseline=wanted, now=now)
    finally:
        connection.close()
    if found is None or len(found.runs) < 2:
        raise UsageError("Comparing takes two runs or more", "workbench compare 1 2   (workbench runs lists them)")
    return found


def read(
    project: Project,
    connection: sqlite3.Connection,
    numbers: Sequence[int],
    *,
    baseline: int | None = None,
    now: float | None = None,
) -> Compared | None:
    """Compare the runs with these numbers as `compare` does, whatever their count; None where none of them is left."""
    pinned = queries.setting(connection, "baseline")
    reference = baseline if baseline is not None else pinned
    order = list(dict.fromkeys(numbers))
    if order and reference is not None and reference not in order:
        order.insert(0, reference)
    runs = tuple(queries.load(connection, order))
    if not runs:
        return None
    at = next((index for index, run in enumerate(runs) if run.number == reference), 0)
    moment = time.time() if now is None else now
    environments = [_environment_of(connection, run) for run in runs]
    packages = _packages(environments)
    facts = [
        _facts(run, found_there, versions, moment)
        for run, found_there, versions in zip(runs, environments, packages, strict=True)
    ]
    found = pure.compare(facts, baseline=at, goals=goals(project))
    return Compared(runs, found, pinned is not None and runs[at].number == pinned)


def goals(project: Project) -> dict[str, Goal]:
    """Return which way the metric of workbench.toml is better."""
    metric = project.config.metric
    return {metric.name: metric.goal} if metric.name else {}


def _packages(environments: Sequence[Environment]) -> list[dict[str, str]]:
    """Return each one's packages with their versions, and a hash where what was imported differs all the same."""
    found = [dict(one.packages) for one in environments]
    contents = [dict(one.imported or ()) for one in environments]
    for name in {name for content in contents for name in content}:
        known = {content[name] for content in contents if content.get(name)}
        if len(known) > 1 and len({versions.get(name) for versions in found}) == 1:
            for versions, content in zip(found, contents, strict=True):
                versions[name] = f"{versions.get(name, '')} {content.get(name, '')[:8]}".strip()
    return found


def _facts(run: Run, found: Environment, packages: Mapping[str, str], now: float) -> RunFacts:
    metrics = {name: MetricFacts(one.last, one.least, one.greatest, one.count) for name, one in run.metrics.items()}
    return RunFacts(
        number=run.number,
        name=run.name,
        status=run.status,
        params=run.params,
        metrics=metrics,
        duration=run.duration(now),
        packages=packages,
        facts=_circumstances(run, found),
        experiment=_experiment(run),
    )


def _experiment(run: Run) -> dict[str, Any]:
    """Return the content of code and data, as far as they are known."""
    known = {"code": version_of(run).tree[:8]}
    known |= {str(one.get("path", "")): str(one["hash"])[:8] for one in run.data if one.get("hash")}
    return {name: value for name, value in known.items() if value}


_OTHER_FACTS = ("packages", "variables", "gpus", "problem", "cpu_flags", "imported", "libraries")


def _circumstances(run: Run, found: Environment) -> dict[str, Any]:
    """Return what else tells a run apart: code, data, command, interpreter, machine; what is unknown is left out."""
    version = version_of(run)
    facts: dict[str, Any] = {"code": code_name(run), "branch": version.branch, "program": program(run.command)}
    facts |= {f"{DATA}{one.get('path', '')}": _data_name(one) for one in run.data}
    plain = [one.name for one in fields(Environment) if one.name not in _OTHER_FACTS]
    facts |= {name: getattr(found, name) for name in plain}
    facts |= {name: ", ".join(getattr(found, name) or ()) for name in ("gpus", "cpu_flags", "libraries")}
    facts |= dict(found.variables)
    return {name: value for name, value in facts.items() if value not in (None, "", 0)}


def _data_name(one: Mapping[str, Any]) -> str:
    """Return a file or folder that a run read in a few words: what its content is, and how many rows it has."""
    if not one.get("hash"):
        return clean(str(one.get("problem") or "missing"), 80)
    rows = one.get("rows")
    return f"{str(one['hash'])[:10]}{'' if rows is None else f' ({rows} rows)'}"


def version_of(run: Run) -> CodeVersion:
    """Return the code that a run ran, of kind "none" where it is not known."""
    known = {"kind": "none", "problem": "no code was recorded", **run.code}
    return CodeVersion.from_json(known)


def code_name(run: Run) -> str:
    """Return the code of a run in one word: its commit, with ± and the tree where files differed from it."""
    version = version_of(run)
    if version.kind == "none":
        return ""
    if version.commit and not version.dirty:
        return version.commit[:8]
    return f"{version.commit[:8]}±{version.tree[:4]}" if version.commit else version.tree[:8]


def _environment_of(connection: sqlite3.Connection, run: Run) -> Environment:
    if run.environment is None:
        return Environment()
    return _parsed(queries.environment(connection, run.number) or "{}")


@functools.lru_cache(maxsize=64)
def _parsed(text: str) -> Environment:
    values: Mapping[str, Any] = json.loads(text)
    return environment.from_json(values)


def code_diff(project: Project, old: Run, new: Run, *, context: int = 3) -> CodeDiff:
    """Return how the code changed from one run to another; what keeps it from being known is in its `problem`."""
    return code.diff(project.folder, project.objects_folder, version_of(old), version_of(new), context=context)


def package_diff(project: Project, old: Run, new: Run) -> EnvironmentDiff:
    """Return how the environment changed from one run to another: packages and other facts."""
    connection = project.open_store()
    try:
        return environment.compare(_environment_of(connection, old), _environment_of(connection, new))
    finally:
        connection.close()


def chart_metrics(project: Project, runs: Sequence[Run]) -> list[str]:
    """Return the metrics of the runs: first those with curves, and among these the configured one, then the others."""
    names = {name for run in runs for name in run.metrics}
    longest = {name: max(run.metrics[name].count for run in runs if name in run.metrics) for name in names}
    first = project.config.metric.name
    return sorted(names, key=lambda name: (longest[name] < 2, name != first, name))


def curve(connection: sqlite3.Connection, run: int, metric: str, buckets: int = BUCKETS) -> Curve:
    """Return the points of a metric for drawing: all where they are few, else the mean of each stretch of steps.

    A stretch stands at its first step and its first time. Made for drawing; never for figures.
    """
    name = queries.find_name(connection, "metric", metric)
    count, low, high = queries.extent(connection, run, name)
    if count <= FEW_POINTS or high == low:
        return queries.history(connection, run, metric)
    width = max(1, -(-(high - low + 1) // buckets))
    rows = connection.execute(
        "SELECT min(step), min(t) / 1000.0, avg(value) FROM points WHERE run = ? AND name = ?"
        " GROUP BY (step - ?) / ? ORDER BY 1",
        (run, name, low, width),
    ).fetchall()
    steps, times, values = zip(*rows, strict=True)
    return Curve(steps, times, tuple(math.nan if value is None else value for value in values))


def curves(project: Project, runs: Sequence[Run], metric: str) -> list[Curve]:
    """Return the curve of a metric for each run, in their order; empty where a run has none."""
    connection = project.open_store()
    try:
        return [curve(connection, run.number, metric) for run in runs]
    finally:
        connection.close()


def goal_of(compared: Compared, metric: str) -> str:
    """Return "max", "min" or "" for a metric of the comparison."""
    return next((row.goal or "" for row in compared.comparison.metrics if row.name == metric), "")


def chosen_metric(project: Project, runs: Sequence[Run], wanted: str = "") -> str:
    """Return the metric to draw: the wanted one, else the first of `chart_metrics`; raises UsageError."""
    names = chart_metrics(project, runs)
    if wanted and wanted not in names:
        known = ", ".join(clean(name, 40) for name in names[:12])
        raise UsageError(f"None of these runs has the metric {clean(wanted)!r}", f"They have: {known or 'none'}")
    return wanted or (names[0] if names else "")
