"""What a unit's pages are made of: searches of the own unit, what is taken there, what is reported."""

from __future__ import annotations

from datetime import timedelta

from kontinuum.kernel.around import Busy
from kontinuum.kernel.i18n import local
from kontinuum.kernel.principal import ActorKind
from kontinuum.record import Refusal, Written
from kontinuum.record.feedback import FEEDBACK_CODES, Wanted
from tests.law.cast import ADULT, CAST, KINDS, NOW, TREATING, UNIT_A, UNIT_B, visit
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


async def test_who_is_on_the_way_is_told_to_staff_in_care_where_the_place_is_and_no_more_than_that(
    decided: Region,
) -> None:
    hsa = {"system": "urn:oid:1.2.752.129.2.1.4.1", "value": UNIT_B}
    unit = {"resourceType": "Organization", "id": "unit-b", "name": "B", "identifier": [hsa]}
    place = {
        "resourceType": "Location",
        "id": "b",
        "managingOrganization": {"reference": "Organization/unit-b"},
    }
    await decided.write(UNIT_B, unit, place)
    going = {"location": {"reference": "Location/b"}, "status": "planned"}
    stay = {**visit(ADULT, UNIT_A), "id": "going", "status": "in-progress", "location": [going]}
    assert isinstance(await decided.record(TREATING).update("Encounter", "going", stay), Written)
    before = {name: await decided.sees(who, "Encounter/going") for name, who in CAST.items()}
    told = {name: [one.contact for one in await decided.record(who).coming()] for name, who in CAST.items()}
    here = {"colleague at another unit"}
    assert told == {name: ["going"] if name in here else [] for name in CAST}
    assert {name: await decided.sees(who, "Encounter/going") for name, who in CAST.items()} == before
    for name, who in CAST.items():
        done = await decided.record(who).receive("going", 1, [], {"display": "X"}, {"display": "B"})
        assert isinstance(done, Written if name in here else Refusal), name


async def test_a_report_about_a_patient_is_read_on_the_board_as_it_is_in_the_record(decided: Region) -> None:
    treating = decided.record(TREATING).feedback
    number = await treating.report("deviation", "Hemlig text", {"page": "/inbox"}, patient=ADULT)
    assert isinstance(number, int), number
    assert await treating.comment(number, "Hemlig text igen") is None
    filed = await decided.finds(TREATING, f"Communication?category={FEEDBACK_CODES}|deviation")
    assert len(filed) == 2
    at_unit = set()
    for name, who in CAST.items():
        feedback = decided.record(who).feedback
        board, shown = await feedback.board(Wanted()), await feedback.item(number)
        may = [await decided.sees(who, f"Communication/{one}") for one in filed]
        assert may == [EXPECTED[name] >= EVERYTHING[UNIT_A]] * 2, name
        if who.actor.kind is not ActorKind.STAFF or who.assignment.unit != UNIT_A:
            assert isinstance(shown, Refusal), name
            assert isinstance(board, Refusal) or board == [], name
            assert isinstance(await feedback.comment(number, "Hej"), Refusal), name
            continue
        at_unit.add(name)
        assert not isinstance(shown, Refusal)
        assert [one.text for one in shown.events] == (
            ["Hemlig text", "Hemlig text igen"] if all(may) else [None, None]
        ), name
        assert shown.patient == (ADULT if all(may) else ""), name
        for word in ("Hemlig", ADULT):
            assert word not in repr(board), name
            assert all(may) or word not in repr(shown), name
    assert at_unit == {"treating doctor", "nurse", "administrator"}
