"""What was measured at one contact, besides the vital signs, which have lines of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from kontinuum.care.observations.model import read_observations
from kontinuum.care.observations.rules import EARLY_WARNING
from kontinuum.care.observations.views import value_text
from kontinuum.kernel.around import ContactPart, Remark
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Chart, ResultPage

_AT_MOST: Final = 40
_EARLY_WARNING: Final = ",".join(f"urn:kontinuum:scale|{name}" for name in sorted(EARLY_WARNING))
_MORE: Final = message("There is more: the latest %(num)d are shown.")


def queries(chart: Chart, contact: str) -> tuple[str, ...]:
    """The latest values of the contact that are no vital signs and no score of early warning."""
    about = f"patient={chart.patient}&encounter=Encounter/{contact}"
    rest = f"category:not=vital-signs&code:not={_EARLY_WARNING}&_sort=-date&_count={_AT_MOST}"
    return (f"Observation?{about}&{rest}",)


def remarks(chart: Chart, contact: Mapping[str, Any], pages: Sequence[ResultPage]) -> tuple[Remark, ...]:
    """Each with its value and when it was measured."""
    words = chart.translator
    found = []
    for one, entry in read_observations(pages[0].matches):
        value = value_text(one, words)
        if one.status not in ("entered-in-error", "cancelled") and value:
            text = " ".join(filter(None, (f"{one.code.label}:", value, one.unit)))
            address = f"/patient/{chart.patient}/entry/Observation/{entry.id}"
            found.append(Remark(text, words.moment(one.when), address))
    if pages[0].next:
        found.append(Remark(words.gettext(_MORE) % {"num": _AT_MOST}, "", f"{chart.path('timeline')}"))
    return tuple(found)


VALUES_OF_CONTACT: Final = ContactPart(message("Measurements"), 30, queries, remarks)
