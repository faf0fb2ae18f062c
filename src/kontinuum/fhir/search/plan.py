"""How to index one resource type, worked out once from its search parameters.

A plan is keyed by the JSON members at the root of a resource: indexing looks only at members that are
there, so that its cost follows the size of the resource and not the number of parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from typing import Any, TypeAlias

from kontinuum.fhir import fhirpath
from kontinuum.fhir.definitions import RESOURCE_TYPES, SearchParameter, search_parameters
from kontinuum.fhir.search.clinical import clinical_date_parameter
from kontinuum.fhir.search.composites import components_of
from kontinuum.fhir.search.emit import (
    REFERENCE_FORM,
    Collector,
    Emitter,
    Parameter,
    emitter,
    hot_emitter,
    parameter,
    presence_emitter,
)
from kontinuum.fhir.search.hashing import digest, hash_prefix, param_code, type_hash
from kontinuum.fhir.search.lookup import HOT_PARAMETERS, component_name, filing_parameters, is_hot_type
from kontinuum.fhir.search.numbers import as_decimal
from kontinuum.fhir.search.paths import Path, Step, resolve_paths
from kontinuum.fhir.search.shared import carried_elsewhere, is_union, row_parameter

Visitor: TypeAlias = Callable[[Any, Collector], None]
"""Reads a JSON value and puts what it finds into a collector."""

IN_COLUMNS = frozenset({"_id", "_lastUpdated"})
"""Parameters that the store answers from columns of its own."""

EXACT_TYPES = frozenset({"token", "reference", "uri"})


@dataclass(slots=True)
class Plan:
    """The visitors of a resource type."""

    by_member: dict[str, list[Visitor]] = field(default_factory=dict)
    whole: list[Visitor] = field(default_factory=list)
    """Those that need the resource as a whole."""
    patients: list[Callable[[dict[str, Any]], str | None]] = field(default_factory=list)
    """Ways to the patient's id, in order of preference."""
    sort_param: int | None = None
    """The number of the parameter whose rows give the clinical date."""
    hot_type: int | None = None
    """The hash of the type among the hot hashes."""


@cache
def plan_for(type_name: str) -> Plan:
    """The plan of a resource type. Raises KeyError for what is not one."""
    plan = Plan()
    for search_parameter in search_parameters(type_name).values():
        if search_parameter.name in IN_COLUMNS or not search_parameter.expression:
            continue
        if is_union(type_name, search_parameter.name):
            continue
        if search_parameter.type == "composite":
            _add_composite(plan, type_name, search_parameter)
        elif search_parameter.type != "special":
            _add_parameter(plan, type_name, search_parameter)
        elif search_parameter.name == "near":
            plan.by_member.setdefault("position", []).append(_position(type_name))
    plan.hot_type = type_hash(type_name) if is_hot_type(type_name) else None
    plan.patients = _ways_to_patient(type_name)
    dated_by = clinical_date_parameter(type_name)
    plan.sort_param = None if dated_by is None else param_code(type_name, dated_by)
    return plan


# --- ordinary parameters -----------------------------------------------------------------------------


def _add_parameter(plan: Plan, type_name: str, search_parameter: SearchParameter) -> None:
    keys = parameter(type_name, search_parameter.name)
    paths = resolve_paths(type_name, search_parameter.expression)
    if paths is None:
        plan.whole.append(_by_engine(keys, search_parameter))
        return
    hot = is_hot_type(type_name) and search_parameter.name in HOT_PARAMETERS
    for path in paths:
        if carried_elsewhere(type_name, search_parameter.name, path.type):
            leaf = presence_emitter(keys)
        else:
            leaf = emitter(keys, search_parameter.type, path.type, path.binding, path.target)
        _visit_member(plan, path.steps, leaf)
        hot_leaf = hot_emitter(keys, path.type) if hot else None
        if hot_leaf is not None:
            _visit_member(plan, path.steps, hot_leaf)


def _position(type_name: str) -> Visitor:
    """Where a place is: a row each for its latitude and longitude."""
    params = [param_code(type_name, component_name("near", index)) for index in range(2)]

    def visit(value: Any, out: Collector) -> None:
        for param, name in zip(params, ("latitude", "longitude"), strict=True):
            number = as_decimal(value[name])
            out.numbers.append((param, number, number, [], None, 0))

    return visit


