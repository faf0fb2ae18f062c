"""Searches that are not of one type: of several, and of what belongs to a patient or another owner.

http://hl7.org/fhir/R4/http.html#search and http://hl7.org/fhir/R4/compartmentdefinition.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kontinuum.fhir.definitions import RESOURCE_TYPES, TYPE_CODES
from kontinuum.fhir.search.joined import compartment_of, compartment_types
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.record.outcome import Refusal
from kontinuum.web.api import bundles
from kontinuum.web.api.answer import Answer, Problem, Response, bad_request
from kontinuum.web.api.call import Call
from kontinuum.web.api.interactions import CompartmentSearch, SystemSearch
from kontinuum.web.api.request import Parameters, form_of
from kontinuum.web.api.searching import criteria, page_query
from kontinuum.web.api.subset import chosen_subset


async def search_system(call: Call, wanted: SystemSearch) -> Answer:
    """Several types at once: those that `_type` names, else all."""
    parameters = await criteria(call, form=wanted.form)
    if isinstance(parameters, Problem):
        return parameters
    types = _types(parameters, RESOURCE_TYPES)
    if isinstance(types, Problem):
        return types
    return await _several(call, "", types, parameters)


async def search_compartment(call: Call, wanted: CompartmentSearch) -> Answer:
    """What of one type, or of every type, belongs to a resource."""
    parameters = await criteria(call, form=wanted.form)
    if isinstance(parameters, Problem):
        return parameters
    path = f"{wanted.owner}/{wanted.id}/{wanted.member}"
    if wanted.member == "*":
        types = _types(parameters, compartment_types(wanted.owner))
        return types if isinstance(types, Problem) else await _several(call, path, types, parameters, wanted)
    query = page_query(call, wanted.member, parameters)
    if isinstance(query, Problem):
        return query
    query = replace(query, compartment=compartment_of(wanted.owner, wanted.id, wanted.member))
    subset = chosen_subset(query.summary, query.elements)
    if isinstance(subset, Problem):
        return subset
    page = await call.record.search(query)
    if isinstance(page, Refusal):
        return page
    return Response(200, bundles.searchset(call.request.base, path, query, page, subset, form_of(parameters)))


async def _several(
    call: Call,
    path: str,
    types: Sequence[str],
    parameters: Parameters,
    owner: CompartmentSearch | None = None,
) -> Answer:
    queries: list[SearchQuery] = []
    others = [pair for pair in parameters if pair[0] != "_type"]
    for type_name in types:
        query = page_query(call, type_name, others)
        if isinstance(query, Problem):
            return query
        within = None if owner is None else compartment_of(owner.owner, owner.id, type_name)
        queries.append(replace(query, compartment=within))
    subset = chosen_subset(queries[0].summary, queries[0].elements)
    if isinstance(subset, Problem):
        return subset
    page = await call.record.search_types(queries)
    if isinstance(page, Refusal):
        return page
    named = tuple(pair for pair in parameters if pair[0] == "_type")
    told = replace(queries[0], self_params=(*named, *queries[0].self_params))
    return Response(200, bundles.searchset(call.request.base, path, told, page, subset, form_of(parameters)))


def _types(parameters: Parameters, possible: Sequence[str]) -> Sequence[str] | Problem:
    """The types that `_type` names, all that are possible without it."""
    named = [name for key, text in parameters if key == "_type" for name in text.split(",")]
    for name in named:
        if name not in TYPE_CODES:
            return bad_request("value", f"_type names '{name}', which is no resource type of FHIR R4.")
        if name not in possible:
            return bad_request("value", f"_type names '{name}', of which nothing is in this compartment.")
    # The log's own entries are no part of a search of everything; named, they are refused by the gate.
    return tuple(dict.fromkeys(named)) or tuple(name for name in possible if name != "AuditEvent")
