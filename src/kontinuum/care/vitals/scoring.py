"""A score in words: the sum or what is missing, its class, and what the unit does at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kontinuum.care.vitals.kinds import CHOICES, KINDS
from kontinuum.care.vitals.rules import RISKS, NoScore, Part, Risk, Scale, Score
from kontinuum.kernel.i18n import Translator, message
from kontinuum.kernel.principal import Principal
from kontinuum.kernel.provider_settings import ProviderSettings, response_of

TITLES: Final[Mapping[str, str]] = {
    **{key: one.title for key, one in KINDS.items()},
    **{key: one.title for key, one in CHOICES.items()},
    "inspired": message("Air or oxygen"),
}

RESPONSES: Final[Mapping[Risk, str]] = {
    Risk.ZERO: message("Check again within 12 hours."),
    Risk.LOW: message("Check again within 4 to 6 hours. A nurse decides whether more is needed."),
    Risk.SINGLE: message(
        "Check again within the hour. The nurse tells the responsible doctor, who decides whether more is "
        "needed."
    ),
    Risk.MEDIUM: message(
        "Check again within the hour. Tell the doctor at once: urgent assessment by someone used to acutely "
        "ill patients, where the patient can be monitored."
    ),
    Risk.HIGH: message(
        "Monitor continuously. Tell a senior doctor at once: emergency assessment by a team that masters "
        "intensive care and the airway. Consider a higher level of care."
    ),
    Risk.CHILD_LOW: message("Check again as prescribed; sooner when you or the family worry."),
    Risk.CHILD_HIGH: message(
        "Tell a doctor at once: emergency assessment by someone used to severely ill children. Consider "
        "intensive care."
    ),
}
"""What is done where the unit has decided nothing: the response table of NEWS2 (RCP 2017, chart 4)."""

LEVELS: Final[Mapping[Risk, str]] = {
    Risk.ZERO: "calm",
    Risk.LOW: "calm",
    Risk.CHILD_LOW: "calm",
    Risk.SINGLE: "watch",
    Risk.MEDIUM: "watch",
    Risk.HIGH: "danger",
    Risk.CHILD_HIGH: "danger",
}
"""How loudly a class speaks on a page."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the text beside the form, as the writing pane shows lines."""

    kind: str
    label: str
    text: str = ""
    level: int = 1
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """A score ready to be shown: `short` beside the button, `lines` as text, `points` by kind."""

    short: str
    level: str
    lines: tuple[Line, ...]
    points: Mapping[str, str]


def told(score: Score | NoScore, whose: Principal, settings: ProviderSettings, words: Translator) -> Told:
    """A score, or why there is none, in words."""
    gettext = words.gettext
    if isinstance(score, NoScore):
        return Told("", "", (Line("text", "", gettext(score.reason)),), {})
    name = score.scale.label
    points = {one.key: _points(one, words) for one in score.parts if one.points is not None}
    parts = tuple(
        Line("answer", gettext(TITLES[one.key]), points.get(one.key) or gettext(_NOT_MEASURED))
        for one in score.parts
    )
    risk = score.risk or score.alarming
    if score.total is not None and risk is not None:
        heading = f"{name} {score.total} · {gettext(RISKS[risk])}"
        lines = (Line("heading", heading), Line("text", "", response(risk, whose, settings, words)), *parts)
        return Told(f"{name} {score.total}", LEVELS[risk], (*lines, *_notes(score, words)), points)
    missing = "; ".join(_within(gettext(TITLES[key])) for key in score.missing)
    cannot = gettext(_CANNOT) % {"name": name, "missing": missing}
    lines = (Line("heading", f"{name} –"), Line("text", "", cannot))
    if risk is not None:
        most = gettext(_AT_LEAST) % {"points": score.at_least}
        lines += (Line("text", "", f"{most} {response(risk, whose, settings, words)}"),)
    level = LEVELS[risk] if risk is not None else ""
    short = f"{name} ≥ {score.at_least}" if risk is not None else f"{name} –"
    return Told(short if score.begun else "", level, (*lines, *parts, *_notes(score, words)), points)


def response(risk: Risk, whose: Principal, settings: ProviderSettings, words: Translator) -> str:
    """What is done at a class: as the unit has decided, else as published."""
    return response_of(settings, whose.assignment.unit, risk.value) or words.gettext(RESPONSES[risk])


_NOT_MEASURED: Final = message("not measured")
_CANNOT: Final = message("%(name)s cannot be calculated: %(missing)s missing.")
_AT_LEAST: Final = message("What is measured gives %(points)s points already.")
_SECOND: Final = message("Saturation by scale 2, target 88–92 %.")
_PREGNANT: Final = message("NEWS2 does not hold in pregnancy.")


def _within(title: str) -> str:
    """A title inside a sentence: what is an abbreviation stays one."""
    return title[:1].lower() + title[1:]


def _points(part: Part, words: Translator) -> str:
    number = part.points or 0
    return words.ngettext("%(num)d point", "%(num)d points", number) % {"num": number}


def _notes(score: Score, words: Translator) -> tuple[Line, ...]:
    if score.scale is Scale.PEWS:
        return ()
    notes = ([_SECOND] if score.second else []) + [_PREGNANT]
    return (Line("text", "", " ".join(words.gettext(one) for one in notes)),)


def as_json(lines: tuple[Line, ...]) -> list[dict[str, Any]]:
    """Lines for the script of the pane."""
    return [
        {"kind": one.kind, "level": one.level, "label": one.label, "text": one.text, "cells": one.cells}
        for one in lines
    ]
