"""What a check of data has found: typed, with how often, where, and how likely it would be in good data. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
FIRST = 5
"""So many rows a finding names."""
SURE = 1e-3
"""What good data would show in fewer tables than that, over all columns together, is an error."""
LIKELY = 0.01
"""What good data would show so often is worth no more than a note."""

KINDS = {
    "unreadable": "the file cannot be read as a table",
    "empty part": "a file of a folder of parts has no bytes",
    "missing column": "a column of the schema is not there",
    "new column": "a column is not in the schema",
    "column order": "the columns come in another order",
    "wrong type": "values are of another type",
    "written as text": "numbers, times or truth values are written as text",
    "mixed types": "a column holds values of several types",
    "out of domain": "values are none of those known",
    "out of range": "values lie outside the limits",
    "missing values": "rows have no value",
    "NaN": "values are no numbers",
    "infinity": "values are infinite",
    "invalid UTF-8": "texts hold bytes that are no UTF-8",
    "form": "texts have another form",
    "duplicate": "values occur more than once",
    "duplicate key": "rows share their key",
    "constant": "all rows have the same value",
    "empty": "no row has a value",
    "relation": "rows break a relation between columns",
    "unit": "times or numbers are in another unit",
    "forbidden column": "the policy forbids the column",
    "forbidden source": "the policy forbids the source",
    "personal data": "values or a name that belong to persons",
    "retention": "data are older than the policy allows",
    "anonymity": "groups of people are smaller than the policy allows",
    "licence": "the licence of a source is not allowed, or not told",
    "consent": "a source has no consent",
    "configuration": "the configuration names what data do not have",
}


@dataclass(frozen=True)
class Finding:
    """One finding: `count` of `rows` rows show it, the `first` of them by number (the first row of data is 1).

    `probability` is that of so much or more in data of the kind from which the schema was learned, None where nothing
    can be learned about it. `words` say what is wrong, `expected` what the schema asks for; `examples` are values,
    never any of a finding about policy. `file` is the part of a folder in which the rows are counted, or "".
    """

    kind: str
    severity: Severity
    column: str = ""
    words: str = ""
    expected: str = ""
    count: int = 0
    rows: int = 0
    first: tuple[int, ...] = ()
    probability: float | None = None
    examples: tuple[str, ...] = ()
    file: str = ""

    @property
    def share(self) -> float:
        """The share of rows that show it."""
        return self.count / self.rows if self.rows else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {**asdict(self), "share": self.share, "first": list(self.first), "examples": list(self.examples)}

    @classmethod
    def from_json(cls, value: Any) -> Finding | None:
        """Return what `to_json` wrote, None for anything else."""
        names = {field.name for field in fields(cls)}
        try:
            known = {name: item for name, item in value.items() if name in names}
            found = cls(**known)
            return replace(found, first=tuple(found.first), examples=tuple(found.examples))
        except (AttributeError, TypeError):
            return None


def severity(probability: float | None, columns: int) -> Severity:
    """Return how serious it is: by its probability, times the number of columns looked at (Bonferroni)."""
    corrected = (probability or 0.0) * max(columns, 1)
    return "error" if corrected < SURE else "warning" if corrected < LIKELY else "note"


def at_least_warning(level: Severity) -> Severity:
    """Return the severity of what breaks a rule that held in every row: never only a note."""
    return "warning" if level == "note" else level


def shown(example: str) -> str:
    """Return an example in quotes where it begins or ends with a blank, which nobody would see otherwise."""
    return example if example == example.strip() and example else f'"{example}"'


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings, the most serious first, then by share."""
    return tuple(sorted(findings, key=lambda one: (SEVERITIES.index(one.severity), -one.share)))


def count_of(findings: Iterable[Finding], wanted: Severity) -> int:
    """Return how many findings have a severity."""
    return sum(1 for one in findings if one.severity == wanted)


def worst(findings: Iterable[Finding]) -> Severity | Literal[""]:
    """Return the greatest severity, "" where there is no finding."""
    present = {one.severity for one in findings}
    return next((each for each in SEVERITIES if each in present), "")
