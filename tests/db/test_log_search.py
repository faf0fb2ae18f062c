"""`AuditEvent?…`: the log searched as FHIR, who may, and what the patient is told (rules 19 and 21)."""

from __future__ import annotations

import json as plain
from dataclasses import replace
from urllib.parse import quote

import pytest

from kontinuum.app.services import Services, open_services
from kontinuum.fhir import json
from kontinuum.fhir.validation import validate
from kontinuum.kernel.config import Settings
from kontinuum.kernel.principal import Principal, Purpose
from kontinuum.record import Refusal, RefusalKind, SearchPage, Stored
from kontinuum.sweden import systems
from tests.conftest import OTHER, REGION, SYSTEM, principal
from tests.support.accesses import at, nurse, opened, reviewer, themselves


async def found(services: Services, who: Principal, asked: str) -> list[tuple[str, ...]]:
    """Who did what in the events that a search gives, each of which is a valid AuditEvent."""
    page = await services.gate.record(who).find(f"AuditEvent?date=lt2026-04-01&{asked}")
    assert isinstance(page, SearchPage), page
    events = [json.loads(one.body or b"") for one in page.matches]
    assert [issue for event in events for issue in validate(event, expected_type="AuditEvent")] == []
    return [(event["agent"][0]["who"].get("display"), event["subtype"][-1]["code"]) for event in events]


async def test_rule_19_permits_a_search_of_the_own_providers_log_as_audit_events(services: Services) -> None:
    other = nurse("Bo Ek", "s-bo", f"{REGION}-B")
    await opened(services, nurse(), at(8), "p-plain")
    await opened(services, nurse(), at(9), "p-name", action="update", what=("Condition/c-1",))
    await opened(services, other, at(10), "p-plain", action="read", outcome="refused")
    await opened(services, nurse(provider=OTHER, unit=f"{OTHER}-A", actor="s-other"), at(11), "p-plain")
    await services.gate.turned_away("192.0.2.7", "no-token")

    async def ask(asked: str = "") -> list[tuple[str, ...]]:
        return await found(services, reviewer(), asked)

    eva, changed, bo = ("Eva Ek", "search"), ("Eva Ek", "update"), ("Bo Ek", "read")
    assert await ask() == [bo, changed, eva]
    assert await ask("patient=p-plain") == [bo, eva]
    assert await ask("patient=Patient/p-plain&agent=Practitioner/s-eva") == [eva]
    assert await ask(f"agent:identifier={quote(f'{systems.HSA_ID}|{REGION}-B')}") == [bo]
    assert await ask("action=U") == [changed]
    assert await ask("action=E,R") == [bo, eva]
    assert await ask("subtype=update") == [changed]
    assert await ask("type=rest&outcome=8") == [bo]
    assert await ask("outcome=0,4") == [changed, eva]
    assert await ask(f"altid={nurse().assignment.id}") == [changed, eva]
    assert await ask("date=2026-03-02T09:00:00%2B01:00") == [changed]
    assert await ask("date=ge2026-03-02T08:30:00Z&_sort=-date") == [bo]
    assert await ask("type=110114") == []
    first = await services.gate.record(reviewer()).find(
        "AuditEvent?date=lt2026-04-01&_count=2&_total=accurate"
    )
    assert (len(first.matches), first.total) == (2, 3)
    last = await services.gate.record(reviewer()).find(
        f"AuditEvent?date=lt2026-04-01&_count=2&_cursor={first.next}"
    )
    assert (len(last.matches), last.next) == (1, None)
    unknown = await services.gate.record(reviewer()).find("AuditEvent?agent:missing=true")
    (event,) = [json.loads(one.body) for one in unknown.matches]
    assert (event["subtype"][-1]["code"], event["source"]["site"]) == ("authenticate", "192.0.2.7")
    told = await services.gate.record(reviewer()).read("AuditEvent", event["id"])
    assert isinstance(told, Stored)
    (entry, *_) = [plain.loads(row["content"]) for row in await services.pool.fetch(
        "select content from audit_entry where action = 'read-log' order by recorded desc, writer, block, ord"
    )]  # fmt: skip
    assert entry["outcome"] == "permitted"


@pytest.mark.parametrize(
    "asked", ["entity=Patient/p-1", "patient=p-1,p-2", "_id=log-1-1-0", "_sort=date", "agent:missing=false",
              "agent.name=Eva", "date=ne2026", "outcome=9", "_include=AuditEvent:patient"],
)  # fmt: skip
async def test_what_the_log_is_not_searched_by_is_refused_by_name(services: Services, asked: str) -> None:
    answer = await services.gate.record(reviewer()).find(f"AuditEvent?{asked}")
    assert isinstance(answer, Refusal)
    assert answer.kind is RefusalKind.BAD_REQUEST
    assert "searched by" in answer.issues[0].message or asked.startswith("agent.name")


async def test_rule_19_refuses_a_search_of_the_log_by_all_others(services: Services) -> None:
    await opened(services, nurse(), at(10), "p-plain")
    for who in (
        principal("dr"),
        SYSTEM,
        principal("adm", purpose=Purpose.ADMINISTRATION),
        themselves("p-home"),
    ):
        answer = await services.gate.record(who).find("AuditEvent?patient=p-plain")
        assert isinstance(answer, Refusal)
        assert answer.kind is RefusalKind.FORBIDDEN
    refused = await services.pool.fetchval(
        "select count(*) from audit_entry where action = 'read-log'"
        ' and position(\'"outcome":"refused"\'::bytea in content) > 0'
    )
    assert refused == 4


async def test_rule_21_refuses_the_patient_the_names_of_staff_unless_the_provider_decided_so(
    services: Services, settings: Settings, dsn: str
) -> None:
    await opened(services, nurse(), at(10), "p-plain", "p-name")
    own = themselves("p-plain")
    page = await services.gate.record(own).find("AuditEvent?patient=p-plain")
    assert isinstance(page, SearchPage)
    read = await services.gate.record(own).read("AuditEvent", page.matches[-1].id)
    assert isinstance(read, Stored)
    for body in (page.matches[-1].body, read.body):
        assert body is not None
        assert json.loads(body)["agent"][0]["who"] == {"display": "Staff"}
        assert not any(told in body for told in (b"s-eva", b"Eva Ek", b"p-name"))
    searched = await services.gate.record(own).find("AuditEvent?patient=p-plain&agent=Practitioner/s-eva")
    assert isinstance(searched, Refusal)
    named = replace(settings, provider_overrides={"extract_names": True})
    async with open_services(named, dsn, connections=2) as decided:
        told = await decided.gate.record(own).read("AuditEvent", page.matches[-1].id)
        assert isinstance(told, Stored)
        assert b"Eva Ek" in (told.body or b"")
