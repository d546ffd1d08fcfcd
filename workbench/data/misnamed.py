"""What the configuration names and data do not have: a check that looks for nothing would pass whatever comes. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from workbench.config import Config, nearest
from workbench.data.findings import Finding
from workbench.data.policy import matches
from workbench.safe import clean

KIND = "configuration"


def in_training_data(config: Config, columns: Sequence[str]) -> Iterator[Finding]:
    """Yield what [data] and the quasi-identifiers name and the training data, with these columns, do not have."""
    data, policy = config.data, config.policy
    named: dict[str, tuple[str, ...]] = {f"[data] {key}": (getattr(data, key),) for key in ("target", "time", "id")}
    named |= {"[data] protected": data.protected, "[data] slices": data.slices}
    if not set(policy.quasi_identifiers) & set(columns):  # where some are there, the policy itself tells of the others
        named["[policy] quasi_identifiers"] = policy.quasi_identifiers
    for where, names in named.items():
        for name in names:
            if name and name not in columns:
                words = f"{where} names {clean(name, 60)!r}, which is no column of the training data"
                yield Finding(KIND, "warning", "", words, like(name, columns))


def in_policy(config: Config, columns: Collection[str]) -> Iterator[Finding]:
    """Yield rules of the policy that cannot take effect; `columns` are those of all tables that were looked at.

    A forbidden column that is nowhere is as it should be, but for one that is written nearly like another.
    """
    policy = config.policy
    if policy.retention_days and not config.data.time:
        words = "[policy] retention_days needs to know which column has the times"
        yield Finding(KIND, "warning", "", words, '[data] time = "…"')
    for where, names in (
        ("allowed_personal", policy.allowed_personal),
        ("forbidden_columns", policy.forbidden_columns),
    ):
        for name in names:
            if set("*?[") & set(name) or not columns or any(matches(one, (name,)) for one in columns):
                continue
            hint = like(name, columns)
            if hint or where == "allowed_personal":
                yield Finding(KIND, "note", "", f"[policy] {where}: no column is named {clean(name, 60)!r}", hint)


def like(name: str, columns: Collection[str]) -> str:
    """Return the column that may have been meant, as words."""
    near = nearest(name, columns)
    return f"did you mean {clean(near, 60)!r}?" if near else ""
