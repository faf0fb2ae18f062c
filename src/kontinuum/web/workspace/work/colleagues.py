"""To whom work can be given: those with an assignment at the own unit."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from kontinuum.fhir import json as fhir_json
from kontinuum.kernel.i18n import local
from kontinuum.record.outcome import Refusal
from kontinuum.record.waiting import Person
from kontinuum.sweden import systems
from kontinuum.web.workspace.pages import Page

_AT_MOST = 500


async def colleagues(page: Page) -> list[Person]:
    """Everybody else with an assignment at the unit that holds today, by name."""
    principal = page.session.principal
    record: Any = page.services.record(principal)
    unit = ",".join(f"{system}|{principal.assignment.unit}" for system in sorted(systems.HSA_ID_FORMS))
    units = await record.find(f"Organization?identifier={quote(unit, safe='')}")
    if isinstance(units, Refusal) or not units.matches:
        return []
    at = ",".join(one.reference for one in units.matches)
    query = f"PractitionerRole?organization={at}&_include=PractitionerRole:practitioner&_count={_AT_MOST}"
    found = await record.find(query)
    if isinstance(found, Refusal):
        return []
    today = local(page.services.clock.now()).date().isoformat()
    held = set()
    for one in found.matches:
        role = fhir_json.loads(one.body or b"{}")
        period = role.get("period", {})
        holds = period.get("start", "")[:10] <= today <= (period.get("end", "")[:10] or "9999")
        if role.get("active", True) and holds:
            held.add(role.get("practitioner", {}).get("reference", ""))
    people = []
    for one in found.included:
        if one.reference in held and one.reference != principal.actor.reference:
            people.append(Person(one.reference, _name(fhir_json.loads(one.body or b"{}"))))
    return sorted(people, key=lambda one: one.name)


async def names(page: Page, references: set[str]) -> dict[str, str]:
    """The names of staff by reference."""
    record: Any = page.services.record(page.session.principal)
    found = await record.read_many(sorted(references)) if references else {}
    return {name: _name(fhir_json.loads(one.body)) for name, one in found.items() if one.body}


def _name(practitioner: dict[str, Any]) -> str:
    for name in practitioner.get("name", ()):
        text = name.get("text") or " ".join([*name.get("given", ()), name.get("family", "")]).strip()
        if text:
            return str(text)
    return str(practitioner.get("id", ""))
