"""Dosages: what is filled in, as Swedish and as FHIR, and back again without a word changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.care.medication.dosing import (
    EVERY,
    ROUTES,
    UNITS,
    WHEN,
    Dosing,
    dosage,
    dosing_of,
    read_amount,
)
from kontinuum.care.medication.filled import Filled, empty, read_dosing
from kontinuum.care.medication.usual import everything, most_of
from kontinuum.fhir import json
from kontinuum.fhir.validation import validate

ONE = Decimal(1)
TODAY = date(2026, 3, 1)


@pytest.mark.parametrize(
    ("dosing", "text"),
    [
        (Dosing("tablett", ONE, times=2), "1 tablett 2 gånger dagligen."),
        (Dosing("tablett", Decimal("0.5"), when=("MORN",)), "0,5 tablett på morgonen."),
        (
            Dosing("tablett", Decimal(2), when=("MORN", "NOON", "HS")),
            "2 tabletter på morgonen, mitt på dagen och till natten.",
        ),
        (
            Dosing("tablett", ONE, Decimal(2), needed=True, ceiling=Decimal(8)),
            "1-2 tabletter vid behov, högst 8 tabletter per dygn.",
        ),
        (Dosing("kapsel", ONE, times=3, days=7), "1 kapsel 3 gånger dagligen i 7 dagar."),
        (Dosing("injektion", ONE, times=1, every="2wk"), "1 injektion varannan vecka."),
        (
            Dosing("tablett", ONE, times=1, every="wk", when=("MORN",), words="fastande."),
            "1 tablett 1 gång i veckan på morgonen, fastande.",
        ),
        (Dosing(words="Enligt schema , ej 0"), "Enligt schema , ej 0"),
    ],
)
def test_a_dosage_reads_as_it_is_said(dosing: Dosing, text: str) -> None:
    assert dosing.text == text


amounts = st.decimals(min_value=Decimal("0.25"), max_value=100, places=2)
dosings = st.builds(
    Dosing,
    unit=st.sampled_from(sorted(UNITS)),
    low=amounts,
    times=st.integers(1, 6),
    every=st.sampled_from(sorted(EVERY)),
    when=st.lists(st.sampled_from([*WHEN]), unique=True).map(lambda w: tuple(k for k in WHEN if k in w)),
    needed=st.booleans(),
    ceiling=st.none() | amounts,
    days=st.integers(0, 30),
    words=st.sampled_from(["", "till mat", "Ej till natten"]),
    route=st.sampled_from(["", *ROUTES]),
    start=st.sampled_from(["", "2026-03-01"]),
)


def request(dosages: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {"text": "x"},
        "subject": {"reference": "Patient/p"},
        "dosageInstruction": dosages,
    }


@given(dosings)
def test_a_dosage_is_valid_fhir_and_comes_back_to_the_form_with_the_same_text(dosing: Dosing) -> None:
    stored = json.loads(json.dumps(request([dosage(dosing)])))
    assert validate(stored) == []
    back = dosing_of(stored["dosageInstruction"])
    assert back.text == dosing.text
    assert (back.needed, back.route, back.start) == (dosing.needed, dosing.route, dosing.start)
    assert back.low is not None, "what the fields can say is not kept as words"


@given(st.text(min_size=1, max_size=200).filter(str.strip))
def test_words_stay_letter_for_letter(words: str) -> None:
    assert dosage(Dosing(words=words))["text"] == words
    assert dosing_of([{"text": words}]).text == words


def test_what_the_fields_cannot_say_is_kept_as_words() -> None:
    two = [{"text": "2 tabletter dag 1"}, {"text": "därefter 1 tablett"}]
    assert dosing_of(two).text == "2 tabletter dag 1\ndärefter 1 tablett"
    odd = dosage(Dosing("tablett", ONE, times=2)) | {"text": "1 tablett 2 ggr dgl"}
    assert dosing_of([odd]) == Dosing(words="1 tablett 2 ggr dgl")


@pytest.mark.parametrize("text", ["", "0", "en", "2-1", "1-", "-1", "1,2,3", "1e3", "٣"])
def test_what_is_no_dose_is_none(text: str) -> None:
    assert read_amount(text) is None


def test_the_most_of_a_day_is_reckoned_from_the_fields() -> None:
    assert Dosing("tablett", Decimal(2), times=3).a_day == 6
    assert Dosing("tablett", ONE, Decimal(2), needed=True, ceiling=Decimal(8)).a_day == 8
    assert Dosing("tablett", Decimal(6), times=1, every="wk").a_day == 6
    assert Dosing("tablett", ONE, needed=True).a_day is None
    assert Dosing(words="2 tabletter").a_day is None


def filled(**more: Any) -> Filled:
    return replace(empty(TODAY), **{"dose": "1", "times": "2", **more})


@pytest.mark.parametrize(
    "wrong",
    [
        {"dose": "en"},
        {"unit": "", "words": " "},
        {"times": ""},
        {"times": "många"},
        {"ceiling": "1-2"},
        {"start": "i dag"},
        {"start": "2026-03"},
        {"end": "2026-02-30"},
        {"start": "2026-03-10", "end": "2026-03-09"},
        {"start": "2026-01-01", "end": "2026-02-01"},
        {"days": "7", "end": "2026-03-20"},
        {"days": "en vecka"},
    ],
)
def test_a_dosage_that_cannot_be_is_refused_in_words(wrong: dict[str, str]) -> None:
    assert isinstance(read_dosing(filled(**wrong), TODAY), str)


def test_a_number_of_days_is_counted_with_the_first() -> None:
    made = read_dosing(filled(days="7"), TODAY)
    assert isinstance(made, Dosing)
    assert (made.start, made.end) == ("2026-03-01", "2026-03-07")


def test_every_usual_prescription_is_complete_within_its_own_maximum_and_valid() -> None:
    for one in everything().values():
        assert one.dosing.text, one.key
        assert one.dosing.unit in UNITS or not one.dosing.unit, one.key
        assert one.dosing.needed or one.dosing.times or one.dosing.when or not one.dosing.unit, one.key
        assert validate(json.loads(json.dumps(request([dosage(one.dosing)])))) == []
        most = most_of(one.atc, one.name)
        day = one.dosing.a_day
        assert most is None or day is None or day <= most[0], one.key
