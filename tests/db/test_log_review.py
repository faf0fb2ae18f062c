"""Rules 19 to 21: who may read the log, its review by samples and patterns, and the patient's extract."""

from __future__ import annotations

import asyncio
import json as plain
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kontinuum.app.commands import audit_export
from kontinuum.app.services import Services
from kontinuum.audit.patterns import sample_rank
from kontinuum.fhir import json
from kontinuum.fhir.validation import validate
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.config import Settings
from kontinuum.kernel.principal import Purpose
from kontinuum.record import Record, Refusal, RefusalKind
from kontinuum.record.logbook import Extract, FindingFile, LogPage
from kontinuum.store.audit_review import Finding
from kontinuum.sweden import systems
from tests.conftest import OTHER, REGION, SYSTEM, principal
from tests.support.accesses import SINCE, UNIT, UNTIL, at, nurse, opened, reviewer, themselves
from tests.support.resources import patient

OTHER_NUMBER = "198011289819"


@pytest.fixture
async def people(record: Record) -> None:
    """A patient without anything in common with anybody, and the nurse; both with address and number."""
    home = [{"line": ["Storgatan 1"], "postalCode": "111 22", "city": "Stockholm"}]
    staff = {
        "resourceType": "Practitioner",
        "identifier": [{"system": systems.PERSONNUMMER, "value": OTHER_NUMBER}],
        "name": [{"family": "Ek", "given": ["Eva"]}],
        "address": home,
    }
    unit = {
        "resourceType": "Organization",
        "id": "unit-a",
        "name": "Enhet A",
        "identifier": [{"system": systems.HSA_ID, "value": UNIT}],
    }
    persons = [
        patient("1", id="p-plain"),
        {**patient("2", id="p-name"), "name": [{"family": "Ek"}]},
        patient("3", id="p-home", address=home),
        {
            **patient("4", id="p-staff"),
            "identifier": [{"system": systems.PERSONNUMMER, "value": OTHER_NUMBER}],
        },
        patient(
            "5",
            id="p-marked",
            meta={"security": [{"system": systems.SECURITY_LABEL, "code": systems.CONFIDENTIALITY_MARK}]},
        ),
        patient("6", id="p-listed", generalPractitioner=[{"reference": "Organization/unit-a"}]),
    ]
    for one in (unit, {**staff, "id": "s-eva"}, {**staff, "id": "s-else", "identifier": []}, *persons):
        await record.update(one["resourceType"], one["id"], one)
    for one in ("p-plain", "p-name", "p-home", "p-staff", "p-marked"):
        await meet(record, one)


async def meet(record: Record, who: str, when: str = "2026-03-01T09:00:00+01:00") -> None:
    """A visit at the region's unit."""
    visit = {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": f"Patient/{who}"},
        "period": {"start": when},
    }
    written = await record.create(visit)
    assert not isinstance(written, Refusal), written


async def ranked(services: Services) -> dict[str, list[str]]:
    """What a round puts first: the reasons by patient."""
    log = services.gate.record(reviewer()).log
    number = await log.review(SINCE, UNTIL)
    assert isinstance(number, int), number
    _, findings = await log.round(number)
    return {one.patient or "": one.reasons for one in findings if not one.sample}


EVERY_READER = [
    ("a doctor", principal("dr"), False),
    ("a reviewer", reviewer(), True),
    ("an administrator", principal("adm", purpose=Purpose.ADMINISTRATION), False),
    ("a patient", themselves("p-plain"), False),
]


@pytest.mark.parametrize(("who", "principal", "allowed"), EVERY_READER)
async def test_rule_19_the_log_is_read_under_access_control_and_its_reading_is_logged(
    services: Services, people: None, who: str, principal: Any, allowed: bool
) -> None:
    await opened(services, nurse(), at(10), "p-plain")
    log = services.gate.record(principal).log
    answers = [
        await log.find(),
        await log.review(SINCE, UNTIL),
        await log.rounds(),
        await log.round(1),
        await log.finding(1),
        await log.check(1, "in-order", ""),
    ]
    assert [not isinstance(one, Refusal) or one.kind is not RefusalKind.FORBIDDEN for one in answers] == [
        allowed
    ] * len(answers)
    said = await services.pool.fetch(
        "select content from audit_entry where actor = $1 and action in ('read-log', 'review-log')",
        principal.actor.id,
    )
    outcomes = {plain.loads(row["content"])["outcome"] for row in said}
    assert outcomes == ({"permitted"} if allowed else {"refused"})
    assert len(said) >= 5


