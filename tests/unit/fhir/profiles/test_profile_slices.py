"""Slices: which items belong to which, and what is then demanded of them."""

from typing import Any

import pytest
from tests.support.profiles import (
    HOME,
    extension,
    faults,
    library,
    profile,
    sliced,
    told,
    told_of_extensions,
    value_set,
)

from kontinuum.fhir.profiles import untold

AT = "Patient.identifier"
NUMBER = {"system": HOME + "number", "value": "1"}
CARD = {"system": HOME + "card", "value": "2"}
OTHER = {"system": HOME + "other", "value": "3"}


def numbers(
    kind: str = "value", rules: str = "open", *, ordered: bool = False, least: int = 0
) -> dict[str, Any]:
    """A Patient's identifiers, sliced by system into number and card."""
    return profile(
        "Numbers",
        "Patient",
        sliced(AT, kind, "system", rules, ordered=ordered),
        {"id": f"{AT}:number", "sliceName": "number", "min": least, "max": "1"},
        {"id": f"{AT}:number.system", "patternUri": HOME + "number"},
        {"id": f"{AT}:number.value", "min": 1},
        {"id": f"{AT}:card", "sliceName": "card", "max": "1"},
        {"id": f"{AT}:card.system", "fixedUri": HOME + "card"},
    )


def patient(*identifiers: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "gender": "other",
        **({"identifier": list(identifiers)} if identifiers else {}),
    }


@pytest.mark.parametrize("kind", ["value", "pattern"])
def test_items_are_told_apart_by_a_value(kind: str) -> None:
    known = library(numbers(kind))
    assert told(patient(NUMBER, CARD, OTHER, OTHER), known, "Numbers") == []
    assert told(patient(CARD, NUMBER, NUMBER), known, "Numbers") == [("error", "structure", AT)]
    nameless = {"system": HOME + "number", "use": "official"}
    assert told(patient(CARD, nameless), known, "Numbers") == [("error", "required", f"{AT}[1].value")]


def test_a_slice_that_is_needed_must_be_there() -> None:
    known = library(numbers(least=1))
    assert told(patient(CARD), known, "Numbers") == [("error", "required", AT)]
    assert told(patient(), known, "Numbers") == [("error", "required", AT)]


@pytest.mark.parametrize(
    ("rules", "ordered", "identifiers", "place"),
    [
        ("closed", False, (NUMBER, OTHER), f"{AT}[1]"),
        ("openAtEnd", False, (OTHER, NUMBER), AT),
        ("openAtEnd", False, (NUMBER, OTHER), None),
        ("open", True, (CARD, NUMBER), AT),
        ("open", True, (NUMBER, OTHER, CARD), None),
    ],
)
def test_the_rules_of_a_slicing(
    rules: str, ordered: bool, identifiers: tuple[Any, ...], place: str | None
) -> None:
    known = library(numbers(rules=rules, ordered=ordered))
    expected = [] if place is None else [("error", "structure", place)]
    assert told(patient(*identifiers), known, "Numbers") == expected


def divided_again(rules: str = "open", *, least: int = 0) -> list[dict[str, Any]]:
    """Numbers whose slice `number` a further profile divides by use."""
    again = {"discriminator": [{"type": "value", "path": "use"}], "rules": rules}
    return [
        profile(
            "Upper",
            "Patient",
            sliced(AT, "value", "system"),
            {"id": f"{AT}:number", "sliceName": "number", "max": "3"},
            {"id": f"{AT}:number.system", "patternUri": HOME + "number"},
        ),
        profile(
            "Lower",
            "Patient",
            {"id": f"{AT}:number", "sliceName": "number", "slicing": again},
            {"id": f"{AT}:number/main", "sliceName": "number/main", "min": least, "max": "1"},
            {"id": f"{AT}:number/main.use", "fixedCode": "official"},
            {"id": f"{AT}:number/main.value", "min": 1},
            base=HOME + "Upper",
        ),
    ]


