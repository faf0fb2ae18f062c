"""Operations on the record: $everything, $lastn, $validate, and the labels of a resource.

http://hl7.org/fhir/R4/operationslist.html. Each asks the gate as any interaction does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kontinuum.fhir import json
from kontinuum.fhir.definitions import RESOURCE_TYPES
from kontinuum.fhir.patch import AddLabels, Patch, RemoveLabels
from kontinuum.fhir.patch.labels import LABELS
from kontinuum.fhir.profiles import core_type
from kontinuum.fhir.search.parse import parse_search
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.fhir.validation import validate as validate_resource
from kontinuum.record import Refusal
from kontinuum.record.everything import Wanted
from kontinuum.web.api import bundles
from kontinuum.web.api.answer import Answer, Problem, Response, bad_request, outcome_body, problem
from kontinuum.web.api.call import Call, demanded_version
from kontinuum.web.api.interactions import Invocation
from kontinuum.web.api.operations import Inputs
from kontinuum.web.api.request import form_of

_MOST = 1000
_PAGES = 20
"""How many pages of labelled resources $meta goes through for one answer."""
_SHAPING = frozenset(
    "_sort _count _cursor _include _revinclude _include:iterate _revinclude:iterate _summary _elements "
    "_total".split()
)
"""What would shape a page of a search, which $lastn is not."""


async def everything(call: Call, wanted: Invocation, inputs: Inputs) -> Answer:
    """http://hl7.org/fhir/R4/patient-operation-everything.html, …/encounter-operation-everything.html."""
    assert wanted.type is not None
    count = inputs.one("_count")
    if count is not None and count < 1:
        return bad_request("value", f"_count must be a whole number from 1 to {call.limits.count_max}.")
    asked = Wanted(
        types=tuple(name for text in inputs.all("_type") for name in text.split(",")),
        since=_moment(inputs, "_since"),
        start=inputs.one("start"),
        end=inputs.one("end"),
        count=call.limits.count_max if count is None else min(count, call.limits.count_max),
        cursor=inputs.one("_cursor"),
    )
    page = await call.record.everything(wanted.type, wanted.id, asked)
    if isinstance(page, Refusal):
        return page
    path = "/".join(part for part in (wanted.type, wanted.id, "$everything") if part)
    told = SearchQuery(wanted.type, self_params=asked.parameters)
    form = form_of(call.request.parameters)
    return Response(200, bundles.searchset(call.request.base, path, told, page, None, form))


def _moment(inputs: Inputs, name: str) -> str | None:
    # A plus sign in a query stands for a space; clients forget to write %2B before a zone.
    text: str | None = inputs.one(name)
    return None if text is None else text.replace(" ", "+")


async def lastn(call: Call, wanted: Invocation, inputs: Inputs) -> Answer:
    """http://hl7.org/fhir/R4/observation-operation-lastn.html."""
    most = 1 if inputs.one("max") is None else inputs.one("max")
    if not 1 <= most <= _MOST:
        return bad_request("value", f"max must be a whole number from 1 to {_MOST}.")
    shaping = [name for name, _ in inputs.criteria if name in _SHAPING]
    if shaping:
        return bad_request("not-supported", f"$lastn does not take {shaping[0]}.")
    query = parse_search("Observation", inputs.criteria, base=call.request.base)
    if isinstance(query, list):
        return Problem(400, tuple(query))
    page = await call.record.latest(query, most)
    if isinstance(page, Refusal):
        return page
    told = SearchQuery("Observation", self_params=(*query.self_params, ("max", str(most))))
    return Response(200, bundles.searchset(call.request.base, "Observation/$lastn", told, page, None))


async def validate(call: Call, wanted: Invocation, inputs: Inputs) -> Answer:
    """http://hl7.org/fhir/R4/resource-operation-validate.html.

    What is found is the answer, with status 200; another status says that the question cannot be answered.
    """
    assert wanted.type is not None
    mode, resource = inputs.one("mode"), inputs.one("resource")
    unfit = _unfit(wanted, mode, inputs.one("profile"), resource)
    if unfit is not None:
        return unfit
    if resource is None and mode != "delete":
        stored = await call.record.read(wanted.type, wanted.id or "")
        if isinstance(stored, Refusal):
            return stored
        assert stored.body is not None, "the gate refuses to read a deletion"
        resource = json.loads(stored.body)
    issues = [] if mode == "delete" else validate_resource(resource, expected_type=wanted.type, warnings=True)
    if mode != "delete" and not any(issue.refuses for issue in issues):
        found = await call.record.judge(resource, _beyond_r4(inputs.one("profile")))
        if isinstance(found, Refusal):
            return found
        issues += found
    if mode in ("create", "update", "delete") and not any(issue.refuses for issue in issues):
        logical_id = None if mode == "create" else wanted.id or resource.get("id")
        refused = await call.record.try_write(wanted.type, logical_id, None if mode == "delete" else resource)
        issues += refused.issues if refused is not None else ()
    return Response(200, outcome_body(issues))


