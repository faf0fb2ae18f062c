"""At which care provider an assignment is: whose the unit is that a PractitionerRole names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.store.resources import read as reads

_ORGANIZATION = TYPE_CODES["Organization"]


async def places_of(connection: Any, resources: Iterable[dict[str, Any] | None]) -> dict[str, str]:
    """The accountable provider of every Organization that the assignments among resources name, by id.

    A unit that is not in the record yet is absent. It gives no rights: sign-in asks who is accountable for
    the unit and for the assignment, and they must be the same.
    """
    wanted = {name for resource in resources if resource is not None and (name := _unit(resource))}
    if not wanted:
        return {}
    found = await reads.read_many(connection, [(_ORGANIZATION, name) for name in sorted(wanted)])
    return {row.id: row.provider for row in found}


def place_of(resource: dict[str, Any], places: Mapping[str, str]) -> str | None:
    """The provider at which an assignment is, where it is known."""
    return places.get(_unit(resource) or "")


def _unit(resource: dict[str, Any]) -> str | None:
    if resource.get("resourceType") != "PractitionerRole":
        return None
    reference = str((resource.get("organization") or {}).get("reference") or "")
    # Also a unit named by an absolute address or in one of its versions.
    parts = reference.partition("/_history/")[0].rsplit("/", 2)
    return parts[-1] if len(parts) > 1 and parts[-2] == "Organization" else None
