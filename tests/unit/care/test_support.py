"""Our decision support: what collides with what, and that what could not be compared is always said."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.care.support import SERVICES, about_another, given_of
from kontinuum.care.support.model import read
from kontinuum.clinical.drugs import Allergy, Drug, Match, duplicates, match, same_drug
from kontinuum.fhir.hooks import Call, Card
from kontinuum.kernel.i18n import Translator
from kontinuum.sweden import systems

ENGLISH = Translator("en")
CLINICAL = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
WARNINGS, SELECT, SIGN = SERVICES


def concept(text: str = "", atc: str = "", **more: str) -> dict[str, Any]:
    """A concept in words, by ATC, or by SNOMED CT."""
    codings = [{"system": systems.ATC, "code": atc}] if atc else []
    codings += [{"system": systems.SNOMED_CT, "code": code} for code in more.values()]
    return {**({"text": text} if text else {}), **({"coding": codings} if codings else {})}


def allergy(text: str = "", atc: str = "", **more: Any) -> dict[str, Any]:
    """A hypersensitivity that stands."""
    codes = {name: more.pop(name) for name in ("snomed",) if name in more}
    status = {"coding": [{"system": CLINICAL, "code": "active"}]}
    return {
        "resourceType": "AllergyIntolerance",
        "clinicalStatus": status,
        "code": concept(text, atc, **codes),
        "patient": {"reference": "Patient/p-1"},
        **more,
    }


def drug(text: str = "", atc: str = "", **more: Any) -> dict[str, Any]:
    """A prescription in use."""
    codes = {name: more.pop(name) for name in ("snomed",) if name in more}
    return {
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": concept(text, atc, **codes),
        "subject": {"reference": "Patient/p-1"},
        **more,
    }


def as_drug(resource: dict[str, Any]) -> Drug:
    """As the rules see it."""
    return read([resource], Drug)[0][0]


def as_allergy(resource: dict[str, Any]) -> Allergy:
    """As the rules see it."""
    return read([resource], Allergy)[0][0]


@pytest.mark.parametrize(
    ("ordered", "recorded", "expected"),
    [
        (drug(atc="J01CE02"), allergy(atc="J01CE02"), Match.SAME),
        (drug(atc="M01AE01"), allergy(atc="M01A"), Match.SAME),
        (drug(atc="J01CA04"), allergy(atc="J01CE02"), Match.RELATED),
        (drug(atc="J01C"), allergy(atc="J01CE02"), Match.RELATED),
        (drug(atc="N02BE01"), allergy(atc="J01CE02"), Match.NO),
        (drug("Ibuprofen tablett 400 mg"), allergy("ibuprofen"), Match.SAME),
        (drug("Ibuprofenix"), allergy("Ibuprofen"), Match.UNKNOWN),
        (drug(atc="J01CE02"), allergy("Penicillin"), Match.UNKNOWN),
        (drug(snomed="1"), allergy(snomed="1"), Match.SAME),
        (drug(snomed="1"), allergy(snomed="2"), Match.UNKNOWN),
        (drug("Järn"), allergy("x"), Match.UNKNOWN),
    ],
)
def test_a_drug_and_a_hypersensitivity_are_compared_by_code_and_by_words(
    ordered: dict[str, Any], recorded: dict[str, Any], expected: Match
) -> None:
    assert match(as_drug(ordered), as_allergy(recorded)) is expected


def test_the_same_substance_twice_is_found_once() -> None:
    drugs = [as_drug(drug(atc=code)) for code in ("N02BE01", "J01CE02", "N02BE01", "N02BE01")]
    assert duplicates(drugs) == [(drugs[0], drugs[2]), (drugs[0], drugs[3])]
    assert same_drug(as_drug(drug("Alvedon  500 mg")), as_drug(drug("alvedon 500 mg")))
    assert not same_drug(as_drug(drug("Ett", "J01C")), as_drug(drug("Annat", "J01C")))


def sign(orders: list[dict[str, Any]], **prefetch: Any) -> list[Card]:
    """The cards about draft orders."""
    entries = [{"resource": one} for one in orders]
    context = {"patientId": "p-1", "draftOrders": {"entry": entries}}
    call = Call("order-sign", "i", "p-1", context, prefetch)
    return SIGN.advise(given_of(prefetch), call, ENGLISH)


def bundle(*resources: dict[str, Any], more: bool = False) -> dict[str, Any]:
    """The result of a search."""
    link = [{"relation": "next", "url": "x"}] if more else []
    return {"resourceType": "Bundle", "entry": [{"resource": one} for one in resources], "link": link}


EMPTY = {"allergies": bundle(), "prescriptions": bundle(), "statements": bundle()}


def test_an_order_that_collides_is_told_and_one_that_does_not_is_no_all_clear() -> None:
    penicillin = drug("Kåvepenin", "J01CE02")
    known = EMPTY | {"allergies": bundle(allergy("Penicillin V", "J01CE02", criticality="high"))}
    (card,) = sign([penicillin], **known)
    assert (card.indicator, card.summary) == (
        "critical",
        "Kåvepenin: the patient is hypersensitive to Penicillin V",
    )
    (card,) = sign([drug("Alvedon", "N02BE01")], **known)
    assert (card.indicator, card.summary) == (
        "info",
        "No collision with recorded hypersensitivities or medicines in use",
    )
    assert "Interactions, doses and pregnancy are not checked" in card.detail
    taken = EMPTY | {
        "statements": bundle({**drug("Panodil", "N02BE01"), "resourceType": "MedicationStatement"})
    }
    (card,) = sign([drug("Alvedon", "N02BE01")], **taken)
    assert card.summary == "Alvedon: the patient already has Panodil"
    past = allergy("Penicillin V", "J01CE02", clinicalStatus={"coding": [{"code": "resolved"}]})
    none = allergy(snomed="716186003")
    assert [one.indicator for one in sign([penicillin], **EMPTY | {"allergies": bundle(past, none)})] == [
        "info"
    ]


@pytest.mark.parametrize(
    ("orders", "prefetch", "said"),
    [
        ([drug("Alvedon", "N02BE01")], {"allergies": bundle()}, "Not given, so not looked at: prescriptions"),
        ([drug("Alvedon", "N02BE01")], EMPTY | {"allergies": None}, "hypersensitivities"),
        ([drug("Alvedon", "N02BE01")], EMPTY | {"allergies": bundle(more=True)}, "There may be more"),
        ([drug("Alvedon", "N02BE01")], EMPTY | {"allergies": bundle(allergy("Latex*"))}, "Latex\\*"),
        ([drug("Alvedon")], EMPTY, "no ATC code"),
        ([drug(atc="N02BE01", status=7)], EMPTY, "could not be read"),
        ([{"resourceType": "ServiceRequest"}], EMPTY, "not about medicines"),
        ([], EMPTY, "no medicine among the orders"),
        ([drug("Alvedon", "N02BE01")], EMPTY | {"allergies": bundle({"code": 1})}, "Could not be read: 1"),
    ],
)
def test_what_could_not_be_checked_is_always_said(
    orders: list[dict[str, Any]], prefetch: dict[str, Any], said: str
) -> None:
    cards = sign(orders, **prefetch)
    (unchecked,) = [card for card in cards if card.summary == "Not everything could be checked"]
    assert said in unchecked.detail.replace("\\", "") or said in unchecked.detail


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["allergies", "prescriptions", "statements", "x"]), json_values))
def test_whatever_comes_along_there_is_an_answer_that_says_what_lacks(prefetch: dict[str, Any]) -> None:
    for service in SERVICES:
        context = {"patientId": "p-1", "draftOrders": {}, "selections": []}
        cards = service.advise(given_of(prefetch), Call(service.hook, "i", "p-1", context, prefetch), ENGLISH)
        assert cards
        assert any(card.summary == "Not everything could be checked" for card in cards)


def test_a_patients_warnings() -> None:
    label = {"system": systems.SECURITY_LABEL, "code": systems.CONFIDENTIALITY_MARK}
    prefetch = {
        "patient": {
            "resourceType": "Patient",
            "id": "p-1",
            "name": [{"text": "Hemlig Person"}],
            "meta": {"security": [label]},
            "deceasedDateTime": "2026-03-01",
        },
        "allergies": bundle(allergy("Jordnöt", criticality="high"), allergy("Gräs")),
        "flags": bundle({"resourceType": "Flag", "status": "active", "code": {"text": "Smitta"}}),
        "prescriptions": bundle(drug("Alvedon", "N02BE01"), drug("Panodil", "N02BE01")),
    }
    call = Call("patient-view", "i", "p-1", {"patientId": "p-1"}, prefetch)
    cards = WARNINGS.advise(given_of(prefetch), call, ENGLISH)
    assert [(card.indicator, card.summary) for card in cards] == [
        ("warning", "The patient is deceased since 2026-03-01"),
        ("warning", "Protected identity: say and write nothing about where the person is"),
        ("critical", "Severe hypersensitivity: Jordnöt"),
        ("warning", "Hypersensitivity: Gräs"),
        ("warning", "Alert: Smitta"),
        ("warning", "The same substance twice: Alvedon and Panodil"),
    ]
    assert "Hemlig" not in str(cards)


def test_what_is_about_another_patient_is_found() -> None:
    assert about_another(given_of({"allergies": bundle(allergy())}), "p-1") is None
    assert about_another(given_of({"allergies": bundle(allergy())}), "p-2") == "allergies"
    assert about_another(given_of({"patient": {"resourceType": "Patient", "id": "p-2"}}), "p-1") == "patient"
