"""Validation of resources against FHIR R4: structure, values, references, required bindings and invariants.

http://hl7.org/fhir/R4/validation.html. What is checked, with examples: docs/fhir/validation.md; what was
decided where real data and specification disagree: docs/decisions/0003-validation-rules.md.
"""

from collections.abc import Iterator
from typing import Any

from kontinuum.fhir.definitions import type_definition
from kontinuum.fhir.issues import Issue
from kontinuum.fhir.validation.compiler import check_resource, check_resource_type
from kontinuum.fhir.validation.invariants import NATIVE, NOT_RUN
from kontinuum.fhir.validation.problems import Context
from kontinuum.fhir.validation.rules import broken

__all__ = ["NATIVE", "NOT_RUN", "validate"]


def validate(resource: Any, *, expected_type: str | None = None, warnings: bool = False) -> list[Issue]:
    """Validate a resource, as `kontinuum.fhir.json.loads` gives it, and all resources within it.

    http://hl7.org/fhir/R4/validation.html. Returns [] for a valid resource; only an issue that `refuses`
    (severity error or fatal) makes it invalid. `warnings` adds best-practice rules such as dom-6, "a resource
    should have narrative". Raises nothing for any JSON value.
    """
    found = check_resource_type(resource)
    if found is not None:
        root = resource["resourceType"] if isinstance(resource, dict) and found[0].segments else "Resource"
        return [Issue("fatal", problem.code, problem.message, _safe_root(root)) for problem in found]
    name = resource["resourceType"]
    if expected_type is not None and name != expected_type:
        message = f"a {name} stands where a {expected_type} is needed; send a {expected_type}"
        return [Issue("error", "structure", message, name)]
    context = Context(resource, resource, warnings)
    try:
        problems = check_resource(resource, context)
    except RecursionError:
        return [Issue("fatal", "too-costly", "elements are nested too deeply; flatten the content", name)]
    issues = [problem.issue(name) for problem in problems or ()]
    if not any(issue.refuses for issue in issues):
        issues += _evaluate(context, resource)
    return issues


def _safe_root(name: Any) -> str:
    return name if isinstance(name, str) and name.isidentifier() else "Resource"


def _evaluate(context: Context, resource: dict[str, Any]) -> Iterator[Issue]:
    """Run the invariants that are FHIRPath, now that the whole structure is sound."""
    for value, type_name, rules, within in context.deferred:
        for rule in rules:
            problem = broken(rule, value, type_name, within)
            if problem is not None:
                for segment in _path_to(value, resource, "") or ():
                    problem.at(segment)
                yield problem.issue(resource["resourceType"])


def _path_to(target: Any, value: Any, type_name: str) -> list[str | int] | None:
    """Find an element by identity; innermost segment first. Only a broken rule pays for this search."""
    if value is target:
        return []
    if isinstance(value, list):
        for n, item in enumerate(value):
            if (path := _path_to(target, item, type_name)) is not None:
                return [*path, n]
    elif isinstance(value, dict):
        definition = type_definition(value.get("resourceType", type_name))
        for key, child in value.items():
            prop = definition.properties.get(key) if definition else None
            if prop is not None and (path := _path_to(target, child, prop.type)) is not None:
                return [*path, prop.element]
    return None
