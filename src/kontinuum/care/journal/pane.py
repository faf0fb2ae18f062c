"""The writing pane as it is shown: each item with its field, and the text that it becomes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kontinuum.care.journal import texts
from kontinuum.care.journal.fields import (
    MOST_ROWS,
    OTHER,
    ROWS,
    UNWRITABLE,
    WORDS,
    Fields,
    Unread,
    is_searched,
    place,
    said,
)
from kontinuum.fhir.questionnaire import Item, Line, Occurrence, State, display, incomplete, render
from kontinuum.kernel.i18n import Translator

_DIAGNOSIS = "#Condition.code.text"
_DIAGNOSIS_CODE = "#Condition.code.coding.code"
_INPUTS = {"date": "date", "dateTime": "datetime-local", "time": "time"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to choose; `number` is what the field holds when it is chosen."""

    number: str
    text: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Field:
    """An item in the pane.

    `kind` is "group", "table", "row", "text", "line", "choice", "many", "yes-no", "calculated", "display" or
    "hidden", which is not seen and goes along, or "coded", whose codes are looked for in the value set
    `searched`. `more` is the row that a table has next when all of its rows are filled. A field that
    `repeats` takes several answers, each in a place of its own.
    `codes_into` is the name of the field that takes the code of the diagnosis that is written in this one.
    """

    kind: str
    name: str
    label: str
    shown: bool
    values: tuple[str, ...] = ()
    other: str | None = None
    choices: tuple[Choice, ...] = ()
    unit: str = ""
    input: str = "text"
    numeric: bool = False
    required: bool = False
    read_only: bool = False
    repeats: bool = False
    more: str = ""
    hint: str = ""
    codes_into: str = ""
    searched: str = ""
    help: str = ""
    problem: str = ""
    level: int = 1
    inside: tuple[Field, ...] = ()

    @property
    def places(self) -> tuple[str, ...]:
        """What each place to write an answer in holds."""
        if not self.repeats:
            return (("\n" if self.kind == "text" else " ").join(self.values),)
        return self.values if self.values and self.read_only else (*self.values, "")


@dataclass(frozen=True, slots=True)
class Pane:
    """What the pane shows; `problems` are by the name of the field."""

    fields: tuple[Field, ...]
    lines: tuple[Line, ...]
    problems: Mapping[str, str] = field(default_factory=dict)


def problems_by_field(
    state: State, unread: Sequence[Unread], translator: Translator, *, finished: bool
) -> dict[str, str]:
    """What is wrong, by field; what must be filled in is missed only when the note is to be finished."""
    found: dict[str, str] = {}
    for one in unread:
        found[one.place] = texts.unread(state.form.items[one.link_id].type, translator)
    for problem in state.problems:
        if not finished and problem.code in ("required", "too-few"):
            continue
        for name in _names(state, problem.link_id, missing=problem.code == "required"):
            found.setdefault(name, texts.words(problem, translator))
    return found


def _names(state: State, link: str, *, missing: bool) -> list[str]:
    places = [one for one in state.occurrences(link) if one.active()]
    if missing:
        # A row that nobody has begun misses nothing.
        places = [one for one in places if not one.answers and (_begun(one) or not places)]
    return [place(one) for one in places] or ([link] if link else [""])


def _begun(one: Occurrence) -> bool:
    parent = one.parent
    repeating = parent is not None and parent.item is not None and parent.item.repeats
    return not repeating or (parent is not None and parent.json() is not None)


def pane(state: State, typed: Fields, problems: Mapping[str, str], translator: Translator) -> Pane:
    """The pane of a form as it stands; `typed` are the fields as they were typed."""
    maker = _Maker(state, typed, problems, translator)
    fields = maker.fields(state.top.children, 1, shown=True)
    return Pane(tuple(fields), tuple(render(state, "sv")), problems)


