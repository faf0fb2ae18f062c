"""The care provider's settings: what holds, what the law allows, and every decision that was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

import msgspec
from starlette.responses import Response

from kontinuum.audit import entry as log_entry
from kontinuum.kernel.clock import from_micros, to_micros
from kontinuum.kernel.i18n import message
from kontinuum.kernel.media import ATTACHABLE
from kontinuum.kernel.numbers import whole
from kontinuum.kernel.provider_settings import (
    BY_NAME,
    PROVIDER_SETTINGS,
    NotAllowed,
    ProviderSetting,
    Value,
    parse,
    shown,
)
from kontinuum.store import provider_settings as store
from kontinuum.web.workspace.administration.shared import fields_of, go, provider_of
from kontinuum.web.workspace.pages import Page

_YES = message("yes")
_NO = message("no")
_NONE = message("None of your own")
_NEVER = message("Each patient is told in person")
_NO_SUCH = message("There is no such setting.")
_WITHIN = message("Allowed is %(low)s to %(high)s.")
_SERIES = message("Each line is name; system; form, and each system stands there once.")
_RESPONSES = message("Each line is unit; class; text, and each unit and class stands there once.")
_STEPS = message("Each line is unit; time; who, such as *; 4 h; asker.")
_TIMES = message("Each line is unit; what; priority; time, such as *; laboratory; stat; 1 h, and each once.")
_KINDS = message("One kind a line, at least one: %(kinds)s.")
REASON = message("Say why, in a few words: it stands in the history.")
BY_ENVIRONMENT = message(
    "This setting is decided by whoever runs the installation, and cannot be changed here."
)


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision in words."""

    title: str
    before: str
    after: str
    when: datetime
    who: str
    reason: str


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """A setting as its page shows it; `text` is what its form holds, `seen` the latest decision's number."""

    setting: ProviderSetting
    text: str
    value: str
    usual: str
    fixed: bool
    is_usual: bool
    seen: int
    past: tuple[Decided, ...]
    problem: str = ""
    reason: str = ""


async def show_settings(page: Page) -> Response:
    """Answer GET `/admin/settings`."""
    return await _settings_page(page)


async def change_setting(page: Page) -> Response:
    """Answer POST `/admin/settings/{name}`: decide, or go back to what is usual."""
    setting = BY_NAME.get(page.request.path_params["name"])
    if setting is None:
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(_NO_SUCH)])
    fields = await fields_of(page)
    reader = page.services.application.provider_settings
    if setting.name in reader.overrides:
        return page.problem(HTTPStatus.FORBIDDEN, [page.translator.gettext(BY_ENVIRONMENT)])
    # A field of several lines is one text: `|` is how several of one name are parted.
    value = None if "usual" in fields else parse(setting, fields.get("value", ""))
    if isinstance(value, NotAllowed):
        return await _settings_page(page, setting.name, _not_allowed(page, setting), fields)
    if not fields.get("reason"):
        return await _settings_page(page, setting.name, page.translator.gettext(REASON), fields)
    problem = await decide(page, setting, value, fields)
    if problem is not None:
        return await _settings_page(page, setting.name, problem, fields, HTTPStatus.CONFLICT)
    return go(f"/admin/settings#{setting.name}")


async def decide(
    page: Page, setting: ProviderSetting, value: Value | None, fields: Mapping[str, str]
) -> str | None:
    """Decide on a value, None for the usual one, as a form asks; why not, where somebody was first."""
    reader = page.services.application.provider_settings
    seen = whole(fields.get("seen", ""))
    before = getattr(await reader.of(provider_of(page)), setting.name)
    await _log(page, setting, before, setting.default if value is None else value)
    done = await reader.decide(page.session.principal, setting.name, value, fields["reason"], seen=seen)
    if not isinstance(done, store.Superseded):
        return None
    when = page.translator.moment(from_micros(done.latest.changed))
    told = message("%(who)s changed this %(when)s. See the history, and decide again.")
    return page.translator.gettext(told) % {"who": done.latest.actor_name, "when": when}


