"""Assignments: who has which right where; adding, changing, ending and reopening one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Final

from starlette.responses import Response

from kontinuum.kernel.i18n import message
from kontinuum.organisation import codes, resources
from kontinuum.organisation.model import Kind, Role
from kontinuum.organisation.plan import Directory, Held
from kontinuum.web.workspace.administration import forms
from kontinuum.web.workspace.administration.roles import choose, roles_of, shown_roles
from kontinuum.web.workspace.administration.shared import (
    add_referred,
    change,
    fields_of,
    go,
    held,
    leaf_of,
    path_of,
    render_changeable,
    today_of,
    units_of,
    write_new,
)
from kontinuum.web.workspace.administration.staff import person_page
from kontinuum.web.workspace.administration.units import tree
from kontinuum.web.workspace.pages import Page

_NOT_YOURS: Final = message("Choose one of your care provider's units.")
SHOWS: Final = ("held", "soon", "overlaps", "ended")


async def show_assignments(page: Page) -> Response:
    """Answer GET `/admin/assignments`: who has which right where, narrowed by the address."""
    asked = page.request.query_params
    units = await units_of(page)
    unit = asked.get("unit", "")
    known = units.held.get(f"Organization/{unit}")
    query = f"PractitionerRole?organization={known.reference}" if known else "PractitionerRole"
    shown = [one for one in await roles_of(page, query) if one.role.purpose is not None]
    show = asked.get("show", "held") if asked.get("show") in SHOWS else "held"
    purpose, right = asked.get("purpose", ""), asked.get("right", "")
    values = {
        "leaf": leaf_of(page, choose(shown, purpose=purpose, right=right, show=show)),
        "unit": unit if known else "",
        "purpose": purpose,
        "right": right,
        "show": show,
        "units": tree(units, today_of(page)),
        "purposes": [(code.value, page.translator.gettext(text)) for code, text in codes.PURPOSES.items()],
        "rights": [(code, page.translator.gettext(text)) for code, text in codes.RIGHTS.items()],
    }
    return page.render("administration/assignments.html", values)


async def add_assignment(page: Page) -> Response:
    """Answer POST `/admin/person/{id}/assignments`."""
    person = await held(page, "Practitioner", to_change=False)
    if isinstance(person, Response):
        return person
    fields = await fields_of(page)
    hsa_id = resources.hsa_id_of(person.resource) or ""
    units = await units_of(page)
    wanted = _understood(page, {**fields, "person": hsa_id}, units)
    if isinstance(wanted, forms.Mistake):
        mistake = replace(wanted, field=f"new-{wanted.field}")
        return await person_page(page, person, mistake=mistake, added=fields)
    references = {hsa: reference for reference, hsa in units.hsa_ids.items()} | {hsa_id: person.reference}
    resource = resources.role_resource(wanted, references)
    refusal = await write_new(page, resource, fields.get("reason", ""))
    if refusal:
        return page.refuse(refusal)
    return go(f"{path_of(person)}#assignments")


async def show_assignment(page: Page) -> Response:
    """Answer GET `/admin/assignment/{id}`."""
    one = await held(page, "PractitionerRole")
    return one if isinstance(one, Response) else await _assignment_page(page, one)


async def change_assignment(page: Page) -> Response:
    """Answer POST `/admin/assignment/{id}`: rights, title and time. Another unit is another assignment."""
    one = await held(page, "PractitionerRole")
    if isinstance(one, Response):
        return one
    fields = await fields_of(page)
    directory = await _around(page, one)
    before = directory.value(one)
    assert isinstance(before, Role)
    given = {**fields, "person": before.person, "unit": before.unit}
    given |= {"purpose": before.purpose.value} if before.purpose else {}
    wanted = forms.understand(before.kind, given, today_of(page), page.translator)
    if isinstance(wanted, forms.Mistake):
        return await _assignment_page(page, one, fields, wanted)
    assert isinstance(wanted, Role)
    after = replace(wanted, hsa_id=before.hsa_id, active=before.active)
    return await _written(page, one, before, after, fields)


async def end_assignment(page: Page) -> Response:
    """Answer POST `/admin/assignment/{id}/end`: now, or with the end of today."""
    one = await held(page, "PractitionerRole")
    if isinstance(one, Response):
        return one
    fields = await fields_of(page)
    before = (await _around(page, one)).value(one)
    assert isinstance(before, Role)
    today = today_of(page)
    last = before.end if before.end and before.end < today else today
    if fields.get("when") == "today":
        after = replace(before, end=last)
    else:
        after = replace(before, end=last, active=False)
    return await _written(page, one, before, after, fields)


async def reopen_assignment(page: Page) -> Response:
    """Answer POST `/admin/assignment/{id}/reopen`: undo an end; it holds again, without an end."""
    one = await held(page, "PractitionerRole")
    if isinstance(one, Response):
        return one
    fields = await fields_of(page)
    before = (await _around(page, one)).value(one)
    assert isinstance(before, Role)
    return await _written(page, one, before, replace(before, active=True, end=None), fields)


async def _written(page: Page, one: Held, before: Role, after: Role, fields: Mapping[str, str]) -> Response:
    changed = None
    if after != before:
        known = {hsa_id: reference for reference, hsa_id in (await _around(page, one)).hsa_ids.items()}
        changed = resources.role_resource(after, known, one.resource)
    return await change(
        page, one, changed, fields, lambda seen: _assignment_page(page, one, fields, seen=seen)
    )


async def _assignment_page(
    page: Page,
    one: Held,
    fields: Mapping[str, str] | None = None,
    mistake: forms.Mistake | None = None,
    seen: int | None = None,
) -> Response:
    directory = await _around(page, one)
    (shown,) = (
        each for each in shown_roles(directory, today_of(page), page.translator) if each.id == _id(one)
    )
    values = {
        "shown": shown,
        "fields": fields if fields and (mistake or seen is not None) else _as_fields(shown.role),
        "mistake": mistake,
        "rights": [(code, page.translator.gettext(text)) for code, text in codes.RIGHTS.items()],
    }
    return await render_changeable(page, "administration/assignment.html", values, one, directory, seen)


def _understood(page: Page, fields: Mapping[str, str], units: Directory) -> Role | forms.Mistake:
    wanted = forms.understand(Kind.ASSIGNMENT, fields, today_of(page), page.translator)
    if isinstance(wanted, forms.Mistake):
        return wanted
    assert isinstance(wanted, Role)
    if units.find("Organization", wanted.unit) is None:
        return forms.Mistake("unit", page.translator.gettext(_NOT_YOURS))
    return wanted


async def _around(page: Page, one: Held) -> Directory:
    """An assignment with its person and unit."""
    directory = Directory()
    directory.add(one)
    await add_referred(page, directory, ("practitioner", "organization"))
    return directory


def _as_fields(role: Role) -> dict[str, str]:
    def written(day: date | None) -> str:
        return day.isoformat() if day else ""

    return {
        "rights": "|".join(role.rights),
        "title": role.title or "",
        "position": role.position or "",
        "from": written(role.start),
        "until": written(role.end),
    }


def _id(one: Held) -> str:
    return one.reference.partition("/")[2]
