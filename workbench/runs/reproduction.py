"""Whether a run that was made again gave the same, and what differs, most suspicious first; pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from workbench.runs.changes import Change
from workbench.runs.compare import same
from workbench.versions import variables

Likeness = Literal["identical", "equal", "different"]
Verdict = Literal["identical", "equal", "different", "failed"]
Points = Sequence[tuple[int, float]]
"""The (step, value) of a metric in the order in which they came."""

SUSPECTS = ("code", "data", "parameters", "packages", "python", "seeds", "threads", "variables", "hardware")

_NOT_THERE = "not there"


@dataclass(frozen=True)
class Facts:
    """What is held against each other of one run; `outputs` maps paths to hashes, `metrics` names to points."""

    finished: bool = True
    outputs: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Points] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """One output or metric: how like it is, and in words what differs."""

    name: str
    likeness: Likeness
    words: str = ""


@dataclass(frozen=True)
class Difference:
    """One fact in which the two runs differ; `old` and `new` are "" where there is none."""

    suspect: str
    name: str
    old: str
    new: str


@dataclass(frozen=True)
class Reproduction:
    """The verdict with its evidence; `differences` come in the order of SUSPECTS."""

    verdict: Verdict
    outputs: tuple[Part, ...] = ()
    metrics: tuple[Part, ...] = ()
    differences: tuple[Difference, ...] = ()


def judge(
    old: Facts, new: Facts, *, relative: float, absolute: float, differences: Sequence[Difference] = ()
) -> Reproduction:
    """Hold a repeated run against the first; `differences` are what `suspects` gave.

    "identical" where all outputs and all points of all metrics are the same; "equal" where every point lies within
    `relative` or `absolute` of the first, whatever the bytes of the outputs, or where there are no metrics but equal
    outputs; "different" otherwise, and where an output is missing; "failed" where the repeated run did not end well.
    """
    outputs = tuple(_outputs(old.outputs, new.outputs))
    metrics = tuple(
        _metric(name, old.metrics.get(name, ()), new.metrics.get(name, ()), relative, absolute)
        for name in sorted(old.metrics.keys() | new.metrics.keys())
    )
    verdict: Verdict = _verdict(outputs, metrics) if new.finished else "failed"
    return Reproduction(verdict, outputs, metrics, tuple(differences))


def _verdict(outputs: Sequence[Part], metrics: Sequence[Part]) -> Verdict:
    if all(part.likeness == "identical" for part in (*outputs, *metrics)):
        return "identical"
    missing = any(_NOT_THERE in part.words for part in outputs)
    if missing or not metrics or any(part.likeness == "different" for part in metrics):
        return "different"
    return "equal"


def _outputs(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Part]:
    for path in sorted(old.keys() | new.keys()):
        before, after = old.get(path, ""), new.get(path, "")
        if before == after:
            yield Part(path, "identical")
        else:
            yield Part(path, "different", f"{before[:10] or _NOT_THERE} → {after[:10] or _NOT_THERE}")


def _metric(name: str, old: Points, new: Points, relative: float, absolute: float) -> Part:
    if len(old) != len(new):
        return Part(name, "different", f"{len(old)} points → {len(new)}")
    likeness: Likeness = "identical"
    for (step, before), (other, after) in zip(old, new, strict=True):
        if step != other:
            return Part(name, "different", f"step {step} → {other}")
        if before == after or (math.isnan(before) and math.isnan(after)):
            continue
        if not math.isclose(before, after, rel_tol=relative, abs_tol=absolute):
            return Part(name, "different", f"from step {step}: {before:.10g} → {after:.10g}")
        likeness = "equal"
    return Part(name, likeness)


def suspects(
    changes: Iterable[Change], old: Mapping[str, Any] | None = None, new: Mapping[str, Any] | None = None
) -> tuple[Difference, ...]:
    """Return what may be the reason, most suspicious first: what two runs were made of, and their parameters."""
    before, after = old or {}, new or {}
    found = [Difference(_suspect(change), change.name, change.old, change.new) for change in changes]
    found += [
        Difference(_kind(name), name, _text(before.get(name)), _text(after.get(name)))
        for name in sorted(before.keys() | after.keys())
        if not same(before.get(name), after.get(name))
    ]
    return tuple(sorted(found, key=lambda one: SUSPECTS.index(one.suspect)))


def _suspect(change: Change) -> str:
    if change.what == "variable":
        return variables.kind(change.name)
    return "threads" if change.name == "cpu_usable" else _SUSPECT_OF[change.what]


_SUSPECT_OF = {
    "code": "code", "data": "data", "package": "packages", "library": "packages", "python": "python",
    "hardware": "hardware",
}  # fmt: skip


def _kind(parameter: str) -> str:
    return "seeds" if any(word in parameter.lower() for word in ("seed", "random_state")) else "parameters"


def _text(value: Any) -> str:
    return "" if value is None else str(value)
