"""Opening an app from a patient's chart, at a contact or none: SMART's EHR launch.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-ehr-launch
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from kontinuum.identity.smart import App, Launch
from kontinuum.identity.smart.apps import origins
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.principal import ActorKind
from kontinuum.record import Refusal
from kontinuum.web.smart import addresses
from kontinuum.web.workspace.apps.asking import NO_APP, answered
from kontinuum.web.workspace.apps.authorizing import NO_CONTACT, origin_of, smart_of
from kontinuum.web.workspace.apps.context import contacts_of
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.patient import Person, read_person
from kontinuum.web.workspace.persons.merged import with_links
from kontinuum.web.workspace.persons.shared import reader_of

_FOR_STAFF: Final = message("Apps are opened from the chart by staff. Your own apps are under My apps.")


async def show(page: Page) -> Response:
    """Answer GET `/patient/{patient}/apps`: the care provider's apps that can be opened here."""
    person = await _patient(page)
    if isinstance(person, Response):
        return person
    apps = await _apps(page)
    reader = reader_of(page, page.request.path_params["patient"])
    await reader.find_many(())
    named = page.request.query_params.get("encounter", "")
    values = {
        "patient": await with_links(page, person),
        "apps": apps,
        "contacts": await contacts_of(page, person.id, named) if apps else [],
        "named": named,
        "warnings": reader.banner_notes(),
    }
    targets = origins([app.launch_url for app in apps if app.launch_url])
    return page.render("apps/launch.html", values, form_targets=targets)


async def launch(page: Page) -> Response:
    """Answer POST `/patient/{patient}/apps`: open one, for this session and this patient."""
    person = await _patient(page)
    if isinstance(person, Response):
        return person
    form = await page.request.form()
    app = next((each for each in await _apps(page) if each.id == str(form.get("app", ""))), None)
    if app is None or app.launch_url is None:
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(NO_APP)])
    patient, encounter = page.request.path_params["patient"], str(form.get("encounter", ""))
    if encounter and encounter not in {each.id for each in await contacts_of(page, patient, encounter)}:
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(NO_CONTACT)])
    step = Launch(page.session.id, app.id, patient, encounter or None)
    token = await page.services.identity.steps.keep(step)
    return page.redirect(answered(app.launch_url, iss=origin_of(page) + addresses.FHIR, launch=token))


async def _apps(page: Page) -> list[App]:
    found = await smart_of(page).apps.all(page.session.principal.assignment.provider)
    return [app for app in found if app.launch_url is not None]


async def _patient(page: Page) -> Person | Response:
    if page.session.principal.actor.kind is ActorKind.PATIENT:
        return page.problem(HTTPStatus.FORBIDDEN, [page.translator.gettext(_FOR_STAFF)])
    record = page.services.record(page.session.principal)
    read = await record.read("Patient", page.request.path_params["patient"])
    if isinstance(read, Refusal):
        return page.refuse(read)
    today = local(page.services.clock.now()).date()
    return read_person(read.body, today, page.translator, page.services.directory)
