"""Administration of destruction: decisions registered by one person, carried out by another.

patientdatalagen (2008:355) 8:4; what is old enough to be thinned is listed (3:17), and nothing is done to it.
"""

from __future__ import annotations

from datetime import date
from http import HTTPStatus
from typing import Final

from starlette.responses import RedirectResponse, Response

from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import message
from kontinuum.record.destroying import Order
from kontinuum.record.outcome import Refusal
from kontinuum.web.workspace.pages import Page

_NO_DAY: Final = message("Give the day of the decision as year, month and day.")


async def show(page: Page) -> Response:
    """Answer GET `/destruction`."""
    return await _render(page)


async def _render(page: Page, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    destruction = page.services.record(page.session.principal).destruction
    decisions = await destruction.decisions()
    thinnable = await destruction.thinnable()
    for refused in (decisions, thinnable):
        if isinstance(refused, Refusal):
            return page.refuse(refused)
    form = await page.request.form() if page.request.method == "POST" else {}
    values = {
        "decisions": decisions,
        "thinnable": [(one.patient, one.entries, from_micros(one.last)) for one in thinnable],
        "when": lambda micros: page.translator.moment(from_micros(micros)),
        "own": page.session.principal.actor.id,
        "problem": problem,
        "drafts": {name: value for name, value in form.items() if isinstance(value, str)},
    }
    return page.render("pages/destruction.html", values, status)


async def register(page: Page) -> Response:
    """Answer POST `/destruction`: register a decision."""
    form = {name: str(value) for name, value in (await page.request.form()).items()}
    try:
        decided = date.fromisoformat(form.get("decided", ""))
    except ValueError:
        return await _render(page, page.translator.gettext(_NO_DAY), HTTPStatus.UNPROCESSABLE_ENTITY)
    order = Order(
        authority=form.get("authority", ""),
        case_number=form.get("case_number", ""),
        decided=decided,
        patient=form.get("patient", "").strip(),
        requested_by=form.get("requested_by", ""),
        entries=tuple(form.get("entries", "").split()),
    )
    done = await page.services.record(page.session.principal).destruction.register(order)
    return await _answer(page, done)


async def execute(page: Page) -> Response:
    """Answer POST `/destruction/{number}`: carry a decision out; the patient's id is typed once more."""
    form = await page.request.form()
    repeated = str(form.get("patient", "")).strip()
    destruction = page.services.record(page.session.principal).destruction
    done = await destruction.execute(page.request.path_params["number"], patient=repeated)
    return await _answer(page, done)


async def _answer(page: Page, done: object) -> Response:
    if isinstance(done, Refusal):
        return await _render(page, " ".join(done.in_words(page.translator)), done.kind.value)
    headers = {"cache-control": "no-store"}
    return RedirectResponse("/destruction", status_code=HTTPStatus.SEE_OTHER, headers=headers)
