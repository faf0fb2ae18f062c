"""Who an authenticated person is here, and which assignments it has: Practitioner and PractitionerRole.

Read through the gate, by a system. An assignment (medarbetaruppdrag) is believed only when the care provider
that it is at is accountable for it, so that nobody is given rights at another care provider's units.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from kontinuum.fhir.datatypes import (
    CodeableConcept,
    Element,
    HumanName,
    Identifier,
    Period,
    Reference,
    decoder,
)
from kontinuum.identity.oidc import Authenticated
from kontinuum.kernel.i18n import local
from kontinuum.kernel.principal import Actor, ActorKind, Assignment, Persona, Principal, Purpose
from kontinuum.organisation import codes
from kontinuum.record import Stored
from kontinuum.record.outcome import Refusal
from kontinuum.sweden import identifiers, systems
from kontinuum.sweden.organisations import HsaId

if TYPE_CHECKING:
    from kontinuum.web.workspace.services import WorkspaceServices

_AT_MOST: Final = 200
_DEEPEST: Final = 8

_TITLES: Final = {
    Purpose.CARE: "Vård och behandling",
    Purpose.ADMINISTRATION: "Administration",
    Purpose.QUALITY: "Kvalitetssäkring",
    Purpose.SUPERVISION: "Uppföljning och loggranskning",
    Purpose.STATISTICS: "Statistik",
}
"""What an assignment for each purpose is called. Staff work for these purposes and no other."""

SYSTEM: Final = Principal(
    Actor(ActorKind.SYSTEM, "kontinuum:sign-in", "Kontinuum, sign-in"),
    Assignment("system:sign-in", "Sign-in", "", "", "", "", Purpose.SYSTEM),
    "kontinuum sign-in",
)
"""Under which the staff directory is read while nobody is signed in yet."""


class Missing(StrEnum):
    """Why an authenticated person may not come in."""

    UNKNOWN = "unknown-person"
    SEVERAL = "several-persons"
    INACTIVE = "inactive-person"
    NO_ASSIGNMENT = "no-assignment"


class _Extension(Element, frozen=True):
    url: str = ""
    value_code: str | None = None


class _Practitioner(Element, frozen=True):
    id: str
    active: bool = True
    name: tuple[HumanName, ...] = ()


class _Role(Element, frozen=True):
    id: str
    active: bool = True
    period: Period | None = None
    organization: Reference | None = None
    extension: tuple[_Extension, ...] = ()
    code: tuple[CodeableConcept, ...] = ()


class _UnitExtension(Element, frozen=True):
    url: str = ""
    value_period: Period | None = None


class _Organization(Element, frozen=True):
    id: str
    active: bool = True
    extension: tuple[_UnitExtension, ...] = ()
    identifier: tuple[Identifier, ...] = ()
    name: str | None = None
    part_of: Reference | None = None


_PRACTITIONER = decoder(_Practitioner)
_ROLE = decoder(_Role)
_ORGANIZATION = decoder(_Organization)


async def person_of(
    services: WorkspaceServices, who: Authenticated, directory: tuple[str, ...]
) -> Persona | Missing:
    """The one member of staff whom a provider's word names, with the assignments that hold now."""
    tokens = _search_tokens(who, services.clock.now())
    if not tokens:
        return Missing.UNKNOWN
    found = await services.record(SYSTEM).find(f"Practitioner?identifier={','.join(tokens)}&_count=3")
    if isinstance(found, Refusal) or not found.matches:
        return Missing.UNKNOWN
    if len(found.matches) > 1:
        return Missing.SEVERAL
    return await _persona(services, found.matches[0], directory)


async def person_by_id(
    services: WorkspaceServices, practitioner: str, directory: tuple[str, ...]
) -> Persona | Missing:
    """A member of staff by the id of the Practitioner, with the assignments that hold now."""
    stored = await services.record(SYSTEM).read("Practitioner", practitioner)
    return Missing.UNKNOWN if isinstance(stored, Refusal) else await _persona(services, stored, directory)


def _search_tokens(who: Authenticated, now: datetime) -> list[str]:
    """The identifier as searches write it: HSA-id when the provider tells it, else the person's number."""
    if who.hsa_id is not None:
        parsed = HsaId.parse(who.hsa_id)
        pairs = (
            [] if not isinstance(parsed, HsaId) else [(each, parsed.value) for each in systems.HSA_ID_FORMS]
        )
    else:
        number = identifiers.parse_person_identifier(who.personnummer or "", today=local(now).date())
        pairs = [] if isinstance(number, identifiers.Rejected) else [(number.system, number.value)]
    return [quote(f"{system}|{value}", safe="") for system, value in sorted(pairs)]


