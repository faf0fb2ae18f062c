"""Beginning a form: fixed initial values, expressions, and what the record already knows.

https://hl7.org/fhir/uv/sdc/populate.html: expression-based and observation-based population.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from kontinuum.fhir.questionnaire.drawing import queries
from kontinuum.fhir.questionnaire.evaluating import Context, Run, evaluate
from kontinuum.fhir.questionnaire.items import Form, Item, Value
from kontinuum.fhir.questionnaire.occurrences import Answer, Occurrence, add_below, build
from kontinuum.fhir.questionnaire.problems import Problem
from kontinuum.fhir.questionnaire.values import to_answer

_DAYS = {"d": 1, "day": 1, "wk": 7, "week": 7, "mo": 31, "month": 31, "a": 366, "year": 366}
_SECONDS = {"s": 1, "min": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Taken:
    """Where an answer that was not written now comes from: a resource and its time."""

    reference: str
    when: str


@dataclass(frozen=True, slots=True)
class Prefilled:
    """A response to begin with; `taken` says by linkId what came from the record.

    `drawn` are the linkIds of what was drawn from it by the form's own queries, `problems` what of the form's
    expressions could not be worked out.
    """

    response: dict[str, Any]
    taken: Mapping[str, Taken]
    drawn: frozenset[str] = frozenset()
    problems: tuple[Problem, ...] = ()


def prefill(form: Form, context: Context | None = None) -> Prefilled:
    """The response in which everything stands that is known before anybody writes."""
    context = context or Context()
    head = {"resourceType": "QuestionnaireResponse", "status": "in-progress"}
    if form.canonical:
        head["questionnaire"] = form.canonical
    top, _ = build(form, head)
    taken: dict[str, Taken] = {}
    _rows(form, context, top, head)
    run = Run(form, context, top, head)
    asked, drawn = frozenset(queries(form)), set[str]()
    problems: list[Problem] = []
    for one in list(top.walk()):
        if one.item is not None and one.item.is_question and one.item.calculated is None:
            problems += _begin(run, context, one, one.item, taken)
            formula = one.item.initial_formula
            if formula is not None and one.answers and formula.variables & asked:
                drawn.add(one.item.link_id)
    response = evaluate(form, {**head, **(top.json() or {})}, context).response
    return Prefilled(response, taken, frozenset(drawn), tuple(problems))


def _rows(form: Form, context: Context, top: Occurrence, head: Mapping[str, Any]) -> None:
    """As many rows of a repeating group as its population context gives resources."""
    for one in list(top.walk()):
        item = one.item
        if item is None or item.population is None or not item.repeats or one.parent is None:
            continue
        name, given = item.population.name or "", context.variables
        if item.population.query is not None:
            found = given.get(name) or []
            count = len(found) if isinstance(found, list | tuple) else len(found.get("entry") or ())
        else:
            count = len(Run(form, context, top, head).nodes(item.population, one.parent)[0])
        siblings = one.parent.children
        place = siblings.index(one)
        for row in range(1, count):
            siblings.insert(place + row, _empty(item, one.parent, row))


def _empty(item: Item, parent: Occurrence, row: int) -> Occurrence:
    made = Occurrence(item, parent, row)
    for child in item.children:
        made.children.append(_empty(child, made, 0))
    return made


def _begin(
    run: Run, context: Context, one: Occurrence, item: Item, taken: dict[str, Taken]
) -> tuple[Problem, ...]:
    values = list(item.initial)
    problems: tuple[Problem, ...] = ()
    if item.initial_formula is not None:
        nodes, problems = run.nodes(item.initial_formula, one)
        found = [value for value in (to_answer(item, node) for node in nodes) if value is not None]
        values = (found if item.repeats else found[:1]) or values
    if item.link_period is not None and not values:
        known = _observed(item, context)
        if known is not None:
            values, taken[item.link_id] = [known[0]], known[1]
    for value in values:
        answer = Answer(dict(value))
        add_below(one, answer)
        one.answers.append(answer)
    one.changed()
    return problems


def _observed(item: Item, context: Context) -> tuple[Value, Taken] | None:
    """The newest observed value of the item's code within the period that it asks for."""
    codes = {(coding.get("system"), coding.get("code")) for coding in item.code}
    for observation in context.observations:
        when = str(observation.get("effectiveDateTime") or "")
        if not _recent(when, item.link_period or {}, context.clock.now()):
            continue
        if observation.get("status") not in ("final", "amended", "corrected"):
            continue
        for part in (observation, *(observation.get("component") or ())):
            if codes & _codes(part.get("code") or {}):
                value = _observed_value(item, part)
                if value is not None:
                    return value, Taken(f"Observation/{observation.get('id')}", when)
    return None


def _codes(concept: Mapping[str, Any]) -> set[tuple[Any, Any]]:
    return {(coding.get("system"), coding.get("code")) for coding in concept.get("coding") or ()}


def _observed_value(item: Item, part: Mapping[str, Any]) -> Value | None:
    for key, value in part.items():
        if key.startswith("value"):
            if key == "valueQuantity" and not _same_unit(item, value):
                return None
            return to_answer(item, value)
    return None


def _same_unit(item: Item, quantity: Mapping[str, Any]) -> bool:
    """Whether a measured number may be taken without its unit: a weight in pounds may not."""
    if item.unit is None or item.type == "quantity":
        return True
    code, unit = item.unit.get("code"), quantity.get("code")
    return code == unit if unit is not None else quantity.get("unit") == item.unit.get("display")


def _recent(when: str, period: Mapping[str, Any], now: datetime) -> bool:
    try:
        measured = datetime.fromisoformat(when)
    except ValueError:
        return False
    if measured.tzinfo is None:
        measured = measured.replace(tzinfo=now.tzinfo)
    unit = period.get("code") or period.get("unit")
    amount = float(Decimal(period.get("value", 0)))
    allowed = timedelta(days=amount * _DAYS.get(str(unit), 0), seconds=amount * _SECONDS.get(str(unit), 0))
    return now - allowed <= measured <= now
