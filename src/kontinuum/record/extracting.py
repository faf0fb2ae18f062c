"""Taking data out in bulk, as it stood at one moment: the law's scope and the filters are the query's.

http://hl7.org/fhir/uv/bulkdata/STU2/export.html
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple, TypeAlias
from urllib.parse import parse_qsl

from kontinuum.access import Action, predicate
from kontinuum.access.grounds import SHARED_TYPES
from kontinuum.access.redact import may_see
from kontinuum.access.scopes import within_scopes
from kontinuum.access.sql import all_of
from kontinuum.fhir.definitions import RESOURCE_TYPES, TYPE_CODES
from kontinuum.fhir.search.match import confirming
from kontinuum.fhir.search.parse import parse_search
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.kernel.ids import BUCKETS, bucket_of
from kontinuum.kernel.sql import Binder, Fragment
from kontinuum.record.chaining import Nothing, resolve
from kontinuum.record.context import Context
from kontinuum.record.outcome import Refusal, RefusalKind, refuse
from kontinuum.record.persons.widening import meant_by
from kontinuum.record.searching import law, prepare
from kontinuum.store import persons
from kontinuum.store.resources import export as store
from kontinuum.store.resources import search

PATIENT: Final = TYPE_CODES["Patient"]
LATE_MICROS: Final = 30 * 1_000_000
"""How long it takes at most from the moment that a write is stamped with until it holds the table.

