"""What data may not be: forbidden columns, values of persons, old rows, small groups. A finding never shows a value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from workbench.config import CharterData, Policy
from workbench.data import hashing
from workbench.data.findings import Finding, Severity
from workbench.data.tally import Hits
from workbench.safe import clean

MOST_GROUPS = 2_000_000
MOST_LOOKED_AT = 5000
"""So many different values a batch are looked at one by one, of those that a pattern lets through."""
LEAST_HITS = 3
PHONES = 0.01
"""So many of the rows must look like phone numbers, where the name of the column does not say it."""
DAY = 86_400

_EMAIL = r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,}"
_PHONE = r"^\s*(\+\d[\d\s().\-]{6,17}\d|\(?0?\d{2,4}\)?[\s./\-]\d{3,4}[\s.\-]\d{3,4}|0\d{2,4}[\s/\-]\d{5,8})\s*$"
_PHONE_INSIDE = re.compile(rf"(?<![\w.]){_PHONE.removeprefix('^').removesuffix('$')}(?!\w)")
_CARD = re.compile(
    r"(?<!\d)(?<!\d\.)(?:[2-6]\d{12,18}|[2-6]\d{3}([ -])\d{4}\1\d{4}\1\d{1,4}(?:\1\d{1,3})?"
    r"|3\d{3}[ -]\d{6}[ -]\d{4,5})(?!\d)"
)
_ISSUER = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d+(?<=^\d{16})|3[47]\d{13}"
    r"|(?:6011|64[4-9]|65|62|35(?:2[89]|[3-8]\d)|50[1-3]\d|5893|6304|67\d\d)\d+(?<!^\d{13})(?<!^\d{14})(?<!^\d{15})"
    r"|3(?:0[0-5]|[689]\d)\d{11}"
)
"""What numbers of payment cards begin with, and how long they then are (ISO/IEC 7812, as the issuers publish it)."""
_CARD_NAME = re.compile(r"(?i)(^|[^a-z])(credit|debit)?[ _.-]?(card|cc|pan|kreditkarte)([^a-z]|$)")
_SENTENCE = re.compile(r"[^\W\d_][\s:=#,;.(]|[\s:=#,;.)][^\W\d_]")
HIDDEN = "…"
"""What stands for a value that is not shown."""
_IBAN = re.compile(r"(?<![A-Z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Z0-9])")
_PATTERNS = {
    "e-mail address": _EMAIL,
    "phone number": _PHONE,
    "card number": r"\d{4}[ \-]?\d{4,6}[ \-]?\d{4,5}",
    "IBAN": r"[A-Z]{2}\d{2} ?[A-Z0-9]{4} ?[A-Z0-9]{4}",
}
_PREFIX = r"(customer|client|user|patient|employee|person|contact|home|work|billing|shipping|applicant|member)?"
_NAMES = re.compile(
    rf"^{_PREFIX}(e?mail(address)?|(tele)?phone(number|no)?|mobile(number|no)?|cell(phone)?|ssn|socialsecurity(number|no)?"
    r"|(national|tax)id(number)?|taxnumber|passport(number|no)?|driver'?s?licen[cs]e(number|no)?|iban|bankaccount(number)?"
    r"|accountnumber|creditcard(number|no)?|cardn(umber|o)|pan|cvv|ip(address)?|(first|last|sur|full|given|family|middle|maiden)name"
    r"|(street|home|postal|mailing)?address|(date)?of?birth(date|day)?|dob|geburtsdatum|nachname|vorname)$"
)


def named_like_person(name: str) -> bool:
    """Return whether a column is named like something that identifies a person."""
    return bool(_NAMES.match(re.sub(r"[\s_.\-]", "", name).lower()))


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
        self._hits: dict[tuple[str, str], Hits] = {}
        self._tried: dict[str, int] = {}
        self._passed: dict[str, int] = {}
        self._told: set[str] = set()
        self._old = Hits()
        looked_at = () if policy.personal == "off" else self._columns
        self._looked_at = [name for name in looked_at if not matches(name, policy.allowed_personal)]
        self._quasi = [name for name in policy.quasi_identifiers if name in columns]
        self._strange = [name for name in policy.quasi_identifiers if name not in columns]
        self._groups: dict[Any, int] | None = {} if self._quasi else None

    def add(self, batch: Any) -> None:
        """Take the next rows, an Arrow record batch."""
        for name in self._looked_at:
            self._look(name, batch.column(batch.schema.get_field_index(name)))
        if self._moment:
            self._age(batch.column(batch.schema.get_field_index(self._moment)))
        if self._groups is not None:
            self._group(batch)
        self._rows += batch.num_rows

    def _look(self, name: str, array: Any) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        if pa.types.is_floating(array.type):
            long = pc.and_(pc.greater_equal(array, 1e12), pc.less(array, 9e18))
            array = pc.cast(pc.if_else(long, array, pa.scalar(None, array.type)), pa.int64(), safe=False)
        if pa.types.is_integer(array.type):
            if pc.max(array).as_py() is None or pc.max(array).as_py() < 10**12:
                return
            array = pc.cast(array, pa.string())
        if not pa.types.is_string(array.type):
            return
        unique = pc.unique(array.drop_null())
        for kind, pattern in _PATTERNS.items():
            likely = unique.filter(pc.match_substring_regex(unique, pattern))
            if not len(likely):
                continue
            likely = likely[:MOST_LOOKED_AT] if kind in _SURE else likely
            good = [text for text in likely.to_pylist() if kind not in _SURE or _SURE[kind](text)]
            if kind == "card number":
                self._count_cards(name, likely.to_pylist(), good)
            if good:
                mask = pc.is_in(array, pa.array(good, pa.string())).to_numpy(zero_copy_only=False)
                self._hits.setdefault((name, kind), Hits()).add(mask, None, self._rows)

    def _count_cards(self, name: str, likely: Sequence[str], good: Sequence[str]) -> None:
        """Count numbers of an issuer, those that pass Luhn among them, and note where one stands in a sentence."""
        self._tried[name] = self._tried.get(name, 0) + sum(any(True for _ in _issued(text)) for text in likely)
        self._passed[name] = self._passed.get(name, 0) + len(good)
        if any(_SENTENCE.search(text) for text in good):
            self._told.add(name)

    def _age(self, array: Any) -> None:
        import pyarrow as pa

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
        level: Severity = "error" if self._policy.personal == "error" else "warning"
        for (name, kind), hits in self._hits.items():
            if self._is_sure(name, kind, hits.count):
                words = f"values look like {_plural(kind)}"
                yield Finding(
                    "personal data", level, name, words, "none, or [policy] allowed_personal", hits.count, self._rows,
                    tuple(hits.first),
                )  # fmt: skip
        for name in self._looked_at:
            if named_like_person(name) and not any(column == name for column, _ in self._hits):
                words = "is named like something that identifies a person"
                yield Finding("personal data", "warning", name, words, "none, or [policy] allowed_personal")

    def _is_sure(self, name: str, kind: str, count: int) -> bool:
        """Return whether so many hits are no chance: one in ten numbers passes Luhn, a phone number is but digits."""
        if kind in ("e-mail address", "IBAN"):
            return True
        if kind == "card number":
            is_named = named_like_person(name) or bool(_CARD_NAME.search(name))
            return is_named or name in self._told or 2 * self._passed[name] >= self._tried[name]
        return named_like_person(name) or (count >= LEAST_HITS and count >= PHONES * self._rows)

    def _retention(self) -> Iterator[Finding]:
        if self._old.count:
            words = f"rows are older than {self._policy.retention_days} days"
            yield Finding(
                "retention", "error", self._moment, words, f"at most {self._policy.retention_days} days",
                self._old.count, self._rows, tuple(self._old.first),
            )  # fmt: skip

    def _anonymity(self) -> Iterator[Finding]:
        for name in self._strange:
            words = "is one of [policy] quasi_identifiers, but no column"
            yield Finding("anonymity", "warning" if self._quasi else "note", name, words, "a column", rows=self._rows)
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
    globs = (*policy.forbidden_columns, *policy.allowed_personal, *policy.quasi_identifiers)
    return matches(name, globs) or named_like_person(name)


def looks_personal(text: str) -> bool:
    """Return whether a text holds what looks like an e-mail address, a card number, an IBAN or a phone number."""
    return masked(text) != text


def masked(text: str) -> str:
    """Return a text with `…` for all that looks like a value of a person."""
    text = re.sub(_EMAIL, HIDDEN, text)
    text = _CARD.sub(lambda found: HIDDEN if has_card(found.group()) else found.group(), text)
    text = _IBAN.sub(lambda found: HIDDEN if has_iban(found.group()) else found.group(), text)
    return _PHONE_INSIDE.sub(HIDDEN, text)


def luhn(digits: str) -> bool:
    """Return whether the last digit is the check digit by Luhn (ISO/IEC 7812-1)."""
    total = 0
    for at, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if at % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def has_card(text: str) -> bool:
    """Return whether a text holds a number that passes Luhn and has an issuer's first digits and length."""
    return any(luhn(digits) for digits in _issued(text))


def _issued(text: str) -> Iterator[str]:
    """Yield the digits of all numbers in a text that begin like those of a card issuer and are as long."""
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match.group())
        if _ISSUER.fullmatch(digits):
            yield digits


_IBAN_LENGTHS: Mapping[str, int] = {
    "AD": 24, "AE": 23, "AT": 20, "BE": 16, "BG": 22, "BR": 29, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18,
    "EE": 20, "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IS": 26,
    "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25,
    "RO": 24, "RS": 22, "SA": 24, "SE": 24, "SI": 19, "SK": 24, "TR": 26, "UA": 29,
}  # fmt: skip


def has_iban(text: str) -> bool:
    """Return whether a text holds an IBAN: as long as its country's are, and 1 modulo 97 (ISO 13616)."""
    for match in _IBAN.finditer(text):
        number = match.group().replace(" ", "")
        if _IBAN_LENGTHS.get(number[:2], len(number)) != len(number):
            continue
        digits = "".join(str(int(sign, 36)) for sign in number[4:] + number[:4])
        if int(digits) % 97 == 1:
            return True
    return False


_SURE = {"card number": has_card, "IBAN": has_iban}


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
