"""What a check for drift found, as frozen values with their JSON form. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from workbench.drift.profile import Window
from workbench.drift.statistics import Statistic

Verdict = Literal["ok", "warn", "drift", "insufficient", "empty", "new", "missing", "reference"]
Role = Literal["feature", "target", "prediction", "id", "axis"]

RANKS: Mapping[str, int] = {
    "missing": 6, "empty": 5, "drift": 4, "warn": 3, "new": 2, "insufficient": 1, "ok": 0, "reference": 0,
}  # fmt: skip
GLYPHS: Mapping[str, str] = {
    "ok": "✓", "warn": "◆", "drift": "▲", "insufficient": "?", "empty": "○", "new": "+", "missing": "✗",
    "reference": "=",
}  # fmt: skip
BAD = frozenset(("drift", "empty", "missing"))
"""Verdicts on a column for which an alert counts a window as a bad one."""


@dataclass(frozen=True)
class Settings:
    """How strict a check is: see [drift] in workbench.toml."""

    warn: float = 0.05
    drift: float = 0.10
    q: float = 0.01
    least_rows: int = 30
    alert_after: int = 2
    alert_within: int = 3
    clear_after: int = 2
    cool_down: int = 3


@dataclass(frozen=True)
class Judged:
    """A statistic of a column, or of an `aspect` of it, with its p adjusted over the window.

    `left_out` is the plugin whose statistic gave no result, for the reason in its note.
    """

    statistic: Statistic
    aspect: str = ""
    adjusted: float | None = None
    left_out: str = ""

    @property
    def name(self) -> str:
        """The statistic, with the aspect where there is one."""
        return f"{self.aspect} {self.statistic.name}".strip()


@dataclass(frozen=True)
class ColumnDrift:
    """The verdict on one column of a window.

    `effect` lies between 0 and 1; `p` is the smallest adjusted one. `why` is a sentence with statistic, chance and
    threshold. `weight` is its share of the importance of all columns, None where that is not known; columns that do not
    `matter` can only warn of drift in the window. `left_out` tells of statistics of plugins that gave no result why.
    """

    name: str
    kind: str
    role: Role
    verdict: Verdict
    why: str
    effect: float = 0.0
    p: float | None = None
    judged: tuple[Judged, ...] = ()
    count: int = 0
    missing: float = 0.0
    reference_count: int = 0
    reference_missing: float = 0.0
    weight: float | None = None
    matters: bool = True
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def severity(self) -> tuple[float, ...]:
        """What to look at first is greatest."""
        return (
            self.matters,
            RANKS[self.verdict],
            self.effect * (1.0 if self.weight is None else self.weight),
            self.effect,
        )


@dataclass(frozen=True)
class Domain:
    """How well a classifier tells window from reference, on rows that it did not learn from: 0.5 not at all, 1 always.

    `p` = (k + 1) / (permutations + 1) where k permutations of the labels reach as much; `columns` are those that it
    used most.
    """

    auc: float
    p: float
    permutations: int
    rows: int
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class WindowDrift:
    """The verdict on a window, columns by severity; `reference` names what it was held against.

    The profiles are there in a fresh report, and None in one from the store, which has them apart.
    """

    label: str
    rows: int
    verdict: Verdict
    columns: tuple[ColumnDrift, ...]
    reference: str
    start: float | None = None
    end: float | None = None
    domain: Domain | None = None
    profile: Window | None = None
    reference_profile: Window | None = None

    @property
    def effect(self) -> float:
        """The largest effect of a column that matters."""
        return max((one.effect for one in self.columns if one.matters), default=0.0)

    def column(self, name: str) -> ColumnDrift | None:
        """Return a column by name."""
        return next((one for one in self.columns if one.name == name), None)


@dataclass(frozen=True)
class Request:
    """What to compare; "" leaves it to [drift] in workbench.toml.

    `reference` is "training", "previous", "season", "first", the label of a window, a file, or PATH@VERSION; `current`
    a file or PATH@VERSION; `by` a calendar unit of the column `time`, "1000 rows", or "all". Files are relative to the
    project.
    """

    reference: str = ""
    current: str = ""
    by: str = ""
    time: str = ""
    classifier: bool = False

    @property
    def options(self) -> list[str]:
        """The options of `workbench drift` that ask for it."""
        words = {"--reference": self.reference, "--current": self.current, "--by": self.by, "--time": self.time}
        given = [f"{name}={value}" for name, value in words.items() if value]
        return [*given, *(["--classifier"] if self.classifier else [])]


@dataclass(frozen=True)
class Report:
    """One check: `id` in the store, 0 before it is there; `series` names what is watched over time.

    `false_alerts` are the alerts that a month brings without drift, `most_false_alerts` the most; None where the
    windows have no time. `request` is what the same check is asked for again, None where an older program did not say.
    `notes` are sentences on what was odd in the files, and on statistics that were left out. `run` is the one that its
    alerts started, `not_started` why none could be.
    """

    created: float
    reference: str
    current: str
    by: str
    settings: Settings
    windows: tuple[WindowDrift, ...]
    series: str = ""
    undated: int = 0
    false_alerts: float | None = None
    most_false_alerts: float | None = None
    id: int = 0
    request: Request | None = None
    notes: tuple[str, ...] = ()
    run: int | None = None
    not_started: str = ""

    @property
    def started(self) -> str:
        """What its alerts started, or why that could not be, "" where nothing was to start."""
        if self.not_started:
            return f"no run could be started: {self.not_started}"
        return f"started run {self.run}" if self.run is not None else ""

    @property
    def verdict(self) -> Verdict:
        """The worst verdict on a window."""
        return max((one.verdict for one in self.windows), key=lambda one: RANKS[one], default="ok")

    @property
    def judged_windows(self) -> tuple[WindowDrift, ...]:
        """The windows that were held against another one."""
        return tuple(one for one in self.windows if one.verdict != "reference")

    @property
    def why_nothing(self) -> str:
        """Why no window was held against another one, "" where one was."""
        if self.judged_windows:
            return ""
        if not self.windows:
            return "Nothing was compared: no row is in a window."
        why = {"season": "No window has one of a year before.", "previous": "No window has one before it."}
        return f"Nothing was compared. {why.get(self.reference, 'There is no window but the reference.')}"

    def column_names(self) -> list[str]:
        """Return the columns, those that drifted most over all windows first."""
        worst: dict[str, tuple[float, ...]] = {}
        for window in self.windows:
            for one in window.columns:
                worst[one.name] = max(worst.get(one.name, ()), one.severity)
        return sorted(worst, key=lambda name: worst[name], reverse=True)


# --- JSON


def window_to_json(window: WindowDrift) -> dict[str, Any]:
    """Return a window, without its profiles, as a JSON object without NaN."""
    plain = replace(window, profile=None, reference_profile=None)
    document: dict[str, Any] = _finite(asdict(plain))
    del document["profile"], document["reference_profile"]
    return document


def window_from_json(value: Mapping[str, Any]) -> WindowDrift:
    """Return the window that `window_to_json` wrote; raises KeyError or TypeError for anything else."""
    columns = tuple(_column(one) for one in value["columns"])
    domain = (
        None if value["domain"] is None else Domain(**{**value["domain"], "columns": tuple(value["domain"]["columns"])})
    )
    return WindowDrift(**{**value, "columns": columns, "domain": domain})


def settings_from_json(value: Mapping[str, Any]) -> Settings:
    """Return settings as they were stored; what this program does not know is left out."""
    known = {one.name for one in fields(Settings)}
    return Settings(**{name: item for name, item in value.items() if name in known})


def request_from_json(value: Mapping[str, Any] | None) -> Request | None:
    """Return what was asked for as it was stored; None where nothing was, or what is not understood."""
    try:
        return None if value is None else Request(**value)
    except TypeError:
        return None


def _column(value: Mapping[str, Any]) -> ColumnDrift:
    judged = tuple(Judged(Statistic(**one["statistic"]), one["aspect"], one["adjusted"]) for one in value["judged"])
    return ColumnDrift(**{**value, "judged": judged})


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, (list, tuple)) else value
