"""Answers whose codes are looked for in a value set: whether it is there, and whether they are in it."""

from __future__ import annotations

from typing import Final

from kontinuum.care.journal.fields import is_searched, place
from kontinuum.fhir.questionnaire import State
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import ActionRequest, PageRequest

_NOT_KNOWN: Final = message("The choices stand in a value set that is not here: %(set)s")
_NOT_IN_SET: Final = message("The code is not one of those to choose from here. Choose another one.")


async def missing_sets(request: PageRequest | ActionRequest, state: State) -> dict[str, str]:
    """What is told at the questions whose codes are not to be had here, by field."""
    found: dict[str, str] = {}
    for item in state.form.items.values():
        if is_searched(item) and not await request.terms.knows(str(item.value_set)):
            told = request.chart.translator.gettext(_NOT_KNOWN) % {"set": item.value_set}
            found |= {place(one): told for one in state.occurrences(item.link_id)}
    return found


async def wrong_codes(request: ActionRequest, state: State) -> dict[str, str]:
    """What is told of chosen codes that are not in their value set or mean something else, by field."""
    found: dict[str, str] = {}
    for one in state.top.walk():
        if one.item is None or not is_searched(one.item) or not one.active():
            continue
        for answer in one.answers:
            coding = answer.value.get("valueCoding")
            if coding is None:
                continue
            term = await request.terms.find(str(one.item.value_set), str(coding.get("code")))
            same = term is not None and term.system == coding.get("system")
            if term is None or not same or coding.get("display") not in (term.display, *term.names):
                found[place(one)] = request.chart.translator.gettext(_NOT_IN_SET)
    return found
