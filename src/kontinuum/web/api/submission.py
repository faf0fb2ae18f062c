"""Transactions and batches: a Bundle of requests in, a Bundle of their answers out.

http://hl7.org/fhir/R4/http.html#transaction. A transaction is refused as a whole, with the issues of the
entries at fault; a batch answers each entry by itself.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from msgspec import Raw

from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.search.dates import date_range
from kontinuum.fhir.subset import Subset, reduce_body
from kontinuum.kernel.clock import instant
from kontinuum.record import ELSEWHERE, EntryResult
from kontinuum.record.outcome import Change, Refusal, SearchPage, Stored, Written
from kontinuum.web.api import bundles
from kontinuum.web.api.answer import (
    Answer,
    Problem,
    Response,
    bad_request,
    finish,
    outcome_body,
)
from kontinuum.web.api.asking import Asking, is_asked
from kontinuum.web.api.body import Resource
from kontinuum.web.api.bundles import Entry, EntryResponse
from kontinuum.web.api.call import Call, refuse_conditions, said
from kontinuum.web.api.conditions import etag, if_none_match_holds
from kontinuum.web.api.grounds import PROVENANCE
from kontinuum.web.api.interactions import (
    BundleSubmission,
    ConditionalDelete,
    ConditionalPatch,
    ConditionalUpdate,
    Create,
    Delete,
    Interaction,
    Patch,
    Read,
    Search,
    Update,
    parse_interaction,
)
from kontinuum.web.api.limits import Limits
from kontinuum.web.api.request import parse_parameters, refuse_parameters
from kontinuum.web.api.searching import page_query
from kontinuum.web.api.subset import chosen_subset, requested_subset

Faults = dict[int, Problem]
Questions = dict[int, tuple[Interaction, str]]

_BY_CRITERIA = (Search, ConditionalUpdate, ConditionalPatch, ConditionalDelete)
_IN_BUNDLES = (Read, Create, Update, Patch, Delete, *_BY_CRITERIA)
_CONDITIONS = {
    "ifNoneMatch": ("GET", "HEAD"),
    "ifModifiedSince": ("GET", "HEAD"),
    "ifMatch": ("PUT", "PATCH", "DELETE"),
    "ifNoneExist": ("POST",),
}
"""The conditions of `Bundle.entry.request` and the methods at which they are kept; elsewhere refused."""

_STATUS = {Change.CREATED: 201, Change.UPDATED: 200, Change.UNCHANGED: 200, Change.DELETED: 204}


async def submit(call: Call, _: BundleSubmission) -> Answer:
    """Carry out a transaction or batch."""
    refused = refuse_parameters(call.request.parameters) or refuse_conditions(
        call.request,
        b"if-match",
        b"if-none-match",
        b"if-none-exist",
        PROVENANCE,
    )
    if refused is not None:
        return refused
    bundle = await call.resource("Bundle")
    if isinstance(bundle, Problem):
        return bundle
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        return bad_request("structure", "Bundle.entry must be a list.", "Bundle.entry")
    base = call.request.base
    faults = {number: fault for number, entry in enumerate(entries) if (fault := _fault(number, entry, base))}
    match bundle.get("type"):
        case "transaction":
            return await _transaction(call, bundle, entries, faults)
        case "batch":
            return await _batch(call, bundle, entries, faults)
    return bad_request(
        "value",
        "Bundle.type must be transaction or batch here. To keep a Bundle as it is, POST to /Bundle.",
        "Bundle.type",
    )


async def _transaction(call: Call, bundle: Resource, entries: list[Any], faults: Faults) -> Answer:
    if faults:
        return Problem(400, tuple(issue for fault in faults.values() for issue in fault.issues))
    asked = _asked(entries, faults)
    results = await call.record.transaction(_without(bundle, asked))
    if isinstance(results, Refusal):
        return results
    return Response(
        200,
        bundles.response_bundle("transaction-response", await _answers(call, entries, results, {}, asked)),
    )


async def _batch(call: Call, bundle: Resource, entries: list[Any], faults: Faults) -> Answer:
    """Let the gate do what is in order; every entry has its answer, in its place."""
    asked = _asked(entries, faults)
    results = await call.record.batch(_without(bundle, {*faults, *asked}))
    if isinstance(results, Refusal):
        return results
    return Response(
        200, bundles.response_bundle("batch-response", await _answers(call, entries, results, faults, asked))
    )


def _asked(entries: list[Any], faults: Faults) -> Questions:
    """What is asked of more than one resource, by the entry's number; entries at fault ask nothing."""
    found: Questions = {}
    for number, entry in enumerate(entries):
        if number in faults or entry["request"]["method"] != "GET":
            continue
        path = _path_of(entry["request"]["url"])
        wanted = parse_interaction("GET", path)
        if not isinstance(wanted, Problem) and is_asked("GET", wanted):
            found[number] = (wanted, path)
    return found


