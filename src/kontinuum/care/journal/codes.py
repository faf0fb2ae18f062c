"""Answers that are codes: whether they are in a value set that is here, and what a diagnosis' code means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from kontinuum.care.journal.fields import Fields, is_searched, place
from kontinuum.care.journal.pane import Field
from kontinuum.fhir.questionnaire import State
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import ActionRequest, PageRequest
from kontinuum.kernel.terms import Term

_NOT_KNOWN: Final = message("The choices stand in a value set that is not here: %(set)s")
_NOT_IN_SET: Final = message("The code is not one of those to choose from here. Choose another one.")
_DIAGNOSES: Final = "diagnosis"
_MEANS: Final = message("%(code)s means “%(meaning)s”. Check that it is the code that you mean.")
_NO_SUCH_CODE: Final = message(
    "%(code)s is not among the codes here. Check it, or choose the diagnosis in the list at its words."
)


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


async def other_meanings(
    request: PageRequest | ActionRequest, shown: Sequence[Field], fields: Fields
) -> dict[str, str]:
    """What is told at the codes of diagnoses whose words say something else than the code, by field.

    Nothing is refused: a diagnosis is written more exactly than its code, and only a part of the codes may
    be loaded. But the code is what goes on to statistics and other systems, and nobody knows them by heart.
    """
    found: dict[str, str] = {}
    for words in _walk(shown):
        code = next((one.strip() for one in fields.get(words.codes_into, ()) if one.strip()), "")
        if not words.codes_into or not code:
            continue
        term = await request.terms.find(_DIAGNOSES, code)
        text = next(iter(fields.get(words.name, ())), "")
        if term is None and await request.terms.knows(_DIAGNOSES):
            found[words.codes_into] = request.chart.translator.gettext(_NO_SUCH_CODE) % {"code": code}
        elif term is not None and not _says(text, term):
            told = {"code": term.code, "meaning": term.display}
            found[words.codes_into] = request.chart.translator.gettext(_MEANS) % told
    return found


def _walk(shown: Sequence[Field]) -> Iterator[Field]:
    for one in shown:
        yield one
        yield from _walk(one.inside)


def _says(text: str, term: Term) -> bool:
    """Whether the words are one of the term's names, possibly with more behind it."""
    written = text.strip().casefold()
    return any(written.startswith(name.casefold()) for name in (term.display, *term.names))
