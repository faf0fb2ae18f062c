"""In which order a form's conditions, calculations and rules are worked out, and what each waits for.

A cell is one thing to be worked out for an item: whether it is enabled, its calculated answer, or whether a
rule is kept. The cells and what they read form a graph; a form whose graph has a cycle cannot be used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from kontinuum.fhir.questionnaire.items import Form, Formula

ENABLED: Final = "enabled"
CALCULATED: Final = "calculated"
CONSTRAINT: Final = "constraint"

Cell = tuple[str, str, int]
"""What is worked out, the linkId ("" for the whole form), and which of several constraints."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The cells in an order in which each comes after those it waits for.

    `watches` are the linkIds whose answers a cell looks at, None for all; `waits` the cells it reads.
    """

    order: tuple[Cell, ...]
    watches: Mapping[Cell, frozenset[str] | None]
    waits: Mapping[Cell, tuple[Cell, ...]]


def plan(form: Form) -> Plan:
    """The plan of a form without cycles."""
    reads, waits = _edges(form)
    order: list[Cell] = []
    assert _sorted(waits, order) is None, "a form is compiled only without cycles"
    return Plan(tuple(order), {cell: _watched(form, cell, reads[cell]) for cell in order}, waits)


def find_cycle(form: Form) -> list[str]:
    """The linkIds of items that wait for each other, the first one again at the end; empty without."""
    _, waits = _edges(form)
    cycle = _sorted(waits, [])
    links = [] if cycle is None else [link for _, link, _ in cycle]
    return [link for place, link in enumerate(links) if place == 0 or link != links[place - 1]] or links[:1]


def known_variables(form: Form, link: str | None) -> dict[str, Formula]:
    """The variables in force at an item: the form's, its ancestors' and its own, the nearest last."""
    named = {one.name: one for one in form.variables if one.name}
    if link is not None:
        for each in (*reversed(form.ancestors.get(link, ())), link):
            named.update({one.name: one for one in form.items[each].variables if one.name})
            population = form.items[each].population
            if population is not None and population.name:
                named[population.name] = population
    return named


def _edges(form: Form) -> tuple[dict[Cell, frozenset[str] | None], dict[Cell, tuple[Cell, ...]]]:
    reads: dict[Cell, frozenset[str] | None] = {}
    for link, item in form.items.items():
        if item.conditional:
            asked = frozenset(condition.question for condition in item.conditions)
            formulas = () if item.enabled_when is None else (item.enabled_when,)
            reads[(ENABLED, link, 0)] = _joined(asked, _reads(form, link, formulas))
        if item.calculated is not None:
            found = _reads(form, link, (item.calculated,))
            reads[(CALCULATED, link, 0)] = None if found is None else found - {link}
        for place, constraint in enumerate(item.constraints):
            reads[(CONSTRAINT, link, place)] = _reads(form, link, (constraint.formula,))
    for place, constraint in enumerate(form.constraints):
        reads[(CONSTRAINT, "", place)] = _reads(form, None, (constraint.formula,))
    return reads, _waits(form, reads)


def _joined(one: frozenset[str], other: frozenset[str] | None) -> frozenset[str] | None:
    return None if other is None else one | other


def _reads(form: Form, link: str | None, formulas: Iterable[Formula]) -> frozenset[str] | None:
    """The linkIds that formulas read, through variables too; None for all."""
    known, found, seen = known_variables(form, link), set[str](), set[int]()
    waiting = list(formulas)
    while waiting:
        formula = waiting.pop()
        if id(formula) in seen:
            continue
        seen.add(id(formula))
        if formula.reads_all:
            return None
        found |= formula.reads
        waiting += [known[name] for name in formula.variables if name in known]
    return frozenset(found)


def _waits(form: Form, reads: Mapping[Cell, frozenset[str] | None]) -> dict[Cell, tuple[Cell, ...]]:
    values = [cell for cell in reads if cell[0] != CONSTRAINT]
    at: dict[str, list[Cell]] = {}
    for cell in values:
        at.setdefault(cell[1], []).append(cell)
    waits: dict[Cell, tuple[Cell, ...]] = {}
    for cell, links in reads.items():
        if links is None:
            found = [other for other in values if other != cell]
        else:
            found = [other for link in _content(form, links) for other in at.get(link, ())]
        if cell[0] == CALCULATED:
            # A calculation does not see the item's own answer, so its own condition changes nothing either.
            found = [other for other in found if other[1] != cell[1]]
        waits[cell] = tuple(dict.fromkeys(found))
    return waits


def _content(form: Form, links: Iterable[str]) -> list[str]:
    """Whose cells decide what stands at the linkIds: theirs, those below, and those above."""
    found: dict[str, None] = {}
    for link in sorted(links):
        for each in sorted(form.subtrees.get(link, ())):
            found[each] = None
        for each in form.ancestors.get(link, ()):
            found[each] = None
    return list(found)


def _watched(form: Form, cell: Cell, links: frozenset[str] | None) -> frozenset[str] | None:
    if links is None:
        return None
    watched = {each for link in links for each in form.subtrees.get(link, ())}
    return frozenset(watched | ({cell[1]} if cell[1] else set()))


def _sorted(waits: Mapping[Cell, tuple[Cell, ...]], order: list[Cell]) -> list[Cell] | None:
    """Put the cells in order; or give a cycle, ending where it begins."""
    state: dict[Cell, int] = {}
    for start in waits:
        stack: list[tuple[Cell, int]] = [(start, 0)] if start not in state else []
        path: list[Cell] = []
        while stack:
            cell, place = stack.pop()
            if place == 0:
                state[cell] = 1
                path.append(cell)
            following = waits[cell]
            if place == len(following):
                state[cell] = 2
                path.pop()
                order.append(cell)
                continue
            stack.append((cell, place + 1))
            target = following[place]
            if state.get(target) == 1:
                return [*path[path.index(target) :], target]
            if target not in state:
                stack.append((target, 0))
    return None
