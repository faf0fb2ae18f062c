"""The body of a request: read within its limit, and parsed to the resource that the address speaks of."""

from __future__ import annotations

from typing import Any

from starlette.types import Receive

from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.issues import Issue
from kontinuum.fhir.patch import Patch, parse_fhirpath_patch, parse_json_patch
from kontinuum.fhir.validation import validate
from kontinuum.web.api.answer import Problem, bad_request, problem
from kontinuum.web.api.contents import BINARY, SECURITY_CONTEXT, refuse_content_type, resource_of_content
from kontinuum.web.api.limits import Limits
from kontinuum.web.api.negotiation import (
    JSON_PATCH,
    is_json,
    parse_media_type,
    refuse_body_type,
    refuse_form_type,
    refuse_patch_type,
)
from kontinuum.web.api.request import Parameters, Request, parse_parameters

Resource = dict[str, Any]


class ClientGoneError(Exception):
    """The client closed the connection before its request was whole; there is nobody to answer."""


async def read_resource(
    request: Request, receive: Receive, type_name: str, limits: Limits, logical_id: str | None = None
) -> Resource | Problem:
    """The resource in the body; it must be JSON and of that type, or the content of a Binary.

    http://hl7.org/fhir/R4/http.html#create. 415 for another content type, 413 beyond the limit, 400 for what
    is not JSON or not such a resource. The resource's content is validated by the gate.
    """
    if type_name == BINARY and not is_json(request.header(b"content-type")):
        return await _read_content(request, receive, limits, logical_id)
    refused = refuse_body_type(request.header(b"content-type"), request.header(b"content-encoding"))
    if refused is not None:
        return refused
    body = await _read(request, receive, limits)
    if isinstance(body, Problem):
        return body
    resource = _parsed(body)
    if isinstance(resource, Problem):
        return resource
    if type_name == BINARY and SECURITY_CONTEXT in request.headers:
        return bad_request("not-supported", "X-Security-Context goes with content; write securityContext.")
    return _of_type(resource, type_name)


async def _read_content(
    request: Request, receive: Receive, limits: Limits, logical_id: str | None
) -> Resource | Problem:
    refused = refuse_content_type(request)
    if refused is not None:
        return refused
    content = await _read(request, receive, limits)
    return content if isinstance(content, Problem) else resource_of_content(request, content, logical_id)


def _parsed(body: bytes) -> Any:
    """The JSON of a body, or the Problem that keeps it from being read."""
    try:
        return json.loads(body)
    except json.JsonError as error:
        return bad_request("structure", f"The body cannot be read: {error}.")


async def read_any_resource(request: Request, receive: Receive, limits: Limits) -> Resource | Problem | None:
    """The resource in the body, of whatever type; None when the body is empty, as an operation's may be."""
    body = await _read(request, receive, limits)
    if isinstance(body, Problem) or not body:
        return body or None
    refused = refuse_body_type(request.header(b"content-type"), request.header(b"content-encoding"))
    if refused is not None:
        return refused
    resource = _parsed(body)
    if isinstance(resource, Problem):
        return resource
    actual = resource.get("resourceType") if isinstance(resource, dict) else None
    return _of_type(resource, actual if isinstance(actual, str) else "Parameters")


async def read_patch(request: Request, receive: Receive, limits: Limits) -> Patch | Problem:
    """The patch in the body (http://hl7.org/fhir/R4/http.html#patch): JSON Patch or FHIRPath Patch."""
    content_type = request.header(b"content-type")
    refused = refuse_patch_type(content_type, request.header(b"content-encoding"))
    if refused is not None:
        return refused
    body = await _read(request, receive, limits)
    if isinstance(body, Problem):
        return body
    document = _parsed(body)
    if isinstance(document, Problem):
        return document
    media_type = parse_media_type(content_type or "")
    if media_type is not None and media_type.name == JSON_PATCH:
        patch: Patch | Issue = parse_json_patch(document)
    else:
        parameters = _of_type(document, "Parameters")
        if isinstance(parameters, Problem):
            return parameters
        issues = [issue for issue in validate(parameters) if issue.refuses]
        if issues:
            return Problem(400, tuple(issues))
        patch = parse_fhirpath_patch(parameters)
    return Problem(400, (patch,)) if isinstance(patch, Issue) else patch


async def read_form(request: Request, receive: Receive, limits: Limits) -> Parameters | Problem:
    """The parameters of a form, as `POST /Type/_search` carries them (http://hl7.org/fhir/R4/http.html#search)."""
    body = await _read(request, receive, limits)
    if isinstance(body, Problem) or not body:
        return body or ()
    refused = refuse_form_type(request.header(b"content-type"), request.header(b"content-encoding"))
    return refused if refused is not None else parse_parameters(body, limits)


def _of_type(resource: Any, type_name: str) -> Resource | Problem:
    if not isinstance(resource, dict):
        return bad_request("structure", "The body must be one JSON object: a resource.")
    actual = resource.get("resourceType")
    if actual is None:
        return bad_request(
            "required", f'resourceType is missing; begin with {{"resourceType": "{type_name}", …}}.'
        )
    if actual == type_name and actual in TYPE_CODES:
        return resource
    if not isinstance(actual, str) or actual not in TYPE_CODES:
        return bad_request(
            "structure", "resourceType does not name a resource type of FHIR R4.", "resourceType"
        )
    return bad_request(
        "invalid", f"The body is a {actual}, but the address takes a {type_name}.", "resourceType"
    )


async def _read(request: Request, receive: Receive, limits: Limits) -> bytes | Problem:
    declared = request.header(b"content-length")
    if declared is not None and declared.isdecimal() and int(declared) > limits.body_bytes:
        return _too_large(limits)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        whole: bytes = message.get("body", b"")
        return whole if len(whole) <= limits.body_bytes else _too_large(limits)
    return await _read_on(message, receive, limits)


async def _read_on(message: Any, receive: Receive, limits: Limits) -> bytes | Problem:
    body = bytearray()
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        body += message.get("body", b"")
        if len(body) > limits.body_bytes:
            return _too_large(limits)
        if not message.get("more_body", False):
            return bytes(body)
        message = await receive()


def _too_large(limits: Limits) -> Problem:
    megabytes = limits.body_bytes / 1_048_576
    return problem(
        413, "too-long", f"The body is larger than {megabytes:g} MiB; send it in several requests."
    )
