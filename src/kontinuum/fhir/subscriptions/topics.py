"""The topics that this server publishes: which changes of which types, and how they can be narrowed.

http://hl7.org/fhir/uv/subscriptions-backport/STU1.1/components.html#subscription-topics. R4 has no resource
for a topic: they stand here, in the CapabilityStatement and in docs/api/subscriptions.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kontinuum.fhir.definitions import RESOURCE_TYPES

CREATE, UPDATE, DELETE = "create", "update", "delete"
_ALL: Final = frozenset({CREATE, UPDATE, DELETE})
_WRITTEN: Final = frozenset({CREATE, UPDATE})


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic, named by its canonical URL.

    `filters` are the search parameters that narrow it; None: every one of the type, which must then be named.
    `becomes` is a criterion that a version fulfils and the one before does not: the event is that it begins.
    """

    url: str
    title: str
    types: tuple[str, ...]
    changes: frozenset[str]
    filters: tuple[str, ...] | None
    becomes: str | None = None


_PREFIX: Final = "urn:kontinuum:topic:"

CHANGED: Final = Topic(
    _PREFIX + "changed",
    "Any change of resources of the types that the filters name",
    tuple(name for name in RESOURCE_TYPES if name not in ("AuditEvent", "Subscription")),
    _ALL,
    None,
)

TOPICS: Final = {
    topic.url: topic
    for topic in (
        Topic(
            _PREFIX + "observation",
            "New, changed and deleted Observations",
            ("Observation",),
            _ALL,
            ("patient", "subject", "category", "code", "encounter", "status", "performer"),
        ),
        Topic(
            _PREFIX + "encounter-start",
            "An Encounter begins: its status becomes in-progress",
            ("Encounter",),
            _WRITTEN,
            ("patient", "subject", "class", "type", "location", "service-provider", "participant"),
            "status=in-progress",
        ),
        Topic(
            _PREFIX + "encounter-end",
            "An Encounter ends: its status becomes finished",
            ("Encounter",),
            _WRITTEN,
            ("patient", "subject", "class", "type", "location", "service-provider", "participant"),
            "status=finished",
        ),
        Topic(
            _PREFIX + "document",
            "New and changed documents and notes",
            ("Composition", "DocumentReference"),
            _WRITTEN,
            ("patient", "subject", "type", "category", "status", "encounter", "author"),
        ),
        Topic(
            _PREFIX + "request",
            "New and changed referrals, orders and tasks",
            ("ServiceRequest", "Task"),
            _WRITTEN,
            (
                "patient",
                "subject",
                "status",
                "code",
                "intent",
                "owner",
                "performer",
                "requester",
                "encounter",
            ),
        ),
        CHANGED,
    )
}
"""Every topic, by its canonical URL."""
