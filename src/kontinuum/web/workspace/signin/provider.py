"""Signing in by a provider: the question, the answer, the choice of assignment; and unlocking by one.

A question is bound to the browser that asked it by a cookie, and is answered once. What a provider says is
believed only after every check of `identity.oidc`; who the person is here is then read from the record.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from kontinuum.identity import Ending, Proof, Session
from kontinuum.identity.oidc import Asked, Authenticated, Fault, Refused
from kontinuum.identity.secret import hashed, new_secret
from kontinuum.kernel.principal import Persona
from kontinuum.web.workspace.events import Event, tell, tell_failure
from kontinuum.web.workspace.pages import (
    SESSION_COOKIE,
    STALE_FORM,
    delete_cookie,
    read_cookie,
    safe_path,
    set_cookie,
    translator_of,
)
from kontinuum.web.workspace.services import WorkspaceServices
from kontinuum.web.workspace.signin.assignments import Missing, person_by_id, person_of
from kontinuum.web.workspace.signin.shared import (
    PURPOSES,
    Endpoint,
    begin,
    fields,
    form_token_agrees,
    page_before_session,
    refusal_page,
    refused,
)

if TYPE_CHECKING:
    from kontinuum.identity.oidc.party import RelyingParty

ASKING_COOKIE: Final = "kontinuum_asking"
CHOICE_COOKIE: Final = "kontinuum_choice"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Question:
    """A question on its way: `browser` is the hash of the cookie, `unlock` the session it is to open."""

    asked: Asked
    browser: str
    next: str
    unlock: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """An authenticated person who has not chosen an assignment yet."""

    persona: Persona
    proof: Proof
    next: str


def ask(services: WorkspaceServices) -> Endpoint:
    """Answer GET `/sign-in/{provider}`: send the person to the provider.

    With `unlock` it is asked about the person whose locked session this browser has, and asked anew.
    """

    async def endpoint(request: Request) -> Response:
        party = services.application.sign_in.get(request.path_params["provider"])
        if party is None:
            return RedirectResponse("/sign-in", status_code=303)
        locked = None
        if "unlock" in request.query_params:
            locked = await services.session(read_cookie(request, SESSION_COOKIE))
            if locked is None or locked.proof.origin != party.provider.key:
                return RedirectResponse("/sign-in", status_code=303)
        asked = Asked(
            provider=party.provider.key,
            redirect_uri=_callback(services, party),
            asked=services.clock.now(),
            fresh=locked is not None,
        )
        browser = new_secret()
        target = safe_path(request.query_params.get("next", "/"))
        question = Question(asked, hashed(browser).hex(), target, locked.id if locked else None)
        state = await services.identity.steps.keep(question)
        place = await party.question(asked, state)
        if isinstance(place, Refused):
            return await _refuse(services, request, party, place)
        response = RedirectResponse(place, status_code=303, headers={"cache-control": "no-store"})
        set_cookie(request, response, ASKING_COOKIE, browser)
        return response

    return endpoint


def take_answer(services: WorkspaceServices) -> Endpoint:
    """Answer GET `/sign-in/{provider}/answer`, where the provider sends the person back to."""

    async def endpoint(request: Request) -> Response:
        party = services.application.sign_in.get(request.path_params["provider"])
        if party is None:
            return RedirectResponse("/sign-in", status_code=303)
        question = await services.identity.steps.take(request.query_params.get("state", ""), Question)
        browser = read_cookie(request, ASKING_COOKIE)
        if question is None:
            # Anybody can send this; an entry in the log for each would let anybody fill it.
            _log.warning("sign_in_refused", provider=party.provider.key, fault=Fault.STATE.value)
            response = refused(services, request, Fault.STATE)
        elif question.asked.provider != party.provider.key or question.browser != hashed(browser).hex():
            why = Refused(Fault.STATE, "the question was asked by another browser")
            response = await _refuse(services, request, party, why)
        else:
            who = await party.answer(question.asked, request.query_params)
            if isinstance(who, Refused):
                response = await _refuse(services, request, party, who)
            elif question.unlock is not None:
                response = await _unlock(services, request, question, who)
            else:
                response = await _come_in(services, request, party, question, who)
        delete_cookie(request, response, ASKING_COOKIE)
        return response

    return endpoint


async def _come_in(
    services: WorkspaceServices,
    request: Request,
    party: RelyingParty,
    question: Question,
    who: Authenticated,
) -> Response:
    """Begin a session under the only assignment, or let the person choose."""
    key = party.provider.key
    persona = await person_of(services, who, party.provider.directory)
    if isinstance(persona, Missing):
        _log.warning("sign_in_refused", provider=key, fault=persona.value)
        await tell_failure(services, persona.value, provider=key, actor=who.hsa_id or who.subject)
        return refused(services, request, persona)
    proof = _proof(key, who)
    if len(persona.assignments) == 1:
        return await begin(services, request, persona.actor, persona.assignments[0], proof, question.next)
    choice = await services.identity.steps.keep(Choice(persona, proof, question.next))
    response = RedirectResponse("/sign-in/assignment", status_code=303)
    set_cookie(request, response, CHOICE_COOKIE, choice)
    return response


async def _unlock(
    services: WorkspaceServices, request: Request, question: Question, who: Authenticated
) -> Response:
    """Open the locked session, if it is this browser's and this person's, and its assignment still holds."""
    session = await services.session(read_cookie(request, SESSION_COOKIE))
    if session is None or session.id != question.unlock:
        return refused(services, request, Fault.STATE)
    if (session.proof.issuer, session.proof.subject) != (who.issuer, who.subject):
        await tell(services, Event.UNLOCK, session, "other-person", outcome="refused")
        return refused(services, request, "other-person")
    party = services.application.sign_in[session.proof.origin]
    persona = await person_by_id(services, session.principal.actor.id, party.provider.directory)
    held = () if isinstance(persona, Missing) else persona.assignments
    if session.principal.assignment not in held:
        await services.identity.sessions.end(session, Ending.ASSIGNMENT)
        await tell(services, Event.SIGN_OUT, session, Ending.ASSIGNMENT.value)
        return RedirectResponse("/sign-in", status_code=303)
    return await open_again(services, request, session, question.next, _proof(session.proof.origin, who))


async def open_again(
    services: WorkspaceServices, request: Request, session: Session, next_: str, proof: Proof | None
) -> Response:
    """Unlock a session, log it, and go on; the cookie is a new one."""
    cookie = await services.identity.sessions.unlock(session.id, proof)
    if cookie is None:
        return RedirectResponse("/sign-in", status_code=303)
    origin = session.proof.origin
    await tell(services, Event.UNLOCK, session, f"{origin}: {proof.acr}" if proof else origin)
    response: Response = RedirectResponse(next_, status_code=303, headers={"cache-control": "no-store"})
    if "x-lock" in request.headers:
        response = Response(status_code=204, headers={"cache-control": "no-store"})
    set_cookie(request, response, SESSION_COOKIE, cookie)
    return response


def show_choice(services: WorkspaceServices) -> Endpoint:
    """Answer GET `/sign-in/assignment`: the assignments that an authenticated person has."""

    async def endpoint(request: Request) -> Response:
        choice = await services.identity.steps.look(read_cookie(request, CHOICE_COOKIE), Choice)
        if choice is None:
            return RedirectResponse("/sign-in", status_code=303)
        return _choice_page(services, request, choice)

    return endpoint


def choose(services: WorkspaceServices) -> Endpoint:
    """Answer POST `/sign-in/assignment`: begin the session under the chosen one."""

    async def endpoint(request: Request) -> Response:
        form = await fields(request)
        if not form_token_agrees(request, form.get("csrf", "")):
            return refusal_page(services, request, HTTPStatus.FORBIDDEN, STALE_FORM, "form")
        secret = read_cookie(request, CHOICE_COOKIE)
        choice = await services.identity.steps.look(secret, Choice)
        if choice is None:
            return refused(services, request, Fault.STATE)
        wanted = form.get("assignment", "")
        assignment = next((one for one in choice.persona.assignments if one.id == wanted), None)
        if assignment is None:
            return _choice_page(services, request, choice, HTTPStatus.UNPROCESSABLE_ENTITY)
        if await services.identity.steps.take(secret, Choice) is None:
            return refused(services, request, Fault.STATE)
        response = await begin(services, request, choice.persona.actor, assignment, choice.proof, choice.next)
        delete_cookie(request, response, CHOICE_COOKIE)
        return response

    return endpoint


def _choice_page(
    services: WorkspaceServices, request: Request, choice: Choice, status: int = HTTPStatus.OK
) -> Response:
    translator = translator_of(request, services.templates)
    purposes = {purpose: translator.gettext(text) for purpose, text in PURPOSES.items()}
    values = {"persona": choice.persona, "purposes": purposes}
    return page_before_session(services, request, "pages/choose_assignment.html", values, status)


async def _refuse(
    services: WorkspaceServices, request: Request, party: RelyingParty, why: Refused
) -> Response:
    """Log a sign-in that failed, for operators and in the log, and say so."""
    key = party.provider.key
    _log.warning("sign_in_refused", provider=key, fault=why.fault.value, detail=why.detail)
    await tell_failure(services, why.fault.value, provider=key)
    return refused(services, request, why.fault)


def _proof(key: str, who: Authenticated) -> Proof:
    return Proof(key, who.issuer, who.subject, who.sid, who.id_token, who.acr)


def _callback(services: WorkspaceServices, party: RelyingParty) -> str:
    return f"{services.public_url}/sign-in/{party.provider.key}/answer"
