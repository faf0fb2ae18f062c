"""The palette: beside patients, the commands, templates and phrases that fit what was typed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from kontinuum.kernel.i18n import message
from kontinuum.kernel.ids import is_id
from kontinuum.kernel.principal import ActorKind, Purpose
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.timeline.opening import PURPOSES
from kontinuum.web.workspace.work.phrases import phrases_of
from kontinuum.web.workspace.work.tabs import draftings

AT_MOST: Final = 8


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A line of the palette. `kind` is "command", "template", "phrase", or "offer", which fits any words."""

    kind: str
    title: str
    address: str
    text: str = ""


_COMMANDS: Final = (
    (message("To do: what waits for me"), "/inbox", (Purpose.CARE,)),
    (message("Sent: what I have ordered that is not answered"), "/inbox?sent=1", (Purpose.CARE,)),
    (message("To do: what waits at the unit"), "/inbox?of=unit", (Purpose.CARE,)),
    (message("Phrases"), "/phrases", ()),
    (message("Note templates"), "/templates", ()),
    (message("Order of the templates"), "/templates/order", ()),
    (message("Worklists"), "/worklists", ()),
    (message("Lay out the overview"), "/layout", ()),
    (message("Report a deviation or an idea"), "/feedback", ()),
    (message("Improvement board"), "/unit/feedback", ()),
    (message("Keys"), "#keys", ()),
    (message("Register a patient"), "/patients/new", (Purpose.CARE, Purpose.ADMINISTRATION)),
    (message("Possible duplicates"), "/duplicates", (Purpose.CARE, Purpose.ADMINISTRATION)),
    (message("Change assignment"), "/assignment", ()),
    (message("Where you are signed in"), "/sessions", ()),
    (message("Administration"), "/admin", (Purpose.ADMINISTRATION,)),
    (message("The log"), "/log", (Purpose.SUPERVISION,)),
)
_NEW_TASK: Final = message("New task about the patient")
_NEW_QUESTION: Final = message("New question about the patient")
_OF_PATIENT: Final = (
    (message("The patient's chart"), ""),
    (message("Timeline"), "/timeline"),
    (message("Compare two days"), "/compare"),
    (message("Person"), "/person"),
)
_IN_CHART: Final = message("Search the chart for “%(words)s”")


async def suggestions(page: Page, typed: str, at: str) -> list[Suggestion]:
    """What fits the words, each the beginning of a word; `at` is the patient whose page is open.

    Nothing is suggested for digits: they are a patient's number.
    """
    principal = page.session.principal
    words = typed.casefold().removeprefix(".").split()
    if principal.actor.kind is ActorKind.PATIENT or any(word[:1].isdigit() for word in words):
        return []
    gettext = page.translator.gettext
    offered = [
        Suggestion("command", gettext(title), address)
        for title, address, purposes in _COMMANDS
        if not purposes or principal.purpose in purposes
    ]
    offered += [
        Suggestion("command", gettext(one.title), f"/unit/{one.path}")
        for module in page.services.modules
        for one in module.unit_pages
        if principal.purpose in one.purposes
    ]
    chart = f"/patient/{quote(at, safe='')}" if is_id(at) else ""
    if chart:
        offered += await _of_patient(page, chart, templates=bool(words))
    if words:
        offered += [
            Suggestion("phrase", f".{one.name}", "/phrases", one.text) for one in await phrases_of(page)
        ]
    fitting = _fitting(offered, words)
    if chart and words and principal.purpose in PURPOSES:
        title = gettext(_IN_CHART) % {"words": typed.strip()}
        fitting.append(Suggestion("offer", title, f"{chart}/search?{urlencode({'q': typed.strip()})}"))
    return fitting


async def _of_patient(page: Page, chart: str, *, templates: bool) -> list[Suggestion]:
    principal = page.session.principal
    gettext = page.translator.gettext
    offered = [Suggestion("command", gettext(title), f"{chart}{below}") for title, below in _OF_PATIENT]
    if principal.purpose is Purpose.CARE:
        new = f"/inbox/new?patient={chart.rpartition('/')[2]}"
        offered += [
            Suggestion("command", gettext(_NEW_TASK), new),
            Suggestion("command", gettext(_NEW_QUESTION), f"{new}&kind=question"),
        ]
    offered += [
        Suggestion("template", gettext(route.title), f"{chart}/{module.name}/{route.path}")
        for module in page.services.modules
        for route in module.routes
        if route.begun and principal.purpose in route.purposes
        if not route.right or route.right in principal.assignment.rights
    ]
    if not templates or principal.purpose is not Purpose.CARE:
        return offered
    record: Any = page.services.record(principal)
    for drafting in draftings(page):
        found = await drafting.templates(record, page.places, page.services.clock.now())
        offered += [Suggestion("template", title, f"{chart}/{drafting.path(name)}") for name, title in found]
    return offered


def _fitting(offered: Iterable[Suggestion], words: list[str]) -> list[Suggestion]:
    if not words:
        return [one for one in offered if one.kind == "command"][:AT_MOST]
    fitting = [
        one
        for one in offered
        if all(any(part.startswith(word) for part in _parts(one.title)) for word in words)
    ]
    return fitting[:AT_MOST]


def _parts(title: str) -> list[str]:
    return re.split(r"[\s.,:-]+", title.casefold())
