"""FHIRPath: our own engine for FHIRPath N1 with the additions of FHIR R4.

Source: https://hl7.org/fhirpath/N1/ and http://hl7.org/fhir/R4/fhirpath.html

`compile(text)` gives an Expression; `Expression.evaluate` plain values, `Expression.nodes` values with their
FHIR types, `Expression.test` one boolean.
"""

from kontinuum.fhir.fhirpath.errors import FHIRPathError
from kontinuum.fhir.fhirpath.expression import Expression, compile  # noqa: A004 - the word of the field
from kontinuum.fhir.fhirpath.quantity import Quantity
from kontinuum.fhir.fhirpath.temporal import Date, DateTime, Time
from kontinuum.fhir.fhirpath.values import Node

__all__ = ["Date", "DateTime", "Expression", "FHIRPathError", "Node", "Quantity", "Time", "compile"]
