"""A person's own sessions: where they are, ending them, and continuing one at this workstation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.responses import RedirectResponse, Response

from kontinuum.identity import Ending, Session
from kontinuum.kernel.i18n import message
from kontinuum.web.workspace.events import Event, tell
from kontinuum.web.workspace.pages import Page, safe_path
from kontinuum.web.workspace.signin.leaving import leave
from kontinuum.web.workspace.signin.switching import own_assignment, rebind

_GONE: Final = message("That session has ended already.")
_NO_LONGER: Final = message(
    "You do not have the assignment of that session any more, so it cannot be continued here."
)

_BROWSERS: Final = (
    ("Edg/", "Edge"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True)
class ShownSession:
    """A session as its owner sees it; `workstation` is what the browser said of itself."""

    session: Session
    workstation: str
    here: bool


async def show_sessions(page: Page) -> Response:
    """Answer GET `/sessions`."""
    found = await page.services.identity.sessions.of_actor(page.session.principal.actor.id)
    shown = [shown_session(page, one) for one in found]
    return page.render("pages/sessions.html", {"sessions": sorted(shown, key=lambda one: not one.here)})


async def elsewhere(page: Page) -> ShownSession | None:
    """The session that the same person used last at another workstation."""
    found = await page.services.identity.sessions.of_actor(page.session.principal.actor.id)
    others = [one for one in found if one.id != page.session.id]
    return shown_session(page, others[0]) if others else None


def shown_session(page: Page, session: Session) -> ShownSession:
    """A session with a name for its workstation."""
    return ShownSession(session, workstation(session.agent), session.id == page.session.id)


def workstation(agent: str) -> str:
    """`Chrome, Windows` of what a browser says of itself; empty when it says nothing of the kind."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if re.search(mark, agent)), "")
    return ", ".join(part for part in (browser, system) if part)


async def continue_here(page: Page) -> Response:
    """Answer POST `/sessions/continue`: go on where one was at another workstation, which is signed out."""
    other = await _named(page)
    if other is None or other.id == page.session.id:
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(_GONE)])
    assignment = await own_assignment(page, other.principal.assignment.id)
    if assignment is None:
        return page.problem(HTTPStatus.FORBIDDEN, [page.translator.gettext(_NO_LONGER)])
    if not await page.services.identity.sessions.end(other, Ending.MOVED):
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(_GONE)])
    await tell(page.services, Event.SIGN_OUT, other, "moved")
    return await rebind(page, assignment, Event.TAKE_OVER, safe_path(other.page))


async def end_one(page: Page) -> Response:
    """Answer POST `/sessions/end`: end one of one's own sessions."""
    other = await _named(page)
    if other is not None:
        await _end(page, other, Ending.ELSEWHERE)
    if other is not None and other.id == page.session.id:
        return await leave(page)
    return RedirectResponse("/sessions", status_code=303)


async def end_all(page: Page) -> Response:
    """Answer POST `/sessions/end-all`: sign out everywhere, here too."""
    for session in await page.services.identity.sessions.of_actor(page.session.principal.actor.id):
        await _end(page, session, Ending.EVERYWHERE)
    return await leave(page)


async def _named(page: Page) -> Session | None:
    """The session that the form names, if it is the person's own."""
    wanted = str((await page.request.form()).get("session", ""))
    found = await page.services.identity.sessions.of_actor(page.session.principal.actor.id)
    return next((one for one in found if one.id == wanted), None)


async def _end(page: Page, session: Session, ending: Ending) -> None:
    if await page.services.identity.sessions.end(session, ending):
        await tell(page.services, Event.SIGN_OUT, session, ending.value)