async def _persona(
    services: WorkspaceServices, stored: Stored, directory: tuple[str, ...]
) -> Persona | Missing:
    practitioner = _PRACTITIONER.decode(stored.body or b"")
    if not practitioner.active:
        return Missing.INACTIVE
    record = services.record(SYSTEM)
    found = await record.find(
        f"PractitionerRole?practitioner=Practitioner/{practitioner.id}&_count={_AT_MOST}"
    )
    if isinstance(found, Refusal):
        return Missing.NO_ASSIGNMENT
    now = local(services.clock.now())
    roles = [(each, _ROLE.decode(each.body or b"")) for each in found.matches]
    held = [(each, role) for each, role in roles if role.active and _covers(role.period, now)]
    places = await _organizations(
        record, {role.organization.reference for _, role in held if role.organization}
    )
    assignments = []
    for each, role in held:
        assignment = _assignment(role, each.provider, places, directory, now)
        if assignment is not None:
            assignments.append(assignment)
    if not assignments:
        return Missing.NO_ASSIGNMENT
    titles = [text for _, role in held for concept in role.code if (text := concept.label)]
    actor = Actor(ActorKind.STAFF, practitioner.id, _name(practitioner), f"Practitioner/{practitioner.id}")
    ordered = sorted(assignments, key=lambda one: (one.unit_name, one.purpose, one.id))
    return Persona(actor, titles[0] if titles else "", tuple(ordered))


def _name(practitioner: _Practitioner) -> str:
    for name in sorted(practitioner.name, key=lambda one: one.use != "official"):
        text = name.text or " ".join((*name.given, name.family or "")).strip()
        if text:
            return text
    return practitioner.id


async def _organizations(
    record: object, references: set[str | None]
) -> Mapping[str, tuple[Stored, _Organization]]:
    """Organizations by reference, with everything that they are part of."""
    known: dict[str, tuple[Stored, _Organization]] = {}
    wanted = {reference for reference in references if reference}
    for _ in range(_DEEPEST):
        if not wanted:
            break
        found = await record.read_many(sorted(wanted))  # type: ignore[attr-defined]
        read = {name: (stored, _ORGANIZATION.decode(stored.body)) for name, stored in found.items()}
        known |= read
        above = {each.part_of.reference for _, each in read.values() if each.part_of}
        wanted = {reference for reference in above if reference and reference not in known}
    return known


def _assignment(
    role: _Role,
    accountable: str,
    places: Mapping[str, tuple[Stored, _Organization]],
    directory: tuple[str, ...],
    now: datetime,
) -> Assignment | None:
    """The assignment that a role is; None when it lacks purpose or unit, or is not the provider's word."""
    codes = [each.value_code for each in role.extension if each.url == systems.ASSIGNMENT_PURPOSE]
    purpose = next((one for one in _TITLES if codes == [one.value]), None)
    place = places.get(role.organization.reference or "") if role.organization else None
    if purpose is None or place is None:
        return None
    stored, unit = place
    provider = _top(unit, places)
    unit_id, provider_id = _hsa_id(unit), _hsa_id(provider) if provider else None
    if provider is None or not unit_id or not provider_id or not _is_open(unit, now):
        return None
    believed = {provider_id, *directory}
    if accountable not in believed or stored.provider not in believed:
        return None
    return Assignment(
        id=role.id,
        title=f"{_TITLES[purpose]}, {unit.name or unit_id}",
        unit=unit_id,
        unit_name=unit.name or unit_id,
        provider=provider_id,
        provider_name=provider.name or provider_id,
        purpose=purpose,
        rights=_rights(role),
        position=role.code[0].label if role.code else "",
    )


def _rights(role: _Role) -> tuple[str, ...]:
    """What the assignment gives beyond its purpose; a right that is not known here gives nothing."""
    given = {each.value_code for each in role.extension if each.url == systems.ASSIGNMENT_RIGHT}
    return tuple(right for right in sorted(codes.RIGHTS) if right in given)


def _is_open(unit: _Organization, now: datetime) -> bool:
    """Whether a unit exists now: it is active, and within the time between its opening and its last day."""
    periods = [each.value_period for each in unit.extension if each.url == systems.ORGANIZATION_PERIOD]
    return unit.active and all(_covers(period, now) for period in periods)


def _top(unit: _Organization, places: Mapping[str, tuple[Stored, _Organization]]) -> _Organization | None:
    """The care provider that a unit is part of; None when the way up is broken or has no end."""
    for _ in range(_DEEPEST):
        if unit.part_of is None:
            return unit
        above = places.get(unit.part_of.reference or "")
        if above is None:
            return None
        unit = above[1]
    return None


def _hsa_id(organization: _Organization) -> str | None:
    for identifier in organization.identifier:
        if identifier.value and systems.canonical(identifier.system or "") == systems.HSA_ID:
            return identifier.value
    return None


def _covers(period: Period | None, now: datetime) -> bool:
    """Whether a period holds now; a date counts as the whole day, a year as the whole year."""
    if period is None:
        return True

    def order(bound: str) -> int:
        """-1 when the bound lies before now, 1 after, 0 when now is within what it names."""
        if "T" in bound:
            moment = local(bound)
            return (moment > now) - (moment < now)
        today = now.date().isoformat()[: len(bound)]
        return (bound > today) - (bound < today)

    return not (period.start and order(period.start) > 0) and not (period.end and order(period.end) < 0)
