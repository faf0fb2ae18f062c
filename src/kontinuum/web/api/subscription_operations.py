"""Operations of subscriptions: $status, $events and $get-ws-binding-token.

http://hl7.org/fhir/uv/subscriptions-backport/STU1.1/components.html#subscription-operations
"""

from __future__ import annotations

import re

from kontinuum.fhir import json
from kontinuum.fhir.subscriptions.notification import (
    QUERY_EVENTS,
    content_of,
    notification,
    status_bundle,
)
from kontinuum.fhir.subscriptions.terms import Content
from kontinuum.kernel.clock import instant
from kontinuum.record import Refusal
from kontinuum.web.api.answer import Answer, Problem, Response, bad_request
from kontinuum.web.api.call import Call
from kontinuum.web.api.interactions import Invocation
from kontinuum.web.api.operations import Inputs
from kontinuum.web.smart import addresses
from kontinuum.web.subscriptions import PATH

_STATUSES = ("requested", "active", "error", "off")
_NUMBER = re.compile(r"[0-9]{1,18}")


async def status(call: Call, wanted: Invocation, inputs: Inputs) -> Answer:
    """How one's own subscriptions stand; at a type all of them, or those that `id` and `status` name."""
    asked = inputs.all("status")
    unknown = [each for each in asked if each not in _STATUSES]
    if unknown:
        return bad_request("value", f"status must be one of {', '.join(_STATUSES)}, not '{unknown[0]}'.")
    ids = inputs.all("id") if wanted.id is None else (wanted.id,)
    found = await call.record.subscriptions.standings(ids, asked if wanted.id is None else ())
    if isinstance(found, Refusal):
        return found
    return Response(200, status_bundle(call.request.base, found))


async def events(call: Call, wanted: Invocation, inputs: Inputs) -> Answer:
    """Events again, by their numbers, both ends included; as they may be told now."""
    first, last = _number(inputs, "eventsSinceNumber"), _number(inputs, "eventsUntilNumber")
    if isinstance(first, Problem):
        return first
    if isinstance(last, Problem):
        return last
    content = inputs.one("content")
    if content not in (None, *Content):
        return bad_request("value", f"content must be one of {', '.join(Content)}, not '{content}'.")
    past = await call.record.subscriptions.events(wanted.id or "", first or 0, last)
    if isinstance(past, Refusal):
        return past
    told = notification(
        call.request.base,
        QUERY_EVENTS,
        past.standing,
        content_of(past.terms, content),
        past.events,
        past.moment,
    )
    return Response(200, told)


async def binding_token(call: Call, wanted: Invocation, inputs: Inputs) -> Answer:
    """A token that a websocket shows once, within a minute."""
    ids = inputs.all("id") if wanted.id is None else (wanted.id,)
    binding = await call.record.subscriptions.binding(ids)
    if isinstance(binding, Refusal):
        return binding
    parameters = [
        {"name": "token", "valueString": binding.token},
        {"name": "expiration", "valueDateTime": instant(binding.expires)},
        *({"name": "subscription", "valueString": each} for each in binding.subscriptions),
        {"name": "websocket-url", "valueUrl": websocket_url(call.request.base)},
    ]
    return Response(200, json.dumps({"resourceType": "Parameters", "parameter": parameters}))


def websocket_url(base: str) -> str:
    """Where websockets are opened, given the address of the FHIR API."""
    return "ws" + base.removesuffix(addresses.FHIR).removeprefix("http") + PATH


def _number(inputs: Inputs, name: str) -> int | Problem | None:
    text = inputs.one(name)
    if text is None:
        return None
    if _NUMBER.fullmatch(text) is None:
        return bad_request("value", f"{name} must be the number of an event, not '{text}'.")
    return int(text)
