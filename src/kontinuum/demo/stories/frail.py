"""A long life with many conditions: the chart with the most in it.

More than twenty years of contacts at health centre, hospital clinics, wards, a private clinic and municipal
home care; twenty-five drugs on the list today; several thousand resources. Budgets for speed are held on
this chart.
"""

from datetime import date, datetime, time, timedelta

from kontinuum.demo import deeds
from kontinuum.demo.chart import Chart, Contact
from kontinuum.demo.stories.chronic import chronic
from kontinuum.demo.stories.common import (
    Body,
    Drift,
    admit,
    build,
    emergency_vitals,
    future,
    home_unit,
    kidneys,
    vitals,
    ward_days,
)
from kontinuum.demo.stories.heart import decompensation
from kontinuum.demo.stories.lungs import pneumonia
from kontinuum.demo.stories.surgery import cataract
from kontinuum.demo.timeline import every, in_office_hours

_PROBLEMS = (
    (23, "I10.9", ("amlodipine",)),
    (19, "E11.9", ("metformin", "atorvastatin")),
    (17, "E03.9", ("levothyroxine",)),
    (15, "M17.9", ("paracetamol",)),
    (13, "I25.1", ("isosorbide", "glyceryl-trinitrate")),
    (11, "I48.9", ("apixaban-low", "metoprolol")),
    (9, "N18.3", ()),
    (8, "I50.9", ("candesartan", "furosemide", "spironolactone", "dapagliflozin")),
    (7, "M81.9", ("alendronate", "calcium-d")),
    (6, "E53.8", ("b12",)),
    (5, "J44.9", ("tiotropium", "salbutamol")),
    (4, "G62.9", ("gabapentin",)),
    (3, "K59.0", ("macrogol", "sodium-picosulfate")),
    (2, "M10.9", ("allopurinol",)),
)
_ALSO = ("omeprazole", "mirtazapine", "artificial-tears")
_FORMER = (
    ("enalapril", 23, 8),
    ("warfarin", 11, 7),
    ("zopiclone", 9, 2),
    ("digoxin", 10, 5),
    ("iron", 6, 5),
    ("oxycodone", 3, 2),
)


def frail(chart: Chart) -> None:
    """Tell of more than twenty years with fourteen conditions and twenty-five drugs."""
    rng = chart.rng
    body = build(chart, weight=61, change=-9, systolic=138, diastolic=74, pulse=76, saturation=95)
    years = 23
    start = chart.today - timedelta(days=365 * years)
    first = _health_centre(chart, body, start)
    deeds.allergy(chart, first, "penicillin", "Urtikaria", severe=False)
    deeds.allergy(chart, first, "nsaid", "Magblödning", severe=True, tolerated=True)
    deeds.allergy(chart, first, "ace", "Hosta", tolerated=True)
    cleared = first.start.date() + timedelta(days=400)
    deeds.warn(chart, first, "MRSA-bärarskap.", kind="communicable-disease", until=cleared)
    _other_clinics(chart, body)
    for back in (7.2, 5.9, 4.4, 3.1, 2.2, 1.3, 0.5):
        decompensation(chart, chart.today - timedelta(days=round(365 * back)), body, rng.uniform(5200, 11800))
    for back in (1500, 420):
        pneumonia(chart, days_ago=back, body=body)
    _fall(chart, body, chart.today - timedelta(days=1130))
    _home_care(chart, body, chart.today - timedelta(days=1090))
    last = chart.contact(
        "hemsjukvarden",
        in_office_hours(chart.today - timedelta(days=4), rng),
        "Hembesök",
        "Hemsjukvård",
        profession="nurse",
        kind="HH",
    )
    vitals(chart, last, body)
    chart.note(last, "hemsjukvard")
    deeds.ask(
        chart, last, "Ring dottern om ny dosrulle och bokad transport.", due=chart.today + timedelta(days=3)
    )
    deeds.refer(
        chart,
        last,
        "geriatriken",
        "Remiss geriatrik",
        "Multisjuk kvinna med upprepade inläggningar. Fördjupad geriatrisk bedömning?",
        answered=False,
    )
    _bookings(chart)


