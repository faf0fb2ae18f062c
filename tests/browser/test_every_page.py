"""Every page of the workspace, from its routes: nothing for axe, nothing sideways, no English in Swedish.

A route that is named neither in `WALKS` nor in `NO_PAGE` fails: a new page cannot be forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import pytest
from playwright.async_api import Page
from starlette.routing import compile_path

from tests.browser.conftest import DISTRICT_DOCTOR, FULLEST, MARKED, Open, accessibility_problems, sideways
from tests.law.test_matrix_pages import ROUTES

ADMITTED = "p-0003"
"""A patient on the ward, with plans for the nursing."""

LINKED: Final = ""
"""In place of an address: the first link to the route, with this in it, on the pages walked before it."""


def _as_it_is(*paths: str) -> dict[str, str]:
    return dict(zip(paths, paths, strict=True))


def _of_the_fullest(*paths: str) -> dict[str, str]:
    return {f"/patient/{{patient}}/{path}": f"/patient/{FULLEST}/{path}" for path in paths}


def _linked(*paths: str) -> dict[str, str]:
    return dict.fromkeys(paths, LINKED)


CHART = {
    "/patient/{patient}": f"/patient/{FULLEST}",
    **_of_the_fullest("vitals/flowsheet", "notes/older", "contacts/earlier", "compare", "advice"),
    "/patient/{patient}/observations/trend": f"/patient/{FULLEST}/observations/trend"
    "?code=urn:oid:1.2.752.108.1|NPU28309",
    "/patient/{patient}/search": f"/patient/{FULLEST}/search?q=svikt",
    **_of_the_fullest("timeline", "vitals/charts", "medication/list"),
    "/patient/{patient}/vitals/growth": "/patient/p-0005/vitals/growth",
    **_linked(
        "/patient/{patient}/problems/one",
        "/patient/{patient}/allergies/one",
        "/patient/{patient}/medication/one",
        "/patient/{patient}/contacts/one",
        "/patient/{patient}/orders/one",
        "/patient/{patient}/vitals/value",
        "/patient/{patient}/timeline/entry/{type}/{id}",
    ),
    "/patient/{patient}/entry/{type}/{id}": "entry/Composition/",
    "/inbox/ask": LINKED,
}
WRITING = {
    **_of_the_fullest("journal/write", "contacts/book", "contacts/admit", "nursing/add"),
    **_of_the_fullest("orders/lab", "orders/refer"),
    **_of_the_fullest("problems/add", "allergies/add", "allergies/none", "vitals/entry", "person", "apps"),
    **_of_the_fullest("medication/add", "medication/renew"),
    "/patient/{patient}/person/link": "/patient/p-0020/person/link?with=p-0019",
    **_as_it_is("/patients/new", "/duplicates"),
}
AROUND = {
    **_as_it_is("/", "/recent", "/inbox", "/inbox/sign", "/phrases", "/unit/today", "/assignment"),
    **_as_it_is("/sessions", "/my-apps", "/templates"),
    "/templates/{id}": LINKED,
    "/inbox/new": f"/inbox/new?patient={FULLEST}",
    "/patient/{patient}/tasks/new": f"/patient/{FULLEST}/tasks/new",
    "/feedback": f"/feedback?from=/patient/{FULLEST}",
    "/unit/feedback": "/unit/feedback",
    "/unit/feedback/{number:number}": LINKED,
    "/sign-in/{provider}/answer": "/sign-in/siths/answer?state=x",
}
REFUSING: Final = {"/sign-in/{provider}/answer"}
"""The page says why one is not let in."""

WALKS: dict[str, tuple[str | None, dict[str, str]]] = {
    "nobody": (None, _as_it_is("/sign-in", "/signed-out")),
    "a doctor in a chart": (DISTRICT_DOCTOR, CHART),
    "a doctor who writes": (DISTRICT_DOCTOR, WRITING),
    "a doctor": (DISTRICT_DOCTOR, AROUND),
    "the ward's nurse": (
        "Maria Papadopoulos",
        {
            **_as_it_is("/", "/unit/ward"),
            "/patient/{patient}/nursing/today": f"/patient/{ADMITTED}/nursing/today",
            "/patient/{patient}/nursing/plan": LINKED,
        },
    ),
    "who shapes": (
        "Karin Öhman",
        {
            **_as_it_is("/layout", "/templates/order"),
            "/worklists/{id}/change": "/worklists/new/change",
            "/worklists": "/worklists",
            "/worklists/{id}": LINKED,
        },
    ),
    "administration": (
        "Rickard Hult",
        {
            **_as_it_is("/admin", "/admin/units", "/admin/units/new", "/admin/staff", "/admin/staff/new"),
            **_as_it_is("/admin/assignments", "/admin/settings", "/admin/import", "/admin/apps"),
            **_as_it_is("/admin/services", "/destruction"),
            "/admin/unit/{id}": "/admin/unit/avd-32",
            "/admin/person/{id}": "/admin/person/s-anna-berglund",
            "/admin/assignment/{id}": "/admin/assignment/s-anna-berglund-1",
        },
    ),
    "supervision": (
        "Åsa Malmgren",
        {
            **_as_it_is("/log", "/log/reviews"),
            "/log/reviews/{round:number}": LINKED,
            "/log/findings/{finding:number}": LINKED,
            **_as_it_is("/log/breach", "/log/extract"),
            "/log/extract/{patient}": f"/log/extract/{MARKED}",
        },
    ),
    "a patient": (
        "Egna sidor",
        {**_as_it_is("/my-log", "/my-privacy", "/my-record"), "/my-record/{type}/{id}": LINKED},
    ),
}
"""Who walks, and the address of each route in its order."""

DEEDS: dict[str, tuple[dict[str, str], str]] = {
    "/feedback": ({"Vad hände, eller vad kan bli bättre?": "Listan visade fel dag."}, "Skicka"),
    "/log/reviews": ({}, "Börja en granskning"),
    "/worklists/{id}/change": ({"Listans namn": "Alla"}, "Spara"),
}
"""What is done on a page so that there is something to walk to: what is filled in, and what is pressed."""

NO_PAGE = {
    "a file": (
        "/static/{version}/{name:path}",
        "/patient/{patient}/file/{id}",
        "/patient/{patient}/draft-file/{id}",
        "/my-record/file/{id}",
        "/my-data",
        "/my-log/pdf",
        "/log/extract/{patient}/pdf",
        "/unit/feedback/csv",
        "/templates/{id}/export",
    ),
    "for programs": (
        "/session",
        "/inbox/count",
        "/phrases/list",
        "/patient/{patient}/together",
        "/cds-services",
        "/fhir/.well-known/smart-configuration",
        "/.well-known/openid-configuration",
        "/oauth/keys",
    ),
    "a way to elsewhere": ("/sign-in/{provider}",),
    "looked at by test_apps.py, with an app that asks": ("/oauth/authorize",),
    "says that there is no such page": ("/patient/{path:path}",),
    "opened where a person signs in, locks or chooses: test_signing_in.py": (
        "/sign-in/assignment",
        "/locked",
        "/unlocked",
    ),
}
"""The routes that no one looks at, or that only something done leads to, and why."""

ENGLISH = " (the|of|and|is|not|with|this|your) "
"""Words of which Swedish has none, or hardly one in care."""

FIND_ENGLISH = """words => {
  const found = [], said = new RegExp(words, "i");
  const look = (text, at) => {
    if (said.test(text) && !at.closest("[lang=en], script, style")) found.push(text.trim().slice(0, 100));
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) look(walker.currentNode.data, walker.currentNode.parentElement);
  for (const name of ["aria-label", "title", "placeholder", "alt"])
    for (const one of document.querySelectorAll(`[${name}]`)) look(one.getAttribute(name), one);
  return [...new Set(found)];
}"""
LINKS = """[location, ...document.links].map(one => one.pathname + one.search)"""
"""The page itself and what it links to."""


def _leads(links: Iterable[str], route: str, within: str) -> str:
    """The first link to a route and to no other that is walked by a name of its own, with something in it."""
    pattern, _, _ = compile_path(route)
    plain = {path for _, path in ROUTES if "{" not in path} - {route}
    paths = ((link, link.partition("?")[0].partition("#")[0]) for link in links)
    return next(
        (link for link, path in paths if within in path and pattern.match(path) and path not in plain), ""
    )


async def _look(page: Page) -> dict[str, Any]:
    """What is wrong with a page: on a screen by day, and by night on a telephone."""
    await page.evaluate(
        "document.querySelectorAll('main details:not([hx-get])').forEach(each => each.open = true)"
    )
    wrong: dict[str, Any] = {"English": await page.evaluate(FIND_ENGLISH, ENGLISH)}
    for width, theme in ((1440, "light"), (390, "dark")):
        await page.set_viewport_size({"width": width, "height": 900})
        await page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        wrong[f"axe at {width}"] = await accessibility_problems(page)
        beside = await sideways(page)
        wrong[f"sideways at {width}"] = [beside] if beside else []
    return {name: found[:5] for name, found in wrong.items() if found}


async def _do(page: Page, fields: dict[str, str], button: str) -> None:
    for label, text in fields.items():
        await page.get_by_label(label).fill(text)
    async with page.expect_navigation():
        await page.get_by_role("main").get_by_role("button", name=button, exact=True).click()


@pytest.mark.parametrize("walk", WALKS)
async def test_no_page_has_anything_for_axe_or_scrolls_sideways_or_speaks_english(
    visit: Open, walk: str
) -> None:
    who, routes = WALKS[walk]
    page = await visit("/sign-in", name=None)
    if who:
        await page.get_by_role("button", name=re.compile(re.escape(who))).first.click()
        await page.wait_for_url(lambda address: "/sign-in" not in address)
    wrong: dict[str, Any] = {}
    links: dict[str, None] = {}
    for route, named in routes.items():
        address = named if named.startswith("/") else _leads(links, route, named)
        if not address:
            wrong[route] = "no page before it leads there"
            continue
        await page.set_viewport_size({"width": 1440, "height": 900})
        answer = await page.goto(address)
        assert answer is None or answer.ok or route in REFUSING, address
        if found := await _look(page):
            wrong[address] = found
        if route in DEEDS:
            await _do(page, *DEEDS[route])
        links |= dict.fromkeys(await page.evaluate(LINKS))
    assert wrong == {}


def test_every_page_is_walked() -> None:
    # A page that differs by who looks is walked by each of them.
    walked = {route for _, routes in WALKS.values() for route in routes}
    left_out = [route for routes in NO_PAGE.values() for route in routes]
    assert sorted([*walked, *left_out]) == sorted(path for method, path in ROUTES if method == "GET")
