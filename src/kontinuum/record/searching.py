"""Searching: criteria, pages, included resources, totals. The law's scope is part of the query."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import asyncpg
import msgspec

from kontinuum.access import Action, predicate
from kontinuum.access.redact import is_marked, may_see, tells_of_protected
from kontinuum.access.sql import all_of
from kontinuum.fhir import json
from kontinuum.fhir.definitions import RESOURCE_TYPES, TYPE_CODES, SearchParameter, search_parameters
from kontinuum.fhir.fhirpath import compile as compile_path
from kontinuum.fhir.search.match import confirming
from kontinuum.fhir.search.parse import parse_search
from kontinuum.fhir.search.query import Include, SearchQuery
from kontinuum.kernel.sql import Fragment
from kontinuum.record.chaining import Nothing, Scope, resolve
from kontinuum.record.circumstances import readable
from kontinuum.record.context import Context, type_code
from kontinuum.record.logbook import Logbook
from kontinuum.record.ordering import sorted_page
from kontinuum.record.outcome import Refusal, RefusalKind, SearchPage, refuse
from kontinuum.record.persons.meaning import of_whole_person, patients_named
from kontinuum.record.persons.widening import in_all_forms, meant_by
from kontinuum.record.reading import split
from kontinuum.record.release import release
from kontinuum.record.scoping import beyond_scopes
from kontinuum.record.withholding import narrowed, visible
from kontinuum.store import persons
from kontinuum.store.resources import read as reads
from kontinuum.store.resources import search as store
from kontinuum.store.resources.rows import ResourceRow

DEFAULT_COUNT = 50
MAX_COUNT = 1000
MAX_INCLUDED = 10_000
COUNTED_FOR_ESTIMATE = 10_000
"""`_total=estimate` counts so far; beyond that it takes the planner's word."""
MAX_CLAUSES = 100
"""How many conditions one search may come to: PostgreSQL's planning grows faster than their number."""

AT_ONCE = 4
"""How many searches of one page go on at the same time."""

_Answer: TypeAlias = tuple[SearchPage, list[ResourceRow]] | Refusal
_Run: TypeAlias = tuple[SearchQuery, list[Any] | None, Sequence[str]]
"""A search, the position after which it begins, and the Patients of whom it tells whether they are linked."""

_BY_ROWS = ("string", "date", "number", "quantity", "composite")


def parse_url(url: str, *, base: str | None = None) -> SearchQuery | Refusal:
    """A search written as `Type?parameters`, parsed; a refusal names what was not understood.

    Absolute references below `base` are found as relative ones.
    """
    type_name, _, text = url.partition("?")
    code = type_code(type_name)
    if isinstance(code, Refusal):
        return code
    query = parse_search(type_name, parse_qsl(text, keep_blank_values=True), base=base)
    return query if isinstance(query, SearchQuery) else Refusal(RefusalKind.BAD_REQUEST, tuple(query))


async def search(context: Context, query: SearchQuery) -> SearchPage | Refusal:
    """One page of a search (http://hl7.org/fhir/R4/search.html), logged before it is given."""
    if query.type == "AuditEvent":
        return await Logbook(context).search(query)
    prepared = prepare(query)
    if isinstance(prepared, Refusal):
        return prepared
    beyond = await beyond_scopes(context, [query])
    if beyond is not None:
        return beyond
    (found,) = await _run_all(context, [query], [prepared])
    if isinstance(found, Refusal):
        return found
    page, rows = found
    await log_searches(context, [query], rows)
    return page


async def search_many(context: Context, queries: Sequence[SearchQuery]) -> list[SearchPage]:
    """Several searches for one page view: run together, logged as one access."""
    prepared = [prepare(query) for query in queries]
    for each in prepared:
        if isinstance(each, Refusal):
            raise ValueError(each.issues[0].message)
    positions = [position for position in prepared if not isinstance(position, Refusal)]
    results = await _run_all(context, queries, positions)
    pages: list[SearchPage] = []
    rows: list[ResourceRow] = []
    for result in results:
        if isinstance(result, Refusal):
            raise ValueError(result.issues[0].message)
        pages.append(result[0])
        rows += result[1]
    await log_searches(context, queries, rows)
    return pages


async def _run_all(
    context: Context, queries: Sequence[SearchQuery], positions: Sequence[list[Any] | None]
) -> list[_Answer]:
    """Searches run together, each in the meaning that identifiers and persons give it.

    Hardly any Patient is linked to others. A search itself finds nothing of one that is: only after an empty
    answer, and before what cannot tell so, is asked for links, so that no other search waits for that.
    """
    meant = [in_all_forms(context, query) for query in queries]
    named = [patients_named([query]) for query in meant]
    answers = await _together(
        context,
        {
            number: (query, positions[number], named[number])
            for number, query in enumerate(meant)
            if not named[number] or _tells_of_links(query)
        },
    )
    doubtful = [number for number, names in enumerate(named) if names and _is_empty(answers.get(number))]
    if doubtful:
        asked = dict.fromkeys(name for number in doubtful for name in named[number])
        members = await persons.members(context.pool, [*asked])
        whole = {number: of_whole_person(meant[number], members) for number in doubtful}
        answers |= await _together(
            context,
            {
                number: (query, positions[number], ())
                for number, query in whole.items()
                if number not in answers or query != meant[number]
            },
        )
    return [answers[number] for number in range(len(queries))]


