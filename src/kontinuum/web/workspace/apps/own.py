"""The apps that somebody has permitted to act on the own behalf, and withdrawing that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from kontinuum.audit import entry
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.i18n import local, message
from kontinuum.web.smart import addresses
from kontinuum.web.workspace.apps.authorizing import smart_of
from kontinuum.web.workspace.apps.context import persons_of
from kontinuum.web.workspace.apps.words import Sentence, in_words
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.patient import Person

_GONE: Final = message("That permission has ended already.")


@dataclass(frozen=True, slots=True)
class Shown:
    """A permission on the page."""

    id: str
    app: str
    sentences: list[Sentence]
    given: datetime
    until: datetime
    about: Person | None = None


async def show(page: Page) -> Response:
    """Answer GET of the page."""
    smart = smart_of(page)
    persons = {one.id: one for one in await persons_of(page)}
    names = {app.id: app.name for app in await smart.apps.all()}
    shown = [
        Shown(
            each.id,
            names.get(each.app, each.app),
            in_words(each.scopes, page.translator),
            local(each.created),
            local(each.expires),
            persons.get(each.patient or "") if each.patient != each.principal.actor.id else None,
        )
        for each in await smart.grants.of_actor(page.session.principal.actor.id)
    ]
    return page.render("apps/own.html", {"permissions": shown, "address": addresses.APPS})


async def withdraw(page: Page) -> Response:
    """Answer POST of the page: end a permission, with every token that came of it."""
    principal = page.session.principal
    permission = str((await page.request.form()).get("permission", ""))
    if "\0" in permission or not await smart_of(page).grants.withdraw(permission, principal.actor.id):
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(_GONE)])
    now = to_micros(page.services.clock.now())
    about = entry(
        principal, now, "withdraw-app", "permitted", "own-decision", what=(f"permission/{permission}",)
    )
    await page.services.application.audit.durable(about)
    return page.redirect(addresses.APPS)
