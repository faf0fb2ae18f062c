"""One person, one page: a Patient that is replaced by another is shown as that one, with every number.

A page about a replaced Patient leads to the page of whom the person is known by, so that nobody reads or
writes under an identity that does not hold any more without seeing it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from kontinuum.kernel.i18n import local
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.patient import Person, read_person

Members = tuple[str, Sequence[str]]
"""By which Patient a person is known, and every Patient that is the same person."""


async def members(page: Page) -> Members:
    """Who the patient of the page's address is."""
    record: Any = page.services.record(page.session.principal)
    known: Members = await record.persons.members_of(page.request.path_params["patient"])
    return known


def moved(page: Page, known: Members, rest: str = "") -> Response | None:
    """The way to the page of whom the person is known by; None when this is it."""
    person, _ = known
    if person == page.request.path_params["patient"]:
        return None
    query = f"?{page.request.url.query}" if page.request.url.query else ""
    path = f"/patient/{quote(person, safe='')}{rest}{query}"
    return RedirectResponse(path, HTTPStatus.SEE_OTHER, headers={"cache-control": "no-store"})


async def elsewhere(page: Page, rest: str = "") -> Response | None:
    """The same, where nothing else needs to know who the patient is."""
    return moved(page, await members(page), rest)


async def with_links(page: Page, person: Person, known: Members | None = None) -> Person:
    """A person with the numbers of the other Patients that are the same person."""
    record: Any = page.services.record(page.session.principal)
    _, everyone = known or await record.persons.members_of(person.id)
    others = [each for each in everyone if each != person.id]
    if not others:
        return person
    found = await record.read_many([f"Patient/{each}" for each in others])
    people = [_read(page, each.body) for each in found.values() if each.body]
    return replace(person, linked=tuple(each.number or each.id for each in people))


async def as_known(page: Page, people: Iterable[Person]) -> list[Person]:
    """People, each once and as whom the person is known by."""
    listed = list(people)
    record: Any = page.services.record(page.session.principal)
    known = await record.persons.person_of([each.id for each in listed]) if listed else {}
    missing = set(known.values()) - {each.id for each in listed}
    found = await record.read_many([f"Patient/{each}" for each in sorted(missing)]) if missing else {}
    shown = {each.id: each for each in listed}
    shown |= {each.id: _read(page, each.body) for each in found.values() if each.body}
    ids = dict.fromkeys(known.get(each.id, each.id) for each in listed)
    return [shown[each] for each in ids if each in shown]


def _read(page: Page, body: bytes) -> Person:
    today = local(page.services.clock.now()).date()
    return read_person(body, today, page.translator, page.services.directory)
