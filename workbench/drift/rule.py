"""The verdict on a window: significance over all its columns, and effect. Pure.

A statistic says drift where its p, adjusted by Benjamini and Hochberg over the window, is at most q, and its effect at
least `drift`; it warns from `warn` on. So many rows cannot make a tiny change important, nor few rows a chance one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.data.profile import ColumnProfile
from workbench.drift import compare
from workbench.drift.compare import Statistics
from workbench.drift.profile import Column, Window
from workbench.drift.report import BAD, RANKS, ColumnDrift, Domain, Judged, Role, Settings, Verdict, WindowDrift
from workbench.words import counted

MATTERING = 0.8
"""Columns that hold this share of the importance, the most important first, decide about a window."""


@dataclass(frozen=True)
class Roles:
    """What columns are besides features, and the importance of those where it is known (any unit, not negative)."""

    target: str = ""
    prediction: str = ""
    ids: tuple[str, ...] = ()
    axis: str = ""
    ignored: tuple[str, ...] = ()
    importance: Mapping[str, float] = field(default_factory=dict)

    def of(self, name: str) -> Role:
        """Return the role of a column."""
        if name in self.ids:
            return "id"
        named: dict[str, Role] = {self.axis: "axis", self.target: "target", self.prediction: "prediction"}
        return named.get(name, "feature") if name else "feature"


def judge(reference: Window, current: Window, settings: Settings, statistics: Statistics, roles: Roles) -> WindowDrift:
    """Return the verdict on `current` held against `reference`."""
    names = [one.name for one in reference.columns]
    names += [one.name for one in current.columns if reference.column(one.name) is None]
    drafts = [
        _draft(reference.column(name), current.column(name), name, settings, statistics, roles)
        for name in names
        if name not in roles.ignored
    ]
    weights, mattering = weigh([one.name for one in drafts if one.role == "feature"], roles.importance)
    adjusted = _adjust(drafts)
    columns = [
        replace(
            _with_damage(_decide(one, settings), reference.column(one.name), current.column(one.name)),
            weight=weights.get(one.name),
            matters=one.role in ("target", "prediction") or one.name in mattering,
        )
        for one in adjusted
    ]
    columns.sort(key=lambda one: one.severity, reverse=True)
    verdict = _verdict(columns, current.rows, settings)
    return WindowDrift(
        current.label, current.rows, verdict, tuple(columns), reference.label, current.start, current.end,
        profile=current, reference_profile=reference,
    )  # fmt: skip


def weigh(names: Sequence[str], importance: Mapping[str, float]) -> tuple[dict[str, float], set[str]]:
    """Return the share of importance of each column, and which ones matter; all of them where nothing is known."""
    known = {name: max(0.0, importance.get(name, 0.0)) for name in names}
    total = sum(known.values())
    if not total:
        return {}, set(names)
    weights = {name: value / total for name, value in known.items()}
    mattering, upto = set[str](), 0.0
    for name in sorted(weights, key=lambda one: -weights[one]):
        if upto >= MATTERING - 1e-12:
            break
        mattering.add(name)
        upto += weights[name]
    return weights, mattering


def _draft(
    reference: Column | None,
    current: Column | None,
    name: str,
    settings: Settings,
    statistics: Statistics,
    roles: Roles,
) -> ColumnDrift:
    """Return a column with its statistics; what needs none has its verdict, the others have ok."""
    role = roles.of(name)
    shown = reference or current
    assert shown is not None
    blank = ColumnDrift(name, _kind(shown, role), role, "ok", "")
    if current is not None:
        blank = replace(blank, count=current.base.count, missing=current.base.missing_share)
    if reference is not None:
        blank = replace(blank, reference_count=reference.base.count, reference_missing=reference.base.missing_share)
    if current is None or reference is None:
        return _one_sided(blank, is_new=reference is None)
    if role == "axis":
        return replace(blank, why="The windows are cut by it.")
    if min(blank.count, blank.reference_count) < settings.least_rows:
        rows = (
            counted(blank.count, "row")
            if blank.count < settings.least_rows
            else f"{blank.reference_count:,} in the reference"
        )
        return replace(blank, verdict="insufficient", why=f"Only {rows}; {settings.least_rows} are needed.")
    least = settings.least_rows
    found = [*compare.measure(reference, current, is_id=role == "id", statistics=statistics, least=least)]
    judged = tuple(one for one in found if not one.left_out)
    broken = [one for one in found if one.left_out]
    left_out = {f"statistic {one.statistic.name} of plugin {one.left_out}": one.statistic.note for one in broken}
    return replace(
        blank, judged=judged, left_out=left_out, **_emptiness(reference.base, current.base, settings.least_rows)
    )


def _kind(shown: Column, role: Role) -> str:
    base = shown.base
    if role == "id" or shown.names_rows:
        return "id"
    return "category" if base.kind == "text" and base.complete else base.kind


def _one_sided(blank: ColumnDrift, *, is_new: bool) -> ColumnDrift:
    """Return the verdict on a column of one side; labels come late, and training data have no predictions."""
    if blank.role == "target" and not is_new:
        return replace(blank, verdict="insufficient", why="The window has no labels.")
    if blank.role == "prediction" and is_new:
        return replace(blank, verdict="insufficient", why="The reference has no predictions.")
    if is_new:
        return replace(blank, verdict="new", why="The reference does not have it.")
    return replace(blank, verdict="missing", why="The window does not have it.")


def _none_known(base: ColumnProfile) -> str:
    """Say what the rows of a column without a single finite value hold instead."""
    infinite = base.plus_infinite + base.minus_infinite
    held = [f"{count:,} {word}" for count, word in ((infinite, "infinite"), (base.nan, "NaN")) if count]
    if not held:
        return f"None of {counted(base.count, 'row')} has a value."
    held += [f"{base.missing:,} missing"] if base.missing else []
    return f"None of {counted(base.count, 'row')} has a finite value: {', '.join(held)}."


def _emptiness(reference: ColumnProfile, current: ColumnProfile, least: int) -> dict[str, Any]:
    """Return the verdict that follows from a side with no values, or too few of them."""
    if not reference.known and not current.known:
        return {"verdict": "ok", "why": "It has no values, in the reference neither."}
    if not current.known:
        return {"verdict": "empty", "why": _none_known(current), "effect": 1.0}
    few = min(reference.known, current.known)
    if few < least:
        side = "" if current.known < least else " in the reference"
        return {"verdict": "insufficient", "why": f"Only {counted(few, 'value')}{side}; {least} are needed."}
    return {}


# --- significance


def benjamini_hochberg(ps: Sequence[float]) -> list[float]:
    """Return the adjusted p of each: the least false discovery rate at which it would be one of the discoveries."""
    order = sorted(range(len(ps)), key=lambda at: -ps[at])
    found, least = [0.0] * len(ps), 1.0
    for place, at in enumerate(order):
        least = min(least, ps[at] * len(ps) / (len(ps) - place))
        found[at] = least
    return found


def _adjust(drafts: Sequence[ColumnDrift]) -> list[ColumnDrift]:
    places = [
        (at, number)
        for at, draft in enumerate(drafts)
        for number, one in enumerate(draft.judged)
        if one.statistic.decides
    ]
    adjusted = benjamini_hochberg([drafts[at].judged[number].statistic.p or 0.0 for at, number in places])
    known = dict(zip(places, adjusted, strict=True))
    return [
        replace(
            draft,
            judged=tuple(replace(one, adjusted=known.get((at, number))) for number, one in enumerate(draft.judged)),
        )
        for at, draft in enumerate(drafts)
    ]


def _decide(draft: ColumnDrift, settings: Settings) -> ColumnDrift:
    deciding = [one for one in draft.judged if one.adjusted is not None]
    if not deciding:
        return draft if draft.why else replace(draft, why=_notes(draft.judged) or "Nothing to compare.")
    worst = max(deciding, key=lambda one: (_level(one, settings), one.statistic.effect or 0.0))
    level = _level(worst, settings)
    found = replace(
        draft,
        effect=max(draft.effect, worst.statistic.effect or 0.0),
        p=min(one.adjusted for one in deciding if one.adjusted is not None),
    )
    if draft.verdict == "empty" or (draft.verdict == "insufficient" and not level):
        return found
    verdict: Verdict = ("ok", "warn", "drift")[level]
    return replace(found, verdict=verdict, why=_sentence(worst, level, settings))


def _with_damage(draft: ColumnDrift, reference: Column | None, current: Column | None) -> ColumnDrift:
    """Return a column with bytes that are no UTF-8 as one that says so, and drifted where the reference has none."""
    if current is None or not current.damaged:
        return draft
    before = reference.damaged if reference is not None else 0
    many = "1 value holds" if current.damaged == 1 else f"{current.damaged:,} values hold"
    words = f"{many} bytes that are no UTF-8" + (f", {before:,} in the reference" if before else "")
    verdict: Verdict = draft.verdict if before or reference is None else "drift"
    return replace(
        draft, verdict=max(draft.verdict, verdict, key=lambda one: RANKS[one]), why=f"{words}. {draft.why}".strip()
    )


def _level(one: Judged, settings: Settings) -> int:
    effect = one.statistic.effect or 0.0
    if one.adjusted is None or one.adjusted > settings.q or effect < settings.warn:
        return 0
    return 2 if effect >= settings.drift else 1


def _sentence(one: Judged, level: int, settings: Settings) -> str:
    found = one.statistic
    p = _shown(one.adjusted) if one.adjusted else "< 1e-300"
    words = f"{one.name} {_shown(found.value)}, {_shown(found.expected)} by chance; p {p}"
    if found.note:
        words += f" ({found.note})"
    effect = found.effect or 0.0
    if level:
        return f"{words}; effect {effect:.3f} ≥ {settings.drift if level == 2 else settings.warn:g}"
    if one.adjusted is not None and one.adjusted > settings.q:
        return f"{words} > {settings.q:g}: chance"
    return f"{words}; effect {effect:.3f} < {settings.warn:g}"


def _shown(value: float | None) -> str:
    return "?" if value is None else f"{value:.3g}"


def _notes(judged: Sequence[Judged]) -> str:
    """Return why there are no values; the notes on those that are only shown say nothing about that."""
    notes = (one.statistic.note for one in judged if one.statistic.value is None and one.statistic.note)
    return "; ".join(dict.fromkeys(notes))


def _verdict(columns: Sequence[ColumnDrift], rows: int, settings: Settings) -> Verdict:
    if rows < settings.least_rows:
        return "insufficient"
    bad = [one for one in columns if one.verdict in BAD]
    if any(one.matters for one in bad):
        return "drift"
    if bad or any(one.verdict in ("warn", "new") for one in columns):
        return "warn"
    told = [one for one in columns if one.role != "axis"]
    return "insufficient" if told and all(one.verdict == "insufficient" for one in told) else "ok"


def with_domain(window: WindowDrift, domain: Domain | None, settings: Settings) -> WindowDrift:
    """Return the window with what the classifier found; its effect is 2 AUC − 1, and it can only make a verdict worse.

    With N permutations the least p is 1 / (N + 1); where that is above q it is enough.
    """
    if domain is None:
        return window
    effect = 2 * domain.auc - 1
    verdict: Verdict = "ok"
    if domain.p <= max(settings.q, 1 / (domain.permutations + 1)) + 1e-12 and effect >= settings.warn:
        verdict = "drift" if effect >= settings.drift else "warn"
    return replace(window, domain=domain, verdict=max(window.verdict, verdict, key=lambda one: RANKS[one]))
