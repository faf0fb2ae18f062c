"""What an author of a form should know before anybody fills it in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import Any

from kontinuum.fhir.issues import Issue
from kontinuum.fhir.questionnaire.building import fits
from kontinuum.fhir.questionnaire.graph import known_variables
from kontinuum.fhir.questionnaire.items import VALUE_KEYS, Condition, Form, Formula, Item
from kontinuum.fhir.questionnaire.parsing import ValueSets, read_form
from kontinuum.fhir.questionnaire.values import compare, only_value, same_value, value_key

_SUPPLIED = frozenset({"questionnaire", "qitem"})
_ORDERED = frozenset({"decimal", "integer", "date", "dateTime", "time", "quantity"})
_MEASURED = frozenset({"decimal", "quantity"})
_PARTS = frozenset({"component", "member", "derived"})


def check(questionnaire: Mapping[str, Any], value_sets: ValueSets | None = None) -> list[Issue]:
    """Every fault and every remark, each with its place in the Questionnaire; [] for a form without any.

    Errors make the form unusable; warnings are what its author hardly meant.
    """
    form, issues = read_form(questionnaire, value_sets)
    if form is None:
        return issues
    issues += _whole(form)
    for item in form.items.values():
        for part in (_conditions, _formulas, _content, _limits, _extraction):
            issues += part(form, item)
    return issues


def _error(message: str, location: str, code: str = "business-rule") -> Issue:
    return Issue("error", code, message, location)


def _warning(message: str, location: str, code: str = "business-rule") -> Issue:
    return Issue("warning", code, message, location)


def _whole(form: Form) -> Iterator[Issue]:
    if not form.children:
        yield _warning("The form asks nothing.", "Questionnaire.item")
    for formula in (*form.variables, *(constraint.formula for constraint in form.constraints)):
        yield from _formula(form, None, formula)


def _conditions(form: Form, item: Item) -> Iterator[Issue]:
    for condition in item.conditions:
        yield from _condition(form, item, condition)
    if len(item.conditions) > 1 and "enableBehavior" not in item.source:
        place = f"{item.location}.enableBehavior"
        yield _error("Several conditions need enableBehavior: all of them, or any.", place, "required")
    own = _needed(item)
    behind = (one for link in _behind(form, item) for one in _needed(form.items[link]))
    above = [one for one in behind if not _in_rows(form, one.question)]
    for one, other in (*combinations(own, 2), *product(above, own)):
        if _exclude_each_other(form, one, other):
            yield _error("These conditions never hold together, so this is never asked.", other.location)


def _needed(item: Item) -> Sequence[Condition]:
    """The conditions that must all hold for an item to be asked."""
    return item.conditions if len(item.conditions) == 1 or not item.any_condition else ()


def _behind(form: Form, item: Item) -> list[str]:
    """What must be asked for an item to be: the items above it, and those whose answers it needs."""
    found: dict[str, None] = {}
    waiting = [item.link_id]
    while waiting:
        link = waiting.pop()
        needed = [one.question for one in _needed(form.items[link]) if _wants_answer(one)]
        for other in (*form.ancestors.get(link, ()), *needed):
            if other in form.items and other not in found and other != item.link_id:
                found[other] = None
                waiting.append(other)
    return list(found)


def _in_rows(form: Form, link: str) -> bool:
    """Whether a question is asked once a row, so that another item may mean another answer of it."""
    return any(form.items[one].repeats for one in form.ancestors.get(link, ()) if one in form.items)


def _wants_answer(condition: Condition) -> bool:
    """Whether a condition never holds while its question has no answer."""
    if condition.operator == "exists":
        return condition.answer.get("valueBoolean") is True
    return condition.operator != "!="


def _condition(form: Form, item: Item, condition: Condition) -> Iterator[Issue]:
    place = f"{condition.location}.question"
    question = form.items.get(condition.question)
    if question is None:
        yield _error(f"The form has no item '{condition.question}'.", place, "not-found")
        return
    if question.link_id in form.subtrees[item.link_id]:
        yield _error("A condition cannot ask for the item itself or what lies below it.", place)
    if condition.operator == "exists":
        if "valueBoolean" not in condition.answer:
            yield _error("`exists` is compared with true or false.", f"{condition.location}.answer")
        if question.type == "display":
            yield _error(f"'{question.link_id}' is a text and never answered.", place)
        return
    if not question.is_question:
        yield _error(f"'{question.link_id}' is no question, so only `exists` can be asked of it.", place)
        return
    yield from _compared(condition, question)


def _compared(condition: Condition, question: Item) -> Iterator[Issue]:
    place = f"{condition.location}.answer"
    key = value_key(condition.answer)
    if key not in VALUE_KEYS[question.type]:
        message = f"'{question.link_id}' is of the type {question.type}, so it never equals a {key}."
        yield _error(message, place, "value")
    elif condition.operator not in ("=", "!=") and question.type not in _ORDERED:
        message = f"Answers of the type {question.type} have no order."
        yield _error(message, f"{condition.location}.operator", "value")
    elif question.options and question.type == "choice":
        chosen = (option for option in question.options if same_value(option.value, condition.answer))
        if next(chosen, None) is None:
            yield _error(f"This is none of the choices of '{question.link_id}'.", place, "value")
    elif _beyond(condition, question):
        yield _error(f"'{question.link_id}' takes no such answer, so this never holds.", place, "value")


def _beyond(condition: Condition, question: Item) -> bool:
    """Whether no answer within the limits of a question fits."""
    low, high = question.limits.min_value, question.limits.max_value
    above = {"=": "<", ">": "<=", ">=": "<"}.get(condition.operator)
    below = {"=": ">", "<": ">=", "<=": ">"}.get(condition.operator)
    too_high = high is not None and above is not None and compare(high, above, condition.answer)
    return too_high or (low is not None and below is not None and compare(low, below, condition.answer))


def _exclude_each_other(form: Form, one: Condition, other: Condition) -> bool:
    question = form.items.get(one.question)
    if question is None or one.question != other.question or question.repeats:
        return False
    if "exists" in (one.operator, other.operator):
        return _absent_and_compared(one, other) or _absent_and_compared(other, one)
    if one.operator == other.operator == "=":
        return not same_value(only_value(one.answer), only_value(other.answer))
    for low, high in ((one, other), (other, one)):
        if low.operator in ("<", "<=") and high.operator in (">", ">="):
            return compare(low.answer, "<", high.answer)
        if low.operator == "=" and high.operator in ("<", "<=", ">", ">="):
            return question.type in _ORDERED and not compare(low.answer, high.operator, high.answer)
    return False


def _absent_and_compared(one: Condition, other: Condition) -> bool:
    """Whether one wants no answer and the other an answer."""
    if one.operator != "exists" or one.answer.get("valueBoolean") is not False:
        return False
    return other.operator != "!=" and other.answer != one.answer


def _formulas(form: Form, item: Item) -> Iterator[Issue]:
    single = (item.enabled_when, item.calculated, item.initial_formula, item.answers_formula, item.population)
    fixed = (value.formula for value in item.extraction.fixed)
    rules = (constraint.formula for constraint in item.constraints)
    for formula in (*single, *item.variables, *rules, *fixed):
        if formula is not None:
            yield from _formula(form, item, formula)


def _formula(form: Form, item: Item | None, formula: Formula) -> Iterator[Issue]:
    known = {*known_variables(form, item.link_id if item else None), *form.launch, *_SUPPLIED}
    for name in sorted(formula.variables - known):
        if name not in ("ucum", "sct", "loinc") and not name.startswith(("vs-", "ext-")):
            yield _error(f"The variable %{name} is not defined here.", formula.location, "not-found")
    for link in sorted(formula.reads - form.items.keys()):
        yield _error(f"The form has no item '{link}'.", formula.location, "not-found")
    if formula.name is not None and formula.name in formula.variables:
        yield _error(f"The variable %{formula.name} needs itself.", formula.location)


def _content(form: Form, item: Item) -> Iterator[Issue]:
    if item.is_group and not item.children:
        yield _warning("The group holds nothing.", f"{item.location}.item")
    if item.type == "display" and item.children:
        yield _error("A text holds no items.", f"{item.location}.item", "structure")
    if item.type == "choice" and not (item.options or item.value_set or item.answers_formula):
        yield _error("A choice needs something to choose.", item.location, "required")
    if item.is_question and not item.text and not item.hidden and item.control is None:
        yield _warning("The question has no text.", f"{item.location}.text")
    for place, option in enumerate(item.options):
        if any(same_value(option.value, other.value) for other in item.options[:place]):
            yield _error("This choice stands twice.", f"{item.location}.answerOption[{place}]", "duplicate")
    for place, value in enumerate(item.initial):
        if value_key(value) not in VALUE_KEYS.get(item.type, ()):
            message = f"This is no answer of the type {item.type}."
            yield _error(message, f"{item.location}.initial[{place}]", "value")
    if len(item.initial) > 1 and not item.repeats:
        yield _error("Only a question that repeats begins with several answers.", f"{item.location}.initial")
    given = item.calculated or item.initial_formula or item.initial or item.link_period
    if item.required and (item.read_only or item.hidden) and item.is_question and not given:
        yield _error("It must be answered, but nobody can answer it.", item.location)


def _limits(form: Form, item: Item) -> Iterator[Issue]:
    limits = item.limits
    low, high = limits.min_value, limits.max_value
    for limit in (low, high):
        if limit is not None and item.type not in _ORDERED:
            yield _error(
                f"Answers of the type {item.type} have no smallest or largest.", item.location, "value"
            )
            return
    if low is not None and high is not None and compare(low, ">", high):
        yield _error("The smallest value is larger than the largest.", item.location, "value")
    least, most = limits.min_occurs, limits.max_occurs
    if least is not None and most is not None and least > most:
        yield _error("More answers are needed than are taken.", item.location, "value")
    if item.type == "quantity" and item.unit is None and not item.unit_options:
        yield _warning("A quantity needs its unit, or units to choose among.", item.location, "required")


def _extraction(form: Form, item: Item) -> Iterator[Issue]:
    stated = item.source.get("extension") or ()
    own = any(
        "observationExtract" in str(one.get("url")) and one.get("valueBoolean") is not False for one in stated
    )
    if own and item.extraction.observation is not None:
        if not item.extraction.code:
            yield _error("What becomes an Observation needs a code.", f"{item.location}.code", "required")
        if item.type in ("attachment", "reference"):
            yield _error("An Observation cannot hold this answer.", item.location, "not-supported")
        if item.type in _MEASURED and item.unit is None and not item.unit_options:
            yield _warning("A measured value needs its unit.", item.location, "required")
        if item.extraction.observation in _PARTS and not _observed_above(form, item):
            yield _warning(
                "Nothing above this becomes an Observation: it becomes one of its own.", item.location
            )
    builds = _built_type(form, item)
    if item.definition is not None and builds is not None and not fits(item, builds):
        message = f"The answer cannot stand at {item.definition} of {builds}."
        yield _error(message, f"{item.location}.definition", "value")


def _observed_above(form: Form, item: Item) -> bool:
    above = (form.items[link].extraction for link in form.ancestors[item.link_id])
    return any(one.observation is not None and one.code for one in above)


def _built_type(form: Form, item: Item) -> str | None:
    for link in (item.link_id, *form.ancestors[item.link_id]):
        resource = form.items[link].extraction.resource
        if resource is not None:
            return resource if link != item.link_id else None
    return form.extraction.resource
