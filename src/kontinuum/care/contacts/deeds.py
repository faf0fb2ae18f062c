"""What is done with a contact: begun, taken from state to state, closed, corrected; measures set at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from kontinuum.care.contacts import writing
from kontinuum.care.contacts.booking import find
from kontinuum.care.contacts.found import Found, gather
from kontinuum.care.contacts.kinds import AT_ONCE, CANCELLED_BY, DESTINATIONS
from kontinuum.care.contacts.one import GONE, Told, back, booking_page, page_of, reason_of
from kontinuum.care.contacts.places import own_unit
from kontinuum.care.contacts.rules import BOOKING_OF, UNDO, possible, taken
from kontinuum.care.contacts.writing import Placing
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir import stays
from kontinuum.fhir.authoring import author, contact_of, form_id
from kontinuum.fhir.stays import is_inpatient
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import ActionRequest, Moved, NotFound, Refused, ResourceVersion, View

MEASURE: Final = "measure"
_NO_KIND: Final = message("Choose what kind of contact it is.")
_NOT_YOURS: Final = message("It is another unit's contact, which is the one to change it.")
_NOT_NOW: Final = message("The contact is in another state by now. Look at it again.")
_NO_REASON: Final = message("Write why. Whoever reads it later must understand why it was struck.")
_UNDO_FIRST: Final = message("The contact came of a booking: undo its steps, and the booking stands again.")
_NO_DESTINATION: Final = message("Choose where the patient is discharged to.")
_NO_BED: Final = message("Choose one of the ward's beds.")
_BED_TAKEN: Final = message("Somebody lies in that bed by now. Choose another one.")
_UNKNOWN_CODE: Final = message("The code is not known here any more. Choose another one.")
_BY_MISTAKE: Final = "Felregistrerad."

Answer = View | NotFound | Moved


def now_of(request: ActionRequest) -> str:
    """The present, as it is written."""
    return local(request.chart.now).isoformat(timespec="seconds")


async def begin(request: ActionRequest) -> Answer:
    """Answer POST `contacts/begin`: a contact that takes place now."""
    kind = request.one("kind")
    if kind not in AT_ONCE:
        return NotFound(_NO_KIND)
    patient = request.chart.patient
    identity = form_id(request.principal, patient, request.one("token"))
    if (
        await find(request, "Encounter", identity) is None
    ):  # else an earlier press of the same button wrote it
        made = writing.begun(
            identity, patient, kind, now_of(request), author(request.principal), await own_unit(request)
        )
        refused = await request.writer.write([made])
        if refused is not None:
            return NotFound(" ".join(refused.reasons))
    return back(request, identity)


async def own_contact(request: ActionRequest) -> Found | NotFound:
    """The contact that a form names, where it is the own unit's."""
    found = await gather(request, request.one("id"))
    if found is None:
        return NotFound(GONE)
    return found if found.own else NotFound(_NOT_YOURS)


async def _own_as_typed(request: ActionRequest) -> Found | NotFound:
    """The unit's contact with the reason that stands in the field beside the button that was pressed."""
    found = await own_contact(request)
    typed = request.one("reason")
    if isinstance(found, NotFound) or "reason" not in request.fields:
        return found
    if typed.split() == reason_of(found.encounter).split():
        return found
    return replace(found, encounter=writing.with_reason(found.encounter, typed))


def _told(request: ActionRequest, refused: Refused) -> str:
    return refused.told(request.chart.translator)


async def _write(
    request: ActionRequest, found: Found, changed: Mapping[str, Any], told: Told | None = None
) -> Answer:
    """Write a contact in its new state, and with it the booking that it came of."""
    resources: list[Mapping[str, Any]] = [changed]
    versions = {f"Encounter/{found.entry.id}": request.version()}
    booking, to = found.booking, BOOKING_OF.get(changed["status"], "arrived")
    if booking is not None:
        body = fhir_json.loads(booking.body or b"{}")
        if body["status"] != to:
            resources.append(writing.put(body, to))
            versions[f"Appointment/{booking.id}"] = booking.version
    refused = await request.writer.write(resources, versions)
    if refused is not None:
        return page_of(request, found, replace(told or Told(), alert=_told(request, refused)))
    planned = changed["status"] == "planned" and booking is not None
    return back(request, found.entry.id, booking.id if planned and booking is not None else "")


async def step(request: ActionRequest) -> Answer:
    """Answer POST `contacts/step`: a contact or booking in its next state, or (`undo`) the one before."""
    if request.one("booking"):
        return await _booking_step(request)
    found = await _own_as_typed(request)
    if isinstance(found, NotFound):
        return found
    name = request.one("step")
    if name == "close" or name not in possible(found.encounter):
        alert = request.chart.translator.gettext(_NOT_NOW)
        return page_of(request, found, Told(alert))
    return await _write(request, found, taken(found.encounter, name, now_of(request)))


async def _booking_step(request: ActionRequest) -> Answer:
    entry = await find(request, "Appointment", request.one("booking"))
    if entry is None:
        return NotFound(GONE)
    if entry.unit != request.principal.assignment.unit:
        return NotFound(_NOT_YOURS)
    booking = fhir_json.loads(entry.body or b"{}")
    name, by = request.one("step"), request.one("by")
    stands = booking["status"] in ("proposed", "pending", "booked")
    fallen = booking["status"] in ("cancelled", "noshow")
    if name in ("arrive", "start") and stands:
        return await _let_in(request, entry, booking, name)
    change = None
    if name == "cancel" and stands and by in CANCELLED_BY:
        change = writing.put(booking, "cancelled", by)
    elif name == "noshow" and stands:
        change = writing.put(booking, "noshow")
    elif name == UNDO and fallen:
        change = writing.put(booking, "booked")
    if change is None:
        return booking_page(request, entry, request.chart.translator.gettext(_NOT_NOW))
    refused = await request.writer.write([change], {f"Appointment/{entry.id}": request.version()})
    if refused is not None:
        return booking_page(request, entry, _told(request, refused))
    return back(request, "", entry.id)


