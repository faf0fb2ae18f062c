"""Patching: a resource is read as anybody reads it, changed, and written as any update is.

http://hl7.org/fhir/R4/http.html#patch. Whoever patches must be allowed to read: a `test` would otherwise tell
what is hidden. Between the reading and the writing nothing is locked; the write demands the version that was
read, and where somebody was faster everything is done again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from kontinuum.access import Deny
from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.issues import Issue
from kontinuum.fhir.patch import FhirPathPatch, JsonPatch, Patch, apply_patch
from kontinuum.record import accompanied, criteria, reading, writing
from kontinuum.record.context import Context, forbidden, type_code
from kontinuum.record.entries import Entry, at
from kontinuum.record.outcome import Refusal, RefusalKind, Stored, Written, refuse
from kontinuum.record.planning import Intent
from kontinuum.store.resources import read as reads
from kontinuum.store.resources.rows import ResourceRow

_PARTLY_HIDDEN = Deny(
    "partly-hidden",
    "Parts of it are not shown to you, and a patch could change or tell them. Let somebody make the change "
    "who sees it whole.",
    "offentlighets- och sekretesslagen (2009:400) 22:1, HSLF-FS 2022:42",
)


FEW_OPERATIONS = 20
"""So many operations of a patch are carried out at once; more of them in a thread, beside other requests."""
MAX_WORK = 5_000_000
"""Operations x bytes of a FHIRPath Patch with more than a few operations: each looks for its path anew."""


@dataclass(frozen=True, slots=True)
class Patched:
    """What a patch made of a version of a resource."""

    resource: dict[str, Any]
    version: int


async def patch(
    context: Context,
    type_name: str,
    logical_id: str,
    change: Patch,
    if_match: int | None,
    provenance: dict[str, Any] | None = None,
) -> Written | Refusal:
    """Patch one resource, which must exist."""
    result: Written | Refusal
    for _ in range(writing.ATTEMPTS):
        result = await _patch_once(context, type_name, logical_id, change, if_match, provenance)
        if if_match is not None or not _was_overtaken(result):
            break
    return result


async def conditional_patch(
    context: Context, type_name: str, asked: str, change: Patch, if_match: int | None
) -> Written | Refusal:
    """Patch the one resource that criteria find, as it was found; none is 404, several 412."""
    code = type_code(type_name)
    if isinstance(code, Refusal):
        return code
    result: Written | Refusal
    for _ in range(writing.ATTEMPTS):
        found = await _find(context, (type_name, asked))
        if isinstance(found, Refusal):
            return found
        version = found.version if if_match is None else if_match
        result = await _patch_once(context, type_name, found.id, change, version)
        if if_match is not None or not _was_overtaken(result):
            break
    return result


async def _patch_once(
    context: Context,
    type_name: str,
    logical_id: str,
    change: Patch,
    if_match: int | None,
    provenance: dict[str, Any] | None = None,
) -> Written | Refusal:
    found = await reading.read(context, type_name, logical_id)
    made = found if isinstance(found, Refusal) else await _patched(context, found, change, if_match)
    if isinstance(made, Refusal):
        return made
    intent = Intent(type_name, logical_id, made.resource, made.version)
    if provenance is not None:
        return await accompanied.update(context, intent, provenance)
    return await writing.update(context, type_name, logical_id, made.resource, made.version, only_new=False)


async def prepare(context: Context, entries: Sequence[Entry]) -> list[Entry] | Refusal:
    """The entries of a transaction with those that patch made into updates of what stands there now."""
    prepared = list(entries)
    patching = [(number, each) for number, each in enumerate(entries) if each.patch is not None]
    for number, entry in patching:
        if entry.id is None:
            found = await _find(context, (entry.type, entry.criteria or ""))
            if isinstance(found, Refusal):
                return at(entry, found)
            version = found.version if entry.if_match is None else entry.if_match
            prepared[number] = replace(entry, id=found.id, criteria=None, if_match=version)
    several = [f"{prepared[number].type}/{prepared[number].id}" for number, _ in patching]
    shown = await reading.read_many(context, several) if several else {}
    for number, _ in patching:
        entry = prepared[number]
        assert entry.id is not None
        assert entry.patch is not None
        # What several readings leave out, a single one says why.
        stored = shown.get(f"{entry.type}/{entry.id}") or await reading.read(context, entry.type, entry.id)
        made = (
            stored
            if isinstance(stored, Refusal)
            else await _patched(context, stored, entry.patch, entry.if_match)
        )
        if isinstance(made, Refusal):
            return at(entry, made)
        prepared[number] = replace(entry, resource=made.resource, if_match=made.version)
    return prepared


def overtaken(entries: Sequence[Entry], result: object) -> bool:
    """Whether a transaction may have failed only because somebody else wrote what it patches meanwhile."""
    unconditional = any(each.patch is not None and each.if_match is None for each in entries)
    return unconditional and _was_overtaken(result)


def _was_overtaken(result: object) -> bool:
    return (
        isinstance(result, Refusal)
        and result.kind is RefusalKind.PRECONDITION_FAILED
        and result.issues[0].code == "conflict"
    )


async def _find(context: Context, asked: criteria.Asked) -> ResourceRow | Refusal:
    rows = (await criteria.find(context, context.pool, [asked]))[0]
    found = rows if isinstance(rows, Refusal) else criteria.only(asked, rows)
    if found is None:
        message = f"No {asked[0]} matches '{asked[1]}', so there is nothing to patch."
        return refuse(RefusalKind.NOT_FOUND, "not-found", message)
    return found


async def _patched(
    context: Context, stored: Stored, change: Patch, if_match: int | None
) -> Patched | Refusal:
    assert stored.body is not None, "the gate refuses to read a deletion"
    if if_match not in (None, stored.version):
        return refuse(
            RefusalKind.PRECONDITION_FAILED,
            "conflict",
            f"If-Match asks for version {if_match} of {stored.reference}, but the current version is "
            f"{stored.version}: read it again and repeat the change on what stands there now.",
        )
    row = await reads.read(context.pool, TYPE_CODES[stored.type], stored.id)
    if row is not None and row.version == stored.version and row.body != stored.body:
        await context.log(
            "update", "refused", _PARTLY_HIDDEN.rule, patients=(row.patient,), what=(stored.reference,)
        )
        return forbidden(_PARTLY_HIDDEN)
    made = await _applied(change, stored.body)
    if isinstance(made, Refusal):
        return made
    return Refusal(RefusalKind.INVALID, (made,)) if isinstance(made, Issue) else Patched(made, stored.version)


async def _applied(change: Patch, body: bytes) -> dict[str, Any] | Issue | Refusal:
    count = len(change.operations) if isinstance(change, FhirPathPatch | JsonPatch) else 1
    if count <= FEW_OPERATIONS:
        return apply_patch(change, json.loads(body))
    if isinstance(change, FhirPathPatch) and count * len(body) > MAX_WORK:
        return refuse(
            RefusalKind.TOO_LARGE,
            "too-costly",
            f"{count:,} operations on a resource of {len(body):,} bytes are too many at once: send a JSON "
            "Patch, or several patches.",
        )
    return await asyncio.to_thread(apply_patch, change, json.loads(body))
