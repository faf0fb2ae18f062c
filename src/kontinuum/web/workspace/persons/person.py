"""The page of a person: identities, links, protected identity, contacts, who acts for the person, changes."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from kontinuum.record.outcome import HistoryPage, Refusal
from kontinuum.record.persons.links import LinkRow, PersonLinks
from kontinuum.record.persons.rules import Likeness
from kontinuum.sweden import systems
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.patient import Person, read_person
from kontinuum.web.workspace.persons import reading
from kontinuum.web.workspace.persons.editing import ROLES, Resource
from kontinuum.web.workspace.persons.merged import elsewhere, with_links
from kontinuum.web.workspace.persons.shared import (
    Standing,
    reader_of,
    record_of,
    refuse,
    standing,
    today_of,
    when,
)
from kontinuum.web.workspace.persons.words import LIKENESSES

SHOWN_VERSIONS = 30


@dataclass(frozen=True, slots=True)
class ShownLink:
    """A link with the two persons that it is between; None for one who may not be shown."""

    row: LinkRow
    replaced: Person | None
    survivor: Person | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """Another Patient that may be the same person, and why."""

    person: Person
    reasons: tuple[str, ...]


async def show_person(page: Page) -> Response:
    """Answer GET `/patient/{patient}/person`."""
    patient = page.request.path_params["patient"]
    moved = await elsewhere(page, "/person")
    if moved is not None:
        return moved
    current = await standing(page, patient)
    if isinstance(current, Refusal):
        return page.refuse(current)
    record = record_of(page)
    links = await record.persons.links_of(patient)
    if isinstance(links, Refusal):
        return refuse(page, links)
    values = await _values(page, current, links)
    return page.render("persons/person.html", values)


async def _values(page: Page, current: Standing, links: PersonLinks) -> dict[str, object]:
    record, today, translator = record_of(page), today_of(page), page.translator
    patient = current.stored.id
    reader = reader_of(page, patient)
    related, reasons = await reader.find_many(
        [f"RelatedPerson?patient={patient}&_count=100", f"Provenance?patient={patient}&_count=200"]
    )
    versions = await record.history("Patient", patient, count=SHOWN_VERSIONS)
    history = () if isinstance(versions, Refusal) else versions.entries
    units = [*(each.unit for each in history), current.stored.unit]
    units += [unit for row in links.links for unit in (row.made_unit, row.ended_unit or "")]
    await page.services.directory.learn(record, units)
    people = await _people(page, [each for row in links.links for each in (row.replaced, row.survivor)])
    return {
        "patient": await with_links(page, current.person),
        "warnings": reader.banner_notes(),
        "withheld": current.withheld,
        "version": current.stored.version,
        "numbers": reading.numbers(current.resource, today, record.persons.schemes, translator),
        "contacts": _contacts(current),
        "deceased": _deceased(current, page),
        "links": [ShownLink(row, people.get(row.replaced), people.get(row.survivor)) for row in links.links],
        "candidates": await _candidates(page, patient),
        "relations": reading.relations(related.matches, today, translator),
        "roles": {key: translator.gettext(label) for key, (_, _, label) in ROLES.items()},
        "levels": {code: translator.gettext(label) for code, label in reading.LEVELS.items()},
        "level": _level(current),
        "sources": {code: translator.gettext(label) for code, label in reading.SOURCES.items()},
        "changes": reading.changes(history, reasons.matches, page.services.directory, translator),
        "more_changes": isinstance(versions, HistoryPage) and versions.next is not None,
        "when": when(page),
        "unit_name": page.services.directory.unit,
        "kept_by": page.services.directory.unit(current.stored.unit),
        "own": current.stored.provider == page.session.principal.assignment.provider,
        "may_protect": record.persons.may_handle_protected,
    }


async def _people(page: Page, patients: list[str]) -> dict[str, Person]:
    """How some Patients are shown, by id."""
    if not patients:
        return {}
    found = await record_of(page).read_many([f"Patient/{each}" for each in dict.fromkeys(patients)])
    return {
        each.id: read_person(each.body, today_of(page), page.translator, page.services.directory)
        for each in found.values()
        if each.body
    }


async def _candidates(page: Page, patient: str) -> list[Candidate]:
    pairs = await record_of(page).persons.duplicates(patient=patient)
    if isinstance(pairs, Refusal):
        return []
    others = {pair.other if pair.one == patient else pair.one: pair.reasons for pair in pairs}
    people = await _people(page, list(others))
    return [
        Candidate(people[other], said(page, people[other], reasons))
        for other, reasons in others.items()
        if other in people
    ]


def said(page: Page, person: Person, reasons: tuple[Likeness, ...]) -> tuple[str, ...]:
    """Why two may be one person; a shared address is not told of one whose identity is protected."""
    told = [each for each in reasons if person.protection is None or each is not Likeness.CONTACT]
    return tuple(page.translator.gettext(LIKENESSES[each]) for each in told)


def _level(current: Standing) -> str:
    labels = current.resource.get("meta", {}).get("security", ())
    codes = {label.get("code") for label in labels if label.get("system") == systems.SECURITY_LABEL}
    return next(
        (code for code in (systems.PROTECTED_REGISTRATION, systems.CONFIDENTIALITY_MARK) if code in codes), ""
    )


def _contacts(current: Standing) -> dict[str, str]:
    """The telephone numbers, e-mail and address as the form has them; none under protected identity."""
    if current.person.protection is not None:
        return {}
    patient = current.resource
    points = [each for each in patient.get("telecom", ()) if each.get("use") != "old"]
    address: Resource = next((each for each in patient.get("address", ()) if each.get("use") != "old"), {})

    def first(system: str, mobile: bool = False) -> str:
        of_kind = (p for p in points if p.get("system") == system and (p.get("use") == "mobile") is mobile)
        return str(next((p.get("value", "") for p in of_kind), ""))

    return {
        "mobile": first("phone", mobile=True),
        "phone": first("phone"),
        "email": first("email"),
        "line": " ".join(address.get("line", ())),
        "code": address.get("postalCode", ""),
        "city": address.get("city", ""),
    }


def _deceased(current: Standing, page: Page) -> dict[str, str]:
    """The day and the source of a death, both empty when the person lives."""
    patient = current.resource
    said_by = patient.get("_deceasedDateTime") or patient.get("_deceasedBoolean") or {}
    code = next(
        (
            e.get("valueCode", "")
            for e in said_by.get("extension", ())
            if e.get("url") == systems.DECEASED_SOURCE
        ),
        "",
    )
    label = reading.SOURCES.get(code, "")
    on = str(patient.get("deceasedDateTime", ""))[:10]
    return {"on": on, "source": page.translator.gettext(label) if label else "", "code": code}
