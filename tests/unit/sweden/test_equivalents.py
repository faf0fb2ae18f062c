"""The forms of one identifier are one identifier."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.sweden import systems
from kontinuum.sweden.equivalents import equivalents, read_any
from kontinuum.sweden.identifiers import DEFAULT_SCHEMES, check_digit

TODAY = date(2026, 11, 22)

days = st.dates(date(1890, 1, 1), TODAY)
serials = st.integers(0, 999)


def number(born: date, serial: int, offset: int = 0) -> str:
    """A personnummer, or with an offset of 60 a samordningsnummer."""
    head = f"{born:%Y%m}{born.day + offset:02d}{serial:03d}"
    return f"{head}{check_digit(head[2:])}"


@given(days, serials, st.sampled_from([0, 60]))
def test_every_form_reads_back_as_the_same_number_and_finds_every_other(
    born: date, serial: int, offset: int
) -> None:
    value = number(born, serial, offset)
    forms = {form for _, form in equivalents(None, value, today=TODAY)}
    assert {value, f"{value[:8]}-{value[8:]}"} <= forms
    system = systems.SAMORDNINGSNUMMER if offset else systems.PERSONNUMMER
    for form in forms:
        read = read_any(system, form, TODAY, DEFAULT_SCHEMES)
        assert read is not None
        assert read.value == value
        assert {each for _, each in equivalents(None, form, today=TODAY)} == forms


@given(days, days, serials)
def test_two_numbers_share_no_form(one: date, other: date, serial: int) -> None:
    if one == other:
        return
    forms = [
        {form for _, form in equivalents(systems.PERSONNUMMER, number(born, serial), today=TODAY)}
        for born in (one, other)
    ]
    assert not forms[0] & forms[1]


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("191212121212", "121212+1212"),
        ("19800101KTA9", "19800101-KTA9"),
        ("19800101-kta9", "19800101KTA9"),
        ("990000000003", "99000000-0003"),
        ("SE2321000016-1a2b", "SE2321000016-1A2B"),
        ("2321000016", "162321000016"),
        ("232100-0016", "2321000016"),
    ],
)
def test_other_identifiers_have_their_forms_too(value: str, form: str) -> None:
    assert form in {each for _, each in equivalents(None, value, today=TODAY)}


@pytest.mark.parametrize("system", sorted(systems.HSA_ID_FORMS))
def test_an_hsa_id_stands_under_both_uris(system: str) -> None:
    found = {uri for uri, _ in equivalents(system, "SE2321000016-1A2B", today=TODAY)}
    assert found == systems.HSA_ID_FORMS


@given(st.text(max_size=30), st.sampled_from([None, "", systems.PERSONNUMMER, "urn:other"]))
def test_what_is_no_identifier_of_ours_stays_what_it_is(text: str, system: str | None) -> None:
    found = equivalents(system, text, today=TODAY)
    assert found[0] == (system, text)
    if read_any(system, text, TODAY, DEFAULT_SCHEMES) is None:
        assert {value for _, value in found} == {text}


def test_a_wrong_check_digit_is_never_another_number() -> None:
    assert equivalents(systems.PERSONNUMMER, "801128-9802", today=TODAY)[0][1] == "801128-9802"
    assert {value for _, value in equivalents(systems.PERSONNUMMER, "801128-9802", today=TODAY)} == {
        "801128-9802"
    }


@given(st.integers(-5, 10**10 + 5))
def test_a_series_gives_numbers_of_its_own_form_until_it_ends(running: int) -> None:
    found = DEFAULT_SCHEMES[0].numbered(running)
    assert (found is None) == (not 0 < running < 10**10)
    if found is not None:
        assert DEFAULT_SCHEMES[0].parse(str(found)) == found
