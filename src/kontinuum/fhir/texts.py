"""Everything that a resource says in words or codes, piece by piece, each byte for byte as it stands. Pure.

Unlike `fhir.search.prose` this keeps the pieces apart and takes coded texts and codes along: it is what is
searched and quoted from. Names, addresses, identifiers, references, units and times are no part of it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from kontinuum.fhir.definitions import type_definition
from kontinuum.fhir.paragraphs import paragraphs

_SKIPPED: Final = frozenset(
    "Address Age ContactPoint Count Distance Duration Extension HumanName Identifier Meta Money Period"
    " Quantity Range Ratio Reference SampledData Signature Timing".split()
)
_WORDS: Final = frozenset({"string", "markdown"})
_STATES: Final = frozenset({"clinicalStatus", "verificationStatus", "interpretation", "class"})
"""Members whose codes say how an entry stands and not what it is about."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A text under its heading; `code` says that it is a code and no text."""

    heading: str
    text: str
    code: bool = False


def pieces(resource: Mapping[str, Any]) -> Iterator[Piece]:
    """The pieces in their order, those of a medicine inside a prescription as well.

    The narrative of a whole that is told by its parts is left out.
    """
    told = resource["resourceType"] == "Composition" and bool(resource.get("section"))
    own = {name: value for name, value in resource.items() if not (told and name == "text")}
    yield from _of(own, str(resource["resourceType"]), "")
    for each in resource.get("contained") or ():
        if each.get("resourceType") == "Medication":
            yield from _of(each, "Medication", "")
    for content in resource.get("content") or () if resource["resourceType"] == "DocumentReference" else ():
        text = _attached(content.get("attachment") or {})
        if text:
            yield Piece("", text)


def _of(value: Mapping[str, Any], type_name: str, heading: str) -> Iterator[Piece]:
    if type_name == "Narrative":
        yield from (Piece(heading, each) for each in paragraphs(str(value.get("div") or "")))
        return
    if type_name == "CodeableConcept":
        yield from _concept(value, heading)
        return
    if type_name.startswith("Composition.section"):
        heading = str(value.get("title") or "") or heading
    members = _members(type_name)
    for name, held in value.items():
        below = members.get(name)
        if below is None or name in _STATES:
            continue
        for each in held if isinstance(held, list) else (held,):
            if isinstance(each, dict):
                yield from _of(each, below, heading)
            elif isinstance(each, str):
                yield Piece(heading, each)


def _concept(value: Mapping[str, Any], heading: str) -> Iterator[Piece]:
    codings = [each for each in value.get("coding") or () if isinstance(each, dict)]
    texts = [value.get("text"), *(each.get("display") for each in codings)]
    yield from (Piece(heading, text) for text in dict.fromkeys(texts) if isinstance(text, str))
    codes = [each.get("code") for each in codings]
    yield from (Piece(heading, code, code=True) for code in dict.fromkeys(codes) if isinstance(code, str))


@cache
def _members(type_name: str) -> dict[str, str]:
    """The members of a type that are, or may hold, words or codes, each with its type."""
    if type_name == "Coding":
        return {"display": "string", "code": "string"}
    definition = type_definition(type_name)
    if definition is None:
        return {}
    found = {}
    for name, prop in definition.properties.items():
        if name in ("id", "contained", "extension", "modifierExtension") or prop.type in _SKIPPED:
            continue
        below = type_definition(prop.type)
        primitive = below is None or below.kind == "primitive-type"
        if prop.type in _WORDS or not primitive:
            found[name] = prop.type
    return found


def _attached(attachment: Mapping[str, Any]) -> str:
    """The text of an attachment that is plain text inside the resource."""
    if not str(attachment.get("contentType") or "").startswith("text/plain"):
        return ""
    try:
        return base64.b64decode(attachment.get("data") or "", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
