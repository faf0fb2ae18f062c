"""`enableWhen`: whether a condition on another answer holds.

http://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.enableWhen
"""

from __future__ import annotations

from kontinuum.fhir.questionnaire.items import Condition, Value
from kontinuum.fhir.questionnaire.occurrences import Occurrence
from kontinuum.fhir.questionnaire.values import compare, only_value


def holds(condition: Condition, occurrence: Occurrence) -> bool:
    """Whether the condition holds for an occurrence of the item that has it.

    Of several answers one is enough, except for `!=`, which holds where none is equal.
    """
    answers = _answers(condition.question, occurrence)
    if condition.operator == "exists":
        return bool(answers) == (condition.answer.get("valueBoolean") is True)
    if condition.operator == "!=":
        return not any(compare(answer, "=", condition.answer) for answer in answers)
    return any(compare(answer, condition.operator, condition.answer) for answer in answers)


def _answers(link: str, occurrence: Occurrence) -> list[Value]:
    nearest = _nearest(link, occurrence)
    if nearest is None or not nearest.active():
        return []
    if nearest.item is not None and nearest.item.is_group:
        return [{"valueBoolean": True}] if nearest.json() is not None else []
    return [only_value(answer.value) for answer in nearest.answers]


def _nearest(link: str, occurrence: Occurrence) -> Occurrence | None:
    """The occurrence of a question that is meant: an ancestor, else the last before, else the first after."""
    here = occurrence.parent
    while here is not None:
        if here.item is not None and here.item.link_id == link:
            return here
        found, passed = None, False
        for one in here.walk():
            passed = passed or one is occurrence
            if one.item is not None and one.item.link_id == link and (found is None or not passed):
                found = one
        if found is not None:
            return found
        here = here.parent
    return None
