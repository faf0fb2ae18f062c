"""What is left of destroyed entries: that they were destroyed, when, and by which decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from kontinuum.access import Action, Permit
from kontinuum.fhir.definitions import RESOURCE_TYPES
from kontinuum.kernel.clock import instant
from kontinuum.kernel.i18n import phrase
from kontinuum.record.circumstances import decide_rows
from kontinuum.record.context import Context
from kontinuum.record.outcome import Refusal, RefusalKind, refuse
from kontinuum.store.resources import destroy as store
from kontinuum.store.resources.destroy import Tombstone
from kontinuum.store.resources.rows import ResourceRow

PROVISION: Final = "patientdatalagen (2008:355) 8:4"

Name = tuple[int, str]
"""The number of a type, and an id."""


async def known(context: Context, names: Sequence[Name]) -> dict[Name, Tombstone]:
    """The tombstones among some names that the principal may know of: those of entries that were readable."""
    found = await store.tombstones(context.pool, names) if names else []
    decisions = await decide_rows(context, context.pool, Action.READ, list(map(_row, found)))
    return {
        (each.type, each.id): each
        for each, decision in zip(found, decisions, strict=True)
        if isinstance(decision, Permit)
    }


async def taken(connection: Any, names: Sequence[Name]) -> dict[Name, Refusal]:
    """Why some names cannot be used again: what stood there was destroyed, and must not come back."""
    found = await store.tombstones(connection, names) if names else []
    return {(each.type, each.id): gone(each) for each in found}


def gone(tombstone: Tombstone) -> Refusal:
    """The refusal for what was destroyed by a decision."""
    name = f"{RESOURCE_TYPES[tombstone.type - 1]}/{tombstone.id}"
    text = phrase(
        "%(entry)s was destroyed on %(day)s by decision of %(authority)s, case %(case)s of %(decided)s "
        "(%(provision)s). Nothing of it remains.",
        entry=name,
        day=instant(tombstone.destroyed)[:10],
        authority=tombstone.authority,
        case=tombstone.case_number,
        decided=tombstone.decided,
        provision=PROVISION,
    )
    refusal = refuse(RefusalKind.GONE, "deleted", text)
    return Refusal(refusal.kind, refusal.issues, PROVISION)


def _row(tombstone: Tombstone) -> ResourceRow:
    """A tombstone as the row that it stands for, without content."""
    return ResourceRow(
        key=0,
        bucket=0,
        type=tombstone.type,
        id=tombstone.id,
        version=0,
        updated=tombstone.destroyed,
        patient=tombstone.patient,
        body=None,
        unit=tombstone.unit,
        provider=tombstone.provider,
        sort=tombstone.destroyed,
    )
