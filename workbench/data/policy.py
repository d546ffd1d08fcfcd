"""What data may not be: forbidden columns, values of persons, old rows, small groups. A finding never shows a value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from workbench.config import CharterData, Policy, nearest
from workbench.data import hashing
from workbench.data.findings import LIKELY, Finding, Severity
from workbench.data.personal import named_like_person
from workbench.data.persons import PersonCheck
from workbench.data.profile import ColumnProfile
from workbench.data.tally import Hits
from workbench.safe import clean

MOST_GROUPS = 2_000_000
DAY = 86_400


def matches(name: str, globs: Sequence[str]) -> bool:
    """Return whether one of the globs names a column or source, whatever its case."""
    return any(fnmatchcase(name.lower(), glob.lower()) for glob in globs)


class PolicyCheck:
    """Takes the batches of a table and keeps what the policy does not allow.

    `moment` names the column of times; `now` is in seconds since the epoch.
    """

    def __init__(self, policy: Policy, columns: Sequence[str], *, moment: str = "", now: float) -> None:
        self._policy, self._now = policy, now
        self._columns = tuple(columns)
        self._moment = moment if moment in columns and policy.retention_days else ""
        self._rows = 0
        self._old, self._is_timeless = Hits(), False
        looked_at = () if policy.personal == "off" else self._columns
        self._checks = {name: PersonCheck(name) for name in looked_at if not matches(name, policy.allowed_personal)}
        self._quasi = [name for name in policy.quasi_identifiers if name in columns]
        self._strange = [name for name in policy.quasi_identifiers if name not in columns]
        self._groups: dict[Any, int] | None = {} if self._quasi else None

    def add(self, batch: Any) -> None:
        """Take the next rows, an Arrow record batch."""
        for name, check in self._checks.items():
            check.add(batch.column(batch.schema.get_field_index(name)), self._rows)
        if self._moment:
            self._age(batch.column(batch.schema.get_field_index(self._moment)))
        if self._groups is not None:
            self._group(batch)
        self._rows += batch.num_rows

    def _age(self, array: Any) -> None:
        import pyarrow as pa

        self._is_timeless |= not (pa.types.is_temporal(array.type) or pa.types.is_null(array.type))
        if pa.types.is_temporal(array.type):
            values = hashing.numbers(array) / 1e6
            old = (values < self._now - self._policy.retention_days * DAY) & array.is_valid().to_numpy(
                zero_copy_only=False
            )
            self._old.add(old, None, self._rows)

    def _group(self, batch: Any) -> None:
        import pyarrow as pa

        counted = (
            pa.Table.from_batches([batch]).select(self._quasi).group_by(self._quasi).aggregate([([], "count_all")])
        )
        keys = zip(*(counted.column(name).to_pylist() for name in self._quasi), strict=True)
        groups = self._groups
        assert groups is not None
        for key, count in zip(keys, counted.column("count_all").to_pylist(), strict=True):
            groups[key] = groups.get(key, 0) + count
        if len(groups) > MOST_GROUPS:
            self._groups = None

    def freeze(self) -> tuple[Finding, ...]:
        """Return what was found, by column."""
        return (*self._forbidden(), *self._persons(), *self._retention(), *self._anonymity())

    def _forbidden(self) -> Iterator[Finding]:
        for name in self._columns:
            if matches(name, self._policy.forbidden_columns):
                words = "the policy forbids this column"
                yield Finding("forbidden column", "error", name, words, rows=self._rows)

    def _persons(self) -> Iterator[Finding]:
        """Yield columns that hold values of persons, or are named so; what chance may have made is but a warning."""
        wanted: Severity = "error" if self._policy.personal == "error" else "warning"
        expected = "none, or [policy] allowed_personal"
        for name, check in self._checks.items():
            seen = list(check.freeze(self._rows))
            for one in seen:
                is_sure = not one.may_be_other and (one.probability is None or one.probability < LIKELY)
                level: Severity = wanted if is_sure else "warning"
                words = f"values look like {_plural(one.kind)}"
                yield Finding(
                    "personal data", level, name, words, expected, one.rows, self._rows, one.first, one.probability
                )
            if not seen and named_like_person(name):
                words = "is named like something that identifies a person"
                yield Finding("personal data", wanted, name, words, expected)

    def _retention(self) -> Iterator[Finding]:
        if self._is_timeless:
            words = "holds no times, by which [policy] retention_days could be told"
            yield Finding("retention", "warning", self._moment, words, "times")
        if self._old.count:
            words = f"rows are older than {self._policy.retention_days} days"
            yield Finding(
                "retention", "error", self._moment, words, f"at most {self._policy.retention_days} days",
                self._old.count, self._rows, tuple(self._old.first),
            )  # fmt: skip

    def _anonymity(self) -> Iterator[Finding]:
        for name in self._strange if self._quasi else ():
            near = nearest(name, self._columns)
            words = "is one of [policy] quasi_identifiers, but no column"
            yield Finding("anonymity", "warning", name, words, f"did you mean {near!r}?" if near else "a column")
        names = clean(", ".join(self._quasi), 200)
        if self._quasi and self._groups is None:
            words = f"more than {MOST_GROUPS:,} combinations of {names}"
            yield Finding("anonymity", "error", self._quasi[0], words, f"{self._policy.k} rows of each")
            return
        small = [count for count in (self._groups or {}).values() if count < self._policy.k]
        if small:
            words = f"{len(small):,} of {len(self._groups or {}):,} combinations of {names} have fewer than"
            words += f" {self._policy.k} rows, the smallest {min(small)}"
            yield Finding(
                "anonymity", "error", self._quasi[0], words, f"{self._policy.k} rows of each", sum(small), self._rows
            )


def _plural(kind: str) -> str:
    return f"{kind}es" if kind.endswith("s") else f"{kind}s"


def guarded(policy: Policy, name: str) -> bool:
    """Return whether no value of a column may be shown, whatever it holds: by the policy, or by the column's name."""
    return withheld(policy, name) or matches(name, policy.quasi_identifiers)


def withheld(policy: Policy, name: str) -> bool:
    """Return whether no value of a column may be written down: of guarded ones, all but quasi-identifiers."""
    return matches(name, (*policy.forbidden_columns, *policy.allowed_personal)) or named_like_person(name)


def identifies(policy: Policy, column: ColumnProfile) -> bool:
    """Return whether values of a column must not be written down.

    The values of a quasi-identifier may be where each has as many rows as a group of people needs.
    """
    is_quasi = matches(column.name, policy.quasi_identifiers)
    has_few = not column.complete or any(count < policy.k for _, count in column.values)
    return withheld(policy, column.name) or (is_quasi and has_few)


# --- sources


def of_sources(policy: Policy, sources: Sequence[CharterData], paths: Sequence[str]) -> tuple[Finding, ...]:
    """Return which of the named data the policy does not allow: by their place, licence or consent."""
    found = [
        Finding("forbidden source", "error", "", f"the policy forbids the source {clean(path)}", file=path)
        for path in dict.fromkeys([*paths, *(one.where for one in sources if one.where)])
        if matches(path, policy.forbidden_sources)
    ]
    for one in sources:
        name = clean(one.name or one.where, 80)
        if policy.licences and not matches(one.licence, policy.licences):
            told = f"has the licence {clean(one.licence, 60)}" if one.licence else "has no licence told"
            found.append(Finding("licence", "error", "", f"{name} {told}", ", ".join(policy.licences), file=one.where))
        if policy.consent and not one.consent:
            found.append(Finding("consent", "error", "", f"{name}: no consent is told", "consent = …", file=one.where))
    return tuple(found)
