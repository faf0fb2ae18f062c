"""What is left of destroyed entries: that they were destroyed, when, and by which decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from kontinuum.access import Action, Facts, Permit, decide
from kontinuum.fhir.definitions import RESOURCE_TYPES
from kontinuum.kernel.clock import instant
from kontinuum.record.context import Context
from kontinuum.record.outcome import Refusal, RefusalKind, refuse
from kontinuum.store.resources import destroy as store
from kontinuum.store.resources.destroy import Tombstone

PROVISION: Final = "patientdatalagen (2008:355) 8:4"

Name = tuple[int, str]
"""The number of a type, and an id."""


async def known(context: Context, names: Sequence[Name]) -> dict[Name, Tombstone]:
    """The tombstones among some names that the principal may know of: those of entries that were readable."""
    found = await store.tombstones(context.pool, names) if names else []
    return {(each.type, each.id): each for each in found if _permitted(context, each)}


async def taken(connection: Any, names: Sequence[Name]) -> dict[Name, Refusal]:
    """Why some names cannot be used again: what stood there was destroyed, and must not come back."""
    found = await store.tombstones(connection, names) if names else []
    return {(each.type, each.id): gone(each) for each in found}


def gone(tombstone: Tombstone) -> Refusal:
    """The refusal for what was destroyed by a decision."""
    name = f"{RESOURCE_TYPES[tombstone.type - 1]}/{tombstone.id}"
    message = (
        f"{name} was destroyed on {instant(tombstone.destroyed)[:10]} by decision of {tombstone.authority}, "
        f"case {tombstone.case_number} of {tombstone.decided} ({PROVISION}). Nothing of it remains."
    )
    refusal = refuse(RefusalKind.GONE, "deleted", message)
    return Refusal(refusal.kind, refusal.issues, PROVISION)


def _permitted(context: Context, tombstone: Tombstone) -> bool:
    facts = Facts(RESOURCE_TYPES[tombstone.type - 1], tombstone.patient, tombstone.unit, tombstone.provider)
    return isinstance(decide(context.principal, Action.READ, facts), Permit)
