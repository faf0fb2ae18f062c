"""Reporting a deviation or an idea from any page, with where one was: shown before it is sent.

Of the address only the route is kept, never what stands in it: a patient is named by a choice of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote

from starlette.responses import Response
from starlette.routing import Match, Route

from kontinuum import __version__
from kontinuum.kernel.i18n import message
from kontinuum.record.feedback import KINDS, LONGEST
from kontinuum.record.outcome import Refusal
from kontinuum.web.workspace.pages import OTHER_PATIENT, Page
from kontinuum.web.workspace.work.tabs import people

LABELS: Final = {
    "page": message("Page"),
    "beside": message("Beside the chart"),
    "refused": message("Last refusal"),
    "assignment": message("Assignment"),
    "version": message("Program version"),
    "viewport": message("Window"),
    "language": message("Language"),
}
"""What is attached to a report, in the order in which it is shown."""

_VIEWPORT: Final = re.compile(r"\d{1,5} × \d{1,5}")
_REFUSED: Final = re.compile(r"([45]\d\d) (/\S*)")


@dataclass(frozen=True, slots=True)
class Here:
    """Where somebody is: the route of the page, and the patient that it is about."""

    route: str
    patient: str


async def show_form(page: Page) -> Response:
    """Answer GET `/feedback?from=…`: the form, for that page and what stands `beside` its chart."""
    asked = page.request.query_params
    typed = {"kind": KINDS[0], "beside": asked.get("beside", "")}
    return await _form(page, asked.get("from", ""), typed)


async def report(page: Page) -> Response:
    """Answer POST `/feedback`: put the report on the board of the unit."""
    form = await page.request.form()
    typed = {name: value for name, value in form.items() if isinstance(value, str)}
    here = place_of(page, typed.get("from", ""))
    patient = typed.get("patient", "")
    again = partial(_form, page, typed.get("from", ""), typed)
    if patient not in ("", here.patient):
        return await again([page.translator.gettext(OTHER_PATIENT)], HTTPStatus.CONFLICT)
    record: Any = page.services.record(page.session.principal)
    done = await record.feedback.report(
        typed.get("kind", ""),
        typed.get("text", "").replace("\r\n", "\n"),
        attached(page, here, typed),
        patient=patient,
        nameless="nameless" in typed,
    )
    if isinstance(done, Refusal):
        return await again(done.in_words(page.translator), done.kind.value)
    if page.partial:
        return page.render("feedback/sent.html", {"number": done})
    return page.redirect(f"/unit/feedback/{done}")


def place_of(page: Page, path: str) -> Here:
    """The route behind a path of this site, without the ids that stand in the path."""
    scope = {"type": "http", "method": "GET", "path": unquote(path), "root_path": "", "headers": []}
    for route in page.request.app.routes if path.startswith("/") else ():
        match, found = route.matches(scope) if isinstance(route, Route) else (Match.NONE, {})
        if match is not Match.NONE:
            return Here(route.path, found["path_params"].get("patient", ""))
    return Here("", "")


def attached(page: Page, here: Here, typed: Mapping[str, str]) -> dict[str, str]:
    """What is attached, by the keys of `LABELS`. Where no name is shown, no assignment is."""
    refused = _REFUSED.fullmatch(typed.get("refused", ""))
    viewport = typed.get("viewport", "")
    values = {
        "page": here.route,
        "beside": place_of(page, typed.get("beside", "")).route,
        "refused": f"{refused[1]} {place_of(page, refused[2]).route}" if refused else "",
        "assignment": "" if "nameless" in typed else page.session.principal.assignment.title,
        "version": __version__,
        "viewport": viewport if _VIEWPORT.fullmatch(viewport) else "",
        "language": page.translator.language,
    }
    return {name: value for name, value in values.items() if value}


def labelled(page: Page, values: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """What is attached as it is shown: key, label, value."""
    return [(key, page.translator.gettext(LABELS[key]), values[key]) for key in LABELS if key in values]


async def _form(
    page: Page, path: str, typed: Mapping[str, str], problems: Sequence[str] = (), status: int = 200
) -> Response:
    here = place_of(page, path)
    person = (await people(page, [here.patient] if here.patient else [])).get(here.patient)
    values = {
        "from": path,
        "person": person,
        "typed": {
            "kind": "",
            "text": "",
            "patient": "",
            "beside": "",
            "viewport": "",
            "refused": "",
            **typed,
        },
        "nameless": "nameless" in typed,
        "attached": labelled(page, attached(page, here, typed)),
        "longest": LONGEST,
        "problems": problems,
        "in_dialog": page.partial,
    }
    return page.render("feedback/form.html", values, status)
