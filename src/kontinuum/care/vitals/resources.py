"""What an entry becomes in the record: Observations, and the score with the parts it derives from. Pure.

http://hl7.org/fhir/R4/observation-vitalsigns.html. The ids follow from the draft's, so that what is sent
twice stands there once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from kontinuum.care.vitals.ages import Interval
from kontinuum.care.vitals.entry import Entry
from kontinuum.care.vitals.kinds import (
    CHOICES,
    KINDS,
    OWN,
    PANEL,
    POSITIONS,
    SCALES,
    SECOND_SCALE,
    SITES,
    Choice,
    Kind,
)
from kontinuum.care.vitals.rules import AIR, OXYGEN, Risk, Score
from kontinuum.kernel.principal import Principal
from kontinuum.sweden.systems import SNOMED_CT, UCUM

Resource = dict[str, Any]

_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
_FLAG: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
_POSITION: Final = "http://hl7.org/fhir/StructureDefinition/observation-bodyPosition"
RISK: Final = "urn:kontinuum:codes:early-warning-risk"
_RISK_TEXTS: Final[Mapping[Risk, str]] = {
    Risk.ZERO: "Låg risk, inga poäng",
    Risk.LOW: "Låg risk",
    Risk.SINGLE: "Låg–medelhög risk, tre poäng i en del",
    Risk.MEDIUM: "Medelhög risk",
    Risk.HIGH: "Hög risk",
    Risk.CHILD_LOW: "Under tröskelvärdet 8",
    Risk.CHILD_HIGH: "Vid eller över tröskelvärdet 8",
}
_PART_TEXTS: Final[Mapping[str, str]] = {
    **{key: one.text for key, one in KINDS.items()},
    **{key: one.text for key, one in CHOICES.items()},
}
SECOND_SCALE_TEXT: Final = "Målsaturation 88–92 %, NEWS2 räknas med SpO₂-skala 2"


@dataclass(frozen=True, slots=True)
class Taken:
    """Whose values, when and by whom: `measured` and `written` are FHIR instants; `id` is the draft's.

    `before` are those who measured before the draft was handed over.
    """

    id: str
    patient: str
    contact: str
    measured: str
    written: str
    principal: Principal
    intervals: Mapping[str, Interval]
    before: Sequence[Mapping[str, str]] = ()


def author(principal: Principal) -> Resource:
    """Who measured, as resources name a performer."""
    named = {"display": principal.signature}
    reference = principal.actor.reference
    return {"reference": reference, **named} if reference else named


def observations(entry: Entry, taken: Taken) -> dict[str, Resource]:
    """The Observations of an entry, by the key of what they hold; a blood pressure is one."""
    made: dict[str, Resource] = {}
    for key, value in entry.numbers.items():
        if key not in ("systolic", "diastolic", "flow"):
            made[key] = _number(KINDS[key], value, taken)
    if "systolic" in entry.numbers or "diastolic" in entry.numbers:
        made["pressure"] = _pressure(entry, taken)
    for key, code in entry.choices.items():
        if key != "inspired":
            made[key] = _chosen(CHOICES[key], code, taken)
    if "inspired" in entry.choices:
        made["inspired"] = _inspired(entry, taken)
    if "temperature" in made and entry.site:
        made["temperature"]["method"] = _one_of(SITES, entry.site, f"{OWN}:temperature-site")
    if "pressure" in made and entry.position:
        position = _one_of(POSITIONS, entry.position, SNOMED_CT)
        made["pressure"]["extension"] = [{"url": _POSITION, "valueCodeableConcept": position}]
    if entry.device:
        for one in made.values():
            one["device"] = {"display": entry.device}
    return made


def scored(score: Score, parts: Mapping[str, Resource], taken: Taken) -> Resource:
    """The score as an Observation that names the parts it was reckoned from. It must have a sum."""
    used = {source(kind) for part in score.parts for kind in part.kinds}
    made = _base("survey", taken, score.scale.value, [(SCALES, score.scale.value)], score.scale.label)
    return {**made, **reckoned(score), "derivedFrom": references(parts[key] for key in parts if key in used)}


def reckoned(score: Score) -> Resource:
    """The elements of a score's Observation that follow from its parts. The score must have a sum."""
    total, risk = score.total, score.risk
    if total is None or risk is None:
        raise ValueError("a score with a part missing is not kept")
    parts = [
        {
            "code": _concept(SCALES, f"{score.scale.value}-{one.key}", _PART_TEXTS[one.key]),
            "valueInteger": one.points,
        }
        for one in score.parts
    ]
    if score.second:
        parts.append(
            {"code": _concept(SCALES, f"{score.scale.value}-spo2-scale", "SpO₂-skala"), "valueInteger": 2}
        )
    return {
        "valueQuantity": {"value": Decimal(total), "unit": "poäng", "system": UCUM, "code": "{score}"},
        "interpretation": [_concept(RISK, risk.value, _RISK_TEXTS[risk])],
        "component": parts,
    }


def risk_text(risk: Risk) -> str:
    """What the record says of a class."""
    text = _RISK_TEXTS[risk]
    return text[0].lower() + text[1:]


def source(kind: str) -> str:
    """The key of the Observation that holds a kind."""
    return {"systolic": "pressure", "diastolic": "pressure", "flow": "inspired"}.get(kind, kind)


def references(parts: Iterable[Resource]) -> list[Resource]:
    """References to Observations."""
    return [{"reference": f"Observation/{one['id']}"} for one in parts]


