"""From a Questionnaire to a form; what is wrong with it is told with its place.

http://hl7.org/fhir/R4/questionnaire.html, https://hl7.org/fhir/uv/sdc/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from kontinuum.fhir.issues import Issue
from kontinuum.fhir.questionnaire import urls
from kontinuum.fhir.questionnaire.extensions import Notes, Source
from kontinuum.fhir.questionnaire.graph import find_cycle
from kontinuum.fhir.questionnaire.items import (
    VALUE_KEYS,
    Condition,
    Extraction,
    FixedValue,
    Form,
    Item,
    Limits,
    Option,
    Value,
)

ValueSets = Callable[[str], Sequence[Mapping[str, Any]] | None]
"""The terminology: the Codings of a value set by its canonical address; None for an unknown one."""

OPERATORS = frozenset({"exists", "=", "!=", ">", "<", ">=", "<="})


def compile_form(questionnaire: Mapping[str, Any], value_sets: ValueSets | None = None) -> Form | list[Issue]:
    """The form that a Questionnaire describes, or why it cannot be used: one issue for each fault."""
    form, issues = read_form(questionnaire, value_sets)
    faults = [issue for issue in issues if issue.refuses]
    return faults if form is None or faults else form


def read_form(
    questionnaire: Mapping[str, Any], value_sets: ValueSets | None = None
) -> tuple[Form | None, list[Issue]]:
    """The form, as far as it can be read, and every remark on it."""
    notes = Notes()
    if not isinstance(questionnaire, dict) or questionnaire.get("resourceType") != "Questionnaire":
        notes.error("structure", "This is not a Questionnaire.", "Questionnaire")
        return None, notes.issues
    reader = _Reader(questionnaire, value_sets, notes)
    form = reader.form()
    cycle = find_cycle(form)
    if cycle:
        path = " → ".join(cycle)
        message = f"These items wait for each other: {path}."
        notes.error("business-rule", message, form.items[cycle[0]].location)
    return form, notes.issues


class _Reader:
    def __init__(self, questionnaire: Mapping[str, Any], value_sets: ValueSets | None, notes: Notes) -> None:
        self._questionnaire = questionnaire
        self._value_sets = value_sets
        self._notes = notes
        self._items: dict[str, Item] = {}
        self._parents: dict[str, str | None] = {}

    def form(self) -> Form:
        source = Source(self._questionnaire, "Questionnaire", self._notes)
        source.refuse_modifiers()
        if self._questionnaire.get("implicitRules"):
            place = "Questionnaire.implicitRules"
            self._notes.error("not-supported", "Rules that this form was made under are not known.", place)
        extraction = _extraction(source, Extraction(), None)
        children = self._children(self._questionnaire, "Questionnaire", extraction)
        for item in self._items.values():
            self._parents.update({child.link_id: item.link_id for child in item.children})
        for child in children:
            self._parents[child.link_id] = None
        return Form(
            self._questionnaire,
            children,
            self._items,
            self._parents,
            source.variables(None),
            source.constraints(None),
            source.launch_context(),
            extraction,
            {link: frozenset(each.link_id for each in item.walk()) for link, item in self._items.items()},
            {link: self._ancestors(link) for link in self._items},
        )

    def _ancestors(self, link: str) -> tuple[str, ...]:
        found: list[str] = []
        parent = self._parents.get(link)
        while parent is not None:
            found.append(parent)
            parent = self._parents.get(parent)
        return tuple(found)

    def _children(self, parent: Mapping[str, Any], path: str, inherited: Extraction) -> tuple[Item, ...]:
        sources = parent.get("item") or ()
        read = [
            self._item(source, f"{path}.item[{place}]", inherited)
            for place, source in enumerate(sources)
            if isinstance(source, dict)
        ]
        return tuple(item for item in read if item is not None)

    def _item(self, item: Mapping[str, Any], path: str, inherited: Extraction) -> Item | None:
        source = Source(item, path, self._notes)
        source.refuse_modifiers()
        link_id, kind = item.get("linkId"), item.get("type")
        if not isinstance(link_id, str) or not link_id:
            self._notes.error("required", "An item needs a linkId.", f"{path}.linkId")
            return None
        if kind not in VALUE_KEYS and kind not in ("group", "display"):
            self._notes.error("value", f"There is no type of item '{kind}'.", f"{path}.type")
            return None
        if link_id in self._items:
            first = self._items[link_id].location
            self._notes.error("duplicate", f"The linkId '{link_id}' is taken by {first}.", f"{path}.linkId")
            return None
        extraction = _extraction(source, inherited, link_id)
        options = self._options(item, path)
        made = Item(
            link_id=link_id,
            type=str(kind),
            location=path,
            source=item,
            text=str(item.get("text") or ""),
            prefix=str(item.get("prefix") or ""),
            code=tuple(item.get("code") or ()),
            definition=item.get("definition"),
            required=item.get("required") is True,
            repeats=item.get("repeats") is True,
            read_only=item.get("readOnly") is True,
            hidden=source.value(urls.HIDDEN) is True,
            control=source.code(urls.ITEM_CONTROL),
            support_link=source.value(urls.SUPPORT_LINK),
            entry_format=source.value(urls.ENTRY_FORMAT),
            initial=self._initial(item, options),
            options=options,
            value_set=item.get("answerValueSet"),
            conditions=self._conditions(item, path),
            any_condition=item.get("enableBehavior") == "any",
            enabled_when=source.formula(urls.ENABLE_WHEN, link_id),
            calculated=source.formula(urls.CALCULATED, link_id),
            initial_formula=source.formula(urls.INITIAL, link_id),
            answers_formula=source.formula(urls.ANSWERS, link_id) or source.formula(urls.CANDIDATES, link_id),
            population=source.formula(urls.POPULATION_CONTEXT, link_id, queries=True),
            variables=source.variables(link_id),
            constraints=source.constraints(link_id),
            limits=_limits(item, source),
            unit=source.value(urls.UNIT),
            unit_options=tuple(source.values(urls.UNIT_OPTION)),
            link_period=source.value(urls.OBSERVATION_LINK),
            extraction=extraction,
        )
        self._items[link_id] = made
        below = replace(extraction, observation=_relation(source, inherited))
        whole = replace(made, children=self._children(item, path, below))
        self._items[link_id] = whole
        return whole

    def _conditions(self, item: Mapping[str, Any], path: str) -> tuple[Condition, ...]:
        found = []
        for place, condition in enumerate(item.get("enableWhen") or ()):
            where = f"{path}.enableWhen[{place}]"
            operator = condition.get("operator")
            value = _answer_of(condition, "answer")
            if operator not in OPERATORS:
                self._notes.error("value", f"There is no operator '{operator}'.", f"{where}.operator")
            elif value is None or not isinstance(condition.get("question"), str):
                self._notes.error("required", "A condition needs a question and an answer.", where)
            else:
                found.append(Condition(condition["question"], operator, value, where))
        return tuple(found)

    def _options(self, item: Mapping[str, Any], path: str) -> tuple[Option, ...]:
        options = []
        for place, option in enumerate(item.get("answerOption") or ()):
            value = _answer_of(option, "value")
            source = Source(option, f"{path}.answerOption[{place}]", self._notes)
            source.refuse_modifiers()
            if value is None:
                self._notes.error("required", "A choice needs a value.", f"{path}.answerOption[{place}]")
                continue
            initial = option.get("initialSelected") is True
            options.append(
                Option(value, source.weight(value), initial, source.value(urls.OPTION_EXCLUSIVE) is True)
            )
        canonical = item.get("answerValueSet")
        if isinstance(canonical, str):
            options += [Option({"valueCoding": coding}) for coding in self._codings(canonical, path)]
        return tuple(options)

    def _codings(self, canonical: str, path: str) -> Sequence[Mapping[str, Any]]:
        if canonical.startswith("#"):
            contained = self._questionnaire.get("contained") or ()
            found = next((one for one in contained if one.get("id") == canonical[1:]), None)
            if found is None or found.get("resourceType") != "ValueSet":
                message = f"The form contains no ValueSet '{canonical[1:]}'."
                self._notes.error("not-found", message, f"{path}.answerValueSet")
                return ()
            codings: Sequence[Mapping[str, Any]] | None = _contained_codings(found)
        else:
            codings = self._value_sets(canonical) if self._value_sets is not None else None
        if codings is None:
            message = f"The codes of {canonical} are not known here, so answers cannot be checked against it."
            self._notes.warning("not-found", message, f"{path}.answerValueSet")
            return ()
        if not codings:
            message = f"The value set {canonical} has no codes here."
            self._notes.error("not-found", message, f"{path}.answerValueSet")
        return codings

    def _initial(self, item: Mapping[str, Any], options: Sequence[Option]) -> tuple[Value, ...]:
        stated = [_answer_of(one, "value") for one in item.get("initial") or ()]
        given = [value for value in stated if value is not None]
        return tuple(given or [option.value for option in options if option.initial])


def _answer_of(source: Mapping[str, Any], stem: str) -> Value | None:
    """`{"answerCoding": x}` as `{"valueCoding": x}`: one shape for values wherever they stand."""
    for key, value in source.items():
        if key.startswith(stem) and key[len(stem) : len(stem) + 1].isupper():
            return {f"value{key[len(stem) :]}": value}
    return None


def _contained_codings(value_set: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """The Codings that a ValueSet lists itself; None where it selects them by rules."""
    expansion = value_set.get("expansion")
    if isinstance(expansion, dict) and "contains" in expansion:
        return _expanded(expansion["contains"])
    compose = value_set.get("compose") or {}
    if compose.get("exclude"):
        return None
    found: list[Mapping[str, Any]] = []
    for include in compose.get("include") or ():
        if "concept" not in include or include.get("filter") or include.get("valueSet"):
            return None
        for concept in include["concept"]:
            coding = {"system": include.get("system"), **_concept(concept)}
            found.append({key: value for key, value in coding.items() if value is not None})
    return found


def _concept(concept: Mapping[str, Any]) -> dict[str, Any]:
    return {key: concept[key] for key in ("extension", "code", "display") if key in concept}


def _expanded(contains: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for entry in contains:
        if entry.get("code") and not entry.get("abstract"):
            kept = ("extension", "system", "code", "display")
            found.append({key: entry[key] for key in kept if key in entry})
        found += _expanded(entry.get("contains") or ())
    return found


def _limits(item: Mapping[str, Any], source: Source) -> Limits:
    return Limits(
        item.get("maxLength"),
        source.value(urls.MIN_LENGTH),
        source.typed(urls.MIN_VALUE),
        source.typed(urls.MAX_VALUE),
        source.value(urls.MAX_DECIMALS),
        source.regex(),
        source.value(urls.MIN_OCCURS),
        source.value(urls.MAX_OCCURS),
    )


def _relation(source: Source, inherited: Extraction) -> str | None:
    """How an Observation is made of an element, by what it says itself or else what is above it."""
    stated = source.value(urls.OBSERVATION_EXTRACT)
    if isinstance(stated, bool):
        return "observation" if stated else None
    return stated if isinstance(stated, str) else inherited.observation


def _codes(source: Source, relation: str | None) -> tuple[Mapping[str, Any], ...]:
    """The codes of an Observation: a code may say for itself whether it is one of them."""
    found = []
    for place, coding in enumerate(source.element.get("code") or ()):
        stated = Source(coding, f"{source.path}.code[{place}]", source.notes).value(urls.OBSERVATION_EXTRACT)
        if stated is True or (stated is None and relation is not None):
            extensions = [
                one for one in coding.get("extension") or () if one["url"] != urls.OBSERVATION_EXTRACT
            ]
            plain = {key: value for key, value in coding.items() if key != "extension"}
            found.append({**plain, "extension": extensions} if extensions else plain)
    return tuple(found)


_UNOBSERVABLE: Final = frozenset({"attachment", "reference"})
"""The types of questions whose answers no Observation holds (http://hl7.org/fhir/R4/observation.html)."""


def _extraction(source: Source, inherited: Extraction, link: str | None) -> Extraction:
    relation = _relation(source, inherited)
    if source.element.get("type") in _UNOBSERVABLE and source.value(urls.OBSERVATION_EXTRACT) is None:
        relation = None
    codes = _codes(source, relation) if link is not None else ()
    observation = relation or ("observation" if codes else None)
    category = (*source.values(urls.OBSERVATION_CATEGORY), *source.values(urls.OBSERVATION_CATEGORY_4))
    fixed = [_fixed(part, link) for part in source.complex(urls.DEFINITION_VALUE)]
    return Extraction(
        observation,
        codes,
        tuple(category) or inherited.category,
        source.extracted_type(),
        tuple(one for one in fixed if one is not None),
    )


def _fixed(part: Source, link: str | None) -> FixedValue | None:
    definition, formula = part.value("definition"), part.formula("expression", link)
    given = part.typed("fixed-value")
    if not isinstance(definition, str) or (given is None and formula is None):
        part.notes.error("required", "A fixed value needs a definition, and a value or formula.", part.path)
        return None
    return FixedValue(definition, next(iter(given.items())) if given else None, formula)
