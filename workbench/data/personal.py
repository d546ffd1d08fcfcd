"""What looks like a value of a person: e-mail addresses, phone, card and IBAN numbers, names of identifiers. Pure."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import chain

HIDDEN = "…"
"""What stands for a value that is not shown."""

# --- e-mail and phone

EMAIL = r"[\pL\pM\pN._%+\-]+@[\pL\pM\pN\-]+(\.[\pL\pM\pN\-]+)*\.[\pL\pM]{2,}"
"""In the syntax of Arrow; addresses have letters of any script (RFC 6531)."""
# Without looking back, a long word would be gone through from each of its letters on.
_EMAIL = re.compile(r"(?<![\w.%+\-])[\w.%+\-]+@[\w\-]+(\.[\w\-]+)*\.[^\W\d_]{2,}")
_LOCAL = r"\(?0?\d{2,4}\)?[\s./\-]\d{3,4}[\s.\-]\d{3,4}|0\d{2,4}[\s/\-]\d{5,8}"
_ABROAD = r"\+[1-9][\d\s().\-/]{6,17}\d"
_CALL = (
    r"tel[ée]?(ph|f)\w*|t[ée]l|tlf|tfno|phone|call|mobil?e?|mob|cell|natel|handy|fax|gsm|whats ?app|ruf\w*|anruf\w*|"
    r"appel\w*|llam\w*|m[óo]vil|celular|chiama\w*|bel"
)
_TRUNK = r"\(?0(?:\(0\))?0?[1-9](?:[\s.\-/()]{0,2}\d){7,13}"
_TWOS = r"[67]\d{2}([ .\-])\d{2}([ .\-])\d{2}([ .\-])\d{2}"
_CALLED = r"[^\d+(]{0,20}(?P<number>(\+|\(?0|\d+[\s().\-/])[\d\s().\-/]{4,17}\d)"
PHONE = rf"^\s*({_ABROAD}|{_LOCAL}|{_TWOS})\s*$|{_ABROAD}|\b{_TRUNK}|(?i:{_CALL}){_CALLED}"
"""Where it may be worth to look closer; in the syntax of Arrow."""
_PHONE = re.compile(rf"(?<![\w.+])(?:{_ABROAD}|{_LOCAL})(?!\w|\.\d)")
_IN_TWOS = re.compile(_TWOS)
_AFTER_WORD = re.compile(rf"(?<![^\W_])(?i:{_CALL})(?![^\W_]){_CALLED}(?!\w)")
_NATIONAL = re.compile(rf"(?<![\w+])(?<!\d[.,\-/ ]){_TRUNK}(?!\w|[\s.,/\-]\d)")
_NUMBER_WORD = re.compile(r"(?i)(?<![^\W_])(number|nummer|num[ée]ro|n[úu]mero|reach|contact\w*|erreich\w*)(?![^\W_])")
_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
DIALLED = re.compile(r"\+[1-9]\d{7,14}|0[1-9]\d{7,9}|00[1-9]\d{7,14}")
"""What is a phone number rather than a count, though it would read as one: the plus or the zeros tell."""
WORDLESS = r"^[\d\s().\-/]{9,}$"
LEAST_DIALLED = 10**7
_AMOUNT = re.compile(r"\+\d+[.,]\d+|\+\d{1,3}([ .]\d{3})+")
_DATE = re.compile(r"(19|20)\d\d([./-])\d\d?\2\d\d?|\d\d?([./-])\d\d?\3(19|20)\d\d")


def phones(text: str) -> Iterator[tuple[str, bool]]:
    """Yield what looks like a phone number in a text, and whether it can be nothing else.

    That is so of one in international form whose groups are none of thousands, and of one after a word such as "call".
    """
    for match in _AFTER_WORD.finditer(text):
        number = match["number"]
        if _has_digits(number) and not _DATE.match(number):
            yield number, True
    for match in _PHONE.finditer(text):
        number = match.group()
        if _has_digits(number) and not _AMOUNT.fullmatch(number):
            is_abroad = number.startswith("+")
            grouped = bool(re.search(r"\d[\s().\-/]+\d", number))
            if is_abroad or number == text.strip():
                yield number, is_abroad and grouped
    for match in _NATIONAL.finditer(text):
        number = match.group()
        if _is_national(number) and (number == text.strip() or not number.isdecimal()):
            yield number, bool(_NUMBER_WORD.search(text[: match.start()]))
    if _IN_TWOS.fullmatch(text.strip()):
        yield text.strip(), False


def begins_with_zero(text: str) -> bool:
    """Return whether a text is nothing but digits and what groups them, the first digit a zero."""
    return bool(re.match(r"\s*\(?0", text)) and bool(re.search(WORDLESS, text))


def _is_national(number: str) -> bool:
    """Return whether what begins with a zero, or two before a country, is in groups like a phone number, or in none."""
    groups = re.findall(r"\d+", number)
    digits = "".join(groups)
    if digits.startswith("00"):
        return 10 <= len(digits) <= 15
    if len(groups) == 1:
        return len(digits) <= 11 and not _is_isbn(digits)
    if _DATE.match(number) or (_ADDRESS.fullmatch(number) and max(map(int, groups)) <= 255):
        return False
    is_grouped = len(groups[-1]) >= 6 if len(groups) == 2 else len(groups) <= 6 and min(map(len, groups)) >= 2
    return is_grouped and 9 <= len(digits) <= 12


def _is_isbn(digits: str) -> bool:
    """Return whether the last of ten digits is the check digit of an ISBN (ISO 2108:1992)."""
    return (
        len(digits) == 10 and sum(at * int(digit) for at, digit in zip(range(10, 0, -1), digits, strict=True)) % 11 == 0
    )


def _has_digits(number: str) -> bool:
    return 7 <= sum(sign.isdigit() for sign in number) <= 15


# --- numbers of payment cards

_LONG = (16, 17, 18, 19)
_ISSUERS: tuple[tuple[int, int, tuple[int, ...]], ...] = (
    (4000, 4999, (13, 16, 19)), (5100, 5599, (16,)), (2221, 2720, (16,)), (3400, 3499, (15,)), (3700, 3799, (15,)),
    (3000, 3059, (14,)), (3095, 3095, (14,)), (3600, 3699, (14,)), (3800, 3999, (14,)), (3528, 3589, _LONG),
    (6011, 6011, _LONG), (6440, 6599, _LONG), (6200, 6299, _LONG), (2200, 2204, _LONG), (5018, 5020, _LONG),
    (5038, 5038, _LONG), (5893, 5893, _LONG), (6304, 6304, _LONG), (6759, 6759, _LONG), (6761, 6763, _LONG),
)  # fmt: skip
"""What numbers of payment cards begin with, and how long they then are (ISO/IEC 7812, as the issuers publish it)."""
LENGTHS = range(13, 20)
ISSUED: Mapping[int, frozenset[int]] = {
    length: frozenset(chain.from_iterable(range(low, high + 1) for low, high, many in _ISSUERS if length in many))
    for length in LENGTHS
}
"""The first four digits that an issuer's numbers of a length have."""
LUHN = 0.1
"""So many numbers pass it by chance."""
CARD = r"\d{4}[ .\-]?\d{4,6}[ .\-]?\d{4,5}"
BARE = r"^\s*0?[1-9]\d{12,18}\s*$"
_CARD = re.compile(
    r"(?<!\d)(?<!\d\.)(?:\d{13,19}|\d{4}([ .-])\d{4}\1\d{4}\1\d{1,4}(?:\1\d{1,3})?|3\d{3}([ .-])\d{6}\2\d{4,5})(?!\d)"
)
_THOUSANDS = re.compile(r"(?<![\d,])\d{1,3}(?:,\d{3}){4,6}(?![\d,])")
_CARD_WORD = re.compile(
    r"(?i)(?<![^\W\d_])((credit|debit)[ _.-]?)?(card|cc|pan|visa|master ?card|amex|maestro|kreditkarte\w*|karte(nn\w+)?"
    r"|carte|tarjeta|carta|cart[ãa]o|kort|kaart|kreditkort)(?![^\W\d_])"
)


