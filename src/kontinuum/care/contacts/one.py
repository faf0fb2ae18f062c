"""The page of one contact, or of a booking that no contact has come of yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from kontinuum.care.contacts.booking import find
from kontinuum.care.contacts.found import MEASURES, Found, Part, gather, told_of
from kontinuum.care.contacts.kinds import BOOKING_STATES, CANCELLED_BY, DESTINATIONS, KINDS, STATES, SYSTEM
from kontinuum.care.contacts.rules import UNDO, possible
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.authoring import contact_of, new_token
from kontinuum.fhir.stays import going, is_inpatient, staying
from kontinuum.kernel.i18n import Translator, message
from kontinuum.kernel.module import (
    ActionRequest,
    Chart,
    Moved,
    NotFound,
    PageRequest,
    ResourceVersion,
    View,
)
from kontinuum.kernel.terms import Suggested

GONE: Final = message("There is no such contact in this patient's record.")
STEP_NAMES: Final[Mapping[str, str]] = {
    "arrive": message("Has arrived"),
    "start": message("Begin the contact"),
    "leave": message("On leave"),
    "return": message("Back from leave"),
    "reopen": message("Open again"),
    "cancel": message("Cancel the contact"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """What a deed has to say on the page: why it was not done, what is asked before it is closed.

    `text` is what stood in the field of a measure, `suggested` the codes for it.
    """

    alert: str = ""
    closing: bool = False
    destination: str = ""
    text: str = ""
    suggested: Suggested | None = None


@dataclass(frozen=True, slots=True)
class Stay:
    """Where the patient lay, and since when."""

    place: str
    since: str
    until: str


def kind_label(encounter: Mapping[str, Any], words: Translator) -> str:
    """What kind of contact it is, in the words of the record; in the reader's where the code is ours."""
    concepts = encounter.get("type") or encounter.get("serviceType") or ()
    concepts = [concepts] if isinstance(concepts, dict) else concepts
    for concept in concepts:
        for coding in concept.get("coding") or ():
            known = KINDS.get(coding.get("code", "")) if coding.get("system") == SYSTEM else None
            if known is not None and concept.get("text") in (None, known.swedish):
                return words.gettext(known.title)
        text = concept.get("text") or next((c.get("display") for c in concept.get("coding") or ()), None)
        if text:
            return str(text)
    return (encounter.get("class") or {}).get("display") or words.gettext("Contact")


def address(chart: Chart, identity: str, booking: str = "") -> str:
    """The chart with the page of a contact or booking beside it."""
    below = f"contacts/one?{'booking' if booking else 'id'}={quote(booking or identity, safe='')}"
    return f"{chart.path()}?beside={quote(below, safe='/')}"


async def show(request: PageRequest) -> View | NotFound:
    """Answer GET `contacts/one`: with `id` a contact, with `booking` a booking or what came of it."""
    booking = request.parameters.get("booking", "")
    identity = contact_of(booking) if booking else request.parameters.get("id", "")
    found = await gather(request, identity)
    if found is not None and not (booking and found.encounter["status"] in ("planned", "entered-in-error")):
        return page_of(request, found)
    entry = await find(request, "Appointment", booking)
    if entry is None:
        return NotFound(GONE)
    # The contact that is to come of it: what belongs to that is told already.
    coming = {"id": identity, "appointment": [{"reference": f"Appointment/{booking}"}]}
    parts, _ = await told_of(request, coming)
    return booking_page(request, entry, parts=parts)


