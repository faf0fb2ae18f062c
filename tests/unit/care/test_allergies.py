"""Allergies: the severe first, what no longer holds not at all, silence never taken for safety."""

from __future__ import annotations

from typing import Any

from kontinuum.care.allergies.model import read_allergies, read_flags
from kontinuum.fhir import json
from kontinuum.record.outcome import Stored


def allergy(text: str, **more: Any) -> Stored:
    resource = {"resourceType": "AllergyIntolerance", "id": text, "code": {"text": text}, **more}
    return Stored("AllergyIntolerance", text, 1, 0, json.dumps(resource), "SE-U", "SE-P")


def concept(code: str) -> dict[str, Any]:
    return {"coding": [{"code": code}]}


def test_the_severe_stand_first_whether_by_criticality_or_by_reaction() -> None:
    entries = [
        allergy("Björk"),
        allergy("Penicillin", criticality="high"),
        allergy("Bi", reaction=[{"severity": "severe", "manifestation": [{"text": "Anafylaxi"}]}]),
    ]
    read = [one for one, _ in read_allergies(entries)]
    assert [one.code.label for one in read] == ["Bi", "Penicillin", "Björk"]
    assert [one.severe for one in read] == [True, True, False]
    assert read[0].manifestations == "Anafylaxi"


def test_resolved_refuted_and_mistaken_allergies_do_not_stand() -> None:
    entries = [
        allergy("a", clinicalStatus=concept("resolved")),
        allergy("b", verificationStatus=concept("refuted")),
        allergy("c", verificationStatus=concept("entered-in-error")),
        allergy("d", clinicalStatus=concept("active"), verificationStatus=concept("unconfirmed")),
    ]
    assert [one.id for one, _ in read_allergies(entries)] == ["d"]


def test_a_statement_that_none_is_known_is_told_from_an_allergy() -> None:
    (denial,) = [one for one, _ in read_allergies([allergy("Ingen känd", code=concept("716186003"))])]
    assert denial.denies


def test_an_alert_that_has_ended_is_not_in_force() -> None:
    flags = [
        Stored(
            "Flag", state, 1, 0, json.dumps({"id": state, "status": state, "code": {"text": "x"}}), "u", "p"
        )
        for state in ("active", "inactive", "entered-in-error")
    ]
    assert [flag.id for flag, _ in read_flags(flags)] == ["active"]
