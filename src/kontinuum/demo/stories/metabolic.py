"""Type 2 and type 1 diabetes, hypertension, hypothyroidism: years of controls at the health centre."""

from datetime import date, timedelta

from kontinuum.demo import deeds
from kontinuum.demo.chart import Chart, Contact
from kontinuum.demo.stories.common import Body, Drift, build, future, home_unit, kidneys, vitals
from kontinuum.demo.timeline import every, in_office_hours, no_later_than

_STEPS = (
    (5, "metformin", "Metformin sätts in."),
    (4, "atorvastatin", "Atorvastatin sätts in."),
    (3, "empagliflozin", "Empagliflozin läggs till."),
    (1, "semaglutide", "Semaglutid en gång i veckan läggs till."),
)


def diabetes(chart: Chart, *, years: float = 8, body: Body | None = None, worst: float = 74) -> None:
    """Tell of type 2 diabetes: doctor once a year, nurse between, eyes and feet, step-wise treatment."""
    rng, home = chart.rng, home_unit(chart)
    start = chart.today - timedelta(days=round(365 * years))
    span = (chart.today - start).days
    shape = body or build(chart, change=-4, systolic=136, diastolic=80)
    sugar = Drift(worst, rng.uniform(47, 56), start, span, 3, 36, 120)
    decline = Drift(rng.uniform(84, 96), rng.uniform(62, 80), start, span, 3, 15, 120)
    found: Contact | None = None
    given: set[str] = set()
    for index, when in enumerate(every(start, chart.today, 182, rng)):
        doctor = index % 2 == 0
        profession, title = ("doctor", "Läkarbesök") if doctor else ("nurse", "Sjuksköterskebesök")
        contact = chart.contact(home, when, title, "Kontroll av diabetes", profession=profession)
        vitals(chart, contact, shape)
        taken = when.date()
        _samples(chart, contact, sugar.at(taken, rng), kidneys(chart, taken, decline), full=doctor)
        if index in (3, 5):
            missed = when - timedelta(days=21)
            deeds.book(
                chart, home, missed, title, profession=profession, status=("noshow", "cancelled")[index == 5]
            )
        if found is None:
            found = contact
            chart.diagnose(contact, "E11.9")
            if rng.random() < 0.6:
                chart.diagnose(contact, "E66.9")
        if doctor:
            decision = _step(chart, contact, given, years, (chart.today - taken).days / 365)
            chart.note(contact, "diabetes-lakare" if index else "diabetes-start", beslut=decision)
            if index % 4 == 2:
                _eyes_and_feet(chart, contact)
        else:
            chart.note(contact, "diabetes-sjukskoterska")
    deeds.book(chart, home, future(chart, 40 + rng.randrange(80)), "Årskontroll diabetes", profession="nurse")


def _samples(chart: Chart, contact: Contact, hba1c: float, renal: dict[str, float], *, full: bool) -> None:
    rng = chart.rng
    values = {"hba1c": hba1c, "fasting_glucose": max(4.4, hba1c / 7.2 + rng.gauss(0, 0.6))}
    if full:
        values |= {
            **renal,
            "potassium": rng.gauss(4.1, 0.2),
            "sodium": rng.gauss(140, 1.5),
            "cholesterol": rng.gauss(4.6, 0.6),
            "ldl": rng.gauss(2.4, 0.5),
            "hdl": rng.gauss(1.2, 0.2),
            "triglycerides": abs(rng.gauss(1.8, 0.5)),
            "urine_acr": abs(rng.gauss(1.6, 1.2)),
        }
    chart.samples(contact, values)


def _step(chart: Chart, contact: Contact, given: set[str], years: float, left: float) -> str:
    for share, drug, text in _STEPS:
        if drug not in given and left <= years * share / 5.2:
            given.add(drug)
            reason = "E78.5" if drug == "atorvastatin" else "E11.9"
            chart.prescribe(contact, drug, reason=reason)
            return text
    return "Oförändrad behandling."


def _eyes_and_feet(chart: Chart, contact: Contact) -> None:
    rng = chart.rng
    when = contact.start + timedelta(days=30 + rng.randrange(40))
    if when.date() >= chart.today:
        return
    request = deeds.refer(
        chart, contact, "ogonmottagningen", "Ögonbottenfotografering", "Diabetes typ 2, retinopati?"
    )
    eyes = chart.contact("ogonmottagningen", when, "Ögonbottenfotografering", "Kontroll vid diabetes")
    chart.note(eyes, "ogonbotten")
    deeds.reply(
        chart,
        eyes,
        request,
        "Ögonbottenfotografering utförd. Ingen behandlingskrävande retinopati. Ny kallelse enligt intervall.",
    )
    later = no_later_than(when + timedelta(days=7 * rng.randrange(1, 3)), chart.today)
    feet = chart.contact(home_unit(chart), later, "Fotundersökning", "Diabetesfot", profession="nurse")
    chart.note(feet, "fotvard")


