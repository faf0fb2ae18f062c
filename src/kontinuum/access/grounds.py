"""The grounds on which access is permitted, for staff and systems."""

from __future__ import annotations

from kontinuum.access.circumstances import Circumstances
from kontinuum.access.decision import Facts, Question, Reason
from kontinuum.access.needs import ACTIVE_CHOICE, CARE_RELATION, CONSENT, OPENING
from kontinuum.access.sql import NOTHING, all_of, any_of
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.kernel.principal import Purpose
from kontinuum.kernel.sql import Fragment

SHARED_TYPES = frozenset(
    """
    ActivityDefinition CapabilityStatement CatalogEntry ChargeItemDefinition CodeSystem CompartmentDefinition
    ConceptMap DeviceDefinition EffectEvidenceSynthesis Endpoint EventDefinition Evidence EvidenceVariable
    ExampleScenario GraphDefinition HealthcareService ImplementationGuide InsurancePlan Library Location
    Measure Medication MedicationKnowledge MedicinalProduct MessageDefinition NamingSystem
    ObservationDefinition OperationDefinition Organization OrganizationAffiliation PlanDefinition
    Practitioner PractitionerRole
    Questionnaire ResearchDefinition ResearchElementDefinition RiskEvidenceSynthesis Schedule
    SearchParameter Slot SpecimenDefinition StructureDefinition StructureMap Substance SubstanceSpecification
    TerminologyCapabilities TestReport TestScript ValueSet
    """.split()
)
"""Types that describe organisations, staff, places and definitions, never a patient.

A closed list: a resource of another type whose patient cannot be told is not thereby anybody's to read.
"""

WORK_PURPOSES = frozenset({Purpose.ADMINISTRATION, Purpose.QUALITY, Purpose.SUPERVISION})
"""Purposes of patientdatalagen 2:4 for which the own unit's documentation is needed without a relation."""

_SHARED_CODES = sorted(TYPE_CODES[name] for name in SHARED_TYPES)
_PATIENT = TYPE_CODES["Patient"]


def _of_provider(question: Question) -> Fragment:
    return Fragment("a.provider = {}::text", (question.assignment.provider,))


def _of_unit(question: Question) -> Fragment:
    return all_of(_of_provider(question), Fragment("a.unit = {}::text", (question.assignment.unit,)))


def _at_own_unit(question: Question, facts: Facts) -> bool:
    return facts.unit == question.assignment.unit and facts.provider == question.assignment.provider


def _not_identity(question: Question) -> Fragment:
    """The resource is not a Patient: identity has a ground of its own."""
    if question.type is not None:
        return NOTHING if question.type == "Patient" else Fragment("true")
    return Fragment("r.type <> {}::smallint", (_PATIENT,))


class NotPatientData:
    """Rule 6: what concerns no patient (organisations, staff, places) is read by whoever is signed in."""

    name = "not-patient-data"
    numbers: tuple[int, ...] = (6,)
    provision = "Not a patient's data: outside patientdatalagen (2008:355) ch. 4"
    reason = Reason("It concerns no patient.", "Uppgiften rör ingen patient.")

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """Everyone signed in reads it; staff and systems write what is their own care provider's."""
        shared = facts.patient is None and facts.type in SHARED_TYPES
        own = not question.is_patient and facts.provider == question.assignment.provider
        return shared and (question.reads or own)

    def predicate(self, question: Question) -> Fragment:
        """Rows of the shared types that lie in no patient's compartment."""
        if question.is_patient and not question.reads:
            return NOTHING
        own = Fragment("true") if question.reads else _of_provider(question)
        if question.type is None:
            shared = Fragment("r.patient is null and r.type = any({}::smallint[])", (_SHARED_CODES,))
            return all_of(own, shared)
        return all_of(own, Fragment("r.patient is null")) if question.type in SHARED_TYPES else NOTHING


