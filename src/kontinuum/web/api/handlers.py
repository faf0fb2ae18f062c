"""One short function for each interaction: check the request's own rules, ask the gate, say what it answered.

http://hl7.org/fhir/R4/http.html. A handler is given a `Record` that is bound to the caller; it never sees
the store.
"""

from __future__ import annotations

from kontinuum.record.outcome import Refusal, RefusalKind
from kontinuum.web.api.answer import Answer, Problem, bad_request
from kontinuum.web.api.body import read_patch
from kontinuum.web.api.call import (
    Call,
    deleted_answer,
    demanded_version,
    refuse_conditions,
    version_answer,
    written_answer,
)
from kontinuum.web.api.grounds import PROVENANCE, own_provenance
from kontinuum.web.api.interactions import (
    ConditionalDelete,
    ConditionalPatch,
    ConditionalUpdate,
    Create,
    Delete,
    Patch,
    Read,
    Update,
    VersionRead,
)
from kontinuum.web.api.request import Request, criteria_of, refuse_parameters
from kontinuum.web.api.subset import requested_subset


async def read(call: Call, wanted: Read) -> Answer:
    """http://hl7.org/fhir/R4/http.html#read."""
    subset = requested_subset(call.request.parameters, wanted.type)
    if isinstance(subset, Problem):
        return subset
    found = await call.record.read(wanted.type, wanted.id)
    return found if isinstance(found, Refusal) else version_answer(call.request, found, subset)


async def read_version(call: Call, wanted: VersionRead) -> Answer:
    """http://hl7.org/fhir/R4/http.html#vread."""
    subset = requested_subset(call.request.parameters, wanted.type)
    if isinstance(subset, Problem):
        return subset
    found = await call.record.vread(wanted.type, wanted.id, wanted.version)
    return found if isinstance(found, Refusal) else version_answer(call.request, found, subset)


async def create(call: Call, wanted: Create) -> Answer:
    """http://hl7.org/fhir/R4/http.html#create and, with `If-None-Exist`, #ccreate."""
    request = call.request
    refused = _refuse_extras(request, b"if-match", b"if-none-match")
    if refused is not None:
        return refused
    criteria = request.header(b"if-none-exist")
    if criteria is not None and not criteria.strip(" ?"):
        return bad_request(
            "required", "If-None-Exist is empty; give search criteria, such as identifier=system|value."
        )
    resource = await call.resource(wanted.type)
    if isinstance(resource, Problem):
        return resource
    provenance = own_provenance(request)
    if isinstance(provenance, Problem):
        return provenance
    if provenance is not None and criteria is not None:
        return bad_request("not-supported", "X-Provenance and If-None-Exist together are not offered.")
    written = await call.record.create(resource, if_none_exist=criteria, provenance=provenance)
    return written_answer(request, written)


async def update(call: Call, wanted: Update) -> Answer:
    """http://hl7.org/fhir/R4/http.html#update and #upsert."""
    request = call.request
    version = demanded_version(request)
    if isinstance(version, Problem):
        return version
    refused = _refuse_extras(request, b"if-none-exist")
    if refused is not None:
        return refused
    resource = await call.resource(wanted.type, wanted.id)
    if isinstance(resource, Problem):
        return resource
    other = _refuse_other_id(resource.get("id"), wanted.id)
    if other is not None:
        return other
    only_new = _only_new(request)
    if isinstance(only_new, Problem):
        return only_new
    provenance = own_provenance(request)
    if isinstance(provenance, Problem):
        return provenance
    result = await call.record.update(
        wanted.type, wanted.id, resource, if_match=version, only_new=only_new, provenance=provenance
    )
    return written_answer(request, result)


def _only_new(request: Request) -> bool | Problem:
    """Whether `If-None-Match: *` asks to create only (http://hl7.org/fhir/R4/http.html#concurrency)."""
    header = request.header(b"if-none-match")
    if header is not None and header.strip() != "*":
        return bad_request("value", "If-None-Match on an update can only be *: create, but never replace.")
    return header is not None


