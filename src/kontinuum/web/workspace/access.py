"""The access strip of the chart: how the reader stands to the patient, and the steps that the law offers.

Each step is one form, sent to `/patient/{patient}/access/{step}`, and leads back to the chart. What is
decided, for how long and how it is logged stands in `record.law`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from kontinuum.access.circumstances import Level
from kontinuum.kernel.clock import from_micros, to_micros
from kontinuum.kernel.i18n import local, message, phrase
from kontinuum.kernel.module import Action, Route
from kontinuum.kernel.numbers import whole
from kontinuum.kernel.principal import ActorKind, Purpose
from kontinuum.kernel.provider_settings import BY_NAME, ProviderSettings, begins
from kontinuum.record import Access, Refusal, RefusalKind, Way, Withheld
from kontinuum.record.outcome import refuse
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.services import WorkspaceServices

CONSENT_LASTS: Final = (1, 30)
"""For how many days a consent may be noted from the chart, beside what the care provider proposes."""

LONGEST_CONSENT: Final = BY_NAME["consent_days"].high

_BASES: Final = {
    "booking": message("booking"),
    "visit": message("visit"),
    "admission": message("admission"),
    "referral": message("referral"),
    "listing": message("listed here"),
    "team": message("care team"),
    "documentation": message("documented by you"),
    "stated": message("stated by you"),
}


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What a unit (or a whole provider) has that is not shown, in words."""

    unit: str
    name: str
    provider: str
    entries: int | None
    blocks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Strip:
    """What the access strip shows."""

    related: bool
    unchecked: bool
    basis: str
    opened_until: str
    hides_something: bool
    choices: tuple[Elsewhere, ...]
    consents: tuple[Elsewhere, ...]
    lifts: tuple[Elsewhere, ...]
    holders: tuple[Elsewhere, ...]
    told: str
    objected: bool
    lasts: tuple[int, ...]
    settings: ProviderSettings

    @property
    def withholds(self) -> bool:
        """Whether something exists that this page does not show."""
        return bool(self.choices or self.consents or self.lifts or self.holders)


def concerns(page: Page) -> bool:
    """Whether the reader is staff in care, for whom there are steps to take."""
    principal = page.session.principal
    return principal.actor.kind is ActorKind.STAFF and principal.purpose is Purpose.CARE


async def strip_of(page: Page, access: Access) -> Strip:
    """The strip, with the names of the units."""
    services, translator = page.services, page.translator
    record = services.record(page.session.principal)
    hsa_ids = {hsa for held in access.withheld for hsa in (held.unit, held.provider)}
    await services.directory.learn(record, hsa_ids)
    known = access.circumstances
    settings = await settings_of(page)
    return Strip(
        related=access.related,
        unchecked=known.unchecked,
        basis=translator.gettext(_BASES.get(known.relation or "", "")) if known.relation else "",
        opened_until=opened_until(page, access),
        hides_something=access.hides_something,
        choices=_by(services, access, Way.CHOICE),
        consents=_by(services, access, Way.CONSENT),
        lifts=_by(services, access, Way.LIFT),
        holders=_by(services, access, Way.HOLDER),
        told=_told(page, access, settings),
        objected=_objected(page, access),
        lasts=tuple(sorted({*CONSENT_LASTS, settings.consent_days})),
        settings=settings,
    )


def _told(page: Page, access: Access, settings: ProviderSettings) -> str:
    """Since when the patient knows that the own provider offers its data to others; empty: not told yet."""
    now, generally = to_micros(page.services.clock.now()), begins(settings.informed_generally)
    days = [each for each in (access.circumstances.informed, generally) if each is not None and each <= now]
    return local(from_micros(min(days))).date().isoformat() if days else ""


def _objected(page: Page, access: Access) -> bool:
    """Whether an outer block covers all that the own provider has."""
    provider = page.session.principal.assignment.provider
    return any(
        block.level is Level.OUTER and block.provider == provider and not block.unit
        for block in access.circumstances.blocks
    )


async def settings_of(page: Page) -> ProviderSettings:
    """What the reader's care provider has decided."""
    provider = page.session.principal.assignment.provider
    return await page.services.application.provider_settings.of(provider)


