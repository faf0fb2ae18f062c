"""How a drug is taken: what is filled in, as Swedish text and as a FHIR Dosage, and back. Pure.

http://hl7.org/fhir/R4/dosage.html, http://hl7.org/fhir/R4/datatypes.html#Timing. The text is Swedish whatever
language the pages are in: it is what the patient is told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from kontinuum.fhir.authoring import HL7
from kontinuum.kernel.i18n import message

UNITS: Final = {
    "tablett": "tabletter",
    "kapsel": "kapslar",
    "resoriblett": "resoribletter",
    "mL": "mL",
    "mg": "mg",
    "E": "E",
    "droppe": "droppar",
    "inhalation": "inhalationer",
    "injektion": "injektioner",
    "spruta": "sprutor",
    "dospåse": "dospåsar",
    "plåster": "plåster",
    "suppositorium": "suppositorier",
    "vagitorium": "vagitorier",
}
"""What doses are counted in, and what several are called."""

EVERY: Final[dict[str, tuple[int, str, str, str]]] = {
    "d": (1, "d", "dagligen", message("daily")),
    "2d": (2, "d", "varannan dag", message("every other day")),
    "wk": (1, "wk", "i veckan", message("a week")),
    "2wk": (2, "wk", "varannan vecka", message("every other week")),
    "mo": (1, "mo", "i månaden", message("a month")),
}
"""How often is counted: period, its unit, the Swedish of the text, and what the form calls it."""

WHEN: Final = {
    "MORN": ("på morgonen", message("Morning")),
    "NOON": ("mitt på dagen", message("Midday")),
    "EVE": ("till kvällen", message("Evening")),
    "HS": ("till natten", message("Night")),
}
"""http://hl7.org/fhir/R4/valueset-event-timing.html, in the text and in the form."""

ROUTES: Final = {
    "PO": ("oralt", message("by mouth")),
    "IPINHL": ("inhalation", message("inhaled")),
    "SC": ("subkutant", message("under the skin")),
    "IM": ("intramuskulärt", message("into a muscle")),
    "IV": ("intravenöst", message("into a vein")),
    "TOPICAL": ("utvärtes", message("on the skin")),
    "OPHTH": ("i ögat", message("in the eye")),
    "NASINHL": ("i näsan", message("in the nose")),
    "PR": ("rektalt", message("rectally")),
    "VAGINS": ("vaginalt", message("vaginally")),
}
"""Ways of giving; the codes with a meaning in HL7's RouteOfAdministration are written as such."""

