"""Rule 28: what the patient must not see yet is kept back, per entry and per heading; all else is shown.

HSLF-FS 2022:42. Every way to the record is tried: what is kept back is neither shown nor found nor counted.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from kontinuum.access.kept_back import Kind
from kontinuum.app.services import Services
from kontinuum.fhir import json
from kontinuum.fhir.search.joined import compartment_of
from kontinuum.fhir.search.parse import parse_search
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.record import (
    ExportPage,
    Gate,
    HistoryPage,
    Record,
    Refusal,
    RefusalKind,
    SearchPage,
    Stored,
)
from kontinuum.record.correcting import Corrected
from kontinuum.record.keeping_back import Place
from tests.conftest import principal
from tests.support.entries import content, meeting, note, patients_principal, person, put, section

SECRET = "Misstänkt våld i nära relation."
CODE = {"coding": [{"system": "urn:test", "code": "social"}]}
NOTE = note(
    "n",
    section("Status", "Ingen blödning."),
    section("Socialt", SECRET, code=CODE, entry=[{"reference": "Observation/o"}]),
    text={"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{SECRET}</div>'},
)
OBSERVATION = {
    "resourceType": "Observation",
    "id": "o",
    "status": "final",
    "code": {"coding": [{"system": "urn:test", "code": "x"}]},
    "subject": {"reference": "Patient/p"},
    "effectiveDateTime": "2026-03-01",
    "valueString": SECRET,
}
SOCIAL = Place("Composition", "n", 1, (1,))
WHOLE = Place("Observation", "o", 1)


@pytest.fixture
async def doctor(gate: Gate, record: Record) -> Record:
    await put(record, person(), NOTE, OBSERVATION)
    return await meeting(gate, principal("dr-lind"))


@pytest.fixture
def patient(gate: Gate) -> Record:
    return gate.record(patients_principal())


async def keep(doctor: Record, place: Place, kind: Kind = Kind.VIOLENCE, **more: Any) -> Corrected:
    done = await doctor.text.keep_back(place, kind, "Kan utsätta patienten för fara.", **more)
    assert isinstance(done, Corrected), done
    return done


async def everything(patient: Record) -> str:
    """All that a patient can get hold of, by every way in."""
    found: list[bytes | None] = []
    urls = [
        "Composition?patient=p",
        "Composition?section=urn:test|social",
        "Composition?entry=Observation/o",
        "Composition?patient=p&_include=Composition:entry",
        "Composition?_security=NOPAT",
        "Observation?patient=p",
        "Observation?patient=p&_revinclude=Composition:entry",
        "Observation?code=x",
        "Observation?_id=o",
        "Provenance?patient=p",
        "Provenance?target=Composition/n",
        "Patient?_id=p&_revinclude=Observation:subject",
        "Patient?_id=p&_revinclude=Composition:subject&_include:iterate=Composition:entry",
        "Observation?_has:Composition:entry:patient=p",
        "Composition?entry:Observation.code=x",
        "Composition?patient=p&_sort=section",
        "Composition?_text=våld",
        "Composition?_content=våld",
        "Composition?section:text=social",
    ]
    for url in urls:
        page = await patient.find(url)
        assert isinstance(page, SearchPage), page
        found += [one.body for one in (*page.matches, *page.included)]
    for page in await patient.find_many(urls):
        found += [one.body for one in (*page.matches, *page.included)]
    found += [one.body for one in (await patient.read_many(["Composition/n", "Observation/o"])).values()]
    for name, logical_id in (("Composition", "n"), ("Observation", "o")):
        for version in range(1, 5):
            seen = await patient.vread(name, logical_id, version)
            found += [seen.body] if isinstance(seen, Stored) else []
        read = await patient.read(name, logical_id)
        found += [read.body] if isinstance(read, Stored) else []
        for arguments in ((name, logical_id), (name, None), (None, None)):
            past = await patient.history(*arguments)
            found += [one.body for one in past.entries] if isinstance(past, HistoryPage) else []
    bundle = [{"request": {"method": "GET", "url": url}} for url in (*urls, "Composition/n", "Observation/o")]
    done = await patient.batch({"resourceType": "Bundle", "type": "batch", "entry": bundle})
    assert isinstance(done, list)
    for each in done:
        found += [each.stored.body] if each.stored else []
        found += [one.body for one in (*each.page.matches, *each.page.included)] if each.page else []
    return b"\n".join(filter(None, found)).decode()


async def test_rule_28_what_is_not_kept_back_is_shown(doctor: Record, patient: Record) -> None:
    assert SECRET in await everything(patient)


async def test_rule_28_a_heading_kept_back_leaves_by_no_way_in(doctor: Record, patient: Record) -> None:
    await keep(doctor, SOCIAL)
    await keep(doctor, WHOLE)
    seen = await everything(patient)
    assert SECRET not in seen
    assert "Socialt" not in seen
    assert "social" not in seen
    assert "NOPAT" not in seen
    assert "fara" not in seen
    assert "Ingen blödning." in seen


async def test_rule_28_the_rest_of_the_entry_is_shown_as_it_was(doctor: Record, patient: Record) -> None:
    await keep(doctor, SOCIAL)
    read = await patient.read("Composition", "n")
    assert isinstance(read, Stored)
    assert content(read)["section"] == [NOTE["section"][0]]
    assert content(read)["status"] == "final"


TELLING = {
    "Composition?_content=våld": ["n"],
    "Composition?_text=våld": ["n"],
    "Composition?section=urn:test|social": ["n"],
    "Composition?entry:Observation.status=final": ["n"],
    "Patient?_has:Composition:patient:section=urn:test|social": ["p"],
    "Patient?_has:Composition:patient:_content=våld": ["p"],
    "Observation?_has:Composition:entry:status=final": ["o"],
    "Observation?patient._has:Composition:patient:_content=våld": ["o"],
}
"""Searches whose hits tell of a heading, and what they find as long as it is not kept back."""


@pytest.mark.parametrize("url", TELLING)
async def test_rule_28_no_search_tells_of_a_heading(doctor: Record, patient: Record, url: str) -> None:
    assert await hits(patient, url) == (TELLING[url], len(TELLING[url]))
    await keep(doctor, SOCIAL)
    assert await hits(patient, url) == ([], 0)
    assert await hits(doctor, url) == (TELLING[url], len(TELLING[url]))


async def hits(record: Record, url: str) -> tuple[list[str], int | None]:
    page = await record.find(f"{url}&_total=accurate")
    assert isinstance(page, SearchPage), page
    return [one.id for one in page.matches], page.total


async def test_rule_28_searches_across_types_show_the_rest_of_an_entry(
    doctor: Record, patient: Record
) -> None:
    await keep(doctor, SOCIAL)
    queries = []
    for kind in ("Composition", "Observation"):
        query = parse_search(kind, [])
        assert isinstance(query, SearchQuery)
        queries.append(replace(query, compartment=compartment_of("Patient", "p", kind)))
    page = await patient.search_types(queries)
    assert isinstance(page, SearchPage)
    bodies = {one.reference: (one.body or b"").decode() for one in page.matches}
    assert set(bodies) == {"Composition/n", "Observation/o"}
    assert "Ingen blödning." in bodies["Composition/n"]
    assert SECRET not in bodies["Composition/n"]


async def test_rule_28_an_entry_of_which_a_part_is_kept_back_stays_in_the_patients_compartment(
    record: Record, doctor: Record, patient: Record
) -> None:
    done = await keep(doctor, SOCIAL)
    label = content(done.entry.stored)["section"][1]["extension"]
    meta = content(done.entry.stored)["meta"]["security"]
    performer = {"reference": "Practitioner/d", "extension": label}
    await put(record, {**OBSERVATION, "id": "part", "meta": {"security": meta}, "performer": [performer]})
    everything = SearchQuery("Observation", total="accurate")
    mine = replace(everything, compartment=compartment_of("Patient", "p", "Observation"))
    theirs = replace(everything, compartment=compartment_of("Practitioner", "d", "Observation"))
    page, told = await patient.search(mine), await patient.search(theirs)
    assert isinstance(page, SearchPage)
    assert {one.id for one in page.matches} == {"o", "part"}
    assert b"Practitioner/d" not in b"".join(one.body or b"" for one in page.matches)
    assert isinstance(told, SearchPage)
    assert (told.matches, told.total) == ((), 0)
    seen = await doctor.search(theirs)
    assert isinstance(seen, SearchPage)
    assert [one.id for one in seen.matches] == ["part"]


async def test_rule_28_staff_see_everything_and_which_headings_the_patient_does_not(doctor: Record) -> None:
    await keep(doctor, SOCIAL)
    read = await doctor.read("Composition", "n")
    assert isinstance(read, Stored)
    assert SECRET in (read.body or b"").decode()
    label = content(read)["section"][1]["extension"][0]["valueCoding"]
    assert label["code"] == "NOPAT"


@pytest.mark.parametrize("kind", list(Kind))
async def test_rule_28_only_what_may_be_told_is_told(doctor: Record, patient: Record, kind: Kind) -> None:
    await keep(doctor, SOCIAL, kind)
    read = await patient.read("Composition", "n")
    assert isinstance(read, Stored)
    titles = [one["title"] for one in content(read)["section"]]
    assert titles == (["Status", "Socialt"] if kind is Kind.EARLY_HYPOTHESIS else ["Status"])
    assert SECRET not in (read.body or b"").decode()


async def test_rule_28_a_whole_entry_is_as_if_it_were_not_there(doctor: Record, patient: Record) -> None:
    await keep(doctor, WHOLE)
    refused, absent = await patient.read("Observation", "o"), await patient.read("Observation", "none")
    assert isinstance(refused, Refusal)
    assert isinstance(absent, Refusal)
    assert refused.kind is absent.kind is RefusalKind.NOT_FOUND
    assert refused.issues[0].message == absent.issues[0].message.replace("none", "o")
    for url in ("Observation?patient=p&_total=accurate", "Observation?code=x&_summary=count"):
        page = await patient.find(url)
        assert isinstance(page, SearchPage)
        assert page.total == 0
    history = await patient.history("Observation", "o")
    assert isinstance(history, Refusal)


async def test_rule_28_it_ends_by_its_date(doctor: Record, patient: Record, services: Services) -> None:
    await keep(doctor, SOCIAL, until=services.clock.now() + timedelta(days=3))
    await keep(doctor, WHOLE, until=services.clock.now() + timedelta(days=3))
    assert SECRET not in await everything(patient)
    given = services.gate._services
    later = Gate(services.pool, services.audit, Later(services.clock), given.keys, given.decided)
    on_the_fourth_day = later.record(patients_principal())
    for name, logical_id in (("Composition", "n"), ("Observation", "o")):
        read = await on_the_fourth_day.read(name, logical_id)
        assert isinstance(read, Stored)
        assert SECRET in (read.body or b"").decode()
    page = await on_the_fourth_day.find("Observation?patient=p&_total=accurate")
    assert isinstance(page, SearchPage)
    assert page.total == 1


class Later:
    """A clock four days ahead of another."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock

    def now(self) -> Any:
        return self._clock.now() + timedelta(days=4)


