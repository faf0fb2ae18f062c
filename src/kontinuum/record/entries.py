"""The entries of a transaction or batch: read, and refused where they cannot be meant.

http://hl7.org/fhir/R4/bundle.html and http://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.issues import Issue
from kontinuum.fhir.patch import Patch, parse_fhirpath_patch, parse_json_patch
from kontinuum.fhir.validation import validate
from kontinuum.kernel.ids import is_id
from kontinuum.record.outcome import Refusal, RefusalKind, Written, refuse

MAX_ENTRIES = 10_000
ELSEWHERE: Final = object()
"""Stands in place of an entry that is answered elsewhere, so that the others keep their numbers."""
METHODS = ("DELETE", "POST", "PUT", "PATCH", "GET", "HEAD")
"""The methods that a bundle may carry, in the order in which a transaction processes them."""


@dataclass(slots=True)
class Entry:
    """One parsed entry of a bundle; the resource of one that patches is what comes of it."""

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
    only_new: bool = False
    patch: Patch | None = None

    @property
    def location(self) -> str:
        """Where the entry stands, as FHIRPath."""
        return f"Bundle.entry[{self.number}]"

    @property
    def writes(self) -> bool:
        """Whether the entry asks for a change."""
        return self.method not in ("GET", "HEAD")


def parse(bundle: dict[str, Any]) -> list[Entry | Refusal] | Refusal:
    """The entries of a bundle, each parsed or refused; a refusal of all when there is no reading them."""
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
    return [_parse_entry(number, entry) for number, entry in enumerate(listed) if entry is not ELSEWHERE]


def _parse_entry(number: int, entry: Any) -> Entry | Refusal:
    where = f"Bundle.entry[{number}]"
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict):
        return fault("required", "The entry has no request that says what to do.", f"{where}.request")
    method, url = request.get("method"), request.get("url")
    if method not in METHODS:
        return fault(
            "value", f"The method {method!r} is not one of {', '.join(METHODS)}.", f"{where}.request.method"
        )
    if not isinstance(url, str) or not url:
        return fault("required", "The request has no url.", f"{where}.request.url")
    target = _target(url)
    if target is None:
        return fault(
            "value", f"The url '{url}' is not Type, Type/id or Type?criteria.", f"{where}.request.url"
        )
    type_name, logical_id, criteria = target
    # A read may carry `_summary` or `_elements`, which concern the face that shows the result.
    if (
        criteria is not None
        and method not in ("GET", "HEAD")
        and (logical_id is not None or method == "POST")
    ):
        return fault(
            "not-supported", f"The parameters '{criteria}' have no meaning here.", f"{where}.request.url"
        )
    resource = entry.get("resource")
    wrong = _body_fault(method, type_name, logical_id, criteria, resource, where)
    if wrong is not None:
        return wrong
    patch = _patch(resource, f"{where}.resource") if method == "PATCH" else None
    if isinstance(patch, Refusal):
        return patch
    for name, value in (
        ("fullUrl", entry.get("fullUrl")),
        ("request.ifNoneExist", request.get("ifNoneExist")),
    ):
        if value is not None and not isinstance(value, str):
            return fault("structure", f"{name} must be a string.", f"{where}.{name}")
    if_match = _version(request.get("ifMatch"), where)
    if isinstance(if_match, Refusal):
        return if_match
    if method == "POST":
        criteria = request.get("ifNoneExist")
        logical_id = None
    return Entry(
        number,
        method,
        type_name,
        logical_id,
        criteria,
        url,
        entry.get("fullUrl"),
        None if method == "PATCH" else resource,
        if_match,
        patch=patch,
    )


def _patch(resource: Any, where: str) -> Patch | Refusal:
    """The patch that an entry carries: a Parameters, or a Binary that holds a JSON Patch.

    http://hl7.org/fhir/R4/http.html#patch
    """
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    if kind not in ("Parameters", "Binary"):
        return fault("value", "PATCH needs a Parameters or a Binary with a JSON Patch.", where)
    issues = [issue for issue in validate(resource) if issue.refuses]
    if issues:
        located = tuple(
            replace(issue, location=(issue.location or kind).replace(kind, where, 1)) for issue in issues
        )
        return Refusal(RefusalKind.BAD_REQUEST, located)
    found = _json_patch(resource) if kind == "Binary" else parse_fhirpath_patch(resource)
    if not isinstance(found, Issue):
        return found
    return fault(found.code, found.message, (found.location or kind).replace(kind, where, 1))


def _json_patch(binary: dict[str, Any]) -> Patch | Issue:
    media_type = binary["contentType"].partition(";")[0].strip().lower()
    if media_type != "application/json-patch+json":
        return Issue("error", "not-supported", "Binary.contentType must be application/json-patch+json.")
    try:
        document = json.loads(base64.b64decode(binary.get("data", "")))
    except (binascii.Error, json.JsonError) as error:
        return Issue("error", "structure", f"Binary.data holds no JSON in base64: {error}.", "Binary.data")
    return parse_json_patch(document)


def _body_fault(
    method: str, type_name: str, logical_id: str | None, criteria: str | None, resource: Any, where: str
) -> Refusal | None:
    if method in ("POST", "PUT"):
        if not isinstance(resource, dict):
            return fault("required", f"{method} needs a resource.", f"{where}.resource")
        if resource.get("resourceType") != type_name:
            return fault(
                "value",
                f"The url says {type_name}, the resource is a {resource.get('resourceType')!r}.",
                f"{where}.resource.resourceType",
            )
        if method == "PUT" and logical_id is None and criteria is None:
            return fault("required", "PUT needs an id or criteria in its url.", f"{where}.request.url")
        if method == "PUT" and logical_id is not None and resource.get("id") != logical_id:
            return fault(
                "value",
                f"The url says '{logical_id}', the resource has the id {resource.get('id')!r}.",
                f"{where}.resource.id",
            )
    elif method in ("DELETE", "PATCH") and logical_id is None and criteria is None:
        return fault("required", f"{method} needs an id or criteria in its url.", f"{where}.request.url")
    return None


def fault(code: str, message: str, location: str) -> Refusal:
    """The refusal of an entry that cannot be meant as it is written."""
    return refuse(RefusalKind.BAD_REQUEST, code, message, location)


def _target(url: str) -> tuple[str, str | None, str | None] | None:
    """The (type, id, criteria) that a request's url means; absolute urls count from the type's name."""
    try:
        parts = urlsplit(url)
    except ValueError:  # an address in brackets that is none
        return None
    steps = [step for step in parts.path.split("/") if step]
    if parts.scheme:
        start = next((i for i, step in enumerate(steps) if step in TYPE_CODES), len(steps))
        steps = steps[start:]
    if not steps or steps[0] not in TYPE_CODES or len(steps) > 2 or not all(map(is_id, steps)):
        return None
    return steps[0], steps[1] if len(steps) > 1 else None, parts.query or None


def _version(text: Any, where: str) -> int | Refusal | None:
    if text is None:
        return None
    digits = str(text).removeprefix("W/").strip('"')
    if digits.isdecimal():
        return int(digits)
    return fault("value", f'ifMatch {text!r} is not a version such as W/"3".', f"{where}.request.ifMatch")


def named_twice(entries: Sequence[Entry]) -> Refusal | None:
    """A resource may occur once in a transaction (http://hl7.org/fhir/R4/http.html#trules), a fullUrl too."""
    written: dict[tuple[str, str], Entry] = {}
    urls: dict[str, Entry] = {}
    for entry in entries:
        if not entry.writes:
            continue
        if entry.id is not None and (other := written.setdefault((entry.type, entry.id), entry)) is not entry:
            return fault(
                "invalid",
                f"{entry.type}/{entry.id} is written by entry {other.number} as well; "
                "a resource may occur once in a transaction.",
                f"{entry.location}.request.url",
            )
        if entry.full_url and (other := urls.setdefault(entry.full_url, entry)) is not entry:
            return fault(
                "invalid",
                f"Entry {other.number} has the fullUrl {entry.full_url} as well: "
                "nobody can tell to which of the two a reference leads.",
                f"{entry.location}.fullUrl",
            )
    return None


def asked_twice(entries: Sequence[Entry]) -> Refusal | None:
    """Two entries that may create what the same criteria do not find would make it twice."""
    seen: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        if entry.criteria is None or entry.method not in ("POST", "PUT"):
            continue
        other = seen.setdefault((entry.type, entry.criteria), entry)
        if other is not entry:
            place = "ifNoneExist" if entry.method == "POST" else "url"
            return fault(
                "invalid",
                f"Entry {other.number} has the criteria '{entry.criteria}' as well; "
                "a resource may occur once in a transaction.",
                f"{entry.location}.request.{place}",
            )
    return None


def at(entry: Entry, refusal: Refusal) -> Refusal:
    """A refusal whose issues tell in which entry they lie."""
    root = f"{entry.location}.resource"
    issues = []
    for issue in refusal.issues:
        _, dot, rest = (issue.location or "").partition(".")
        location = f"{root}{dot}{rest}" if issue.location else entry.location
        issues.append(replace(issue, location=location))
    return replace(refusal, issues=tuple(issues))
