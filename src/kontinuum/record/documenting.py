"""Who documents a patient's care takes part in it: the relation that a write states, with its basis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kontinuum.access import Action
from kontinuum.fhir.definitions import RESOURCE_TYPES, TYPE_CODES
from kontinuum.kernel.ids import bucket_of
from kontinuum.record.context import Context
from kontinuum.record.durations import DOCUMENTED_FOR
from kontinuum.store import law as store
from kontinuum.store import law_linked
from kontinuum.store.resources.rows import NewVersion

BASIS = "documentation"

_IDENTITY = frozenset(TYPE_CODES[name] for name in ("Patient", "RelatedPerson", "Provenance"))
"""Who somebody is, who is close, who wrote a version and why: kept up without taking part in care."""


async def relate(context: Context, connection: Any, written: Sequence[NewVersion]) -> None:
    """Note that staff in care took part in the care of whom they wrote about; within the write's transaction.

    It is the person's, lasts for a day, and names what was written. Nothing is
    noted where a relation is in force, nor for who only keeps up a patient's identity.
    """
    if not states_relation(context, written):
        return
    principal, now = context.principal, context.now()
    sources = {
        version.patient: f"{RESOURCE_TYPES[version.type - 1]}/{version.id}"
        for version in written
        if version.patient and version.type not in _IDENTITY
    }
    added = await store.relate_unless_related(
        connection,
        [
            store.Stated(context.services.keys.next(), bucket_of(patient), patient, source)
            for patient, source in sorted(sources.items())
        ],
        unit=principal.assignment.unit,
        provider=principal.assignment.provider,
        person=principal.actor.id,
        basis=BASIS,
        now=now,
        until=now + DOCUMENTED_FOR,
    )
    await law_linked.repeat(connection, "care_relation", added)


def states_relation(context: Context, written: Sequence[NewVersion]) -> bool:
    """Whether a write by this principal says anything about who takes part in whose care."""
    in_care = context.question(Action.WRITE).in_care
    return in_care and any(version.patient and version.type not in _IDENTITY for version in written)
