"""Notifications: a history Bundle whose first entry tells how the subscription stands.

http://hl7.org/fhir/uv/subscriptions-backport/STU1.1/notifications.html and
http://hl7.org/fhir/uv/subscriptions-backport/STU1.1/StructureDefinition-backport-subscription-status-r4.html
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from msgspec import Raw

from kontinuum.fhir import json
from kontinuum.fhir.subscriptions.terms import PREFIX, Content, Terms
from kontinuum.kernel.clock import instant

HANDSHAKE: Final = "handshake"
HEARTBEAT: Final = "heartbeat"
EVENTS: Final = "event-notification"
QUERY_STATUS: Final = "query-status"
QUERY_EVENTS: Final = "query-event"

_METHODS: Final = {"create": ("POST", "201"), "update": ("PUT", "200"), "delete": ("DELETE", "204")}


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it may be told: its number, when it was (microseconds), on what, and what it did.

    `body` is the serialised resource as its receiver may see it; None for a deletion.
    """

    number: int
    moment: int
    type: str
    id: str
    change: str
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a subscription stands: its id, topic, status, the number of its last event, and what is wrong."""

    id: str
    topic: str
    status: str
    events: int
    error: str | None = None


def status(base: str, kind: str, standing: Standing, told: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """The Parameters that tell how a subscription stands; `told` are its `notification-event`."""
    parameters: list[dict[str, Any]] = [
        {"name": "subscription", "valueReference": {"reference": f"{base}/Subscription/{standing.id}"}},
        {"name": "topic", "valueCanonical": standing.topic},
        {"name": "status", "valueCode": standing.status},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": str(standing.events)},
        *told,
    ]
    if standing.error is not None:
        parameters.append({"name": "error", "valueCodeableConcept": {"text": standing.error}})
    return {
        "resourceType": "Parameters",
        "id": str(uuid.uuid4()),
        "meta": {"profile": [PREFIX + "backport-subscription-status-r4"]},
        "parameter": parameters,
    }


def notification(
    base: str,
    kind: str,
    standing: Standing,
    content: Content,
    events: Sequence[Event],
    moment: int,
) -> bytes:
    """The serialised notification of these events at a moment (microseconds); none for a handshake."""
    first = status(base, kind, standing, [_told(base, each, content) for each in events])
    about = f"{base}/Subscription/{standing.id}/$status"
    head = {
        "fullUrl": f"urn:uuid:{first['id']}",
        "resource": first,
        "request": {"method": "GET", "url": about},
        "response": {"status": "200"},
    }
    focused = () if content is Content.EMPTY else events
    return json.dumps(
        {
            "resourceType": "Bundle",
            "id": str(uuid.uuid4()),
            "meta": {"profile": [PREFIX + "backport-subscription-notification-r4"]},
            "type": "history",
            "timestamp": instant(moment),
            "entry": [head, *(_focus(base, each, content) for each in focused)],
        }
    )


def status_bundle(base: str, standings: Sequence[Standing]) -> bytes:
    """The answer of `$status`: a searchset of how each of some subscriptions stands."""
    found = [status(base, QUERY_STATUS, each) for each in standings]
    entries = [
        {"fullUrl": f"urn:uuid:{each['id']}", "resource": each, "search": {"mode": "match"}} for each in found
    ]
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": len(found)}
    return json.dumps(bundle | ({"entry": entries} if entries else {}))


def _told(base: str, event: Event, content: Content) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [
        {"name": "event-number", "valueString": str(event.number)},
        {"name": "timestamp", "valueInstant": instant(event.moment)},
    ]
    if content is not Content.EMPTY:
        parts.append({"name": "focus", "valueReference": {"reference": f"{base}/{event.type}/{event.id}"}})
    return {"name": "notification-event", "part": parts}


def _focus(base: str, event: Event, content: Content) -> dict[str, Any]:
    method, answered = _METHODS[event.change]
    url = event.type if method == "POST" else f"{event.type}/{event.id}"
    entry: dict[str, Any] = {"fullUrl": f"{base}/{event.type}/{event.id}"}
    if content is Content.FULL_RESOURCE and event.body is not None:
        entry["resource"] = Raw(event.body)
    return entry | {"request": {"method": method, "url": url}, "response": {"status": answered}}


def content_of(terms: Terms, asked: str | None) -> Content:
    """How much an answer holds: what the subscription says, or less where less is asked for."""
    order = list(Content)
    wanted = terms.content if asked is None else Content(asked)
    return min(terms.content, wanted, key=order.index)
