"""The OpenAPI description of the REST API, made from the tables by which requests are parsed.

https://spec.openapis.org/oas/v3.1.0. An address stands here because `interactions.py` or `operation_table.py`
has it, a parameter because the search takes it. What a resource looks like is told by FHIR, not here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final

from msgspec import Raw

from kontinuum import __version__
from kontinuum.bulk import NDJSON
from kontinuum.fhir import json
from kontinuum.fhir.definitions import RESOURCE_TYPES
from kontinuum.fhir.search.joined import COMPARTMENTS
from kontinuum.web.api import interactions as fhir
from kontinuum.web.api.answer import Answer, Response
from kontinuum.web.api.capability import supported_parameters
from kontinuum.web.api.contents import BINARY
from kontinuum.web.api.interactions import Methods
from kontinuum.web.api.negotiation import FHIR_JSON, FORM, JSON_PATCH
from kontinuum.web.api.operation_table import OPERATIONS
from kontinuum.web.api.operations import Level, Operation
from kontinuum.web.api.request import Request, refuse_parameters

_Object = dict[str, Any]

_SHAPING = "_format _pretty"
_SUBSET = "_summary _elements"
_RESULT = "_sort _count _cursor _include _revinclude _summary _elements _total _has _list"
_HISTORY = f"_count _since _at _cursor {_SUBSET}"


@dataclass(frozen=True, slots=True)
class _Described:
    """How an interaction is told: `parameters` are names of components, `body` says what is sent.

    `statuses` are those of success and of the refusals that are its own.
    """

    summary: str
    statuses: str
    parameters: str = ""
    body: str = ""


_DESCRIBED: Final[Mapping[type, _Described]] = {
    fhir.Capabilities: _Described("What this server does", "200 304", f"If-None-Match mode {_SUBSET}"),
    fhir.Description: _Described("This description", "200"),
    fhir.Read: _Described(
        "Read the current version", "200 304 404 410", f"If-None-Match If-Modified-Since {_SUBSET}"
    ),
    fhir.VersionRead: _Described(
        "Read one version", "200 304 404 410", f"If-None-Match If-Modified-Since {_SUBSET}"
    ),
    fhir.Create: _Described(
        "Create under an id of the server's",
        "200 201 412 422",
        "If-None-Exist Prefer X-Provenance",
        "resource",
    ),
    fhir.Update: _Described(
        "Update, or create under this id",
        "200 201 409 412 422",
        "If-Match If-None-Match Prefer X-Provenance",
        "resource",
    ),
    fhir.ConditionalUpdate: _Described(
        "Update the one resource that criteria find, or create it",
        "200 201 409 412 422",
        "criteria If-Match Prefer",
        "resource",
    ),
    fhir.Patch: _Described(
        "Change by a patch", "200 404 409 410 412 415 422", "If-Match Prefer X-Provenance", "patch"
    ),
    fhir.ConditionalPatch: _Described(
        "Patch the one resource that criteria find",
        "200 404 409 412 415 422",
        "criteria If-Match Prefer",
        "patch",
    ),
    fhir.Delete: _Described("Delete; versions stay", "200 204 409 412 422", "If-Match Prefer"),
    fhir.ConditionalDelete: _Described(
        "Delete the one resource that criteria find", "200 204 409 412 422", "criteria Prefer"
    ),
    fhir.Search: _Described("Search", "200", f"Prefer {_RESULT}"),
    fhir.SystemSearch: _Described("Search several types", "200", f"Prefer _type {_RESULT}"),
    fhir.CompartmentSearch: _Described("Search within a compartment", "200 404", f"Prefer _type {_RESULT}"),
    fhir.History: _Described("History, newest first", "200 404", _HISTORY),
    fhir.BundleSubmission: _Described(
        "Carry out a transaction or batch", "200 409 412 422", "Prefer", "bundle"
    ),
    fhir.BulkStatus: _Described("How far an order in bulk has come, or what came of it", "200 202 404"),
    fhir.BulkCancel: _Described("Give up an order in bulk, and its files", "202 404"),
    fhir.BulkFile: _Described("A file of an order in bulk, NDJSON", "200 404"),
}

_STATUSES: Final = {
    "200": "Done",
    "201": "Created",
    "202": "Ordered, or under way",
    "204": "Done; no content",
    "304": "The client holds this version",
    "404": "Not there, or not shown",
    "409": "Others write the same at this moment",
    "410": "Deleted",
    "412": "A condition is not met",
    "415": "The body is in a form that is not taken",
    "422": "Not valid, or against a rule",
    "429": "As many orders as may be under way",
    "default": "A refusal or fault; the OperationOutcome says what and where",
}
_HEADERS: Final = {
    "If-Match": 'The version that must be current: W/"3"',
    "If-None-Match": "Versions that the client holds, or * to create only",
    "If-Modified-Since": "An HTTP date",
    "If-None-Exist": "Search criteria that must find nothing",
    "Prefer": "return=minimal|representation|OperationOutcome, handling=strict|lenient, respond-async",
    "X-Provenance": "A Provenance without target, as JSON",
    "X-Security-Context": "Whom content is about: Patient/123; with a body that is the content of a Binary",
}
_QUERY: Final = {
    "_format": "json; overrules Accept",
    "_pretty": "true or false",
    "_summary": "true, text, data, count or false",
    "_elements": "Top-level elements, separated by commas",
    "_count": "Size of a page",
    "_cursor": "The page token of a next link",
    "_since": "An instant; versions written from then on",
    "_at": "The versions that were current then",
    "_type": "Resource types, separated by commas",
    "_sort": "Parameters, separated by commas; - for descending",
    "_include": "Type:parameter or Type:parameter:Target",
    "_revinclude": "Type:parameter or Type:parameter:Target",
    "_total": "accurate, estimate or none",
    "_has": "Written as _has:Type:reference:parameter",
    "_list": "The id of a List",
    "mode": "full or terminology",
}

_CONTENT: Final = {
    "description": "The content under its own type; the resource where FHIR's content type is asked for",
    "content": {"*/*": {}, FHIR_JSON: {"schema": {"$ref": "#/components/schemas/Binary"}}},
}


async def describe(request: Request) -> Answer:
    """Answer `GET /openapi.json`."""
    refused = refuse_parameters(request.parameters)
    if refused is not None:
        return refused
    # The first request of a worker builds it, which would hold up the others.
    body = await asyncio.to_thread(document, request.base)
    return Response(200, body, {"content-type": "application/json"})


def document(base: str) -> bytes:
    """The serialised OpenAPI document of the server at this base."""
    about = {
        "title": "Kontinuum, FHIR R4",
        "version": __version__,
        "description": "HEAD works wherever GET does. Search parameters take modifiers and chains.",
    }
    rest = {name: Raw(part) for name, part in _rest().items()}
    return json.dumps({"openapi": "3.1.0", "info": about, "servers": [{"url": base}], **rest})


@cache
def _rest() -> Mapping[str, bytes]:
    paths: _Object = {}
    for address, methods in fhir.SYSTEM.items():
        paths[f"/{address}"] = _item(f"/{address}", methods, None)
    for address, methods in (("/bulk/{job}", fhir.BULK), ("/bulk/{job}/{file}", fhir.BULK_FILE)):
        paths[address] = _item(address, methods, None)
    for type_name in RESOURCE_TYPES:
        for address, methods in _addresses(type_name):
            paths[address] = _item(address, methods, type_name)
    for operation in OPERATIONS:
        for type_name in operation.types or RESOURCE_TYPES:
            for level in sorted(operation.levels):
                paths |= _invocation(operation, level, type_name)
    return {
        "security": json.dumps([{"bearer": []}]),
        "paths": json.dumps(paths),
        "components": json.dumps(_components()),
    }


def _addresses(type_name: str) -> Iterator[tuple[str, Methods]]:
    yield f"/{type_name}", fhir.TYPE
    yield f"/{type_name}/_search", fhir.TYPE_SEARCH_FORM
    yield f"/{type_name}/_history", fhir.TYPE_HISTORY
    yield f"/{type_name}/{{id}}", fhir.INSTANCE
    yield f"/{type_name}/{{id}}/_history", fhir.INSTANCE_HISTORY
    yield f"/{type_name}/{{id}}/_history/{{version}}", fhir.VERSION
    if type_name in COMPARTMENTS:
        yield f"/{type_name}/{{id}}/{{member}}", fhir.COMPARTMENT
        yield f"/{type_name}/{{id}}/{{member}}/_search", fhir.COMPARTMENT_FORM


def _item(address: str, methods: Methods, type_name: str | None) -> _Object:
    """A path item: what each method does at an address."""
    item: _Object = {}
    for method, constructor in methods.items():
        if method == "HEAD":
            continue
        form = isinstance(constructor, partial)
        interaction = constructor.func if isinstance(constructor, partial) else constructor
        assert isinstance(interaction, type)
        item[method.lower()] = _interaction(address, method, interaction, type_name, form=form)
    return item


def _interaction(
    address: str, method: str, interaction: type, type_name: str | None, *, form: bool
) -> _Object:
    told = _DESCRIBED[interaction]
    names = [*_in_path(address), *(told.parameters.split() if not form else ["Prefer"]), *_SHAPING.split()]
    references = [_parameter(name) for name in names]
    if type_name is not None and interaction is fhir.Search and not form:
        references += [_searched(one.name, one.type) for one in supported_parameters(type_name)]
    operation: _Object = {
        "operationId": _identity(method, address),
        "summary": told.summary,
        "parameters": references,
        "responses": _responses(told.statuses),
    }
    if type_name is not None:
        operation["tags"] = [type_name]
    body = _form_body() if form else _body(told.body, type_name)
    if type_name == BINARY and interaction in (fhir.Read, fhir.VersionRead):
        operation["responses"]["200"] = _CONTENT
    if type_name == BINARY and told.body == "resource":
        operation["parameters"].append(_parameter("X-Security-Context"))
        body["content"]["*/*"] = {}
    if body:
        operation["requestBody"] = body
    if interaction in (fhir.Capabilities, fhir.Description):
        operation["security"] = []
    return operation


def _identity(method: str, address: str) -> str:
    return method.lower() + address.replace("/", ".").replace("{", "").replace("}", "")


def _in_path(address: str) -> list[str]:
    return [name for name in ("id", "version", "member", "job", "file") if f"{{{name}}}" in address]


def _parameter(name: str) -> _Object:
    return {"$ref": f"#/components/parameters/{name}"}


def _searched(name: str, kind: str) -> _Object:
    return {"$ref": f"#/components/parameters/search.{name}.{kind}"}


def _responses(statuses: str) -> _Object:
    return {each: {"$ref": f"#/components/responses/{each}"} for each in (*statuses.split(), "default")}


def _body(kind: str, type_name: str | None) -> _Object:
    match kind:
        case "resource":
            return _of_schema({FHIR_JSON: type_name or "Resource"})
        case "bundle":
            return _of_schema({FHIR_JSON: "Bundle"})
        case "patch":
            return _of_schema({JSON_PATCH: "JsonPatch", FHIR_JSON: "Parameters"})
    return {}


def _of_schema(contents: Mapping[str, str], *, required: bool = True) -> _Object:
    described = {
        form: {"schema": {"$ref": f"#/components/schemas/{name}"}} for form, name in contents.items()
    }
    return {"required": required, "content": described}


def _form_body() -> _Object:
    return {"content": {FORM: {"schema": {"type": "object", "additionalProperties": {"type": "string"}}}}}


def _invocation(operation: Operation, level: Level, type_name: str) -> _Object:
    """The path item of an operation at one level."""
    below = {Level.SYSTEM: "", Level.TYPE: f"/{type_name}", Level.INSTANCE: f"/{type_name}/{{id}}"}
    address = f"{below[level]}/${operation.name}"
    preferred = ("Prefer",) if operation.ordered else ()
    common = [_parameter(name) for name in (*_in_path(address), *preferred, *_SHAPING.split())]
    told: _Object = {
        "summary": f"${operation.name}",
        "externalDocs": {"url": operation.definition},
        "responses": _responses("202 404 415 422 429" if operation.ordered else "200 404 422"),
        **({} if level is Level.SYSTEM else {"tags": [type_name]}),
    }
    sent = {"operationId": _identity("post", address), "parameters": common}
    form = NDJSON if operation.file else FHIR_JSON
    body = _of_schema({form: "Resource"}, required=operation.file)
    item = {"post": {**told, **sent, "requestBody": body}}
    if not operation.affects_state:
        asked = [
            _given(name, one.type)
            for name, one in operation.parameters.items()
            if one.offered and one.primitive
        ]
        if operation.searches:
            asked += [_searched(one.name, one.type) for one in supported_parameters(type_name)]
        item["get"] = {**told, "operationId": _identity("get", address), "parameters": [*common, *asked]}
    return {address: item}


def _given(name: str, kind: str) -> _Object:
    json_type = kind if kind in ("boolean", "integer") else "string"
    return {"name": name, "in": "query", "schema": {"type": json_type}, "description": f"FHIR {kind}"}


def _components() -> _Object:
    return {
        "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        "parameters": _parameters(),
        "responses": {status: _response(status, said) for status, said in _STATUSES.items()},
        "schemas": _schemas(),
    }


def _parameters() -> _Object:
    text = {"type": "string"}
    found: _Object = {
        name: {"name": name, "in": "path", "required": True, "schema": schema}
        for name, schema in (
            ("id", {"type": "string", "pattern": r"^[A-Za-z0-9\-.]{1,64}$"}),
            ("version", {"type": "integer", "minimum": 1}),
            ("job", {"type": "string", "description": "As the answer to the order says"}),
            ("file", {"type": "string", "description": "As the manifest says"}),
            ("member", {"type": "string", "description": "A resource type, or * for every type"}),
        )
    }
    # Of the search of the same type; each parameter is told there.
    found["criteria"] = {
        "name": "criteria",
        "in": "query",
        "required": True,
        "style": "form",
        "explode": True,
        "schema": {"type": "object", "minProperties": 1, "additionalProperties": text},
    }
    for place, listed in (("header", _HEADERS), ("query", _QUERY)):
        for name, said in listed.items():
            found[name] = {"name": name, "in": place, "schema": text, "description": said}
    for type_name in RESOURCE_TYPES:
        for one in supported_parameters(type_name):
            described = {
                "name": one.name,
                "in": "query",
                "schema": text,
                "description": f"{one.type} parameter",
            }
            found.setdefault(f"search.{one.name}.{one.type}", described)
    return found


def _response(status: str, said: str) -> _Object:
    if status in ("204", "304"):
        return {"description": said}
    name = "Resource" if status in ("200", "201") else "OperationOutcome"
    return {"description": said, "content": _of_schema({FHIR_JSON: name})["content"]}


def _schemas() -> _Object:
    found: _Object = {
        name: {
            "type": "object",
            "required": ["resourceType"],
            "properties": {"resourceType": {"const": name}},
            "externalDocs": {"url": f"http://hl7.org/fhir/R4/{name.lower()}.html"},
        }
        for name in RESOURCE_TYPES
    }
    found["Resource"] = {
        "type": "object",
        "required": ["resourceType"],
        "properties": {"resourceType": {"type": "string"}},
    }
    operations = {"type": "string", "enum": ["add", "remove", "replace", "move", "copy", "test"]}
    pointers = {"type": "string", "description": "A JSON Pointer (RFC 6901)"}
    found["JsonPatch"] = {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["op", "path"],
            "properties": {"op": operations, "path": pointers, "from": pointers, "value": True},
        },
    }
    return found
