"""Editing templates: what is not changed stays as it is, whatever the editor knows of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kontinuum.care.journal.library import shipped
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.questionnaire import check
from kontinuum.web.workspace.studio import editing
from kontinuum.web.workspace.studio.differences import differences
from kontinuum.web.workspace.studio.elements import PROPERTIES


def _fields(questionnaire: dict[str, Any]) -> dict[str, list[str]]:
    """Every field as the editor shows it."""
    fields = {"title": [questionnaire["title"]]}
    for place in editing.walk(questionnaire):
        for name, one in PROPERTIES.items():
            fields[f"{place.number}.{name}"] = [one.read(place.item).replace("\n", "\r\n")]
        fields[f"{place.number}.link"] = [place.item["linkId"]]
        fields[f"{place.number}.any"] = [place.item.get("enableBehavior", "all")]
        rows = [*editing.conditions(place.item), editing.Condition("", "=", "")]
        for row, condition in enumerate(rows):
            for name in ("question", "operator", "answer"):
                fields[f"{place.number}.c{row}.{name}"] = [getattr(condition, name)]
    return fields


def _read(name: str) -> dict[str, Any]:
    """A template that comes with the system."""
    made: dict[str, Any] = fhir_json.loads(fhir_json.dumps(shipped()[name]))
    return made


@pytest.mark.parametrize("name", sorted(shipped()))
def test_fields_that_nobody_changed_change_nothing(name: str) -> None:
    questionnaire = _read(name)
    assert editing.apply(questionnaire, _fields(questionnaire)) == questionnaire
    assert differences(questionnaire, questionnaire) == []


@pytest.mark.parametrize("name", sorted(shipped()))
def test_moving_there_and_back_changes_nothing_and_another_name_is_used_everywhere(name: str) -> None:
    questionnaire = _read(name)
    places = editing.walk(questionnaire)
    for place in places:
        down, at = editing.edit(questionnaire, "down", place.number)
        if at != place.number:
            assert editing.edit(down, "up", at) == (questionnaire, place.number)
    renamed = editing.apply(questionnaire, {f"{one.number}.link": [f"ny-{one.number}"] for one in places})
    assert [one for one in check(renamed) if one.refuses] == []
    text = json.dumps(renamed, default=str)
    assert not any(f"linkId='{place.item['linkId']}'" in text for place in places)
    copied, _ = editing.edit(questionnaire, "copy", 0)
    assert [one for one in check(copied) if one.refuses] == []


def test_choices_keep_their_codes_and_new_ones_get_theirs() -> None:
    questionnaire = editing.begin("Skala")
    for kind in ("choice", "decimal"):
        questionnaire, _ = editing.edit(questionnaire, "add", -1, kind)
    made = editing.apply(questionnaire, {"0.options": ["Aldrig | 0\nIbland, ofta | 1,5\n\nVet ej"]})
    codes = [one["valueCoding"]["code"] for one in made["item"][0]["answerOption"]]
    assert codes == ["aldrig", "ibland-ofta", "vet-ej"]
    made["item"][0]["answerOption"][2]["valueCoding"] = {"system": "urn:x", "code": "7", "display": "Vet ej"}
    again = editing.apply(made, {"0.options": ["Vet ej | 3\nAldrig | 0"]})["item"][0]["answerOption"]
    assert [one["valueCoding"]["code"] for one in again] == ["7", "aldrig"]
    assert editing.apply(made, {"1.min": ["tre"]})["item"][1] == made["item"][1]


def test_an_item_is_dragged_to_any_place_but_one_within_itself() -> None:
    tree = {
        "item": [
            {"linkId": "a", "type": "group", "item": [{"linkId": "b"}, {"linkId": "c"}]},
            {"linkId": "d"},
        ]
    }

    def dragged(number: int, before: int) -> list[tuple[str, int]]:
        made, at = editing.edit(tree, "before", number, before=before)
        places = editing.walk(made)
        assert places[at].item["linkId"] == editing.walk(tree)[number].item["linkId"]
        return [(place.item["linkId"], place.depth) for place in places]

    assert dragged(3, 1) == [("a", 0), ("d", 1), ("b", 1), ("c", 1)]
    assert dragged(1, -1) == [("a", 0), ("c", 1), ("d", 0), ("b", 0)]
    assert dragged(0, -1) == [("d", 0), ("a", 0), ("b", 1), ("c", 1)]
    assert dragged(2, 1) == [("a", 0), ("c", 1), ("b", 1), ("d", 0)]
    assert dragged(0, 2) == dragged(1, 1) == [("a", 0), ("b", 1), ("c", 1), ("d", 0)]
