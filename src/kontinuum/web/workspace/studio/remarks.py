"""What is wrong with a template, each fault at its item and in the author's language."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from kontinuum.fhir.issues import Issue
from kontinuum.fhir.questionnaire import check, phrasing, use
from kontinuum.fhir.validation import validate
from kontinuum.kernel.i18n import Translator, local, message
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.studio import freezing
from kontinuum.web.workspace.studio.differences import label_of
from kontinuum.web.workspace.studio.editing import Place, walk
from kontinuum.web.workspace.studio.elements import Element
from kontinuum.web.workspace.studio.strange import strange

_KNOWN: Final = (
    message("The form asks nothing."),
    message("Several conditions need enableBehavior: all of them, or any."),
    message("These conditions never hold together, so this is never asked."),
    message("The form has no item '%(one)s'."),
    message("A condition cannot ask for the item itself or what lies below it."),
    message("'%(one)s' is no question, so only `exists` can be asked of it."),
    message("'%(one)s' is of the type %(two)s, so it never equals a %(three)s."),
    message("'%(one)s' takes no such answer, so this never holds."),
    message("Answers of the type %(one)s have no order."),
    message("This is none of the choices of '%(one)s'."),
    message("The variable %%%(one)s is not defined here."),
    message("The variable %%%(one)s needs itself."),
    message("The group holds nothing."),
    message("A text holds no items."),
    message("A choice needs something to choose."),
    message("The question has no text."),
    message("This choice stands twice."),
    message("It must be answered, but nobody can answer it."),
    message("The smallest value is larger than the largest."),
    message("A quantity needs its unit, or units to choose among."),
    message("What becomes an Observation needs a code."),
    message("By %(one)s nothing is found: a value is named .value, whatever its type."),
    message("Nothing above this becomes an Observation: it becomes one of its own."),
    message("A measured value needs its unit."),
    message("The answer cannot stand at %(one)s of %(two)s."),
    message("These items wait for each other: %(one)s."),
    message("The linkId '%(one)s' is taken by %(two)s."),
    message("There is no type of item '%(one)s'."),
    message("Kept, but not carried out: %(one)s."),
    message("The extension %(one)s changes the meaning of this, and is not known."),
    message("Rules that this form was made under are not known."),
    message("The form contains no ValueSet '%(one)s'."),
    message("Expressions are written in %(one)s; here is %(two)s."),
    message("Answers cannot be written as '%(one)s'."),
    message("The value set %(one)s is not known here."),
    message("The value set %(one)s has more than 300 codes: it is searched while one writes."),
    message("The value set %(one)s has no codes here."),
    message("Answers of this kind (%(one)s) are not filled in here yet; the question is shown as a text."),
    message("The extension %(one)s is kept, and nothing here acts by it."),
    message("“%(one)s” is kept, and does not decide here how the question looks."),
    message("“%(one)s” does not belong to this kind of item, and is left out of what is taken into use."),
    message("The form is about %(one)s; here it is filled in about a patient."),
    message("Questions below this one are asked once, whatever the number of answers."),
    message("The name has at most 30 small letters, digits and hyphens."),
    message("Write the text that the name stands for."),
    message("A phrase has at most 20 000 characters."),
    message("A phrase has one question only. What else the form asks is gone when the text is changed."),
    message("A phrase takes at most 30 values from the chart."),
    message("A brace stands alone: a field is {…}, on one line and with at most 200 characters."),
    message("'%(one)s' is nothing that is taken from the chart, and cannot be read as an expression."),
)
"""What is said of templates, so that it is said in the author's language."""
_EXPRESSION: Final = message("The expression cannot be read: %(why)s")
_INVALID: Final = message("FHIR does not allow this: %(why)s")
_NO_TITLE: Final = message("The template needs a title.")


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing: `number` is that of the item (-1 for the whole), `label` what it is called."""

    number: int
    label: str
    text: str
    place: str
    error: bool


async def remarks(page: Page, questionnaire: Mapping[str, Any]) -> tuple[Element, list[Remark]]:
    """The template as it would be used, and everything that is wrong with it."""
    moment = local(page.services.clock.now()).isoformat(timespec="seconds")
    terminology = page.services.application.terminology
    frozen, issues = await freezing.freeze(freezing.finished(questionnaire), terminology, moment)
    unbound = {issue.location for issue in issues}
    issues += [issue for issue in check(frozen) if issue.location not in unbound]
    issues += strange(questionnaire)
    if use.kind(questionnaire) == phrasing.KIND:
        issues += phrasing.faults(questionnaire)
    gettext = page.translator.gettext
    places = walk(frozen)
    made = [_remark(issue, places, page.translator) for issue in issues]
    if not str(questionnaire.get("title") or "").strip():
        made.append(Remark(-1, "", gettext(_NO_TITLE), "Questionnaire.title", True))
    if not any(one.error for one in made):
        faults = [issue for issue in validate(frozen) if issue.refuses]
        made += [_remark(issue, places, page.translator, _INVALID) for issue in faults]
    return frozen, sorted(_together(made, page.translator), key=lambda one: (not one.error, one.number))


def _together(remarks: Sequence[Remark], translator: Translator) -> Iterator[Remark]:
    """Each fault by itself; what else is told once, with the number of places where it holds too."""
    found: dict[object, list[Remark]] = {}
    for one in dict.fromkeys(remarks):
        found.setdefault(one if one.error else one.text, []).append(one)
    for first, *more in found.values():
        count = len(more)
        same = translator.ngettext("So at %(num)d more place.", "So at %(num)d more places.", count)
        yield replace(first, text=f"{first.text} {same % {'num': count}}") if more else first


def _remark(issue: Issue, places: Sequence[Place], translator: Translator, frame: str = "") -> Remark:
    where = issue.location or ""
    holder = max(
        (one for one in places if where == one.location or where.startswith(f"{one.location}.")),
        key=lambda one: len(one.location),
        default=None,
    )
    text = in_words(issue.message, translator)
    if frame or (where.endswith(".expression") and text == issue.message):
        text = translator.gettext(frame or _EXPRESSION) % {"why": text}
    number, label = (-1, "") if holder is None else (holder.number, label_of(holder.item))
    return Remark(number, label, text, where, issue.refuses)


def _pattern(sentence: str) -> re.Pattern[str]:
    parts = re.split(r"%\((\w+)\)s", sentence.replace("%%", "%"))
    return re.compile(
        "".join(f"(?P<{part}>.+)" if place % 2 else re.escape(part) for place, part in enumerate(parts))
    )


_PATTERNS: Final = [(_pattern(sentence), sentence) for sentence in _KNOWN]


def in_words(text: str, translator: Translator) -> str:
    """What the engine says of a form, in the reader's language; as it is where it is not known."""
    for pattern, sentence in _PATTERNS:
        found = pattern.fullmatch(text)
        if found is not None:
            said = translator.gettext(sentence)
            return said % found.groupdict() if found.groupdict() else said
    return text
