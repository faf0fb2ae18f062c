"""What is measured at the bedside: codes, units, and what is impossible or unusual. Pure.

Codes of the vital-signs profiles (http://hl7.org/fhir/R4/observation-vitalsigns.html), LOINC's for what they
do not have, NPU for glucose, and codes of our own where neither is certain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from kontinuum.care.vitals.rules import AIR, ALERT, OXYGEN, Scale
from kontinuum.kernel.i18n import message
from kontinuum.sweden.systems import LOINC, NPU

OWN: Final = "urn:kontinuum:codes:vitals"
SCALES: Final = "urn:kontinuum:scale"
SECOND_SCALE: Final = "spo2-scale-2"
"""Our code of the decision on a target saturation of 88-92 %."""
ACVPU: Final = "urn:kontinuum:codes:acvpu"
PANEL: Final = (LOINC, "85354-9")
"""A blood pressure, whose parts are the systolic and the diastolic one."""

Span = tuple[Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class Kind:
    """Something that is measured as a number.

    `text` is what the record says, in Swedish whatever the reader's language; `possible` is refused outside,
    `usual` asked about outside.
    """

    key: str
    title: str
    text: str
    codes: tuple[tuple[str, str], ...]
    unit: str
    ucum: str
    decimals: int
    possible: Span
    usual: Span
    child: bool = False
    """Only asked for about children."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that is chosen: (code, what the page says, what the record says) of each answer."""

    key: str
    title: str
    text: str
    code: tuple[str, str]
    system: str
    answers: tuple[tuple[str, str, str], ...]
    child: bool = False


def _span(low: str, high: str) -> Span:
    return Decimal(low), Decimal(high)


NUMBERS: Final = (
    Kind(
        "respiration",
        message("Respiratory rate"),
        "Andningsfrekvens",
        ((LOINC, "9279-1"),),
        "/min",
        "/min",
        0,
        _span("0", "120"),
        _span("6", "40"),
    ),
    Kind(
        "saturation",
        message("Saturation"),
        "Saturation",
        ((LOINC, "2708-6"), (LOINC, "59408-5")),
        "%",
        "%",
        0,
        _span("30", "100"),
        _span("75", "100"),
    ),
    Kind(
        "flow",
        message("Oxygen flow"),
        "Tillförd syrgas",
        ((LOINC, "3151-8"),),
        "L/min",
        "L/min",
        2,
        _span("0.05", "80"),
        _span("0.1", "15"),
    ),
    Kind(
        "systolic",
        message("Systolic blood pressure"),
        "Systoliskt blodtryck",
        ((LOINC, "8480-6"),),
        "mmHg",
        "mm[Hg]",
        0,
        _span("30", "300"),
        _span("70", "220"),
    ),
    Kind(
        "diastolic",
        message("Diastolic blood pressure"),
        "Diastoliskt blodtryck",
        ((LOINC, "8462-4"),),
        "mmHg",
        "mm[Hg]",
        0,
        _span("10", "200"),
        _span("35", "130"),
    ),
    Kind(
        "pulse",
        message("Pulse"),
        "Puls",
        ((LOINC, "8867-4"),),
        "/min",
        "/min",
        0,
        _span("10", "350"),
        _span("35", "180"),
    ),
    Kind(
        "temperature",
        message("Temperature"),
        "Kroppstemperatur",
        ((LOINC, "8310-5"),),
        "°C",
        "Cel",
        1,
        _span("25", "45"),
        _span("34.0", "41.0"),
    ),
    Kind(
        "pain",
        message("Pain, NRS 0–10"),
        "Smärta enligt NRS",
        ((LOINC, "72514-3"),),
        "poäng",
        "{score}",
        0,
        _span("0", "10"),
        _span("0", "10"),
    ),
    Kind(
        "refill",
        message("Capillary refill"),
        "Kapillär återfyllnad",
        ((OWN, "capillary-refill"),),
        "s",
        "s",
        1,
        _span("0", "20"),
        _span("0", "8"),
        child=True,
    ),
    Kind(
        "glucose",
        message("Blood glucose"),
        "P-Glukos",
        ((NPU, "NPU02192"),),
        "mmol/L",
        "mmol/L",
        1,
        _span("0.1", "100"),
        _span("2.5", "30"),
    ),
    Kind(
        "urine",
        message("Urine"),
        "Urinmängd",
        ((LOINC, "9187-6"),),
        "mL",
        "mL",
        0,
        _span("0", "10000"),
        _span("0", "1500"),
    ),
    Kind(
        "weight",
        message("Weight"),
        "Kroppsvikt",
        ((LOINC, "29463-7"),),
        "kg",
        "kg",
        3,
        _span("0.3", "400"),
        _span("30", "200"),
    ),
    Kind(
        "height",
        message("Height"),
        "Kroppslängd",
        ((LOINC, "8302-2"),),
        "cm",
        "cm",
        1,
        _span("20", "250"),
        _span("130", "210"),
    ),
    Kind(
        "head",
        message("Head circumference"),
        "Huvudomfång",
        ((LOINC, "9843-4"),),
        "cm",
        "cm",
        1,
        _span("15", "75"),
        _span("25", "60"),
        child=True,
    ),
)
KINDS: Final[Mapping[str, Kind]] = {one.key: one for one in NUMBERS}

