"""What else happens in a chart: warnings, vaccinations, procedures, referrals, bookings, plans, tasks.

Functions on a `Chart`, in the order in which a reader of a chart meets them.
"""

import base64
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from kontinuum.demo import resources as fhir
from kontinuum.demo.chart import Chart, Contact
from kontinuum.demo.timeline import stamp
from kontinuum.sweden import systems
from kontinuum.terminology.content import CodeSystem
from kontinuum.terminology.loading import starter
from kontinuum.terminology.loading.starter import ALERT_TYPES

Resource = dict[str, Any]

TASK: Resource = {"coding": [{"system": "urn:kontinuum:codes:work", "code": "task"}]}

_SUBSTANCES = {
    "penicillin": (systems.ATC, "J01CE02", "Fenoximetylpenicillin", "medication"),
    "trimethoprim": (systems.ATC, "J01EA01", "Trimetoprim", "medication"),
    "nsaid": (systems.ATC, "M01A", "Antiinflammatoriska medel, icke-steroida (NSAID)", "medication"),
    "ace": (systems.ATC, "C09A", "ACE-hämmare", "medication"),
    "contrast": (systems.ATC, "V08A", "Jodhaltiga röntgenkontrastmedel", "medication"),
    "codeine": (systems.ATC, "R05DA04", "Kodein", "medication"),
    "grass": (systems.SNOMED_CT, "256277009", "Gräspollen", "environment"),
    "cat": (systems.SNOMED_CT, "260152009", "Kattepitel", "environment"),
    "peanut": (systems.SNOMED_CT, "762952008", "Jordnöt", "food"),
    "latex": (systems.SNOMED_CT, "111088007", "Latex", "environment"),
}


def allergy(
    chart: Chart,
    contact: Contact,
    substance: str,
    reaction: str,
    *,
    severe: bool = False,
    tolerated: bool = False,
) -> None:
    """Record an allergy with what happened; `tolerated` makes it an intolerance, not an allergy."""
    system, code, name, category = _SUBSTANCES[substance]
    chart.add(
        contact.unit,
        "AllergyIntolerance",
        "all",
        {
            "clinicalStatus": fhir.hl7("allergyintolerance-clinical", "active"),
            "verificationStatus": fhir.hl7("allergyintolerance-verification", "confirmed"),
            "type": "intolerance" if tolerated else "allergy",
            "category": [category],
            "criticality": "high" if severe else "low",
            "code": fhir.concept(system, code, name),
            "patient": fhir.reference(chart.subject),
            "encounter": fhir.reference(contact.reference),
            "recordedDate": stamp(contact.start),
            "recorder": fhir.reference(contact.author.reference, contact.author.display),
            "reaction": [
                {"manifestation": [{"text": reaction}], "severity": "severe" if severe else "moderate"}
            ],
        },
    )


def deny(chart: Chart, contact: Contact) -> None:
    """Record that no allergy is known: asked about, and answered by the patient."""
    chart.add(
        contact.unit,
        "AllergyIntolerance",
        "all",
        {
            "clinicalStatus": fhir.hl7("allergyintolerance-clinical", "active"),
            "verificationStatus": fhir.hl7("allergyintolerance-verification", "confirmed"),
            "code": fhir.concept(systems.SNOMED_CT, "716186003", "Ingen känd överkänslighet"),
            "patient": fhir.reference(chart.subject),
            "encounter": fhir.reference(contact.reference),
            "recordedDate": stamp(contact.start),
            "recorder": fhir.reference(contact.author.reference, contact.author.display),
            "asserter": fhir.reference(chart.subject),
        },
    )


@cache
def _kinds() -> dict[str, str]:
    """What the kinds of alert are called."""
    systems_of = (one for one in starter.contents() if isinstance(one, CodeSystem))
    found = next(one for one in systems_of if one.url == ALERT_TYPES)
    return {concept.code: concept.display for concept in found.concepts}


def warn(
    chart: Chart, contact: Contact, text: str, *, kind: str = "unstructured", until: date | None = None
) -> None:
    """Raise a warning (uppmärksamhetssignal) of one of our kinds, http://hl7.org/fhir/R4/flag.html."""
    period = {"start": contact.start.date().isoformat()}
    if until:
        period["end"] = until.isoformat()
    chart.add(
        contact.unit,
        "Flag",
        "flag",
        {
            "status": "active" if until is None or until > chart.today else "inactive",
            "category": [fhir.concept(ALERT_TYPES, kind, _kinds()[kind])],
            "code": {"text": text},
            "subject": fhir.reference(chart.subject),
            "period": period,
            "encounter": fhir.reference(contact.reference),
            "author": fhir.reference(contact.author.reference, contact.author.display),
        },
    )