def _without(bundle: Resource, numbers: Container[int]) -> Resource:
    """A bundle for the gate, in which the others keep their places."""
    listed = bundle.get("entry", [])
    return {**bundle, "entry": [ELSEWHERE if n in numbers else entry for n, entry in enumerate(listed)]}


async def _answers(
    call: Call, entries: list[Any], results: Sequence[EntryResult], faults: Faults, asked: Questions
) -> list[Entry]:
    """Every entry's answer in its place: the gate's, and what is read beside it once that has written."""
    asking = Asking(call)
    done = iter(results)
    answered: list[Entry] = []
    for number, entry in enumerate(entries):
        if number in faults:
            answered.append(_refused(faults[number]))
        elif number in asked:
            answered.append(await asking.answer(*asked[number], entry["request"]["url"]))
        else:
            answered.append(_answered(call, entry, next(done)))
    return answered


def _fault(number: int, entry: Any, base: str) -> Problem | None:
    """Why an entry asks for what no bundle may ask for; None when the gate can judge it.

    http://hl7.org/fhir/R4/http.html#trules: what stands in a bundle are the interactions on resources.
    """
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict):
        return _at(number, "required", "The entry has no request that says what to do.", "request")
    method, url = request.get("method"), request.get("url")
    if not isinstance(method, str) or not isinstance(url, str):
        return _at(number, "required", "The request has no method or no url.", "request")
    if "://" in url.partition("?")[0] and not url.startswith(f"{base}/"):
        return _at(
            number,
            "value",
            f"The url '{url}' is not below {base}, the address of this server.",
            "request.url",
        )
    wanted = parse_interaction(method, _path_of(url))
    if isinstance(wanted, Problem):
        return _at(number, *_first(wanted), "request.url")
    if is_asked(method, wanted):
        return _condition_on_question(number, request)
    if not isinstance(wanted, _IN_BUNDLES) or (isinstance(wanted, Search) and wanted.form):
        return _at(number, "not-supported", f"{method} {url} cannot be part of a bundle.", "request.url")
    return (
        _query_fault(number, wanted, url)
        or _condition_fault(number, method, request)
        or _full_url_fault(number, entry)
    )


def _condition_on_question(number: int, request: dict[str, Any]) -> Problem | None:
    for name in _CONDITIONS:
        if name in request:
            return _at(number, "not-supported", f"{name} has no meaning at this url.", f"request.{name}")
    return None


def _query_fault(number: int, wanted: Interaction, url: str) -> Problem | None:
    """Refuse parameters where they would have no effect."""
    query = urlsplit(url).query
    if not query or isinstance(wanted, _BY_CRITERIA):
        return None
    if isinstance(wanted, Read):
        subset = _subset(url, wanted.type)
        return _at(number, *_first(subset), "request.url") if isinstance(subset, Problem) else None
    return _at(number, "not-supported", f"The parameters '{query}' have no meaning here.", "request.url")


def _first(found: Problem) -> tuple[str, str]:
    return found.issues[0].code, found.issues[0].message


def _subset(url: str, type_name: str) -> Subset | Problem | None:
    parameters = parse_parameters(urlsplit(url).query.encode(), Limits())
    return parameters if isinstance(parameters, Problem) else requested_subset(parameters, type_name)


def _condition_fault(number: int, method: str, request: dict[str, Any]) -> Problem | None:
    for name, methods in _CONDITIONS.items():
        value = request.get(name)
        if value is not None and (method not in methods or not isinstance(value, str)):
            return _at(number, "not-supported", f"{name} has no such meaning at {method}.", f"request.{name}")
    tags, since = request.get("ifNoneMatch"), request.get("ifModifiedSince")
    wrong = if_none_match_holds(tags, 0) if tags is not None else None
    if isinstance(wrong, str):
        return _at(number, "value", wrong, "request.ifNoneMatch")
    if since is not None and date_range(since) is None:
        return _at(number, "value", f"'{since}' is no instant.", "request.ifModifiedSince")
    return None