async def deviating(page: Page) -> list[ShownSetting]:
    """The settings that are not as usual."""
    return [one for one in await _shown(page) if not one.is_usual]


async def _settings_page(
    page: Page,
    name: str = "",
    problem: str = "",
    fields: Mapping[str, str] | None = None,
    status: int = HTTPStatus.UNPROCESSABLE_ENTITY,
) -> Response:
    values = {"settings": await _shown(page, name, problem, fields or {}), "failed": name}
    return page.render("administration/settings.html", values, status if problem else HTTPStatus.OK)


async def _shown(
    page: Page, name: str = "", problem: str = "", fields: Mapping[str, str] | None = None
) -> list[ShownSetting]:
    reader = page.services.application.provider_settings
    reader.forget()  # a page that decides shows what holds this moment
    current = await reader.of(provider_of(page))
    decisions = await reader.history(provider_of(page))
    found = []
    for setting in PROVIDER_SETTINGS:
        mine = [one for one in decisions if one.name == setting.name]
        value = getattr(current, setting.name)
        wrong = fields or {} if setting.name == name else {}
        found.append(
            ShownSetting(
                setting=setting,
                text=wrong.get("value", shown(setting, value)),
                value=in_words(page, setting, value),
                usual=in_words(page, setting, setting.default),
                fixed=setting.name in reader.overrides,
                is_usual=value == setting.default,
                seen=mine[0].number if mine else 0,
                past=tuple(_decided(page, setting, one) for one in mine),
                problem=problem if setting.name == name else "",
                reason=wrong.get("reason", ""),
            )
        )
    return found


def in_words(page: Page, setting: ProviderSetting, value: Value) -> str:
    """A value with its unit."""
    say = page.translator.gettext
    if setting.kind == "yes-no":
        return say(_YES if value else _NO)
    text = shown(setting, value)
    if setting.kind == "day":
        return text or say(_NEVER)
    return f"{text} {say(setting.unit)}" if setting.unit else text or say(_NONE)


def _decided(page: Page, setting: ProviderSetting, one: store.Decision) -> Decided:
    def words(raw: str | None) -> str:
        if raw is None:
            return in_words(page, setting, setting.default)
        value = msgspec.json.decode(raw)
        return in_words(page, setting, tuple(value) if isinstance(value, list) else value)

    title = page.translator.gettext(setting.title)
    when = from_micros(one.changed)
    return Decided(title, words(one.before), words(one.value), when, one.actor_name, one.reason)


def _not_allowed(page: Page, setting: ProviderSetting) -> str:
    if setting.kind == "day":
        return page.translator.gettext(message("Write the day as YYYY-MM-DD, or leave it empty."))
    if setting.kind == "series":
        return page.translator.gettext(_SERIES)
    if setting.kind == "responses":
        return page.translator.gettext(_RESPONSES)
    if setting.kind == "steps":
        return page.translator.gettext(_STEPS)
    if setting.kind == "times":
        return page.translator.gettext(_TIMES)
    if setting.kind == "units":
        return page.translator.gettext(message("Write one HSA-id a line, or * for every unit."))
    if setting.kind == "kinds":
        return page.translator.gettext(_KINDS) % {"kinds": ", ".join(ATTACHABLE)}
    return page.translator.gettext(_WITHIN) % {"low": setting.low, "high": setting.high}


async def _log(page: Page, setting: ProviderSetting, before: Value, after: Value) -> None:
    made = log_entry(
        page.session.principal,
        to_micros(page.services.clock.now()),
        "setting",
        "permitted",
        "administration",
        what=(f"setting/{setting.name}",),
        note=f"{shown(setting, before)} -> {shown(setting, after)}",
    )
    await page.services.application.audit.durable(made)
