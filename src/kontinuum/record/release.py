"""The last step before data leaves: protected identity is taken out for those without the right to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kontinuum.access import Action
from kontinuum.access.redact import is_marked, may_see, redact
from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.kernel.ids import bucket_of
from kontinuum.record.circumstances import is_complete
from kontinuum.record.context import Context, stored
from kontinuum.record.outcome import Stored
from kontinuum.store import law, persons
from kontinuum.store.resources.rows import ResourceRow

_PATIENT = TYPE_CODES["Patient"]
_RELATED_PERSON = TYPE_CODES["RelatedPerson"]


async def release(context: Context, connection: Any, rows: Sequence[ResourceRow]) -> list[Stored]:
    """Rows as the gate shows them to the principal; bodies are verbatim unless something is protected.

    A Patient's own mark is not all: a superseded version tells nothing of today, and a Patient that is the
    same person may be marked. Within a transaction `connection` is its own: to ask for a second while holding
    one can block for ever.
    """
    if not any(row.type == _PATIENT or row.type == _RELATED_PERSON for row in rows):
        return list(map(stored, rows))
    question = context.question(Action.READ)
    if may_see(question):
        return list(map(stored, rows))
    asked = {row.patient for row in rows if row.patient and row.type in (_PATIENT, _RELATED_PERSON)}
    own = await _own(context, connection) if question.is_patient else set()
    protected = await _protected(context, connection, asked - own)
    shown = []
    for row in rows:
        one = stored(row)
        marked = row.type == _PATIENT and row.body is not None and is_marked(row.body)
        redacted = row.type in (_PATIENT, _RELATED_PERSON) and (marked or row.patient in protected)
        if row.body is not None and redacted and row.patient not in own:
            one = one.with_body(json.dumps(redact(json.loads(row.body))))
        shown.append(one)
    return shown


async def _own(context: Context, connection: Any) -> set[str]:
    """Every Patient that the patient who asks is: what is one's own is never kept from one."""
    return set(await persons.whole(connection, context.principal.actor.id))


async def _protected(context: Context, connection: Any, patients: set[str]) -> set[str]:
    """Those among some patients who are protected, or of whom that cannot be told yet."""
    if not patients or not await is_complete(context, connection):
        return patients
    return await law.protected(connection, [(bucket_of(each), each) for each in sorted(patients)])


async def release_one(context: Context, connection: Any, row: ResourceRow) -> Stored:
    """One row as the gate shows it."""
    return (await release(context, connection, [row]))[0]