def _full_url_fault(number: int, entry: dict[str, Any]) -> Problem | None:
    if isinstance(entry.get("fullUrl", ""), str):
        return None
    return _at(number, "structure", "fullUrl must be a string.", "fullUrl")


def _path_of(url: str) -> str:
    """The path of an entry's url below the base; of an absolute url, what begins with a type's name."""
    parts = urlsplit(url)
    steps = [step for step in parts.path.split("/") if step]
    if parts.scheme:
        steps = steps[next((n for n, step in enumerate(steps) if step in TYPE_CODES), len(steps)) :]
    return "/".join(steps)


def _at(number: int, code: str, message: str, place: str) -> Problem:
    return bad_request(code, message, f"Bundle.entry[{number}].{place}")


def _answered(call: Call, requested: dict[str, Any], result: EntryResult) -> Entry:
    if result.refusal is not None:
        return _refused(result.refusal)
    if result.written is not None:
        return _written(call, result.written)
    if result.page is not None:
        return _found(call, requested, result.page)
    if result.stored is not None:
        return _read(call, requested, result.stored)
    return Entry(response=EntryResponse(_status_line(204)))  # a deletion that found nothing to delete


def _refused(refusal: Refusal | Problem) -> Entry:
    finished = finish(refusal)
    assert finished.body is not None, "every refusal has an OperationOutcome"
    return Entry(response=EntryResponse(_status_line(finished.status), outcome=Raw(finished.body)))


def _written(call: Call, written: Written) -> Entry:
    """The answer to a write; without a preference it is the version's address alone, as bundles are large."""
    stored = written.stored
    response = EntryResponse(
        _status_line(_STATUS[written.change]), etag=etag(stored.version), lastModified=instant(stored.updated)
    )
    if written.change is not Change.DELETED:
        response.location = f"{stored.reference}/_history/{stored.version}"
    entry = Entry(response=response)
    match call.request.prefer.returns:
        case "representation" if stored.body is not None:
            entry.fullUrl = f"{call.request.base}/{stored.reference}"
            entry.resource = Raw(stored.body)
        case "OperationOutcome":
            response.outcome = Raw(outcome_body([said(written), *written.remarks]))
    return entry


def _read(call: Call, requested: dict[str, Any], stored: Stored) -> Entry:
    assert stored.body is not None, "the gate refuses to read a deletion"
    request = requested["request"]
    held = _held(request, stored)
    response = EntryResponse(
        _status_line(304 if held else 200), etag=etag(stored.version), lastModified=instant(stored.updated)
    )
    if held:
        return Entry(response=response)
    subset = _subset(request["url"], stored.type)
    assert not isinstance(subset, Problem), "the entry was looked at before the gate was asked"
    body = stored.body if subset is None else reduce_body(stored.body, subset)
    return Entry(f"{call.request.base}/{stored.reference}", Raw(body), response=response)


def _held(request: dict[str, Any], stored: Stored) -> bool:
    """Whether the client holds this version already."""
    tags, since = request.get("ifNoneMatch"), request.get("ifModifiedSince")
    if tags is not None:
        return if_none_match_holds(tags, stored.version) is True
    moment = date_range(since) if since is not None else None
    return moment is not None and stored.updated < moment[1]


def _found(call: Call, requested: dict[str, Any], page: SearchPage) -> Entry:
    """The result of a search in a bundle: a searchset inside the answer."""
    url = requested["request"]["url"]
    type_name = _path_of(url)
    parameters = parse_parameters(urlsplit(url).query.encode(), call.limits)
    query = parameters if isinstance(parameters, Problem) else page_query(call, type_name, parameters)
    if isinstance(query, Problem):
        return _refused(query)
    subset = chosen_subset(query.summary, query.elements)
    if isinstance(subset, Problem):
        return _refused(subset)
    inner = bundles.searchset(call.request.base, type_name, query, page, subset)
    return Entry(resource=Raw(inner), response=EntryResponse(_status_line(200)))


def _status_line(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"
