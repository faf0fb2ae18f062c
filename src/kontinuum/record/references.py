"""References between the entries of a bundle, and references by condition.

http://hl7.org/fhir/R4/bundle.html#references and http://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_NARRATIVE_LINK = re.compile(r'(\b(?:href|src)=")([^"]+)(")')
_CONDITIONAL = re.compile(r"^([A-Z][A-Za-z]+)\?(.+)$")


def rewrite(value: Any, names: Mapping[str, str]) -> None:
    """Replace, in place, every string that is an entry's fullUrl by the entry's new reference.

    References, uris and links in narrative are meant by the specification. A full URL is unique, so
    that any whole string equal to it is one of these.
    """
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, str):
                if item in names:
                    value[key] = names[item]
                elif key == "div" and "=" in item:
                    value[key] = _NARRATIVE_LINK.sub(
                        lambda link: link[1] + names.get(link[2], link[2]) + link[3], item
                    )
            else:
                rewrite(item, names)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            if isinstance(item, str):
                value[number] = names.get(item, item)
            else:
                rewrite(item, names)


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
