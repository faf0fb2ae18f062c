"""What is ordered and referred on the first day, whose it is, and what the receivers got. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from kontinuum.demo import resources as fhir
from kontinuum.demo.chart import Chart
from kontinuum.demo.region import Author, Unit
from kontinuum.demo.timeline import stamp
from kontinuum.record.referring import received_id

Told = Mapping[str, Any]

_WORK: Final = "urn:kontinuum:codes:work"
_CATEGORY: Final = "urn:kontinuum:codes:order-category"
_TITLES: Final = {"laboratory": "Provtagning", "referral": "Remiss"}


def ordered(
    chart: Chart,
    unit: Unit,
    who: Author,
    at: datetime,
    title: str,
    question: str,
    *,
    to: Unit,
    category: str = "laboratory",
    priority: str = "routine",
    days: int = 7,
) -> tuple[str, dict[str, Any]]:
    """Order something; gives the reference of the order, and the Task of who sees to its answer, as kept."""
    moment, me = stamp(at), fhir.reference(who.reference, who.name)
    request = {
        "status": "active",
        "intent": "order",
        "category": [
            {"coding": [{"system": _CATEGORY, "code": category}], "text": _TITLES[category]},
        ],
        "priority": priority,
        "code": {"text": title},
        "subject": fhir.reference(chart.subject),
        "occurrenceDateTime": moment,
        "authoredOn": moment,
        "requester": fhir.reference(who.reference, who.display),
        "performer": [fhir.reference(to.reference, to.name)],
        "reasonCode": [{"text": question}],
    }
    sent = chart.add(unit, "ServiceRequest", "ref", request)
    task = {
        **_task(chart, "order", f"{_TITLES[category]}: {title}", moment),
        "basedOn": [fhir.reference(sent)],
        "priority": priority,
        "requester": me,
        "owner": me,
        "restriction": {"period": {"end": (at + timedelta(days=days)).date().isoformat()}},
    }
    chart.add(unit, "Task", "task", task)
    return sent, chart.entries[-1][1]


def referred(chart: Chart, unit: Unit, who: Author, at: datetime, told: Told, to: Unit) -> None:
    """Send a referral; with `answer` it was answered an hour later."""
    priority, title, question = told.get("priority", "routine"), told["title"], told["question"]
    sent, awaited = ordered(
        chart,
        unit,
        who,
        at,
        title,
        question,
        to=to,
        category="referral",
        priority=priority,
        days=3 if priority == "urgent" else 14,
    )
    handed = {
        "resourceType": "Task",
        "id": received_id(sent.removeprefix("ServiceRequest/")),
        **_task(chart, "referral", title, awaited["authoredOn"]),
        "basedOn": [fhir.reference(sent)],
        "partOf": [fhir.reference(f"Task/{awaited['id']}")],
        "priority": priority,
        "requester": fhir.reference(who.reference, f"{who.name}, {unit.name}"),
        "owner": fhir.reference(to.reference, to.name),
        "restriction": awaited["restriction"],
        "input": [{"type": _word("question"), "valueString": question}],
    }
    if "answer" in told:
        now = stamp(at + timedelta(hours=1))
        answer = [{"type": _word("answer"), "valueString": told["answer"]}]
        answered = {"businessStatus": _word("answered"), "lastModified": now, "output": answer}
        awaited |= answered
        handed |= {**answered, "status": "completed"}
    chart.entries.append((to, handed))


def _task(chart: Chart, code: str, text: str, moment: str) -> dict[str, Any]:
    return {
        "status": "requested",
        "intent": "order",
        "code": _word(code),
        "description": text,
        "for": fhir.reference(chart.subject),
        "authoredOn": moment,
        "lastModified": moment,
    }


def _word(code: str) -> dict[str, Any]:
    return {"coding": [{"system": _WORK, "code": code}]}
