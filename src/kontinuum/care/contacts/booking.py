"""Booking a visit and giving it another time: it asks before somebody is booked twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from kontinuum.care.contacts import writing
from kontinuum.care.contacts.kinds import BOOKABLE, KINDS
from kontinuum.care.contacts.places import staff
from kontinuum.care.contacts.rules import next_free, overlapping, read_moment
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.authoring import form_id, new_token
from kontinuum.kernel.around import Busy
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.ids import is_id
from kontinuum.kernel.module import ActionRequest, Moved, NotFound, PageRequest, ResourceVersion, View
from kontinuum.kernel.numbers import whole

LENGTHS: Final = (10, 15, 20, 30, 45, 60, 90, 120)
_STANDS: Final = frozenset({"proposed", "pending", "booked"})
_GONE: Final = message("There is no such booking in this patient's record.")
_NOT_YOURS: Final = message("It is booked at another unit, which is the one to change it.")
_OVER: Final = message("The booking is over or cancelled. Book anew.")
_NO_TIME: Final = message("Write day and time, such as 2026-12-14 09:30, 14/12 9.30 or +2v 9:30.")
_NO_STAFF: Final = message("Choose who the patient is to meet.")


@dataclass(frozen=True, slots=True)
class Filled:
    """The form as it is filled in; `of` is the id of the booking that gets another time."""

    token: str
    of: str = ""
    version: int = 0
    when: str = ""
    kind: str = BOOKABLE[0]
    minutes: int = 30
    staff: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Clash:
    """What the new time shares with what is booked: times of the person, and the patient's own."""

    name: str
    times: tuple[str, ...]
    patients: tuple[str, ...]
    free: str


async def find(request: PageRequest | ActionRequest, kind: str, identity: str) -> ResourceVersion | None:
    """A resource of this patient; None where there is none that may be read."""
    if not is_id(identity):
        return None
    query = f"{kind}?patient={request.chart.patient}&_id={identity}&_count=2"
    (page,) = await request.record.find_many([query])
    return next((entry for entry in page.matches if entry.body), None)


async def show(request: PageRequest) -> View | NotFound:
    """Answer GET `contacts/book`: the empty form, or with `of` that of a booking to move."""
    of = request.parameters.get("of", "")
    if not of:
        return await _view(request, Filled(new_token()))
    stands = await _standing(request, of)
    return stands if isinstance(stands, NotFound) else await _view(request, _as_it_stands(*stands))


async def _standing(
    request: PageRequest | ActionRequest, of: str
) -> tuple[dict[str, Any], ResourceVersion] | NotFound:
    entry = await find(request, "Appointment", of)
    if entry is None:
        return NotFound(_GONE)
    booking = fhir_json.loads(entry.body or b"{}")
    if entry.unit != request.principal.assignment.unit:
        return NotFound(_NOT_YOURS)
    return (booking, entry) if booking["status"] in _STANDS else NotFound(_OVER)


def _as_it_stands(booking: dict[str, Any], entry: ResourceVersion) -> Filled:
    start, end = booking.get("start"), booking.get("end")
    length = (local(end) - local(start)) // timedelta(minutes=1) if start and end else 30
    actors = [(part.get("actor") or {}).get("reference", "") for part in booking.get("participant") or ()]
    kind = writing.kind_of_booking(booking)
    return Filled(
        new_token(),
        of=entry.id,
        version=entry.version,
        when=local(start).strftime("%Y-%m-%d %H:%M") if start else "",
        kind=kind if kind in BOOKABLE else BOOKABLE[0],
        minutes=length if 0 < length <= 24 * 60 else 30,
        staff=next((each for each in actors if each.startswith("Practitioner")), ""),
        reason=", ".join(each.get("text", "") for each in booking.get("reasonCode") or ()),
    )


def _filled(request: ActionRequest) -> Filled:
    minutes, kind = request.one("minutes"), request.one("kind")
    return Filled(
        token=request.one("token") or new_token(),
        of=request.one("of"),
        version=request.version(),
        when=request.one("free") or request.one("when"),
        kind=kind if kind in BOOKABLE else BOOKABLE[0],
        minutes=whole(minutes) if 0 < whole(minutes) <= 24 * 60 else 30,
        staff=request.one("staff"),
        reason=request.one("reason"),
    )


