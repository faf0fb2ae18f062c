"""The pages of administration: who may, units, staff, assignments, and what others changed meanwhile."""

from __future__ import annotations

import json
import re

import httpx
import pytest
from tests.http.administration.conftest import ADMINISTRATOR, DOCTOR, Open, post
from tests.http.pages.conftest import csrf_of, persona

from kontinuum.app.services import Services
from kontinuum.demo.region import region
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.store.packing import unpack
from kontinuum.web.workspace.administration import shared

PAGES = ["", "/units", "/units/new", "/staff", "/staff/new", "/assignments", "/settings", "/import"]
REGION = region().providers["region-stockholm"].hsa
WARD = region().units["avd-32"]
NEW = "SE2321000016-DEMONEW1"


async def resource(services: Services, reference: str) -> dict[str, object]:
    """What the record holds."""
    type_name, _, identity = reference.partition("/")
    query = "select body from resource where id = $1 and type = $2"
    body = unpack(await services.pool.fetchval(query, identity, TYPE_CODES[type_name]))
    found: dict[str, object] = json.loads(body)
    return found


# Who may


@pytest.mark.parametrize("path", PAGES)
async def test_an_administrator_gets_every_page(rickard: httpx.AsyncClient, path: str) -> None:
    page = await rickard.get(f"/admin{path}")
    assert page.status_code == 200, page.text[:2000]
    assert page.text.count("<h1") == 1


async def test_an_assignment_for_care_gets_no_page_and_changes_nothing_and_it_is_logged(
    open_as: Open, application: Services
) -> None:
    doctor = await open_as(DOCTOR)
    for path in [*PAGES, "/unit/avd-32", "/person/s-rickard-hult", "/assignment/s-rickard-hult-1"]:
        page = await doctor.get(f"/admin{path}")
        assert page.status_code == 403, path
        assert "Change assignment if you have one for administration" in page.text
    token = csrf_of(await doctor.get("/"))
    me = persona(DOCTOR).actor.id
    for path in (f"/person/{me}/assignments", "/assignment/s-anna-berglund-1/end", "/settings/relation_days"):
        sent = await doctor.post(f"/admin{path}", data={"csrf": token, "purpose": "administration"})
        assert sent.status_code == 403, path
    logged = await application.pool.fetchval(
        "select count(*) from audit_entry where action = 'administration'"
    )
    assert logged == len(PAGES) + 3 + 3
    assert 'href="/admin"' not in (await doctor.get("/")).text


async def test_the_menu_leads_an_administrator_there(rickard: httpx.AsyncClient) -> None:
    assert 'href="/admin"' in (await rickard.get("/")).text


async def test_another_care_providers_things_cannot_be_changed(rickard: httpx.AsyncClient) -> None:
    other = next(one for one in region().units.values() if one.provider.key == "region-gotland")
    page = await rickard.get(f"/admin/unit/{other.key}")
    assert page.status_code == 403
    assert "Another care provider is accountable" in page.text
    assert other.name not in (await rickard.get("/admin/units")).text
    token = csrf_of(await rickard.get("/admin"))
    form = {"csrf": token, "unit": other.hsa, "purpose": "care"}
    sent = await rickard.post("/admin/person/s-rickard-hult/assignments", data=form)
    assert sent.status_code == 422


async def test_what_is_not_there_is_said_so(rickard: httpx.AsyncClient) -> None:
    for path in ("/admin/unit/none", "/admin/person/none", "/admin/assignment/none"):
        assert (await rickard.get(path)).status_code == 404


# Units


async def test_units_stand_in_a_tree_below_their_care_provider(rickard: httpx.AsyncClient) -> None:
    page = await rickard.get("/admin/units")
    rows = re.findall(r'data-depth="(\d)"><a href="/admin/unit/([^"]+)"', page.text)
    found = {identity: depth for depth, identity in rows}
    assert (found["region-stockholm"], found["riddarfjarden"], found["avd-32"]) == ("0", "1", "2")
    narrowed = await rickard.get("/admin/units?q=kardiologi")
    assert WARD.name in narrowed.text
    assert "Kirurgmottagningen" not in narrowed.text