def type_1(chart: Chart, *, years: float = 12, unit: str = "endokrin") -> None:
    """Tell of type 1 diabetes at a specialist clinic, with insulin and low values now and then."""
    rng = chart.rng
    start = chart.today - timedelta(days=round(365 * years))
    span = (chart.today - start).days
    shape = build(chart, systolic=122, diastolic=74)
    sugar = Drift(72, 56, start, span, 4, 38, 120)
    first: Contact | None = None
    for index, when in enumerate(every(start, chart.today, 150, rng)):
        contact = chart.contact(
            unit, when, "Diabetesbesök", "Diabetes typ 1", profession="nurse" if index % 2 else "doctor"
        )
        vitals(chart, contact, shape)
        hba1c = sugar.at(when.date(), rng)
        chart.labs(
            contact,
            hba1c=hba1c,
            glucose=rng.uniform(4, 14),
            egfr=rng.gauss(98, 4),
            creatinine=rng.gauss(70, 6),
            ldl=rng.gauss(2.5, 0.4),
            urine_acr=abs(rng.gauss(1, 0.6)),
        )
        if first is None:
            first = contact
            chart.diagnose(contact, "E10.9")
            chart.prescribe(contact, "aspart", reason="E10.9")
            chart.prescribe(contact, "glargine", reason="E10.9")
            deeds.warn(
                chart,
                contact,
                "Insulinbehandlad diabetes typ 1, får inte vara utan insulin.",
                kind="serious-disease",
            )
        chart.note(
            contact,
            "diabetes-sjukskoterska" if index % 2 else "diabetes-lakare",
            beslut="Insulindoserna justeras.",
        )
    deeds.book(chart, unit, future(chart, 60), "Återbesök diabetes")


def hypertension(
    chart: Chart, *, years: float = 6, body: Body | None = None, drugs: tuple[str, ...] = ("losartan",)
) -> None:
    """Tell of treated hypertension with yearly controls."""
    rng, home = chart.rng, home_unit(chart)
    start = chart.today - timedelta(days=round(365 * years))
    shape = body or build(chart, systolic=139, diastolic=83)
    for index, when in enumerate(every(start, chart.today, 300, rng)):
        contact = chart.contact(home, when, "Läkarbesök", "Hypertoni")
        vitals(
            chart,
            contact,
            shape,
            shift={"systolic": 14 if index == 0 else 0, "diastolic": 6 if index == 0 else 0},
        )
        salts = {"potassium": rng.gauss(4.0, 0.2), "sodium": rng.gauss(140, 2)}
        fats = {"fasting_glucose": rng.gauss(5.5, 0.4), "ldl": rng.gauss(3.0, 0.5)}
        chart.samples(contact, {**kidneys(chart, when.date()), **salts, **fats})
        if index == 0:
            chart.diagnose(contact, "I10.9")
            for drug in drugs:
                chart.prescribe(contact, drug, reason="I10.9")
        chart.note(contact, "blodtryck" if index else "blodtryck-start")
        if (chart.today - when.date()).days < 400:
            deeds.book(chart, home, when, "Blodtryckskontroll", status="fulfilled")
        if index and index % 2 == 0:
            call = chart.contact(
                home,
                no_later_than(when + timedelta(days=90), chart.today),
                "Telefonkontakt",
                "Receptförnyelse",
                kind="VR",
            )
            chart.note(call, "telefon")


def hypothyroidism(chart: Chart, *, years: float = 5) -> None:
    """Tell of hypothyroidism: TSH falls to normal on levothyroxine."""
    rng, home = chart.rng, home_unit(chart)
    start = chart.today - timedelta(days=round(365 * years))
    shape = build(chart, systolic=124, diastolic=76)
    thyroid = Drift(9.5, 2.1, start, 240, 0.3, 0.3, 20)
    for index, when in enumerate(every(start, chart.today, 220, rng)):
        contact = chart.contact(home, when, "Läkarbesök", "Hypotyreos")
        vitals(chart, contact, shape)
        chart.labs(
            contact, tsh=thyroid.at(when.date(), rng), t4=rng.gauss(15, 1.2), haemoglobin=rng.gauss(134, 5)
        )
        if index == 0:
            chart.diagnose(contact, "E03.9")
            chart.prescribe(contact, "levothyroxine", reason="E03.9")
        chart.note(
            contact,
            "kronisk" if index else "kronisk-start",
            sjukdom="hypotyreos",
            Sjukdom="Hypotyreos",
            status="Tyreoidea: ingen palpabel förstoring.",
        )


def screening(chart: Chart, *, day: date | None = None) -> None:
    """Tell of a person who is well: one check-up with samples."""
    rng, home = chart.rng, home_unit(chart)
    when = in_office_hours(day or chart.today - timedelta(days=60 + rng.randrange(500)), rng)
    contact = chart.contact(home, when, "Läkarbesök", "Hälsokontroll")
    vitals(chart, contact, build(chart, systolic=124, diastolic=76))
    chart.labs(
        contact,
        haemoglobin=rng.gauss(140, 7),
        fasting_glucose=rng.gauss(5.2, 0.3),
        cholesterol=rng.gauss(5.0, 0.6),
        creatinine=rng.gauss(74, 7),
        tsh=abs(rng.gauss(1.8, 0.4)),
    )
    if rng.random() < 0.3:
        chart.uses(contact, rng.choice(("paracetamol-needed", "cetirizine", "artificial-tears")))
    chart.note(contact, "halsokontroll")
