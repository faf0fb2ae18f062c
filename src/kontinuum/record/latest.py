"""The latest observations of each kind (http://hl7.org/fhir/R4/observation-operation-lastn.html)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from kontinuum.fhir import json
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.record.chaining import Nothing, resolve
from kontinuum.record.context import Context
from kontinuum.record.outcome import Refusal, RefusalKind, SearchPage, refuse
from kontinuum.record.persons.widening import meant_by
from kontinuum.record.release import release
from kontinuum.record.scoping import beyond_scopes
from kontinuum.record.searching import confirmed, law, log_searches, prepare, scope_of
from kontinuum.record.withholding import visible
from kontinuum.store.resources import search as store
from kontinuum.store.resources.rows import ResourceRow

MAX_LOOKED_AT = 20_000
"""How many observations of one patient are looked at."""

_SLICE = 1000

_Found: TypeAlias = tuple[ResourceRow, list[Any]]
"""An observation and the codings by which it is of a kind."""


async def latest(context: Context, query: SearchQuery, most: int) -> SearchPage | Refusal:
    """At most so many observations of each code that a search finds, group by group, newest first.

    The search must be of one patient. Observations are of one kind when they share a coding, or without any
    coding the text of their code.
    """
    if query.type != "Observation" or store.patient_of(query) is None:
        return refuse(
            RefusalKind.BAD_REQUEST,
            "required",
            "Say whose observations: patient=id (or subject=Patient/id), given once and for one patient.",
        )
    prepared = prepare(replace(query, cursor=None))
    if isinstance(prepared, Refusal):
        return prepared
    beyond = await beyond_scopes(context, [query])
    if beyond is not None:
        return beyond
    rows = await _newest_first(context, query)
    if isinstance(rows, Refusal):
        return rows
    shown = [row for group in _groups(rows) for row in group[:most]]
    await log_searches(context, [query], shown)
    return SearchPage(tuple(await release(context, context.pool, shown)))


async def _newest_first(context: Context, asked: SearchQuery) -> list[_Found] | Refusal:
    meant = await meant_by(context, context.pool, asked)
    query = await resolve(context.pool, meant, law(context), context.services.terms)
    if not isinstance(query, SearchQuery):
        return [] if isinstance(query, Nothing) else query
    rows: list[_Found] = []
    looked_at, after = 0, None
    while looked_at < MAX_LOOKED_AT:
        found = await store.search(context.pool, query, scope_of(context, query), _SLICE, after)
        looked_at += len(found)
        seen = await visible(context, context.pool, [each.row for each in found])
        rows += [(row, _kinds(row)) for row in confirmed(query, seen)]
        if len(found) < _SLICE:
            return rows
        after = found[-1].position
    return refuse(
        RefusalKind.BAD_REQUEST,
        "too-costly",
        f"The patient has more than {MAX_LOOKED_AT:,} such observations: narrow the search by category, "
        "code or date.",
    )


def _groups(found: Sequence[_Found]) -> list[list[ResourceRow]]:
    """Rows by kind, in the order of the newest of each. What shares a coding with two groups joins them."""
    leader: dict[Any, Any] = {}

    def head(key: Any) -> Any:
        while leader.setdefault(key, key) != key:
            leader[key] = leader[leader[key]]
            key = leader[key]
        return key

    for _, named in found:
        for key in named[1:]:
            leader[head(key)] = head(named[0])
    groups: dict[Any, list[ResourceRow]] = {}
    for row, named in found:
        groups.setdefault(head(named[0]), []).append(row)
    return list(groups.values())


def _kinds(row: ResourceRow) -> list[Any]:
    code = json.loads(row.body or b"{}").get("code") or {}
    named = [(each.get("system"), each["code"]) for each in code.get("coding") or () if each.get("code")]
    return list(dict.fromkeys(named)) or [(None, None, code.get("text"))]
