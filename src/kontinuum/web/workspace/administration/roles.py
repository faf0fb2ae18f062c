"""Assignments as lists show them: whose, where, what for, until when, and what is worth a look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from kontinuum.kernel.i18n import Translator
from kontinuum.organisation import codes
from kontinuum.organisation.model import Person, Role, Unit
from kontinuum.organisation.plan import Directory
from kontinuum.web.workspace.administration.shared import add_referred, own, today_of
from kontinuum.web.workspace.pages import Page

SOON: Final = timedelta(days=30)
"""An assignment that ends within this time is worth a look."""


@dataclass(frozen=True, slots=True)
class ShownRole:
    """An assignment or employment with the names behind it; `state` is held, coming or ended."""

    id: str
    version: int
    role: Role
    person_id: str
    person_name: str
    protected: bool
    unit_id: str
    unit_name: str
    purpose: str
    rights: tuple[str, ...]
    state: str
    soon: bool
    overlaps: bool = False


async def roles_of(page: Page, query: str) -> list[ShownRole]:
    """The care provider's assignments and employments that a search finds."""
    directory = Directory()
    for one in await own(page, query):
        directory.add(one)
    await add_referred(page, directory, ("practitioner", "organization"))
    return shown_roles(directory, today_of(page), page.translator)


async def roles_at(page: Page, organization: str) -> list[ShownRole]:
    """Those at one unit."""
    return await roles_of(page, f"PractitionerRole?organization={organization}")


def shown_roles(directory: Directory, today: date, translator: Translator) -> list[ShownRole]:
    """The assignments of a directory: those that hold first, by person."""
    found = []
    for one in directory.held.values():
        role = directory.value(one)
        if not isinstance(role, Role):
            continue
        who = one.resource.get("practitioner", {}).get("reference", "")
        where = one.resource.get("organization", {}).get("reference", "")
        person = directory.value(directory.held[who]) if who in directory.held else None
        unit = directory.value(directory.held[where]) if where in directory.held else None
        found.append(
            ShownRole(
                id=one.reference.partition("/")[2],
                version=one.version,
                role=role,
                person_id=who.partition("/")[2],
                person_name=person.name if isinstance(person, Person) else role.person,
                protected=isinstance(person, Person) and person.protected,
                unit_id=where.partition("/")[2],
                unit_name=unit.name if isinstance(unit, Unit) else role.unit,
                purpose=translator.gettext(codes.PURPOSES[role.purpose]) if role.purpose else "",
                rights=tuple(translator.gettext(codes.RIGHTS[right]) for right in role.rights),
                state=_state(role, today),
                soon=role.holds_on(today) and role.end is not None and role.end - today <= SOON,
            )
        )
    order = ("held", "coming", "ended")
    found.sort(key=lambda one: (order.index(one.state), one.person_name, one.unit_name, one.purpose, one.id))
    return mark_overlaps(found)


def mark_overlaps(shown: Sequence[ShownRole]) -> list[ShownRole]:
    """Mark assignments of one person for the same purpose at the same unit whose times meet."""
    groups: dict[tuple[str, str, str], list[ShownRole]] = {}
    for one in shown:
        if one.role.purpose is not None and one.state != "ended":
            groups.setdefault((one.person_id, one.unit_id, one.role.purpose), []).append(one)
    twice = {
        a.id
        for group in groups.values()
        for a in group
        for b in group
        if a is not b and _meet(a.role, b.role)
    }
    return [replace(one, overlaps=one.id in twice) for one in shown]


def choose(shown: Iterable[ShownRole], *, purpose: str, right: str, show: str) -> list[ShownRole]:
    """Those that a list was asked for; ended ones only when they are asked for."""
    kept = []
    for one in shown:
        if (one.state == "ended") is not (show == "ended"):
            continue
        if (purpose and one.role.purpose != purpose) or (right and right not in one.role.rights):
            continue
        if (show == "soon" and not one.soon) or (show == "overlaps" and not one.overlaps):
            continue
        kept.append(one)
    return kept


def _state(role: Role, today: date) -> str:
    if not role.active or (role.end and role.end < today):
        return "ended"
    return "coming" if role.start and role.start > today else "held"


def _meet(one: Role, other: Role) -> bool:
    first, last = date.min, date.max
    return (one.start or first) <= (other.end or last) and (other.start or first) <= (one.end or last)
