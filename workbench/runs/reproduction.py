"""Whether a run that was made again gave the same, and what differs, most suspicious first; pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Likeness = Literal["identical", "equal", "different"]
Verdict = Literal["identical", "equal", "different", "failed"]
Points = Sequence[tuple[int, float]]
"""The (step, value) of a metric in the order in which they came."""

SUSPECTS = ("code", "data", "parameters", "packages", "python", "seeds", "threads", "hardware")


@dataclass(frozen=True)
class Facts:
    """What is held against each other of one run.

    `outputs` maps paths to hashes, `metrics` names to points; `made_of` maps each of SUSPECTS to its facts by name.
    """

    finished: bool = True
    outputs: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Points] = field(default_factory=dict)
    made_of: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


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


def judge(old: Facts, new: Facts, *, relative: float, absolute: float) -> Reproduction:
    """Hold a repeated run against the first.

    "identical" where all outputs and all points of all metrics are the same; "equal" where every point lies within
    `relative` or `absolute` of the first, whatever the bytes of the outputs, or where there are no metrics but equal
    outputs; "different" otherwise; "failed" where the repeated run did not end well.
    """
    outputs = tuple(_outputs(old.outputs, new.outputs))
    metrics = tuple(
        _metric(name, old.metrics.get(name, ()), new.metrics.get(name, ()), relative, absolute)
        for name in sorted(old.metrics.keys() | new.metrics.keys())
    )
    found = Reproduction(_verdict(outputs, metrics), outputs, metrics, tuple(_differences(old.made_of, new.made_of)))
    return found if new.finished else Reproduction("failed", outputs, metrics, found.differences)


def _verdict(outputs: Sequence[Part], metrics: Sequence[Part]) -> Verdict:
    if all(part.likeness == "identical" for part in (*outputs, *metrics)):
        return "identical"
    if any(part.likeness == "different" for part in metrics) or not metrics:
        return "different"
    return "equal"


def _outputs(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Part]:
    for path in sorted(old.keys() | new.keys()):
        before, after = old.get(path, ""), new.get(path, "")
        if before == after:
            yield Part(path, "identical")
        else:
            yield Part(path, "different", f"{before[:10] or 'not there'} → {after[:10] or 'not there'}")


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


def _differences(old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]) -> Iterator[Difference]:
    for suspect in SUSPECTS:
        before, after = old.get(suspect, {}), new.get(suspect, {})
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                yield Difference(suspect, name, _text(before.get(name)), _text(after.get(name)))


def _text(value: Any) -> str:
    return "" if value is None else str(value)