def _beyond_r4(profile: str | None) -> str | None:
    """A profile, unless it is R4's own definition, by which every resource is judged."""
    return None if profile is None or core_type(profile) is not None else profile


def _unfit(wanted: Invocation, mode: str | None, profile: str | None, resource: Any) -> Problem | None:
    """Why the question cannot be answered."""
    if mode not in (None, "create", "update", "delete", "profile"):
        return bad_request("value", f"mode must be create, update, delete or profile, not '{mode}'.")
    if mode == "profile" and (profile is None or resource is not None or wanted.id is None):
        return bad_request(
            "required", "mode=profile judges a stored resource: name it by its id, and the profile."
        )
    if mode == "delete" and wanted.id is None:
        return bad_request("required", f"mode=delete is about /{wanted.type}/id/$validate.")
    if resource is None and wanted.id is None:
        return bad_request("required", "Send the resource that is to be validated.")
    own_id = resource.get("id") if resource is not None else None
    if mode == "update" and resource is not None and own_id is None:
        return bad_request("required", "An update carries the id of the resource.", "id")
    if mode == "update" and wanted.id not in (None, own_id):
        return bad_request(
            "invalid", f"The id in the body is not the id in the address, '{wanted.id}'.", "id"
        )
    of_type = None if profile is None else core_type(profile)
    if of_type is not None and of_type != wanted.type:
        return problem(422, "value", f"The profile {profile} is for {of_type}, and this is a {wanted.type}.")
    return None


async def meta(call: Call, wanted: Invocation, inputs: Inputs) -> Answer:
    """http://hl7.org/fhir/R4/resource-operation-meta.html, of one resource, of a type, or of everything."""
    if wanted.type is None or wanted.id is None:
        return await _labels_in_use(call, wanted.type)
    stored = await call.record.read(wanted.type, wanted.id or "")
    if isinstance(stored, Refusal):
        return stored
    assert stored.body is not None, "the gate refuses to read a deletion"
    return _meta(stored.body)


async def _labels_in_use(call: Call, type_name: str | None) -> Answer:
    """Each profile, security label and tag on any resource that may be read here, once."""
    types = [name for name in RESOURCE_TYPES if name != "AuditEvent"] if type_name is None else [type_name]
    found: dict[str, dict[bytes, Any]] = {name: {} for name in LABELS}
    for label in LABELS:
        cursor: str | None = None
        for _ in range(_PAGES):
            page = await call.record.search_types([_labelled(name, label, cursor) for name in types])
            if isinstance(page, Refusal):
                return page
            for stored in page.matches:
                for each in json.loads(stored.body or b"{}").get("meta", {}).get(label, ()):
                    found[label].setdefault(json.dumps(each), each)
            cursor = page.next
            if cursor is None:
                break
        else:
            message = f"More than {_PAGES * _MOST} resources carry meta.{label}; ask for one type."
            return problem(422, "too-costly", message)
    labels = {name: [each[key] for key in sorted(each)] for name, each in found.items() if each}
    return _parameters_of(labels)


def _labelled(type_name: str, label: str, cursor: str | None) -> SearchQuery:
    """A search for the resources of a type that carry some label of a kind."""
    query = parse_search(type_name, [(f"_{label}:missing", "false"), ("_count", str(_MOST))])
    assert isinstance(query, SearchQuery), query
    return replace(query, cursor=cursor)


async def meta_add(call: Call, wanted: Invocation, inputs: Inputs) -> Answer:
    """http://hl7.org/fhir/R4/resource-operation-meta-add.html."""
    return await _relabel(call, wanted, inputs, AddLabels)


async def meta_delete(call: Call, wanted: Invocation, inputs: Inputs) -> Answer:
    """http://hl7.org/fhir/R4/resource-operation-meta-delete.html."""
    return await _relabel(call, wanted, inputs, RemoveLabels)


async def _relabel(
    call: Call, wanted: Invocation, inputs: Inputs, change: Callable[[dict[str, Any]], Patch]
) -> Answer:
    assert wanted.type is not None
    given = inputs.one("meta")
    if given is None:
        return bad_request("required", "Send the labels as a parameter `meta` with valueMeta.")
    other = [name for name in given if name not in LABELS]
    if other:
        return bad_request(
            "not-supported", f"meta.{other[0]} is no label: {', '.join(LABELS)} can be added and removed."
        )
    version = demanded_version(call.request)
    if isinstance(version, Problem):
        return version
    written = await call.record.patch(wanted.type, wanted.id or "", change(given), if_match=version)
    if isinstance(written, Refusal):
        return written
    assert written.stored.body is not None, "a patch is no deletion"
    return _meta(written.stored.body)


def _meta(body: bytes) -> Response:
    return _parameters_of(json.loads(body).get("meta") or {})


def _parameters_of(meta: dict[str, Any]) -> Response:
    part = {"name": "return", "valueMeta": meta}
    return Response(200, json.dumps({"resourceType": "Parameters", "parameter": [part]}))
