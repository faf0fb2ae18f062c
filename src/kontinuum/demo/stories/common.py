"""What many stories share: values that drift over the years, a visit with vitals, a stay in hospital."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random

from kontinuum.demo.chart import Chart, Contact
from kontinuum.demo.early_warning import early_warning
from kontinuum.demo.timeline import workday


@dataclass(slots=True)
class Drift:
    """A value that moves from `start` to `end` over `span` days, with noise; never outside `low`-`high`."""

    start: float
    end: float
    begins: date
    span: int
    noise: float
    low: float = 0.0
    high: float = 1e9

    def at(self, day: date, rng: Random) -> float:
        """Draw the value on a day."""
        share = min(1.0, max(0.0, (day - self.begins).days / max(1, self.span)))
        value = self.start + (self.end - self.start) * share + rng.gauss(0, self.noise)
        return min(self.high, max(self.low, value))


@dataclass(slots=True)
class Body:
    """A patient's habitual weight, height and pressure, from which vitals are drawn."""

    height: float
    weight: Drift
    systolic: float = 132
    diastolic: float = 78
    pulse: float = 72
    saturation: float = 97

    def bmi(self, weight: float) -> float:
        """Body mass index, kg/m²."""
        return weight / (self.height / 100) ** 2


def build(chart: Chart, *, weight: float | None = None, change: float = 0, **habitual: float) -> Body:
    """Draw a grown person's body once, the same for all stories; `change`: kilograms gained until today."""
    known = chart.traits.get("body")
    if isinstance(known, Body):
        return known
    rng = chart.rng
    female = chart.person.sex == "female"
    height = rng.gauss(165 if female else 179, 6)
    now = weight if weight is not None else rng.gauss(25.5, 3) * (height / 100) ** 2
    span = 3650
    drift = Drift(now - change, now, chart.today - timedelta(days=span), span, 0.8, 35, 190)
    body = Body(round(height), drift, **habitual)
    chart.traits["body"] = body
    return body


def kidneys(chart: Chart, day: date, decline: Drift | None = None) -> dict[str, float]:
    """Draw eGFR and the creatinine that goes with it; the first story that tells of a decline decides it."""
    drift = chart.traits.get("kidneys")
    if not isinstance(drift, Drift):
        now = min(96.0, max(52.0, 128 - 0.8 * chart.person.age(chart.today)))
        drift = decline or Drift(now + 6, now, chart.today - timedelta(days=3650), 3650, 2.5, 12, 120)
        chart.traits["kidneys"] = drift
    egfr = drift.at(day, chart.rng)
    return {"egfr": egfr, "creatinine": (6900 if chart.person.sex == "male" else 5700) / egfr}


def vitals(
    chart: Chart,
    contact: Contact,
    body: Body,
    *,
    at: datetime | None = None,
    weigh: bool = True,
    shift: Mapping[str, float] | None = None,
) -> None:
    """Take blood pressure and pulse, and weight unless told not to; `shift` moves the habitual values."""
    rng = chart.rng
    shift = shift or {}
    chart.pressure(
        contact,
        rng.gauss(body.systolic + shift.get("systolic", 0), 8),
        rng.gauss(body.diastolic + shift.get("diastolic", 0), 5),
        at=at,
    )
    taken = {"pulse": rng.gauss(body.pulse + shift.get("pulse", 0), 5)}
    if weigh:
        weight = body.weight.at(contact.start.date(), rng) + shift.get("weight", 0)
        taken["weight"] = weight
        taken["bmi"] = body.bmi(weight)
    chart.measure(contact, at=at, **taken)


