"""From a criterion to what the store looks for, so that the store knows nothing of hashing.

A criterion is answered in one of two ways. Exact values (token, reference, uri, `:exact`, `:missing`,
composites of exact components) are hashes: `hashes_of`. Everything else is rows: `rows_of`, with
`tags_of` for the exact components beside a range in a composite.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Literal

from kontinuum.fhir.definitions import compartment, search_parameters
from kontinuum.fhir.search.hashing import param_code, unit_hash, value_hash
from kontinuum.fhir.search.query import (
    CompositeValue,
    Criterion,
    DateValue,
    NumberValue,
    QuantityValue,
    ReferenceSet,
    ReferenceValue,
    StringValue,
    TokenValue,
    TypedIdentifier,
    UriValue,
    Value,
)
from kontinuum.fhir.search.shared import row_parameter

HOT_PARAMETERS = frozenset({"code", "category", "encounter"})
"""Parameters whose any-system code or reference hashes are among the hot hashes of a resource."""


def filing_parameters(type_name: str) -> tuple[str, ...]:
    """The parameters that tell under which patient a resource is filed, the preferred first.

    Those of R4's Patient compartment. Some types of a patient's data are missing there (Task, Device,
    Contract, GuidanceResponse): they are filed by their own `patient` parameter.
    """
    names = compartment("Patient").get(type_name)
    if names is None:
        own = search_parameters(type_name).get("patient")
        names = ("patient",) if own is not None and own.type == "reference" else ()
    return tuple(sorted(names, key=lambda name: (name != "patient", name != "subject")))


@cache
def is_hot_type(type_name: str) -> bool:
    """Whether resources of a type have hot hashes: the types that are filed under a patient."""
    return type_name == "Patient" or bool(filing_parameters(type_name))


@dataclass(frozen=True, slots=True)
class RowTest:
    """One row that must exist: in this table, under this parameter code, answering this value."""

    table: Literal["strings", "dates", "numbers"]
    param: int
    value: StringValue | DateValue | NumberValue
    unit: int | None
    """numbers: the hash that the row's unit hashes must contain; None: any unit."""


@dataclass(frozen=True, slots=True)
class KnownTest:
    """Known texts of a parameter that contain a text, or begin with it."""

    param: int
    text: str
    beginning: bool


def negated(criterion: Criterion) -> bool:
    """Whether the resources wanted are those that do *not* hold one of the criterion's hashes."""
    return criterion.modifier == "not" or (
        criterion.modifier == "missing" and criterion.values == (TokenValue(None, "true"),)
    )


def hashes_of(type_name: str, criterion: Criterion) -> list[list[int]]:
    """For each alternative value the hashes of which the resource must hold at least one.

    An empty inner list marks a value that is answered by rows. See `negated` for `:not` and `:missing`.
    """
    name = criterion.parameter.name
    if criterion.modifier == "missing":
        return [[value_hash(type_name, name, "present")]]
    if criterion.modifier == "exact":
        return [
            [value_hash(type_name, name, "exact", value.text)]
            for value in criterion.values
            if isinstance(value, StringValue)
        ]
    if criterion.modifier == "identifier":
        name = f"{name}:identifier"
    if criterion.modifier in ("above", "text", "below"):
        return [
            [value_hash(type_name, name, "uri", each) for each in addresses_above(value.uri)]
            if criterion.modifier == "above" and isinstance(value, UriValue)
            else []
            for value in criterion.values
        ]
    return [
        _composite_hashes(type_name, name, value)
        if isinstance(value, CompositeValue)
        else exact_hashes(type_name, name, value)
        for value in criterion.values
    ]


def known_of(type_name: str, criterion: Criterion, value: Value) -> KnownTest | None:
    """What to look for among the known texts, whose hashes then mark the resources; None for other values."""
    param = param_code(type_name, criterion.parameter.name)
    if criterion.modifier == "text" and isinstance(value, StringValue):
        return KnownTest(param, value.normalised, beginning=False)
    if criterion.modifier == "below" and isinstance(value, UriValue):
        return KnownTest(param, value.uri, beginning=True)
    return None


