"""To whom work can be given: those with an assignment for care at the own unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from kontinuum.fhir import json as fhir_json
from kontinuum.kernel.i18n import local, message
from kontinuum.record.escalating import name_of
from kontinuum.record.outcome import Refusal
from kontinuum.record.tasks import Party, gives_care, holds
from kontinuum.sweden import systems
from kontinuum.web.workspace.pages import Page

_AT_MOST = 500


async def colleagues(page: Page, *, in_care: bool = True) -> list[Party]:
    """Everybody else with an assignment (for care) at the unit that holds today, by name.

    Who works there for something else has no list on which what is given would stand.
    """
    people, _ = await _at_unit(page, in_care=in_care)
    return people


async def recipients(page: Page) -> list[Party]:
    """To whom a task can be given: the unit itself, and everybody else who works there."""
    people, units = await _at_unit(page, in_care=True)
    return [*units, *people]


@dataclass(frozen=True, slots=True)
class Choice:
    """An option where a colleague is chosen, by the reference of whom it leads to."""

    reference: str
    name: str
    is_person: bool


_AWAY: Final = message("%(name)s, away until %(day)s")
_COVERED: Final = message("%(name)s is away until %(day)s: give it to %(cover)s")


async def choices(page: Page, people: Sequence[Party]) -> list[Choice]:
    """What is offered of some: who is away is marked, and stands after the colleague who covers."""
    record: Any = page.services.record(page.session.principal)
    away = {one.person: one for one in await record.work.absences.today()}
    offered = {one.reference for one in people} - away.keys()
    gettext, found = page.translator.gettext, []
    for one in people:
        absence = away.get(one.reference)
        if absence is None:
            found.append(Choice(one.reference, one.name, one.is_person))
            continue
        said = {"name": one.name, "day": page.translator.day(absence.ends.isoformat())}
        if absence.cover in offered:
            said["cover"] = absence.cover_name
            found.append(Choice(absence.cover, gettext(_COVERED) % said, True))
        found.append(Choice(one.reference, gettext(_AWAY) % said, True))
    return found


async def _at_unit(page: Page, *, in_care: bool) -> tuple[list[Party], list[Party]]:
    principal = page.session.principal
    record: Any = page.services.record(principal)
    unit = ",".join(f"{system}|{principal.assignment.unit}" for system in sorted(systems.HSA_ID_FORMS))
    units = await record.find(f"Organization?identifier={quote(unit, safe='')}")
    if isinstance(units, Refusal) or not units.matches:
        return [], []
    itself = [Party(units.matches[0].reference, principal.assignment.unit_name)]
    at = ",".join(one.reference for one in units.matches)
    query = f"PractitionerRole?organization={at}&_include=PractitionerRole:practitioner&_count={_AT_MOST}"
    found = await record.find(query)
    if isinstance(found, Refusal):
        return [], itself
    today = local(page.services.clock.now()).date()
    held = set()
    for one in found.matches:
        role = fhir_json.loads(one.body or b"{}")
        if holds(role, today) and (gives_care(role) or not in_care):
            held.add(role.get("practitioner", {}).get("reference", ""))
    people = []
    for one in found.included:
        if one.reference in held and one.reference != principal.actor.reference:
            people.append(Party(one.reference, name_of(fhir_json.loads(one.body or b"{}"))))
    return sorted(people, key=lambda one: one.name), itself


async def names(page: Page, references: set[str]) -> dict[str, str]:
    """The names of staff by reference."""
    record: Any = page.services.record(page.session.principal)
    found = await record.read_many(sorted(references)) if references else {}
    return {name: name_of(fhir_json.loads(one.body)) for name, one in found.items() if one.body}
