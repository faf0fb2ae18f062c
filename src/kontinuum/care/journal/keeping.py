"""The writing pane is shown, and what is typed in it is kept: one draft, however many windows write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, unquote

from kontinuum.care.journal import fields as typed_fields
from kontinuum.care.journal.attaching import files_of, headings, kinds_taken, shown
from kontinuum.care.journal.codes import missing_sets, other_meanings
from kontinuum.care.journal.fields import CONTACT, OTHER, SOURCES, Fields, Unread
from kontinuum.care.journal.library import Template, find
from kontinuum.care.journal.merging import merge
from kontinuum.care.journal.pane import calculated, pane, problems_by_field, shown_names
from kontinuum.care.journal.reopening import Unsigned
from kontinuum.care.journal.sources import NOTHING_TO_COPY, copyable_headings, sources
from kontinuum.care.journal.surroundings import Surroundings, surroundings
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.questionnaire import Form, State, evaluate
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import (
    ActionRequest,
    Moved,
    NotFound,
    PageRequest,
    Refused,
    SavedDraft,
    Told,
    View,
)
from kontinuum.kernel.numbers import whole

_OWN: Final = frozenset(
    {"csrf", "patient", "template", "version", "draft", "before", "do", "unfilled", "saving", "saves", "copy"}
)
_SAVES: Final = "~saves"
"""In a draft: the ids of the last saves that are in it, by which one that comes again is known."""
_SAVES_KEPT: Final = 8
NO_TEMPLATE: Final = message("There is no such template.")
OTHER_CONTACT: Final = message("The contact is not one of this patient's. Choose another one, or none.")
_NO_PLACE: Final = message("The template has no place for this, move it before you sign: %(text)s")
_BOTH: Final = message("Was changed in another window at the same time; there it said: %(other)s")
_KEPT_BOTH: Final = message("Was written in two windows at the same time; both texts stay.")


def moment_of(micros: int) -> datetime:
    """The moment that a draft tells in microseconds."""
    return from_micros(micros)


def stored(draft: SavedDraft) -> dict[str, list[str]]:
    """The fields that a draft holds."""
    content: dict[str, list[str]] = fhir_json.loads(draft.content)
    return {name: values for name, values in content.items() if name != _SAVES}


def _saves_of(draft: SavedDraft) -> list[str]:
    found: list[str] = fhir_json.loads(draft.content).get(_SAVES, [])
    return found


def contact_of(fields: Fields) -> str:
    """The contact that is chosen; empty for none."""
    return next(iter(fields.get(CONTACT, ())), "")


def worked_out(form: Form, around: Surroundings, fields: Fields) -> tuple[State, list[Unread]]:
    """What follows from the fields, and those that hold no answer yet."""
    response, unread = typed_fields.to_response(form, fields)
    return evaluate(form, response, around.context(contact_of(fields))), unread


async def show_pane(
    request: PageRequest | ActionRequest,
    around: Surroundings,
    chosen: Template,
    fields: Fields,
    draft: SavedDraft | None,
    *,
    taken: dict[str, str] | None = None,
    finished: bool = False,
    alert: str = "",
    notices: dict[str, str] | None = None,
    done: str = "",
    unfilled: str = "",
    standing: Unsigned | None = None,
) -> View:
    """The pane with these fields; `standing` is the note in the record that is written on."""
    chart = around.chart
    state, unread = worked_out(chosen.form, around, fields)
    problems = problems_by_field(state, unread, chart.translator, finished=finished)
    made = pane(state, fields, problems, chart.translator)
    lost = [text for texts in typed_fields.strangers(chosen.form, fields).values() for text in texts]
    if lost:
        alert = chart.translator.gettext(_NO_PLACE) % {"text": "\n".join(lost)}
    files = await files_of(request, draft.id if draft is not None else "")
    values = {
        "template": chosen,
        "pane": made,
        "contacts": around.contacts,
        "contact": contact_of(fields),
        "base": next(iter(fields.get(typed_fields.BASE, ())), ""),
        "version": draft.version if draft is not None else 0,
        "draft": draft.id if draft is not None else "",
        "saved_at": chart.translator.clock(moment_of(draft.updated)) if draft is not None else "",
        "taken": taken or {},
        "finished": finished,
        "alert": alert,
        "done": done,
        "sources": {name: one for name, one in sources(fields).items() if not one.confirmed},
        "sources_field": next(iter(fields.get(SOURCES, ())), ""),
        **await _to_copy(request, chosen),
        "notices": {
            **await missing_sets(request, state),
            **await other_meanings(request, made.fields, fields),
            **(notices or {}),
        },
        "unfilled": unfilled,
        "files": shown(request, files),
        "headings": headings(chosen.form),
        "kinds": kinds_taken(request),
        "sounds": shown(request, await request.writer.sounds(chosen.note)) if chosen.note else [],
        "writers": [_name(one) for one in draft.authors] if draft is not None else [],
        "author": "" if standing is None or standing.is_of(request.principal) else _name(standing.author),
    }
    return View("journal/write.html", values)


async def _to_copy(request: PageRequest | ActionRequest, chosen: Template) -> Mapping[str, object]:
    """The main headings that can be copied into, and whether there are earlier answers to copy from."""
    offered = copyable_headings(chosen.form) if chosen.kind == "note" else frozenset()
    if not offered:
        return NOTHING_TO_COPY
    note = f"Composition?patient={request.chart.patient}&status=final,amended&_count=1"
    answered = f"QuestionnaireResponse?patient={request.chart.patient}&status=completed&_count=1"
    asked = [note, answered, f"{answered}&questionnaire={quote(chosen.url, safe='')}"]
    found = await request.record.find_many(asked if chosen.url else asked[:2])
    earlier, answers, *same = [bool(page.matches) for page in found]
    return {
        "copyable": offered if answers else frozenset(),
        "copy_whole": any(same),
        "no_earlier": not earlier,
    }


def _name(party: Mapping[str, Any]) -> str:
    return str(party.get("display") or party.get("reference") or "")


async def keep(request: ActionRequest) -> View | NotFound | Moved | Told:
    """Answer `journal/draft`: keep what is written, and tell the page what follows from it."""
    chosen = await find(request.record, one_of(request, "template"))
    if chosen is None:
        return NotFound(NO_TEMPLATE)
    stray = typed_fields.strangers(chosen.form, fields_of(request))
    if stray:
        return Told({"refused": [f"The template has no field {name}." for name in stray]}, 400)
    around = await around_of(request, chosen)
    if not around.knows(one_of(request, CONTACT)):
        return Told({"refused": [request.chart.translator.gettext(OTHER_CONTACT)]}, 409)
    kept = await keep_fields(request, chosen)
    if isinstance(kept, Refused):
        return Told({"refused": list(kept.reasons)}, 409)
    draft, fields, both = kept
    state, unread = worked_out(chosen.form, around, fields)
    problems = problems_by_field(state, unread, request.chart.translator, finished=False)
    made = pane(state, fields, problems, request.chart.translator)
    return Told(
        {
            "patient": request.chart.patient,
            "draft": draft.id,
            "version": draft.version,
            "saves": " ".join(_saves_of(draft)),
            "saved": request.chart.translator.clock(moment_of(draft.updated)),
            "fields": fields,
            "both": both,
            "shown": shown_names(made.fields),
            "calculated": calculated(made.fields),
            "problems": {**await other_meanings(request, made.fields, fields), **problems},
            "sources": [name for name, one in sources(fields).items() if not one.confirmed],
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


async def around_of(request: ActionRequest, chosen: Template) -> Surroundings:
    """What was read for the note that a form is about."""
    contact = one_of(request, CONTACT)
    return await surroundings(request.record, request.chart, chosen.form, request.principal, contact)


async def keep_fields(
    request: ActionRequest, chosen: Template
) -> tuple[SavedDraft, dict[str, list[str]], dict[str, str]] | Refused:
    """Save the fields of a window; where another window saved first, merge and save what both wrote.

    A save that came before, and whose answer was lost, is in the draft already: it is not merged with itself.
    """
    mine = fields_of(request)
    version, saving = one_of(request, "version"), one_of(request, "saving")
    number = whole(version)
    content = _content(mine, one_of(request, "saves").split(), saving)
    saved = await request.writer.save_draft(chosen.name, content, number)
    if not (isinstance(saved, Refused) and saved.conflict):
        return saved if isinstance(saved, Refused) else (saved, mine, {})
    before = _before(request)
    texts = frozenset(name for name in mine if is_text(chosen.form, name))
    for _ in range(5):
        there = await request.writer.draft(chosen.name)
        if isinstance(there, Refused):
            return there
        if there is not None and saving and saving in _saves_of(there):
            return there, stored(there), {}
        theirs = {} if there is None else stored(there)
        merged = merge(theirs, mine, before if there is not None else {}, texts)
        if there is not None and merged.fields == theirs:
            return there, merged.fields, told_both(request, merged.both, texts)
        content = _content(merged.fields, _saves_of(there) if there is not None else (), saving)
        saved = await request.writer.save_draft(chosen.name, content, there.version if there else 0)
        if not isinstance(saved, Refused):
            return saved, merged.fields, told_both(request, merged.both, texts)
    return saved


def _content(fields: Fields, before: Sequence[str], saving: str) -> bytes:
    saves = [*before, *filter(None, (saving,))][-_SAVES_KEPT:]
    return fhir_json.dumps({**fields, _SAVES: saves} if saves else fields)


def told_both(request: ActionRequest, both: Any, texts: frozenset[str]) -> dict[str, str]:
    """What is said at the fields that two windows changed."""
    gettext = request.chart.translator.gettext
    return {
        name: gettext(_KEPT_BOTH) if name in texts else gettext(_BOTH) % {"other": ", ".join(other) or "–"}
        for name, other in both.items()
        if not name.startswith("~")
    }


def is_text(form: Form, name: str) -> bool:
    """Whether a field holds free text."""
    link = unquote(name.rpartition("/")[2].partition(":")[0])
    item = form.items.get(link)
    return name.endswith(OTHER) or (item is not None and item.type in ("text", "string") and not item.repeats)


def fields_of(request: ActionRequest) -> dict[str, list[str]]:
    """The fields of the note that a form brings."""
    return {
        name: list(values)
        for name, values in request.fields.items()
        if name not in _OWN and any(value != "" for value in values)
    }


def _before(request: ActionRequest) -> dict[str, list[str]] | None:
    text = one_of(request, "before")
    try:
        read = fhir_json.loads(text) if text else None
    except fhir_json.JsonError:
        return None
    return read if isinstance(read, dict) else None


def one_of(request: ActionRequest, name: str) -> str:
    """The first value of a field; empty for none."""
    values = request.fields.get(name, ())
    return values[0] if values else ""
