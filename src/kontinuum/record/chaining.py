"""Chains, `_has` and `_list`: from the far end to plain criteria, each step within the law.

https://hl7.org/fhir/R4/search.html#chaining. The resources at the far end are searched as any others, with
the law's scope for their type and each hit rechecked; what they come to is then asked for by reference
or by id. A resource that is hidden from who asks is therefore never a link, and changes no result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from kontinuum.fhir import json
from kontinuum.fhir.definitions import RESOURCE_TYPES, SearchParameter, search_parameters
from kontinuum.fhir.fhirpath import compile as compile_path
from kontinuum.fhir.search.match import confirming, list_members
from kontinuum.fhir.search.paths import resolve_paths
from kontinuum.fhir.search.query import (
    Chain,
    Criterion,
    Has,
    ReferenceSet,
    ReferenceValue,
    SearchQuery,
    UriValue,
)
from kontinuum.fhir.search.readings import parse_reference, references
from kontinuum.kernel.sql import Fragment
from kontinuum.record.outcome import Refusal, RefusalKind, refuse
from kontinuum.record.terms import Terms, expand
from kontinuum.store import persons
from kontinuum.store.resources import search as store
from kontinuum.store.resources.patient_scope import single_filing_parameters
from kontinuum.store.resources.rows import ResourceRow

MAX_LINKS = 20_000
"""How many resources may stand at one step of a chain."""

_SLICE = 500  # rows looked at before other requests have their turn

Scope: TypeAlias = Callable[[SearchQuery, str], Fragment]
"""The law for one search: what of its type may be found, where a parameter leads from it to another."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """A chain that ends nowhere: the search finds nothing."""


Resolved: TypeAlias = SearchQuery | Nothing | Refusal


async def resolve(connection: Any, asked: SearchQuery, scope: Scope, terms: Terms) -> Resolved:
    """The same search without chains, `_has`, `_list` and what needs to know codes."""
    query = await expand(connection, asked, terms)
    if isinstance(query, Refusal) or not (query.chains or query.has or query.lists):
        return query
    criteria = list(query.criteria)
    for chain in query.chains:
        links = await _chain(connection, chain, scope, terms)
        if isinstance(links, Refusal):
            return links
        if not links.targets and not links.urls:
            return Nothing()
        criteria.append(Criterion(chain.parameter, None, (_as_value(links),)))
    ids = None if query.ids is None else set(query.ids)
    for has in query.has:
        found = await _has(connection, query.type, has, scope, terms)
        if isinstance(found, Refusal):
            return found
        ids = found if ids is None else ids & found
    for name in query.lists:
        named = await _listed(connection, query.type, name, scope, terms)
        ids = named if ids is None else ids & named
    if ids is not None and not ids:
        return Nothing()
    plain = None if ids is None else tuple(sorted(ids))
    return replace(query, criteria=tuple(criteria), ids=plain, chains=(), has=(), lists=())


def _as_value(links: ReferenceSet) -> ReferenceSet | ReferenceValue:
    """One link is asked for as a reference of its own, for which a patient's own index may be used."""
    if len(links.targets) == 1 and not links.urls:
        ((type_name, logical_id),) = links.targets
        return ReferenceValue((type_name,), logical_id, None, None)
    return links


async def _chain(connection: Any, chain: Chain, scope: Scope, terms: Terms) -> ReferenceSet | Refusal:
    targets: set[tuple[str, str]] = set()
    urls: set[str] = set()
    for far in chain.targets:
        by_url = _by_url(chain.parameter)
        rows = await _every(connection, far, scope, terms, MAX_LINKS - len(targets), "")
        if isinstance(rows, Refusal):
            return rows
        for row in rows:
            targets.add((RESOURCE_TYPES[row.type - 1], row.id))
            if by_url and row.body is not None and (url := json.loads(row.body).get("url")):
                urls.add(url)
    patients = [logical_id for name, logical_id in targets if name == "Patient"]
    linked = await persons.members(connection, patients) if patients else {}
    targets |= {("Patient", each) for _, members in linked.values() for each in members}
    return ReferenceSet(frozenset(targets), frozenset(urls))


