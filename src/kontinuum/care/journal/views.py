"""The writing pane: choose a template, write; the server keeps every keystroke until the note is signed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from kontinuum.care.journal import fields as typed_fields
from kontinuum.care.journal.fields import OTHER, Fields, Unread
from kontinuum.care.journal.library import Template, all_templates, template
from kontinuum.care.journal.merging import merge
from kontinuum.care.journal.pane import calculated, pane, problems_by_field, shown_names
from kontinuum.care.journal.signing import resources
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.questionnaire import Context, Form, State, evaluate, prefill
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import (
    Action,
    ActionRequest,
    AuditKind,
    Chart,
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

_OWN: Final = frozenset({"csrf", "patient", "template", "version", "draft", "before", "do"})
_NO_TEMPLATE: Final = message("There is no such template.")
_NOTHING_WRITTEN: Final = message("Nothing is written yet.")
_NO_PLACE: Final = message("The template has no place for this, move it before you sign: %(text)s")
_BOTH: Final = message("Was changed in another window at the same time; there it said: %(other)s")
_KEPT_BOTH: Final = message("Was written in two windows at the same time; both texts stay.")
_ID: Final = re.compile(r"[0-9a-f-]{36}")
_CARE: Final = frozenset({Purpose.CARE})


@dataclass(frozen=True, slots=True)
class Begun:
    """A draft in the list of what is not finished."""

    id: str
    title: str
    address: str
    when: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A clock in Swedish time, so that today() is the day on the wall."""

    chart: Chart

    def now(self) -> Any:
        """The present, in Swedish time."""
        return local(self.chart.now)


def card_queries(chart: Chart) -> tuple[str, ...]:
    """The card needs nothing of the record."""
    return ()


def card(chart: Chart, pages: Sequence[ResultPage]) -> View:
    """Where writing begins: the templates for notes."""
    notes = [one for one in all_templates() if one.kind == "note"]
    return View("journal/card.html", {"templates": notes, "all": chart.path("journal", "write")})


async def write(request: PageRequest) -> View | NotFound:
    """Answer `journal/write`: the templates, or with `template=` the pane."""
    chosen = request.parameters.get("template")
    if chosen is None:
        return await _choose(request)
    found = template(chosen)
    if found is None:
        return NotFound(_NO_TEMPLATE)
    context = await _context(request.record, request.chart, found.form)
    draft = await request.writer.draft(found.name)
    if isinstance(draft, Refused):
        return NotFound(draft.reasons[0])
    taken: dict[str, str] = {}
    if draft is None:
        begun = prefill(found.form, context)
        fields = typed_fields.from_state(evaluate(found.form, begun.response, context))
        taken = {link: one.when for link, one in begun.taken.items()}
    else:
        fields = _stored(draft)
    return _pane(request.chart, found, context, fields, draft, taken=taken)


async def _choose(request: PageRequest) -> View | NotFound:
    found = await request.writer.drafts()
    if isinstance(found, Refused):
        return NotFound(found.reasons[0])
    begun = []
    for draft in found:
        one = template(draft.template)
        if one is not None:
            when = request.chart.translator.moment(_moment(draft.updated))
            begun.append(Begun(draft.id, one.title, _address(request.chart, one), when))
    back = request.parameters.get("discarded", "")
    undo = {"identity": back} if back else None
    await request.record.find_many(())
    return View("journal/choose.html", {"templates": all_templates(), "begun": begun, "undo": undo})


def _moment(micros: int) -> datetime:
    return from_micros(micros)


def _address(chart: Chart, chosen: Template) -> str:
    return f"{chart.path('journal', 'write')}?template={quote(chosen.name)}"


async def _context(record: RecordReader, chart: Chart, form: Form) -> Context:
    """The patient, and what answers may be taken from where the form asks for it."""
    queries = [f"Patient?_id={chart.patient}"]
    if any(item.link_period is not None for item in form.items.values()):
        queries.append(f"Observation?patient={chart.patient}&_sort=-date&_count=200")
    pages = await record.find_many(queries)
    read = [[fhir_json.loads(one.body) for one in page.matches if one.body] for page in pages]
    variables = {"patient": read[0][0]} if read[0] else {}
    return Context(variables, Moment(chart), read[1] if len(read) > 1 else ())


def _stored(draft: SavedDraft) -> dict[str, list[str]]:
    content: dict[str, list[str]] = fhir_json.loads(draft.content)
    return content


