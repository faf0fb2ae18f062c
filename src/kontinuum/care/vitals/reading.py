"""What the record holds of vital signs, read: values with their source, and the latest of each kind. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from kontinuum.care.vitals.entry import Earlier, is_late
from kontinuum.care.vitals.kinds import CHOICES, KINDS, NUMBERS, OWN, PANEL, SCALES, SECOND_SCALE, Kind
from kontinuum.care.vitals.rules import AIR, OXYGEN, Measured, Scale
from kontinuum.care.vitals.units import in_unit, stands_in
from kontinuum.fhir import json
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import local
from kontinuum.kernel.module import ResourceVersion

ERROR: Final = "entered-in-error"
_NOT_MEASURED: Final = frozenset({"cancelled", "unknown", "registered"})

_BY_CODE: Final[Mapping[tuple[str, str], str]] = {
    **{code: kind.key for kind in NUMBERS if kind.key != "flow" for code in kind.codes},
    **{one.code: one.key for one in CHOICES.values()},
    PANEL: "pressure",
    **{(SCALES, one.value): one.value for one in Scale},
}


_SCALES: Final = frozenset(one.value for one in Scale)


@dataclass(frozen=True, slots=True)
class Reading:
    """One Observation as it stands: what it is, when it was measured, and the version it was read from."""

    key: str
    """The kind, `pressure`, a scale, or for what is not known here its first code."""
    body: Mapping[str, Any]
    version: int
    unit: str
    updated: datetime

    @property
    def is_score(self) -> bool:
        """Whether it is the sum of a scale."""
        return self.key in _SCALES

    @property
    def id(self) -> str:
        """The logical id."""
        return str(self.body["id"])

    @property
    def label(self) -> str:
        """What the record calls it."""
        code = self.body.get("code", {})
        displays = [coding.get("display") for coding in code.get("coding", ())]
        return code.get("text") or next(filter(None, displays), self.key)

    @property
    def at(self) -> datetime:
        """When it was measured, in Swedish time."""
        body = self.body
        period = body.get("effectivePeriod", {}).get("start")
        when = body.get("effectiveDateTime") or body.get("effectiveInstant") or period or body.get("issued")
        return local(when) if when else local(self.updated)

    @property
    def wrong(self) -> bool:
        """Whether it is marked as entered in error."""
        return bool(self.body["status"] == ERROR)

    @property
    def corrected(self) -> bool:
        """Whether it was given another value afterwards."""
        return self.body["status"] in ("corrected", "amended")

    @property
    def late(self) -> bool:
        """Whether it was written down well after it was measured."""
        issued = self.body.get("issued")
        return issued is not None and is_late(self.at, local(issued))

    @property
    def numbers(self) -> dict[str, Decimal]:
        """Its numbers by kind, in the kind's unit; those of a blood pressure by part.

        What cannot be brought to that unit has none, and is neither drawn nor scored.
        """
        values = {key: _value(part, KINDS.get(key)) for key, part in self._held.items()}
        return {key: value for key, value in values.items() if value is not None}

    @property
    def elsewhere(self) -> tuple[Mapping[str, Any], ...]:
        """The quantities that are recorded in another unit than that of their kind, or in none."""
        held = ((KINDS.get(key), part.get("valueQuantity") or {}) for key, part in self._held.items())
        numbers = ((kind, one) for kind, one in held if kind and one.get("value") is not None)
        return tuple(one for kind, one in numbers if not stands_in(one, kind))

    @property
    def undrawn(self) -> bool:
        """Whether a number is recorded that cannot be brought to the unit of its kind."""
        return any("valueQuantity" in part and key not in self.numbers for key, part in self._held.items())

    @property
    def _held(self) -> dict[str, Mapping[str, Any]]:
        """What holds a value, by kind: the parts of a blood pressure, or the whole."""
        if self.key == "pressure":
            parts = {key_of(part): part for part in self.body.get("component", ())}
            return {key: parts[key] for key in ("systolic", "diastolic") if key in parts}
        return {"flow" if self.key == "inspired" else self.key: self.body}

    @property
    def choice(self) -> str:
        """The code that was chosen; empty for what is none."""
        if self.key not in CHOICES:
            return ""
        if self.key == "inspired" and (value := self.numbers.get("flow")) is not None:
            return OXYGEN if value > 0 else AIR
        codes = [one.get("code", "") for one in self.body.get("valueCodeableConcept", {}).get("coding", ())]
        known = {code for code, *_ in CHOICES[self.key].answers}
        return next((code for code in codes if code in known), "")

    @property
    def parts(self) -> tuple[str, ...]:
        """The ids of the Observations that it derives from."""
        found = (one.get("reference", "") for one in self.body.get("derivedFrom", ()))
        return tuple(one.rpartition("Observation/")[2].partition("/")[0] for one in found)

    @property
    def second(self) -> bool:
        """Whether a score was reckoned with the second scale of saturation."""
        return any(
            coding.get("code", "").endswith("-spo2-scale") and part.get("valueInteger") == 2
            for part in self.body.get("component", ())
            for coding in part.get("code", {}).get("coding", ())
        )

    @property
    def performers(self) -> tuple[tuple[str, str], ...]:
        """Who measured: (reference, display)."""
        found = self.body.get("performer", ())
        return tuple((one.get("reference", ""), one.get("display", "")) for one in found)


def read(entries: Iterable[ResourceVersion]) -> list[Reading]:
    """The readings among search results, each once, the latest measured first."""
    found: dict[str, Reading] = {}
    for entry in entries:
        if entry.body:
            body = json.loads(entry.body)
            if body["status"] not in _NOT_MEASURED:
                moment = from_micros(entry.updated)
                found[body["id"]] = Reading(key_of(body), body, entry.version, entry.unit, moment)
    return sorted(found.values(), key=lambda one: one.at, reverse=True)


def latest(readings: Iterable[Reading]) -> dict[str, Reading]:
    """The latest of each kind that is right; `readings` the latest first."""
    found: dict[str, Reading] = {}
    for one in readings:
        if not one.wrong:
            for key in (one.numbers or [one.key]) if one.key == "pressure" else [one.key]:
                found.setdefault(key, one)
    return found


def earlier(readings: Iterable[Reading]) -> dict[str, Earlier]:
    """The latest number of each kind, for what is asked about."""
    return {
        key: Earlier(one.numbers[key], one.at) for key, one in latest(readings).items() if key in one.numbers
    }


def measured(readings: Iterable[Reading]) -> Measured:
    """What a score is reckoned from, of the readings that are right."""
    found: dict[str, Decimal | str] = {}
    for one in readings:
        if not one.wrong:
            found |= one.numbers
            if one.choice:
                found[one.key] = one.choice
    return found


def is_goal_of_second_scale(goal: Mapping[str, Any]) -> bool:
    """Whether a Goal is the decision on the second scale of saturation, and stands."""
    codings = goal.get("description", {}).get("coding", ())
    return goal.get("lifecycleStatus") == "active" and any(
        one.get("system") == OWN and one.get("code") == SECOND_SCALE for one in codings
    )


def key_of(part: Mapping[str, Any]) -> str:
    """The kind of an Observation or of a part of one."""
    code = part.get("code", {})
    pairs = [(one.get("system", ""), one.get("code", "")) for one in code.get("coding", ())]
    known = next((_BY_CODE[pair] for pair in pairs if pair in _BY_CODE), None)
    if known is not None:
        return known
    return "|".join(pairs[0]) if pairs else str(code.get("text", ""))


def _value(part: Mapping[str, Any], kind: Kind | None) -> Decimal | None:
    quantity = part.get("valueQuantity", {})
    if kind is not None and quantity:
        return in_unit(quantity, kind)
    value = quantity.get("value", part.get("valueInteger"))
    return None if value is None else Decimal(value)
