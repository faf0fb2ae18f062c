"""The log: every access tells who, what, which patient and why, durable before data leaves (rule 18)."""

from __future__ import annotations

from typing import Any

import pytest

from kontinuum.app.services import Services
from kontinuum.audit import AuditUnavailableError
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


async def test_nothing_is_shown_when_the_log_cannot_be_written(record: Record, owner: Any) -> None:
    stored = (await record.create(patient())).stored
    await owner.execute("alter table audit_entry rename to hidden")
    with pytest.raises(AuditUnavailableError):
        await record.read("Patient", stored.id)
    with pytest.raises(AuditUnavailableError):
        await record.create(patient("2"))
    await owner.execute("alter table hidden rename to audit_entry")
    assert (await record.find("Patient?identifier=2")).matches == ()
    assert (await record.read("Patient", stored.id)).body == stored.body
