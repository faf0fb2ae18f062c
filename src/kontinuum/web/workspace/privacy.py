"""The patient's own page of blocks, consents and proxies (rule 29 of docs/law/).

Whatever is done here is done to the record of the one who is signed in: no form names a patient, so that a
guardian cannot block a child's record (rule 12). `record.law` decides, logs and carries out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from kontinuum.access.circumstances import Level
from kontinuum.access.consents import BlockRow, ConsentRow, ProxyRow, Understood, read_consent
from kontinuum.access.vocabulary import INFORMATION_TYPES, KEPT_IN_BLOCK
from kontinuum.fhir import json
from kontinuum.fhir.search.query import MICROS_MAX, MICROS_MIN
from kontinuum.kernel.clock import from_micros, to_micros
from kontinuum.kernel.i18n import SWEDEN, local, message
from kontinuum.kernel.principal import Actor, ActorKind, Assignment, Principal, Purpose
from kontinuum.record import Refusal
from kontinuum.sweden import identifiers
from kontinuum.web.workspace.own_data import show_own_data
from kontinuum.web.workspace.own_record import for_patients, standing_of
from kontinuum.web.workspace.pages import Page, signed_in
from kontinuum.web.workspace.services import WorkspaceServices

_SYSTEM: Final = Principal(
    Actor(ActorKind.SYSTEM, "kontinuum:proxies", "Kontinuum, proxies"),
    Assignment("system:proxies", "Proxies", "", "", "", "", Purpose.SYSTEM),
    "kontinuum proxies",
)
"""Under which a proxy is found by number: a patient searches nobody else's identity."""

_AT_MOST: Final = 500
_TOLD_BY: Final = ("Encounter", "Composition", "Observation", "MedicationRequest", "Condition")

_GROUPS: Final = {
    "medication": message("medication"),
    "alerts": message("allergies and alerts"),
    "laboratory": message("laboratory results and measurements"),
    "diagnoses": message("diagnoses"),
    "notes": message("notes"),
    "contacts": message("visits and bookings"),
    "vaccinations": message("vaccinations"),
}
assert set(_GROUPS) == set(INFORMATION_TYPES)

_CHOOSE_UNIT: Final = message("Choose what is to be blocked.")
_NOT_DAYS: Final = message("Write the days as YYYY-MM-DD, the first not after the last.")
_NOT_A_PERSON: Final = message(
    "The number is not that of anybody whom you can appoint here. Write the twelve digits of another person."
)
_NOT_AN_END: Final = message("Choose a last day that is still to come.")


_BLANK: Final = dict.fromkeys(("where", "start", "end", "groups", "number", "until"), "")


@dataclass(frozen=True, slots=True)
class InForce:
    """A block, consent or appointment in force, in words; `name` is its Consent.

    `objects` is the care provider all of whose data a block hides from the others.
    """

    name: str
    title: str
    detail: str
    period: str
    objects: str = ""


async def show(
    page: Page, problem: str = "", given: Mapping[str, str] | None = None, about: str = ""
) -> Response:
    """Answer GET `/my-privacy`."""
    standing = await standing_of(page)
    if not standing.decides:
        status = HTTPStatus.FORBIDDEN if problem else HTTPStatus.OK
        return page.render("pages/privacy.html", {"standing": standing}, status)
    places = await _places(page)
    blocks, consents, proxies = await _in_force(page)
    objected = {each.objects for each in blocks}
    gettext = page.translator.gettext
    name = page.services.directory.unit
    values = {
        "standing": standing,
        "units": [(f"inner {unit} {provider}", name(unit), name(provider)) for unit, provider in places],
        "providers": [(f"outer {each} {each}", name(each)) for each in sorted({p for _, p in places})],
        "offering": [(each, name(each)) for each in sorted({p for _, p in places} - objected)],
        "kept": [(group, gettext(_GROUPS[group])) for group in KEPT_IN_BLOCK],
        "groups": [(group, gettext(words)) for group, words in _GROUPS.items()],
        "blocks": blocks,
        "consents": consents,
        "proxies": proxies,
        "problem": gettext(problem) if problem else "",
        "about": about,
        "given": {**_BLANK, **(given or {})},
        "tomorrow": (local(page.services.clock.now()).date() + timedelta(days=1)).isoformat(),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    return page.render("pages/privacy.html", values, status)


async def act(page: Page) -> Response:
    """Answer POST `/my-privacy/{act}`."""
    carry_out = _ACTS.get(page.request.path_params["act"])
    if carry_out is None:
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext("There is no such page.")])
    sent = await page.request.form()
    form = {key: value.strip() for key, value in sent.items() if isinstance(value, str)}
    form["groups"] = " ".join(value for value in sent.getlist("group") if isinstance(value, str))
    result = await carry_out(page, form)
    if isinstance(result, str):
        return await show(page, result, form, page.request.path_params["act"])
    return page.refuse(result) if isinstance(result, Refusal) else page.redirect("/my-privacy")


