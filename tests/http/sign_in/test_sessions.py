"""Sessions: changing assignment, the locked screen, other workstations, limits, and leaving."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.http.pages.conftest import sign_in as sign_in_as_persona
from tests.http.sign_in.conftest import (
    OpenBrowser,
    answer,
    ask,
    cookies_set,
    csrf_of,
    identify,
    logged,
    post,
    sign_in,
)
from tests.support.oidc import HSA_CLAIM, StrictProvider
from tests.support.staff import BO, practitioner, role, write

from kontinuum.app.asgi import build
from kontinuum.app.services import Services
from kontinuum.kernel.clock import FixedClock

SESSION = "__Host-kontinuum_session"


# Changing assignment


async def test_assignment_is_changed_without_signing_in_again(
    anna: httpx.AsyncClient, installation: Services
) -> None:
    before = anna.cookies[SESSION]
    page = await anna.get("/assignment?next=/sessions")
    assert page.text.count("Mottagningen") == 1
    changed = await post(anna, "/assignment", assignment="anna-2", next="/sessions")
    assert changed.headers["location"] == "/sessions"
    assert "Mottagningen" in (await anna.get("/")).text
    (entry,) = await logged(installation, "switch-assignment")
    assert (entry["assignment"], entry["purpose"], entry["note"]) == ("anna-2", "supervision", "from anna-1")
    assert anna.cookies[SESSION] != before


async def test_after_a_change_of_assignment_the_old_cookie_and_form_token_are_worth_nothing(
    anna: httpx.AsyncClient, open_browser: OpenBrowser
) -> None:
    old_token, old_cookie = csrf_of(await anna.get("/sessions")), anna.cookies[SESSION]
    await post(anna, "/assignment", assignment="anna-2")
    assert (await anna.post("/sign-out", data={"csrf": old_token})).status_code == 403
    thief = open_browser()
    thief.cookies.set(SESSION, old_cookie, domain="journal.test")
    assert (await thief.get("/")).headers["location"] == "/sign-in"


@pytest.mark.parametrize("wanted", ["bo-1", "none", ""])
async def test_nobody_takes_an_assignment_that_is_not_ones_own(
    anna: httpx.AsyncClient, installation: Services, wanted: str
) -> None:
    await write(installation, practitioner("bo", "Bo Ek", BO), role("bo-1", "bo", "clinic"))
    assert (await post(anna, "/assignment", assignment=wanted)).status_code == 422
    (entry,) = await logged(installation, "switch-assignment")
    assert (entry["assignment"], entry["outcome"]) == ("anna-1", "refused")


async def test_an_assignment_that_was_taken_back_cannot_be_changed_to(
    anna: httpx.AsyncClient, installation: Services
) -> None:
    await write(installation, role("anna-2", "anna", "clinic", "supervision", active=False))
    assert (await post(anna, "/assignment", assignment="anna-2")).status_code == 422


# The locked screen


async def test_an_unused_session_locks_and_shows_nothing(
    anna: httpx.AsyncClient, installation: Services, clock: FixedClock
) -> None:
    clock.advance(timedelta(minutes=15))
    sent = await anna.get("/patient/p-1?x=1")
    assert sent.headers["location"] == "/locked?next=%2Fpatient%2Fp-1%3Fx%3D1"
    page = await anna.get(sent.headers["location"])
    assert "The screen is locked" in page.text
    assert "Anna Berg" in page.text
    assert "/patients" not in page.text
    (entry,) = await logged(installation, "lock")
    assert (entry["basis"], entry["actor"]) == ("idle", "anna")
    assert (await anna.get("/session")).json()["state"] == "locked"


async def test_a_used_session_does_not_lock(anna: httpx.AsyncClient, clock: FixedClock) -> None:
    for _ in range(3):
        clock.advance(timedelta(minutes=14))
        assert (await anna.get("/")).status_code == 200


async def test_one_who_writes_without_asking_for_anything_is_there_and_a_page_that_asks_is_not(
    anna: httpx.AsyncClient, clock: FixedClock
) -> None:
    token = csrf_of(await anna.get("/"))
    clock.advance(timedelta(minutes=10))
    assert (await anna.post("/session/active", data={"csrf": token})).status_code == 204
    clock.advance(timedelta(minutes=10))
    assert (await anna.get("/session")).json()["state"] == "open"
    clock.advance(timedelta(minutes=5))
    assert (await anna.get("/session")).json()["state"] == "locked"


async def test_while_locked_nothing_is_read_or_changed(anna: httpx.AsyncClient) -> None:
    token = csrf_of(await anna.get("/"))
    locked = await anna.post("/lock", data={"csrf": token, "next": "/sessions"})
    assert locked.headers["location"] == "/locked?next=%2Fsessions"
    for path in ("/", "/patient/p-1", "/assignment", "/sessions", "/unlocked"):
        assert (await anna.get(path)).headers["location"].startswith("/locked?"), path
    for path in ("/patients", "/assignment", "/sessions/end-all", "/session/active"):
        sent = await anna.post(path, data={"csrf": token, "q": "Karlsson", "assignment": "anna-2"})
        assert sent.headers["location"].startswith("/locked?"), path
    partial = await anna.post("/patients", data={"csrf": token}, headers={"hx-request": "true"})
    assert (partial.status_code, partial.content) == (423, b"")


async def test_unlocking_asks_the_provider_anew_and_leads_back(
    anna: httpx.AsyncClient, provider: StrictProvider, installation: Services
) -> None:
    await post(anna, "/lock")
    before = anna.cookies[SESSION]
    place = await ask(anna, "/sessions", unlock="1")
    assert "prompt=login" in place
    assert "max_age=0" in place
    back = await answer(anna, provider.authenticate(place, "anna"))
    assert back.headers["location"] == "/sessions"
    assert (await anna.get("/sessions")).status_code == 200
    assert anna.cookies[SESSION] != before
    (entry,) = await logged(installation, "unlock")
    assert (entry["outcome"], entry["basis"]) == ("permitted", "siths: http://id.sambi.se/loa/loa3")


async def test_unlocking_by_an_authentication_of_before_is_refused(
    anna: httpx.AsyncClient, provider: StrictProvider, clock: FixedClock
) -> None:
    await post(anna, "/lock")
    provider.change = lambda claims: claims.update(auth_time=claims["iat"] - 600)
    back = await answer(anna, provider.authenticate(await ask(anna, unlock="1"), "anna"))
    assert "Code for support: stale" in back.text
    provider.change = lambda claims: claims.pop("auth_time")
    back = await answer(anna, provider.authenticate(await ask(anna, unlock="1"), "anna"))
    assert "Code for support: stale" in back.text
    assert (await anna.get("/")).headers["location"].startswith("/locked?")


async def test_a_locked_session_whose_assignment_was_taken_back_has_ended(
    anna: httpx.AsyncClient, installation: Services
) -> None:
    await post(anna, "/lock")
    await write(installation, role("anna-1", "anna", "ward", active=False))
    assert (await anna.get("/locked")).headers["location"].startswith("/sign-in")
    assert "does not hold any more" in (await anna.get("/sign-in")).text
    assert (await anna.get("/session")).json()["state"] == "ended"


async def test_somebody_else_cannot_unlock(
    anna: httpx.AsyncClient, provider: StrictProvider, installation: Services
) -> None:
    provider.people["bo"] = {HSA_CLAIM: BO}
    await write(installation, practitioner("bo", "Bo Ek", BO), role("bo-1", "bo", "clinic"))
    await post(anna, "/lock")
    back = await answer(anna, provider.authenticate(await ask(anna, unlock="1"), "bo"))
    assert "Code for support: other-person" in back.text
    assert (await anna.get("/")).headers["location"].startswith("/locked?")
    (entry,) = await logged(installation, "unlock")
    assert (entry["outcome"], entry["basis"]) == ("refused", "other-person")


async def test_one_click_does_not_unlock_what_a_provider_vouched_for(anna: httpx.AsyncClient) -> None:
    token = csrf_of(await anna.get("/"))
    await anna.post("/lock", data={"csrf": token})
    assert (await anna.post("/unlock", data={"csrf": token})).status_code == 403
    assert (await anna.get("/")).headers["location"].startswith("/locked?")


async def test_somebody_else_may_sign_in_at_a_locked_screen_and_the_locked_session_lives_on(
    anna: httpx.AsyncClient, provider: StrictProvider, installation: Services, open_browser: OpenBrowser
) -> None:
    provider.people["bo"] = {HSA_CLAIM: BO}
    await write(installation, practitioner("bo", "Bo Ek", BO), role("bo-1", "bo", "clinic"))
    await post(anna, "/lock")
    assert (await anna.get("/sign-in")).headers["location"].startswith("/locked?")
    assert "SITHS eID" in (await anna.get("/sign-in?other=1")).text
    assert (await identify(anna, provider, "bo")).headers["location"] == "/"
    page = await anna.get("/")
    assert "Bo Ek" in page.text
    assert "Anna Berg" not in page.text
    other = open_browser()
    await sign_in(other, provider)
    assert "You are also signed in at another workstation" in (await other.get("/")).text


# Other workstations


async def test_a_session_is_continued_at_another_workstation_where_one_was(
    anna: httpx.AsyncClient, provider: StrictProvider, installation: Services, open_browser: OpenBrowser
) -> None:
    await write(installation, {"resourceType": "Patient", "id": "p-1", "name": [{"family": "Ek"}]})
    assert (await anna.get("/patient/p-1?beside=x")).status_code == 200
    await post(anna, "/session/active", page="/patient/p-1")  # what stood beside the chart was closed
    await post(anna, "/session/active", page="//elsewhere.example")
    ward = open_browser()
    await sign_in(ward, provider, "anna-2")
    start = await ward.get("/")
    assert "Continue where I was" in start.text
    session = (await anna.get("/session")).json()["session"]
    moved = await post(ward, "/sessions/continue", session=session)
    assert moved.headers["location"] == "/patient/p-1"
    assert "Avdelning 1" in (await ward.get("/patient/p-1")).text
    left = await anna.get("/patient/p-1")
    assert left.headers["location"] == "/sign-in?next=/patient/p-1"
    assert "You continued at another workstation" in (await anna.get("/sign-in")).text
    (entry,) = await logged(installation, "take-over")
    assert (entry["actor"], entry["assignment"]) == ("anna", "anna-1")


async def test_a_session_of_an_assignment_that_was_taken_back_is_not_continued(
    anna: httpx.AsyncClient, provider: StrictProvider, installation: Services, open_browser: OpenBrowser
) -> None:
    ward = open_browser()
    await sign_in(ward, provider, "anna-2")
    session = (await anna.get("/session")).json()["session"]
    await write(installation, role("anna-1", "anna", "ward", active=False))
    assert (await post(ward, "/sessions/continue", session=session)).status_code == 404


async def test_own_sessions_are_listed_and_each_can_be_ended(
    anna: httpx.AsyncClient, provider: StrictProvider, installation: Services, open_browser: OpenBrowser
) -> None:
    ward = open_browser()
    await sign_in(ward, provider)
    page = await ward.get("/sessions")
    assert page.text.count("Chrome, Linux") == 2
    session = (await anna.get("/session")).json()["session"]
    assert (await post(ward, "/sessions/end", session=session)).headers["location"] == "/sessions"
    assert (await anna.get("/session")).json()["state"] == "ended"
    assert "You ended this session from another workstation" in (await anna.get("/sign-in")).text
    assert (await ward.get("/sessions")).text.count("Chrome, Linux") == 1
    assert [entry["basis"] for entry in await logged(installation, "sign-out")] == ["elsewhere"]


async def test_nobody_sees_or_ends_or_continues_somebody_elses_session(
    anna: httpx.AsyncClient, provider: StrictProvider, installation: Services, open_browser: OpenBrowser
) -> None:
    provider.people["bo"] = {HSA_CLAIM: BO}
    await write(installation, practitioner("bo", "Bo Ek", BO), role("bo-1", "bo", "clinic"))
    bo = open_browser()
    await identify(bo, provider, "bo")
    session = (await anna.get("/session")).json()["session"]
    assert session not in (await bo.get("/sessions")).text
    await post(bo, "/sessions/end", session=session)
    assert (await post(bo, "/sessions/continue", session=session)).status_code == 404
    await post(bo, "/sessions/end-all")
    assert (await anna.get("/")).status_code == 200


async def test_signing_out_everywhere_ends_every_session_of_the_person(
    anna: httpx.AsyncClient, provider: StrictProvider, open_browser: OpenBrowser
) -> None:
    others = [open_browser(), open_browser()]
    for other in others:
        await sign_in(other, provider)
    assert (await post(others[0], "/sessions/end-all")).status_code == 303
    for each in (anna, *others):
        assert (await each.get("/session")).json()["state"] == "ended"


# Limits


async def test_a_session_that_lay_unused_is_over_and_says_so(
    anna: httpx.AsyncClient, clock: FixedClock
) -> None:
    clock.advance(timedelta(minutes=120))
    assert (await anna.get("/")).headers["location"] == "/sign-in"
    assert "Your session has ended" in (await anna.get("/sign-in")).text


async def test_no_session_outlives_its_longest_time_however_much_it_is_used(
    anna: httpx.AsyncClient, clock: FixedClock
) -> None:
    for _ in range(51):
        clock.advance(timedelta(minutes=14))
        assert (await anna.get("/")).status_code == 200
    clock.advance(timedelta(minutes=10))
    assert (await anna.get("/")).headers["location"] == "/sign-in"


# Leaving


async def test_signing_out_ends_the_session_here_and_goes_on_to_the_provider(
    anna: httpx.AsyncClient, installation: Services, open_browser: OpenBrowser
) -> None:
    stolen = open_browser()
    stolen.cookies.set(SESSION, anna.cookies[SESSION], domain="journal.test")
    out = await post(anna, "/sign-out")
    assert SESSION not in anna.cookies
    assert "Max-Age=0" in cookies_set(out)[SESSION]
    assert (await stolen.get("/")).headers["location"] == "/sign-in"
    page = await anna.get(out.headers["location"])
    assert 'content="0;url=https://idp.test/end?client_id=kontinuum' in page.text
    assert "post_logout_redirect_uri=https%3A%2F%2Fjournal.test%2Fsign-in" in page.text
    assert "id_token_hint=ey" in page.text
    assert (await anna.get(out.headers["location"])).headers["location"] == "/sign-in"
    (entry,) = await logged(installation, "sign-out")
    assert (entry["basis"], entry["actor"]) == ("by-hand", "anna")


async def test_signing_out_works_when_the_provider_is_away(
    anna: httpx.AsyncClient, provider: StrictProvider, clock: FixedClock
) -> None:
    provider.away = True
    for _ in range(6):
        clock.advance(timedelta(minutes=14))
        await anna.get("/")
    assert (await post(anna, "/sign-out")).status_code == 303
    assert (await anna.get("/")).headers["location"] == "/sign-in"


async def test_signing_out_leads_to_the_sign_in_page_where_the_provider_has_no_sign_out(
    browser: httpx.AsyncClient, provider: StrictProvider
) -> None:
    provider.metadata = {"end_session_endpoint": ""}
    assert (await browser.get("/sign-in/siths")).status_code == 502
    provider.unsaid = ("end_session_endpoint",)
    provider.metadata = {}
    await sign_in(browser, provider)
    assert (await post(browser, "/sign-out")).headers["location"] == "/sign-in"


@pytest.mark.parametrize("named", [{"sid": "sid-anna"}, {"sub": "anna"}, {"sub": "anna", "sid": "sid-anna"}])
async def test_the_provider_ends_sessions_behind_the_browsers_back(
    anna: httpx.AsyncClient,
    provider: StrictProvider,
    installation: Services,
    browser_of_provider: httpx.AsyncClient,
    named: dict[str, str],
) -> None:
    said = {"logout_token": provider.logout_token(**named)}
    told = await browser_of_provider.post("/sign-in/siths/back-channel", data=said)
    assert (told.status_code, told.headers["cache-control"]) == (200, "no-store")
    assert (await anna.get("/session")).json()["state"] == "ended"
    assert "You signed out at the sign-in service" in (await anna.get("/sign-in")).text
    (entry,) = await logged(installation, "sign-out")
    assert (entry["basis"], entry["actor"]) == ("by-provider", "anna")


WRONG_LOGOUTS: dict[str, dict[str, Any]] = {
    "about nobody": {},
    "with a nonce": {"sub": "anna", "nonce": "x"},
    "of another event": {"sub": "anna", "events": {"urn:other": {}}},
    "without an event": {"sub": "anna", "events": None},
    "for another client": {"sub": "anna", "aud": "another"},
    "of another issuer": {"sub": "anna", "iss": "https://evil.test"},
    "that has expired": {"sub": "anna", "exp": 1},
    "without an identity of its own": {"sub": "anna", "jti": None},
}


@pytest.mark.parametrize("case", list(WRONG_LOGOUTS))
async def test_a_wrong_logout_token_ends_nothing(
    anna: httpx.AsyncClient, provider: StrictProvider, browser_of_provider: httpx.AsyncClient, case: str
) -> None:
    said = {"logout_token": provider.logout_token(**WRONG_LOGOUTS[case])}
    told = await browser_of_provider.post("/sign-in/siths/back-channel", data=said)
    assert told.status_code == 400
    assert (await anna.get("/")).status_code == 200


async def test_a_logout_token_is_taken_once(
    anna: httpx.AsyncClient,
    provider: StrictProvider,
    browser_of_provider: httpx.AsyncClient,
    clock: FixedClock,
) -> None:
    said = {"logout_token": provider.logout_token(sub="anna")}
    await browser_of_provider.post("/sign-in/siths/back-channel", data=said)
    clock.advance(timedelta(seconds=5))
    await sign_in(anna, provider)
    assert (await browser_of_provider.post("/sign-in/siths/back-channel", data=said)).status_code == 400
    clock.advance(timedelta(minutes=31))
    await sign_in(anna, provider)
    assert (await browser_of_provider.post("/sign-in/siths/back-channel", data=said)).status_code == 400
    assert (await anna.get("/")).status_code == 200


async def test_an_id_token_is_no_logout_token(
    anna: httpx.AsyncClient, provider: StrictProvider, browser_of_provider: httpx.AsyncClient
) -> None:
    for token in ("", "x", provider.logout_token(sub="anna", events=None, nonce="n")):
        told = await browser_of_provider.post("/sign-in/siths/back-channel", data={"logout_token": token})
        assert told.status_code == 400


@pytest.fixture
def browser_of_provider(open_browser: OpenBrowser) -> httpx.AsyncClient:
    """The provider's own machine."""
    return open_browser()


