"""Bulk data: ordering exports and imports, asking how far they have come, fetching what came of them.

http://hl7.org/fhir/uv/bulkdata/STU2/export.html and http://hl7.org/fhir/R4/async.html.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from kontinuum.bulk import INPUT, NDJSON, Job, Order, TooMany, make_durable, new_id
from kontinuum.fhir.definitions import RESOURCE_TYPES, TYPE_CODES
from kontinuum.fhir.issues import Issue
from kontinuum.fhir.search.dates import date_range
from kontinuum.fhir.subset import is_element
from kontinuum.kernel.clock import instant
from kontinuum.record import Refusal
from kontinuum.record.extracting import Extent, filters_in
from kontinuum.web.api import interactions as fhir
from kontinuum.web.api.answer import Answer, Problem, Response, bad_request, outcome_body, problem
from kontinuum.web.api.body import ClientGoneError
from kontinuum.web.api.bundles import encoded
from kontinuum.web.api.call import Call
from kontinuum.web.api.conditions import http_date
from kontinuum.web.api.interactions import Invocation
from kontinuum.web.api.negotiation import parse_media_type
from kontinuum.web.api.operations import Inputs

_FORMATS: Final = (NDJSON, "application/ndjson", "ndjson")
_ASK_AGAIN: Final = {"retry-after": "2"}
_IMPORTED: Final = "urn:kontinuum:bulk:imported"


async def export(call: Call, wanted: Invocation, inputs: Inputs) -> Answer:
    """Order an export of everything, of patients, or of a group (`$export`)."""
    asked = _as_asked(call)
    refused = _not_asynchronous(call) or _other_format(inputs.one("_outputFormat"))
    if refused is not None:
        return refused
    extent = await _extent(call, wanted, inputs)
    if isinstance(extent, Refusal | Problem):
        return extent
    elements = _listed(inputs.all("_elements"))
    unknown = next((each for each in elements if not _is_element(each)), None)
    if unknown is not None:
        message = f"_elements names '{unknown}', which is no top-level element such as id or Patient.name."
        return bad_request("value", message)
    not_permitted = await call.record.bulk.may_export(extent, asked)
    if not_permitted is not None:
        return not_permitted
    remarks = tuple(f"The parameter {name} is not offered and was left out." for name in inputs.ignored)
    return await _order(call, "export", new_id(), asked, Order(extent, remarks, elements))


async def bring_in(call: Call, wanted: Invocation, inputs: Inputs) -> Answer:
    """Order an import of the NDJSON in the body (`$import`)."""
    asked = _as_asked(call)
    refused = _not_asynchronous(call) or _not_ndjson(call)
    if refused is not None:
        return refused
    not_permitted = await call.record.bulk.may_import(asked)
    if not_permitted is not None:
        return not_permitted
    full = await call.bulk.has_room(call.record.principal)
    if full is not None:
        return _too_many(full)
    identity = new_id()
    ordered = False
    try:
        answer = await _kept(call, identity) or await _order(call, "import", identity, asked, Order())
        ordered = not isinstance(answer, Problem)
        return answer
    finally:
        if not ordered:
            await asyncio.to_thread(call.bulk.folder(identity).remove)


async def status(call: Call, wanted: fhir.BulkStatus) -> Answer:
    """How far a job has come (202), or what came of it (200): http://hl7.org/fhir/R4/async.html."""
    job = await call.bulk.find(call.record.principal, wanted.job)
    if job is None:
        return _no_job(wanted.job)
    if job.state in ("waiting", "running"):
        return Response(202, None, {"x-progress": _progress(job), **_ASK_AGAIN})
    expires = {} if job.expires is None else {"expires": http_date(job.expires)}
    if job.state == "failed":
        message = f"The {job.kind} failed. {job.result.failure}"
        return Response(500, outcome_body([Issue("fatal", "exception", message)]), expires)
    return Response(200, _manifest(call, job), {"content-type": "application/json", **expires})


async def cancel(call: Call, wanted: fhir.BulkCancel) -> Answer:
    """Give a job up, or what came of it."""
    if not await call.bulk.cancel(call.record.principal, wanted.job):
        return _no_job(wanted.job)
    return Response(202, outcome_body([Issue("information", "informational", "It was given up.")]))


async def file(call: Call, wanted: fhir.BulkFile) -> Answer:
    """A file of a job, for the one who ordered it, as long as the right to it holds."""
    found = await call.bulk.open(call.record.principal, wanted.job, wanted.file)
    if isinstance(found, Refusal):
        return found
    if found is None:
        return _no_job(f"{wanted.job}/{wanted.file}")
    compressed = _takes_gzip(call.request.header(b"accept-encoding"))
    headers = {"content-type": NDJSON, "vary": "accept-encoding"}
    if compressed:
        headers["content-encoding"] = "gzip"
    return Response(200, None, headers, found.read(compressed=compressed))


async def _extent(call: Call, wanted: Invocation, inputs: Inputs) -> Extent | Refusal | Problem:
    since = inputs.one("_since")
    # A plus sign in a query stands for a space; clients forget to write %2B before a zone.
    moment = None if since is None else date_range(since.replace(" ", "+"))
    if since is not None and moment is None:
        return bad_request("value", f"_since must be an instant such as 2026-03-01T00:00:00Z, not '{since}'.")
    patients = _patients(inputs.all("patient"), call.request.base)
    if isinstance(patients, Problem):
        return patients
    if wanted.id is not None:
        members = await call.record.bulk.members(wanted.id)
        if isinstance(members, Refusal):
            return members
        outside = [each for each in patients or () if each not in members]
        if outside:
            return bad_request("value", f"Patient/{outside[0]} is no member of Group/{wanted.id}.")
        patients = patients or members
    return Extent(
        level="system" if wanted.type is None else "patient" if wanted.id is None else "group",
        types=_listed(inputs.all("_type")),
        filters=tuple(each for text in inputs.all("_typeFilter") for each in filters_in(text)),
        patients=patients,
        since=None if moment is None else moment[0],
        base=call.request.base,
    )