async def test_rule_19_a_reviewer_sees_the_own_provider_only(services: Services, people: None) -> None:
    await opened(services, nurse(), at(10), "p-plain")
    await opened(services, nurse(provider=OTHER, unit=f"{OTHER}-A", actor="s-other"), at(11), "p-plain")
    page = await services.gate.record(reviewer()).log.find(patient="p-plain", since=SINCE, until=UNTIL)
    assert isinstance(page, LogPage)
    assert [one.entry.actor for one in page.entries] == ["s-eva"]
    foreign = await services.gate.record(reviewer(OTHER)).log.find(
        patient="p-plain", since=SINCE, until=UNTIL
    )
    assert isinstance(foreign, LogPage)
    assert [one.entry.actor for one in foreign.entries] == ["s-other"]


async def test_the_log_is_found_by_staff_patient_unit_and_time_page_by_page(services: Services) -> None:
    for minute in range(30):
        who = nurse() if minute % 2 else nurse(actor="s-b", unit=f"{REGION}-B")
        await opened(services, who, at(10, minute=minute), f"p-{minute % 3}")
    log = services.gate.record(reviewer()).log
    seen: list[str] = []
    after = None
    while True:
        page = await log.find(until=UNTIL, after=after, count=7)
        assert isinstance(page, LogPage)
        seen += [one.id for one in page.entries]
        after = page.next
        if after is None:
            break
    assert len(seen) == len(set(seen)) == 30
    found = await log.find(actors=["s-eva"], patient="p-1", unit=UNIT, since=SINCE, until=UNTIL)
    assert [one.entry.patients for one in found.entries] == [("p-1",)] * 5
    early = await log.find(since=SINCE, until=int(at(10, minute=4).timestamp()) * 1_000_000)
    assert len(early.entries) == 4
    assert await log.units() == [UNIT, f"{REGION}-B"]


async def test_an_entry_is_read_as_an_audit_event_by_its_id(services: Services, people: None) -> None:
    await opened(services, nurse(), at(10), "p-plain", "p-name", note="Anteckning", count=2)
    page = await services.gate.record(reviewer()).log.find(patient="p-plain", since=SINCE, until=UNTIL)
    event_id = page.entries[0].id
    full = json.loads((await services.gate.record(reviewer()).read("AuditEvent", event_id)).body)
    assert validate(full, expected_type="AuditEvent") == []
    assert full["recorded"] == "2026-03-02T09:00:00.000000Z"
    assert full["agent"][0]["who"]["reference"] == "Practitioner/s-eva"
    assert [one["what"]["reference"] for one in full["entity"] if one["type"]["code"] == "1"] == [
        "Patient/p-plain",
        "Patient/p-name",
    ]
    own = json.loads((await services.gate.record(themselves("p-plain")).read("AuditEvent", event_id)).body)
    assert validate(own, expected_type="AuditEvent") == []
    assert b"p-name" not in json.dumps(own)
    for refused in (themselves("p-home"), principal("dr"), reviewer(OTHER)):
        answer = await services.gate.record(refused).read("AuditEvent", event_id)
        assert answer.kind is RefusalKind.FORBIDDEN
    missing = await services.gate.record(reviewer()).read("AuditEvent", "log-1-999-0")
    assert missing.kind is RefusalKind.NOT_FOUND


async def test_nobody_writes_an_entry_of_the_log_from_outside(services: Services, record: Record) -> None:
    await record.find("Patient?name=a")
    name = await services.pool.fetchval(
        "select 'log-' || writer || '-' || block || '-' || ord from audit_entry"
    )
    event = json.loads((await services.gate.record(reviewer()).read("AuditEvent", name)).body)
    forged = await record.update("AuditEvent", name, {**event, "action": "R"})
    assert forged.kind is RefusalKind.NOT_ALLOWED
    own = {name: value for name, value in event.items() if name != "id"}
    assert not isinstance(
        await record.create(own), Refusal
    )  # another system's event is a resource as any other


