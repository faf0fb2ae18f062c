"""Allergies: the severe first, what no longer holds not at all, silence never taken for safety."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kontinuum.care.allergies.kinds import KINDS, SEVERITIES, SYSTEM
from kontinuum.care.allergies.model import read_allergies, read_allergy
from kontinuum.care.allergies.rules import Findings, findings
from kontinuum.care.allergies.writing import (
    About,
    Sensitivity,
    Warned,
    comment_of,
    reaction_of,
    sensitivity,
    warning,
)
from kontinuum.fhir import json
from kontinuum.record.outcome import Stored
from kontinuum.terminology.content import CodeSystem
from kontinuum.terminology.loading import starter


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


def found(*entries: Stored) -> Findings:
    """What pages make of entries on 2026-03-01."""
    kinds = {kind: [one for one in entries if one.type == kind] for kind in ("AllergyIntolerance", "Flag")}
    return findings(kinds["AllergyIntolerance"], kinds["Flag"], "2026-03-01")


def flag(identity: str, status: str = "active", **more: Any) -> Stored:
    resource = {"id": identity, "status": status, "code": {"text": identity}, **more}
    return Stored("Flag", identity, 1, 0, json.dumps(resource), "SE-U", "SE-P")


def test_resolved_refuted_and_mistaken_allergies_do_not_stand() -> None:
    read = found(
        allergy("a", clinicalStatus=concept("resolved")),
        allergy("b", verificationStatus=concept("refuted")),
        allergy("c", verificationStatus=concept("entered-in-error")),
        allergy("d", clinicalStatus=concept("active"), verificationStatus=concept("unconfirmed")),
    )
    assert [one.id for one, _ in read.allergies] == ["d"]
    assert [one.id for one, _ in read.ended] == ["a", "b"]
    assert [one.id for one, _ in read.struck] == ["c"]


def test_a_statement_that_none_is_known_is_told_from_an_allergy_and_may_be_contradicted() -> None:
    of_drugs = allergy("Ingen känd läkemedelsöverkänslighet", code=concept("409137002"))
    read = found(of_drugs, allergy("Björk", category=["environment"]))
    assert [one.scope for one, _ in read.denials] == ["medication"]
    assert not read.contradicted, "pollen is no drug"
    assert found(of_drugs, allergy("Penicillin", category=["medication"])).contradicted
    assert found(allergy("Ingen känd", code=concept("716186003")), allergy("Vad som helst")).contradicted


def test_an_alert_holds_until_its_last_day_and_not_when_it_has_ended_or_was_a_mistake() -> None:
    read = found(
        flag("active"),
        flag("inactive", "inactive"),
        flag("wrong", "entered-in-error"),
        flag("last day", period={"end": "2026-03-01"}),
        flag("month", period={"end": "2026-03"}),
        flag("over", period={"end": "2026-02-28"}),
    )
    assert [one.id for one, _ in read.flags] == ["active", "last day", "month"]
    assert [one.id for one, _ in read.ended] == ["inactive", "over"]
    assert [one.id for one, _ in read.struck] == ["wrong"]


def test_the_kinds_of_alert_are_those_of_the_code_system_in_its_words() -> None:
    system = next(one for one in starter.contents() if isinstance(one, CodeSystem) and one.url == SYSTEM)
    assert {one.code: one.display for one in system.concepts} == {
        code: kind.recorded for code, kind in KINDS.items()
    }


words = st.text(min_size=1).filter(str.strip)


@given(words, st.text(), st.sampled_from(("", *SEVERITIES)), st.booleans(), st.text())
def test_a_hypersensitivity_is_read_as_it_was_written_and_a_correction_of_nothing_changes_nothing(
    text: str, reaction: str, severity: str, suspected: bool, comment: str
) -> None:
    said = Sensitivity(text, None, "food", "allergy", severity, suspected, reaction, "patient", comment)
    about = About("a", "p", "2026-03-01T10:00:00+01:00", {"reference": "Practitioner/x"})
    made = sensitivity({}, said, about)
    read = read_allergy(made)
    assert read.code.label == text
    assert read.severity == severity
    assert read.unconfirmed is suspected
    assert reaction_of(made) == (reaction if reaction.strip() else "")
    assert comment_of(made) == (comment if comment.strip() else "")
    again = Sensitivity(
        text, None, "food", "allergy", severity, suspected, reaction_of(made), "patient", comment_of(made)
    )
    assert sensitivity(made, again, about) == made


def test_a_correction_keeps_what_its_form_does_not_show() -> None:
    about = About("a", "p", "2026-03-01T10:00:00+01:00", {"reference": "Practitioner/me"})
    before = {
        **sensitivity({}, Sensitivity("Bi", None, "food", "", "", False, "", "staff", ""), about),
        "category": ["food", "environment"],
        "asserter": {"reference": "Practitioner/other"},
        "lastOccurrence": "2020",
    }
    assert (
        sensitivity(before, Sensitivity("Bi", None, "food", "", "", False, "", "staff", ""), about) == before
    )
    flag = {**warning({}, Warned("implant", "x", None, "2020-01-02", ""), about)}
    flag["period"] = {"start": "2020-01-02T08:00:00+01:00"}
    assert warning(flag, Warned("implant", "x", None, "2020-01-02", ""), about) == flag
