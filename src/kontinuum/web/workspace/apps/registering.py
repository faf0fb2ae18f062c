"""The care provider's register of apps, kept by its administrators."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from kontinuum.access.scopes import UnknownScopeError, parse_scopes
from kontinuum.audit import entry
from kontinuum.identity.smart import App, Authentication
from kontinuum.identity.smart.apps import KINDS, read_jwks, service_of
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.i18n import message
from kontinuum.web.workspace.administration.shared import administrators, fields_of, provider_of
from kontinuum.web.workspace.apps.asking import NO_APP
from kontinuum.web.workspace.apps.authorizing import smart_of
from kontinuum.web.workspace.pages import Page

_NOT_KEYS: Final = message('The keys are a JWK set: {"keys": […]}.')
_NOT_A_KIND: Final = message("Choose how the app proves who it is.")
_FIELDS: Final = ("id", "name", "kind", "scopes", "redirect_uris", "launch_url", "jwks", "jwks_uri")


@administrators
async def show(page: Page) -> Response:
    """Answer GET `/admin/apps`."""
    return await _list(page)


@administrators
async def register(page: Page) -> Response:
    """Answer POST `/admin/apps`: a new app, whose secret is shown now and never again."""
    form = await fields_of(page)
    made = _read(page, form)
    if isinstance(made, str):
        return await _list(page, form, [made])
    secret, wrong = await smart_of(page).apps.add(made, page.session.principal.actor.id)
    if wrong:
        return await _list(page, form, wrong)
    await _log(page, "register-app", made.id, *made.scopes)
    return await _list(page, added=made, secret=secret)


@administrators
async def end(page: Page) -> Response:
    """Answer POST `/admin/apps/{app}/end`."""
    identity = page.request.path_params["app"]
    if not await smart_of(page).apps.end(identity, provider_of(page)):
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(NO_APP)])
    page.services.identity.forget()
    await _log(page, "end-app", identity)
    return page.redirect("/admin/apps")


async def _list(
    page: Page,
    given: Mapping[str, str] | None = None,
    problems: list[str] | None = None,
    added: App | None = None,
    secret: str | None = None,
) -> Response:
    values = {
        "apps": await smart_of(page).apps.all(provider_of(page)),
        "given": dict.fromkeys(_FIELDS, "") | dict(given or {}),
        "problems": problems or [],
        "added": added,
        "secret": secret,
    }
    return page.render(
        "apps/register.html", values, HTTPStatus.UNPROCESSABLE_ENTITY if problems else HTTPStatus.OK
    )


def _read(page: Page, form: Mapping[str, str]) -> App | str:
    """The app that a form describes, or what is wrong with the form."""
    if form.get("kind") not in KINDS:
        return page.translator.gettext(_NOT_A_KIND)
    try:
        scopes = parse_scopes(form.get("scopes", ""))
    except UnknownScopeError as unknown:
        return f"{unknown}."
    keys = read_jwks(form.get("jwks", ""))
    if keys is None:
        return page.translator.gettext(_NOT_KEYS)
    kind = form.get("kind", "")
    assignment = page.session.principal.assignment
    identity, name = form.get("id", ""), form.get("name", "")
    return App(
        id=identity,
        name=name,
        provider=assignment.provider,
        authentication=Authentication.KEY if kind == "service" else Authentication(kind),
        scopes=scopes,
        redirect_uris=tuple(form.get("redirect_uris", "").split()),
        launch_url=form.get("launch_url") or None,
        keys=keys,
        jwks_uri=form.get("jwks_uri") or None,
        service=service_of(identity, name, assignment) if kind == "service" else None,
    )


async def _log(page: Page, action: str, app: str, *more: str) -> None:
    now = to_micros(page.services.clock.now())
    about = entry(
        page.session.principal, now, action, "permitted", "administration", what=(f"app/{app}", *more)
    )
    await page.services.application.audit.durable(about)
