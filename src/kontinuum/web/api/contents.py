"""A Binary as the bytes that it holds, under their own media type: http://hl7.org/fhir/R4/binary.html#rest.

Who asks for the content type of FHIR gets and sends the resource; everybody else the content. Whose it is
stands in the header X-Security-Context, as `Binary.securityContext` does in the resource.
"""

from __future__ import annotations

import base64
import re
from typing import Any, Final

from kontinuum.fhir import json
from kontinuum.web.api.answer import Answer, Problem, Response, bad_request, problem
from kontinuum.web.api.negotiation import FHIR_JSON, FORM, answer_type, content_or_resource, parse_media_type
from kontinuum.web.api.request import Request

Resource = dict[str, Any]

BINARY: Final = "Binary"
SECURITY_CONTEXT: Final = b"x-security-context"

_CONTEXT: Final = re.compile(r"[A-Z][A-Za-z]{0,63}/[A-Za-z0-9\-.]{1,64}")
_MEDIA_TYPE: Final = re.compile(r"[\x20-\x7e]{1,200}")
_FHIR_XML: Final = "application/fhir+xml"
_NO_CONTENT: Final = frozenset({FORM, "multipart/form-data", _FHIR_XML})
"""Wrappings of something else: more often sent by mistake than meant as what a document holds."""

_HARMLESS: Final = {
    # Bytes of others: no browser may run them, whatever they are said to be.
    "content-security-policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "content-disposition": "attachment",
}


def in_wanted_form(request: Request, answer: Response, *, whole: bool) -> Answer:
    """The answer to a read of a Binary as its bytes, or as it is where FHIR's content type is asked for.

    Parts of a resource (`_elements`) are no content. 406 when what is asked for is neither.
    """
    if any(name == "_format" for name, _ in request.parameters):
        return answer
    accepted = request.header(b"accept")
    if not whole:
        form = answer_type(accepted, None)
        return form if isinstance(form, Problem) else answer
    binary = json.loads(answer.body or b"{}")
    media_type = _as_stated(binary)
    match content_or_resource(accepted, media_type):
        case "resource":
            return answer
        case "content":
            content = base64.b64decode(binary.get("data") or "")
            headers = {**answer.headers, **_HARMLESS, "content-type": media_type}
            return Response(answer.status, content, headers, as_it_is=True)
    return problem(
        406,
        "not-supported",
        f"This Binary holds {media_type}, and Accept: {accepted} takes neither that nor {FHIR_JSON}.",
    )


def _as_stated(binary: Resource) -> str:
    """The content type that a Binary states, where a header can carry it."""
    stated = str(binary.get("contentType", ""))
    sound = _MEDIA_TYPE.fullmatch(stated) and parse_media_type(stated) is not None and "/" in stated
    return stated if sound else "application/octet-stream"


def resource_of_content(request: Request, content: bytes, logical_id: str | None) -> Resource | Problem:
    """The Binary that holds a body sent as it is; 400 for an empty body or a context that names nothing."""
    if not content:
        return bad_request("required", "The body is empty; send the content of the Binary.")
    resource: Resource = {"resourceType": BINARY}
    if logical_id is not None:
        resource["id"] = logical_id
    resource["contentType"] = request.header(b"content-type")
    context = request.header(SECURITY_CONTEXT)
    if context is not None:
        reference = context.strip().removeprefix(f"{request.base}/")
        if _CONTEXT.fullmatch(reference) is None:
            return bad_request(
                "value", f"X-Security-Context must name one resource, such as Patient/123, not '{context}'."
            )
        resource["securityContext"] = {"reference": reference}
    resource["data"] = base64.b64encode(content).decode()
    return resource


def refuse_content_type(request: Request) -> Problem | None:
    """Why a body declared so is not kept as the content of a Binary; None when it is."""
    declared = request.header(b"content-type")
    encoding = request.header(b"content-encoding")
    if encoding is not None and encoding.strip().lower() not in ("", "identity"):
        return problem(
            415, "not-supported", f"Content-Encoding: {encoding} is not taken; send the content as it is."
        )
    media_type = parse_media_type(declared or "")
    named = media_type is not None and media_type.name.count("/") == 1
    if declared is None or media_type is None or not named or _MEDIA_TYPE.fullmatch(declared) is None:
        return problem(415, "not-supported", "Content-Type must say what the content is, such as image/png.")
    if media_type.name in _NO_CONTENT:
        return problem(
            415,
            "not-supported",
            f"Content-Type: {declared} is not kept as content. Send the bytes under their own type, "
            f"or the Binary as {FHIR_JSON}.",
        )
    return None
