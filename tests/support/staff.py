"""A staff directory as FHIR resources: providers, units, people, assignments."""

from __future__ import annotations

from typing import Any

from kontinuum.app.services import Services
from kontinuum.kernel.principal import Actor, ActorKind, Assignment, Principal, Purpose
from kontinuum.record.outcome import Written
from kontinuum.sweden import systems

REGION = "SE2321000016-1003"
PRIVATE = "SE5560000001-1001"
ANNA = "SE2321000016-P001"
BO = "SE2321000016-P002"
ANNAS_NUMBER = "198011289801"


def organization(identity: str, hsa: str, name: str, part_of: str | None = None) -> dict[str, Any]:
    """A care provider, or a part of one."""
    above = {"partOf": {"reference": f"Organization/{part_of}"}} if part_of else {}
    identifier = [{"system": systems.HSA_ID, "value": hsa}]
    return {"resourceType": "Organization", "id": identity, "identifier": identifier, "name": name, **above}


def practitioner(identity: str, name: str, hsa: str | None = None, **more: Any) -> dict[str, Any]:
    """A member of staff."""
    given, _, family = name.partition(" ")
    identifier = [{"system": systems.HSA_ID, "value": hsa}] if hsa else []
    return {
        "resourceType": "Practitioner",
        "id": identity,
        **({"identifier": identifier} if identifier else {}),
        "name": [{"given": [given], "family": family}],
        **more,
    }


def role(identity: str, who: str, unit: str, purpose: str | None = "care", **more: Any) -> dict[str, Any]:
    """An assignment."""
    said = {"extension": [{"url": systems.ASSIGNMENT_PURPOSE, "valueCode": purpose}]} if purpose else {}
    return {
        "resourceType": "PractitionerRole",
        "id": identity,
        **said,
        "practitioner": {"reference": f"Practitioner/{who}"},
        "organization": {"reference": f"Organization/{unit}"},
        **more,
    }


async def write(services: Services, *resources: dict[str, Any], accountable: str = REGION) -> None:
    """Write resources for which a care provider is accountable."""
    place = (f"{accountable}-K", "Kansli", accountable, accountable)
    office = Assignment("office", "System", *place, Purpose.SYSTEM)
    record = services.gate.record(Principal(Actor(ActorKind.SYSTEM, "hsa", "HSA"), office, "import"))
    for resource in resources:
        written = await record.update(resource["resourceType"], resource["id"], resource)
        assert isinstance(written, Written), written


async def write_region(services: Services) -> None:
    """Region Väst with two units, a private provider with one, and Anna with two assignments."""
    await write(
        services,
        organization("region", REGION, "Region Väst"),
        organization("hospital", f"{REGION}-S", "Sjukhuset", "region"),
        organization("ward", f"{REGION}-A", "Avdelning 1", "hospital"),
        organization("clinic", f"{REGION}-B", "Mottagningen", "hospital"),
        practitioner("anna", "Anna Berg", ANNA),
        role("anna-1", "anna", "ward"),
        role("anna-2", "anna", "clinic", "supervision"),
    )
    await write(
        services,
        organization("private", PRIVATE, "Läkarhuset AB"),
        organization("house", f"{PRIVATE}-A", "Läkarhuset", "private"),
        accountable=PRIVATE,
    )
