"""The staff directory in the record: imported twice, changed, ended, and undone at sessions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest

from kontinuum.app.services import Services
from kontinuum.fhir import json
from kontinuum.identity import Proof
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.principal import Actor, ActorKind, Assignment, Principal, Purpose
from kontinuum.organisation import applying, files, plan
from kontinuum.organisation.plan import Plan, What
from kontinuum.record import Refusal
from kontinuum.store import provider_settings
from tests.support.directory import DELIVERY, REGION, csv_of

TODAY = date(2026, 3, 1)
OFFICE = Assignment(
    "office", "Administration", f"{REGION}S", "Sjukhuset", REGION, "Region Väst", Purpose.SYSTEM
)
SYSTEM = Principal(Actor(ActorKind.SYSTEM, "organisation", "organisation"), OFFICE, "test")
KNOWN = [row for row in DELIVERY if row["kind"] != "assignment"]
ASSIGNMENT = DELIVERY[-1]


async def planned(
    services: Services, rows: list[dict[str, str]], *, complete: bool = False, only: str | None = None
) -> Plan:
    """What a delivery would change."""
    lines = [x for x in files.read("a.csv", csv_of(rows).encode(), today=TODAY) if isinstance(x, files.Line)]
    assert len(lines) == len(rows)
    record = services.gate.record(SYSTEM)
    directory = await (applying.whole(record) if complete else applying.look_up(record, lines))
    return plan.make(lines, directory, today=TODAY, complete=[REGION] if complete else (), only=only)


async def written(services: Services, rows: list[dict[str, str]], *, complete: bool = False) -> Plan:
    """Write a delivery; gives what was changed."""
    made = await planned(services, rows, complete=complete)
    assert made.faults == ()
    refused = await applying.apply(
        services.gate.record(SYSTEM), made.to_write, now=to_micros(datetime.now(UTC)), reason="Test"
    )
    assert refused is None
    return made


def kinds(made: Plan) -> dict[str, int]:
    """How many of each."""
    counts: dict[str, int] = {}
    for (_, what), number in made.count().items():
        counts[what.value] = counts.get(what.value, 0) + number
    return counts


async def test_a_delivery_is_new_the_first_time_and_unchanged_the_second(services: Services) -> None:
    assert kinds(await written(services, DELIVERY)) == {"new": 6}
    assert kinds(await planned(services, DELIVERY)) == {"unchanged": 6}


async def test_only_what_differs_is_changed_and_the_rest_of_the_resource_stays(services: Services) -> None:
    await written(services, DELIVERY)
    record = services.gate.record(SYSTEM)
    person = json.loads((await record.read("Practitioner", "SE2321000016-P001")).body)  # type: ignore[union-attr]
    person["birthDate"] = "1980-11-28"
    assert not isinstance(await record.update("Practitioner", person["id"], person), Refusal)
    changed = [{**row, "prescriber_code": "7654321"} if row["kind"] == "person" else row for row in DELIVERY]
    made = await written(services, changed)
    (change,) = made.to_write
    assert [(one.field, one.before, one.after) for one in change.fields] == [
        ("prescriber_code", "1234567", "7654321")
    ]
    after = json.loads((await record.read("Practitioner", person["id"])).body)  # type: ignore[union-attr]
    assert after["birthDate"] == "1980-11-28"
    assert {one["value"] for one in after["identifier"]} == {"SE2321000016-P001", "198011289801", "7654321"}


async def test_what_a_complete_delivery_lacks_ends_and_is_never_deleted(services: Services) -> None:
    await written(services, DELIVERY)
    assert kinds(await planned(services, KNOWN)) == {"unchanged": 5}
    made = await written(services, KNOWN, complete=True)
    assert [(c.what, c.reference) for c in made.to_write] == [
        (What.ENDED, "PractitionerRole/SE2321000016-U001")
    ]
    role = await services.gate.record(SYSTEM).read("PractitionerRole", "SE2321000016-U001")
    assert json.loads(role.body)["period"] == {"start": "2026-01-01", "end": "2026-03-01"}  # type: ignore[union-attr]
    assert kinds(await planned(services, KNOWN, complete=True)) == {"unchanged": 5}
    assert kinds(await written(services, DELIVERY, complete=True)) == {"unchanged": 5, "changed": 1}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"kind": "unit", "hsa_id": f"{REGION}X", "name": "X", "parent": f"{REGION}Y"}, "which is not known"),
        ({**ASSIGNMENT, "person": "SE2321000016-P9"}, "the person SE2321000016-P9 is not known"),
        ({**ASSIGNMENT, "unit": f"{REGION}Z"}, f"the unit {REGION}Z is not known"),
        (ASSIGNMENT, "it stands in the delivery twice"),
    ],
)
async def test_what_refers_to_nothing_is_refused_with_its_line(
    services: Services, row: dict[str, str], said: str
) -> None:
    made = await planned(services, [*DELIVERY, row])
    (fault,) = made.faults
    assert (fault.number, said in fault.reason) == (8, True), fault


async def test_another_care_providers_things_are_refused(services: Services) -> None:
    made = await planned(services, DELIVERY, only="SE5560000001-1001")
    assert len(made.faults) == len(DELIVERY)
    assert f"it belongs to the care provider {REGION}" in made.faults[0].reason


async def test_what_was_changed_meanwhile_is_not_overwritten(services: Services) -> None:
    await written(services, DELIVERY)
    renamed = [{**row, "name": "Avdelning 2"} if row.get("type") == "ward" else row for row in DELIVERY]
    made = await planned(services, renamed)
    await written(
        services, [{**r, "name": "Avdelning 3"} if r.get("type") == "ward" else r for r in DELIVERY]
    )
    record = services.gate.record(SYSTEM)
    refused = await applying.apply(record, made.to_write, now=to_micros(datetime.now(UTC)), reason="Test")
    assert isinstance(refused, Refusal)


async def test_every_change_has_a_provenance(services: Services) -> None:
    await written(services, DELIVERY)
    found = await services.gate.record(SYSTEM).find("Provenance?target=PractitionerRole/SE2321000016-U001")
    assert not isinstance(found, Refusal)
    (stored,) = found.matches
    assert json.loads(stored.body or b"")["reason"] == [{"text": "Test"}]


# Sessions follow their assignments


def under_the_assignment() -> Principal:
    return Principal(
        Actor(ActorKind.STAFF, "SE2321000016-P001", "Anna Berg"),
        Assignment(
            "SE2321000016-U001", "Vård", f"{REGION}A", "Avdelning 1", REGION, "Region Väst", Purpose.CARE
        ),
        "test",
    )


async def changed_role(services: Services, **changes: object) -> None:
    record = services.gate.record(SYSTEM)
    stored = await record.read("PractitionerRole", "SE2321000016-U001")
    role = json.loads(stored.body) | changes  # type: ignore[union-attr]
    assert not isinstance(await record.update("PractitionerRole", role["id"], role), Refusal)


@pytest.mark.parametrize(
    "changes",
    [
        {"active": False},
        {"period": {"end": "2026-01-31"}},
        {"period": {"end": "2026"}},
        {"extension": [{"url": "urn:kontinuum:structure:assignment-purpose", "valueCode": "statistics"}]},
        {"organization": {"reference": f"Organization/{REGION}S"}},
    ],
)
async def test_a_session_and_a_token_end_with_the_rights_of_their_assignment(
    services: Services, changes: dict[str, object]
) -> None:
    rows = [{**row, "until": "2999-12-31"} if row["kind"] == "assignment" else row for row in DELIVERY]
    await written(services, rows)
    cookie, _ = await services.identity.sessions.start(under_the_assignment(), Proof("siths"))
    token = await services.identity.mint_token(under_the_assignment(), timedelta(hours=1))
    if changes.get("period") == {"end": "2026"}:
        changes = {"period": {"end": "2025"}}
    await changed_role(services, **changes)
    services.identity.forget()  # what a process does that hears of it
    assert await services.identity.sessions.find(cookie) is None
    assert await services.identity.principal_of_token(token) is None


async def test_a_session_stays_when_an_assignment_changes_in_what_gives_no_rights(services: Services) -> None:
    rows = [{**row, "until": "2999-12-31"} if row["kind"] == "assignment" else row for row in DELIVERY]
    await written(services, rows)
    cookie, _ = await services.identity.sessions.start(under_the_assignment(), Proof("siths"))
    await changed_role(services, code=[{"text": "Specialistläkare"}])
    services.identity.forget()
    assert await services.identity.sessions.find(cookie) is not None


async def test_no_session_begins_or_lasts_under_an_assignment_that_has_ended(services: Services) -> None:
    await written(
        services, [{**ASSIGNMENT, "until": "2026-01-31"} if r is ASSIGNMENT else r for r in DELIVERY]
    )
    cookie, _ = await services.identity.sessions.start(under_the_assignment(), Proof("siths"))
    assert await services.identity.sessions.find(cookie) is None


async def test_processes_are_told_when_an_assignment_ends(services: Services, dsn: str) -> None:
    rows = [{**row, "until": "2999-12-31"} if row["kind"] == "assignment" else row for row in DELIVERY]
    await written(services, rows)
    heard: list[str] = []
    listening = await asyncpg.connect(dsn)
    await listening.add_listener(provider_settings.CHANNEL, lambda *said: heard.append(said[-1]))
    await changed_role(services, active=False)
    await listening.execute("select 1")
    await listening.close()
    assert heard == ["assignment"]
