"""Units: the care provider's tree, one unit, opening, closing and changing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from kontinuum.kernel.i18n import message
from kontinuum.organisation import codes, resources
from kontinuum.organisation.model import Kind, Unit
from kontinuum.organisation.plan import Directory, Held
from kontinuum.web.workspace.administration import escalation, forms
from kontinuum.web.workspace.administration.roles import roles_at
from kontinuum.web.workspace.administration.shared import (
    change,
    fields_of,
    go,
    held,
    is_conflict,
    names_in,
    path_of,
    provider_of,
    render_changeable,
    today_of,
    units_of,
    write,
)
from kontinuum.web.workspace.pages import Page

_TAKEN: Final = message("There is a unit with this HSA-id already.")
_NOT_YOURS: Final = message("Choose what it is part of among your care provider's units.")


@dataclass(frozen=True, slots=True)
class Branch:
    """A unit in the tree; `state` is open, coming or closed."""

    id: str
    unit: Unit
    depth: int
    state: str


def state_of(unit: Unit, today: date) -> str:
    """Whether a unit is open on a day, opens later, or is closed."""
    if not unit.active or (unit.end and unit.end < today):
        return "closed"
    return "coming" if unit.start and unit.start > today else "open"


def tree(directory: Directory, today: date) -> list[Branch]:
    """The organisations in the order of the tree, each after what it is part of, by name."""
    below: dict[str | None, list[tuple[str, Unit]]] = {}
    known = {h.reference: directory.value(h) for h in directory.held.values() if _is_organisation(h)}
    units = {reference: one for reference, one in known.items() if isinstance(one, Unit)}
    hsa_ids = {one.hsa_id for one in units.values()}
    for reference, one in units.items():
        below.setdefault(one.parent if one.parent in hsa_ids else None, []).append((reference, one))
    branches: list[Branch] = []

    def grow(parent: str | None, depth: int, above: frozenset[str]) -> None:
        for reference, one in sorted(below.get(parent, ()), key=lambda pair: pair[1].name):
            branches.append(Branch(reference.partition("/")[2], one, depth, state_of(one, today)))
            if one.hsa_id and one.hsa_id not in above:
                grow(one.hsa_id, depth + 1, above | {one.hsa_id})

    grow(None, 0, frozenset())
    return branches


def _is_organisation(one: Held) -> bool:
    return one.reference.startswith("Organization/")


async def show_units(page: Page) -> Response:
    """Answer GET `/admin/units`: the tree, or what fits the words that were typed."""
    branches = tree(await units_of(page), today_of(page))
    q = page.request.query_params.get("q", "").strip()
    closed = page.request.query_params.get("closed") == "1"
    shown = [one for one in branches if closed or one.state != "closed"]
    if q:
        shown = [one for one in shown if q.casefold() in f"{one.unit.name} {one.unit.hsa_id}".casefold()]
    values = {"branches": shown, "q": q, "closed": closed, "hidden": len(branches) - len(shown)}
    return page.render("administration/units.html", values)


async def new_unit(page: Page) -> Response:
    """Answer GET `/admin/units/new`."""
    fields = {"parent": page.request.query_params.get("parent") or provider_of(page), "type": "unit"}
    return await _new_form(page, fields)


async def create_unit(page: Page) -> Response:
    """Answer POST `/admin/units/new`: open a unit."""
    fields = await fields_of(page)
    directory = await units_of(page)
    unit = forms.understand(Kind.UNIT, fields, today_of(page), page.translator)
    if isinstance(unit, forms.Mistake):
        return await _new_form(page, fields, unit)
    assert isinstance(unit, Unit)
    if directory.find("Organization", unit.parent or "") is None:
        return await _new_form(page, fields, forms.Mistake("parent", page.translator.gettext(_NOT_YOURS)))
    reference = f"Organization/{unit.hsa_id}"
    resource = resources.unit_resource(unit, _references(directory))
    refusal = (
        None
        if directory.find("Organization", unit.hsa_id)
        else await write(page, reference, resource, None, fields.get("reason", ""))
    )
    if directory.find("Organization", unit.hsa_id) or (refusal and is_conflict(refusal)):
        return await _new_form(page, fields, forms.Mistake("hsa_id", page.translator.gettext(_TAKEN)))
    return page.refuse(refusal) if refusal else go(f"/admin/unit/{unit.hsa_id}")


async def _new_form(page: Page, fields: Mapping[str, str], mistake: forms.Mistake | None = None) -> Response:
    branches = tree(await units_of(page), today_of(page))
    values = {
        "fields": fields,
        "mistake": mistake,
        "parents": [one for one in branches if one.state != "closed"],
        "types": _types(page),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if mistake else HTTPStatus.OK
    return page.render("administration/new_unit.html", values, status)


async def show_unit(page: Page) -> Response:
    """Answer GET `/admin/unit/{id}`."""
    one = await held(page, "Organization")
    return one if isinstance(one, Response) else await _unit_page(page, one)


async def change_unit(page: Page) -> Response:
    """Answer POST `/admin/unit/{id}`: change, close or open a unit."""
    one = await held(page, "Organization")
    if isinstance(one, Response):
        return one
    fields = await fields_of(page)
    directory = await units_of(page)
    before = directory.value(one)
    assert isinstance(before, Unit)
    kind = Kind.UNIT if before.parent else Kind.PROVIDER
    wanted = forms.understand(kind, {**fields, "hsa_id": before.hsa_id}, today_of(page), page.translator)
    if isinstance(wanted, forms.Mistake):
        return await _unit_page(page, one, fields, wanted)
    assert isinstance(wanted, Unit)
    if wanted.parent and (
        wanted.parent == before.hsa_id or not directory.find("Organization", wanted.parent)
    ):
        mistake = forms.Mistake("parent", page.translator.gettext(_NOT_YOURS))
        return await _unit_page(page, one, fields, mistake)
    after = replace(
        wanted, active=fields.get("active") != "no", organisation_number=before.organisation_number
    )
    if kind is Kind.PROVIDER:
        after = replace(after, organisation_number=wanted.organisation_number)
    changed = None
    if after != before:
        changed = resources.unit_resource(after, _references(directory), one.resource)
    return await change(page, one, changed, fields, lambda seen: _unit_page(page, one, fields, seen=seen))


async def change_escalation(page: Page) -> Response:
    """Answer POST `/admin/unit/{id}/escalation`: decide who is told when something waits for too long."""
    one = await held(page, "Organization")
    if isinstance(one, Response):
        return one
    unit = (await units_of(page)).value(one)
    assert isinstance(unit, Unit)
    fields = await fields_of(page)
    problem = await escalation.decide(page, unit.hsa_id, fields)
    if problem is not None:
        return await _unit_page(page, one, mistake=forms.Mistake("escalation", problem), refused=fields)
    return go(f"{path_of(one)}#escalation")


async def _unit_page(
    page: Page,
    one: Held,
    fields: Mapping[str, str] | None = None,
    mistake: forms.Mistake | None = None,
    seen: int | None = None,
    refused: Mapping[str, str] | None = None,
) -> Response:
    directory = await units_of(page)
    unit = directory.value(one)
    assert isinstance(unit, Unit)
    today = today_of(page)
    branches = tree(directory, today)
    names = names_in(directory)
    values = {
        "unit": unit,
        "state": state_of(unit, today),
        "fields": fields or _as_fields(unit),
        "mistake": mistake,
        "parents": [each for each in branches if each.state != "closed" and each.unit.hsa_id != unit.hsa_id],
        "types": _types(page),
        "below": [each for each in branches if each.unit.parent == unit.hsa_id],
        "parent_name": names.get(unit.parent or "", ""),
        "roles": (roles := await roles_at(page, one.reference)),
        "escalation": await escalation.shown(page, unit.hsa_id, roles, refused or {}),
        "today": today,
    }
    return await render_changeable(page, "administration/unit.html", values, one, directory, seen)


def _as_fields(unit: Unit) -> dict[str, str]:
    given = {
        "name": unit.name,
        "parent": unit.parent,
        "type": unit.type,
        "organisation_number": unit.organisation_number,
        "street": unit.street,
        "postal_code": unit.postal_code,
        "city": unit.city,
        "phone": unit.phone,
        "from": unit.start,
        "until": unit.end,
        "active": "yes" if unit.active else "no",
    }
    return {name: str(value) for name, value in given.items() if value is not None}


def _references(directory: Directory) -> dict[str, str]:
    return {hsa_id: reference for reference, hsa_id in directory.hsa_ids.items()}


def _types(page: Page) -> list[tuple[str, str]]:
    kinds = [(code, page.translator.gettext(title)) for code, title in codes.UNIT_TYPES.items()]
    return sorted((each for each in kinds if each[0] != codes.PROVIDER_TYPE), key=lambda each: each[1])