async def _block(page: Page, form: Mapping[str, str]) -> Any:
    level, _, rest = form.get("where", "").partition(" ")
    unit, _, provider = rest.partition(" ")
    places = await _places(page)
    known = places if level == Level.INNER else {(each, each) for _, each in places}
    if level not in tuple(Level) or (unit, provider) not in known:
        return _CHOOSE_UNIT
    start, end = form.get("start", ""), form.get("end", "")
    days = [_day(text) for text in (start, end) if text]
    if None in days or (start and end and start > end):
        return _NOT_DAYS
    return await _law(page).block(
        page.session.principal.actor.id,
        Level(level),
        unit,
        provider,
        start=start or None,
        end=end or None,
        kept=form["groups"].split(),
    )


async def _object(page: Page, form: Mapping[str, str]) -> Any:
    """Rule 13: an objection to being read by other providers is an outer block at once."""
    provider = form.get("provider", "")
    if provider not in {each for _, each in await _places(page)}:
        return _CHOOSE_UNIT
    return await _law(page).block(page.session.principal.actor.id, Level.OUTER, provider, provider)


async def _annul(page: Page, form: Mapping[str, str]) -> Any:
    return await _law(page).annul(page.session.principal.actor.id, form.get("consent", ""))


async def _appoint(page: Page, form: Mapping[str, str]) -> Any:
    principal = page.session.principal
    last = _day(form.get("until", ""))
    today = local(page.services.clock.now()).date()
    if last is None or last <= today:
        return _NOT_AN_END
    person = await _person_with(page, form.get("number", ""))
    if person is None or person == principal.actor.id:
        return _NOT_A_PERSON
    until = to_micros(datetime.combine(last, time(23, 59, 59), tzinfo=SWEDEN))
    providers = sorted({provider for _, provider in await _places(page)})
    provider = principal.assignment.provider or next(iter(providers), "")
    return await _law(page).appoint(
        principal.actor.id, person, until, groups=form["groups"].split(), provider=provider
    )


_ACTS: Final[dict[str, Callable[[Page, Mapping[str, str]], Awaitable[Any]]]] = {
    "block": _block,
    "object": _object,
    "annul": _annul,
    "appoint": _appoint,
}


def routes(services: WorkspaceServices) -> list[BaseRoute]:
    """The routes of the page."""
    return [
        Route("/my-privacy", signed_in(services, for_patients(show)), methods=["GET"]),
        Route("/my-privacy/{act}", signed_in(services, for_patients(act)), methods=["POST"]),
        Route("/my-data", signed_in(services, show_own_data), methods=["GET"]),
    ]


def _law(page: Page) -> Any:
    return page.services.record(page.session.principal).law


async def _places(page: Page) -> list[tuple[str, str]]:
    """The units (with provider) that have documented anything about the patient; their names are learnt."""
    principal = page.session.principal
    record = page.services.record(principal)
    urls = [f"{name}?patient={principal.actor.id}&_count={_AT_MOST}" for name in _TOLD_BY]
    found = {(one.unit, one.provider) for answer in await record.find_many(urls) for one in answer.matches}
    await page.services.directory.learn(record, {hsa for pair in found for hsa in pair})
    return sorted(pair for pair in found if all(pair))


