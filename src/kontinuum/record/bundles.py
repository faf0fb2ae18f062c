"""Transactions and batches (http://hl7.org/fhir/R4/http.html#transaction)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.issues import Issue
from kontinuum.fhir.search.extract import extract
from kontinuum.kernel.ids import bucket_of
from kontinuum.record import reading, searching, writing
from kontinuum.record.context import Context
from kontinuum.record.outcome import (
    Change,
    Refusal,
    RefusalKind,
    SearchPage,
    Stored,
    Written,
    refuse,
)
from kontinuum.record.preparing import check, new_id
from kontinuum.record.references import condition, references, rewrite
from kontinuum.record.release import release_one
from kontinuum.record.writing import Intent

MAX_ENTRIES = 10_000
METHODS = ("DELETE", "POST", "PUT", "GET", "HEAD")
"""The methods that a bundle may carry, in the order in which a transaction processes them."""


@dataclass(frozen=True, slots=True)
class EntryResult:
    """What became of one entry: a write, a read, a search or a refusal; none for a deletion of nothing."""

    method: str
    written: Written | None = None
    stored: Stored | None = None
    page: SearchPage | None = None
    refusal: Refusal | None = None


@dataclass(slots=True)
class Entry:
    """One parsed entry of a bundle."""

    number: int
    method: str
    type: str
    id: str | None
    criteria: str | None
    url: str
    full_url: str | None
    resource: dict[str, Any] | None
    if_match: int | None
    identity: tuple[int, int, str] | None = None
    found: Written | None = None

    @property
    def location(self) -> str:
        """Where the entry stands, as FHIRPath."""
        return f"Bundle.entry[{self.number}]"


async def transaction(context: Context, bundle: dict[str, Any]) -> list[EntryResult] | Refusal:
    """Carry out a transaction bundle: all of it, or nothing and the reason why."""
    entries = _parse(bundle)
    if isinstance(entries, Refusal):
        return entries
    faults = [issue for entry in entries if isinstance(entry, Refusal) for issue in entry.issues]
    if faults:
        return Refusal(RefusalKind.BAD_REQUEST, tuple(faults))
    good = [entry for entry in entries if isinstance(entry, Entry)]
    twice = _named_twice(good)
    if twice is not None:
        return twice

    async def work(connection: Any) -> list[EntryResult] | Refusal:
        # A collision repeats the work, so it must not have changed what it began with.
        fresh = [replace(entry, resource=copy.deepcopy(entry.resource)) for entry in good]
        return await _write_all(context, connection, fresh)

    results = await writing.in_transaction(context, work, what="transaction")
    if isinstance(results, Refusal):
        return results
    for number, entry in enumerate(good):
        if entry.method in ("GET", "HEAD"):
            results[number] = await _get(context, entry)
    return results


async def batch(context: Context, bundle: dict[str, Any]) -> list[EntryResult] | Refusal:
    """Carry out the entries of a batch bundle, each by itself."""
    entries = _parse(bundle)
    if isinstance(entries, Refusal):
        return entries
    return [
        EntryResult("", refusal=entry) if isinstance(entry, Refusal) else await _alone(context, entry)
        for entry in entries
    ]


def _parse(bundle: dict[str, Any]) -> list[Entry | Refusal] | Refusal:
    listed = bundle.get("entry", [])
    if not isinstance(listed, list):
        return refuse(RefusalKind.BAD_REQUEST, "structure", "Bundle.entry must be a list.", "Bundle.entry")
    if len(listed) > MAX_ENTRIES:
        return refuse(
            RefusalKind.TOO_LARGE,
            "too-costly",
            f"The bundle has {len(listed):,} entries; at most {MAX_ENTRIES:,} are taken at once.",
            "Bundle.entry",
        )
    return [_parse_entry(number, entry) for number, entry in enumerate(listed)]


def _parse_entry(number: int, entry: Any) -> Entry | Refusal:
    where = f"Bundle.entry[{number}]"
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict):
        return _fault("required", "The entry has no request that says what to do.", f"{where}.request")
    method, url = request.get("method"), request.get("url")
    if method not in METHODS:
        code = "not-supported" if method == "PATCH" else "value"
        return _fault(
            code, f"The method {method!r} is not one of {', '.join(METHODS)}.", f"{where}.request.method"
        )
    if not isinstance(url, str) or not url:
        return _fault("required", "The request has no url.", f"{where}.request.url")
    target = _target(url)
    if target is None:
        return _fault(
            "value", f"The url '{url}' is not Type, Type/id or Type?criteria.", f"{where}.request.url"
        )
    type_name, logical_id, criteria = target
    resource = entry.get("resource")
    fault = _body_fault(method, type_name, logical_id, criteria, resource, where)
    if fault is not None:
        return fault
    for name, value in (
        ("fullUrl", entry.get("fullUrl")),
        ("request.ifNoneExist", request.get("ifNoneExist")),
    ):
        if value is not None and not isinstance(value, str):
            return _fault("structure", f"{name} must be a string.", f"{where}.{name}")
    if_match = _version(request.get("ifMatch"), where)
    if isinstance(if_match, Refusal):
        return if_match
    if method == "POST":
        criteria = request.get("ifNoneExist")
        logical_id = None
    return Entry(
        number, method, type_name, logical_id, criteria, url, entry.get("fullUrl"), resource, if_match
    )


def _body_fault(
    method: str, type_name: str, logical_id: str | None, criteria: str | None, resource: Any, where: str
) -> Refusal | None:
    if method in ("POST", "PUT"):
        if not isinstance(resource, dict):
            return _fault("required", f"{method} needs a resource.", f"{where}.resource")
        if resource.get("resourceType") != type_name:
            return _fault(
                "value",
                f"The url says {type_name}, the resource is a {resource.get('resourceType')!r}.",
                f"{where}.resource.resourceType",
            )
        if method == "PUT" and logical_id is None and criteria is None:
            return _fault("required", "PUT needs an id or criteria in its url.", f"{where}.request.url")
        if method == "PUT" and logical_id is not None and resource.get("id") != logical_id:
            return _fault(
                "value",
                f"The url says '{logical_id}', the resource has the id {resource.get('id')!r}.",
                f"{where}.resource.id",
            )
    elif method == "DELETE" and logical_id is None and criteria is None:
        return _fault("required", "DELETE needs an id or criteria in its url.", f"{where}.request.url")
    return None


def _fault(code: str, message: str, location: str) -> Refusal:
    return refuse(RefusalKind.BAD_REQUEST, code, message, location)


def _target(url: str) -> tuple[str, str | None, str | None] | None:
    """The (type, id, criteria) that a request's url means; absolute urls count from the type's name."""
    parts = urlsplit(url)
    steps = [step for step in parts.path.split("/") if step]
    if parts.scheme:
        start = next((i for i, step in enumerate(steps) if step in TYPE_CODES), len(steps))
        steps = steps[start:]
    if not steps or steps[0] not in TYPE_CODES or len(steps) > 2:
        return None
    return steps[0], steps[1] if len(steps) > 1 else None, parts.query or None


def _version(text: Any, where: str) -> int | Refusal | None:
    if text is None:
        return None
    digits = str(text).removeprefix("W/").strip('"')
    if digits.isdecimal():
        return int(digits)
    return _fault("value", f'ifMatch {text!r} is not a version such as W/"3".', f"{where}.request.ifMatch")


def _named_twice(entries: Sequence[Entry]) -> Refusal | None:
    """A resource may occur once in a transaction (http://hl7.org/fhir/R4/http.html#trules)."""
    seen: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        if entry.id is None or entry.method in ("GET", "HEAD"):
            continue
        other = seen.setdefault((entry.type, entry.id), entry)
        if other is not entry:
            return _fault(
                "invalid",
                f"{entry.type}/{entry.id} is written by entry {other.number} as well; "
                "a resource may occur once in a transaction.",
                f"{entry.location}.request.url",
            )
    return None


async def _write_all(
    context: Context, connection: Any, entries: Sequence[Entry]
) -> list[EntryResult] | Refusal:
    for entry in entries:
        refusal = await _find_condition(context, connection, entry)
        if refusal is not None:
            return _at(entry, refusal)
    refusal = await _name_and_link(context, connection, entries)
    if refusal is not None:
        return refusal
    invalid = [issue for entry in entries for issue in _invalid(entry)]
    if invalid:
        return Refusal(RefusalKind.INVALID, tuple(invalid))
    written = [entry for entry in entries if entry.method in ("POST", "PUT", "DELETE") and not entry.found]
    written.sort(key=lambda entry: METHODS.index(entry.method))
    intents = [
        Intent(entry.type, entry.id, entry.resource, entry.if_match, entry.identity) for entry in written
    ]
    results = await writing.apply(context, connection, intents, action="transaction")
    by_number: dict[int, EntryResult] = {
        entry.number: EntryResult(entry.method, written=entry.found) for entry in entries
    }
    for entry, result in zip(written, results, strict=True):
        if isinstance(result, Refusal):
            if entry.method == "DELETE" and result.kind is RefusalKind.NOT_FOUND:
                by_number[entry.number] = EntryResult(entry.method)
                continue
            return _at(entry, result)
        by_number[entry.number] = EntryResult(entry.method, written=result)
    return [by_number[entry.number] for entry in entries]


def _invalid(entry: Entry) -> list[Issue]:
    if entry.resource is None or entry.found is not None:
        return []
    refusal = check(entry.resource, entry.type)
    return [] if refusal is None else list(_at(entry, refusal).issues)


async def _find_condition(context: Context, connection: Any, entry: Entry) -> Refusal | None:
    """Resolve ifNoneExist, conditional update and conditional delete to the resource they mean."""
    if entry.criteria is None or entry.method in ("GET", "HEAD"):
        return None
    found = await writing.conditional(context, connection, entry.type, entry.criteria)
    if isinstance(found, Refusal):
        return found
    if entry.method == "POST":
        if found is not None:
            entry.found = Written(Change.UNCHANGED, await release_one(context, found))
        return None
    if entry.method == "PUT":
        intent = writing.update_intent(entry.type, entry.resource or {}, found, entry.if_match)
        if isinstance(intent, Refusal):
            return intent
        entry.id = intent.id
    else:
        entry.id = found.id if found is not None else None
    return None


async def _name_and_link(context: Context, connection: Any, entries: Sequence[Entry]) -> Refusal | None:
    """Give new resources their ids and turn references between entries into references by id.

    Patients are named first: the id of what belongs to a patient carries that patient's bucket.
    """
    names: dict[str, str] = {}
    for entry in entries:
        if entry.found is not None:
            _note(names, entry, entry.found.stored.id)
        elif entry.id is not None:
            _note(names, entry, entry.id)
        elif entry.resource is not None and entry.type == "Patient":
            entry.identity = new_id(context)
            _note(names, entry, entry.identity[2])
    refusal = await _resolve_conditions(context, connection, entries, names)
    if refusal is not None:
        return refusal
    for entry in entries:
        if entry.resource is not None and names:
            rewrite(entry.resource, names)
    names = {}
    for entry in entries:
        if entry.resource is not None and entry.found is None and not entry.id and not entry.identity:
            patient = _patient_of(entry.resource)
            entry.identity = new_id(context, None if patient is None else bucket_of(patient))
            _note(names, entry, entry.identity[2])
    for entry in entries:
        if entry.resource is not None:
            if names:
                rewrite(entry.resource, names)
            for text, location in references(entry.resource, f"{entry.location}.resource"):
                if text.startswith("urn:"):
                    return _fault(
                        "not-found", f"The reference {text} matches no fullUrl in the bundle.", location
                    )
    return None


def _patient_of(resource: dict[str, Any]) -> str | None:
    try:
        return extract(resource).patient
    except (TypeError, ValueError, AttributeError, KeyError):
        return None  # not valid: the validation that follows says what is wrong


def _note(names: dict[str, str], entry: Entry, logical_id: str) -> None:
    if entry.full_url:
        names[entry.full_url] = f"{entry.type}/{logical_id}"


async def _resolve_conditions(
    context: Context, connection: Any, entries: Sequence[Entry], names: dict[str, str]
) -> Refusal | None:
    for entry in entries:
        for text, location in references(entry.resource, f"{entry.location}.resource"):
            asked = condition(text)
            if asked is None or text in names:
                continue
            found = await writing.conditional(context, connection, *asked)
            if found is None:
                return refuse(
                    RefusalKind.PRECONDITION_FAILED,
                    "not-found",
                    f"The conditional reference '{text}' finds nothing.",
                    location,
                )
            if isinstance(found, Refusal):
                return _at(entry, found)
            names[text] = f"{asked[0]}/{found.id}"
    return None


def _at(entry: Entry, refusal: Refusal) -> Refusal:
    """A refusal whose issues tell in which entry they lie."""
    root = f"{entry.location}.resource"
    issues = []
    for issue in refusal.issues:
        _, dot, rest = (issue.location or "").partition(".")
        location = f"{root}{dot}{rest}" if issue.location else entry.location
        issues.append(replace(issue, location=location))
    return replace(refusal, issues=tuple(issues))


async def _alone(context: Context, entry: Entry) -> EntryResult:
    """One entry of a batch."""
    result: Written | Refusal | None
    if entry.method in ("GET", "HEAD"):
        return await _get(context, entry)
    if entry.method == "POST":
        result = await writing.create(context, entry.resource or {}, entry.criteria)
    elif entry.method == "PUT" and entry.id is not None:
        result = await writing.update(
            context, entry.type, entry.id, entry.resource or {}, entry.if_match, False
        )
    elif entry.method == "PUT":
        result = await writing.conditional_update(
            context, entry.type, entry.criteria or "", entry.resource or {}, entry.if_match
        )
    elif entry.id is not None:
        result = await writing.delete(context, entry.type, entry.id, entry.if_match)
    else:
        deleted = await writing.conditional_delete(context, entry.type, entry.criteria or "")
        result = deleted if isinstance(deleted, Refusal) else next(iter(deleted), None)
    if isinstance(result, Refusal):
        return EntryResult(entry.method, refusal=_at(entry, result))
    return EntryResult(entry.method, written=result)


async def _get(context: Context, entry: Entry) -> EntryResult:
    if entry.id is not None:
        found = await reading.read(context, entry.type, entry.id)
        if isinstance(found, Refusal):
            return EntryResult(entry.method, refusal=_at(entry, found))
        return EntryResult(entry.method, stored=found)
    query = searching.parse_url(f"{entry.type}?{entry.criteria or ''}")
    page = query if isinstance(query, Refusal) else await searching.search(context, query)
    if isinstance(page, Refusal):
        return EntryResult(entry.method, refusal=_at(entry, page))
    return EntryResult(entry.method, page=page)
