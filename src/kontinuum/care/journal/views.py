"""The writing pane: choose a template, write; the server keeps every keystroke until the note is signed."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, unquote

from kontinuum.care.journal import fields as typed_fields
from kontinuum.care.journal.arranging import arranged, queries
from kontinuum.care.journal.fields import CONTACT, OTHER, Fields, Unread
from kontinuum.care.journal.library import (
    Template,
    all_offered,
    all_templates,
    find,
    find_all,
    offered,
    query,
    shipped,
)
from kontinuum.care.journal.merging import merge
from kontinuum.care.journal.pane import calculated, pane, problems_by_field, shown_names
from kontinuum.care.journal.phrases import FILL
from kontinuum.care.journal.previewing import preview
from kontinuum.care.journal.saved import sign
from kontinuum.care.journal.signing import Written, resources
from kontinuum.care.journal.surroundings import Surroundings, surroundings
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.questionnaire import Form, State, evaluate, phrasing, prefill
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import (
    Action,
    ActionRequest,
    AuditKind,
    Chart,
    Drafting,
    Moved,
    NotFound,
    OverviewCard,
    PageRequest,
    Placement,
    RecordReader,
    Refused,
    ResultPage,
    Route,
    SavedDraft,
    Told,
    View,
)
from kontinuum.kernel.principal import Purpose

_OWN: Final = frozenset({"csrf", "patient", "template", "version", "draft", "before", "do", "unfilled"})
_NO_TEMPLATE: Final = message("There is no such template.")
_NOTHING_WRITTEN: Final = message("Nothing is written yet.")
_OTHER_CONTACT: Final = message("The contact is not one of this patient's. Choose another one, or none.")
_NO_PLACE: Final = message("The template has no place for this, move it before you sign: %(text)s")
_BOTH: Final = message("Was changed in another window at the same time; there it said: %(other)s")
_KEPT_BOTH: Final = message("Was written in two windows at the same time; both texts stay.")
_UNFILLED: Final = message(
    "Fields of a phrase are not filled in: %(fields)s. Fill them in, or sign once more to keep them so."
)
_ID: Final = re.compile(r"[0-9a-f-]{36}")
_CARE: Final = frozenset({Purpose.CARE})


@dataclass(frozen=True, slots=True)
class Begun:
    """A draft in the list of what is not finished."""

    id: str
    title: str
    address: str
    when: str


def card_queries(chart: Chart) -> tuple[str, ...]:
    """The card needs the templates of the care provider, and what says which of them fit."""
    return (query(chart.places), *queries(chart)) if chart.places else ()


def card(chart: Chart, pages: Sequence[ResultPage]) -> View:
    """Where writing begins: the templates for notes."""
    found = offered(chart.places, chart.now, pages[0]) if pages else all_templates()
    notes = [one for one in found if one.kind == "note"]
    fitting, rest, contact = arranged(chart, notes, pages[1:]) if pages else ([], notes, "")
    shown = {"fitting": fitting, "templates": rest, "contact": contact}
    return View("journal/card.html", {**shown, "all": chart.path("journal", "write")})


async def write(request: PageRequest) -> View | NotFound:
    """Answer `journal/write`: the templates, or with `template=` the pane."""
    chosen = request.parameters.get("template")
    if chosen is None:
        return await _choose(request)
    found = await find(request.record, chosen)
    if found is None:
        return NotFound(_NO_TEMPLATE)
    draft = await request.writer.draft(found.name)
    if isinstance(draft, Refused):
        return NotFound(draft.reasons[0])
    fields = {} if draft is None else _stored(draft)
    around = await surroundings(
        request.record, request.chart, found.form, request.principal, _contact_of(fields)
    )
    taken: dict[str, str] = {}
    if draft is None:
        context = around.context(around.usual)
        begun = prefill(found.form, context)
        fields = typed_fields.from_state(evaluate(found.form, begun.response, context))
        fields |= {CONTACT: [around.usual]} if around.usual else {}
        taken = {typed_fields.step_of(link): one.when for link, one in begun.taken.items()}
    return _pane(around, found, fields, draft, taken=taken)


async def _choose(request: PageRequest) -> View | NotFound:
    found = await request.writer.drafts()
    if isinstance(found, Refused):
        return NotFound(found.reasons[0])
    begun = []
    known = await find_all(request.record, {draft.template for draft in found})
    for draft in found:
        one = known.get(draft.template)
        if one is not None:
            when = request.chart.translator.moment(_moment(draft.updated))
            begun.append(Begun(draft.id, one.title, _address(request.chart, one), when))
    back = request.parameters.get("discarded", "")
    undo = {"identity": back} if back else None
    chart = request.chart
    templates = await all_offered(request.record, chart.places, chart.now)
    fitting, rest, contact = arranged(chart, templates, await request.record.find_many(queries(chart)))
    shown = {"fitting": fitting, "templates": rest, "contact": contact}
    return View("journal/choose.html", {**shown, "begun": begun, "undo": undo})


def _moment(micros: int) -> datetime:
    return from_micros(micros)


def _address(chart: Chart, chosen: Template) -> str:
    return f"{chart.path('journal', 'write')}?template={quote(chosen.name)}"


def _stored(draft: SavedDraft) -> dict[str, list[str]]:
    content: dict[str, list[str]] = fhir_json.loads(draft.content)
    return content


def _contact_of(fields: Fields) -> str:
    return next(iter(fields.get(CONTACT, ())), "")


def _worked_out(form: Form, around: Surroundings, fields: Fields) -> tuple[State, list[Unread]]:
    response, unread = typed_fields.to_response(form, fields)
    return evaluate(form, response, around.context(_contact_of(fields))), unread


def _pane(
    around: Surroundings,
    chosen: Template,
    fields: Fields,
    draft: SavedDraft | None,
    *,
    taken: dict[str, str] | None = None,
    finished: bool = False,
    alert: str = "",
    notices: dict[str, str] | None = None,
    unfilled: str = "",
) -> View:
    chart = around.chart
    state, unread = _worked_out(chosen.form, around, fields)
    problems = problems_by_field(state, unread, chart.translator, finished=finished)
    made = pane(state, fields, problems, chart.translator)
    lost = [text for texts in typed_fields.strangers(chosen.form, fields).values() for text in texts]
    if lost:
        alert = chart.translator.gettext(_NO_PLACE) % {"text": "\n".join(lost)}
    values = {
        "template": chosen,
        "pane": made,
        "contacts": around.contacts,
        "contact": _contact_of(fields),
        "version": draft.version if draft is not None else 0,
        "draft": draft.id if draft is not None else "",
        "saved_at": chart.translator.clock(_moment(draft.updated)) if draft is not None else "",
        "taken": taken or {},
        "finished": finished,
        "alert": alert,
        "notices": notices or {},
        "unfilled": unfilled,
    }
    return View("journal/write.html", values)


async def keep(request: ActionRequest) -> View | NotFound | Moved | Told:
    """Answer `journal/draft`: keep what is written, and tell the page what follows from it."""
    chosen = await find(request.record, _one(request, "template"))
    if chosen is None:
        return NotFound(_NO_TEMPLATE)
    stray = typed_fields.strangers(chosen.form, _fields(request))
    if stray:
        return Told({"refused": [f"The template has no field {name}." for name in stray]}, 400)
    around = await _around(request, chosen)
    if not around.knows(_one(request, CONTACT)):
        return Told({"refused": [request.chart.translator.gettext(_OTHER_CONTACT)]}, 409)
    kept = await _keep(request, chosen)
    if isinstance(kept, Refused):
        return Told({"refused": list(kept.reasons)}, 409)
    draft, fields, both = kept
    state, unread = _worked_out(chosen.form, around, fields)
    problems = problems_by_field(state, unread, request.chart.translator, finished=False)
    made = pane(state, fields, problems, request.chart.translator)
    return Told(
        {
            "patient": request.chart.patient,
            "draft": draft.id,
            "version": draft.version,
            "saved": request.chart.translator.clock(_moment(draft.updated)),
            "fields": fields,
            "both": both,
            "shown": shown_names(made.fields),
            "calculated": calculated(made.fields),
            "problems": problems,
            "lines": [
                {
                    "kind": one.kind,
                    "level": one.level,
                    "label": one.label,
                    "text": one.text,
                    "cells": one.cells,
                }
                for one in made.lines
            ],
        }
    )


async def _around(request: ActionRequest, chosen: Template) -> Surroundings:
    contact = _one(request, CONTACT)
    return await surroundings(request.record, request.chart, chosen.form, request.principal, contact)


async def _keep(
    request: ActionRequest, chosen: Template
) -> tuple[SavedDraft, dict[str, list[str]], dict[str, str]] | Refused:
    """Save the fields of a window; where another window saved first, merge and save what both wrote."""
    mine = _fields(request)
    version = _one(request, "version")
    number = int(version) if version.isdecimal() else 0
    saved = await request.writer.save_draft(chosen.name, fhir_json.dumps(mine), number)
    if not (isinstance(saved, Refused) and saved.conflict):
        return saved if isinstance(saved, Refused) else (saved, mine, {})
    before = _before(request)
    texts = frozenset(name for name in mine if _is_text(chosen.form, name))
    for _ in range(5):
        stored = await request.writer.draft(chosen.name)
        if isinstance(stored, Refused):
            return stored
        theirs = {} if stored is None else _stored(stored)
        merged = merge(theirs, mine, before if stored is not None else {}, texts)
        content = fhir_json.dumps(merged.fields)
        saved = await request.writer.save_draft(chosen.name, content, stored.version if stored else 0)
        if not isinstance(saved, Refused):
            return saved, merged.fields, _told_both(request, merged.both, texts)
    return saved


def _told_both(request: ActionRequest, both: Any, texts: frozenset[str]) -> dict[str, str]:
    gettext = request.chart.translator.gettext
    return {
        name: gettext(_KEPT_BOTH) if name in texts else gettext(_BOTH) % {"other": ", ".join(other) or "–"}
        for name, other in both.items()
    }


def _is_text(form: Form, name: str) -> bool:
    link = unquote(name.rpartition("/")[2].partition(":")[0])
    item = form.items.get(link)
    return name.endswith(OTHER) or (item is not None and item.type in ("text", "string"))


def _fields(request: ActionRequest) -> dict[str, list[str]]:
    return {
        name: list(values)
        for name, values in request.fields.items()
        if name not in _OWN and any(value != "" for value in values)
    }


def _before(request: ActionRequest) -> dict[str, list[str]] | None:
    text = _one(request, "before")
    try:
        read = fhir_json.loads(text) if text else None
    except fhir_json.JsonError:
        return None
    return read if isinstance(read, dict) else None


def _one(request: ActionRequest, name: str) -> str:
    values = request.fields.get(name, ())
    return values[0] if values else ""


async def finish(request: ActionRequest) -> View | NotFound | Moved | Told:
    """Answer `journal/sign`: sign the note, or (`do=save`) leave it unsigned in the record."""
    chosen = await find(request.record, _one(request, "template"))
    if chosen is None:
        return NotFound(_NO_TEMPLATE)
    signed = _one(request, "do") != "save"
    stray = typed_fields.strangers(chosen.form, _fields(request))
    around = await _around(request, chosen)
    if await _is_signed(request, chosen):
        # It was signed by an earlier press of the same button, whose answer was lost.
        return Moved(f"{request.chart.path()}#notes")
    if not around.knows(_one(request, CONTACT)):
        alert = request.chart.translator.gettext(_OTHER_CONTACT)
        return _pane(around, chosen, _fields(request), None, alert=alert)
    kept = await _keep(request, chosen)
    if isinstance(kept, Refused):
        return _pane(around, chosen, _fields(request), None, alert=" ".join(kept.reasons))
    draft, fields, both = kept
    state, unread = _worked_out(chosen.form, around, fields)
    problems = problems_by_field(state, unread, request.chart.translator, finished=signed)
    if not state.response.get("item"):
        alert = request.chart.translator.gettext(_NOTHING_WRITTEN)
        return _pane(around, chosen, fields, draft, alert=alert)
    if problems or both or stray:
        return _pane(around, chosen, fields, draft, finished=signed, notices=both)
    unfilled = _unfilled(fields) if signed else ""
    if unfilled != _one(request, "unfilled") and unfilled:
        alert = request.chart.translator.gettext(_UNFILLED) % {"fields": unfilled}
        return _pane(around, chosen, fields, draft, alert=alert, unfilled=unfilled)
    moment = local(request.chart.now).isoformat(timespec="seconds")
    note = Written(draft.id, request.chart.patient, _contact_of(fields), moment, request.principal)
    made = resources(state, note, signed=signed)
    faults = [one for one in made if not isinstance(one, dict)]
    refused = None if faults else await request.writer.write([one for one in made if isinstance(one, dict)])
    if faults or refused is not None:
        reasons = [one.message for one in faults] + list(refused.reasons if refused else ())
        return _pane(around, chosen, fields, draft, alert=" ".join(reasons))
    if signed:
        await request.writer.remove_draft(draft.id)
    return Moved(f"{request.chart.path()}#notes")


def _unfilled(fields: Fields) -> str:
    """The fields of phrases that still stand in braces."""
    found = (
        one[0] for values in fields.values() for text in values for one in phrasing.BRACES.finditer(text)
    )
    return ", ".join(dict.fromkeys(found))


async def _is_signed(request: ActionRequest, chosen: Template) -> bool:
    """Whether the draft is gone because its note is signed; one discarded elsewhere is written anew."""
    identity = _one(request, "draft")
    draft = await request.writer.draft(chosen.name)
    if draft is not None or not _ID.fullmatch(identity):
        return False
    query = f"Composition?patient={request.chart.patient}&_id={identity}&_count=1"
    pages = await request.record.find_many([query])
    return any(fhir_json.loads(one.body)["status"] == "final" for one in pages[0].matches if one.body)


async def discard(request: ActionRequest) -> View | NotFound | Moved | Told:
    """Answer `journal/discard`: put a draft aside, with the way back."""
    done = await request.writer.discard_draft(_one(request, "draft"))
    address = request.chart.path("journal", "write")
    return Moved(address if isinstance(done, Refused) else f"{address}?discarded={done.id}")


async def restore(request: ActionRequest) -> View | NotFound | Moved | Told:
    """Answer `journal/restore`: take a discarded draft back and go on writing."""
    done = await request.writer.restore_draft(_one(request, "draft"))
    if isinstance(done, Refused):
        return NotFound(message("The draft is gone, or another one of the same template is open."))
    return Moved(f"{request.chart.path('journal', 'write')}?template={quote(done.template)}")


async def _templates(
    record: RecordReader, places: tuple[str, ...], now: datetime
) -> Sequence[tuple[str, str]]:
    return [(one.name, one.title) for one in await all_offered(record, places, now)]


async def _titles(record: RecordReader, wanted: Collection[str]) -> Mapping[str, str]:
    return {name: one.title for name, one in (await find_all(record, wanted)).items()}


WRITING_CARD: Final = OverviewCard(
    anchor="journal",
    title=message("Write"),
    placement=Placement.READING,
    order=5,
    queries=card_queries,
    view=card,
)
WRITE: Final = Route("write", message("Write a note"), write, _CARE, AuditKind.READ, beside=True)
DRAFTING: Final = Drafting(
    templates=_templates,
    titles=_titles,
    path=lambda name: f"journal/write?template={quote(name)}",
    sign=sign,
    shipped=shipped,
    preview=preview,
)
ACTIONS: Final = (
    Action("draft", message("Write a note"), keep, _CARE),
    Action("sign", message("Write a note"), finish, _CARE),
    Action("discard", message("Write a note"), discard, _CARE),
    Action("restore", message("Write a note"), restore, _CARE),
    FILL,
)