async def test_a_unit_is_opened_renamed_and_closed_with_its_history_beside(
    rickard: httpx.AsyncClient, application: Services
) -> None:
    form = {"hsa_id": NEW, "name": "Avdelning 99", "parent": REGION, "type": "ward", "from": "2026-01-01"}
    opened = await post(rickard, "/admin/units/new", **form)
    assert opened.headers["location"] == f"/admin/unit/{NEW}", opened.text[:3000]
    path = opened.headers["location"]
    again = await post(rickard, "/admin/units/new", **form)
    assert (again.status_code, "There is a unit with this HSA-id already" in again.text) == (422, True)
    form = {
        "name": "Avdelning 100",
        "parent": REGION,
        "type": "ward",
        "until": "2026-01-31",
        "reason": "Flytt",
    }
    assert (await post(rickard, path, **form)).status_code == 303
    page = (await rickard.get(path)).text
    assert "closed" in page
    assert "<del>Avdelning 99</del>" in page
    assert "<ins>Avdelning 100</ins>" in page
    assert "Flytt" in page
    assert page.count(ADMINISTRATOR) >= 2
    written = await resource(application, f"Organization/{NEW}")
    assert written["partOf"] == {"reference": "Organization/region-stockholm"}
    assert written["extension"] == [
        {
            "url": "http://hl7.org/fhir/StructureDefinition/organization-period",
            "valuePeriod": {"end": "2026-01-31"},
        }
    ]


async def test_a_change_leaves_what_the_form_does_not_show(
    rickard: httpx.AsyncClient, application: Services
) -> None:
    before = await resource(application, "Organization/avd-32")
    form = {"name": "Avdelning 32", "parent": region().hospitals["riddarfjarden"]["hsa"], "type": "unit"}
    assert (await post(rickard, "/admin/unit/avd-32", city="Stockholm", **form)).status_code == 303
    after = await resource(application, "Organization/avd-32")
    for one in (before, after):
        one.pop("meta")
    assert after == {**before, "name": "Avdelning 32"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hsa_id": "SE1"}, "An HSA-id is SE, ten digits"),
        ({"name": ""}, "This is needed"),
        ({"parent": "SE2120000803-DEMO2000"}, "Choose what it is part of"),
        ({"until": "2025-01-01", "from": "2026-01-01"}, "it cannot lie before the first day"),
    ],
)
async def test_a_mistake_is_told_at_its_field_and_what_was_written_stays(
    rickard: httpx.AsyncClient, changes: dict[str, str], said: str
) -> None:
    form = {
        "hsa_id": NEW,
        "name": "Avdelning 99",
        "parent": REGION,
        "type": "ward",
        "city": "Nynäshamn",
        **changes,
    }
    page = await post(rickard, "/admin/units/new", **form)
    assert page.status_code == 422
    assert said in page.text
    assert 'value="Nynäshamn"' in page.text
    assert 'aria-invalid="true"' in page.text


async def test_one_who_was_slower_sees_who_changed_what_and_can_write_over_it(
    open_as: Open, rickard: httpx.AsyncClient
) -> None:
    other = await open_as(ADMINISTRATOR)
    form = {
        "name": "Avdelning 32 A",
        "parent": region().hospitals["riddarfjarden"]["hsa"],
        "type": "unit",
        "version": "1",
    }
    assert (await post(other, "/admin/unit/avd-32", **form)).status_code == 303
    late = await post(rickard, "/admin/unit/avd-32", **{**form, "name": "Avdelning 32 B"})
    assert late.status_code == 409
    assert f"{ADMINISTRATOR} changed this while you had it open" in late.text
    assert "<ins>Avdelning 32 A</ins>" in late.text
    assert 'value="Avdelning 32 B"' in late.text
    assert 'name="version" value="2"' in late.text
    again = await post(rickard, "/admin/unit/avd-32", **{**form, "name": "Avdelning 32 B", "version": "2"})
    assert again.status_code == 303


# Staff and assignments


async def test_a_person_is_added_given_an_assignment_and_found(
    rickard: httpx.AsyncClient, application: Services
) -> None:
    form = {
        "hsa_id": NEW,
        "given_name": "Nils",
        "family_name": "Ny",
        "profession": "LK",
        "prescriber_code": "1234567",
    }
    added = await post(rickard, "/admin/staff/new", **form)
    assert added.headers["location"] == f"/admin/person/{NEW}", added.text[:3000]
    path = f"/admin/person/{NEW}/assignments"
    form = {"unit": WARD.hsa, "purpose": "care", "rights": "protected-identity", "from": "2026-01-01"}
    given = await post(rickard, path, f"/admin/person/{NEW}", **form)
    assert given.status_code == 303, given.text[:3000]
    page = (await rickard.get(f"/admin/person/{NEW}")).text
    assert WARD.name in page
    assert "Care and treatment" in page
    assert f"/admin/person/{NEW}" in (await rickard.get("/admin/staff?q=nils")).text
    assert f"/admin/person/{NEW}" in (await rickard.get(f"/admin/staff?q={NEW}")).text
    (identity,) = re.findall(r'href="/admin/assignment/([^"]+)"', page)
    role = await resource(application, f"PractitionerRole/{identity}")
    assert role["practitioner"] == {"reference": f"Practitioner/{NEW}"}
    assert role["organization"] == {"reference": "Organization/avd-32"}
    assert role["extension"] == [
        {"url": "urn:kontinuum:structure:assignment-purpose", "valueCode": "care"},
        {"url": "urn:kontinuum:structure:assignment-right", "valueCode": "protected-identity"},
    ]
    assert ADMINISTRATOR in (await rickard.get(f"/admin/assignment/{identity}")).text
    taken = await post(rickard, "/admin/staff/new", hsa_id=NEW, family_name="Annan")
    assert (taken.status_code, "There is a person with this HSA-id already" in taken.text) == (422, True)


