"""What was measured at one contact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from kontinuum.care.observations.model import read_observations
from kontinuum.care.observations.views import value_text
from kontinuum.kernel.around import ContactPart, Remark
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Chart, ResultPage

_AT_MOST: Final = 40


def queries(chart: Chart, contact: str) -> tuple[str, ...]:
    """The latest values of the contact."""
    about = f"patient={chart.patient}&encounter=Encounter/{contact}"
    return (f"Observation?{about}&_sort=-date&_count={_AT_MOST}",)


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
    return tuple(found)


VALUES_OF_CONTACT: Final = ContactPart(message("Measurements"), 30, queries, remarks)
