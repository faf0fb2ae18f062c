"""The start page and the search for a patient.

The search is a POST: a personnummer in an address would end up in histories and in the logs of everything
between the browser and here.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.responses import RedirectResponse, Response

from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import ResultPage
from kontinuum.kernel.principal import ActorKind
from kontinuum.web.workspace import matching
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.patient import Person, read_person
from kontinuum.web.workspace.persons.merged import as_known
from kontinuum.web.workspace.recent import recently_opened
from kontinuum.web.workspace.signin.own_sessions import elsewhere
from kontinuum.web.workspace.unit_pages import start_views
from kontinuum.web.workspace.work.palette import suggestions

SHOWN_AT_MOST = 12

_NOT_STAFF = message("Patients are searched for by staff.")


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a search: people, whether the names were only similar, and advice when it was not run."""

    people: tuple[Person, ...] = ()
    similar: bool = False
    more: bool = False
    advice: str = ""


async def show_start(page: Page) -> Response:
    """Answer `/`: search, the own day, the patients opened last; a patient is led to the own page."""
    if page.session.principal.actor.kind is ActorKind.PATIENT:
        return RedirectResponse("/my-log", status_code=303)
    values = {
        "recent": await _recent(page),
        "elsewhere": await elsewhere(page),
        "parts": await start_views(page),
    }
    return page.render("pages/start.html", values)


async def show_recent(page: Page) -> Response:
    """Answer GET `/recent`: the patients opened last, read and logged when the rail is asked for them."""
    return page.render("pages/recent.html", {"recent": await _recent(page)})


async def _recent(page: Page) -> list[Person]:
    ids = recently_opened(page)
    if not ids or page.session.principal.actor.kind is ActorKind.PATIENT:
        return []
    record = page.services.record(page.session.principal)
    answers = await record.find_many([f"Patient?_id={','.join(ids)}&_count={len(ids)}"])
    found = {person.id: person for person in _people(page, answers)}
    return await as_known(page, [found[one] for one in ids if one in found])


async def search(page: Page) -> Response:
    """Answer a POST to `/patients`: patients as a page, or with commands as the palette."""
    if page.session.principal.actor.kind is ActorKind.PATIENT:
        return page.problem(HTTPStatus.FORBIDDEN, [page.translator.gettext(_NOT_STAFF)])
    form = await page.request.form()
    text = str(form.get("q", ""))[: matching.LONGEST].strip()
    if not page.partial:
        return page.render("pages/found.html", {"q": text, "found": await find_patients(page, text)})
    found, offered = await asyncio.gather(
        find_patients(page, text), suggestions(page, text, str(form.get("at", "")))
    )
    if offered and found.similar:
        # Enter opens what stands first: a name that is only similar must not stand before what was meant.
        found = Found()
    return page.render("parts/found.html", {"q": text, "found": found, "suggestions": offered})


async def find_patients(page: Page, text: str) -> Found:
    """People who fit what was typed: by number when it is one, else by name, else by similar names."""
    if not text:
        return Found()
    today = local(page.services.clock.now()).date()
    question = matching.understand(text, today)
    if isinstance(question, matching.Advice):
        return Found(advice=page.translator.gettext(question.text))
    record = page.services.record(page.session.principal)
    exact = _people(page, await record.find_many(question.exact))
    ranked = await as_known(page, matching.rank(text, exact))
    if ranked or not question.similar:
        advice = page.translator.gettext(question.unmatched) if question.unmatched and not ranked else ""
        return Found(tuple(ranked[:SHOWN_AT_MOST]), more=len(ranked) > SHOWN_AT_MOST, advice=advice)
    candidates = _people(page, await record.find_many(question.similar))
    similar = await as_known(page, matching.similar(text, candidates))
    return Found(tuple(similar[:SHOWN_AT_MOST]), similar=True, more=len(similar) > SHOWN_AT_MOST)


def _people(page: Page, answers: list[ResultPage] | Any) -> list[Person]:
    today = local(page.services.clock.now()).date()
    bodies = {stored.id: stored.body for answer in answers for stored in answer.matches if stored.body}
    return [read_person(body, today, page.translator, page.services.directory) for body in bodies.values()]
