"""What was typed at the bedside, read: values, what cannot be, and what is asked about. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from kontinuum.care.vitals.ages import AGE_OF_NEWS2, band
from kontinuum.care.vitals.kinds import CHOICES, KINDS, POSITIONS, SITES, Kind, Span, decimals, number
from kontinuum.care.vitals.rules import AIR, OXYGEN, Measured
from kontinuum.kernel.i18n import Phrase, local, message, phrase

Fields = Mapping[str, Sequence[str]]

WHEN: Final = "when"
CONTACT: Final = "contact"
CONFIRMED: Final = "confirmed"
POSITION: Final = "position"
SITE: Final = "site"
DEVICE: Final = "device"
LONGEST_DEVICE: Final = 200
FIELDS: Final = frozenset({*KINDS, *CHOICES, WHEN, CONTACT, CONFIRMED, POSITION, SITE, DEVICE})
"""Every field of the form that is kept."""

LATE: Final = timedelta(minutes=30)
"""What is written down this much after it was measured is marked as a late entry."""

_CHANGED_WEIGHT: Final = Decimal("0.15")
_CHANGED_WEIGHT_SMALL: Final = Decimal("0.30")
_RECENTLY: Final = timedelta(days=30)
AIR_WITH_FLOW: Final = message("Air was chosen: take the flow away, or choose oxygen")
_NOT_A_NUMBER: Final = message("Not a number")


@dataclass(frozen=True, slots=True)
class Earlier:
    """What was measured last: the number and when."""

    value: Decimal
    when: datetime


@dataclass(frozen=True, slots=True)
class About:
    """What a value is judged by: the moment, the age in months if it is known, the latest values by kind."""

    now: datetime
    months: int | None
    latest: Mapping[str, Earlier] = field(default_factory=dict)

    @property
    def child(self) -> bool:
        """Whether the patient is known to be under 16."""
        return self.months is not None and self.months < AGE_OF_NEWS2


@dataclass(slots=True)
class Entry:
    """What was typed. `problems` must be corrected; `questions` are asked once, by field.

    `when` is None for what was measured now.
    """

    numbers: dict[str, Decimal] = field(default_factory=dict)
    choices: dict[str, str] = field(default_factory=dict)
    when: datetime | None = None
    position: str = ""
    site: str = ""
    device: str = ""
    problems: dict[str, Phrase] = field(default_factory=dict)
    questions: dict[str, Phrase] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether nothing was measured."""
        return not self.numbers and not self.choices

    @property
    def measured(self) -> Measured:
        """What the scores are reckoned from."""
        return {**self.numbers, **self.choices}


def read(fields: Fields, about: About) -> Entry:
    """Read the form. A question that was answered with yes for this very value is not asked again."""
    made = Entry()
    for kind in KINDS.values():
        text = one(fields, kind.key).strip()
        if text:
            _read_number(made, kind, text, about)
    for key, choice in CHOICES.items():
        chosen = one(fields, key)
        if chosen and chosen not in {code for code, *_ in choice.answers}:
            made.problems[key] = phrase("None of the choices")
        elif chosen:
            made.choices[key] = chosen
    _read_oxygen(made)
    _read_pressure(made)
    _read_when(made, one(fields, WHEN), about)
    _read_how(made, fields)
    agreed = set(fields.get(CONFIRMED, ()))
    made.questions = {
        key: asked
        for key, asked in made.questions.items()
        if key not in made.problems and answer_of(key, made.numbers[key]) not in agreed
    }
    return made


def one(fields: Fields, name: str) -> str:
    """The first value of a field; empty when it is not there."""
    return next(iter(fields.get(name, ())), "")


def answer_of(key: str, value: Decimal) -> str:
    """How a form says that an unusual value is right."""
    return f"{key}={value}"