INSPIRED: Final = Choice(
    "inspired",
    message("Breathes"),
    "Tillförd syrgas",
    (LOINC, "3151-8"),
    OWN,
    ((AIR, message("Air"), "Luft"), (OXYGEN, message("Oxygen"), "Syrgas")),
)
CONSCIOUSNESS: Final = Choice(
    "consciousness",
    message("Consciousness, ACVPU"),
    "Medvetande (ACVPU)",
    (LOINC, "80288-4"),
    ACVPU,
    (
        (ALERT, message("A · Alert"), "A – alert"),
        ("C", message("C · New confusion"), "C – nytillkommen förvirring"),
        ("V", message("V · Responds to voice"), "V – reagerar på tilltal"),
        ("P", message("P · Responds to pain"), "P – reagerar på smärta"),
        ("U", message("U · Unresponsive"), "U – reagerar inte"),
    ),
)
EFFORT: Final = Choice(
    "effort",
    message("Respiratory effort"),
    "Andningsarbete",
    (OWN, "respiratory-effort"),
    OWN,
    (
        ("normal", message("Normal"), "Normalt"),
        ("mild", message("Mildly increased"), "Lätt ökat"),
        ("moderate", message("Moderately increased"), "Måttligt ökat"),
        ("severe", message("Severely increased, or apnoea"), "Kraftigt ökat eller apné"),
    ),
    child=True,
)
CHOICES: Final[Mapping[str, Choice]] = {one.key: one for one in (INSPIRED, CONSCIOUSNESS, EFFORT)}

POSITIONS: Final = (
    ("33586001", message("Sitting"), "Sittande"),
    ("102538003", message("Lying"), "Liggande"),
    ("10904000", message("Standing"), "Stående"),
)
"""How the patient was when the blood pressure was taken, SNOMED CT."""

SITES: Final = (
    ("ear", message("Ear"), "Öra"),
    ("mouth", message("Mouth"), "Mun"),
    ("rectum", message("Rectum"), "Ändtarm"),
    ("axilla", message("Armpit"), "Armhåla"),
    ("forehead", message("Forehead"), "Panna"),
)
"""Where the temperature was taken."""

SCALE_CODES: Final = tuple((SCALES, one.value) for one in Scale)
OUTSIDE_THE_CATEGORY: Final = (
    *SCALE_CODES,
    *KINDS["glucose"].codes,
    (LOINC, "72514-3"),
)
"""What belongs in the flowsheet though it is also kept under another category than vital signs."""

_NUMBER: Final = re.compile(r"([0-9]{1,5})(?:[.,]([0-9]{1,4}))?")


def number(text: str) -> Decimal | None:
    """A number as it is typed, with comma or point, its digits kept; None for what is none."""
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        return None
    return Decimal(f"{found[1]}.{found[2]}" if found[2] else found[1])


def decimals(value: Decimal) -> int:
    """How many decimals a number is written with."""
    return max(0, -int(value.as_tuple().exponent))
