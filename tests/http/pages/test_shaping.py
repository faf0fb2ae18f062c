"""What units shape beside templates: the overview, and worklists that show everybody what they may read."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.http.pages.conftest import PATIENT, csrf_of, note, patient, persona, sign_in, write

from kontinuum.app.asgi import build
from kontinuum.app.services import Services
from kontinuum.fhir import json as fhir_json
from kontinuum.kernel.principal import Actor, ActorKind, Principal, Purpose
from kontinuum.record import Incoming, Record

AUTHOR = "Karin Öhman"
OTHER = "p-2"
UNIT = persona(AUTHOR).assignments[0].unit


@pytest.fixture
async def author(application: Services) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which a district nurse has signed in who may change what the unit works in."""
    transport = httpx.ASGITransport(app=build(application), raise_app_exceptions=False)
    headers = {"accept-language": "sv"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as opened:
        assert (await sign_in(opened, AUTHOR)).status_code == 303
        yield opened


@pytest.fixture(autouse=True)
async def somebody(doctors_record: Record) -> None:
    await write(doctors_record, patient())


def _cards(page: httpx.Response) -> list[str]:
    return re.findall(r'name="card" value="([^"]+)"', page.text)


def _form(page: httpx.Response, **changes: Any) -> dict[str, Any]:
    """The layout on the page as its form would send it."""
    cards = _cards(page)
    hidden = changes.pop("hidden", ())
    shown = [one for one in cards if one not in hidden]
    version = re.search(r'name="version" value="(\d+)"', page.text)
    assert version
    return {"csrf": csrf_of(page), "version": version[1], "card": cards, "shown": shown, **changes}


async def test_a_unit_lays_out_its_overview_and_nothing_that_warns_is_hidden(
    author: httpx.AsyncClient, doctor: httpx.AsyncClient
) -> None:
    page = await author.get("/layout")
    assert "Förmaksflimmer" in page.text  # of the patient who does not exist
    for wrong in ({"hidden": ("alerts",)}, {"folded": ["alerts"]}):
        refused = await author.post("/layout", data=_form(page, do="save", **wrong))
        assert refused.status_code == 422
        assert "får inte döljas" in refused.text
    refused = await doctor.post("/layout", data=_form(await doctor.get("/layout"), do="save"))
    assert refused.status_code == 403
    cards = _cards(page)
    looked = await author.post("/layout", data=_form(page, do=f"up:{cards[2]}"))
    assert _cards(looked) == [cards[0], cards[2], cards[1], *cards[3:]]
    assert "laid-out" not in (await doctor.get(f"/patient/{PATIENT}")).text  # nothing is kept by looking
    form = _form(looked, do="save", hidden=("laboratory",), folded=["notes"], **{"size:medication": "wide"})
    assert (await author.post("/layout", data=form)).status_code == 303
    chart = (await doctor.get(f"/patient/{PATIENT}")).text
    shown = re.findall(r'<section class="card card-([a-z-]+)"', chart)
    assert "laboratory" not in shown
    assert shown.index(cards[2]) < shown.index(cards[1])
    assert {"alerts", "notes", "medication"} <= set(shown)
    assert '<details class="laid-folded"><summary>Anteckningar' in chart
    assert (await author.post("/layout", data=form)).status_code == 412  # somebody else was first
    again = await author.get("/layout")
    hidden = _form(again, do="save", hidden=("laboratory", "notes"))
    assert (await author.post("/layout", data=hidden)).status_code == 303
    assert 'id="notes"' not in (await doctor.get(f"/patient/{PATIENT}")).text
    earlier = await author.get("/layout?version=1")
    assert "Du ser version 1" in earlier.text
    back = _form(earlier, do="save", hidden=("laboratory",))
    assert (await author.post("/layout", data=back)).status_code == 303
    assert 'id="notes"' in (await doctor.get(f"/patient/{PATIENT}")).text
    assert (
        await author.post("/layout", data=_form(await author.get("/layout"), do="standard"))
    ).status_code == 303
    assert "laid-out" not in (await doctor.get(f"/patient/{PATIENT}")).text


async def test_a_layout_that_names_what_is_gone_or_hides_what_warns_shows_everything_and_says_so(
    author: httpx.AsyncClient, doctor: httpx.AsyncClient, application: Services, doctors_record: Record
) -> None:
    await author.post("/layout", data=_form(await author.get("/layout"), do="save"))
    system = replace(doctors_record.principal.assignment, purpose=Purpose.SYSTEM)
    record = application.gate.record(Principal(Actor(ActorKind.SYSTEM, "s", "S"), system, "test"))
    (kept,) = (await record.find("Library?type=layout")).matches  # type: ignore[union-attr]
    library = fhir_json.loads(kept.body or b"")

    async def given(*cards: dict[str, Any]) -> str:
        content = {**library["content"][0], "data": _encoded({"cards": cards})}
        await record.take_in([Incoming({**library, "content": [content]})])
        return (await doctor.get(f"/patient/{PATIENT}")).text

    gone = await given({"anchor": "notes"}, {"anchor": "fax"})
    assert "delar som inte finns längre (fax)" in gone
    assert 'id="laboratory"' in gone
    assert "laid-out" not in gone
    secretive = await given({"anchor": "alerts", "shown": False}, {"anchor": "notes", "folded": True})
    assert re.findall(r'<section class="card card-([a-z-]+)"', secretive)[:2] == ["alerts", "notes"]
    assert secretive.count("laid-folded") == 1
    assert 'id="laboratory"' in secretive  # what it does not name is not hidden by that


def _encoded(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def _observation(identity: str, about: str, code: str, day: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": identity,
        "status": "final",
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": code}], "text": "B-HbA1c"},
        "subject": {"reference": f"Patient/{about}"},
        "effectiveDateTime": day,
        "valueQuantity": {"value": Decimal("52.5"), "unit": "mmol/mol"},
    }


def _diabetes(identity: str, about: str) -> dict[str, Any]:
    status = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    return {
        "resourceType": "Condition",
        "id": identity,
        "clinicalStatus": {"coding": [{"system": status, "code": "active"}]},
        "code": {"coding": [{"system": "urn:icd", "code": "E119"}], "text": "Diabetes typ 2"},
        "subject": {"reference": f"Patient/{about}"},
        "recordedDate": "2024-02-01",
    }


BUILT = {
    "title": "Diabetes utan HbA1c",
    "about": "patients",
    "code": "E119",
    "missing": "measurement",
    "missing_code": "4548-4",
    "missing_period": "-365",
    "own_unit": "yes",
    "column": ["when", "what"],
}


async def test_a_unit_builds_lists_that_everybody_reads_as_themselves(
    author: httpx.AsyncClient, doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    number = [{"system": "urn:example", "value": "2"}]
    await write(doctors_record, patient(OTHER, identifier=number, name=[{"text": "Olle Test"}]))
    old = [_observation("old", OTHER, "4548-4", "2019-03-01"), _diabetes("c-2b", OTHER)]
    lately = (application.clock.now() - timedelta(days=9)).date().isoformat()
    new = _observation("new", PATIENT, "4548-4", lately)
    await write(doctors_record, _diabetes("c-1", PATIENT), _diabetes("c-2", OTHER), *old, new)
    page = await author.get("/worklists/new/change")
    form = {"csrf": csrf_of(page), "version": "0"}
    for wrong, words in (({"code": ""}, "Ange vilka diagnoser"), ({"title": ""}, "Ge listan ett namn")):
        refused = await author.post("/worklists/new/change", data={**form, **BUILT, **wrong, "do": "save"})
        assert refused.status_code == 422
        assert words in refused.text
    looked = await author.post("/worklists/new/change", data={**form, **BUILT, "do": "look"})
    assert "Det här visar listan för dig nu" in looked.text
    saved = await author.post("/worklists/new/change", data={**form, **BUILT, "do": "save"})
    assert saved.status_code == 303
    address = saved.headers["location"]
    theirs = await doctor.get(address)
    assert re.findall(r'<th scope="row"><a href="/patient/([^"]+)"', theirs.text) == [OTHER]  # once
    assert "räknas som att det saknas" in theirs.text
    # Who made the list has no care relation to anybody on it: it shows what that person may read.
    assert "Inget av det du får läsa passar villkoren." in (await author.get(address)).text
    assert 'Diabetes utan HbA1c</a> <span class="count">1</span>' in (await doctor.get("/worklists")).text
    rail = (await doctor.get("/worklists", headers={"hx-request": "true"})).text
    assert 'Diabetes utan HbA1c</a> <span class="count">1</span>' in rail
    assert "<html" not in rail
    assert '<a href="/worklists">' in rail
    assert (await doctor.get(f"{address}/change")).status_code == 403
    assert (await doctor.post(f"{address}/change", data={"csrf": "x", "do": "remove"})).status_code == 403
    form = {"csrf": csrf_of(await author.get(f"{address}/change")), "version": "1"}
    results = {
        **BUILT,
        "about": "results",
        "missing": "",
        "code": "4548-4",
        "column": ["when", "value", "status"],
    }
    assert (await author.post(f"{address}/change", data={**form, **results, "do": "save"})).status_code == 303
    text = (await doctor.get(address)).text
    assert "52,5" in text
    assert re.findall(r'<th scope="row"><a href="/patient/([^"]+)"', text) == [PATIENT, OTHER]
    assert (await author.post(f"{address}/change", data={**form, **results, "do": "save"})).status_code == 412
    assert "Diabetes typ 2" not in text
    earlier = await author.get(f"{address}/change?version=1")
    assert "Du ser version 1" in earlier.text
    assert 'value="E119"' in earlier.text


async def test_a_list_is_paged_and_says_when_it_is_cut(
    author: httpx.AsyncClient,
    doctor: httpx.AsyncClient,
    doctors_record: Record,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kontinuum.web.workspace.shaping.listing.ON_PAGE", 2)
    monkeypatch.setattr("kontinuum.web.workspace.shaping.listing.LOOKED_THROUGH", 4)
    await write(doctors_record, *(note(f"n-{number}", "Text", title=f"Nr {number}") for number in range(5)))
    form = {"csrf": csrf_of(await author.get("/worklists/new/change")), "version": "0", "do": "save"}
    plain = {**form, "title": "Anteckningar", "about": "notes", "own_unit": "yes", "column": ["what"]}
    whole = {**plain, "title": "Utan kontakt", "missing": "contact"}
    for built, cut, seen in ((plain, False, 5), (whole, True, 4)):
        address = (await author.post("/worklists/new/change", data=built)).headers["location"]
        titles, pages, following = [], 0, address
        while following:
            page = (await doctor.get(following)).text
            titles += re.findall(r"<td>(Nr \d)</td>", page)
            found = re.search(rf'href="({address}\?at=[^"]+)"', page)
            following, pages = found[1].replace("&amp;", "&") if found else "", pages + 1
            assert ("Listan är avkortad" in page) is cut
        assert len(set(titles)) == len(titles) == seen
        assert pages == (seen + 1) // 2
        assert f'<span class="count">{seen}{"+" if cut else ""}</span>' in page
