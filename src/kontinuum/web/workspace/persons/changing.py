"""Changing what is known of a person: each change over the version that was seen, with who and why."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from kontinuum.kernel.i18n import message
from kontinuum.kernel.ids import is_id
from kontinuum.kernel.numbers import whole
from kontinuum.record.outcome import Refusal
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.persons import editing, reading
from kontinuum.web.workspace.persons.editing import Resource, Wrong
from kontinuum.web.workspace.persons.shared import (
    NO_REASON,
    WITHHELD,
    change,
    done,
    form_of,
    person_path,
    provenance,
    record_of,
    refuse,
    standing,
    today_of,
    wrong,
)

_ENDED = message("That person is not among the patient's relations.")

Edit = Callable[[Resource, dict[str, str]], Resource | Wrong]


async def set_protection(page: Page) -> Response:
    """Answer POST `/patient/{patient}/person/protection`."""
    form = await form_of(page)
    wanted = form.get("level", "")
    if wanted and wanted not in reading.LEVELS:
        return wrong(page, message("Choose a level."))

    reason, version = editing.text(form, "reason"), form.get("version", "")
    if not reason:
        return wrong(page, NO_REASON)
    patient = page.request.path_params["patient"]
    seen = whole(version)
    result = await record_of(page).persons.protect(patient, wanted or None, reason=reason, if_match=seen)
    return refuse(page, result) if isinstance(result, Refusal) else done(person_path(patient, "protection"))


async def set_contacts(page: Page) -> Response:
    """Answer POST `/patient/{patient}/person/contacts`."""
    form = await form_of(page)
    return await _changed(page, form, editing.with_contacts, "contacts", message("Contact details"))


async def set_deceased(page: Page) -> Response:
    """Answer POST `/patient/{patient}/person/deceased`; without a source, that the person lives."""
    form = await form_of(page)
    today = today_of(page)

    def edit(patient: Resource, form: dict[str, str]) -> Resource | Wrong:
        on, source = editing.day(form, "on", today), form.get("source", "")
        if isinstance(on, Wrong):
            return on
        if source not in reading.SOURCES and (on or form.get("state") != "alive"):
            return Wrong("source", editing.NO_SOURCE)
        return editing.with_death(patient, on, "" if form.get("state") == "alive" else source)

    undoing = form.get("state") == "alive"
    return await _changed(page, form, edit, "deceased", message("Deceased"), needs_reason=undoing)


async def add_number(page: Page) -> Response:
    """Answer POST `/patient/{patient}/person/number`; a number that somebody else has leads to linking."""
    form, record = await form_of(page), record_of(page)
    number = editing.person_number(form, "number", today_of(page), record.persons.schemes)
    if number is None or isinstance(number, Wrong):
        return wrong(page, editing.NO_NUMBER)
    patient = page.request.path_params["patient"]
    (found,) = await record.find_many([f"Patient?identifier={number.value}&_count=10"])
    others = [each.id for each in found.matches if each.id != patient]
    if others:
        return done(f"/patient/{patient}/person/link?with={others[0]}")
    if found.matches:
        return done(person_path(patient, "numbers"))
    return await _changed(
        page, form, lambda resource, _: editing.with_number(resource, number), "numbers", message("Number")
    )


async def add_relation(page: Page) -> Response:
    """Answer POST `/patient/{patient}/person/relation`."""
    form, record = await form_of(page), record_of(page)
    patient = page.request.path_params["patient"]
    current = await standing(page, patient)
    if isinstance(current, Refusal):
        return page.refuse(current)
    if current.withheld:
        return wrong(page, WITHHELD)
    made = editing.related_person(patient, form, today_of(page), record.persons.schemes)
    if isinstance(made, Wrong):
        return wrong(page, made.text)
    written = await record.create(made)
    return refuse(page, written) if isinstance(written, Refusal) else done(person_path(patient, "relations"))


async def end_relation(page: Page) -> Response:
    """Answer POST `/patient/{patient}/person/relation/end`: it ends today; nothing is removed."""
    form, record = await form_of(page), record_of(page)
    patient, relation = page.request.path_params["patient"], form.get("relation", "")
    if not is_id(relation):
        return wrong(page, _ENDED)
    (found,) = await record.find_many([f"RelatedPerson?patient={patient}&_id={relation}"])
    if not found.matches or found.matches[0].body is None:
        return wrong(page, _ENDED)
    stored = found.matches[0]
    person = editing.ended(stored.body or b"", today_of(page).isoformat())
    version = whole(form.get("version", ""))
    entries = [
        {
            "resource": person,
            "request": {"method": "PUT", "url": stored.reference, "ifMatch": f'W/"{version}"'},
        },
        {
            "resource": provenance(
                page, f"{stored.reference}/_history/{version + 1}", form.get("reason", ""), message("Ended")
            ),
            "request": {"method": "POST", "url": "Provenance"},
        },
    ]
    results = await record.transaction({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    return refuse(page, results) if isinstance(results, Refusal) else done(person_path(patient, "relations"))


async def _changed(
    page: Page, form: dict[str, str], edit: Edit, anchor: str, activity: str, *, needs_reason: bool = False
) -> Response:
    """Write the Patient of the page as a form wants it."""
    patient = page.request.path_params["patient"]
    current = await standing(page, patient)
    if isinstance(current, Refusal):
        return page.refuse(current)
    if current.withheld:
        return wrong(page, WITHHELD)
    reason = editing.text(form, "reason")
    if needs_reason and not reason:
        return wrong(page, NO_REASON)
    changed = edit(current.resource, form)
    if isinstance(changed, Wrong):
        return wrong(page, changed.text)
    refused = await change(page, current, form.get("version", ""), changed, reason, activity)
    return refuse(page, refused) if refused is not None else done(person_path(patient, anchor))
