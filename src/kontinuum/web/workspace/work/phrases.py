"""Phrases: texts that are written often, inserted by `.name` and Tab; of a person or of a unit.

One's own is a Library (http://hl7.org/fhir/R4/library.html) whose content is the text, byte for byte;
`useContext` says whose it is. One that is taken away is retired and stays in the history. A unit's is a
template of the kind "phrase": it is drafted, reviewed and taken into use as every template (`studio`).
"""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import JSONResponse, Response

from kontinuum.access.tools import ACTOR
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.questionnaire import phrasing, use
from kontinuum.kernel.i18n import local
from kontinuum.kernel.principal import Principal
from kontinuum.sweden import systems
from kontinuum.web.workspace.pages import Page

CODES: Final = "urn:kontinuum:codes:library"

_NAMES: Final = uuid.UUID("0f6f7f0c-1d0e-4f5a-9d7e-6c1a6f0a7b52")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase; `mine` says that it is the person's own and not the unit's."""

    id: str
    version: int
    name: str
    text: str
    mine: bool


async def phrases_of(page: Page) -> list[Phrase]:
    """The person's phrases and those in use at the unit, by name; what is nearest to the person first."""
    principal = page.session.principal
    own = quote(f"{ACTOR}|{principal.actor.id}", safe="|")
    queries = [f"Library?type={CODES}|phrase&status=active&context={own}&_count=500"]
    if page.places:
        where = ",".join(quote(f"{systems.HSA_ID}|{one}", safe="|") for one in page.places)
        kind = f"{use.KIND}|{phrasing.KIND}"
        queries.append(f"Questionnaire?status=active&context={where}&context={kind}&_count=500")
    record: Any = page.services.record(principal)
    mine, *units = await record.find_many(queries)
    read = [_own(fhir_json.loads(one.body), one.version) for one in mine.matches if one.body]
    for found in units:
        forms = [fhir_json.loads(one.body) for one in found.matches if one.provider in page.places]
        read += _of_units(forms, page)
    return sorted(read, key=lambda one: (one.name, not one.mine))


def _of_units(forms: list[dict[str, Any]], page: Page) -> list[Phrase]:
    """What is in use here today: of one name the unit's own before that of all units."""
    today = local(page.services.clock.now()).date()
    unit = page.session.principal.assignment.unit
    found: dict[str, Phrase] = {}
    for form in sorted(use.in_use(forms, page.places, today), key=lambda one: unit not in use.venues(one)):
        name = str(form.get("title", "")).removeprefix(".")
        found.setdefault(name, Phrase(form["id"], 0, name, phrasing.text_of(form), mine=False))
    return list(found.values())


def _own(library: dict[str, Any], version: int) -> Phrase:
    return Phrase(library["id"], version, library["name"], text_of(library), mine=True)


def text_of(library: dict[str, Any]) -> str:
    """The text of a phrase of one's own."""
    return base64.b64decode(library["content"][0]["data"]).decode()


def identity_of(principal: Principal, name: str) -> str:
    """The id of the phrase of a name that is a person's own."""
    return str(uuid.uuid5(_NAMES, f"{ACTOR}/{principal.actor.id}/{name}"))


def library(principal: Principal, phrase: Phrase, status: str = "active") -> dict[str, Any]:
    """A phrase as a Library of its own person."""
    context = {
        "code": {"system": use.CONTEXT_TYPES, "code": "user"},
        "valueCodeableConcept": {"coding": [{"system": ACTOR, "code": principal.actor.id}]},
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


async def list_phrases(page: Page) -> Response:
    """Answer GET `/phrases/list`: name and text of each, as JSON for the writing pane."""
    found = {one.name: one.text for one in reversed(await phrases_of(page))}
    return JSONResponse(found, headers={"cache-control": "no-store"})