@pytest.mark.parametrize(
    ("rules", "least", "identifiers", "wrong"),
    [
        ("open", 0, ({**NUMBER, "use": "official"}, {**NUMBER, "use": "old"}, OTHER), []),
        ("open", 0, (OTHER, {**NUMBER, "use": "old"}), []),
        ("open", 0, ({**OTHER, "use": "official"}, {**OTHER, "use": "official"}), []),
        ("open", 0, ({**NUMBER, "use": "official"}, {**NUMBER, "use": "official"}), [("structure", AT)]),
        (
            "open",
            0,
            (OTHER, {"system": HOME + "number", "use": "official"}),
            [("required", f"{AT}[1].value")],
        ),
        ("open", 1, ({**NUMBER, "use": "old"}, {**OTHER, "use": "official"}), [("required", AT)]),
        ("closed", 0, (OTHER, {**NUMBER, "use": "old"}), [("structure", f"{AT}[1]")]),
    ],
)
def test_a_slice_is_divided_again(
    rules: str, least: int, identifiers: tuple[Any, ...], wrong: list[tuple[str, str]]
) -> None:
    known = library(*divided_again(rules, least=least))
    assert told(patient(*identifiers), known, "Lower") == [("error", *each) for each in wrong]
    assert told(patient(*identifiers), known, "Upper") == []


def test_a_slice_that_is_divided_once_more_keeps_its_own_test() -> None:
    known = library(
        profile(
            "Whole",
            "Patient",
            sliced(AT, "value", "$this"),
            {
                "id": f"{AT}:n",
                "sliceName": "n",
                "max": "1",
                "patternIdentifier": {"system": "urn:n"},
                "slicing": {"discriminator": [{"type": "value", "path": "$this"}], "rules": "open"},
            },
            {"id": f"{AT}:n/old", "sliceName": "n/old", "max": "0", "patternIdentifier": {"use": "old"}},
        )
    )
    assert told(patient({"system": "urn:n"}), known, "Whole") == []
    assert told(patient({"system": "urn:n", "use": "old"}), known, "Whole") == [("error", "structure", AT)]
    assert told(patient({"system": "urn:n"}, {"system": "urn:n"}), known, "Whole") == [
        ("error", "structure", AT)
    ]


def test_what_divides_a_slice_must_be_told_apart() -> None:
    upper, lower = divided_again()
    del lower["differential"]["element"][1]["slicing"]
    ((place, message),) = faults(library(upper, lower), "Lower")
    assert place == f"{AT}:number"
    assert message == "the slices number/main have no discriminator that tells them apart"


def test_a_pattern_on_the_whole_tells_its_parts() -> None:
    known = library(
        profile(
            "Whole",
            "Patient",
            sliced(AT, "value", "type.coding.code"),
            {
                "id": f"{AT}:mr",
                "sliceName": "mr",
                "min": 1,
                "patternIdentifier": {"type": {"coding": [{"system": "s", "code": "MR"}]}},
            },
        )
    )
    assert told(patient({"type": {"coding": [{"system": "s", "code": "MR"}]}}), known, "Whole") == []
    assert told(patient(NUMBER), known, "Whole") == [("error", "required", AT)]


def test_items_are_told_apart_by_what_exists() -> None:
    known = library(
        profile(
            "Dated",
            "Patient",
            sliced(AT, "exists", "period"),
            {"id": f"{AT}:old", "sliceName": "old", "max": "1"},
            {"id": f"{AT}:old.period", "min": 1},
            {"id": f"{AT}:now", "sliceName": "now", "max": "1"},
            {"id": f"{AT}:now.period", "max": "0"},
        )
    )
    old = {**OTHER, "period": {"end": "2020"}}
    assert told(patient(old, NUMBER), known, "Dated") == []
    assert told(patient(old, old), known, "Dated") == [("error", "structure", AT)]


