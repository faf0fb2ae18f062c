"""A subscriber's own subscriptions: how they stand, what was sent, and the way to a websocket.

http://hl7.org/fhir/uv/subscriptions-backport/STU1.1/components.html#subscription-operations
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from kontinuum.access.subscribers import SUBSCRIPTION, owner_of
from kontinuum.fhir import json
from kontinuum.fhir.subscriptions.notification import Event, Standing
from kontinuum.fhir.subscriptions.terms import Channel, Terms, read_terms
from kontinuum.identity.secret import hashed, new_secret
from kontinuum.record import reading
from kontinuum.record.context import Context, missing
from kontinuum.record.outcome import Refusal, RefusalKind, refuse
from kontinuum.record.subscriptions.delivering import event, log
from kontinuum.record.subscriptions.telling import tell
from kontinuum.store import subscriptions as store
from kontinuum.store.subscriptions import SubscriptionRow

BINDING_SECONDS: Final = 60
MOST_EVENTS: Final = 1000


@dataclass(frozen=True, slots=True)
class Past:
    """Events that a subscription had, as they may be told at a moment (microseconds)."""

    standing: Standing
    terms: Terms
    events: tuple[Event, ...]
    moment: int


@dataclass(frozen=True, slots=True)
class Binding:
    """A token that opens a websocket to some subscriptions, until a moment (microseconds)."""

    token: str
    subscriptions: tuple[str, ...]
    expires: int


class Subscriptions:
    """What a subscriber asks about its own subscriptions."""

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    async def standings(
        self, ids: Sequence[str] = (), statuses: Collection[str] = ()
    ) -> list[Standing] | Refusal:
        """How these subscriptions stand, or all of one's own; perhaps only with some statuses."""
        rows = await self._rows(ids)
        if isinstance(rows, Refusal):
            return rows
        return [_standing(row, terms) for row, terms in rows if not statuses or row.status in statuses]

    async def events(self, logical_id: str, first: int, last: int | None) -> Past | Refusal:
        """The events with numbers from `first` to `last` that may be told now."""
        rows = await self._rows([logical_id])
        if isinstance(rows, Refusal):
            return rows
        row, terms = rows[0]
        end = row.sent if last is None else min(last, row.sent)
        numbered = await store.numbered(self._context.pool, row.number, first, end, MOST_EVENTS + 1)
        if len(numbered) > MOST_EVENTS:
            message = f"More than {MOST_EVENTS:,} events: ask for fewer at a time by eventsUntilNumber."
            return refuse(RefusalKind.BAD_REQUEST, "too-costly", message)
        told = await tell(self._context, terms, [change for _, change in numbered])
        shown = [(number, each) for (number, _), each in zip(numbered, told, strict=True) if each is not None]
        await log(self._context, row.id, [each for _, each in shown])
        return Past(_standing(row, terms), terms, tuple(event(*each) for each in shown), self._context.now())

    async def binding(self, ids: Sequence[str] = ()) -> Binding | Refusal:
        """A token for a websocket to these subscriptions, or to all of one's own that have that channel."""
        rows = await self._rows(ids)
        if isinstance(rows, Refusal):
            return rows
        fitting = [row.id for row, terms in rows if terms.channel is Channel.WEBSOCKET]
        if not fitting or (ids and len(fitting) < len(rows)):
            message = "A token is for Subscriptions whose channel is websocket."
            return refuse(RefusalKind.BAD_REQUEST, "value", message)
        token, expires = new_secret(), self._context.now() + BINDING_SECONDS * 1_000_000
        await store.bind(self._context.pool, hashed(token), fitting, expires)
        return Binding(token, tuple(fitting), expires)

    async def _rows(self, ids: Sequence[str]) -> list[tuple[SubscriptionRow, Terms]] | Refusal:
        """Subscriptions that the principal may read, with their terms; named ones must all be there."""
        owned = await store.of_owner(self._context.pool, owner_of(self._context.principal))
        by_id = {row.id: row for row in owned}
        found = []
        for each in dict.fromkeys(ids) or by_id:
            stored = await reading.read(self._context, SUBSCRIPTION, each)
            if isinstance(stored, Refusal):
                return stored
            assert stored.body is not None, "the gate refuses to read a deletion"
            terms = read_terms(json.loads(stored.body))
            row = by_id.get(each)
            if row is None or isinstance(terms, list):
                return missing(SUBSCRIPTION, each)
            found.append((row, terms))
        return found


def _standing(row: SubscriptionRow, terms: Terms) -> Standing:
    return Standing(row.id, terms.topic.url, row.status, row.sent, row.error)
