"""Heart failure, atrial fibrillation, myocardial infarction."""

from datetime import date, datetime, time, timedelta

from kontinuum.demo import deeds
from kontinuum.demo.chart import Chart
from kontinuum.demo.nursing import nursing_plans
from kontinuum.demo.stories.common import (
    Body,
    Drift,
    admit,
    build,
    emergency_unit,
    emergency_vitals,
    future,
    home_unit,
    kidneys,
    vitals,
    ward_days,
)
from kontinuum.demo.timeline import any_hour, every, no_later_than

_ON_ADMISSION = {"systolic": 12, "pulse": 22, "saturation": -7, "respiration": 8, "weight": 5.0}
_DECISIONS = (
    "Bisoprolol titreras upp till måldos.",
    "Spironolakton läggs till.",
    "Oförändrad behandling.",
    "Dapagliflozin sätts in.",
)


def heart_failure(
    chart: Chart, *, years: float = 6, admissions: int = 3, on_ward: bool = False, body: Body | None = None
) -> None:
    """Tell of heart failure: titration at the clinic, admissions with NT-proBNP and weight, nurse visits.

    `on_ward`: there is one more admission, which goes on today.
    """
    rng = chart.rng
    start = chart.today - timedelta(days=round(365 * years))
    span = (chart.today - start).days
    shape = body or build(chart, change=-2, systolic=118, diastolic=70, pulse=74, saturation=95)
    peptide = Drift(3200, 1700, start, span, 350, 150)
    kidneys(chart, start, Drift(68, 44, start, span, 3, 18, 110))
    decisions = iter(_DECISIONS)
    stays = sorted(start + timedelta(days=rng.randrange(60, max(61, span - 40))) for _ in range(admissions))
    for index, when in enumerate(every(start, chart.today, 150, rng)):
        nurse = index % 3 != 0
        contact = chart.contact(
            "hjartmottagningen",
            when,
            "Sjuksköterskebesök" if nurse else "Läkarbesök",
            "Hjärtsvikt",
            profession="nurse" if nurse else "doctor",
        )
        vitals(chart, contact, shape)
        taken = when.date()
        chart.samples(contact, _samples(chart, taken, peptide.at(taken, rng)))
        if index == 0:
            chart.diagnose(contact, "I50.9")
            for drug in ("candesartan", "bisoprolol", "furosemide"):
                chart.prescribe(contact, drug, reason="I50.9")
        if nurse:
            chart.note(contact, "hjartsvikt-sjukskoterska")
        else:
            decision = next(decisions, "Oförändrad behandling.")
            if "Spironolakton" in decision:
                chart.prescribe(contact, "spironolactone", reason="I50.9")
            if "Dapagliflozin" in decision:
                chart.prescribe(contact, "dapagliflozin", reason="I50.9")
            chart.note(contact, "hjartsvikt-lakare", beslut=decision)
    for day in [*stays, chart.today - timedelta(days=3)] if on_ward else stays:
        decompensation(chart, day, shape, peptide.at(day, rng) * 2.6)
    deeds.book(
        chart, "hjartmottagningen", future(chart, 35), "Återbesök hjärtsviktsmottagning", profession="nurse"
    )


def _samples(chart: Chart, day: date, peptide: float) -> dict[str, float]:
    rng = chart.rng
    return {
        "nt_probnp": peptide,
        **kidneys(chart, day),
        "potassium": rng.gauss(4.3, 0.25),
        "sodium": rng.gauss(139, 2),
        "haemoglobin": rng.gauss(132, 6),
    }


def decompensation(chart: Chart, day: date, body: Body, peptide: float) -> None:
    """Tell of an admission for worsening heart failure: emergency department, ward, discharge letter."""
    rng = chart.rng
    start = any_hour(day, rng)
    acute = chart.contact(
        emergency_unit(chart), start, "Akutbesök", "Andnöd", kind="EMER", end=start + timedelta(hours=4)
    )
    emergency_vitals(chart, acute, body, shift=_ON_ADMISSION)
    chart.samples(
        acute,
        {**_samples(chart, day, peptide), "crp": abs(rng.gauss(9, 5)), "troponin_t": abs(rng.gauss(28, 6))},
        title="Akutprover",
    )
    chart.note(
        acute,
        "akutbesok",
        orsak="tilltagande andnöd",
        bedömning="försämrad hjärtsvikt",
        plan="Furosemid 40 mg intravenöst. Läggs in på avdelning 32.",
    )
    days = 4 + rng.randrange(5)
    stay = admit(chart, "avd-32", (start + timedelta(hours=6)).date(), days, "Försämrad hjärtsvikt")
    contact = stay.contact
    emergency_vitals(chart, contact, body, shift=_ON_ADMISSION)
    chart.measure(contact, weight=body.weight.at(day, rng) + 5)
    contact.values["nt-probnp"] = acute.values["nt-probnp"]
    chart.note(contact, "inskrivning-hjartsvikt", kind="admission", at=contact.start + timedelta(hours=1))
    ward_days(chart, stay, body, shift=_ON_ADMISSION, drugs={"furosemide": "40 mg intravenöst"})
    if stay.over:
        leaving = datetime.combine(contact.start.date() + timedelta(days=days), time(9))
        chart.measure(contact, at=leaving, weight=body.weight.at(day, rng))
        chart.samples(contact, _samples(chart, leaving.date(), peptide / 2.2), at=leaving)
        chart.note(
            contact,
            "epikris-hjartsvikt",
            kind="discharge",
            at=leaving + timedelta(hours=2),
            nedgång=str(4 + rng.randrange(3)),
        )
    else:
        nursing_plans(chart, contact)