async def _let_in(
    request: ActionRequest, entry: ResourceVersion, booking: Mapping[str, Any], name: str
) -> Answer:
    """The patient has come, or is called: the booking becomes a contact, one however often it is pressed."""
    moment = now_of(request)
    versions = {f"Appointment/{entry.id}": request.version()}
    before = await find(request, "Encounter", contact_of(entry.id))
    if before is not None:
        encounter = fhir_json.loads(before.body or b"{}")
        versions[f"Encounter/{before.id}"] = before.version
    else:
        kind = writing.kind_of_booking(booking)
        encounter = writing.arrived(booking, kind, request.chart.patient, moment, await own_unit(request))
    if name not in possible(encounter):
        return booking_page(request, entry, request.chart.translator.gettext(_NOT_NOW))
    made = taken(encounter, name, moment)
    refused = await request.writer.write([made, writing.put(booking, "arrived")], versions)
    if refused is not None:
        return booking_page(request, entry, _told(request, refused))
    return back(request, made["id"])


async def detail(request: ActionRequest) -> Answer:
    """Answer POST `contacts/detail`: the reason for the contact, in other words."""
    found = await _own_as_typed(request)
    if isinstance(found, NotFound):
        return found
    return await _write(request, found, found.encounter)


async def close(request: ActionRequest) -> Answer:
    """Answer POST `contacts/close`: tell what is not done; close where all is, or with `do=anyway`."""
    found = await _own_as_typed(request)
    if isinstance(found, NotFound):
        return found
    gettext = request.chart.translator.gettext
    destination = request.one("destination")
    if "close" not in possible(found.encounter):
        return page_of(request, found, Told(gettext(_NOT_NOW)))
    told = Told(closing=True, destination=destination)
    changed: Mapping[str, Any] = found.encounter
    if is_inpatient(found.encounter):
        if destination not in DESTINATIONS:
            return page_of(request, found, replace(told, alert=gettext(_NO_DESTINATION)))
        changed = writing.discharged(changed, destination, now_of(request))
    if found.missing and request.one("do") != "anyway":
        return page_of(request, found, told)
    return await _write(request, found, taken(changed, "close", now_of(request)), told)


async def move(request: ActionRequest) -> Answer:
    """Answer POST `contacts/move`: an admitted patient lies in another bed."""
    found = await _own_as_typed(request)
    if isinstance(found, NotFound):
        return found
    gettext = request.chart.translator.gettext
    chosen = request.one("bed")
    bed = next((each for each in found.beds if each.reference == chosen), None)
    lies = is_inpatient(found.encounter) and "close" in possible(found.encounter)
    if bed is None and chosen:
        return page_of(request, found, Told(gettext(_NO_BED)))
    if not lies or chosen in found.taken:
        return page_of(request, found, Told(gettext(_BED_TAKEN if lies else _NOT_NOW)))
    ward = next((each.ward for each in found.beds if each.ward), None)
    where = bed.placing if bed is not None else Placing(ward, None)
    return await _write(request, found, stays.placed(found.encounter, where.here, now_of(request)))


async def strike(request: ActionRequest) -> Answer:
    """Answer POST `contacts/strike`: the contact was entered in error; it stays readable with the reason."""
    found = await own_contact(request)
    if isinstance(found, NotFound):
        return found
    reason, gettext = request.one("reason"), request.chart.translator.gettext
    if found.booking is not None or not reason.strip():
        return page_of(request, found, Told(gettext(_UNDO_FIRST if found.booking else _NO_REASON)))
    refused = await request.writer.withdraw("Encounter", found.entry.id, reason, request.version())
    if refused is not None:
        return page_of(request, found, Told(_told(request, refused)))
    return Moved(f"{request.chart.path()}#contacts")


async def measure(request: ActionRequest) -> Answer:
    """Answer POST `contacts/measure`: set a measure (KVÅ) at the contact, or (`strike`) take one away.

    A reason that stands typed on the page is kept with the measure.
    """
    found = await _own_as_typed(request)
    if isinstance(found, NotFound):
        return found
    gone = next((each for each in found.measures if each.id == request.one("strike")), None)
    if gone is not None:
        refused = await request.writer.withdraw("Procedure", gone.id, _BY_MISTAKE, gone.version)
    else:
        code = request.one("choice") or request.one("code")
        if not code:
            text = request.one("text")
            suggested = await request.terms.suggest(MEASURE, text)
            return page_of(request, found, Told(text=text, suggested=suggested))
        term = await request.terms.find(MEASURE, code)
        if term is None:
            return page_of(request, found, Told(request.chart.translator.gettext(_UNKNOWN_CODE)))
        patient = request.chart.patient
        identity = form_id(request.principal, patient, f"{request.one('token')}/{code}")
        moment = (found.encounter.get("period") or {}).get("end") or now_of(request)
        made = writing.measured(identity, patient, found.entry.id, term, moment, author(request.principal))
        typed = found.encounter != fhir_json.loads(found.entry.body or b"{}")
        versions = {f"Encounter/{found.entry.id}": request.version()} if typed else None
        refused = await request.writer.write([made, *([found.encounter] if typed else [])], versions)
        if refused is None:
            await request.terms.chose(MEASURE, code)
    if refused is not None:
        return page_of(request, found, Told(_told(request, refused)))
    return back(request, found.entry.id)