def _by_engine(keys: Parameter, search_parameter: SearchParameter) -> Visitor:
    expression = fhirpath.compile(search_parameter.expression)
    emitters: dict[str, Emitter] = {}

    def visit(resource: Any, out: Collector) -> None:
        for node in expression.nodes(resource):
            if node.value is None:
                continue
            fhir_type = "Resource" if node.type in RESOURCE_TYPES else node.type
            found = emitters.get(fhir_type)
            if found is None:
                found = emitters[fhir_type] = emitter(keys, search_parameter.type, fhir_type)
            found(node.value, out)

    return visit


def _visit_member(plan: Plan, steps: tuple[Step, ...], leaf: Visitor) -> None:
    plan.by_member.setdefault(steps[0].key, []).append(_visitor(steps, leaf))


def _visitor(steps: tuple[Step, ...], leaf: Visitor) -> Visitor:
    """A visitor of the value of the first step's member."""
    step, rest = steps[0], steps[1:]
    inner = _descend(rest, leaf) if rest else leaf
    if step.where is not None:
        inner = _only_where(step.where.key, step.where.value, inner)
    if not step.array:
        return inner

    def visit_each(values: Any, out: Collector) -> None:
        for value in values:
            if value is not None:
                inner(value, out)

    return visit_each


def _descend(steps: tuple[Step, ...], leaf: Visitor) -> Visitor:
    """A visitor of the object that has the first step's member."""
    key = steps[0].key
    visit = _visitor(steps, leaf)

    def descend(value: Any, out: Collector) -> None:
        member = value.get(key)
        if member is not None:
            visit(member, out)

    return descend


def _only_where(key: str, wanted: str, inner: Visitor) -> Visitor:
    def visit(value: Any, out: Collector) -> None:
        if value.get(key) == wanted:
            inner(value, out)

    return visit


# --- composite parameters ----------------------------------------------------------------------------


def _add_composite(plan: Plan, type_name: str, search_parameter: SearchParameter) -> None:
    contexts = resolve_paths(type_name, search_parameter.expression)
    assert contexts is not None, "every composite of R4 has plain paths"
    for context in contexts:
        visit, wakers = _composite(type_name, search_parameter, context)
        if context.steps:
            _visit_member(plan, context.steps, visit)
        else:
            # The resource itself is the context: only look when the last component's member is there.
            for member in wakers:
                plan.by_member.setdefault(member, []).append(_on_root(visit))


def _on_root(visit: Visitor) -> Visitor:
    def visit_root(value: Any, out: Collector) -> None:
        visit(out.root, out)

    return visit_root


def _composite(
    type_name: str, search_parameter: SearchParameter, context: Path
) -> tuple[Visitor, tuple[str, ...]]:
    components: list[_Component] = []
    wakers: tuple[str, ...] = ()
    for index, (component, expression) in enumerate(components_of(search_parameter)):
        paths = resolve_paths(context.type, expression)
        assert paths is not None, "every component of R4 has plain paths"
        keys = parameter(type_name, component_name(search_parameter.name, index))
        visitors = tuple(
            (path.from_root, _descend(path.steps, emitter(keys, component.type, path.type, path.binding)))
            for path in paths
        )
        components.append(_Component(index, component.type in EXACT_TYPES, keys.present, visitors))
        wakers = tuple(dict.fromkeys(path.steps[0].key for path in paths))
    keys = parameter(type_name, search_parameter.name)
    # The last component is the value, which is most often missing: ask for it first.
    reversed_components = tuple(reversed(components))
    if all(component.exact for component in components):
        prefix = hash_prefix(type_name, search_parameter.name, "composite")
        return _exact_composite(prefix, keys.present, reversed_components), wakers
    carrier = row_parameter(type_name, search_parameter.name)
    if carrier is not None:
        (ranged,) = [component for component in components if not component.exact]
        exact = [component for component in components if component.exact]
        return _tagged_rows(keys.present, param_code(type_name, carrier), ranged, exact), wakers
    return _range_composite(keys.present, reversed_components), wakers


