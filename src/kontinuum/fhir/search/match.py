"""Whether a resource answers a search: the reference semantics, written plainly.

https://hl7.org/fhir/R4/search.html. This reads the resource by FHIRPath, on purpose not by the compiled
paths of extraction, so that the two can be held against each other. It decides nothing by hashes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from itertools import product
from typing import Any

from kontinuum.fhir import fhirpath, json
from kontinuum.fhir.definitions import (
    SearchParameter,
    code_system_of,
    type_definition,
)
from kontinuum.fhir.fhirpath import Node
from kontinuum.fhir.search.composites import components_of
from kontinuum.fhir.search.dates import date_range
from kontinuum.fhir.search.lookup import addresses_above, negated
from kontinuum.fhir.search.query import (
    Compartment,
    CompositeValue,
    Criterion,
    DateValue,
    NearValue,
    NumberValue,
    QuantityValue,
    ReferenceSet,
    ReferenceValue,
    SearchQuery,
    StringValue,
    TokenValue,
    TypedIdentifier,
    UriValue,
    Value,
)
from kontinuum.fhir.search.ranges import range_holds
from kontinuum.fhir.search.readings import (
    canonical_and_bare,
    coded_texts,
    date_ranges,
    named_by_identifier,
    number_ranges,
    parse_reference,
    references,
    texts,
    tokens,
    typed_identifiers,
    unit_names,
    within_distance,
)
from kontinuum.fhir.search.text import normalise


def matches(query: SearchQuery, resource: dict[str, Any], others: Sequence[dict[str, Any]] = ()) -> bool:
    """Whether a resource belongs to the result: its type, `_id`, `_lastUpdated` and every criterion.

    `others` are all resources that may be links of a chain, `_has` or `_list`.
    """
    if resource.get("resourceType") != query.type:
        return False
    if query.ids is not None and resource.get("id") not in query.ids:
        return False
    if query.last_updated:
        updated = date_range(resource.get("meta", {}).get("lastUpdated", ""))
        if updated is None or not all(range_holds(value, *updated) for value in query.last_updated):
            return False
    if not all(criterion_holds(criterion, resource) for criterion in query.criteria):
        return False
    return _joined(query, resource, others)


def _joined(query: SearchQuery, resource: dict[str, Any], others: Sequence[dict[str, Any]]) -> bool:
    """Chains, `_has`, `_list` and the compartment, by looking at every other resource."""
    own = (query.type, resource.get("id"))
    for chain in query.chains:
        held = [parse_reference(text) for text in _references_of(chain.parameter, resource)]
        ends = [each for each in others for far in chain.targets if matches(far, each, others)]
        if not any(_leads_to(reference, end) for reference in held if reference for end in ends):
            return False
    for has in query.has:
        sources = [each for each in others if matches(has.source, each, others)]
        if not any(_leads_to(found, resource) for each in sources for found in _held(has.parameter, each)):
            return False
    for name in query.lists:
        lists = [each for each in others if (each["resourceType"], each.get("id")) == ("List", name)]
        named = [parse_reference(text) for each in lists for text in list_members(each)]
        if own not in [(found.types[0], found.id) for found in named if found and found.id]:
            return False
    where = query.compartment
    return (
        where is None
        or _is_owner(where, resource)
        or any(criterion_holds(each, resource) for each in belonging(where))
    )


def _references_of(parameter: SearchParameter, resource: dict[str, Any]) -> list[str]:
    return [text for node in _nodes(parameter.expression, resource) for text in references(node)]


def _held(parameter: SearchParameter, resource: dict[str, Any]) -> list[ReferenceValue]:
    held = [parse_reference(text) for text in _references_of(parameter, resource)]
    return [each for each in held if each is not None]


def _leads_to(reference: ReferenceValue, resource: dict[str, Any]) -> bool:
    if reference.id is not None:
        return (reference.types[0], reference.id) == (resource["resourceType"], resource.get("id"))
    return reference.url is not None and reference.url == resource.get("url")


def criterion_holds(criterion: Criterion, resource: dict[str, Any]) -> bool:
    """Whether one criterion holds for a resource of the type that it was parsed for."""
    parameter = criterion.parameter
    if criterion.modifier == "missing":
        return has_value(parameter, resource) != negated(criterion)
    found = any(_value_holds(parameter, criterion.modifier, value, resource) for value in criterion.values)
    return found != negated(criterion)


def has_value(parameter: SearchParameter, resource: dict[str, Any]) -> bool:
    """Whether a resource has any value for a parameter; a composite needs one for each component."""
    if parameter.type != "composite":
        return bool(_nodes(parameter.expression, resource))
    return any(
        all(
            any(_readable(component, node, resource) for node in _nodes(expression, resource, context))
            for component, expression in components_of(parameter)
        )
        for context in _nodes(parameter.expression, resource)
    )


def recheck(criteria: Sequence[Criterion], body: bytes) -> bool:
    """Confirm what the index found: that no hash collision let a wrong resource through.

    `body` is the stored JSON. Cheap where the literal text of the value stands in the body; only otherwise
    the body is decoded. Negated criteria need no confirmation, because a resource without the hash has
    not the value; nor do plain ranges and text, whose rows hold the values themselves.
    """
    return rechecking(criteria)(body)


def rechecking(criteria: Sequence[Criterion]) -> Callable[[bytes], bool]:
    """`recheck` of the same criteria for many bodies."""
    signs = [(criterion, _signs_of(criterion)) for criterion in criteria]
    asked = [(criterion, alternatives) for criterion, alternatives in signs if () not in alternatives]

    def holds(body: bytes) -> bool:
        doubtful = [criterion for criterion, alternatives in asked if not _any_occurs(alternatives, body)]
        if not doubtful:
            return True
        resource = json.loads(body)
        return all(criterion_holds(criterion, resource) for criterion in doubtful)

    return holds


def confirming(query: SearchQuery) -> Callable[[bytes], bool]:
    """Confirms hits of a whole search without chains: its criteria, and that they are in the compartment."""
    meets = rechecking(query.criteria)
    within = query.compartment
    if within is None:
        return meets
    belongs = [rechecking([each]) for each in belonging(within)]
    return lambda body: (
        meets(body) and (any(each(body) for each in belongs) or _is_owner(within, json.loads(body)))
    )


def belonging(compartment: Compartment) -> list[Criterion]:
    """The criteria of which any puts a resource into a compartment."""
    owner = compartment.owner
    owners = (owner, *(ReferenceValue(owner.types, each, None, None) for each in compartment.also))
    return [Criterion(each, None, owners) for each in compartment.parameters]


def _is_owner(compartment: Compartment, resource: dict[str, Any]) -> bool:
    return (resource.get("resourceType"),) == compartment.owner.types and (
        resource.get("id") in (compartment.owner.id, *compartment.also)
    )


def list_members(resource: dict[str, Any]) -> list[str]:
    """The references that a List holds now (https://hl7.org/fhir/R4/search.html#list)."""
    return [
        entry["item"]["reference"]
        for entry in resource.get("entry", [])
        if not entry.get("deleted") and entry.get("item", {}).get("reference")
    ]


def _nodes(expression: str, resource: dict[str, Any], context: Node | None = None) -> list[Node]:
    nodes = fhirpath.compile(expression).nodes(resource, context=context)
    return [node for node in nodes if node.value is not None]


def _value_holds(
    parameter: SearchParameter, modifier: str | None, value: Value, resource: dict[str, Any]
) -> bool:
    nodes = _nodes(parameter.expression, resource)
    if not isinstance(value, CompositeValue):
        return any(_node_holds(node, modifier, value, resource) for node in nodes)
    return any(
        all(
            any(_node_holds(node, None, part, resource) for node in _nodes(expression, resource, context))
            for (_, expression), part in zip(components_of(parameter), value.parts, strict=True)
        )
        for context in nodes
    )


def _node_holds(node: Node, modifier: str | None, value: Value, resource: dict[str, Any]) -> bool:
    if modifier == "text":
        return isinstance(value, StringValue) and any(
            value.normalised in normalise(text) for text in coded_texts(node)
        )
    if modifier == "identifier":
        return isinstance(value, TokenValue) and any(
            _token_holds(value, *token) for token in named_by_identifier(node)
        )
    match value:
        case TypedIdentifier():
            return value in typed_identifiers(node)
        case NearValue():
            return within_distance(value, node.value)
        case UriValue() if modifier == "above":
            return not set(addresses_above(value.uri)).isdisjoint(canonical_and_bare(node))
        case UriValue() if modifier == "below":
            return str(node.value).startswith(value.uri)
        case TokenValue():
            return any(_token_holds(value, *token) for token in tokens(node, _implied_system(node, resource)))
        case ReferenceValue():
            return any(_reference_holds(value, reference) for reference in references(node))
        case ReferenceSet():
            return any(_in_set(value, reference) for reference in references(node))
        case StringValue():
            return any(_text_holds(value.text, modifier, text) for text in texts(node))
        case UriValue():
            return value.uri in canonical_and_bare(node)
        case DateValue() | NumberValue():
            ranges = date_ranges(node) if isinstance(value, DateValue) else number_ranges(node)
            return any(range_holds(value, low, high) for low, high in ranges)
        case QuantityValue():
            unit_fits = value.code is None or (value.system, value.code) in unit_names(node)
            return unit_fits and any(range_holds(value.number, *limits) for limits in number_ranges(node))
        case CompositeValue():
            raise TypeError("a composite holds no composite")


def tokens_of(node: Node, resource: dict[str, Any]) -> list[tuple[str | None, str | None]]:
    """The (system, code) pairs of a node, with the system that a `code` element's binding implies."""
    return tokens(node, _implied_system(node, resource))


def _token_holds(wanted: TokenValue, system: str | None, code: str | None) -> bool:
    if wanted.code is None:
        return system == wanted.system
    if wanted.system is None:
        return code == wanted.code
    return code == wanted.code and (system or "") == wanted.system


def _reference_holds(wanted: ReferenceValue, text: str) -> bool:
    found = parse_reference(text)
    if found is None or (wanted.version is not None and found.version != wanted.version):
        return False
    by_id = wanted.id is not None and found.id == wanted.id and found.types[0] in wanted.types
    return by_id or (wanted.url is not None and found.url == wanted.url)


def _in_set(wanted: ReferenceSet, text: str) -> bool:
    found = parse_reference(text)
    if found is None:
        return False
    if found.id is not None:
        return (found.types[0], found.id) in wanted.targets
    return found.url in wanted.urls


def _text_holds(wanted: str, modifier: str | None, text: str) -> bool:
    if modifier == "exact":
        return text == wanted
    if modifier == "contains":
        return normalise(wanted) in normalise(text)
    return normalise(text).startswith(normalise(wanted))


def _readable(component: SearchParameter, node: Node, resource: dict[str, Any]) -> bool:
    """Whether a component's node holds something that a search value could be compared with."""
    match component.type:
        case "token":
            return bool(tokens(node, _implied_system(node, resource)))
        case "reference":
            return any(parse_reference(text) is not None for text in references(node))
        case "string":
            return bool(texts(node))
        case "date":
            return bool(date_ranges(node))
        case "number" | "quantity":
            return bool(number_ranges(node))
        case _:
            return node.value is not None


# --- the implied system of a code --------------------------------------------------------------------


def _implied_system(node: Node, resource: dict[str, Any]) -> str | None:
    """The code system that a `code` element's required binding implies, found by where the node stands."""
    if node.type != "code":
        return None
    path = node.path
    return _system_at(
        str(resource.get("resourceType")), tuple(part.partition("[")[0] for part in path.split("."))
    )


@cache
def _system_at(type_name: str, path: tuple[str, ...]) -> str | None:
    types = {type_name}
    bindings: set[str] = set()
    for element in path[1:]:
        properties = [
            prop
            for name in types
            if (definition := type_definition(name)) is not None
            for prop in definition.properties.values()
            if prop.element == element
        ]
        types = {prop.type for prop in properties}
        bindings = {prop.binding for prop in properties if prop.binding is not None and prop.type == "code"}
    return code_system_of(bindings.pop()) if len(bindings) == 1 else None


# --- the cheap confirmation --------------------------------------------------------------------------


Signs = tuple[bytes, ...]
"""Literals that together show that a value stands in a body; with none, nothing needs to be shown."""


def _signs_of(criterion: Criterion) -> list[Signs]:
    """The literals of which some alternative in a body confirms a criterion; no alternative: decode it."""
    if negated(criterion):
        return [()]
    if criterion.modifier == "missing":
        return []
    if criterion.parameter.name in ("_text", "_content"):
        return [()]  # the words stand in a table of their own, not in hashes
    return [signs for value in criterion.values for signs in _signs(value, criterion.modifier)]


def _signs(value: Value, modifier: str | None) -> list[Signs]:
    if modifier in ("text", "above", "below", "identifier"):
        return []
    match value:
        case TypedIdentifier() | ReferenceSet():
            return []
        case NearValue() | DateValue() | NumberValue():
            return [()]
        case TokenValue(system=system, code=code):
            return [] if system == "" else [_literals(system, code)]
        case ReferenceValue():
            return _signs_of_reference(value)
        case UriValue(uri=uri):
            return [_literals(uri)]
        case StringValue(text=text):
            return [_literals(text) if modifier == "exact" else ()]
        case QuantityValue(system=system, code=code):
            return [_literals(system, code)]
        case CompositeValue(parts=parts):
            each = (_signs(part, None) for part in parts)
            return [tuple(sign for signs in combined for sign in signs) for combined in product(*each)]


def _signs_of_reference(value: ReferenceValue) -> list[Signs]:
    if value.version is not None:
        return []
    signs = [] if value.url is None else [_literals(value.url)]
    return signs + ([_literals(f"{name}/{value.id}") for name in value.types] if value.id is not None else [])


def _literals(*texts: str | None) -> Signs:
    return tuple(_literal(text) for text in texts if text is not None)


def _any_occurs(alternatives: Sequence[Signs], body: bytes) -> bool:
    for signs in alternatives:
        for sign in signs:
            if sign not in body:
                break
        else:
            return True
    return False


@lru_cache(maxsize=4096)
def _literal(text: str) -> bytes:
    return json.dumps(text)
