"""NEWS2 of what was measured at a ward or in the emergency department, so that flowsheets can be read.

Royal College of Physicians, National Early Warning Score (NEWS) 2, 2017; a test holds that the sums are those
of the module that scores at the bedside.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from kontinuum.demo import resources as fhir
from kontinuum.demo.chart import Chart, Contact
from kontinuum.demo.timeline import stamp
from kontinuum.sweden import systems

ADULT: Final = 16
_OWN: Final = "urn:kontinuum:codes:vitals"
_SCALE: Final = "urn:kontinuum:scale"
_NEEDS_OXYGEN: Final = 91
_STEPS: Final[Mapping[str, tuple[str, tuple[tuple[float, int], ...]]]] = {
    "respiration": ("Andningsfrekvens", ((8, 3), (11, 1), (20, 0), (24, 2), (999, 3))),
    "saturation": ("Saturation", ((91, 3), (93, 2), (95, 1), (999, 0))),
    "systolic": ("Systoliskt blodtryck", ((90, 3), (100, 2), (110, 1), (219, 0), (999, 3))),
    "pulse": ("Puls", ((40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (999, 3))),
    "temperature": ("Kroppstemperatur", ((35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1), (999, 2))),
}
_RISKS: Final = (
    (7, "high", "Hög risk"),
    (5, "medium", "Medelhög risk"),
    (1, "low", "Låg risk"),
    (0, "0", "Låg risk, inga poäng"),
)


def early_warning(chart: Chart, contact: Contact, at: datetime, first: int) -> None:
    """Add what NEWS2 needs besides the vital signs, and the score; `first`: the entry of the first."""
    if chart.person.age(at.date()) < ADULT:
        return
    parts = [body["id"] for _, body in chart.entries[first:] if body["resourceType"] == "Observation"]
    known = contact.values
    values = {key: float(known[key].replace(",", ".")) for key in _STEPS if key in known}
    values["systolic"] = float(known["bt"].split("/")[0])
    oxygen = values["saturation"] <= _NEEDS_OXYGEN
    parts.append(_add(chart, contact, at, "vital-signs", _gas(oxygen=oxygen)))
    parts.append(_add(chart, contact, at, "vital-signs", _alert()))
    points = {key: next(p for most, p in steps if values[key] <= most) for key, (_, steps) in _STEPS.items()}
    points |= {"inspired": 2 if oxygen else 0, "consciousness": 0}
    total = sum(points.values())
    code, text = next((code, text) for least, code, text in _RISKS if total >= least)
    if total < 5 and 3 in points.values():
        code, text = "single", "Låg–medelhög risk, tre poäng i en del"
    names = {key: name for key, (name, _) in _STEPS.items()}
    names |= {"inspired": "Tillförd syrgas", "consciousness": "Medvetande (ACVPU)"}
    score: dict[str, Any] = {
        "code": fhir.concept(_SCALE, "news2", "NEWS2"),
        "valueQuantity": {
            "value": Decimal(total),
            "unit": "poäng",
            "system": systems.UCUM,
            "code": "{score}",
        },
        "interpretation": [fhir.concept("urn:kontinuum:codes:early-warning-risk", code, text)],
        "component": [
            {"code": fhir.concept(_SCALE, f"news2-{key}", names[key]), "valueInteger": number}
            for key, number in points.items()
        ],
        "derivedFrom": [fhir.reference(f"Observation/{one}") for one in parts],
    }
    _add(chart, contact, at, "survey", score)


def _gas(*, oxygen: bool) -> dict[str, Any]:
    code = fhir.concept(systems.LOINC, "3151-8", "Tillförd syrgas")
    if not oxygen:
        return {"code": code, "valueCodeableConcept": fhir.concept(_OWN, "air", "Luft")}
    flow = {"value": Decimal(2), "unit": "L/min", "system": systems.UCUM, "code": "L/min"}
    return {"code": code, "valueQuantity": flow}


def _alert() -> dict[str, Any]:
    return {
        "code": fhir.concept(systems.LOINC, "80288-4", "Medvetande (ACVPU)"),
        "valueCodeableConcept": fhir.concept("urn:kontinuum:codes:acvpu", "A", "A – alert"),
    }


def _add(chart: Chart, contact: Contact, at: datetime, category: str, body: dict[str, Any]) -> str:
    made = {
        "status": "final",
        "category": [fhir.hl7("observation-category", category)],
        **body,
        "subject": fhir.reference(chart.subject),
        "encounter": fhir.reference(contact.reference),
        "effectiveDateTime": stamp(at),
        "performer": [fhir.reference(contact.author.reference, contact.author.display)],
    }
    return chart.add(contact.unit, "Observation", "ews", made).partition("/")[2]