Clocks of several machines may differ by as much.
"""
_PATIENCE_SECONDS: Final = 300.0
_NOT_OF_A_FILTER: Final = frozenset(
    "_sort _count _cursor _include _revinclude _include:iterate _revinclude:iterate _summary _elements "
    "_total _format _pretty".split()
)
_NEXT_FILTER: Final = re.compile(r",(?=[A-Z][A-Za-z]+\?)")

_Filters: TypeAlias = dict[int, list[SearchQuery]]


@dataclass(frozen=True, slots=True)
class Extent:
    """What an export is to hold.

    `types` are all when there are none. `filters` are searches as `Type?criteria`; of a type that has some,
    what meets any of them. `patients` narrow it to persons, whose linked Patients count as well. `since` is
    in microseconds; `base` is the server's own address, below which references are also relative.
    """

    level: Literal["system", "patient", "group"]
    types: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    patients: tuple[str, ...] | None = None
    since: int | None = None
    base: str | None = None


class Line(NamedTuple):
    """One resource as it is given out, and whose it is: `body` verbatim; None for a deletion."""

    type: str
    id: str
    body: bytes | None
    patient: str | None = None


class Extracted(NamedTuple):
    """Some lines, the share (0 to 1) of the export that ends with them, and the moment of it all."""

    lines: list[Line]
    share: float
    moment: int


def filters_in(text: str) -> list[str]:
    """The searches in one `_typeFilter`: a comma parts two of them where a type and its `?` follow."""
    return _NEXT_FILTER.split(text)


def check(extent: Extent) -> list[SearchQuery] | Refusal:
    """The filters of an extent, parsed, or what of the extent cannot be served."""
    for name in extent.types:
        if name not in TYPE_CODES:
            message = f"_type names '{name}', which is no resource type of FHIR R4."
            return refuse(RefusalKind.BAD_REQUEST, "value", message)
    if "AuditEvent" in extent.types:
        message = "The log is no part of an export; it is searched as AuditEvent?…"
        return refuse(RefusalKind.BAD_REQUEST, "not-supported", message)
    queries = []
    for text in extent.filters:
        query = _parsed(extent, text)
        if isinstance(query, Refusal):
            return query
        queries.append(query)
    return queries


def _parsed(extent: Extent, text: str) -> SearchQuery | Refusal:
    name, mark, criteria = text.partition("?")
    if not mark or name not in TYPE_CODES:
        message = f"_typeFilter must be searches such as Observation?category=laboratory, not '{text}'."
        return refuse(RefusalKind.BAD_REQUEST, "value", message)
    if extent.types and name not in extent.types:
        message = f"_typeFilter is about {name}, which _type leaves out."
        return refuse(RefusalKind.BAD_REQUEST, "value", message)
    parameters = parse_qsl(criteria, keep_blank_values=True)
    shaping = next((each for each, _ in parameters if each in _NOT_OF_A_FILTER), None)
    if shaping is not None:
        message = f"_typeFilter says which resources are exported: it takes no {shaping}."
        return refuse(RefusalKind.BAD_REQUEST, "not-supported", message)
    query = parse_search(name, parameters, base=extent.base)
    if isinstance(query, list):
        return Refusal(RefusalKind.BAD_REQUEST, tuple(query))
    refused = prepare(query)
    return refused if isinstance(refused, Refusal) else query


async def extract(context: Context, extent: Extent, job: str) -> AsyncGenerator[Extracted | Refusal, None]:
    """Everything of an extent that the principal may see, some thousand lines at a time; deletions last.

    The first has no lines and tells the moment: whatever was written before it is there. Each patient
    whose data is among the lines is in the log, durably, before they are given. A Refusal ends it.
    """
    queries = check(extent)
    if isinstance(queries, Refusal):
        yield queries
        return
    async with context.pool.acquire() as connection:
        moment = context.now() - LATE_MICROS
        if not await store.await_writers(connection, _PATIENCE_SECONDS):
            yield refuse(
                RefusalKind.CONFLICT, "timeout", "A write has been under way for too long: try again."
            )
            return
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            filters = await _resolved(context, connection, queries)
            if isinstance(filters, Refusal):
                yield filters
                return
            extent = await _of_whole_persons(connection, extent)
            yield Extracted([], 0.0, moment)
            logged = _Logged(context, job)
            holds = {code: [confirming(query) for query in asked] for code, asked in filters.items()}
            for deleted in (False, True) if extent.since is not None else (False,):
                binder = Binder()
                conditions = _conditions(context, extent, {} if deleted else filters, binder)
                async for rows in store.extract(connection, conditions, binder, deleted=deleted):
                    kept = [
                        row
                        for row in rows
                        if row.body is None
                        or row.type not in holds
                        or any(each(row.body) for each in holds[row.type])
                    ]
                    await logged.tell(kept)
                    yield Extracted(
                        [_line(row) for row in kept], 1.0 if deleted else rows[-1].bucket / BUCKETS, moment
                    )


def _line(row: store.ExtractedRow) -> Line:
    return Line(RESOURCE_TYPES[row.type - 1], row.id, row.body, row.patient)


async def _of_whole_persons(connection: object, extent: Extent) -> Extent:
    if extent.patients is None:
        return extent
    linked = await persons.members(connection, extent.patients)
    others = {each for _, members in linked.values() for each in members}
    return replace(extent, patients=tuple(sorted({*extent.patients, *others})))


async def _resolved(
    context: Context, connection: object, queries: Iterable[SearchQuery]
) -> _Filters | Refusal:
    """The filters of each type in the meaning that they have now, without chains."""
    filters: _Filters = {}
    for query in queries:
        found = filters.setdefault(TYPE_CODES[query.type], [])
        meant = await meant_by(context, connection, query)
        plain = await resolve(connection, meant, law(context), context.services.terms)
        if isinstance(plain, Refusal):
            return plain
        if not isinstance(plain, Nothing):
            found.append(plain)
    return filters


def _conditions(context: Context, extent: Extent, filters: _Filters, binder: Binder) -> str:
    question = context.question(Action.SEARCH)
    # Without the right to protected identities, nothing of these persons: it cannot be called back.
    scope = all_of(
        predicate(question, with_protected=may_see(question)), within_scopes(context.question(Action.READ))
    )
    names = [name for name in extent.types or RESOURCE_TYPES if name != "AuditEvent"]
    parts = [f"r.type = any({binder.bind([TYPE_CODES[name] for name in names])}::smallint[])"]
    parts.append(f"({binder.add(scope)})")
    if extent.patients is None:
        # Who everybody is may be looked up, so that the right patient is found: it is not for taking away.
        own = Fragment(
            "r.type <> {}::smallint or a.provider = {}::text", (PATIENT, question.assignment.provider)
        )
        parts.append(f"({binder.add(own)})")
    if extent.level != "system":
        parts.append(f"({binder.add(_of_patients(extent))})")
    if extent.since is not None:
        parts.append(f"r.updated >= {binder.bind(extent.since)}")
    for type_code, queries in filters.items():
        alternatives = [f"({search.meets(query, binder)})" for query in queries]
        any_of_them = " or ".join(alternatives) or "false"
        parts.append(f"(r.type <> {binder.bind(type_code)}::smallint or {any_of_them})")
    return " and ".join(parts)


def _of_patients(extent: Extent) -> Fragment:
    """What is in the compartment of the patients; with it what concerns no patient, where it was named."""
    shared = [TYPE_CODES[name] for name in extent.types if name in SHARED_TYPES]
    beside = "(r.patient is null and r.type = any({}::smallint[]))"
    if extent.patients is None:
        return Fragment(f"r.patient is not null or {beside}", (shared,))
    buckets = sorted({bucket_of(each) for each in extent.patients})
    own = "(r.bucket = any({}::smallint[]) and r.patient = any({}::text[]))"
    return Fragment(f"{own} or {beside}", (buckets, list(extent.patients), shared))


class _Logged:
    """Whose data an export has given out, told in the log for each bucket of patients."""

    def __init__(self, context: Context, job: str) -> None:
        self._context = context
        self._job = job
        self._bucket = -1
        self._told: set[str] = set()

    async def tell(self, rows: Sequence[store.ExtractedRow]) -> None:
        """Tell of the rows. A patient's data lies in one bucket and comes in a row."""
        if not rows:
            return
        new: list[str] = []
        for row in rows:
            if row.bucket != self._bucket:
                self._bucket, self._told = row.bucket, set()
            if row.patient is not None and row.patient not in self._told:
                self._told.add(row.patient)
                new.append(row.patient)
        types = sorted({RESOURCE_TYPES[row.type - 1] for row in rows})
        what = (f"bulk/{self._job}", *types)
        await self._context.log("export", "permitted", "scope", patients=new, what=what, count=len(rows))