class _Maker:
    def __init__(
        self, state: State, typed: Fields, problems: Mapping[str, str], translator: Translator
    ) -> None:
        self._state = state
        self._typed = typed
        self._problems = problems
        self._translator = translator

    def fields(self, occurrences: Sequence[Occurrence], level: int, *, shown: bool) -> list[Field]:
        made: list[Field] = []
        done: set[str] = set()
        for one in occurrences:
            item = one.item
            if item is None or item.link_id in done or _is_help(item):
                continue
            if item.hidden:
                made += self._carried(one)
            elif item.is_group and item.repeats:
                done.add(item.link_id)
                rows = [each for each in occurrences if each.item is item]
                made.append(self._rows(rows, level, shown=shown))
            else:
                made.append(self._field(one, item, level, shown=shown))
        return made

    def _carried(self, hidden: Occurrence) -> list[Field]:
        """What the form knows without showing it, so that what is worked out from it holds."""
        return [
            Field("hidden", name, "", False, tuple(self._typed.get(name, ())), repeats=True)
            for one in hidden.walk()
            for name in (place(one), place(one) + OTHER)
            if one.item is not None
            and one.item.is_question
            and one.item.calculated is None
            and one.item.type not in UNWRITABLE
            and (one.item.type == "open-choice" or not name.endswith(OTHER))
        ]

    def _rows(self, rows: list[Occurrence], level: int, *, shown: bool) -> Field:
        first = rows[0]
        item = first.item
        assert item is not None
        filled = max((number + 1 for number, one in enumerate(rows) if one.json() is not None), default=0)
        room = min((filled // ROWS + 1) * ROWS, MOST_ROWS)
        while len(rows) < room:
            rows.append(_blank(item, first.parent, len(rows)))
        visible = shown and first.enabled
        made = [
            Field(
                "row",
                f"{place(one)}*row",
                str(number + 1),
                number <= filled,
                level=level + 1,
                inside=tuple(self.fields(one.children, level + 1, shown=visible)),
            )
            for number, one in enumerate(rows)
        ]
        return Field(
            "table",
            f"{place(first)}*",
            item.text,
            visible,
            help=_help(item),
            level=level,
            inside=tuple(made),
            more=f"{place(first)}:{room}*row",
        )

    def _field(self, one: Occurrence, item: Item, level: int, *, shown: bool) -> Field:
        name, visible = place(one), shown and one.enabled
        common: dict[str, Any] = {
            "name": name,
            "label": f"{item.prefix} {item.text}".strip(),
            "shown": visible,
            "required": item.required,
            "problem": self._problems.get(name, ""),
            "level": level,
            "hint": item.entry_format or "",
            "help": _help(item),
            "read_only": item.read_only,
        }
        if item.is_group:
            return Field("group", **common, inside=tuple(self.fields(one.children, level + 1, shown=visible)))
        if item.type in UNWRITABLE:
            return Field("display", **common)
        if item.calculated is not None:
            values = tuple(display(answer.value, "sv") for answer in one.answers)
            if item.is_score:
                unit = _unit(item)
                told = tuple(f"{value} {unit}" for value in values)
                return Field("calculated", **common, values=told or (incomplete("sv").capitalize(),))
            return Field("calculated", **common, values=values, unit=_unit(item))
        typed = tuple(self._typed.get(name, ()))
        below = tuple(self.fields(_below(one), level + 1, shown=visible and bool(one.answers)))
        if item.type in ("choice", "open-choice"):
            other = (self._typed.get(name + OTHER, ("",)) or ("",))[0] if item.type == "open-choice" else None
            kind = "many" if item.repeats else "choice"
            if is_searched(item):
                picked = tuple(Choice(one, said(item, one), chosen=True) for one in typed)
                words = (self._typed.get(name + WORDS, ("",)) or ("",))[0]
                return Field(
                    "coded",
                    **common,
                    values=(words,),
                    choices=picked,
                    other=other,
                    searched=str(item.value_set),
                    repeats=item.repeats,
                    inside=below,
                )
            choices = self._choices(item, typed)
            return Field(kind, **common, values=typed, choices=choices, other=other, inside=below)
        if item.type == "boolean":
            return Field("yes-no", **common, values=typed, inside=below)
        kind = "text" if item.type == "text" else "line"
        numeric = item.type in ("integer", "decimal", "quantity")
        return Field(
            kind,
            **common,
            values=typed,
            unit=_unit(item),
            input=_INPUTS.get(item.type, "text"),
            numeric=numeric,
            codes_into=_code_field(one, item),
            repeats=item.repeats,
            inside=below,
        )

    def _choices(self, item: Item, typed: Sequence[str]) -> tuple[Choice, ...]:
        return tuple(
            Choice(str(number), display(option.value, "sv"), str(number) in typed)
            for number, option in enumerate(item.options)
        )


def _code_field(one: Occurrence, item: Item) -> str:
    """Where the code goes of a diagnosis that is written in words; empty for what is none."""
    above = one.parent.item if one.parent is not None else None
    if above is None or not (item.definition or "").endswith(_DIAGNOSIS):
        return ""
    beside = (each for each in above.children if (each.definition or "").endswith(_DIAGNOSIS_CODE))
    code = next(beside, None)
    return f"{place(one).rpartition('/')[0]}/{code.link_id}" if code is not None else ""


def _below(one: Occurrence) -> list[Occurrence]:
    assert one.item is not None
    if one.answers:
        return one.answers[0].children
    return [_blank(child, one, 0) for child in one.item.children]


def _blank(item: Item, parent: Occurrence | None, row: int) -> Occurrence:
    made = Occurrence(item, parent, row)
    if item.is_group:
        made.children = [_blank(child, made, 0) for child in item.children]
    for child in made.children:
        child.enabled = not (child.item is not None and child.item.conditional)
    return made


def _is_help(item: Item) -> bool:
    return item.type == "display" and item.control == "help"


def _help(item: Item) -> str:
    """What explains an item: texts below it that say so (questionnaire-item-control, `help`)."""
    return "\n".join(child.text for child in item.children if _is_help(child))


def _unit(item: Item) -> str:
    unit = item.unit or (item.unit_options[0] if item.unit_options else None)
    return str(unit.get("display") or unit.get("code") or "") if unit else ""


def shown_names(fields: Sequence[Field]) -> dict[str, bool]:
    """Which fields are to be seen, by name."""
    found: dict[str, bool] = {}
    for one in fields:
        found[one.name] = one.shown
        found.update(shown_names(one.inside))
    return found


def calculated(fields: Sequence[Field]) -> dict[str, str]:
    """What is calculated, by name."""
    found: dict[str, str] = {}
    for one in fields:
        if one.kind == "calculated":
            found[one.name] = ", ".join(one.values)
        found.update(calculated(one.inside))
    return found
