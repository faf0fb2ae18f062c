"""What the pages of sign-in share: forms and cookies before there is a session, and beginning one."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from kontinuum.identity import Ending, Proof
from kontinuum.identity.oidc import Fault
from kontinuum.kernel.i18n import message
from kontinuum.kernel.principal import Actor, Assignment, Principal, Purpose
from kontinuum.web.workspace.events import CLIENT, Event, tell
from kontinuum.web.workspace.pages import (
    FORM_COOKIE,
    SESSION_COOKIE,
    read_cookie,
    respond,
    set_cookie,
    shell_values,
    translator_of,
)
from kontinuum.web.workspace.services import WorkspaceServices
from kontinuum.web.workspace.signin.assignments import Missing

Endpoint = Callable[[Request], Awaitable[Response]]

_log = structlog.get_logger(__name__)

PURPOSES: Final = {
    Purpose.ADMINISTRATION: message("administration"),
    Purpose.QUALITY: message("quality"),
    Purpose.SUPERVISION: message("supervision"),
    Purpose.STATISTICS: message("statistics"),
}
"""Purposes that are shown beside an assignment; care goes without saying."""

_UNTRUSTED: Final = message(
    "The answer of the sign-in service could not be trusted. Start again, and tell support if it remains."
)
REASONS: Final[Mapping[str, tuple[HTTPStatus, str]]] = {
    Fault.UNREACHABLE: (
        HTTPStatus.BAD_GATEWAY,
        message(
            "The sign-in service does not answer. Try again in a moment, and tell support if it remains."
        ),
    ),
    Fault.CANCELLED: (HTTPStatus.FORBIDDEN, message("The sign-in was cancelled at the sign-in service.")),
    Fault.STATE: (
        HTTPStatus.BAD_REQUEST,
        message("This sign-in was begun in another window, has been used, or is too old. Start again."),
    ),
    Fault.WEAK: (
        HTTPStatus.FORBIDDEN,
        message(
            "The way in which you proved who you are is not strong enough for patient data. "
            "Use a means of at least level 3, such as SITHS with card or phone."
        ),
    ),
    Fault.STALE: (
        HTTPStatus.FORBIDDEN,
        message(
            "The sign-in service did not ask again who you are. Start again, and identify yourself there."
        ),
    ),
    Missing.UNKNOWN: (
        HTTPStatus.FORBIDDEN,
        message(
            "You are identified, but nobody with your HSA-id or personal identity number is registered as "
            "staff here. Ask whoever is in charge of assignments at your unit."
        ),
    ),
    Missing.SEVERAL: (
        HTTPStatus.FORBIDDEN,
        message(
            "You are identified, but more than one member of staff is registered with your identity. "
            "Ask whoever is in charge of assignments at your unit to correct it."
        ),
    ),
    Missing.INACTIVE: (
        HTTPStatus.FORBIDDEN,
        message("You are identified, but you are registered as no longer working here."),
    ),
    Missing.NO_ASSIGNMENT: (
        HTTPStatus.FORBIDDEN,
        message(
            "You are identified, but you have no assignment that holds today, and without one nothing may be "
            "read. Ask whoever is in charge of assignments at your unit."
        ),
    ),
    "other-person": (
        HTTPStatus.FORBIDDEN,
        message(
            "Only the person who was signed in can unlock this screen. You can sign in as yourself instead."
        ),
    ),
}
"""What a person is told when a sign-in leads to no session, and with which status."""


def guarded(services: WorkspaceServices, endpoint: Endpoint) -> Endpoint:
    """An endpoint for those who are not signed in, whose faults become a page."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Exception:
            _log.exception("sign_in_failed", endpoint=endpoint.__qualname__)
            text = message(
                "Something went wrong here. It is logged; try again, and tell support if it remains."
            )
            return refusal_page(services, request, HTTPStatus.INTERNAL_SERVER_ERROR, text, "fault")

    return answer


async def fields(request: Request) -> dict[str, str]:
    """The texts of a form."""
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


def form_token_agrees(request: Request, given: str) -> bool:
    """Whether a form that was sent without a session came from our own page."""
    expected = read_cookie(request, FORM_COOKIE)
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())


def page_before_session(
    services: WorkspaceServices,
    request: Request,
    template: str,
    values: Mapping[str, object],
    status: int = HTTPStatus.OK,
) -> Response:
    """A page for someone without a session, whose forms carry a token from a cookie of their own."""
    translator = translator_of(request, services.templates)
    token = read_cookie(request, FORM_COOKIE) or secrets.token_urlsafe(24)
    shared = shell_values(request, None, translator)
    shared |= {"csrf": token, "layout": "parts/layout.html", "here": "/sign-in"}
    text = services.templates.render(translator.language, template, {**shared, **values})
    response = respond(request, text, status, nonce=str(shared["nonce"]))
    set_cookie(request, response, FORM_COOKIE, token)
    return response


def refusal_page(
    services: WorkspaceServices, request: Request, status: int, text: str, reason: str
) -> Response:
    """A page that says why somebody is not signed in, and what to do."""
    translated = translator_of(request, services.templates).gettext(text)
    values = {"reason": translated, "code": reason}
    return page_before_session(services, request, "pages/sign_in_refused.html", values, status)


def refused(services: WorkspaceServices, request: Request, reason: str) -> Response:
    """The page for one of `REASONS`; an answer that could not be trusted is told as just that."""
    status, text = REASONS.get(reason, (HTTPStatus.FORBIDDEN, _UNTRUSTED))
    return refusal_page(services, request, status, text, reason)


async def begin(
    services: WorkspaceServices,
    request: Request,
    actor: Actor,
    assignment: Assignment,
    proof: Proof,
    next_: str,
) -> Response:
    """Start a session under the chosen assignment, log it, and go on to a page.

    The cookie is always new: one that was planted in the browser beforehand is worth nothing.
    """
    sessions = services.identity.sessions
    before = await services.session(read_cookie(request, SESSION_COOKIE))
    agent = request.headers.get("user-agent", "")
    cookie, session = await sessions.start(Principal(actor, assignment, CLIENT), proof, agent)
    basis = f"{proof.origin}: {proof.acr}" if proof.acr else proof.origin
    await tell(services, Event.SIGN_IN, session, basis)
    own = before is not None and before.principal.actor.id == actor.id
    if before is not None and own and await sessions.end(before, Ending.REPLACED):
        await tell(services, Event.SIGN_OUT, before, Ending.REPLACED.value)
    response = RedirectResponse(next_, status_code=303, headers={"cache-control": "no-store"})
    set_cookie(request, response, SESSION_COOKIE, cookie)
    return response