async def test_every_kind_of_entry_is_a_valid_audit_event(
    services: Services, record: Record, people: None
) -> None:
    await record.find("Patient?name=Ek")
    await record.history("Patient", "p-plain")
    await record.delete("Patient", "p-name")
    await record.read("Patient", "nobody")
    await services.gate.record(themselves("p-home")).read("Patient", "p-plain")
    await services.gate.record(reviewer()).log.review(SINCE, UNTIL)
    rows = await services.pool.fetch("select writer, block, ord from audit_entry")
    assert len(rows) > 10
    for row in rows:
        name = f"log-{row['writer']}-{row['block']}-{row['ord']}"
        event = await services.gate.record(reviewer()).read("AuditEvent", name)
        if not isinstance(event, Refusal):
            assert validate(json.loads(event.body), expected_type="AuditEvent") == []


async def test_the_export_is_valid_and_logged(
    services: Services, record: Record, people: None, dsn: str, settings: Settings, tmp_path: Path
) -> None:
    await opened(services, nurse(), at(10), "p-plain")
    file = tmp_path / "log.ndjson"
    options: dict[str, Any] = {"since": "2026-03-02", "until": "2026-03-02"}
    assert await asyncio.to_thread(audit_export.run, dsn, settings, file=file, **options) == 0
    lines = [json.loads(line) for line in file.read_bytes().splitlines()]
    assert [line["recorded"] for line in lines] == ["2026-03-02T09:00:00.000000Z"]
    assert all(validate(line, expected_type="AuditEvent") == [] for line in lines)
    assert file.stat().st_mode & 0o777 == 0o600
    assert await services.pool.fetchval("select count(*) from audit_entry where action = 'export-log'") == 1
    assert await asyncio.to_thread(audit_export.run, dsn, settings, file=file) == 2  # never overwritten
    assert await asyncio.to_thread(audit_export.run, dsn, settings, file=tmp_path / "x", since="igår") == 2
    whole = tmp_path / "whole.ndjson"
    assert await asyncio.to_thread(audit_export.run, dsn, settings, file=whole) == 0
    assert len(whole.read_bytes().splitlines()) == await services.pool.fetchval(
        "select count(*) from audit_entry"
    )


async def test_rule_20_each_pattern_is_found_in_the_log(
    services: Services, people: None, record: Record
) -> None:
    for number in range(6):
        await opened(services, nurse(), at(10 + number), "p-plain")
    for one in ("p-name", "p-home", "p-staff", "p-marked", "p-listed"):
        await opened(services, nurse(), at(13), one)
    await opened(services, nurse(actor="s-else", unit=f"{REGION}-B"), at(14), "p-staff")
    log = services.gate.record(reviewer()).log
    _, findings = await log.round(await log.review(SINCE, UNTIL))
    found = [(one.actor, one.patient, one.reasons) for one in findings if not one.sample]
    assert found == [
        ("s-else", "p-staff", ["colleague", "no-relation"]),
        ("s-eva", "p-home", ["same-address"]),
        ("s-eva", "p-staff", ["own-record"]),
        ("s-eva", "p-marked", ["protected-identity"]),
        ("s-eva", "p-name", ["same-surname"]),
    ]


async def test_rule_20_without_a_visit_or_with_one_too_long_ago_there_is_no_relation(
    services: Services, people: None, record: Record
) -> None:
    await record.update("Patient", "p-old", patient("8", id="p-old"))
    await meet(record, "p-old", "2020-01-01")
    await record.update("Patient", "p-booked", patient("9", id="p-booked"))
    await meet(record, "p-booked", "2026-04-15T10:00:00+02:00")
    for one in ("p-old", "p-booked", "p-plain"):
        await opened(services, nurse(), at(10), one)
    assert await ranked(services) == {"p-old": ["no-relation"]}


async def test_rule_20_at_night_by_somebody_who_works_by_day(services: Services, people: None) -> None:
    for day in range(2, 8):
        await opened(services, nurse(), at(10, day), "p-plain")
        await opened(services, nurse(actor="s-night", name="Nils Natt"), at(23, day), "p-plain")
    await opened(services, nurse(), at(2, 9), "p-marked")
    await opened(services, nurse(actor="s-night", name="Nils Natt"), at(2, 9), "p-home")
    assert await ranked(services) == {"p-marked": ["protected-identity", "at-night"]}