def addresses_above(uri: str) -> list[str]:
    """An address and those above it, with and without the slash at their end.

    https://hl7.org/fhir/R4/search.html#uri. A urn has nothing above it.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return [uri]
    steps = rest.rstrip("/").split("/")
    above = [f"{scheme}://" + "/".join(steps[:number]) for number in range(len(steps), 0, -1)]
    return list(
        dict.fromkeys([uri, *(each for one in above for each in (one, one + "/") if len(each) <= len(uri))])
    )


def hot_hashes_of(type_name: str, criterion: Criterion) -> list[int] | None:
    """The hashes to look for in the hot index, any of which may be a hit; None when it cannot answer.

    A token with a system is looked up by its code alone: the recheck then compares the system.
    """
    name = criterion.parameter.name
    if criterion.modifier is not None or name not in HOT_PARAMETERS or not is_hot_type(type_name):
        return None
    hashes: list[int] = []
    for value in criterion.values:
        if isinstance(value, TokenValue) and value.code is not None:
            hashes.append(value_hash(type_name, name, "code", value.code))
        elif isinstance(value, ReferenceValue):
            hashes += exact_hashes(type_name, name, value)
        else:
            return None
    return hashes


def rows_of(type_name: str, criterion: Criterion, value: Value) -> list[RowTest]:
    """The rows that must all exist for a value that has no hash; those of a composite share their ordinal."""
    name = criterion.parameter.name
    if isinstance(value, CompositeValue):
        if is_exact_composite(value):
            return []
        carrier = row_parameter(type_name, name)
        return [
            _row_test(param_code(type_name, carrier or component_name(name, index)), part)
            for index, part in enumerate(value.parts)
            if is_range(part)
        ]
    if is_range(value) and criterion.modifier not in ("exact", "missing"):
        return [_row_test(param_code(type_name, name), value)]
    return []


def tags_of(type_name: str, criterion: Criterion, value: CompositeValue) -> list[list[int]]:
    """For each exact component the hashes of which the row's tags must hold at least one."""
    name = criterion.parameter.name
    return [
        exact_hashes(type_name, component_name(name, index), part)
        for index, part in enumerate(value.parts)
        if not is_range(part)
    ]


def component_name(composite: str, index: int) -> str:
    """The parameter name under which a component of a composite parameter is hashed and numbered."""
    return f"{composite}${index}"


def is_range(value: Value) -> bool:
    """Whether a value is answered by rows, not by a hash."""
    return isinstance(value, StringValue | DateValue | NumberValue | QuantityValue)


def is_exact_composite(value: CompositeValue) -> bool:
    """Whether every component is answered by a hash, so that the combination has one of its own."""
    return not any(is_range(part) for part in value.parts)


def exact_hashes(type_name: str, name: str, value: Value) -> list[int]:
    """The hashes any of which marks an exact value; empty for a value answered by rows."""
    match value:
        case TokenValue():
            return [_token_hash(type_name, name, value)]
        case ReferenceValue():
            return _reference_hashes(type_name, name, value)
        case ReferenceSet(targets=targets, urls=urls):
            found = [value_hash(type_name, name, "reference", *target) for target in sorted(targets)]
            return found + [value_hash(type_name, name, "url", url) for url in sorted(urls)]
        case UriValue():
            return [value_hash(type_name, name, "uri", value.uri)]
        case TypedIdentifier(system=system, code=code, value=text):
            return [value_hash(type_name, name, "of-type", system, code, text)]
        case _:
            return []


def _token_hash(type_name: str, name: str, token: TokenValue) -> int:
    if token.code is None:
        return value_hash(type_name, name, "system", token.system or "")
    if token.system is None:
        return value_hash(type_name, name, "code", token.code)
    if token.system == "":
        return value_hash(type_name, name, "no-system", token.code)
    return value_hash(type_name, name, "system-code", token.system, token.code)


def _reference_hashes(type_name: str, name: str, reference: ReferenceValue) -> list[int]:
    hashes: list[int] = []
    if reference.url is not None:
        if reference.version is None:
            hashes.append(value_hash(type_name, name, "url", reference.url))
        else:
            hashes.append(value_hash(type_name, name, "url-version", reference.url, reference.version))
    if reference.id is not None:
        for target in reference.types:
            if reference.version is None:
                hashes.append(value_hash(type_name, name, "reference", target, reference.id))
            else:
                parts = (target, reference.id, reference.version)
                hashes.append(value_hash(type_name, name, "reference-version", *parts))
    return hashes


def _composite_hashes(type_name: str, name: str, value: CompositeValue) -> list[int]:
    if not is_exact_composite(value):
        return []
    alternatives = [
        exact_hashes(type_name, component_name(name, index), part) for index, part in enumerate(value.parts)
    ]
    return [
        value_hash(type_name, name, "composite", *map(str, combination))
        for combination in product(*alternatives)
    ]


def _row_test(param: int, value: Value) -> RowTest:
    match value:
        case StringValue():
            return RowTest("strings", param, value, None)
        case DateValue():
            return RowTest("dates", param, value, None)
        case NumberValue():
            return RowTest("numbers", param, value, None)
        case QuantityValue(number=number, system=system, code=code):
            return RowTest("numbers", param, number, None if code is None else unit_hash(system, code))
        case _:
            raise TypeError(f"{type(value).__name__} is answered by hashes")
