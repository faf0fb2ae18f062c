"""Drafts: what an author is writing about a patient, seen by nobody else, until it is signed.

A draft is patient data: it passes the gate. Opening, beginning, discarding and taking back are logged; the
savings between them, several a minute by the same author, are the same act and are not.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final

from kontinuum.access import NOTHING_KNOWN, Action, Deny, Facts, decide
from kontinuum.access.needs import CARE_RELATION
from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.i18n import phrase
from kontinuum.kernel.principal import ActorKind, Purpose
from kontinuum.record.circumstances import decide_rows
from kontinuum.record.context import Context, Services, forbidden
from kontinuum.record.existence import standing
from kontinuum.record.guarding import is_signed
from kontinuum.record.outcome import Refusal, RefusalKind, refuse
from kontinuum.store import draft_files as files
from kontinuum.store import drafts as rows
from kontinuum.store.drafts import DraftRow
from kontinuum.store.resources import read as reads
from kontinuum.store.resources.rows import ResourceRow

Draft = DraftRow

_NOTE: Final = TYPE_CODES["Composition"]
OF_NOTE: Final = "~"
"""Stands in the template's name before the id of the note in the record that a draft writes on."""
OF_FORM: Final = "form:"
"""Begins the template's name of what is kept of a form beside the chart; what follows names the form."""
DAY: Final = 24 * 3600 * 1_000_000
"""In microseconds."""


_UNRELATED: Final = Deny(CARE_RELATION.name, CARE_RELATION.reason.en, CARE_RELATION.provision)
_JUST_NOW: Final = 120 * 1_000_000


@dataclass(frozen=True, slots=True)
class Together:
    """How far the own draft has come in whichever window, and who else writes on its note just now.

    `version` is that of the draft (0 where there is none), `note` that of the note in the record (0 for a
    draft of a new one), `others` are references of staff.
    """

    version: int
    note: int
    others: tuple[str, ...]


def owner_of(context: Context) -> tuple[str, str]:
    """Whose a draft is: the actor, and the care provider of the assignment."""
    return context.principal.actor.id, context.principal.assignment.provider


def denied(context: Context, patient: str) -> Deny | None:
    """Why the principal may keep no draft about a patient."""
    assignment = context.principal.assignment
    facts = Facts("QuestionnaireResponse", patient, assignment.unit, assignment.provider)
    # As with every new documentation of one's own: nothing between patient and author changes the answer.
    decision = decide(context.question(Action.WRITE, patient=patient), facts, NOTHING_KNOWN)
    return decision if isinstance(decision, Deny) else None


async def _refused(context: Context, deny: Deny, patient: str) -> Refusal:
    await context.log("draft", "refused", deny.rule, patients=(patient,))
    return forbidden(deny)


async def _noted(context: Context, draft: Draft, note: str) -> None:
    await context.log(
        "draft", "permitted", "own-draft", patients=(draft.patient,), what=(f"draft/{draft.id}",), note=note
    )


async def open_draft(context: Context, patient: str, template: str) -> Draft | Refusal | None:
    """The author's draft of a template for a patient."""
    deny = denied(context, patient)
    if deny is not None:
        return await _refused(context, deny, patient)
    draft = await rows.open_draft(context.pool, *owner_of(context), patient, template)
    if draft is not None and draft.authors and not (await standing(context, patient)).related:
        # What a colleague wrote is read as the record is.
        return await _refused(context, _UNRELATED, patient)
    if draft is not None:
        await _noted(context, draft, "opened")
    return draft


async def list_drafts(context: Context, patient: str) -> list[Draft] | Refusal:
    """The author's open drafts for a patient, the latest first; not what is kept of forms."""
    deny = denied(context, patient)
    if deny is not None:
        return await _refused(context, deny, patient)
    found = await rows.open_drafts(context.pool, *owner_of(context), patient)
    found = [draft for draft in found if not draft.template.startswith(OF_FORM)]
    if any(draft.authors for draft in found) and not (await standing(context, patient)).related:
        found = [draft for draft in found if not draft.authors]
    if found:
        what = [f"draft/{draft.id}" for draft in found]
        await context.log(
            "draft", "permitted", "own-draft", patients=(patient,), what=what, count=len(found), note="listed"
        )
    return found


async def known_draft(context: Context, patient: str, identity: str) -> Draft | None:
    """One of the author's open drafts as it stands, without what it holds, so that nothing is logged."""
    if not _is_identity(identity):
        return None
    found = await rows.by_id(context.pool, identity, owner_of(context), patient)
    return None if found is None else found._replace(content=b"")


