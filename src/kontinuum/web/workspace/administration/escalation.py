"""Who is told when something waits for too long at a unit: read and decided on the unit's page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kontinuum.kernel.escalation import ASKER, TIMES, Step, steps_of
from kontinuum.kernel.i18n import message
from kontinuum.kernel.provider_settings import BY_NAME
from kontinuum.web.workspace.administration import settings
from kontinuum.web.workspace.administration.roles import ShownRole
from kontinuum.web.workspace.administration.shared import provider_of
from kontinuum.web.workspace.pages import Page

ROWS: Final = 4
MOST: Final = 20
_SETTING: Final = BY_NAME["escalation"]
_ODD: Final = message("Write how long after as a whole number, and choose who is told.")
_ASKER: Final = message("Who asked for it")
_TIMES: Final = {"min": message("minutes"), "h": message("hours"), "d": message("days")}


@dataclass(frozen=True, slots=True)
class Shown:
    """The rule as the form of a unit holds it; `own` is False where the rule for every unit holds."""

    rows: tuple[tuple[str, str, str], ...]
    own: bool
    people: tuple[tuple[str, str], ...]
    times: tuple[tuple[str, str], ...]
    seen: int
    reason: str


async def shown(page: Page, unit: str, roles: Sequence[ShownRole], refused: Mapping[str, str]) -> Shown:
    """The rule of a unit, of which those with an assignment there can be told."""
    reader = page.services.application.provider_settings
    reader.forget()
    lines = (await reader.of(provider_of(page))).escalation
    steps = steps_of(lines, unit)
    gettext = page.translator.gettext
    people = {one.role.person: one.person_name for one in roles if one.state == "held"}
    people |= {one.who: one.who for one in steps if one.who not in (ASKER, *people)}
    rows = [(str(one.number), one.time, one.who) for one in steps]
    if refused:
        rows = [_typed(refused, number) for number in range(MOST) if any(_typed(refused, number))]
    decisions = [one for one in await reader.history(provider_of(page)) if one.name == _SETTING.name]
    return Shown(
        tuple([*rows, *[("", "h", "")] * ROWS][: min(MOST, max(ROWS, len(rows) + 1))]),
        any(one.unit == unit for one in steps),
        ((ASKER, gettext(_ASKER)), *sorted(people.items(), key=lambda one: one[1])),
        tuple((key, gettext(_TIMES[key])) for key in TIMES),
        decisions[0].number if decisions else 0,
        refused.get("reason", ""),
    )


def _typed(fields: Mapping[str, str], number: int) -> tuple[str, str, str]:
    after, time, who = (fields.get(f"{name}-{number}", "") for name in ("after", "time", "who"))
    return after, time, who


async def decide(page: Page, unit: str, fields: Mapping[str, str]) -> str | None:
    """Decide who is told at a unit as a form asks, or (`usual`) as at every unit; why not, else."""
    gettext = page.translator.gettext
    typed = [row for number in range(MOST) if any((row := _typed(fields, number))[::2])]
    steps = [_step(unit, *row) for row in typed] if "usual" not in fields else []
    if None in steps:
        return gettext(_ODD)
    reader = page.services.application.provider_settings
    if _SETTING.name in reader.overrides:
        return gettext(settings.BY_ENVIRONMENT)
    if not fields.get("reason"):
        return gettext(settings.REASON)
    reader.forget()
    before = (await reader.of(provider_of(page))).escalation
    kept = [line for line in before if not line.startswith(f"{unit};")]
    value = (*kept, *(step.line for step in steps if step is not None))
    return await settings.decide(page, _SETTING, value, fields)


def _step(unit: str, after: str, time: str, who: str) -> Step | None:
    if not re.fullmatch(r"[0-9]{1,3}", after, re.ASCII) or time not in TIMES or not who:
        return None
    return Step(unit, int(after), time, who)
