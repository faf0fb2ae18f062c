"""Signing in and out: one chosen assignment, tokens on every form, nothing in production."""

from __future__ import annotations

import httpx
import pytest
from tests.http.pages.conftest import PATIENT, allowed, csrf_of, patient, persona, sign_in, write

from kontinuum.app.asgi import build
from kontinuum.app.services import open_services
from kontinuum.demo import personas
from kontinuum.kernel.config import Settings
from kontinuum.record import Record


async def test_a_visitor_is_sent_to_sign_in_and_back_to_the_page_that_was_asked_for(
    visitor: httpx.AsyncClient,
) -> None:
    answer = await visitor.get("/patient/p-0001")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/patient/p-0001"
    signed_in = await sign_in(visitor, "Anna Berglund", next="/patient/p-0001")
    assert signed_in.headers["location"] == "/patient/p-0001"


@pytest.mark.parametrize(
    "elsewhere", ["https://example.org/", "//example.org", "/\\example.org", "javascript:x"]
)
async def test_after_sign_in_nobody_is_sent_to_another_site(
    visitor: httpx.AsyncClient, elsewhere: str
) -> None:
    answer = await sign_in(visitor, "Anna Berglund", next=elsewhere)
    assert answer.headers["location"] == "/"


async def test_every_assignment_of_every_persona_can_be_chosen(visitor: httpx.AsyncClient) -> None:
    page = await visitor.get("/sign-in")
    for one in personas():
        assert f'value="{one.actor.id}"' in page.text
        for assignment in one.assignments:
            assert f'value="{assignment.id}"' in page.text


async def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(
    visitor: httpx.AsyncClient,
) -> None:
    answer = await sign_in(visitor, "Anna Berglund")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


async def test_sign_in_without_the_forms_token_is_refused(visitor: httpx.AsyncClient) -> None:
    answer = await sign_in(visitor, "Anna Berglund", csrf="guessed")
    assert answer.status_code == 403
    assert (await visitor.get("/")).status_code == 303


async def test_an_assignment_of_somebody_else_is_refused(visitor: httpx.AsyncClient) -> None:
    other = persona("Per Lindgren").assignments[0].id
    assert (await sign_in(visitor, "Anna Berglund", assignment=other)).status_code == 422


async def test_a_patient_comes_to_the_own_pages_and_to_none_of_the_staffs(
    visitor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await write(doctors_record, patient())
    someone = next(one for one in personas() if one.actor.kind == "patient")
    changes = {"actor": someone.actor.id, "assignment": someone.assignments[0].id}
    assert (await sign_in(visitor, "Anna Berglund", **changes)).status_code == 303
    assert (await visitor.get("/")).headers["location"] == "/my-log"
    for path in (f"/patient/{PATIENT}", f"/patient/{PATIENT}/person", "/log", "/admin", "/duplicates"):
        answer = await visitor.get(path)
        assert answer.status_code in (403, 404), path
        assert "Karlsson" not in answer.text


async def test_sign_out_ends_the_session_at_once(doctor: httpx.AsyncClient) -> None:
    page = await doctor.get("/")
    assert page.status_code == 200
    cookie = doctor.cookies["kontinuum_session"]
    await doctor.post("/sign-out", data={"csrf": csrf_of(page)})
    doctor.cookies.set("kontinuum_session", cookie)
    again = await doctor.get("/")
    assert again.status_code == 303


@pytest.mark.parametrize("path", ["/sign-out", "/patients"])
async def test_a_post_without_the_sessions_token_changes_nothing(
    doctor: httpx.AsyncClient, path: str
) -> None:
    answer = await doctor.post(path, data={"q": "Karlsson", "csrf": "guessed"})
    assert answer.status_code == 403
    assert (await doctor.get("/")).status_code == 200


async def test_production_shows_no_personas_and_starts_no_session(settings: Settings, dsn: str) -> None:
    async with open_services(allowed(settings), dsn, personas=personas()) as services:
        transport = httpx.ASGITransport(app=build(services))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as browser:
            page = await browser.get("/sign-in", headers={"accept-language": "sv"})
            assert "Anna Berglund" not in page.text
            assert "Ingen inloggningstjänst är ansluten" in page.text
            form = {
                "csrf": browser.cookies["kontinuum_form"],
                "actor": persona("Anna Berglund").actor.id,
                "assignment": persona("Anna Berglund").assignments[0].id,
            }
            assert (await browser.post("/sign-in", data=form)).status_code == 403
            assert "kontinuum_session" not in browser.cookies
