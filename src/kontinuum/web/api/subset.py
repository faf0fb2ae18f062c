"""Which part of a resource a request asks for: `_summary` and `_elements`.

http://hl7.org/fhir/R4/search.html#summary and #elements. `kontinuum.fhir.subset` makes it.
"""

from __future__ import annotations

from kontinuum.fhir.subset import Subset, is_element
from kontinuum.web.api.answer import Problem, bad_request
from kontinuum.web.api.request import Parameters, refuse_parameters, single


def requested_subset(parameters: Parameters, type_name: str | None) -> Subset | Problem | None:
    """The subset that a read or history asks for, None for the whole; other parameters are refused.

    `type_name` None (history of everything) leaves the names in `_elements` unchecked.
    """
    if not parameters:
        return None
    return refuse_parameters(parameters, ("_summary", "_elements")) or subset_of_parameters(
        parameters, type_name
    )


def subset_of_parameters(parameters: Parameters, type_name: str | None) -> Subset | Problem | None:
    """The subset that `_summary` and `_elements` of the address name, None for the whole."""
    summary, elements = single(parameters, "_summary"), single(parameters, "_elements")
    if isinstance(summary, Problem):
        return summary
    if isinstance(elements, Problem):
        return elements
    if summary is not None and summary not in ("true", "text", "data", "false"):
        return bad_request("value", f"_summary must be true, text, data or false here, not '{summary}'.")
    names = tuple(name.strip() for name in elements.split(",")) if elements is not None else ()
    unknown = [name for name in names if not _is_element(type_name, name)]
    if unknown:
        return bad_request(
            "value", f"_elements names '{unknown[0]}', which is no top-level element of {type_name}."
        )
    return chosen_subset(summary, names)


def chosen_subset(summary: str | None, elements: tuple[str, ...]) -> Subset | Problem | None:
    """The subset of two parameters' values; they cannot be combined."""
    if summary in (None, "false", "count"):
        return Subset(None, elements) if elements else None
    if elements:
        return bad_request("invalid", "_summary and _elements exclude each other; give one of them.")
    return Subset(summary)


def _is_element(type_name: str | None, name: str) -> bool:
    return bool(name) if type_name is None else is_element(type_name, name)
