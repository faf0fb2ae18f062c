"""The page of phrases: one's own to change at once, and the unit's, which go the way of templates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.questionnaire import phrasing
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.numbers import whole
from kontinuum.record.outcome import Refusal
from kontinuum.web.workspace.entries.difference import Piece, words
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.studio import editing, editor, exchange, listing, shelf
from kontinuum.web.workspace.studio.remarks import in_words
from kontinuum.web.workspace.work.phrases import Phrase, identity_of, library, phrases_of, text_of

_TAKEN: Final = message("There is a phrase of that name already. Change that one.")
_NEW: Final = Phrase("", 0, "", "", mine=True)


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier version of a phrase, and what became another after it."""

    number: int
    at: str
    text: str
    pieces: Sequence[Piece]


async def show(page: Page) -> Response:
    """Answer GET `/phrases`: all of them; with `name` one of one's own to change."""
    name = page.request.query_params.get("name", "")
    own = next((one for one in await phrases_of(page) if one.mine and one.name == name), _NEW)
    return await _page(page, own)


async def _page(
    page: Page, typed: Phrase, problem: str = "", status: int = 200, *, alone: bool = False
) -> Response:
    """The page; `alone` without the lists, for who only looks at what is being typed."""
    own, others = ([], []) if alone else await shelf.shelf(page)
    kept = [one for one in own if one.kind == phrasing.KIND]
    others = [one for one in others if one.kind == phrasing.KIND]
    await listing.learn_names(
        page, [place for one in (*kept, *others) for place in (*one.venues, one.provider)]
    )
    here = set(page.places)
    rows = listing.rows_of(kept)
    values: dict[str, Any] = {
        "typed": typed,
        "problem": problem,
        "mine": [] if alone else [one for one in await phrases_of(page) if one.mine],
        "at_unit": [row for row in rows if any(here & set(one.venues) for one in row.versions)],
        "elsewhere": [row for row in rows if not any(here & set(one.venues) for one in row.versions)],
        "others": others,
        "text_of": phrasing.text_of,
        "earlier": await _earlier(page, typed) if typed.version and not alone else (),
        "told": _faults(page, typed) if typed.text else (),
        "preview": editor.preview(page, editing.begin_phrase(typed.name, typed.text), {}),
        "values": editor.offered_values(),
        "may": listing.may_change(page),
        "states": listing.STATES,
        "unit": page.services.directory.unit,
    }
    return page.render("studio/phrases.html", values, status)


def _faults(page: Page, phrase: Phrase, *, refusing: bool = False) -> list[str]:
    """What is wrong with a phrase; a name that is not typed yet is not."""
    form = editing.begin_phrase(phrase.name if phrase.name or refusing else "x", phrase.text)
    found = [one for one in phrasing.faults(form) if one.refuses or not refusing]
    return [in_words(one.message, page.translator) for one in found]


async def _earlier(page: Page, phrase: Phrase) -> list[Earlier]:
    """The versions before the present one, the newest first, at most fifty."""
    record: Any = page.services.record(page.session.principal)
    found = await record.history("Library", phrase.id, count=50)
    if isinstance(found, Refusal):
        return []
    read = [(one, text_of(fhir_json.loads(one.body))) for one in found.entries if one.body]
    return [
        Earlier(
            one.version,
            local(from_micros(one.updated)).isoformat(timespec="minutes"),
            text,
            words(text, read[newer][1]),
        )
        for newer, (one, text) in enumerate(read[1:])
    ]


async def change(page: Page) -> Response:
    """Answer POST `/phrases`: save one's own, or draft one of the unit's.

    `do=remove` takes one's own away, `do=unit` drafts it for the unit. With `do=look` nothing is kept: the
    page shows how what is typed looks.
    """
    form = await page.request.form()
    given = {name: str(form.get(name, "")) for name in ("do", "name", "text", "of", "version")}
    name = given["name"].strip().removeprefix(".").lower()
    version = whole(given["version"])
    principal = page.session.principal
    mine = "unit" not in (given["of"], given["do"])
    identity = identity_of(principal, name)
    phrase = Phrase(identity, version, name, given["text"].replace("\r\n", "\n"), mine)
    if given["do"] == "look":
        return await _page(page, phrase, alone=True)
    if not mine and not listing.may_change(page):
        return page.problem(HTTPStatus.FORBIDDEN, [page.translator.gettext(listing.MAY_NOT)])
    if not mine:
        # What is wrong with a draft is told beside it.
        return await exchange.begin_draft(page, editing.begin_phrase(name, phrase.text))
    faults = _faults(page, phrase, refusing=True)
    if faults:
        return await _page(page, phrase, " ".join(faults), HTTPStatus.UNPROCESSABLE_ENTITY)
    return await _keep(page, phrase, "retired" if given["do"] == "remove" else "active")


async def _keep(page: Page, phrase: Phrase, status: str) -> Response:
    principal = page.session.principal
    known = {one.id: one.version for one in await phrases_of(page)}
    if known.get(phrase.id, 0) != phrase.version:
        told = page.translator.gettext(_TAKEN)
        return await _page(page, replace(phrase, version=0), told, HTTPStatus.CONFLICT)
    record: Any = page.services.record(principal)
    done = await record.update(
        "Library", phrase.id, library(principal, phrase, status), if_match=phrase.version or None
    )
    if isinstance(done, Refusal):
        return await _page(page, phrase, " ".join(done.in_words(page.translator)), done.kind.value)
    return page.redirect("/phrases")
