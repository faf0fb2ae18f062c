"""Signing out: here, at the provider, and by the provider's word."""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from kontinuum.identity import Ending
from kontinuum.identity.oidc import Refused
from kontinuum.web.workspace.events import Event, tell
from kontinuum.web.workspace.pages import SESSION_COOKIE, Page, delete_cookie
from kontinuum.web.workspace.services import WorkspaceServices
from kontinuum.web.workspace.signin.shared import Endpoint, fields, page_before_session

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Leaving:
    """Where a person goes who signs out at the provider as well."""

    place: str


async def sign_out(page: Page) -> Response:
    """Answer POST `/sign-out`: end the session here and now, then at the provider where it offers that."""
    if await page.services.identity.sessions.end(page.session, Ending.SIGNED_OUT):
        await tell(page.services, Event.SIGN_OUT, page.session, "by-hand")
    return await leave(page)


async def leave(page: Page) -> Response:
    """Away from a session that has been ended: to the provider's sign-out, else to the sign-in page."""
    services, proof = page.services, page.session.proof
    party = services.application.sign_in.get(proof.origin)
    place = await party.leaving(proof.id_token, f"{services.public_url}/sign-in") if party else None
    target = "/sign-in"
    if place is not None:
        # A form may lead to our own pages only, so the way out leads over one of them.
        target = f"/signed-out?leave={await services.identity.steps.keep(Leaving(place))}"
    response = RedirectResponse(target, status_code=303, headers={"clear-site-data": '"cache"'})
    delete_cookie(page.request, response, SESSION_COOKIE)
    return response


def show_signed_out(services: WorkspaceServices) -> Endpoint:
    """Answer GET `/signed-out`: signed out here, and on to the provider."""

    async def endpoint(request: Request) -> Response:
        step = await services.identity.steps.take(request.query_params.get("leave", ""), Leaving)
        if step is None:
            return RedirectResponse("/sign-in", status_code=303)
        return page_before_session(services, request, "pages/signed_out.html", {"place": step.place})

    return endpoint


def back_channel(services: WorkspaceServices) -> Endpoint:
    """Answer POST `/sign-in/{provider}/back-channel`: the provider says that a session there has ended.

    OpenID Connect Back-Channel Logout 1.0. The token's signature is the proof, not a cookie or a
    form. A token is taken once.
    """

    async def endpoint(request: Request) -> Response:
        party = services.application.sign_in.get(request.path_params["provider"])
        token = (await fields(request)).get("logout_token", "")
        if party is None or not token:
            return _answer(400, "invalid_request")
        said = await party.logged_out(token)
        if isinstance(said, Refused):
            key = party.provider.key
            _log.warning("logout_refused", provider=key, fault=said.fault.value, detail=said.detail)
            return _answer(400, "invalid_request")
        if not await services.identity.steps.is_first(said.token_id):
            return _answer(400, "invalid_request")
        sessions = services.identity.sessions
        for session in await sessions.end_at_provider(said.issuer, said.subject, said.sid):
            await tell(services, Event.SIGN_OUT, session, "by-provider")
        return _answer(200)

    return endpoint


def _answer(status: int, error: str = "") -> Response:
    return JSONResponse({"error": error} if error else {}, status, headers={"cache-control": "no-store"})