async def _together(context: Context, runs: Mapping[int, _Run]) -> dict[int, _Answer]:
    """The answers of several searches, by number.

    A few go on at once, each on a connection that is kept for the next: to take one from the pool and give
    it back costs as much as a search that finds nothing. The long ones first, so that none is begun last.
    """
    if len(runs) == 1:
        ((number, run),) = runs.items()
        return {number: await _run(context, context.pool, *run)}
    waiting = iter(sorted(runs.items(), key=lambda one: -(one[1][0].count or DEFAULT_COUNT)))
    answers: dict[int, _Answer] = {}

    async def lane() -> None:
        async with context.pool.acquire() as connection:
            for number, run in waiting:
                answers[number] = await _run(context, connection, *run)

    await asyncio.gather(*(lane() for _ in range(min(len(runs), AT_ONCE))))
    return answers


def _is_empty(answer: _Answer | None) -> bool:
    return answer is None or not (isinstance(answer, Refusal) or answer[1])


def _tells_of_links(query: SearchQuery) -> bool:
    """Whether the first statement of a search is its only one that asks for a Patient's data."""
    counts = query.total not in (None, "none") or query.summary == "count" or query.count == 0
    return not (counts or query.chains or query.has or query.lists or store.unsortable(query))


async def matching(
    context: Context, connection: Any, query: SearchQuery, limit: int
) -> list[ResourceRow] | Refusal:
    """The first rows that a search finds, unlogged: for conditions on writes, which are logged themselves."""
    beyond = await beyond_scopes(context, [query])
    if beyond is not None:
        return beyond
    query = await meant_by(context, connection, query)
    plain = await resolve(connection, query, law(context), context.services.terms)
    if not isinstance(plain, SearchQuery):
        return plain if isinstance(plain, Refusal) else []
    found = await store.search(connection, plain, scope_of(context, plain), limit)
    rows = await visible(context, connection, [each.row for each in found])
    return confirmed(plain, rows)


def prepare(query: SearchQuery) -> list[Any] | Refusal | None:
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
    return None if query.cursor is None else position_of(query, query.cursor)


def _is_text(value: str) -> bool:
    """Whether PostgreSQL can compare a value with text: neither U+0000 nor half a surrogate pair."""
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


async def _found(
    context: Context,
    connection: Any,
    query: SearchQuery,
    limit: int,
    after: list[Any] | None,
    unlinked: Sequence[str],
) -> list[store.Found] | Refusal:
    try:
        if store.unsortable(query):
            return await sorted_page(connection, query, scope_of(context, query), limit, after)
        return await store.search(connection, query, scope_of(context, query), limit, after, unlinked)
    except (asyncpg.DataError, ArithmeticError, TypeError):
        if after is None:
            raise
        return _foreign_cursor()  # a position whose values are not of the order's types


async def _run(
    context: Context,
    connection: Any,
    asked: SearchQuery,
    after: list[Any] | None,
    unlinked: Sequence[str] = (),
) -> _Answer:
    query = await resolve(connection, asked, law(context), context.services.terms)
    if isinstance(query, Refusal):
        return query
    if isinstance(query, Nothing):
        counted = asked.total not in (None, "none") or asked.summary == "count" or asked.count == 0
        return SearchPage((), (), 0 if counted else None), []
    size = min(DEFAULT_COUNT if query.count is None else query.count, MAX_COUNT)
    only_count = query.summary == "count" or query.count == 0
    total = None
    if only_count or query.total == "accurate":
        total = await store.count(connection, query, scope_of(context, query))
    elif query.total == "estimate":
        total = await store.count(connection, query, scope_of(context, query), COUNTED_FOR_ESTIMATE)
    if only_count:
        return SearchPage((), (), total), []
    found = await _found(context, connection, query, size + 1, after, unlinked)
    if isinstance(found, Refusal):
        return found
    shown = found[:size]
    rows = await visible(context, connection, [each.row for each in shown])
    matches = confirmed(query, rows)
    included = await _included(context, connection, query, matches)
    if isinstance(included, Refusal):
        return included
    following = cursor_of(asked, shown[-1].position) if len(found) > size and shown else None
    shown_matches = await release(context, connection, matches)
    shown_included = await release(context, connection, included)
    page = SearchPage(tuple(shown_matches), tuple(shown_included), total, following)
    return page, matches + included


