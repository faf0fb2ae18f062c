"""What stands on the first page: the own visits of the day, and who lies on the ward of the assignment."""

from __future__ import annotations

from kontinuum.care.contacts import places
from kontinuum.care.contacts.today import AT_MOST, bounds, day_rows
from kontinuum.care.contacts.ward import admitted_now, beds_of_contact, lying_now
from kontinuum.kernel.around import UnitRequest
from kontinuum.kernel.ids import is_id
from kontinuum.kernel.module import View


async def visits(request: UnitRequest) -> View | None:
    """The visits of the day that are the person's own; None where there are none."""
    low, high = bounds(request)
    me, at = request.principal.actor.reference, request.principal.assignment.id
    names = ",".join(filter(None, (me, f"PractitionerRole/{at}" if is_id(at) else "")))
    if not names:
        return None
    day = f"date=ge{low}&date=lt{high}&_sort=date&_count={AT_MOST}"
    bookings, contacts = await request.record.at_own_unit.find_many(
        [f"Appointment?{day}&actor={names}", f"Encounter?{day}&participant={names}"]
    )
    rows = await day_rows(request, bookings, (contacts,), noted=False)
    if not rows:
        return None
    values = {
        "rows": [row for row in rows if row.group != "over"],
        "over": sum(row.group == "over" for row in rows),
        "complete": all(page.next is None for page in (bookings, contacts)),
    }
    return View("contacts/mine.html", values)


async def ward(request: UnitRequest) -> View | None:
    """Who lies on the ward, bed by bed, with what warns; None where nobody does."""
    contacts, complete = await admitted_now(request)
    if not contacts:
        return None
    beds = places.beds_of(await request.record.find_many(places.bed_queries(request.principal)))
    order = {bed.reference: (number, bed.name) for number, bed in enumerate(beds)}
    nowhere = (-1, "")
    rows = [
        (min((order[one] for one in beds_of_contact(contact) if one in order), default=nowhere), who)
        for contact, who in zip(contacts, await lying_now(request, contacts), strict=True)
    ]
    rows.sort(key=lambda row: row[0])
    values = {"rows": [(bed, who) for (_, bed), who in rows], "complete": complete}
    return View("contacts/lying.html", values)
