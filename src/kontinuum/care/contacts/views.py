"""Contacts on the overview, and in the banner what is going on now and next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

from kontinuum.care.contacts.kinds import AT_ONCE, BOOKING_STATES, STATES
from kontinuum.care.contacts.model import Appointment, Encounter, read_appointments, read_encounters
from kontinuum.care.contacts.strip import Lane, Span, draw, lane_of, moment
from kontinuum.fhir.authoring import new_token
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import (
    AuditKind,
    BannerNote,
    BannerNotes,
    Chart,
    NotFound,
    OverviewCard,
    PageRequest,
    Placement,
    ResourceVersion,
    ResultPage,
    Route,
    Tone,
    View,
)
from kontinuum.kernel.principal import Purpose

_ON_TIMELINE = 500
_LISTED = 10
_A_PAGE = 40
_ANCHOR = "contacts"
_NOW = {
    "unplanned": message("Visit now"),
    "telephone": message("Telephone"),
    "video": message("Video"),
    "home": message("At home"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One contact or booking."""

    lane: str
    kind: str
    reason: str
    day: str
    clock: str
    until: str
    unit: str
    staff: str
    ongoing: bool
    apps: str = ""
    address: str = ""
    state: str = ""


def banner_queries(chart: Chart) -> tuple[str, ...]:
    """Contacts that have not ended, and the next booking."""
    today = local(chart.now).date().isoformat()
    return (
        f"Encounter?patient={chart.patient}&status=in-progress,arrived,triaged,onleave&_count=5",
        f"Appointment?patient={chart.patient}&date=ge{today}&_sort=date&_count=10",
    )


def queries(chart: Chart) -> tuple[str, ...]:
    """The latest contacts, those going on, and coming bookings."""
    about = f"patient={chart.patient}"
    return (
        f"Encounter?{about}&_sort=-date&_count={_LISTED}",
        *banner_queries(chart),
        f"Encounter?{about}&status=planned,cancelled&_sort=-date&_count={_LISTED}",
        f"Appointment?{about}&status=cancelled,noshow&_sort=-date&_count={_LISTED}",
    )


def timeline_queries(chart: Chart) -> tuple[str, ...]:
    """All contacts, and coming bookings."""
    every = f"Encounter?patient={chart.patient}&_sort=-date&_count={_ON_TIMELINE}"
    return (every, banner_queries(chart)[1])


def timeline_view(chart: Chart, pages: Sequence[ResultPage]) -> View | None:
    """Every contact on a line of time; nothing for a patient with fewer than two."""
    encounters = read_encounters(pages[0].matches)
    coming = read_appointments(pages[1].matches)
    contacts: list[Encounter | Appointment] = [*(one for one, _ in encounters), *(one for one, _ in coming)]
    now = local(chart.now)
    spans = [span for span in (_span(now, one) for one in contacts) if span]
    strip = draw(spans, now) if len(spans) > 1 else None
    if strip is None:
        return None
    return View("contacts/timeline.html", {"strip": strip, "lane_names": _lane_names(chart)})


def view(chart: Chart, pages: Sequence[ResultPage]) -> View:
    """What is going on and coming, and the latest contacts."""
    latest, ongoing, coming, put_off, fallen = pages
    past = [one for one in read_encounters(latest.matches) if not one[0].ongoing]
    going = [one for one in read_encounters(ongoing.matches) if one[0].ongoing]
    values = {
        "ongoing": [_encounter_row(chart, *one) for one in going],
        "coming": [
            *(_appointment_row(chart, *one) for one in read_appointments(coming.matches)),
            *_without_booking(chart, put_off, "planned"),
        ],
        "fallen": [
            *(
                _appointment_row(chart, *one)
                for one in read_appointments(fallen.matches, without=frozenset())
            ),
            *_without_booking(chart, put_off, "cancelled"),
        ],
        "latest": [_encounter_row(chart, *one) for one in past],
        "earlier": _earlier_address(chart, latest),
        "at_once": [(kind, chart.translator.gettext(_NOW[kind])) for kind in AT_ONCE],
        "token": new_token(),
    }
    return View("contacts/card.html", values)


def _without_booking(chart: Chart, page: ResultPage, status: str) -> list[Row]:
    """The contacts of a state that no booking on the list stands for."""
    found = read_encounters(page.matches, without=frozenset())
    return [
        _encounter_row(chart, *one) for one in found if one[0].status == status and not one[0].appointment
    ]


async def earlier(request: PageRequest) -> View | NotFound:
    """Answer `contacts/earlier?cursor=…`: the contacts before those already shown."""
    chart = request.chart
    cursor = request.parameters.get("cursor", "")
    place = f"&_cursor={quote(cursor, safe='')}" if cursor else ""
    query = f"Encounter?patient={chart.patient}&_sort=-date&_count={_A_PAGE}{place}"
    try:
        (page,) = await request.record.find_many([query])
    except ValueError:
        return NotFound(
            message("These contacts can no longer be found at this address. Open the chart again.")
        )
    rows = [_encounter_row(chart, *one) for one in read_encounters(page.matches)]
    return View("contacts/earlier.html", {"rows": rows, "earlier": _earlier_address(chart, page)})


def _earlier_address(chart: Chart, page: ResultPage) -> str:
    return f"{chart.path('contacts', 'earlier')}?{urlencode({'cursor': page.next})}" if page.next else ""


