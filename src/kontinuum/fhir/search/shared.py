"""Parameters that say again what others say: found by the others' values, not stored a second time.

R4 gives an Observation's value up to six parameters. What is stored depends on these tables: a change here
needs a rebuild of the index (`index.VERSION`).
"""

from __future__ import annotations

from dataclasses import replace

from kontinuum.fhir.definitions import search_parameters
from kontinuum.fhir.search.query import Criterion

_UNIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "Observation": {
        f"combo-{name}": (name, f"component-{name}")
        for name in (
            "code", "data-absent-reason", "value-concept", "value-quantity",
            "code-value-concept", "code-value-quantity",
        )
    }
}  # fmt: skip
"""By type: a parameter whose expression is that of some others taken together; it is not indexed."""

_CARRIED: dict[tuple[str, str], str] = {
    ("Observation", "code-value-quantity"): "value-quantity",
    ("Observation", "component-code-value-quantity"): "component-value-quantity",
}
"""A composite whose range component reads the same values as another parameter: the rows of that parameter
carry the composite's tags."""


def is_union(type_name: str, name: str) -> bool:
    """Whether a parameter is only answered by others."""
    return name in _UNIONS.get(type_name, {})


def members(type_name: str, name: str) -> tuple[str, ...]:
    """The parameters by whose values a parameter is found: itself, or those that it unites."""
    return _UNIONS.get(type_name, {}).get(name, (name,))


def united(type_name: str, criterion: Criterion) -> list[Criterion]:
    """The criteria of which any must hold (none, when it is negated) for a criterion to hold."""
    if not is_union(type_name, criterion.parameter.name):
        return [criterion]
    known = search_parameters(type_name)
    return [
        replace(criterion, parameter=known[name]) for name in members(type_name, criterion.parameter.name)
    ]


def row_parameter(type_name: str, composite: str) -> str | None:
    """The parameter whose rows carry a composite's tags, None when it has rows of its own."""
    return _CARRIED.get((type_name, composite))


def carried_elsewhere(type_name: str, name: str, fhir_type: str) -> bool:
    """Whether a composite writes the rows of a parameter's values of a FHIR type."""
    return fhir_type == "Quantity" and name in {
        plain for (of, _), plain in _CARRIED.items() if of == type_name
    }
