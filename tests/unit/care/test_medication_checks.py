"""What speaks against a prescription; and that what was not looked at is always said."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from kontinuum.care.medication.checks import ALWAYS, Asked, Checked, Kind, Known, Unchecked, check, is_adult
from kontinuum.fhir import json
from kontinuum.record.outcome import Stored
from kontinuum.sweden import systems

TODAY = date(2026, 3, 1)
PENICILLIN = Asked("Fenoximetylpenicillin filmdragerad tablett 1 g", "J01CE02")
PARACETAMOL = "Paracetamol filmdragerad tablett 500 mg"


def stored(kind: str, **body: Any) -> Stored:
    return Stored(kind, "x", 1, 0, json.dumps({"resourceType": kind, "id": "x", **body}), "SE-U", "SE-P")


def concept(name: str, atc: str = "") -> dict[str, Any]:
    return {"text": name, **({"coding": [{"system": systems.ATC, "code": atc}]} if atc else {})}


def allergy(name: str, atc: str = "", **more: Any) -> Stored:
    return stored("AllergyIntolerance", code=concept(name, atc), **more)


def drug(name: str, atc: str = "", **more: Any) -> Stored:
    named = {"status": "active", "intent": "order", "medicationCodeableConcept": concept(name, atc)}
    return stored("MedicationRequest", **named | more)


def found(asked: Asked, *known: Stored, born: str = "1980-11-28", whole: bool = True) -> Checked:
    allergies = [one for one in known if one.type == "AllergyIntolerance"]
    drugs = [one for one in known if one.type != "AllergyIntolerance"]
    return check(asked, Known(allergies, drugs, born, TODAY, whole))


def kinds(asked: Asked, *known: Stored, **more: Any) -> list[Kind]:
    return [one.kind for one in found(asked, *known, **more).findings]


@pytest.mark.parametrize(
    ("against", "kind"),
    [
        (allergy("Fenoximetylpenicillin", "J01CE02", criticality="high"), [Kind.SEVERE]),
        (allergy("Penicilliner", "J01CE", reaction=[{"severity": "severe"}]), [Kind.SEVERE]),
        (allergy("Fenoximetylpenicillin", "J01CE02"), [Kind.SENSITIVE]),
        (allergy("Flukloxacillin", "J01CF05", criticality="high"), [Kind.RELATED]),
        (allergy("Metformin", "A10BA02", criticality="high"), []),
        (
            allergy(
                "Fenoximetylpenicillin",
                "J01CE02",
                criticality="high",
                clinicalStatus={"coding": [{"code": "resolved"}]},
            ),
            [],
        ),
        (drug("Kåvepenin", "J01CE02"), [Kind.TWICE]),
        (drug("Bensylpenicillin", "J01CE01"), [Kind.SAME_GROUP]),
        (drug("Metformin", "A10BA02"), []),
    ],
)
def test_a_drug_is_compared_with_what_is_known_of_the_patient(against: Stored, kind: list[Kind]) -> None:
    assert kinds(PENICILLIN, against) == kind


def test_only_what_is_severe_to_the_drug_itself_stops_and_it_stands_first() -> None:
    all_of_it = found(
        PENICILLIN,
        drug("Kåvepenin", "J01CE02"),
        allergy("Flukloxacillin", "J01CF05", criticality="high"),
        allergy("Penicillin V", "J01CE02", criticality="high"),
    )
    assert [one.kind for one in all_of_it.findings] == [Kind.SEVERE, Kind.TWICE, Kind.RELATED]
    assert [one.what for one in all_of_it.stops] == ["Penicillin V"]


def test_silence_is_never_an_all_clear() -> None:
    nothing = found(PENICILLIN)
    assert nothing.findings == ()
    assert [one for one, _ in nothing.unchecked][: len(ALWAYS)] == [*ALWAYS]
    assert (Unchecked.NOT_COMPARED, "Jod") in found(PENICILLIN, allergy("Jod")).unchecked
    assert (Unchecked.NO_CODE, "") in found(Asked("Egen blandning", "")).unchecked
    assert (Unchecked.MORE, "") in found(PENICILLIN, whole=False).unchecked
    assert (Unchecked.NO_MAXIMUM, "") in nothing.unchecked


def test_a_dose_is_compared_with_the_usual_maximum_of_the_very_product_for_adults() -> None:
    def dose(a_day: Decimal | None, name: str = PARACETAMOL) -> Asked:
        return Asked(name, "N02BE01", a_day, "tablett")

    assert kinds(dose(Decimal(9))) == [Kind.DOSE]
    assert kinds(dose(Decimal(8))) == []
    for asked, born, why in (
        (dose(Decimal(9)), "2016-03-02", Unchecked.CHILD),
        (dose(Decimal(9)), "", Unchecked.CHILD),
        (dose(None), "1980", Unchecked.NO_NUMBERS),
        (dose(Decimal(9), "Paracetamol tablett 1 g"), "1980", Unchecked.NO_MAXIMUM),
    ):
        assert kinds(asked, born=born) == []
        assert (why, "") in found(asked, born=born).unchecked


@pytest.mark.parametrize(
    ("born", "adult"),
    [
        ("2008-03-01", True),
        ("2008-03-02", False),
        ("2008-02", True),
        ("2008-03", False),
        ("2007", True),
        ("2008", False),
        ("", False),
        ("2000-02-29", True),
    ],
)
def test_who_is_grown_up_for_certain(born: str, adult: bool) -> None:
    assert is_adult(born, TODAY) is adult
