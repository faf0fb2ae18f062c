"""What was measured at the bedside at one contact: the latest sets, a line each, and the way to the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final
from urllib.parse import quote

from kontinuum.care.vitals import reading, resources
from kontinuum.care.vitals.form import ORDER, value_text
from kontinuum.care.vitals.kinds import SCALE_CODES
from kontinuum.care.vitals.reading import Reading
from kontinuum.kernel.around import ContactPart, Remark
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Chart, ResultPage

_AT_MOST: Final = 100
_SHOWN: Final = 3
_TOGETHER: Final = "\N{NO-BREAK SPACE}"
_PLACES: Final = {
    resources.source(key): place for place, key in enumerate(key for row in ORDER for key in row)
}
"""Values in the order of the form."""
_MORE: Final = message("Earlier measurements, in the flowsheet")


def queries(chart: Chart, contact: str) -> tuple[str, ...]:
    """The latest vital signs and scores of the contact."""
    codes = quote(",".join("|".join(pair) for pair in SCALE_CODES), safe="|,:")
    about = f"patient={chart.patient}&encounter=Encounter/{contact}"
    rest = f"&_sort=-date&_count={_AT_MOST}"
    return f"Observation?{about}&category=vital-signs{rest}", f"Observation?{about}&code={codes}{rest}"


def remarks(chart: Chart, contact: Mapping[str, Any], pages: Sequence[ResultPage]) -> tuple[Remark, ...]:
    """The latest sets; what was measured at one time is a set, with its score first."""
    known = {one.id: one for one in reading.read(entry for page in pages for entry in page.matches)}
    right = sorted((one for one in known.values() if not one.wrong), key=_at, reverse=True)
    sets = [(at, list(every)) for at, every in groupby(right, key=_at)]
    flowsheet = f"{chart.path('vitals', 'flowsheet')}?period=all"
    found = [
        Remark(_line(chart, every), chart.translator.moment(at), flowsheet) for at, every in sets[:_SHOWN]
    ]
    if len(sets) > _SHOWN or any(page.next for page in pages):
        found.append(Remark(chart.translator.gettext(_MORE), "", flowsheet))
    return tuple(found)


def _at(one: Reading) -> datetime:
    return one.at


def _line(chart: Chart, every: Sequence[Reading]) -> str:
    ordered = sorted(every, key=lambda one: (not one.is_score, _PLACES.get(one.key, len(_PLACES))))
    told = ((one.label, value_text(one, chart.translator, unit=not one.is_score)) for one in ordered)
    # A number stands on the line of its unit.
    return " · ".join(f"{label} {value.replace(' ', _TOGETHER)}" for label, value in told)


VITALS_OF_CONTACT: Final = ContactPart(message("Vital signs"), 29, queries, remarks)
