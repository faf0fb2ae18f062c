"""Cancer: the standardised pathway for colorectal cancer, and follow-up after breast and prostate cancer."""

from datetime import date, datetime, time, timedelta

from kontinuum.demo import deeds
from kontinuum.demo.chart import Chart
from kontinuum.demo.stories.common import admit, build, emergency_vitals, future, home_unit, vitals, ward_days
from kontinuum.demo.timeline import every, in_office_hours


def colorectal(chart: Chart, *, days_ago: int = 260, courses: int = 8) -> None:
    """Tell of the standardised pathway: suspicion, colonoscopy, conference, operation, adjuvant courses."""
    rng = chart.rng
    start = chart.today - timedelta(days=days_ago)
    shape = build(chart, change=-3, systolic=134)
    first = chart.contact(
        home_unit(chart), in_office_hours(start, rng), "Läkarbesök", "Trötthet, ändrade avföringsvanor"
    )
    vitals(chart, first, shape)
    chart.labs(
        first,
        haemoglobin=rng.gauss(98, 3),
        ferritin=rng.gauss(7, 1),
        mcv=rng.gauss(77, 1.5),
        crp=4,
        creatinine=rng.gauss(76, 6),
        calprotectin=rng.gauss(120, 25),
    )
    chart.diagnose(first, "D50.9")
    chart.prescribe(first, "iron", until=start + timedelta(days=200), reason="D50.9", renewals=False)
    chart.note(first, "svf-start")
    request = deeds.refer(
        chart,
        first,
        "kirurgmottagningen",
        "Remiss SVF tjock- och ändtarmscancer",
        "Välgrundad misstanke om tjock- och ändtarmscancer. Järnbristanemi, positivt F-Hb.",
        priority="urgent",
    )
    _colonoscopy(chart, start, request)
    _decision(chart, start)
    _operation(chart, start)
    _courses(chart, start, courses)
    deeds.book(chart, "kirurgmottagningen", future(chart, 30), "Kontroll efter tarmoperation")


def _colonoscopy(chart: Chart, start: date, request: str) -> None:
    rng = chart.rng
    scope = chart.contact(
        "kirurgmottagningen",
        in_office_hours(start + timedelta(days=8), rng),
        "Koloskopi",
        "SVF kolorektal cancer",
    )
    deeds.operate(chart, scope, "UJF35", scope.start + timedelta(minutes=20))
    chart.note(scope, "koloskopi")
    chart.diagnose(scope, "C18.2")
    deeds.reply(
        chart,
        scope,
        request,
        "Koloskopi med px visar makroskopiskt malign tumör i colon ascendens. DT beställd. "
        "Patienten informerad, kontaktsjuksköterska utsedd.",
    )
    deeds.image(
        chart,
        scope,
        "DT thorax och buk",
        "Tumör colon ascendens, metastaser?",
        "Väggförtjockning i colon ascendens, enstaka förstorade regionala lymfkörtlar. Inga "
        "lever- eller lungmetastaser.",
        after=5,
    )


def _decision(chart: Chart, start: date) -> None:
    rng = chart.rng
    talk = chart.contact(
        "kirurgmottagningen",
        in_office_hours(start + timedelta(days=9), rng),
        "Samtal kontaktsjuksköterska",
        "Cancerbesked",
        profession="nurse",
    )
    chart.note(talk, "kontakt-besked")
    deeds.plan(
        chart,
        talk,
        "Min vårdplan",
        ["Operation", "Eventuell cytostatikabehandling efter operation", "Rehabilitering, kurator vid behov"],
        category="Min vårdplan",
    )
    meeting = chart.contact(
        "kirurgmottagningen",
        datetime.combine(start + timedelta(days=18), time(13)),
        "Multidisciplinär konferens",
        "MDK kolorektal",
        kind="VR",
    )
    chart.note(meeting, "mdk")


def _operation(chart: Chart, start: date) -> None:
    rng = chart.rng
    shape = build(chart, systolic=130)
    day = start + timedelta(days=32)
    stay = admit(chart, "avd-51", day, 5, "Planerad operation, koloncancer")
    deeds.operate(
        chart, stay.contact, "JFB31", datetime.combine(day + timedelta(days=1), time(8, 40)), reason="C18.2"
    )
    chart.note(
        stay.contact,
        "operation",
        at=datetime.combine(day + timedelta(days=1), time(13)),
        ingrepp="Laparoskopisk högersidig hemikolektomi.",
        kontroll="Hb i morgon.",
    )
    chart.prescribe(
        stay.contact, "tinzaparin", until=day + timedelta(days=30), reason="C18.2", renewals=False
    )
    chart.prescribe(stay.contact, "paracetamol-needed", reason="C18.2")
    ward_days(
        chart,
        stay,
        shape,
        shift={"temperature": 0.9, "pulse": 10},
        drugs={"paracetamol": "1 g peroralt", "tinzaparin": "4500 E subkutant"},
    )
    chart.labs(
        stay.contact,
        at=datetime.combine(day + timedelta(days=3), time(6, 30)),
        crp=rng.gauss(96, 18),
        haemoglobin=rng.gauss(108, 4),
        leukocytes=rng.gauss(9.5, 1),
    )
    chart.note(
        stay.contact,
        "epikris",
        kind="discharge",
        at=datetime.combine(day + timedelta(days=5), time(11)),
        orsak="högersidig koloncancer",
        förlopp="Laparoskopisk hemikolektomi dag 1. Mobiliserad samma kväll, tarmfunktion dag 3.",
        läkemedel="Tinzaparin i fyra veckor. Paracetamol vid behov.",
        plan="PAD-svar på kirurgmottagningen om tre veckor. Remiss till onkolog.",
    )


