"""FHIR R4 resources from plain values: one pure function for each shape that the demo writes.

http://hl7.org/fhir/R4/resourcelist.html. Values are `Decimal` with the digits that are reported. References
are strings such as `Encounter/p-0001-enc-000001`; times are already written (`timeline.stamp`).
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from html import escape
from typing import Any

from kontinuum.demo.tables import table
from kontinuum.sweden import systems

Resource = dict[str, Any]

_HL7 = "http://terminology.hl7.org/CodeSystem"
_NOTE_CODES = {
    "note": ("11506-3", "Progress note"),
    "admission": ("34117-2", "History and physical note"),
    "discharge": ("18842-5", "Discharge summary"),
    "consult": ("11488-4", "Consult note"),
    "nurse": ("34746-8", "Nurse Note"),
}
_CLASSES = {
    "AMB": "ambulatory",
    "EMER": "emergency",
    "IMP": "inpatient encounter",
    "HH": "home health",
    "VR": "virtual",
}


def concept(system: str, code: str, text: str) -> Resource:
    """Write a CodeableConcept with one coding that reads as `text`."""
    return {"coding": [{"system": system, "code": code, "display": text}], "text": text}


def hl7(name: str, code: str) -> Resource:
    """Write a CodeableConcept of one of HL7's own code systems."""
    return {"coding": [{"system": f"{_HL7}/{name}", "code": code}]}


def diagnosis(code: str) -> Resource:
    """Write an ICD-10-SE diagnosis of the starter set; KeyError for another code."""
    return concept(systems.ICD_10_SE, code, table("classifications")["diagnosis"][code])


def drug_concept(key: str) -> Resource:
    """Write a drug of the starter set by its ATC code, with product form and strength as text."""
    row = table("drugs")["drug"][key]
    return {"coding": [{"system": systems.ATC, "code": row["atc"]}], "text": row["name"]}


def reference(target: str, display: str | None = None) -> Resource:
    """Write a Reference."""
    return {"reference": target} if display is None else {"reference": target, "display": display}


def encounter_class(code: str) -> Resource:
    """Write an Encounter class, v3-ActCode."""
    return {"system": f"{_HL7}/v3-ActCode", "code": code, "display": _CLASSES[code]}


@cache
def _analysis(key: str) -> tuple[str, Mapping[str, Any]]:
    laboratory = table("laboratory")
    for group, category in (("analysis", "laboratory"), ("vital", "vital-signs"), ("measure", "survey")):
        if key in laboratory[group]:
            return category, laboratory[group][key]
    raise KeyError(key)


def rounded(key: str, value: float) -> Decimal:
    """Round a value to the digits in which the analysis is reported."""
    return Decimal(f"{value:.{_analysis(key)[1]['digits']}f}")


def quantity(key: str, value: Decimal) -> Resource:
    """Write a Quantity in the analysis' unit, UCUM coded."""
    row = _analysis(key)[1]
    return {"value": value, "unit": row["unit"], "system": systems.UCUM, "code": row["ucum"]}


def measured(key: str, value: Decimal, sex: str) -> Resource:
    """Write the parts of an Observation that follow from what is measured: code, value, interval, flag."""
    category, row = _analysis(key)
    coding = (
        {"system": systems.NPU, "code": row["npu"], "display": row["name"]}
        if "npu" in row
        else {"system": systems.LOINC, "code": row["loinc"], "display": row["name"]}
    )
    codings = [coding]
    if "extra" in row:
        codings.append({"system": systems.LOINC, "code": row["extra"], "display": row["name"]})
    parts: Resource = {
        "category": [hl7("observation-category", category)],
        "code": {"coding": codings, "text": row["name"]},
        "valueQuantity": quantity(key, value),
    }
    low, high = _limits(row, sex)
    if low is not None or high is not None:
        parts["interpretation"] = [_flag(value, low, high)]
        parts["referenceRange"] = [_range(row, low, high)]
    return parts


def _limits(row: Mapping[str, Any], sex: str) -> tuple[Decimal | None, Decimal | None]:
    male = sex == "male"
    low = row.get("low-male", row.get("low")) if male else row.get("low")
    high = row.get("high-male", row.get("high")) if male else row.get("high")
    digits = row["digits"]
    return (
        None if low is None else Decimal(f"{low:.{digits}f}"),
        None if high is None else Decimal(f"{high:.{digits}f}"),
    )


def _flag(value: Decimal, low: Decimal | None, high: Decimal | None) -> Resource:
    code = "L" if low is not None and value < low else "H" if high is not None and value > high else "N"
    return hl7("v3-ObservationInterpretation", code)


def _range(row: Mapping[str, Any], low: Decimal | None, high: Decimal | None) -> Resource:
    def bound(value: Decimal) -> Resource:
        return {"value": value, "unit": row["unit"], "system": systems.UCUM, "code": row["ucum"]}

    limits: Resource = {}
    if low is not None:
        limits["low"] = bound(low)
    if high is not None:
        limits["high"] = bound(high)
    return limits


def blood_pressure(systolic: int, diastolic: int) -> Resource:
    """Write the parts of a blood pressure panel, http://hl7.org/fhir/R4/bp.html."""

    def component(code: str, text: str, value: int) -> Resource:
        amount = {"value": Decimal(value), "unit": "mmHg", "system": systems.UCUM, "code": "mm[Hg]"}
        return {"code": concept(systems.LOINC, code, text), "valueQuantity": amount}

    return {
        "category": [hl7("observation-category", "vital-signs")],
        "code": concept(systems.LOINC, "85354-9", "Blodtryck"),
        "component": [
            component("8480-6", "Systoliskt blodtryck", systolic),
            component("8462-4", "Diastoliskt blodtryck", diastolic),
        ],
    }


def sections(texts: Sequence[tuple[str, str]]) -> list[Resource]:
    """Write keyword sections: the keyword as title, the text as paragraphs; nothing is added or left out."""
    return [{"title": head, "text": _narrative(text)} for head, text in texts]


def _narrative(text: str) -> Resource:
    paragraphs = "".join(f"<p>{escape(part, quote=False)}</p>" for part in text.split("\n") if part)
    return {"status": "additional", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{paragraphs}</div>'}


def note_type(kind: str, text: str) -> Resource:
    """Write a document type: LOINC's code and our Swedish title."""
    code, display = _NOTE_CODES[kind]
    return {"coding": [{"system": systems.LOINC, "code": code, "display": display}], "text": text}


def dosage(key: str, text: str | None) -> Resource:
    """Write a dosage as Swedish text; `asNeeded` where the drug is taken when needed."""
    row = table("drugs")["drug"][key]
    written: Resource = {"text": text or row["dose"], "patientInstruction": row["use"]}
    if row.get("needed"):
        written["asNeededBoolean"] = True
    if "route" in row:
        written["route"] = {"text": row["route"]}
    return written


_DOSE_UNITS = {"mg": "mg", "g": "g", "E": "[iU]"}


def dose(text: str) -> Resource:
    """Write the amount that a dose such as `40 mg intravenöst` begins with, as a UCUM Quantity."""
    amount, unit, *_ = text.split()
    return {"value": Decimal(amount), "unit": unit, "system": systems.UCUM, "code": _DOSE_UNITS[unit]}


def vaccine_concept(key: str) -> Resource:
    """Write a vaccine by its ATC code."""
    row = table("classifications")["vaccine"][key]
    return concept(systems.ATC, row["atc"], row["name"])


def procedure_concept(code: str) -> Resource:
    """Write a KVÅ procedure of the starter set; KeyError for another code."""
    return concept(systems.KVA, code, table("classifications")["procedure"][code])
