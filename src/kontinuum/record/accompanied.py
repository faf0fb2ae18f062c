"""Writes that bring their own Provenance, by the header X-Provenance.

http://hl7.org/fhir/R4/provenance.html#header: the client sends a Provenance without target, and the server
fills in what was written. The writer's assignment is added as an agent: it never comes from the client.
"""

from __future__ import annotations

from typing import Any

from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.kernel.ids import bucket_of
from kontinuum.record import writing
from kontinuum.record.context import Context
from kontinuum.record.correcting import kept_back_too
from kontinuum.record.guarding import Grounds
from kontinuum.record.outcome import Change, Refusal, RefusalKind, Written, refuse
from kontinuum.record.planning import Intent
from kontinuum.record.preparing import check, new_id
from kontinuum.record.provenance import agent, patient_of
from kontinuum.record.references import made_local
from kontinuum.store.resources import read as reads


async def create(context: Context, resource: dict[str, Any], provenance: dict[str, Any]) -> Written | Refusal:
    """Create a resource under an id of the server's, and its Provenance."""
    made_local(resource, context.base)
    invalid = check(resource)
    if invalid is not None:
        return invalid
    return await _write(context, Intent(resource["resourceType"], None, resource), provenance)


async def update(context: Context, intent: Intent, provenance: dict[str, Any]) -> Written | Refusal:
    """Update a resource, or create it under the client's id, and its Provenance."""
    made_local(intent.resource, context.base)
    wrong = writing.unfit(intent.type, intent.id or "", intent.resource or {})
    return await _write(context, intent, provenance) if wrong is None else wrong


async def _write(context: Context, intent: Intent, provenance: dict[str, Any]) -> Written | Refusal:
    """Carry out one valid intent and store its Provenance, in one transaction.

    With a reason in the Provenance a signed entry may be changed.
    """
    if provenance.get("resourceType") != "Provenance" or provenance.get("target"):
        return refuse(
            RefusalKind.BAD_REQUEST,
            "invalid",
            "X-Provenance must hold one Provenance without target: the server fills in what is written.",
            "Provenance.target",
        )
    made_local(provenance, context.base)
    resource = intent.resource or {}
    patient = patient_of(resource)

    async def work(connection: Any) -> Written | Refusal:
        wanted, version, identity = intent, 1, intent.identity
        if intent.id is None:
            identity = new_id(context, None if patient is None else bucket_of(patient))
            wanted = Intent(intent.type, None, resource, identity=identity)
        else:
            found = await reads.lock_many(connection, [(TYPE_CODES[intent.type], intent.id)])
            version = found[0].version + 1 if found else 1
        name = f"{intent.type}/{intent.id or (identity[2] if identity else '')}"
        made = _completed(context, provenance, resource, name, version, patient)
        invalid = check(made)
        if invalid is not None:
            return invalid
        grounds = Grounds.REASON if _has_reason(made) else Grounds.NONE
        wanted = Intent(
            wanted.type, wanted.id, resource, intent.if_match, identity, None, intent.only_new, grounds
        )
        result = (await writing.apply(context, connection, [wanted]))[0]
        if isinstance(result, Refusal) or result.change is Change.UNCHANGED:
            return result
        second = await writing.apply(
            context, connection, [Intent("Provenance", None, made, identity=_identity(context, patient))]
        )
        return second[0] if isinstance(second[0], Refusal) else result

    return await writing.in_transaction(context, work, what=intent.type)


def _identity(context: Context, patient: str | None) -> tuple[int, int, str]:
    return new_id(context, None if patient is None else bucket_of(patient))


def _completed(
    context: Context,
    provenance: dict[str, Any],
    resource: dict[str, Any],
    name: str,
    version: int,
    patient: str | None,
) -> dict[str, Any]:
    targets = [{"reference": f"{name}/_history/{version}"}]
    if patient is not None and resource.get("resourceType") != "Patient":
        targets.append({"reference": f"Patient/{patient}"})
    entities = list(provenance.get("entity") or ())
    if version > 1 and not any(each.get("role") == "revision" for each in entities):
        entities.append({"role": "revision", "what": {"reference": f"{name}/_history/{version - 1}"}})
    made = {key: value for key, value in provenance.items() if key != "id"}
    made |= {"target": targets, "agent": [*provenance.get("agent", ()), agent(context.principal, "enterer")]}
    if entities:
        made["entity"] = entities
    return kept_back_too(made, resource)


def _has_reason(provenance: dict[str, Any]) -> bool:
    """Whether a Provenance says why: a text, or a code."""
    return any(
        (each.get("text") or "").strip() or each.get("coding") for each in provenance.get("reason") or ()
    )