def emergency_vitals(
    chart: Chart,
    contact: Contact,
    body: Body,
    *,
    at: datetime | None = None,
    shift: Mapping[str, float] | None = None,
) -> None:
    """Take the full set for early warning: also temperature, saturation, respiratory rate, gas, alertness."""
    rng = chart.rng
    at = at or contact.start + timedelta(minutes=5)
    first = len(chart.entries)
    vitals(chart, contact, body, at=at, weigh=False, shift=shift)
    shift = shift or {}
    chart.measure(
        contact,
        at=at,
        temperature=rng.gauss(36.8, 0.25) + shift.get("temperature", 0),
        saturation=min(100, rng.gauss(body.saturation + shift.get("saturation", 0), 1)),
        respiration=max(10, rng.gauss(15, 1.5) + shift.get("respiration", 0)),
    )
    early_warning(chart, contact, at, first)


@dataclass(slots=True)
class Stay:
    """A stay on a ward: its whole days, those of arrival and discharge apart; `over` once discharged."""

    contact: Contact
    days: int
    over: bool


def admit(chart: Chart, unit: str, day: date, days: int, reason: str) -> Stay:
    """Admit to a ward for some days; a stay that would end after today goes on."""
    hour = 11 + chart.rng.randrange(9)
    start = datetime.combine(day, time(hour, chart.rng.randrange(60)))
    end = datetime.combine(day + timedelta(days=days), time(10 + chart.rng.randrange(5), 30))
    over = end.date() < chart.today
    contact = chart.contact(unit, start, "Slutenvård", reason, kind="IMP", end=end if over else None)
    return Stay(contact, days - 1 if over else max(0, (chart.today - day).days - 1), over)


def ward_days(
    chart: Chart,
    stay: Stay,
    body: Body,
    *,
    shift: Mapping[str, float] | None = None,
    drugs: Mapping[str, str] | None = None,
    rounds: bool = True,
) -> None:
    """Live through the days on a ward: vitals three times a day, rounds, nursing notes, drugs given.

    `shift` is how far the values are off on admission; it fades to nothing by the last day.
    """
    nurse = chart.author(stay.contact.unit.key, "nurse") if _has_nurse(chart, stay) else stay.contact.author
    for day in range(1, stay.days + 1):
        left = 1 - day / max(1, stay.days)
        moved = {key: value * left for key, value in (shift or {}).items()}
        date_of_day = stay.contact.start.date() + timedelta(days=day)
        for hour in (7, 14, 20):
            at = datetime.combine(date_of_day, time(hour, chart.rng.randrange(5, 50)))
            doctor, stay.contact.author = stay.contact.author, nurse
            emergency_vitals(chart, stay.contact, body, at=at, shift=moved)
            stay.contact.author = doctor
            for drug, dose in (drugs or {}).items():
                if hour != 14:
                    chart.give(stay.contact, drug, at, dose)
        if rounds and day % 2 == 1:
            chart.note(stay.contact, "rond", at=datetime.combine(date_of_day, time(9, 40)), dag=str(day + 1))
        doctor, stay.contact.author = stay.contact.author, nurse
        profession, stay.contact.profession = stay.contact.profession, "nurse"
        chart.note(stay.contact, "omvardnad", at=datetime.combine(date_of_day, time(15, 20)))
        stay.contact.author, stay.contact.profession = doctor, profession


def _has_nurse(chart: Chart, stay: Stay) -> bool:
    try:
        chart.region.authors(stay.contact.unit.key, "nurse")
    except KeyError:
        return False
    return True


def lives_on_gotland(chart: Chart) -> bool:
    """Whether the patient is listed with a health centre of Region Gotland."""
    return chart.person.home is not None and chart.person.home.provider.key == "region-gotland"


def emergency_unit(chart: Chart) -> str:
    """The emergency department nearest home."""
    return "visby-akuten" if lives_on_gotland(chart) else "akuten"


def home_unit(chart: Chart) -> str:
    """The health centre that the patient is listed with."""
    assert chart.person.home is not None
    return chart.person.home.key


def future(chart: Chart, days: int) -> datetime:
    """Give a bookable time about `days` after today."""
    day = workday(chart.today + timedelta(days=max(1, days)))
    return datetime.combine(day, time(8 + chart.rng.randrange(8), 10 * chart.rng.randrange(6)))
