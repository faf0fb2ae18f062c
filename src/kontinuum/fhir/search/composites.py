"""The components of composite search parameters, as they are meant."""

from __future__ import annotations

from kontinuum.fhir.definitions import SearchParameter

_CORRECTED: dict[str, tuple[str, ...]] = {
    # R4 gives the reference component the expression of the code and the code that of the reference.
    "http://hl7.org/fhir/SearchParameter/DocumentReference-relationship": ("target", "code"),
}


def components_of(parameter: SearchParameter) -> tuple[tuple[SearchParameter, str], ...]:
    """Each component's definition and its FHIRPath expression relative to the composite's context.

    https://hl7.org/fhir/R4/search.html#composite. One mistake of R4 is put right: in
    DocumentReference `relationship` the two expressions are exchanged.
    """
    corrected = _CORRECTED.get(parameter.url)
    if corrected is None:
        return parameter.components
    return tuple(
        (component, expression)
        for (component, _), expression in zip(parameter.components, corrected, strict=True)
    )
