"""A note is signed, left unsigned, or handed over to be written out; with its files, all or nothing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from kontinuum.care.journal import fields as typed_fields
from kontinuum.care.journal import sources
from kontinuum.care.journal.attaching import (
    earlier_signed,
    entries,
    file_resources,
    files_of,
    with_earlier,
    withdrawn,
)
from kontinuum.care.journal.codes import wrong_codes
from kontinuum.care.journal.copying import readable
from kontinuum.care.journal.fields import CONTACT, Fields
from kontinuum.care.journal.keeping import (
    NO_TEMPLATE,
    OTHER_CONTACT,
    around_of,
    fields_of,
    is_text,
    keep_fields,
    one_of,
    show_pane,
    stored,
    told_both,
    worked_out,
)
from kontinuum.care.journal.library import Template, find
from kontinuum.care.journal.merging import merge
from kontinuum.care.journal.pane import problems_by_field
from kontinuum.care.journal.reopening import (
    NOT_TO_WRITE,
    Unsigned,
    asked_for,
    done,
    stored_fields,
    unsigned,
    written_since,
)
from kontinuum.care.journal.signing import Written, resources
from kontinuum.care.journal.surroundings import Surroundings
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.questionnaire import State, phrasing
from kontinuum.kernel.files import DraftFile
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import ActionRequest, Moved, NotFound, Refused, SavedDraft, Told, View
from kontinuum.record.keeping_back import kept_back_as

_AUTHORS_OWN: Final = message("The note is signed by its author. Leave it to the author when you are done.")
_WRITTEN_ON: Final = message(
    "The note was changed after you opened it. Both texts stand where they differ: read it through once more."
)
_DICTATED: Final = "dictated"
_NOTHING_WRITTEN: Final = message("Nothing is written yet.")
_UNFILLED: Final = message(
    "Fields of a phrase are not filled in: %(fields)s. Fill them in, or sign once more to keep them so."
)
_COPIED: Final = message(
    "Copied from earlier notes and left as it was: %(labels)s. Read it through. Change it, or "
    "press once more to stand for it as it is."
)
_LEFT_OUT: Final = message(
    "Under hidden headings there is text that does not go into the note: %(texts)s. "
    "Change the answer that hides it, or press once more to leave it out."
)
_ID: Final = re.compile(r"[0-9a-f-]{36}")


async def finish(request: ActionRequest) -> View | NotFound | Moved | Told:
    """Answer `journal/sign`: sign, leave unsigned (`do=save`), or have it written out (`do=dictated`)."""
    chosen = await find(request.record, one_of(request, "template"))
    if chosen is None:
        return NotFound(NO_TEMPLATE)
    signed = one_of(request, "do") not in ("save", _DICTATED)
    stray = typed_fields.strangers(chosen.form, fields_of(request))
    around = await around_of(request, chosen)
    if await _is_signed(request, chosen):
        # It was signed by an earlier press of the same button, whose answer was lost.
        return Moved(f"{request.chart.path()}#notes")
    if not around.knows(one_of(request, CONTACT)):
        alert = request.chart.translator.gettext(OTHER_CONTACT)
        return await show_pane(request, around, chosen, fields_of(request), None, alert=alert)
    kept = await keep_fields(request, chosen)
    if isinstance(kept, Refused):
        alert = " ".join(kept.reasons)
        return await show_pane(request, around, chosen, fields_of(request), None, alert=alert)
    draft, fields, both = kept
    standing = await unsigned(request, chosen.note or draft.id)
    show = partial(show_pane, request, around, chosen, standing=standing)
    if chosen.note or standing is not None:
        changed = await _changed_meanwhile(request, chosen, around, kept, standing, signed=signed)
        if changed is not None:
            return changed
    state, unread = worked_out(chosen.form, around, fields)
    problems = problems_by_field(state, unread, request.chart.translator, finished=signed)
    files = await files_of(request, draft.id)
    if not state.response.get("item") and not files:
        return await show(fields, draft, alert=request.chart.translator.gettext(_NOTHING_WRITTEN))
    wrong = await wrong_codes(request, state) if signed else {}
    if problems or both or stray or wrong:
        return await show(fields, draft, finished=signed, notices={**both, **wrong})
    told, token = _to_confirm(request, state, fields, signed=signed, gone=_draft_goes(request, chosen))
    if token != one_of(request, "unfilled") and token:
        return await show(fields, draft, alert=told, unfilled=token)
    refused = await _write(request, chosen, state, files, draft, standing)
    if refused is not None:
        return await show(fields, draft, alert=" ".join(refused.reasons))
    return Moved(f"{request.chart.path()}#notes")


async def _write(
    request: ActionRequest,
    chosen: Template,
    state: State,
    files: Sequence[DraftFile],
    draft: SavedDraft,
    standing: Unsigned | None,
) -> Refused | None:
    """Write the note with its files and what follows from it; the draft goes with it, unless it goes on."""
    do = one_of(request, "do")
    signed = do not in ("save", _DICTATED)
    identity = chosen.note or draft.id
    moment = local(request.chart.now).isoformat(timespec="seconds")
    me, contact = request.principal, one_of(request, CONTACT)
    others = [one for one in draft.authors if one["reference"] != me.actor.reference]
    note = Written(identity, request.chart.patient, contact, moment, me, others=others)
    beside = entries(state, files)
    before = standing.note if standing is not None else {}
    versions = {f"Composition/{identity}": standing.version} if standing is not None else None
    if chosen.note and standing is not None:
        note = replace(note, date=str(before["date"]), writer=standing.author, others=before["author"][1:])
        beside = with_earlier(state, before, beside)
    copied = await readable(
        request, {n: one for n, one in sources.sources(stored(draft)).items() if one.note}
    )
    marks = sources.by_heading(state.form, copied)
    made = resources(state, note, signed=signed, files=beside, marks=marks)
    faults = [one for one in made if not isinstance(one, dict)]
    if faults:
        return Refused(tuple(one.message for one in faults))
    writes = [one for one in made if isinstance(one, dict)]
    writes += await file_resources(request, files, note, signed=signed)
    writes += await (
        earlier_signed(request, before) if chosen.note and signed else withdrawn(request, before, beside)
    )
    writes = kept_back_as(before, writes)
    writes += (
        [asked_for(request, identity)] if do == _DICTATED else done(request, standing) if standing else []
    )
    goes = _draft_goes(request, chosen)
    kept = None if goes else await _remember(request, chosen, draft, standing)
    refused = await request.writer.write(writes, versions)
    if refused is not None:
        if kept is not None and not isinstance(kept, Refused):
            await request.writer.save_draft(chosen.name, draft.content, kept.version)
        return refused
    if not standing:
        await request.terms.chose("template", chosen.url)
    if goes:
        await request.writer.remove_draft(draft.id)
    if signed and identity != draft.id:
        await request.writer.remove_draft(identity)
    return None


async def _changed_meanwhile(
    request: ActionRequest,
    chosen: Template,
    around: Surroundings,
    kept: tuple[SavedDraft, dict[str, list[str]], dict[str, str]],
    standing: Unsigned | None,
    *,
    signed: bool,
) -> View | None:
    """What is shown in place of writing over a note that was signed or changed since it was read here."""
    draft, fields, _ = kept
    gettext = request.chart.translator.gettext
    if standing is None or not standing.may_write(request.principal):
        return await show_pane(request, around, chosen, fields, draft, alert=gettext(NOT_TO_WRITE))
    if signed and not standing.is_of(request.principal):
        alert = gettext(_AUTHORS_OWN)
        return await show_pane(request, around, chosen, fields, draft, alert=alert, standing=standing)
    theirs = stored_fields(standing, chosen, around)
    if signed and chosen.note and (more := await written_since(request, chosen.note, theirs)):
        alert = " ".join(more.reasons)
        return await show_pane(request, around, chosen, fields, draft, alert=alert, standing=standing)
    if fields.get(typed_fields.BASE) == [str(standing.version)]:
        return None
    texts = frozenset(name for name in fields if is_text(chosen.form, name))
    mine = {**fields, typed_fields.BASE: theirs[typed_fields.BASE]}
    merged = merge(theirs, mine, None, texts)
    if merged.fields == mine:
        return None  # all that stands there is written here too: the note was kept back, not written on
    saved = await request.writer.save_draft(chosen.name, fhir_json.dumps(merged.fields), draft.version)
    return await show_pane(
        request,
        around,
        chosen,
        merged.fields,
        draft if isinstance(saved, Refused) else saved,
        alert=gettext(_WRITTEN_ON),
        notices=told_both(request, merged.both, texts),
        standing=standing,
    )


async def _remember(
    request: ActionRequest, chosen: Template, draft: SavedDraft, standing: Unsigned | None
) -> SavedDraft | Refused:
    """Let the draft that goes on say which version of the note it is written as.

    Before the note is written: a draft that is newer than its note counts as one that says something else.
    """
    version = standing.version + 1 if standing is not None else 1
    fields = stored(draft) | {typed_fields.BASE: [str(version)]}
    return await request.writer.save_draft(chosen.name, fhir_json.dumps(fields), draft.version)


def _draft_goes(request: ActionRequest, chosen: Template) -> bool:
    """Whether the draft is removed when its note is written: only a note saved unsigned goes on in it."""
    return bool(chosen.note) or one_of(request, "do") != "save"


def _to_confirm(
    request: ActionRequest, state: State, fields: Fields, *, signed: bool, gone: bool
) -> tuple[str, str]:
    """What is told once before the note is written, and what the next press brings along when it was told."""
    gettext = request.chart.translator.gettext
    unfilled = _unfilled(fields) if signed else ""
    left_out = typed_fields.left_out(state, fields) if gone else []
    texts = "; ".join(f"{label}: {text}" for label, text in left_out)
    copied = sources.unconfirmed(fields) if signed else {}
    labels = ", ".join(f"{sources.label_of(state.form, name)} ({one.said})" for name, one in copied.items())
    told = [gettext(_UNFILLED) % {"fields": unfilled}] if unfilled else []
    told += [gettext(_COPIED) % {"labels": labels}] if labels else []
    told += [gettext(_LEFT_OUT) % {"texts": texts}] if texts else []
    # Line ends change on their way through a form: the text goes along as its digest.
    digest = hashlib.sha256(f"{texts}\0{labels}".encode()).hexdigest() if texts or labels else ""
    return "\n".join(told), " ".join(filter(None, (unfilled, digest)))


def _unfilled(fields: Fields) -> str:
    """The fields of phrases that still stand in braces."""
    found = (
        one[0]
        for name, values in fields.items()
        if not name.startswith("~")
        for text in values
        for one in phrasing.BRACES.finditer(text)
    )
    return ", ".join(dict.fromkeys(found))


async def _is_signed(request: ActionRequest, chosen: Template) -> bool:
    """Whether the draft is gone because its note is signed; one discarded elsewhere is written anew."""
    identity = chosen.note or one_of(request, "draft")
    draft = await request.writer.draft(chosen.name)
    if draft is not None or not _ID.fullmatch(identity):
        return False
    query = f"Composition?patient={request.chart.patient}&_id={identity}&_count=1"
    pages = await request.record.find_many([query])
    return any(fhir_json.loads(one.body)["status"] == "final" for one in pages[0].matches if one.body)
