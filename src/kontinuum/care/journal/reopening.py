"""A note that stands unsigned in the record, opened again: by its author, or to write out what was dictated.

Its draft has the template's name with the note's id behind it, so that each of them has one of their own.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kontinuum.care.journal import fields as typed_fields
from kontinuum.care.journal.fields import CONTACT, Fields
from kontinuum.care.journal.library import Template, find, named, of_note
from kontinuum.care.journal.sources import of_sections, with_sources
from kontinuum.care.journal.surroundings import Surroundings
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.questionnaire import evaluate
from kontinuum.kernel.clock import instant, to_micros
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import ActionRequest, PageRequest, Refused
from kontinuum.kernel.principal import TRANSCRIPTION, Principal
from kontinuum.record import provenance
from kontinuum.record.tasks import OPEN, TRANSCRIBE, WORK_CODES

NOT_TO_WRITE: Final = message(
    "The note is signed by now, or it is not yours to write on. What you wrote is kept in your draft."
)
_WRITTEN_SINCE: Final = message(
    "You have written more in the draft that the note was begun in. Open that draft, and sign the note there."
)
_TASKS: Final = uuid.UUID("0b6f4b8e-3f0d-4d4a-a3c6-6b0b8b2e9d11")
_WRITTEN_OUT: Final = "Utskriven efter diktat."


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A note without a signature, the answers behind it, and the Task that asks for it to be written out."""

    note: Mapping[str, Any]
    version: int
    response: Mapping[str, Any]
    task: Mapping[str, Any] | None

    @property
    def author(self) -> Mapping[str, Any]:
        """Whose note it is."""
        found: Mapping[str, Any] = next(iter(self.note.get("author") or ()), {})
        return found

    @property
    def contact(self) -> str:
        """The contact that it belongs to; empty for none."""
        return str((self.note.get("encounter") or {}).get("reference", "")).rpartition("/")[2]

    def is_of(self, principal: Principal) -> bool:
        """Whether it is the principal's own note."""
        return bool(principal.actor.reference) and self.author.get("reference") == principal.actor.reference

    def may_write(self, principal: Principal) -> bool:
        """Its author goes on with it; who writes out dictations does while somebody asks for it."""
        asked = self.task is not None and TRANSCRIPTION in principal.assignment.rights
        return self.is_of(principal) or asked


async def unsigned(request: PageRequest | ActionRequest, identity: str) -> Unsigned | None:
    """A note that stands unsigned in this patient's record."""
    patient = request.chart.patient
    notes, responses, tasks = await request.record.find_many(
        [
            f"Composition?patient={patient}&_id={identity}",
            f"QuestionnaireResponse?patient={patient}&_id={identity}",
            f"Task?patient={patient}&focus=Composition/{identity}&code={WORK_CODES}|{TRANSCRIBE}"
            f"&status={','.join(OPEN)}",
        ]
    )
    if not notes.matches or not notes.matches[0].body:
        return None
    note = fhir_json.loads(notes.matches[0].body)
    if note["status"] != "preliminary":
        return None
    bodies = [next((one.body for one in page.matches if one.body), None) for page in (responses, tasks)]
    response, task = (fhir_json.loads(body) if body else None for body in bodies)
    return Unsigned(note, notes.matches[0].version, response or {}, task)


async def written_since(request: ActionRequest, note: str, said: Fields) -> Refused | None:
    """Why a note is not signed as it stands, with what it has `said` as fields.

    Its author has gone on in the draft that it was begun in, which would go with the signature.
    """
    found = await request.writer.drafts()
    drafts = () if isinstance(found, Refused) else found
    begun = next((fhir_json.loads(one.content) for one in drafts if one.id == note), None)
    if begun is None or _answers(begun) == _answers(said):
        return None
    return Refused((request.chart.translator.gettext(_WRITTEN_SINCE),), conflict=True)


def _answers(fields: Fields) -> dict[str, list[str]]:
    return {name: list(values) for name, values in fields.items() if not name.startswith("~")}


async def goes_on_in(request: PageRequest, found: Unsigned) -> Template | None:
    """The template of a note that is opened again: of the draft that it was begun in, where that goes on.

    Only who has no such draft begins one for the note: what somebody writes in it has one place.
    """
    made = await template_of(request, found)
    drafts = await request.writer.drafts()
    if made is None or isinstance(drafts, Refused) or any(one.template == made.name for one in drafts):
        return made
    begun = next((one for one in drafts if one.id == found.note["id"]), None)
    return made if begun is None else await find(request.record, begun.template)


async def template_of(request: PageRequest, found: Unsigned) -> Template | None:
    """The template that a note was written in, under the name of its own drafts."""
    made = await named(request.record, str(found.response.get("questionnaire") or ""))
    return None if made is None else of_note(made, str(found.note["id"]))


def stored_fields(found: Unsigned, chosen: Template, around: Surroundings) -> dict[str, list[str]]:
    """What the note says, as the fields of its template."""
    state = evaluate(chosen.form, dict(found.response), around.context(found.contact))
    contact = {CONTACT: [found.contact]} if found.contact else {}
    fields = typed_fields.from_state(state) | contact | {typed_fields.BASE: [str(found.version)]}
    return with_sources(fields, of_sections(found.note, fields))


def asked_for(request: ActionRequest, note: str) -> dict[str, Any]:
    """The Task that asks the unit to write out what was dictated; twice is one."""
    principal, now = request.principal, instant(to_micros(request.chart.now))
    reference = {"reference": principal.actor.reference} if principal.actor.reference else {}
    return {
        "resourceType": "Task",
        "id": str(uuid.uuid5(_TASKS, note)),
        "status": "requested",
        "intent": "order",
        "code": {"coding": [{"system": WORK_CODES, "code": TRANSCRIBE}]},
        "focus": {"reference": f"Composition/{note}"},
        "for": {"reference": f"Patient/{request.chart.patient}"},
        "authoredOn": now,
        "lastModified": now,
        "requester": {**reference, "display": principal.actor.name},
    }


def done(request: ActionRequest, found: Unsigned) -> list[dict[str, Any]]:
    """What else is written when a note was written out: the Task is done, and who did it."""
    if found.task is None:
        return []
    now = to_micros(request.chart.now)
    closed = {**found.task, "status": "completed", "lastModified": instant(now)}
    if found.is_of(request.principal):
        return [closed]
    name = f"Composition/{found.note['id']}/_history"
    who = provenance.provenance(
        request.principal,
        now,
        (provenance.LIFECYCLE, provenance.AMEND),
        _WRITTEN_OUT,
        f"{name}/{found.version + 1}",
        f"{name}/{found.version}",
        request.chart.patient,
    )
    identity = uuid.uuid5(_TASKS, f"{found.note['id']}/{found.version}")
    return [closed, {**who, "id": str(identity)}]
