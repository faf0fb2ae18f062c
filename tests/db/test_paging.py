"""Pages: whatever the order, every match comes exactly once, and nothing of another provider comes in."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from kontinuum.fhir.search.parse import parse_search
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.record import Gate, Incoming, Record, Refusal, SearchPage
from tests.conftest import OTHER, principal
from tests.support.resources import observation, patient, variety


async def pages(record: Record, type_name: str, params: list[tuple[str, str]]) -> list[list[str]]:
    """The ids of every page."""
    found: list[list[str]] = []
    cursor: list[tuple[str, str]] = []
    while True:
        query = parse_search(type_name, [*params, *cursor])
        assert isinstance(query, SearchQuery), query
        page = await record.search(query)
        assert isinstance(page, SearchPage), page
        found.append([match.id for match in page.matches])
        if page.next is None:
            return found
        cursor = [("_cursor", page.next)]


OF_OBSERVATIONS = (
    ("date",),
    ("value-quantity",),
    ("value-quantity", "date"),
    ("date", "_id"),
    ("_lastUpdated",),
)
OTHERS = [
    *(
        ("Patient", order)
        for order in ("family", "-family", "family,-birthdate", "-name,birthdate,_id", "_id")
    ),
    ("Patient", "-death-date,family"),
    ("RiskAssessment", "probability"),
    ("RiskAssessment", "-probability"),
    ("Encounter", "length,-date"),
]
ORDERS = [
    ("Observation", ",".join(sign + key for sign, key in zip(signs, keys, strict=True)))
    for keys in OF_OBSERVATIONS
    for signs in itertools.product(("", "-"), repeat=len(keys))
] + OTHERS


async def test_every_order_walks_all_matches_exactly_once(record: Record) -> None:
    rng = random.Random(1)
    resources = variety()
    for n in range(25):
        value = rng.choice([1, 1, 2, "1.50", "1.5", -3])
        made = observation(rng.choice(("p1", "p2")), value=value, id=f"z{n}")
        if rng.random() < 0.3:
            del made["valueQuantity"]
        made["effectiveDateTime"] = rng.choice(("2024", "2024-03", "2024-03-01", "2023-12-31T23:30:00-05:00"))
        resources.append(made)
    await record.take_in([Incoming(resource) for resource in resources])
    ids: dict[str, set[str]] = {}
    for resource in resources:
        ids.setdefault(resource["resourceType"], set()).add(resource["id"])
    for type_name, order in ORDERS:
        for count in ("1", "3"):
            walked = await pages(record, type_name, [("_sort", order), ("_count", count)])
            flat = [each for page in walked for each in page]
            assert len(flat) == len(set(flat)), (type_name, order)
            assert set(flat) == ids[type_name], (type_name, order)
        whole = await pages(record, type_name, [("_sort", order), ("_count", "1000")])
        assert whole[0] == flat, (type_name, order)


async def test_pages_hold_while_others_write(record: Record) -> None:
    for n in range(20):
        await record.update("Observation", f"o{n:02}", observation("p", value=n, id=f"o{n:02}"))
    for order in ("value-quantity", "-date", "_id"):
        seen: list[str] = []
        cursor = ""
        step = 0
        while True:
            page = await record.find(f"Observation?_sort={order}&_count=3{cursor}")
            assert isinstance(page, SearchPage)
            seen += [match.id for match in page.matches]
            step += 1
            await record.create(observation("p", value=step))
            await record.delete("Observation", (await made(record)).id)
            if page.next is None:
                break
            cursor = f"&_cursor={page.next}"
        known = [each for each in seen if each.startswith("o")]
        assert sorted(known) == [f"o{n:02}" for n in range(20)], order


async def made(record: Record) -> Any:
    result = await record.create(observation("p", value=99))
    assert not isinstance(result, Refusal)
    return result.stored


async def test_the_total_is_that_of_all_pages(record: Record) -> None:
    for n in range(7):
        await record.update("Patient", f"p{n}", patient(str(n), id=f"p{n}"))
    page = await record.find("Patient?_count=2&_total=accurate")
    assert isinstance(page, SearchPage)
    assert (len(page.matches), page.total) == (2, 7)


async def test_nothing_of_another_provider_is_included_counted_or_told(gate: Gate) -> None:
    ours, theirs = gate.record(principal()), gate.record(principal("dr-else", provider=OTHER))
    await ours.update("Patient", "p", patient(id="p"))
    await ours.update("Encounter", "mine", encounter("mine"))
    await theirs.update("Encounter", "yours", encounter("yours"))
    for record, visit in ((ours, "yours"), (theirs, "mine")):
        name = f"at-{visit}"
        await record.update(
            "Observation", name, observation("p", id=name, encounter={"reference": f"Encounter/{visit}"})
        )
    page = await ours.find("Observation?_include=Observation:encounter&_total=accurate")
    assert isinstance(page, SearchPage)
    assert ([m.id for m in page.matches], page.included, page.total) == (["at-yours"], (), 1)
    page = await ours.find("Patient?_id=p&_revinclude=Observation:subject&_revinclude=Encounter:subject")
    assert isinstance(page, SearchPage)
    assert sorted(each.id for each in page.included) == ["at-yours", "mine"]
    for history in (await ours.history("Observation"), await ours.history()):
        assert not isinstance(history, Refusal)
        assert not {"at-mine", "yours"} & {entry.id for entry in history.entries}
    assert list(await ours.read_many(["Encounter/mine", "Encounter/yours"])) == ["Encounter/mine"]
    page = await ours.find("Encounter?_id=yours&_total=accurate")
    assert isinstance(page, SearchPage)
    assert (page.matches, page.total) == ((), 0)


def encounter(name: str) -> dict[str, Any]:
    """A visit of the patient p."""
    act = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
    return {
        "resourceType": "Encounter",
        "id": name,
        "status": "finished",
        "class": act,
        "subject": {"reference": "Patient/p"},
    }


@pytest.mark.parametrize("position", ['["x"]', "[1,2,3]", '[{"a":1}]', "null", '[9e99,"a"]'])
async def test_a_cursor_that_was_tampered_with_is_refused(record: Record, position: str) -> None:
    import base64

    cursor = base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")
    for url in (f"Patient?_cursor={cursor}", f"Patient?_sort=family&_cursor={cursor}"):
        assert isinstance(await record.find(url), Refusal)


async def test_a_search_of_too_many_criteria_is_refused_not_planned_for_minutes(record: Record) -> None:
    found = await record.find("Patient?" + "&".join(f"name={n}" for n in range(5000)))
    assert isinstance(found, Refusal)
    assert found.issues[0].code == "too-costly"


BY_WHAT_IS_HELD = [
    ("Observation", "status"),
    ("Observation", "-code,date"),
    ("Observation", "subject,-value-quantity,_id"),
    ("Observation", "-value-quantity,status"),
    ("Patient", "gender,family"),
    ("Patient", "-identifier"),
    ("ValueSet", "url"),
    ("Encounter", "class,-_lastUpdated"),
]


async def test_any_parameter_sorts_and_every_match_comes_once(record: Record) -> None:
    made = [observation("p1", value=n % 3, id=f"y{n}", status="final") for n in range(7)]
    await record.take_in([Incoming(resource) for resource in [*variety(), *made]])
    for type_name, order in BY_WHAT_IS_HELD:
        whole = await pages(record, type_name, [("_sort", order), ("_count", "1000")])
        for count in ("1", "4"):
            walked = await pages(record, type_name, [("_sort", order), ("_count", count)])
            assert [each for page in walked for each in page] == whole[0], (type_name, order)


async def test_tokens_and_references_sort_by_their_text(record: Record) -> None:
    for name, gender, practice in (("a", "male", "2"), ("b", "female", "1"), ("c", None, "3")):
        more = {"gender": gender} if gender else {}
        keeper = {"reference": f"Organization/{practice}"}
        await record.update("Patient", name, patient(name, id=name, managingOrganization=keeper, **more))
    for order, ids in {
        "gender": ["c", "b", "a"],
        "-gender": ["a", "b", "c"],
        "organization": ["b", "a", "c"],
        "-identifier": ["c", "b", "a"],
    }.items():
        assert await pages(record, "Patient", [("_sort", order)]) == [ids], order


async def test_sorting_more_than_can_be_read_is_refused(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kontinuum.record.ordering.MAX_SORTED", 3)
    await record.take_in([Incoming(resource) for resource in variety()])
    answer = await record.find("Observation?_sort=status")
    assert isinstance(answer, Refusal)
    assert answer.issues[0].code == "too-costly"
    assert isinstance(await record.find("Observation?_sort=-date"), SearchPage)


async def test_an_estimated_total_is_exact_while_it_can_be_counted(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    await record.take_in([Incoming(patient(str(n), id=f"p{n}")) for n in range(30)])
    page = await record.find("Patient?_count=2&_total=estimate")
    assert isinstance(page, SearchPage)
    assert page.total == 30
    monkeypatch.setattr("kontinuum.record.searching.COUNTED_FOR_ESTIMATE", 5)
    page = await record.find("Patient?_count=2&_total=estimate")
    assert isinstance(page, SearchPage)
    assert page.total is not None
    assert page.total >= 6
    page = await record.find("Patient?_count=2&_total=none")
    assert isinstance(page, SearchPage)
    assert page.total is None
