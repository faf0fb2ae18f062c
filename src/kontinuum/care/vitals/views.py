"""What the module contributes: a card, the pages, and what is done on them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from kontinuum.care.vitals import bedside, reading
from kontinuum.care.vitals.ages import age_in_months
from kontinuum.care.vitals.charts import charts
from kontinuum.care.vitals.correcting import correct, value
from kontinuum.care.vitals.flowsheet import flowsheet, risk_of, who
from kontinuum.care.vitals.form import value_text
from kontinuum.care.vitals.growth import ADULT, growth
from kontinuum.care.vitals.kinds import SCALE_CODES
from kontinuum.care.vitals.rules import RISKS, Scale
from kontinuum.care.vitals.scoring import LEVELS
from kontinuum.care.vitals.striking import strike
from kontinuum.fhir import json
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import (
    Action,
    AuditKind,
    Chart,
    Drafting,
    OverviewCard,
    Placement,
    RecordReader,
    ResultPage,
    Route,
    View,
)
from kontinuum.kernel.principal import Purpose

_CARE: Final = frozenset({Purpose.CARE})
_READING: Final = frozenset({Purpose.CARE, Purpose.QUALITY, Purpose.SUPERVISION})
_TITLE: Final = message("Vital signs")
_MEASURE: Final = message("Measure vital signs")


def card_queries(chart: Chart) -> tuple[str, ...]:
    """The latest scores, and the person, as growth is offered for children."""
    codes = quote(",".join("|".join(pair) for pair in SCALE_CODES), safe="|,:")
    return (
        f"Observation?patient={chart.patient}&code={codes}&_sort=-date&_count=5",
        f"Patient?_id={chart.patient}",
    )


def card(chart: Chart, pages: Sequence[ResultPage]) -> View:
    """The latest score, and the ways to the form, the flowsheet and the charts."""
    found = next((one for one in reading.read(pages[0].matches) if not one.wrong), None)
    risk = risk_of(found) if found is not None else None
    words = chart.translator
    score = None
    if found is not None:
        score = {
            "name": Scale(found.key).label,
            "total": value_text(found, words, unit=False),
            "risk": words.gettext(RISKS[risk]) if risk else "",
            "level": LEVELS[risk] if risk else "",
            "when": words.moment(found.at),
            "unit": chart.directory.unit(found.unit),
            "by": who(chart, found),
        }
    body: Mapping[str, Any] = next((json.loads(one.body) for one in pages[1].matches if one.body), {})
    months = age_in_months(body.get("birthDate"), local(chart.now).date())
    child = months is not None and months < ADULT * 12
    return View("vitals/card.html", {"score": score, "child": child})


CARD: Final = OverviewCard(
    anchor="early-warning",
    title=message("Early warning"),
    placement=Placement.FINDINGS,
    order=35,
    queries=card_queries,
    view=card,
    always=True,
)
ROUTES: Final = (
    Route("entry", _MEASURE, bedside.entry, _CARE, AuditKind.READ, beside=True),
    Route("flowsheet", _TITLE, flowsheet, _READING, AuditKind.READ),
    Route("charts", _TITLE, charts, _READING, AuditKind.READ),
    Route("growth", message("Growth"), growth, _READING, AuditKind.READ),
    Route("value", _TITLE, value, _READING, AuditKind.READ),
)
ACTIONS: Final = (
    Action("draft", _MEASURE, bedside.keep, _CARE),
    Action("save", _MEASURE, bedside.save, _CARE),
    Action("discard", _MEASURE, bedside.discard, _CARE),
    Action("restore", _MEASURE, bedside.restore, _CARE),
    Action("scale", _MEASURE, bedside.decide_scale, _CARE),
    Action("correct", _TITLE, correct, _CARE),
    Action("strike", _TITLE, strike, _CARE),
)


async def _templates(
    record: RecordReader, places: tuple[str, ...], now: datetime
) -> Sequence[tuple[str, str]]:
    return [(bedside.TEMPLATE, _NAME), (bedside.TEMPLATE, _SCORES)]


async def _titles(record: RecordReader, wanted: Collection[str]) -> Mapping[str, str]:
    return {bedside.TEMPLATE: _NAME} if bedside.TEMPLATE in wanted else {}


DRAFTING: Final = Drafting(
    templates=_templates,
    titles=_titles,
    path=lambda name: "vitals/entry",
)
_NAME: Final = "Vitalparametrar"
"""What its drafts are called: as those of notes, in Swedish."""
_SCORES: Final = "NEWS2, PEWS"
"""What else one looks for when one wants to measure."""
