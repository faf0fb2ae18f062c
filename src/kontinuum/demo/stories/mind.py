"""Depression, burnout, bipolar disorder, ADHD, dementia."""

from datetime import timedelta

from kontinuum.demo import deeds
from kontinuum.demo.chart import Chart
from kontinuum.demo.stories.common import Drift, build, future, home_unit, vitals
from kontinuum.demo.stories.growth import child_size
from kontinuum.demo.timeline import every

_DECISIONS = (
    "Sertralin 50 mg sätts in.",
    "Fortsatt sertralin.",
    "Sertralin ökas till 100 mg.",
    "Oförändrad behandling.",
)


def depression(chart: Chart, *, months: int = 14, talks: int = 12) -> None:
    """Tell of a depressive episode in primary care: doctor, psychologist, PHQ-9 that falls."""
    rng, home = chart.rng, home_unit(chart)
    start = chart.today - timedelta(days=30 * months)
    mood = Drift(19, 5, start, 240, 1.2, 0, 27)
    shape = build(chart, systolic=118, diastolic=74)
    decisions = iter(_DECISIONS)
    for index, when in enumerate(every(start, chart.today, 55, rng)):
        contact = chart.contact(home, when, "Läkarbesök", "Depression")
        chart.measure(contact, phq9=mood.at(when.date(), rng))
        if index == 0:
            vitals(chart, contact, shape)
            chart.labs(
                contact, tsh=abs(rng.gauss(1.9, 0.4)), haemoglobin=rng.gauss(136, 5), b12=rng.gauss(340, 60)
            )
            chart.diagnose(contact, "F32.1")
            chart.prescribe(contact, "sertraline", reason="F32.1")
        chart.note(
            contact,
            "depression-lakare" if index else "depression-start",
            beslut=next(decisions, "Oförändrad behandling."),
        )
    therapist = home if _has_psychologist(chart, home) else "tallbacken"
    for index, when in enumerate(every(start + timedelta(days=30), chart.today, 12, rng)):
        if index == talks:
            break
        contact = chart.contact(
            therapist, when, "Psykologsamtal", "KBT vid depression", profession="psychologist"
        )
        chart.measure(contact, phq9=mood.at(when.date(), rng))
        if index == 0:
            deeds.operate(chart, contact, "DU011", when, reason="F32.1")
        chart.note(contact, "psykolog")
    deeds.book(chart, home, future(chart, 25), "Uppföljning depression")


def _has_psychologist(chart: Chart, unit: str) -> bool:
    try:
        return bool(chart.region.authors(unit, "psychologist"))
    except KeyError:
        return False


def burnout(chart: Chart, *, months: int = 9) -> None:
    """Tell of exhaustion disorder with sick leave and slow return to work."""
    rng, home = chart.rng, home_unit(chart)
    start = chart.today - timedelta(days=30 * months)
    shape = build(chart, systolic=126, diastolic=80, pulse=78)
    for index, when in enumerate(every(start, chart.today, 35, rng)):
        contact = chart.contact(home, when, "Läkarbesök", "Stressrelaterad ohälsa")
        vitals(chart, contact, shape)
        if index == 0:
            chart.labs(
                contact,
                tsh=abs(rng.gauss(1.8, 0.4)),
                haemoglobin=rng.gauss(137, 6),
                fasting_glucose=rng.gauss(5.2, 0.3),
                b12=rng.gauss(320, 50),
            )
            chart.diagnose(contact, "F43.8A")
            deeds.plan(
                chart,
                contact,
                "Plan för återgång i arbete",
                ["Avstämningsmöte med arbetsgivare", "Fysisk aktivitet på recept", "Stresshanteringsgrupp"],
            )
        chart.note(contact, "utmattning" if index else "utmattning-start")