def _health_centre(chart: Chart, body: Body, start: date) -> Contact:
    rng, home = chart.rng, home_unit(chart)
    sugar = Drift(63, 52, start, 365 * 23, 4, 40, 95)
    kidneys(chart, start, Drift(84, 38, start, 365 * 23, 2.5, 25, 95))
    waiting = list(_PROBLEMS)
    first: Contact | None = None
    for index, when in enumerate(every(start, chart.today, 62, rng)):
        nurse, call = index % 3 == 1, index % 5 == 4
        contact = chart.contact(
            home,
            when,
            "Telefonkontakt" if call else "Sjuksköterskebesök" if nurse else "Läkarbesök",
            "Uppföljning",
            profession="nurse" if nurse else "doctor",
            kind="VR" if call else "AMB",
        )
        first = first or contact
        day = when.date()
        if call:
            chart.note(contact, "telefon")
            continue
        vitals(chart, contact, body)
        chart.samples(contact, _samples(chart, day, sugar.at(day, rng), full=not nurse))
        left = (chart.today - day).days / 365
        while waiting and waiting[0][0] >= left:
            _, code, drugs = waiting.pop(0)
            chart.diagnose(contact, code)
            for drug in drugs:
                chart.prescribe(contact, drug, reason=code)
        if index == 8:
            for drug in _ALSO:
                chart.prescribe(contact, drug)
        if index == 0:
            _former(chart, contact)
        chart.note(
            contact,
            _theme(index, nurse, left),
            beslut="Oförändrad behandling.",
            antal="25",
            sjukdom="flera kroniska sjukdomar",
            Sjukdom="Multisjuklighet",
            status="Inga nytillkomna fynd.",
        )
    assert first is not None
    return first


def _theme(index: int, nurse: bool, left: float) -> str:
    if nurse:
        return "diabetes-sjukskoterska"
    if index % 12 == 0 and left < 6:
        return "lakemedelsgenomgang"
    if index % 4 == 0:
        return "diabetes-lakare" if left < 18 else "kronisk"
    return "flimmer" if index % 4 == 2 and left < 11 else "blodtryck"


def _samples(chart: Chart, day: date, hba1c: float, *, full: bool) -> dict[str, float]:
    rng = chart.rng
    values = {
        "haemoglobin": rng.gauss(121, 6),
        **kidneys(chart, day),
        "potassium": rng.gauss(4.3, 0.3),
        "sodium": rng.gauss(139, 2),
        "hba1c": hba1c,
    }
    if full:
        values |= {
            "ldl": rng.gauss(2.1, 0.3),
            "tsh": abs(rng.gauss(2.2, 0.6)),
            "albumin": rng.gauss(37, 2),
            "calcium": rng.gauss(2.33, 0.06),
            "b12": rng.gauss(330, 70),
            "crp": abs(rng.gauss(4, 3)),
            "leukocytes": rng.gauss(7, 1),
            "platelets": rng.gauss(240, 25),
        }
    return values


def _former(chart: Chart, contact: Contact) -> None:
    for drug, began, ended in _FORMER:
        when = in_office_hours(chart.today - timedelta(days=365 * began), chart.rng)
        visit = chart.contact(contact.unit.key, when, "Läkarbesök", "Läkemedelsinsättning")
        chart.prescribe(visit, drug, until=chart.today - timedelta(days=365 * ended))
        chart.note(visit, "receptfornyelse")


def _other_clinics(chart: Chart, body: Body) -> None:
    rng = chart.rng
    peptide = Drift(900, 2400, chart.today - timedelta(days=365 * 8), 365 * 8, 250, 150)
    for index, when in enumerate(every(chart.today - timedelta(days=365 * 8), chart.today, 75, rng)):
        nurse = index % 3 != 0
        contact = chart.contact(
            "hjartmottagningen",
            when,
            "Hjärtsviktsbesök",
            "Hjärtsvikt",
            profession="nurse" if nurse else "doctor",
        )
        vitals(chart, contact, body)
        heart = {"nt_probnp": peptide.at(when.date(), rng), "potassium": rng.gauss(4.4, 0.3)}
        chart.samples(contact, {**heart, **kidneys(chart, when.date())})
        chart.note(
            contact,
            "hjartsvikt-sjukskoterska" if nurse else "hjartsvikt-lakare",
            beslut="Oförändrad behandling.",
        )
    for index, when in enumerate(every(chart.today - timedelta(days=365 * 16), chart.today, 400, rng)):
        contact = chart.contact("ogonmottagningen", when, "Ögonbottenfotografering", "Diabetes")
        chart.note(contact, "ogonbotten")
        if index % 2:
            feet = chart.contact(home_unit(chart), when, "Fotundersökning", "Diabetesfot", profession="nurse")
            chart.note(feet, "fotvard")
    chronic(chart, which="macula", years=5)
    for when in every(chart.today - timedelta(days=560), chart.today, 120, rng):
        contact = chart.contact("njurmottagningen", when, "Läkarbesök", "Kronisk njursvikt")
        vitals(chart, contact, body)
        kidney = {
            "egfr": rng.gauss(38, 1.5),
            "creatinine": rng.gauss(142, 8),
            "potassium": rng.gauss(4.6, 0.2),
        }
        chart.samples(contact, {**kidney, "phosphate": rng.gauss(1.2, 0.1), "haemoglobin": rng.gauss(119, 4)})
        chart.note(contact, "njure")
    cataract(chart, days_ago=3100)
    private = chart.contact(
        "strandvagen-ortopedi",
        in_office_hours(chart.today - timedelta(days=2600), rng),
        "Ortopedbesök",
        "Gonartros",
    )
    chart.note(private, "ortopedi")
    for when in every(chart.today - timedelta(days=365 * 15), chart.today, 365, rng):
        shot = chart.contact(home_unit(chart), when, "Vaccination", "Säsongsvaccination", profession="nurse")
        deeds.vaccinate(chart, shot, "influenza")
        chart.note(shot, "vaccination")


