"""Corrections: a new version beside the old one, with who, when and why, in one transaction.

patientdatalagen (2008:355) 3:14: what an entry said before a correction stays readable. The original is the
version before; the reason is a Provenance whose entity is that version.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from kontinuum.access import Action, Deny
from kontinuum.access.kept_back import labels
from kontinuum.fhir import json
from kontinuum.kernel.i18n import phrase
from kontinuum.kernel.ids import bucket_of, is_id
from kontinuum.record import provenance, writing
from kontinuum.record.attached import attached
from kontinuum.record.circumstances import decide_rows
from kontinuum.record.context import Context, missing, type_code
from kontinuum.record.guarding import Grounds
from kontinuum.record.outcome import Change, Refusal, RefusalKind, Written, refuse
from kontinuum.record.planning import Intent
from kontinuum.record.preparing import check, new_id, stamped
from kontinuum.store.resources import read as reads
from kontinuum.store.resources.rows import ResourceRow

LONGEST_REASON: Final = 4000

_ERROR: Final = "entered-in-error"
_VERIFICATION: Final = {
    "AllergyIntolerance": "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification",
    "Condition": "http://terminology.hl7.org/CodeSystem/condition-ver-status",
}
_STATUS: Final = {"Goal": "lifecycleStatus"}
"""The element that says it, where it is not called `status`."""
_WITHOUT_STATUS: Final = frozenset(
    """
    AppointmentResponse AuditEvent Basic Binary BodyStructure Group ImmunizationRecommendation
    MeasureReport MolecularSequence Patient Person Provenance RelatedPerson ResearchSubject Schedule
    AdverseEvent
    """.split()
)


@dataclass(frozen=True, slots=True)
class Corrected:
    """The entry as it now stands, and the Provenance that says why."""

    entry: Written
    provenance: Written


async def correct(
    context: Context, resource: dict[str, Any], reason: str, version: int
) -> Corrected | Refusal:
    """Give an entry a new content; `version` is the one that the corrector has read.

    A signed Composition, DiagnosticReport or DocumentReference becomes `amended`.
    """
    unreasoned = check_reason(reason)
    if unreasoned is not None:
        return unreasoned
    invalid = check(resource)
    if invalid is not None:
        return invalid
    if not is_id(str(resource.get("id", ""))):
        return refuse(RefusalKind.BAD_REQUEST, "required", "Say by its id which entry is corrected.", "id")
    return await change(context, resource, reason, version, (provenance.LIFECYCLE, provenance.AMEND))


async def withdraw(
    context: Context, type_name: str, logical_id: str, reason: str, version: int
) -> Corrected | Refusal:
    """Mark a whole entry as entered in error, such as one that was written about another patient.

    It disappears from lists and stays, struck out, in its history; so does what belongs to it.
    """
    unreasoned = check_reason(reason)
    if unreasoned is not None:
        return unreasoned
    row = await current(context, type_name, logical_id)
    if isinstance(row, Refusal):
        return row
    resource = json.loads(row.body or b"{}")
    marked = entered_in_error(resource)
    if isinstance(marked, Refusal):
        return marked
    beside = []
    for one in await attached(context.pool, resource, row.patient):
        gone = entered_in_error(one.resource)
        if not isinstance(gone, Refusal):
            beside.append(Intent(one.type, one.row.id, gone, one.row.version, grounds=Grounds.REASON))
    activity = (provenance.LIFECYCLE, provenance.NULLIFY)
    return await change(context, marked, reason, version, activity, beside=beside, told=True)


def entered_in_error(resource: dict[str, Any]) -> dict[str, Any] | Refusal:
    """A resource whose status says that it should never have been written."""
    name = resource["resourceType"]
    if name in _WITHOUT_STATUS:
        return refuse(
            RefusalKind.INVALID,
            "business-rule",
            phrase("A %(type)s cannot be marked as entered in error: correct it.", type=name),
        )
    marked = {**resource}
    if name in _VERIFICATION:
        marked["verificationStatus"] = {"coding": [{"system": _VERIFICATION[name], "code": _ERROR}]}
        marked.pop("clinicalStatus", None)
        return marked
    marked[_STATUS.get(name, "status")] = _ERROR
    return marked


def check_reason(reason: str) -> Refusal | None:
    """Nobody can understand a change later that was made without a reason."""
    if not reason.strip():
        why = phrase("Write why: a change of an entry needs its reason.")
        return refuse(RefusalKind.INVALID, "required", why)
    if len(reason) > LONGEST_REASON:
        long = phrase("A reason has at most %(number)s characters.", number=LONGEST_REASON)
        return refuse(RefusalKind.INVALID, "too-long", long)
    return None


async def current(context: Context, type_name: str, logical_id: str) -> ResourceRow | Refusal:
    """The current row of an entry that the principal may change; a refusal is logged."""
    code = type_code(type_name)
    if isinstance(code, Refusal):
        return code
    row = await reads.read(context.pool, code, logical_id) if is_id(logical_id) else None
    if row is None or row.body is None:
        await context.log("correct", "not-found", "", what=(f"{type_name}/{logical_id}",))
        return missing(type_name, logical_id)
    (decision,) = await decide_rows(context, context.pool, Action.WRITE, [row])
    return await context.denied("correct", decision, row) if isinstance(decision, Deny) else row


async def change(
    context: Context,
    resource: dict[str, Any],
    reason: str,
    version: int,
    activity: tuple[str, str],
    grounds: Grounds = Grounds.REASON,
    beside: Sequence[Intent] = (),
    *,
    told: bool = False,
) -> Corrected | Refusal:
    """Write a valid new content and its Provenance together, and what else belongs to it, or nothing.

    With `told` the reason is that of what belongs to it too, and stands on each one's page.
    """
    name, logical_id = resource["resourceType"], str(resource["id"])
    row = await current(context, name, logical_id)
    if isinstance(row, Refusal):
        return row
    if row.body == stamped(resource, row.id, row.version, row.updated):
        same = phrase("Nothing was changed, so there is no correction.")
        return refuse(RefusalKind.INVALID, "business-rule", same)
    if activity[1] == provenance.AMEND:
        resource = amended(resource, json.loads(row.body or b"{}"))
    patient = provenance.patient_of(resource)
    made = provenance.provenance(
        context.principal,
        context.now(),
        activity,
        reason,
        f"{name}/{logical_id}/_history/{version + 1}",
        f"{name}/{logical_id}/_history/{version}",
        patient,
    )
    also = beside if told else ()
    named = [f"{one.type}/{one.id}/_history/{(one.if_match or 0) + 1}" for one in also]
    made["target"][1:1] = [{"reference": each} for each in named]
    labelled = [resource, json.loads(row.body or b"{}"), *(one.resource or {} for one in also)]
    made = kept_back_too(made, *labelled)
    invalid = check(made)
    if invalid is not None:
        return invalid
    identity = new_id(context, None if patient is None else bucket_of(patient))
    intents = [
        Intent(name, logical_id, resource, version, grounds=grounds),
        Intent("Provenance", None, made, identity=identity),
        *beside,
    ]

    async def work(connection: Any) -> Corrected | Refusal:
        results = await writing.apply(context, connection, intents, action="correct")
        for result in results:
            if isinstance(result, Refusal):
                return result
        written = [result for result in results if isinstance(result, Written)]
        assert written[0].change is not Change.UNCHANGED, "the content was compared before"
        return Corrected(written[0], written[1])

    return await writing.in_transaction(context, work, what=f"{name}/{logical_id}")


def amended(resource: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """A corrected entry says that it is: its status goes from final to amended."""
    element = "docStatus" if resource["resourceType"] == "DocumentReference" else "status"
    signed = resource["resourceType"] in ("Composition", "DiagnosticReport", "DocumentReference")
    same = resource.get(element) == before.get(element) == "final"
    return {**resource, element: "amended"} if signed and same else resource


def kept_back_too(made: dict[str, Any], *versions: dict[str, Any]) -> dict[str, Any]:
    """A Provenance with the labels of what it speaks of: its reason may repeat what is kept back."""
    found = [copy.deepcopy(label) for version in versions for label in labels(version)]
    if not found:
        return made
    distinct = [label for number, label in enumerate(found) if label not in found[:number]]
    return {**made, "meta": {"security": distinct}}