def luhn(digits: str) -> bool:
    """Return whether the last digit is the check digit by Luhn (ISO/IEC 7812-1)."""
    total = 0
    for at, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if at % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_issued(digits: str) -> bool:
    """Return whether a number begins like those of a card issuer and is as long."""
    return int(digits[:4]) in ISSUED.get(len(digits), ())


def long_numbers(text: str) -> Iterator[tuple[str, str]]:
    """Yield the digits of all numbers as long as those of cards, and how each is written: plain, or in groups."""
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match.group())
        if len(digits) in LENGTHS:
            yield digits, "plain" if len(digits) == len(match.group()) else "groups"


def has_card(text: str) -> bool:
    """Return whether a text holds a number that passes Luhn and has an issuer's first digits and length."""
    return any(is_issued(digits) and luhn(digits) for digits, _ in long_numbers(text))


def tells_of_card(text: str) -> bool:
    """Return whether a text or the name of a column has a word for a payment card."""
    return bool(_CARD_WORD.search(text))


# --- IBAN

_IBAN_LENGTHS: Mapping[str, int] = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28,
    "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20,
    "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
    "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27,
    "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip
"""How long an IBAN is, by its country (ISO 13616 registry)."""
IBAN = r"[A-Za-z]{2}\d{2}[ \-]?[A-Za-z0-9]{4}[ \-]?[A-Za-z0-9]{3}"
MODULUS = 1 / 97
_IN_CAPITALS = r"(?<![A-Z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?(?![A-Z0-9])"
_IBAN = re.compile(rf"{_IN_CAPITALS}|{_IN_CAPITALS.replace('A-Z', 'a-z')}")