async def _in_force(page: Page) -> tuple[list[InForce], list[InForce], list[InForce]]:
    """The patient's blocks, consents and appointments, with effect now or later."""
    principal = page.session.principal
    record = page.services.record(principal)
    found = await record.find(f"Consent?patient={principal.actor.id}&status=active&_count={_AT_MOST}")
    if isinstance(found, Refusal):
        return [], [], []
    now = to_micros(page.services.clock.now())
    said = [(one, read_consent(json.loads(one.body))) for one in found.matches if one.body]
    understood = [(one, each.rows) for one, each in said if isinstance(each, Understood)]
    proxies = [(one, row) for one, rows in understood for row in rows.proxies if row.high > now]
    names = await _names(page, {row.person for _, row in proxies})
    units = {row.unit for _, rows in understood for row in rows.blocks}
    units |= {row.unit for _, rows in understood for row in rows.consents}
    await page.services.directory.learn(record, {*units, *(one.provider for one, _ in understood)})
    return (
        [_shown_block(page, one, row) for one, rows in understood for row in rows.blocks],
        [
            _shown_consent(page, one, row)
            for one, rows in understood
            for row in rows.consents
            if row.high > now
        ],
        [_shown_proxy(page, one.reference, row, names) for one, row in proxies],
    )


def _shown_block(page: Page, one: Any, row: BlockRow) -> InForce:
    gettext = page.translator.gettext
    against = "Hidden from other units" if row.level is Level.INNER else "Hidden from other care providers"
    kept = [gettext(_GROUPS[group]) for group in KEPT_IN_BLOCK if INFORMATION_TYPES[group] <= row.kept]
    detail = gettext(message("Still shown:")) + " " + ", ".join(kept) if kept else ""
    title = f"{page.services.directory.unit(row.unit)}. {gettext(_AGAINST[against])}"
    always = row.low == MICROS_MIN and row.high == MICROS_MAX
    whole = row.level is Level.OUTER and row.unit == one.provider and always and not row.kept
    period = _period(page, row.low, row.high)
    return InForce(one.reference, title, detail, period, row.unit if whole else "")


_AGAINST: Final = {
    "Hidden from other units": message("Hidden from other units"),
    "Hidden from other care providers": message("Hidden from other care providers"),
}


def _shown_consent(page: Page, one: Any, row: ConsentRow) -> InForce:
    directory, gettext = page.services.directory, page.translator.gettext
    whom = directory.unit(row.unit) if row.unit else directory.unit(one.provider)
    title = gettext(message("%(whom)s may read what other care providers have documented")) % {"whom": whom}
    detail = gettext(message("For one member of staff.")) if row.person else ""
    return InForce(one.reference, title, detail, _period(page, row.low, row.high))


def _shown_proxy(page: Page, name: str, row: ProxyRow, names: Mapping[str, str]) -> InForce:
    gettext = page.translator.gettext
    groups = [gettext(words) for key, words in _GROUPS.items() if INFORMATION_TYPES[key] <= row.types]
    detail = ", ".join(groups) if row.types else gettext(message("everything"))
    return InForce(name, names.get(row.person, row.person), detail, _period(page, row.low, row.high))


def _period(page: Page, low: int, high: int) -> str:
    """From which day to which, the last day included; empty without bounds."""
    first = local(from_micros(low)).date().isoformat() if low > MICROS_MIN else ""
    last = local(from_micros(high - 1)).date().isoformat() if high < MICROS_MAX else ""
    return f"{first}–{last}" if first or last else page.translator.gettext(message("without an end"))


async def _names(page: Page, people: set[str]) -> dict[str, str]:
    found = await page.services.record(_SYSTEM).read_many([f"Patient/{one}" for one in sorted(people)])
    named: dict[str, str] = {}
    for stored in found.values():
        for name in json.loads(stored.body).get("name") or ():
            text = name.get("text") or " ".join([*(name.get("given") or ()), name.get("family") or ""])
            named.setdefault(stored.id, text.strip())
    return named


async def _person_with(page: Page, text: str) -> str | None:
    """The only person of the record with a number."""
    number = identifiers.parse_person_identifier(text, today=local(page.services.clock.now()).date())
    if isinstance(number, identifiers.Rejected):
        return None
    token = quote(f"{number.system}|{number.value}", safe="")
    found = await page.services.record(_SYSTEM).find(f"Patient?identifier={token}&_count=2")
    if isinstance(found, Refusal) or len(found.matches) != 1:
        return None
    return str(found.matches[0].id)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None