def page_of(request: PageRequest | ActionRequest, found: Found, told: Told | None = None) -> View:
    """The page of a contact."""
    told = told or Told()
    words, encounter = request.chart.translator, found.encounter
    period = encounter.get("period") or {}
    people = [one.get("individual") or {} for one in encounter.get("participant") or ()]
    steps = possible(encounter) if found.own else ()
    earlier = [STATES[each["status"]] for each in encounter.get("statusHistory") or ()]
    values = {
        "contact": {
            "id": found.entry.id,
            "version": found.entry.version,
            "kind": kind_label(encounter, words),
            "state": words.gettext(STATES.get(encounter["status"], encounter["status"])),
            "status": encounter["status"],
            "start": words.moment(period.get("start")),
            "end": words.moment(period.get("end")),
            "reason": ", ".join(_labels(encounter.get("reasonCode"))),
            "unit": request.chart.directory.unit(found.entry.unit),
            "staff": [
                request.chart.directory.name(one.get("reference"), one.get("display")) for one in people
            ],
            "destination": _destination(encounter, words),
        },
        "stays": [_stay(one, words) for one in staying(encounter)],
        "own": found.own,
        "inpatient": is_inpatient(encounter),
        "steps": [(name, words.gettext(STEP_NAMES[name])) for name in steps if name in STEP_NAMES],
        "closes": "close" in steps,
        "undo": words.gettext(earlier[-1]) if UNDO in steps else "",
        "measures": found.measures,
        "measures_title": words.gettext(MEASURES),
        "parts": found.parts,
        "missing": found.missing,
        "beds": [(bed.reference, bed.name, bed.reference in found.taken) for bed in found.beds],
        "bed": _bed(encounter, {bed.reference for bed in found.beds}),
        "wards": [(ward.reference, ward.name) for ward in found.wards],
        "going": next((_stay(one, words) for one in going(encounter)), None),
        "destinations": {key: words.gettext(title) for key, (title, _) in DESTINATIONS.items()},
        "told": told,
        "token": new_token(),
    }
    return View("contacts/one.html", values)


def _labels(concepts: Any) -> list[str]:
    return [
        text
        for one in concepts or ()
        if (text := one.get("text") or next((c.get("display") for c in one.get("coding") or ()), None))
    ]


def reason_of(booking: Mapping[str, Any]) -> str:
    """Why something is booked, in the words that were used."""
    return ", ".join(_labels(booking.get("reasonCode"))) or str(booking.get("description") or "")


def _destination(encounter: Mapping[str, Any], words: Translator) -> str:
    concept = (encounter.get("hospitalization") or {}).get("dischargeDisposition") or {}
    codes = [one.get("code", "") for one in concept.get("coding") or ()]
    known = next((DESTINATIONS[code][0] for code in codes if code in DESTINATIONS), "")
    return words.gettext(known) if known else ", ".join(_labels([concept]))


def _stay(location: Mapping[str, Any], words: Translator) -> Stay:
    period = location.get("period") or {}
    left = location.get("status") == "completed"
    until = words.moment(period.get("end")) if left else ""
    return Stay(location["location"].get("display", ""), words.moment(period.get("start")), until)


def _bed(encounter: Mapping[str, Any], beds: set[str]) -> str:
    """The bed in which the patient lies now, among those of the unit."""
    here = [
        one["location"].get("reference", "")
        for one in encounter.get("location") or ()
        if one.get("status") != "completed"
    ]
    return next((one for one in here if one in beds), "")


def booking_page(
    request: PageRequest | ActionRequest,
    entry: ResourceVersion,
    alert: str = "",
    parts: Sequence[Part] = (),
) -> View:
    """The page of a booking."""
    words = request.chart.translator
    booking = fhir_json.loads(entry.body or b"{}")
    actors = [one.get("actor") or {} for one in booking.get("participant") or ()]
    names = [
        request.chart.directory.name(one.get("reference"), one.get("display"))
        for one in actors
        if one.get("reference", "").startswith("Practitioner")
    ]
    status = booking["status"]
    values = {
        "booking": {
            "id": entry.id,
            "version": entry.version,
            "kind": kind_label({"type": booking.get("serviceType")}, words),
            "state": words.gettext(BOOKING_STATES.get(status, status)),
            "status": status,
            "start": words.moment(booking.get("start")),
            "end": words.clock(booking.get("end")),
            "reason": reason_of(booking),
            "why": ", ".join(_labels([booking.get("cancelationReason") or {}])),
            "unit": request.chart.directory.unit(entry.unit),
            "staff": names,
        },
        "own": entry.unit == request.principal.assignment.unit,
        "stands": status in ("proposed", "pending", "booked"),
        "fallen": status in ("cancelled", "noshow"),
        "cancelled_by": {key: words.gettext(title) for key, (title, _) in CANCELLED_BY.items()},
        "alert": alert,
        "parts": parts,
    }
    return View("contacts/booking.html", values)


def back(request: ActionRequest, identity: str, booking: str = "") -> Moved:
    """Where a deed leads: to the page of the contact, or to the unit's page that it was done on."""
    to = (request.fields.get("back") or ("",))[0]
    return Moved(f"/unit/{to}" if to in ("today", "ward") else address(request.chart, identity, booking))
