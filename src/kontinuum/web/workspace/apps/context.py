"""Whom and what an app is opened with: the patient, or somebody whom a patient represents, and a contact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from kontinuum.fhir import json
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.ids import is_id
from kontinuum.kernel.principal import ActorKind
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.patient import Person, read_person

_LATEST: Final = 20
_NEVER_TOOK_PLACE: Final = frozenset({"cancelled", "entered-in-error"})
_CONTACT: Final = message("Contact")


@dataclass(frozen=True, slots=True)
class Contact:
    """An Encounter to choose."""

    id: str
    label: str


async def contacts_of(page: Page, patient: str, named: str = "") -> list[Contact]:
    """The patient's latest contacts as the person may see them, and one that is named however old it is."""
    queries = [f"Encounter?patient={patient}&_sort=-date&_count={_LATEST}"]
    if is_id(named):
        queries.insert(0, f"Encounter?patient={patient}&_id={named}")
    record = page.services.record(page.session.principal)
    found: dict[str, Any] = {}
    for answer in await record.find_many(queries):
        for one in answer.matches:
            found.setdefault(one.id, one)
    await page.services.directory.learn(record, {one.unit for one in found.values()})
    read = [(json.loads(one.body), one.unit) for one in found.values()]
    return [
        _contact(page, resource, unit)
        for resource, unit in read
        if resource["status"] not in _NEVER_TOOK_PLACE
    ]


def _contact(page: Page, resource: dict[str, Any], unit: str) -> Contact:
    named = [*resource.get("type", ()), resource.get("serviceType", {})]
    kind = next((text for one in named if (text := one.get("text"))), "")
    kind = kind or resource.get("class", {}).get("display") or page.translator.gettext(_CONTACT)
    when = page.translator.moment(resource.get("period", {}).get("start"))
    parts = (when, kind, page.services.directory.unit(unit))
    return Contact(resource["id"], " · ".join(part for part in parts if part))


async def persons_of(page: Page) -> list[Person]:
    """For whom a patient who is signed in may let an app act: for oneself, and for whom one represents."""
    actor = page.session.principal.actor
    if actor.kind is not ActorKind.PATIENT:
        return []
    record = page.services.record(page.session.principal)
    whom = [actor.id, *await record.law.represented()]
    found = await record.read_many([f"Patient/{each}" for each in whom])
    today = local(page.services.clock.now()).date()
    return [
        read_person(one.body, today, page.translator, page.services.directory)
        for each in whom
        if (one := found.get(f"Patient/{each}")) is not None
    ]