async def test_rule_28_it_ends_by_a_decision(doctor: Record, patient: Record) -> None:
    await keep(doctor, SOCIAL)
    lifted = await doctor.text.lift(Place("Composition", "n", 2, (1,)), "Samtal har ägt rum.")
    assert isinstance(lifted, Corrected)
    read = await patient.read("Composition", "n")
    assert isinstance(read, Stored)
    assert content(read)["section"] == NOTE["section"]


@pytest.mark.parametrize(
    "place", [Place("Composition", "n", 1, (7,)), Place("Composition", "n", 9, (1,)), Place("List", "x", 1)]
)
async def test_rule_28_nothing_is_kept_back_that_is_not_there(doctor: Record, place: Place) -> None:
    assert isinstance(await doctor.text.keep_back(place, Kind.CHILD, "Skäl", until=None), Refusal)


async def test_rule_28_a_decision_needs_a_reason_and_an_end_to_come(
    doctor: Record, services: Services
) -> None:
    assert isinstance(await doctor.text.keep_back(SOCIAL, Kind.CHILD, " "), Refusal)
    past = services.clock.now() - timedelta(days=2)
    assert isinstance(await doctor.text.keep_back(SOCIAL, Kind.CHILD, "Skäl", until=past), Refusal)


async def test_rule_28_the_patient_decides_nothing_of_it(doctor: Record, patient: Record) -> None:
    await keep(doctor, SOCIAL)
    assert isinstance(await patient.text.lift(Place("Composition", "n", 2, (1,)), "Visa"), Refusal)


