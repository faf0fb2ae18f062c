"""What a search reads in one FHIR value, as plain data: the reference for extraction's emitters.

https://hl7.org/fhir/R4/search.html#ptypes
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.fhirpath import Node
from kontinuum.fhir.search.dates import date_range, period_range, timing_range
from kontinuum.fhir.search.numbers import as_decimal, quantity_range, range_range, sampled_range
from kontinuum.fhir.search.query import NearValue, ReferenceValue, TypedIdentifier

_TEXT_TYPES = frozenset({"string", "markdown", "id", "code", "uri", "url", "canonical", "oid", "uuid"})
_REFERENCE = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/([A-Za-z0-9.-]{1,64}))?")
_CURRENCIES = "urn:iso:std:iso:4217"


def tokens(node: Node, implied_system: str | None) -> list[tuple[str | None, str | None]]:
    """The (system, code) pairs of a value; a system of None means that it carries none.

    https://hl7.org/fhir/R4/search.html#token
    """
    value = node.value
    match node.type:
        case "CodeableConcept":
            pairs = [(coding.get("system"), coding.get("code")) for coding in value.get("coding", [])]
        case "Coding":
            pairs = [(value.get("system"), value.get("code"))]
        case "Identifier":
            pairs = [(value.get("system"), value.get("value"))]
        case "ContactPoint":
            pairs = [(None, value.get("value"))]
        case "boolean" | "System.Boolean":
            pairs = [(None, "true" if value else "false")]
        case "code":
            pairs = [(implied_system, value)]
        case name if name in _TEXT_TYPES:
            pairs = [(None, value)]
        case _:
            pairs = []
    return [pair for pair in pairs if pair != (None, None)]


def references(node: Node) -> list[str]:
    """The literal references in a value: of a Reference, a canonical or URI, or to a resource held inline."""
    value = node.value
    if node.type == "Reference":
        return [value["reference"]] if value.get("reference") else []
    if node.type in ("canonical", "uri", "url", "oid", "uuid"):
        return [value]
    if node.type in TYPE_CODES and "id" in value:
        return [f"{value['resourceType']}/{value['id']}"]
    return []


def parse_reference(text: str) -> ReferenceValue | None:
    """A reference as it stands in a resource; None for one that is neither relative nor absolute (`#…`).

    https://hl7.org/fhir/R4/references.html#literal
    """
    relative = _REFERENCE.fullmatch(text)
    if relative is not None:
        return ReferenceValue((relative[1],), relative[2], None, relative[3])
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", text) is None:
        return None
    for separator in ("|", "/_history/"):
        address, found, version = text.rpartition(separator)
        if found and version:
            return ReferenceValue((), None, address, version)
    return ReferenceValue((), None, text, None)


def texts(node: Node) -> list[str]:
    """The texts of a string, HumanName or Address (https://hl7.org/fhir/R4/search.html#string)."""
    value = node.value
    if node.type in _TEXT_TYPES:
        return [value]
    if node.type == "HumanName":
        names = ["text", "family", "given", "prefix", "suffix"]
    elif node.type == "Address":
        names = ["text", "line", "city", "district", "state", "postalCode", "country"]
    else:
        return []
    found: list[str | None] = []
    for name in names:
        member = value.get(name)
        found += member if isinstance(member, list) else [member]
    return [text for text in found if text is not None]


def canonical_and_bare(node: Node) -> list[str]:
    """The URI of a value; a canonical with a version also without it (https://hl7.org/fhir/R4/search.html#uri)."""
    address, bar, _ = str(node.value).rpartition("|")
    return [node.value, address] if bar and node.type == "canonical" else [node.value]


def date_ranges(node: Node) -> list[tuple[int, int]]:
    """The range of a date, dateTime, instant, Period or Timing; empty when it has none."""
    match node.type:
        case "date" | "dateTime" | "instant":
            limits = date_range(node.value)
        case "Period":
            limits = period_range(node.value)
        case "Timing":
            limits = timing_range(node.value)
        case _:
            limits = None
    return [] if limits is None else [limits]


def number_ranges(node: Node) -> list[tuple[Decimal, Decimal]]:
    """The range of a number, a quantity of any kind, a Range or SampledData; empty when it has none."""
    value = node.value
    match node.type:
        case "integer" | "positiveInt" | "unsignedInt" | "decimal":
            return [(as_decimal(value), as_decimal(value))]
        case "Quantity" | "Age" | "Count" | "Distance" | "Duration" | "Money":
            limits = quantity_range(value)
        case "Range":
            limits = range_range(value)
        case "SampledData":
            limits = sampled_range(value)
        case _:
            limits = None
    return [] if limits is None else [limits]


def unit_names(node: Node) -> set[tuple[str | None, str]]:
    """The units by which a quantity can be asked for: (system, code), (None, code), (None, printed unit)."""
    value = node.value
    if node.type == "Money":
        quantity = {"system": _CURRENCIES, "code": value.get("currency")}
    elif node.type == "Range":
        quantity = value.get("low") or value.get("high") or {}
    elif node.type == "SampledData":
        quantity = value.get("origin", {})
    else:
        quantity = value
    names = {
        (quantity.get("system"), quantity.get("code")),
        (None, quantity.get("code")),
        (None, quantity.get("unit")),
    }
    return {(system, code) for system, code in names if code is not None}


def coded_texts(node: Node) -> list[str]:
    """The words beside a code, for `:text` (https://hl7.org/fhir/R4/search.html#modifiers)."""
    value = node.value
    match node.type:
        case "CodeableConcept":
            found = [value.get("text"), *(coding.get("display") for coding in value.get("coding", []))]
        case "Coding":
            found = [value.get("display")]
        case "Identifier":
            found = [value.get("type", {}).get("text")]
        case _:
            found = []
    return [text for text in found if text]


def typed_identifiers(node: Node) -> list[TypedIdentifier]:
    """An identifier under each code of its type, for `:of-type`."""
    if node.type != "Identifier":
        return []
    kinds = [
        (each.get("system"), each.get("code"), node.value.get("value"))
        for each in node.value.get("type", {}).get("coding", [])
    ]
    return [TypedIdentifier(*kind) for kind in kinds if all(kind)]


def named_by_identifier(node: Node) -> list[tuple[str | None, str | None]]:
    """The identifier by which a reference names its target, as a token, for `:identifier`."""
    named = node.value.get("identifier") if node.type == "Reference" else None
    return [] if named is None else [(named.get("system"), named.get("value"))]


EARTH_RADIUS = 6371.0
"""Kilometres."""


def within_distance(wanted: NearValue, position: dict[str, Any]) -> bool:
    """Whether a position (`Location.position`) is near a place, on a sphere."""
    latitude, longitude = float(position["latitude"]), float(position["longitude"])
    rise = math.radians(latitude - wanted.latitude) / 2
    turn = math.radians(longitude - wanted.longitude) / 2
    across = math.cos(math.radians(latitude)) * math.cos(math.radians(wanted.latitude))
    chord = math.sin(rise) ** 2 + across * math.sin(turn) ** 2
    return 2 * EARTH_RADIUS * math.asin(math.sqrt(min(1.0, chord))) <= wanted.kilometres