async def test_rule_20_the_night_is_that_of_sweden_in_summer_and_winter(
    services: Services, people: None
) -> None:
    for day in range(2, 9):
        await opened(services, nurse(), at(12, day), "p-plain")
    await opened(services, nurse(), at(21, 20, 59), "p-plain")
    await opened(services, nurse(), at(21, 30, 59), "p-plain")  # summer time since the 29th
    await opened(services, nurse(), at(5, 30, 59), "p-marked")
    log = services.gate.record(reviewer()).log
    number = await log.review(SINCE, UNTIL + 7 * 86400 * 1_000_000)
    _, findings = await log.round(number)
    found = {one.patient: one.reasons for one in findings if not one.sample}
    assert found == {"p-marked": ["protected-identity", "at-night"]}


async def test_rule_20_many_patients_fast_are_found_and_few_or_slow_ones_are_not(services: Services) -> None:
    for number in range(16):
        await opened(services, nurse(), at(10, minute=0) + timedelta(seconds=30 * number), f"p-{number}")
        await opened(services, nurse(actor="s-slow"), at(10) + timedelta(minutes=5 * number), f"p-{number}")
    await opened(
        services,
        nurse(actor="s-list"),
        at(12),
        *(f"p-{number}" for number in range(40)),
        what=("Patient?name=And", "Patient?name:contains=and,ers"),
    )
    log = services.gate.record(reviewer()).log
    number = await log.review(SINCE, UNTIL)
    _, findings = await log.round(number)
    many = [(one.actor, one.patients) for one in findings if one.reasons == ["many-fast"]]
    assert many == [("s-eva", 16)]
    assert all(one.actor != "s-list" for one in findings)  # looking somebody up by name opens nothing


async def test_rule_20_the_sample_can_be_drawn_again_from_its_seed(services: Services, people: None) -> None:
    for number in range(60):
        await opened(services, nurse(), at(8) + timedelta(minutes=7 * number), "p-plain")
    log = services.gate.record(reviewer()).log
    first, second = await log.review(SINCE, UNTIL), await log.review(SINCE, UNTIL)
    about, findings = await log.round(first)
    sample = [one for one in findings if one.sample]
    rows = await services.pool.fetch(
        "select writer, block, ord, recorded from audit_entry where actor = 's-eva' and recorded < $1", UNTIL
    )
    drawn = sorted(rows, key=lambda row: sample_rank(about.seed, row["writer"], row["block"], row["ord"]))[
        :20
    ]
    assert {one.first for one in sample} == {row["recorded"] for row in drawn}
    assert (await log.round(second))[0].seed != about.seed


async def test_rule_20_permits_a_review_that_is_documented_and_itself_in_the_log(
    services: Services, people: None
) -> None:
    await opened(services, nurse(), at(10), "p-name")
    log = services.gate.record(reviewer()).log
    number = await log.review(SINCE, UNTIL)
    _, findings = await log.round(number)
    file = await log.finding(findings[0].id)
    assert isinstance(file, FindingFile)
    assert [one.entry.actor for one in file.entries] == ["s-eva"]
    missing = await log.check(findings[0].id, "ask", "  ")
    assert isinstance(missing, Refusal)
    assert isinstance(await log.check(findings[0].id, "fine", "x"), Refusal)
    assert isinstance(await log.check(findings[0].id, "ask", "Fråga Eva om släktskap"), Finding)
    assert isinstance(await log.check(findings[0].id, "in-order", "Ej släkt"), Finding)
    file = await log.finding(findings[0].id)
    assert [(one.outcome, one.note, one.name) for one in file.checks] == [
        ("ask", "Fråga Eva om släktskap", "s-reviewer"),
        ("in-order", "Ej släkt", "s-reviewer"),
    ]
    notes = await services.pool.fetch(
        "select content from audit_entry where action = 'review-log' and patients @> '{p-name}'"
    )
    assert [plain.loads(row["content"])["note"] for row in notes] == [
        "ask: Fråga Eva om släktskap",
        "in-order: Ej släkt",
    ]
    abroad = await services.gate.record(reviewer(OTHER)).log.finding(findings[0].id)
    assert abroad.kind is RefusalKind.NOT_FOUND


