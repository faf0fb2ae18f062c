"""The kinds of entries in the timeline, and the professions of those who wrote them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kontinuum.kernel.i18n import message


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind as people speak of it, and the searches that find it."""

    key: str
    title: str
    searches: tuple[str, ...]


_BEDSIDE: Final = "vital-signs,survey,exam,activity"

KINDS: Final = (
    Kind("notes", message("Notes"), ("Composition", "QuestionnaireResponse", "ClinicalImpression")),
    Kind("contacts", message("Contacts"), ("Encounter", "Appointment", "EpisodeOfCare")),
    Kind(
        "results",
        message("Results"),
        (f"Observation?category:not={_BEDSIDE}", "DiagnosticReport", "ImagingStudy", "Specimen"),
    ),
    Kind("vitals", message("Vital signs and measures"), (f"Observation?category={_BEDSIDE}",)),
    Kind("diagnoses", message("Diagnoses"), ("Condition", "FamilyMemberHistory")),
    Kind(
        "medication",
        message("Medication"),
        (
            "MedicationRequest",
            "MedicationStatement",
            "MedicationAdministration",
            "MedicationDispense",
            "Immunization",
        ),
    ),
    Kind(
        "warnings",
        message("Alerts and hypersensitivity"),
        ("Flag", "AllergyIntolerance", "DetectedIssue", "AdverseEvent"),
    ),
    Kind("documents", message("Documents"), ("DocumentReference", "DocumentManifest", "Media")),
    Kind("procedures", message("Procedures"), ("Procedure",)),
    Kind(
        "plans",
        message("Plans, referrals and tasks"),
        (
            "CarePlan",
            "CareTeam",
            "Goal",
            "ServiceRequest",
            "DeviceRequest",
            "NutritionOrder",
            "RequestGroup",
            "RiskAssessment",
            "Task",
            "Communication",
            "CommunicationRequest",
            "ImmunizationRecommendation",
            "SupplyRequest",
            "VisionPrescription",
        ),
    ),
)
BY_KEY: Final[Mapping[str, Kind]] = {kind.key: kind for kind in KINDS}

_OF_TYPE: Final = {
    each.partition("?")[0]: kind for kind in reversed(KINDS) for each in kind.searches if "?" not in each
}


def kind_of(resource: Mapping[str, Any]) -> Kind:
    """The kind of an entry."""
    if resource["resourceType"] == "Observation":
        codes = {
            coding.get("code")
            for category in resource.get("category") or ()
            for coding in category.get("coding") or ()
        }
        return BY_KEY["vitals" if codes & set(_BEDSIDE.split(",")) else "results"]
    return _OF_TYPE[resource["resourceType"]]


@dataclass(frozen=True, slots=True)
class Profession:
    """Those who write, as one asks for them; `words` are parts of their titles, in lower case."""

    key: str
    title: str
    words: tuple[str, ...]


PROFESSIONS: Final = (
    Profession("doctor", message("Doctors"), ("läkare", "physician", "doctor", "kirurg")),
    Profession("nurse", message("Nurses"), ("sköterska", "sjukskötare", "nurse")),
    Profession("midwife", message("Midwives"), ("barnmorska", "midwife")),
    Profession("assistant", message("Assistant nurses"), ("undersköterska", "skötare", "assistant nurse")),
    Profession(
        "physiotherapist", message("Physiotherapists"), ("fysioterapeut", "sjukgymnast", "physiotherapist")
    ),
    Profession(
        "occupational-therapist", message("Occupational therapists"), ("arbetsterapeut", "occupational")
    ),
    Profession("psychologist", message("Psychologists"), ("psykolog", "psychologist")),
    Profession("social-worker", message("Social workers"), ("kurator", "socionom", "social worker")),
    Profession("dietitian", message("Dietitians"), ("dietist", "dietitian")),
    Profession("speech-therapist", message("Speech and language therapists"), ("logoped", "speech")),
)
PROFESSIONS_BY_KEY: Final[Mapping[str, Profession]] = {one.key: one for one in PROFESSIONS}


def profession_of(title: str) -> str:
    """The key of the profession that a title such as `Överläkare, geriatrik` tells; empty for none."""
    lowered = title.lower()
    fitting = [(len(word), one.key) for one in PROFESSIONS for word in one.words if word in lowered]
    return max(fitting, default=(0, ""))[1]