def accounts(text: str) -> Iterator[tuple[str, bool]]:
    """Yield what is written like an IBAN, and whether it is as long as those of its country."""
    for match in _IBAN.finditer(text):
        number = re.sub("[ -]", "", match.group()).upper()
        wanted = _IBAN_LENGTHS.get(number[:2], 0)
        if wanted and len(number) > wanted and len(match.group()) > len(number):  # a word may follow it
            number = number[:wanted]
        yield number, len(number) == wanted


def is_iban(number: str) -> bool:
    """Return whether an IBAN is 1 modulo 97 (ISO 13616)."""
    digits = "".join(str(int(sign, 36)) for sign in number[4:] + number[:4])
    return int(digits) % 97 == 1


def has_iban(text: str) -> bool:
    """Return whether a text holds an IBAN: as long as its country's are, and 1 modulo 97."""
    return any(fits and is_iban(number) for number, fits in accounts(text))


# --- any of them


def looks_personal(text: str) -> bool:
    """Return whether a text holds what looks like an e-mail address, a card number, an IBAN or a phone number."""
    return masked(text) != text


def masked(text: str) -> str:
    """Return a text with `…` for all that looks like a value of a person."""
    text = _EMAIL.sub(HIDDEN, text)
    text = _CARD.sub(lambda found: HIDDEN if has_card(found.group()) else found.group(), text)
    text = _THOUSANDS.sub(lambda found: HIDDEN if has_card(found.group().replace(",", "")) else found.group(), text)
    text = _IBAN.sub(lambda found: HIDDEN if has_iban(found.group()) else found.group(), text)
    text = _PHONE.sub(lambda found: found.group() if _AMOUNT.fullmatch(found.group()) else HIDDEN, text)
    for number, _ in list(phones(text)):
        text = text.replace(number, HIDDEN)
    return text


# --- names of columns