async def test_rule_28_a_careless_new_version_does_not_show_what_is_kept_back(
    doctor: Record, patient: Record, record: Record
) -> None:
    await keep(doctor, SOCIAL)
    await keep(doctor, WHOLE)
    refused = await record.update("Composition", "n", NOTE)
    assert isinstance(refused, Refusal)
    assert "kept back" in refused.issues[0].message
    assert SECRET not in await everything(patient)


async def test_rule_28_a_correction_of_what_is_kept_back_keeps_its_reason_back_too(
    doctor: Record, patient: Record
) -> None:
    done = await keep(doctor, SOCIAL)
    await keep(doctor, WHOLE)
    body = content(done.entry.stored)
    body["section"][1]["text"] = section("Socialt", "Annan hemlig text.")["text"]
    corrected = await doctor.text.correct(body, "Våldet gällde 2025.", version=2)
    assert isinstance(corrected, Corrected), corrected
    seen = await everything(patient)
    assert SECRET not in seen
    assert "2025" not in seen
    assert "hemlig" not in seen


async def test_rule_28_a_label_that_searches_would_not_see_is_refused(record: Record, doctor: Record) -> None:
    done = await keep(doctor, SOCIAL)
    body = content(done.entry.stored) | {"id": "m"}
    del body["meta"]
    refused = await record.update("Composition", "m", body)
    assert isinstance(refused, Refusal)
    assert "PROCESSINLINELABEL" in refused.issues[0].message


async def test_rule_28_an_extract_for_the_patient_leaves_it_out(
    doctor: Record, gate: Gate, record: Record
) -> None:
    await keep(doctor, SOCIAL)
    await keep(doctor, WHOLE)

    async def export(*principals: Any) -> str:
        pages: list[ExportPage] = [page async for page in gate.export(principals)]
        return b"\n".join(one.body for page in pages for one in page.resources).decode()

    assert SECRET not in await export(patients_principal())
    assert SECRET in await export(record.principal)


async def test_rule_28_over_the_api(doctor: Record, services: Services, client: httpx.AsyncClient) -> None:
    await keep(doctor, SOCIAL)
    token = await services.identity.mint_token(patients_principal(), timedelta(hours=1))
    mine = {"authorization": f"Bearer {token}"}
    answer = await client.get("/fhir/Composition/n", headers=mine)
    assert answer.status_code == 200
    assert SECRET not in answer.text
    assert json.loads(answer.content)["section"] == [NOTE["section"][0]]
    assert SECRET in (await client.get("/fhir/Composition/n")).text
