"""The first day of the demo region: whoever signs in as a clinician has work of every kind."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kontinuum.app.commands.demo_contacts import VISITS
from kontinuum.demo import personas
from kontinuum.demo.day import first_day
from kontinuum.demo.region import region
from kontinuum.fhir.validation import validate
from kontinuum.kernel.principal import ActorKind, Purpose
from kontinuum.record.referring import received_id

NOON = datetime(2026, 5, 4, 12)


def resources() -> list[dict[str, Any]]:
    return [one for batch in first_day(NOON) for one in batch.resources]


def test_what_waits_is_valid_has_ids_of_its_own_and_lies_behind() -> None:
    made = resources()
    assert [issue for one in made for issue in validate(one) if issue.severity in ("error", "fatal")] == []
    assert len({(one["resourceType"], one["id"]) for one in made}) == len(made)
    assert made == resources()
    for one in made:
        written = one.get("date") or one.get("authoredOn") or one.get("effectiveDateTime") or ""
        assert written < "2026-05-04T12:00:01", one["id"]


def test_every_clinician_a_visitor_may_be_has_notes_tasks_and_questions_and_meets_patients() -> None:
    clinicians = {
        one.actor.name: one.actor.reference
        for one in personas()
        if one.actor.kind is ActorKind.STAFF
        and one.title != "Medicinsk sekreterare"  # meets nobody, and signs nothing
        and any(each.purpose is Purpose.CARE for each in one.assignments)
    }
    made = resources()
    unsigned = {one["author"][0]["reference"] for one in made if one["resourceType"] == "Composition"}
    given: dict[str, set[str]] = {"task": set(), "question": set()}
    for one in made:
        if one["resourceType"] == "Task":
            given.setdefault(one["code"]["coding"][0]["code"], set()).add(one["owner"]["reference"])
    for name, reference in clinicians.items():
        assert reference in unsigned, name
        assert reference in given["task"] | given["question"], name
        of_the_ward = name in ("Maria Papadopoulos", "Fatou Jallow")
        assert any(who == name for who, _ in VISITS) or of_the_ward, name


def test_a_referral_is_known_to_both_sides_and_an_answer_by_its_order() -> None:
    made = {f"{one['resourceType']}/{one['id']}": one for one in resources()}
    received = [one for one in made.values() if one.get("partOf")]
    for one in received:
        mine, (order,) = made[one["partOf"][0]["reference"]], one["basedOn"]
        assert mine["basedOn"] == [order]
        assert one["id"] == received_id(order["reference"].removeprefix("ServiceRequest/"))
        assert one.get("output") == mine.get("output")
    assert len(received) == 3
    reports = [one for one in made.values() if one["resourceType"] == "DiagnosticReport"]
    assert all(one["basedOn"][0]["reference"] in made for one in reports)


def test_an_answer_and_an_early_warning_call_for_somebody() -> None:
    flags = [one["interpretation"][0] for one in resources() if one.get("interpretation")]
    assert {"HH", "LL"} <= {one["coding"][0]["code"] for one in flags}
    assert {"medium", "low"} <= {one["coding"][0]["code"] for one in flags}


def test_a_visit_is_at_a_unit_where_who_is_met_works() -> None:
    staff = {one.name: {unit.key for unit, _ in one.assignments} for one in region().staff}
    assert all(unit in staff[name] for name, unit in VISITS)
