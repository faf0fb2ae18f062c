"""References between the entries of a bundle, and references by condition.

http://hl7.org/fhir/R4/bundle.html#references and http://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kontinuum.fhir.definitions import type_definition

_NARRATIVE_LINK = re.compile(r'(\b(?:href|src)=")([^"]+)(")')
_CONDITIONAL = re.compile(r"^([A-Z][A-Za-z]+)\?(.+)$")
_RESTFUL = re.compile(r"^(https?://.+/)[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}$")
_BELOW_BASE = re.compile(r"/[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}(/_history/[A-Za-z0-9\-.]{1,64})?")
_URIS = frozenset({"uri", "url", "canonical", "oid", "uuid"})


def base_of(full_url: str | None) -> str:
    """The address before `Type/id` in a fullUrl, on which relative references in its entry build.

    Empty when there is none: then they mean what this server holds.
    """
    found = _RESTFUL.match(full_url or "")
    return found[1] if found else ""


def rewrite(resource: Any, names: Mapping[str, str], base: str = "") -> None:
    """Replace, in place, what refers to an entry's fullUrl by the entry's new reference.

    Replaced are references, elements of the uri types and links in narrative. Any other text stays as it
    is, even if it equals a fullUrl: an identifier's value is no reference.
    """
    if isinstance(resource, dict) and isinstance(resource.get("resourceType"), str):
        _rewrite(resource, resource["resourceType"], names, base)


def _rewrite(value: dict[str, Any], type_name: str, names: Mapping[str, str], base: str) -> None:
    definition = type_definition(type_name)
    if definition is None:
        return
    for key, item in value.items():
        known = definition.properties.get(key)
        if known is None:
            continue  # not R4: the validation that follows says so
        if isinstance(item, str):
            kind = "reference" if type_name == "Reference" and key == "reference" else known.type
            value[key] = _new_text(item, kind, names, base)
        elif isinstance(item, dict):
            _rewrite(item, _type_of(item, known.type), names, base)
        elif isinstance(item, list):
            for number, each in enumerate(item):
                if isinstance(each, str):
                    item[number] = _new_text(each, known.type, names, base)
                elif isinstance(each, dict):
                    _rewrite(each, _type_of(each, known.type), names, base)


def _type_of(value: dict[str, Any], declared: str) -> str:
    found = value.get("resourceType")
    return found if isinstance(found, str) else declared


def _new_text(text: str, kind: str, names: Mapping[str, str], base: str) -> str:
    if kind == "reference":
        return names.get(text) or (names.get(base + text, text) if base else text)
    if kind == "xhtml":
        return _NARRATIVE_LINK.sub(lambda link: link[1] + names.get(link[2], link[2]) + link[3], text)
    return names.get(text, text) if kind in _URIS else text


def made_local(value: Any, base: str | None) -> None:
    """Make references below the server's own address relative, in place.

    http://hl7.org/fhir/R4/references.html#literal: they mean the same resource. Kept in one form it is found
    by every search, stands in its patient's compartment, and still leads there under another host name.
    """
    if base is None:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "reference" and isinstance(item, str):
                value[key] = _local(item, base)
            elif isinstance(item, dict | list):
                made_local(item, base)
    elif isinstance(value, list):
        for each in value:
            made_local(each, base)


def _local(reference: str, base: str) -> str:
    if not reference.startswith(base):
        return reference
    rest = reference.removeprefix(base)
    return rest[1:] if _BELOW_BASE.fullmatch(rest) else reference


def references(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every (reference, location) in a resource's `Reference.reference` elements."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "reference" and isinstance(item, str):
                yield item, f"{path}.reference"
            elif isinstance(item, dict | list):
                yield from references(item, f"{path}.{key}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from references(item, f"{path}[{number}]")


def condition(reference: str) -> tuple[str, str] | None:
    """The (type, criteria) of a conditional reference such as `Patient?identifier=…`, None for others."""
    found = _CONDITIONAL.match(reference)
    return (found[1], found[2]) if found else None
