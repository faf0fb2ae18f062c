"""`resolve()`: from a reference to what it refers to, as far as it is at hand.

Source: http://hl7.org/fhir/R4/fhirpath.html#functions. Contained resources and entries of the same Bundle
are found; of any other target only its type and id are known, from the reference's text, and a resource with
just these two is given. No network, no store.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.fhirpath.code import Environment
from kontinuum.fhir.fhirpath.values import Node

_REST_REFERENCE = re.compile(
    r"(?:.*/)?(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9.\-]{1,64})(?:/_history/[A-Za-z0-9.\-]{1,64})?(?:\|.*)?"
)


def target(env: Environment, item: Any) -> dict[str, Any] | None:
    """The resource that a Reference, uri or canonical refers to; None where nothing is known of it."""
    value = item.value if type(item) is Node else item
    text, declared = _text(value), value.get("type") if type(value) is dict else None
    if text is None:
        return {"resourceType": declared} if isinstance(declared, str) and declared in TYPE_CODES else None
    found = _at_hand(env, text)
    if found is not None:
        return found
    named = _named(text)
    if named is not None:
        return {"resourceType": named[0], "id": named[1]}
    return {"resourceType": declared} if isinstance(declared, str) and declared in TYPE_CODES else None


def target_type(env: Environment, item: Any) -> str | None:
    """The resource type that a reference refers to; None where it is not known."""
    if type(item) is dict:
        text = item.get("reference")
        if type(text) is str and text[:1] != "#":
            named = _named(text)
            if named is not None:
                return named[0]
    resource = target(env, item)
    name = None if resource is None else resource.get("resourceType")
    return name if isinstance(name, str) else None


def _text(value: Any) -> str | None:
    if type(value) is dict:
        value = value.get("reference")
    return value if isinstance(value, str) and value else None


def _at_hand(env: Environment, text: str) -> dict[str, Any] | None:
    root = env.root.value if type(env.root) is Node else env.root
    if type(root) is not dict:
        return None
    if text == "#":
        return root
    if text.startswith("#"):
        resource = env.resource.value if type(env.resource) is Node else env.resource
        holders = (root, resource) if type(resource) is dict else (root,)
        contained = (each for holder in holders for each in holder.get("contained") or ())
        return next((c for c in contained if type(c) is dict and c.get("id") == text[1:]), None)
    if root.get("resourceType") == "Bundle":
        return _in_bundle(root, text)
    return None


def _in_bundle(bundle: dict[str, Any], text: str) -> dict[str, Any] | None:
    for entry in bundle.get("entry") or ():
        resource = entry.get("resource") if type(entry) is dict else None
        if type(resource) is not dict:
            continue
        if entry.get("fullUrl") == text or f"{resource.get('resourceType')}/{resource.get('id')}" == text:
            return resource
    return None


@lru_cache(maxsize=16384)
def _named(text: str) -> tuple[str, str] | None:
    match = _REST_REFERENCE.fullmatch(text)
    if match is None or match["type"] not in TYPE_CODES:
        return None
    return match["type"], match["id"]
