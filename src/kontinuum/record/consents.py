"""Writes blocks, consents and appointments as FHIR Consent, and that a patient was informed.

http://hl7.org/fhir/R4/consent.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from kontinuum.access.circumstances import Level
from kontinuum.access.vocabulary import (
    COHERENT_RECORD,
    CONSENT_KIND,
    INFORMATION,
    INFORMATION_TYPE,
    ConsentKind,
)
from kontinuum.fhir import json
from kontinuum.kernel.clock import instant
from kontinuum.kernel.principal import Principal
from kontinuum.record import projecting
from kontinuum.record.context import Context
from kontinuum.record.preparing import check, created, superseding
from kontinuum.store.resources import read as reads
from kontinuum.store.resources import write as writes
from kontinuum.store.resources.rows import ResourceRow
from kontinuum.sweden import systems

_SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
_ROLE = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_MODE = "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode"
INFORMED_HOW: Final = {"writing": "WRITTEN", "orally": "VERBAL", "1177": "ONLINEWRIT"}
"""How a patient was told: our word, and the code of HL7's participation modes."""
_POLICY = "https://rkrattsbaser.gov.se/sfst?bet=2008:355"


@dataclass(frozen=True, slots=True)
class Scope:
    """To whom a consent is given: a unit (HSA-id), a person (Practitioner's id), or the whole provider."""

    unit: str | None = None
    person: str | None = None


def block(
    patient: str,
    now: int,
    level: Level,
    unit: str,
    start: str | None,
    end: str | None,
    kept: Sequence[str],
) -> dict[str, Any]:
    """A block on a unit's documentation (or a provider's, where `unit` is its HSA-id)."""
    kind = ConsentKind.INNER_BLOCK if level is Level.INNER else ConsentKind.OUTER_BLOCK
    period = {name: value for name, value in (("start", start), ("end", end)) if value}
    provision: dict[str, Any] = {"type": "deny"}
    if period:
        provision["dataPeriod"] = period
    if kept:
        provision["provision"] = [{"type": "permit", "class": _classes(kept)}]
    return _consent(patient, now, kind, provision) | {"organization": [_by_hsa(unit)]}


def reading(patient: str, now: int, until: int, scope: Scope, unable: str | None) -> dict[str, Any]:
    """Consent to read other providers' data; `unable` tells how a patient's attitude was found out."""
    kind = ConsentKind.COHERENT_RECORD if unable is None else ConsentKind.CANNOT_CONSENT
    provision: dict[str, Any] = {"type": "permit", "period": {"start": instant(now), "end": instant(until)}}
    receiver = None
    if scope.person is not None:
        receiver = {"reference": f"Practitioner/{scope.person}"}
    elif scope.unit is not None:
        receiver = _by_hsa(scope.unit)
    if receiver is not None:
        provision["actor"] = [_actor(receiver)]
    resource = _consent(patient, now, kind, provision)
    if unable is not None:
        resource["sourceReference"] = {"display": unable}
    return resource


def proxy(patient: str, now: int, until: int, person: str, groups: Sequence[str]) -> dict[str, Any]:
    """The appointment of a proxy, with its scope and end."""
    provision: dict[str, Any] = {
        "type": "permit",
        "period": {"start": instant(now), "end": instant(until)},
        "actor": [_actor({"reference": f"Patient/{person}"})],
    }
    if groups:
        provision["class"] = _classes(groups)
    return _consent(patient, now, ConsentKind.PROXY, provision)


def information(patient: str, now: int, how: str, principal: Principal) -> dict[str, Any]:
    """That a patient was told of coherent records (http://hl7.org/fhir/R4/communication.html)."""
    actor, unit = principal.actor, principal.assignment.unit_name
    sender = {"reference": actor.reference} if actor.reference else {}
    return {
        "resourceType": "Communication",
        "status": "completed",
        "category": [{"coding": [{"system": INFORMATION, "code": COHERENT_RECORD}]}],
        "medium": [{"coding": [{"system": _MODE, "code": INFORMED_HOW[how]}]}],
        "subject": {"reference": f"Patient/{patient}"},
        "recipient": [{"reference": f"Patient/{patient}"}],
        "sent": instant(now),
        "sender": {**sender, "display": f"{actor.name}, {unit}"},
    }


async def create(
    context: Context, resource: dict[str, Any], identity: tuple[int, int, str], accountable: tuple[str, str]
) -> None:
    """Write what the patient decided or was told, for which a unit is accountable, and what it means."""
    assert check(resource) is None, check(resource)
    number = await writes.accountable(context.pool, *accountable)
    version = created(context, resource, number, identity=identity)
    async with context.pool.acquire() as connection, connection.transaction():
        await writes.create(connection, version)
        await projecting.write(
            connection, [version], [], [], projecting.Accountable(*accountable), context.now()
        )


async def annul(context: Context, found: ResourceRow) -> None:
    """Write the version of a Consent that is no longer in force; of what is locked, as it then stands."""
    number = await writes.accountable(context.pool, found.unit, found.provider)
    async with context.pool.acquire() as connection, connection.transaction():
        (row,) = await reads.lock_many(connection, [(found.type, found.id)])
        if row.body is None:
            return
        resource = json.loads(row.body) | {"status": "inactive"}
        moment = max(context.now(), row.updated + 1)
        version = superseding(resource, row.key, row.id, row.version + 1, moment, number)
        await writes.replace_many(connection, [(row, version)])
        await projecting.write(
            connection,
            [],
            [(row, version)],
            [],
            projecting.Accountable(row.unit, row.provider),
            context.now(),
        )


def _consent(patient: str, now: int, kind: ConsentKind, provision: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"system": _SCOPE, "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": CONSENT_KIND, "code": kind.value}]}],
        "patient": {"reference": f"Patient/{patient}"},
        "dateTime": instant(now),
        "policy": [{"uri": _POLICY}],
        "provision": provision,
    }


def _classes(groups: Sequence[str]) -> list[dict[str, str]]:
    return [{"system": INFORMATION_TYPE, "code": group} for group in groups]


def _by_hsa(hsa: str) -> dict[str, Any]:
    return {"identifier": {"system": systems.HSA_ID, "value": hsa}}


def _actor(reference: dict[str, Any]) -> dict[str, Any]:
    return {"role": {"coding": [{"system": _ROLE, "code": "IRCP"}]}, "reference": reference}
