"""What the module reads: Condition (http://hl7.org/fhir/R4/condition.html)."""

from __future__ import annotations

from collections.abc import Iterable

from kontinuum.fhir.datatypes import (
    Annotation,
    CodeableConcept,
    Element,
    Period,
    Quantity,
    Reference,
    decoder,
)
from kontinuum.kernel.module import ResourceVersion

ACTIVE = frozenset({"active", "recurrence", "relapse"})


class Condition(Element, frozen=True):
    """The elements of Condition that the card shows."""

    id: str
    clinical_status: CodeableConcept | None = None
    verification_status: CodeableConcept | None = None
    category: tuple[CodeableConcept, ...] = ()
    severity: CodeableConcept | None = None
    code: CodeableConcept = CodeableConcept()
    body_site: tuple[CodeableConcept, ...] = ()
    onset_date_time: str | None = None
    onset_period: Period | None = None
    onset_age: Quantity | None = None
    onset_string: str | None = None
    abatement_date_time: str | None = None
    abatement_period: Period | None = None
    abatement_string: str | None = None
    recorded_date: str | None = None
    recorder: Reference | None = None
    asserter: Reference | None = None
    note: tuple[Annotation, ...] = ()

    @property
    def began(self) -> str:
        """When it began, as precisely as recorded; empty when that is not known."""
        period = self.onset_period.start if self.onset_period else None
        return self.onset_date_time or period or ""

    @property
    def onset(self) -> str:
        """When it began, else when it was recorded."""
        return self.began or self.recorded_date or ""

    @property
    def ended(self) -> str:
        """When it ended; empty when it has not, or when that is not recorded."""
        period = self.abatement_period.end if self.abatement_period else None
        return self.abatement_date_time or period or self.abatement_string or ""

    @property
    def active(self) -> bool:
        """Whether it is a problem now. Without a clinical status it is, until an end is recorded."""
        if self.clinical_status is None:
            return not self.ended
        return self.clinical_status.has(*ACTIVE)

    @property
    def entered_in_error(self) -> bool:
        """Whether it was withdrawn as a mistake."""
        return bool(self.verification_status and self.verification_status.has("entered-in-error"))

    @property
    def refuted(self) -> bool:
        """Whether it turned out not to be so."""
        return bool(self.verification_status and self.verification_status.has("refuted"))

    @property
    def stands(self) -> bool:
        """Whether it is, or was, a problem of the patient."""
        return not self.entered_in_error and not self.refuted

    @property
    def key(self) -> str:
        """What registrations of the same problem have in common: the code, else the words."""
        return self.code.code() or self.code.label.strip().casefold()

    @property
    def unconfirmed(self) -> bool:
        """Whether it is a suspicion."""
        suspicions = ("unconfirmed", "provisional", "differential")
        return bool(self.verification_status and self.verification_status.has(*suspicions))


_DECODER = decoder(Condition)


def read_conditions(entries: Iterable[ResourceVersion]) -> list[tuple[Condition, ResourceVersion]]:
    """Each stored Condition, with the version it came from."""
    return [(_DECODER.decode(entry.body), entry) for entry in entries if entry.body]