def atrial_fibrillation(
    chart: Chart, *, years: float = 5, body: Body | None = None, anticoagulant: str = "apixaban"
) -> None:
    """Tell of atrial fibrillation: anticoagulant, rate control, a check for bleeding twice a year."""
    rng, home = chart.rng, home_unit(chart)
    start = chart.today - timedelta(days=round(365 * years))
    shape = body or build(chart, systolic=134, diastolic=78, pulse=78)
    for index, when in enumerate(every(start, chart.today, 185, rng)):
        nurse = index % 2 == 1
        contact = chart.contact(
            home, when, "Uppföljning", "Förmaksflimmer", profession="nurse" if nurse else "doctor"
        )
        vitals(chart, contact, shape)
        blood = {"haemoglobin": rng.gauss(136, 6), "platelets": rng.gauss(230, 25)}
        chart.samples(contact, {**blood, **kidneys(chart, when.date())})
        if index == 0:
            chart.diagnose(contact, "I48.9")
            chart.prescribe(contact, anticoagulant, reason="I48.9")
            chart.prescribe(contact, "metoprolol", reason="I48.9")
            deeds.warn(
                chart,
                contact,
                "Behandlas med antikoagulantia: blödningsrisk vid ingrepp.",
                kind="serious-treatment",
            )
        chart.note(contact, "flimmer")
    deeds.book(chart, home, future(chart, 90), "Kontroll antikoagulantia", profession="nurse")


def infarction(chart: Chart, *, days_ago: int = 400, body: Body | None = None) -> None:
    """Tell of a myocardial infarction treated with a stent, and the year after it."""
    rng = chart.rng
    day = chart.today - timedelta(days=days_ago)
    shape = body or build(chart, systolic=132, diastolic=78)
    start = any_hour(day, rng)
    acute = chart.contact(
        emergency_unit(chart), start, "Akutbesök", "Bröstsmärta", kind="EMER", end=start + timedelta(hours=2)
    )
    emergency_vitals(chart, acute, shape, shift={"systolic": 18, "pulse": 14})
    chart.labs(
        acute,
        title="Akutprover",
        troponin_t=rng.uniform(180, 900),
        crp=3,
        creatinine=rng.gauss(82, 6),
        haemoglobin=rng.gauss(142, 5),
    )
    chart.note(
        acute,
        "akutbesok",
        orsak="central bröstsmärta",
        bedömning="hjärtinfarkt utan ST-höjning",
        plan="Acetylsalicylsyra och tikagrelor givet. Läggs in för kranskärlsröntgen.",
    )
    _stent(chart, day, shape)
    _after_infarction(chart, day, shape)


def _stent(chart: Chart, day: date, body: Body) -> None:
    stay = admit(chart, "avd-32", day + timedelta(days=1), 3, "Hjärtinfarkt")
    chart.diagnose(stay.contact, "I21.4", lasting=False)
    chart.diagnose(stay.contact, "I25.1")
    emergency_vitals(chart, stay.contact, body)
    deeds.operate(chart, stay.contact, "FNG05", stay.contact.start + timedelta(hours=3), reason="I21.4")
    chart.note(
        stay.contact,
        "ingrepp",
        at=stay.contact.start + timedelta(hours=4),
        ingrepp="Koronarangiografi och PCI med ett läkemedelsavgivande stent i LAD.",
        kontroll="Radialisförband enligt rutin.",
    )
    ward_days(chart, stay, body, drugs={"aspirin": "75 mg peroralt"})
    year_later = day + timedelta(days=365)
    for drug in ("aspirin", "atorvastatin", "metoprolol", "enalapril", "glyceryl-trinitrate"):
        chart.prescribe(stay.contact, drug, reason="I25.1")
    chart.prescribe(stay.contact, "ticagrelor", until=year_later, reason="I25.1", renewals=False)
    if stay.over:
        at = datetime.combine(stay.contact.start.date() + timedelta(days=3), time(11))
        chart.note(
            stay.contact,
            "epikris",
            kind="discharge",
            at=at,
            orsak="hjärtinfarkt utan ST-höjning",
            förlopp="PCI med stent utan komplikation. EF 50 % på ultraljud.",
            läkemedel="Dubbel trombocythämning i tolv månader. Statin och betablockerare insatta.",
            plan="Hjärtskola. Läkarbesök om åtta veckor.",
        )


def _after_infarction(chart: Chart, day: date, body: Body) -> None:
    rng, home = chart.rng, home_unit(chart)
    for offset in (56, 365, 730, 1095):
        when = datetime.combine(day + timedelta(days=offset), time(10, 20))
        if when.date() >= chart.today:
            break
        visit = chart.contact(
            "hjartmottagningen" if offset < 300 else home,
            no_later_than(when, chart.today),
            "Läkarbesök",
            "Efter hjärtinfarkt",
        )
        vitals(chart, visit, body)
        chart.labs(
            visit,
            ldl=rng.uniform(1.2, 1.8),
            cholesterol=rng.uniform(3.0, 3.8),
            alat=abs(rng.gauss(0.5, 0.1)),
            creatinine=rng.gauss(82, 6),
        )
        chart.note(
            visit, "kronisk", sjukdom="kranskärlssjukdom", Sjukdom="Kranskärlssjukdom", status="Inga ödem."
        )
