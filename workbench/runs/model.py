"""What a run is, as values: what the queries return and every front end shows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

STATUSES = ("queued", "running", "finished", "failed", "stopped", "lost")
GLYPHS = {"queued": "○", "running": "▶", "finished": "✓", "failed": "✗", "stopped": "■", "lost": "?"}
ENDED = ("finished", "failed", "stopped", "lost")
CHECKS: Mapping[str, str] = {"drift": "there is drift", "validate": "there are errors in the data"}
"""Kinds of runs that only look at data, each with what its exit code 1 says: they start at once beside all others."""


class MetricSummary(NamedTuple):
    """A metric of one run without its points; NaN is nan, and `least` and `greatest` leave NaN and infinities out."""

    last: float
    last_step: int
    least: float | None
    least_step: int | None
    greatest: float | None
    greatest_step: int | None
    count: int  # type: ignore[assignment]  # tuple.count is of no use here
    last_t: int

    def best(self, goal: str) -> float | None:
        """Return the greatest value for goal "max", the least for "min"."""
        return self.greatest if goal == "max" else self.least


@dataclass(frozen=True, slots=True)
class Run:
    """One run; times in seconds since the epoch (UTC), `params` and `metrics` by name."""

    number: int
    uid: str
    name: str
    kind: str
    status: str
    command: str | list[str]
    python: str
    overrides: Mapping[str, str]
    trigger: Mapping[str, Any]
    created: float
    started: float | None
    ended: float | None
    exit_code: int | None
    signal: int | None
    reason: str
    stop_requested: float | None
    note: str
    code: Mapping[str, Any]
    environment: str | None
    host: str
    stage: str = ""
    stage_key: str = ""
    rev: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, MetricSummary] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    data: tuple[Mapping[str, Any], ...] = ()
    notices: tuple[str, ...] = ()  # only where they were asked for

    @property
    def is_over(self) -> bool:
        """Whether the run has ended."""
        return self.status in ENDED

    def duration(self, now: float) -> float | None:
        """Return how long the run took, or has taken up to `now`, in seconds; None before it starts."""
        if self.started is None:
            return None
        return max(0.0, (self.ended if self.ended is not None else now) - self.started)

    def value(self, metric: str) -> float | None:
        """Return the last value of a metric, or None where there is none."""
        summary = self.metrics.get(metric)
        return None if summary is None else summary.last


@dataclass(frozen=True, slots=True)
class Curve:
    """The points of one metric of one run in the order of their steps; `times` in seconds since the run started."""

    steps: tuple[int, ...] = ()
    times: tuple[float, ...] = ()
    values: tuple[float, ...] = ()


def why(trigger: Mapping[str, Any]) -> str:
    """Return in a few words what started a run."""
    kind = str(trigger.get("kind", "hand"))
    files = trigger.get("files") or []
    if kind == "change" and files:
        what = str(trigger.get("what", "")).strip()
        first = str(files[0].get("path", "")) if isinstance(files[0], Mapping) else str(files[0])
        more = f" +{len(files) - 1}" if len(files) > 1 else ""
        return f"{what}: {first}{more}" if what else f"{first}{more}"
    if kind == "monitoring":
        columns = ", ".join(map(str, trigger.get("columns") or []))
        return f"drift of {columns}" if columns else "drift"
    return {"hand": "by hand", "change": "a change"}.get(kind, kind)


def finite(value: float | None) -> float | None:
    """Return `value`, or None for None, NaN and the infinities."""
    return value if value is not None and math.isfinite(value) else None
