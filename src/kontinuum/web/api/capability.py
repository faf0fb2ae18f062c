"""The CapabilityStatement, made from the tables that the server itself works by.

http://hl7.org/fhir/R4/capabilitystatement.html and http://hl7.org/fhir/R4/http.html#capabilities. An
interaction stands here because `interactions.py` parses it, a search parameter because the search takes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from typing import Any

from msgspec import Raw

from kontinuum import __version__
from kontinuum.fhir import json
from kontinuum.fhir.definitions import FHIR_VERSION, RESOURCE_TYPES, SearchParameter, search_parameters
from kontinuum.fhir.search.parse import parse_search
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.fhir.subscriptions.terms import PREFIX
from kontinuum.fhir.subscriptions.topics import TOPICS
from kontinuum.fhir.subset import reduce_body
from kontinuum.terminology import Terminology
from kontinuum.web.api import interactions
from kontinuum.web.api.answer import Answer, Problem, Response, bad_request
from kontinuum.web.api.conditions import opaque_tag_held
from kontinuum.web.api.interactions import Methods
from kontinuum.web.api.negotiation import FHIR_JSON, PATCH_TYPES
from kontinuum.web.api.operation_table import OPERATIONS
from kontinuum.web.api.operations import Level
from kontinuum.web.api.request import Request, refuse_parameters, single
from kontinuum.web.api.subscription_operations import websocket_url
from kontinuum.web.api.subset import subset_of_parameters
from kontinuum.web.api.terminology_capability import terminology_statement
from kontinuum.web.smart import addresses

_CHANGED = "2026-11-23"
"""When the statement last changed in substance: `CapabilityStatement.date`."""

_CODES = {
    interactions.Read: ("read",),
    interactions.VersionRead: ("vread",),
    interactions.Update: ("update",),
    interactions.Patch: ("patch",),
    interactions.Delete: ("delete",),
    interactions.Create: ("create",),
    interactions.Search: ("search-type",),
    interactions.SystemSearch: ("search-system",),
    interactions.BundleSubmission: ("transaction", "batch"),
}
"""http://hl7.org/fhir/R4/valueset-type-restful-interaction.html; history has a code for each level."""


async def capabilities(
    request: Request, terminology: Terminology, profiles: Mapping[str, Sequence[str]]
) -> Answer:
    """Answer `GET /metadata`; `mode` is `full` or `terminology`. `profiles` are those known, by type."""
    refused = refuse_parameters(request.parameters, ("mode", "_summary", "_elements"))
    if refused is not None:
        return refused
    mode = single(request.parameters, "mode")
    if isinstance(mode, Problem):
        return mode
    if mode not in (None, "full", "terminology"):
        return bad_request("not-supported", f"mode={mode} is not offered; say mode=full or mode=terminology.")
    about_codes = mode == "terminology"
    type_name = "TerminologyCapabilities" if about_codes else "CapabilityStatement"
    subset = subset_of_parameters(request.parameters, type_name)
    if isinstance(subset, Problem):
        return subset
    # The first request of a worker builds the table of all types, which would hold up the others.
    if about_codes:
        body = terminology_statement(request.base, await terminology.known())
    else:
        body = await asyncio.to_thread(statement, request.base, profiles)
    body = body if subset is None else reduce_body(body, subset)
    tag = f'W/"{blake2b(body, digest_size=8).hexdigest()}"'
    held = opaque_tag_held(request.header(b"if-none-match"), tag)
    return Response(304, None, {"etag": tag}) if held else Response(200, body, {"etag": tag})


def statement(base: str, profiles: Mapping[str, Sequence[str]]) -> bytes:
    """The serialised CapabilityStatement of the server at this base."""
    return json.dumps(
        {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": _CHANGED,
            "kind": "instance",
            "instantiates": ["http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"],
            "software": {"name": "Kontinuum", "version": __version__},
            "implementation": {
                "description": "Kontinuum, a record platform for Swedish regions",
                "url": base,
            },
            "fhirVersion": FHIR_VERSION,
            "format": [FHIR_JSON, "application/json", "json"],
            "patchFormat": list(PATCH_TYPES),
            "rest": [
                {
                    "mode": "server",
                    "security": security(base),
                    **_websocket(base),
                    **_rest(),
                    "resource": _resources(profiles),
                }
            ],
        }
    )


def _websocket(base: str) -> dict[str, Any]:
    """Where websockets are opened (http://hl7.org/fhir/R4/extension-capabilitystatement-websocket.html)."""
    url = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-websocket"
    return {"extension": [{"url": url, "valueUri": websocket_url(base)}]}


@cache
def _rest() -> dict[str, Raw]:
    system = [code for methods in interactions.SYSTEM.values() for code in _codes(methods, "history-system")]
    tables = {
        "interaction": [{"code": code} for code in system],
        **_operations(Level.SYSTEM, None),
    }
    return {name: Raw(json.dumps(table)) for name, table in tables.items()}