def _refuse_other_id(found: object, logical_id: str) -> Problem | None:
    if found is None:
        return bad_request(
            "required",
            f'The body has no id; an update must carry the id of its address, "{logical_id}".',
            "id",
        )
    if found != logical_id:
        return bad_request(
            "invalid", f"The id in the body is not the id in the address, '{logical_id}'.", "id"
        )
    return None


def _criteria(request: Request, type_name: str, *unwanted: bytes) -> str | Problem:
    """The criteria in the address that stand for an id; `unwanted` are headers that say nothing here."""
    refused = refuse_conditions(request, *unwanted)
    if refused is not None:
        return refused
    place = f"{request.method} /{type_name}"
    return criteria_of(request) or bad_request(
        "required", f"Give the id, {place}/id, or criteria, {place}?identifier=…."
    )


async def conditional_update(call: Call, wanted: ConditionalUpdate) -> Answer:
    """http://hl7.org/fhir/R4/http.html#cond-update."""
    request = call.request
    version = demanded_version(request)
    if isinstance(version, Problem):
        return version
    criteria = _criteria(request, wanted.type, b"if-none-exist", b"if-none-match", PROVENANCE)
    if isinstance(criteria, Problem):
        return criteria
    resource = await call.resource(wanted.type)
    if isinstance(resource, Problem):
        return resource
    written = await call.record.conditional_update(wanted.type, criteria, resource, if_match=version)
    return written_answer(request, written)


async def patch(call: Call, wanted: Patch) -> Answer:
    """http://hl7.org/fhir/R4/http.html#patch."""
    request = call.request
    version = demanded_version(request)
    if isinstance(version, Problem):
        return version
    refused = _refuse_extras(request, b"if-none-exist", b"if-none-match")
    if refused is not None:
        return refused
    change = await read_patch(request, call.receive, call.limits)
    if isinstance(change, Problem):
        return change
    provenance = own_provenance(request)
    if isinstance(provenance, Problem):
        return provenance
    written = await call.record.patch(wanted.type, wanted.id, change, if_match=version, provenance=provenance)
    return written_answer(request, written)


async def conditional_patch(call: Call, wanted: ConditionalPatch) -> Answer:
    """http://hl7.org/fhir/R4/http.html#patch: one match is patched, none is 404, several are 412."""
    request = call.request
    version = demanded_version(request)
    if isinstance(version, Problem):
        return version
    criteria = _criteria(request, wanted.type, b"if-none-exist", b"if-none-match", PROVENANCE)
    if isinstance(criteria, Problem):
        return criteria
    change = await read_patch(request, call.receive, call.limits)
    if isinstance(change, Problem):
        return change
    written = await call.record.conditional_patch(wanted.type, criteria, change, if_match=version)
    return written_answer(request, written)


async def delete(call: Call, wanted: Delete) -> Answer:
    """http://hl7.org/fhir/R4/http.html#delete."""
    request = call.request
    version = demanded_version(request)
    if isinstance(version, Problem):
        return version
    refused = _refuse_extras(request, b"if-none-exist", b"if-none-match", PROVENANCE)
    if refused is not None:
        return refused
    written = await call.record.delete(wanted.type, wanted.id, if_match=version)
    if isinstance(written, Refusal):
        # What never existed is as absent as the client wishes it to be.
        return deleted_answer(request, []) if written.kind is RefusalKind.NOT_FOUND else written
    return deleted_answer(request, [written])


async def conditional_delete(call: Call, wanted: ConditionalDelete) -> Answer:
    """http://hl7.org/fhir/R4/http.html#3.1.0.7.1: one match is deleted, several are refused with 412."""
    request = call.request
    criteria = _criteria(request, wanted.type, b"if-none-exist", b"if-none-match", b"if-match", PROVENANCE)
    if isinstance(criteria, Problem):
        return criteria
    written = await call.record.conditional_delete(wanted.type, criteria)
    return written if isinstance(written, Refusal) else deleted_answer(request, written)


def _refuse_extras(request: Request, *conditions: bytes) -> Problem | None:
    """Refuse every parameter, and the conditions that have no meaning for the interaction."""
    return refuse_parameters(request.parameters) or refuse_conditions(request, *conditions)
