"""Policy: personal data, forbidden columns and sources, retention, small groups; no finding shows a value."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.config import CharterData, Policy
from workbench.data import policy

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


def test_three_phone_numbers_in_three_hundred_texts_are_found():
    (finding,) = found({"x": ["none"] * 297 + PHONES[:3]})
    assert (finding.count, finding.first) == (3, (298, 299, 300))


@pytest.mark.parametrize(
    "number", ["1111111111111117", "9999999999999995", "4111111111111112", "41111111111111", "0.4111111111111111"]
)
def test_a_number_without_an_issuers_digits_length_or_check_digit_is_no_card(number):
    assert not policy.has_card(number)


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
    assert policy.has_card(f"pay {number}.")


@pytest.mark.parametrize("value", [*CARDS, *IBANS, *PHONES, "ana@example.org"])
def test_what_looks_personal_is_masked_inside_any_text(value):
    assert policy.masked(f"write {value}, today") == "write …, today"


@pytest.mark.parametrize(
    "text", ["2013-01-02 10:00:00 … 2013-12-31", "1,700,000,000,000", "0.25 … 1.5e+12", "10.0.0.1", "rows break a <= b"]
)
def test_dates_and_numbers_are_not_masked(text):
    assert policy.masked(text) == text


@pytest.mark.parametrize(
    "values",
    [
        ["2013-01-02", "2013-01-03 10:00", "2024-12-31"] * 5,
        [1_700_000_000_000 + 997 * at for at in range(200)],
        [f"{4_000_000_000_000_000 + 7919 * at}" for at in range(200)],
        ["N14228", "AB1234567", "1.5-2.5", "10 000", "3-4", "192.168.0.1"] * 5,
        ["DE89 3704 0044 0532 0130 01", "GB28NWBK60161331926819"],
        [f"{a}-{b}" for a in range(10, 20) for b in range(1000, 1010)],
    ],
    ids=["dates", "milliseconds", "long numbers", "codes", "no IBAN", "pairs"],
)
def test_what_only_looks_a_little_like_it_is_left_alone(values):
    assert found({"x": values}) == ()


@pytest.mark.parametrize(
    "name", ["email", "E-Mail", "customer_phone", "SSN", "passport_no", "First Name", "date_of_birth"]
)
def test_names_of_identifiers_are_found(name):
    (finding,) = found({name: ["?"]})
    assert finding.column == name
    assert finding.severity == "warning"


@pytest.mark.parametrize(
    "name", ["own_telephone", "product_name", "mailing_count", "phone_calls", "card", "humid", "age"]
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
    (finding,) = found({"age": [30, 30]}, Policy(quasi_identifiers=("age", "sexx"), k=2))
    assert (finding.kind, finding.severity, finding.column) == ("anonymity", "warning", "sexx")


def test_sources_need_an_allowed_licence_and_consent():
    sources = [CharterData("open", "data/a.csv", licence="CC0"), CharterData("hr", "data/hr/b.csv", consent="contract")]
    rules = Policy(licences=("CC*",), consent=True, forbidden_sources=("data/hr/*",))
    kinds = [(one.kind, one.file) for one in policy.of_sources(rules, sources, ["data/a.csv"])]
    assert kinds == [("forbidden source", "data/hr/b.csv"), ("consent", "data/a.csv"), ("licence", "data/hr/b.csv")]


@given(st.integers(10**12, 10**18))
def test_luhn_takes_exactly_one_check_digit(number):
    assert sum(policy.luhn(f"{number}{digit}") for digit in range(10)) == 1


@given(st.sampled_from(IBANS), st.integers(4, 21), st.sampled_from("0123456789"))
def test_an_iban_with_one_digit_changed_is_none(iban, at, digit):
    changed = iban.replace(" ", "")
    if changed[at] != digit:
        assert not policy.has_iban(changed[:at] + digit + changed[at + 1 :])
    assert policy.has_iban(iban)