_NO_PURPOSE: Final = message("This page is not part of the purpose of your assignment.")
_NO_RIGHT: Final = message(
    "Your assignment does not give the right to this. Whoever administers assignments at the care provider "
    "can give it."
)


def barred(page: Page, way: Route | Action) -> str:
    """Why the assignment does not lead there; empty when it does."""
    assignment = page.session.principal.assignment
    if assignment.purpose not in way.purposes:
        return _NO_PURPOSE
    return _NO_RIGHT if way.right and way.right not in assignment.rights else ""


async def take_step(page: Page) -> Response:
    """Answer a POST to `/patient/{patient}/access/{step}`."""
    step = _STEPS.get(page.request.path_params["step"])
    if step is None:
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext("There is no such page.")])
    patient = page.request.path_params["patient"]
    form = await page.request.form()
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    fields["units"] = " ".join(value for value in form.getlist("unit") if isinstance(value, str))
    fields["lift_days"] = str((await settings_of(page)).lift_days_max)
    now = to_micros(page.services.clock.now())
    result = await step(page.services.record(page.session.principal).law, patient, fields, now)
    if isinstance(result, Refusal):
        return page.refuse(result)
    return page.redirect(f"/patient/{patient}")


async def _relate(law: Any, patient: str, form: Mapping[str, str], now: int) -> Any:
    return await law.relate(patient, form.get("reason", ""))


async def _choose(law: Any, patient: str, form: Mapping[str, str], now: int) -> Any:
    return await law.choose(patient, form.get("units", "").split())


async def _consent(law: Any, patient: str, form: Mapping[str, str], now: int) -> Any:
    """Note the consent and choose the units: one step, as what was just allowed is read at once."""
    days = whole(form.get("lasts", ""))
    if not 0 < days <= LONGEST_CONSENT:
        return refuse(RefusalKind.BAD_REQUEST, "value", phrase("Say for how many days the consent holds."))
    unable = form.get("attitude", "") if form.get("how") == "unable" else None
    given = await law.consent(
        patient,
        now + _micros(timedelta(days=days)),
        only_my_unit=form.get("scope") == "unit",
        unable=unable,
    )
    return given if isinstance(given, Refusal) else await law.choose(patient, form.get("units", "").split())


async def _inform(law: Any, patient: str, form: Mapping[str, str], now: int) -> Any:
    return await law.inform(patient, form.get("how", ""), objects="objects" in form)


async def _open(law: Any, patient: str, form: Mapping[str, str], now: int) -> Any:
    return await law.open(patient, form.get("reason", ""))


async def _close(law: Any, patient: str, form: Mapping[str, str], now: int) -> Any:
    return await law.close(patient)


async def _lift(law: Any, patient: str, form: Mapping[str, str], now: int) -> Any:
    result: Any = None
    for block in form.get("blocks", "").split():
        if whole(block):
            result = await law.lift(
                patient,
                whole(block),
                ground=form.get("ground", ""),
                reason=form.get("reason", ""),
                until=now + _micros(timedelta(days=int(form["lift_days"]))),
                everyone=form.get("whom") == "unit",
            )
            if isinstance(result, Refusal):
                return result
    return result


_STEPS: Final[dict[str, Callable[[Any, str, Mapping[str, str], int], Awaitable[Any]]]] = {
    "relate": _relate,
    "choose": _choose,
    "consent": _consent,
    "inform": _inform,
    "open": _open,
    "close": _close,
    "lift": _lift,
}


def _by(services: WorkspaceServices, access: Access, way: Way) -> tuple[Elsewhere, ...]:
    return tuple(_elsewhere(services, held) for held in access.withheld if held.way is way)


def _elsewhere(services: WorkspaceServices, held: Withheld) -> Elsewhere:
    directory = services.directory
    return Elsewhere(
        held.unit, directory.unit(held.unit), directory.unit(held.provider), held.entries, held.blocks
    )


def opened_until(page: Page, access: Access | None) -> str:
    """When the reader's emergency opening ends; empty when there is none."""
    opened = access.circumstances.opened if access is not None else None
    return page.translator.moment(from_micros(opened)) if opened is not None else ""


def _micros(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1)
