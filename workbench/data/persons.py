"""Values of persons in one column, counted batch by batch; what may be chance is told with its probability."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from workbench.data import numbers, personal
from workbench.data.numbers import Family
from workbench.data.tally import Hits

MOST_LOOKED_AT = 20_000
"""So many different texts a batch are looked at one by one, of those that a pattern lets through."""
LEAST_HITS = 3
PHONES = 0.01
"""So many of the rows must look like phone numbers, where neither they nor the name of the column say more."""
ZEROS = 0.5
"""So many of the values without a letter, where nothing but a zero at the beginning tells: codes begin with one too."""
TOLD = 0.05
"""Numbers that pass their check though chance makes it no rarer than that are not told of."""
LEAST = 10**12
"""Smaller numbers are shorter than those of cards."""
_HINT = rf"@|\d[\d\s().\-/]{{5,}}\d|{personal.IBAN}"
"""What all others need, and is compiled a hundred times faster: most columns hold no such thing."""
_ANY = "|".join(f"(?:{each})" for each in (personal.EMAIL, personal.PHONE, personal.CARD, personal.IBAN))


@dataclass(frozen=True)
class Seen:
    """Values of one kind: in how many rows, the first of them, and how likely that is by chance, None for sure.

    What `may_be_other` is neither sure, nor can be told how likely it is.
    """

    kind: str
    rows: int
    first: tuple[int, ...]
    probability: float | None = None
    may_be_other: bool = False


class PersonCheck:
    """Looks through the values of one column."""

    def __init__(self, name: str) -> None:
        self._named = personal.named_like_person(name)
        self._emails, self._phones, self._zeros = Hits(), Hits(), Hits()
        self._wordless, self._grouped = 0, False
        self._numbers = {"card number": numbers.cards(), "IBAN": numbers.ibans()}
        self._sure = {"card number"} if self._named or personal.tells_of_card(name) else set()

    def add(self, array: Any, before: int) -> None:
        """Take the next values, an Arrow array, after so many rows."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if pa.types.is_integer(array.type) or pa.types.is_floating(array.type):
            greatest = pc.max(array).as_py()
            if greatest is not None and greatest >= LEAST:
                self._add_plain(array, before)
        elif pa.types.is_string(array.type):
            unique = pc.unique(array.drop_null())
            likely = unique.filter(pc.match_substring_regex(unique, _HINT))
            likely = likely.filter(pc.match_substring_regex(likely, _ANY)) if len(likely) else likely
            if len(likely):
                self._wordless += pc.sum(pc.match_substring_regex(array, personal.WORDLESS)).as_py() or 0
                self._add_texts(array, likely, before)

    def _add_plain(self, array: Any, before: int) -> None:
        """Take numbers, or texts of nothing but digits."""
        import numpy as np

        values = array.fill_null(0).to_numpy(zero_copy_only=False)
        values = np.where((values >= LEAST) & (values < 1e19), values, 0).astype(np.uint64)
        there = values.nonzero()[0]
        start, passed = numbers.plain_cards(values[there])
        counted, family = self._numbers["card number"], _plain_family
        different, at = np.unique(values[there], return_index=True)
        length = numbers.lengths_of(different)
        for size, count in zip(*np.unique(length[start[at] < 0], return_counts=True), strict=True):
            counted.rest(family(int(size)), int(count))
        tried = start[at] >= 0
        for value, each in zip(different[tried].tolist(), at[tried].tolist(), strict=True):
            counted.add(family(len(str(value))), str(start[each]), value, passed=bool(passed[each]))
        for row in passed.nonzero()[0].tolist():
            counted.hit(family(len(str(values[there[row]]))), str(start[row]), int(there[row]) + before + 1)

    def _add_texts(self, array: Any, likely: Any, before: int) -> None:
        """Take the texts of a batch, of which a pattern lets the `likely` ones through."""
        import pyarrow as pa
        import pyarrow.compute as pc

        self._emails.add(_rows(array, likely.filter(pc.match_substring_regex(likely, personal.EMAIL))), None, before)
        bare = pc.match_substring_regex(likely, personal.BARE)
        digits = pc.if_else(pc.is_in(array, likely.filter(bare)), array, pa.scalar(None, pa.string()))
        if digits.null_count < len(digits):
            self._add_plain(pc.cast(pc.utf8_trim_whitespace(digits), pa.uint64()), before)
        passed: dict[str, list[tuple[str, Family, str]]] = {}
        called: list[str] = []
        zeros: list[str] = []
        for text in likely.filter(pc.invert(bare))[:MOST_LOOKED_AT].to_pylist():
            found = list(self._passing(text))
            if found:
                passed[text] = found
            phones = list(personal.phones(text))
            if phones:
                (zeros if personal.begins_with_zero(text) else called).append(text)
                self._grouped |= not text.strip().isdecimal()
            if any(is_sure for _, is_sure in phones):
                self._sure.add("phone number")
        self._phones.add(_rows(array, pa.array(called, pa.string())), None, before)
        self._zeros.add(_rows(array, pa.array(zeros, pa.string())), None, before)
        for row in _rows(array, pa.array(list(passed), pa.string())).nonzero()[0].tolist():
            for kind, family, start in passed[array[row].as_py()]:
                self._numbers[kind].hit(family, start, row + before + 1)

    def _passing(self, text: str) -> Iterator[tuple[str, Family, str]]:
        """Count the numbers of a text; yield kind, family and beginning of those that pass their check."""
        cards, ibans = self._numbers["card number"], self._numbers["IBAN"]
        told = "told" if any(sign.isalpha() for sign in text) else ""
        for digits, written in personal.long_numbers(text):
            family = f"{told} {written}", len(digits)
            if not personal.is_issued(digits):
                cards.rest(family, 1)
                continue
            passes = personal.luhn(digits)
            cards.add(family, digits[:4], digits, passed=passes)
            if passes:
                yield "card number", family, digits[:4]
                if personal.tells_of_card(text):
                    self._sure.add("card number")
        for number, fits in personal.accounts(text):
            family = "IBAN", 0
            if not fits:
                ibans.rest(family, 1)
                continue
            passes = personal.is_iban(number)
            ibans.add(family, number[:2], number, passed=passes)
            if passes:
                yield "IBAN", family, number[:2]

    def freeze(self, rows: int) -> Iterator[Seen]:
        """Yield what was seen in so many rows and is worth telling."""
        if self._emails.count:
            yield Seen("e-mail address", self._emails.count, tuple(self._emails.first))
        many = self._phones.count >= max(LEAST_HITS, PHONES * rows)
        if self._phones.count and (many or self._named or "phone number" in self._sure):
            yield Seen("phone number", self._phones.count, tuple(self._phones.first))
        elif self._zeros.count >= (1 if self._named else max(LEAST_HITS, PHONES * rows, ZEROS * self._wordless)):
            is_sure = self._named or self._grouped
            yield Seen("phone number", self._zeros.count, tuple(self._zeros.first), may_be_other=not is_sure)
        for kind, counted in self._numbers.items():
            is_sure = kind in self._sure
            found = counted.freeze(1.0 if is_sure else TOLD)
            if found is not None:
                yield Seen(kind, found.rows, found.first, None if is_sure else found.probability)


def holds_cards(name: str, values: Iterable[int]) -> bool:
    """Return whether so many of these numbers of a column pass for card numbers that chance is told of as unlikely."""
    counted = numbers.cards()
    for value in {one for one in values if one >= LEAST}:
        digits = str(value)
        family, start = _plain_family(len(digits)), digits[:4]
        if not personal.is_issued(digits):
            counted.rest(family, 1)
            continue
        passes = personal.luhn(digits)
        counted.add(family, start, value, passed=passes)
        if passes:
            counted.hit(family, start, 1)
    is_sure = personal.named_like_person(name) or personal.tells_of_card(name)
    return counted.freeze(1.0 if is_sure else TOLD) is not None


def _plain_family(length: int) -> Family:
    return "plain", length


def _rows(array: Any, texts: Any) -> Any:
    """Return which rows of a batch have one of the texts, as a numpy array of truth."""
    import numpy as np
    import pyarrow.compute as pc

    return pc.is_in(array, texts).to_numpy(zero_copy_only=False) if len(texts) else np.zeros(len(array), dtype=bool)