def test_items_are_told_apart_by_the_type_of_a_value() -> None:
    value = "Observation.component.value[x]"
    known = library(
        profile(
            "Parts",
            "Observation",
            sliced("Observation.component", "type", "value"),
            {"id": "Observation.component:number", "sliceName": "number", "max": "1"},
            {"id": "Observation.component:number.value[x]", "path": value, "type": [{"code": "Quantity"}]},
        )
    )
    part = {"code": {"text": "x"}, "valueQuantity": {"value": 1}}
    words = {"code": {"text": "y"}, "valueString": "z"}
    whole = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    assert told({**whole, "component": [part, words, words]}, known, "Parts") == []
    assert told({**whole, "component": [part, part]}, known, "Parts") == [
        ("error", "structure", "Observation.component")
    ]


def test_items_are_told_apart_by_the_profile_of_what_they_refer_to() -> None:
    at = "Observation.performer"
    known = library(
        profile("Chief", "Practitioner", {"id": "Practitioner.active", "min": 1}),
        profile(
            "Signed",
            "Observation",
            sliced(at, "profile", "resolve()"),
            {
                "id": f"{at}:chief",
                "sliceName": "chief",
                "min": 1,
                "type": [{"code": "Reference", "targetProfile": [HOME + "Chief"]}],
            },
        ),
    )

    def observation(**who: Any) -> dict[str, Any]:
        contained = [{"resourceType": "Practitioner", "id": "d", "gender": "male", **who}]
        return {
            "resourceType": "Observation",
            "status": "final",
            "code": {"text": "x"},
            "contained": contained,
            "performer": [{"reference": "#d"}],
        }

    assert told(observation(active=True), known, "Signed") == []
    assert told(observation(), known, "Signed") == [("error", "required", at)]


def test_a_required_list_of_codes_tells_slices_apart() -> None:
    at = "Observation.category"
    bound = {"strength": "required", "valueSet": HOME + "kinds"}
    known = library(
        profile(
            "Kinds",
            "Observation",
            sliced(at, "value", "$this"),
            {"id": f"{at}:kind", "sliceName": "kind", "min": 1, "binding": bound},
        ),
        value_set("kinds", "a", "b"),
    )
    whole = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    inside = {"coding": [{"system": HOME + "codes", "code": "b"}]}
    assert told({**whole, "category": [{"text": "?"}, inside]}, known, "Kinds") == []
    assert told({**whole, "category": [{"text": "?"}]}, known, "Kinds") == [("error", "required", at)]


def test_one_type_of_a_choice_is_a_slice_of_its_own() -> None:
    known = library(
        profile(
            "Units",
            "Observation",
            {"id": "Observation.valueQuantity.unit", "path": "Observation.valueQuantity.unit", "min": 1},
        )
    )
    whole = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    assert told({**whole, "valueString": "x"}, known, "Units") == []
    assert told({**whole, "valueQuantity": {"value": 1}}, known, "Units") == [
        ("error", "required", "Observation.value.unit")
    ]


def test_a_slice_that_tells_nothing_of_itself_is_named_and_not_checked() -> None:
    known = library(
        profile(
            "Vague",
            "Patient",
            sliced(AT, "value", "system"),
            {"id": f"{AT}:any", "sliceName": "any", "max": "0"},
        )
    )
    assert told(patient(NUMBER), known, "Vague") == [("information", "not-supported", AT)]
    structure = known.find(HOME + "Vague")
    assert structure is not None
    assert untold(structure, known) == [
        "the slice Patient.identifier:any says nothing of system, by which it is told apart"
    ]


# --- extensions -----------------------------------------------------------------------------------

COLOUR = extension("Colour", "code", "Patient")


def coloured(**value: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "gender": "other", "extension": [{"url": HOME + "Colour", **value}]}


def with_colour(*more: dict[str, Any]) -> dict[str, Any]:
    """A profile whose patients have a colour."""
    at = "Patient.extension"
    ref = [{"code": "Extension", "profile": [HOME + "Colour"]}]
    return profile(
        "Coloured",
        "Patient",
        {"id": f"{at}:colour", "sliceName": "colour", "min": 1, "max": "1", "type": ref},
        *more,
    )