def bipolar(chart: Chart, *, years: float = 7) -> None:
    """Tell of bipolar disorder on lithium, with serum levels and kidney function."""
    rng = chart.rng
    start = chart.today - timedelta(days=round(365 * years))
    shape = build(chart, systolic=124, diastolic=78)
    for index, when in enumerate(every(start, chart.today, 125, rng)):
        contact = chart.contact("psykiatrin", when, "Läkarbesök psykiatri", "Bipolär sjukdom")
        vitals(chart, contact, shape)
        chart.labs(
            contact,
            lithium=rng.gauss(0.66, 0.06),
            creatinine=rng.gauss(80, 6),
            egfr=rng.gauss(78, 5),
            tsh=abs(rng.gauss(2.4, 0.5)),
            calcium=rng.gauss(2.36, 0.05),
        )
        if index == 0:
            chart.diagnose(contact, "F31.9")
            for drug in ("lithium", "quetiapine"):
                chart.prescribe(contact, drug, reason="F31.9")
            deeds.warn(
                chart,
                contact,
                "Litiumbehandling: undvik NSAID, kontrollera koncentration vid vätskeförlust.",
                kind="serious-treatment",
            )
        chart.note(
            contact,
            "kronisk" if index else "kronisk-start",
            sjukdom="bipolär sjukdom",
            Sjukdom="Bipolär sjukdom",
            status="Psyk: neutralt stämningsläge, inga psykotiska symtom, ingen suicidalitet.",
        )


def adhd_child(chart: Chart, *, years: float = 3) -> None:
    """Tell of ADHD in a child on methylphenidate, with growth and blood pressure."""
    rng = chart.rng
    assert chart.person.born is not None
    start = chart.today - timedelta(days=round(365 * years))
    for index, when in enumerate(every(start, chart.today, 125, rng)):
        contact = chart.contact(
            "barnmottagningen", when, "Besök adhd", "Adhd", profession="nurse" if index % 2 else "doctor"
        )
        height, weight = child_size(chart.person.born, when.date(), chart.person.sex, rng)
        chart.pressure(contact, rng.gauss(106, 5), rng.gauss(64, 4))
        chart.measure(contact, height=height, weight=weight * 0.96, pulse=rng.gauss(86, 6))
        if index == 0:
            chart.diagnose(contact, "F90.0")
            for drug in ("methylphenidate", "melatonin"):
                chart.prescribe(contact, drug, reason="F90.0")
        chart.note(
            contact,
            "kronisk" if index else "kronisk-start",
            sjukdom="adhd",
            Sjukdom="Adhd",
            status="Livlig men kan sitta still. Följer längdkurvan.",
        )


def dementia(chart: Chart, *, years: float = 4) -> None:
    """Tell of Alzheimer's disease: assessment, medication, home care by the municipality."""
    rng, home = chart.rng, home_unit(chart)
    start = chart.today - timedelta(days=round(365 * years))
    shape = build(chart, weight=rng.uniform(50, 68), change=-4, systolic=138)
    for index, when in enumerate(every(start, chart.today, 190, rng)):
        contact = chart.contact(home, when, "Läkarbesök", "Minnessvårigheter")
        vitals(chart, contact, shape)
        if index == 0:
            chart.labs(
                contact,
                b12=rng.gauss(260, 40),
                tsh=abs(rng.gauss(2.2, 0.5)),
                calcium=rng.gauss(2.35, 0.05),
                folate=rng.gauss(14, 3),
                haemoglobin=rng.gauss(130, 5),
            )
            deeds.image(
                chart,
                contact,
                "DT hjärna",
                "Minnessvårigheter sedan två år, atrofi, blödning?",
                "Kortikal atrofi mer uttalad i mediala temporalloberna. Ingen blödning, ingen expansiv "
                "process.",
                after=9,
            )
            chart.diagnose(contact, "G30.1")
            chart.prescribe(contact, "donepezil", reason="G30.1")
        chart.note(contact, "minne" if index else "minne-start")
    for when in every(chart.today - timedelta(days=round(180 * years)), chart.today, 21, rng):
        contact = chart.contact(
            "hemsjukvarden", when, "Hembesök", "Hemsjukvård", profession="nurse", kind="HH"
        )
        vitals(chart, contact, shape)
        chart.note(contact, "hemsjukvard")
