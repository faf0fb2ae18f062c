"""Working out a form: what is asked, what is calculated, what is wrong.

https://hl7.org/fhir/uv/sdc/behavior.html. `evaluate` works out everything; `reevaluate` only what depends on
the answers that changed, with the same result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from kontinuum.fhir.fhirpath import FHIRPathError, Node
from kontinuum.fhir.fhirpath.code import SYSTEM_CLOCK
from kontinuum.fhir.fhirpath.functions.forms import WEIGHTS, stated_weight
from kontinuum.fhir.issues import Severity
from kontinuum.fhir.questionnaire import rules
from kontinuum.fhir.questionnaire.conditions import holds
from kontinuum.fhir.questionnaire.graph import (
    CALCULATED,
    CONSTRAINT,
    ENABLED,
    Cell,
    Plan,
    known_variables,
    plan,
)
from kontinuum.fhir.questionnaire.items import Form, Formula, Item, Value
from kontinuum.fhir.questionnaire.occurrences import Answer, Occurrence, add_below, build, place_of
from kontinuum.fhir.questionnaire.problems import Problem
from kontinuum.fhir.questionnaire.values import only_value, same_value, to_answer, value_key
from kontinuum.kernel.clock import Clock

Result = tuple[Any, ...]
"""What a cell came to, for each occurrence of its item: (value, problems)."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a form is filled in for: resources under the names of its launch context, and the time.

    https://hl7.org/fhir/uv/sdc/StructureDefinition-sdc-questionnaire-launchContext.html. Results of FHIR
    queries are given under the names of the variables that ask for them. `observations`, the newest first,
    are those that answers may be taken from.
    """

    variables: Mapping[str, Any] = field(default_factory=dict)
    clock: Clock = SYSTEM_CLOCK
    observations: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class State:
    """A form as it stands after some answers.

    `response` is the QuestionnaireResponse without what is not asked and with what is calculated;
    `recalculated` names the items whose expressions and conditions were evaluated this time.
    """

    form: Form
    context: Context
    entered: Mapping[str, Any]
    top: Occurrence
    response: dict[str, Any]
    problems: tuple[Problem, ...]
    results: Mapping[Cell, Result]
    recalculated: tuple[str, ...]

    def occurrences(self, link_id: str) -> list[Occurrence]:
        """Every occurrence of an item, in order."""
        return [one for one in self.top.walk() if one.item is not None and one.item.link_id == link_id]

    def enabled(self, link_id: str) -> bool:
        """Whether some occurrence of an item is asked."""
        return any(one.active() for one in self.occurrences(link_id))

    def answers(self, link_id: str) -> list[Value]:
        """The answers to an item that count, calculated ones among them."""
        return [answer.value for one in self.occurrences(link_id) if one.active() for answer in one.answers]

    def choices(self, occurrence: Occurrence) -> list[Value]:
        """What can be chosen for an item: its options, or what its `answerExpression` gives now."""
        assert occurrence.item is not None
        item = occurrence.item
        if item.answers_formula is None:
            return [option.value for option in item.options]
        values = [to_answer(item, node) for node in self.nodes(item.answers_formula, occurrence)]
        return [value for value in values if value is not None]

    def nodes(self, formula: Formula, occurrence: Occurrence) -> list[Node]:
        """What a formula of the form gives at an occurrence; nothing where it cannot be worked out."""
        return Run(self.form, self.context, self.top, self.entered).nodes(formula, occurrence)[0]


def evaluate(form: Form, response: Mapping[str, Any], context: Context | None = None) -> State:
    """Work out everything."""
    return _worked_out(form, response, context or Context(), None)


def reevaluate(state: State, response: Mapping[str, Any]) -> State:
    """The state after other answers: only what depends on the changed ones is evaluated again."""
    return _worked_out(state.form, response, state.context, state)


def _worked_out(form: Form, response: Mapping[str, Any], context: Context, earlier: State | None) -> State:
    top, problems = build(form, response)
    run = Run(form, context, top, response)
    dirty = None if earlier is None else _changed_links(form, earlier, top)
    results: dict[Cell, Result] = {}
    evaluated: dict[str, None] = {}
    altered: set[Cell] = set()
    steps = plan_of(form)
    for cell in steps.order:
        old = None if earlier is None else earlier.results.get(cell)
        if dirty is None or old is None or _is_due(steps, cell, dirty, altered):
            results[cell] = run.work_out(cell)
            evaluated[cell[1]] = None
            if results[cell] != old:
                altered.add(cell)
        else:
            results[cell] = old
        run.apply(cell, results[cell])
    problems += run.found_problems(results)
    made = run.resource()
    return State(form, context, response, top, made, tuple(problems), results, tuple(evaluated))


def _is_due(steps: Plan, cell: Cell, dirty: frozenset[str], altered: set[Cell]) -> bool:
    watched = steps.watches[cell]
    changed = bool(dirty) if watched is None else not watched.isdisjoint(dirty)
    return changed or any(other in altered for other in steps.waits[cell])


@lru_cache(maxsize=256)
def _plan_by_identity(key: _Key) -> Plan:
    return plan(key.form)


class _Key:
    """A form by identity: forms are immutable and compiled once."""

    __slots__ = ("form",)

    def __init__(self, form: Form) -> None:
        self.form = form

    def __hash__(self) -> int:
        return id(self.form)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.form is self.form


def plan_of(form: Form) -> Plan:
    """The plan of a form, made once."""
    return _plan_by_identity(_Key(form))


def _changed_links(form: Form, earlier: State, top: Occurrence) -> frozenset[str]:
    """The linkIds with other answers, or another number of occurrences, and those below them."""
    before, after = _entered(form, earlier.entered), _by_link(top)
    found: set[str] = set()
    for link in form.items:
        if before.get(link) != after.get(link):
            found |= form.subtrees[link]
    return frozenset(found)


def _entered(form: Form, response: Mapping[str, Any]) -> dict[str, list[Any]]:
    return _by_link(build(form, response)[0])


def _by_link(top: Occurrence) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for one in top.walk():
        if one.item is not None:
            found.setdefault(one.item.link_id, []).append([answer.value for answer in one.answers])
    return found


class Run:
    """One working out of a form."""

    def __init__(self, form: Form, context: Context, top: Occurrence, entered: Mapping[str, Any]) -> None:
        self.form = form
        self.context = context
        self.top = top
        self._head = {key: value for key, value in entered.items() if key != "item"}
        self._places: dict[str, list[Occurrence]] = {}
        for one in top.walk():
            if one.item is not None:
                self._places.setdefault(one.item.link_id, []).append(one)
        self._chosen: dict[int, Any] | None = None

    def resource(self) -> dict[str, Any]:
        """The response as it stands."""
        return {"resourceType": "QuestionnaireResponse", **self._head, **(self.top.json() or {})}

    def occurrences(self, link: str) -> list[Occurrence]:
        """The occurrences of an item; of the whole form for ""."""
        return [self.top] if link == "" else self._places.get(link, [])

    def work_out(self, cell: Cell) -> Result:
        """What a cell comes to, for each occurrence of its item."""
        kind, link, place = cell
        if kind == ENABLED:
            return tuple(self._enabled(one) for one in self.occurrences(link))
        if kind == CALCULATED:
            return tuple(self._calculated(self.form.items[link]))
        constraints = self.form.constraints if link == "" else self.form.items[link].constraints
        return tuple(self._kept(constraints[place].formula, one) for one in self.occurrences(link))

    def apply(self, cell: Cell, result: Result) -> None:
        """Put a result into the tree."""
        kind, link, _ = cell
        if kind == CONSTRAINT:
            return
        for one, (value, _) in zip(self.occurrences(link), result, strict=True):
            if kind == ENABLED and one.enabled != value:
                one.enabled = value
                one.changed()
            elif kind == CALCULATED and [answer.value for answer in one.answers] != list(value):
                self._answer(one, value)

    def _answer(self, occurrence: Occurrence, values: Sequence[Value]) -> None:
        occurrence.answers = [Answer(value) for value in values]
        for answer in occurrence.answers:
            add_below(occurrence, answer)
        occurrence.changed()
        self._chosen = None
        if occurrence.item is not None and occurrence.item.children:
            for link in self.form.subtrees[occurrence.item.link_id] - {occurrence.item.link_id}:
                self._places[link] = [
                    one for one in self.top.walk() if one.item is not None and one.item.link_id == link
                ]

    def _enabled(self, occurrence: Occurrence) -> tuple[bool, tuple[Problem, ...]]:
        item = occurrence.item
        assert item is not None
        wanted = any if item.any_condition else all
        enabled = wanted(holds(one, occurrence) for one in item.conditions) if item.conditions else True
        if item.enabled_when is None:
            return enabled, ()
        nodes, problems = self.nodes(item.enabled_when, occurrence)
        # What cannot be worked out is asked: a question too many is seen, a missing one is not.
        return enabled and (bool(problems) or _is_true(nodes)), problems

    def _calculated(self, item: Item) -> Iterator[tuple[tuple[Value, ...], tuple[Problem, ...]]]:
        assert item.calculated is not None
        places = self.occurrences(item.link_id)
        for one in places:
            if one.answers:
                self._answer(one, ())
        for one in places:
            nodes, problems = self.nodes(item.calculated, one)
            values = [to_answer(item, node) for node in nodes]
            wrong = [
                Problem(item.link_id, "result", values={"given": node.value})
                for node, value in zip(nodes, values, strict=True)
                if value is None
            ]
            kept = tuple(value for value in values if value is not None)
            yield kept if item.repeats else kept[:1], (*problems, *wrong)

    def _kept(self, formula: Formula, occurrence: Occurrence) -> tuple[bool, tuple[Problem, ...]]:
        nodes, problems = self.nodes(formula, occurrence)
        # A rule that gives nothing is kept, as with the invariants of FHIR itself.
        return not nodes or _is_true(nodes), problems

    def nodes(self, formula: Formula, occurrence: Occurrence) -> tuple[list[Node], tuple[Problem, ...]]:
        """What a formula gives at an occurrence, and why it gives nothing."""
        link = "" if occurrence.item is None else occurrence.item.link_id
        try:
            return _Scope(self, occurrence, link).run(formula), ()
        except (FHIRPathError, RecursionError) as error:
            reason = error.message if isinstance(error, FHIRPathError) else "the variables need each other."
            return [], (Problem(link, "expression", values={"reason": reason}),)

    def weight(self, value: Any) -> Any:
        """What a chosen answer counts: as it says itself, or as the form says."""
        own = stated_weight(value)
        if own is not None:
            return own
        if self._chosen is None:
            self._chosen = _weights(self.form, self.top)
        # The same code may count differently in two questions: what was chosen is told by the object itself.
        return self._chosen.get(id(value)) if isinstance(value, dict) else _weight_of_plain(self.form, value)

    def found_problems(self, results: Mapping[Cell, Result]) -> list[Problem]:
        """What is wrong with the answers that count."""
        found: list[Problem] = []
        for (kind, link, place), result in results.items():
            for one, (value, problems) in zip(self.occurrences(link), result, strict=True):
                if not one.active():
                    continue
                found += problems
                if kind == CONSTRAINT and not value and not problems:
                    found.append(self._broken(link, place, one))
        for one in self.top.walk():
            if one.active():
                found += rules.problems(one)
        return found

    def _broken(self, link: str, place: int, occurrence: Occurrence) -> Problem:
        constraint = (self.form.constraints if link == "" else self.form.items[link].constraints)[place]
        severity: Severity = "warning" if constraint.severity == "warning" else "error"
        values = {"human": constraint.human, "key": constraint.key}
        return Problem(link, "constraint", place_of(occurrence), values, severity)


class _Scope(Mapping[str, Any]):
    """The variables in force at an occurrence, worked out when they are asked for."""

    def __init__(self, run: Run, occurrence: Occurrence, link: str) -> None:
        self._run = run
        self._occurrence = occurrence
        self._named = known_variables(run.form, link or None)

    def run(self, formula: Formula, occurrence: Occurrence | None = None) -> list[Node]:
        """What a formula gives."""
        if formula.expression is None:
            raise FHIRPathError(f"The query %{formula.name} was not carried out.")
        where = occurrence or self._occurrence
        resource = self._run.resource()
        context = None
        if where.item is not None:
            element = where.json() or {"linkId": where.item.link_id}
            context = Node(element, "QuestionnaireResponse.item")
        link = where.item.link_id if where.item else ""
        scope = self if where is self._occurrence else _Scope(self._run, where, link)
        return formula.expression.nodes(
            resource, context=context, variables=scope, clock=self._run.context.clock
        )

    def __getitem__(self, name: str) -> Any:
        if name == WEIGHTS:
            return self._run.weight
        if name == "questionnaire":
            return self._run.form.questionnaire
        if name == "qitem" and self._occurrence.item is not None:
            return Node(self._occurrence.item.source, "Questionnaire.item")
        given = self._run.context.variables
        if name in self._named:
            formula = self._named[name]
            owner = self._owner(formula)
            held = _listed(given[name]) if formula.query is not None and name in given else None
            if held is None:
                held = self.run(formula, owner)
            if owner.item is not None and formula is owner.item.population:
                return held[owner.row : owner.row + 1]
            return held
        if name in given:
            return given[name]
        if name in self._run.form.launch:
            return []
        raise KeyError(name)

    def _owner(self, formula: Formula) -> Occurrence:
        """The occurrence at which a variable is defined: this one, or one that it lies in."""
        here: Occurrence = self._occurrence
        while here.parent is not None:
            if here.item is not None and (formula in here.item.variables or formula is here.item.population):
                return here
            here = here.parent
        return here

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a variable; `default` for one that is not defined."""
        try:
            return self[name]
        except KeyError:
            return default

    def __iter__(self) -> Iterator[str]:
        own = (WEIGHTS, "questionnaire", "qitem")
        return iter({*own, *self._named, *self._run.context.variables, *self._run.form.launch})

    def __len__(self) -> int:
        return len(list(iter(self)))


