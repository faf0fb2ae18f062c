"""The form at the bedside: each field with what was measured last beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kontinuum.care.vitals import reading
from kontinuum.care.vitals.around import Around, say
from kontinuum.care.vitals.entry import CONFIRMED, Entry, Fields, answer_of, one
from kontinuum.care.vitals.kinds import CHOICES, KINDS, POSITIONS, SITES
from kontinuum.care.vitals.reading import Reading
from kontinuum.kernel.i18n import Translator, local, message
from kontinuum.kernel.module import Chart

ORDER: Final = (
    ("respiration",),
    ("saturation",),
    ("inspired", "flow"),
    ("systolic", "diastolic"),
    ("pulse",),
    ("consciousness",),
    ("temperature",),
    ("refill",),
    ("effort",),
    ("pain",),
    ("glucose",),
    ("urine",),
    ("weight",),
    ("height",),
    ("head",),
)
"""The rows of the form: in the order in which it is measured and as NEWS2's chart has it."""


@dataclass(frozen=True, slots=True)
class Last:
    """What was measured last, and when: the day where it was not today."""

    text: str
    when: str


@dataclass(frozen=True, slots=True)
class Field:
    """A field; `answers` are (code, text, chosen) where one chooses."""

    key: str
    title: str
    unit: str
    mode: str
    value: str
    problem: str
    question: str
    answers: tuple[tuple[str, str, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """Fields that are measured together, and what was measured last."""

    fields: tuple[Field, ...]
    last: Last | None
    points: str


@dataclass(frozen=True, slots=True)
class Question:
    """Something unusual that is asked about, with the answer that the form sends when it is right."""

    title: str
    text: str
    answer: str


def rows(around: Around, entry: Entry, fields: Fields, points: Mapping[str, str]) -> tuple[Row, ...]:
    """The rows; those for children only where the patient is one."""
    words, child = around.chart.translator, around.about().child
    known = reading.latest(around.readings)
    made = []
    for keys in ORDER:
        kinds = [KINDS.get(key) or CHOICES[key] for key in keys]
        if any(one.child for one in kinds) and not child:
            continue
        found = next((known[key] for key in (keys[0], keys[-1]) if key in known), None)
        last = (
            None if found is None else Last(value_text(found, words, unit=False), _when(around.chart, found))
        )
        made.append(
            Row(tuple(_field(words, key, entry, fields) for key in keys), last, points.get(keys[0], ""))
        )
    return tuple(made)


def questions(entry: Entry, words: Translator) -> tuple[Question, ...]:
    """What is asked before the entry is saved."""
    return tuple(
        Question(words.gettext(KINDS[key].title), say(words, text), answer_of(key, entry.numbers[key]))
        for key, text in entry.questions.items()
    )


def told_problems(entry: Entry, words: Translator) -> dict[str, str]:
    """What is wrong or unusual, by field."""
    return {key: say(words, text) for key, text in {**entry.questions, **entry.problems}.items()}


def chosen(
    known: tuple[tuple[str, str, str], ...], value: str, words: Translator
) -> list[tuple[str, str, bool]]:
    """The options of a list, with the one that is chosen."""
    return [(code, words.gettext(title), code == value) for code, title, _ in known]


def how(fields: Fields, words: Translator) -> dict[str, object]:
    """How it was measured: position, place of the temperature."""
    return {
        "positions": chosen(POSITIONS, one(fields, "position"), words),
        "sites": chosen(SITES, one(fields, "site"), words),
        "device": one(fields, "device"),
    }


def kept(fields: Fields) -> list[str]:
    """The unusual values that were confirmed, to be sent again."""
    return list(fields.get(CONFIRMED, ()))


def value_text(found: Reading, words: Translator, *, unit: bool = True) -> str:
    """A value in words, of any kind."""
    body = found.body
    if found.key == "pressure":
        numbers = found.numbers
        parts = [words.number(numbers[key]) if key in numbers else "–" for key in ("systolic", "diastolic")]
        text = "/".join(parts) + (" mmHg" if unit and numbers else "")
        return _with_own(text if numbers or not found.elsewhere else "", found, words)
    if found.key in CHOICES and found.choice and not (found.key == "inspired" and found.numbers.get("flow")):
        if found.key == "inspired":
            return words.gettext(
                next(t for code, t, _ in CHOICES["inspired"].answers if code == found.choice)
            )
        if found.key == "consciousness":
            return found.choice
        return words.gettext(next(t for code, t, _ in CHOICES[found.key].answers if code == found.choice))
    if found.key in KINDS and found.elsewhere:
        kind, number = KINDS[found.key], found.numbers.get(found.key)
        measure = f" {kind.unit}" if unit else ""
        return _with_own("" if number is None else f"{words.number(number)}{measure}", found, words)
    quantity = body.get("valueQuantity")
    if quantity and quantity.get("value") is not None:
        measure = quantity.get("unit") or quantity.get("code") or ""
        text = f"{quantity.get('comparator', '')}{words.number(quantity['value'])}"
        return f"{text} {measure}" if (unit or found.key == "inspired") and measure else text
    concept = body.get("valueCodeableConcept") or body.get("dataAbsentReason") or {}
    displays = [coding.get("display") for coding in concept.get("coding", ())]
    plain = body.get("valueString") or body.get("valueInteger")
    return concept.get("text") or next(filter(None, displays), "") or str("–" if plain is None else plain)


def _with_own(text: str, found: Reading, words: Translator) -> str:
    """A value, and beside it how it was recorded where that is in another unit: `177,8 (70 [in_i])`."""
    own = [
        f"{one.get('comparator', '')}{words.number(one['value'])} "
        + (one.get("unit") or one.get("code") or words.gettext(_NO_UNIT))
        for one in found.elsewhere
    ]
    return f"{text} ({'; '.join(own)})" if text and own else text or "; ".join(own)


_NO_UNIT: Final = message("without unit")


def _field(words: Translator, key: str, entry: Entry, fields: Fields) -> Field:
    problem = say(words, entry.problems[key]) if key in entry.problems else ""
    question = say(words, entry.questions[key]) if key in entry.questions else ""
    value = one(fields, key)
    kind = KINDS.get(key)
    if kind is None:
        choice = CHOICES[key]
        chosen_code = value or (entry.choices.get(key, "") if key == "inspired" else "")
        answers = tuple(
            (code, words.gettext(title), code == chosen_code) for code, title, _ in choice.answers
        )
        return Field(key, words.gettext(choice.title), "", "", value, problem, question, answers)
    mode = "decimal" if kind.decimals else "numeric"
    return Field(key, words.gettext(kind.title), kind.unit, mode, value, problem, question)


def _when(chart: Chart, found: Reading) -> str:
    clock, day = chart.translator.clock(found.at), chart.translator.day(found.at)
    return clock if found.at.date() == local(chart.now).date() else f"{day} {clock}"
