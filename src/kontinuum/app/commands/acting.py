"""On whose behalf a command acts: a system with an assignment of its own at one care unit.

Nothing is read or written without an assignment (HSLF-FS 2016:40 ch. 4), by a program no more than by a
person. The assignment's unit and provider become accountable for what the command writes.
"""

from __future__ import annotations

from dataclasses import dataclass

from kontinuum.kernel.config import Settings
from kontinuum.kernel.principal import (
    PROTECTED_IDENTITY,
    Actor,
    ActorKind,
    Assignment,
    Principal,
    Purpose,
)
from kontinuum.sweden.organisations import HsaId

OPERATOR_RIGHTS = (PROTECTED_IDENTITY,)
"""What the operator exports and imports is whole, protected identities as well."""

OFFICE = "regionkansliet"
"""The demo region's unit that systems and imports belong to when no other is named."""


@dataclass(frozen=True, slots=True)
class Place:
    """A care unit and the care provider that it belongs to, both with HSA-id and name."""

    unit: str
    unit_name: str
    provider: str
    provider_name: str


@dataclass(frozen=True, slots=True)
class Refused:
    """An option that cannot be used; `message` says which and what to do."""

    message: str


def system(
    name: str, place: Place, *, client: str, actor: str | None = None, rights: tuple[str, ...] = ()
) -> Principal:
    """A system that acts at a care unit. `actor` is its id, the name where there is no other."""
    actor_id = actor or name
    assignment = Assignment(
        id=f"system:{actor_id}@{place.unit}",
        title=f"System, {place.unit_name}",
        unit=place.unit,
        unit_name=place.unit_name,
        provider=place.provider,
        provider_name=place.provider_name,
        purpose=Purpose.SYSTEM,
        rights=rights,
    )
    return Principal(Actor(ActorKind.SYSTEM, actor_id, name), assignment, client)


def place(settings: Settings, unit: str | None, provider: str | None) -> Place | Refused:
    """Where a command acts, from the HSA-ids given on the command line.

    Without any it is the demo region's office, except in production. A unit of the demo region knows its
    provider; any other unit needs its provider named. A provider alone stands for itself.
    """
    given = {}
    for option, text in (("--unit", unit), ("--provider", provider)):
        if text is None:
            continue
        hsa = HsaId.parse(text)
        if not isinstance(hsa, HsaId):
            return Refused(f"{option} {text}: not an HSA-id. {hsa.reason}")
        given[option] = hsa.value
    if settings.environment == "production":
        return _named(given.get("--unit"), given.get("--provider"))
    return _in_demo_region(given.get("--unit"), given.get("--provider"))


def _named(unit: str | None, provider: str | None) -> Place | Refused:
    if provider is None:
        return Refused("Give --provider HSA-ID (and --unit HSA-ID): who is accountable must be known.")
    unit = unit or provider
    return Place(unit, unit, provider, provider)


def _in_demo_region(unit: str | None, provider: str | None) -> Place | Refused:
    from kontinuum.demo.region import region

    known = region()
    if unit is None and provider is None:
        office = known.units[OFFICE]
        return Place(office.hsa, office.name, office.provider.hsa, office.provider.name)
    units = {each.hsa: each for each in known.units.values()}
    names = {each.hsa: each.name for each in known.providers.values()}
    if unit in units:
        found = units[unit]
        if provider not in (None, found.provider.hsa):
            return Refused(f"--unit {unit} ({found.name}) is part of {found.provider.hsa}, not {provider}.")
        return Place(found.hsa, found.name, found.provider.hsa, found.provider.name)
    if provider is None:
        return Refused(f"--unit {unit} is not a unit of the demo region: give its --provider HSA-ID as well.")
    unit = unit or provider
    return Place(unit, names.get(unit, unit), provider, names.get(provider, provider))
