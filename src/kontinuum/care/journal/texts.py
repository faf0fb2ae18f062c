"""What is wrong with an answer, in the words of whoever writes."""

from __future__ import annotations

from typing import Final

from kontinuum.fhir.questionnaire import Problem
from kontinuum.fhir.questionnaire.rendering import display
from kontinuum.kernel.i18n import Translator, message

_WORDS: Final = {
    "required": message("Must be filled in"),
    "too-few": message("At least %(limit)s are needed"),
    "too-many": message("At most %(limit)s"),
    "not-a-choice": message("None of the choices"),
    "twice": message("Stands twice"),
    "exclusive": message("One of the choices excludes the others"),
    "max-length": message("At most %(limit)s characters; here are %(length)s"),
    "min-length": message("At least %(limit)s characters"),
    "min-value": message("At least %(limit)s"),
    "max-value": message("At most %(limit)s"),
    "decimals": message("At most %(limit)s decimals"),
    "control": message("Holds a character that a text cannot keep"),
    "regex": message("Not written as expected"),
    "unit": message("Not one of the units"),
    "blank": message("Nothing but spaces"),
}
_FORMAT: Final = message("Write like %(format)s")
_OTHER: Final = message("Cannot be kept like this (%(reason)s)")
NOT_A_NUMBER: Final = message("Not a number")
NOT_WHOLE: Final = message("Not a whole number")
NO_CODE: Final = message("Choose one of the codes in the list")
NOT_A_DATE: Final = message("Not a date")


def words(problem: Problem, translator: Translator) -> str:
    """A problem for its writer; a rule of the template's author speaks in the author's words."""
    if problem.code == "constraint":
        return str(problem.values.get("human") or "")
    if problem.code == "regex" and problem.values.get("format"):
        return translator.gettext(_FORMAT) % {"format": problem.values["format"]}
    known = _WORDS.get(problem.code)
    if known is None:
        return translator.gettext(_OTHER) % {"reason": problem.message}
    values = {name: _shown(value, translator) for name, value in problem.values.items()}
    return translator.gettext(known) % values


def _shown(value: object, translator: Translator) -> str:
    if isinstance(value, dict):
        return display({"valueQuantity": value}, translator.language)
    return str(value).replace(".", ",") if translator.language == "sv" else str(value)


def unread(kind: str, translator: Translator) -> str:
    """Why what was typed is no answer of a type."""
    if kind in ("choice", "open-choice"):
        return translator.gettext(NO_CODE)
    if kind == "integer":
        return translator.gettext(NOT_WHOLE)
    return translator.gettext(NOT_A_NUMBER if kind in ("decimal", "quantity") else NOT_A_DATE)
