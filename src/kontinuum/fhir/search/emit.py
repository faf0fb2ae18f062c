"""From one FHIR value to the hashes and rows of a search parameter.

https://hl7.org/fhir/R4/search.html#ptypes says, for each parameter type, which data types it reads and
how. An emitter is made once for a parameter and a data type and then runs for every value: what it does
is chosen before, not per value, because extraction is on the path of every write.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any, TypeAlias

from kontinuum.fhir.definitions import code_system_of
from kontinuum.fhir.search.dates import date_range, period_range, timing_range
from kontinuum.fhir.search.hashing import digest, hash_prefix, param_code, unit_hash, value_hash
from kontinuum.fhir.search.numbers import (
    NumberRange,
    as_decimal,
    quantity_range,
    range_range,
    sampled_range,
)
from kontinuum.fhir.search.text import normalise
from kontinuum.fhir.search.values import split_version

CURRENCY_SYSTEM = "urn:iso:std:iso:4217"
"""The code system of Money.currency (https://hl7.org/fhir/R4/datatypes.html#Money)."""

REFERENCE_FORM = re.compile(
    r"(?P<base>[A-Za-z][A-Za-z0-9+.-]*:\S*/)?(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9.-]{1,64})"
    r"(?:/_history/(?P<version>[A-Za-z0-9.-]{1,64}))?"
)
"""A literal reference to a resource: https://hl7.org/fhir/R4/references.html#literal"""

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_NAME_PARTS = ("family", "given", "prefix", "suffix", "text")
_ADDRESS_PARTS = ("line", "city", "district", "state", "postalCode", "country", "text")


KnownText: TypeAlias = tuple[int, int, str]
"""(hash, parameter code, text): a text that many resources share, found by a part of it."""


class Collector:
    """Where emitters put what they find in one resource."""

    __slots__ = ("_ordinals", "dates", "hashes", "hot", "numbers", "patients", "root", "strings", "texts")

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.hashes: set[int] = set()
        self.hot: set[int] = set()
        self.strings: list[tuple[int, str, list[int] | None, int]] = []
        self.dates: list[tuple[int, int, int, list[int] | None, int]] = []
        self.numbers: list[tuple[int, Decimal, Decimal, list[int], list[int] | None, int]] = []
        self.texts: set[KnownText] = set()
        self.patients: list[str] = []
        self._ordinals: dict[int, int] = {}

    def next_ordinal(self, composite: int) -> int:
        """A number, from 0, for the next value of a composite parameter in this resource."""
        ordinal = self._ordinals.get(composite, 0)
        self._ordinals[composite] = ordinal + 1
        return ordinal


Emitter: TypeAlias = Callable[[Any, Collector], None]


class Parameter:
    """A parameter's number and the beginnings of its hashes, made once; compared by identity in caches."""

    __slots__ = (
        "code", "exact", "identifier", "is_component", "key", "no_system", "of_type", "present",
        "reference", "reference_version", "system", "system_code", "text", "uri", "url", "url_version",
    )  # fmt: skip

    def __init__(self, type_name: str, name: str) -> None:
        self.key = param_code(type_name, name)
        self.present = value_hash(type_name, name, "present")
        self.code = hash_prefix(type_name, name, "code")
        self.system_code = hash_prefix(type_name, name, "system-code")
        self.system = hash_prefix(type_name, name, "system")
        self.no_system = hash_prefix(type_name, name, "no-system")
        self.reference = hash_prefix(type_name, name, "reference")
        self.reference_version = hash_prefix(type_name, name, "reference-version")
        self.url = hash_prefix(type_name, name, "url")
        self.url_version = hash_prefix(type_name, name, "url-version")
        self.uri = hash_prefix(type_name, name, "uri")
        self.exact = hash_prefix(type_name, name, "exact")
        self.text = hash_prefix(type_name, name, "text")
        self.of_type = hash_prefix(type_name, name, "of-type")
        self.is_component = "$" in name
        # The identifier of a reference is a token of its own, beside the reference.
        self.identifier = None if ":" in name else Parameter(type_name, f"{name}:identifier")


@cache
def parameter(type_name: str, name: str) -> Parameter:
    """The one Parameter object of a type and name."""
    return Parameter(type_name, name)


def emitter(
    keys: Parameter, search_type: str, fhir_type: str, binding: str | None = None, target: str | None = None
) -> Emitter:
    """The emitter for values of a FHIR type under a parameter of a search type.

    A data type that the search type does not read (an Age under a date parameter) only counts as
    present, so that `:missing` is right. `binding` gives a code its implied system, `target` keeps only
    references to that type.
    """
    match search_type:
        case "token":
            return _token_emitter(keys, fhir_type, binding)
        case "reference":
            return _reference_emitter(keys, fhir_type, target)
        case "string":
            return _string_emitter(keys, fhir_type)
        case "uri":
            return _uri_emitter(keys, fhir_type)
        case "date":
            return _date_emitter(keys, fhir_type)
        case "number" | "quantity":
            return _number_emitter(keys, fhir_type)
        case _:
            raise ValueError(f"search type {search_type!r} has no values of its own")


def presence_emitter(keys: Parameter) -> Emitter:
    """The emitter that only notes that there is a value."""
    present = keys.present

    def emit(value: Any, out: Collector) -> None:
        out.hashes.add(present)

    return emit


# --- token -------------------------------------------------------------------------------------------


def token_hashes(keys: Parameter, system: str | None, code: str | None) -> tuple[int, ...]:
    """The hashes of a token, the any-system one first when it has a code.

    https://hl7.org/fhir/R4/search.html#token
    """
    if not code:
        return (digest(keys.system, system),) if system else ()
    if not system:
        return (digest(keys.code, code), digest(keys.no_system, code))
    return (digest(keys.code, code), digest(keys.system_code, system, code), digest(keys.system, system))


coding_hashes = lru_cache(maxsize=65536)(token_hashes)
"""`token_hashes` for codings, which repeat; identifiers do not and would only push them out."""


@lru_cache(maxsize=65536)
def known_text(keys: Parameter, text: str) -> KnownText:
    """What is kept of a coded text, so that `:text` finds it by a part."""
    normal = normalise(text)
    return digest(keys.text, normal), keys.key, normal


def _note_text(keys: Parameter, text: str | None, out: Collector) -> None:
    if text and not keys.is_component:
        known = known_text(keys, text)
        out.hashes.add(known[0])
        out.texts.add(known)


def _token_emitter(keys: Parameter, fhir_type: str, binding: str | None) -> Emitter:
    present = keys.present

    def concept(value: Any, out: Collector) -> None:
        hashes = out.hashes
        hashes.add(present)
        _note_text(keys, value.get("text"), out)
        for coding in value.get("coding", ()):
            hashes.update(coding_hashes(keys, coding.get("system"), coding.get("code")))
            _note_text(keys, coding.get("display"), out)

    def coding(value: Any, out: Collector) -> None:
        out.hashes.add(present)
        out.hashes.update(coding_hashes(keys, value.get("system"), value.get("code")))
        _note_text(keys, value.get("display"), out)

    def identifier(value: Any, out: Collector) -> None:
        out.hashes.add(present)
        out.hashes.update(token_hashes(keys, value.get("system"), value.get("value")))
        kind = value.get("type")
        if kind is not None and not keys.is_component:
            _note_text(keys, kind.get("text"), out)
            for each in kind.get("coding", ()):
                parts = (each.get("system"), each.get("code"), value.get("value"))
                if all(parts):
                    out.hashes.add(digest(keys.of_type, *parts))

    def contact(value: Any, out: Collector) -> None:
        out.hashes.add(present)
        out.hashes.update(token_hashes(keys, None, value.get("value")))

    implied = code_system_of(binding) if binding else None

    def code(value: Any, out: Collector) -> None:
        out.hashes.add(present)
        out.hashes.update(coding_hashes(keys, implied, value))

    def boolean(value: Any, out: Collector) -> None:
        out.hashes.add(present)
        out.hashes.update(coding_hashes(keys, None, "true" if value else "false"))

    def text(value: Any, out: Collector) -> None:
        out.hashes.add(present)
        out.hashes.update(token_hashes(keys, None, value))

    emitters: dict[str, Emitter] = {
        "CodeableConcept": concept,
        "Coding": coding,
        "Identifier": identifier,
        "ContactPoint": contact,
        "code": code,
        "boolean": boolean,
    }
    if fhir_type in ("string", "id", "uri", "url", "canonical", "oid", "uuid", "markdown"):
        return text
    return emitters.get(fhir_type) or presence_emitter(keys)


def hot_emitter(keys: Parameter, fhir_type: str) -> Emitter | None:
    """The emitter that puts a token's any-system hashes, or a reference's, among the hot hashes."""

    def concept(value: Any, out: Collector) -> None:
        for coding in value.get("coding", ()):
            if coding.get("code"):
                out.hot.add(coding_hashes(keys, coding.get("system"), coding["code"])[0])

    def coding(value: Any, out: Collector) -> None:
        if value.get("code"):
            out.hot.add(coding_hashes(keys, value.get("system"), value["code"])[0])

    def code(value: Any, out: Collector) -> None:
        out.hot.add(digest(keys.code, value))

    def reference(value: Any, out: Collector) -> None:
        out.hot.update(reference_hashes(keys, value.get("reference", "")))

    return {"CodeableConcept": concept, "Coding": coding, "code": code, "Reference": reference}.get(fhir_type)


# --- reference and uri -------------------------------------------------------------------------------


@lru_cache(maxsize=65536)
def reference_hashes(keys: Parameter, reference: str) -> tuple[int, ...]:
    """The hashes of a literal reference or canonical; none for a contained one (`#…`).

    https://hl7.org/fhir/R4/search.html#reference
    """
    form = REFERENCE_FORM.fullmatch(reference)
    if form is not None and form["base"] is None:
        name, logical_id, version = form["type"], form["id"], form["version"]
        unversioned = digest(keys.reference, name, logical_id)
        if version is None:
            return (unversioned,)
        return unversioned, digest(keys.reference_version, name, logical_id, version)
    if not _ABSOLUTE.match(reference):
        return ()
    url, version = split_version(reference)
    if version is None:
        return (digest(keys.url, url),)
    return digest(keys.url, url), digest(keys.url_version, url, version)


@lru_cache(maxsize=65536)
def reference_type(reference: str) -> str | None:
    """The resource type that a literal reference names, None when it does not tell."""
    form = REFERENCE_FORM.fullmatch(reference)
    return None if form is None else form["type"]


def _contained_type(root: dict[str, Any], reference: str) -> str | None:
    if reference == "#":
        return str(root.get("resourceType"))
    for resource in root.get("contained", ()):
        if resource.get("id") == reference[1:]:
            return str(resource.get("resourceType"))
    return None


def _refers_to(target: str, value: dict[str, Any], root: dict[str, Any]) -> bool:
    """Whether a Reference is to a type, by its text or else by the type it declares."""
    reference = value.get("reference") or ""
    found = _contained_type(root, reference) if reference.startswith("#") else reference_type(reference)
    return (found or value.get("type")) == target


def _reference_emitter(keys: Parameter, fhir_type: str, target: str | None) -> Emitter:
    present = keys.present

    def any_reference(value: Any, out: Collector) -> None:
        out.hashes.add(present)
        reference = value.get("reference")
        if reference:
            out.hashes.update(reference_hashes(keys, reference))
        named = value.get("identifier")
        if named is not None and keys.identifier is not None:
            out.hashes.update(token_hashes(keys.identifier, named.get("system"), named.get("value")))

    def one_type(value: Any, out: Collector) -> None:
        if target is not None and _refers_to(target, value, out.root):
            any_reference(value, out)

    def text(value: Any, out: Collector) -> None:
        out.hashes.add(present)
        out.hashes.update(reference_hashes(keys, value))

    def resource(value: Any, out: Collector) -> None:
        out.hashes.add(present)
        if "id" in value:
            out.hashes.update(reference_hashes(keys, f"{value['resourceType']}/{value['id']}"))

    if fhir_type == "Reference":
        return any_reference if target is None else one_type
    if fhir_type in ("canonical", "uri", "url", "oid", "uuid"):
        return text
    # Bundle.composition and Bundle.message read a whole resource; FHIR types begin with a capital as well,
    # but none of those that reference parameters read has an id and a resourceType.
    return resource if fhir_type == "Resource" else presence_emitter(keys)


def _uri_emitter(keys: Parameter, fhir_type: str) -> Emitter:
    def emit(value: Any, out: Collector) -> None:
        hashed = digest(keys.uri, value)
        out.hashes.add(keys.present)
        out.hashes.add(hashed)
        out.texts.add((hashed, keys.key, value))

    def canonical(value: Any, out: Collector) -> None:
        emit(value, out)
        address, bar, _ = value.rpartition("|")
        if bar:
            out.hashes.add(digest(keys.uri, address))

    return canonical if fhir_type == "canonical" else emit


# --- string ------------------------------------------------------------------------------------------


def string_parts(value: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    """The texts of the named members of a HumanName or Address, lists flattened."""
    parts: list[str] = []
    for name in names:
        member = value.get(name)
        if isinstance(member, str):
            parts.append(member)
        elif member is not None:
            parts += [part for part in member if part is not None]
    return parts


def _string_emitter(keys: Parameter, fhir_type: str) -> Emitter:
    number, present, prefix = keys.key, keys.present, keys.exact

    def text(value: Any, out: Collector) -> None:
        out.hashes.add(present)
        out.hashes.add(digest(prefix, value))
        out.strings.append((number, normalise(value), None, 0))

    def name(value: Any, out: Collector) -> None:
        out.hashes.add(present)
        for part in string_parts(value, _NAME_PARTS):
            text(part, out)

    def address(value: Any, out: Collector) -> None:
        out.hashes.add(present)
        for part in string_parts(value, _ADDRESS_PARTS):
            text(part, out)

    if fhir_type in ("string", "markdown", "id", "code", "uri", "url", "canonical"):
        return text
    return {"HumanName": name, "Address": address}.get(fhir_type) or presence_emitter(keys)


# --- date, number, quantity --------------------------------------------------------------------------


def _date_emitter(keys: Parameter, fhir_type: str) -> Emitter:
    number, present = keys.key, keys.present
    readers: dict[str, Callable[[Any], tuple[int, int] | None]] = {
        "date": date_range,
        "dateTime": date_range,
        "instant": date_range,
        "Period": period_range,
        "Timing": timing_range,
    }
    read = readers.get(fhir_type)
    if read is None:
        return presence_emitter(keys)

    def emit(value: Any, out: Collector) -> None:
        out.hashes.add(present)
        limits = read(value)
        if limits is not None:
            out.dates.append((number, limits[0], limits[1], None, 0))

    return emit


def units_of(quantity: dict[str, Any]) -> list[int]:
    """The unit hashes of a Quantity: coded, by code, by printed unit (https://hl7.org/fhir/R4/search.html#quantity)."""
    system, code, unit = quantity.get("system"), quantity.get("code"), quantity.get("unit")
    units: list[int] = []
    if code:
        if system:
            units.append(unit_hash(system, code))
        units.append(unit_hash(None, code))
    if unit and unit != code:
        units.append(unit_hash(None, unit))
    return units


def _money_units(money: dict[str, Any]) -> list[int]:
    return units_of({"system": CURRENCY_SYSTEM, "code": money.get("currency")})


def _number_emitter(keys: Parameter, fhir_type: str) -> Emitter:
    number, present = keys.key, keys.present

    def exact(value: Any) -> NumberRange:
        decimal = as_decimal(value)
        return decimal, decimal

    def no_units(value: Any) -> list[int]:
        return []

    plain = (exact, no_units)
    quantity = (quantity_range, units_of)
    readers: dict[str, tuple[Callable[[Any], NumberRange | None], Callable[[Any], list[int]]]] = {
        **dict.fromkeys(("integer", "decimal", "positiveInt", "unsignedInt"), plain),
        **dict.fromkeys(("Quantity", "Age", "Duration", "Count", "Distance"), quantity),
        "Money": (quantity_range, _money_units),
        "Range": (range_range, lambda value: units_of(value.get("low") or value.get("high") or {})),
        "SampledData": (sampled_range, lambda value: units_of(value.get("origin", {}))),
    }
    reader = readers.get(fhir_type)
    if reader is None:
        return presence_emitter(keys)
    read, units = reader

    def emit(value: Any, out: Collector) -> None:
        out.hashes.add(present)
        limits = read(value)
        if limits is not None:
            out.numbers.append((number, limits[0], limits[1], units(value), None, 0))

    return emit