class PatientIdentity:
    """Rule 7: who a patient is may be read across providers, so that the right patient is found."""

    name = "patient-identity"
    numbers: tuple[int, ...] = (7,)
    provision = "patientdatalagen (2008:355) 3:6 1: identity is part of every record"
    reason = Reason(
        "Identity is read so that the right patient is found, and kept up by the provider that is "
        "accountable.",
        "Identiteten läses så att rätt patient hittas, och hålls aktuell av den vårdgivare som ansvarar "
        "för den.",
    )

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """Staff and systems read Patient of every provider, and write that of their own."""
        if facts.type != "Patient" or question.is_patient:
            return False
        return question.reads or facts.provider == question.assignment.provider

    def predicate(self, question: Question) -> Fragment:
        """Rows of the type Patient."""
        if question.is_patient or question.type not in (None, "Patient"):
            return NOTHING
        identity = (
            Fragment("r.type = {}::smallint", (_PATIENT,)) if question.type is None else Fragment("true")
        )
        return identity if question.reads else all_of(identity, _of_provider(question))


class SystemAssignment:
    """Rule 6: a system has an assignment of its own, and handles the documentation of its care provider."""

    name = "system-assignment"
    numbers: tuple[int, ...] = (6,)
    provision = "patientdatalagen (2008:355) 4:1-2; HSLF-FS 2016:40 ch. 4"
    reason = Reason(
        "A system handles the documentation of the care provider that runs it.",
        "Ett system hanterar dokumentationen hos den vårdgivare som driver det.",
    )

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """The system's provider is accountable."""
        return question.is_system and facts.provider == question.assignment.provider

    def predicate(self, question: Question) -> Fragment:
        """Rows for which the system's provider is accountable."""
        return _of_provider(question) if question.is_system else NOTHING


class OwnDocumentation:
    """Rule 22: who cares for a patient documents it, for the unit that becomes accountable."""

    name = "own-documentation"
    numbers: tuple[int, ...] = (22,)
    provision = "patientdatalagen (2008:355) 3:1-3"
    reason = Reason(
        "Who cares for a patient keeps a record of it.", "Den som vårdar en patient ska föra patientjournal."
    )

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """Staff write what their own unit is accountable for."""
        return question.is_staff and not question.reads and _at_own_unit(question, facts)

    def predicate(self, question: Question) -> Fragment:
        """Rows of the own unit."""
        return _of_unit(question) if question.is_staff and not question.reads else NOTHING


class SameUnit:
    """Rule 7: the own unit's documentation, in a care relation or by another need in one's work."""

    name = "same-unit"
    numbers: tuple[int, ...] = (7,)
    provision = "patientdatalagen (2008:355) 4:1"
    reason = Reason(
        "Your unit's own documentation, of a patient in whose care it takes part.",
        "Den egna enhetens dokumentation om en patient i vars vård enheten deltar.",
    )

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """The own unit is accountable; a relation, a purpose that needs none, or no patient to be told."""
        if not question.is_staff or not _at_own_unit(question, facts) or facts.type == "Patient":
            return False
        if facts.patient is None or question.principal.purpose in WORK_PURPOSES:
            return True
        return question.principal.purpose is Purpose.CARE and CARE_RELATION.holds(
            question, facts, circumstances
        )

    def predicate(self, question: Question) -> Fragment:
        """Rows of the own unit within a care relation."""
        if not question.is_staff:
            return NOTHING
        own = all_of(_of_unit(question), _not_identity(question))
        if question.principal.purpose in WORK_PURPOSES:
            return own
        related = CARE_RELATION.predicate(question) if question.principal.purpose is Purpose.CARE else NOTHING
        nobody = Fragment("r.patient is null") if question.patient is None else NOTHING
        return all_of(own, any_of(nobody, related))


