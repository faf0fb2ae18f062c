"""Personnummer, samordningsnummer and reserve numbers, in the forms people write them."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.sweden import systems
from kontinuum.sweden.identifiers import (
    DEFAULT_SCHEMES,
    Fault,
    LocalReserveNumber,
    LocalScheme,
    NationalReserveNumber,
    Personnummer,
    Rejected,
    Samordningsnummer,
    Sex,
    check_digit,
    from_fhir,
    parse_person_identifier,
    to_fhir,
)

TODAY = date(2026, 11, 22)
BIRTHDAYS = st.dates(date(1900, 1, 1), TODAY)


def number(born: date, individual: int, day_offset: int = 0) -> str:
    digits = f"{born:%Y%m}{born.day + day_offset:02d}{individual:03d}"
    return f"{digits}{check_digit(digits[2:])}"


@pytest.mark.parametrize(
    "text",
    ["191212121212", "19121212-1212", "121212+1212", " 121212 + 1212 ", "19121212 1212", "19121212–1212"],
)
def test_every_common_form_of_one_number_is_read_alike(text: str) -> None:
    parsed = Personnummer.parse(text, today=TODAY)
    assert parsed == Personnummer("191212121212")
    assert str(parsed) == "19121212-1212"


def test_ten_digits_mean_the_latest_century_that_is_not_in_the_future() -> None:
    parsed = Personnummer.parse("121212-1212", today=TODAY)
    assert isinstance(parsed, Personnummer)
    assert parsed.birth_date == date(2012, 12, 12)


def test_a_birthday_later_this_year_belongs_to_the_century_before() -> None:
    born = date(1926, 12, 24)
    written = number(born, 980)[2:]
    parsed = Personnummer.parse(written, today=TODAY)
    assert isinstance(parsed, Personnummer)
    assert parsed.birth_date == born
    with_plus = Personnummer.parse(f"{written[:6]}+{written[6:]}", today=TODAY)
    assert with_plus == parsed


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", Fault.EMPTY),
        ("   ", Fault.EMPTY),
        ("19121212*1212", Fault.CHARACTERS),
        ("1913121212", Fault.DATE),
        ("191212121213", Fault.CHECK_DIGIT),
        ("19121212121", Fault.LENGTH),
        ("191302301212", Fault.DATE),
        ("19121212121-2", Fault.FORMAT),
        ("19121212T121", Fault.INTERIM),
        ("203001019802", Fault.FUTURE),
    ],
)
def test_a_wrong_number_is_refused_with_the_first_fault_and_a_reason(text: str, fault: Fault) -> None:
    refused = Personnummer.parse(text, today=TODAY)
    assert isinstance(refused, Rejected)
    assert refused.fault is fault
    assert refused.kind == "personnummer"
    assert len(refused.reason) > 10


def test_the_reason_never_repeats_the_number() -> None:
    refused = Personnummer.parse("191212121213", today=TODAY)
    assert isinstance(refused, Rejected)
    assert "1212" not in refused.reason


def test_interim_letters_are_taken_only_when_allowed() -> None:
    digits = f"19800101T98{check_digit('800101198')}"
    assert isinstance(Personnummer.parse(digits, today=TODAY), Rejected)
    allowed = Personnummer.parse(digits, today=TODAY, allow_interim=True)
    assert isinstance(allowed, Personnummer)
    assert allowed.is_interim
    assert isinstance(Personnummer.parse(digits.replace("T", "Q"), today=TODAY, allow_interim=True), Rejected)


@given(BIRTHDAYS, st.integers(0, 999))
def test_all_written_forms_of_a_number_come_back_to_it(born: date, individual: int) -> None:
    parsed = Personnummer.parse(number(born, individual), today=TODAY)
    assert isinstance(parsed, Personnummer)
    assert parsed.birth_date == born
    assert parsed.sex is (Sex.FEMALE if individual % 2 == 0 else Sex.MALE)
    for form in (parsed.value, parsed.formatted(), parsed.short(TODAY)):
        assert Personnummer.parse(form, today=TODAY) == parsed
    assert parsed.masked() == f"{parsed.value[:8]}-••••"


@given(BIRTHDAYS, st.integers(0, 999), st.integers(0, 9), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(born: date, individual: int, place: int, step: int) -> None:
    right = number(born, individual)
    at = place + 2
    wrong = f"{right[:at]}{(int(right[at]) + step) % 10}{right[at + 1 :]}"
    assert isinstance(Personnummer.parse(wrong, today=TODAY), Rejected)


@given(st.text(max_size=16))
def test_no_text_raises(text: str) -> None:
    found = parse_person_identifier(text, today=TODAY)
    assert isinstance(found, Rejected) or found.value


@given(BIRTHDAYS, st.integers(0, 999))
def test_a_samordningsnummer_is_never_a_personnummer(born: date, individual: int) -> None:
    text = number(born, individual, day_offset=60)
    assert isinstance(Personnummer.parse(text, today=TODAY), Rejected)
    parsed = Samordningsnummer.parse(text, today=TODAY)
    assert isinstance(parsed, Samordningsnummer)
    assert parsed.birth_date == born
    assert parse_person_identifier(text[2:] if born > date(1927, 1, 1) else text, today=TODAY) == parsed


def test_age_is_counted_in_whole_years() -> None:
    leap = Personnummer(number(date(2004, 2, 29), 981))
    assert leap.age(date(2026, 2, 28)) == 21
    assert leap.age(date(2026, 3, 1)) == 22


@given(st.dates(date(1930, 1, 1), TODAY), st.integers(0, 40_000))
def test_age_never_decreases(born: date, days: int) -> None:
    person = Personnummer(number(born, 980))
    later = min(born + timedelta(days=days), date(2090, 1, 1))
    assert person.age(later) <= person.age(later + timedelta(days=1)) <= person.age(later) + 1


def test_the_tax_agencys_test_series_is_recognised() -> None:
    assert Personnummer(number(date(1990, 5, 1), 980)).is_test_number
    assert Personnummer(number(date(1990, 5, 1), 999)).is_test_number
    assert not Personnummer(number(date(1990, 5, 1), 979)).is_test_number


@pytest.mark.parametrize("text", ["98240301AA06", "98240301-aa06", "20260101 ABC1"])
def test_a_national_reserve_number_is_read_in_either_case(text: str) -> None:
    parsed = parse_person_identifier(text, today=TODAY)
    assert isinstance(parsed, NationalReserveNumber)
    assert parsed.value == text.upper().replace("-", "").replace(" ", "")


@pytest.mark.parametrize(
    "text", ["98240301AI06", "98240301OA06", "98240301A006", "9824030AA06", "98240301ABCD"]
)
def test_a_national_reserve_number_with_forbidden_letters_or_shape_is_refused(text: str) -> None:
    refused = NationalReserveNumber.parse(text)
    assert isinstance(refused, Rejected)
    assert refused.fault is Fault.FORMAT


def test_stockholms_reserve_number_is_99_and_ten_digits() -> None:
    parsed = parse_person_identifier("99202611-2201", today=TODAY)
    assert parsed == LocalReserveNumber("992026112201", DEFAULT_SCHEMES[0])
    assert str(parsed) == "99202611-2201"
    assert isinstance(DEFAULT_SCHEMES[0].parse("99202611220"), Rejected)
    assert isinstance(DEFAULT_SCHEMES[0].parse("982026112201"), Rejected)


def test_another_regions_scheme_is_configuration() -> None:
    scheme = LocalScheme("reservnummer Region X", "urn:oid:1.2.3", "X######")
    assert isinstance(parse_person_identifier("x-123456", today=TODAY), Rejected)
    parsed = parse_person_identifier("x-123456", today=TODAY, schemes=[scheme])
    assert isinstance(parsed, LocalReserveNumber)
    assert (parsed.value, parsed.system) == ("X123456", "urn:oid:1.2.3")
    refused = scheme.parse("X12345")
    assert isinstance(refused, Rejected)
    assert "X######" in refused.reason


@pytest.mark.parametrize(
    ("form", "first", "last"),
    [("EX####", "EX0001", "EX9999"), ("99########", "9900000001", "9999999999"), ("####", "0001", "9999")],
)
def test_numbers_are_given_out_of_a_form_that_ends_in_its_digits(form: str, first: str, last: str) -> None:
    scheme = LocalScheme("Reserv", "urn:oid:1.2.3", form)
    highest = 10**scheme.digits - 1
    assert [scheme.numbered(n) for n in (0, highest + 1)] == [None, None]
    assert [str(scheme.numbered(n)).replace("-", "") for n in (1, highest)] == [first, last]


@pytest.mark.parametrize("form", ["99####AA", "9@####", "#9###"])
def test_no_numbers_are_given_out_of_another_form(form: str) -> None:
    assert LocalScheme("Reserv", "urn:oid:1.2.3", form).numbered(1) is None


def test_identifiers_survive_fhir() -> None:
    for text in ("191212121212", "196109732393", "98240301AA06", "991234567890"):
        parsed = parse_person_identifier(text, today=TODAY)
        assert not isinstance(parsed, Rejected)
        assert from_fhir(to_fhir(parsed), today=TODAY) == parsed


def test_a_rivta_system_is_read_as_the_same_identifier() -> None:
    rivta = {"system": "1.2.752.129.2.1.3.1", "value": "191212121212"}
    assert from_fhir(rivta, today=TODAY) == Personnummer("191212121212")
    assert from_fhir({"system": "http://example.org/other", "value": "1"}, today=TODAY) is None
    assert systems.canonical("1.2.752.129.2.1.3.3") == systems.SAMORDNINGSNUMMER


def test_every_identifier_of_the_diagnoses_is_read_as_the_same_code_system() -> None:
    others = ("http://hl7.org/fhir/sid/icd-10-se", "1.2.752.116.1.1.1", "urn:oid:1.2.752.116.1.1.1.1.8")
    assert {systems.canonical(each) for each in others} == {systems.ICD_10_SE}
