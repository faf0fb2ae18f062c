"""A number is charted and scored in the unit of its kind, whatever it was recorded in, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.care.vitals.form import value_text
from kontinuum.care.vitals.kinds import KINDS
from kontinuum.care.vitals.reading import Reading, measured
from kontinuum.care.vitals.units import in_unit, stands_in
from kontinuum.kernel.i18n import Translator

_UCUM = "http://unitsofmeasure.org"
_SV = Translator("sv")


def _reading(kind: str, quantity: dict[str, Any]) -> Reading:
    system, code = KINDS[kind].codes[0]
    body = {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "code": {"coding": [{"system": system, "code": code}]},
        "valueQuantity": quantity,
    }
    return Reading(kind, body, 1, "", datetime(2026, 3, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("kind", "quantity", "expected"),
    [
        ("height", {"value": 70, "system": _UCUM, "code": "[in_i]"}, "177.8"),
        ("height", {"value": Decimal("1.027"), "unit": "m"}, "102.7"),
        ("weight", {"value": 154, "system": _UCUM, "code": "[lb_av]"}, "69.853"),
        ("weight", {"value": Decimal("3232"), "unit": "g", "code": "g"}, "3.232"),
        ("temperature", {"value": Decimal("100.4"), "system": _UCUM, "code": "[degF]"}, "38.0"),
        ("temperature", {"value": Decimal("310.15"), "system": _UCUM, "code": "K"}, "37.0"),
        ("temperature", {"value": Decimal("38.25"), "unit": "°C"}, "38.25"),
        ("systolic", {"value": 16, "system": _UCUM, "code": "kPa"}, "120"),
        ("systolic", {"value": 120, "unit": "mmHg"}, "120"),
        ("pulse", {"value": 72, "system": _UCUM, "code": "{beats}/min"}, "72"),
        ("pulse", {"value": 72, "unit": "slag/min"}, "72"),
        ("saturation", {"value": Decimal("0.97"), "system": _UCUM, "code": "1"}, "97"),
        ("flow", {"value": 2, "unit": "l/min"}, "2"),
    ],
)
def test_a_number_is_brought_to_the_unit_of_its_kind(kind: str, quantity: Any, expected: str) -> None:
    assert str(in_unit(quantity, KINDS[kind])) == expected


@pytest.mark.parametrize(
    ("kind", "quantity"),
    [
        ("height", {"value": 70}),
        ("height", {"value": 70, "unit": "skålpund"}),
        ("height", {"value": 70, "system": _UCUM, "code": "kg"}),
        ("height", {"value": 70, "system": "urn:own", "code": "cm"}),
        ("glucose", {"value": 90, "system": _UCUM, "code": "mg/dL"}),
        ("saturation", {"value": 90, "comparator": "<", "system": _UCUM, "code": "%"}),
        ("weight", {"unit": "kg"}),
    ],
)
def test_what_cannot_be_brought_there_is_neither_charted_nor_scored(kind: str, quantity: Any) -> None:
    reading = _reading(kind, quantity)
    assert reading.numbers == {}
    assert measured([reading]) == {}
    if "value" in quantity:
        assert reading.undrawn
        assert str(quantity["value"]) in value_text(reading, _SV, unit=False)


@given(st.decimals("0.001", "500", places=3))
def test_a_value_in_the_unit_of_its_kind_keeps_its_digits(value: Decimal) -> None:
    for kind in KINDS.values():
        for quantity in ({"unit": kind.unit}, {"system": _UCUM, "code": kind.ucum}):
            whole = {"value": value, **quantity}
            assert stands_in(whole, kind), kind.key
            assert str(in_unit(whole, kind)) == str(value)


def test_how_it_was_recorded_stands_beside_what_is_charted() -> None:
    inches = _reading("height", {"value": 70, "unit": "in", "system": _UCUM, "code": "[in_i]"})
    assert value_text(inches, _SV, unit=False) == "177,8 (70 in)"
    assert value_text(inches, _SV) == "177,8 cm (70 in)"
    assert value_text(_reading("height", {"value": 178, "unit": "cm"}), _SV) == "178 cm"
    assert value_text(_reading("glucose", {"value": 90, "unit": "mg/dL"}), _SV, unit=False) == "90 mg/dL"
    assert value_text(_reading("height", {"value": 70}), Translator("en"), unit=False) == "70 without unit"


def test_a_blood_pressure_in_kilopascal_is_one_in_millimetres_of_mercury() -> None:
    codes = {"systolic": (16, "kPa"), "diastolic": (Decimal("10.67"), "kPa")}
    parts = [
        {"code": {"coding": [dict(zip(("system", "code"), KINDS[key].codes[0], strict=True))]},
         "valueQuantity": {"value": value, "unit": unit, "code": unit}}
        for key, (value, unit) in codes.items()
    ]  # fmt: skip
    reading = _reading("systolic", {})
    pressure = Reading(
        "pressure", {**reading.body, "valueQuantity": {}, "component": parts}, 1, "", reading.updated
    )
    assert pressure.numbers == {"systolic": Decimal(120), "diastolic": Decimal(80)}
    assert value_text(pressure, _SV) == "120/80 mmHg (16 kPa; 10,67 kPa)"
