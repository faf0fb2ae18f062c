"""COPD, asthma in children and adults, pneumonia."""

from datetime import date, datetime, time, timedelta

from kontinuum.demo import deeds
from kontinuum.demo.chart import Chart
from kontinuum.demo.stories.common import (
    Body,
    Drift,
    admit,
    build,
    emergency_unit,
    emergency_vitals,
    future,
    home_unit,
    lives_on_gotland,
    vitals,
    ward_days,
)
from kontinuum.demo.stories.growth import child_size
from kontinuum.demo.timeline import any_hour, every, in_office_hours


def copd(chart: Chart, *, years: float = 9, exacerbations: int = 3) -> None:
    """Tell of COPD: yearly spirometry, exacerbations with prednisolone and antibiotics, one admission."""
    rng, home = chart.rng, home_unit(chart)
    start = chart.today - timedelta(days=round(365 * years))
    span = (chart.today - start).days
    shape = build(chart, weight=rng.uniform(52, 76), change=-3, systolic=134, pulse=80, saturation=93)
    breath = Drift(1.9, 1.2, start, span, 0.05, 0.5)
    for index, when in enumerate(every(start, chart.today, 240, rng)):
        nurse = index % 2 == 1
        contact = chart.contact(home, when, "KOL-besök", "KOL", profession="nurse" if nurse else "doctor")
        vitals(chart, contact, shape)
        chart.measure(contact, saturation=rng.gauss(shape.saturation, 1), fev1=breath.at(when.date(), rng))
        if index == 0:
            chart.diagnose(contact, "J44.9")
            for drug in ("umeclidinium-vilanterol", "salbutamol"):
                chart.prescribe(contact, drug, reason="J44.9")
            deeds.plan(
                chart,
                contact,
                "Behandlingsplan KOL",
                ["Rökstopp", "Lungrehabilitering", "Vaccination mot influensa och pneumokocker"],
            )
        if nurse:
            deeds.vaccinate(chart, contact, "influenza")
        chart.note(contact, "kol")
    for _ in range(exacerbations):
        exacerbation(chart, start + timedelta(days=rng.randrange(30, max(31, span - 20))), shape)
    pneumonia(chart, days_ago=rng.randrange(100, max(101, span - 10)), body=shape)
    deeds.book(chart, home, future(chart, 50), "KOL-kontroll med spirometri", profession="nurse")


def exacerbation(chart: Chart, day: date, body: Body) -> None:
    """Tell of a worsening handled at the health centre."""
    rng = chart.rng
    when = in_office_hours(day, rng)
    contact = chart.contact(home_unit(chart), when, "Akutbesök vårdcentral", "Försämrad KOL")
    emergency_vitals(
        chart, contact, body, shift={"saturation": -3, "pulse": 12, "temperature": 0.7, "respiration": 6}
    )
    chart.labs(contact, title="Patientnära prov", crp=abs(rng.gauss(42, 18)))
    chart.diagnose(contact, "J44.1", lasting=False)
    until = when.date() + timedelta(days=7)
    for drug in ("prednisolone", "amoxicillin"):
        chart.prescribe(contact, drug, until=until, reason="J44.1", renewals=False)
    chart.note(
        contact,
        "akutbesok",
        orsak="ökad andnöd och missfärgat slem",
        bedömning="exacerbation av KOL",
        plan="Prednisolon i fem dagar och amoxicillin. Åter vid utebliven förbättring.",
    )


def pneumonia(chart: Chart, *, days_ago: int, unit: str | None = None, body: Body | None = None) -> None:
    """Tell of pneumonia treated in hospital."""
    rng = chart.rng
    day = chart.today - timedelta(days=days_ago)
    shape = body or build(chart, systolic=128, pulse=80, saturation=96)
    off = {"temperature": 2.1, "saturation": -6, "respiration": 9, "pulse": 24, "systolic": -10}
    ward = unit or ("visby-medicin" if lives_on_gotland(chart) else "geriatriken")
    stay = admit(chart, ward, day, 4 + rng.randrange(4), "Lunginflammation")
    emergency_vitals(chart, stay.contact, shape, shift=off)
    chart.labs(
        stay.contact,
        title="Akutprover",
        crp=rng.uniform(120, 280),
        leukocytes=rng.uniform(12, 19),
        haemoglobin=rng.gauss(128, 6),
        creatinine=rng.gauss(88, 12),
        sodium=rng.gauss(135, 2),
        potassium=rng.gauss(3.8, 0.2),
    )
    chart.diagnose(stay.contact, "J18.9", lasting=False)
    chart.note(stay.contact, "pneumoni", kind="admission", at=stay.contact.start + timedelta(hours=1))
    ward_days(chart, stay, shape, shift=off, drugs={"cefotaxime": "1 g intravenöst"})
    leaving = datetime.combine(stay.contact.start.date() + timedelta(days=stay.days + 1), time(11))
    if stay.over:
        chart.labs(
            stay.contact,
            at=leaving - timedelta(hours=3),
            crp=rng.uniform(20, 50),
            leukocytes=rng.uniform(6, 9),
        )
        chart.note(
            stay.contact,
            "epikris",
            kind="discharge",
            at=leaving,
            orsak="samhällsförvärvad pneumoni",
            förlopp="Feberfri efter två dygns intravenös behandling.",
            läkemedel="Amoxicillin till och med fem dagar efter utskrivning.",
            plan="Lungröntgen om åtta veckor på rökare. Kontakt vid ny feber.",
        )