def _listed(given: Any) -> list[Any]:
    """What a query found: a searchset Bundle as its resources, everything else as a list."""
    if isinstance(given, dict) and given.get("resourceType") == "Bundle":
        return [entry["resource"] for entry in given.get("entry") or () if "resource" in entry]
    return list(given) if isinstance(given, list | tuple) else [given]


def _is_true(nodes: Sequence[Node]) -> bool:
    return bool(nodes) and nodes[-1].value is True and len(nodes) == 1


def _weights(form: Form, top: Occurrence) -> dict[int, Any]:
    """What each Coding in the form and in its answers counts, by the identity of the object."""
    found: dict[int, Any] = {}
    for item in form.items.values():
        found.update({id(_inner(option.value)): option.weight for option in item.options})
    for one in top.walk():
        options = one.item.options if one.item is not None else ()
        for answer in one.answers:
            weights = (o.weight for o in options if same_value(o.value, only_value(answer.value)))
            found[id(_inner(answer.value))] = next(weights, None)
    return found


def _inner(value: Mapping[str, Any]) -> Any:
    return value.get(value_key(value) or "")


def _weight_of_plain(form: Form, value: Any) -> Any:
    """What a text or number to choose counts; it has no identity, so all questions must agree on it."""
    weights = {
        option.weight
        for item in form.items.values()
        for option in item.options
        if _inner(option.value) == value
    }
    if len(weights) > 1:
        raise FHIRPathError(f"The choice {value!r} counts differently in several questions; give them codes.")
    return next(iter(weights), None)


def differs(answers: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> bool:
    """Whether two lists of answers hold other values."""
    pairs = list(zip(answers, others, strict=False))
    return len(answers) != len(others) or any(not same_value(only_value(a), only_value(b)) for a, b in pairs)
