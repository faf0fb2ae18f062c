"""Admission to a ward and a bed, and the board of the ward: who lies where, since when, and what to know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kontinuum.care.contacts import places, writing
from kontinuum.care.contacts.booking import find
from kontinuum.care.contacts.deeds import now_of
from kontinuum.care.contacts.one import address, back
from kontinuum.care.contacts.places import Bed, own_unit
from kontinuum.care.contacts.transfer import on_the_way, to_choose
from kontinuum.care.contacts.writing import Placing
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.authoring import author, form_id, new_token
from kontinuum.fhir.stays import INPATIENT, going, is_inpatient, staying
from kontinuum.kernel.around import UnitRequest
from kontinuum.kernel.i18n import Translator, local, message
from kontinuum.kernel.module import ActionRequest, BannerNote, Chart, Moved, NotFound, PageRequest, View

LYING: Final = "arrived,triaged,in-progress,onleave"
_AT_MOST: Final = 200
_NO_REASON: Final = message("Write why the patient is admitted.")
_NO_BED: Final = message("Choose one of the ward's beds, or none for now.")
_BED_TAKEN: Final = message("Somebody lies in that bed by now. Choose another one.")
_SINCE: Final = message("%(unit)s since %(day)s")
_ADMITTED: Final = message("The patient is admitted here already.")


@dataclass(frozen=True, slots=True)
class Filled:
    """The form of an admission as it is filled in."""

    token: str
    reason: str = ""
    bed: str = ""


@dataclass(frozen=True, slots=True)
class Lying:
    """A patient on the board; `days` since the day of admission."""

    patient: str
    person: Any
    address: str
    reason: str
    since: str
    days: int
    away: bool
    doctor: str
    to: str
    notes: tuple[BannerNote, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A bed of the board and who lies in it: nobody, one, or by mistake several."""

    bed: str
    lying: tuple[Lying, ...]


async def show_admission(request: PageRequest) -> View | NotFound:
    """Answer GET `contacts/admit`: the form."""
    return await _form(request, Filled(new_token()))


async def _form(request: PageRequest | ActionRequest, filled: Filled, alert: str = "") -> View:
    beds = places.beds_of(await request.record.find_many(places.bed_queries(request.principal)))
    taken = await request.agenda.taken([bed.reference for bed in beds])
    current, elsewhere = await _admissions(request)
    values = {
        "filled": filled,
        "beds": [(bed.reference, bed.name, bed.reference in taken) for bed in beds],
        "unit": request.principal.assignment.unit_name,
        "current": address(request.chart, current) if current else "",
        "elsewhere": elsewhere,
        "alert": alert,
    }
    return View("contacts/admit.html", values)


async def _admissions(request: PageRequest | ActionRequest) -> tuple[str, list[str]]:
    """The id of an admission here that goes on, empty for none; and where else the patient lies."""
    query = f"Encounter?patient={request.chart.patient}&status={LYING}&_count=20"
    (page,) = await request.record.find_many([query])
    own, elsewhere = "", []
    for entry in page.matches:
        encounter = fhir_json.loads(entry.body or b"{}")
        if not is_inpatient(encounter):
            continue
        if entry.unit == request.principal.assignment.unit:
            own = own or entry.id
        else:
            since = request.chart.translator.day((encounter.get("period") or {}).get("start"))
            where = {"unit": request.chart.directory.unit(entry.unit), "day": since}
            elsewhere.append(request.chart.translator.gettext(_SINCE) % where)
    return own, elsewhere


async def admit(request: ActionRequest) -> View | NotFound | Moved:
    """Answer POST `contacts/admit`: the patient is admitted now, to a bed or to none yet."""
    patient, gettext = request.chart.patient, request.chart.translator.gettext
    filled = Filled(request.one("token") or new_token(), request.one("reason"), request.one("bed"))
    identity = form_id(request.principal, patient, filled.token)
    if await find(request, "Encounter", identity) is not None:
        return back(request, identity)  # an earlier press of the same button wrote it
    beds = {bed.reference: bed for bed in await _beds(request)}
    taken = await request.agenda.taken([*beds])
    lacking = (
        _ADMITTED
        if (await _admissions(request))[0]
        else _NO_REASON
        if not filled.reason.strip()
        else _NO_BED
        if filled.bed and filled.bed not in beds
        else _BED_TAKEN
        if filled.bed in taken
        else ""
    )
    if lacking:
        return await _form(request, filled, gettext(lacking))
    ward = next((bed.ward for bed in beds.values() if bed.ward), None)
    where = beds[filled.bed].placing if filled.bed else Placing(ward, None)
    moment, unit = now_of(request), await own_unit(request)
    who = author(request.principal)
    made = writing.admitted(identity, patient, moment, who, unit, filled.reason, where)
    refused = await request.writer.write([made])
    if refused is not None:
        return await _form(request, filled, " ".join(refused.reasons))
    return back(request, identity)


