"""Whose an entry of the directory is by what it names: an assignment by its unit, a person by the HSA-id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.store.resources import read as reads
from kontinuum.sweden import systems
from kontinuum.sweden.organisations import HsaId, issuer

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


def place_of(
    resource: dict[str, Any], places: Mapping[str, str], own: str, before: bytes | None = None
) -> str | None:
    """The provider at which an assignment is, or that issued a person's HSA-id; None where that is not known.

    An HSA-id begins with the organisation number of whoever issued it: of another than the `own` provider
    that beginning is told. What stood in the version `before` is not new and is passed over.
    """
    if resource.get("resourceType") != "Practitioner":
        return places.get(_unit(resource) or "")
    issuers = _issuers(resource) - (_issuers(json.loads(before)) if before else set())
    return next(iter(sorted(issuers - {issuer(own)})), None)


def _issuers(resource: dict[str, Any]) -> set[str]:
    found = (
        HsaId.parse(str(each.get("value") or ""))
        for each in resource.get("identifier") or ()
        if each.get("system") in systems.HSA_ID_FORMS
    )
    return {issuer(each.value) for each in found if isinstance(each, HsaId)}


def _unit(resource: dict[str, Any]) -> str | None:
    if resource.get("resourceType") != "PractitionerRole":
        return None
    reference = str((resource.get("organization") or {}).get("reference") or "")
    # Also a unit named by an absolute address or in one of its versions.
    parts = reference.partition("/_history/")[0].rsplit("/", 2)
    return parts[-1] if len(parts) > 1 and parts[-2] == "Organization" else None
