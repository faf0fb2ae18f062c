"""The ten kinds of alert (uppmärksamhetssignal), and how severe a hypersensitivity is. Pure.

The kinds are those of our code system `urn:kontinuum:codes:alert-type` (docs/decisions/0023-findings.md says
where they come from). A hypersensitivity is an AllergyIntolerance, every other kind a Flag.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kontinuum.kernel.i18n import message

SYSTEM: Final = "urn:kontinuum:codes:alert-type"
HYPERSENSITIVITY: Final = "hypersensitivity"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of alert: what pages and the record call it, and in which codes it is written if any."""

    title: str
    recorded: str
    where: str = ""
    hint: str = ""


KINDS: Final = {
    HYPERSENSITIVITY: Kind(
        message("Hypersensitivity"), "Överkänslighet", "substance", message("drug, food, pollen, latex …")
    ),
    "communicable-disease": Kind(
        message("Infection"), "Smitta", "diagnosis", message("MRSA, blood-borne infection …")
    ),
    "serious-disease": Kind(
        message("Serious disease"), "Allvarlig sjukdom", "diagnosis", message("haemophilia, epilepsy …")
    ),
    "serious-treatment": Kind(
        message("Serious treatment"),
        "Allvarlig behandling",
        "substance",
        message("anticoagulants, immunosuppression …"),
    ),
    "implant": Kind(
        message("Implant or prosthesis"),
        "Implantat eller protes",
        hint=message("pacemaker, ICD, drug pump …"),
    ),
    "airway": Kind(
        message("Difficult airway"), "Svår luftväg", hint=message("difficult intubation, tracheostomy …")
    ),
    "restriction-of-care": Kind(
        message("Limits to care or treatment"),
        "Begränsning av vård eller behandling",
        hint=message("no CPR, a treatment that the patient declines …"),
    ),
    "work-environment": Kind(
        message("Risk to staff"), "Risk i arbetsmiljön", hint=message("threat or violence …")
    ),
    "care-routine": Kind(
        message("Different care routine"),
        "Avvikande vårdrutin",
        hint=message("isolation, two persons, interpreter …"),
    ),
    "unstructured": Kind(
        message("Other alert"), "Annan uppmärksamhetsinformation", hint=message("what does not fit elsewhere")
    ),
}

SEVERITIES: Final = {
    "life-threatening": ("high", "severe", message("life-threatening")),
    "harmful": ("high", "moderate", message("harmful")),
    "troublesome": ("low", "mild", message("troublesome")),
}
"""Each with `criticality`, the severity of the reaction, and what it is called."""

CATEGORIES: Final = {
    "medication": message("Medicine"),
    "food": message("Food"),
    "environment": message("Environment"),
    "biologic": message("Biological product"),
}
"""http://hl7.org/fhir/R4/valueset-allergy-intolerance-category.html"""

DENIALS: Final = {
    "any": (
        "716186003",
        "No known allergy",
        message("No known hypersensitivity"),
        "Ingen känd överkänslighet",
    ),
    "medication": (
        "409137002",
        "No known drug allergy",
        message("No known hypersensitivity to medicines"),
        "Ingen känd läkemedelsöverkänslighet",
    ),
    "food": (
        "429625007",
        "No known food allergy",
        message("No known hypersensitivity to food"),
        "Ingen känd överkänslighet mot livsmedel",
    ),
    "environment": (
        "428607008",
        "No known environmental allergy",
        message("No known hypersensitivity to the environment"),
        "Ingen känd överkänslighet mot ämnen i omgivningen",
    ),
}
"""What is said when none is known: SNOMED CT code, its name, the words of pages, and those of the record."""
