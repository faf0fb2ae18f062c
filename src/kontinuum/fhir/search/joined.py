"""Searches that go from one resource to another: which way a chain or `_has` takes.

https://hl7.org/fhir/R4/search.html#chaining and #has
"""

from __future__ import annotations

from kontinuum.fhir.definitions import TYPE_CODES, SearchParameter, compartment, search_parameters
from kontinuum.fhir.search.query import Compartment, ReferenceValue
from kontinuum.fhir.search.values import BadValue

COMPARTMENTS = ("Device", "Encounter", "Patient", "Practitioner", "RelatedPerson")
"""The types that have a compartment (https://hl7.org/fhir/R4/compartmentdefinition.html)."""

DEEPEST = 8
"""How many resources a search may go through, one after the other."""

_MANY_TARGETS = 12


def chain_head(type_name: str, head: str) -> tuple[SearchParameter, tuple[str, ...]]:
    """The reference parameter with which a chain begins, and the types to which it may lead.

    `head` is what stands before the first dot: `subject` or `subject:Patient`. Raises BadValue.
    """
    name, colon, wanted = head.partition(":")
    parameter = _reference(type_name, name)
    if colon and wanted not in TYPE_CODES:
        raise BadValue(f"{wanted!r} is no resource type of FHIR R4; a chain goes on after {name}:Type.")
    if colon and parameter.targets and wanted not in parameter.targets:
        raise BadValue(f"{name} refers to one of {', '.join(parameter.targets)}, never to {wanted}")
    if colon:
        return parameter, (wanted,)
    if not parameter.targets or len(parameter.targets) > _MANY_TARGETS:
        raise BadValue(f"{name} may refer to very many types: say which, as in {name}:Patient.…")
    return parameter, parameter.targets


def has_parts(type_name: str, name: str) -> tuple[SearchParameter, str, str]:
    """What `_has:Type:reference:rest` names: the reference parameter, its type, the rest. Raises BadValue."""
    parts = name.split(":", 3)
    if len(parts) < 4 or not all(parts):
        raise BadValue("expected _has:Type:reference:parameter, as in _has:Observation:patient:code")
    _, source, reference, rest = parts
    if source not in TYPE_CODES:
        raise BadValue(f"{source!r} is no resource type of FHIR R4")
    parameter = _reference(source, reference)
    if parameter.targets and type_name not in parameter.targets:
        raise BadValue(f"{source}.{reference} never refers to {type_name}")
    return parameter, source, rest


def compartment_of(owner: str, logical_id: str, type_name: str) -> Compartment:
    """What of a type is in the compartment of a resource; the owner itself always is."""
    known = search_parameters(type_name)
    names = compartment(owner).get(type_name, ())
    return Compartment(
        ReferenceValue((owner,), logical_id, None, None),
        tuple(known[name] for name in names if name in known),
    )


def compartment_types(owner: str) -> tuple[str, ...]:
    """The types of which something can be in a compartment, the owner's own among them."""
    return tuple(sorted({owner, *compartment(owner)}))


def _reference(type_name: str, name: str) -> SearchParameter:
    parameter = search_parameters(type_name).get(name)
    if parameter is None:
        raise BadValue(f"{name!r} is no search parameter of {type_name}")
    if parameter.type != "reference":
        raise BadValue(
            f"{type_name}.{name} is a {parameter.type} parameter: only references lead to another resource"
        )
    return parameter
