"""Templates of the journal, filled in by linkId."""

from __future__ import annotations

from typing import Any

from kontinuum.care.journal.library import Template, template
from kontinuum.fhir.questionnaire import Context, State, evaluate


def one_of(name: str) -> Template:
    found = template(name)
    assert found is not None
    return found


def answered(name: str, *variables: Any, **given: Any) -> State:
    """A template with answers by linkId (`_` for `-`): a code for a choice, else the value itself.

    What stands before them is the context: variables, and a clock.
    """
    form = one_of(name).form
    context = Context(*variables or ({},))

    def fill(items: Any) -> list[dict[str, Any]]:
        made = []
        for item in items:
            if item.is_group:
                inner = fill(item.children)
                made += [{"linkId": item.link_id, "item": inner}] if inner else []
            elif item.link_id.replace("-", "_") in given:
                value = given[item.link_id.replace("-", "_")]
                many = value if isinstance(value, list) else [value]
                made.append({"linkId": item.link_id, "answer": [answer(item, one) for one in many]})
        return made

    return evaluate(form, {"resourceType": "QuestionnaireResponse", "item": fill(form.children)}, context)


def answer(item: Any, value: Any) -> dict[str, Any]:
    if item.type in ("choice", "open-choice"):
        return next(o.value for o in item.options if o.value["valueCoding"]["code"] == str(value))
    kinds = {
        "boolean": "valueBoolean",
        "integer": "valueInteger",
        "decimal": "valueDecimal",
        "date": "valueDate",
    }
    return {kinds.get(item.type, "valueString"): value}


def value_of(state: State, link: str) -> Any:
    values = [next(iter(answer.values())) for answer in state.answers(link)]
    return values[0] if values else None
