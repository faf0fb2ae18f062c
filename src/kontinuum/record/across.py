"""Searching several types at once: the pages of each, merged by the time of writing.

https://hl7.org/fhir/R4/http.html#search (all types, and `/Patient/x/*`). Every type is searched by itself,
with the law's scope for it, from the same position in the one order that all types share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from typing import Any

from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.search.match import confirming
from kontinuum.fhir.search.query import SearchQuery, Sort
from kontinuum.record.chaining import Nothing, log_is_not_searched, resolve
from kontinuum.record.context import Context
from kontinuum.record.outcome import Refusal, RefusalKind, SearchPage, refuse
from kontinuum.record.persons.widening import meant_by
from kontinuum.record.release import release
from kontinuum.record.scoping import beyond_scopes, may_search
from kontinuum.record.searching import (
    DEFAULT_COUNT,
    MAX_COUNT,
    cursor_of,
    law,
    log_searches,
    position_of,
    prepare,
    scope_of,
)
from kontinuum.record.withholding import visible
from kontinuum.store.resources import search as store
from kontinuum.store.resources.rows import ResourceRow

NEWEST_FIRST = (Sort("_lastUpdated", descending=True),)
OLDEST_FIRST = (Sort("_lastUpdated", descending=False),)
SORTS = (NEWEST_FIRST, OLDEST_FIRST)


async def search_types(context: Context, queries: Sequence[SearchQuery]) -> SearchPage | Refusal:
    """One page of a search over several types: the same parameters, parsed for each type."""
    if any(query.type == "AuditEvent" for query in queries):
        return log_is_not_searched()
    first = queries[0]
    order = first.sort or NEWEST_FIRST
    if order not in SORTS:
        return refuse(
            RefusalKind.BAD_REQUEST,
            "not-supported",
            "A search across types can be sorted by _lastUpdated or -_lastUpdated only.",
        )
    if first.includes or first.revincludes:
        return refuse(
            RefusalKind.BAD_REQUEST,
            "not-supported",
            "A search across types takes no _include or _revinclude.",
        )
    queries = [replace(query, sort=order) for query in queries]
    searched = [query for query in queries if may_search(context, query.type)]
    beyond = await beyond_scopes(context, searched or queries)
    if beyond is not None:
        return beyond
    after = None
    for query in queries:
        refused = prepare(replace(query, cursor=None))
        if isinstance(refused, Refusal):
            return refused
    if first.cursor is not None:
        position = position_of(queries[0], first.cursor)
        if isinstance(position, Refusal):
            return position
        after = position
    page = await merged_page(context, queries, after)
    if isinstance(page, Refusal):
        return page
    shown = await release(context, context.pool, page.rows)
    await log_searches(context, queries[:1], page.rows)
    return SearchPage(tuple(shown), (), page.total, page.next)


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a merged page, the searches by type that found them, and the cursor of the following page."""

    rows: list[ResourceRow]
    queries: Mapping[int, Sequence[SearchQuery]]
    total: int | None
    next: str | None


async def merged_page(
    context: Context, queries: Sequence[SearchQuery], after: list[Any] | None
) -> Page | Refusal:
    """One page of several searches that are sorted alike by the time of writing; nothing is logged yet."""
    first = queries[0]
    size = min(DEFAULT_COUNT if first.count is None else first.count, MAX_COUNT)
    counting = first.summary == "count" or first.count == 0
    total = 0 if counting or first.total in ("accurate", "estimate") else None
    present = set(await store.types_present(context.pool))
    runs: list[list[store.Found]] = []
    plains: dict[int, list[SearchQuery]] = {}
    for asked in queries:
        if TYPE_CODES[asked.type] not in present:
            continue
        meant = await meant_by(context, context.pool, asked)
        query = await resolve(context.pool, meant, law(context), context.services.terms)
        if isinstance(query, Refusal):
            return query
        if isinstance(query, Nothing):
            continue
        scope = scope_of(context, query)
        plains.setdefault(TYPE_CODES[query.type], []).append(query)
        if total is not None:
            total += await store.count(context.pool, query, scope)
        if not counting:
            runs.append(await store.search(context.pool, query, scope, size + 1, after))
    descending = first.sort[0].descending
    merged = list(merge(*runs, key=lambda each: each.position, reverse=descending))
    shown = merged[:size]
    seen = await visible(context, context.pool, [each.row for each in shown])
    holds = {code: [confirming(query) for query in asked] for code, asked in plains.items()}
    rows = [row for row in seen if row.body is not None and any(each(row.body) for each in holds[row.type])]
    following = cursor_of(first, shown[-1].position) if len(merged) > size and shown else None
    return Page(rows, plains, total, following)
