"""What the services say about the patient whose chart is open: asked for by the chart once it is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from markupsafe import Markup
from starlette.responses import Response

from kontinuum.fhir.hooks import Card
from kontinuum.fhir.hooks.cards import INDICATORS
from kontinuum.identity.hooks import CdsService
from kontinuum.identity.smart import App
from kontinuum.kernel.i18n import message
from kontinuum.record import Refusal
from kontinuum.record.advice import Advised, Fault, Question
from kontinuum.web.workspace.access import concerns
from kontinuum.web.workspace.advice.markdown import as_html
from kontinuum.web.workspace.apps.authorizing import origin_of, smart_of
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.persons.merged import with_links
from kontinuum.web.workspace.persons.shared import reader_of, standing

HOOK: Final = "patient-view"
_FOR_STAFF: Final = message("Decision support is for those who care for the patient.")
_NOT_CHECKED: Final = {
    Fault.SILENT: message("it did not answer in time"),
    Fault.WRONG: message("its answer could not be read"),
    Fault.LACKING: message("it may not see what it needs"),
    Fault.RESTING: message("it has failed several times and is left alone for a minute"),
}


@dataclass(frozen=True, slots=True)
class ShownLink:
    """A link of a card: to a page, or to an app that opens in the chart; `app` is its id."""

    label: str
    url: str = ""
    app: str = ""


@dataclass(frozen=True, slots=True)
class ShownCard:
    """A card ready for the page, and whose it is."""

    card: Card
    detail: Markup
    links: tuple[ShownLink, ...]
    service: CdsService


@dataclass(frozen=True, slots=True)
class Unheard:
    """A service of which not everything, or nothing, was heard: `why` in words, empty for a part of it."""

    service: CdsService
    why: str


async def show(page: Page) -> Response:
    """Answer GET `/patient/{patient}/advice`."""
    principal, patient = page.session.principal, page.request.path_params["patient"]
    if not concerns(page):
        # Data leave for care alone.
        return page.problem(HTTPStatus.FORBIDDEN, [page.translator.gettext(_FOR_STAFF)])
    record = page.services.record(principal)
    if not (await record.standing(patient)).related:
        # Nothing of this patient is shown, so nothing leaves either.
        known = await record.read("Patient", patient)
        return page.refuse(known) if isinstance(known, Refusal) else page.redirect(f"/patient/{patient}")
    question = Question(HOOK, patient, origin_of(page))
    answers = await page.services.application.advice.ask(principal, question)
    if isinstance(answers, Refusal):
        return page.refuse(answers)
    apps = await smart_of(page).apps.all(principal.assignment.provider)
    cards = [shown for each in answers for shown in _shown(each, apps)]
    cards.sort(key=lambda one: INDICATORS.index(one.card.indicator))
    values = {
        **({} if page.partial else await _banner(page, patient)),
        "about": patient,
        "cards": cards,
        "counts": Counter(one.card.indicator for one in cards),
        "unheard": [_unheard(page, each) for each in answers if each.fault is not None or each.partly],
        "quiet": [each.service for each in answers if each.fault is None and not each.cards],
        "asked": len(answers),
    }
    return page.render("advice/cards.html", values)


async def _banner(page: Page, patient: str) -> dict[str, object]:
    """Who the page is about; as a part of the chart it stands under the chart's own banner."""
    reader = reader_of(page, patient)
    await reader.find_many(())
    current = await standing(page, patient)
    if isinstance(current, Refusal):
        return {}
    return {"patient": await with_links(page, current.person), "warnings": reader.banner_notes()}


def _shown(answer: Advised, apps: Sequence[App]) -> list[ShownCard]:
    return [
        ShownCard(
            card, as_html(card.detail) if card.detail else Markup(""), _links(card, apps), answer.service
        )
        for card in answer.cards
    ]


def _unheard(page: Page, answer: Advised) -> Unheard:
    why = "" if answer.fault is None else page.translator.gettext(_NOT_CHECKED[answer.fault])
    return Unheard(answer.service, why)


def _links(card: Card, apps: Sequence[App]) -> tuple[ShownLink, ...]:
    """A link to a page by https; to an app where it is registered here; else its label alone."""
    found = []
    for link in card.links:
        if link.kind == "smart":
            app = next((one.id for one in apps if one.launch_url == link.url), "")
            found.append(ShownLink(link.label, app=app))
        else:
            found.append(ShownLink(link.label, link.url if link.url.startswith("https://") else ""))
    return tuple(found)
