"""Marking a Patient's identity as protected: by anybody in care; lowering and lifting by right only.

It works on what is stored, not on what the one who asks may see: who sets or raises a mark need not see what
it hides. Offentlighets- och sekretesslagen (2009:400) 22:1; folkbokföringslagen (1991:481) 16-17 g §§.
"""

from __future__ import annotations

from typing import Any

from kontinuum.fhir import json
from kontinuum.kernel.i18n import message
from kontinuum.record import writing
from kontinuum.record.context import Context, missing
from kontinuum.record.outcome import Refusal, RefusalKind, Written, refuse
from kontinuum.record.persons import links
from kontinuum.record.persons.identity import PROTECTION, protection_of
from kontinuum.record.persons.rules import with_protection
from kontinuum.record.planning import Intent

NO_RIGHT = message(
    "Lifting or lowering a protected identity takes an assignment with the right to protected identities."
)
_STRENGTH = {code: strength for strength, code in enumerate((*PROTECTION, None))}


async def protect(
    context: Context, patient: str, level: str | None, *, reason: str, if_match: int
) -> Written | Refusal:
    """Put a Patient under a level of protected identity (None: under none), over a version that was seen."""

    async def work(connection: Any) -> Written | Refusal:
        row = (await links.locked(connection, patient)).get(patient)
        if row is None:
            return missing("Patient", patient)
        before = protection_of(json.loads(row.body or b""))
        if _STRENGTH[level] > _STRENGTH[before] and not links.may_handle_protected(context):
            await context.log(
                "update", "refused", "protected-identity", patients=(patient,), what=(f"Patient/{patient}",)
            )
            return refuse(RefusalKind.FORBIDDEN, "forbidden", NO_RIGHT)
        changed = with_protection(json.loads(row.body or b""), level)
        intents = [Intent("Patient", patient, changed, if_match, whole=True)]
        if before != level:
            told = links.provenance(context, row, "protected-identity", reason)
            intents.append(Intent("Provenance", None, told))
        results = await writing.apply(context, connection, intents)
        return next((each for each in results if isinstance(each, Refusal)), results[0])

    return await writing.in_transaction(context, work, what=f"Patient/{patient}")