async def test_a_person_whose_hsa_id_another_organisation_issued_is_not_added(
    rickard: httpx.AsyncClient,
) -> None:
    form = {"hsa_id": "SE5560000001-NEW1", "given_name": "Eva", "family_name": "Ek", "reason": "Ny"}
    refused = await post(rickard, "/admin/staff/new", **form)
    assert refused.status_code == 422
    assert "issued by another organisation" in refused.text
    assert "Eva" in refused.text
    assert (await rickard.get("/admin/person/SE5560000001-NEW1")).status_code == 404


async def test_long_lists_are_read_to_the_end_and_shown_in_pages(
    rickard: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "A_PAGE", 10)
    for path, row in (("/admin/staff", '<li><a href="/admin/person/'), ("/admin/assignments", "admin-open")):
        first = (await rickard.get(f"{path}?unit=")).text
        told = re.search(r"(\d+) (?:persons|assignments)", first)
        assert told, path
        seen, text, number = first.count(row), first, 1
        while 'rel="next"' in text:
            number += 1
            text = (await rickard.get(f"{path}?page={number}")).text
            seen += text.count(row)
        assert seen == int(told[1]) > 10, path
        assert (await rickard.get(f"{path}?page=99999")).text.count(row) > 0


async def test_protected_staff_are_marked_everywhere(rickard: httpx.AsyncClient) -> None:
    page = await rickard.get("/admin/staff?q=Karin")
    found = re.search(r"/admin/person/(s-karin[^\"]+)", page.text)
    assert found
    path = found[0]
    form = {"given_name": "Karin", "family_name": "Öhman", "protected": "yes", "reason": "Hot"}
    assert (await post(rickard, path, **form)).status_code == 303
    assert "Protected personal data" in (await rickard.get(path)).text
    for listed in ("/admin/staff?q=Karin", "/admin/staff", "/admin/assignments"):
        assert 'tag-danger">Protected<' in (await rickard.get(listed)).text, listed


async def test_an_assignment_that_ends_now_signs_out_at_the_next_request_and_can_be_opened_again(
    open_as: Open, rickard: httpx.AsyncClient
) -> None:
    doctor = await open_as(DOCTOR)
    assert (await doctor.get("/")).status_code == 200
    path = f"/admin/assignment/{persona(DOCTOR).assignments[0].id}"
    assert (await post(rickard, f"{path}/end", path, when="now", reason="Slutat")).status_code == 303
    sent = await doctor.get("/")
    assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in")
    assert "does not hold any more" in (await doctor.get("/sign-in")).text
    ended = await rickard.get(path)
    assert "Open it again" in ended.text
    assert "Slutat" in ended.text
    assert (await post(rickard, f"{path}/reopen", path)).status_code == 303
    assert "End with today" in (await rickard.get(path)).text


async def test_an_assignment_that_ends_with_today_holds_today(
    open_as: Open, rickard: httpx.AsyncClient
) -> None:
    doctor = await open_as(DOCTOR)
    path = f"/admin/assignment/{persona(DOCTOR).assignments[0].id}"
    assert (await post(rickard, f"{path}/end", path, when="today")).status_code == 303
    assert (await doctor.get("/")).status_code == 200
    assert "ends soon" in (await rickard.get("/admin")).text


async def test_the_same_assignment_twice_is_pointed_out(rickard: httpx.AsyncClient) -> None:
    me = persona(DOCTOR)
    path = f"/admin/person/{me.actor.id}"
    assert "No assignment fits" in (await rickard.get("/admin/assignments?show=overlaps")).text
    form = {"unit": me.assignments[0].unit, "purpose": "care"}
    assert (await post(rickard, f"{path}/assignments", path, **form)).status_code == 303
    listed = await rickard.get("/admin/assignments?show=overlaps")
    assert listed.text.count(f'href="{path}"') == 2


async def test_assignments_are_narrowed_by_unit_purpose_and_right(rickard: httpx.AsyncClient) -> None:
    everything = (await rickard.get("/admin/assignments")).text
    assert DOCTOR in everything
    assert ADMINISTRATOR in everything
    for query in ("purpose=administration", "unit=regionkansliet"):
        narrowed = (await rickard.get(f"/admin/assignments?{query}")).text
        assert f">{DOCTOR}<" not in narrowed, query
        assert f">{ADMINISTRATOR}<" in narrowed, query
    assert "No assignment fits" in (await rickard.get("/admin/assignments?right=prescribe")).text
