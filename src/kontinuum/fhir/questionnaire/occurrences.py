"""A form being filled in: its items as often as they occur, with their answers.

The tree holds what was entered, also in parts that are not enabled at the moment, so that nothing written is
lost when a condition changes to and fro; `json()` gives the response without those parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kontinuum.fhir.questionnaire.items import Form, Item
from kontinuum.fhir.questionnaire.problems import Problem

_KEPT = ("id", "extension", "definition", "text")


class Answer:
    """One answer, with the items below it. `value` is the answer's object without its items."""

    __slots__ = ("children", "value")

    def __init__(self, value: dict[str, Any]) -> None:
        self.value = value
        self.children: list[Occurrence] = []


class Occurrence:
    """One occurrence of an item; the topmost, whose item is None, is the whole form."""

    __slots__ = ("_json", "_known", "answers", "children", "enabled", "item", "kept", "parent", "row")

    def __init__(self, item: Item | None, parent: Occurrence | None, row: int = 0) -> None:
        self.item = item
        self.parent = parent
        self.row = row
        self.enabled = True
        self.kept: dict[str, Any] = {}
        self.answers: list[Answer] = []
        self.children: list[Occurrence] = []
        self._json: dict[str, Any] | None = None
        self._known = False

    def below(self) -> list[Occurrence]:
        """The occurrences directly below: those of a group, or of each answer."""
        if not self.answers:
            return self.children
        return [*self.children, *(child for answer in self.answers for child in answer.children)]

    def walk(self) -> Iterator[Occurrence]:
        """The occurrence and all below it, in order."""
        yield self
        for child in self.below():
            yield from child.walk()

    def active(self) -> bool:
        """Whether it is asked: its own condition holds, and those of all it lies in."""
        here: Occurrence | None = self
        while here is not None:
            if not here.enabled:
                return False
            here = here.parent
        return True

    def changed(self) -> None:
        """Forget what was built of it: its answers or its condition changed."""
        here: Occurrence | None = self
        while here is not None and here._known:
            here._known = False
            here = here.parent

    def json(self) -> dict[str, Any] | None:
        """It as `QuestionnaireResponse.item`; None where nothing is answered or it is not asked."""
        if not self._known:
            self._json = self._build()
            self._known = True
        return self._json

    def _build(self) -> dict[str, Any] | None:
        if not self.enabled:
            return None
        if self.item is None:
            return {"item": items} if (items := _items(self.children)) else {}
        made: dict[str, Any] = {"linkId": self.item.link_id}
        if self.item.text:
            made["text"] = self.item.text
        made.update(self.kept)
        if self.item.is_group:
            items = _items(self.children)
            return {**made, "item": items} if items else None
        answers = []
        for answer in self.answers:
            items = _items(answer.children)
            answers.append({**answer.value, "item": items} if items else answer.value)
        return {**made, "answer": answers} if answers else None


def _items(occurrences: Sequence[Occurrence]) -> list[dict[str, Any]]:
    return [made for one in occurrences if (made := one.json()) is not None]


def build(form: Form, response: Mapping[str, Any]) -> tuple[Occurrence, list[Problem]]:
    """The tree of a response, every item of the form at least once; and what has no place in the form."""
    problems: list[Problem] = []
    top = Occurrence(None, None)
    path = "QuestionnaireResponse"
    top.children = _fill(form.children, response.get("item") or [], top, path, problems)
    return top, problems


def _fill(
    items: Sequence[Item], given: Any, parent: Occurrence, path: str, problems: list[Problem]
) -> list[Occurrence]:
    known = {item.link_id for item in items}
    places: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    order: list[str] = []
    for place, one in enumerate(given if isinstance(given, list) else ()):
        link = one.get("linkId") if isinstance(one, dict) else None
        if link not in known:
            problems.append(Problem(str(link or ""), "unknown-item", f"{path}.item[{place}]"))
            continue
        places.setdefault(link, []).append((place, one))
        order.append(link)
    expected = [item.link_id for item in items if item.link_id in places]
    if list(dict.fromkeys(order)) != expected or _interrupted(order):
        problems.append(Problem("", "order", f"{path}.item"))
    made: list[Occurrence] = []
    for item in items:
        made += _occurrences(item, places.get(item.link_id, []), parent, path, problems)
    return made


def _interrupted(order: list[str]) -> bool:
    return len([place for place, link in enumerate(order) if place == 0 or order[place - 1] != link]) > len(
        set(order)
    )


def _occurrences(
    item: Item,
    given: list[tuple[int, dict[str, Any]]],
    parent: Occurrence,
    path: str,
    problems: list[Problem],
) -> list[Occurrence]:
    if len(given) > 1 and not (item.is_group and item.repeats):
        problems.append(Problem(item.link_id, "item-repeats", f"{path}.item[{given[1][0]}]"))
    made = []
    for row, (place, one) in enumerate(given or [(-1, {})]):
        occurrence = Occurrence(item, parent, row)
        occurrence.kept = {key: one[key] for key in _KEPT if key in one}
        where = f"{path}.item[{place}]"
        if item.is_group:
            if "answer" in one:
                problems.append(Problem(item.link_id, "answer-in-group", f"{where}.answer"))
            occurrence.children = _fill(item.children, one.get("item"), occurrence, where, problems)
        else:
            _fill_answers(occurrence, item, one, where, problems)
        made.append(occurrence)
    return made


def _fill_answers(
    occurrence: Occurrence, item: Item, given: dict[str, Any], path: str, problems: list[Problem]
) -> None:
    if given.get("item"):
        problems.append(Problem(item.link_id, "item-outside-answer", f"{path}.item"))
    if item.type == "display":
        if given.get("answer"):
            problems.append(Problem(item.link_id, "answer-in-display", f"{path}.answer"))
        return
    if item.calculated is not None:
        return
    for place, answer in enumerate(given.get("answer") or ()):
        value = {key: one for key, one in answer.items() if key != "item"}
        if not value:
            problems.append(Problem(item.link_id, "no-value", f"{path}.answer[{place}]"))
            continue
        made = Answer(value)
        below = f"{path}.answer[{place}]"
        made.children = _fill(item.children, answer.get("item"), occurrence, below, problems)
        occurrence.answers.append(made)


def add_below(occurrence: Occurrence, answer: Answer) -> None:
    """Give an answer the items that stand below its question, unanswered."""
    if occurrence.item is not None and occurrence.item.children:
        answer.children = _fill(occurrence.item.children, None, occurrence, "", [])


def place_of(occurrence: Occurrence) -> str:
    """Where it stands in the response as it is given out; "" for what does not stand there."""
    if occurrence.parent is None:
        return "QuestionnaireResponse"
    parent, own = occurrence.parent, occurrence.json()
    groups: list[tuple[str, Sequence[Occurrence]]] = [("", parent.children)]
    if parent.answers:
        groups = [(f".answer[{n}]", answer.children) for n, answer in enumerate(parent.answers)]
    for suffix, siblings in groups:
        shown = [one for one in siblings if one.json() is not None]
        if own is not None and occurrence in shown:
            above = place_of(parent)
            return f"{above}{suffix}.item[{shown.index(occurrence)}]" if above else ""
    return ""
