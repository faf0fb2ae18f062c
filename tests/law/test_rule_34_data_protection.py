"""Rule 34 (GDPR, (EU) 2016/679): a purpose on every access, the own data to take away, a breach's report."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import timedelta

import httpx

from kontinuum.audit import AuditEntry
from kontinuum.audit.breach import Breach
from kontinuum.fhir import json
from kontinuum.fhir.validation import validate
from kontinuum.kernel.principal import ActorKind, Purpose
from tests.law.cast import ADULT, UNIT_A, someone
from tests.law.town import ADDRESS, EXPECTED, WHO, Town, marks_in, reference

TODAY = {"since": "2026-11-22", "until": "2026-11-22"}


async def page(town: Town, who: str, method: str, path: str, **form: str) -> httpx.Response:
    """A page as somebody gets it."""
    cookie, token = await town.signed_in(who)
    headers = {"cookie": f"kontinuum_session={cookie}", "accept-language": "sv"}
    sent = {"csrf": token, **form} if method == "POST" else None
    return await town.client.request(method, path, headers=headers, data=sent)


async def test_rule_34_permits_every_access_for_a_purpose_that_stands_in_the_log(town: Town) -> None:
    mark = ("Observation", "a")
    for who, principal in WHO.items():
        if principal is None:
            continue
        answer = await town.fhir(who, "GET", f"/{reference(mark)}")
        assert (answer.status_code == 200) is (mark in EXPECTED[who]), who
    rows = await town.services.pool.fetch(
        "select content from audit_entry where action = 'read' order by writer, block, ord"
    )
    said = {(entry["actor"], entry["purpose"]) for entry in (json.loads(row["content"]) for row in rows)}
    assert said >= {
        (principal.actor.id, principal.purpose.value) for principal in WHO.values() if principal is not None
    }
    assert all(purpose in set(Purpose) for _, purpose in said)
    found = await town.fhir("reviewer", "GET", f"/AuditEvent?patient={ADULT}&subtype=read&_count=1")
    (event,) = (entry["resource"] for entry in found.json()["entry"])
    assert event["purposeOfEvent"][0]["coding"]


async def test_rule_34_refuses_what_is_not_within_the_purpose(town: Town) -> None:
    """Who keeps statistics reads no record (patientdatalagen (2008:355) 2:4), and care no log."""
    counting = someone("counting", UNIT_A, ActorKind.STAFF, Purpose.STATISTICS)
    town.tokens["counting"] = await town.services.identity.mint_token(counting, timedelta(hours=1))
    refused = await town.fhir("counting", "GET", f"/{reference(('Observation', 'a'))}")
    assert refused.status_code == 403
    assert "entry" not in (await town.fhir("counting", "GET", "/Observation")).json()
    assert (await page(town, "reviewer", "GET", f"/patient/{ADULT}/journal/write")).status_code == 403
    assert (await page(town, "treating doctor", "GET", "/log")).status_code == 403


async def test_rule_34_permits_the_data_subject_a_copy_of_all_that_may_be_read(town: Town) -> None:
    answer = await page(town, "patient", "GET", "/my-data")
    assert answer.headers["content-disposition"] == 'attachment; filename="mina-uppgifter-2026-11-22.json"'
    copy = json.loads(answer.content)
    assert [issue for issue in validate(copy, expected_type="Bundle") if issue.refuses] == []
    assert marks_in(answer.text) == EXPECTED["patient"]
    assert ADDRESS in answer.text  # the own identity is part of it
    row = await town.services.pool.fetchrow(
        "select content, patients from audit_entry"
        " where action = 'export' and actor = $1 and cardinality(patients) > 0",
        ADULT,
    )
    assert row["patients"] == [ADULT]
    assert json.loads(row["content"])["count"] == len(copy["entry"])


async def test_rule_34_refuses_the_copy_to_all_but_the_data_subject(town: Town) -> None:
    for who in WHO:
        answer = await page(town, who, "GET", "/my-data")
        if who in ("proxy", "other patient"):
            assert {entry["resource"]["resourceType"] for entry in answer.json()["entry"]} == {"Patient"}
        elif who != "patient":
            assert answer.status_code in (303, 403), who
        assert who == "patient" or ADDRESS not in answer.text


async def test_rule_34_permits_a_reviewer_the_report_of_a_breach(town: Town) -> None:
    assert (await town.fhir("nurse", "GET", f"/{reference(('Condition', 'a'))}")).status_code == 200
    report = await page(town, "reviewer", "POST", "/log/breach", **TODAY)
    assert report.status_code == 200
    assert "1 patient berörs" in report.text or "patienter berörs" in report.text
    assert "treating" in report.text
    assert "diagnoser" in report.text
    assert "guest" not in report.text  # another care provider's staff is that provider's to report
    listed = await page(town, "reviewer", "POST", "/log/breach", **TODAY, **{"as": "csv"})
    rows = {row[0]: row for row in csv.reader(io.StringIO(listed.text.removeprefix("\ufeff")))}
    assert rows["Patient"][1:4] == ["Personnummer", "Namn", "Åtkomster"]
    assert rows[ADULT][2].endswith("Test")
    assert int(rows[ADULT][3]) > 0
    nowhere = await page(town, "reviewer", "POST", "/log/breach", since="2020-01-01", until="2020-01-02")
    assert "Ingen har tagit del" in nowhere.text
    said = await town.services.pool.fetchval(
        "select count(*) from audit_entry where action = 'breach-report' and actor = 'reviewer'"
        " and patients @> array[$1]",
        ADULT,
    )
    assert said >= 2


async def test_rule_34_refuses_the_report_of_a_breach_without_the_right_or_the_days(town: Town) -> None:
    for who in WHO:
        if who != "reviewer":
            answer = await page(town, who, "POST", "/log/breach", **TODAY)
            assert answer.status_code == (303 if who == "nobody" else 403), who
            assert "treating" not in answer.text or who == "treating doctor"
    for since, until in (("", ""), ("2026-11-22", "2026-11-01"), ("2020-01-01", "2026-11-22"), ("igår", "")):
        answer = await page(town, "reviewer", "POST", "/log/breach", since=since, until=until)
        assert answer.status_code == 422
        assert "högst ett år isär" in answer.text
    refused = await town.services.pool.fetchval(
        "select count(*) from audit_entry where action = 'breach-report' and actor = 'nurse'"
    )
    assert refused >= 1


def test_rule_34_a_breach_counts_each_person_once_and_nobodys_own_reading() -> None:
    staff = AuditEntry(10, "eva", "Eva Ek", "staff", "a", "unit", "provider", "care", "browser", "read",
                       "permitted", "x", ("p-1", "p-2"), ("Condition/c-1",))  # fmt: skip
    found = Breach()
    for entry in (
        staff,
        replace(staff, recorded=5, patients=("p-1",), what=("Observation?patient=p-1",)),
        replace(staff, actor="p-1", actor_kind="patient", patients=("p-1",)),
        replace(staff, patients=()),
        replace(staff, actor="r", purpose="supervision", action="search", what=("Patient?_id=p-1",)),
    ):
        found.add(entry)
    assert found.entries == 2
    assert [(one.patient, one.entries, one.first, one.last) for one in found.patients()] == [
        ("p-1", 2, 5, 10),
        ("p-2", 1, 10, 10),
    ]
    assert [(one.name, one.unit, len(one.patients)) for one in found.people()] == [("Eva Ek", "unit", 2)]
    assert found.types == {"Condition": 1, "Observation": 1}
