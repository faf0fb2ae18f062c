"""Bundles that the server makes: search results, history, and the answers to a transaction or batch.

http://hl7.org/fhir/R4/bundle.html. Stored bodies are spliced in as they are, without being read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal
from urllib.parse import quote, urlencode

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from kontinuum.fhir.search.query import SearchQuery
from kontinuum.fhir.subset import Subset, reduce_body
from kontinuum.kernel.clock import instant
from kontinuum.kernel.ids import decode_id
from kontinuum.record.outcome import HistoryPage, SearchPage, Stored
from kontinuum.web.api.answer import outcome_body
from kontinuum.web.api.conditions import etag
from kontinuum.web.api.request import Parameters

_encode = msgspec.json.Encoder().encode


class _Link(Struct):
    relation: str
    url: str


class _Search(Struct):
    mode: Literal["match", "include", "outcome"]


class EntryRequest(Struct):
    """`Bundle.entry.request`."""

    method: str
    url: str


class EntryResponse(Struct):
    """`Bundle.entry.response`; `location`, `etag` and `lastModified` where a version came out of it."""

    status: str
    location: str | UnsetType = UNSET
    etag: str | UnsetType = UNSET
    lastModified: str | UnsetType = UNSET  # noqa: N815 - FHIR's name
    outcome: Raw | UnsetType = UNSET


class Entry(Struct):
    """`Bundle.entry`; what is not set is not written."""

    fullUrl: str | UnsetType = UNSET  # noqa: N815 - FHIR's name
    resource: Raw | UnsetType = UNSET
    search: _Search | UnsetType = UNSET
    request: EntryRequest | UnsetType = UNSET
    response: EntryResponse | UnsetType = UNSET


class _Bundle(Struct):
    resourceType: str  # noqa: N815 - FHIR's name
    type: str
    total: int | UnsetType = UNSET
    link: Sequence[_Link] | UnsetType = UNSET
    entry: Sequence[Entry] | UnsetType = UNSET


_MATCH, _INCLUDE, _OUTCOME = _Search("match"), _Search("include"), _Search("outcome")


def searchset(
    base: str,
    path: str,
    query: SearchQuery,
    page: SearchPage,
    subset: Subset | None,
    form: Parameters = (),
) -> bytes:
    """The result of a search (http://hl7.org/fhir/R4/search.html#return) at a path below the base.

    `form` are the parameters about the form of the answer, in which the next page is wanted as well.
    """
    counting = query.summary == "count"
    entries = [] if counting else _search_entries(base, page, subset)
    if query.ignored:
        entries.append(Entry(resource=Raw(outcome_body(query.ignored)), search=_OUTCOME))
    return _bundle(
        "searchset",
        entries,
        links=_links(
            f"{base}/{path}".removesuffix("/"), query.self_params, None if counting else page.next, form
        ),
        total=page.total,
    )


def _search_entries(base: str, page: SearchPage, subset: Subset | None) -> list[Entry]:
    # Names in `_elements` are those of the type searched; what is included stays whole (subset.py).
    included = subset if subset is not None and subset.summary is not None else None
    entries = [
        Entry(f"{base}/{stored.type}/{stored.id}", _body(stored, subset), _MATCH) for stored in page.matches
    ]
    entries += [
        Entry(f"{base}/{stored.type}/{stored.id}", _body(stored, included), _INCLUDE)
        for stored in page.included
    ]
    return entries


def history(
    base: str,
    path: str,
    parameters: Parameters,
    page: HistoryPage,
    subset: Subset | None,
    form: Parameters = (),
) -> bytes:
    """A page of history (http://hl7.org/fhir/R4/http.html#history); `form` as for a search."""
    entries = [_history_entry(base, stored, subset) for stored in page.entries]
    return _bundle("history", entries, links=_links(f"{base}{path}", parameters, page.next, form))


def _history_entry(base: str, stored: Stored, subset: Subset | None) -> Entry:
    entry = Entry(
        f"{base}/{stored.reference}",
        request=_request_that_made(stored),
        response=EntryResponse(
            "204 No Content" if stored.deleted else "201 Created" if stored.version == 1 else "200 OK",
            etag=etag(stored.version),
            lastModified=instant(stored.updated),
        ),
    )
    if not stored.deleted:
        entry.resource = _body(stored, subset)
    return entry


def _request_that_made(stored: Stored) -> EntryRequest:
    """The request behind a version. An id of the server's own making says that version 1 was a POST."""
    if stored.deleted:
        return EntryRequest("DELETE", stored.reference)
    if stored.version == 1 and decode_id(stored.id) is not None:
        return EntryRequest("POST", stored.type)
    return EntryRequest("PUT", stored.reference)


def response_bundle(kind: str, entries: Sequence[Entry]) -> bytes:
    """The answer to a transaction or batch; `kind` is "transaction-response" or "batch-response"."""
    return _bundle(kind, entries)


def _bundle(
    kind: str, entries: Sequence[Entry], *, links: Sequence[_Link] | None = None, total: int | None = None
) -> bytes:
    bundle = _Bundle("Bundle", kind)
    if total is not None:
        bundle.total = total
    if links is not None:
        bundle.link = links
    if entries:  # FHIR's JSON has no empty arrays
        bundle.entry = entries
    return _encode(bundle)


def _links(address: str, parameters: Parameters, following: str | None, form: Parameters) -> list[_Link]:
    query = encoded(parameter for parameter in parameters if parameter[0] != "_cursor")
    here = next((value for name, value in parameters if name == "_cursor"), None)
    links = [_Link("self", _page_url(address, query, here))]
    if following is not None:
        query = encoded([*(each for each in parameters if each[0] != "_cursor"), *form])
        links.append(_Link("next", _page_url(address, query, following)))
    return links


def _page_url(address: str, query: str, cursor: str | None) -> str:
    parts = [query] if query else []
    if cursor is not None:
        parts.append(encoded([("_cursor", cursor)]))
    return f"{address}?{'&'.join(parts)}" if parts else address


def encoded(parameters: Iterable[tuple[str, str]]) -> str:
    """Parameters as a query; what separates FHIR's values stays readable."""
    return urlencode(list(parameters), safe=":/,$", quote_via=quote)


def _body(stored: Stored, subset: Subset | None) -> Raw:
    assert stored.body is not None, "a deletion is never a search result and carries no resource in a history"
    return Raw(stored.body if subset is None else reduce_body(stored.body, subset))
