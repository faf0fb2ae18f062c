"""An entry in a line, its quotations, and what held on a day."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.fhir.swedish import terms
from kontinuum.kernel.i18n import Translator
from kontinuum.web.workspace.timeline.describing import Line, describe
from kontinuum.web.workspace.timeline.kinds import profession_of
from kontinuum.web.workspace.timeline.quoting import holds, quotations
from kontinuum.web.workspace.timeline.states import Held, Version, compared, held_on, item_of


class NoNames:
    """A directory that knows nobody."""

    def unit(self, hsa_id: str) -> str:
        return hsa_id

    def name(self, reference: str | None, display: str | None = None) -> str:
        return display or ""


def note(*texts: str) -> dict[str, Any]:
    paragraphs = "".join(f"<pre>{each.replace('&', '&amp;').replace('<', '&lt;')}</pre>" for each in texts)
    div = f'<div xmlns="http://www.w3.org/1999/xhtml">{paragraphs}</div>'
    return {
        "resourceType": "Composition",
        "id": "n",
        "status": "final",
        "title": "Daganteckning",
        "section": [{"title": "Status", "text": {"status": "additional", "div": div}}],
    }


def quoted(resource: dict[str, Any], typed: str) -> list[str]:
    return [each.text for each in quotations(resource, terms(typed))]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Buken mjuk. Ingen blödning. Afebril.", "Buken mjuk. Ingen blödning. "),
        ("Blödning: nej", "Blödning: nej"),
        ("Patienten förnekar sedan flera veckor både smärta, illamående och blödning.", None),
        ("Det finns, trots lång observation på avdelningen och upprepade prover, ingen blödning. Hem.", None),
        ("Inga tecken till ev. blödning.\nSover.", "Inga tecken till ev. blödning.\n"),
        ("Mår väl. Blödning?\nNej. Sover.", "Mår väl. Blödning?\nNej. "),
    ],
)
def test_a_denial_is_never_cut_from_what_it_denies(text: str, shown: str | None) -> None:
    (quotation,) = quoted(note(text), "blödning")
    assert quotation in text
    assert quotation == (shown or quotation)
    assert any(word in quotation for word in ("Ingen", "nej", "Nej", "förnekar", "ingen", "Inga"))


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=300))
def test_a_quotation_is_a_part_of_the_text_letter_for_letter(text: str) -> None:
    around = f"{text} blödning {text}"
    for quotation in quotations(note(around), terms("blödning")):
        assert quotation.text in around
        assert any(segment.marked for segment in quotation.segments)


def test_all_words_must_stand_in_an_entry_and_codes_are_found_only_as_codes() -> None:
    condition = {
        "resourceType": "Condition",
        "id": "c",
        "code": {"coding": [{"system": "urn:x", "code": "I50.9", "display": "Hjärtsvikt, ospecificerad"}]},
        "note": [{"text": "Följs på mottagning."}],
        "subject": {"reference": "Patient/p", "display": "Svikt Sviktsson"},
    }
    assert holds(condition, terms("svikt följs I50"))
    assert not holds(condition, terms("svikt stroke"))
    assert not holds(condition, terms("Sviktsson")), "the patient's name is no text of the entry"


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        ({"resourceType": "Condition", "verificationStatus": {"coding": [{"code": "refuted"}]}}, "Ruled out"),
        ({"resourceType": "Procedure", "status": "not-done"}, "Not performed"),
        ({"resourceType": "MedicationStatement", "status": "not-taken"}, "Not taken"),
        (
            {"resourceType": "MedicationRequest", "status": "active", "doNotPerform": True},
            "Must not be given",
        ),
        ({"resourceType": "Flag", "status": "entered-in-error"}, "Entered in error"),
        ({"resourceType": "Flag", "status": "active"}, ""),
        ({"resourceType": "Task", "status": "cancelled", "executionPeriod": {}}, "Not performed"),
        ({"resourceType": "Task", "status": "cancelled"}, ""),
    ],
)
def test_what_does_not_hold_says_so_in_its_line(resource: dict[str, Any], said: str) -> None:
    assert describe({"id": "x", **resource}, Translator("en"), NoNames()).denied == said


def test_values_keep_their_digits_and_a_no_is_a_value() -> None:
    def value(**more: Any) -> str:
        resource = {"resourceType": "Observation", "id": "o", "status": "final", **more}
        return describe(resource, Translator("en"), NoNames()).value

    assert value(valueQuantity={"value": "1.00", "unit": "g", "comparator": "<"}) == "<1.00 g"
    assert value(valueBoolean=False) == "No"
    assert value() == "no value"


def test_a_blood_pressure_is_told_in_millimetres_of_mercury_only_where_it_is_one() -> None:
    def value(unit: dict[str, Any]) -> str:
        parts = [
            {"code": {"coding": [{"code": code}]}, "valueQuantity": {"value": number, **unit}}
            for code, number in (("8480-6", 140), ("8462-4", 80))
        ]
        resource = {"resourceType": "Observation", "id": "o", "status": "final", "component": parts}
        return describe(resource, Translator("en"), NoNames()).value

    assert value({"unit": "mmHg"}) == value({"code": "mm[Hg]"}) == "140/80 mmHg"
    assert "mmHg" not in value({}) + value({"unit": "kPa"})
    assert "/" not in value({"unit": "mmHg", "comparator": "<"})


def test_tasks_scores_and_bookings_are_told_as_what_they_are() -> None:
    def line(**resource: Any) -> Line:
        return describe({"id": "x", **resource}, Translator("en"), NoNames())

    asked = line(
        resourceType="Task",
        status="requested",
        code={"coding": [{"system": "urn:kontinuum:codes:work", "code": "question"}]},
        description="Ska hon fasta?",
        requester={"display": "Karin Öhman"},
    )
    assert (asked.label, asked.what, asked.who) == ("Question", "Ska hon fasta?", ("Karin Öhman",))
    unsigned = line(resourceType="Task", status="requested", code={"coding": [{"code": "sign"}]})
    assert unsigned.what == "To be signed"
    score = line(
        resourceType="Observation",
        status="final",
        code={"text": "Norton"},
        valueQuantity={"value": Decimal("19"), "unit": "poäng"},
        interpretation=[{"text": "Ökad risk"}],
        component=[{"code": {"text": "Rörlighet"}, "valueInteger": 3}],
    )
    assert (score.value, score.detail) == ("19 poäng", "Ökad risk")
    booked = line(
        resourceType="Appointment", status="booked", created="2026-01-02", start="2026-03-04T10:00:00+01:00"
    )
    assert (booked.when, booked.clock) == ("2026-03-04", "10:00")


def test_professions_are_told_by_their_titles() -> None:
    titles = (
        "Överläkare, geriatrik",
        "Distriktssköterska",
        "Undersköterska",
        "Barnmorska",
        "Verksamhetschef",
    )
    assert [profession_of(each) for each in titles] == ["doctor", "nurse", "assistant", "midwife", ""]


def condition(status: str, **more: Any) -> dict[str, Any]:
    coded = {"coding": [{"code": status}]}
    return {"resourceType": "Condition", "id": "c", "clinicalStatus": coded, "code": {"text": "Gikt"}, **more}


def test_a_version_says_what_stood_on_a_day_and_an_import_is_judged_by_its_dates() -> None:
    changed = [
        Version("2026-03-10", condition("resolved", recordedDate="2026-01-01")),
        Version("2026-01-01", condition("active", recordedDate="2026-01-01")),
    ]
    assert [held_on(changed, day)[0] for day in ("2025-12-31", "2026-02-01", "2026-03-10")] == [
        Held.NO,
        Held.YES,
        Held.NO,
    ]
    imported = [
        Version("2026-03-10", condition("resolved", onsetDateTime="2020", abatementDateTime="2024-05-01"))
    ]
    assert [held_on(imported, day)[0] for day in ("2019-01-01", "2023-01-01", "2025-01-01")] == [
        Held.NO,
        Held.YES,
        Held.NO,
    ]
    undated = [Version("2026-03-10", condition("resolved", onsetDateTime="2020"))]
    assert held_on(undated, "2023-01-01")[0] is Held.NOT_TOLD
    removed = [Version("2026-03-10", None), Version("2026-01-01", condition("active"))]
    assert [held_on(removed, day)[0] for day in ("2026-02-01", "2026-04-01")] == [Held.YES, Held.NO]


def test_a_new_dosage_of_the_same_substance_is_a_change_and_not_two_medicines() -> None:
    def medicine(identity: str, dosage: str, code: str = "C08CA01") -> dict[str, Any]:
        return {
            "resourceType": "MedicationRequest",
            "id": identity,
            "medicationCodeableConcept": {"coding": [{"code": code}], "text": "Amlodipin"},
            "dosageInstruction": [{"text": dosage}],
        }

    before = [item_of(medicine("a", "1 dagligen")), item_of(medicine("x", "vid behov", "N02BE01"))]
    after = [item_of(medicine("b", "2 dagligen")), item_of(medicine("y", "1", "B01AF02"))]
    assert sorted(change.kind for change in compared(before, after)) == ["added", "changed", "ended"]
    assert [change.kind for change in compared(before, before)] == ["same", "same"]

    needed = [item_of(medicine(name, dosage)) for name, dosage in (("d", "1 x 2"), ("n", "vid behov"))]
    (ended,) = compared(needed, needed[:1])
    assert (ended.before, ended.after) == ("Amlodipin – 1 x 2; Amlodipin – vid behov", "Amlodipin – 1 x 2")
