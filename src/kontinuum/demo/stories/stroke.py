"""Stroke: thrombolysis, stroke unit, rehabilitation at home through the municipality."""

from datetime import date, datetime, time, timedelta

from kontinuum.demo import deeds
from kontinuum.demo.chart import Chart, Contact
from kontinuum.demo.stories.common import (
    Body,
    admit,
    build,
    emergency_vitals,
    future,
    home_unit,
    vitals,
    ward_days,
)
from kontinuum.demo.timeline import every, in_office_hours


def stroke(chart: Chart, *, days_ago: int = 150) -> None:
    """Tell of an ischaemic stroke with good recovery and training at home."""
    rng = chart.rng
    day = chart.today - timedelta(days=days_ago)
    shape = build(chart, systolic=146, diastolic=84, pulse=78)
    start = datetime.combine(day, time(8, 25))
    acute = chart.contact(
        "akuten", start, "Akutbesök", "Trombolyslarm", kind="EMER", end=start + timedelta(hours=1)
    )
    emergency_vitals(chart, acute, shape, shift={"systolic": 24})
    chart.labs(
        acute,
        title="Akutprover",
        glucose=6.8,
        inr=1.0,
        haemoglobin=rng.gauss(143, 5),
        platelets=rng.gauss(240, 20),
        creatinine=rng.gauss(86, 6),
    )
    _stroke_unit(chart, day, shape, acute)
    _training(chart, day, shape)
    _control(chart, day, shape)
    deeds.book(
        chart, "kommunrehab", future(chart, 5), "Rehabilitering i hemmet", profession="physiotherapist"
    )


def _stroke_unit(chart: Chart, day: date, body: Body, acute: Contact) -> None:
    stay = admit(chart, "strokeenheten", day, 9, "Ischemisk stroke")
    stay.contact.values.update(acute.values)
    chart.diagnose(stay.contact, "I63.9", lasting=False)
    chart.diagnose(stay.contact, "I48.9")
    deeds.image(
        chart,
        stay.contact,
        "DT hjärna, kontroll",
        "Ett dygn efter trombolys. Blödning?",
        "Mindre infarkt i höger capsula interna. Ingen blödning.",
        after=0,
    )
    chart.note(
        stay.contact, "stroke-inskrivning", kind="admission", at=stay.contact.start + timedelta(minutes=50)
    )
    ward_days(chart, stay, body, shift={"systolic": 18}, drugs={"atorvastatin": "40 mg peroralt"})
    for drug in ("apixaban", "atorvastatin", "amlodipine"):
        chart.prescribe(stay.contact, drug, reason="I48.9" if drug == "apixaban" else None)
    chart.note(
        stay.contact,
        "stroke-epikris",
        kind="discharge",
        at=datetime.combine(stay.contact.start.date() + timedelta(days=9), time(11)),
    )


def _training(chart: Chart, day: date, body: Body) -> None:
    rng = chart.rng
    plan = chart.contact(
        "hemsjukvarden",
        in_office_hours(day + timedelta(days=9), rng),
        "Vårdplanering",
        "SIP inför utskrivning",
        profession="nurse",
        kind="VR",
    )
    chart.note(plan, "sip")
    deeds.plan(
        chart,
        plan,
        "Samordnad individuell plan (SIP)",
        ["Kommunrehab tre gånger i veckan", "Hemtjänst morgon och kväll", "Läkarbesök efter tre månader"],
        category="SIP",
    )
    balance = 34
    for index, when in enumerate(every(day + timedelta(days=11), chart.today, 6, rng)):
        if index == 34:
            break
        profession = "physiotherapist" if index % 2 else "occupational-therapist"
        visit = chart.contact(
            "kommunrehab",
            when,
            "Hembesök rehabilitering",
            "Rehabilitering efter stroke",
            profession=profession,
            kind="HH",
        )
        balance = min(54, balance + rng.randrange(2))
        vitals(chart, visit, body, weigh=False)
        chart.note(visit, "rehab", berg=str(balance))


def _control(chart: Chart, day: date, body: Body) -> None:
    rng = chart.rng
    control = in_office_hours(day + timedelta(days=95), rng)
    if control.date() < chart.today:
        contact = chart.contact(home_unit(chart), control, "Läkarbesök", "Kontroll efter stroke")
        vitals(chart, contact, body)
        chart.diagnose(contact, "I69.3")
        chart.labs(
            contact, ldl=rng.uniform(1.4, 2.0), creatinine=rng.gauss(86, 6), haemoglobin=rng.gauss(141, 5)
        )
        chart.note(
            contact,
            "kronisk",
            sjukdom="stroke",
            Sjukdom="Tillstånd efter stroke",
            status="Lätt svaghet vänster hand. mRS 2.",
        )
