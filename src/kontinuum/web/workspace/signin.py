"""Signing in and out. In the demo a visitor chooses a persona and one of its assignments.

No session without one chosen assignment (HSLF-FS 2016:40 ch. 4). In production there are no personas: the
page then says that no sign-in service is connected. Before there is a session, the form's token stands
in a cookie of its own.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from kontinuum.kernel.i18n import LANGUAGES, message
from kontinuum.kernel.principal import ActorKind, Persona, Purpose
from kontinuum.web.workspace.pages import (
    FORM_COOKIE,
    LANGUAGE_COOKIE,
    SESSION_COOKIE,
    STALE_FORM,
    Page,
    respond,
    safe_path,
    set_cookie,
    shell_values,
    translator_of,
)
from kontinuum.web.workspace.services import WorkspaceServices

Endpoint = Callable[[Request], Awaitable[Response]]


def show_sign_in(services: WorkspaceServices) -> Endpoint:
    """Answer GET `/sign-in`."""

    async def endpoint(request: Request) -> Response:
        if await services.session(request.cookies.get(SESSION_COOKIE)) is not None:
            return RedirectResponse(safe_path(request.query_params.get("next", "/")), status_code=303)
        return _form(services, request)

    return endpoint


def sign_in(services: WorkspaceServices) -> Endpoint:
    """Answer POST `/sign-in`: start a session under the chosen assignment."""

    async def endpoint(request: Request) -> Response:
        form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
        if not _form_token_agrees(request, form.get("csrf", "")):
            return _form(services, request, HTTPStatus.FORBIDDEN, STALE_FORM)
        actor = form.get("actor", "")
        if all(persona.actor.id != actor for persona in _staff(services)):
            return _form(services, request, HTTPStatus.FORBIDDEN)
        started = await services.identity.start_session(actor, form.get("assignment", ""))
        if started is None:
            return _form(services, request, HTTPStatus.UNPROCESSABLE_ENTITY)
        cookie, _ = started
        response = RedirectResponse(safe_path(form.get("next", "/")), status_code=303)
        set_cookie(request, response, SESSION_COOKIE, cookie)
        return response

    return endpoint


async def sign_out(page: Page) -> Response:
    """Answer POST `/sign-out`: end the session here and now."""
    await page.services.identity.end_session(page.request.cookies[SESSION_COOKIE])
    response = RedirectResponse("/sign-in", status_code=303, headers={"clear-site-data": '"cache"'})
    response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="lax")
    return response


def choose_language(services: WorkspaceServices) -> Endpoint:
    """Answer POST `/language`: keep the choice and go back to where the person was."""

    async def endpoint(request: Request) -> Response:
        form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
        session = await services.session(request.cookies.get(SESSION_COOKIE))
        given = form.get("csrf", "")
        agrees = (
            hmac.compare_digest(given.encode(), session.csrf.encode())
            if session
            else _form_token_agrees(request, given)
        )
        response = RedirectResponse(safe_path(form.get("next", "/")), status_code=303)
        if agrees and form.get("language") in LANGUAGES:
            set_cookie(request, response, LANGUAGE_COOKIE, form["language"], lasting=True)
        return response

    return endpoint


def _staff(services: WorkspaceServices) -> tuple[Persona, ...]:
    """Whom a visitor of the demo may be here; nobody in production. Patients have pages of their own."""
    if services.production:
        return ()
    return tuple(one for one in services.identity.personas() if one.actor.kind is ActorKind.STAFF)


PURPOSES: Final = {
    Purpose.ADMINISTRATION: message("administration"),
    Purpose.QUALITY: message("quality"),
    Purpose.SUPERVISION: message("supervision"),
    Purpose.STATISTICS: message("statistics"),
}
"""Purposes that are shown beside an assignment; care goes without saying."""


def _form_token_agrees(request: Request, given: str) -> bool:
    expected = request.cookies.get(FORM_COOKIE, "")
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())


def _form(
    services: WorkspaceServices, request: Request, status: int = HTTPStatus.OK, problem: str = ""
) -> Response:
    """The sign-in page with a fresh token."""
    translator = translator_of(request, services.templates)
    token = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(24)
    values = shell_values(request, None, translator)
    values.update(
        csrf=token,
        layout="parts/layout.html",
        next=safe_path(request.query_params.get("next", "/")),
        personas=_staff(services),
        purposes={purpose: translator.gettext(text) for purpose, text in PURPOSES.items()},
        problem=translator.gettext(problem) if problem else "",
    )
    text = services.templates.render(translator.language, "pages/sign_in.html", values)
    response = respond(request, text, status, nonce=str(values["nonce"]))
    set_cookie(request, response, FORM_COOKIE, token)
    return response
