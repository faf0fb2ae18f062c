"""From what was delivered to single resources, each with the id under which it is taken in. Pure.

A resource keeps its id. One without takes it from the entry's request (`PUT Type/id`) or from a fullUrl that
is a RESTful address; otherwise the id is computed from the delivered text and its place in it, so that the
same file read twice changes nothing (docs/decisions/0005-import.md). Bundles are unpacked:
http://hl7.org/fhir/R4/bundle.html, http://hl7.org/fhir/R4/http.html#trules.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.issues import Issue
from kontinuum.kernel.ids import is_id
from kontinuum.record.references import references, rewrite

UNPACKED = ("transaction", "batch", "collection", "searchset", "document")
_RESTFUL = re.compile(r"^https?://.+/([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?$")


@dataclass(slots=True)
class Item:
    """A delivered resource. `number` is its entry in the bundle (from 0) or its line in the file (from 1).

    `id` is the one it is taken in under. `criteria` are those of a conditional create or update that names no
    id: what they find in the record takes the place of `id`. `refusal` says why it is not taken in.
    """

    number: int
    resource: Any
    id: str = ""
    full_url: str | None = None
    criteria: str | None = None
    refusal: Issue | None = None

    @property
    def type(self) -> str:
        """The resource type, `?` where there is none that R4 knows."""
        name = self.resource.get("resourceType") if isinstance(self.resource, dict) else None
        return name if isinstance(name, str) and name in TYPE_CODES else "?"


def unpack(document: Any, number: int, text: bytes) -> list[Item]:
    """The resources of a bundle that is a container, or the one resource; `text` is what was delivered."""
    if not isinstance(document, dict):
        return [_refused(number, document, "structure", "JSON, but no FHIR resource: an object is needed.")]
    if document.get("resourceType") != "Bundle":
        return [_single(document, number, text)]
    kind = document.get("type")
    if kind not in UNPACKED:
        return [
            _refused(
                number,
                document,
                "not-supported",
                f"A Bundle of the type {kind!r} is not imported; bundles of the types "
                f"{', '.join(UNPACKED)} are.",
                "Bundle.type",
            )
        ]
    entries = document.get("entry", [])
    if not isinstance(entries, list):
        return [_refused(number, document, "structure", "Bundle.entry must be a list.", "Bundle.entry")]
    digest = hashlib.blake2b(text, digest_size=16).digest()
    return [_entry(entry, place, digest) for place, entry in enumerate(entries)]


def link(items: list[Item], names: dict[str, str], uuids: Iterable[bytes]) -> None:
    """Turn references between entries, and those in `names`, into `Type/id`, in place.

    What refers to an entry that is not there is refused. `uuids` are all `urn:uuid:` strings in the text.
    """
    known = {
        item.full_url: f"{item.type}/{item.id}"
        for item in items
        if item.full_url is not None and item.refusal is None
    }
    known.update(names)
    dangling = not known.keys() >= {text.decode("utf-8", "replace") for text in uuids}
    for item in items:
        if item.refusal is not None:
            continue
        if known:
            rewrite(item.resource, known)
        for reference, location in references(item.resource, item.type) if dangling else ():
            if reference.startswith("urn:uuid:"):
                item.refusal = Issue(
                    "error",
                    "not-found",
                    f"The reference {reference} matches no entry that came with it.",
                    location,
                )
                break


def named(item: Item) -> dict[str, Any]:
    """The resource under the id that it is taken in under."""
    resource: dict[str, Any] = item.resource
    return resource if "id" in resource else {**resource, "id": item.id}


def computed_id(*parts: bytes) -> str:
    """An id of 26 characters that depends on nothing but the parts."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return base64.b32encode(digest.digest()).decode().rstrip("=").lower()


def _single(resource: dict[str, Any], number: int, text: bytes) -> Item:
    item = Item(number, resource)
    own = resource.get("id")
    item.id = own if isinstance(own, str) else computed_id(b"%d" % number, text)
    return item


def _entry(entry: Any, number: int, digest: bytes) -> Item:
    where = f"Bundle.entry[{number}]"
    if not isinstance(entry, dict):
        return _refused(number, entry, "structure", "An entry must be an object.", where)
    request = entry.get("request")
    request = request if isinstance(request, dict) else {}
    method = request.get("method", "POST")
    resource = entry.get("resource")
    if method not in ("POST", "PUT"):
        reason = f"An import adds and updates resources; {method} is not carried out."
        return _refused(number, resource, "not-supported", reason, f"{where}.request.method")
    if not isinstance(resource, dict):
        return _refused(number, resource, "required", "The entry has no resource.", f"{where}.resource")
    search = entry.get("search")
    if isinstance(search, dict) and search.get("mode") == "outcome":
        reason = "It tells how a search went and is no part of a record."
        return _refused(number, resource, "not-supported", reason, f"{where}.search.mode")
    full_url = entry.get("fullUrl")
    item = Item(number, resource, full_url=full_url if isinstance(full_url, str) else None)
    _name(item, method, request, where, digest)
    return item


def _name(item: Item, method: str, request: dict[str, Any], where: str, digest: bytes) -> None:
    """Find the id of an entry's resource, or the criteria that do."""
    url = request.get("url")
    url = url if isinstance(url, str) else ""
    path, _, criteria = url.partition("?")
    _, _, url_id = path.strip("/").rpartition(f"{item.type}/")
    own = item.resource.get("id")
    if method == "PUT" and url_id and own not in (None, url_id):
        reason = f"The request says '{url_id}', the resource has the id {own!r}."
        item.refusal = Issue("error", "value", reason, f"{where}.request.url")
        return
    restful = _RESTFUL.match(item.full_url or "")
    if isinstance(own, str):
        item.id = own
    elif method == "PUT" and is_id(url_id) and url_id != item.type:
        item.id = url_id
    elif restful and restful[1] == item.type:
        item.id = restful[2]
    else:
        condition = criteria if method == "PUT" else request.get("ifNoneExist")
        item.criteria = condition if isinstance(condition, str) and condition else None
        parts = (
            (item.type.encode(), item.criteria.encode()) if item.criteria else (digest, b"%d" % item.number)
        )
        item.id = computed_id(*parts)


def _refused(number: int, resource: Any, code: str, reason: str, location: str | None = None) -> Item:
    return Item(number, resource, refusal=Issue("error", code, reason, location))
