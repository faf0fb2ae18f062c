"""Codes while one writes: suggestions as one types, and the usual ones of the person and the unit.

What is typed is sent by POST: a field in which one writes about a patient does not belong in addresses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from kontinuum.kernel.i18n import message
from kontinuum.kernel.principal import ActorKind, Purpose
from kontinuum.kernel.terms import Suggested, Term
from kontinuum.sweden import systems
from kontinuum.terminology import Coded, Expansion, Validation
from kontinuum.terminology import Page as Wanted
from kontinuum.web.workspace.pages import Page

SETS: Final = {
    "analysis": "urn:kontinuum:valueset:analysis",
    "diagnosis": "urn:kontinuum:valueset:diagnosis",
    "measure": "urn:kontinuum:valueset:measure",
    "substance": "urn:kontinuum:valueset:substance",
}
TEMPLATES: Final = "urn:kontinuum:note-template"
"""Under which it is counted in what templates a unit writes; no patient is in that count."""
_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]*:.+")
AT_MOST: Final = 12
USUAL_AT_MOST: Final = 6
LONGEST: Final = 100

_NAMES: Final = {systems.ICD_10_SE: "ICD-10-SE", systems.KVA: "KVÅ", systems.ATC: "ATC", systems.NPU: "NPU"}
_NO_PURPOSE: Final = message("This page is not part of the purpose of your assignment.")


@dataclass(frozen=True, slots=True)
class Usual:
    """Codes that are chosen often, under what they are called."""

    title: str
    terms: tuple[Term, ...]


class PersonsTerms:
    """The terminology, in the habits of who is signed in; implements `kernel.module.Terms`."""

    def __init__(self, page: Page) -> None:
        self._terminology = page.services.application.terminology
        principal = page.session.principal
        self._own = principal.actor.id
        self._unit = principal.assignment.unit

    async def suggest(self, where: str, text: str, /) -> Suggested:
        """The best codes for what was typed, those first that the person and the unit use most."""
        wanted = Wanted(
            text[:LONGEST], count=AT_MOST, active_only=True, language="sv", contexts=(self._own, self._unit)
        )
        found = await self._terminology.expand(_set(where), wanted)
        if not isinstance(found, Expansion):
            return Suggested((), "", partial=True)
        terms = tuple(_term(one.coded) for one in found.concepts) if text.strip() else ()
        return Suggested(terms, ", ".join(map(_named, found.systems)), partial=bool(found.fragments))

    async def knows(self, where: str, /) -> bool:
        """Whether there are codes to choose from."""
        found = await self._terminology.expand(_set(where), Wanted(count=1, active_only=True))
        return isinstance(found, Expansion) and bool(found.concepts)

    async def usual(self, where: str) -> tuple[tuple[Term, ...], tuple[Term, ...]]:
        """What the person chooses most, and what else the unit does."""
        own = await self._terminology.most_chosen(_set(where), self._own, USUAL_AT_MOST)
        units = await self._terminology.most_chosen(_set(where), self._unit, 2 * USUAL_AT_MOST)
        mine = {one.code for one in own}
        others = [one for one in units if one.code not in mine][:USUAL_AT_MOST]
        return tuple(map(_term, own)), tuple(map(_term, others))

    async def templates(self) -> dict[str, int]:
        """How many notes the unit has written in each template."""
        return await self._terminology.uses(TEMPLATES, context=self._unit) if self._unit else {}

    async def find(self, where: str, code: str, /) -> Term | None:
        """A code that may be chosen; None when it is not known here."""
        found = await self._terminology.validate_in(_set(where), code)
        valid = isinstance(found, Validation) and found.result
        return _term(found.coded) if valid and isinstance(found, Validation) and found.coded else None

    async def chose(self, where: str, code: str, /) -> None:
        """Count that the person chose it; of a template, that the unit did."""
        if where == "template":
            await self._terminology.chose(TEMPLATES, code, context=self._unit)
            return
        term = await self.find(where, code)
        if term is not None:
            for context in filter(None, (self._own, self._unit)):
                await self._terminology.chose(term.system, term.code, context=context)


def _set(where: str) -> str:
    return SETS.get(where, where)


def _term(coded: Coded) -> Term:
    names = [one.text for one in coded.names if one.text != coded.display]
    return Term(coded.system, coded.code, coded.display, tuple(names))


def _named(canonical: str) -> str:
    """`ICD-10-SE (2026)` of `url|2026`."""
    url, _, version = canonical.partition("|")
    name = _NAMES.get(url, url)
    return f"{name} ({version})" if version else name


async def list_codes(page: Page) -> Response:
    """Answer POST `/codes`: the options for what was typed, or the usual ones while nothing is."""
    principal = page.session.principal
    if principal.actor.kind is not ActorKind.STAFF or principal.purpose is not Purpose.CARE:
        return page.problem(403, [page.translator.gettext(_NO_PURPOSE)])
    form = await page.request.form()
    where, typed = str(form.get("set", "")), str(form.get("q", ""))[:LONGEST].strip()
    if where not in SETS and not _ADDRESS.fullmatch(where):
        return page.problem(404, [page.translator.gettext("There is no such page.")])
    terms = PersonsTerms(page)
    gettext = page.translator.gettext
    suggested = await terms.suggest(where, typed)
    usual: tuple[Usual, ...] = ()
    if not typed:
        own, units = await terms.usual(where)
        unit = gettext("Often chosen at %(unit)s") % {"unit": principal.assignment.unit_name}
        usual = (Usual(gettext("Often chosen by you"), own), Usual(unit, units))
    values = {"typed": typed, "suggested": suggested, "usual": usual}
    return page.render("parts/codes.html", values)
