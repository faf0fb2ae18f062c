"""Pregnancy, birth, newborns, child health, teenagers."""

from datetime import date, datetime, time, timedelta

from kontinuum.demo import deeds
from kontinuum.demo.chart import Chart, Contact
from kontinuum.demo.stories.common import Body, admit, build, future, home_unit
from kontinuum.demo.stories.growth import child_size
from kontinuum.demo.timeline import every, in_office_hours, workday

TERM = 282
"""Days of pregnancy at birth: week 40 and two days."""
_VISIT_WEEKS = (25, 28, 31, 33, 35, 37, 38, 39, 40)
_PROGRAMME: tuple[tuple[int, str, tuple[str, ...], int], ...] = (
    (45, "6 veckor", ("rotavirus",), 1),
    (90, "3 månader", ("dtp", "pneumococcal-child", "rotavirus"), 1),
    (150, "5 månader", ("dtp", "pneumococcal-child"), 2),
    (365, "12 månader", ("dtp", "pneumococcal-child"), 3),
    (550, "18 månader", ("mmr",), 1),
    (1095, "3 år", (), 0),
    (1825, "5 år", ("dtp-booster",), 4),
)
"""Child health visits: age in days, name, vaccines of the programme and their dose number."""


def pregnancy(chart: Chart, *, days: int = 224, child: str = "flicka", grams: int = 3480) -> None:
    """Tell of a normal pregnancy, `days` since its first; after `TERM` days it ended in birth."""
    rng = chart.rng
    conceived = chart.today - timedelta(days=days)
    week = days // 7
    shape = build(chart, weight=rng.uniform(58, 78), systolic=114, diastolic=69)
    before = shape.weight.end
    first = _midwife(chart, conceived + timedelta(weeks=9), "Inskrivning")
    _pregnant_vitals(chart, first, shape, before + 0.6, None)
    chart.measure(first, height=shape.height)
    chart.labs(
        first,
        haemoglobin=rng.gauss(128, 5),
        ferritin=rng.gauss(38, 9),
        glucose=rng.gauss(5.0, 0.3),
        tsh=abs(rng.gauss(1.6, 0.3)),
    )
    chart.diagnose(first, "Z34.9")
    chart.note(first, "inskrivning-mvc")
    chart.prescribe(first, "folic-acid", until=conceived + timedelta(weeks=16), renewals=False)
    deeds.plan(
        chart,
        first,
        "Basprogram graviditet",
        ["Ultraljud vecka 18", "Glukosbelastning vid riskfaktorer", "Föräldragrupp", "Samtal om förlossning"],
    )
    if week > 19:
        scan = _midwife(chart, conceived + timedelta(weeks=18), "Rutinultraljud")
        deeds.image(
            chart,
            scan,
            "Ultraljud, obstetriskt",
            "Datering och organscreening",
            "Levande enkelbörd. Normal anatomi, moderkaka på framvägg, fostervatten u.a. Inga "
            "hållpunkter för avvikelse.",
        )
    for visit in (each for each in _VISIT_WEEKS if each < min(week, 41)):
        contact = _midwife(
            chart, conceived + timedelta(weeks=visit, days=rng.randrange(3)), "Barnmorskebesök"
        )
        _pregnant_vitals(chart, contact, shape, before + 0.42 * (visit - 8), visit)
        if visit in (28, 37):
            chart.labs(contact, haemoglobin=rng.gauss(117, 5), glucose=rng.gauss(5.3, 0.4))
        if visit == 28:
            deeds.vaccinate(chart, contact, "dtp-school")
            chart.prescribe(contact, "iron", until=conceived + timedelta(weeks=44), renewals=False)
        chart.note(contact, "mvc", vecka=str(visit))
    if days >= TERM:
        _birth(chart, conceived + timedelta(days=TERM), shape, child, grams)
    else:
        deeds.book(chart, "tallbacken-bmm", future(chart, 9), "Barnmorskebesök", profession="midwife")
        deeds.book(chart, "tallbacken-bmm", future(chart, 23), "Barnmorskebesök", profession="midwife")


def _midwife(chart: Chart, day: date, title: str) -> Contact:
    when = in_office_hours(min(day, workday(chart.today - timedelta(days=4))), chart.rng)
    return chart.contact("tallbacken-bmm", when, title, "Graviditet", profession="midwife")


def _pregnant_vitals(chart: Chart, contact: Contact, body: Body, weight: float, week: int | None) -> None:
    rng = chart.rng
    chart.pressure(contact, rng.gauss(body.systolic, 5), rng.gauss(body.diastolic, 4))
    chart.measure(contact, weight=weight + rng.gauss(0, 0.3), bmi=body.bmi(weight))
    if week is not None:
        chart.measure(contact, fundal_height=week - 1 + rng.gauss(0, 0.5), fetal_heart=rng.gauss(142, 6))


