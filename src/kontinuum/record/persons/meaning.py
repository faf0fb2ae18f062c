"""What a search means once identifiers and persons are known: every form of a number, every linked Patient.

Normalisation lives here, at the gate: what is stored stays as it was written, and what is searched for is
widened. A search for a personnummer is one for each form of it; a search for what concerns a Patient is one
for what concerns any Patient that is the same person. The store, and the law's scope in its SQL, then answer
as always.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from kontinuum.fhir.search.query import Compartment, Criterion, ReferenceValue, SearchQuery, TokenValue, Value
from kontinuum.sweden.equivalents import equivalents
from kontinuum.sweden.identifiers import LocalScheme

Members = Mapping[str, tuple[str, tuple[str, ...]]]
"""A linked Patient's id -> whom the person is known by, and every Patient that is the person."""

_MODIFIERS = (None, "not")


def in_every_form(query: SearchQuery, today: date, schemes: Sequence[LocalScheme]) -> SearchQuery:
    """A search in which each Swedish identifier stands in all its forms, at every step of a chain."""
    query = _with_steps(query, lambda step: in_every_form(step, today, schemes))
    if not any(_is_of_identifiers(criterion) for criterion in query.criteria):
        return query
    criteria = tuple(
        replace(each, values=_widened(each.values, today, schemes)) if _is_of_identifiers(each) else each
        for each in query.criteria
    )
    return replace(query, criteria=criteria)


def _with_steps(query: SearchQuery, change: Callable[[SearchQuery], SearchQuery]) -> SearchQuery:
    """A search whose chains and `_has` go on with changed searches."""
    if not (query.chains or query.has):
        return query
    chains = tuple(replace(each, targets=tuple(map(change, each.targets))) for each in query.chains)
    has = tuple(replace(each, source=change(each.source)) for each in query.has)
    return replace(query, chains=chains, has=has)


def _is_of_identifiers(criterion: Criterion) -> bool:
    parameter = criterion.parameter
    return parameter.type == "token" and "identifier" in parameter.name and criterion.modifier in _MODIFIERS


def _widened(values: Iterable[Value], today: date, schemes: Sequence[LocalScheme]) -> tuple[Value, ...]:
    found: list[Value] = []
    for value in values:
        found.append(value)
        if isinstance(value, TokenValue) and value.code and value.system != "":
            forms = equivalents(value.system, value.code, today=today, schemes=schemes)
            found += [TokenValue(system, code) for system, code in forms]
    return tuple(dict.fromkeys(found))


def patients_named(queries: Iterable[SearchQuery]) -> list[str]:
    """The Patients whose record some searches ask for, at every step of a chain."""
    steps = [step for query in queries for step in _steps(query)]
    owners = [step.compartment.owner for step in steps if step.compartment is not None]
    return list(
        dict.fromkeys(
            [owner.id for owner in owners if owner.types == ("Patient",) and owner.id]
            + [
                value.id
                for query in steps
                for criterion in query.criteria
                for value in criterion.values
                if _names_patient(query, criterion, value) and isinstance(value, ReferenceValue) and value.id
            ]
        )
    )


def _steps(query: SearchQuery) -> list[SearchQuery]:
    """A search and those with which its chains and `_has` go on."""
    further = [far for chain in query.chains for far in chain.targets] + [has.source for has in query.has]
    return [query, *(step for far in further for step in _steps(far))]


def _names_patient(query: SearchQuery, criterion: Criterion, value: Value) -> bool:
    # A link between Patients is between those two and no other.
    return (
        query.type != "Patient"
        and criterion.modifier is None
        and isinstance(value, ReferenceValue)
        and value.id is not None
        and value.version is None
        and "Patient" in value.types
    )


def of_whole_person(query: SearchQuery, members: Members) -> SearchQuery:
    """A search for what concerns a Patient as one for what concerns any Patient that is the same person."""
    query = _with_steps(query, lambda step: of_whole_person(step, members))
    criteria = tuple(_of_whole_person(query, criterion, members) for criterion in query.criteria)
    return replace(query, criteria=criteria, compartment=_whole_compartment(query.compartment, members))


def _whole_compartment(compartment: Compartment | None, members: Members) -> Compartment | None:
    """A Patient's compartment together with those of the others that are the person."""
    if compartment is None or compartment.owner.types != ("Patient",):
        return compartment
    _, others = members.get(compartment.owner.id or "", ("", ()))
    return replace(compartment, also=tuple(each for each in others if each != compartment.owner.id))


def _of_whole_person(query: SearchQuery, criterion: Criterion, members: Members) -> Criterion:
    found: list[Value] = []
    for value in criterion.values:
        found.append(value)
        if isinstance(value, ReferenceValue) and _names_patient(query, criterion, value):
            _, others = members.get(value.id or "", ("", ()))
            found += [
                ReferenceValue(("Patient",), other, None, None) for other in others if other != value.id
            ]
    values = tuple(dict.fromkeys(found))
    return criterion if values == criterion.values else replace(criterion, values=values)
