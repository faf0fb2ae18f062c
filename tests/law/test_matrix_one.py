"""Who sees one entry by its own page, and every entry in the timeline and its search.

Neither an id nor a word must lead past what the same person may read otherwise.
"""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from urllib.parse import parse_qsl

import pytest

from kontinuum.web.workspace.timeline.kinds import KINDS
from tests.law.cast import ADULT
from tests.law.marked import TYPES, identity
from tests.law.test_matrix_pages import ROUTES, _care
from tests.law.town import EXPECTED, MARKS, PLACES, WHO, Mark, Town, marks_in
from tests.law.ways import PATIENTS, RELATED, asked

_IN_TIME = tuple(
    sorted(
        {each.partition("?")[0] for kind in KINDS for each in kind.searches} & set(TYPES) - {"AdverseEvent"}
    )
)
"""What the timeline shows."""


async def test_the_page_of_a_measurement_shows_it_to_whom_it_may_be_shown(town: Town) -> None:
    """The page is asked for by an id, which must not lead past what the same person may read otherwise."""
    way = ROUTES["GET", "/patient/{patient}/vitals/value"]
    wrong = []
    for who in sorted(way.may):
        for where in PLACES:
            by_id = replace(way, form={"id": identity("Observation", where)})
            answer = await asked(town, who, "GET", f"/patient/{ADULT}/vitals/value", by_id)
            wanted = EXPECTED[who] & {("Observation", where)}
            shown = {one for one in marks_in(answer.text) if one[0] == "Observation"}
            if shown != wanted or (answer.status_code == 404) == bool(wanted):
                wrong.append((who, where, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize(("kind", "parameter"), [("Encounter", "id"), ("Appointment", "booking")])
async def test_the_page_of_a_contact_or_booking_is_there_for_whom_it_may_be_shown(
    town: Town, kind: str, parameter: str
) -> None:
    """Nothing is done either with one that is not there, and with that of another unit."""
    wrong = []
    for who in sorted(RELATED):
        unit = WHO[who].assignment.unit if WHO[who] else ""
        for where in ("a", "b", "c", "e"):
            name = identity(kind, where)
            form = {parameter: name}
            there = await asked(town, who, "GET", f"/patient/{ADULT}/contacts/one", _care(**form))
            step = _care(**form, patient=ADULT, step="none", version="1")
            done = await asked(town, who, "POST", f"/patient/{ADULT}/contacts/step", step)
            wanted = EXPECTED[who] & {(kind, where)}
            if {one for one in marks_in(there.text) if one[0] == kind} != wanted:
                wrong.append((who, where, "shows", there.status_code))
            if (there.status_code == 200) != bool(wanted):
                wrong.append((who, where, "answers", there.status_code))
            if (done.status_code == 200) != (bool(wanted) and PLACES[where] == unit):
                wrong.append((who, where, "does", done.status_code))
    assert wrong == []


MODULES_ONE = {"Condition": "problems", "AllergyIntolerance": "allergies", "Flag": "allergies"}


@pytest.mark.parametrize("who", sorted(RELATED))
async def test_one_entry_is_shown_and_changed_by_who_may_read_it_and_is_not_there_for_others(
    town: Town, who: str
) -> None:
    for mark in (one for one in MARKS if one[0] in MODULES_ONE):
        page = f"/patient/{ADULT}/{MODULES_ONE[mark[0]]}"
        there = await asked(town, who, "GET", f"{page}/one", _care(id=identity(*mark)))
        form = {"patient": ADULT, "id": identity(*mark), "reason": "", "version": "1"}
        struck = await asked(town, who, "POST", f"{page}/strike", _care(**form))
        for answer in (there, struck):
            assert (answer.status_code == 200) is (mark in EXPECTED[who]), (who, mark)
            assert (mark in marks_in(answer.text)) is (mark in EXPECTED[who])


@pytest.mark.parametrize("who", sorted(RELATED | {"reviewer"}))
async def test_the_timeline_and_its_search_hold_exactly_what_the_same_person_may_read(
    town: Town, who: str
) -> None:
    """Followed to the end, and asked for each kind; and found by a word that stands everywhere."""
    way = ROUTES["GET", "/patient/{patient}/timeline"]
    wanted = {one for one in EXPECTED[who] if one[0] in _IN_TIME}
    seen: set[Mark] = set()
    for path, words in (("timeline", ""), ("search", "kännetecken")):
        found: set[Mark] = set()
        for kind in KINDS:
            query = {"kind": kind.key, "q": words}
            while query:
                address = f"/patient/{ADULT}/{path}"
                answer = await asked(town, who, "GET", address, replace(way, form=query))
                assert answer.status_code == 200, (who, query, answer.text[-800:])
                found |= {one for one in MARKS if f"/timeline/entry/{one[0]}/{identity(*one)}" in answer.text}
                assert not marks_in(re.sub("</?mark>", "", answer.text)) - EXPECTED[who]
                following = re.search(r'hx-get="[^"?]+\?([^"]+cursor=[^"]+)"', answer.text)
                query = dict(parse_qsl(unescape(following[1]))) if following else {}
        assert {one for one in found if one[0] in _IN_TIME} == wanted, (who, path)
        seen |= found
    assert seen <= EXPECTED[who]


@pytest.mark.parametrize("who", [one for one in WHO if one != "nobody"])
async def test_the_bytes_of_a_file_are_sent_to_whom_its_document_may_be_shown(town: Town, who: str) -> None:
    wrong = []
    for where in PLACES:
        mark = ("DocumentReference", where)
        name, expected = identity(*mark), mark in EXPECTED[who]
        by_api = (await town.fhir(who, "GET", f"/Binary/{name}")).status_code == 200
        pages = [f"/patient/{ADULT}/file/{name}", *([f"/my-record/file/{name}"] if who in PATIENTS else [])]
        shown = [by_api]
        for page in pages if who != "system" else ():
            answer = await asked(town, who, "GET", page, ROUTES["GET", "/patient/{patient}/file/{id}"])
            shown.append(mark in marks_in(answer.text))
        wrong += [(where, shown)] if set(shown) != {expected} else []
    assert wrong == []