class OtherUnit:
    """Rule 8: another unit's documentation at the same provider, after an active choice."""

    name = "other-unit"
    numbers: tuple[int, ...] = (8,)
    provision = "patientdatalagen (2008:355) 4:1-2"
    reason = Reason(
        "Another unit's documentation at your care provider, actively chosen in a care relation.",
        "En annan enhets dokumentation hos vårdgivaren, aktivt vald inom en vårdrelation.",
    )

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """The own provider, another unit, a care relation and an active choice."""
        return (
            question.in_care
            and facts.patient is not None
            and facts.type != "Patient"
            and facts.provider == question.assignment.provider
            and facts.unit != question.assignment.unit
            and CARE_RELATION.holds(question, facts, circumstances)
            and ACTIVE_CHOICE.holds(question, facts, circumstances)
        )

    def predicate(self, question: Question) -> Fragment:
        """Rows of chosen units of the own provider."""
        if not question.in_care:
            return NOTHING
        return all_of(
            _of_provider(question),
            Fragment("a.unit <> {}::text", (question.assignment.unit,)),
            _not_identity(question),
            CARE_RELATION.predicate(question),
            ACTIVE_CHOICE.predicate(question),
        )


class OtherProvider:
    """Rules 14 and 16: another provider's documentation: relation, significance for the care, and consent."""

    name = "other-provider"
    numbers: tuple[int, ...] = (14, 16)
    provision = "lag (2022:913) om sammanhållen vård- och omsorgsdokumentation, ch. 3"
    reason = Reason(
        "Another care provider's documentation, read with the patient's consent because it matters for "
        "the care.",
        "En annan vårdgivares dokumentation, läst med patientens samtycke för att den har betydelse för "
        "vården.",
    )

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """Another provider, a care relation, consent, and an active choice that states the significance."""
        return (
            _reads_in_care(question, facts)
            and facts.provider != question.assignment.provider
            and CARE_RELATION.holds(question, facts, circumstances)
            and CONSENT.holds(question, facts, circumstances)
            and ACTIVE_CHOICE.holds(question, facts, circumstances)
        )

    def predicate(self, question: Question) -> Fragment:
        """Rows of chosen units of other providers."""
        if not question.reads_in_care:
            return NOTHING
        return all_of(
            Fragment("a.provider <> {}::text", (question.assignment.provider,)),
            _not_identity(question),
            CARE_RELATION.predicate(question),
            CONSENT.predicate(question),
            ACTIVE_CHOICE.predicate(question),
        )


def _reads_in_care(question: Question, facts: Facts) -> bool:
    return question.reads_in_care and facts.patient is not None and facts.type != "Patient"


class Emergency:
    """Rules 15 and 17: an emergency opening stands in for relation, choice and consent, never for a block."""

    name = "emergency"
    numbers: tuple[int, ...] = (15, 17)
    provision = "patientdatalagen (2008:355) 4:1; lag (2022:913) ch. 3"
    reason = OPENING.reason

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """Staff in care read while their opening is in force."""
        return _reads_in_care(question, facts) and OPENING.holds(question, facts, circumstances)

    def predicate(self, question: Question) -> Fragment:
        """Rows of a patient whose record the person has opened."""
        if not question.reads_in_care:
            return NOTHING
        return all_of(_not_identity(question), OPENING.predicate(question))


class UncheckedEmergency:
    """Rule 17: where blocks cannot be checked, an emergency opening shows the own provider's documentation.

    In an emergency the own provider may lift an inner block by itself. Only its holder lifts an outer block:
    what another provider has stays closed until it can be checked.
    """

    name = "unchecked-emergency"
    numbers: tuple[int, ...] = (17,)
    provision = "patientdatalagen (2008:355) 4:1, 4:4"
    reason = Reason(
        "Opened in an emergency while blocks could not be checked: your own care provider's documentation "
        "only. It is logged as that and reviewed.",
        "Öppnad i nödläge medan spärrar inte kunde kontrolleras: bara den egna vårdgivarens dokumentation. "
        "Det loggas särskilt och granskas.",
    )

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """Staff in care read the own provider's documentation while their opening is in force."""
        own = facts.provider == question.assignment.provider
        return own and _reads_in_care(question, facts) and OPENING.holds(question, facts, circumstances)

    def predicate(self, question: Question) -> Fragment:
        """Rows of the own provider about a patient whose record the person has opened."""
        if not question.reads_in_care:
            return NOTHING
        return all_of(_of_provider(question), _not_identity(question), OPENING.predicate(question))