def _fall(chart: Chart, body: Body, day: date) -> None:
    rng = chart.rng
    stay = admit(chart, "avd-46", day, 6, "Radiusfraktur efter fall")
    emergency_vitals(chart, stay.contact, body)
    chart.diagnose(stay.contact, "S52.5", lasting=False)
    chart.diagnose(stay.contact, "R29.6")
    deeds.image(
        chart,
        stay.contact,
        "Röntgen handled",
        "Fall i hemmet. Fraktur?",
        "Dislocerad distal radiusfraktur vänster. Ingen annan skelettskada.",
        after=0,
    )
    chart.note(
        stay.contact,
        "inskrivning",
        kind="admission",
        orsak="Handledsfraktur efter fall i badrummet",
        anamnes="Snubblade på mattan, slog inte i huvudet. Ingen medvetslöshet, ingen yrsel före fallet.",
        fynd="Vänster handled: bajonettfelställning, distalstatus u.a.",
        bedömning="Distal radiusfraktur. Antikoagulantia: ingen blödning på DT hjärna.",
        plan="Reponeras i lokalbedövning, gips. Inläggning på grund av sviktande hemsituation.",
    )
    ward_days(chart, stay, body, drugs={"paracetamol": "1 g peroralt"})
    rehab = admit(chart, "geriatriken", day + timedelta(days=7), 12, "Geriatrisk rehabilitering")
    emergency_vitals(chart, rehab.contact, body)
    ward_days(chart, rehab, body, drugs={"paracetamol": "1 g peroralt", "furosemide": "40 mg peroralt"})
    chart.labs(
        rehab.contact,
        haemoglobin=rng.gauss(112, 4),
        albumin=rng.gauss(31, 2),
        vitamin_d=rng.gauss(38, 6),
        creatinine=rng.gauss(124, 8),
        potassium=rng.gauss(4.2, 0.2),
    )
    chart.note(
        rehab.contact,
        "epikris",
        kind="discharge",
        at=datetime.combine(day + timedelta(days=19), time(11)),
        orsak="rehabilitering efter handledsfraktur",
        förlopp="Tränat gång och balans, går med rollator.",
        läkemedel="Kalcium och D-vitamin insatt. Inga läkemedel utsatta.",
        plan="Hemsjukvård. Gips avlägsnas efter fem veckor.",
    )
    deeds.warn(chart, rehab.contact, "Fallrisk: rollator, trygghetslarm.", kind="care-routine")


def _home_care(chart: Chart, body: Body, start: date) -> None:
    rng = chart.rng
    first = chart.contact(
        "hemsjukvarden",
        in_office_hours(start, rng),
        "Inskrivning hemsjukvård",
        "Efter utskrivning",
        profession="nurse",
        kind="HH",
    )
    chart.note(first, "hemsjukvard-start")
    deeds.plan(
        chart,
        first,
        "Samordnad individuell plan (SIP)",
        [
            "Läkemedelsövertag",
            "Vikt och blodtryck varannan vecka",
            "Hemtjänst fyra gånger dagligen",
            "Fast vårdkontakt: distriktssköterska",
        ],
        category="SIP",
    )
    chart.note(first, "sip")
    for when in every(start + timedelta(days=10), chart.today - timedelta(days=6), 13, rng):
        contact = chart.contact(
            "hemsjukvarden", when, "Hembesök", "Hemsjukvård", profession="nurse", kind="HH"
        )
        vitals(chart, contact, body)
        chart.note(contact, "hemsjukvard")


def _bookings(chart: Chart) -> None:
    home = home_unit(chart)
    deeds.book(chart, home, future(chart, 12), "Läkarbesök, uppföljning")
    deeds.book(chart, "hjartmottagningen", future(chart, 26), "Hjärtsviktsmottagning", profession="nurse")
    deeds.book(chart, "ogonmottagningen", future(chart, 120), "Ögonbottenfotografering")
    deeds.book(chart, "hemsjukvarden", future(chart, 7), "Hembesök", profession="nurse")
