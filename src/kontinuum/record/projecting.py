"""What follows a write in its own transaction, beside the record: the terminology's tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kontinuum.fhir.definitions import RESOURCE_TYPES, TYPE_CODES
from kontinuum.record.outcome import Refusal, RefusalKind
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


async def follow(connection: Any, versions: Iterable[tuple[int, str, bytes | None, int]]) -> None:
    """Let the tables follow written versions: (type, id, body or None after a deletion, time)."""
    for type_code, logical_id, body, moment in versions:
        if type_code in PROJECTED:
            await projecting.project(connection, RESOURCE_TYPES[type_code - 1], logical_id, body, moment)
