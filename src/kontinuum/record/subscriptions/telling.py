"""What may be told of changes to a subscriber, decided now: by its rights, by its filters, as it would read.

An event is told when the subscriber may read the version that the event is about and the version that stands
now; of a deletion, also the version that was deleted. Filters see what the subscriber would see, so that they
tell nothing of what is taken out or kept back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kontinuum.access import Action, Permit
from kontinuum.fhir import json
from kontinuum.fhir.definitions import RESOURCE_TYPES
from kontinuum.fhir.search.match import matches
from kontinuum.fhir.search.parse import parse_search
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.fhir.subscriptions.terms import Terms
from kontinuum.fhir.subscriptions.topics import CREATE, DELETE, UPDATE
from kontinuum.record.circumstances import decide_rows
from kontinuum.record.context import Context, reference
from kontinuum.record.outcome import Stored
from kontinuum.record.persons.widening import meant_by
from kontinuum.record.release import release_one
from kontinuum.record.withholding import released
from kontinuum.store import feed
from kontinuum.store.feed import Change
from kontinuum.store.resources import read as reads
from kontinuum.store.resources.rows import ResourceRow

_CHANGES = {feed.CREATED: CREATE, feed.UPDATED: UPDATE, feed.DELETED: DELETE}


@dataclass(frozen=True, slots=True)
class Told:
    """A change that may be told: what it did, the version as the subscriber sees it, and its row."""

    change: str
    shown: Stored
    row: ResourceRow

    @property
    def reference(self) -> str:
        """The versioned reference, for the log."""
        return reference(self.row)


async def tell(context: Context, terms: Terms, changes: Sequence[Change]) -> list[Told | None]:
    """Each of some changes as it may be told to the subscriber now; None for those that may not."""
    wanted = dict.fromkeys((each.type, each.id) for each in changes)
    current = {(row.type, row.id): row for row in await reads.read_many(context.pool, wanted)}
    return [await _tell(context, terms, each, current.get((each.type, each.id))) for each in changes]


async def _tell(context: Context, terms: Terms, change: Change, current: ResourceRow | None) -> Told | None:
    did = _CHANGES[change.change]
    if (
        current is None
        or did not in terms.topic.changes
        or RESOURCE_TYPES[change.type - 1] not in terms.types
    ):
        return None
    row = await reads.read_version(context.pool, current, change.version)
    before = await _before(context, terms, current, change)
    if row is None or (did == DELETE and before is None):
        return None
    asked = [current, row] if before is None or did != DELETE else [current, row, before]
    if not all(
        isinstance(each, Permit) for each in await decide_rows(context, context.pool, Action.READ, asked)
    ):
        return None
    shown = await _seen(context, row)
    earlier = None if before is None else await _readable(context, before)
    judged = earlier if did == DELETE else shown
    if shown is None or judged is None or not await _wanted(context, terms, judged):
        return None
    if terms.topic.becomes is not None and not _begins(terms.topic.becomes, judged, earlier):
        return None
    return Told(did, shown, row)


async def _before(context: Context, terms: Terms, current: ResourceRow, change: Change) -> ResourceRow | None:
    """The version before a change, where it matters."""
    if change.version < 2 or (change.change != feed.DELETED and terms.topic.becomes is None):
        return None
    return await reads.read_version(context.pool, current, change.version - 1)


async def _readable(context: Context, row: ResourceRow) -> Stored | None:
    (decision,) = await decide_rows(context, context.pool, Action.READ, [row])
    return await _seen(context, row) if isinstance(decision, Permit) else None


async def _seen(context: Context, row: ResourceRow) -> Stored | None:
    """A version that may be read, without what is taken out or kept back; None when all of it is."""
    kept = await released(context, context.pool, row)
    return await release_one(context, context.pool, kept) if isinstance(kept, ResourceRow) else None


async def _wanted(context: Context, terms: Terms, judged: Stored) -> bool:
    """Whether every filter about the type holds for what the subscriber sees."""
    if judged.body is None:
        return False
    resource = json.loads(judged.body)
    filters = [each for each in terms.filters if each.type == judged.type]
    meant = [await meant_by(context, context.pool, each) for each in filters]
    return all(matches(each, resource) for each in meant)


def _begins(criteria: str, now: Stored, before: Stored | None) -> bool:
    name, _, value = criteria.partition("=")
    query = parse_search(now.type, [(name, value)])
    assert isinstance(query, SearchQuery), "topics are written by us"
    held = before is not None and before.body is not None and matches(query, json.loads(before.body))
    return now.body is not None and matches(query, json.loads(now.body)) and not held
