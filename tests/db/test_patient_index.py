"""Linking Patients: one view everywhere, nothing rewritten, undone without a trace but the history."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import combinations
from typing import Any

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kontinuum.fhir import json
from kontinuum.fhir.search.joined import compartment_of
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.kernel.principal import PROTECTED_IDENTITY, ActorKind, Principal, Purpose
from kontinuum.record import Gate, Incoming, Record, Refusal, RefusalKind, SearchPage, Stored, Written
from kontinuum.record.everything import Wanted
from kontinuum.record.persons.links import Linked, PersonLinks
from kontinuum.record.persons.rules import Conflict
from kontinuum.record.searching import parse_url
from kontinuum.sweden import systems
from tests.conftest import OTHER, REGION, SYSTEM, principal
from tests.support.resources import observation

RESERVE = "990000000007"
NUMBER = "198011289801"
REASON = "Legitimerad med körkort"


def person(identity: str, number: str, system: str = systems.PERSONNUMMER, **changes: Any) -> dict[str, Any]:
    """A Patient with a number."""
    return {
        "resourceType": "Patient",
        "id": identity,
        "meta": {"security": [{"system": "urn:labels", "code": "x"}], "tag": [{"code": "t"}]},
        "identifier": [{"system": system, "value": number}],
        "name": [{"use": "official", "given": ["Anna"], "family": "Karlsson"}],
        "gender": "female",
        "birthDate": "1980-11-28",
        "telecom": [{"system": "phone", "value": "070-174 06 31"}],
        **changes,
    }


def unknown(identity: str = "y", **changes: Any) -> dict[str, Any]:
    """A Patient under a reserve number, of whom nothing else is known."""
    nothing: dict[str, Any] = {
        "resourceType": "Patient",
        "id": identity,
        "identifier": [
            {
                "use": "temp",
                "system": systems.STOCKHOLM_RESERVE_NUMBER,
                "value": f"{RESERVE[:-1]}{len(identity)}",
            }
        ],
    }
    return {**nothing, **changes}


async def write(record: Record, *resources: dict[str, Any]) -> None:
    """Write resources under their own ids."""
    for resource in resources:
        written = await record.update(resource["resourceType"], resource["id"], resource)
        assert isinstance(written, Written), written


async def linked(record: Record, replaced: str = "y", survivor: str = "x", **more: Any) -> Linked:
    """Two Patients after they were linked."""
    result = await record.persons.link(replaced, survivor, reason=REASON, **more)
    assert isinstance(result, Linked), result
    return result


async def found(record: Record, url: str) -> list[str]:
    """The references that a search finds, in its order."""
    page = await record.find(url)
    assert isinstance(page, SearchPage), page
    return [each.reference for each in (*page.matches, *page.included)]


async def body(record: Record, patient: str) -> dict[str, Any]:
    """A Patient without what the server puts into meta."""
    stored = await record.read("Patient", patient)
    assert isinstance(stored, Stored), stored
    resource: dict[str, Any] = json.loads(stored.body or b"")
    for name in ("versionId", "lastUpdated"):
        del resource["meta"][name]
    return resource


def kinds(refusal: object) -> RefusalKind:
    """The kind of a refusal."""
    assert isinstance(refusal, Refusal), refusal
    return refusal.kind


# --- one view ------------------------------------------------------------------------------------------


async def test_what_concerns_either_of_two_linked_patients_is_found_by_both(record: Record) -> None:
    await write(record, person("x", NUMBER), unknown())
    await write(record, observation("x", id="b1"), observation("y", id="b2", effectiveDateTime="2024-03-02"))
    await linked(record)
    for url in ("patient=x", "patient=y", "subject=Patient/x", "patient=Patient/y", "subject:Patient=y"):
        assert await found(record, f"Observation?{url}") == ["Observation/b2", "Observation/b1"], url
    page = await record.find("Observation?patient=x&_total=accurate&_count=1")
    assert isinstance(page, SearchPage)
    assert page.total == 2
    assert page.next is not None
    assert await found(record, f"Observation?patient=x&_total=accurate&_count=1&_cursor={page.next}") == [
        "Observation/b1"
    ]
    assert set(await found(record, "Patient?_id=x&_revinclude=Observation:patient")) == {
        "Patient/x", "Observation/b1", "Observation/b2",
    }  # fmt: skip
    (chart,) = await record.find_many(["Observation?patient=x&_sort=date"])
    assert [each.id for each in chart.matches] == ["b1", "b2"]


async def test_chains_and_compartments_reach_the_whole_person(record: Record) -> None:
    await write(record, person("x", NUMBER), unknown(), observation("x", id="b1"), observation("y", id="b2"))
    reserve = unknown()["identifier"][0]["value"]
    by_reserve, by_number = f"subject:Patient.identifier={reserve}", "patient.identifier=801128-9801"
    assert await found(record, f"Observation?{by_reserve}") == ["Observation/b2"]
    await linked(record)
    both = {"Observation/b1", "Observation/b2"}
    for url in (by_reserve, by_number):
        assert set(await found(record, f"Observation?{url}")) == both, url
    query = parse_url("Observation")
    assert isinstance(query, SearchQuery)
    for one in ("x", "y"):
        page = await record.search(replace(query, compartment=compartment_of("Patient", one, "Observation")))
        assert isinstance(page, SearchPage)
        assert {each.reference for each in page.matches} == both
        whole = await record.everything("Patient", one, Wanted())
        assert isinstance(whole, SearchPage)
        ours = {each.reference for each in whole.matches if each.type != "Provenance"}
        assert ours == both | {"Patient/x", "Patient/y"}


async def test_both_patients_say_so_and_nothing_else_is_rewritten(record: Record) -> None:
    await write(record, person("x", NUMBER), unknown(), observation("y", id="b2"))
    before = await record.read("Observation", "b2")
    await linked(record)
    assert (await body(record, "y"))["link"] == [{"other": {"reference": "Patient/x"}, "type": "replaced-by"}]
    assert (await body(record, "x"))["link"] == [{"other": {"reference": "Patient/y"}, "type": "replaces"}]
    assert await record.read("Observation", "b2") == before
    assert await record.persons.person_of(["x", "y", "z"]) == {"x": "x", "y": "x"}


@settings(max_examples=12)
@given(
    placed=st.lists(st.sampled_from("abcd"), min_size=1, max_size=12),
    links=st.lists(
        st.sampled_from(list(combinations("abcd", 2))), min_size=1, max_size=3, unique_by=lambda pair: pair[0]
    ),
)
def test_linked_records_are_the_union_and_unlinked_ones_as_before(
    database_server: str, template: str, settings_of_run: Any, placed: list[str], links: list[tuple[str, str]]
) -> None:
    async def run() -> None:
        from kontinuum.app.postgres import scratch_database
        from kontinuum.app.services import open_services

        with scratch_database(database_server, template=template) as dsn:
            async with open_services(settings_of_run, dsn, connections=3) as opened:
                await round_trip(opened.gate.record(SYSTEM), placed, links)

    asyncio.run(run())


@pytest.fixture(scope="session")
def settings_of_run(settings: Any) -> Any:
    """The settings, under a name that hypothesis' own does not hide."""
    return settings