def second_scale(identity: str, patient: str, written: str, principal: Principal, reason: str) -> Resource:
    """The decision that the patient's target saturation is 88–92 %, as a Goal.

    http://hl7.org/fhir/R4/goal.html: NEWS2's second scale is for those for whom it was prescribed.
    """
    percent = {"unit": "%", "system": UCUM, "code": "%"}
    saturation = KINDS["saturation"]
    return {
        "resourceType": "Goal",
        "id": identity,
        "lifecycleStatus": "active",
        "description": _concept(OWN, SECOND_SCALE, SECOND_SCALE_TEXT),
        "subject": {"reference": f"Patient/{patient}"},
        "startDate": written[:10],
        "target": [
            {
                "measure": _coded(saturation.codes, saturation.text),
                "detailRange": {
                    "low": {"value": Decimal(88), **percent},
                    "high": {"value": Decimal(92), **percent},
                },
            }
        ],
        "statusDate": written[:10],
        "expressedBy": author(principal),
        "note": [{"time": written, "text": reason}],
    }


def ended(goal: Mapping[str, Any], written: str, principal: Principal, reason: str) -> Resource:
    """The decision taken back."""
    note = {"authorString": author(principal)["display"], "time": written, "text": reason}
    return {
        **goal,
        "lifecycleStatus": "cancelled",
        "statusDate": written[:10],
        "note": [*goal.get("note", ()), note],
    }


def quantity(kind: Kind, value: Decimal) -> Resource:
    """A value with the digits that were typed."""
    return {"value": value, "unit": kind.unit, "system": UCUM, "code": kind.ucum}


def judged(kind: Kind, value: Decimal, interval: Interval | None) -> Resource:
    """How a value lies in the range that is expected at the patient's age, and that range."""
    if interval is None or interval == (None, None):
        return {}
    low, high = interval
    flag = "L" if low is not None and value < low else "H" if high is not None and value > high else "N"
    limits = {
        name: quantity(kind, limit) for name, limit in (("low", low), ("high", high)) if limit is not None
    }
    return {"interpretation": [{"coding": [{"system": _FLAG, "code": flag}]}], "referenceRange": [limits]}


def _base(category: str, taken: Taken, key: str, codes: Iterable[tuple[str, str]], text: str) -> Resource:
    contact = {"encounter": {"reference": f"Encounter/{taken.contact}"}} if taken.contact else {}
    return {
        "resourceType": "Observation",
        "id": f"{taken.id}-{key}",
        "status": "final",
        "category": [{"coding": [{"system": _CATEGORY, "code": category}]}],
        "code": _coded(codes, text),
        "subject": {"reference": f"Patient/{taken.patient}"},
        **contact,
        "effectiveDateTime": taken.measured,
        "issued": taken.written,
        "performer": [author(taken.principal), *map(dict, taken.before)],
    }


def _number(kind: Kind, value: Decimal, taken: Taken) -> Resource:
    category = "laboratory" if kind.key == "glucose" else "vital-signs"
    made = _base(category, taken, kind.key, kind.codes, kind.text)
    return {
        **made,
        "valueQuantity": quantity(kind, value),
        **judged(kind, value, taken.intervals.get(kind.key)),
    }


def _pressure(entry: Entry, taken: Taken) -> Resource:
    made = _base("vital-signs", taken, "pressure", [PANEL], "Blodtryck")
    return {**made, "component": pressures(entry.numbers, taken.intervals)}


def pressures(numbers: Mapping[str, Decimal], intervals: Mapping[str, Interval]) -> list[Resource]:
    """The two parts of a blood pressure; one that was not measured says so."""
    made = []
    for key in ("systolic", "diastolic"):
        kind = KINDS[key]
        part: Resource = {"code": _coded(kind.codes, kind.text)}
        if key in numbers:
            part |= {"valueQuantity": quantity(kind, numbers[key])}
            part |= judged(kind, numbers[key], intervals.get(key))
        else:
            part["dataAbsentReason"] = {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/data-absent-reason",
                        "code": "not-performed",
                    }
                ],
                "text": "Inte mätt",
            }
        made.append(part)
    return made


def _chosen(choice: Choice, code: str, taken: Taken) -> Resource:
    made = _base("vital-signs", taken, choice.key, [choice.code], choice.text)
    return {**made, "valueCodeableConcept": chosen(choice, code)}


def chosen(choice: Choice, code: str) -> Resource:
    """A chosen answer."""
    return _concept(choice.system, code, answer_text(choice, code))


def answer_text(choice: Choice, code: str) -> str:
    """What the record says of an answer."""
    return next(text for one, _, text in choice.answers if one == code)


def _inspired(entry: Entry, taken: Taken) -> Resource:
    choice = CHOICES["inspired"]
    made = _base("vital-signs", taken, "inspired", [choice.code], choice.text)
    return {**made, **inspired(entry.choices["inspired"], entry.numbers.get("flow"))}


def inspired(gas: str, flow: Decimal | None) -> Resource:
    """What the patient breathes: air, a flow of oxygen, or oxygen whose flow was not told."""
    if gas == OXYGEN and flow is not None:
        return {"valueQuantity": quantity(KINDS["flow"], flow)}
    code = AIR if gas == AIR else OXYGEN
    return {"valueCodeableConcept": _concept(OWN, code, answer_text(CHOICES["inspired"], code))}


def _one_of(known: Iterable[tuple[str, str, str]], code: str, system: str) -> Resource:
    return _concept(system, code, next(text for one, _, text in known if one == code))


def _coded(codes: Iterable[tuple[str, str]], text: str) -> Resource:
    return {
        "coding": [{"system": system, "code": code, "display": text} for system, code in codes],
        "text": text,
    }


def _concept(system: str, code: str, text: str) -> Resource:
    return _coded([(system, code)], text)
