"""Every way to the record leaves an entry: who was concerned, what was asked, how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kontinuum.app.services import Services
from kontinuum.audit import AuditUnavailableError, entry
from kontinuum.audit.verify import verify
from kontinuum.fhir import json
from kontinuum.kernel.principal import ActorKind, Purpose
from kontinuum.record import Gate, Incoming, Record, Refusal, Stored, Written
from tests.conftest import OTHER, SYSTEM, principal
from tests.support.resources import bundle, observation, patient, request

Do = Callable[[Record], Awaitable[Any]]


async def entries(services: Services, actor: str) -> list[tuple[str, str, str, list[str], list[str]]]:
    """(action, outcome, basis, patients, what) of what an actor did."""
    rows = await services.pool.fetch(
        "select content from audit_entry where actor = $1 order by writer, block, ord", actor
    )
    found = [json.loads(row["content"]) for row in rows]
    return [(e["action"], e["outcome"], e["basis"], sorted(e["patients"]), e["what"]) for e in found]


@pytest.fixture
async def world(record: Record) -> None:
    """Two patients, a value of the first, a deleted one."""
    for name in ("p", "q"):
        await record.update("Patient", name, patient(name, id=name))
    await record.update("Observation", "o", observation("p", id="o"))
    await record.update("Observation", "o", observation("p", id="o", value=2))
    await record.update("Observation", "gone", observation("p", id="gone"))
    await record.delete("Observation", "gone")
    await record.update("Organization", "org", {"resourceType": "Organization", "id": "org", "name": "x"})


O2 = observation("p", id="o", value=2)
SAME = "system-assignment"
SOMEONE = principal("someone", kind=ActorKind.SYSTEM, purpose=Purpose.SYSTEM)
WAYS: dict[str, tuple[Do, list[tuple[str, str, str, list[str], list[str]]]]] = {
    "vread": (
        lambda r: r.vread("Observation", "o", 1),
        [("vread", "permitted", SAME, ["p"], ["Observation/o/_history/1"])],
    ),
    "vread of nothing": (
        lambda r: r.vread("Observation", "o", 9),
        [("vread", "not-found", "", ["p"], ["Observation/o/_history/9"])],
    ),
    "read of a deletion": (
        lambda r: r.read("Observation", "gone"),
        [("read", "permitted", SAME, ["p"], ["Observation/gone/_history/2"])],
    ),
    "history": (
        lambda r: r.history("Observation", "o"),
        [("history", "permitted", "scope", ["p"], ["Observation/o/_history"])],
    ),
    "search without a hit": (
        lambda r: r.find("Observation?patient=q"),
        [("search", "permitted", "scope", ["q"], ["Observation?patient=q"])],
    ),
    "search with include": (
        lambda r: r.find("Observation?_id=o&_include=Observation:subject"),
        [("search", "permitted", "scope", ["p"], ["Observation?_id=o&_include=Observation:subject"])],
    ),
    "several searches": (
        lambda r: r.find_many(["Patient?_id=p", "Observation?patient=q"]),
        [("search", "permitted", "scope", ["p", "q"], ["Patient?_id=p", "Observation?patient=q"])],
    ),
    "several reads": (
        lambda r: r.read_many(["Patient/p", "Observation/o", "Patient/none"]),
        [("read", "permitted", "several", ["p"], ["Patient/p/_history/1", "Observation/o/_history/2"])],
    ),
    "update": (
        lambda r: r.update("Observation", "o", observation("p", id="o", value=3)),
        [("update", "permitted", SAME, ["p"], ["Observation/o/_history/3"])],
    ),
    "update without a change": (
        lambda r: r.update("Observation", "o", O2),
        [("update", "permitted", SAME, ["p"], ["Observation/o/_history/2"])],
    ),
    "move to another patient": (
        lambda r: r.update("Observation", "o", observation("q", id="o")),
        [("update", "permitted", SAME, ["p", "q"], ["Observation/o/_history/3"])],
    ),
    "update of what is nobody's": (
        lambda r: r.update("Organization", "org", {"resourceType": "Organization", "id": "org", "name": "y"}),
        [("update", "permitted", "not-patient-data", [], ["Organization/org/_history/2"])],
    ),
    "update of another version": (
        lambda r: r.update("Observation", "o", O2, if_match=1),
        [("update", "failed", "precondition", ["p"], ["Observation/o"])],
    ),
    "delete": (
        lambda r: r.delete("Observation", "o"),
        [("delete", "permitted", SAME, ["p"], ["Observation/o/_history/3"])],
    ),
    "delete of nothing": (
        lambda r: r.delete("Observation", "none"),
        [("delete", "not-found", "", [], ["Observation/none"])],
    ),
    "conditional create that finds": (
        lambda r: r.create(patient("p"), if_none_exist="identifier=p"),
        [("search", "permitted", "scope", ["p"], ["Patient?identifier=p", "Patient/p/_history/1"])],
    ),
    "conditional delete of too many": (
        lambda r: r.conditional_delete("Patient", "name=akesson"),
        [
            ("search", "permitted", "scope", ["p", "q"],
             ["Patient?name=akesson", "Patient/p/_history/1", "Patient/q/_history/1"]),
        ],
    ),
    "conditional reference": (
        lambda r: r.transaction(
            bundle("transaction", request("PUT", "Observation/o", {
                **O2, "subject": {"reference": "Patient?identifier=q"}}))
        ),
        [
            ("search", "permitted", "scope", ["q"], ["Patient?identifier=q", "Patient/q/_history/1"]),
            ("transaction", "permitted", SAME, ["p", "q"], ["Observation/o/_history/3"]),
        ],
    ),
    "import": (
        lambda r: r.take_in([Incoming(O2)]),
        [("import", "permitted", SAME, ["p"], ["Observation/o/_history/2"])],
    ),
    "batch": (
        lambda r: r.batch(bundle("batch", request("GET", "Patient/p"), request("DELETE", "Observation/o"))),
        [
            ("read", "permitted", "patient-identity", ["p"], ["Patient/p/_history/1"]),
            ("delete", "permitted", SAME, ["p"], ["Observation/o/_history/3"]),
        ],
    ),
}  # fmt: skip


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("way", WAYS)
async def test_every_way_in_leaves_an_entry(services: Services, gate: Gate, way: str) -> None:
    do, expected = WAYS[way]
    await do(gate.record(SOMEONE))
    found = await entries(services, "someone")
    assert [(*e[:4], sorted(e[4])) for e in found] == [(*e[:4], sorted(e[4])) for e in expected]


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("do", "action", "rule"),
    [
        (lambda r: r.read("Observation", "o"), "read", "care-relation"),
        (lambda r: r.vread("Observation", "o", 1), "vread", "care-relation"),
        (lambda r: r.history("Observation", "o"), "history", "care-relation"),
        (lambda r: r.update("Observation", "o", O2), "update", "same-provider"),
        (lambda r: r.delete("Observation", "o"), "delete", "same-provider"),
        (lambda r: r.take_in([Incoming(O2)]), "import", "same-provider"),
        (
            lambda r: r.transaction(bundle("transaction", request("PUT", "Observation/o", O2))),
            "transaction",
            "same-provider",
        ),
    ],
)
async def test_what_the_law_refuses_is_logged_with_its_patient(
    services: Services, gate: Gate, do: Do, action: str, rule: str
) -> None:
    result = await do(gate.record(principal("stranger", provider=OTHER)))
    assert isinstance(result[0] if isinstance(result, list) else result, Refusal)
    found = await entries(services, "stranger")
    assert [each[:4] for each in found] == [(action, "refused", rule, ["p"])]


async def test_a_refused_transaction_does_not_claim_its_writes(
    services: Services, gate: Gate, record: Record, world: None
) -> None:
    result = await gate.record(principal("someone")).transaction(
        bundle(
            "transaction",
            request("POST", "Patient", patient("new")),
            request("PUT", "Observation/o", O2, ifMatch='W/"1"'),
        )
    )
    assert isinstance(result, Refusal)
    assert [e[:2] for e in await entries(services, "someone")] == [("transaction", "failed")]


@pytest.mark.usefixtures("world")
async def test_a_patient_never_sees_the_version_that_was_filed_under_someone_else(
    gate: Gate, record: Record
) -> None:
    await record.update("Observation", "o", observation("q", id="o"))
    q = gate.record(principal("q", kind=ActorKind.PATIENT, purpose=Purpose.PATIENT))
    assert isinstance(await q.vread("Observation", "o", 3), Stored)
    assert isinstance(await q.vread("Observation", "o", 1), Refusal)
    page = await q.history("Observation", "o")
    assert not isinstance(page, Refusal)
    assert [each.version for each in page.entries] == [3]


async def test_one_entry_that_cannot_be_written_harms_nobody_else(services: Services, record: Record) -> None:
    with pytest.raises(UnicodeEncodeError):
        await record.read("Patient", "\ud800")
    async with asyncio.timeout(5):
        assert isinstance(await record.create(patient()), Written)


async def test_the_log_outlives_a_lost_connection(services: Services, record: Record, owner: Any) -> None:
    await record.create(patient("1"))
    kill = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'kontinuum audit'"
    for _ in range(3):
        await owner.fetch(kill + " and datname = current_database()")
        async with asyncio.timeout(10):
            results = await asyncio.gather(
                *(record.read("Patient", "none") for _ in range(30)), return_exceptions=True
            )
        assert all(isinstance(r, Refusal | AuditUnavailableError) for r in results)
        assert isinstance(await record.create(patient()), Written)
    assert (await verify(owner)).breaks == ()


async def test_who_stops_waiting_does_not_take_the_entry_back(services: Services, owner: Any) -> None:
    async def wait(number: int) -> None:
        await services.audit.durable(entry(SYSTEM, number, "read", "permitted", "x"))

    tasks = [asyncio.create_task(wait(n)) for n in range(2500)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [r for r in results if r is not None and not isinstance(r, asyncio.CancelledError)] == []
    await services.audit.durable(entry(SYSTEM, 2500, "read", "permitted", "x"))
    recorded = [r[0] for r in await services.pool.fetch("select recorded from audit_entry order by recorded")]
    assert recorded == list(range(2501))
    assert (await verify(owner)).breaks == ()


async def test_a_log_that_closes_writes_what_is_pending_and_refuses_the_rest(services: Services) -> None:
    several = [entry(SYSTEM, n, "read", "permitted", "x") for n in range(5)]
    waiting = [asyncio.create_task(services.audit.durable(each)) for each in several]
    await asyncio.sleep(0)
    await services.audit.stop()
    await asyncio.gather(*waiting)
    assert await services.pool.fetchval("select count(*) from audit_entry") == 5
    with pytest.raises(AuditUnavailableError):
        async with asyncio.timeout(2):
            await services.audit.durable(entry(SYSTEM, 9, "read", "permitted", "x"))


@pytest.mark.parametrize(
    "tampering",
    [
        "update audit_entry set patients = '{}' where block = 2",
        "update audit_entry set actor = 'nobody' where block = 2",
        "update audit_entry set recorded = 1 where block = 2",
        "update audit_entry set ord = 10 where block = (select max(block) from audit_block) and ord = 0",
        "update audit_entry set block = 3, ord = 9 where block = 2 and ord = 0",
    ],
)
async def test_a_log_that_would_be_searched_in_vain_does_not_verify(
    services: Services, record: Record, owner: Any, tampering: str
) -> None:
    for number in range(3):
        await record.create(patient(str(number)))
    several = (entry(SYSTEM, n, "read", "permitted", "x") for n in range(5))
    await asyncio.gather(*(services.audit.durable(each) for each in several))
    async with owner.transaction():
        await owner.execute("set local session_replication_role = replica")
        assert await owner.execute(tampering) != "UPDATE 0"
    assert (await verify(owner)).breaks != ()
