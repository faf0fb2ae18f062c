"""Growth of a child: weight, height, head circumference and BMI by age, beside what is expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

from kontinuum.care.vitals import standards
from kontinuum.care.vitals.flowsheet import AT_MOST, address_of, who
from kontinuum.care.vitals.kinds import KINDS
from kontinuum.care.vitals.reading import Reading, read
from kontinuum.fhir import json
from kontinuum.kernel.i18n import Translator, local, message
from kontinuum.kernel.module import PageRequest, View

MEASURES: Final = ("weight", "height", "head")
ADULT: Final = 18
"""In years: until then growth is drawn by age."""

_BMI_FROM: Final = standards.STANDING
_BMI_UNIT: Final = "kg/m²"
_AXES: Final = (92, 366, 731, 1096, 1826)
"""Days of age until which the axis goes, the shortest that holds; for older ones until the next birthday."""

_DEVIATIONS: Final = (-3, -2, -1, 0, 1, 2, 3)


@dataclass(frozen=True, slots=True)
class Point:
    """A value at an age in days. `deviation` in words, empty where nothing is expected."""

    age: int
    told_age: str
    when: str
    number: Decimal
    text: str
    deviation: str
    by: str
    unit: str
    address: str


@dataclass(frozen=True, slots=True)
class Curves:
    """What is expected at some ages in days: a line for each number of standard deviations."""

    ages: tuple[int, ...]
    lines: tuple[tuple[int, tuple[float, ...]], ...]

    @property
    def text(self) -> str:
        """As the drawing reads it."""
        return json.dumps(
            {"x": list(self.ages), "lines": [{"sd": sd, "y": list(values)} for sd, values in self.lines]}
        ).decode()


@dataclass(frozen=True, slots=True)
class Drawing:
    """The values of a measure, the latest first, and the curves behind them."""

    key: str
    title: str
    unit: str
    points: tuple[Point, ...]
    curves: Curves | None


async def growth(request: PageRequest) -> View:
    """Answer `vitals/growth`."""
    chart = request.chart
    codes = quote(",".join("|".join(pair) for key in MEASURES for pair in KINDS[key].codes), safe="|,:")
    patients, observed = await request.record.find_many(
        [
            f"Patient?_id={chart.patient}",
            f"Observation?patient={chart.patient}&code={codes}&_sort=-date&_count={AT_MOST}",
        ]
    )
    body: Mapping[str, Any] = next((json.loads(one.body) for one in patients.matches if one.body), {})
    born, sex = birthday(body.get("birthDate")), str(body.get("gender") or "")
    found = [one for one in read(observed.matches) if one.key in MEASURES and not one.wrong]
    drawings = drawn(request, found, born, sex) if born else []
    today = local(chart.now).date()
    values = {
        "drawings": drawings,
        "born": born is not None,
        "sex": sex in ("female", "male"),
        "ends": _axis_end(born, today) if born else 0,
        "past": born is not None and (today - born).days > standards.UNTIL,
        "other_units": sum(one.undrawn for one in found),
        "truncated": observed.next is not None,
    }
    return View("vitals/growth.html", values)


def birthday(text: str | None) -> date | None:
    """The day of birth; None where only a year or a month is known, by which no age in days is told."""
    return date.fromisoformat(text) if text and len(text) == 10 else None


def drawn(request: PageRequest, found: Sequence[Reading], born: date, sex: str) -> list[Drawing]:
    """The measures of which there is a value before the day of full age."""
    chart = request.chart
    points: dict[str, list[Point]] = {}
    for one in found:
        value = one.numbers.get(one.key)
        age = (one.at.date() - born).days
        if value is not None and _is_child(born, one.at.date()):
            points.setdefault(one.key, []).append(_point(request, one, one.key, value, age, sex))
    points["bmi"] = _bmi(request, found, born, sex)
    until = _axis_end(born, local(chart.now).date())
    titles = {**{key: (KINDS[key].title, KINDS[key].unit) for key in MEASURES}, "bmi": ("BMI", _BMI_UNIT)}
    return [
        Drawing(key, chart.translator.gettext(title), unit, tuple(points[key]), curves(key, sex, until))
        for key, (title, unit) in titles.items()
        if points.get(key)
    ]


def _bmi(request: PageRequest, found: Sequence[Reading], born: date, sex: str) -> list[Point]:
    """BMI of the days on which both weight and height were measured, from two years."""
    heights = {one.at.date(): one.numbers.get(one.key) for one in reversed(found) if one.key == "height"}
    made: dict[date, Point] = {}
    for one in found:
        day = one.at.date()
        weight, height, age = one.numbers.get(one.key), heights.get(day), (day - born).days
        if one.key != "weight" or not weight or not height or age < _BMI_FROM or not _is_child(born, day):
            continue
        value = (weight / (height / 100) ** 2).quantize(Decimal("0.1"))
        made.setdefault(day, _point(request, one, "bmi", value, age, sex))
    return list(made.values())


def curves(measure: str, sex: str, until: int) -> Curves | None:
    """The curves of a measure up to an age in days; None where nothing is expected."""
    days = standards.ages(measure, sex, until)
    expected = [one for day in days if (one := standards.standard(measure, sex, day))]
    if not expected:
        return None
    lines = ((sd, tuple(round(one.at(sd), 3) for one in expected)) for sd in _DEVIATIONS)
    return Curves(tuple(days), tuple(lines))


def deviation(measure: str, sex: str, age: int, value: Decimal, words: Translator) -> str:
    """How many standard deviations a value lies from the median, in words."""
    expected = standards.standard(measure, sex, age)
    if expected is None or value <= 0 or (measure == "weight" and age < standards.BIRTH_WEEK):
        return ""
    found = expected.deviations(float(value))
    if abs(found) > standards.FARTHEST:
        return f"> +{standards.FARTHEST}" if found > 0 else f"< \N{MINUS SIGN}{standards.FARTHEST}"
    rounded = round(Decimal(found), 1)
    sign = "+" if rounded > 0 else "\N{MINUS SIGN}" if rounded < 0 else ""
    return f"{sign}{words.number(abs(rounded))}"


def _point(request: PageRequest, one: Reading, key: str, value: Decimal, age: int, sex: str) -> Point:
    chart, words = request.chart, request.chart.translator
    return Point(
        age,
        told(age, words),
        words.day(one.at),
        value,
        words.number(value),
        deviation(key, sex, age, value, words),
        who(chart, one),
        chart.directory.unit(one.unit),
        address_of(chart, one),
    )


_DAYS: Final = message("%(days)s d")
_MONTHS: Final = message("%(months)s mo")
_YEARS: Final = message("%(years)s y %(months)s mo")


def told(age: int, words: Translator) -> str:
    """An age in days as it is said: days the first month, months until two years, then years and months."""
    months = int(age / 30.4375)
    if age < 31:
        return words.gettext(_DAYS) % {"days": age}
    if months < 24:
        return words.gettext(_MONTHS) % {"months": months}
    return words.gettext(_YEARS) % {"years": months // 12, "months": months % 12}


def _is_child(born: date, day: date) -> bool:
    return day >= born and (day.year - born.year - ((day.month, day.day) < (born.month, born.day))) < ADULT


def _axis_end(born: date, today: date) -> int:
    age = min((today - born).days, ADULT * 366)
    return next((end for end in _AXES if age < end), (age // 365 + 1) * 365 + 5)
