"""What becomes of a Subscription that is written: judged, marked as its maker's, and put to work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from kontinuum.access.subscribers import SUBSCRIPTION, owned, owner_of
from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.issues import Issue
from kontinuum.fhir.search.query import ReferenceValue
from kontinuum.fhir.subscriptions.terms import Terms, read_terms
from kontinuum.kernel.principal import Principal
from kontinuum.record.context import Context
from kontinuum.record.outcome import Refusal, RefusalKind, refuse
from kontinuum.store import feed
from kontinuum.store import subscriptions as store
from kontinuum.store.resources.rows import NewVersion, ResourceRow

TYPE: Final = TYPE_CODES[SUBSCRIPTION]
_BY_CLIENT: Final = ("requested", "off")


def marked(principal: Principal, resource: dict[str, Any] | None) -> dict[str, Any] | None:
    """A resource as it is stored: a Subscription carries whose it is."""
    if resource is None or resource["resourceType"] != SUBSCRIPTION:
        return resource
    return owned(resource, principal)


def unfit(context: Context, resource: dict[str, Any] | None) -> Refusal | None:
    """The refusal of a Subscription that would not work as it says."""
    if resource is None or resource["resourceType"] != SUBSCRIPTION:
        return None
    if resource["status"] not in _BY_CLIENT:
        message = "Write requested to begin or to go on, off to stop; active and error are set by the server."
        return refuse(RefusalKind.INVALID, "value", message, "Subscription.status")
    terms = read_terms(resource)
    if not isinstance(terms, Terms):
        return Refusal(RefusalKind.INVALID, tuple(terms))
    absolute = _by_address(context, terms)
    if absolute is not None:
        return absolute
    fault = context.services.endpoints.fault(terms.endpoint) if terms.endpoint is not None else None
    if fault is not None:
        message = f"Nothing is sent to '{terms.endpoint}': {fault}."
        return refuse(RefusalKind.INVALID, "not-supported", message, "Subscription.channel.endpoint")
    if terms.ends is not None and terms.ends <= context.now() and resource["status"] != "off":
        issue = Issue("error", "value", "The Subscription has ended: give a later end.", "Subscription.end")
        return Refusal(RefusalKind.INVALID, (issue,))
    return None


def _by_address(context: Context, terms: Terms) -> Refusal | None:
    """The refusal of a filter by an address of this server, which no reference that is kept here carries."""
    if context.base is None:
        return None
    own = f"{context.base}/"
    for value in (value for each in terms.filters for asked in each.criteria for value in asked.values):
        if isinstance(value, ReferenceValue) and (value.url or "").startswith(own):
            message = f"Filters name what is kept here as Type/id, not by its address '{value.url}'."
            return refuse(RefusalKind.INVALID, "value", message, "Subscription.criteria.extension")
    return None


def not_imported(resource: dict[str, Any]) -> Refusal | None:
    """The refusal to import a Subscription: it would act with the rights of who imports."""
    if resource["resourceType"] != SUBSCRIPTION:
        return None
    message = "A Subscription is made by its own client, with its own rights: it is not imported."
    return refuse(RefusalKind.NOT_ALLOWED, "business-rule", message)


async def follow(
    context: Context, connection: Any, written: Iterable[NewVersion], buried: Iterable[ResourceRow]
) -> None:
    """Put Subscriptions to work that a client wrote, in the same transaction; let go of deleted ones."""
    for version in written:
        if version.type == TYPE:
            await _put_to_work(context, connection, version)
    for row in buried:
        if row.type == TYPE:
            number = await store.remove(connection, row.id)
            if number is not None:
                await feed.forget(connection, store.consumer_of(number))


async def _put_to_work(context: Context, connection: Any, version: NewVersion) -> None:
    resource = json.loads(version.body)
    terms = read_terms(resource)
    assert isinstance(terms, Terms), "what is written was found fit"
    principal = context.principal
    encoded = msgspec.json.encode(principal).decode()
    status = resource["status"]
    row = (version.id, owner_of(principal), encoded, status, terms.channel.value, context.now(), terms.ends)
    number = await store.put(connection, row)
    if status == "off":
        await feed.forget(connection, store.consumer_of(number))
    else:
        codes = [TYPE_CODES[name] for name in terms.types]
        await feed.watch(connection, store.consumer_of(number), codes)
        await feed.wake(connection)
