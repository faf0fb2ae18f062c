"""What a search means once identifiers and persons are known: every form of a number, every linked Patient.

Normalisation lives here, at the gate: what is stored stays as it was written, and what is searched for is
widened. A search for a personnummer is one for each form of it; a search for what concerns a Patient is one
for what concerns any Patient that is the same person. The store, and the law's scope in its SQL, then answer
as always.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from kontinuum.fhir.search.query import Criterion, ReferenceValue, SearchQuery, TokenValue, Value
from kontinuum.sweden.equivalents import equivalents
from kontinuum.sweden.identifiers import LocalScheme

Members = Mapping[str, tuple[str, tuple[str, ...]]]
"""A linked Patient's id -> whom the person is known by, and every Patient that is the person."""

_MODIFIERS = (None, "not")


def in_every_form(query: SearchQuery, today: date, schemes: Sequence[LocalScheme]) -> SearchQuery:
    """A search in which each Swedish identifier stands in all its forms."""
    if not any(_is_of_identifiers(criterion) for criterion in query.criteria):
        return query
    criteria = tuple(
        replace(each, values=_widened(each.values, today, schemes)) if _is_of_identifiers(each) else each
        for each in query.criteria
    )
    return replace(query, criteria=criteria)


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
    """The Patients whose record some searches ask for."""
    return list(
        dict.fromkeys(
            value.id
            for query in queries
            for criterion in query.criteria
            for value in criterion.values
            if _names_patient(query, criterion, value) and isinstance(value, ReferenceValue) and value.id
        )
    )


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
    criteria = tuple(_of_whole_person(query, criterion, members) for criterion in query.criteria)
    return query if criteria == query.criteria else replace(query, criteria=criteria)


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
