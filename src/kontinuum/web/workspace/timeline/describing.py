"""An entry of any type in a line: what, with what result, by whom, in which state. Pure.

What is ruled out, not done or withdrawn says so in its line: a word must never look as if it were found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from kontinuum.kernel.i18n import Translator, message
from kontinuum.kernel.module import Directory
from kontinuum.web.workspace.timeline.kinds import kind_of

Resource = Mapping[str, Any]

_TYPES: Final = {
    "AdverseEvent": message("Adverse event"),
    "AllergyIntolerance": message("Hypersensitivity"),
    "Appointment": message("Booking"),
    "CarePlan": message("Care plan"),
    "CareTeam": message("Care team"),
    "ClinicalImpression": message("Assessment"),
    "Communication": message("Message"),
    "CommunicationRequest": message("Request for a message"),
    "Composition": message("Note"),
    "Condition": message("Diagnosis"),
    "DetectedIssue": message("Detected issue"),
    "DeviceRequest": message("Order of a device"),
    "DiagnosticReport": message("Report"),
    "DocumentManifest": message("Documents"),
    "DocumentReference": message("Document"),
    "Encounter": message("Contact"),
    "EpisodeOfCare": message("Episode of care"),
    "FamilyMemberHistory": message("Family history"),
    "Flag": message("Alert"),
    "Goal": message("Goal"),
    "ImagingStudy": message("Imaging"),
    "Immunization": message("Vaccination"),
    "ImmunizationRecommendation": message("Recommended vaccinations"),
    "Media": message("Picture"),
    "MedicationAdministration": message("Given"),
    "MedicationDispense": message("Dispensed"),
    "MedicationRequest": message("Prescription"),
    "MedicationStatement": message("Medicine in use"),
    "NutritionOrder": message("Diet"),
    "Procedure": message("Procedure"),
    "QuestionnaireResponse": message("Form"),
    "RequestGroup": message("Orders"),
    "RiskAssessment": message("Risk assessment"),
    "ServiceRequest": message("Referral or order"),
    "Specimen": message("Sample"),
    "SupplyRequest": message("Order of supplies"),
    "Task": message("Task"),
    "VisionPrescription": message("Prescription of glasses"),
}

_STATES: Final = {
    "active": message("active"),
    "on-hold": message("paused"),
    "completed": message("completed"),
    "stopped": message("stopped"),
    "cancelled": message("cancelled"),
    "revoked": message("revoked"),
    "draft": message("draft"),
    "inactive": message("no longer valid"),
    "resolved": message("resolved"),
    "remission": message("in remission"),
    "recurrence": message("recurred"),
    "relapse": message("relapsed"),
    "planned": message("planned"),
    "arrived": message("arrived"),
    "triaged": message("triaged"),
    "onleave": message("on leave"),
    "finished": message("finished"),
    "in-progress": message("under way"),
    "booked": message("booked"),
    "pending": message("not confirmed"),
    "proposed": message("proposed"),
    "fulfilled": message("took place"),
    "noshow": message("did not come"),
    "waitlist": message("on the waiting list"),
    "checked-in": message("arrived"),
    "requested": message("requested"),
    "received": message("received"),
    "accepted": message("accepted"),
    "rejected": message("rejected"),
    "ready": message("ready"),
    "failed": message("failed"),
    "preparation": message("being prepared"),
    "registered": message("ordered, no result yet"),
    "preliminary": message("preliminary"),
    "partial": message("partial"),
    "final": message("final"),
    "amended": message("corrected"),
    "corrected": message("corrected"),
    "appended": message("added to"),
    "superseded": message("replaced"),
    "current": message("current"),
    "unknown": message("state not known"),
    "unconfirmed": message("not confirmed"),
    "provisional": message("preliminary diagnosis"),
    "differential": message("differential diagnosis"),
    "achieved": message("achieved"),
    "not-achieved": message("not achieved"),
}
_NOT_PERFORMED: Final = message("Not performed")
_DENIED: Final = {
    "refuted": message("Ruled out"),
    "entered-in-error": message("Entered in error"),
    "not-done": _NOT_PERFORMED,
    "not-taken": message("Not taken"),
}
_QUIET: Final = frozenset({"final", "current", "finished", "completed", "confirmed", "available", "entered"})
"""What every ordinary entry is: said by no tag."""

_TASKS: Final = {
    "question": message("Question"),
    "sign": message("To be signed"),
    "countersign": message("To be countersigned"),
}
"""Tasks between staff that are no plain tasks, by the code of their kind."""

_SIGNED_BY_STATUS: Final = ("Composition", "QuestionnaireResponse")
_NOT_KNOWN: Final = message("no value")
_DO_NOT: Final = message("Must not be given")
_MERCURY: Final = frozenset({"mmHg", "mm[Hg]"})
_YES: Final = message("Yes")
_NO: Final = message("No")


@dataclass(frozen=True, slots=True)
class Line:
    """An entry in a line. `signed` is None for what is not signed by hand.

    `denied` says in words that it did not happen or does not hold; `deviation` is `H`, `L` or another flag of
    an unusual value.
    """

    type: str
    id: str
    label: str
    what: str
    detail: str
    value: str
    deviation: str
    when: str
    clock: str
    who: tuple[str, ...]
    state: str
    denied: str
    signed: bool | None


def describe(resource: Resource, translator: Translator, directory: Directory) -> Line:
    """The line of an entry."""
    when = when_of(resource)
    name = str(resource["resourceType"])
    title = _TYPES.get(name, name)
    if name == "Task":
        title = next((_TASKS[code] for code in _codes(resource.get("code")) if code in _TASKS), title)
    elif name == "Observation":
        title = kind_of(resource).title
    label = translator.gettext(title)
    return Line(
        type=name,
        id=str(resource["id"]),
        label=label,
        what=what_of(resource) or label,
        detail=_detail(resource, translator),
        value=value_of(resource, translator),
        deviation=_deviation(resource),
        when=translator.day(when),
        clock=translator.clock(when),
        who=tuple(filter(None, (directory.name(*each) for each in authors_of(resource)))),
        state=_state(resource, translator),
        denied=_denied(resource, translator),
        signed=_signed(resource),
    )


def concept(value: Any) -> str:
    """The words of a CodeableConcept, or of the first of several: the text, a display, a code."""
    for each in value if isinstance(value, list) else (value,):
        if not isinstance(each, dict):
            continue
        codings = [coding for coding in each.get("coding") or () if isinstance(coding, dict)]
        texts = (each.get("text"), *(c.get("display") for c in codings), *(c.get("code") for c in codings))
        found = next((str(text) for text in texts if text), "")
        if found:
            return found
    return ""


def what_of(resource: Resource) -> str:
    """What an entry is about, in the words that stand in it; empty where there are none."""
    if resource["resourceType"] == "Task":
        return str(resource.get("description") or (resource.get("code") or {}).get("text") or "")
    medicine = concept(resource.get("medicationCodeableConcept"))
    if not medicine and "medicationReference" in resource:
        medicine = _medicine(resource)
    texts = (
        resource.get("title"),
        medicine,
        concept(resource.get("vaccineCode")),
        concept(resource.get("code")),
        concept(resource.get("type")),
        concept(resource.get("serviceType")),
        resource.get("description") if isinstance(resource.get("description"), str) else None,
        concept(resource.get("description")),
        concept(resource.get("relationship")),
        concept(resource.get("category")),
        (resource.get("class") or {}).get("display"),
    )
    return next((str(text) for text in texts if text), "")


def _medicine(resource: Resource) -> str:
    reference = resource["medicationReference"]
    held = {f"#{each.get('id')}": each for each in resource.get("contained") or ()}
    contained = held.get(reference.get("reference") or "", {})
    return str(reference.get("display") or "") or concept(contained.get("code"))


def value_of(resource: Resource, translator: Translator) -> str:
    """The value of an Observation with its unit, or where it has none those of its parts.

    Empty for other entries. The answers behind a score are its parts, and are read with the entry.
    """
    if resource["resourceType"] != "Observation":
        return ""
    own = _value(resource, translator) or _pressure(resource)
    told = "; ".join(f"{label} {value}".strip() for label, value in parts_of(resource, translator))
    return own or told or translator.gettext(_NOT_KNOWN)


def parts_of(resource: Resource, translator: Translator) -> list[tuple[str, str]]:
    """The parts of an Observation that have a value: what was measured or asked, and the value."""
    parts = resource.get("component") or ()
    found = [(concept(part.get("code")), _value(part, translator)) for part in parts]
    return [(label, value) for label, value in found if value]


def _pressure(resource: Resource) -> str:
    """A blood pressure as it is said: `132/84 mmHg` (LOINC 85354-9, http://hl7.org/fhir/R4/bp.html)."""
    found: dict[str, Any] = {}
    for part in resource.get("component") or ():
        measured = part.get("valueQuantity") or {}
        if "comparator" in measured or not {measured.get("unit"), measured.get("code")} & _MERCURY:
            return ""
        for coding in (part.get("code") or {}).get("coding") or ():
            found[str(coding.get("code"))] = measured.get("value")
    if (
        len(resource.get("component") or ()) != 2
        or found.get("8480-6") is None
        or found.get("8462-4") is None
    ):
        return ""
    return f"{found['8480-6']}/{found['8462-4']} mmHg"


def _value(holder: Resource, translator: Translator) -> str:
    for name, value in holder.items():
        if not name.startswith("value"):
            continue
        match name:
            case "valueQuantity":
                return quantity(value, translator)
            case "valueCodeableConcept":
                return concept(value)
            case "valueBoolean":
                return translator.gettext(_YES if value else _NO)
            case "valueString" | "valueTime":
                return str(value)
            case "valueDateTime":
                return translator.moment(value)
            case "valueInteger":
                return translator.number(value)
            case "valueRange" | "valuePeriod" | "valueRatio":
                ends = [value.get(end) for end in ("low", "high", "start", "end", "numerator", "denominator")]
                told = (quantity(e, translator) if isinstance(e, dict) else str(e) for e in ends if e)
                return (":" if name == "valueRatio" else " - ").join(told)
    return concept(holder.get("dataAbsentReason"))


def quantity(value: Resource, translator: Translator) -> str:
    """An amount with its comparator and unit, its digits as recorded."""
    number = value.get("value")
    if number is None:
        return ""
    written = translator.number(number if isinstance(number, Decimal) else str(number))
    return " ".join(filter(None, (f"{value.get('comparator') or ''}{written}", value.get("unit"))))


def _deviation(resource: Resource) -> str:
    flags = [
        str(coding.get("code"))
        for each in resource.get("interpretation") or ()
        for coding in each.get("coding") or ()
    ]
    return next((flag for flag in flags if flag in {"H", "HH", "L", "LL", "A", "AA"}), "")


def _detail(resource: Resource, translator: Translator) -> str:
    """What belongs to the line: the reason of a contact, the dosage, what a score or report means."""
    dosages = resource.get("dosageInstruction") or resource.get("dosage") or ()
    dosages = dosages if isinstance(dosages, list) else [dosages]
    texts = [each.get("text") for each in dosages if isinstance(each, dict)]
    found = [
        *(text for text in texts if text),
        concept(resource.get("reasonCode")) if resource["resourceType"] != "MedicationRequest" else "",
        concept(resource.get("statusReason")),
        resource.get("conclusion"),
        resource.get("description") if resource["resourceType"] == "Appointment" else "",
        *(each.get("text") for each in resource.get("interpretation") or () if not each.get("coding")),
        *(concept(each.get("manifestation")) for each in resource.get("reaction") or ()),
    ]
    own = what_of(resource)
    return ", ".join(dict.fromkeys(str(text) for text in found if text and text != own))


def when_of(resource: Resource) -> str | None:
    """When it happened, as the resource says it: for a request or a judgement, when it was made."""
    names = (
        "date",
        "effectiveDateTime",
        "effectiveInstant",
        "recordedDate",
        "authoredOn",
        "authored",
        "occurrenceDateTime",
        "performedDateTime",
        "start",
        "started",
        "sent",
        "startDate",
        "whenHandedOver",
        "dateTime",
        "issued",
        "identifiedDateTime",
        "receivedTime",
    )
    periods = ("effectivePeriod", "performedPeriod", "period", "occurrencePeriod")
    starts = ((resource.get(name) or {}).get("start") for name in periods)
    found = (*(resource.get(name) for name in names), *starts, resource.get("created"))
    return next((each for each in found if isinstance(each, str) and each), None)


def authors_of(resource: Resource) -> Iterator[tuple[str | None, str | None]]:
    """Who stands behind an entry, as (reference, display): its author, else who did or asked for it."""
    names = (
        "author",
        "recorder",
        "asserter",
        "requester",
        "performer",
        "sender",
        "participant",
        "source",
        "owner",
        "expressedBy",
    )
    for name in names:
        held = resource.get(name)
        found = [
            (one.get("reference"), one.get("display"))
            for each in (held if isinstance(held, list) else [held])
            if isinstance(each, dict)
            for one in (each.get("actor") or each.get("individual") or each,)
            if isinstance(one, dict) and _is_staff(one)
        ]
        if found:
            yield from dict.fromkeys(found)
            return


def _is_staff(reference: Resource) -> bool:
    text = str(reference.get("reference") or "")
    return text.startswith(("Practitioner", "Organization/", "RelatedPerson/")) or (
        not text and bool(reference.get("display"))
    )


def _codes(value: Any) -> Sequence[str]:
    codings = value.get("coding") or () if isinstance(value, dict) else ()
    return [str(coding.get("code")) for coding in codings]


def _statuses(resource: Resource) -> list[str]:
    own = resource.get("docStatus") or resource.get("status") or resource.get("lifecycleStatus")
    if own == "cancelled" and resource["resourceType"] == "Task" and "executionPeriod" in resource:
        own = "not-done"  # an action of a plan at its time; a task that was called off has none
    return [
        *([own] if isinstance(own, str) else []),
        *_codes(resource.get("clinicalStatus")),
        *_codes(resource.get("verificationStatus")),
        *_codes(resource.get("achievementStatus")),
    ]


def _denied(resource: Resource, translator: Translator) -> str:
    found = next((_DENIED[each] for each in _statuses(resource) if each in _DENIED), "")
    if not found and resource.get("doNotPerform") is True:
        found = _DO_NOT
    return translator.gettext(found) if found else ""


def _state(resource: Resource, translator: Translator) -> str:
    signed = resource["resourceType"] in _SIGNED_BY_STATUS
    loud = [
        each
        for each in _statuses(resource)
        if each not in _QUIET and each not in _DENIED and (not signed or each == "amended")
    ]
    return ", ".join(translator.gettext(_STATES[each]) for each in dict.fromkeys(loud) if each in _STATES)


def _signed(resource: Resource) -> bool | None:
    status = resource.get("docStatus") or resource.get("status")
    match resource["resourceType"]:
        case "Composition":
            return status in ("final", "amended")
        case "QuestionnaireResponse":
            return status in ("completed", "amended")
        case "DocumentReference" if resource.get("docStatus"):
            return status in ("final", "amended")
    return None
