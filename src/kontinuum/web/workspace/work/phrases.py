"""Phrases: texts that are written often, inserted by `.name` and Tab; of a person or of a unit.

Each is a Library (http://hl7.org/fhir/R4/library.html) whose content is the text, byte for byte; `useContext`
says whose it is. One that is taken away is retired and stays in the history.
"""

from __future__ import annotations

import base64
import re
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import JSONResponse, Response

from kontinuum.access.tools import ACTOR
from kontinuum.fhir import json as fhir_json
from kontinuum.kernel.i18n import message
from kontinuum.kernel.principal import TEMPLATES, Principal
from kontinuum.record.outcome import Refusal
from kontinuum.sweden import systems
from kontinuum.web.workspace.pages import Page

CODES: Final = "urn:kontinuum:codes:library"
LONGEST: Final = 20_000

_CONTEXT: Final = "http://terminology.hl7.org/CodeSystem/usage-context-type"
_NAMES: Final = uuid.UUID("0f6f7f0c-1d0e-4f5a-9d7e-6c1a6f0a7b52")
_NAME: Final = re.compile(r"[a-zåäöéü0-9-]{1,30}")
_BAD_NAME: Final = message("A name has at most 30 small letters, digits and hyphens, without space.")
_NO_TEXT: Final = message("Write the text that the name stands for.")
_TOO_LONG: Final = message("A phrase has at most 20 000 characters.")
_TAKEN: Final = message("There is a phrase of that name already. Change that one.")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase; `mine` says that it is the person's own and not the unit's."""

    id: str
    version: int
    name: str
    text: str
    mine: bool


def _owner(principal: Principal, *, mine: bool) -> tuple[str, str]:
    return (ACTOR, principal.actor.id) if mine else (systems.HSA_ID, principal.assignment.unit)


async def phrases_of(page: Page) -> list[Phrase]:
    """The person's phrases and the unit's, by name; the person's own wins over the unit's."""
    principal = page.session.principal
    owners = [_owner(principal, mine=True)]
    if principal.assignment.unit:
        owners.append(_owner(principal, mine=False))
    contexts = ",".join(f"{system}|{value}" for system, value in owners)
    record: Any = page.services.record(principal)
    url = f"Library?type={CODES}|phrase&status=active&context={quote(contexts, safe=',')}&_count=500"
    found = await record.find(url)
    if isinstance(found, Refusal):
        return []
    read = [_read(fhir_json.loads(one.body), one.version) for one in found.matches if one.body]
    return sorted(read, key=lambda one: (one.name, not one.mine))


def _read(library: dict[str, Any], version: int) -> Phrase:
    system = library["useContext"][0]["valueCodeableConcept"]["coding"][0]["system"]
    text = base64.b64decode(library["content"][0]["data"]).decode()
    return Phrase(library["id"], version, library["name"], text, system == ACTOR)


def identity_of(owner: tuple[str, str], name: str) -> str:
    """The id of the phrase of a name that an owner has: a system and a value."""
    return str(uuid.uuid5(_NAMES, "/".join((*owner, name))))


def library(owner: tuple[str, str], phrase: Phrase, status: str = "active") -> dict[str, Any]:
    """A phrase as a Library of its owner."""
    system, value = owner
    context = {
        "code": {"system": _CONTEXT, "code": "user" if phrase.mine else "venue"},
        "valueCodeableConcept": {"coding": [{"system": system, "code": value}]},
    }
    data = base64.b64encode(phrase.text.encode()).decode()
    return {
        "resourceType": "Library",
        "id": phrase.id,
        "name": phrase.name,
        "title": f".{phrase.name}",
        "status": status,
        "type": {"coding": [{"system": CODES, "code": "phrase"}]},
        "useContext": [context],
        "content": [{"contentType": "text/plain; charset=utf-8", "data": data}],
    }


async def show_phrases(page: Page) -> Response:
    """Answer GET `/phrases`: the person's own to change, and the unit's."""
    return await _page(page)


async def _page(page: Page, problem: str = "", typed: Phrase | None = None, status: int = 200) -> Response:
    may = TEMPLATES in page.session.principal.assignment.rights
    values = {"phrases": await phrases_of(page), "problem": problem, "typed": typed, "may": may}
    return page.render("work/phrases.html", values, status)


async def list_phrases(page: Page) -> Response:
    """Answer GET `/phrases/list`: name and text of each, as JSON for the writing pane."""
    found = {one.name: one.text for one in reversed(await phrases_of(page))}
    return JSONResponse(found, headers={"cache-control": "no-store"})


async def change_phrase(page: Page) -> Response:
    """Answer POST `/phrases`: save a phrase, or with `do=remove` take it away."""
    form = await page.request.form()
    principal = page.session.principal
    given = {name: str(form.get(name, "")) for name in ("do", "name", "text", "of", "version")}
    mine = given["of"] != "unit" or not principal.assignment.unit
    name = given["name"].strip().removeprefix(".").lower()
    text = given["text"].replace("\r\n", "\n")
    version = int(given["version"]) if given["version"].isdecimal() else 0
    owner = _owner(principal, mine=mine)
    identity = identity_of(owner, name)
    phrase = Phrase(identity, version, name, text, mine)
    wrong = problem_of(phrase)
    gettext = page.translator.gettext
    if wrong:
        return await _page(page, gettext(wrong), phrase, HTTPStatus.UNPROCESSABLE_ENTITY)
    known = {one.id: one for one in await phrases_of(page)}
    if (known[identity].version if identity in known else 0) != version:
        return await _page(page, gettext(_TAKEN), phrase, HTTPStatus.CONFLICT)
    status = "retired" if given["do"] == "remove" else "active"
    record: Any = page.services.record(principal)
    done = await record.update("Library", identity, library(owner, phrase, status))
    if isinstance(done, Refusal):
        return await _page(page, done.in_words(page.translator)[0], phrase, done.kind.value)
    return page.redirect("/phrases")


def problem_of(phrase: Phrase) -> str:
    """Why a phrase cannot be kept; empty when it can."""
    if not _NAME.fullmatch(phrase.name):
        return _BAD_NAME
    if not phrase.text.strip():
        return _NO_TEXT
    return _TOO_LONG if len(phrase.text) > LONGEST else ""
