"""What one element of a profile says, put on its node; and what is wrong with saying it.

http://hl7.org/fhir/R4/profiling.html#limitations: a profile narrows, it never widens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from kontinuum.fhir.definitions import Invariant, is_subtype, type_definition
from kontinuum.fhir.profiles.nodes import Binding, Node, Slicing, TypeRef, Value, is_extension
from kontinuum.fhir.profiles.structure import core_type

__all__ = ["constrain"]

_DISCRIMINATORS = ("value", "pattern", "type", "exists", "profile")
_STRENGTHS = ("example", "preferred", "extensible", "required")
_MAX_VALUE_SET = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"
_FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"


def constrain(node: Node, element: Mapping[str, Any]) -> list[str]:
    """Put an element's demands on its node; returns what is wrong with them."""
    node.modifies = element.get("isModifier", node.modifies)
    _rule(node, element.get("constraint", ()))
    return [
        *_occurrence(node, element),
        *_narrow(node, element.get("type")),
        *_pin(node, element),
        *_bind(node, element.get("binding")),
        *_limit(node, element),
        *_divide(node, element.get("slicing")),
    ]


def _occurrence(node: Node, element: Mapping[str, Any]) -> Iterator[str]:
    least, most = element.get("min"), element.get("max")
    if least is not None:
        if least < node.min:
            yield f"min is {least}, and what it builds on demands {node.min}"
        node.min = max(node.min, least)
    if most is not None and most != "*":
        if node.max is not None and int(most) > node.max:
            yield f"max is {most}, and what it builds on allows {node.max}"
        node.max = int(most) if node.max is None else min(node.max, int(most))
    elif most == "*" and node.max is not None:
        yield f"max is *, and what it builds on allows {node.max}"
    if node.max is not None and node.min > node.max:
        yield f"min {node.min} is more than max {node.max}"


def _narrow(node: Node, listed: list[Mapping[str, Any]] | None) -> Iterator[str]:
    if not listed:
        return
    kept: list[TypeRef] = []
    for each in listed:
        code = _code(each, node)
        if not any(code == allowed or is_subtype(code, allowed) for allowed in node.leaves):
            yield f"the type {code} is not one of {', '.join(node.leaves)}, which it builds on"
            continue
        earlier = next((ref for ref in node.narrowed or () if ref.code == code), TypeRef(code))
        kept.append(
            replace(
                earlier,
                profiles=_foreign(each.get("profile", ())) or earlier.profiles,
                targets=tuple(each.get("targetProfile", ())) or earlier.targets,
                aggregation=tuple(each.get("aggregation", ())) or earlier.aggregation,
            )
        )
    if kept:
        node.narrowed = tuple(kept)


def _code(listed: Mapping[str, Any], node: Node) -> str:
    code: str = listed["code"]
    if code in ("BackboneElement", "Element"):
        return next((each for each in node.leaves if "." in each), code)
    if not code.startswith("http:"):
        return code
    # `id`, `url` and the values of primitives are given as types of FHIRPath.
    told = (
        e.get("valueUrl") or e.get("valueUri") for e in listed.get("extension", ()) if e["url"] == _FHIR_TYPE
    )
    return next((each for each in told if each in node.leaves), node.leaves[0] if node.leaves else code)


def _foreign(profiles: Any) -> tuple[str, ...]:
    """The profiles that demand more than R4's own definition of the type."""
    return tuple(each for each in profiles if core_type(each) is None)


def _pin(node: Node, element: Mapping[str, Any]) -> Iterator[str]:
    for kind in ("fixed", "pattern"):
        for name, value in element.items():
            type_name = name.removeprefix(kind)
            if type_name == name or not type_name[:1].isupper():
                continue
            allowed = [each[0].upper() + each[1:] for each in node.leaves]
            if type_name not in allowed and not any(is_subtype(type_name, each) for each in node.leaves):
                yield f"{name} does not fit the type {' or '.join(node.leaves)}"
            node.value = Value(kind, value)


def _bind(node: Node, listed: Mapping[str, Any] | None) -> Iterator[str]:
    if listed is None:
        return
    strength = listed["strength"]
    limits = [each for each in listed.get("extension", ()) if each["url"] == _MAX_VALUE_SET]
    widest = next((each.get("valueCanonical") or each.get("valueUri") for each in limits), None)
    if node.binding is not None and _STRENGTHS.index(strength) < _STRENGTHS.index(node.binding.strength):
        yield f"the binding is {strength}, and what it builds on is {node.binding.strength}"
        return
    value_set = listed.get("valueSet") or (node.binding.value_set if node.binding else None)
    if value_set is not None:
        node.binding = Binding(strength, value_set, widest)


def _limit(node: Node, element: Mapping[str, Any]) -> Iterator[str]:
    length = element.get("maxLength")
    if length is not None:
        if node.max_length is not None and length > node.max_length:
            yield f"maxLength is {length}, and what it builds on allows {node.max_length}"
        node.max_length = length
    for name, value in element.items():
        if name.startswith("minValue"):
            node.least = value
        elif name.startswith("maxValue"):
            node.most = value


def _divide(node: Node, listed: Mapping[str, Any] | None) -> Iterator[str]:
    if listed is None:
        return
    found = tuple((each["type"], each["path"]) for each in listed.get("discriminator", ()))
    unknown = next((kind for kind, _ in found if kind not in _DISCRIMINATORS), None)
    if unknown is not None:
        yield f"the discriminator {unknown} is none of {', '.join(_DISCRIMINATORS)}"
    earlier = node.slicing
    if not found and earlier is not None:
        found = earlier.discriminators
    if not found and is_extension(node.name):
        found = (("value", "url"),)
    rules = listed["rules"]
    if earlier is not None and earlier.rules == "closed" and rules != "closed":
        yield f"the slicing is {rules}, and what it builds on is closed"
        rules = "closed"
    ordered = bool(listed.get("ordered")) or bool(earlier and earlier.ordered)
    node.slicing = Slicing(found, rules, ordered)


def _rule(node: Node, listed: Any) -> None:
    known = {(rule.key, rule.expression) for rule in node.rules}
    for each in listed:
        source = each.get("source", "")
        # A snapshot repeats R4's own rules, which are applied before any profile.
        if core_type(source) is not None or type_definition(source) is not None:
            continue
        rule = Invariant(each["key"], each["severity"], each["human"], each.get("expression", ""))
        if (rule.key, rule.expression) not in known:
            node.rules.append(rule)
