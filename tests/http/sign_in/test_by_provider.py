"""Signing in by OpenID Connect: who comes in, and every answer that is not taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from tests.http.sign_in.conftest import (
    OpenBrowser,
    answer,
    ask,
    cookies_set,
    csrf_of,
    identify,
    logged,
    sign_in,
)
from tests.support.oidc import FIRST_KEY, HSA_CLAIM, LOA2, NUMBER_CLAIM, SITHS, StrictProvider, key
from tests.support.staff import ANNA, ANNAS_NUMBER, BO, PRIVATE, REGION, practitioner, role, write

from kontinuum.app.services import Services
from kontinuum.kernel.clock import FixedClock
from kontinuum.sweden import systems

Claims = dict[str, Any]


async def test_it_works(browser: httpx.AsyncClient, provider: StrictProvider, installation: Services) -> None:
    page = await browser.get("/sign-in")
    assert "SITHS eID" in page.text
    assert (await sign_in(browser, provider)).headers["location"] == "/"
    start = await browser.get("/")
    assert start.status_code == 200
    assert "Anna Berg" in start.text
    assert "Avdelning 1" in start.text
    (entry,) = await logged(installation, "sign-in")
    assert (entry["actor"], entry["assignment"], entry["outcome"]) == ("anna", "anna-1", "permitted")
    assert (entry["unit"], entry["provider"]) == (f"{REGION}-A", REGION)
    assert entry["basis"] == "siths: http://id.sambi.se/loa/loa3"


async def test_the_provider_is_asked_with_pkce_state_nonce_and_the_levels_that_are_strong_enough(
    browser: httpx.AsyncClient,
) -> None:
    one, other = [parse_qs(urlsplit(await ask(browser)).query) for _ in range(2)]
    assert one["redirect_uri"] == ["https://journal.test/sign-in/siths/answer"]
    assert one["acr_values"] == [" ".join(SITHS.acr)]
    assert one["code_challenge_method"] == ["S256"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(one[name][0]) >= 43
        assert one[name] != other[name]


async def test_one_who_asked_for_a_page_comes_to_it(
    browser: httpx.AsyncClient, provider: StrictProvider
) -> None:
    assert (await sign_in(browser, provider, next_="/patient/p-1")).headers["location"] == "/patient/p-1"


@pytest.mark.parametrize("elsewhere", ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:x"])
async def test_nobody_is_sent_to_another_site_afterwards(
    browser: httpx.AsyncClient, provider: StrictProvider, elsewhere: str
) -> None:
    assert (await sign_in(browser, provider, next_=elsewhere)).headers["location"] == "/"


async def test_one_with_a_single_assignment_is_not_asked(
    browser: httpx.AsyncClient, provider: StrictProvider, installation: Services
) -> None:
    await write(installation, role("anna-2", "anna", "clinic", "supervision", active=False))
    assert (await identify(browser, provider)).headers["location"] == "/"
    assert "Avdelning 1" in (await browser.get("/")).text


async def test_a_person_is_recognised_by_personnummer_where_the_provider_tells_no_hsa_id(
    browser: httpx.AsyncClient, provider: StrictProvider, installation: Services
) -> None:
    number = {"system": systems.PERSONNUMMER, "value": ANNAS_NUMBER}
    numbered = practitioner("bo", "Bo Ek", identifier=[number])
    await write(installation, numbered, role("bo-1", "bo", "ward"))
    assert (await identify(browser, provider, "numbered")).headers["location"] == "/"
    assert "Bo Ek" in (await browser.get("/")).text


async def test_what_the_id_token_lacks_is_asked_for_at_the_userinfo_endpoint(
    browser: httpx.AsyncClient, provider: StrictProvider
) -> None:
    provider.userinfo = {"sub": "nobody", HSA_CLAIM: ANNA}
    assert (await identify(browser, provider, "nobody")).headers["location"] == "/sign-in/assignment"


async def test_userinfo_about_somebody_else_is_refused(
    browser: httpx.AsyncClient, provider: StrictProvider
) -> None:
    provider.userinfo = {"sub": "anna", HSA_CLAIM: ANNA}
    await is_refused(browser, await identify(browser, provider, "nobody"), "identity")


def changed(**claims: Any) -> Callable[[Claims], None]:
    """Claims set to other values; None takes one away."""

    def change(given: Claims) -> None:
        given.update(claims)
        for name in [name for name, value in given.items() if value is None]:
            del given[name]

    return change


def moved(**seconds: int) -> Callable[[Claims], None]:
    """Times moved by seconds."""

    def change(given: Claims) -> None:
        issued = given["iat"]
        for name, by in seconds.items():
            given[name] = issued + by

    return change


WRONG: list[tuple[str, Callable[[Claims], None], str]] = [
    ("nonce of another question", changed(nonce="another"), "nonce"),
    ("no nonce", changed(nonce=None), "nonce"),
    ("another issuer", changed(iss="https://evil.test"), "issuer"),
    ("the issuer with a slash", changed(iss="https://idp.test/"), "issuer"),
    ("another audience", changed(aud="another"), "audience"),
    ("no audience", changed(aud=None), "audience"),
    ("several audiences and no azp", changed(aud=["kontinuum", "another"]), "audience"),
    ("asked for by another", changed(azp="another"), "audience"),
    ("expired", moved(exp=-61), "expired"),
    ("issued long ago", moved(iat=-700), "expired"),
    ("from the future", moved(iat=120), "not-yet"),
    ("not valid yet", moved(nbf=120), "not-yet"),
    ("no end", changed(exp=None), "token"),
    ("an end that is no number", changed(exp="tomorrow"), "token"),
    ("an end that is not a time", changed(exp=1e300), "token"),
    ("no subject", changed(sub=None), "token"),
    ("an access token of another", changed(at_hash="c2xpcCBvZiBhIGhhc2g"), "token"),
    ("a weak means", changed(acr=LOA2), "weak"),
    ("no level told", changed(acr=None), "weak"),
    ("a level that is a list", changed(acr=[SITHS.acr[0]]), "weak"),
]


@pytest.mark.parametrize(("change", "code"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
async def test_a_token_that_is_not_for_us_now_and_strong_enough_is_refused(
    browser: httpx.AsyncClient,
    provider: StrictProvider,
    installation: Services,
    change: Callable[[Claims], None],
    code: str,
) -> None:
    provider.change = change
    await is_refused(browser, await identify(browser, provider), code)
    (entry,) = await logged(installation, "sign-in")
    assert (entry["outcome"], entry["basis"], entry["what"]) == ("refused", code, ["provider/siths"])


@pytest.mark.parametrize("by", [-59, 59])
async def test_clocks_may_differ_by_the_allowed_skew(
    browser: httpx.AsyncClient, provider: StrictProvider, by: int
) -> None:
    provider.change = moved(iat=by, exp=max(by, 0), nbf=by)
    assert (await identify(browser, provider)).headers["location"] == "/sign-in/assignment"


@pytest.mark.parametrize("how", ["none", "shared secret", "unknown key", "public key as secret"])
async def test_a_signature_that_is_not_the_providers_is_refused(
    browser: httpx.AsyncClient, provider: StrictProvider, how: str
) -> None:
    if how == "none":
        provider.algorithm = "none"
    elif how == "unknown key":
        provider.signing = key("first")
    else:
        provider.secret = b"hemligt" if how == "shared secret" else FIRST_KEY.as_pem(private=False)
        provider.algorithm = "HS256"
    await is_refused(browser, await identify(browser, provider), "signature")


async def test_new_keys_of_the_provider_are_taken_without_a_restart(
    browser: httpx.AsyncClient, provider: StrictProvider, clock: FixedClock
) -> None:
    await identify(browser, provider)
    second = key("second")
    provider.signing, provider.published = second, [FIRST_KEY, second]
    clock.advance(timedelta(minutes=1))
    assert (await identify(browser, provider)).headers["location"] == "/sign-in/assignment"


async def test_unknown_keys_do_not_make_us_ask_the_provider_again_and_again(
    browser: httpx.AsyncClient, provider: StrictProvider
) -> None:
    provider.signing = key("forged")
    for _ in range(4):
        await is_refused(browser, await identify(browser, provider), "signature")
    assert provider.asked.count("GET /jwks") == 1


async def test_an_answer_is_taken_once(browser: httpx.AsyncClient, provider: StrictProvider) -> None:
    back = provider.authenticate(await ask(browser), "anna")
    assert (await answer(browser, back)).status_code == 303
    await is_refused(browser, await answer(browser, back), "state")


async def test_a_code_that_was_used_is_refused_by_its_new_question(
    browser: httpx.AsyncClient, provider: StrictProvider
) -> None:
    used = provider.authenticate(await ask(browser), "anna")
    await answer(browser, used)
    fresh = provider.authenticate(await ask(browser), "anna", code=used["code"])
    await is_refused(browser, await answer(browser, fresh), "code")


async def test_a_code_of_another_question_is_refused(
    open_browser: OpenBrowser, provider: StrictProvider
) -> None:
    thief, victim = open_browser(), open_browser()
    stolen = provider.authenticate(await ask(victim), "anna")
    own = provider.authenticate(await ask(thief), "stranger", code=stolen["code"])
    await is_refused(thief, await answer(thief, own), "code")


@pytest.mark.parametrize("state", ["guessed", ""])
async def test_a_state_that_was_never_given_out_is_refused(
    browser: httpx.AsyncClient, provider: StrictProvider, state: str
) -> None:
    back = provider.authenticate(await ask(browser), "anna", state=state)
    await is_refused(browser, await answer(browser, back), "state")


async def test_an_answer_in_another_browser_than_the_question_is_refused(
    open_browser: OpenBrowser, provider: StrictProvider
) -> None:
    attacker, victim = open_browser(), open_browser()
    back = provider.authenticate(await ask(attacker), "anna")
    await is_refused(victim, await answer(victim, back), "state")


async def test_an_answer_after_ten_minutes_is_refused(
    browser: httpx.AsyncClient, provider: StrictProvider, clock: FixedClock
) -> None:
    back = provider.authenticate(await ask(browser), "anna")
    clock.advance(timedelta(minutes=10))
    await is_refused(browser, await answer(browser, back), "state")


async def test_an_answer_from_another_provider_is_refused(
    browser: httpx.AsyncClient, provider: StrictProvider
) -> None:
    back = provider.authenticate(await ask(browser), "anna", iss="https://evil.test")
    await is_refused(browser, await answer(browser, back), "issuer")


async def test_an_answer_must_say_its_issuer_when_the_provider_promises_so(
    browser: httpx.AsyncClient, provider: StrictProvider
) -> None:
    provider.metadata = {"authorization_response_iss_parameter_supported": True}
    await is_refused(browser, await identify(browser, provider), "issuer")
    named = provider.authenticate(await ask(browser), "anna", iss=provider.issuer)
    assert (await answer(browser, named)).status_code == 303


async def test_one_who_cancels_is_told_so(browser: httpx.AsyncClient, provider: StrictProvider) -> None:
    state = provider.authenticate(await ask(browser), "anna")["state"]
    back = await answer(browser, {"state": state, "error": "access_denied"})
    await is_refused(browser, back, "cancelled")


async def test_a_provider_that_does_not_answer_is_told_of(
    browser: httpx.AsyncClient, provider: StrictProvider
) -> None:
    provider.away = True
    told = await browser.get("/sign-in/siths")
    assert told.status_code == 502
    assert "The sign-in service does not answer" in told.text


async def test_a_provider_that_speaks_of_another_issuer_is_refused(
    browser: httpx.AsyncClient, provider: StrictProvider
) -> None:
    provider.metadata = {"issuer": "https://evil.test"}
    await is_refused(browser, await browser.get("/sign-in/siths"), "issuer")


async def test_a_provider_without_encryption_is_not_spoken_to(
    browser: httpx.AsyncClient, provider: StrictProvider
) -> None:
    provider.metadata = {"token_endpoint": "http://idp.test/token"}
    await is_refused(browser, await browser.get("/sign-in/siths"), "unreachable")


async def test_a_person_whom_the_directory_does_not_know_is_told_what_to_do(
    browser: httpx.AsyncClient, provider: StrictProvider, installation: Services
) -> None:
    told = await identify(browser, provider, "stranger")
    await is_refused(browser, told, "unknown-person")
    assert "nobody with your HSA-id" in told.text
    (entry,) = await logged(installation, "sign-in")
    assert (entry["actor"], entry["outcome"]) == ("SE2321000016-P999", "refused")


async def test_a_provider_that_does_not_tell_who_it_is_lets_nobody_in(
    browser: httpx.AsyncClient, provider: StrictProvider
) -> None:
    await is_refused(browser, await identify(browser, provider, "nobody"), "identity")


async def test_two_of_the_same_identity_are_both_refused(
    browser: httpx.AsyncClient, provider: StrictProvider, installation: Services
) -> None:
    await write(installation, practitioner("anna-again", "Anna Falsk", ANNA), accountable=PRIVATE)
    await is_refused(browser, await identify(browser, provider), "several-persons")


async def test_one_who_no_longer_works_here_is_refused(
    browser: httpx.AsyncClient, provider: StrictProvider, installation: Services
) -> None:
    await write(installation, practitioner("anna", "Anna Berg", ANNA, active=False))
    await is_refused(browser, await identify(browser, provider), "inactive-person")


# Two days, as a day begins in Sweden before it does in UTC, in which the clock counts.
LONG_OVER, NOT_YET = -2, 2
NOT_HELD: dict[str, Claims] = {
    "inactive": {"active": False},
    "over": {"period": {"end": LONG_OVER}},
    "not begun": {"period": {"start": NOT_YET}},
    "without a purpose": {"extension": []},
    "for no purpose of staff": {"extension": [{"url": systems.ASSIGNMENT_PURPOSE, "valueCode": "system"}]},
    "at no unit": {"organization": {"display": "Somewhere"}},
    "at a unit that is not there": {"organization": {"reference": "Organization/none"}},
    "at another care provider's unit": {"organization": {"reference": "Organization/house"}},
}


@pytest.mark.parametrize("case", list(NOT_HELD))
async def test_an_assignment_that_does_not_hold_opens_nothing(
    browser: httpx.AsyncClient,
    provider: StrictProvider,
    installation: Services,
    clock: FixedClock,
    case: str,
) -> None:
    changes = {**NOT_HELD[case]}
    if "period" in changes:
        day = clock.now() + timedelta(days=next(iter(changes["period"].values())))
        changes["period"] = {name: day.date().isoformat() for name in changes["period"]}
    left = [role(name, "anna", "ward", **changes) for name in ("anna-1", "anna-2")]
    await write(installation, *([{k: v for k, v in one.items() if v != []} for one in left]))
    told = await identify(browser, provider)
    await is_refused(browser, told, "no-assignment")
    assert "you have no assignment that holds today" in told.text


async def test_an_assignment_holds_on_its_first_and_on_its_last_day(
    browser: httpx.AsyncClient, provider: StrictProvider, installation: Services, clock: FixedClock
) -> None:
    today = clock.now().astimezone().date().isoformat()
    held = role("anna-1", "anna", "ward", period={"start": today[:7], "end": today[:4]})
    await write(installation, held, role("anna-2", "anna", "clinic", active=False))
    assert (await identify(browser, provider)).headers["location"] == "/"


async def test_the_word_of_a_directory_that_is_trusted_for_all_is_taken(
    browser: httpx.AsyncClient, provider: StrictProvider, installation: Services
) -> None:
    await write(
        installation,
        practitioner("siv", "Siv Dal", "SE2321000016-P999"),
        role("siv-1", "siv", "house"),
    )
    await is_refused(browser, await identify(browser, provider, "stranger"), "no-assignment")
    party = installation.sign_in["siths"]
    party.provider = replace(SITHS, directory=(REGION,))
    assert (await identify(browser, provider, "stranger")).headers["location"] == "/"


async def test_the_choice_is_only_among_own_assignments(
    browser: httpx.AsyncClient, provider: StrictProvider, installation: Services
) -> None:
    await write(installation, practitioner("bo", "Bo Ek", BO), role("bo-1", "bo", "clinic"))
    assert (await sign_in(browser, provider, "bo-1")).status_code == 422
    assert (await browser.get("/")).headers["location"] == "/sign-in"


async def test_the_choice_without_the_forms_token_is_refused(
    browser: httpx.AsyncClient, provider: StrictProvider
) -> None:
    await identify(browser, provider)
    sent = await browser.post("/sign-in/assignment", data={"csrf": "guessed", "assignment": "anna-1"})
    assert sent.status_code == 403
    assert (await browser.get("/")).headers["location"] == "/sign-in"


async def test_the_choice_is_made_once(browser: httpx.AsyncClient, provider: StrictProvider) -> None:
    await identify(browser, provider)
    choice = browser.cookies["__Host-kontinuum_choice"]
    form = {"csrf": csrf_of(await browser.get("/sign-in/assignment")), "assignment": "anna-1"}
    assert (await browser.post("/sign-in/assignment", data=form)).status_code == 303
    browser.cookies.set("__Host-kontinuum_choice", choice, domain="journal.test")
    await is_refused_with(await browser.post("/sign-in/assignment", data=form), "state")


async def test_every_cookie_is_bound_to_this_host_to_encryption_and_to_http(
    browser: httpx.AsyncClient, provider: StrictProvider
) -> None:
    asked = await browser.get("/sign-in/siths")
    back = await answer(browser, provider.authenticate(asked.headers["location"], "anna"))
    form = {"csrf": csrf_of(await browser.get("/sign-in/assignment")), "assignment": "anna-1"}
    begun = await browser.post("/sign-in/assignment", data=form)
    found = {**cookies_set(asked), **cookies_set(back), **cookies_set(begun)}
    assert "__Host-kontinuum_session" in found
    for line in found.values():
        marks = {part.strip().lower() for part in line.split(";")[1:]}
        assert {"httponly", "secure", "samesite=lax", "path=/"} <= marks, line
        assert not any(mark.startswith("domain") for mark in marks)
        assert line.startswith("__Host-")


async def test_a_session_cookie_that_was_planted_is_worth_nothing(
    browser: httpx.AsyncClient, open_browser: OpenBrowser, provider: StrictProvider
) -> None:
    browser.cookies.set("__Host-kontinuum_session", "planted", domain="journal.test")
    begun = await sign_in(browser, provider)
    assert "planted" not in cookies_set(begun)["__Host-kontinuum_session"]
    attacker = open_browser()
    attacker.cookies.set("__Host-kontinuum_session", "planted", domain="journal.test")
    assert (await attacker.get("/")).status_code == 303


async def test_a_provider_that_is_not_configured_leads_back_to_the_sign_in_page(
    browser: httpx.AsyncClient,
) -> None:
    for path in ("/sign-in/other", "/sign-in/other/answer?code=x&state=y"):
        assert (await browser.get(path)).headers["location"] == "/sign-in"


async def test_no_identity_stands_in_addresses_or_on_the_refusal_page(
    browser: httpx.AsyncClient, provider: StrictProvider
) -> None:
    provider.people["numbered"][NUMBER_CLAIM] = "198112289874"
    told = await identify(browser, provider, "numbered")
    await is_refused(browser, told, "unknown-person")
    assert "19811228" not in told.text


async def is_refused(browser: httpx.AsyncClient, told: httpx.Response, code: str) -> None:
    """The page says that nobody is signed in and why, and nobody is."""
    await is_refused_with(told, code)
    assert (await browser.get("/")).headers["location"] == "/sign-in"


async def is_refused_with(told: httpx.Response, code: str) -> None:
    """The page says that nobody is signed in and why."""
    assert told.status_code in (400, 403, 502), told.headers
    assert "You are not signed in" in told.text
    assert f"Code for support: {code}" in told.text
