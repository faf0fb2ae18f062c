"""What a handler answers: a `Response` to send, a `Problem` of the request, or the gate's `Refusal`.

All three become HTTP in one place, `finish`. Every error carries an OperationOutcome
(http://hl7.org/fhir/R4/http.html#2.21.0.4).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from kontinuum.fhir import json
from kontinuum.fhir.issues import Issue, operation_outcome
from kontinuum.record.outcome import Refusal, Stored
from kontinuum.web.api.conditions import etag, http_date

Stream: TypeAlias = AsyncGenerator[bytes, None]
NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Response:
    """A status, headers, and the JSON body; None when the answer has none.

    A `stream` is sent in place of a body, piece by piece. A body `as_it_is` is not JSON of ours: nothing
    indents it.
    """

    status: int
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Stream | None = None
    as_it_is: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the request itself cannot be served, before the gate was asked."""

    status: int
    issues: tuple[Issue, ...]
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Response | Problem | Refusal


def problem(
    status: int,
    code: str,
    message: str,
    *,
    location: str | None = None,
    headers: Mapping[str, str] = NO_HEADERS,
) -> Problem:
    """A problem with a single issue; `code` is from http://hl7.org/fhir/R4/valueset-issue-type.html."""
    return Problem(status, (Issue("error", code, message, location),), headers)


def bad_request(code: str, message: str, location: str | None = None) -> Problem:
    """A problem with status 400."""
    return problem(400, code, message, location=location)


def finish(answer: Answer) -> Response:
    """The response that tells a client this answer."""
    if isinstance(answer, Response):
        return answer
    if isinstance(answer, Problem):
        return Response(answer.status, json.dumps(operation_outcome(answer.issues)), answer.headers)
    headers = version_headers(answer.stored) if answer.stored is not None else NO_HEADERS
    return Response(answer.kind.value, json.dumps(refusal_outcome(answer)), headers)


def refusal_outcome(refusal: Refusal) -> dict[str, Any]:
    """The OperationOutcome of a refusal; the provision it rests on stands in `issue.details.text`."""
    outcome = operation_outcome(refusal.issues)
    if refusal.provision is not None:
        for issue in outcome["issue"]:
            issue["details"] = {"text": refusal.provision}
    return outcome


def outcome_body(issues: Iterable[Issue]) -> bytes:
    """A serialised OperationOutcome."""
    return json.dumps(operation_outcome(issues))


def version_headers(stored: Stored) -> dict[str, str]:
    """`ETag` and `Last-Modified` of a version (http://hl7.org/fhir/R4/http.html#versioning)."""
    return {"etag": etag(stored.version), "last-modified": http_date(stored.updated)}
