"""From a resource that came in to a version that can be written: checked, named, stamped, indexed."""

from __future__ import annotations

from typing import Any

from kontinuum.audit.event import place_of
from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.search.extract import extract
from kontinuum.fhir.validation import validate
from kontinuum.kernel.clock import instant
from kontinuum.kernel.ids import bucket_of, encode_id
from kontinuum.record import vocabularies
from kontinuum.record.context import Context
from kontinuum.record.outcome import Refusal, RefusalKind, refuse
from kontinuum.record.projecting import unclear
from kontinuum.store.resources.rows import NewVersion

_GOLDEN = 0x9E3779B97F4A7C15  # spreads consecutive keys over the buckets


def check(resource: Any, type_name: str | None = None) -> Refusal | None:
    """The refusal of what is not valid FHIR R4, or of a block or consent that is not understood."""
    issues = validate(resource, expected_type=type_name)
    if any(issue.refuses for issue in issues):
        return Refusal(RefusalKind.INVALID, tuple(issues))
    if resource["resourceType"] == "AuditEvent" and place_of(resource.get("id", "")) is not None:
        message = f"AuditEvent/{resource['id']} is an entry of the log, which nobody writes from outside."
        return refuse(RefusalKind.NOT_ALLOWED, "forbidden", message, "AuditEvent.id")
    return unclear(resource) or vocabularies.refused(resource)


def new_id(context: Context, bucket: int | None = None) -> tuple[int, int, str]:
    """A fresh (key, bucket, logical id); without a bucket one is drawn from the key."""
    key = context.services.keys.next()
    if bucket is None:
        bucket = (key * _GOLDEN >> 54) & 1023
    return key, bucket, encode_id(key, bucket)


def created(
    context: Context,
    resource: dict[str, Any],
    accountable: int,
    *,
    identity: tuple[int, int, str] | None = None,
    client_id: str | None = None,
    meta: tuple[int, int] | None = None,
) -> NewVersion:
    """The first version of a valid resource.

    With `identity` the (key, bucket, id) was drawn before; with `client_id` the client has named it;
    otherwise it is named here. `meta` restores the (version, updated) of an exported resource.
    """
    version, updated = meta or (1, context.now())
    type_name = resource["resourceType"]
    if type_name == "Patient" and identity is None and client_id is None:
        identity = new_id(context)
    logical_id = client_id or (identity[2] if identity else None)
    if logical_id is not None:
        resource = {**resource, "id": logical_id}
    index = extract(resource)
    if index.patient is not None:
        bucket = bucket_of(index.patient)
    elif logical_id is not None:
        bucket = bucket_of(logical_id)
    else:
        bucket = None
    if identity is not None:
        key, drawn, name = identity
        bucket = drawn if bucket is None else bucket
        looked_up = bucket != drawn
    elif client_id is not None:
        key, _, _ = new_id(context, 0)
        name, looked_up = client_id, True
    else:
        key, bucket, name = new_id(context, bucket)
        looked_up = False
    assert bucket is not None
    return NewVersion(
        key=key,
        bucket=bucket,
        type=TYPE_CODES[type_name],
        id=name,
        version=version,
        updated=updated,
        accountable=accountable,
        patient=index.patient,
        body=stamped(resource, name, version, updated),
        index=index,
        named_by_client=looked_up,
    )


def superseding(
    resource: dict[str, Any], key: int, logical_id: str, version: int, updated: int, accountable: int
) -> NewVersion:
    """The next version of a resource that exists."""
    resource = {**resource, "id": logical_id}
    index = extract(resource)
    return NewVersion(
        key=key,
        bucket=bucket_of(index.patient if index.patient is not None else logical_id),
        type=TYPE_CODES[resource["resourceType"]],
        id=logical_id,
        version=version,
        updated=updated,
        accountable=accountable,
        patient=index.patient,
        body=stamped(resource, logical_id, version, updated),
        index=index,
        named_by_client=False,
    )


def stamped(resource: dict[str, Any], logical_id: str, version: int, updated: int) -> bytes:
    """The serialised resource with its id and the server's part of `meta` (versionId, lastUpdated)."""
    meta = resource.get("meta") or {}
    rest = {name: value for name, value in meta.items() if name not in ("versionId", "lastUpdated")}
    head = {
        "resourceType": resource["resourceType"],
        "id": logical_id,
        "meta": {"versionId": str(version), "lastUpdated": instant(updated), **rest},
    }
    return json.dumps(head | {name: value for name, value in resource.items() if name not in head})