async def book(request: ActionRequest) -> View | NotFound | Moved:
    """Answer POST `contacts/book`: write it, or (without `do=anyway`) tell what the time is taken by."""
    filled = _filled(request)
    before = await _standing(request, filled.of) if filled.of else None
    if isinstance(before, NotFound):
        return before
    gettext = request.chart.translator.gettext
    people = await staff(request)
    start = read_moment(filled.when, local(request.chart.now))
    if before is not None:
        people = _with_known(people, before[0], filled.staff)
    if start is None or filled.staff not in people:
        return await _view(request, filled, alert=gettext(_NO_TIME if start is None else _NO_STAFF))
    patient = request.chart.patient
    identity = filled.of or form_id(request.principal, patient, filled.token)
    if not filled.of and await find(request, "Appointment", identity) is not None:
        return Moved(f"{request.chart.path()}#contacts")  # an earlier press of the same button wrote it
    end = start + timedelta(minutes=filled.minutes)
    if request.one("do") != "anyway":
        clash = await _clash(request, filled, people[filled.staff], start, end)
        if clash is not None:
            return await _view(request, filled, clash=clash)
    person = {"reference": filled.staff, "display": people[filled.staff]}
    what = writing.Booking(filled.kind, start, end, person, filled.reason)
    moment = local(request.chart.now).isoformat(timespec="seconds")
    made = writing.booked(identity, patient, what, moment, before[0] if before else None)
    versions = {f"Appointment/{identity}": filled.version} if before else None
    refused = await request.writer.write([made], versions)
    if refused is not None:
        reason = refused.told(request.chart.translator)
        return await _view(request, filled, alert=reason)
    return Moved(f"{request.chart.path()}#contacts")


def _with_known(people: dict[str, str], booking: dict[str, Any], chosen: str) -> dict[str, str]:
    """Who the booking names already may be kept, also who has left the unit or is named by an assignment."""
    actors = [part.get("actor") or {} for part in booking.get("participant") or ()]
    known = {
        actor["reference"]: actor.get("display", "")
        for actor in actors
        if actor.get("reference", "").startswith("Practitioner")
    }
    return people | ({chosen: known[chosen]} if chosen in known and chosen not in people else {})


async def _clash(
    request: ActionRequest, filled: Filled, name: str, start: datetime, end: datetime
) -> Clash | None:
    """What is booked at the same time, for the person and for the patient."""
    low = start.replace(hour=0, minute=0)
    busy = await request.agenda.booked(filled.staff, low, low + timedelta(days=1), but=filled.of)
    taken = overlapping(busy, start, end)
    own = overlapping(await _patients(request, low, filled.of), start, end)
    if not taken and not own:
        return None
    free = next_free(busy, start, end - start)
    return Clash(
        name,
        tuple(_span(each) for each in taken),
        tuple(_span(each) for each in own),
        free.strftime("%Y-%m-%d %H:%M") if free else "",
    )


async def _patients(request: ActionRequest, day: datetime, but: str) -> list[Busy]:
    query = f"Appointment?patient={request.chart.patient}&date={day.date().isoformat()}&_count=50"
    (page,) = await request.record.find_many([query])
    bookings = [fhir_json.loads(entry.body) for entry in page.matches if entry.body]
    return [
        Busy(local(each["start"]), local(each["end"]))
        for each in bookings
        if each["id"] != but and each["status"] in (*_STANDS, "arrived") and "start" in each and "end" in each
    ]


def _span(busy: Busy) -> str:
    return f"{busy.start:%H:%M}–{busy.end:%H:%M}"


async def _view(
    request: PageRequest | ActionRequest, filled: Filled, *, alert: str = "", clash: Clash | None = None
) -> View:
    people = await staff(request)
    if filled.of and filled.staff and filled.staff not in people:
        entry = await find(request, "Appointment", filled.of)
        booking = fhir_json.loads(entry.body) if entry and entry.body else {}
        people = _with_known(people, booking, filled.staff)
    if not filled.staff:
        filled = replace(filled, staff=next(iter(people), ""))
    gettext = request.chart.translator.gettext
    lengths: Sequence[int] = sorted({*LENGTHS, filled.minutes})
    values = {
        "filled": filled,
        "people": people,
        "kinds": {key: gettext(KINDS[key].title) for key in BOOKABLE},
        "lengths": lengths,
        "unit": request.principal.assignment.unit_name,
        "alert": alert,
        "clash": clash,
    }
    return View("contacts/book.html", values)