def vaccinate(chart: Chart, contact: Contact, vaccine: str, dose: int | None = None) -> None:
    """Give a vaccine of the Swedish programmes."""
    immunization: Resource = {
        "status": "completed",
        "vaccineCode": fhir.vaccine_concept(vaccine),
        "patient": fhir.reference(chart.subject),
        "encounter": fhir.reference(contact.reference),
        "occurrenceDateTime": contact.start.date().isoformat(),
        "primarySource": True,
        "location": fhir.reference(contact.unit.location, contact.unit.name),
        "lotNumber": f"{chr(65 + chart.rng.randrange(26))}{chart.rng.randrange(100000, 999999)}",
        "performer": [{"actor": fhir.reference(contact.author.reference, contact.author.display)}],
    }
    if dose is not None:
        immunization["protocolApplied"] = [{"doseNumberPositiveInt": dose}]
    chart.add(contact.unit, "Immunization", "imm", immunization)


def operate(
    chart: Chart, contact: Contact, code: str, moment: datetime, *, reason: str | None = None
) -> None:
    """Do a KVÅ procedure."""
    procedure: Resource = {
        "status": "completed",
        "code": fhir.procedure_concept(code),
        "subject": fhir.reference(chart.subject),
        "encounter": fhir.reference(contact.reference),
        "performedDateTime": stamp(moment),
        "performer": [{"actor": fhir.reference(contact.author.reference, contact.author.display)}],
    }
    if reason:
        procedure["reasonCode"] = [fhir.diagnosis(reason)]
    chart.add(contact.unit, "Procedure", "pro", procedure)


def refer(
    chart: Chart,
    contact: Contact,
    to: str,
    title: str,
    question: str,
    *,
    priority: str = "routine",
    answered: bool = True,
) -> str:
    """Send a referral (remiss) to a unit; gives its reference. An open one has a Task at the receiver."""
    receiver = chart.unit(to)
    written = stamp(contact.start + timedelta(minutes=30))
    request = chart.add(
        contact.unit,
        "ServiceRequest",
        "ref",
        {
            "status": "completed" if answered else "active",
            "intent": "order",
            "category": [{"text": "Remiss"}],
            "priority": priority,
            "code": {"text": title},
            "subject": fhir.reference(chart.subject),
            "encounter": fhir.reference(contact.reference),
            "authoredOn": written,
            "requester": fhir.reference(contact.author.reference, contact.author.display),
            "performer": [fhir.reference(receiver.reference, receiver.name)],
            "reasonCode": [{"text": question}],
        },
    )
    chart.add(
        contact.unit if answered else receiver,
        "Task",
        "task",
        {
            "status": "completed" if answered else "requested",
            "intent": "order",
            "priority": priority,
            "code": {**TASK, "text": "Bedöm remiss"},
            "description": title,
            "focus": fhir.reference(request),
            "for": fhir.reference(chart.subject),
            "authoredOn": written,
            "requester": fhir.reference(contact.author.reference, contact.author.display),
            "owner": fhir.reference(receiver.reference, receiver.name),
        },
    )
    return request


def reply(chart: Chart, contact: Contact, request: str, text: str) -> None:
    """Answer a referral from the unit that saw the patient (remissvar)."""
    author = fhir.reference(contact.author.reference, contact.author.display)
    moment = contact.start + timedelta(days=1)
    chart.add(
        contact.unit,
        "Composition",
        "note",
        {
            "status": "final",
            "type": fhir.note_type("consult", "Remissvar"),
            "subject": fhir.reference(chart.subject),
            "encounter": fhir.reference(contact.reference),
            "date": stamp(moment),
            "author": [author],
            "title": "Remissvar",
            "attester": [{"mode": "legal", "time": stamp(moment), "party": author}],
            "custodian": fhir.reference(contact.unit.reference, contact.unit.name),
            "event": [{"detail": [fhir.reference(request)]}],
            "section": fhir.sections([("Remissvar", text)]),
        },
    )


