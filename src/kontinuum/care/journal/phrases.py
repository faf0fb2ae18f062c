"""A phrase on its way into a note: what it takes from the chart, asked for the patient and now."""

from __future__ import annotations

from typing import Final

from kontinuum.care.journal.surroundings import surroundings
from kontinuum.fhir.questionnaire import Context, phrasing
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Action, ActionRequest, Moved, NotFound, Told, View
from kontinuum.kernel.principal import Purpose

_TOO_LONG: Final = message("A phrase has at most 20 000 characters.")


async def fill(request: ActionRequest) -> View | NotFound | Moved | Told:
    """Answer `journal/phrase`: the `text` with what the patient's chart says at the `contact`."""
    given = {name: next(iter(request.fields.get(name, ())), "") for name in ("text", "contact")}
    text = given["text"]
    if len(text) > phrasing.LONGEST:
        return Told({"refused": [request.chart.translator.gettext(_TOO_LONG)]}, 400)
    form = phrasing.form_of(text)
    if form is None:
        return Told({"patient": request.chart.patient, "text": phrasing.fill(text, Context()).text})
    around = await surroundings(request.record, request.chart, form, request.principal, given["contact"])
    filled = phrasing.fill(text, around.context(given["contact"]))
    return Told({"patient": request.chart.patient, "text": filled.text})


FILL: Final = Action("phrase", message("Write a note"), fill, frozenset({Purpose.CARE}))
