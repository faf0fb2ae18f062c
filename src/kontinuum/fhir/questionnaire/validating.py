"""Holding a QuestionnaireResponse to its Questionnaire.

http://hl7.org/fhir/R4/questionnaireresponse.html#notes
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kontinuum.fhir.questionnaire.evaluating import Context, State, differs, evaluate
from kontinuum.fhir.questionnaire.items import Form
from kontinuum.fhir.questionnaire.occurrences import Occurrence
from kontinuum.fhir.questionnaire.problems import Problem

_FINISHED = frozenset({"completed", "amended"})
_ONLY_WHEN_FINISHED = frozenset({"required", "too-few"})


def validate_response(
    form: Form, response: Mapping[str, Any], context: Context | None = None
) -> list[Problem]:
    """Everything in a response that its form does not allow; [] for a good one.

    What must be answered is missed only in a response that is finished.
    """
    problems = list(_header(form, response))
    state = evaluate(form, response, context)
    finished = response.get("status") in _FINISHED
    problems += [one for one in state.problems if finished or one.code not in _ONLY_WHEN_FINISHED]
    problems += _not_asked(state)
    problems += _calculated(state, response)
    return problems


def _header(form: Form, response: Mapping[str, Any]) -> Iterator[Problem]:
    named = response.get("questionnaire")
    url = form.questionnaire.get("url")
    if named is not None and url is not None and named not in (url, form.canonical):
        values = {"given": named, "expected": form.canonical}
        yield Problem("", "form", "QuestionnaireResponse.questionnaire", values)


def _not_asked(state: State) -> Iterator[Problem]:
    for one in state.top.walk():
        if one.item is not None and one.answers and one.item.calculated is None and not one.active():
            yield Problem(one.item.link_id, "not-enabled")


def _calculated(state: State, response: Mapping[str, Any]) -> Iterator[Problem]:
    given = _given(response)
    for link, item in state.form.items.items():
        if item.calculated is None:
            continue
        expected = [one for one in state.occurrences(link) if one.active() and one.answers]
        entered = given.get(link, [])
        agree = len(entered) == len(expected) and not any(
            differs(answers, _values(one)) for answers, one in zip(entered, expected, strict=True)
        )
        if not agree:
            yield Problem(link, "calculated")


def _values(occurrence: Occurrence) -> list[Mapping[str, Any]]:
    return [answer.value for answer in occurrence.answers]


def _given(element: Mapping[str, Any]) -> dict[str, list[list[Mapping[str, Any]]]]:
    """The answers in a response by linkId, one list for each item that has any."""
    found: dict[str, list[list[Mapping[str, Any]]]] = {}
    waiting = [element]
    while waiting:
        here = waiting.pop(0)
        below: list[Mapping[str, Any]] = []
        for item in here.get("item") or ():
            answers = item.get("answer") or []
            if answers:
                found.setdefault(str(item.get("linkId")), []).append(answers)
            below += [item, *answers]
        waiting = below + waiting
    return found
