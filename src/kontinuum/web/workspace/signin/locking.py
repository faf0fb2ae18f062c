"""The locked screen: nothing is shown or changed until the person who was there is there again.

The page under it stays as it is, with all that was being written; `static/js/lock.js` covers it. Without
scripts the next request leads to the same question on a page of its own.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from kontinuum.kernel.i18n import message
from kontinuum.web.workspace.events import Event, tell
from kontinuum.web.workspace.pages import (
    SESSION_COOKIE,
    Page,
    locked_path,
    read_cookie,
    respond,
    safe_path,
    shell_values,
)
from kontinuum.web.workspace.services import DEMO, WorkspaceServices
from kontinuum.web.workspace.signin.provider import open_again
from kontinuum.web.workspace.signin.shared import Endpoint, fields

_BY_PROVIDER: Final = message("This screen is unlocked at the sign-in service.")


async def lock(page: Page) -> Response:
    """Answer POST `/lock`."""
    if await page.services.identity.sessions.lock(read_cookie(page.request, SESSION_COOKIE)):
        basis = "idle" if page.request.headers.get("x-lock") == "idle" else "by-hand"
        await tell(page.services, Event.LOCK, page.session, basis)
    if "x-lock" in page.request.headers:
        return Response(status_code=204, headers={"cache-control": "no-store"})
    form = await fields(page.request)
    return RedirectResponse(locked_path(safe_path(form.get("next", "/"))), status_code=303)


async def show_locked(page: Page) -> Response:
    """Answer GET `/locked`: who is asked for, and the way back to the page."""
    target = safe_path(page.request.query_params.get("next", "/"))
    if not page.session.locked:
        return RedirectResponse(target, status_code=303)
    values = shell_values(page.request, page.session, page.translator)
    values |= {
        "layout": "parts/layout.html",
        "here": locked_path(target),
        "user": None,
        "locked_user": page.session.principal,
        "origin": page.session.proof.origin,
        "next": target,
    }
    text = page.services.templates.render(page.translator.language, "pages/locked.html", values)
    return respond(page.request, text, nonce=str(values["nonce"]))


async def unlock(page: Page) -> Response:
    """Answer POST `/unlock`: in the demo the persona is there again by one click."""
    if page.session.proof.origin != DEMO:
        return page.problem(HTTPStatus.FORBIDDEN, [page.translator.gettext(_BY_PROVIDER)])
    form = await fields(page.request)
    target = safe_path(form.get("next", "/"))
    return await open_again(page.services, page.request, page.session, target, None)


async def show_unlocked(page: Page) -> Response:
    """Answer GET `/unlocked`: the end of unlocking in a window of its own, which tells the other windows."""
    return page.render("pages/unlocked.html", {"show_search": False})


async def stay(page: Page) -> Response:
    """Answer POST `/session/active`: the person is there, though the page asks for nothing.

    With `page`, what is seen has become another without being asked for: a pane was closed.
    """
    cookie, sessions = read_cookie(page.request, SESSION_COOKIE), page.services.identity.sessions
    await sessions.use(cookie)
    now_at = safe_path((await fields(page.request)).get("page", "/"))
    if now_at != "/":
        await sessions.note_page(cookie, page.session, now_at)
    return Response(status_code=204, headers={"cache-control": "no-store"})


def state(services: WorkspaceServices) -> Endpoint:
    """Answer GET `/session`: how it stands with this browser's session. Being asked is not being used."""

    async def endpoint(request: Request) -> Response:
        session = await services.session(read_cookie(request, SESSION_COOKIE), touch=False)
        known = "ended" if session is None else "locked" if session.locked else "open"
        told = {
            "state": known,
            "session": session.id if session else None,
            "person": session.principal.actor.id if session else None,
            "assignment": session.principal.assignment.id if session else None,
        }
        return JSONResponse(told, headers={"cache-control": "no-store"})

    return endpoint