def asthma_child(chart: Chart, *, years: float = 5) -> None:
    """Tell of a child with asthma: two visits a year with length, weight and peak flow, attacks in winter."""
    rng = chart.rng
    assert chart.person.born is not None
    born = chart.person.born
    start = max(chart.today - timedelta(days=round(365 * years)), born + timedelta(days=700))
    for index, when in enumerate(every(start, chart.today, 170, rng)):
        nurse = index % 2 == 1
        contact = chart.contact(
            "barnmottagningen", when, "Astmabesök", "Astma", profession="nurse" if nurse else "doctor"
        )
        height, weight = child_size(born, when.date(), chart.person.sex, rng)
        chart.measure(
            contact,
            height=height,
            weight=weight,
            pef=max(80, height * 3.1 - 180 + rng.gauss(0, 12)),
            saturation=99,
        )
        if index == 0:
            chart.diagnose(contact, "J45.9")
            chart.diagnose(contact, "J30.1")
            deeds.allergy(chart, contact, "grass", "Rinnande ögon, snuva")
            for drug in ("budesonide", "salbutamol", "desloratadine"):
                chart.prescribe(contact, drug, reason="J30.1" if drug == "desloratadine" else "J45.9")
            deeds.plan(
                chart,
                contact,
                "Astmaplan",
                [
                    "Underhållsbehandling dagligen",
                    "Vid besvär: luftrörsvidgande, upprepa efter 10 minuter",
                    "Sök akut vid utebliven effekt",
                ],
            )
        chart.note(contact, "astma-barn")
        if index and rng.random() < 0.35:
            _attack(chart, any_hour(when.date() - timedelta(days=rng.randrange(20, 90)), rng))
    deeds.book(chart, "barnmottagningen", future(chart, 45), "Astmakontroll", profession="nurse")


def _attack(chart: Chart, moment: datetime) -> None:
    rng = chart.rng
    contact = chart.contact(
        emergency_unit(chart),
        moment,
        "Akutbesök",
        "Andningsbesvär",
        kind="EMER",
        end=moment + timedelta(hours=3),
    )
    chart.pressure(contact, rng.gauss(102, 4), rng.gauss(62, 4))
    chart.measure(
        contact,
        pulse=rng.gauss(128, 8),
        respiration=rng.gauss(34, 3),
        temperature=rng.gauss(37.6, 0.4),
        saturation=rng.gauss(93, 1),
    )
    chart.note(
        contact,
        "akutbesok",
        orsak="pip i bröstet och andningsbesvär vid förkylning",
        bedömning="astmaanfall, måttligt",
        plan="Inhalation med god effekt. Betametason peroralt. Hem efter tre timmar.",
    )


def asthma_adult(chart: Chart, *, years: float = 6) -> None:
    """Tell of asthma with pollen allergy in a grown person."""
    rng, home = chart.rng, home_unit(chart)
    shape = build(chart, systolic=122, diastolic=75, saturation=98)
    start = chart.today - timedelta(days=round(365 * years))
    for index, when in enumerate(every(start, chart.today, 330, rng)):
        contact = chart.contact(
            home, when, "Astmabesök", "Astma", profession="nurse" if index % 2 else "doctor"
        )
        vitals(chart, contact, shape)
        chart.measure(contact, saturation=rng.gauss(98, 0.8), pef=rng.gauss(430, 25))
        if index == 0:
            chart.diagnose(contact, "J45.9")
            deeds.allergy(chart, contact, "cat", "Snuva, andningsbesvär")
            for drug in ("budesonide-formoterol", "cetirizine"):
                chart.prescribe(contact, drug, reason="J45.9")
        chart.note(contact, "astma-vuxen")
