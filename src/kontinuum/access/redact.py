"""Rule 4: protected identity. Where a person lives and who is near is shown to nobody without the right.

Offentlighets- och sekretesslagen (2009:400) 22:1; folkbokföringslagen (1991:481) 16-17 g §§. What is taken
out is
taken out of the resource, not only off the screen, and the resource says so with FHIR's label REDACTED.
"""

from __future__ import annotations

from typing import Any

from kontinuum.access.decision import Question
from kontinuum.access.sql import COMPLETE, all_of, exists, none_of, of_patient
from kontinuum.kernel.principal import PROTECTED_IDENTITY
from kontinuum.kernel.sql import Fragment
from kontinuum.sweden import systems

HIDDEN_ELEMENTS = {
    "Patient": frozenset(
        [
            "address",
            "telecom",
            "contact",
            "photo",
            "generalPractitioner",
            "managingOrganization",
            "link",
            "text",
            "contained",
            "extension",
        ]
    ),
    "RelatedPerson": frozenset(
        ["identifier", "name", "telecom", "address", "photo", "birthDate", "text", "contained", "extension"]
    ),
}
"""What each type loses. Narrative, contained resources and extensions may repeat any of it."""

_HIDDEN_PARAMETERS = {
    "Patient": frozenset(
        ["_content", "_text", "email", "general-practitioner", "link", "organization", "phone", "telecom"]
    ),
    "RelatedPerson": frozenset(
        ["_content", "_text", "birthdate", "email", "identifier", "name", "phone", "phonetic", "telecom"]
    ),
}

MARKS = tuple(f'"{code}"'.encode() for code in (systems.CONFIDENTIALITY_MARK, systems.PROTECTED_REGISTRATION))
"""The codes of protected identity as they stand in a stored Patient."""

REDACTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "REDACTED"}


def may_see(question: Question) -> bool:
    """Whether the one who asks has the right to see protected persons' address, relatives and so on."""
    return PROTECTED_IDENTITY in question.assignment.rights


def is_marked(body: bytes) -> bool:
    """Whether a stored Patient carries a mark of protected identity."""
    return any(mark in body for mark in MARKS)


def redact(resource: dict[str, Any]) -> dict[str, Any]:
    """A Patient or RelatedPerson without what is protected; other types are unchanged."""
    hidden = HIDDEN_ELEMENTS.get(resource["resourceType"])
    if hidden is None:
        return resource
    kept = {name: value for name, value in resource.items() if name.removeprefix("_") not in hidden}
    meta = kept.get("meta") or {}
    kept["meta"] = {**meta, "security": [*(meta.get("security") or ()), REDACTED]}
    return kept


def tells_of_protected(type_name: str, parameters: set[str]) -> bool:
    """Whether a search by these parameters would tell what redaction takes out."""
    hidden = _HIDDEN_PARAMETERS.get(type_name, frozenset())
    return any(
        name in hidden or (type_name in _HIDDEN_PARAMETERS and name.startswith("address"))
        for name in parameters
    )


def unprotected(question: Question) -> Fragment:
    """Rows of patients without protected identity; none as long as that cannot be told."""
    plain = none_of(exists("person_fact", "p", of_patient(question, "p"), Fragment("p.protection > 0")))
    return plain if question.complete else all_of(COMPLETE, plain)
