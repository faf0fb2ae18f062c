"""Today at the unit: who is booked, has come, is seen, and has left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote

from kontinuum.care.contacts.kinds import BOOKING_STATES, STATES
from kontinuum.care.contacts.one import address, kind_label, reason_of
from kontinuum.care.contacts.ward import LYING, subject_of
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.stays import is_inpatient
from kontinuum.kernel.around import UnitRequest
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import BannerNote, Chart, NotFound, ResultPage, View

AT_MOST: Final = 500
_GROUPS: Final[Mapping[str, str]] = {
    "waiting": message("Has come"),
    "seen": message("Under way"),
    "booked": message("Booked later today"),
    "over": message("Over"),
}
_GROUP_OF: Final[Mapping[str, str]] = {
    "proposed": "booked",
    "pending": "booked",
    "booked": "booked",
    "planned": "booked",
    "checked-in": "waiting",
    "arrived": "waiting",
    "triaged": "waiting",
    "in-progress": "seen",
    "finished": "over",
    "fulfilled": "over",
    "noshow": "over",
    "cancelled": "over",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A patient of the day; `id` or `booking` is what a step is taken with, in a `version`."""

    group: str
    at: str
    id: str
    booking: str
    version: int
    status: str
    state: str
    patient: str
    person: Any
    kind: str
    reason: str
    staff: str
    address: str
    notes: tuple[BannerNote, ...]


async def today(request: UnitRequest) -> View | NotFound:
    """Answer GET `/unit/today`: bookings and contacts of the day at the unit, each patient's once."""
    low, high = bounds(request)
    begun = f"Encounter?date=ge{low}&date=lt{high}&_sort=date&_count={AT_MOST}"
    bookings, contacts, ongoing = await request.record.at_own_unit.find_many(
        [
            f"Appointment?date=ge{low}&date=lt{high}&_sort=date&_count={AT_MOST}",
            begun,
            f"Encounter?status={LYING}&_sort=date&_count={AT_MOST}",
        ]
    )
    rows = await day_rows(request, bookings, (contacts, ongoing), noted=True)
    values = {
        "unit": request.principal.assignment.unit_name,
        "day": request.translator.day(request.now),
        "groups": [
            (key, request.translator.gettext(title), shown)
            for key, title in _GROUPS.items()
            if (shown := [row for row in rows if row.group == key])
        ],
        "complete": all(page.next is None for page in (bookings, contacts, ongoing)),
    }
    return View("contacts/today.html", values)


def bounds(request: UnitRequest) -> tuple[str, str]:
    """The first moment of the day and that of the next, as a search writes them."""
    day = local(request.now).replace(hour=0, minute=0, second=0, microsecond=0)
    return quote(day.isoformat(), safe=""), quote((day + timedelta(days=1)).isoformat(), safe="")


async def day_rows(
    request: UnitRequest, bookings: ResultPage, contacts: Iterable[ResultPage], *, noted: bool
) -> list[Row]:
    """Visits and what is booked, in the order of their times: who has come is a visit, not a booking too.

    `noted` says whether what the modules add to each patient is wanted.
    """
    found = {
        entry.id: (fhir_json.loads(entry.body), entry.version)
        for page in contacts
        for entry in page.matches
        if entry.body
    }
    visits = [
        (body, version)
        for body, version in found.values()
        if not is_inpatient(body)
        and body["status"] in _GROUP_OF
        and not (body["status"] == "planned" and body.get("appointment"))
    ]
    met = {
        one.get("reference", "").rpartition("/")[2]
        for body, _ in visits
        for one in body.get("appointment") or ()
    }
    booked = [
        (fhir_json.loads(entry.body), entry.version)
        for entry in bookings.matches
        if entry.body and entry.id not in met
    ]
    shown = [*(one for one in booked if one[0]["status"] in _GROUP_OF), *visits]
    return await _rows(request, shown, noted=noted)


async def _rows(request: UnitRequest, found: list[tuple[dict[str, Any], int]], *, noted: bool) -> list[Row]:
    about = [(body, version, _patient_of(body)) for body, version in found]
    patients = sorted({patient for _, _, patient in about if patient})
    people = await request.people(patients)
    notes = await request.notes(patients, ()) if noted else {}
    made = [
        _row(request, body, version, patient, people.get(patient), notes.get(patient, ()))
        for body, version, patient in about
    ]
    return sorted(made, key=lambda row: row.at)


def _patient_of(body: Mapping[str, Any]) -> str:
    if body["resourceType"] == "Encounter":
        return subject_of(body)
    actors = [(one.get("actor") or {}).get("reference", "") for one in body.get("participant") or ()]
    return next((one.rpartition("/")[2] for one in actors if one.startswith("Patient/")), "")


def _row(
    request: UnitRequest,
    body: Mapping[str, Any],
    version: int,
    patient: str,
    person: Any,
    notes: tuple[BannerNote, ...],
) -> Row:
    words = request.translator
    contact = body["resourceType"] == "Encounter"
    start = (body.get("period") or {}).get("start") if contact else body.get("start")
    parts = [one.get("individual" if contact else "actor") or {} for one in body.get("participant") or ()]
    staff = [
        request.directory.name(one.get("reference"), one.get("display"))
        for one in parts
        if one.get("reference", "").startswith("Practitioner") or (contact and one)
    ]
    chart = Chart(patient, request.now, words, request.directory)
    state = (STATES if contact else BOOKING_STATES)[body["status"]]
    return Row(
        group=_GROUP_OF[body["status"]],
        at=words.clock(start) if words.day(start) == words.day(request.now) else words.day(start),
        id=body["id"] if contact else "",
        booking="" if contact else body["id"],
        version=version,
        status=body["status"],
        state=words.gettext(state),
        patient=patient,
        person=person,
        kind=kind_label(body if contact else {"type": body.get("serviceType")}, words),
        reason=reason_of(body),
        staff=", ".join(filter(None, staff)),
        address=address(chart, body["id"], "" if contact else body["id"]),
        notes=tuple(one for one in notes if one.tone != "quiet"),
    )