async def test_rule_20_refuses_a_review_by_others_of_others_and_without_an_outcome(
    services: Services, people: None
) -> None:
    await opened(services, nurse(), at(10), "p-name")
    log = services.gate.record(reviewer()).log
    number = await log.review(SINCE, UNTIL)
    assert isinstance(number, int)
    _, findings = await log.round(number)
    one = findings[0].id
    for who in (nurse(), principal("adm", purpose=Purpose.ADMINISTRATION), SYSTEM, themselves("p-name")):
        theirs = services.gate.record(who).log
        for answer in (
            await theirs.review(SINCE, UNTIL),
            await theirs.finding(one),
            await theirs.check(one, "in-order", ""),
        ):
            assert isinstance(answer, Refusal)
            assert answer.kind is RefusalKind.FORBIDDEN
    foreign = await services.gate.record(reviewer(OTHER)).log.check(one, "in-order", "")
    assert isinstance(foreign, Refusal)
    assert foreign.kind is RefusalKind.NOT_FOUND
    for outcome, note in (("ask", " "), ("report", ""), ("fine", "x"), ("", "")):
        assert isinstance(await log.check(one, outcome, note), Refusal)
    file = await log.finding(one)
    assert isinstance(file, FindingFile)
    assert file.checks == ()


async def test_rule_21_the_patient_gets_the_own_extract_and_nobody_elses(
    services: Services, people: None
) -> None:
    await opened(services, nurse(), at(10), "p-plain")
    await opened(services, nurse(provider=OTHER, unit=f"{OTHER}-A", actor="s-other"), at(11), "p-plain")
    await opened(services, nurse(), at(12), "p-home")
    own = await services.gate.record(themselves("p-plain")).log.extract("p-plain")
    assert isinstance(own, Extract)
    assert {one.entry.actor for one in own.entries} >= {"s-eva", "s-other"}
    assert all("p-plain" in one.entry.patients for one in own.entries)
    staff = await services.gate.record(reviewer()).log.extract("p-plain")
    assert "s-other" not in {one.entry.actor for one in staff.entries}
    for refused in (themselves("p-home"), principal("dr")):
        answer = await services.gate.record(refused).log.extract("p-plain")
        assert answer.kind is RefusalKind.FORBIDDEN
    said = await services.pool.fetch("select content from audit_entry where action = 'extract-log'")
    assert sorted(plain.loads(row["content"])["outcome"] for row in said) == [
        "permitted",
        "permitted",
        "refused",
        "refused",
    ]


async def test_rule_17_permits_an_opening_that_is_reviewed_first_and_marked(
    services: Services, people: None
) -> None:
    doctor = services.gate.record(nurse(unit=f"{REGION}-B"))
    await doctor.law.open("p-plain", "Medvetslös")
    await doctor.law.relate("p-name", "Ringde mottagningen")
    refused = await doctor.law.open("p-home", " ")
    assert isinstance(refused, Refusal)
    log = services.gate.record(reviewer()).log
    now = to_micros(services.clock.now())
    number = await log.review(now - 3600_000_000, now + 3600_000_000)
    assert isinstance(number, int), number
    _, findings = await log.round(number)
    first, second = findings[:2]
    assert (first.patient, first.reasons[0]) == ("p-plain", "emergency-opening")
    assert (second.patient, second.reasons[0]) == ("p-name", "stated-relation")
    file = await log.finding(first.id)
    assert isinstance(file, FindingFile)
    assert "Medvetslös" in {one.entry.note for one in file.entries}
    reviewed = "select reviewed from opening where patient = 'p-plain'"
    assert await services.pool.fetchval(reviewed) is None
    await log.check(second.id, "in-order", "")
    assert await services.pool.fetchval(reviewed) is None
    await log.check(first.id, "in-order", "Ambulans")
    assert await services.pool.fetchval(reviewed) >= now
    file = await log.finding(first.id)
    assert isinstance(file, FindingFile)
    assert [(one.outcome, one.note) for one in file.checks] == [("in-order", "Ambulans")]


async def test_rule_17_refuses_the_review_of_an_opening_to_who_made_it(
    services: Services, people: None
) -> None:
    doctor = services.gate.record(nurse())
    await doctor.law.open("p-plain", "Medvetslös")
    refusal = await doctor.log.check(1, "in-order", "")
    assert isinstance(refusal, Refusal)
    assert refusal.kind is RefusalKind.FORBIDDEN
    assert await services.pool.fetchval("select count(*) from opening where reviewed is not null") == 0
