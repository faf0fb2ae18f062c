"""Searching: criteria, pages, included resources, totals. The law's scope is part of the query."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

import asyncpg
import msgspec

from kontinuum.access import Action, predicate
from kontinuum.access.redact import is_marked, may_see, tells_of_protected
from kontinuum.fhir import json
from kontinuum.fhir.definitions import RESOURCE_TYPES, TYPE_CODES, SearchParameter, search_parameters
from kontinuum.fhir.fhirpath import compile as compile_path
from kontinuum.fhir.search.match import recheck
from kontinuum.fhir.search.parse import parse_search
from kontinuum.fhir.search.query import Include, SearchQuery
from kontinuum.kernel.sql import Fragment
from kontinuum.record.circumstances import readable
from kontinuum.record.context import Context, type_code
from kontinuum.record.outcome import Refusal, RefusalKind, SearchPage, refuse
from kontinuum.record.reading import split
from kontinuum.record.release import release
from kontinuum.record.withholding import narrowed, visible
from kontinuum.store.resources import read as reads
from kontinuum.store.resources import search as store
from kontinuum.store.resources.rows import ResourceRow

DEFAULT_COUNT = 50
MAX_COUNT = 1000
MAX_INCLUDED = 10_000
MAX_CLAUSES = 100
"""How many conditions one search may come to: PostgreSQL's planning grows faster than their number."""

_BY_ROWS = ("string", "date", "number", "quantity", "composite")


def parse_url(url: str) -> SearchQuery | Refusal:
    """A search written as `Type?parameters`, parsed; a refusal names what was not understood."""
    type_name, _, text = url.partition("?")
    code = type_code(type_name)
    if isinstance(code, Refusal):
        return code
    query = parse_search(type_name, parse_qsl(text, keep_blank_values=True))
    return query if isinstance(query, SearchQuery) else Refusal(RefusalKind.BAD_REQUEST, tuple(query))


async def search(context: Context, query: SearchQuery) -> SearchPage | Refusal:
    """One page of a search (http://hl7.org/fhir/R4/search.html), logged before it is given."""
    prepared = _prepare(query)
    if isinstance(prepared, Refusal):
        return prepared
    found = await _run(context, context.pool, query, prepared)
    if isinstance(found, Refusal):
        return found
    page, rows = found
    await _log(context, [query], rows)
    return page


async def search_many(context: Context, queries: Sequence[SearchQuery]) -> list[SearchPage]:
    """Several searches for one page view: run together, logged as one access."""
    prepared = [_prepare(query) for query in queries]
    for each in prepared:
        if isinstance(each, Refusal):
            raise ValueError(each.issues[0].message)
    runs = [
        _run(context, context.pool, query, position)
        for query, position in zip(queries, prepared, strict=True)
        if not isinstance(position, Refusal)
    ]
    results = await asyncio.gather(*runs)
    pages: list[SearchPage] = []
    rows: list[ResourceRow] = []
    for result in results:
        if isinstance(result, Refusal):
            raise ValueError(result.issues[0].message)
        pages.append(result[0])
        rows += result[1]
    await _log(context, queries, rows)
    return pages


async def matching(context: Context, connection: Any, query: SearchQuery, limit: int) -> list[ResourceRow]:
    """The first rows that a search finds, unlogged: for conditions on writes, which are logged themselves."""
    found = await store.search(connection, query, _scope(context, query), limit)
    rows = await visible(context, connection, [each.row for each in found])
    return [row for row in rows if _confirmed(query, row)]


def _prepare(query: SearchQuery) -> list[Any] | Refusal | None:
    """The position at which the page begins, or why the search cannot be run."""
    odd = next((name for name, value in query.self_params if not _is_text(value)), None)
    if odd is not None:
        return refuse(
            RefusalKind.BAD_REQUEST,
            "value",
            f"The value of '{odd}' holds characters that no text has (U+0000).",
        )
    clauses = sum(len(each.values) if each.parameter.type in _BY_ROWS else 1 for each in query.criteria)
    if clauses > MAX_CLAUSES:
        return refuse(
            RefusalKind.BAD_REQUEST,
            "too-costly",
            f"The search has {clauses:,} criteria and alternatives; at most {MAX_CLAUSES} are taken at once.",
        )
    unsortable = store.unsortable(query)
    if unsortable:
        return refuse(
            RefusalKind.BAD_REQUEST,
            "not-supported",
            f"_sort by '{unsortable[0]}' is not supported: a search is sorted by a parameter of type "
            f"{', '.join(store.SORTABLE)}, by _id or by _lastUpdated.",
        )
    return None if query.cursor is None else _position(query, query.cursor)


def _is_text(value: str) -> bool:
    """Whether PostgreSQL can compare a value with text: neither U+0000 nor half a surrogate pair."""
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


async def _found(
    context: Context, connection: Any, query: SearchQuery, limit: int, after: list[Any] | None
) -> list[store.Found] | Refusal:
    try:
        return await store.search(connection, query, _scope(context, query), limit, after)
    except asyncpg.DataError:
        if after is None:
            raise
        return _foreign_cursor()  # a position whose values are not of the order's types