_ROUTE_SYSTEM: Final = f"{HL7}/v3-RouteOfAdministration"
_NOT_HL7: Final = frozenset({"TOPICAL", "OPHTH"})
_ORDERED: Final = {"system": f"{HL7}/dose-rate-type", "code": "ordered"}
_AMOUNT: Final = re.compile(
    r"(\d{1,6}(?:[.,]\d{1,4})?)(?:\s*[-–]\s*(\d{1,6}(?:[.,]\d{1,4})?))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Dosing:
    """A dosage as it is filled in.

    `unit` is a key of `UNITS`; empty when `words` are the whole dosage. `low` and `high` are one dose,
    `times` and `every` (of `EVERY`) how often, `when` (of `WHEN`) at which times of the day; `ceiling` is the
    most of a day when it is taken as `needed`. `start` and `end` are FHIR dates or empty.
    """

    unit: str = ""
    low: Decimal | None = None
    high: Decimal | None = None
    times: int = 0
    every: str = "d"
    when: tuple[str, ...] = ()
    needed: bool = False
    ceiling: Decimal | None = None
    days: int = 0
    words: str = ""
    route: str = ""
    start: str = ""
    end: str = ""

    @property
    def a_day(self) -> Decimal | None:
        """The most that is taken in a day, in `unit`; None where the fields do not say."""
        if self.ceiling is not None:
            return self.ceiling
        dose = self.high or self.low
        often = len(self.when) or self.times
        if dose is None or not often:
            return None
        # What is taken on one day of several is the dose of that day.
        of_a_day = EVERY[self.every][1] == "d" or bool(self.when)
        return dose * (often if of_a_day else -(-often // 7))

    @property
    def text(self) -> str:
        """The dosage in words; words that stand alone letter for letter."""
        if not self.unit or self.low is None:
            return self.words
        parts = [shown(self.low, self.high), self._unit(self.high or self.low), *self._often()]
        if self.needed:
            parts.append("vid behov")
        if self.days:
            parts.append(f"i {self.days} {'dag' if self.days == 1 else 'dagar'}")
        text = " ".join(parts)
        if self.ceiling is not None:
            text += f", högst {shown(self.ceiling)} {self._unit(self.ceiling)} per dygn"
        words = self.words.strip().rstrip(".")
        return f"{text}, {words}." if words else f"{text}."

    def _unit(self, number: Decimal) -> str:
        return self.unit if number <= 1 else UNITS[self.unit]

    def _often(self) -> list[str]:
        how = EVERY[self.every][2]
        places = [WHEN[each][0] for each in self.when]
        listed = f"{', '.join(places[:-1])} och {places[-1]}" if len(places) > 1 else "".join(places)
        times = 1 if places else self.times
        if not times or (places and self.every == "d"):
            return [listed] if listed else []
        counted = f"{times} {'gång' if times == 1 else 'gånger'} {how}"
        said = how if how.startswith("varannan") and times == 1 else counted
        return [said, *([listed] if listed else [])]


def shown(low: Decimal, high: Decimal | None = None) -> str:
    """A number or a range as Swedish writes it."""
    text = str(low).replace(".", ",")
    return text if high is None else f"{text}-{str(high).replace('.', ',')}"


def read_amount(text: str) -> tuple[Decimal, Decimal | None] | None:
    """A dose such as `1`, `0,5` or `1-2`; None for what is none."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        return None
    low, high = (Decimal(each.replace(",", ".")) if each else None for each in match.groups())
    if not low or (high is not None and high <= low):
        return None
    return low, high


def dosage(dosing: Dosing) -> dict[str, Any]:
    """The FHIR Dosage: text, and what of it is structured."""
    made: dict[str, Any] = {"text": dosing.text} if dosing.text else {}
    structured = bool(dosing.unit) and dosing.low is not None
    if structured and dosing.words:
        made["additionalInstruction"] = [{"text": dosing.words}]
    repeat = _repeat(dosing, structured=structured)
    if repeat:
        made["timing"] = {"repeat": repeat}
    if dosing.needed:
        made["asNeededBoolean"] = True
    if dosing.route:
        made["route"] = _route(dosing.route)
    if structured:
        made["doseAndRate"] = [{"type": {"coding": [_ORDERED]}, **_dose(dosing)}]
    if structured and dosing.ceiling is not None:
        day = {"value": 1, "unit": "dygn", "system": "http://unitsofmeasure.org", "code": "d"}
        made["maxDosePerPeriod"] = {"numerator": _quantity(dosing.ceiling, dosing.unit), "denominator": day}
    return made


def _repeat(dosing: Dosing, *, structured: bool) -> dict[str, Any]:
    repeat: dict[str, Any] = {}
    bounds = {name: value for name, value in (("start", dosing.start), ("end", dosing.end)) if value}
    if bounds:
        repeat["boundsPeriod"] = bounds
    often = len(dosing.when) or dosing.times
    if structured and often:
        period, unit, _, _ = EVERY[dosing.every]
        repeat |= {"frequency": often, "period": period, "periodUnit": unit}
        repeat |= {"when": [*dosing.when]} if dosing.when else {}
    return repeat


def _dose(dosing: Dosing) -> dict[str, Any]:
    assert dosing.low is not None
    low = _quantity(dosing.low, dosing.unit)
    if dosing.high is None:
        return {"doseQuantity": low}
    return {"doseRange": {"low": low, "high": _quantity(dosing.high, dosing.unit)}}


def _quantity(value: Decimal, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit}


def _route(route: str) -> dict[str, Any]:
    words = {"text": ROUTES[route][0]}
    return words if route in _NOT_HL7 else {"coding": [{"system": _ROUTE_SYSTEM, "code": route}], **words}


def dosing_of(dosages: Sequence[Mapping[str, Any]]) -> Dosing:
    """What the form shows of dosages that stand in the record: the fields where all of it fits in them.

    What does not fit is kept as words, letter for letter.
    """
    words = "\n".join(one.get("text") or one.get("patientInstruction") or "" for one in dosages)
    first: Mapping[str, Any] = dosages[0] if dosages else {}
    bounds = first.get("timing", {}).get("repeat", {}).get("boundsPeriod", {})
    start, end = bounds.get("start", "")[:10], bounds.get("end", "")[:10]
    needed = bool(first.get("asNeededBoolean"))
    route = _known_route(first.get("route") or {})
    whole = Dosing(words=words, needed=needed, route=route, start=start, end=end)
    return _structured(first, whole) or whole if len(dosages) == 1 else whole


def _structured(one: Mapping[str, Any], plain: Dosing) -> Dosing | None:
    """The fields, where they say just what the text says."""
    rates = one.get("doseAndRate") or [{}]
    dose = rates[0]
    low = dose.get("doseQuantity") or dose.get("doseRange", {}).get("low") or {}
    high = dose.get("doseRange", {}).get("high") or {}
    repeat = one.get("timing", {}).get("repeat", {})
    every = next(
        (
            key
            for key, (period, unit, _, _) in EVERY.items()
            if (period, unit) == (repeat.get("period", 1), repeat.get("periodUnit", "d"))
        ),
        "",
    )
    when = tuple(repeat.get("when") or ())
    if len(rates) != 1 or low.get("unit") not in UNITS or not every or not set(when) <= WHEN.keys():
        return None
    made = Dosing(
        unit=low["unit"],
        low=_number(low),
        high=_number(high),
        times=0 if when else repeat.get("frequency", 0),
        every=every,
        when=when,
        needed=plain.needed,
        ceiling=_number(one.get("maxDosePerPeriod", {}).get("numerator") or {}),
        words="\n".join(each.get("text", "") for each in one.get("additionalInstruction") or ()),
        route=plain.route,
        start=plain.start,
        end=plain.end,
    )
    days = re.search(r" i (\d{1,3}) dag(?:ar)?\b", one.get("text", ""))
    for each in (made, _for_days(made, int(days[1]) if days else 0)):
        if each.text == one.get("text"):
            return each
    return None


def _for_days(made: Dosing, days: int) -> Dosing:
    return replace(made, days=days)


def _number(quantity: Mapping[str, Any]) -> Decimal | None:
    value = quantity.get("value")
    return None if value is None else Decimal(value)


def _known_route(route: Mapping[str, Any]) -> str:
    codes = {one.get("code") for one in route.get("coding") or ()}
    words = route.get("text")
    return next((key for key, (text, _) in ROUTES.items() if key in codes or text == words), "")
