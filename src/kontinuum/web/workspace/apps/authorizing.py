"""A person is asked whether an app may act on the person's behalf, and about whom.

A request in order is kept for ten minutes; the answer names it, so that what is permitted is what was shown.
Staff who opened an app from a chart have chosen it and the patient, and are not asked again.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from kontinuum.access.scopes import LAUNCH, parse_scope
from kontinuum.audit import entry
from kontinuum.identity.smart import App, Asked, Launch, Smart, Wrong
from kontinuum.identity.smart.apps import origins
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.principal import ActorKind
from kontinuum.record import Refusal
from kontinuum.web.smart import addresses
from kontinuum.web.workspace import matching
from kontinuum.web.workspace.apps.asking import (
    NO_ADDRESS,
    NO_APP,
    Told,
    answered,
    read_request,
    redirection,
    told,
)
from kontinuum.web.workspace.apps.context import contacts_of, persons_of
from kontinuum.web.workspace.apps.words import in_words
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.patient import read_person
from kontinuum.web.workspace.patients import Found, find_patients

_TOO_OLD: Final = message("The question is too old, or was answered already. Open the app again.")
NO_CONTACT: Final = message("There is no such contact of this patient.")
_NOT_HERE: Final = message("The app is not registered at your care provider, so it cannot be used here.")


def smart_of(page: Page) -> Smart:
    """Apps and permissions."""
    return page.services.application.smart


def origin_of(page: Page) -> str:
    """The address of this installation."""
    url = page.request.url
    return addresses.origin_of(page.services.public_url or None, url.scheme, url.netloc)


async def ask(page: Page) -> Response:
    """Answer GET `/oauth/authorize`."""
    given = page.request.query_params.multi_items()
    names = [value for name, value in given if name == "client_id"]
    app = await smart_of(page).apps.find(names[0]) if len(names) == 1 else None
    if app is None or app.service is not None:
        return page.problem(HTTPStatus.BAD_REQUEST, [page.translator.gettext(NO_APP)])
    redirect_uri = redirection(app, given)
    if redirect_uri is None:
        return page.problem(HTTPStatus.BAD_REQUEST, [page.translator.gettext(NO_ADDRESS)])
    principal = page.session.principal
    if principal.actor.kind is not ActorKind.PATIENT and app.provider != principal.assignment.provider:
        return page.problem(HTTPStatus.FORBIDDEN, [page.translator.gettext(_NOT_HERE)])
    asked = read_request(app, given, redirect_uri, origin_of(page), page.session.id)
    if isinstance(asked, Asked):
        asked = await _in_context(page, asked, page.request.query_params.get("launch"))
    if isinstance(asked, Told):
        return page.redirect(told(asked))
    if asked.launched and not _needs_contact(asked):
        return await _permit(page, asked)
    return await _question(page, app, asked)


async def answer(page: Page) -> Response:
    """Answer POST `/oauth/authorize`: permit or not, or look for the patient whom it is about."""
    form = {name: str(value) for name, value in (await page.request.form()).items()}
    steps, step = page.services.identity.steps, form.get("step", "")
    asked = await steps.look(step, Asked)
    app = None if asked is None else await smart_of(page).apps.find(asked.app)
    if asked is None or app is None or asked.session != page.session.id:
        return _too_old(page)
    if "find" in form and page.session.principal.actor.kind is not ActorKind.PATIENT:
        found = await find_patients(page, form.get("q", "")[: matching.LONGEST].strip())
        return await _question(page, app, asked, step, form.get("q", ""), found)
    if asked.patient is None and form.get("patient"):
        patient = form["patient"]
        read = await page.services.record(page.session.principal).read("Patient", patient)
        if isinstance(read, Refusal):
            return page.refuse(read)
        return await _question(page, app, replace(asked, patient=patient))
    if _needs_contact(asked) and asked.patient is not None and form.get("encounter"):
        wanted = form["encounter"]
        if wanted not in {each.id for each in await contacts_of(page, asked.patient, wanted)}:
            return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(NO_CONTACT)])
        asked = replace(asked, encounter=wanted)
        if asked.launched:
            return await _permit(page, asked) if await steps.take(step, Asked) else _too_old(page)
        return await _question(page, app, asked)
    lacking = (_needs_patient(asked) and asked.patient is None) or _needs_contact(asked)
    if form.get("answer") != "permit" or lacking:
        if form.get("answer") == "permit":
            return await _question(page, app, asked, step)
        await steps.take(step, Asked)
        refused = Wrong("access_denied", "The person did not permit it.")
        return page.redirect(told(Told(asked.redirect_uri, asked.state, refused)))
    if await steps.take(step, Asked) is None:
        return _too_old(page)
    return await _permit(page, asked)


def _too_old(page: Page) -> Response:
    return page.problem(HTTPStatus.BAD_REQUEST, [page.translator.gettext(_TOO_OLD)])


async def _in_context(page: Page, asked: Asked, launch: str | None) -> Asked | Told:
    """The request with its patient: that of the launch, the person's own, or none yet."""
    if (launch is not None) is not ("launch" in asked.scopes):
        text = "The scope launch and the parameter launch go together."
        return Told(asked.redirect_uri, asked.state, Wrong("invalid_request", text))
    if launch is not None:
        known = await page.services.identity.steps.take(launch, Launch)
        if known is None or known.session != page.session.id or known.app != asked.app:
            text = "launch is not valid here, or no longer: open the app from the chart again."
            return Told(asked.redirect_uri, asked.state, Wrong("invalid_request", text))
        return replace(asked, patient=known.patient, encounter=known.encounter, launched=True)
    actor = page.session.principal.actor
    if actor.kind is not ActorKind.PATIENT:
        return asked
    alone = (
        not _needs_patient(asked) or not await page.services.record(page.session.principal).law.represented()
    )
    return replace(asked, patient=actor.id) if alone else asked


