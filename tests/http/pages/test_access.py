"""The access strip of the chart: every state that the law knows, and the step that leads out of it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.http.pages.conftest import PATIENT, csrf_of, note, patient, persona

from kontinuum.access.circumstances import Level
from kontinuum.app.services import Services
from kontinuum.kernel.principal import Actor, ActorKind, Assignment, Principal, Purpose
from kontinuum.record import Done, Incoming, Record, Written

HERE = ("SE2321000016-DEMO1030", "SE2321000016-DEMO1000")
NEXT_DOOR = ("SE2321000016-DEMO1011", "SE2321000016-DEMO1000")
ELSEWHERE = ("SE5599999025-DEMO4010", "SE5599999025-DEMO4000")
CHART = f"/patient/{PATIENT}"


def system(place: tuple[str, str]) -> Principal:
    """A system of a unit."""
    unit, provider = place
    assignment = Assignment("loader", "System", unit, unit, provider, provider, Purpose.SYSTEM)
    return Principal(Actor(ActorKind.SYSTEM, "loader", "loader"), assignment, "test")


@pytest.fixture
async def stranger(application: Services) -> Services:
    """A patient with one note at each of three places, whom the signed-in doctor does not know."""
    contents: list[tuple[tuple[str, str], list[dict[str, Any]]]] = [
        (HERE, [patient(), note("n-here", "<p>Skrivet här</p>")]),
        (NEXT_DOOR, [note("n-next", "<p>Skrivet bredvid</p>")]),
        (ELSEWHERE, [note("n-far", "<p>Skrivet annorstädes</p>")]),
    ]
    for place, resources in contents:
        record = application.gate.record(system(place))
        for result in await record.take_in([Incoming(resource) for resource in resources]):
            assert isinstance(result, Written), result
    return application


def doctors(services: Services) -> Record:
    """The record as the signed-in doctor sees it."""
    berglund = persona("Anna Berglund")
    return services.gate.record(Principal(berglund.actor, berglund.assignments[0], "test"))


async def step(browser: httpx.AsyncClient, name: str, **fields: str) -> str:
    """Take one step from the chart, and give the chart that follows."""
    token = csrf_of(await browser.get(CHART))
    answer = await browser.post(f"{CHART}/access/{name}", data={"csrf": token, "patient": PATIENT, **fields})
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == CHART
    return (await browser.get(CHART)).text


async def test_rule_07_refuses_and_says_so_instead_of_showing_an_empty_record(
    stranger: Services, doctor: httpx.AsyncClient
) -> None:
    page = (await doctor.get(CHART)).text
    assert "Din enhet har ingen vårdrelation med patienten" in page
    assert "Det finns uppgifter i den." in page
    assert "Skrivet här" not in page
    assert "DEMO1011" not in page
    assert "Ingen överkänslighet" not in page
    of_module = await doctor.get(f"{CHART}/notes/all")
    assert "Skrivet" not in of_module.text


async def test_rule_07_permits_after_a_stated_reason(stranger: Services, doctor: httpx.AsyncClient) -> None:
    page = await step(doctor, "relate", reason="Rådfrågas av kollega")
    assert "Skrivet här" in page
    assert "angiven av dig" in page
    assert "Skrivet bredvid" not in page


async def test_rule_08_permits_one_step_to_another_units_content(
    stranger: Services, doctor: httpx.AsyncClient
) -> None:
    page = await step(doctor, "relate", reason="Vård")
    assert "Mer finns vid andra enheter" in page
    assert NEXT_DOOR[0] in page
    page = await step(doctor, "choose", unit=NEXT_DOOR[0])
    assert "Skrivet bredvid" in page
    assert "Skrivet annorstädes" not in page


async def test_rule_08_an_empty_card_tells_that_there_is_more_elsewhere(
    stranger: Services, doctor: httpx.AsyncClient
) -> None:
    page = await step(doctor, "relate", reason="Vård")
    assert "Inget av detta finns bland det du ser nu. Det finns mer hos andra enheter" in page
    assert "Uppgift om överkänslighet saknas" not in page
    await step(doctor, "choose", unit=NEXT_DOOR[0])
    page = await step(doctor, "consent", unit=ELSEWHERE[0], how="given", lasts="1", scope="unit")
    assert "Inget av detta finns bland det du ser nu" not in page


async def test_rule_14_permits_two_actions_to_another_providers_content(
    stranger: Services, doctor: httpx.AsyncClient
) -> None:
    page = await step(doctor, "relate", reason="Vård")
    assert "Mer finns hos andra vårdgivare" in page
    page = await step(doctor, "consent", unit=ELSEWHERE[0], how="given", lasts="1", scope="unit")
    assert "Skrivet annorstädes" in page


async def test_rule_16_refuses_a_consent_for_the_patient_without_how_it_was_clarified(
    stranger: Services, doctor: httpx.AsyncClient
) -> None:
    await step(doctor, "relate", reason="Vård")
    token = csrf_of(await doctor.get(CHART))
    form = {
        "csrf": token,
        "patient": PATIENT,
        "unit": ELSEWHERE[0],
        "how": "unable",
        "lasts": "1",
        "attitude": "",
    }
    refusal = await doctor.post(f"{CHART}/access/consent", data=form)
    assert refusal.status_code == 400
    lost = {**form, "attitude": "Sambon <tillfrågad>", "lasts": "0"}
    refusal = await doctor.post(f"{CHART}/access/consent", data=lost)
    assert refusal.status_code == 400
    assert "Sambon &lt;tillfrågad&gt;" in refusal.text, "what was written is not lost by the refusal"
    page = await step(doctor, "consent", **{**form, "attitude": "Sambon tillfrågad"})
    assert "Skrivet annorstädes" in page


async def test_rule_17_permits_an_emergency_opening_with_a_banner_until_it_is_ended(
    stranger: Services, doctor: httpx.AsyncClient
) -> None:
    page = await step(doctor, "open", reason="Medvetslös")
    assert "Nödöppning" in page
    assert "granskas efteråt" in page
    for words in ("Skrivet här", "Skrivet bredvid", "Skrivet annorstädes"):
        assert words in page
    page = await step(doctor, "close")
    assert "Skrivet" not in page


async def test_rule_09_refuses_what_is_blocked_and_rule_10_permits_the_lift(
    stranger: Services, doctor: httpx.AsyncClient
) -> None:
    place = stranger.gate.record(system(NEXT_DOOR))
    blocked = await place.law.block(PATIENT, Level.INNER, *NEXT_DOOR)
    assert isinstance(blocked, Done)
    await step(doctor, "relate", reason="Vård")
    page = await step(doctor, "choose", unit=NEXT_DOOR[0])
    assert "Skrivet bredvid" not in page
    assert "Spärrad" in page
    (held,) = [
        held for held in (await doctors(stranger).access(PATIENT)).withheld if held.unit == NEXT_DOOR[0]
    ]
    page = await step(
        doctor, "lift", blocks=str(held.blocks[0]), ground="consent", whom="me", reason="Patienten säger ja"
    )
    assert "Skrivet bredvid" in page


async def test_rule_18_every_step_needs_the_forms_token(
    stranger: Services, doctor: httpx.AsyncClient
) -> None:
    for name in ("relate", "choose", "consent", "open", "close", "lift"):
        answer = await doctor.post(f"{CHART}/access/{name}", data={"reason": "x", "unit": NEXT_DOOR[0]})
        assert answer.status_code == 403
    assert "Skrivet" not in (await doctor.get(CHART)).text
    token = csrf_of(await doctor.get(CHART))
    assert (
        await doctor.post(f"{CHART}/access/nothing", data={"csrf": token, "patient": PATIENT})
    ).status_code == 404


async def test_rule_13_one_step_notes_that_the_patient_was_informed_or_objects(
    stranger: Services, doctor: httpx.AsyncClient
) -> None:
    page = await step(doctor, "relate", reason="Rådfrågas")
    assert "Sedan 2023-01-01 är patienten informerad" in page
    assert "Notera att patienten är informerad" not in page
    administrator = persona("Birgitta Nyström")
    principal = Principal(administrator.actor, administrator.assignments[0], "test")
    await stranger.provider_settings.decide(principal, "informed_generally", "", "Var och en", seen=0)
    page = (await doctor.get(CHART)).text
    assert "inte informerad" in page
    page = await step(doctor, "inform", how="writing")
    assert "Sammanhållen dokumentation: informerad" in page
    page = await step(doctor, "inform", objects="1")
    assert "patienten har sagt nej" in page
    (block,) = (await doctors(stranger).standing(PATIENT)).circumstances.blocks
    assert (block.level, block.unit) == (Level.OUTER, "")


async def test_rule_17_refuses_and_says_that_nothing_can_be_checked_with_the_emergency_path_open(
    stranger: Services, doctor: httpx.AsyncClient, owner: Any
) -> None:
    await owner.execute("update law_projection set complete = false")
    stranger.gate._services.law_complete = False  # as in a process that was started just now
    page = (await doctor.get(CHART)).text
    assert "Spärrar och samtycken kan inte kontrolleras just nu" in page
    assert "Skrivet här" not in page
    page = await step(doctor, "open", reason="Medvetslös")
    assert "Bara det som den egna vårdgivaren har dokumenterat visas" in page
    assert "Skrivet här" in page
    assert "Skrivet bredvid" in page
    assert "Skrivet annorstädes" not in page


async def test_each_refused_step_says_why_in_the_readers_language(
    stranger: Services, doctor: httpx.AsyncClient
) -> None:
    refused = [
        ("relate", {"reason": " "}, "Ange anledningen: den loggas och granskas."),
        ("choose", {"unit": NEXT_DOOR[0]}, "Din enhet har ingen vårdrelation med patienten."),
        ("open", {}, "Ange anledningen"),
        ("close", {}, "Det finns ingen nödöppning att avsluta."),
        ("relate", {"reason": "Vård"}, ""),
        ("choose", {}, "Välj minst en enhet."),
        ("consent", {"unit": ELSEWHERE[0], "lasts": "0"}, "Ange hur många dagar samtycket gäller."),
        ("lift", {"blocks": "7", "reason": "Vård"}, "Välj grund: patientens samtycke eller nödläge."),
        ("lift", {"blocks": "7", "reason": "Vård", "ground": "consent"}, "Spärren finns inte hos din vård"),
    ]
    token = csrf_of(await doctor.get(CHART))
    for name, fields, words in refused:
        answer = await doctor.post(
            f"{CHART}/access/{name}", data={"csrf": token, "patient": PATIENT, **fields}
        )
        assert answer.status_code == 303 if not words else answer.status_code in (400, 403, 404), name
        assert words in answer.text, name
