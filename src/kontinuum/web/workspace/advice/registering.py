"""The care provider's register of decision support services, kept by its administrators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from kontinuum.access.scopes import LAUNCH, UnknownScopeError, parse_scopes
from kontinuum.audit import entry
from kontinuum.identity.hooks import CdsService, CdsServices, Terms
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.i18n import message
from kontinuum.web.workspace.administration.shared import administrators, fields_of, provider_of
from kontinuum.web.workspace.pages import Page

_FIELDS: Final = ("base", "units", "scopes", "token")
_GONE: Final = message("There is no such service here, or it has been removed.")
_ACTS: Final = {"on": "ask-service-on", "off": "ask-service-off", "end": "end-service"}


@administrators
async def show(page: Page) -> Response:
    """Answer GET `/admin/services`."""
    return await _list(page)


@administrators
async def register(page: Page) -> Response:
    """Answer POST `/admin/services`: what an address offers is registered, and not asked yet."""
    form = await fields_of(page)
    try:
        scopes = tuple(each for each in parse_scopes(form.get("scopes", "")) if each not in LAUNCH)
    except UnknownScopeError as unknown:
        return await _list(page, form, [f"{unknown}."])
    terms = Terms(provider_of(page), tuple(form.get("units", "").split()), scopes, bool(form.get("token")))
    added, wrong = await _register_of(page).add(form.get("base", ""), terms, page.session.principal.actor.id)
    for each in added:
        await _log(page, "register-service", each.id, each.address, *each.scopes)
    return await _list(page, form if wrong else None, wrong, added)


@administrators
async def change(page: Page) -> Response:
    """Answer POST `/admin/services/{service}`: ask it, do not ask it, or end it."""
    identity, act = page.request.path_params["service"], (await fields_of(page)).get("act", "")
    services, provider = _register_of(page), provider_of(page)
    if act in ("on", "off"):
        done = await services.switch(identity, act == "on", provider)
    else:
        done = act == "end" and await services.end(identity, provider)
    if not done:
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(_GONE)])
    await _log(page, _ACTS[act], identity)
    return page.redirect("/admin/services")


def _register_of(page: Page) -> CdsServices:
    return page.services.application.advice.services


async def _list(
    page: Page,
    given: Mapping[str, str] | None = None,
    problems: Sequence[str] = (),
    added: Sequence[CdsService] = (),
) -> Response:
    found = await _register_of(page).all(provider_of(page))
    directory = page.services.directory
    units = {unit for each in found for unit in each.units}
    await directory.learn(page.services.record(page.session.principal), units)
    values = {
        "services": found,
        "names": {unit: directory.unit(unit) for unit in units},
        "given": dict.fromkeys(_FIELDS, "") | dict(given or {}),
        "problems": problems,
        "added": added,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problems else HTTPStatus.OK
    return page.render("advice/register.html", values, status)


async def _log(page: Page, action: str, service: str, *more: str) -> None:
    now = to_micros(page.services.clock.now())
    what = (f"service/{service}", *more)
    made = entry(page.session.principal, now, action, "permitted", "administration", what=what)
    await page.services.application.audit.durable(made)
