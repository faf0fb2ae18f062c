"""What a resource says in words: its narrative, and the other text that somebody wrote freely.

https://hl7.org/fhir/R4/search.html#content. `_text` searches the narrative, `_content` both. Coded texts,
units, names, addresses, identifiers and what a reference is shown as are not prose: they have parameters of
their own (`code:text`, `name`, `identifier`).
"""

from __future__ import annotations

import html
import re
from functools import cache
from typing import Any

from kontinuum.fhir.definitions import type_definition

LONGEST = 200_000
"""Characters that are indexed of each of the two; more is more than a book's chapter."""

_WRITTEN = frozenset({"string", "markdown", "xhtml"})
_NOT_PROSE = frozenset(
    {
        "Address", "Age", "Coding", "CodeableConcept", "ContactPoint", "Count", "Distance", "Duration",
        "Extension", "HumanName", "Identifier", "Meta", "Money", "Period", "Quantity", "Range", "Ratio",
        "Reference", "Resource", "SampledData", "Signature", "Timing",
    }
)  # fmt: skip
_WITHIN_WORDS = re.compile(r"</?(?:a|abbr|b|big|em|i|small|span|strong|sub|sup|tt|u)(?:\s[^>]*)?/?>")
_MARK = re.compile(r"<[^>]*>")


def prose(resource: dict[str, Any]) -> tuple[str, str]:
    """The narrative and the other free text of a resource; empty where there is none."""
    narrative: list[str] = []
    other: list[str] = []
    _gather(resource, resource["resourceType"], narrative, other)
    return "\n".join(narrative)[:LONGEST], "\n".join(other)[:LONGEST]


def _gather(value: dict[str, Any], type_name: str, narrative: list[str], other: list[str]) -> None:
    members = _members(type_name)
    for name in members.keys() & value.keys():
        below = members[name]
        held = value[name]
        for each in held if isinstance(held, list) else (held,):
            if isinstance(each, str):
                (narrative if below == "xhtml" else other).append(_bare(each) if below == "xhtml" else each)
            elif isinstance(each, dict):
                _gather(each, below, narrative, other)


def _bare(markup: str) -> str:
    return html.unescape(_MARK.sub(" ", _WITHIN_WORDS.sub("", markup)))


@cache
def _members(type_name: str) -> dict[str, str]:
    """The JSON members of a type under which prose may stand, each with its own type."""
    definition = type_definition(type_name)
    if definition is None:
        return {}
    return {
        name: prop.type
        for name, prop in definition.properties.items()
        if name != "id"
        and (prop.type in _WRITTEN or prop.type == type_name or _may_hold(prop.type, (type_name,)))
    }


def _may_hold(type_name: str, above: tuple[str, ...]) -> bool:
    if type_name in _NOT_PROSE or type_name in above:
        return False
    definition = type_definition(type_name)
    if definition is None or definition.kind in ("primitive-type", "resource"):
        return False
    return any(
        name != "id" and (prop.type in _WRITTEN or _may_hold(prop.type, (*above, type_name)))
        for name, prop in definition.properties.items()
    )