def check(kind: Kind, text: str) -> Decimal | Phrase:
    """A typed number within what is possible, or why it is none."""
    value = number(text)
    if value is None:
        return phrase(_NOT_A_NUMBER)
    if decimals(value) > kind.decimals:
        if not kind.decimals:
            return phrase("Not a whole number")
        return phrase("At most %(limit)s decimals", limit=kind.decimals)
    low, high = kind.possible
    if not low <= value <= high:
        return phrase(
            "%(value)s %(unit)s is not possible: write between %(low)s and %(high)s",
            value=value,
            unit=kind.unit,
            low=low,
            high=high,
        )
    return value


def _read_number(made: Entry, kind: Kind, text: str, about: About) -> None:
    value = check(kind, text)
    if isinstance(value, Phrase):
        made.problems[kind.key] = value
        return
    made.numbers[kind.key] = value
    low, high = usual(kind, about.months)
    if not low <= value <= high:
        made.questions[kind.key] = phrase(
            "Unusual: %(value)s %(unit)s. Is it right?", value=value, unit=kind.unit
        )
    before = about.latest.get(kind.key) if kind.key == "weight" else None
    if before is not None and about.now - before.when <= _RECENTLY:
        small = about.months is not None and about.months < 24
        most = _CHANGED_WEIGHT_SMALL if small else _CHANGED_WEIGHT
        if abs(value - before.value) > before.value * most:
            made.questions[kind.key] = phrase(
                "Unusual: %(value)s kg, and %(before)s kg less than 30 days before. Is it right?",
                value=value,
                before=before.value,
            )


def usual(kind: Kind, months: int | None) -> Span:
    """What is not asked about; for children what Bedside PEWS gives fewer than four points."""
    if months is None or months >= AGE_OF_NEWS2:
        return kind.usual
    if kind.key in ("pulse", "systolic", "respiration"):
        low, high = getattr(band(months), kind.key).four
        return Decimal(low + 1), Decimal(high - 1)
    child = {"diastolic": ("20", "110"), "weight": ("0.5", "120"), "height": ("30", "200")}.get(kind.key)
    return kind.usual if child is None else (Decimal(child[0]), Decimal(child[1]))


def _read_oxygen(made: Entry) -> None:
    if "flow" not in made.numbers:
        return
    if made.choices.get("inspired") == AIR:
        made.problems["flow"] = phrase(AIR_WITH_FLOW)
    else:
        made.choices["inspired"] = OXYGEN


def _read_pressure(made: Entry) -> None:
    systolic, diastolic = made.numbers.get("systolic"), made.numbers.get("diastolic")
    if systolic is not None and diastolic is not None and diastolic >= systolic:
        made.problems["diastolic"] = phrase(
            "The diastolic pressure cannot be %(diastolic)s when the systolic is %(systolic)s",
            diastolic=diastolic,
            systolic=systolic,
        )


def _read_when(made: Entry, text: str, about: About) -> None:
    if not text:
        return
    try:
        when = local(datetime.fromisoformat(text))
    except ValueError:
        made.problems[WHEN] = phrase("Not a time")
        return
    # A browser's field has whole minutes: the present one has begun already.
    if when > about.now + timedelta(minutes=1):
        made.problems[WHEN] = phrase("The time has not come yet")
    elif when < about.now - timedelta(days=366):
        made.problems[WHEN] = phrase("More than a year ago: write it in a note instead")
    else:
        made.when = when


def _read_how(made: Entry, fields: Fields) -> None:
    made.position, made.site = one(fields, POSITION), one(fields, SITE)
    made.device = one(fields, DEVICE).strip()
    for name, chosen, known in ((POSITION, made.position, POSITIONS), (SITE, made.site, SITES)):
        if chosen and chosen not in {code for code, *_ in known}:
            made.problems[name] = phrase("None of the choices")
    if len(made.device) > LONGEST_DEVICE:
        made.problems[DEVICE] = phrase("At most %(limit)s characters", limit=LONGEST_DEVICE)


def is_late(measured: datetime, written: datetime) -> bool:
    """Whether a value was written down well after it was measured."""
    return written - measured >= LATE