def _needs_patient(asked: Asked) -> bool:
    """Whether the app's scopes are about one patient, who must be chosen."""
    about = [parse_scope(each).level for each in asked.scopes if each not in LAUNCH]
    return not {"launch/patient", "launch/encounter"}.isdisjoint(asked.scopes) or "patient" in about


def _needs_contact(asked: Asked) -> bool:
    return "launch/encounter" in asked.scopes and asked.encounter is None


async def _question(
    page: Page, app: App, asked: Asked, step: str = "", q: str = "", found: Found | None = None
) -> Response:
    """The page on which the person decides."""
    person = await _person(page, asked)
    if isinstance(person, Response):
        return person
    choosing = _needs_patient(asked) and asked.patient is None
    contacts = None
    if asked.patient is not None and "launch/encounter" in asked.scopes:
        contacts = await contacts_of(page, asked.patient, asked.encounter or "")
    step = step or await page.services.identity.steps.keep(asked)
    await page.services.directory.learn(page.services.record(page.session.principal), {app.provider})
    until = smart_of(page).grants.until(asked.scopes)
    values = {
        "app": app,
        "by": page.services.directory.unit(app.provider),
        "sentences": in_words(asked.scopes, page.translator),
        "until": local(until),
        "lasting": "offline_access" in asked.scopes,
        "while_here": "online_access" in asked.scopes,
        "step": step,
        "person": person,
        "choosing": choosing,
        "persons": await persons_of(page) if choosing else [],
        "contacts": contacts,
        "contact": next((each for each in contacts or () if each.id == asked.encounter), None),
        "q": q,
        "found": found,
    }
    return page.render("apps/authorize.html", values, form_targets=origins([asked.redirect_uri]))


async def _person(page: Page, asked: Asked) -> Any:
    """Whom it is about unless oneself, as the page names the person; a page that says why it is not shown."""
    if asked.patient in (None, page.session.principal.actor.id):
        return None
    read = await page.services.record(page.session.principal).read("Patient", asked.patient)
    if isinstance(read, Refusal):
        return page.refuse(read)
    today = local(page.services.clock.now()).date()
    return read_person(read.body, today, page.translator, page.services.directory)


async def _permit(page: Page, asked: Asked) -> Response:
    """Keep the permission, log it, and give the app its code."""
    principal = page.session.principal
    patients = () if asked.patient is None else (asked.patient,)
    about = entry(
        principal,
        to_micros(page.services.clock.now()),
        "permit-app",
        "permitted",
        "launch" if asked.launched else "own-decision",
        patients=patients,
        what=(
            f"app/{asked.app}",
            *([f"Encounter/{asked.encounter}"] if asked.encounter else []),
            *asked.scopes,
        ),
    )
    await page.services.application.audit.durable(about)
    code, _ = await smart_of(page).grants.permit(principal, asked)
    return page.redirect(answered(asked.redirect_uri, code=code, state=asked.state))
