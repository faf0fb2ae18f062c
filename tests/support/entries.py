"""Entries of a record for the tests of corrections, dissent, what is kept back, and destruction."""

from __future__ import annotations

import html
from typing import Any

from kontinuum.fhir import json
from kontinuum.kernel.principal import Actor, ActorKind, Assignment, Principal, Purpose
from kontinuum.record import Gate, Record, Refusal, Stored, Written

XHTML = "http://www.w3.org/1999/xhtml"


def patients_principal(identity: str = "p", *, name: str = "Anna Karlsson") -> Principal:
    """A patient on the patient's own pages."""
    self_service = Assignment(f"{identity}-self", "Mina sidor", "", "", "", "", Purpose.PATIENT)
    return Principal(Actor(ActorKind.PATIENT, identity, name, f"Patient/{identity}"), self_service, "test")


def person(identity: str = "p") -> dict[str, Any]:
    """A patient."""
    return {
        "resourceType": "Patient",
        "id": identity,
        "name": [{"family": "Karlsson", "given": ["Anna"]}],
        "birthDate": "1980-11-28",
    }


def section(title: str, text: str, **changes: Any) -> dict[str, Any]:
    """A heading with text, which may hold what XHTML would take for markup."""
    div = f'<div xmlns="{XHTML}"><pre>{html.escape(text, quote=False)}</pre></div>'
    return {"title": title, "text": {"status": "generated", "div": div}, **changes}


def note(
    identity: str, *sections: dict[str, Any], patient: str = "p", status: str = "final", **changes: Any
) -> dict[str, Any]:
    """A signed note."""
    return {
        "resourceType": "Composition",
        "id": identity,
        "status": status,
        "type": {"text": "Daganteckning"},
        "subject": {"reference": f"Patient/{patient}"},
        "date": "2026-03-01T10:00:00+01:00",
        "author": [{"display": "Anna Berglund, Distriktsläkare"}],
        "title": "Daganteckning",
        "section": list(sections) or [section("Status", "Ingen blödning.")],
        **changes,
    }


def content(stored: Stored) -> dict[str, Any]:
    """What a version holds."""
    assert stored.body is not None
    found: dict[str, Any] = json.loads(stored.body)
    return found


async def put(record: Record, *resources: dict[str, Any]) -> None:
    """Write resources under their own ids."""
    for resource in resources:
        written = await record.update(resource["resourceType"], resource["id"], resource)
        assert isinstance(written, Written), written


async def meeting(gate: Gate, who: Principal, *patients: str) -> Record:
    """The record of somebody who takes part in the care of some patients."""
    record = gate.record(who)
    for patient in patients or ("p",):
        stated = await record.law.relate(patient, "Besök")
        assert not isinstance(stated, Refusal), stated
    return record