def test_extensions_are_slices_by_their_url() -> None:
    known = library(COLOUR, with_colour())
    assert told(coloured(valueCode="red"), known, "Coloured") == []
    assert told(patient(), known, "Coloured") == [("error", "required", "Patient.extension")]
    assert told(coloured(valueString="red"), known, "Coloured") == [
        ("error", "structure", "Patient.extension[0].value")
    ]


def test_a_profile_may_demand_more_of_an_extension_than_its_definition() -> None:
    fixed = {"id": "Patient.extension:colour.value[x]", "fixedCode": "red"}
    known = library(COLOUR, with_colour(fixed))
    assert told(coloured(valueCode="red"), known, "Coloured") == []
    assert told(coloured(valueCode="blue"), known, "Coloured") == [
        ("error", "value", "Patient.extension[0].value")
    ]
    wrong_type = ("error", "structure", "Patient.extension[0].value")
    assert told(coloured(valueString="blue"), known, "Coloured") == [
        wrong_type,
        ("error", "value", "Patient.extension[0].value"),
    ]


def test_extensions_beside_a_primitive_are_judged_too() -> None:
    known = library(
        COLOUR,
        profile(
            "Tinted",
            "HumanName",
            {
                "id": "HumanName.given.extension:tint",
                "sliceName": "tint",
                "max": "1",
                "type": [{"code": "Extension", "profile": [HOME + "Colour"]}],
            },
            {"id": "HumanName.given.extension:tint.value[x]", "fixedCode": "red"},
        ),
        profile(
            "T",
            "Patient",
            {"id": "Patient.name", "type": [{"code": "HumanName", "profile": [HOME + "Tinted"]}]},
        ),
    )
    tinted = {"extension": [{"url": HOME + "Colour", "valueCode": "blue"}]}
    person = {"resourceType": "Patient", "name": [{"given": ["A", "B"], "_given": [None, tinted]}]}
    assert told(person, known, "T") == [("error", "value", "Patient.name[0].given[1].extension[0].value")]


def test_every_known_extension_stands_where_it_may_and_holds_what_it_may() -> None:
    known = library(COLOUR, extension("Doubt", "boolean", "Patient", modifies=True))
    assert told_of_extensions(coloured(valueCode="red"), known) == []
    assert told_of_extensions(coloured(valueString="red"), known) == [
        ("error", "structure", "Patient.extension[0].value")
    ]
    misplaced = {
        "resourceType": "Patient",
        "name": [{"family": "A", "extension": coloured(valueCode="r")["extension"]}],
    }
    assert told_of_extensions(misplaced, known) == [("error", "structure", "Patient.name[0].extension[0]")]
    bound = library({**COLOUR, "contextInvariant": ["gender = 'female'"]})
    assert told_of_extensions(coloured(valueCode="red"), bound) == [
        ("error", "invariant", "Patient.extension[0]")
    ]
    assert told_of_extensions({**coloured(valueCode="red"), "gender": "female"}, bound) == []
    plain = {**patient(), "extension": [{"url": HOME + "Doubt", "valueBoolean": True}]}
    assert told_of_extensions(plain, known) == [("error", "structure", "Patient.extension[0]")]
    moved = {**patient(), "modifierExtension": plain["extension"]}
    assert told_of_extensions(moved, known) == []


def test_unknown_extensions_are_told_and_unknown_modifiers_warned_of() -> None:
    strange = [{"url": "http://elsewhere.org/x", "valueString": "x"}]
    both = {**patient(), "extension": strange, "modifierExtension": strange}
    assert told_of_extensions(both, library()) == [
        ("information", "not-found", "Patient.extension[0]"),
        ("warning", "not-found", "Patient.modifierExtension[0]"),
    ]
