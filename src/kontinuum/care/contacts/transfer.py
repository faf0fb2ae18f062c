"""Moving an admitted patient to another ward: planned by one, taken in by the other, undone until then."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from kontinuum.care.contacts import places, writing
from kontinuum.care.contacts.deeds import Answer, now_of, own_contact
from kontinuum.care.contacts.one import Told, back, page_of
from kontinuum.care.contacts.places import own_unit, staff
from kontinuum.care.contacts.rules import possible
from kontinuum.care.contacts.writing import Placing
from kontinuum.fhir.authoring import author
from kontinuum.fhir.stays import is_inpatient, planned, unplanned
from kontinuum.kernel.around import Coming, UnitRequest
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import ActionRequest, NotFound

SHARED: Final = timedelta(days=365)
"""How long both units take part in the care after a move, as after a stay."""

_SOONEST: Final = timedelta(hours=12)
_LATEST: Final = timedelta(days=30)
_NO_WARD: Final = message("Choose to which ward.")
_NO_TIME: Final = message("Choose when, from twelve hours ago to thirty days ahead.")
_NOT_NOW: Final = message("The contact is in another state by now. Look at it again.")
_NO_BED: Final = message("Choose one of the ward's beds, or none for now.")
_BED_TAKEN: Final = message("Somebody lies in that bed by now. Choose another one.")


async def transfer(request: ActionRequest) -> Answer:
    """Answer POST `contacts/transfer`: the patient is to move to another ward, or (`undo`) stays."""
    found = await own_contact(request)
    if isinstance(found, NotFound):
        return found
    gettext = request.chart.translator.gettext
    if not is_inpatient(found.encounter) or "close" not in possible(found.encounter):
        return page_of(request, found, Told(gettext(_NOT_NOW)))
    ours: Mapping[str, Any] = await own_unit(request)
    moment = now_of(request)
    if request.one("undo"):
        changed, units = unplanned(found.encounter), [ours]
    else:
        ward = next((each for each in found.wards if each.reference == request.one("ward")), None)
        when = _moment(request.one("when"), local(request.chart.now))
        if ward is None or when is None:
            return page_of(request, found, Told(gettext(_NO_WARD if ward is None else _NO_TIME)))
        to = {"reference": ward.reference, "display": ward.name}
        changed = planned(found.encounter, [to], when.isoformat(timespec="seconds"))
        units = [ours, ward.unit]
    until = (local(request.chart.now) + SHARED).isoformat(timespec="seconds")
    identity = writing.shared_id(found.entry.id, request.principal.assignment.unit)
    team = writing.sharing(identity, request.chart.patient, found.entry.id, units, (moment, until))
    refused = await request.writer.write([changed, team], {f"Encounter/{found.entry.id}": request.version()})
    if refused is not None:
        return page_of(request, found, Told(refused.told(request.chart.translator)))
    return back(request, found.entry.id)


def _moment(text: str, now: datetime) -> datetime | None:
    """When, as the browser writes it; now where nothing is written."""
    if not text:
        return now
    try:
        when = local(datetime.fromisoformat(text))
    except ValueError:
        return None
    return when if now - _SOONEST <= when <= now + _LATEST else None


async def receive(request: ActionRequest) -> Answer:
    """Answer POST `contacts/receive`: the patient has come, to a bed or to none yet."""
    beds = places.beds_of(await request.record.find_many(places.bed_queries(request.principal)))
    chosen = request.one("bed")
    bed = next((each for each in beds if each.reference == chosen), None)
    if chosen and bed is None:
        return NotFound(_NO_BED)
    if bed is not None and await request.agenda.taken([bed.reference]):
        return NotFound(_BED_TAKEN)
    ward = next((each.ward for each in beds if each.ward), None)
    where = bed.placing if bed is not None else Placing(ward, None)
    people, who = await staff(request), request.one("staff")
    responsible = {"reference": who, "display": people[who]} if who in people else author(request.principal)
    unit, identity = await own_unit(request), request.one("id")
    refused = await request.writer.receive(identity, request.version(), where.here, responsible, unit)
    return back(request, identity) if refused is None else NotFound(" ".join(refused.reasons))


@dataclass(frozen=True, slots=True)
class OnTheWay:
    """Somebody who is on the way, as the board shows it."""

    coming: Coming
    person: Any
    unit: str
    when: str


async def on_the_way(request: UnitRequest) -> list[OnTheWay]:
    """Who is on the way to the unit of a board."""
    found = await request.record.coming()
    people = await request.people(sorted({one.patient for one in found}))
    await request.learn({one.unit for one in found})
    words, directory = request.translator, request.directory
    return [
        OnTheWay(one, people.get(one.patient), directory.unit(one.unit), words.moment(one.when))
        for one in found
    ]


def to_choose(beds: Collection[places.Bed], taken: Collection[str]) -> list[tuple[str, str]]:
    """The beds that are free, as references with names."""
    return [(bed.reference, bed.name) for bed in beds if bed.reference not in taken]
