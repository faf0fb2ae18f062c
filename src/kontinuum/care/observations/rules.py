"""Series of measurements: what belongs together, what deviates, and the order of analyses. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Final

from kontinuum.care.observations.model import Observation
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import ResourceVersion


class Deviation(StrEnum):
    """How a value lies against its reference interval, or as the laboratory judged it."""

    NONE = "none"
    LOW = "low"
    HIGH = "high"
    CRITICALLY_LOW = "critically-low"
    CRITICALLY_HIGH = "critically-high"
    ABNORMAL = "abnormal"


_BY_CODE: Final = {
    "L": Deviation.LOW,
    "H": Deviation.HIGH,
    "LL": Deviation.CRITICALLY_LOW,
    "HH": Deviation.CRITICALLY_HIGH,
    "LU": Deviation.LOW,
    "HU": Deviation.HIGH,
    "A": Deviation.ABNORMAL,
    "AA": Deviation.ABNORMAL,
    "POS": Deviation.ABNORMAL,
    "N": Deviation.NONE,
    "NEG": Deviation.NONE,
}
"""http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"""


def deviation(observation: Observation) -> Deviation:
    """The laboratory's own judgement; where it gave none, the value against its reference interval."""
    for concept in observation.interpretation:
        for coding in concept.coding:
            if coding.code in _BY_CODE:
                return _BY_CODE[coding.code]
    value = observation.number
    low, high = observation.limits
    if value is not None and low is not None and value < low:
        return Deviation.LOW
    if value is not None and high is not None and value > high:
        return Deviation.HIGH
    return Deviation.NONE


@dataclass(frozen=True, slots=True)
class Series:
    """Measurements of one kind, the latest first."""

    key: str
    label: str
    points: tuple[tuple[Observation, ResourceVersion], ...]

    @property
    def latest(self) -> Observation:
        """The latest measurement."""
        return self.points[0][0]

    def numbers(self) -> list[tuple[str, Decimal, Decimal | None]]:
        """(when, value, second value) in the unit of the latest, the oldest first."""
        unit = self.latest.unit
        found = [
            (point.when, point.number, point.second_number)
            for point, _ in self.points
            if point.number is not None and point.unit == unit and point.when
        ]
        return found[::-1]


EARLY_WARNING: Final = frozenset({"news2", "bedside-pews"})


def is_score(observation: Observation) -> bool:
    """Whether it is the points of a scale (UCUM `{score}`) that is not for early warning."""
    value = observation.value_quantity
    codes = {one.code for one in observation.code.coding}
    return value is not None and value.code == "{score}" and not codes & EARLY_WARNING


def series(observations: Iterable[tuple[Observation, ResourceVersion]]) -> list[Series]:
    """Put measurements of one kind together, in the order of their latest."""
    by_key: dict[str, list[tuple[Observation, ResourceVersion]]] = {}
    for one in sorted(observations, key=lambda one: one[0].when, reverse=True):
        by_key.setdefault(one[0].kind, []).append(one)
    return [Series(key, points[0][0].code.label, tuple(points)) for key, points in by_key.items()]


@dataclass(frozen=True, slots=True)
class Panel:
    """Analyses that are read together, in the order in which they are read."""

    title: str
    names: tuple[str, ...]


PANELS: Final = (
    Panel(
        message("Blood count"),
        ("hemoglobin", "leukocyter", "trombocyter", "evf", "mcv", "mch", "erytrocyter"),
    ),
    Panel(message("Inflammation"), ("crp", "sr", "procalcitonin")),
    Panel(
        message("Kidneys and electrolytes"),
        (
            "natrium",
            "kalium",
            "kreatinin",
            "egfr",
            "karbamid",
            "calcium",
            "fosfat",
            "magnesium",
            "urat",
            "albumin/krea",
        ),
    ),
    Panel(message("Diabetes"), ("hba1c", "fp-glukos", "glukos")),
    Panel(message("Heart and coagulation"), ("nt-probnp", "troponin", "pk(inr)", "d-dimer", "apt")),
    Panel(message("Lipids"), ("kolesterol", "ldl", "hdl", "triglycerid")),
    Panel(message("Liver"), ("alat", "asat", "alp", "bilirubin", "gt", "albumin")),
    Panel(message("Thyroid"), ("tsh", "t4", "t3")),
    Panel(message("Iron and vitamins"), ("ferritin", "järn", "transferrin", "b12", "folat", "vitamin d")),
)
OTHER: Final = message("Other analyses")

VITALS: Final = (
    ("blodtryck", "blood pressure"),
    ("puls", "heart rate"),
    ("saturation", "oxygen saturation"),
    ("andning", "respiratory rate"),
    ("temperatur", "temperature"),
    ("vikt", "weight"),
    ("längd", "height"),
    ("bmi", "body mass"),
)


@lru_cache(maxsize=1024)
def panel_place(label: str) -> tuple[int, int]:
    """Which panel a Swedish short name belongs to, and its place in it; after all others when none fits."""
    name = label.casefold()
    for number, panel in enumerate(PANELS):
        for place, part in enumerate(panel.names):
            if _names(name, part):
                return number, place
    return len(PANELS), 0


def _names(label: str, part: str) -> bool:
    """`albumin` names P-Albumin but not U-Albumin/Krea; `alp` names P-ALP."""
    bare = label.split("-", 1)[1] if len(label.split("-", 1)[0]) <= 6 and "-" in label else label
    return (
        bare.startswith(part) if "/" not in bare or "/" in part else part in {"albumin/krea"} and part in bare
    )


@lru_cache(maxsize=1024)
def vital_place(label: str) -> int:
    """The place of a vital sign in the order in which they are read."""
    name = label.casefold()
    for place, parts in enumerate(VITALS):
        if any(part in name for part in parts):
            return place
    return len(VITALS)
