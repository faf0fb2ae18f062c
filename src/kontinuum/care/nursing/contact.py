"""The nursing plans of a stay on a ward: those that are not ended are asked about before it is closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from kontinuum.care.nursing.around import PLANS_AT_MOST
from kontinuum.care.nursing.kinds import HEADINGS
from kontinuum.care.nursing.model import plans_of
from kontinuum.fhir.stays import is_inpatient
from kontinuum.kernel.around import ContactPart, Remark
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import Chart, ResultPage

_NOT_ENDED: Final = message("%(what)s: the nursing plan goes on.")


def queries(chart: Chart, contact: str) -> tuple[str, ...]:
    """The plans that are carried out."""
    return (f"CarePlan?patient={chart.patient}&status=active&_count={PLANS_AT_MOST}",)


def remarks(chart: Chart, contact: Mapping[str, Any], pages: Sequence[ResultPage]) -> tuple[Remark, ...]:
    """Those that were begun during the stay."""
    period = contact.get("period") or {}
    if not is_inpatient(contact) or not period.get("start"):
        return ()
    begin = local(period["start"]).date()
    end = local(period["end"]).date() if period.get("end") else local(chart.now).date()
    words, found = chart.translator, []
    for plan, _ in plans_of(pages[0].matches):
        since = plan.period.start
        if plan.nursing and since and begin <= local(since).date() <= end:
            address = f"{chart.path('nursing', 'plan')}?id={quote(plan.id, safe='')}"
            text = words.gettext(_NOT_ENDED) % {"what": plan.title or plan.description}
            when = " · ".join(filter(None, (HEADINGS.get(plan.heading, ""), words.day(since))))
            found.append(Remark(text, when, address, missing=True))
    return tuple(found)


PLANS_OF_CONTACT: Final = ContactPart(message("Nursing plans"), 60, queries, remarks)
