"""Which search parameter gives a resource its clinical date, by which a chart is ordered."""

from __future__ import annotations

CLINICAL_DATES: dict[str, str] = {
    "Account": "period",
    "AdverseEvent": "date",
    "AllergyIntolerance": "date",
    "Appointment": "date",
    "AuditEvent": "date",
    "Basic": "created",
    "CarePlan": "date",
    "CareTeam": "date",
    "ChargeItem": "occurrence",
    "Claim": "created",
    "ClaimResponse": "created",
    "ClinicalImpression": "date",
    "Communication": "sent",
    "CommunicationRequest": "authored",
    "Composition": "date",
    "Condition": "recorded-date",
    "Consent": "date",
    "Contract": "issued",
    "CoverageEligibilityRequest": "created",
    "CoverageEligibilityResponse": "created",
    "DetectedIssue": "identified",
    "DeviceRequest": "authored-on",
    "DiagnosticReport": "date",
    "DocumentManifest": "created",
    "DocumentReference": "date",
    "Encounter": "date",
    "EpisodeOfCare": "date",
    "ExplanationOfBenefit": "created",
    "FamilyMemberHistory": "date",
    "Flag": "date",
    "Goal": "start-date",
    "ImagingStudy": "started",
    "Immunization": "date",
    "ImmunizationEvaluation": "date",
    "ImmunizationRecommendation": "date",
    "Invoice": "date",
    "List": "date",
    "MeasureReport": "date",
    "Media": "created",
    "MedicationAdministration": "effective-time",
    "MedicationDispense": "whenhandedover",
    "MedicationRequest": "authoredon",
    "MedicationStatement": "effective",
    "NutritionOrder": "datetime",
    "Observation": "date",
    "Patient": "birthdate",
    "Person": "birthdate",
    "Procedure": "date",
    "Provenance": "recorded",
    "QuestionnaireResponse": "authored",
    "RelatedPerson": "birthdate",
    "RequestGroup": "authored",
    "ResearchSubject": "date",
    "RiskAssessment": "date",
    "Schedule": "date",
    "ServiceRequest": "authored",
    "Specimen": "collected",
    "SupplyRequest": "date",
    "Task": "authored-on",
    "VisionPrescription": "datewritten",
}
"""For each type filed under a patient that has a date parameter: when it happened or, for a request or
a judgement, when it was made. Stored sort keys depend on it: a change here needs a rebuild of the index."""

UNDATED = frozenset(
    {
        "AppointmentResponse", "BodyStructure", "Coverage", "Device", "DeviceUseStatement",
        "EnrollmentRequest", "Group", "GuidanceResponse", "MolecularSequence", "SupplyDelivery",
    }
)  # fmt: skip
"""Types filed under a patient without a date parameter in R4: they sort by when they were stored."""


def clinical_date_parameter(type_name: str) -> str | None:
    """The name of the date parameter that orders resources of a type; None for a type that has none.

    https://hl7.org/fhir/R4/compartmentdefinition-patient.html lists the types.
    """
    return CLINICAL_DATES.get(type_name)
