"""Numbers with a check digit in one column: how many pass, and how likely so many would by chance. Needs numpy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from workbench.data import likelihood, personal
from workbench.data.findings import FIRST

MOST_KNOWN = 100_000
"""So many different numbers a column are told apart; later ones are counted as rows alone."""
SERIES = 20
"""So many numbers with the same beginning are a series: of them, the usual share passes whatever they are."""
_DOUBT = 4
"""So many numbers the share of issuers' among random ones weighs, beside those of the column."""

Family = tuple[str, int]
"""Numbers that are alike: how they are written, and how long they are."""


@dataclass
class Group:
    """Numbers of a family with the same beginning: how many were tried and passed, and in which rows they did."""

    tried: int = 0
    passed: int = 0
    rows: int = 0
    first: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Passed:
    """What passed more often than chance: so many rows, the first of them, and the probability of it."""

    rows: int
    first: tuple[int, ...]
    probability: float


class Numbers:
    """Counts what is tried and what passes; `by_chance` is the share of random numbers that pass once tried.

    `usual` gives the share of random numbers of a length that are worth trying.
    """

    def __init__(self, by_chance: float, usual: Callable[[int], float]) -> None:
        self._by_chance, self._usual = by_chance, usual
        self._seen: set[object] = set()
        self._all: Counter[Family] = Counter()
        self._groups: dict[tuple[Family, str], Group] = {}

    def add(self, family: Family, start: str, number: object, *, passed: bool) -> None:
        """Take a number worth trying, and whether it passed; each counts once."""
        if len(self._seen) >= MOST_KNOWN or number in self._seen:
            return
        self._seen.add(number)
        self._all[family] += 1
        group = self._groups.setdefault((family, start), Group())
        group.tried += 1
        group.passed += passed

    def rest(self, family: Family, count: int) -> None:
        """Take so many numbers that are not worth trying."""
        self._all[family] += count

    def hit(self, family: Family, start: str, row: int) -> None:
        """Take a row, by number, that has a number which passed."""
        group = self._groups.setdefault((family, start), Group())
        group.rows += 1
        if len(group.first) < FIRST:
            group.first.append(row)

    def freeze(self, most: float) -> Passed | None:
        """Return what passed where chance has at most the probability `most` for it; 1 takes all that did."""
        found = [(groups, chance) for groups, chance in self._judged() if chance <= most]
        groups = [one for some, _ in found for one in some if one.rows]
        if not groups:
            return None
        first = sorted(row for one in groups for row in one.first)[:FIRST]
        return Passed(sum(one.rows for one in groups), tuple(first), min(chance for _, chance in found))

    def _judged(self) -> Iterator[tuple[list[Group], float]]:
        """Yield groups that stand or fall together, with the probability of as many that pass."""
        for family in self._all:
            of_family = [one for (known, _), one in self._groups.items() if known == family]
            series = [one for one in of_family if one.tried >= SERIES]
            alone = [one for one in of_family if one.tried < SERIES]
            for one in series:
                yield [one], likelihood.binomial_at_least(one.passed, one.tried, self._by_chance)
            tried, passed = sum(one.tried for one in alone), sum(one.passed for one in alone)
            count = self._all[family] - sum(one.tried for one in series)
            if passed:
                share = (tried + _DOUBT * self._usual(family[1])) / (count + _DOUBT)
                yield alone, likelihood.binomial_at_least(passed, count, self._by_chance * share)


def cards() -> Numbers:
    """Return what counts numbers of payment cards."""
    return Numbers(personal.LUHN, lambda length: len(personal.ISSUED.get(length, ())) / 10_000)


def ibans() -> Numbers:
    """Return what counts IBANs: of random letters and lengths, one in a hundred is of a country."""
    return Numbers(personal.MODULUS, lambda length: 0.01)


def lengths_of(values: Any) -> Any:
    """Return how many digits whole numbers have, numpy arrays both."""
    import numpy as np

    return np.searchsorted(np.array([10**at for at in range(1, 20)], dtype=np.uint64), values, side="right") + 1


def plain_cards(values: Any) -> tuple[Any, Any]:
    """Return how whole numbers, a numpy array of uint64, begin, and which are those of cards.

    A beginning is -1 where no issuer has it for numbers of this length.
    """
    import numpy as np

    length = lengths_of(values)
    power = np.array([10 ** max(0, at - 4) for at in range(21)], dtype=np.uint64)
    start = (values // power[length]).astype(np.int64)
    known = np.zeros((21, 10_000), dtype=bool)
    for at, starts in personal.ISSUED.items():
        known[at, list(starts)] = True
    issued = known[length, start]
    total, rest = np.zeros(len(values), dtype=np.int64), values
    for at in range(max(personal.LENGTHS)):
        digit = (rest % np.uint64(10)).astype(np.int64)
        total += digit if at % 2 == 0 else digit * 2 - 9 * (digit > 4)
        rest = rest // np.uint64(10)
    return np.where(issued, start, -1), issued & (total % 10 == 0)
