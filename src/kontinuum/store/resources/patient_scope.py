"""Which searches stay within one patient's compartment, so that the covering index can answer them."""

from __future__ import annotations

import re
from functools import cache

from kontinuum.fhir.definitions import search_parameters, type_definition
from kontinuum.fhir.search.lookup import is_hot_type
from kontinuum.fhir.search.query import Criterion, ReferenceValue

_PLAIN_PATH = re.compile(r"^\(?([A-Z]\w*)\.(\w+)(?:\.where\(resolve\(\) is Patient\))?\)?$")


def patient_of_criterion(type_name: str, criterion: Criterion) -> str | None:
    """The patient whose resources alone can satisfy a criterion, None where that cannot be told.

    Only a parameter counts whose element occurs once at most and is the one by which a resource is
    filed under its patient (`patient` or `subject`): then every hit is filed under that patient.
    """
    if criterion.modifier is not None or len(criterion.values) != 1:
        return None
    value = criterion.values[0]
    if not isinstance(value, ReferenceValue) or value.id is None or value.url is not None or value.version:
        return None
    if "Patient" not in value.types or criterion.parameter.name not in single_filing_parameters(type_name):
        return None
    # A bare id could name a Group or Device as well; those are searched without the shortcut.
    by_name = criterion.parameter.name == "patient"
    return value.id if by_name or value.types == ("Patient",) else None


@cache
def single_filing_parameters(type_name: str) -> frozenset[str]:
    """The names among `patient` and `subject` under whose single element a type is filed."""
    if not is_hot_type(type_name):
        return frozenset()
    parameters = search_parameters(type_name)
    elements = {
        name: element
        for name in ("patient", "subject")
        if name in parameters and (element := single_element(type_name, parameters[name].expression))
    }
    if not elements:
        return frozenset()
    filed_under = elements.get("patient", elements.get("subject"))
    return frozenset(name for name, element in elements.items() if element == filed_under)


def single_element(type_name: str, expression: str) -> str | None:
    """The element at the root of a type to which an expression leads, if it occurs once at most."""
    found = _PLAIN_PATH.match(expression.strip())
    if found is None or found[1] != type_name:
        return None
    definition = type_definition(type_name)
    # A choice (`effective`) is one element under several names.
    items = (
        [each for each in definition.properties.values() if each.element == found[2]] if definition else []
    )
    return found[2] if items and not any(each.array for each in items) else None