async def answers(record: Record) -> dict[str, Any]:
    """Everything that is asked in the round trip, with its answers."""
    asked: dict[str, Any] = {}
    for one in "abcd":
        for more in ("", "&_sort=date", "&code=8480-6", "&_summary=count", "&_count=2&_total=accurate"):
            page = await record.find(f"Observation?patient={one}{more}")
            assert isinstance(page, SearchPage)
            asked[one + more] = (
                page.total,
                [(each.id, each.version) for each in page.matches],
                bool(page.next),
            )
        asked[one] = await body(record, one)
    return asked


async def round_trip(record: Record, placed: list[str], links: list[tuple[str, str]]) -> None:
    """Link, hold the union, unlink in any order, hold what was before."""
    await write(record, person("d", NUMBER), *(unknown(one) for one in "abc"))
    for number, one in enumerate(placed):
        await write(record, observation(one, id=f"b{number}", effectiveDateTime=f"2024-01-{number + 1:02d}"))
    before = await answers(record)
    made = []
    for replaced, survivor in links:
        known = await record.persons.person_of([survivor])
        result = await record.persons.link(
            replaced, known.get(survivor, survivor), reason=REASON, confirmed=tuple(map(str, Conflict))
        )
        assert isinstance(result, Linked), result
        made.append(result.replaced)
    for one in "abcd":
        links_now = await record.persons.links_of(one)
        assert isinstance(links_now, PersonLinks)
        wanted = [f"b{number}" for number, each in enumerate(placed) if each in links_now.members]
        page = await record.find(f"Observation?patient={one}&_sort=date")
        assert isinstance(page, SearchPage)
        assert [each.id for each in page.matches] == wanted
    for replaced in made:
        assert isinstance(await record.persons.unlink(replaced, reason="Fel person"), PersonLinks)
    assert await answers(record) == before


async def test_a_link_keeps_its_history_of_who_when_and_why(record: Record) -> None:
    await write(record, person("x", NUMBER), unknown())
    await linked(record)
    await record.persons.unlink("y", reason="Fel person")
    await linked(record)
    links = await record.persons.links_of("x")
    assert isinstance(links, PersonLinks)
    assert (links.person, links.members) == ("x", ("x", "y"))
    first, second = links.links
    assert (first.reason, first.made_name, first.made_provider) == (REASON, SYSTEM.actor.name, REGION)
    assert (first.ended_reason, first.ended_name) == ("Fel person", SYSTEM.actor.name)
    assert first.ended is not None
    assert first.ended > first.made
    assert second.ended is None


