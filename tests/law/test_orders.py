"""Orders and referrals under the law: what comes of them is told and read as anything else."""

from __future__ import annotations

from typing import Any

from kontinuum.fhir import json
from kontinuum.kernel.principal import Principal
from kontinuum.record import Refusal, Stored, Written
from kontinuum.record.referring import BASIS, received_id
from kontinuum.record.tasks import REFERRAL
from kontinuum.sweden import systems
from tests.law.cast import (
    ADMINISTRATOR,
    ADULT,
    COLLEAGUE,
    NURSE,
    OUTSIDE,
    PATIENT,
    SYSTEM_A,
    TREATING,
    UNIT_A,
    UNIT_B,
    UNIT_C,
    someone,
)
from tests.law.conftest import Region
from tests.law.test_matrix import A, B, C, decided

__all__ = ["decided"]

CODE = "urn:kontinuum:codes:work"
ABOUT = {"reference": f"Patient/{ADULT}"}
ME = {"reference": TREATING.actor.reference, "display": "treating"}
ORGANIZATION = {
    "resourceType": "Organization",
    "id": "unit-c",
    "identifier": [{"system": systems.HSA_ID, "value": UNIT_C}],
    "name": "Enhet C",
}


def order(**changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "id": "order",
        "status": "active",
        "intent": "order",
        "code": {"text": "Systoliskt tryck"},
        "subject": ABOUT,
        "authoredOn": "2026-11-22T09:00:00Z",
        "requester": ME,
        "reasonCode": [{"text": "Remissens ord"}],
        **changes,
    }


def waiting(**changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Task",
        "id": "waiting",
        "status": "requested",
        "intent": "order",
        "code": {"coding": [{"system": CODE, "code": "order"}]},
        "basedOn": [{"reference": "ServiceRequest/order"}],
        "for": ABOUT,
        "authoredOn": "2026-11-22T09:00:00Z",
        "requester": ME,
        "owner": ME,
        **changes,
    }


async def told(region: Region, who: Principal, *, of_unit: bool) -> set[str] | None:
    """The answers that the list tells of; None where there is no list for somebody."""
    work = region.record(who).work
    found = await (work.of_unit() if of_unit else work.own())
    return None if isinstance(found, Refusal) else {name for task in found.tasks for name, _ in task.results}


async def listed(region: Region, who: Principal, *, of_unit: bool) -> bool | None:
    """Whether the order stands among those that were sent, and nothing else; None where there is no list."""
    found = await region.record(who).work.sent(of_unit=of_unit)
    return None if isinstance(found, Refusal) else [one.id for one in found.tasks] == ["waiting"]


async def test_an_answer_is_told_of_where_no_block_hides_it_and_acknowledged_by_who_may_read_it(
    decided: Region,
) -> None:
    record = decided.record(TREATING)
    for one in (order(), waiting()):
        assert isinstance(await record.update(one["resourceType"], one["id"], one), Written)
    for unit in (UNIT_A, UNIT_B, UNIT_C):
        result = {
            "resourceType": "Observation",
            "id": f"answer-{unit[-1].lower()}",
            "status": "final",
            "basedOn": [{"reference": "ServiceRequest/order"}],
            "code": {"text": "Systoliskt tryck"},
            "subject": ABOUT,
            "effectiveDateTime": "2026-11-22T09:00:00Z",
            "valueString": f"svar-{unit[-1]}",
        }
        await decided.write(unit, result)
    a, b, c = (f"Observation/answer-{unit}/_history/1" for unit in "abc")
    expected: dict[Principal, tuple[set[str] | None, set[str] | None]] = {
        TREATING: ({a, c}, {a, c}),  # unit B is blocked
        NURSE: (set(), {a, c}),  # that C has one is told; it is not chosen
        COLLEAGUE: (set(), set()),
        OUTSIDE: (set(), set()),
        ADMINISTRATOR: (None, None),
        PATIENT: (None, None),
        SYSTEM_A: (None, None),
    }
    for who, (own, unit) in expected.items():
        assert await told(decided, who, of_unit=False) == own, who.actor.name
        assert await told(decided, who, of_unit=True) == unit, who.actor.name
        assert await listed(decided, who, of_unit=False) == (None if own is None else who is TREATING)
        assert await listed(decided, who, of_unit=True) == (None if own is None else bool(unit))
        for version in (a, b, c):
            if who is TREATING or (who is NURSE and version == a):
                continue
            done = await decided.record(who).work.orders.acknowledge("waiting", 1, [version], patient=ADULT)
            assert isinstance(done, Refusal), (who.actor.name, version)
    assert isinstance(await record.work.orders.acknowledge("waiting", 1, [a, b], patient=ADULT), Refusal), (
        "B is blocked"
    )
    done = await decided.record(NURSE).work.orders.acknowledge("waiting", 1, [a], patient=ADULT)
    assert isinstance(done, Written)
    assert await told(decided, TREATING, of_unit=True) == {c}


