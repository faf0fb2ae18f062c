"""The chronicle of one patient: entries of many types in clinical order, the newest first.

A search across types (https://hl7.org/fhir/R4/http.html#search) is ordered by the time of writing; a chart is
read by clinical time, which every stored resource has (`fhir.search.clinical`). Each type is searched by
itself with the law's scope for it. What is not shown is not logged; what is shown is, as one access.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from kontinuum.access.sql import all_of
from kontinuum.fhir import json
from kontinuum.fhir.definitions import search_parameters
from kontinuum.fhir.search.hashing import value_hash
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.fhir.swedish import Term
from kontinuum.kernel.sql import Fragment
from kontinuum.record.chaining import resolve
from kontinuum.record.context import Context
from kontinuum.record.outcome import Refusal, RefusalKind, Stored, refuse
from kontinuum.record.persons.meaning import of_whole_person, patients_named
from kontinuum.record.persons.widening import in_all_forms
from kontinuum.record.release import release
from kontinuum.record.scoping import beyond_scopes
from kontinuum.record.searching import confirmed, law, parse_url, scope_of
from kontinuum.record.withholding import visible
from kontinuum.store import persons
from kontinuum.store.resources import chronicle as narrowing
from kontinuum.store.resources import search as store
from kontinuum.store.resources.rows import ResourceRow

_SLICE: Final = 400
"""How many rows of a type are looked at once where each must be looked into."""

_MOST: Final = 20
"""How many slices of each type are looked at for one page."""

_INDEXED: Final = frozenset({"Composition", "Observation"})
"""The types whose texts all stand in the index of words. They are nearly all that a long record holds; of the
others, some elements have no search parameter, and every entry is looked into."""

Resource = dict[str, Any]
Keep = Callable[[Sequence[Resource]], Awaitable[Sequence[bool]]]


@dataclass(frozen=True, slots=True)
class Part:
    """A page of a patient's chronicle that is asked for.

    `searches` are written as `Type` or `Type?parameters` without the patient; `start` and `end` are clinical
    times in microseconds, the end excluded. All `terms` must stand in the entry; `found` says if they do.
    `keep` says of decoded entries which are wanted. `cursor` is what the page before gave.
    """

    searches: tuple[str, ...]
    units: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None
    terms: tuple[Term, ...] = ()
    found: Callable[[Resource], bool] | None = None
    keep: Keep | None = None
    count: int = 50
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry: as stored, decoded, and its clinical time in microseconds."""

    stored: Stored
    resource: Resource
    at: int


@dataclass(frozen=True, slots=True)
class Leaf:
    """A page of the chronicle. `next` is the cursor of the following page, empty on the last."""

    entries: tuple[Entry, ...]
    next: str = ""


@dataclass(slots=True)
class _Gathered:
    """What is found so far, newest first, and how far was looked."""

    rows: list[tuple[ResourceRow, Resource]] = field(default_factory=list)
    after: list[int] | None = None
    ended: bool = False


async def chronicle(context: Context, patient: str, parts: Sequence[Part]) -> list[Leaf] | Refusal:
    """Pages of a patient's chronicle, logged as one access."""
    searches = await _searches(context, patient, parts)
    if isinstance(searches, Refusal):
        return searches
    read = await asyncio.gather(*map(_leaf, [context] * len(parts), parts, searches))
    leaves: list[tuple[Leaf, list[ResourceRow]]] = []
    for leaf in read:
        if isinstance(leaf, Refusal):
            return leaf
        leaves.append(leaf)
    asked = [_as_asked(each, part) for part, queries in zip(parts, searches, strict=True) for each in queries]
    await context.log(
        "search",
        "permitted",
        "scope",
        patients=[patient, *(row.patient for _, rows in leaves for row in rows)],
        what=dict.fromkeys(asked) or (f"Patient/{patient}",),
        count=sum(len(rows) for _, rows in leaves),
    )
    return [leaf for leaf, _ in leaves]


async def _leaf(
    context: Context, part: Part, queries: Sequence[SearchQuery]
) -> tuple[Leaf, list[ResourceRow]] | Refusal:
    position = _position(part.cursor)
    if isinstance(position, Refusal):
        return position
    looked_into = part.keep is not None or bool(part.terms)
    size = _SLICE if looked_into else part.count + 1
    gathered = _Gathered(after=position)
    for _ in range(_MOST if looked_into else 1):
        await _gather(context, part, queries, gathered, size)
        if gathered.ended or len(gathered.rows) > part.count:
            break
    shown = gathered.rows[: part.count]
    following = ""
    if len(gathered.rows) > part.count:
        following = _cursor([shown[-1][0].sort, shown[-1][0].key])
    elif not gathered.ended and gathered.after is not None:
        following = _cursor(gathered.after)
    rows = [row for row, _ in shown]
    released = await release(context, context.pool, rows)
    entries = tuple(
        Entry(stored, resource, row.sort) for stored, (row, resource) in zip(released, shown, strict=True)
    )
    return Leaf(entries, following), rows