async def _beds(request: ActionRequest) -> list[Bed]:
    return places.beds_of(await request.record.find_many(places.bed_queries(request.principal)))


async def board(request: UnitRequest) -> View | NotFound:
    """Answer GET `/unit/ward`: each bed of the unit, and the admissions that have none."""
    beds = places.beds_of(await request.record.find_many(places.bed_queries(request.principal)))
    contacts, complete = await admitted_now(request)
    shown = await lying_now(request, contacts)
    lying = list(zip(map(beds_of_contact, contacts), shown, strict=True))
    known = {bed.reference for bed in beds}
    rows = [Row(bed.name, tuple(who for lies, who in lying if bed.reference in lies)) for bed in beds]
    coming = await on_the_way(request)
    staff = await request.record.find_many(places.staff_queries(request.principal)) if coming else ()
    lain_in = {reference for lies, _ in lying for reference in lies}
    values = {
        "unit": request.principal.assignment.unit_name,
        "coming": coming,
        "free_beds": to_choose(beds, lain_in),
        "staff": places.staff_of(staff, request.principal, request.now) if staff else {},
        "rows": rows,
        "unplaced": [who for lies, who in lying if not lies & known],
        "patients": len({who.patient for who in shown if who.patient}),
        "free": sum(not row.lying for row in rows),
        "complete": complete,
    }
    return View("contacts/board.html", values)


async def admitted_now(request: UnitRequest) -> tuple[list[dict[str, Any]], bool]:
    """The admissions to the unit that go on, the earliest first, and whether these are all."""
    classes = ",".join(sorted(INPATIENT))
    query = f"Encounter?status={LYING}&class={classes}&_sort=date&_count={_AT_MOST}"
    (page,) = await request.record.at_own_unit.find_many([query])
    return [fhir_json.loads(entry.body) for entry in page.matches if entry.body], page.next is None


async def lying_now(request: UnitRequest, contacts: Sequence[Mapping[str, Any]]) -> list[Lying]:
    """Who lies here by some admissions, each with what the modules add."""
    about = [(one, subject_of(one)) for one in contacts]
    patients = sorted({patient for _, patient in about if patient})
    here = {patient for one, patient in about if one["status"] != "onleave"}
    people, notes = await request.people(patients), await request.notes(patients, here)
    return [
        _lying(request, one, patient, people.get(patient), notes.get(patient, ())) for one, patient in about
    ]


def subject_of(contact: Mapping[str, Any]) -> str:
    """The id of the patient of a contact."""
    reference: str = (contact.get("subject") or {}).get("reference", "")
    return reference.rpartition("Patient/")[2]


def beds_of_contact(contact: Mapping[str, Any]) -> frozenset[str]:
    """References of the places where the patient of an admission lies."""
    return frozenset(
        one["location"].get("reference", "") for one in staying(contact) if one.get("status") != "completed"
    )


def _lying(
    request: UnitRequest,
    contact: Mapping[str, Any],
    patient: str,
    person: Any,
    notes: tuple[BannerNote, ...],
) -> Lying:
    words = request.translator
    start = (contact.get("period") or {}).get("start")
    people = [one.get("individual") or {} for one in contact.get("participant") or ()]
    days = (local(request.now).date() - local(start).date()).days if start else 0
    chart = Chart(patient, request.now, words, request.directory)
    return Lying(
        patient=patient,
        person=person,
        address=address(chart, contact["id"]),
        reason=", ".join(one.get("text", "") for one in contact.get("reasonCode") or ()),
        since=words.day(start),
        days=max(days, 0),
        away=contact["status"] == "onleave",
        doctor=next((request.directory.name(one.get("reference"), one.get("display")) for one in people), ""),
        to=", ".join(_plan(one, words) for one in going(contact)),
        notes=notes,
    )


def _plan(place: Mapping[str, Any], words: Translator) -> str:
    when = words.moment((place.get("period") or {}).get("start"))
    return f"{place['location'].get('display', '')} {when}"
