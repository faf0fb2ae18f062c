"""Trends of several vital signs over one axis of time, each with its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from kontinuum.care.vitals.ages import age_in_months, intervals
from kontinuum.care.vitals.flowsheet import NO_PERIOD, PERIODS, address_of, flag_of, in_period, who
from kontinuum.care.vitals.form import value_text
from kontinuum.care.vitals.growth import ADULT, MEASURES
from kontinuum.care.vitals.kinds import KINDS
from kontinuum.care.vitals.reading import Reading
from kontinuum.care.vitals.rules import Scale
from kontinuum.fhir import json
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import NotFound, PageRequest, View

_CHILD: Final = ADULT * 12
_ORDER: Final = (
    *(one.value for one in Scale),
    "pressure",
    "pulse",
    "respiration",
    "saturation",
    "temperature",
    "glucose",
    "pain",
    "urine",
    *MEASURES,
)
_PRESSURE: Final = message("Blood pressure")


@dataclass(frozen=True, slots=True)
class Point:
    """One value in the table behind a drawing; `number` and `second` are for the drawing."""

    at: int
    when: str
    text: str
    flag: str
    number: str
    second: str
    by: str
    address: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """The values of a kind, the latest first, with the range that is expected at the present age."""

    key: str
    title: str
    unit: str
    low: str
    high: str
    points: tuple[Point, ...]


async def charts(request: PageRequest) -> View | NotFound:
    """Answer `vitals/charts?period=`."""
    asked = request.parameters.get("period")
    if asked is not None and asked not in PERIODS:
        return NotFound(NO_PERIOD)
    found, truncated, period = await in_period(request, asked)
    (patients,) = await request.record.find_many([f"Patient?_id={request.chart.patient}"])
    born = next((json.loads(one.body).get("birthDate") for one in patients.matches if one.body), None)
    now = local(request.chart.now)
    months = age_in_months(born, now.date())
    drawings = drawn(request, found, months)
    length = PERIODS[period]
    times = [one.at for one in found]
    begins = now - length if length is not None else min(times, default=now)
    child = months is not None and months < _CHILD
    values = {
        "period": period,
        "drawings": [one for one in drawings if one.key not in MEASURES],
        "growth": [one for one in drawings if one.key in MEASURES],
        "child": child,
        "begins": int(begins.timestamp()),
        "ends": int(now.timestamp()),
        "truncated": truncated,
        "other_units": sum(one.undrawn for one in found if not one.wrong and one.key in _ORDER),
    }
    return View("vitals/charts.html", values)


def drawn(request: PageRequest, found: Sequence[Reading], months: int | None) -> list[Drawing]:
    """The kinds with numbers, in the order in which they are read; what is wrong is not drawn."""
    by_key: dict[str, list[Reading]] = {}
    for one in found:
        if not one.wrong and (one.numbers or one.key in list(Scale)) and one.key in _ORDER:
            by_key.setdefault(one.key, []).append(one)
    ranges = intervals(months)
    made = []
    for key in sorted(by_key, key=_ORDER.index):
        kind = KINDS.get(key)
        title = Scale(key).label if key in list(Scale) else kind.title if kind else _PRESSURE
        low, high = ranges.get("systolic" if key == "pressure" else key, (None, None))
        made.append(
            Drawing(
                key,
                request.chart.translator.gettext(title),
                kind.unit if kind else "mmHg" if key == "pressure" else "",
                _plain(low),
                _plain(high),
                tuple(_point(request, one) for one in by_key[key]),
            )
        )
    return made


def _point(request: PageRequest, one: Reading) -> Point:
    chart, numbers = request.chart, one.numbers
    number = numbers.get("systolic") if one.key == "pressure" else next(iter(numbers.values()), None)
    return Point(
        int(one.at.timestamp()),
        chart.translator.moment(one.at),
        value_text(one, chart.translator, unit=False),
        flag_of(one),
        _plain(number),
        _plain(numbers.get("diastolic")),
        who(chart, one),
        address_of(chart, one),
    )


def _plain(value: Decimal | None) -> str:
    return "" if value is None else str(value)
