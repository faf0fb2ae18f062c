"""The log: durable before data leaves, append-only, and any change of it is found."""

from __future__ import annotations

import asyncpg
import pytest

from kontinuum.app.services import Services
from kontinuum.audit import AuditUnavailableError
from kontinuum.audit.verify import verify
from kontinuum.fhir import json
from kontinuum.record import Record
from tests.conftest import SYSTEM
from tests.support.resources import observation, patient


async def logged(services: Services) -> list[dict]:
    """Every entry of the log, oldest first."""
    rows = await services.pool.fetch("select content from audit_entry order by recorded, writer, block, ord")
    return [json.loads(row["content"]) for row in rows]


async def test_every_access_tells_who_what_which_patient_and_why(services: Services, record: Record) -> None:
    person = (await record.create(patient())).stored
    value = (await record.create(observation(person.id))).stored
    await record.read("Observation", value.id)
    await record.find(f"Observation?patient={person.id}")
    await record.history("Observation", value.id)
    await record.read("Patient", "nobody")
    entries = await logged(services)
    assert [(e["action"], e["outcome"]) for e in entries] == [
        ("create", "permitted"),
        ("create", "permitted"),
        ("read", "permitted"),
        ("search", "permitted"),
        ("history", "permitted"),
        ("read", "not-found"),
    ]
    read = entries[2]
    assert read["actor"] == SYSTEM.actor.id
    assert read["assignment"] == SYSTEM.assignment.id
    assert read["unit"] == SYSTEM.assignment.unit
    assert read["patients"] == [person.id]
    assert read["what"] == [f"{value.reference}/_history/1"]
    assert read["basis"] == "system-assignment"
    assert entries[3]["what"] == [f"Observation?patient={person.id}"]


async def test_nothing_is_shown_when_the_log_cannot_be_written(services: Services, record: Record) -> None:
    stored = (await record.create(patient())).stored
    await services.pool.execute("alter table audit_entry rename to hidden")
    with pytest.raises(AuditUnavailableError):
        await record.read("Patient", stored.id)
    with pytest.raises(AuditUnavailableError):
        await record.create(patient("2"))
    await services.pool.execute("alter table hidden rename to audit_entry")
    assert (await record.find("Patient?identifier=2")).matches == ()
    assert (await record.read("Patient", stored.id)).body == stored.body


@pytest.mark.parametrize("table", ["audit_entry", "audit_block"])
@pytest.mark.parametrize("statement", ["update {} set writer = 1", "delete from {}", "truncate {}"])
async def test_the_log_refuses_change(services: Services, record: Record, table: str, statement: str) -> None:
    await record.create(patient())
    with pytest.raises(asyncpg.PostgresError, match="append-only"):
        await services.pool.execute(statement.format(table))


async def test_a_whole_log_verifies(services: Services, record: Record) -> None:
    for number in range(5):
        await record.create(patient(str(number)))
    result = await verify(services.pool)
    assert result.breaks == ()
    assert (result.writers, result.entries) == (1, 5)


@pytest.mark.parametrize(
    ("tampering", "block"),
    [
        (
            "update audit_entry set content = set_byte(content, 20, get_byte(content, 20) # 1)"
            " where block = 3",
            3,
        ),
        ("delete from audit_entry where block = 2", 2),
        ("delete from audit_block where block = 4", 5),
        ("update audit_block set sealed = sealed + 1 where block = 1", 1),
    ],
)
async def test_tampering_is_found_at_its_place(
    services: Services, record: Record, tampering: str, block: int
) -> None:
    stored = (await record.create(patient())).stored
    for _ in range(5):
        await record.read("Patient", stored.id)
    async with services.pool.acquire() as connection, connection.transaction():
        await connection.execute("set local session_replication_role = replica")  # as a thief would
        await connection.execute(tampering)
    result = await verify(services.pool)
    assert result.breaks[0].block == block