async def test_linking_and_unlinking_stand_in_the_log_with_both_patients_and_the_reason(
    record: Record, dsn: str
) -> None:
    await write(record, person("x", NUMBER), unknown())
    await linked(record)
    await record.persons.unlink("y", reason="Fel person")
    await record.persons.link("y", "y2", reason=REASON)
    connection = await asyncpg.connect(dsn)
    entries = [
        json.loads(row["content"])
        for row in await connection.fetch(
            "select content from audit_entry where action in ('link', 'unlink') order by recorded, ord"
        )
    ]
    await connection.close()
    said = [
        (one["action"], one["outcome"], one.get("note")) for one in entries if one["basis"] == "patient-index"
    ]
    assert said[:2] == [("link", "permitted", REASON), ("unlink", "permitted", "Fel person")]
    assert set(entries[0]["patients"]) == {"x", "y"}


# --- refusals ------------------------------------------------------------------------------------------


async def test_what_speaks_against_a_link_must_be_confirmed_by_name(record: Record) -> None:
    other = person("y", "198011289819", gender="male", birthDate="1980-11-27", deceasedBoolean=True)
    other["name"] = [{"given": ["Bo"], "family": "Ek"}]
    await write(record, person("x", NUMBER), other)
    against = {Conflict.TWO_NUMBERS, Conflict.BIRTH_DATES, Conflict.SEX, Conflict.NAMES, Conflict.DECEASED}
    compared = await record.persons.compare("y", "x")
    assert isinstance(compared, tuple)
    assert set(compared) == against
    refused = await record.persons.link("y", "x", reason=REASON)
    assert isinstance(refused, Refusal)
    assert refused.kind is RefusalKind.CONFLICT
    assert len(refused.issues) == len(against)
    some = await record.persons.link("y", "x", reason=REASON, confirmed=[Conflict.SEX])
    assert isinstance(some, Refusal)
    assert len(some.issues) == len(against) - 1
    assert "link" not in await body(record, "x")
    assert set((await linked(record, confirmed=against)).confirmed) == against


async def test_a_link_that_would_close_a_circle_is_refused(record: Record) -> None:
    await write(record, person("x", NUMBER), unknown(), unknown("yy"))
    await linked(record, "y", "x")
    for replaced, survivor in (("x", "y"), ("y", "x"), ("y", "yy"), ("yy", "y"), ("x", "x")):
        refused = await record.persons.link(
            replaced, survivor, reason=REASON, confirmed=tuple(map(str, Conflict))
        )
        assert kinds(refused) in (RefusalKind.CONFLICT, RefusalKind.BAD_REQUEST), (replaced, survivor)
    await linked(record, "yy", "x")


async def test_twenty_who_link_the_same_at_once_make_one_link(record: Record) -> None:
    await write(record, person("x", NUMBER), unknown(), unknown("yy"))
    tries = [record.persons.link(one, to, reason=REASON) for one, to in (("y", "x"), ("y", "yy")) * 5]
    made = [each for each in await asyncio.gather(*tries) if isinstance(each, Linked)]
    assert len(made) == 1
    links = await record.persons.links_of("y")
    assert isinstance(links, PersonLinks)
    assert len(links.links) == 1


@pytest.mark.parametrize("reason", ["", "  "])
async def test_a_link_needs_a_reason(record: Record, reason: str) -> None:
    await write(record, person("x", NUMBER), unknown())
    assert kinds(await record.persons.link("y", "x", reason=reason)) is RefusalKind.BAD_REQUEST
    await linked(record)
    assert kinds(await record.persons.unlink("y", reason=reason)) is RefusalKind.BAD_REQUEST


async def test_a_patient_that_does_not_exist_is_not_linked(record: Record) -> None:
    await write(record, person("x", NUMBER), unknown())
    assert kinds(await record.persons.link("nobody", "x", reason=REASON)) is RefusalKind.NOT_FOUND
    assert kinds(await record.persons.link("y", "nobody", reason=REASON)) is RefusalKind.NOT_FOUND
    assert kinds(await record.persons.unlink("y", reason=REASON)) is RefusalKind.CONFLICT


async def test_patients_that_another_provider_keeps_are_not_linked_here(record: Record, gate: Gate) -> None:
    elsewhere = gate.record(principal("dr-ek", provider=OTHER))
    await write(elsewhere, person("x", NUMBER), unknown())
    assert kinds(await record.persons.link("y", "x", reason=REASON)) is RefusalKind.FORBIDDEN
    await linked(elsewhere)
    assert kinds(await record.persons.unlink("y", reason=REASON)) is RefusalKind.FORBIDDEN


