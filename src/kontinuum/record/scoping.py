"""What an app's scopes keep it from searching at all: it is told, and does not get an empty answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kontinuum.access import Action
from kontinuum.access.scopes import lacking
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.record.context import Context, forbidden
from kontinuum.record.outcome import Refusal


async def beyond_scopes(context: Context, queries: Iterable[SearchQuery]) -> Refusal | None:
    """The refusal, logged, of searches for which the app lacks a scope, also at the far end of a chain."""
    if context.principal.app is None:
        return None
    return await types_beyond_scopes(context, [name for query in queries for name in _searched(query)])


async def types_beyond_scopes(context: Context, types: Sequence[str | None]) -> Refusal | None:
    """The refusal, logged, of searching types (None: all) of which one is outside of an app's scopes."""
    for name in dict.fromkeys(types):
        deny = lacking(context.question(Action.SEARCH, type_name=name))
        if deny is not None:
            await context.log("search", "refused", deny.rule, what=(f"{name or ''}?",))
            return forbidden(deny)
    return None


def may_search(context: Context, type_name: str) -> bool:
    """Whether an app's scopes let it search a type; true without an app."""
    return lacking(context.question(Action.SEARCH, type_name=type_name)) is None


def _searched(query: SearchQuery) -> Iterator[str]:
    yield query.type
    for chain in query.chains:
        for target in chain.targets:
            yield from _searched(target)
    for has in query.has:
        yield from _searched(has.source)
