"""Staff: finding people, one person with assignments, adding a person, changing what is said of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from kontinuum.kernel.i18n import message
from kontinuum.kernel.principal import Purpose
from kontinuum.organisation import applying, codes, resources
from kontinuum.organisation.model import Kind, Person
from kontinuum.organisation.plan import Directory, Held
from kontinuum.record.outcome import Refusal
from kontinuum.sweden import systems
from kontinuum.sweden.organisations import HsaId, issuer
from kontinuum.web.workspace.administration import forms
from kontinuum.web.workspace.administration.roles import roles_of, shown_roles
from kontinuum.web.workspace.administration.shared import (
    change,
    fields_of,
    go,
    held,
    is_conflict,
    leaf_of,
    own,
    provider_of,
    record_of,
    render_changeable,
    today_of,
    units_of,
    write,
)
from kontinuum.web.workspace.administration.units import tree
from kontinuum.web.workspace.pages import Page

_TAKEN: Final = message("There is a person with this HSA-id already.")
_ISSUED_ELSEWHERE: Final = message(
    "This HSA-id is issued by another organisation: it begins with %(theirs)s, yours with %(ours)s. "
    "Whoever issued it registers the person; you can then give an assignment here."
)


async def show_staff(page: Page) -> Response:
    """Answer GET `/admin/staff`: by name or HSA-id; without words, everybody with an assignment here."""
    q = page.request.query_params.get("q", "").strip()[:100]
    if q:
        people = await _find(page, q)
    else:
        shown = await roles_of(page, "PractitionerRole")
        holding = {one.person_id: one for one in shown if one.state != "ended"}
        people = [
            {"id": one.person_id, "name": one.person_name, "protected": one.protected}
            for one in sorted(holding.values(), key=lambda one: one.person_name)
        ]
    return page.render("administration/staff.html", {"leaf": leaf_of(page, people), "q": q})


async def _find(page: Page, q: str) -> list[dict[str, object]]:
    hsa_id = HsaId.parse(q)
    if isinstance(hsa_id, HsaId):
        tokens = (f"{system}|{hsa_id.value}" for system in sorted(systems.HSA_ID_FORMS))
        url = f"Practitioner?identifier={quote(','.join(tokens), safe='')}"
    else:
        url = "Practitioner?" + "&".join(f"name={quote(word, safe='')}" for word in q.split()[:4])
    found = await applying.every(record_of(page), f"{url}&_count={applying.PAGE}")
    people = []
    for one in map(applying.held, () if isinstance(found, Refusal) else found):
        person = resources.person_of(one.resource)
        identity = one.reference.partition("/")[2]
        people.append({"id": identity, "name": person.name or person.hsa_id, "protected": person.protected})
    return sorted(people, key=lambda one: str(one["name"]))


async def new_person(page: Page) -> Response:
    """Answer GET `/admin/staff/new`."""
    return _new_form(page, {})


async def create_person(page: Page) -> Response:
    """Answer POST `/admin/staff/new`."""
    fields = await fields_of(page)
    person = forms.understand(Kind.PERSON, fields, today_of(page), page.translator)
    if isinstance(person, forms.Mistake):
        return _new_form(page, fields, person)
    assert isinstance(person, Person)
    theirs, ours = (issuer(person.hsa_id), issuer(provider_of(page)))
    if theirs != ours:
        elsewhere = page.translator.gettext(_ISSUED_ELSEWHERE) % {"theirs": theirs, "ours": ours}
        return _new_form(page, fields, forms.Mistake("hsa_id", elsewhere))
    known = await _find(page, person.hsa_id)
    refusal = None
    if not known:
        reference = f"Practitioner/{person.hsa_id}"
        refusal = await write(page, reference, resources.person_resource(person), None, "")
    if known or (refusal and is_conflict(refusal)):
        taken = forms.Mistake("hsa_id", page.translator.gettext(_TAKEN))
        return _new_form(page, fields, taken, known=str(known[0]["id"]) if known else person.hsa_id)
    return page.refuse(refusal) if refusal else go(f"/admin/person/{person.hsa_id}")


def _new_form(
    page: Page, fields: Mapping[str, str], mistake: forms.Mistake | None = None, known: str = ""
) -> Response:
    values = {"fields": fields, "mistake": mistake, "professions": _professions(page), "known": known}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if mistake else HTTPStatus.OK
    return page.render("administration/new_person.html", values, status)


async def show_person(page: Page) -> Response:
    """Answer GET `/admin/person/{id}`."""
    one = await held(page, "Practitioner", to_change=False)
    return one if isinstance(one, Response) else await person_page(page, one)


async def change_person(page: Page) -> Response:
    """Answer POST `/admin/person/{id}`."""
    one = await held(page, "Practitioner")
    if isinstance(one, Response):
        return one
    before = resources.person_of(one.resource)
    fields = await fields_of(page)
    given = {**fields, "hsa_id": before.hsa_id}
    wanted = forms.understand(Kind.PERSON, given, today_of(page), page.translator)
    if isinstance(wanted, forms.Mistake):
        return await person_page(page, one, fields, wanted)
    assert isinstance(wanted, Person)
    after = replace(wanted, active=fields.get("active") != "no")
    changed = resources.person_resource(after, one.resource) if after != before else None
    return await change(page, one, changed, fields, lambda seen: person_page(page, one, fields, seen=seen))


async def person_page(
    page: Page,
    one: Held,
    fields: Mapping[str, str] | None = None,
    mistake: forms.Mistake | None = None,
    seen: int | None = None,
    added: Mapping[str, str] | None = None,
) -> Response:
    """A person; `fields` and `added` are what was written in the forms and could not be taken."""
    person = resources.person_of(one.resource)
    units = await units_of(page)
    roles = Directory()
    roles.add(one)
    for role in await own(page, f"PractitionerRole?practitioner={one.reference}"):
        roles.add(role)
    for unit in units.held.values():
        roles.add(unit)
    assignment = page.session.principal.assignment
    usual = {"unit": assignment.unit, "purpose": Purpose.CARE.value, "from": today_of(page).isoformat()}
    values = {
        "person": person,
        "ours": one.provider == provider_of(page),
        "fields": fields or _as_fields(person),
        "added": added or usual,
        "mistake": mistake,
        "roles": shown_roles(roles, today_of(page), page.translator),
        "units": [each for each in tree(units, today_of(page)) if each.state != "closed"],
        "purposes": [(code.value, page.translator.gettext(text)) for code, text in codes.PURPOSES.items()],
        "rights": [(code, page.translator.gettext(text)) for code, text in codes.RIGHTS.items()],
        "professions": _professions(page),
    }
    return await render_changeable(page, "administration/person.html", values, one, roles, seen)


def _as_fields(person: Person) -> dict[str, str]:
    return {
        "given_name": person.given_name,
        "family_name": person.family_name,
        "personal_number": person.personal_number or "",
        "protected": "yes" if person.protected else "no",
        "profession": "|".join(person.professions),
        "prescriber_code": person.prescriber_code or "",
        "phone": person.phone or "",
        "active": "yes" if person.active else "no",
    }


def _professions(page: Page) -> list[tuple[str, str]]:
    titles = [(code, page.translator.gettext(title)) for code, title in codes.PROFESSIONS.items()]
    return sorted(titles, key=lambda each: each[1])