async def test_a_link_to_another_providers_patient_leaves_that_one_untouched(
    record: Record, gate: Gate
) -> None:
    elsewhere = gate.record(principal("dr-ek", provider=OTHER))
    await write(elsewhere, person("x", NUMBER))
    await write(record, unknown(), observation("y", id="b1"))
    await linked(record)
    assert "link" not in await body(record, "x")
    assert await found(record, "Observation?patient=x") == ["Observation/b1"]
    assert await found(elsewhere, "Observation?patient=x") == []  # the gate decides about each as always


async def test_a_patient_links_nobody(gate: Gate, record: Record) -> None:
    await write(record, person("x", NUMBER), unknown())
    self = gate.record(principal("x", kind=ActorKind.PATIENT))
    assert kinds(await self.persons.link("y", "x", reason=REASON)) is RefusalKind.FORBIDDEN


async def test_protected_identity_that_differs_needs_the_right_and_marks_both(
    gate: Gate, record: Record
) -> None:
    label = {"system": systems.SECURITY_LABEL, "code": systems.CONFIDENTIALITY_MARK}
    await write(record, person("x", NUMBER, meta={"security": [label]}), unknown())
    before = await body(record, "y")
    refused = await record.persons.link("y", "x", reason=REASON, confirmed=[Conflict.PROTECTION])
    assert kinds(refused) is RefusalKind.FORBIDDEN
    assert kinds(await record.persons.compare("y", "x")) is RefusalKind.FORBIDDEN
    trusted = gate.record(
        replace(SYSTEM, assignment=replace(SYSTEM.assignment, rights=(PROTECTED_IDENTITY,)))
    )
    assert kinds(await trusted.persons.link("y", "x", reason=REASON)) is RefusalKind.CONFLICT
    await linked(trusted, confirmed=[Conflict.PROTECTION])
    assert (await body(trusted, "y"))["meta"]["security"] == [label]
    await trusted.persons.unlink("y", reason="Fel person")
    assert await body(record, "y") == before
    assert (await body(trusted, "x"))["meta"]["security"] == [label]


async def test_an_ordinary_write_makes_changes_and_removes_no_link(record: Record) -> None:
    await write(record, person("x", NUMBER), unknown())
    link = {"other": {"reference": "Patient/x"}, "type": "replaced-by"}
    assert kinds(await record.create({"resourceType": "Patient", "link": [link]})) is RefusalKind.INVALID
    assert kinds(await record.update("Patient", "y", unknown(link=[link]))) is RefusalKind.INVALID
    await linked(record)
    assert kinds(await record.update("Patient", "y", unknown())) is RefusalKind.INVALID
    assert kinds(await record.delete("Patient", "y")) is RefusalKind.INVALID
    await write(record, unknown(link=[link], gender="male"))
    await write(record, person("z", "198011289819", link=[{**link, "type": "seealso"}]))


async def test_an_export_that_is_taken_in_brings_its_links(record: Record, gate: Gate) -> None:
    link = {"other": {"reference": "Patient/x"}, "type": "replaced-by"}
    circle = {"other": {"reference": "Patient/y"}, "type": "replaced-by"}
    delivery = [
        Incoming(person("x", NUMBER, link=[circle])),
        Incoming(unknown(link=[link])),
        Incoming(observation("y", id="b1")),
    ]
    for _ in range(2):
        assert all(isinstance(each, Written) for each in await record.take_in(delivery))
    # Of two that name each other the first counts: never a circle.
    assert await record.persons.person_of(["x", "y"]) == {"x": "y", "y": "y"}
    assert await found(record, "Observation?patient=x") == ["Observation/b1"]


@pytest.mark.parametrize(
    "who",
    [principal("x", kind=ActorKind.PATIENT, purpose=Purpose.PATIENT), principal(purpose=Purpose.STATISTICS)],
    ids=["patient", "statistics"],
)
async def test_the_index_is_kept_by_those_who_care_or_administrate(
    gate: Gate, record: Record, who: Principal
) -> None:
    await write(record, person("x", NUMBER), person("b", "198011289819"))
    await record.persons.find_duplicates(10)
    persons = gate.record(who).persons
    for refused in (
        await persons.link("b", "x", reason=REASON, confirmed=tuple(map(str, Conflict))),
        await persons.unlink("b", reason=REASON),
        await persons.protect("b", systems.CONFIDENTIALITY_MARK, reason=REASON, if_match=1),
        await persons.draw_reserve_number(),
        await persons.find_duplicates(10),
        await persons.duplicates(),
        await persons.duplicates_of(person("", NUMBER)),
        await persons.dismiss("b", "x", reason=REASON),
        await persons.reopen("b", "x"),
    ):
        assert kinds(refused) is RefusalKind.FORBIDDEN
    allowed = gate.record(principal(purpose=Purpose.ADMINISTRATION)).persons
    assert len(await allowed.duplicates()) == 1
