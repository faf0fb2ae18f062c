"""What the pages of a unit are made of: searches of the own unit, and what is taken there."""

from __future__ import annotations

from datetime import timedelta

from kontinuum.kernel.around import Busy
from kontinuum.kernel.i18n import local
from kontinuum.record import Written
from tests.law.cast import ADULT, CAST, KINDS, NOW, TREATING, UNIT_A, visit
from tests.law.conftest import Region
from tests.law.test_matrix import EVERYTHING, EXPECTED, decided, of_adult

__all__ = ["decided"]


async def test_a_search_of_the_own_unit_shows_its_part_of_the_same(
    decided: Region,
) -> None:
    for name, who in CAST.items():
        pages = await decided.record(who).at_own_unit.find_many([f"{kind}?_count=500" for kind in KINDS])
        shown = of_adult([each for page in pages for each in page.matches])
        assert shown == EXPECTED[name] & EVERYTHING.get(who.assignment.unit, set()), name


async def test_the_agenda_tells_staff_in_care_of_times_at_their_care_provider_and_of_no_patient(
    decided: Region,
) -> None:
    start = local(NOW) + timedelta(days=3)
    whom = {"reference": TREATING.actor.reference}
    booking = {
        "resourceType": "Appointment",
        "id": "app-1",
        "status": "booked",
        "start": start.isoformat(),
        "end": (start + timedelta(minutes=30)).isoformat(),
        "participant": [
            {"actor": one, "status": "accepted"} for one in ({"reference": f"Patient/{ADULT}"}, whom)
        ],
    }
    lying = {
        **visit(ADULT, UNIT_A),
        "id": "stay",
        "status": "in-progress",
        "location": [
            {"location": {"reference": "Location/bed-1"}, "status": "active"},
            {"location": {"reference": "Location/bed-2"}, "status": "completed"},
        ],
    }
    for each in (booking, lying):
        assert isinstance(
            await decided.record(TREATING).update(each["resourceType"], each["id"], each), Written
        )
    told = {}
    for name, who in CAST.items():
        agenda = decided.record(who).agenda
        times = await agenda.booked(
            str(whom["reference"]), start - timedelta(hours=1), start + timedelta(hours=1)
        )
        beds = await agenda.taken(["Location/bed-1", "Location/bed-2"])
        told[name] = (times, beds)
    taken = ((Busy(start, start + timedelta(minutes=30)),), frozenset({"Location/bed-1"}))
    in_care = {"treating doctor", "nurse", "colleague at another unit"}
    assert told == {name: taken if name in in_care else ((), frozenset()) for name in CAST}
    of_it = decided.record(TREATING).agenda
    assert await of_it.booked(str(whom["reference"]), start, start + timedelta(hours=1), but="app-1") == ()
    assert await of_it.taken(["Location/bed-1"], but="stay") == frozenset()