# Every form


@pytest.mark.parametrize(
    "path",
    [
        "/assignment",
        "/lock",
        "/unlock",
        "/session/active",
        "/sign-out",
        "/sessions/continue",
        "/sessions/end",
        "/sessions/end-all",
    ],
)
async def test_a_form_without_the_sessions_token_changes_nothing(
    anna: httpx.AsyncClient, installation: Services, path: str
) -> None:
    session = (await anna.get("/session")).json()["session"]
    form = {"csrf": "guessed", "assignment": "anna-2", "session": session}
    assert (await anna.post(path, data=form)).status_code == 403
    assert "Avdelning 1" in (await anna.get("/")).text
    assert await logged(installation, "switch-assignment", "lock", "unlock", "sign-out", "take-over") == []


# The demo


@pytest.fixture
async def visitor(demo: Services) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of the demo in which a persona has signed in."""
    transport = httpx.ASGITransport(app=build(demo))
    headers = {"accept-language": "en"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as opened:
        await sign_in_as_persona(opened, "Anna Berglund")
        yield opened


async def test_a_persona_unlocks_by_one_click(visitor: httpx.AsyncClient, demo: Services) -> None:
    await post(visitor, "/lock")
    page = await visitor.get("/locked?next=/sessions")
    back = await visitor.post("/unlock", data={"csrf": csrf_of(page), "next": "/sessions"})
    assert back.headers["location"] == "/sessions"
    assert (await visitor.get("/sessions")).status_code == 200
    events = await logged(demo, "sign-in", "lock", "unlock")
    assert [(entry["action"], entry["basis"]) for entry in events] == [
        ("sign-in", "demo"),
        ("lock", "by-hand"),
        ("unlock", "demo"),
    ]


async def test_unlocking_leads_to_no_other_site(visitor: httpx.AsyncClient) -> None:
    await post(visitor, "/lock")
    page = await visitor.get("/locked?next=https://evil.test/")
    assert "evil.test" not in page.text
    back = await visitor.post("/unlock", data={"csrf": csrf_of(page), "next": "//evil.test"})
    assert back.headers["location"] == "/"


async def test_production_knows_no_session_of_a_persona(visitor: httpx.AsyncClient, demo: Services) -> None:
    assert (await visitor.get("/")).status_code == 200
    in_production = replace(demo, settings=replace(demo.settings, environment="production"))
    transport = httpx.ASGITransport(app=build(in_production))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", cookies=visitor.cookies
    ) as browser:
        assert (await browser.get("/")).headers["location"] == "/sign-in"


async def test_a_persona_signs_out_to_the_sign_in_page(visitor: httpx.AsyncClient) -> None:
    assert (await post(visitor, "/sign-out")).headers["location"] == "/sign-in"
    assert "demo with made-up people" in (await visitor.get("/sign-in")).text
