"""Policy: personal data, forbidden columns and sources, retention, small groups; no finding shows a value."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.config import CharterData, Policy
from workbench.data import numbers, personal, policy
from workbench.data.profile import ColumnProfile

NOW = 1_700_000_000.0
CARDS = ["4111 1111 1111 1111", "5500-0000-0000-0004", "340000000000009", "4012888888881881"]
IBANS = ["DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819", "FR1420041010050500013M02606"]
PHONES = ["+49 171 1234567", "(212) 555-0123", "212-555-0199", "+1 650 253 0000"]


def found(columns, rules=None, moment="", batches=1):
    check = policy.PolicyCheck(rules or Policy(), list(columns), moment=moment, now=NOW)
    batch = pa.RecordBatch.from_pydict(columns)
    for _ in range(batches):
        check.add(batch)
    return check.freeze()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["ana@example.org", "none", None], "e-mail address"),
        (["call me", "write to bo.b@mail.example.co.uk please", ""], "e-mail address"),
        (PHONES, "phone number"),
        (CARDS, "card number"),
        (["pay with 4111 1111 1111 1111", "or 5500 0000 0000 0004", "4012 8888 8888 1881"], "card number"),
        ([*IBANS, "none"], "IBAN"),
        (["account GB29 NWBK 6016 1331 9268 19, thanks"], "IBAN"),
        (["de89 3704 0044 0532 0130 00", "gb29nwbk60161331926819"], "IBAN"),
        (["DE89-3704-0044-0532-0130-00", "GB29-NWBK-6016-1331-9268-19"], "IBAN"),
        (["4111.1111.1111.1111", "5500.0000.0000.0004", "4012.8888.8888.1881"], "card number"),
    ],
)
def test_values_of_persons_are_found_and_never_shown(values, words):
    (finding,) = found({"x": values})
    assert finding.kind == "personal data"
    assert words in finding.words
    assert finding.first[0] >= 1
    assert finding.examples == ()
    text = str(finding.to_json())
    assert not any(value in text for value in values if value and value != "none")


def test_card_numbers_as_whole_numbers_are_found():
    (finding,) = found({"x": [4111111111111111, 5500000000000004, 4012888888881881]})
    assert "card number" in finding.words


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("note", ["thanks"] * 300 + ["pay 4111 1111 1111 1111 now"]),
        ("note", [f"order {4000_0000_0000_0000 + 10 * at}" for at in range(300)] + ["card: 4111111111111111"]),
        ("card", [*range(300), 4111111111111111]),
        ("x", [*range(300), 340000000000009, 4012888888881881]),
        ("x", [*(0.5 + at for at in range(300)), None, 4111111111111111.0]),
        ("card_no", [str(4000_0000_0000_0000 + 7919 * at) for at in range(300)] + ["4111111111111111"]),
    ],
)
def test_one_card_number_among_hundreds_of_rows_is_found(name, values):
    assert any("card number" in one.words for one in found({name: values}))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("call me at +41 79 123 45 67", "phone number"),
        ("tel. 044 668 18 00 am Nachmittag", "phone number"),
        ("fax 212-555-0123 ok", "phone number"),
        ("my number is 079 555 12 34 ok", "phone number"),
        ("card 4111 1111 1111 1111", "card number"),
        ("Kreditkarte: 4111111111111111, danke", "card number"),
        ("pay to GB29 NWBK 6016 1331 9268 19 please", "IBAN"),
        ("an DE89370400440532013000 WICHTIG", "IBAN"),
        ("jürgen@bücher.example ruft an", "e-mail address"),
        ("用户@例子.广告", "e-mail address"),
    ],
)
def test_one_value_in_a_sentence_among_hundreds_is_found_and_masked(text, words):
    (finding,) = found({"note": ["thanks", "more 2024-01-15 10:00"] * 200 + [text]})
    assert words in finding.words
    assert (finding.count, finding.first) == (1, (401,))
    assert not any(sign.isdigit() for sign in personal.masked(text))
    assert "@" not in personal.masked(text)


def codes(rng, count, begin=""):
    return [begin + "".join(map(str, rng.integers(0, 10, 16 - len(begin)))) for _ in range(count)]


def with_check_digit(number):
    return next(f"{number}{digit}" for digit in range(10) if personal.luhn(f"{number}{digit}"))


@pytest.mark.parametrize("count", [1, 30, 300])
@pytest.mark.parametrize("begin", ["", "4", "4000"])
@pytest.mark.parametrize("written", ["plain", "groups", "number"])
def test_random_codes_are_seldom_called_cards(count, begin, written):
    rng = np.random.default_rng(count)
    form = {
        "plain": str,
        "number": int,
        "groups": lambda code: " ".join(code[at : at + 4] for at in range(0, 16, 4)),
    }[written]
    hits = sum(bool(found({"x": [form(one) for one in codes(rng, count, begin)]})) for _ in range(40))
    assert hits <= 8, "a chance of at most 5 % each, but for codes that all begin as one issuer's do"


def test_cards_among_random_codes_are_found_with_their_probability():
    rng = np.random.default_rng(3)
    cards = [with_check_digit(code[:15]) for code in codes(rng, 30, "4")]
    (finding,) = found({"x": [*codes(rng, 300), *cards]}, Policy(personal="error"))
    assert finding.severity == "error"
    assert finding.probability < 1e-3
    assert finding.count >= 30


def test_one_card_number_alone_is_a_warning_with_its_probability_whatever_the_policy():
    (finding,) = found({"x": ["a", "b", "4111111111111111"]}, Policy(personal="error"))
    assert finding.severity == "warning"
    assert 0.01 < finding.probability < 0.05
    (finding,) = found({"x": ["a", "b", "4111111111111111", "5500000000000004"]}, Policy(personal="error"))
    assert finding.severity == "error"


def test_a_card_number_that_comes_again_and_again_counts_once():
    check = policy.PolicyCheck(Policy(), ["x"], now=NOW)
    for at in range(40):
        check.add(pa.RecordBatch.from_pydict({"x": [4111111111111111, at, 7]}))
    (finding,) = check.freeze()
    assert finding.count == 40
    assert finding.probability > 0.01


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(10**12, 10**16), min_size=1, max_size=20))
def test_plain_numbers_are_judged_as_texts_are(values):
    start, passed = numbers.plain_cards(np.array(values, dtype=np.uint64))
    assert [bool(one) for one in passed] == [personal.has_card(str(value)) for value in values]
    assert [one >= 0 for one in start] == [personal.is_issued(str(value)) for value in values]


def test_codes_formed_like_an_iban_are_none_where_as_many_pass_as_by_chance():
    rng = np.random.default_rng(4)
    values = [f"DE{rng.integers(10**9, 10**10)}{rng.integers(10**9, 10**10)}" for _ in range(1000)]
    assert any(personal.has_iban(one) for one in values)
    assert found({"x": values}) == ()


@pytest.mark.parametrize(
    ("number", "is_sure"),
    [
        ("079 801 21 88", True),
        ("06 05 28 45 22", True),
        ("06.17.30.74.16", True),
        ("647 28 70 21", True),
        ("06-66071650", True),
        ("0041 79 304 06 02", True),
        ("+41500147174", True),
        ("0041793040602", False),
        ("0797141190", False),
    ],
)
def test_phone_numbers_of_several_countries_are_found(number, is_sure):
    (finding,) = found({"x": [number] * 30}, Policy(personal="error"))
    assert "phone number" in finding.words
    assert finding.severity == ("error" if is_sure else "warning")
    assert personal.masked(number) == "…"


def test_three_phone_numbers_in_three_hundred_texts_are_found():
    (finding,) = found({"x": ["none"] * 297 + PHONES[:3]})
    assert (finding.count, finding.first) == (3, (298, 299, 300))


@pytest.mark.parametrize(
    "number", ["1111111111111117", "9999999999999995", "4111111111111112", "41111111111111", "0.4111111111111111"]
)
def test_a_number_without_an_issuers_digits_length_or_check_digit_is_no_card(number):
    assert not personal.has_card(number)


@pytest.mark.parametrize(
    "number",
    [
        "4222222222222",
        "5555555555554444",
        "2223003122003222",
        "378282246310005",
        "6011111111111117",
        "30569309025904",
        "3530111333300000",
        "6200000000000005",
        "6759649826438453",
        "4000 0000 0000 0000 006",
    ],
)
def test_numbers_of_every_issuer_are_cards(number):
    assert personal.has_card(f"pay {number}.")


@pytest.mark.parametrize("value", [*CARDS, *IBANS, *PHONES, "ana@example.org"])
def test_what_looks_personal_is_masked_inside_any_text(value):
    assert personal.masked(f"write {value}, today") == "write …, today"


@pytest.mark.parametrize(
    "text", ["2013-01-02 10:00:00 … 2013-12-31", "1,700,000,000,000", "0.25 … 1.5e+12", "10.0.0.1", "rows break a <= b"]
)
def test_dates_and_numbers_are_not_masked(text):
    assert personal.masked(text) == text


@pytest.mark.parametrize(
    "values",
    [
        ["2013-01-02", "2013-01-03 10:00", "2024-12-31"] * 5,
        [1_700_000_000_000 + 997 * at for at in range(200)],
        [f"{4_000_000_000_000_000 + 7919 * at}" for at in range(200)],
        ["N14228", "AB1234567", "1.5-2.5", "10 000", "3-4", "192.168.0.1"] * 5,
        ["DE89 3704 0044 0532 0130 01", "GB28NWBK60161331926819"],
        [f"{a}-{b}" for a in range(10, 20) for b in range(1000, 1010)],
        ["01.02.2024", "02.03.2024 10:30", "01.02.2024 10.30", "05/06/2023", "03-04-2022"] * 5,
        ["01:02:03", "09:30", "0930", "07:15:00.123456"] * 5,
        ["0306406152", "0-306-40615-2", "978-0-306-40615-7"] * 5,
        ["0.123456789", "0,123456789", "0.0312345678", "012 345", "1 012 345 678"] * 5,
        ["02139-1234", "01234", "012345678905", "036000291452"] * 5,
        [f"{at * 7919 % 10**10:010}" for at in range(0, 10**7, 30011)],
        [f"{at % 10}{at * 7919 % 1000:03}-{at * 31 % 1000:03}-{at % 100:02}" for at in range(300)],
        ["100.64.12.14", "010.001.002.003"] * 5,
    ],
    ids=[
        "dates",
        "milliseconds",
        "long numbers",
        "codes",
        "no IBAN",
        "pairs",
        "days first",
        "times",
        "books",
        "decimals",
        "postcodes and goods",
        "padded codes",
        "codes in groups",
        "addresses",
    ],
)
def test_what_only_looks_a_little_like_it_is_left_alone(values):
    assert found({"x": values}) == ()


@pytest.mark.parametrize(
    "name",
    [
        "email",
        "E-Mail",
        "customer_phone",
        "SSN",
        "passport_no",
        "First Name",
        "date_of_birth",
        "Steuer-ID",
        "steuer_idnr",
        "AHV-Nr.",
        "Numéro de sécurité sociale",
        "VAT number",
        "vat_id",
        "Reisepassnummer",
        "Ausweis-Nr",
        "codice_fiscale",
        "Téléphone",
        "Straße",
        "Geburtsdatum",
        "fecha_nacimiento",
        "apellidos",
        "national_insurance_number",
        "personnummer",
        "numero_tarjeta",
        "Kontonummer",
        "licencePlate",
    ],
)
def test_names_of_identifiers_are_found(name):
    (finding,) = found({name: ["?"]})
    assert finding.column == name
    assert finding.severity == "warning"
    assert found({name: ["?"]}, Policy(personal="error"))[0].severity == "error"


@pytest.mark.parametrize(
    "name",
    [
        "own_telephone",
        "product_name",
        "mailing_count",
        "phone_calls",
        "card",
        "humid",
        "age",
        "vat",
        "sin",
        "dni",
        "nir",
        "nino34",
        "handy",
        "id",
        "name",
        "code",
        "number",
        "pass",
        "mobile_price",
        "address_count",
        "n",
    ],
)
def test_other_names_are_not(name):
    assert found({name: ["yes"]}) == ()


def test_allowed_columns_and_a_policy_without_persons_are_quiet():
    columns = {"contact": ["a@example.org"]}
    assert found(columns, Policy(allowed_personal=("CONT*",))) == ()
    assert found(columns, Policy(personal="off")) == ()
    assert found(columns, Policy(personal="error"))[0].severity == "error"


def test_forbidden_columns_are_errors():
    (finding,) = found({"religion_code": [1], "x": [2]}, Policy(forbidden_columns=("Religion*",)))
    assert (finding.kind, finding.severity, finding.column) == ("forbidden column", "error", "religion_code")


def test_rows_older_than_the_retention_are_counted():
    moments = (
        pa.array([NOW - 10 * 86_400, NOW - 40 * 86_400, None], pa.float64()).cast(pa.int64()).cast(pa.timestamp("s"))
    )
    columns = {"at": moments.cast(pa.timestamp("us")), "x": [1, 2, 3]}
    (finding,) = found(columns, Policy(retention_days=30), moment="at")
    assert (finding.kind, finding.count, finding.first) == ("retention", 1, (2,))


def test_groups_smaller_than_k_are_counted_over_all_batches():
    columns = {"age": [30, 30, 40, None], "sex": ["f", "f", "m", "m"], "x": [1, 2, 3, 4]}
    rules = Policy(quasi_identifiers=("age", "sex"), k=4)
    (finding,) = found(columns, rules, batches=2)
    assert (finding.kind, finding.count, finding.rows) == ("anonymity", 4, 8)
    assert "2 of 3 combinations" in finding.words
    assert found(columns, rules, batches=4) == ()


def test_a_quasi_identifier_that_is_no_column_is_told():
    (finding,) = found({"age": [30, 30]}, Policy(quasi_identifiers=("age", "agee"), k=2))
    assert (finding.kind, finding.severity, finding.column) == ("anonymity", "warning", "agee")
    assert "age" in finding.expected


def test_a_retention_by_a_column_without_times_is_told():
    (finding,) = found({"at": ["soon", "later"]}, Policy(retention_days=30), moment="at")
    assert (finding.kind, finding.severity, finding.column) == ("retention", "warning", "at")


def test_sources_need_an_allowed_licence_and_consent():
    sources = [CharterData("open", "data/a.csv", licence="CC0"), CharterData("hr", "data/hr/b.csv", consent="contract")]
    rules = Policy(licences=("CC*",), consent=True, forbidden_sources=("data/hr/*",))
    kinds = [(one.kind, one.file) for one in policy.of_sources(rules, sources, ["data/a.csv"])]
    assert kinds == [("forbidden source", "data/hr/b.csv"), ("consent", "data/a.csv"), ("licence", "data/hr/b.csv")]


@given(st.integers(10**12, 10**18))
def test_luhn_takes_exactly_one_check_digit(number):
    assert sum(personal.luhn(f"{number}{digit}") for digit in range(10)) == 1


@given(st.sampled_from(IBANS), st.integers(4, 21), st.sampled_from("0123456789"))
def test_an_iban_with_one_digit_changed_is_none(iban, at, digit):
    changed = iban.replace(" ", "")
    if changed[at] != digit:
        assert not personal.has_iban(changed[:at] + digit + changed[at + 1 :])
    assert personal.has_iban(iban)


def test_values_of_a_quasi_identifier_that_is_also_forbidden_are_never_written_down():
    sexes = ColumnProfile("sex", "text", "text", count=20, distinct=2, complete=True, values=(("f", 10), ("m", 10)))
    assert not policy.identifies(Policy(quasi_identifiers=("sex",), k=5), sexes)
    assert policy.identifies(Policy(quasi_identifiers=("sex",), k=11), sexes)
    assert policy.identifies(Policy(quasi_identifiers=("sex",), k=5, forbidden_columns=("sex",)), sexes)