def notes(chart: Chart, pages: Sequence[ResultPage]) -> tuple[BannerNote, ...]:
    """Where the patient is admitted, and the next booking."""
    gettext = chart.translator.gettext
    found = []
    for encounter, entry in read_encounters(pages[0].matches):
        if encounter.ongoing and lane_of(encounter.kind.code) is Lane.INPATIENT:
            since = chart.translator.day(encounter.period.start)
            where = chart.directory.unit(entry.unit)
            text = gettext("%(unit)s since %(day)s") % {"unit": where, "day": since}
            found.append(BannerNote(Tone.NOTICE, gettext("Admitted"), text, _ANCHOR))
    booked = read_appointments(pages[1].matches)
    gone = [one for one in booked if _has_begun(one[0], chart.now)]
    for appointment, entry in gone[-1:]:
        text = f"{chart.translator.clock(appointment.start)}, {chart.directory.unit(entry.unit)}"
        found.append(BannerNote(Tone.QUIET, gettext("Booked earlier today"), text, _ANCHOR))
    for appointment, entry in booked[len(gone) : len(gone) + 1]:
        when = chart.translator.moment(appointment.start)
        text = f"{when}, {chart.directory.unit(entry.unit)}"
        found.append(BannerNote(Tone.QUIET, gettext("Next visit"), text, _ANCHOR))
    return tuple(found)


def _has_begun(appointment: Appointment, now: datetime) -> bool:
    """Whether its time is over; a booking without a time of the day is of the whole day."""
    start = appointment.start or ""
    return "T" in start and datetime.fromisoformat(start) < now


def _lane_names(chart: Chart) -> dict[int, str]:
    gettext = chart.translator.gettext
    return {
        Lane.INPATIENT: gettext("Inpatient"),
        Lane.EMERGENCY: gettext("Emergency"),
        Lane.VISIT: gettext("Visit"),
        Lane.REMOTE: gettext("Remote"),
    }


def _encounter_row(chart: Chart, encounter: Encounter, entry: ResourceVersion) -> Row:
    lane = lane_of(encounter.kind.code)
    service = encounter.service_type.label if encounter.service_type else ""
    kind = (encounter.type[0].label if encounter.type else "") or service
    day = chart.translator.day(encounter.period.start)
    until = chart.translator.day(encounter.period.end)
    people = (one.individual for one in encounter.participant)
    return Row(
        lane=_lane_names(chart)[lane],
        kind=kind or encounter.kind.display or _lane_names(chart)[lane],
        reason=", ".join(reason.label for reason in encounter.reason_code),
        day=day,
        clock=chart.translator.clock(encounter.period.start),
        until=until if until != day else "",
        unit=chart.directory.unit(entry.unit),
        staff=", ".join(
            filter(None, (chart.directory.name(one.reference, one.display) for one in people if one))
        ),
        ongoing=encounter.ongoing,
        apps=f"{chart.path('apps')}?{urlencode({'encounter': encounter.id})}" if encounter.ongoing else "",
        address=f"{chart.path('contacts', 'one')}?{urlencode({'id': encounter.id})}",
        state=chart.translator.gettext(STATES[encounter.status]) if encounter.status != "finished" else "",
    )


def _appointment_row(chart: Chart, appointment: Appointment, entry: ResourceVersion) -> Row:
    services = [service.label for service in appointment.service_type]
    kind = services[0] if services else ""
    named = appointment.appointment_type.label if appointment.appointment_type else ""
    staff = [
        one.actor.display or ""
        for one in appointment.participant
        if one.actor and (one.actor.reference or "").startswith(("Practitioner/", "PractitionerRole/"))
    ]
    return Row(
        lane=_lane_names(chart)[Lane.VISIT],
        kind=kind or named or chart.translator.gettext("Booking"),
        reason=appointment.description or ", ".join(reason.label for reason in appointment.reason_code),
        day=chart.translator.day(appointment.start),
        clock=chart.translator.clock(appointment.start),
        until="",
        unit=chart.directory.unit(entry.unit),
        staff=", ".join(filter(None, staff)),
        ongoing=False,
        address=f"{chart.path('contacts', 'one')}?{urlencode({'booking': appointment.id})}",
        state="" if appointment.status == "booked" else chart.translator.gettext(_state(appointment)),
    )


def _state(appointment: Appointment) -> str:
    return BOOKING_STATES.get(appointment.status, appointment.status)


def _span(now: datetime, contact: Encounter | Appointment) -> Span | None:
    if isinstance(contact, Appointment):
        start = moment(contact.start)
        return Span(Lane.VISIT, start, start, planned=True) if start else None
    start = moment(contact.period.start)
    if start is None:
        return None
    end = moment(contact.period.end) or (now if contact.ongoing else start)
    return Span(lane_of(contact.kind.code), start, max(start, min(end, now)), planned=False)


CONTACTS_CARD = OverviewCard(
    anchor=_ANCHOR,
    title=message("Contacts"),
    placement=Placement.CARE,
    order=20,
    queries=queries,
    view=view,
)
TIMELINE_CARD = OverviewCard(
    anchor="timeline",
    title=message("Timeline"),
    placement=Placement.TIMELINE,
    order=10,
    queries=timeline_queries,
    view=timeline_view,
)
EARLIER_CONTACTS = Route(
    path="earlier",
    title=message("Earlier contacts"),
    handler=earlier,
    purposes=frozenset(Purpose) - {Purpose.PATIENT, Purpose.SYSTEM},
    audit=AuditKind.READ,
)
CONTACTS_IN_BANNER = BannerNotes(queries=banner_queries, notes=notes)
