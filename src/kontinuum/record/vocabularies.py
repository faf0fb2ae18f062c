"""What follows a write in its own transaction, beside the record: the terminology's tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kontinuum.fhir.definitions import RESOURCE_TYPES, TYPE_CODES
from kontinuum.record.outcome import Refusal, RefusalKind
from kontinuum.store.resources.rows import NewVersion, ResourceRow
from kontinuum.terminology import projecting
from kontinuum.terminology.resources import faults

PROJECTED = frozenset(TYPE_CODES[name] for name in projecting.TYPES)
"""The types whose resources other tables follow."""


def refused(resource: dict[str, Any]) -> Refusal | None:
    """The refusal of a valid resource that could not work as what it says it is; None when it can."""
    if resource["resourceType"] not in projecting.TYPES:
        return None
    issues = faults(resource)
    return Refusal(RefusalKind.INVALID, tuple(issues)) if issues else None


async def follow(connection: Any, written: Iterable[NewVersion], buried: Iterable[ResourceRow]) -> None:
    """Let the tables follow versions that were written, and resources that were deleted."""
    for new in written:
        if new.type in PROJECTED:
            name = RESOURCE_TYPES[new.type - 1]
            await projecting.project(connection, name, new.id, new.body, new.updated)
    for row in buried:
        if row.type in PROJECTED:
            await projecting.project(connection, RESOURCE_TYPES[row.type - 1], row.id, None, row.updated)