def _worked_out(form: Form, context: Context, fields: Fields) -> tuple[State, list[Unread]]:
    response, unread = typed_fields.to_response(form, fields)
    return evaluate(form, response, context), unread


def _pane(
    chart: Chart,
    chosen: Template,
    context: Context,
    fields: Fields,
    draft: SavedDraft | None,
    *,
    taken: dict[str, str] | None = None,
    finished: bool = False,
    alert: str = "",
    notices: dict[str, str] | None = None,
) -> View:
    state, unread = _worked_out(chosen.form, context, fields)
    problems = problems_by_field(state, unread, chart.translator, finished=finished)
    made = pane(state, fields, problems, chart.translator)
    lost = [text for texts in typed_fields.strangers(chosen.form, fields).values() for text in texts]
    if lost:
        alert = chart.translator.gettext(_NO_PLACE) % {"text": "\n".join(lost)}
    values = {
        "template": chosen,
        "pane": made,
        "version": draft.version if draft is not None else 0,
        "draft": draft.id if draft is not None else "",
        "saved_at": chart.translator.clock(_moment(draft.updated)) if draft is not None else "",
        "taken": taken or {},
        "finished": finished,
        "alert": alert,
        "notices": notices or {},
    }
    return View("journal/write.html", values)


async def keep(request: ActionRequest) -> View | NotFound | Moved | Told:
    """Answer `journal/draft`: keep what is written, and tell the page what follows from it."""
    chosen = template(_one(request, "template"))
    if chosen is None:
        return NotFound(_NO_TEMPLATE)
    stray = typed_fields.strangers(chosen.form, _fields(request))
    if stray:
        return Told({"refused": [f"The template has no field {name}." for name in stray]}, 400)
    kept = await _keep(request, chosen)
    if isinstance(kept, Refused):
        return Told({"refused": list(kept.reasons)}, 409)
    draft, fields, both = kept
    context = await _context(request.record, request.chart, chosen.form)
    state, unread = _worked_out(chosen.form, context, fields)
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
    link = name.rpartition("/")[2].partition(":")[0]
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
    chosen = template(_one(request, "template"))
    if chosen is None:
        return NotFound(_NO_TEMPLATE)
    signed = _one(request, "do") != "save"
    stray = typed_fields.strangers(chosen.form, _fields(request))
    context = await _context(request.record, request.chart, chosen.form)
    if await _is_signed(request, chosen):
        # It was signed by an earlier press of the same button, whose answer was lost.
        return Moved(f"{request.chart.path()}#notes")
    kept = await _keep(request, chosen)
    if isinstance(kept, Refused):
        fields = _fields(request)
        return _pane(request.chart, chosen, context, fields, None, alert=" ".join(kept.reasons))
    draft, fields, both = kept
    state, unread = _worked_out(chosen.form, context, fields)
    problems = problems_by_field(state, unread, request.chart.translator, finished=signed)
    if not state.response.get("item"):
        alert = request.chart.translator.gettext(_NOTHING_WRITTEN)
        return _pane(request.chart, chosen, context, fields, draft, alert=alert)
    if problems or both or stray:
        return _pane(request.chart, chosen, context, fields, draft, finished=signed, notices=both)
    written = local(request.chart.now).isoformat(timespec="seconds")
    patient, principal = request.chart.patient, request.principal
    made = resources(state, draft.id, patient, written, principal, signed=signed)
    faults = [one for one in made if not isinstance(one, dict)]
    refused = None if faults else await request.writer.write([one for one in made if isinstance(one, dict)])
    if faults or refused is not None:
        reasons = [one.message for one in faults] + list(refused.reasons if refused else ())
        return _pane(request.chart, chosen, context, fields, draft, alert=" ".join(reasons))
    if signed:
        await request.writer.remove_draft(draft.id)
    return Moved(f"{request.chart.path()}#notes")


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


WRITING_CARD: Final = OverviewCard(
    anchor="journal",
    title=message("Write"),
    placement=Placement.READING,
    order=5,
    queries=card_queries,
    view=card,
)
WRITE: Final = Route("write", message("Write a note"), write, _CARE, AuditKind.READ)
ACTIONS: Final = (
    Action("draft", message("Write a note"), keep, _CARE),
    Action("sign", message("Write a note"), finish, _CARE),
    Action("discard", message("Write a note"), discard, _CARE),
    Action("restore", message("Write a note"), restore, _CARE),
)