_WHOSE = (
    r"(customer|client|user|patient|employee|person|contact|home|work|billing|shipping|applicant|member|kunden?|"
    r"mitarbeiter|patienten|numero|num|nr|no|n)?"
)
_NUMBER = r"(number|numero|nummer|num|nr|no|n|id|code)"
_OF_PERSONS = (
    # how to reach somebody
    r"(e?mail|courriel|epost|email)(address|adresse|id)?|correo(electronico)?|adressemail|indirizzoemail|"
    rf"(tele(ph|f)ono?e?|telefoon|phone|mobil(e|telefon)?|movil|celular|cell(phone)?|handy|natel|gsm){_NUMBER}|"
    r"(tele)?phone|telefone?|telefono|telefoon|mobile|cellphone|celular|handynummer|rufnummer|"
    r"(street|home|postal|mailing)?address|(wohn|post|heim)?adresse|anschrift|strasse(nname)?|hausnummer|"
    r"direccion|domicilio|indirizzo|endereco|straat|huisnummer|ipv?[46]?(address|adresse)?|macaddress|imei|"
    # names
    r"(first|last|sur|full|given|family|middle|maiden|nick)name|vorname|(nach|familien|geburts|rufn?)name|"
    r"prenom|nomdefamille|apellidos?|nombrecompleto|cognome|sobrenome|voornaam|achternaam|fornamn|efternamn|"
    # dates
    r"(date)?of?birth(date|day)?|dob|geburts(datum|tag)|(date)?(de)?naissance|fecha(de)?nacimiento|data(di)?nascita|"
    r"data(de)?nascimento|geboortedatum|fodselsdato|"
    # papers
    rf"(passport|passeport|pasaporte|passaporto|reisepass|pass|paspoort){_NUMBER}|passport|passeport|pasaporte|"
    rf"passaporto|reisepass|(personal)?ausweis({_NUMBER})?|(driver'?s?|driving)licen[cs]e({_NUMBER})?|"
    rf"(fuhrerschein|permis(deconduire)?){_NUMBER}|(national|natl)(id|identity)({_NUMBER})?|(identity|id)card({_NUMBER})?|"
    rf"personalid|licen[cs]eplate|numberplate|kennzeichen|aadhaar({_NUMBER})?|dni{_NUMBER}|nie{_NUMBER}|curp|cpf|"
    rf"cpr{_NUMBER}|bsn|pesel|personnummer|fodselsnummer|hetu|codicefiscale|burgerservicenummer|"
    # social insurance, health, tax
    rf"ssn|social(security|insurance){_NUMBER}?|(sozial)?versicherte?n?(ungs)?nummer|svnr|sv{_NUMBER}|ahv({_NUMBER})?|"
    rf"avs{_NUMBER}|nationalinsurance({_NUMBER})?|nino{_NUMBER}|nhs{_NUMBER}|sin{_NUMBER}|securitesociale|"
    rf"(numero)?(de)?securitesociale|(numero)?(de)?seguridadsocial|nss|mrn|medicalrecord({_NUMBER})?|insee{_NUMBER}|"
    rf"krankenversicherten{_NUMBER}|tax({_NUMBER}|payer{_NUMBER}|identification{_NUMBER})|steuer({_NUMBER}|"
    rf"idnr|identifikations{_NUMBER})|tin{_NUMBER}|vat{_NUMBER}|ust({_NUMBER}|idnr)|umsatzsteuer{_NUMBER}|mwst{_NUMBER}|"
    rf"tva{_NUMBER}|iva{_NUMBER}|partitaiva|nif|rfc{_NUMBER}|numerofiscal|itin|"
    # money
    rf"iban|bankaccount({_NUMBER})?|account(number|no)|konto(nummer|nr)|(credit|debit)?card(number|no)|creditcard|"
    rf"kreditkarten?({_NUMBER})?|karten(nummer|nr)|cartebancaire|tarjeta{_NUMBER}|numero(de)?tarjeta|pan|cvv|cvc"
)


@functools.cache  # a pattern as long as this one takes milliseconds, which most commands need not spend
def _names() -> re.Pattern[str]:
    return re.compile(rf"{_WHOSE}({_OF_PERSONS})")


def named_like_person(name: str) -> bool:
    """Return whether a column is named like something that identifies a person, in one of several languages."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return bool(_names().fullmatch("".join(sign for sign in plain if sign.isalnum() or sign == "'")))
