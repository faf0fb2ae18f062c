"""What waits in a new region on its first day, so that a visitor has a day's work: `data/day.toml`. Pure.

Notes without a signature, tasks and questions, answers from the laboratory, referrals to be judged, and what
was measured at the ward. Each is told by the hours since it happened.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from kontinuum.demo import resources as fhir
from kontinuum.demo.cast import cast_patient
from kontinuum.demo.chart import Chart, Contact
from kontinuum.demo.early_warning import early_warning
from kontinuum.demo.generator import Batch
from kontinuum.demo.orders import ordered, referred
from kontinuum.demo.region import Author, region
from kontinuum.demo.tables import table
from kontinuum.demo.timeline import stamp

Told = Mapping[str, Any]

WARD_STAY: Final = "{patient}-enc-ward"
"""The id of an admission of the first day."""
_WORK: Final = "urn:kontinuum:codes:work"
_FIRST_NUMBER: Final = 900_000
_STEP: Final = 100


def first_day(now: datetime) -> Iterator[Batch]:
    """Give what waits at `now`, on the Swedish clock and without a zone; admissions are there already."""
    for number, (kind, told) in enumerate(_told()):
        person, _ = cast_patient(region(), int(told["patient"][2:]), Random(number), now.date())  # noqa: S311 - made up
        chart = Chart(person, region(), Random(number), now.date(), after=_FIRST_NUMBER + _STEP * number)  # noqa: S311 - made up
        _WAYS[kind](chart, told, now)
        for unit, resources in chart.batches():
            yield Batch(unit.hsa, unit.provider.hsa, person.id, resources)


def _told() -> Iterator[tuple[str, Told]]:
    for kind in _WAYS:
        for told in table("day")[kind]:
            yield kind, told


def _author(told: Told, name: str, unit: str) -> Author:
    """Somebody of the staff, as who acts at a unit."""
    person = next(one for one in region().staff if one.name == told[name])
    return Author(
        f"Practitioner/{person.key}", f"{person.name}, {person.title}", person.name, region().units[unit]
    )


def _before(told: Told, now: datetime) -> datetime:
    return (now - timedelta(hours=told["hours"])).replace(microsecond=0)


def _note(chart: Chart, told: Told, now: datetime) -> None:
    unit, who = region().units[told["unit"]], _author(told, "by", told["unit"])
    body = {
        "status": "preliminary",
        "type": fhir.note_type("note", told["title"]),
        "subject": fhir.reference(chart.subject),
        "date": stamp(_before(told, now)),
        "author": [fhir.reference(who.reference, who.display)],
        "title": told["title"],
        "custodian": fhir.reference(unit.reference, unit.name),
        "section": fhir.sections([(head, text) for head, text in told["text"]]),
    }
    chart.add(unit, "Composition", "note", body)


def _task(chart: Chart, told: Told, now: datetime) -> None:
    asks, does = _author(told, "from", told["unit"]), _author(told, "to", told["unit"])
    moment = stamp(_before(told, now))
    body = {
        **_asked("question" if told.get("ask") else "task", told["text"], moment),
        "for": fhir.reference(chart.subject),
        "requester": fhir.reference(asks.reference, asks.name),
        "owner": fhir.reference(does.reference, does.name),
    }
    if "due" in told:
        last = (now + timedelta(days=told["due"])).date().isoformat()
        body["restriction"] = {"period": {"end": last}}
    chart.add(region().units[told["unit"]], "Task", "task", body)


def _asked(code: str, text: str, moment: str) -> dict[str, Any]:
    return {
        "status": "requested",
        "intent": "order",
        "code": {"coding": [{"system": _WORK, "code": code}]},
        "description": text,
        "authoredOn": moment,
        "lastModified": moment,
    }


def _answer(chart: Chart, told: Told, now: datetime) -> None:
    contact = _contact(chart, told, now)
    laboratory = region().units["laboratoriet"]
    who, title = contact.author, told["title"]
    order, _ = ordered(chart, contact.unit, who, contact.start, title, told["reason"], to=laboratory)
    chart.samples(contact, told["values"], title, at=contact.start)
    chart.entries[-1][1]["basedOn"] = [fhir.reference(order)]
    far = {fhir.measured(key, fhir.rounded(key, 0), "")["code"]["text"] for key in told.get("critical", ())}
    for _, body in chart.entries:
        if body.get("code", {}).get("text") in far:
            side = body["interpretation"][0]["coding"][0]["code"]
            body["interpretation"] = [fhir.hl7("v3-ObservationInterpretation", side * 2)]


def _contact(chart: Chart, told: Told, now: datetime) -> Contact:
    """What it belongs to: the stay on the ward, or a call of its own."""
    unit, who = region().units[told["unit"]], _author(told, "by", told["unit"])
    start = _before(told, now)
    if unit.beds:
        reference = f"Encounter/{WARD_STAY.format(patient=chart.person.id)}"
    else:
        reference = chart.contact(unit.key, start, "Provtagning", told["reason"], end=start).reference
    return Contact(unit, start, who, "doctor", reference)


def _referral(chart: Chart, told: Told, now: datetime) -> None:
    unit, to = region().units[told["unit"]], region().units[told["to"]]
    referred(chart, unit, _author(told, "by", told["unit"]), _before(told, now), told, to)


def _order(chart: Chart, told: Told, now: datetime) -> None:
    """An order of tests whose answer has not come."""
    unit, laboratory = region().units[told["unit"]], region().units["laboratoriet"]
    who, at = _author(told, "by", told["unit"]), _before(told, now)
    ordered(chart, unit, who, at, told["title"], told["reason"], to=laboratory)


def _bedside(chart: Chart, told: Told, now: datetime) -> None:
    for taken in told["sets"]:
        at, first = _before(taken, now), len(chart.entries)
        stay = f"Encounter/{WARD_STAY.format(patient=chart.person.id)}"
        contact = Contact(region().units[told["unit"]], at, _author(told, "by", told["unit"]), "nurse", stay)
        upper, lower = map(int, taken["bp"].split("/"))
        chart.pressure(contact, upper, lower, at=at)
        names = ("pulse", "respiration", "saturation", "temperature")
        chart.measure(contact, at=at, **{name: taken[name] for name in names})
        early_warning(chart, contact, at, first)


_WAYS: Final[Mapping[str, Callable[[Chart, Told, datetime], None]]] = {
    "note": _note,
    "task": _task,
    "answer": _answer,
    "referral": _referral,
    "order": _order,
    "bedside": _bedside,
}
