"""What is written of an order, as resources. Pure.

A ServiceRequest for each panel and analysis, all of one requisition
(http://hl7.org/fhir/R4/servicerequest.html), and the Task of whoever sees to it that they are answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from kontinuum.care.orders.kinds import CATEGORY, ROUTINE, TITLES
from kontinuum.record.tasks import ORDER, WORK_CODES

REQUISITION: Final = "urn:kontinuum:requisition"

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    """What is common to all of one requisition. `moment` is now, with zone; `day` when it is to be done.

    `due` is the last day, or the moment, that is in good time.
    """

    id: str
    category: str
    patient: str
    author: Mapping[str, Any]
    person: Mapping[str, Any]
    moment: str
    day: date
    due: str
    priority: str = ROUTINE
    question: str = ""
    background: str = ""
    performer: Mapping[str, Any] = field(default_factory=dict)
    contact: str = ""

    @property
    def subject(self) -> Resource:
        """The patient."""
        return {"reference": f"Patient/{self.patient}"}

    @property
    def encounter(self) -> Resource:
        """The contact, where there is one."""
        return {"encounter": {"reference": f"Encounter/{self.contact}"}} if self.contact else {}


def requested(order: Order, identity: str, code: Resource, detail: Sequence[Resource] = ()) -> Resource:
    """One order; `detail` are the analyses of a panel."""
    title = TITLES[order.category]
    made: Resource = {
        "resourceType": "ServiceRequest",
        "id": identity,
        "requisition": {"system": REQUISITION, "value": order.id},
        "status": "active",
        "intent": "order",
        "category": [{"coding": [{"system": CATEGORY, "code": order.category}], "text": title}],
        "priority": order.priority,
        "code": code,
        "subject": order.subject,
        **order.encounter,
        "occurrenceDateTime": order.day.isoformat(),
        "authoredOn": order.moment,
        "requester": dict(order.author),
    }
    if detail:
        made["orderDetail"] = list(detail)
    if order.performer:
        made["performer"] = [dict(order.performer)]
    if order.question.strip():
        made["reasonCode"] = [{"text": order.question}]
    if order.background.strip():
        made["note"] = [{"text": order.background}]
    return made


def waiting(order: Order, requests: Sequence[Resource]) -> Resource:
    """The Task of seeing to it that an answer comes and is read."""
    title = TITLES[order.category]
    names = ", ".join(one["code"].get("text", "") for one in requests)
    return {
        "resourceType": "Task",
        "id": order.id,
        "groupIdentifier": {"system": REQUISITION, "value": order.id},
        "basedOn": [{"reference": f"ServiceRequest/{one['id']}"} for one in requests],
        "status": "requested",
        "intent": "order",
        "priority": order.priority,
        "code": {"coding": [{"system": WORK_CODES, "code": ORDER}], "text": f"Bevaka svar: {title.lower()}"},
        "description": f"{title}: {names}",
        "for": order.subject,
        **order.encounter,
        "authoredOn": order.moment,
        "lastModified": order.moment,
        "requester": dict(order.person),
        "owner": dict(order.person),
        "restriction": {"period": {"end": order.due}},
    }
