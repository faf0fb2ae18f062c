"""What every handler is given, and the answers that several of them share."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import Receive

from kontinuum.bulk import Desk
from kontinuum.fhir.issues import Issue
from kontinuum.fhir.subset import Subset, reduce_body
from kontinuum.record import Record
from kontinuum.record.outcome import Change, Refusal, Stored, Written
from kontinuum.terminology import Terminology
from kontinuum.web.api.answer import Answer, Problem, Response, bad_request, outcome_body, version_headers
from kontinuum.web.api.body import Resource, read_resource
from kontinuum.web.api.conditions import if_match_version, if_none_match_holds, not_modified_since
from kontinuum.web.api.contents import BINARY, in_wanted_form
from kontinuum.web.api.limits import Limits
from kontinuum.web.api.request import Request


@dataclass(frozen=True, slots=True)
class Call:
    """A request of a known caller: what a handler works with."""

    request: Request
    record: Record
    limits: Limits
    receive: Receive
    terminology: Terminology
    bulk: Desk

    async def resource(self, type_name: str, logical_id: str | None = None) -> Resource | Problem:
        """The resource in the body, which must be of that type; an id is that of the address."""
        return await read_resource(self.request, self.receive, type_name, self.limits, logical_id)


def refuse_conditions(request: Request, *names: bytes) -> Problem | None:
    """Refuse a condition that has no meaning for the interaction, instead of acting without it."""
    for name in names:
        if name in request.headers:
            return bad_request(
                "not-supported", f"The header {name.decode().title()} has no meaning here; leave it out."
            )
    return None


def demanded_version(request: Request) -> int | Problem | None:
    """The version that `If-Match` demands (http://hl7.org/fhir/R4/http.html#concurrency)."""
    header = request.header(b"if-match")
    if header is None:
        return None
    version = if_match_version(header)
    return bad_request("value", version) if isinstance(version, str) else version


def version_answer(request: Request, stored: Stored, subset: Subset | None) -> Answer:
    """A version as the answer to a read; 304 when the client holds it already.

    http://hl7.org/fhir/R4/http.html#cread. `If-None-Match` goes before `If-Modified-Since` (RFC 9110).
    """
    assert stored.body is not None, "the gate refuses to read a deletion"
    headers = version_headers(stored)
    held = _client_holds(request, stored)
    if isinstance(held, Problem):
        return held
    if held:
        return Response(304, None, headers)
    answer = Response(200, stored.body if subset is None else reduce_body(stored.body, subset), headers)
    return in_wanted_form(request, answer, whole=subset is None) if stored.type == BINARY else answer


def _client_holds(request: Request, stored: Stored) -> bool | Problem:
    tags = request.header(b"if-none-match")
    if tags is not None:
        holds = if_none_match_holds(tags, stored.version)
        return bad_request("value", holds) if isinstance(holds, str) else holds
    since = request.header(b"if-modified-since")
    return since is not None and not_modified_since(since, stored.updated)


def written_answer(request: Request, written: Written | Refusal) -> Answer:
    """The result of a create or update, with the body that `Prefer: return=…` asked for.

    http://hl7.org/fhir/R4/http.html#ops. Without the preference the resource is returned. `Location` also
    comes with 200, so that a client learns what its conditional create has found.
    """
    if isinstance(written, Refusal):
        return written
    stored = written.stored
    headers = version_headers(stored)
    headers["location"] = f"{request.base}/{stored.type}/{stored.id}/_history/{stored.version}"
    status = 201 if written.change is Change.CREATED else 200
    match request.prefer.returns:
        case "minimal":
            return Response(status, None, headers)
        case "OperationOutcome":
            return Response(status, outcome_body([said(written), *written.remarks]), headers)
    return Response(status, stored.body, headers)


def deleted_answer(request: Request, all_written: list[Written]) -> Answer:
    """The result of a delete: 204, or 200 with an OperationOutcome when that was preferred.

    http://hl7.org/fhir/R4/http.html#delete
    """
    headers = version_headers(all_written[0].stored) if len(all_written) == 1 else {}
    if request.prefer.returns == "OperationOutcome":
        issues = [said(written) for written in all_written]
        issues = issues or [Issue("information", "informational", "Nothing matched; nothing was deleted.")]
        return Response(200, outcome_body(issues), headers)
    return Response(204, None, headers)


_DONE = {
    Change.CREATED: "was created",
    Change.UPDATED: "was updated",
    Change.UNCHANGED: "was left unchanged",
    Change.DELETED: "was deleted",
}


def said(written: Written) -> Issue:
    """What a write did, in words."""
    stored = written.stored
    done = _DONE[written.change]
    return Issue(
        "information", "informational", f"{stored.reference} {done}; its version is {stored.version}."
    )
