"""What the module reads: ServiceRequest and Task (http://hl7.org/fhir/R4/servicerequest.html)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

from kontinuum.care.orders.kinds import CATEGORY, REFERRAL
from kontinuum.fhir.datatypes import Annotation, CodeableConcept, Element, Period, Reference, decoder
from kontinuum.kernel.module import ResourceVersion
from kontinuum.record.tasks import OPEN, WORK_CODES, end_of
from kontinuum.record.tasks import REFERRAL as RECEIVED

T = TypeVar("T", bound=Element)


class ServiceRequest(Element, frozen=True):
    """The elements of an order that pages show."""

    id: str
    status: str
    category: tuple[CodeableConcept, ...] = ()
    priority: str = "routine"
    code: CodeableConcept = CodeableConcept()
    order_detail: tuple[CodeableConcept, ...] = ()
    occurrence_date_time: str | None = None
    authored_on: str | None = None
    requester: Reference = Reference()
    performer: tuple[Reference, ...] = ()
    reason_code: tuple[CodeableConcept, ...] = ()
    note: tuple[Annotation, ...] = ()

    @property
    def is_referral(self) -> bool:
        """Whether it is a referral of ours."""
        return any(one.code(CATEGORY) == REFERRAL for one in self.category)

    @property
    def question(self) -> str:
        """Why it is ordered."""
        return "\n".join(one.label for one in self.reason_code)


class Restriction(Element, frozen=True):
    """Until when."""

    period: Period | None = None


class Said(Element, frozen=True):
    """What came into a Task or out of it."""

    type: CodeableConcept = CodeableConcept()
    value_string: str | None = None
    value_reference: Reference | None = None


class Task(Element, frozen=True):
    """The elements of the Task of an order, or of a referral that was received."""

    id: str
    status: str
    code: CodeableConcept = CodeableConcept()
    business_status: CodeableConcept = CodeableConcept()
    priority: str = "routine"
    description: str = ""
    based_on: tuple[Reference, ...] = ()
    authored_on: str | None = None
    last_modified: str | None = None
    requester: Reference = Reference()
    owner: Reference = Reference()
    restriction: Restriction = Restriction()
    status_reason: CodeableConcept | None = None
    input: tuple[Said, ...] = ()
    output: tuple[Said, ...] = ()
    note: tuple[Annotation, ...] = ()

    @property
    def received(self) -> bool:
        """Whether it is a referral to the unit."""
        return self.code.code(WORK_CODES) == RECEIVED

    @property
    def state(self) -> str:
        """How it stands between sender and receiver."""
        return self.business_status.code(WORK_CODES)

    @property
    def due(self) -> str:
        """The last day, or the moment where it has a time; empty for none."""
        period = self.restriction.period
        return (period.end or "") if period else ""

    def is_late(self, now: datetime) -> bool:
        """Whether it goes on, and its day or time has passed."""
        return bool(self.due) and self.status in OPEN and end_of(self.due) <= now

    @property
    def orders(self) -> tuple[str, ...]:
        """The ids of what was ordered."""
        return tuple((one.reference or "").removeprefix("ServiceRequest/") for one in self.based_on)

    def words(self, kind: str) -> str:
        """What was sent under a heading: `question` or `background`."""
        return "\n".join(one.value_string or "" for one in self.input if one.type.code(WORK_CODES) == kind)


_REQUESTS = decoder(ServiceRequest)
_TASKS = decoder(Task)

Read = tuple[T, ResourceVersion]


def requests_of(entries: Iterable[ResourceVersion]) -> dict[str, tuple[ServiceRequest, ResourceVersion]]:
    """Orders by id."""
    return {one.id: (_REQUESTS.decode(one.body), one) for one in entries if one.body}


def tasks_of(entries: Iterable[ResourceVersion]) -> dict[str, tuple[Task, ResourceVersion]]:
    """Tasks by id."""
    return {one.id: (_TASKS.decode(one.body), one) for one in entries if one.body}
