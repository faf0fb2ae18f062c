"""Sorting by parameters that no index orders: tokens, references and addresses, by what resources hold.

https://hl7.org/fhir/R4/search.html#sort. All hits are read, so that only so many may be sorted in this way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from kontinuum.fhir import json
from kontinuum.fhir.definitions import SearchParameter
from kontinuum.fhir.fhirpath import compile as compile_path
from kontinuum.fhir.search.match import confirming, tokens_of
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.fhir.search.readings import (
    canonical_and_bare,
    date_ranges,
    number_ranges,
    references,
    texts,
)
from kontinuum.fhir.search.text import normalise
from kontinuum.kernel.sql import Fragment
from kontinuum.record.outcome import Refusal, RefusalKind, refuse
from kontinuum.store.resources import search as store
from kontinuum.store.resources.rows import ResourceRow

MAX_SORTED = 10_000
"""How many hits are sorted at most."""

_SLICE = 200

Held: TypeAlias = int | str | Decimal
Key: TypeAlias = tuple[bool, Held]
"""Whether there is a value, and the least (or greatest) of them; what has none comes before all others."""


async def sorted_page(
    connection: Any, query: SearchQuery, scope: Fragment, limit: int, after: Sequence[Any] | None
) -> list[store.Found] | Refusal:
    """The rows of a search in its order, at most `limit`, after a position."""
    rows = await store.every(connection, query, scope, MAX_SORTED + 1)
    if len(rows) > MAX_SORTED:
        names = ", ".join(store.unsortable(query))
        return refuse(
            RefusalKind.BAD_REQUEST,
            "too-costly",
            f"More than {MAX_SORTED:,} resources would have to be sorted by {names}: add criteria, or sort "
            f"by a parameter of type {', '.join(store.SORTABLE)}, by _id or by _lastUpdated.",
        )
    holds = confirming(query)
    placed: list[tuple[list[Any], ResourceRow]] = []
    for number, row in enumerate(rows):
        if number % _SLICE == _SLICE - 1:
            await asyncio.sleep(0)
        if row.body is not None and holds(row.body):
            placed.append((_position(query, row, json.loads(row.body)), row))
    beyond = None if after is None else _comparable(query, list(after))
    found = [
        (order, position, row)
        for position, row in placed
        for order in (_comparable(query, position),)
        if beyond is None or order > beyond
    ]
    found.sort(key=lambda each: each[0])
    return [store.Found(row, tuple(position)) for _, position, row in found[:limit]]


def _position(query: SearchQuery, row: ResourceRow, resource: dict[str, Any]) -> list[Any]:
    """The values by which a row is sorted, as they travel in a page token, and its key."""
    position: list[Any] = []
    for sort in query.sort:
        if sort.parameter == "_id":
            position.append(row.id)
        elif sort.parameter == "_lastUpdated":
            position.append(row.updated)
        else:
            assert isinstance(sort.parameter, SearchParameter)
            held = _held(sort.parameter, resource)
            chosen = (max(held) if sort.descending else min(held)) if held else ""
            position.append(str(chosen) if isinstance(chosen, Decimal) else chosen)
    return [*position, row.key]


def _held(parameter: SearchParameter, resource: dict[str, Any]) -> list[Any]:
    """All values of a parameter in a resource, in a form that has an order."""
    nodes = [node for node in compile_path(parameter.expression).nodes(resource) if node.value is not None]
    match parameter.type:
        case "date":
            return [low for node in nodes for low, _ in date_ranges(node)]
        case "number" | "quantity":
            return [low for node in nodes for low, _ in number_ranges(node) if low.is_finite()]
        case "string":
            return [normalise(text) for node in nodes for text in texts(node)]
        case "reference":
            return [text for node in nodes for text in references(node)]
        case "token":
            return [code for node in nodes for _, code in tokens_of(node, resource) if code]
        case _:
            return [canonical_and_bare(node)[-1] for node in nodes]


class _Downwards:
    """A value that is greater the smaller it is."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: _Downwards) -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Downwards) and bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash(self.value)


def _comparable(query: SearchQuery, position: list[Any]) -> tuple[Any, ...]:
    parts: list[Any] = []
    for sort, value in zip(query.sort, position, strict=False):
        key = _key(sort.parameter, value)
        parts.append(_Downwards(key) if sort.descending else key)
    last: Any = position[-1]
    parts.append(_Downwards(last) if query.sort[0].descending else last)
    return tuple(parts)


def _key(parameter: SearchParameter | Literal["_id", "_lastUpdated"], value: Any) -> Key:
    if not isinstance(parameter, SearchParameter):
        return True, value
    if value == "":
        return False, 0
    return True, Decimal(value) if parameter.type in ("number", "quantity") else value
