"""The functions of FHIRPath and of FHIR. Importing the package registers all of them."""

from kontinuum.fhir.fhirpath.functions import (
    boundaries,
    collections,
    conversions,
    fhir,
    forms,
    loops,
    numbers,
    strings,
)

__all__ = ["boundaries", "collections", "conversions", "fhir", "forms", "loops", "numbers", "strings"]
