"""Changing assignment without signing in again: a new decision, under a new cookie, in the log."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

from starlette.responses import RedirectResponse, Response

from kontinuum.identity import Session
from kontinuum.kernel.i18n import message
from kontinuum.kernel.principal import ActorKind, Assignment, Persona, Principal
from kontinuum.web.workspace.events import CLIENT, Event, tell
from kontinuum.web.workspace.pages import SESSION_COOKIE, Page, read_cookie, safe_path, set_cookie
from kontinuum.web.workspace.services import DEMO, WorkspaceServices
from kontinuum.web.workspace.signin.assignments import Missing, person_by_id
from kontinuum.web.workspace.signin.shared import PURPOSES

_NOT_YOURS = message("You do not have this assignment any more. Choose another, or sign in again.")


async def show_assignments(page: Page) -> Response:
    """Answer GET `/assignment`: the assignments that the person has now."""
    return await _assignments_page(page, safe_path(page.request.query_params.get("next", "/")))


async def switch(page: Page) -> Response:
    """Answer POST `/assignment`: go on under another assignment, where the person was."""
    form = await page.request.form()
    wanted, target = str(form.get("assignment", "")), safe_path(str(form.get("next", "/")))
    assignment = await own_assignment(page, wanted)
    if assignment is None:
        before = page.session.principal.assignment.id
        await tell(
            page.services, Event.SWITCH, page.session, "not-own-assignment", outcome="refused", note=before
        )
        return await _assignments_page(page, target, HTTPStatus.UNPROCESSABLE_ENTITY)
    return await rebind(page, assignment, Event.SWITCH, target)


async def rebind(page: Page, assignment: Assignment, event: Event, target: str) -> Response:
    """Bind the session to an assignment under a new cookie, and go to a page."""
    session, services = page.session, page.services
    principal = Principal(session.principal.actor, assignment, CLIENT)
    cookie = await services.identity.sessions.rebind(read_cookie(page.request, SESSION_COOKIE), principal)
    if cookie is None:
        return RedirectResponse("/sign-in", status_code=303)
    before = f"from {session.principal.assignment.id}"
    await tell(services, event, session, session.proof.origin, principal=principal, note=before)
    response = RedirectResponse(target, status_code=303, headers={"clear-site-data": '"cache"'})
    set_cookie(page.request, response, SESSION_COOKIE, cookie)
    return response


async def own_assignment(page: Page, wanted: str) -> Assignment | None:
    """An assignment of the person's own that holds now."""
    persona = await own_persona(page)
    return next((one for one in persona.assignments if one.id == wanted), None) if persona else None


async def own_persona(page: Page) -> Persona | None:
    """The signed-in person with the assignments that hold now; None when there are none any more."""
    session: Session = page.session
    actor = session.principal.actor
    if session.proof.origin == DEMO:
        return await demo_persona(page.services, actor.id)
    party = page.services.application.sign_in.get(session.proof.origin)
    directory = party.provider.directory if party else ()
    persona = await person_by_id(page.services, actor.id, directory)
    return None if isinstance(persona, Missing) else persona


async def demo_persona(services: WorkspaceServices, actor: str) -> Persona | None:
    """A persona of the demo with the assignments that the record holds now, where it holds the person."""
    shown = services.identity.persona(actor)
    if shown is None or shown.actor.kind is not ActorKind.STAFF:
        return shown
    held = await person_by_id(services, actor, ())
    if held is Missing.UNKNOWN:
        return shown  # the cast without its region
    return None if isinstance(held, Missing) else replace(shown, assignments=_in_usual_order(shown, held))


def _in_usual_order(shown: Persona, held: Persona) -> tuple[Assignment, ...]:
    """The cast's own assignments first, as they stand in the picker."""
    usual = [one.id for one in shown.assignments]
    return tuple(
        sorted(held.assignments, key=lambda one: usual.index(one.id) if one.id in usual else len(usual))
    )


async def _assignments_page(page: Page, target: str, status: int = HTTPStatus.OK) -> Response:
    persona = await own_persona(page)
    values = {
        "choices": persona.assignments if persona else (),
        "current": page.session.principal.assignment.id,
        "next": target,
        "purposes": {purpose: page.translator.gettext(text) for purpose, text in PURPOSES.items()},
        "problem": page.translator.gettext(_NOT_YOURS) if status != HTTPStatus.OK else "",
    }
    return page.render("pages/assignment.html", values, status)