def scope_of(context: Context, query: SearchQuery, leading: str = "") -> Fragment:
    """What of a search's type the principal may find.

    A search that would tell what is taken out of a protected person's resources finds no such person; one
    that would tell what is kept back from the patient finds no entry of which a part is kept back.
    `leading`: the parameter by which a chain goes on from what is found.
    """
    question = context.question(Action.SEARCH, patient=store.patient_of(query), type_name=query.type)
    asked = {leading} if leading else set()
    asked |= {criterion.parameter.name for criterion in query.criteria}
    asked |= {key.parameter.name for key in query.sort if not isinstance(key.parameter, str)}
    within = query.compartment
    belonging = set() if within is None else {parameter.name for parameter in within.parameters}
    telling = tells_of_protected(query.type, asked | belonging) and not may_see(question)
    scope = predicate(question, with_protected=not telling)
    if context.own_unit:
        at = context.principal.assignment
        own = Fragment("a.provider = {}::text and a.unit = {}::text", (at.provider, at.unit))
        scope = all_of(scope, own)
    # That an entry belongs to the patient tells nothing of its parts; that it belongs to another may.
    of_patient = within is not None and within.owner.types == ("Patient",)
    return narrowed(context, scope, query.type, asked if of_patient else asked | belonging)


def law(context: Context) -> Scope:
    """The law's scope for each step of a search."""
    return lambda query, leading: scope_of(context, query, leading)


def confirmed(query: SearchQuery, rows: Iterable[ResourceRow]) -> list[ResourceRow]:
    """The rows that are hits: a hit of a hash counts only when the resource itself holds the value."""
    holds = confirming(query)
    return [row for row in rows if row.body is not None and holds(row.body)]


async def _included(
    context: Context, connection: Any, query: SearchQuery, matches: list[ResourceRow]
) -> list[ResourceRow] | Refusal:
    """What the includes of a search bring beside its matches; those that iterate go on from what came."""
    found: dict[tuple[int, int], ResourceRow] = {(row.bucket, row.key): row for row in matches}
    fresh, first = matches, True
    while fresh and (query.includes or query.revincludes):
        added = await _next_included(context, connection, query, fresh, first)
        if isinstance(added, Refusal):
            return added
        fresh = [row for row in added if (row.bucket, row.key) not in found]
        found.update(((row.bucket, row.key), row) for row in fresh)
        if len(found) - len(matches) > MAX_INCLUDED:
            return refuse(
                RefusalKind.BAD_REQUEST,
                "too-costly",
                f"More than {MAX_INCLUDED:,} resources would be included: ask for fewer matches (_count).",
            )
        first = False
    return list(found.values())[len(matches) :]


async def _next_included(
    context: Context, connection: Any, query: SearchQuery, fresh: list[ResourceRow], first: bool
) -> list[ResourceRow] | Refusal:
    """One step of including, from what the step before brought."""
    added: dict[tuple[int, int], ResourceRow] = {}
    includes = [each for each in query.includes if first or each.iterate]
    wanted = [pair for include in includes for pair in _references(context, include, fresh)]
    if wanted:
        rows = await reads.read_many(connection, dict.fromkeys(wanted))
        permitted = await readable(context, connection, [row for row in rows if row.body is not None])
        for row in await visible(context, connection, permitted):
            added[row.bucket, row.key] = row
    ends = await _ends(connection, fresh) if query.revincludes else []
    for include in query.revincludes:
        parameter = _parameter(include)
        targets = [
            (name, logical_id)
            for name, logical_id in ends
            if include.target_type in (None, name) and (not parameter.targets or name in parameter.targets)
        ]
        if not targets or not (first or include.iterate):
            continue
        source = SearchQuery(include.source_type)
        scope = scope_of(context, source, parameter.name)
        limit = MAX_INCLUDED + len(fresh) + 1
        referring = await store.referring(connection, include.source_type, parameter, targets, scope, limit)
        for row in await visible(context, connection, referring):
            added[row.bucket, row.key] = row
    return list(added.values())


async def _ends(connection: Any, rows: list[ResourceRow]) -> list[tuple[str, str]]:
    """The (type, id) to which references lead back to rows: of a linked Patient also to the others."""
    ends = [(RESOURCE_TYPES[row.type - 1], row.id) for row in rows]
    patients = [logical_id for name, logical_id in ends if name == "Patient"]
    linked = await persons.members(connection, patients) if patients else {}
    return list(dict.fromkeys([*ends, *(("Patient", each) for _, all_ in linked.values() for each in all_)]))


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


async def log_searches(context: Context, queries: Sequence[SearchQuery], rows: list[ResourceRow]) -> None:
    """Write searches and what they show to the log, as one access."""
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


def cursor_of(query: SearchQuery, position: Sequence[Any]) -> str:
    """The page token that continues a search after a position."""
    packed = msgspec.json.encode([_fingerprint(query), *position])
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def position_of(query: SearchQuery, cursor: str) -> list[Any] | Refusal:
    """The position in a page token; refused when it is of another search."""
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