def _birth(chart: Chart, day: date, body: Body, child: str, grams: int) -> None:
    rng = chart.rng
    stay = admit(chart, "forlossningen", day, 2, "Förlossning")
    chart.pressure(stay.contact, rng.gauss(body.systolic + 6, 5), rng.gauss(body.diastolic + 4, 4))
    chart.diagnose(stay.contact, "O80.9", lasting=False)
    chart.note(
        stay.contact,
        "forlossning",
        at=stay.contact.start + timedelta(hours=6),
        vecka="40",
        barn=child,
        barnvikt=str(grams),
    )
    after = in_office_hours(day + timedelta(weeks=8), rng)
    if after.date() < chart.today:
        contact = chart.contact(
            "tallbacken-bmm", after, "Efterkontroll", "Efterkontroll efter förlossning", profession="midwife"
        )
        chart.pressure(contact, rng.gauss(body.systolic, 5), rng.gauss(body.diastolic, 4))
        chart.note(contact, "efterkontroll")


def newborn(chart: Chart, *, grams: int = 3480) -> None:
    """Tell of a healthy newborn: birth, examination by a paediatrician, first call from child health."""
    rng = chart.rng
    assert chart.person.born is not None
    born = datetime.combine(chart.person.born, time(4, 37))
    stay = chart.contact(
        "forlossningen",
        born,
        "Slutenvård, nyfödd",
        "Nyfödd",
        kind="IMP",
        end=born + timedelta(days=2) if (chart.today - born.date()).days > 2 else None,
    )
    chart.measure(
        stay,
        birth_weight=grams,
        weight=grams / 1000,
        height=rng.gauss(50, 1),
        head=rng.gauss(35, 0.6),
        pulse=rng.gauss(138, 6),
        temperature=rng.gauss(36.9, 0.1),
    )
    chart.diagnose(stay, "Z38.0", lasting=False)
    chart.note(stay, "nyfodd", at=born + timedelta(hours=20))
    chart.labs(
        stay,
        title="Nyföddhetsprover",
        at=born + timedelta(hours=26),
        bilirubin=rng.gauss(120, 20),
        glucose=rng.gauss(3.4, 0.2),
    )
    deeds.book(chart, "tallbacken-bvc", future(chart, 4), "Hembesök nyfödd", profession="nurse")


def child_health(chart: Chart) -> None:
    """Tell of child health visits with growth and the vaccination programme up to today's age."""
    rng = chart.rng
    assert chart.person.born is not None
    born = chart.person.born
    for days, visit, vaccines, dose in _PROGRAMME:
        when = in_office_hours(born + timedelta(days=days + rng.randrange(6)), rng)
        if when.date() >= chart.today:
            deeds.book(
                chart,
                "tallbacken-bvc",
                max(when, future(chart, 3)),
                f"Hälsobesök {visit}",
                profession="nurse",
            )
            return
        contact = chart.contact(
            "tallbacken-bvc", when, "Hälsobesök BVC", f"Hälsobesök {visit}", profession="nurse"
        )
        height, weight = child_size(born, when.date(), chart.person.sex, rng)
        chart.measure(contact, height=height, weight=weight)
        for vaccine in vaccines:
            deeds.vaccinate(
                chart, contact, vaccine, 2 if (vaccine, visit) == ("rotavirus", "3 månader") else dose
            )
        chart.note(contact, "bvc" if days > 300 else "bvc-spadbarn", besök=visit)


def teenager(chart: Chart) -> None:
    """Tell of a teenager: school vaccinations long done, and two visits at the health centre."""
    rng = chart.rng
    assert chart.person.born is not None
    born = chart.person.born
    child_health(chart)
    school = in_office_hours(born + timedelta(days=round(365.25 * 11.4)), rng)
    if school.date() < chart.today:
        contact = chart.contact(
            home_unit(chart), school, "Vaccination", "HPV-vaccination", profession="nurse"
        )
        deeds.vaccinate(chart, contact, "hpv", 1)
        chart.note(contact, "vaccination")
    for when in every(chart.today - timedelta(days=500), chart.today - timedelta(days=20), 210, rng):
        visit = chart.contact(home_unit(chart), when, "Läkarbesök", "Ungdom")
        height, weight = child_size(born, when.date(), chart.person.sex, rng)
        chart.measure(visit, height=height, weight=weight)
        chart.note(visit, "ungdom")


def school_child(chart: Chart) -> None:
    """Tell of a healthy child with colds and a stomach ache."""
    rng = chart.rng
    assert chart.person.born is not None
    child_health(chart)
    when = in_office_hours(chart.today - timedelta(days=40 + rng.randrange(200)), rng)
    contact = chart.contact(home_unit(chart), when, "Läkarbesök", "Barn med besvär")
    height, weight = child_size(chart.person.born, when.date(), chart.person.sex, rng)
    chart.measure(contact, height=height, weight=weight)
    chart.note(contact, "skolhalsa")