def _courses(chart: Chart, start: date, courses: int) -> None:
    rng = chart.rng
    shape = build(chart, systolic=128)
    for number in range(1, courses + 1):
        when = in_office_hours(start + timedelta(days=75 + 21 * (number - 1)), rng)
        if when.date() >= chart.today:
            deeds.book(
                chart,
                "onkologen",
                future(chart, (when.date() - chart.today).days + 1),
                f"Cytostatikakur {number}",
            )
            break
        contact = chart.contact("onkologen", when, "Läkarbesök onkologi", f"Inför kur {number}")
        vitals(chart, contact, shape)
        chart.labs(
            contact,
            title="Prover inför kur",
            haemoglobin=rng.gauss(122, 4),
            leukocytes=abs(rng.gauss(5.2, 1.1)),
            platelets=rng.gauss(215, 40),
            creatinine=rng.gauss(78, 5),
            alat=abs(rng.gauss(0.5, 0.12)),
            cea=abs(rng.gauss(1.6, 0.3)),
        )
        if number == 1:
            chart.prescribe(
                contact,
                "capecitabine",
                until=start + timedelta(days=75 + 21 * courses),
                reason="C18.2",
                renewals=False,
            )
        chart.note(contact, "onkologi" if number > 1 else "onkologi-start", kur=str(number))
        call = when + timedelta(days=7)
        if call.date() < chart.today:
            nurse = chart.contact(
                "onkologen", call, "Telefonkontakt", "Uppföljning efter kur", profession="nurse", kind="VR"
            )
            chart.note(nurse, "kontakt-kur")


def follow_up(
    chart: Chart, *, code: str, marker: str | None, years: float = 4, drug: str | None = None
) -> None:
    """Tell of years of follow-up after cancer without recurrence, with a tumour marker where there is one."""
    rng = chart.rng
    start = chart.today - timedelta(days=round(365 * years))
    shape = build(chart, systolic=130)
    for index, when in enumerate(every(start, chart.today, 185, rng)):
        contact = chart.contact(
            "onkologen", when, "Återbesök", "Canceruppföljning", profession="nurse" if index % 2 else "doctor"
        )
        vitals(chart, contact, shape)
        values = {
            "haemoglobin": rng.gauss(134, 6),
            "alat": abs(rng.gauss(0.45, 0.1)),
            "alp": abs(rng.gauss(1.1, 0.2)),
        }
        if marker:
            values[marker] = abs(rng.gauss(0.3, 0.1))
        chart.samples(contact, values)
        if index == 0:
            chart.diagnose(contact, code)
            if drug:
                chart.prescribe(contact, drug, reason=code)
        chart.note(contact, "cancerkontroll" if index % 2 == 0 else "kontaktsjukskoterska")
    deeds.book(chart, "onkologen", future(chart, 75), "Canceruppföljning")


def palliative(chart: Chart, *, days: int = 45, code: str = "C18.7", died: bool = True) -> None:
    """Tell of the last weeks at home with specialised home care; the patient's death ends the chart."""
    rng = chart.rng
    end = chart.person.deceased or chart.today
    start = end - timedelta(days=days)
    shape = build(chart, weight=rng.uniform(48, 62), systolic=108, diastolic=64, pulse=88, saturation=94)
    first = chart.contact(
        "asih", in_office_hours(start, rng), "Inskrivning ASIH", "Palliativ vård", kind="HH"
    )
    chart.diagnose(first, code)
    chart.diagnose(first, "Z51.5")
    deeds.plan(
        chart,
        first,
        "Palliativ vårdplan",
        ["Symtomlindring i hemmet", "Ej HLR enligt läkarbeslut", "Närståendestöd"],
    )
    deeds.warn(
        chart,
        first,
        "Ställningstagande: Ej HLR. Beslut dokumenterat i journalanteckning.",
        kind="restriction-of-care",
    )
    for drug in ("morphine", "midazolam", "lactulose"):
        chart.prescribe(first, drug, until=end if died else None, reason=code, renewals=False)
    for offset in range(0, days, 2):
        when = datetime.combine(start + timedelta(days=offset), time(9 + rng.randrange(6), 10))
        if when.date() >= end:
            break
        visit = chart.contact(
            "asih",
            when,
            "Hembesök",
            "Palliativ vård",
            profession="nurse" if offset % 6 else "doctor",
            kind="HH",
        )
        emergency_vitals(chart, visit, shape)
        chart.note(visit, "palliativ")
    if died:
        last = chart.contact("asih", datetime.combine(end, time(5, 40)), "Dödsfall", "Dödsfall", kind="HH")
        chart.note(last, "dodsfall")