def image(chart: Chart, contact: Contact, title: str, question: str, answer: str, *, after: int = 1) -> None:
    """Order an examination from the imaging department and get its answer `after` days later."""
    department = chart.unit("rontgen")
    request = refer(chart, contact, "rontgen", title, question)
    moment = min(
        contact.start + timedelta(days=after, hours=1), datetime.combine(chart.today, contact.start.time())
    )
    author = chart.author("rontgen", "doctor")
    chart.add(
        contact.unit,
        "DiagnosticReport",
        "rep",
        {
            "basedOn": [fhir.reference(request)],
            "status": "final",
            "category": [fhir.hl7("v2-0074", "RAD")],
            "code": {"text": title},
            "subject": fhir.reference(chart.subject),
            "encounter": fhir.reference(contact.reference),
            "effectiveDateTime": stamp(moment),
            "issued": stamp(moment + timedelta(hours=2)),
            "performer": [fhir.reference(department.reference, department.name)],
            "resultsInterpreter": [fhir.reference(author.reference, author.display)],
            "conclusion": answer,
        },
    )


def book(
    chart: Chart,
    unit: str,
    when: datetime,
    title: str,
    *,
    profession: str = "doctor",
    minutes: int = 30,
    status: str = "booked",
) -> None:
    """Book a visit; `status` is an appointment status (booked, fulfilled, cancelled, noshow).

    Nothing is booked for someone who has died.
    """
    if chart.person.deceased is not None:
        return
    place, author = chart.unit(unit), chart.author(unit, profession)
    appointment: Resource = {
        "status": status,
        "serviceType": [{"text": title}],
        "description": title,
        "start": stamp(when),
        "end": stamp(when + timedelta(minutes=minutes)),
        "participant": [
            {"actor": fhir.reference(chart.subject), "status": "accepted"},
            {"actor": fhir.reference(author.reference, author.display), "status": "accepted"},
            {"actor": fhir.reference(place.location, place.name), "status": "accepted"},
        ],
    }
    if status == "cancelled":
        appointment["cancelationReason"] = {"text": "Avbokad av patienten"}
    chart.add(place, "Appointment", "app", appointment)


def plan(
    chart: Chart,
    contact: Contact,
    title: str,
    activities: list[str],
    *,
    category: str = "Vårdplan",
    active: bool = True,
) -> None:
    """Make a care plan with what is to be done, http://hl7.org/fhir/R4/careplan.html."""
    state = "in-progress" if active else "completed"
    chart.add(
        contact.unit,
        "CarePlan",
        "plan",
        {
            "status": "active" if active else "completed",
            "intent": "plan",
            "category": [{"text": category}],
            "title": title,
            "subject": fhir.reference(chart.subject),
            "encounter": fhir.reference(contact.reference),
            "period": {"start": contact.start.date().isoformat()},
            "created": stamp(contact.start),
            "author": fhir.reference(contact.author.reference, contact.author.display),
            "activity": [{"detail": {"status": state, "description": text}} for text in activities],
        },
    )


def ask(chart: Chart, contact: Contact, text: str, *, due: date, profession: str = "nurse") -> None:
    """Leave a task for a colleague at the same unit, still to be done."""
    owner = chart.author(contact.unit.key, profession)
    chart.add(
        contact.unit,
        "Task",
        "task",
        {
            "status": "requested",
            "intent": "order",
            "priority": "routine",
            "code": TASK,
            "description": text,
            "for": fhir.reference(chart.subject),
            "encounter": fhir.reference(contact.reference),
            "authoredOn": stamp(contact.start),
            "requester": fhir.reference(contact.author.reference, contact.author.display),
            "owner": fhir.reference(owner.reference, owner.display),
            "restriction": {"period": {"end": due.isoformat()}},
        },
    )


def attach(chart: Chart, contact: Contact, title: str, text: str) -> None:
    """File a document that came as plain text, as from a care provider abroad."""
    data = base64.b64encode(text.encode()).decode()
    chart.add(
        contact.unit,
        "DocumentReference",
        "doc",
        {
            "status": "current",
            "type": {"text": title},
            "subject": fhir.reference(chart.subject),
            "date": stamp(contact.start),
            "author": [fhir.reference(contact.author.reference, contact.author.display)],
            "custodian": fhir.reference(contact.unit.reference, contact.unit.name),
            "description": title,
            "content": [
                {
                    "attachment": {
                        "contentType": "text/plain; charset=utf-8",
                        "language": "sv",
                        "title": title,
                        "data": data,
                    }
                }
            ],
            "context": {"encounter": [fhir.reference(contact.reference)]},
        },
    )