async def _searches(
    context: Context, patient: str, parts: Sequence[Part]
) -> list[list[SearchQuery]] | Refusal:
    """For each part, the searches of types of which there is anything, in their meaning for the person."""
    parsed = [[_parsed(each, patient) for each in part.searches] for part in parts]
    every = [query for queries in parsed for query in queries]
    beyond = await beyond_scopes(context, every)
    if beyond is not None:
        return beyond
    members = await persons.members(context.pool, [*{patient, *patients_named(every)}])
    _, whole = members.get(patient, ("", (patient,)))
    present = await narrowing.types_of(context.pool, whole, [query.type for query in every])
    searches: list[list[SearchQuery]] = [[] for _ in parts]
    for place, queries in zip(searches, parsed, strict=True):
        for query in queries:
            if query.type not in present:
                continue
            meant = of_whole_person(in_all_forms(context, query), members)
            plain = await resolve(context.pool, meant, law(context), context.services.terms)
            if isinstance(plain, SearchQuery):
                place.append(plain)
    return searches


def _parsed(search: str, patient: str) -> SearchQuery:
    # R4 gives one type, AdverseEvent, its patient by `subject` alone.
    whose = "patient" if "patient" in search_parameters(search.partition("?")[0]) else "subject"
    query = parse_url(f"{search}{'&' if '?' in search else '?'}{whose}={patient}")
    if isinstance(query, Refusal):
        raise ValueError(f"{search}: {query.issues[0].message}")
    return query


async def _gather(
    context: Context, part: Part, queries: Sequence[SearchQuery], gathered: _Gathered, size: int
) -> None:
    """Look at the next slice of every type. What is older than the end of any slice is not known yet."""
    after = gathered.after
    slices = await asyncio.gather(
        *(store.search(context.pool, query, _scope(context, part, query), size, after) for query in queries)
    )
    ends = [found[-1].position for found in slices if len(found) == size]
    until = max(ends, default=None)
    rows: list[ResourceRow] = []
    for query, found in zip(queries, slices, strict=True):
        known = [each.row for each in found if until is None or each.position >= until]
        rows += confirmed(query, await visible(context, context.pool, known))
    rows.sort(key=lambda row: (row.sort, row.key), reverse=True)
    wanted = [(row, json.loads(row.body or b"")) for row in rows if _may_hold(part, row)]
    if part.found is not None:
        wanted = [pair for pair in wanted if part.found(pair[1])]
    if part.keep is not None:
        kept = await part.keep([resource for _, resource in wanted])
        wanted = [pair for pair, keep in zip(wanted, kept, strict=True) if keep]
    gathered.rows += wanted
    gathered.ended = until is None
    gathered.after = None if until is None else [int(each) for each in until]


def _scope(context: Context, part: Part, query: SearchQuery) -> Fragment:
    """The law's scope for a type and what narrows it. Words are asked for as `_content` is."""
    parts = [scope_of(context, query, "_content" if part.terms else "")]
    parts += [narrowing.at_units(part.units)] if part.units else []
    parts += [narrowing.between(part.start, part.end)]
    if query.type in _INDEXED:
        parts += [narrowing.mentioning(term.needles, _code_hashes(query.type, term)) for term in part.terms]
    return all_of(*parts)


def _code_hashes(type_name: str, term: Term) -> list[int]:
    """The hashes of a code that was written out, whatever its system."""
    if not term.literal or type_name != "Observation":
        return []
    codes = dict.fromkeys((term.typed, term.typed.upper()))
    names = ("code", "component-code")
    return [value_hash(type_name, name, "code", code) for name in names for code in codes]


def _may_hold(part: Part, row: ResourceRow) -> bool:
    """Whether an entry can hold every term: a look at its letters that spares decoding most entries."""
    if row.body is None:
        return False
    if not part.terms:
        return True
    text = row.body.decode().lower()
    if "\\u" in text or "&" in text or '"data"' in text:  # letters in another writing
        return True
    return all(any(needle in text for needle in term.needles) for term in part.terms)


def _as_asked(query: SearchQuery, part: Part) -> str:
    """As it stands in the log."""
    asked = [f"{name}={value}" for name, value in query.self_params]
    asked += [f"_content={' '.join(term.typed for term in part.terms)}"] if part.terms else []
    return f"{query.type}?{'&'.join(asked)}"


def _cursor(position: Sequence[int]) -> str:
    return "_".join(map(str, position))


def _position(cursor: str) -> list[int] | Refusal | None:
    if not cursor:
        return None
    parts = cursor.split("_")
    if len(parts) == 2 and all(each.lstrip("-").isdecimal() and len(each) < 20 for each in parts):
        return [int(each) for each in parts]
    return refuse(RefusalKind.BAD_REQUEST, "value", "The place in the timeline is none: begin at its top.")
