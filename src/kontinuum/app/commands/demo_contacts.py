"""The day at the health centre and the ward's patients in a new demo region, written by who works there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from kontinuum.app.services import Services
from kontinuum.care.contacts import rules, writing
from kontinuum.care.contacts.writing import Booking, Placing
from kontinuum.demo import personas
from kontinuum.demo.day import WARD_STAY
from kontinuum.demo.region import region
from kontinuum.fhir import json
from kontinuum.fhir.authoring import author
from kontinuum.fhir.stays import placed
from kontinuum.kernel.i18n import local
from kontinuum.kernel.principal import Principal
from kontinuum.record import Record, Refusal, SearchPage

CENTRE: Final = "tallbacken"
WARD: Final = "avd-32"

VISITS: Final[Mapping[tuple[str, str], tuple[tuple[str, str, str, str, tuple[str, ...]], ...]]] = {
    ("Anna Berglund", CENTRE): (
        ("p-0036", "08:20", "visit", "Ryggont, uppföljning", ("noshow",)),
        ("p-0027", "08:40", "telephone", "Provsvar", ("start", "close")),
        ("p-0032", "09:00", "visit", "PSA-kontroll", ("arrive", "start")),
        ("p-0030", "09:40", "visit", "Recept på epilepsimedicin", ("arrive",)),
        ("p-0035", "10:20", "visit", "Årskontroll sköldkörtel", ()),
        ("p-0033", "13:10", "video", "Återkoppling mammografi", ()),
        ("p-0038", "14:30", "home", "Tilltagande förvirring", ()),
    ),
    ("Karin Öhman", CENTRE): (
        ("p-0008", "08:30", "visit", "Blodtryckskontroll", ("start", "close")),
        ("p-0001", "11:00", "home", "Såromläggning", ()),
        ("p-0019", "13:30", "telephone", "Rådgivning, sveda vid miktion", ()),
    ),
    ("Leyla Demir", CENTRE): (
        ("p-0009", "10:00", "visit", "Samtal 7 av 10", ()),
        ("p-0017", "14:00", "visit", "Nybesök, oro", ()),
    ),
    ("Mikael Forsberg", CENTRE): (
        ("p-0061", "09:30", "visit", "Axelsmärta", ()),
        ("p-0005", "15:00", "visit", "Knäsmärta efter fotboll", ()),
    ),
    ("Helena Lundqvist", CENTRE): (
        ("p-0022", "10:40", "visit", "Hälsokontroll", ()),
        ("p-0020", "15:30", "telephone", "Provsvar", ()),
    ),
    ("Sofia Åkerström", "tallbacken-bmm"): (
        ("p-0004", "10:30", "visit", "Kontroll i vecka 33", ("arrive",)),
        ("p-0049", "13:00", "telephone", "Amning", ()),
    ),
    ("Eva Hedman", "tallbacken-bvc"): (
        ("p-0055", "09:00", "visit", "Hälsobesök 5 år", ("arrive",)),
        ("p-0043", "10:30", "visit", "Vaccination och tillväxt", ()),
        ("p-0016", "13:15", "home", "Vägning och amning", ()),
    ),
    ("Ahmed Hassan", "akuten"): (
        ("p-0052", "07:20", "unplanned", "Buksmärta", ("start",)),
        ("p-0024", "08:05", "unplanned", "Bröstsmärta", ("start",)),
        ("p-0034", "08:50", "unplanned", "Blod i avföringen", ()),
    ),
    ("Emma Westin", "akuten"): (
        ("p-0044", "08:30", "unplanned", "Fotledsskada efter fall", ("start",)),
        ("p-0007", "09:10", "unplanned", "Andnöd", ()),
    ),
    ("Katarina Svärd", "psykiatrin"): (
        ("p-0041", "10:00", "visit", "Uppföljning av litium", ("arrive",)),
        ("p-0039", "13:30", "visit", "Alkoholberoende, återbesök", ()),
        ("p-0059", "15:00", "visit", "Nybesök med tolk, sömnsvårigheter", ()),
    ),
    ("Per Lindgren", "hjartmottagningen"): (
        ("p-0010", "13:20", "visit", "Yrsel, svar på bandspelar-EKG", ()),
        ("p-0023", "14:00", "visit", "Hjärtklappning, nybesök", ()),
    ),
    ("Annelie Pettersson", "soderport"): (
        ("p-0037", "13:00", "visit", "Infusion, benskörhet", ()),
        ("p-0058", "14:20", "video", "Uppföljning av sjukskrivning", ()),
    ),
    ("Peter Wennberg", "norrtull"): (
        ("p-0054", "10:00", "visit", "Giktattack, återbesök", ()),
        ("p-0046", "13:40", "visit", "Psoriasis", ()),
    ),
    ("Susanne Gran", "hemsjukvarden"): (
        ("p-0011", "10:00", "home", "Hälen och trappan", ()),
        ("p-0057", "14:00", "home", "Smärtlindring", ()),
    ),
}
"""Who is booked with whom and where, when, for what, and how far it has come."""
_LYING: Final = (
    ("p-0050", "Instabil angina", "2:1", 2, ""),
    ("p-0021", "Bröstsmärta, uteslut hjärtinfarkt", "3:2", 1, ""),
    ("p-0053", "Nydebuterat förmaksflimmer", "", 0, ""),
    ("p-0047", "Perikardit", "4:1", 5, "leave"),
)
"""Who lies on the ward, why, in which bed, for how many days, and the step taken last."""
_HERE_ALREADY: Final = ("p-0003", "1:2")


async def make(services: Services) -> None:
    """Book and begin what belongs to today; the whole cast must be there."""
    now = local(services.clock.now())
    for (name, unit), visits in VISITS.items():
        who = _principal(name, unit)
        record = services.gate.record(who)
        for patient, clock, kind, reason, steps in visits:
            hour, minute = clock.split(":")
            start = now.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
            booking = Booking(kind, start, start, {}, reason)
            await _write(record, _visit(who, unit, patient, booking, now, steps))
    physician = _principal("Per Lindgren", WARD)
    on_ward = services.gate.record(physician)
    for patient, reason, bed, days, step in _LYING:
        moment = (now - timedelta(days=days, hours=1)).isoformat(timespec="seconds")
        identity = WARD_STAY.format(patient=patient)
        ward, doctor = _unit(WARD), author(physician)
        stay = writing.admitted(identity, patient, moment, doctor, ward, reason, _placing(bed))
        await _write(on_ward, [rules.taken(stay, step, now.isoformat(timespec="seconds")) if step else stay])
    await _put_to_bed(on_ward, now)


def _visit(
    who: Principal, unit: str, patient: str, what: Booking, now: datetime, steps: Sequence[str]
) -> list[Mapping[str, Any]]:
    """A booking of today, and the contact that has come of it; of who came without one the contact alone."""
    moment = min(what.start, now).isoformat(timespec="seconds")
    staff = author(who)
    if what.kind == "unplanned":
        identity = f"{patient}-enc-today"
        came = writing.begun(identity, patient, what.kind, moment, staff, _unit(unit), what.reason)
        came["status"] = "arrived"
        return [_stepped(came, steps, moment)]
    made = Booking(what.kind, what.start, what.start + timedelta(minutes=30), staff, what.reason)
    booking = writing.booked(f"{patient}-app-today", patient, made, moment)
    if steps == ("noshow",):
        return [writing.put(booking, "noshow")]
    if not steps:
        return [booking]
    contact = _stepped(writing.arrived(booking, what.kind, patient, moment, _unit(unit)), steps, moment)
    return [writing.put(booking, rules.BOOKING_OF[contact["status"]]), contact]


def _stepped(contact: Mapping[str, Any], steps: Sequence[str], moment: str) -> Mapping[str, Any]:
    for step in steps:
        contact = rules.taken(contact, step, moment)
    return contact


async def _put_to_bed(record: Record, now: datetime) -> None:
    """Who lay on the ward already gets a bed."""
    patient, bed = _HERE_ALREADY
    found = await record.find(f"Encounter?patient={patient}&status=in-progress&class=IMP")
    assert isinstance(found, SearchPage)
    for stored in found.matches:
        encounter = json.loads(stored.body or b"{}")
        since = encounter["period"]["start"]
        kept = [
            one
            for one in encounter.get("location", ())
            if one["location"].get("reference") != f"Location/{WARD}"
        ]
        await _write(record, [placed({**encounter, "location": kept}, _placing(bed).here, since)])


def _placing(bed: str) -> Placing:
    ward = region().units[WARD]
    beds = {name: identity for identity, name in ward.bed_places}
    place = {"reference": f"Location/{beds[bed]}", "display": bed} if bed else None
    return Placing({"reference": ward.location, "display": ward.name}, place)


def _unit(key: str) -> dict[str, str]:
    unit = region().units[key]
    return {"reference": unit.reference, "display": unit.name}


def _principal(name: str, unit: str) -> Principal:
    persona = next(one for one in personas() if one.actor.name == name)
    at = next(one for one in persona.assignments if one.unit == region().units[unit].hsa)
    return Principal(persona.actor, at, "kontinuum demo")


async def _write(record: Record, resources: Sequence[Mapping[str, Any]]) -> None:
    for resource in resources:
        done = await record.update(resource["resourceType"], resource["id"], {**resource})
        if isinstance(done, Refusal):
            raise RuntimeError(f"the demo region's contacts are refused: {done.issues}")
