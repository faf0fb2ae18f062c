"""The sign-in page: the installation's sign-in services, and in a demo its personas.

In production there are no personas. Before there is a session, a form's token stands in a cookie of its own.
"""

from __future__ import annotations

import hmac
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from kontinuum.identity import Ending, Proof
from kontinuum.kernel.i18n import LANGUAGES, message
from kontinuum.kernel.principal import ActorKind, Persona
from kontinuum.web.workspace.pages import (
    LANGUAGE_COOKIE,
    SESSION_COOKIE,
    STALE_FORM,
    locked_path,
    read_cookie,
    safe_path,
    set_cookie,
    translator_of,
)
from kontinuum.web.workspace.services import DEMO, WorkspaceServices
from kontinuum.web.workspace.signin.shared import (
    PURPOSES,
    Endpoint,
    begin,
    fields,
    form_token_agrees,
    page_before_session,
)
from kontinuum.web.workspace.signin.switching import demo_persona

_ENDINGS: Final = {
    Ending.MOVED: message("You continued at another workstation, so you are signed out here."),
    Ending.ELSEWHERE: message("You ended this session from another workstation."),
    Ending.EVERYWHERE: message("You signed out everywhere."),
    Ending.PROVIDER: message("You signed out at the sign-in service, and so here as well."),
    Ending.ASSIGNMENT: message(
        "The assignment that you were signed in under does not hold any more. Sign in again."
    ),
    Ending.EXPIRED: message("Your session has ended. What you were writing is kept."),
}
"""What a person finds who comes back to a workstation; nothing is said to one who signed out there."""


def show_sign_in(services: WorkspaceServices) -> Endpoint:
    """Answer GET `/sign-in`."""

    async def endpoint(request: Request) -> Response:
        target = safe_path(request.query_params.get("next", "/"))
        cookie = read_cookie(request, SESSION_COOKIE)
        session = await services.session(cookie)
        if session is not None and not session.locked:
            return RedirectResponse(target, status_code=303)
        if session is not None and "other" not in request.query_params:
            return RedirectResponse(locked_path(target), status_code=303)
        ending = await services.identity.sessions.ending(cookie) if cookie and session is None else None
        return _form(services, request, notice=_ENDINGS.get(ending, "") if ending else "")

    return endpoint


def sign_in(services: WorkspaceServices) -> Endpoint:
    """Answer POST `/sign-in`: start a session of a persona under the chosen assignment."""

    async def endpoint(request: Request) -> Response:
        form = await fields(request)
        if not form_token_agrees(request, form.get("csrf", "")):
            return _form(services, request, HTTPStatus.FORBIDDEN, STALE_FORM)
        actor = form.get("actor", "")
        persona = next((one for one in _personas(services) if one.actor.id == actor), None)
        if persona is None:
            return _form(services, request, HTTPStatus.FORBIDDEN)
        wanted = form.get("assignment", "")
        held = await demo_persona(services, actor)
        assignment = next((one for one in held.assignments if one.id == wanted), None) if held else None
        if assignment is None:
            ended = any(one.id == wanted for one in persona.assignments)
            status = HTTPStatus.UNPROCESSABLE_ENTITY
            return _form(services, request, status, _ENDINGS[Ending.ASSIGNMENT] if ended else "")
        target = safe_path(form.get("next", "/"))
        return await begin(services, request, persona.actor, assignment, Proof(DEMO), target)

    return endpoint


def choose_language(services: WorkspaceServices) -> Endpoint:
    """Answer POST `/language`: keep the choice and go back to where the person was."""

    async def endpoint(request: Request) -> Response:
        form = await fields(request)
        session = await services.session(read_cookie(request, SESSION_COOKIE))
        given = form.get("csrf", "")
        agrees = form_token_agrees(request, given) or (
            session is not None and hmac.compare_digest(given.encode(), session.csrf.encode())
        )
        response = RedirectResponse(safe_path(form.get("next", "/")), status_code=303)
        if agrees and form.get("language") in LANGUAGES:
            set_cookie(request, response, LANGUAGE_COOKIE, form["language"], lasting=True)
        return response

    return endpoint


def _personas(services: WorkspaceServices, *kinds: ActorKind) -> tuple[Persona, ...]:
    """Whom a visitor of the demo may be here, of some kinds or of all; nobody in production."""
    if services.production:
        return ()
    return tuple(one for one in services.identity.personas() if not kinds or one.actor.kind in kinds)


def _form(
    services: WorkspaceServices,
    request: Request,
    status: int = HTTPStatus.OK,
    problem: str = "",
    notice: str = "",
) -> Response:
    """The sign-in page with a token."""
    translator = translator_of(request, services.templates)
    values = {
        "next": safe_path(request.query_params.get("next", "/")),
        "providers": [party.provider for party in services.application.sign_in.values()],
        "personas": _personas(services, ActorKind.STAFF),
        "patients": _personas(services, ActorKind.PATIENT),
        "purposes": {purpose: translator.gettext(text) for purpose, text in PURPOSES.items()},
        "problem": translator.gettext(problem) if problem else "",
        "notice": translator.gettext(notice) if notice else "",
    }
    return page_before_session(services, request, "pages/sign_in.html", values, status)