async def test_a_referral_gives_its_words_and_no_more_and_reaches_no_other_task(decided: Region) -> None:
    await decided.write(UNIT_C, ORGANIZATION)
    performer = [{"reference": "Organization/unit-c", "display": "Enhet C"}]
    sent = await decided.record(TREATING).work.orders.refer(order(performer=performer), waiting())
    assert sent is None, sent
    (task,) = await decided.finds(OUTSIDE, f"Task?patient={ADULT}&code={CODE}|{REFERRAL}")
    read = await decided.record(OUTSIDE).read("Task", task)
    assert isinstance(read, Stored)
    assert (read.unit, json.loads(read.body or b"")["input"][0]["valueString"]) == (UNIT_C, "Remissens ord")
    for reference in (*A, *B, "ServiceRequest/order", "Task/waiting"):
        assert not await decided.sees(OUTSIDE, reference), reference
    assert all([await decided.sees(OUTSIDE, reference) for reference in C]), (
        "the own unit's, in a care relation"
    )
    for who in (COLLEAGUE, NURSE, PATIENT, SYSTEM_A, ADMINISTRATOR, someone("other", UNIT_B)):
        for deed in ("accepted", "answered", "declined", "asked"):
            answer = await decided.record(who).work.orders.reply(task, 1, deed, "Påhittat")
            assert isinstance(answer, Refusal), (who.actor.name, deed)
    for who in (COLLEAGUE, OUTSIDE, PATIENT, SYSTEM_A, ADMINISTRATOR):
        taken = await decided.record(who).work.orders.revoke("waiting", 1, "Påhittat")
        assert isinstance(taken, Refusal), who.actor.name
    for who in (PATIENT, SYSTEM_A, ADMINISTRATOR, someone("stranger", f"{UNIT_B}2")):
        again = order(id="other", performer=performer)
        new = await decided.record(who).work.orders.refer(again, waiting(id="other"))
        assert isinstance(new, Refusal), who.actor.name
    # Nor does a Task of one's own making reach it, or one that was made to look like the receiver's.
    asked = {"coding": [{"system": CODE, "code": "asked"}]}
    forged = waiting(id="forged", businessStatus=asked)
    assert isinstance(await decided.record(COLLEAGUE).update("Task", "forged", forged), Written)
    colleagues = decided.record(COLLEAGUE).work.orders
    assert isinstance(await colleagues.revoke("forged", 1, "Påhittat"), Refusal)
    assert isinstance(await colleagues.reply("forged", 1, "completed", "Påhittat"), Written)
    assert isinstance(
        await decided.record(TREATING).update("ServiceRequest", "lab", order(id="lab")), Written
    )
    mine = waiting(id="lab", basedOn=[{"reference": "ServiceRequest/lab"}])
    assert isinstance(await decided.record(TREATING).update("Task", "lab", mine), Written)
    posing = json.loads(read.body or b"") | {"id": received_id("lab"), "partOf": [{"reference": "Task/lab"}]}
    posing["basedOn"] = mine["basedOn"]
    assert isinstance(await decided.record(OUTSIDE).update("Task", posing["id"], posing), Written)
    assert isinstance(
        await decided.record(OUTSIDE).work.orders.reply(posing["id"], 1, "answered", "Påhittat"), Written
    )
    for identity in (task, "lab"):
        who = OUTSIDE if identity == task else TREATING
        stored = await decided.record(who).read("Task", identity)
        assert isinstance(stored, Stored)
        assert (stored.version, json.loads(stored.body or b"")["status"]) == (1, "requested")
    assert isinstance(await decided.record(OUTSIDE).work.orders.reply(task, 1, "answered", "Svar"), Written)
    mine = await decided.record(TREATING).read("Task", "waiting")
    assert isinstance(mine, Stored)
    assert (mine.unit, json.loads(mine.body or b"")["output"][0]["valueString"]) == (UNIT_A, "Svar")
    for action, deliveries in (("create", 1), ("update", 4)):
        logged = [one for one in await decided.logged(action) if one["basis"] == BASIS]
        assert len(logged) == deliveries, logged
