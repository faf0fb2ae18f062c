"""What a score says besides its number: the answers it was reckoned from, and how it is read. Pure.

The Observation of a calculated score gets the other answers of its group as components, and the calculated
text of its group as interpretation (http://hl7.org/fhir/R4/observation.html). What is not completely answered
has no score and so no Observation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from kontinuum.care.journal.fields import option_number
from kontinuum.fhir.questionnaire import Occurrence, State, display, extracted_id, observed

_WEIGHT: Final = "http://hl7.org/fhir/StructureDefinition/itemWeight"
_PLAIN: Final = frozenset({"string", "text"})

Resource = dict[str, Any]


def told(state: State, response: str, made: Sequence[Resource]) -> list[Resource]:
    """What was extracted from a response, by its id, with the scores among it told in full."""
    scores: dict[str, Occurrence] = {}
    seen: Counter[str] = Counter()
    for one in state.top.walk():
        if one.item is None or not one.item.is_score or not one.answers or not one.active():
            continue
        seen[one.item.link_id] += 1
        scores[extracted_id(response, "Observation", one.item.link_id, seen[one.item.link_id])] = one
    return [_told(resource, scores.get(resource["id"]), state) for resource in made]


def _told(resource: Resource, score: Occurrence | None, state: State) -> Resource:
    if score is None or score.parent is None or resource["resourceType"] != "Observation":
        return resource
    beside = [one for one in score.parent.children if one is not score and one.answers and one.active()]
    above = score.parent.item
    title = above.text if above is not None and above.text else state.form.title
    made = {**resource, "code": {**resource["code"], "text": title}}
    words = [display(one.answers[0].value) for one in beside if _reads(one)]
    if words:
        made["interpretation"] = [{"text": text} for text in words]
    parts = [part for one in beside for part in _parts(one, state)]
    return {**made, "component": parts} if parts else made


def _reads(one: Occurrence) -> bool:
    return one.item is not None and one.item.calculated is not None and one.item.type in _PLAIN


def _parts(one: Occurrence, state: State) -> list[Resource]:
    item = one.item
    if item is None or item.calculated is not None or item.type in _PLAIN:
        return []
    own = {"system": str(state.form.questionnaire.get("url", "")), "code": item.link_id}
    code = {"coding": [dict(coding) for coding in item.code] or [own], "text": item.text}
    found = []
    for answer in one.answers:
        value = observed(item, answer.value)
        if value is not None:
            found.append({"code": code, **_weighed(one, answer.value, value)})
    return found


def _weighed(one: Occurrence, answer: Mapping[str, Any], value: Resource) -> Resource:
    """A chosen answer with the points it gives (http://hl7.org/fhir/StructureDefinition/itemWeight)."""
    assert one.item is not None
    number = option_number(one.item, answer)
    weight = one.item.options[number].weight if number is not None else None
    if weight is None or "valueCodeableConcept" not in value:
        return value
    concept = value["valueCodeableConcept"]
    coding = {"extension": [{"url": _WEIGHT, "valueDecimal": weight}], **concept["coding"][0]}
    return {"valueCodeableConcept": {**concept, "coding": [coding]}}
