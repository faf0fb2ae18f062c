"""Search: pages of what matches.

http://hl7.org/fhir/R4/http.html#search, http://hl7.org/fhir/R4/search.html. A page's `next` link carries an
opaque cursor.
"""

from __future__ import annotations

from dataclasses import replace

from kontinuum.fhir.search.parse import parse_search
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.record.outcome import Refusal
from kontinuum.web.api import bundles
from kontinuum.web.api.answer import Answer, Problem, Response
from kontinuum.web.api.body import read_form
from kontinuum.web.api.call import Call
from kontinuum.web.api.interactions import Search
from kontinuum.web.api.limits import Limits
from kontinuum.web.api.request import Parameters, form_of, refuse_form
from kontinuum.web.api.subset import chosen_subset


async def search(call: Call, wanted: Search) -> Answer:
    """http://hl7.org/fhir/R4/http.html#search, by GET or as a form."""
    parameters = await criteria(call, form=wanted.form)
    if isinstance(parameters, Problem):
        return parameters
    query = page_query(call, wanted.type, parameters)
    if isinstance(query, Problem):
        return query
    subset = chosen_subset(query.summary, query.elements)
    if isinstance(subset, Problem):
        return subset
    page = await call.record.search(query)
    if isinstance(page, Refusal):
        return page
    return Response(
        200, bundles.searchset(call.request.base, wanted.type, query, page, subset, form_of(parameters))
    )


async def criteria(call: Call, *, form: bool) -> Parameters | Problem:
    """The parameters of a search, from the address and, when it was posted, from the form."""
    if not form:
        return call.request.parameters
    posted = await read_form(call.request, call.receive, call.limits)
    if isinstance(posted, Problem):
        return posted
    return refuse_form(posted) or [*call.request.parameters, *posted]


def page_query(call: Call, type_name: str, parameters: Parameters) -> SearchQuery | Problem:
    """The search that these parameters ask for, with the page size that will really be used."""
    request = call.request
    query = parse_search(type_name, parameters, lenient=request.prefer.lenient, base=request.base)
    if isinstance(query, list):
        return Problem(400, tuple(query))
    if query.count == 0:  # http://hl7.org/fhir/R4/search.html#count: the same as _summary=count
        return replace(query, summary="count")
    return query if query.summary == "count" else _with_page_size(query, call.limits)


def _with_page_size(query: SearchQuery, limits: Limits) -> SearchQuery:
    count = limits.count_default if query.count is None else min(query.count, limits.count_max)
    if count == query.count:
        return query
    others = tuple(parameter for parameter in query.self_params if parameter[0] != "_count")
    return replace(query, count=count, self_params=(*others, ("_count", str(count))))
