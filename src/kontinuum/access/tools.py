"""Whose the staff's tools are: templates, phrases, layouts and worklists are changed by who has the right.

Templates are Questionnaires, the others are Libraries (http://hl7.org/fhir/R4/library.html). A Library that
names somebody in `useContext` is that person's own; every other is of a unit or a care provider.
"""

from __future__ import annotations

from typing import Any, Final

from kontinuum.access.circumstances import Circumstances
from kontinuum.access.decision import Facts, Question, Reason
from kontinuum.access.sql import NOTHING, all_of, any_of, none_of
from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.search.hashing import value_hash
from kontinuum.kernel.principal import TEMPLATES
from kontinuum.kernel.sql import Fragment

ACTOR: Final = "urn:kontinuum:actor"
"""System of the `useContext` of what is somebody's own: the code is the actor's id."""

QUESTIONNAIRE: Final = "Questionnaire"
LIBRARY: Final = "Library"


def owners(library: dict[str, Any]) -> tuple[str, ...]:
    """The ids of the actors whose own a Library is."""
    return tuple(
        str(coding.get("code"))
        for context in library.get("useContext") or ()
        for coding in context.get("valueCodeableConcept", {}).get("coding") or ()
        if coding.get("system") == ACTOR
    )


class StaffTools:
    """Rule 6: what colleagues write their notes in is changed by those to whom that task was given."""

    name = "staff-tools"
    numbers: tuple[int, ...] = (6,)
    provision = "patientdatalagen (2008:355) 3:6; HSLF-FS 2016:40 ch. 4"
    hidden = False
    reason = Reason(
        "Note templates, and the phrases, layouts and worklists of a unit, are changed by those who have the "
        "right “change note templates” in their assignment. Your administrator gives it.",
        "Anteckningsmallar och enhetens fraser, översikter och arbetslistor ändras av den som har "
        "rättigheten ”ändra anteckningsmallar” i sitt uppdrag. Din administratör ger den.",
    )

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """A write by staff without the right, of anything but a Library of their own."""
        if not _concerns(question):
            return False
        if facts.type == LIBRARY:
            return facts.body is None or question.actor.id not in owners(json.loads(facts.body))
        return facts.type == QUESTIONNAIRE

    def predicate(self, question: Question) -> Fragment:
        """Questionnaires, and Libraries that do not name the actor, for writes by staff without the right."""
        if not _concerns(question):
            return NOTHING
        own = value_hash(LIBRARY, "context", "system-code", ACTOR, question.actor.id)
        others = none_of(Fragment("r.hashes @> {}::bigint[]", ([own],)))
        if question.type is not None:
            shapes = {LIBRARY: others, QUESTIONNAIRE: Fragment("true")}
            return shapes.get(question.type, NOTHING)
        typed = Fragment("r.type = {}::smallint", (TYPE_CODES[LIBRARY],))
        return any_of(Fragment("r.type = {}::smallint", (TYPE_CODES[QUESTIONNAIRE],)), all_of(typed, others))


def _concerns(question: Question) -> bool:
    return question.is_staff and not question.reads and TEMPLATES not in question.assignment.rights
