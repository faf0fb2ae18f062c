"""Registering a patient: with a number, or with a reserve number for one who is unknown or newly born.

Before anything is written the record is looked through: who has the number already is opened, and who may be
the same person is shown first.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from kontinuum.kernel.i18n import message
from kontinuum.record.outcome import Refusal
from kontinuum.sweden.identifiers import PersonIdentifier
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.persons import editing
from kontinuum.web.workspace.persons.editing import Resource, Wrong
from kontinuum.web.workspace.persons.person import Candidate, said
from kontinuum.web.workspace.persons.shared import (
    Standing,
    done,
    form_of,
    person_path,
    record_of,
    refuse,
    standing,
    today_of,
    values_of,
)

UNKNOWN_NAME: Final = "Okänd"
"""The family name of one of whom nothing is known, as it stands in Swedish records whatever the language."""


async def show_new(page: Page) -> Response:
    """Answer GET `/patients/new`."""
    return _form(page, {})


async def register(page: Page) -> Response:
    """Answer POST `/patients/new`; with `unknown` one click registers somebody of whom nothing is known.

    `number` alone comes from the patient search, and only opens the form.
    """
    form = await form_of(page)
    if form.get("from") == "search":
        return _form(page, form)
    if form.get("unknown"):
        form = {"family": UNKNOWN_NAME, "sex": "unknown"}
        return await _write(page, {**form}, None)
    record = record_of(page)
    number = editing.person_number(form, "number", today_of(page), record.persons.schemes)
    if isinstance(number, Wrong):
        return _form(page, form, wrong=number)
    if number is not None:
        (found,) = await record.find_many([f"Patient?identifier={number.value}&_count=10"])
        if found.matches:
            known = await record.persons.person_of([found.matches[0].id])
            return done(person_path(known.get(found.matches[0].id, found.matches[0].id)))
    made = editing.new_patient(form, today_of(page), number)
    if isinstance(made, Wrong):
        return _form(page, form, wrong=made)
    if not form.get("anyway"):
        candidates = await _candidates(page, made)
        if candidates:
            return _form(page, form, candidates=candidates)
    return await _write(page, form, number, made)


async def _write(
    page: Page, form: dict[str, str], number: PersonIdentifier | None, made: Resource | None = None
) -> Response:
    record = record_of(page)
    patient = made or editing.new_patient(form, today_of(page), number)
    if isinstance(patient, Wrong):
        return _form(page, form, wrong=patient)
    if number is None:
        drawn = await record.persons.draw_reserve_number()
        if isinstance(drawn, Refusal):
            return refuse(page, drawn)
        system, value = drawn
        patient = {**patient, "identifier": [{"use": "temp", "system": system, "value": value}]}
        written = await record.create(patient)
    else:
        # Two who register the same person at once make one record.
        system, value = number.system, number.value
        written = await record.create(patient, if_none_exist=f"identifier={system}|{value}")
    if isinstance(written, Refusal):
        return refuse(page, written)
    return done(f"/patient/{written.stored.id}")


async def _candidates(page: Page, patient: Resource) -> list[Candidate]:
    found = []
    pairs = await record_of(page).persons.duplicates_of(dict(patient))
    for pair in [] if isinstance(pairs, Refusal) else pairs:
        other = await standing(page, pair.other)
        if isinstance(other, Standing):
            found.append(Candidate(other.person, said(page, other.person, pair.reasons)))
    return found


def _form(
    page: Page,
    form: dict[str, str],
    *,
    wrong: Wrong | None = None,
    candidates: list[Candidate] | None = None,
) -> Response:
    values = {
        "form": values_of(form),
        "wrong": wrong,
        "problem": page.translator.gettext(wrong.text) if wrong else "",
        "candidates": candidates or [],
        "sexes": {
            "female": page.translator.gettext(message("Woman")),
            "male": page.translator.gettext(message("Man")),
            "unknown": page.translator.gettext(message("Not known")),
        },
    }
    return page.render("persons/new.html", values, 422 if wrong else 200)