async def save_draft(
    context: Context, patient: str, template: str, content: bytes, version: int
) -> Draft | Refusal:
    """Save over a version, 0 for a new draft; a conflict when another window was first."""
    deny = denied(context, patient)
    if deny is not None:
        return await _refused(context, deny, patient)
    current = await rows.open_draft(context.pool, *owner_of(context), patient, template)
    if current is None and version == 0:
        new = DraftRow(str(uuid.uuid4()), patient, template, 1, content, context.now())
        await _noted(context, new, "begun")
        unit = context.principal.assignment.unit
        begun = await rows.begin(context.pool, new.id, (*owner_of(context), unit), new)
        return begun if begun is not None else _conflict()
    if current is None or current.version != version:
        return _conflict()
    changed = current._replace(content=content, updated=context.now())
    saved = await rows.save(context.pool, *owner_of(context), changed)
    return saved if saved is not None else _conflict()


def _conflict() -> Refusal:
    return refuse(RefusalKind.CONFLICT, "conflict", phrase("The draft was changed in another window."))


async def discard_draft(context: Context, patient: str, identity: str) -> Draft | Refusal:
    """Put a draft aside; it can be taken back for a day."""
    known = _is_identity(identity)
    draft = (
        await rows.discard(context.pool, identity, owner_of(context), patient, context.now())
        if known
        else None
    )
    if draft is None:
        return _missing()
    await _noted(context, draft, "discarded")
    return draft


async def restore_draft(context: Context, patient: str, identity: str) -> Draft | Refusal:
    """Take a discarded draft back."""
    known = _is_identity(identity)
    since = context.now() - DAY
    draft = await rows.restore(context.pool, identity, owner_of(context), patient, since) if known else None
    if draft is None:
        return _missing()
    await _noted(context, draft, "restored")
    return draft


async def together(context: Context, patient: str, template: str) -> Together | Refusal:
    """Who writes together with the author; nothing of what is written is told, so nothing is logged."""
    deny = denied(context, patient)
    if deny is not None:
        return await _refused(context, deny, patient)
    owner, provider = owner_of(context)
    found = await rows.same(context.pool, provider, patient, template)
    own = next((version for whose, version, _ in found if whose == owner), 0)
    row = await readable_note(context, patient, template.partition(OF_NOTE)[2])
    if row is None:
        return Together(own, 0, ())
    since = context.now() - _JUST_NOW
    others = sorted(f"Practitioner/{whose}" for whose, _, at in found if whose != owner and at >= since)
    return Together(own, row.version, tuple(others))


async def readable_note(context: Context, patient: str, note: str) -> ResourceRow | None:
    """A note about a patient that the principal, staff in care, may read just now."""
    principal = context.principal
    if principal.actor.kind is not ActorKind.STAFF or principal.purpose is not Purpose.CARE:
        return None
    row = await reads.read(context.pool, _NOTE, note) if _is_identity(note) else None
    if row is None or row.body is None or row.patient != patient:
        return None
    (decision,) = await decide_rows(context, context.pool, Action.READ, [row])
    return None if isinstance(decision, Deny) else row


async def remove_draft(context: Context, patient: str, identity: str) -> None:
    """Remove a draft whose content is in the record; a note that was written elsewhere has none.

    Its pictures and documents are in the record now. Its sound stays, for who writes it out.
    """
    if _is_identity(identity):
        await files.outlive(context.pool, identity, owner_of(context)[0])
        await rows.remove(context.pool, identity, owner_of(context), patient)


async def forget(services: Services) -> None:
    """Remove drafts that were discarded a day ago, with their files, and sound whose days are over.

    The days of sound begin when its note waits for nobody any more: it is signed, or not there.
    """
    now = to_micros(services.clock.now())
    await rows.purge(services.pool, now - DAY)
    sounds = await files.without_end(services.pool)
    notes = {(_NOTE, note) for note, _ in sounds}
    read = await reads.read_many(services.pool, sorted(notes)) if notes else ()
    waiting = {row.id for row in read if row.body is not None and not is_signed(json.loads(row.body))}
    for note, provider in sounds:
        if note not in waiting:
            days = (await services.decided.of(provider)).dictation_days
            await files.expire(services.pool, note, provider, now + days * DAY)
    await files.purge(services.pool, now)


def _is_identity(text: str) -> bool:
    """Whether a text that came from a form can be the id of a draft at all."""
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _missing() -> Refusal:
    return refuse(RefusalKind.NOT_FOUND, "not-found", phrase("There is no such draft."))