def _is_element(text: str) -> bool:
    of_type, _, name = text.rpartition(".")
    types = (of_type,) if of_type else RESOURCE_TYPES
    return all(each in TYPE_CODES for each in types) and any(is_element(each, name) for each in types)


def _listed(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for text in texts for name in text.split(",")))


def _patients(references: Sequence[Any], base: str) -> tuple[str, ...] | Problem | None:
    found = []
    for each in references:
        text = each.get("reference") if isinstance(each, dict) else None
        kind, _, logical_id = (text or "").removeprefix(f"{base}/").rpartition("/")
        if kind != "Patient":
            return bad_request("value", "patient must be references such as Patient/1.")
        found.append(logical_id)
    return tuple(dict.fromkeys(found)) or None


def _not_asynchronous(call: Call) -> Problem | None:
    if call.request.prefer.asynchronous:
        return None
    message = "This is carried out later: send the header Prefer: respond-async, and ask for it then."
    return bad_request("required", message)


def _other_format(wanted: str | None) -> Problem | None:
    # A plus sign in a query stands for a space; clients forget to write %2B.
    if wanted is None or wanted.replace(" ", "+") in _FORMATS:
        return None
    return bad_request("not-supported", f"_outputFormat must be {' or '.join(_FORMATS)}, not '{wanted}'.")


def _not_ndjson(call: Call) -> Problem | None:
    given = parse_media_type(call.request.header(b"content-type") or "")
    if given is None or given.name not in (*_FORMATS, "application/x-ndjson"):
        return problem(415, "not-supported", f"Send resources, one a line, as Content-Type: {NDJSON}.")
    encoding = (call.request.header(b"content-encoding") or "identity").lower()
    if encoding != "identity":
        return problem(415, "not-supported", f"Content-Encoding: {encoding} is not taken; send it as it is.")
    return None


async def _order(call: Call, kind: Any, identity: str, asked: str, order: Order) -> Answer:
    full = await call.bulk.order(call.record.principal, kind, identity, asked, order)
    if full is not None:
        return _too_many(full)
    place = f"{call.request.base}/bulk/{identity}"
    told = Issue(
        "information", "informational", f"The {kind} was ordered; {place} tells how far it has come."
    )
    return Response(202, outcome_body([told]), {"content-location": place})


async def _kept(call: Call, identity: str) -> Problem | None:
    """Keep the body, or say why it cannot be kept."""
    try:
        return await _receive(call, identity)
    except OSError as error:
        return problem(507, "no-store", f"The delivery cannot be kept: {error.strerror}.")


async def _receive(call: Call, identity: str) -> Problem | None:
    """Keep the body as the input of a job. Raises OSError when it cannot be written."""
    left = call.limits.import_bytes
    folder = call.bulk.folder(identity)
    await asyncio.to_thread(folder.create)
    with await asyncio.to_thread(folder.open_new, INPUT) as stream:
        more = True
        while more:
            message = await call.receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            piece = message.get("body", b"")
            left -= len(piece)
            if left < 0:
                most = call.limits.import_bytes // 1_048_576
                return problem(413, "too-long", f"The body is larger than {most:,} MiB; send it in several.")
            await asyncio.to_thread(stream.write, piece)
            more = message.get("more_body", False)
        await asyncio.to_thread(make_durable, stream)
    return None


def _too_many(full: TooMany) -> Problem:
    message = (
        f"You have {full.most} exports and imports under way, the most at once: wait for one, or end it."
    )
    return problem(429, "throttled", message, headers={"retry-after": "60"})


def _no_job(name: str) -> Problem:
    message = f"There is no bulk/{name}: it never was, is over, or was ordered by another."
    return problem(404, "not-found", message)


def _progress(job: Job) -> str:
    if job.state == "waiting":
        return "waiting to begin"
    return f"{job.progress.share:.0%}, {job.progress.count} resources"


def _manifest(call: Call, job: Job) -> bytes:
    def listed(role: str) -> list[dict[str, Any]]:
        base = f"{call.request.base}/bulk/{job.id}"
        return [
            {"type": each.type, "url": f"{base}/{each.name}", "count": each.count}
            for each in job.result.files
            if each.role == role
        ]

    manifest: dict[str, Any] = {
        "transactionTime": instant(job.result.moment),
        "request": job.request,
        "requiresAccessToken": True,
        "output": listed("output"),
        "deleted": listed("deleted"),
        "error": listed("error"),
    }
    if job.kind == "import":
        counts: dict[str, dict[str, Any]] = {}
        for type_name, change, count in job.result.changes:
            counts.setdefault(type_name, {"type": type_name})[change] = count
        manifest["extension"] = {_IMPORTED: list(counts.values())}
    return msgspec.json.encode(manifest)


def _as_asked(call: Call) -> str:
    """The address that was asked for, as it is told in the manifest and the log."""
    asked = encoded(call.request.parameters)
    return call.request.base + call.request.path + (f"?{asked}" if asked else "")


def _takes_gzip(header: str | None) -> bool:
    for part in (header or "").split(","):
        name, _, quality = part.partition(";")
        if name.strip().lower() in ("gzip", "*"):
            return quality.replace(" ", "").lower() not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