def _resources(profiles: Mapping[str, Sequence[str]]) -> list[Raw]:
    """The table of types; only the profiles that are known differ from one day to another."""
    return [
        _resource(name)
        if name not in profiles
        else Raw(json.dumps({**_table(name), "supportedProfile": profiles[name]}))
        for name in RESOURCE_TYPES
    ]


@cache
def _resource(type_name: str) -> Raw:
    return Raw(json.dumps(_table(type_name)))


def security(base: str) -> dict[str, Any]:
    """How to come in: SMART's addresses (https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html)."""
    origin = base.removesuffix(addresses.FHIR)
    places = {
        "token": addresses.TOKEN,
        "authorize": addresses.AUTHORIZE,
        "introspect": addresses.INTROSPECT,
        "revoke": addresses.REVOKE,
        "manage": addresses.APPS,
    }
    return {
        "extension": [
            {
                "url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
                "extension": [{"url": name, "valueUri": origin + path} for name, path in places.items()],
            }
        ],
        "cors": True,
        "service": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                        "code": "SMART-on-FHIR",
                    }
                ]
            }
        ],
        "description": "Every request but this one carries a token: Authorization: Bearer …",
    }


def _table(type_name: str) -> dict[str, Any]:
    offered = (
        (interactions.INSTANCE, ""),
        (interactions.VERSION, ""),
        (interactions.INSTANCE_HISTORY, "history-instance"),
        (interactions.TYPE, ""),
        (interactions.TYPE_HISTORY, "history-type"),
    )
    codes = dict.fromkeys(code for methods, history in offered for code in _codes(methods, history))
    return {
        **_topics(type_name),
        "type": type_name,
        "interaction": [{"code": code} for code in codes],
        "versioning": "versioned",
        "readHistory": "history-instance" in codes,
        "updateCreate": "update" in codes,
        "conditionalCreate": "create" in codes,
        "conditionalRead": "full-support",
        "conditionalUpdate": interactions.ConditionalUpdate in interactions.TYPE.values(),
        "conditionalDelete": "single",
        **_search(type_name),
        **_operations(Level.TYPE, type_name),
    }


def _topics(type_name: str) -> dict[str, Any]:
    """The topics of subscriptions, and the profile that a Subscription follows."""
    if type_name != "Subscription":
        return {}
    topic = PREFIX + "capabilitystatement-subscriptiontopic-canonical"
    return {
        "extension": [{"url": topic, "valueCanonical": each} for each in TOPICS],
        "supportedProfile": [PREFIX + "backport-subscription"],
    }


def _operations(level: Level, type_name: str | None) -> dict[str, Any]:
    """What is offered at the base, or at a type and its instances."""
    levels = {level, Level.INSTANCE} if level is Level.TYPE else {level}
    offered = [
        {"name": each.name, "definition": each.definition}
        for each in OPERATIONS
        if levels & each.levels and (type_name is None or not each.types or type_name in each.types)
    ]
    return {"operation": offered} if offered else {}


def _codes(methods: Methods, history: str) -> Iterator[str]:
    for constructor in dict.fromkeys(methods.values()):
        if constructor is interactions.History:
            yield history
        else:
            yield from _CODES.get(constructor, ())  # type: ignore[call-overload]


def _search(type_name: str) -> dict[str, Any]:
    parameters = supported_parameters(type_name)
    listed = [{"name": one.name, "definition": one.url, "type": one.type} for one in parameters]
    found: dict[str, Any] = {"searchParam": listed}
    includes = [f"{type_name}:{one.name}" for one in parameters if one.type == "reference"]
    if includes:
        found["searchInclude"] = includes
    found["searchRevInclude"] = _references_to(type_name)
    return found


@cache
def supported_parameters(type_name: str) -> tuple[SearchParameter, ...]:
    """The search parameters of a type that the search takes: each is asked for, by way of trial."""
    return tuple(one for one in search_parameters(type_name).values() if _is_taken(type_name, one.name))


_TRIALS = {
    "_id": ("_id", "1"),
    "_lastUpdated": ("_lastUpdated", "2026"),
    "_text": ("_text", "word"),
    "_content": ("_content", "word"),
    "near": ("near", "59.3|18.1"),
}
"""The questions by which parameters are tried that do not take `:missing`."""


def _is_taken(type_name: str, name: str) -> bool:
    trial = _TRIALS.get(name, (f"{name}:missing", "true"))
    return isinstance(parse_search(type_name, [trial]), SearchQuery)


def _references_to(type_name: str) -> list[str]:
    return [
        f"{source}:{name}" for source, name, targets in _references() if not targets or type_name in targets
    ]


@cache
def _references() -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    return tuple(
        (type_name, one.name, one.targets)
        for type_name in RESOURCE_TYPES
        for one in supported_parameters(type_name)
        if one.type == "reference"
    )
