"""What is taken at a care provider: times when staff are booked, and beds in which somebody lies.

Asked before a booking or an admission is made, by who may not know whom the other one is for. Answers are
times and beds and tell of no patient, so nothing is logged; they are given to who gives care at the care
provider, about that care provider.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from kontinuum.fhir import json
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.kernel.around import Busy
from kontinuum.kernel.i18n import local
from kontinuum.kernel.principal import ActorKind, Purpose
from kontinuum.kernel.sql import Fragment
from kontinuum.record.context import Context
from kontinuum.record.searching import confirmed, parse_url
from kontinuum.store.resources import search as store

AT_MOST: Final = 1000
_BOOKED: Final = "proposed,pending,booked,arrived,checked-in,fulfilled"
_LYING: Final = "arrived,triaged,in-progress,onleave"
_LONGEST: Final = timedelta(days=1)


class Agenda:
    """Times and beds that are taken; implements `kernel.around.Agenda`."""

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    async def booked(self, who: str, low: datetime, high: datetime, /, but: str = "") -> tuple[Busy, ...]:
        """When somebody (`Practitioner/id`) is booked between two moments, in order."""
        roles = await self._found(f"PractitionerRole?practitioner={who}", everybodys=True)
        parties = ",".join([who, *(f"PractitionerRole/{one['id']}" for one in roles)])
        span = f"date=ge{quote((low - _LONGEST).isoformat())}&date=lt{quote(high.isoformat())}"
        bookings = await self._found(f"Appointment?actor={parties}&{span}&status={_BOOKED}")
        taken = [
            Busy(local(one["start"]), local(one["end"]))
            for one in bookings
            if one["id"] != but and "start" in one and "end" in one
        ]
        return tuple(sorted((one for one in taken if one.start < high and one.end > low), key=_start))

    async def taken(self, beds: Sequence[str], /, but: str = "") -> frozenset[str]:
        """In which of some beds somebody lies; a bed from which one was moved is free."""
        if not beds:
            return frozenset()
        contacts = await self._found(f"Encounter?location={','.join(beds)}&status={_LYING}")
        return frozenset(
            place["location"].get("reference", "")
            for one in contacts
            if one["id"] != but
            for place in one.get("location", ())
            if place.get("status") != "completed"
        ) & frozenset(beds)

    async def _found(self, url: str, *, everybodys: bool = False) -> list[dict[str, Any]]:
        """What the own care provider is accountable for; nothing for who gives no care there."""
        principal = self._context.principal
        if principal.actor.kind is not ActorKind.STAFF or principal.purpose is not Purpose.CARE:
            return []
        query = parse_url(url)
        assert isinstance(query, SearchQuery), query
        own = Fragment("a.provider = {}::text", (principal.assignment.provider,))
        scope = Fragment("true") if everybodys else own
        found = await store.search(self._context.pool, query, scope, AT_MOST)
        rows = confirmed(query, [one.row for one in found])
        return [json.loads(row.body or b"{}") for row in rows]


def _start(one: Busy) -> datetime:
    return one.start
