"""The phrases of the demo's units: ones that the studio could have made."""

from __future__ import annotations

from collections import Counter

from kontinuum.app.commands.demo_phrases import phrase, phrases
from kontinuum.app.commands.demo_templates import orders
from kontinuum.care.journal.library import all_templates
from kontinuum.demo import personas
from kontinuum.fhir.questionnaire import check, phrasing
from kontinuum.fhir.validation import validate
from kontinuum.kernel.principal import ActorKind, Purpose


def test_each_could_have_been_made_in_the_studio_and_stands_once_at_its_unit() -> None:
    made = [phrase(unit, name, text, "2026-11-23") for unit, name, text in phrases()]
    found = [issue for one in made for judge in (validate, check, phrasing.faults) for issue in judge(one)]
    assert [issue for issue in found if issue.refuses or "brace" in issue.message] == []
    assert Counter(one["id"] for one in made).most_common(1)[0][1] == 1


def test_the_units_order_names_templates_that_are_there() -> None:
    known = {one.url for one in all_templates()}
    ordered = list(orders())
    assert {place.url for _, places in ordered for place in places} - known == set()
    assert len({unit.hsa for unit, _ in ordered}) == len(ordered)


def test_who_visits_the_demo_as_clinician_finds_phrases() -> None:
    places = {unit.hsa for unit, _, _ in phrases()}
    without = {
        one.actor.name
        for one in personas()
        if one.actor.kind is ActorKind.STAFF
        and one.assignments[0].purpose is Purpose.CARE
        and not places & {each.unit for each in one.assignments}
    }
    assert without == set()
