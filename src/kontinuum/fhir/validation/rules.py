"""Rules that are FHIRPath, run on one element (http://hl7.org/fhir/R4/conformance-rules.html#constraints)."""

from functools import cache
from typing import Any

from kontinuum.fhir.definitions import Invariant
from kontinuum.fhir.fhirpath import Expression, FHIRPathError
from kontinuum.fhir.fhirpath import compile as compile_fhirpath
from kontinuum.fhir.validation.problems import Context, Problem

__all__ = ["broken"]


def broken(rule: Invariant, value: Any, type_name: str, context: Context) -> Problem | None:
    """The problem of an element that does not keep a rule; the element's structure is sound."""
    try:
        kept = _compiled(rule.expression).test(value, type_name, context.resource, root=context.root)
    except FHIRPathError as error:
        message = f"{rule.key}: {rule.human} (could not be evaluated: {error})"
        return Problem("not-supported", message, "warning")
    return None if kept else Problem("invariant", f"{rule.key}: {rule.human}", rule.severity)


@cache
def _compiled(expression: str) -> Expression:
    return compile_fhirpath(expression)
