"""The check for a resource's human-readable text (http://hl7.org/fhir/R4/narrative.html)."""

from typing import Any

from kontinuum.fhir.narrative import fault_of
from kontinuum.fhir.validation.problems import Found, one, wrong_type

__all__ = ["check_xhtml"]


def check_xhtml(value: Any, context: Any) -> Found:
    """Check the `div` of a Narrative. http://hl7.org/fhir/R4/narrative.html, txt-1 and txt-2."""
    if not isinstance(value, str):
        return wrong_type(value, "XHTML (a JSON string)")
    fault = fault_of(value)
    return None if fault is None else one(*fault)
