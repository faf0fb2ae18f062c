"""The phrases of the demo's units: ones that the page of phrases could have saved."""

from __future__ import annotations

from collections import Counter

from kontinuum.app.commands.demo_phrases import phrases
from kontinuum.demo import personas
from kontinuum.fhir.validation import validate
from kontinuum.kernel.principal import ActorKind, Purpose
from kontinuum.sweden import systems
from kontinuum.web.workspace.work.phrases import library, problem_of


def test_each_could_have_been_written_by_hand_and_stands_once_at_its_unit() -> None:
    found = list(phrases())
    assert [(unit.key, one.name) for unit, one in found if problem_of(one)] == []
    made = [library((systems.HSA_ID, unit.hsa), one) for unit, one in found]
    assert [issue for one in made for issue in validate(one) if issue.refuses] == []
    assert Counter(one["id"] for one in made).most_common(1)[0][1] == 1
    unclosed = [one.name for _, one in found if one.text.count("{") != one.text.count("}")]
    assert unclosed == []


def test_who_visits_the_demo_as_clinician_finds_phrases() -> None:
    places = {unit.hsa for unit, _ in phrases()}
    without = {
        one.actor.name
        for one in personas()
        if one.actor.kind is ActorKind.STAFF
        and one.assignments[0].purpose is Purpose.CARE
        and not places & {each.unit for each in one.assignments}
    }
    assert without == set()