@dataclass(frozen=True, slots=True)
class _Component:
    index: int
    exact: bool
    present: int
    visitors: tuple[tuple[bool, Visitor], ...]

    def find(self, value: Any, out: Collector) -> Collector | None:
        """What the component finds in a context; None when that is nothing that can be searched."""
        found = Collector(out.root)
        for from_root, visit in self.visitors:
            visit(out.root if from_root else value, found)
        found.hashes.discard(self.present)
        if found.hashes if self.exact else (found.dates or found.numbers or found.strings):
            return found
        return None


def _exact_composite(prefix: bytes, present: int, components: tuple[_Component, ...]) -> Visitor:
    def visit(value: Any, out: Collector) -> None:
        alternatives: list[set[int]] = []
        for component in components:
            found = component.find(value, out)
            if found is None:
                return
            alternatives.append(found.hashes)
        out.hashes.add(present)
        alternatives.reverse()
        for combination in product(*alternatives):
            out.hashes.add(digest(prefix, *map(str, combination)))

    return visit


def _range_composite(present: int, components: tuple[_Component, ...]) -> Visitor:
    def visit(value: Any, out: Collector) -> None:
        tags: set[int] = set()
        ranges: list[Collector] = []
        for component in components:
            found = component.find(value, out)
            if found is None:
                return
            if component.exact:
                tags |= found.hashes
            else:
                ranges.append(found)
        out.hashes.add(present)
        ordered = sorted(tags)
        ordinal = out.next_ordinal(present)
        for rows in ranges:
            out.strings += [(param, text, ordered, ordinal) for param, text, _, _ in rows.strings]
            out.dates += [(param, low, high, ordered, ordinal) for param, low, high, _, _ in rows.dates]
            out.numbers += [
                (param, low, high, units, ordered, ordinal) for param, low, high, units, _, _ in rows.numbers
            ]

    return visit


def _tagged_rows(present: int, param: int, ranged: _Component, exact: list[_Component]) -> Visitor:
    """The rows of an ordinary parameter, with the tags of the composite that reads the same values."""

    def visit(value: Any, out: Collector) -> None:
        found = ranged.find(value, out)
        if found is None:
            return
        beside = [component.find(value, out) for component in exact]
        tags: list[int] | None = None
        if None not in beside:
            out.hashes.add(present)
            tags = sorted(set().union(*(each.hashes for each in beside if each is not None)))
        out.numbers += [(param, low, high, units, tags, 0) for _, low, high, units, _, _ in found.numbers]

    return visit


# --- compartment -------------------------------------------------------------------------------------


def _ways_to_patient(type_name: str) -> list[Callable[[dict[str, Any]], str | None]]:
    if type_name == "Patient":
        return [lambda resource: resource.get("id")]
    if type_name == "Binary":
        # It has no parameter to be filed by: what it says of whose access decides (Binary.securityContext).
        return [_way_to_patient_of_binary]
    ways: list[Callable[[dict[str, Any]], str | None]] = []
    for name in filing_parameters(type_name):
        paths = resolve_paths(type_name, search_parameters(type_name)[name].expression)
        ways += [_way_to_patient(path) for path in paths or () if path.type == "Reference"]
    return ways


def _way_to_patient_of_binary(resource: dict[str, Any]) -> str | None:
    reference = (resource.get("securityContext") or {}).get("reference") or ""
    form = REFERENCE_FORM.fullmatch(reference) if reference.startswith("Patient/") else None
    return None if form is None else form["id"]


def _way_to_patient(path: Path) -> Callable[[dict[str, Any]], str | None]:
    def leaf(value: Any, out: Collector) -> None:
        reference = value.get("reference", "")
        if reference.startswith("Patient/"):
            out.patients.append(reference)

    visit = _descend(path.steps, leaf)

    def way(resource: dict[str, Any]) -> str | None:
        out = Collector(resource)
        visit(resource, out)
        for reference in out.patients:
            form = REFERENCE_FORM.fullmatch(reference)
            if form is not None:
                return form["id"]
        return None

    return way