async def _run(
    context: Context, connection: Any, query: SearchQuery, after: list[Any] | None
) -> tuple[SearchPage, list[ResourceRow]] | Refusal:
    size = min(DEFAULT_COUNT if query.count is None else query.count, MAX_COUNT)
    only_count = query.summary == "count" or query.count == 0
    total = None
    if only_count or query.total in ("accurate", "estimate"):
        total = await store.count(connection, query, _scope(context, query))
    if only_count:
        return SearchPage((), (), total), []
    found = await _found(context, connection, query, size + 1, after)
    if isinstance(found, Refusal):
        return found
    shown = found[:size]
    rows = await visible(context, connection, [each.row for each in shown])
    matches = [row for row in rows if _confirmed(query, row)]
    included = await _included(context, connection, query, matches)
    if isinstance(included, Refusal):
        return included
    following = _cursor(query, shown[-1].position) if len(found) > size and shown else None
    shown_matches, shown_included = await release(context, matches), await release(context, included)
    page = SearchPage(tuple(shown_matches), tuple(shown_included), total, following)
    return page, matches + included


def _scope(context: Context, query: SearchQuery) -> Fragment:
    """What of a search's type the principal may find.

    A search that would tell what is taken out of a protected person's resources finds no such person.
    """
    question = context.question(Action.READ, patient=store.patient_of(query), type_name=query.type)
    asked = {criterion.parameter.name for criterion in query.criteria}
    asked |= {key.parameter.name for key in query.sort if not isinstance(key.parameter, str)}
    telling = tells_of_protected(query.type, asked) and not may_see(question)
    return narrowed(context, predicate(question, with_protected=not telling), query.type, asked)


def _confirmed(query: SearchQuery, row: ResourceRow) -> bool:
    """A hit of a hash counts only when the resource itself holds the value."""
    return not query.criteria or (row.body is not None and recheck(query.criteria, row.body))


async def _included(
    context: Context, connection: Any, query: SearchQuery, matches: list[ResourceRow]
) -> list[ResourceRow] | Refusal:
    if not matches or not (query.includes or query.revincludes):
        return []
    found: dict[tuple[int, int], ResourceRow] = {}
    wanted = [pair for include in query.includes for pair in _references(context, include, matches)]
    if wanted:
        rows = await reads.read_many(connection, dict.fromkeys(wanted))
        permitted = await readable(context, connection, [row for row in rows if row.body is not None])
        for row in await visible(context, connection, permitted):
            found[row.bucket, row.key] = row
    targets = [(RESOURCE_TYPES[row.type - 1], row.id) for row in matches]
    for include in query.revincludes:
        limit = MAX_INCLUDED - len(found) + 1
        parameter = _parameter(include)
        question = context.question(Action.READ, type_name=include.source_type)
        telling = tells_of_protected(include.source_type, {parameter.name}) and not may_see(question)
        scope = predicate(question, with_protected=not telling)
        scope = narrowed(context, scope, include.source_type, {parameter.name})
        referring = await store.referring(connection, include.source_type, parameter, targets, scope, limit)
        for row in await visible(context, connection, referring):
            found[row.bucket, row.key] = row
        if len(found) > MAX_INCLUDED:
            return refuse(
                RefusalKind.BAD_REQUEST,
                "too-costly",
                f"More than {MAX_INCLUDED:,} resources would be included: ask for fewer matches (_count).",
            )
    for row in matches:
        found.pop((row.bucket, row.key), None)
    return list(found.values())


def _references(context: Context, include: Include, matches: list[ResourceRow]) -> list[tuple[int, str]]:
    """The targets to which the matches refer by an include's parameter."""
    code = TYPE_CODES[include.source_type]
    secret = tells_of_protected(include.source_type, {include.parameter}) and not may_see(
        context.question(Action.READ)
    )
    path = compile_path(_parameter(include).expression)
    found = []
    for row in matches:
        if row.type != code or row.body is None or (secret and is_marked(row.body)):
            continue
        for node in path.nodes(json.loads(row.body)):
            text = node.value.get("reference") if isinstance(node.value, dict) else node.value
            pair = split(text) if isinstance(text, str) else None
            wanted = TYPE_CODES.get(include.target_type) if include.target_type else None
            if pair and (wanted is None or pair[0] == wanted):
                found.append(pair)
    return found


def _parameter(include: Include) -> SearchParameter:
    return search_parameters(include.source_type)[include.parameter]


async def _log(context: Context, queries: Sequence[SearchQuery], rows: list[ResourceRow]) -> None:
    asked_for = [store.patient_of(query) for query in queries]
    await context.log(
        "search",
        "permitted",
        "scope",
        patients=[*asked_for, *(row.patient for row in rows)],
        what=(_as_asked(query) for query in queries),
        count=len(rows),
    )


def _as_asked(query: SearchQuery) -> str:
    return query.type + "?" + "&".join(f"{name}={value}" for name, value in query.self_params)


def _fingerprint(query: SearchQuery) -> str:
    asked = [pair for pair in query.self_params if pair[0] not in ("_count", "_cursor", "_total")]
    return hashlib.blake2b(repr((query.type, asked)).encode(), digest_size=6).hexdigest()


def _cursor(query: SearchQuery, position: Sequence[Any]) -> str:
    packed = msgspec.json.encode([_fingerprint(query), *position])
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _position(query: SearchQuery, cursor: str) -> list[Any] | Refusal:
    try:
        packed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        fingerprint, *position = msgspec.json.decode(packed, type=list[str | int])
    except (binascii.Error, ValueError, msgspec.DecodeError):
        fingerprint, position = "", []
    expected = max(1, len(query.sort)) + 1
    if fingerprint != _fingerprint(query) or len(position) != expected:
        return _foreign_cursor()
    return list(position)


def _foreign_cursor() -> Refusal:
    return refuse(
        RefusalKind.BAD_REQUEST,
        "value",
        "The page token (_cursor) does not belong to this search: follow the links of the first page.",
    )
