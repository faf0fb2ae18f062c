"""The rules of access. Each has one home and two forms that always agree.

`holds` answers for one resource at hand; `predicate` is the same question as SQL over a resource row
`r` and its accountability `a`. A property test holds that both give the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from kontinuum.access.decision import Action, Facts
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.kernel.principal import ActorKind, Principal
from kontinuum.kernel.sql import Fragment

NOTHING = Fragment("false")


class Rule(Protocol):
    """A ground on which access is permitted."""

    @property
    def name(self) -> str:
        """What the log calls this ground."""
        ...

    @property
    def provision(self) -> str:
        """The statute."""
        ...

    def holds(self, principal: Principal, action: Action, facts: Facts) -> bool:
        """Whether this ground permits the action on a resource with these facts."""
        ...

    def predicate(self, principal: Principal, action: Action) -> Fragment:
        """The resources on which this ground permits the action, as SQL over `r` and `a`."""
        ...


def _in_care(principal: Principal) -> bool:
    """Staff and systems act for a care provider; patients act for themselves."""
    return principal.actor.kind is not ActorKind.PATIENT


SHARED_TYPES = frozenset(
    """
    ActivityDefinition CapabilityStatement CatalogEntry ChargeItemDefinition CodeSystem
    CompartmentDefinition ConceptMap DeviceDefinition EffectEvidenceSynthesis Endpoint
    EventDefinition Evidence EvidenceVariable ExampleScenario GraphDefinition HealthcareService
    ImplementationGuide InsurancePlan Library Location Measure Medication MedicationKnowledge
    MedicinalProduct MessageDefinition NamingSystem ObservationDefinition OperationDefinition
    Organization OrganizationAffiliation PlanDefinition Practitioner PractitionerRole Questionnaire
    ResearchDefinition ResearchElementDefinition RiskEvidenceSynthesis Schedule SearchParameter Slot
    SpecimenDefinition StructureDefinition StructureMap Substance SubstanceSpecification
    TerminologyCapabilities TestReport TestScript ValueSet
    """.split()
)
"""Types that describe organisations, staff, places and definitions, never a patient.

A closed list: a resource of another type whose patient cannot be told is not thereby anybody's to read.
"""

_SHARED_CODES = sorted(TYPE_CODES[name] for name in SHARED_TYPES)


@dataclass(frozen=True, slots=True)
class NotPatientData:
    """Organisations, staff, places and definitions: data about no patient."""

    name: str = "not-patient-data"
    provision: str = "Not a patient's data: outside patientdatalagen (2008:355) ch. 4"

    def holds(self, principal: Principal, action: Action, facts: Facts) -> bool:
        """Everyone signed in reads it; staff and systems write it."""
        shared = facts.patient is None and facts.type in SHARED_TYPES
        return shared and (action is Action.READ or _in_care(principal))

    def predicate(self, principal: Principal, action: Action) -> Fragment:
        """Rows of the shared types that lie in no patient's compartment."""
        if action is not Action.READ and not _in_care(principal):
            return NOTHING
        return Fragment("r.patient is null and r.type = any({}::smallint[])", (_SHARED_CODES,))


@dataclass(frozen=True, slots=True)
class PatientIdentity:
    """Who a patient is: identity is read across providers, so that the right patient is found."""

    name: str = "patient-identity"
    provision: str = "patientdatalagen (2008:355) 3:6 1: identity is part of every record"

    def holds(self, principal: Principal, action: Action, facts: Facts) -> bool:
        """Staff and systems read Patient resources of every provider."""
        return facts.type == "Patient" and action is Action.READ and _in_care(principal)

    def predicate(self, principal: Principal, action: Action) -> Fragment:
        """Rows of the type Patient."""
        if action is not Action.READ or not _in_care(principal):
            return NOTHING
        return Fragment("r.type = {}", (TYPE_CODES["Patient"],))


@dataclass(frozen=True, slots=True)
class SameProvider:
    """A care provider's own documentation, for those who act under an assignment at that provider."""

    name: str = "same-provider"
    provision: str = "patientdatalagen (2008:355) 4:1"

    def holds(self, principal: Principal, action: Action, facts: Facts) -> bool:
        """The assignment's provider is accountable for the resource."""
        return _in_care(principal) and facts.provider == principal.assignment.provider

    def predicate(self, principal: Principal, action: Action) -> Fragment:
        """Rows for which the assignment's provider is accountable."""
        return (
            Fragment("a.provider = {}", (principal.assignment.provider,)) if _in_care(principal) else NOTHING
        )


@dataclass(frozen=True, slots=True)
class OwnRecord:
    """A patient's direct access to the patient's own record."""

    name: str = "own-record"
    provision: str = "patientdatalagen (2008:355) 5:5"

    def holds(self, principal: Principal, action: Action, facts: Facts) -> bool:
        """The patient reads what is filed under the patient."""
        own = principal.actor.kind is ActorKind.PATIENT and facts.patient == principal.actor.id
        return own and action is Action.READ

    def predicate(self, principal: Principal, action: Action) -> Fragment:
        """Rows filed under the patient."""
        if principal.actor.kind is not ActorKind.PATIENT or action is not Action.READ:
            return NOTHING
        return Fragment("r.patient = {}", (principal.actor.id,))


RULES: tuple[Rule, ...] = (NotPatientData(), PatientIdentity(), SameProvider(), OwnRecord())
"""Every ground on which access is permitted, in the order in which they are tried."""