def _by_url(parameter: SearchParameter) -> bool:
    """Whether a parameter's references may be canonical addresses."""
    root = parameter.expression.partition(".")[0].lstrip("(")
    paths = resolve_paths(root, parameter.expression) if root in RESOURCE_TYPES else None
    return paths is None or any(path.type in ("canonical", "uri") for path in paths)


async def _has(connection: Any, type_name: str, has: Has, scope: Scope, terms: Terms) -> set[str] | Refusal:
    rows = await _every(connection, has.source, scope, terms, MAX_LINKS, has.parameter.name)
    if isinstance(rows, Refusal):
        return rows
    filed = has.parameter.name in single_filing_parameters(has.source.type)
    if filed and type_name == "Patient" and has.parameter.targets == ("Patient",):
        return {row.patient for row in rows if row.patient is not None}
    path = compile_path(has.parameter.expression)
    found: set[str] = set()
    urls: set[str] = set()
    for number, row in enumerate(rows):
        if number % _SLICE == _SLICE - 1:
            await asyncio.sleep(0)
        assert row.body is not None
        for node in path.nodes(json.loads(row.body)):
            texts = references(node)
            found.update(_ids(type_name, texts))
            urls.update(value.url for text in texts if (value := parse_reference(text)) and value.url)
    return found | await _by_address(connection, type_name, urls, scope, terms)


async def _by_address(
    connection: Any, type_name: str, urls: set[str], scope: Scope, terms: Terms
) -> set[str]:
    """The ids of a type's resources whose canonical address is one of these."""
    parameter = search_parameters(type_name).get("url")
    if not urls or parameter is None or parameter.type != "uri":
        return set()
    criterion = Criterion(parameter, None, tuple(UriValue(url) for url in sorted(urls)))
    rows = await _every(connection, SearchQuery(type_name, (criterion,)), scope, terms, MAX_LINKS, "")
    return set() if isinstance(rows, Refusal) else {row.id for row in rows}


def _ids(type_name: str, texts: Iterable[str]) -> Iterable[str]:
    for text in texts:
        value = parse_reference(text)
        if value is not None and value.id is not None and value.types == (type_name,):
            yield value.id


async def _listed(connection: Any, type_name: str, name: str, scope: Scope, terms: Terms) -> set[str]:
    """The ids of a type that a List names; none when it does not exist or is hidden."""
    rows = await _every(connection, SearchQuery("List", ids=(name,)), scope, terms, 1, "item")
    if isinstance(rows, Refusal) or not rows or rows[0].body is None:
        return set()
    return set(_ids(type_name, list_members(json.loads(rows[0].body))))


async def _every(
    connection: Any, query: SearchQuery, scope: Scope, terms: Terms, limit: int, leading: str
) -> list[ResourceRow] | Refusal:
    """Every resource that a search at the far end finds, rechecked; refused when there are too many."""
    if query.type == "AuditEvent":
        return log_is_not_searched()
    plain = await resolve(connection, query, scope, terms)
    if isinstance(plain, Nothing):
        return []
    if isinstance(plain, Refusal):
        return plain
    rows = await store.every(connection, plain, scope(plain, leading), limit + 1)
    if len(rows) > limit:
        return refuse(
            RefusalKind.BAD_REQUEST,
            "too-costly",
            f"The chain goes through more than {MAX_LINKS:,} resources of the type {query.type}: "
            "make its last condition select fewer, or search from the other end.",
        )
    checked, holds = [], confirming(plain)
    for number, row in enumerate(rows):
        if number % _SLICE == _SLICE - 1:
            await asyncio.sleep(0)
        if row.body is not None and holds(row.body):
            checked.append(row)
    return checked


def log_is_not_searched() -> Refusal:
    """A search that silently left out the log's own entries would be worse than none."""
    return refuse(
        RefusalKind.BAD_REQUEST,
        "not-supported",
        "The log is searched by itself, as AuditEvent?…, and not together with or by way of other resources.",
    )
